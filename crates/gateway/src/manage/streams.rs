//! Following what happens in a project.

use domain::{id::DeliveryId, permission::Permission, time::Timestamp};

use super::{Access, Error, Result};
use crate::{
    Gateway, clock,
    streams::{
        Cursor, Following, LATE_CHANGE, Letters, MISSED_CHANGES, Seat, Topic, delivery_message, event_message,
        gap_message, issue_message,
    },
};

/// From where on somebody wants to hear.
#[derive(Debug, Clone)]
pub enum Begin {
    /// Behind a message that was sent before, over a connection that is no more.
    After(Cursor),
    /// Behind the part of what was missed that was sent last.
    Next(Cursor),
    /// From a time on.
    Since(Timestamp),
}

/// A part of what somebody has missed.
#[derive(Debug)]
pub struct Missed {
    pub messages: Vec<String>,
    /// Where it goes on. `None` when that is not known: from now on.
    pub next: Option<Cursor>,
    pub has_more: bool,
}

/// Messages of one part.
const PART: u16 = 250;

impl Gateway {
    /// A place for one more client of a project.
    pub fn seat(&self, access: &Access) -> Result<Seat> {
        access.require(Permission::Read)?;
        let full = || Error::Conflict("this process has as many clients of the project as it takes".into());
        self.inner.streams.seat(access.env_id()).ok_or_else(full)
    }

    /// A part of what came or changed since. Of events each is there once; of deliveries and issues some may be told that
    /// were told before.
    pub async fn missed(&self, access: &Access, topic: Topic, begin: Begin) -> Result<Missed> {
        access.require(Permission::Read)?;
        let now = clock::now();
        let gap = |next| Missed { messages: vec![gap_message(topic, None)], next, has_more: false };
        match topic {
            Topic::Events(source) => {
                let place = match begin {
                    Begin::Next(Cursor::Events(place)) => place,
                    Begin::After(Cursor::Events(place)) => {
                        if !access.rows.is_known(&place).await? {
                            return Ok(gap(None));
                        }
                        place
                    }
                    Begin::After(_) | Begin::Next(_) => return Ok(gap(None)),
                    Begin::Since(time) => access.rows.place_at(time, now).await?,
                };
                let found = access.rows.arrivals(&place, source, PART, now).await?;
                let messages = found
                    .list
                    .iter()
                    .map(|arrival| event_message(topic, &Cursor::Events(arrival.place.clone()), &arrival.event));
                let messages = messages.collect();
                let has_more = found.has_more || place.is_within();
                Ok(Missed { messages, next: Some(Cursor::Events(found.place)), has_more })
            }
            Topic::Deliveries(destination) => {
                let (earliest, first) = (now.minus(MISSED_CHANGES), DeliveryId::from_u128(0));
                let after = match begin {
                    Begin::Next(Cursor::Deliveries(at, id)) => (at, id),
                    // It may have been told while another one was on its way that changed before.
                    Begin::After(Cursor::Deliveries(at, _)) if at >= earliest => (at.minus(LATE_CHANGE), first),
                    Begin::Since(time) if time >= earliest => (time, first),
                    Begin::After(Cursor::Deliveries(..)) | Begin::Since(_) => {
                        let next = Cursor::Deliveries(earliest, first);
                        return Ok(Missed { has_more: true, ..gap(Some(next)) });
                    }
                    Begin::After(_) | Begin::Next(_) => return Ok(gap(None)),
                };
                let found = access.rows.deliveries_changed(after, destination, PART).await?;
                let cursor =
                    |delivery: &domain::delivery::Delivery| Cursor::Deliveries(delivery.updated_at, delivery.id);
                let messages = found.iter().map(|delivery| delivery_message(topic, &cursor(delivery), delivery));
                Ok(Missed {
                    messages: messages.collect(),
                    next: found.last().map(cursor),
                    has_more: found.len() >= usize::from(PART),
                })
            }
            Topic::Issues => {
                let since = match begin {
                    Begin::After(Cursor::Issues(at)) => at.minus(LATE_CHANGE),
                    Begin::Since(time) => time,
                    Begin::After(_) | Begin::Next(_) => return Ok(gap(None)),
                };
                let mut found = access.rows.issues_changed(since, PART).await?;
                found.sort_by_key(domain::issue::Issue::changed_at);
                // The newest of them are there.
                let mut messages =
                    if found.len() >= usize::from(PART) { vec![gap_message(topic, None)] } else { vec![] };
                messages
                    .extend(found.iter().map(|issue| issue_message(topic, &Cursor::Issues(issue.changed_at()), issue)));
                Ok(Missed { messages, next: None, has_more: false })
            }
        }
    }

    /// Tells that more was missed than is sent.
    #[must_use]
    pub fn gap(&self, topic: Topic) -> String {
        gap_message(topic, None)
    }

    /// Has what is new of a topic come into `letters`, until what is returned is dropped.
    pub async fn follow(
        &self,
        access: &Access,
        topic: Topic,
        from: Option<Cursor>,
        letters: Letters,
    ) -> Result<Following> {
        access.require(Permission::Read)?;
        self.inner.streams.follow(access.env_id(), topic, from, letters).await.ok_or(Error::Unavailable)
    }
}
