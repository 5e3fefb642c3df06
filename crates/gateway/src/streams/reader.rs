//! Reads what is new in one project, for everybody who follows it at this node.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{
    id::{DeliveryId, EnvId, IssueId},
    time::Timestamp,
};
use store::{
    Result,
    arrivals::{Arrival, Place},
    scope::Scope,
    signals::Signal,
};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{Cursor, Letters, Streams, Topic, delivery_message, event_message, gap_message, issue_message};
use crate::clock;

/// Somebody who follows a topic.
pub(super) struct Follower {
    pub topic: Topic,
    pub letters: Letters,
    /// Closed once nobody is there any more.
    pub there: oneshot::Sender<()>,
}

/// Somebody wants to follow.
pub(super) struct Command {
    pub follower: Follower,
    pub from: Option<Cursor>,
    /// Gets where it begins.
    pub joined: oneshot::Sender<Cursor>,
}

pub(super) struct Reader {
    streams: Streams,
    rows: Scope,
    env: EnvId,
    commands: mpsc::UnboundedReceiver<Command>,
    followers: Vec<Follower>,
    /// What was read so far. `None` while nobody follows that.
    events: Option<Place>,
    deliveries: Option<Told<DeliveryId>>,
    issues: Option<Told<IssueId>>,
}

/// What was told of things that change.
struct Told<Id> {
    /// How things stood that changed a short while ago, by the time of the change.
    lately: HashMap<Id, Timestamp>,
    /// The latest change.
    until: Timestamp,
    /// When to look for late ones again.
    look_back: Instant,
}

/// What one reading takes of each.
const PAGE: u16 = 500;
/// How often it is read without a signal: one may be lost.
const POLL: Duration = Duration::from_secs(2);
/// How long the reader rests between two readings, and in relation to what a reading takes: it never takes more than a part of a
/// connection's time.
const REST: Duration = Duration::from_millis(100);
const REST_FOR_WORK: u32 = 4;
/// Whether everybody is still there is looked at so often.
const LOOK_ROUND: Duration = Duration::from_secs(5);
/// A change is committed so long after the time that it has, at the latest, as long as the database is well: clocks of nodes may
/// differ. It is rarely looked back so far.
pub(crate) const LATE_CHANGE: Duration = Duration::from_secs(30);
const USUAL_CHANGE: Duration = Duration::from_secs(2);

impl Reader {
    pub fn new(streams: Streams, env: EnvId, commands: mpsc::UnboundedReceiver<Command>) -> Self {
        let rows = streams.0.store.scope(env);
        Self { streams, rows, env, commands, followers: Vec::new(), events: None, deliveries: None, issues: None }
    }

    /// Reads until nobody follows any more, or the server stops.
    pub async fn run(mut self) {
        let stop = self.streams.0.stop.clone();
        let mut signals = self.streams.0.store.signals().subscribe();
        let mut poll = tokio::time::interval(POLL);
        let mut look_round = tokio::time::interval(LOOK_ROUND);
        let mut rested = Instant::now();
        let mut is_news = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                command = self.commands.recv() => match command {
                    Some(command) => self.welcome(command).await,
                    None => return,
                },
                signal = signals.recv() => match signal {
                    Ok(Signal::Activity(env)) if env != self.env => {}
                    Ok(Signal::Activity(_) | Signal::Missed) | Err(RecvError::Lagged(_)) => is_news = true,
                    Ok(_) => {}
                    Err(RecvError::Closed) => return,
                },
                _ = poll.tick() => is_news = true,
                _ = look_round.tick() => {
                    self.forget_gone();
                    if self.followers.is_empty() && self.streams.end(self.env, &self.commands) {
                        return;
                    }
                }
                () = sleep_until(rested), if is_news && !self.followers.is_empty() => {
                    let begun = Instant::now();
                    match self.read().await {
                        Ok(has_more) => is_news = has_more,
                        // The next round of polling tries it again.
                        Err(error) => {
                            tracing::debug!(%error, project = %self.env, "what is new could not be read");
                            is_news = false;
                        }
                    }
                    rested = Instant::now() + REST.max(begun.elapsed() * REST_FOR_WORK);
                }
            }
        }
    }

    fn forget_gone(&mut self) {
        self.followers.retain(|follower| !follower.there.is_closed());
        let follows = |wanted: fn(&Topic) -> bool| self.followers.iter().any(|follower| wanted(&follower.topic));
        let (events, deliveries, issues) = (
            follows(|topic| matches!(topic, Topic::Events(_))),
            follows(|topic| matches!(topic, Topic::Deliveries(_))),
            follows(|topic| matches!(topic, Topic::Issues)),
        );
        self.events = self.events.take().filter(|_| events);
        self.deliveries = self.deliveries.take().filter(|_| deliveries);
        self.issues = self.issues.take().filter(|_| issues);
    }

    async fn welcome(&mut self, command: Command) {
        let Command { follower, from, joined } = command;
        match self.begin(&follower, from).await {
            Ok(cursor) => {
                self.followers.push(follower);
                // Whoever asked may have gone meanwhile; that shows when it is looked round.
                let _ = joined.send(cursor);
            }
            Err(error) => tracing::debug!(%error, project = %self.env, "a client could not be let in"),
        }
    }

    /// Brings a new follower to where everybody is. Returns where it began.
    async fn begin(&mut self, follower: &Follower, from: Option<Cursor>) -> Result<Cursor> {
        let now = clock::now();
        match follower.topic {
            Topic::Events(source) => {
                while self.events.is_some() && self.read_events().await? {}
                let here = match self.events.clone() {
                    Some(here) => here,
                    None => self.rows.place_now(now).await?,
                };
                let mut began = None;
                if let Some(Cursor::Events(place)) = from {
                    // What has come since the follower looked: everybody else has it.
                    let mut place = place.up_to(&here);
                    began = Some(place.clone());
                    loop {
                        let found = self.rows.arrivals(&place, source, PAGE, now).await?;
                        found.list.iter().for_each(|arrival| follower.tell_arrival(arrival));
                        place = found.place;
                        if !found.has_more {
                            break;
                        }
                    }
                }
                self.events = Some(here.clone());
                Ok(Cursor::Events(began.unwrap_or(here)))
            }
            Topic::Deliveries(_) => {
                if self.deliveries.is_none() {
                    let mut told = Told::new(now);
                    told.deliveries(&self.rows, |_, _| {}).await?;
                    self.deliveries = Some(told);
                }
                Ok(Cursor::Deliveries(now, DeliveryId::from_u128(0)))
            }
            Topic::Issues => {
                if self.issues.is_none() {
                    let mut told = Told::new(now);
                    told.issues(&self.rows, |_, _| {}).await?;
                    self.issues = Some(told);
                }
                Ok(Cursor::Issues(now))
            }
        }
    }

    /// Reads once of everything that somebody follows. Returns whether there is more.
    async fn read(&mut self) -> Result<bool> {
        let has_more = self.read_events().await?;
        let followers = &self.followers;
        if let Some(told) = &mut self.deliveries {
            told.deliveries(&self.rows, |delivery, cursor| {
                let written = |topic| delivery_message(topic, cursor, delivery);
                hand_out(followers, |topic| topic.has_delivery(delivery), written);
            })
            .await?;
        }
        if let Some(told) = &mut self.issues {
            told.issues(&self.rows, |issue, cursor| {
                hand_out(followers, |topic| topic.has_issue(issue), |topic| issue_message(topic, cursor, issue));
            })
            .await?;
        }
        Ok(has_more)
    }

    async fn read_events(&mut self) -> Result<bool> {
        let Some(place) = &self.events else { return Ok(false) };
        let now = clock::now();
        if !self.rows.is_known(place).await? {
            // Rows at the end have gone with their project, and the numbers of those that come are no longer higher.
            let place = self.rows.place_now(now).await?;
            for follower in self.followers.iter().filter(|it| matches!(it.topic, Topic::Events(_))) {
                follower.tell(gap_message(follower.topic, Some(&Cursor::Events(place.clone()))).into());
            }
            self.events = Some(place);
            return Ok(false);
        }
        let found = self.rows.arrivals(place, None, PAGE, now).await?;
        for arrival in &found.list {
            let cursor = Cursor::Events(arrival.place.clone());
            let written = |topic| event_message(topic, &cursor, &arrival.event);
            hand_out(&self.followers, |topic| topic.has_event(&arrival.event), written);
        }
        self.events = Some(found.place);
        Ok(found.has_more)
    }
}

/// Gives everybody who follows it a message, which is written once a topic.
fn hand_out(followers: &[Follower], is_wanted: impl Fn(Topic) -> bool, written: impl Fn(Topic) -> String) {
    let mut texts: Vec<(Topic, Arc<str>)> = Vec::new();
    for follower in followers.iter().filter(|it| is_wanted(it.topic) && !it.there.is_closed()) {
        let text = if let Some((_, text)) = texts.iter().find(|(topic, _)| *topic == follower.topic) {
            Arc::clone(text)
        } else {
            let text: Arc<str> = written(follower.topic).into();
            texts.push((follower.topic, Arc::clone(&text)));
            text
        };
        follower.tell(text);
    }
}

impl Follower {
    /// Nobody is waited for: whoever is too far behind loses its place.
    fn tell(&self, text: Arc<str>) {
        let is_full = matches!(self.letters.messages.try_send(text), Err(mpsc::error::TrySendError::Full(_)));
        if is_full && !self.letters.is_lost.is_cancelled() {
            tracing::info!(topic = %self.topic, "a client takes messages too slowly, and is let go");
            self.letters.is_lost.cancel();
        }
    }

    fn tell_arrival(&self, arrival: &Arrival) {
        let cursor = Cursor::Events(arrival.place.clone());
        self.tell(event_message(self.topic, &cursor, &arrival.event).into());
    }
}

impl<Id: std::hash::Hash + Eq + Copy> Told<Id> {
    fn new(now: Timestamp) -> Self {
        Self { lately: HashMap::new(), until: now, look_back: Instant::now() }
    }

    /// From when on it is looked for changes that were not told yet.
    fn since(&mut self) -> Timestamp {
        let now = Instant::now();
        if now < self.look_back {
            return self.until.minus(USUAL_CHANGE);
        }
        self.look_back = now + LOOK_ROUND;
        self.until.minus(LATE_CHANGE)
    }

    /// Whether this was not told before.
    fn is_new(&mut self, id: Id, at: Timestamp) -> bool {
        self.until = self.until.max(at);
        self.lately.insert(id, at) != Some(at)
    }

    fn forget_older(&mut self) {
        let since = self.until.minus(LATE_CHANGE);
        self.lately.retain(|_, at| *at > since);
    }
}

impl Told<DeliveryId> {
    async fn deliveries(
        &mut self,
        rows: &Scope,
        mut tell: impl FnMut(&domain::delivery::Delivery, &Cursor),
    ) -> Result<()> {
        let mut after = (self.since(), DeliveryId::from_u128(0));
        loop {
            let found = rows.deliveries_changed(after, None, PAGE).await?;
            for delivery in &found {
                after = (delivery.updated_at, delivery.id);
                if self.is_new(delivery.id, delivery.updated_at) {
                    tell(delivery, &Cursor::Deliveries(after.0, after.1));
                }
            }
            if found.len() < usize::from(PAGE) {
                self.forget_older();
                return Ok(());
            }
        }
    }
}

impl Told<IssueId> {
    async fn issues(&mut self, rows: &Scope, mut tell: impl FnMut(&domain::issue::Issue, &Cursor)) -> Result<()> {
        let mut found = rows.issues_changed(self.since(), PAGE).await?;
        found.sort_by_key(domain::issue::Issue::changed_at);
        for issue in &found {
            let at = issue.changed_at();
            if self.is_new(issue.id, at) {
                tell(issue, &Cursor::Issues(at));
            }
        }
        self.forget_older();
        Ok(())
    }
}
