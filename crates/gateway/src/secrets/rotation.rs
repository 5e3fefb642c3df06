//! Brings every sealed value under the key that seals now, a few rows a transaction, while everything goes on.
//!
//! A row is sealed anew with its lock held and written with its transaction: whatever is killed at whatever moment, each value
//! is sealed with one key or with the other, and both open. What is left is found by looking for it, so that whoever goes on
//! needs to know nothing of who began.

use std::{collections::BTreeMap, convert::Infallible};

use domain::{
    destination::Destination,
    id::{DestinationId, SourceId, UserId},
    source::Source,
};
use store::{Result, Store};

use super::{Vault, VaultError, key_of};
use crate::{
    manage::people::secret_place,
    registry::{destination_place, source_place},
};

/// Rows that are looked at together, and that are sealed anew in one transaction.
const LOOKED_AT: u64 = 200;
const PEOPLE_LOOKED_AT: i64 = 200;
const SEALED_AT_ONCE: usize = 20;
/// Where a value names no key, so that nobody can open it.
const NO_KEY: &str = "none";

/// How many values each key has sealed, of sources, of destinations and of people (second factors), those that were deleted included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census(BTreeMap<String, Count>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub sources: usize,
    pub destinations: usize,
    pub people: usize,
}

/// What became of a piece of the work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Rows that were sealed anew.
    pub rows: usize,
    /// Rows that could not be opened, and were left as they are.
    pub unreadable: usize,
}

impl Count {
    #[must_use]
    pub const fn total(self) -> usize {
        self.sources + self.destinations + self.people
    }
}

impl Census {
    /// Looks at every value.
    pub async fn take(store: &Store) -> Result<Self> {
        let mut census = Self::default();
        let mut after = SourceId::from_u128(0);
        loop {
            let rows = store.sealed_sources(after, LOOKED_AT).await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            for row in rows {
                for key in keys_of_source(&row) {
                    census.0.entry(key).or_default().sources += 1;
                }
            }
        }
        let mut after = DestinationId::from_u128(0);
        loop {
            let rows = store.sealed_destinations(after, LOOKED_AT).await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            for row in rows {
                for key in keys_of_destination(&row) {
                    census.0.entry(key).or_default().destinations += 1;
                }
            }
        }
        let mut after = UserId::from_u128(0);
        loop {
            let rows = store.sealed_second_factors(after, PEOPLE_LOOKED_AT).await?;
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            for (_, sealed) in rows {
                census.0.entry(key_of(&sealed).unwrap_or(NO_KEY).to_owned()).or_default().people += 1;
            }
        }
        Ok(census)
    }

    /// The values of each key, by its id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Count)> {
        self.0.iter().map(|(id, count)| (id.as_str(), *count))
    }

    /// How many values a key has sealed.
    #[must_use]
    pub fn of(&self, key: &str) -> Count {
        self.0.get(key).copied().unwrap_or_default()
    }

    #[must_use]
    pub fn total(&self) -> usize {
        self.0.values().map(|count| count.total()).sum()
    }

    /// The keys that are needed and are not among these.
    #[must_use]
    pub fn missing(&self, known: &[String]) -> Vec<(&str, Count)> {
        self.iter().filter(|(id, _)| known.iter().all(|it| it != id)).collect()
    }
}

/// In words, for each key that is needed and not there.
#[must_use]
pub fn describe_missing(id: &str, count: Count) -> String {
    let Count { sources, destinations, people } = count;
    format!(
        "the secret key {id} is missing: it has sealed {} stored values ({sources} of sources, {destinations} of \
         destinations, {people} of people), which cannot be opened without it. Put it behind the current one, in HOOKSTREAM_SECRET_KEY with a \
         comma between them or as another line of the key file",
        count.total()
    )
}

/// Seals anew whatever another key than the one that seals now has sealed, until `goes_on` says no. Tells after each
/// transaction what came of it.
pub async fn reseal(
    store: &Store,
    vault: &Vault,
    mut goes_on: impl FnMut(Resealed) -> bool + Send,
) -> Result<Resealed> {
    let key = vault.sealing_id();
    let mut total = Resealed::default();
    let mut after = SourceId::from_u128(0);
    loop {
        let rows = store.sealed_sources(after, LOOKED_AT).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        let is_due = |row: &Source| keys_of_source(row).iter().any(|found| *found != key);
        let due: Vec<SourceId> = rows.iter().filter(|row| is_due(row)).map(|row| row.id).collect();
        for ids in due.chunks(SEALED_AT_ONCE) {
            let mut done = Resealed::default();
            done.rows = store.reseal_sources(ids, |row| done.note(source_anew(vault, row))).await?;
            total.add(done);
            if !goes_on(total) {
                return Ok(total);
            }
        }
    }
    let mut after = DestinationId::from_u128(0);
    loop {
        let rows = store.sealed_destinations(after, LOOKED_AT).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        let is_due = |row: &Destination| keys_of_destination(row).iter().any(|found| *found != key);
        let due: Vec<DestinationId> = rows.iter().filter(|row| is_due(row)).map(|row| row.id).collect();
        for ids in due.chunks(SEALED_AT_ONCE) {
            let mut done = Resealed::default();
            done.rows = store.reseal_destinations(ids, |row| done.note(destination_anew(vault, row))).await?;
            total.add(done);
            if !goes_on(total) {
                return Ok(total);
            }
        }
    }
    let mut after = UserId::from_u128(0);
    loop {
        let rows = store.sealed_second_factors(after, PEOPLE_LOOKED_AT).await?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        let is_due = |sealed: &str| key_of(sealed).unwrap_or(NO_KEY) != key;
        let due: Vec<UserId> = rows.iter().filter(|(_, sealed)| is_due(sealed)).map(|(user, _)| *user).collect();
        for people in due.chunks(SEALED_AT_ONCE) {
            let mut done = Resealed::default();
            let seal = |user: UserId, sealed: &str| done.note(sealed_anew(vault, &secret_place(user), sealed));
            done.rows = store.reseal_second_factors(people, seal).await?;
            total.add(done);
            if !goes_on(total) {
                return Ok(total);
            }
        }
    }
    Ok(total)
}

impl Resealed {
    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.unreadable += more.unreadable;
    }

    fn note<T>(&mut self, sealed: std::result::Result<T, VaultError>) -> Option<T> {
        if sealed.is_err() {
            self.unreadable += 1;
        }
        sealed.ok()
    }
}

/// The keys that have sealed something of a source, one for each value.
fn keys_of_source(source: &Source) -> Vec<String> {
    let mut keys = Vec::new();
    let Ok(_) = source.verification.clone().map_secrets(|sealed| {
        keys.push(key_of(sealed).unwrap_or(NO_KEY).to_owned());
        Ok::<_, Infallible>(String::new())
    });
    keys
}

/// The same of a destination.
fn keys_of_destination(destination: &Destination) -> Vec<String> {
    let mut keys = Vec::new();
    let Ok(_) = destination.clone().map_secrets(|sealed| {
        keys.push(key_of(sealed).unwrap_or(NO_KEY).to_owned());
        Ok::<_, Infallible>(String::new())
    });
    keys
}

fn sealed_anew(vault: &Vault, place: &str, sealed: &str) -> std::result::Result<String, VaultError> {
    vault.seal(place, &vault.open(place, sealed)?)
}

fn source_anew(vault: &Vault, mut source: Source) -> std::result::Result<Source, VaultError> {
    let place = source_place(source.id);
    source.verification = source.verification.map_secrets(|sealed| sealed_anew(vault, &place, sealed))?;
    Ok(source)
}

fn destination_anew(vault: &Vault, destination: Destination) -> std::result::Result<Destination, VaultError> {
    let place = destination_place(destination.id);
    destination.map_secrets(|sealed| sealed_anew(vault, &place, sealed))
}
