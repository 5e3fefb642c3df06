//! Events of a project in the order in which they were committed, for those who follow them.
//!
//! Ids sort by the time at which a request began to come, and its commit may be later than that of many a younger one. So whoever follows
//! events does not remember an id but a [`Place`]: on SQLite, which has one writer, the number of the last row; on PostgreSQL a
//! snapshot, which says of every transaction whether it had ended. The body of an event is written in the transaction that
//! stores it and never again, so its row says which one that was. Nothing is written for this, and nothing but reading costs anything.

use std::{fmt, str::FromStr, time::Duration};

use domain::{
    event::EventSummary,
    id::{SourceId, uuid_v7},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Statement};

use crate::{
    error::{Result, StoreError},
    events::{COLUMNS, summary},
    row::{get, uuid},
    scope::Scope,
};

/// How long after its id was made an event is committed at the latest: its body may take half a minute, its commit a third of that,
/// and the clocks of nodes may differ.
const LATEST: Duration = Duration::from_secs(90);
/// Transactions that a place can name one by one; there are no more at a time than connections.
const MAX_OPEN: usize = 1000;

/// How far somebody has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(At);

#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    /// Behind the row of this number; what follows is read up to `until`.
    Row { after: i64, until: Option<i64> },
    /// Everything that the snapshot shows was seen. What it does not show has an id above `floor`.
    All { snapshot: Snapshot, floor: u128 },
    /// Of what `within` shows and `behind` does not, everything up to the id was seen; `floor` is that of `within`.
    Part { behind: Option<Snapshot>, within: Snapshot, upto: u128, floor: u128 },
}

/// Which transactions had ended: those below `end` but for the open ones.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Snapshot {
    end: u64,
    open: Vec<u64>,
}

/// What is read of PostgreSQL: see [`At::Part`].
struct Part<'a> {
    behind: Option<&'a Snapshot>,
    within: &'a Snapshot,
    upto: u128,
    floor: u128,
}

/// An event, and the place behind it.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub event: EventSummary,
    pub place: Place,
}

/// Events that follow on a place.
#[derive(Debug)]
pub struct Arrivals {
    pub list: Vec<Arrival>,
    /// Behind all of them.
    pub place: Place,
    /// Whether the limit has kept any from the list.
    pub has_more: bool,
}

impl Place {
    /// Whether it lies within a part of what there was at a time: behind that part there may be more.
    #[must_use]
    pub const fn is_within(&self) -> bool {
        matches!(self.0, At::Part { .. })
    }

    /// The same, to be read only as far as `end`, which was there later and is no part of one.
    #[must_use]
    pub fn up_to(self, end: &Self) -> Self {
        match (self.0, &end.0) {
            (At::Row { after, .. }, At::Row { after: until, .. }) => Self(At::Row { after, until: Some(*until) }),
            (At::All { snapshot, floor }, At::All { snapshot: within, floor: next }) => {
                Self(At::Part { behind: Some(snapshot), within: within.clone(), upto: floor, floor: *next })
            }
            (at, _) => Self(at),
        }
    }
}

impl Scope {
    /// Behind everything that is stored.
    pub async fn place_now(&self, now: Timestamp) -> Result<Place> {
        if self.store.is_shared() {
            return Ok(Place(At::All { snapshot: self.snapshot().await?, floor: floor(now) }));
        }
        Ok(Place(At::Row { after: self.last_row().await?, until: None }))
    }

    /// Before everything that was received at or after `time`.
    pub async fn place_at(&self, time: Timestamp, now: Timestamp) -> Result<Place> {
        let first = uuid_v7(time, 0);
        if self.store.is_shared() {
            let within = self.snapshot().await?;
            return Ok(Place(At::Part { behind: None, within, upto: first.saturating_sub(1), floor: floor(now) }));
        }
        let sql = "SELECT min(rowid) AS place FROM event_bodies WHERE env_id = $1 AND event_id >= $2";
        let row = self.one(self.store.statement(sql, [self.env_uuid().into(), uuid(first).into()])).await?;
        match row.map(|row| get::<Option<i64>>(&row, "place")).transpose()?.flatten() {
            Some(first) => Ok(Place(At::Row { after: first - 1, until: None })),
            None => self.place_now(now).await,
        }
    }

    /// Whether it is a place of this database as it is: what was stored since can be told from what was there.
    pub async fn is_known(&self, place: &Place) -> Result<bool> {
        Ok(match &place.0 {
            At::Row { after, .. } => !self.store.is_shared() && *after <= self.last_row().await?,
            At::All { snapshot, .. } | At::Part { within: snapshot, .. } => {
                self.store.is_shared() && snapshot.end <= self.snapshot().await?.end
            }
        })
    }

    /// The events that follow on `after`, of one source where it is given, no more than `limit`.
    pub async fn arrivals(
        &self,
        after: &Place,
        source: Option<SourceId>,
        limit: u16,
        now: Timestamp,
    ) -> Result<Arrivals> {
        match &after.0 {
            At::Row { after, until } => self.rows_after(*after, *until, source, limit).await,
            At::All { snapshot, floor: low } => {
                let within = self.snapshot().await?;
                if within == *snapshot {
                    return Ok(Arrivals { list: Vec::new(), place: after.clone(), has_more: false });
                }
                let part = Part { behind: Some(snapshot), within: &within, upto: *low, floor: floor(now) };
                self.part(part, source, limit).await
            }
            At::Part { behind, within, upto, floor } => {
                let part = Part { behind: behind.as_ref(), within, upto: *upto, floor: *floor };
                self.part(part, source, limit).await
            }
        }
    }

    async fn rows_after(
        &self,
        after: i64,
        until: Option<i64>,
        source: Option<SourceId>,
        limit: u16,
    ) -> Result<Arrivals> {
        // Before the rows: what comes meanwhile is for the next time. The rows' own order leads, and not the project.
        let last = self.last_row().await?;
        let end = until.unwrap_or(last);
        let mut values =
            vec![self.env_uuid().into(), after.into(), end.into(), i64::from(limit).saturating_add(1).into()];
        let of_source = source.map_or("", |_| " AND e.source_id = $5");
        values.extend(source.map(|source| uuid(source.as_u128()).into()));
        let sql = format!(
            "SELECT {COLUMNS}, b.rowid AS place FROM event_bodies b CROSS JOIN events e \
             WHERE b.rowid > $2 AND b.rowid <= $3 AND +b.env_id = $1 AND e.env_id = b.env_id AND e.id = b.event_id{of_source} \
             ORDER BY b.rowid LIMIT $4"
        );
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let row = |after| Place(At::Row { after, until });
        let read = |found: &QueryResult| Ok(Arrival { event: summary(found)?, place: row(get(found, "place")?) });
        let (list, has_more) = cut(rows.iter().map(read).collect::<Result<_>>()?, limit);
        let place = match list.last().filter(|_| has_more) {
            Some(arrival) => arrival.place.clone(),
            None => Place(At::Row { after: end.max(after), until: None }),
        };
        Ok(Arrivals { list, place, has_more })
    }

    async fn part(&self, part: Part<'_>, source: Option<SourceId>, limit: u16) -> Result<Arrivals> {
        let Part { behind, within, upto, floor } = part;
        let mut values = vec![
            self.env_uuid().into(),
            uuid(upto).into(),
            i64::from(limit).saturating_add(1).into(),
            within.end_in_rows().into(),
            within.open_in_rows().into(),
        ];
        let mut conditions = vec![format!("NOT {}", started_after("$4", "$5"))];
        if let Some(behind) = behind {
            values.extend([behind.end_in_rows().into(), behind.open_in_rows().into()]);
            conditions.push(started_after("$6", "$7"));
        }
        if let Some(source) = source {
            values.push(uuid(source.as_u128()).into());
            conditions.push(format!("e.source_id = ${}", values.len()));
        }
        let conditions = conditions.join(" AND ");
        // Said of both, so that whichever PostgreSQL begins with it begins there.
        let sql = format!(
            "SELECT {COLUMNS} FROM event_bodies b JOIN events e ON e.env_id = b.env_id AND e.id = b.event_id \
             WHERE b.env_id = $1 AND b.event_id > $2 AND e.id > $2 AND {conditions} ORDER BY b.event_id LIMIT $3"
        );
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let read = |found: &QueryResult| {
            let event = summary(found)?;
            let upto = event.id.as_u128();
            let place = Place(At::Part { behind: behind.cloned(), within: within.clone(), upto, floor });
            Ok(Arrival { event, place })
        };
        let (list, has_more) = cut(rows.iter().map(read).collect::<Result<_>>()?, limit);
        let place = match list.last().filter(|_| has_more) {
            Some(arrival) => arrival.place.clone(),
            None => Place(At::All { snapshot: within.clone(), floor }),
        };
        Ok(Arrivals { list, place, has_more })
    }

    async fn last_row(&self) -> Result<i64> {
        let row = self.one(self.store.statement("SELECT max(rowid) AS place FROM event_bodies", [])).await?;
        Ok(row.map(|row| get::<Option<i64>>(&row, "place")).transpose()?.flatten().unwrap_or(0))
    }

    async fn snapshot(&self) -> Result<Snapshot> {
        let row = self.one(self.store.statement("SELECT pg_current_snapshot()::text AS place", [])).await?;
        let text: String = row.map(|row| get(&row, "place")).transpose()?.unwrap_or_default();
        let parse = || {
            let (_, rest) = text.split_once(':')?;
            Snapshot::parse(rest)
        };
        parse().ok_or_else(|| StoreError::Database(format!("PostgreSQL's snapshot {text:?} cannot be read")))
    }

    async fn one(&self, statement: Statement) -> Result<Option<QueryResult>> {
        Ok(self.store.reader().query_one_raw(statement).await?)
    }
}

/// That a snapshot does not show the transaction of a body. Rows know the lower half of its number alone, in which the half of all numbers
/// that lies ahead is later.
fn started_after(end: &str, open: &str) -> String {
    format!(
        "((b.xmin::text::bigint - {end} + 4294967296) % 4294967296 < 2147483648 \
         OR b.xmin::text = ANY(string_to_array({open}, ',')))"
    )
}

/// The id below which nothing is committed any more from now on.
fn floor(now: Timestamp) -> u128 {
    uuid_v7(now.minus(LATEST), 0)
}

/// Without the one that only shows that there is more.
fn cut(mut list: Vec<Arrival>, limit: u16) -> (Vec<Arrival>, bool) {
    let has_more = list.len() > usize::from(limit);
    list.truncate(usize::from(limit));
    (list, has_more)
}

impl Snapshot {
    /// `<end>:<open>,<open>…`
    fn parse(text: &str) -> Option<Self> {
        let (end, open) = text.split_once(':')?;
        let open = open.split(',').filter(|number| !number.is_empty()).map(|number| number.parse().ok());
        let open = open.take(MAX_OPEN).collect::<Option<_>>()?;
        Some(Self { end: end.parse().ok()?, open })
    }

    fn end_in_rows(&self) -> i64 {
        i64::from(lower_half(self.end))
    }

    fn open_in_rows(&self) -> String {
        let open: Vec<String> = self.open.iter().map(|number| lower_half(*number).to_string()).collect();
        open.join(",")
    }
}

fn lower_half(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open: Vec<String> = self.open.iter().map(ToString::to_string).collect();
        write!(f, "{}:{}", self.end, open.join(","))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            At::Row { after, .. } => write!(f, "r{after}"),
            At::All { snapshot, floor } => write!(f, "s{floor:032x}.{snapshot}"),
            At::Part { behind, within, upto, floor } => {
                let behind = behind.as_ref().map(ToString::to_string).unwrap_or_default();
                write!(f, "p{floor:032x}.{within}.{upto:032x}.{behind}")
            }
        }
    }
}

impl FromStr for Place {
    type Err = &'static str;
    fn from_str(text: &str) -> std::result::Result<Self, &'static str> {
        place(text).map(Self).ok_or("must be the `cursor` of an earlier message of this topic")
    }
}

fn place(text: &str) -> Option<At> {
    let hex = |text: &str| (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten();
    let mut parts = text.get(1..)?.split('.');
    let mut part = || parts.next();
    let at = match text.get(..1)? {
        "r" => At::Row { after: part()?.parse().ok()?, until: None },
        "s" => At::All { floor: hex(part()?)?, snapshot: Snapshot::parse(part()?)? },
        "p" => {
            let (floor, within, upto) = (hex(part()?)?, Snapshot::parse(part()?)?, hex(part()?)?);
            let behind = match part()? {
                "" => None,
                text => Some(Snapshot::parse(text)?),
            };
            At::Part { behind, within, upto, floor }
        }
        _ => return None,
    };
    parts.next().is_none().then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_back() {
        let snapshot = |text| Snapshot::parse(text).expect("a snapshot");
        for at in [
            At::Row { after: 12, until: None },
            At::All { snapshot: snapshot("5000000000:4999999998,4999999990"), floor: 7 },
            At::Part { behind: None, within: snapshot("9:"), upto: 3, floor: u128::MAX },
            At::Part { behind: Some(snapshot("8:7")), within: snapshot("9:"), upto: 3, floor: 1 },
        ] {
            let place = Place(at);
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for wrong in ["", "r", "rx", "s7.9:", "p", "é", "x1", "r1.2", "s00000000000000000000000000000007.9"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn rows_know_the_lower_half_of_a_number() {
        let snapshot = Snapshot::parse("4294967301:4294967299").expect("a snapshot");
        assert_eq!((snapshot.end_in_rows(), snapshot.open_in_rows().as_str()), (5, "3"));
    }
}
