//! Tries of what can be guessed, counted for all nodes together, and the networks that people have come in from.

use std::time::Duration;

use domain::{id::UserId, time::Timestamp};
use sea_orm::ConnectionTrait;

use crate::{
    db::Store,
    error::Result,
    row::{at, get, uuid},
};

/// The tries of one key: how many, and when the last one was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub tries: i64,
    pub last_at: Timestamp,
}

impl Tally {
    const NONE: Self = Self { tries: 0, last_at: Timestamp::from_micros(0) };
}

/// What came of asking for a try.
pub type MayTry = std::result::Result<(), Duration>;

impl Store {
    /// The tallies of these keys, in their order.
    pub async fn tallies(&self, keys: &[Vec<u8>]) -> Result<Vec<Tally>> {
        let mut tallies = Vec::with_capacity(keys.len());
        for key in keys {
            let sql = "SELECT tries, last_at FROM counted_tries WHERE key_hash = $1";
            let row = self.reader().query_one_raw(self.statement(sql, [key.clone().into()])).await?;
            tallies.push(match row {
                Some(row) => Tally { tries: get(&row, "tries")?, last_at: at(get(&row, "last_at")?) },
                None => Tally::NONE,
            });
        }
        Ok(tallies)
    }

    /// Counts a try under all of these keys before it is made, if `judge` lets it be made; it sees their tallies in the order
    /// of the keys, and says the new counts or how long to wait. Tries under one key are judged one after the other.
    pub async fn count_try(
        &self,
        keys: &[Vec<u8>],
        now: Timestamp,
        judge: impl FnOnce(&[Tally]) -> std::result::Result<Vec<i64>, Duration> + Send,
    ) -> Result<MayTry> {
        let transaction = self.begin().await?;
        // In one order for all, so that none waits for another that waits for it.
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by(|a, b| keys[*a].cmp(&keys[*b]));
        let lock = if self.is_shared() { " FOR UPDATE" } else { "" };
        let mut tallies = vec![Tally::NONE; keys.len()];
        for place in &order {
            let key = keys[*place].clone();
            let make = "INSERT INTO counted_tries (key_hash, tries, last_at) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING";
            transaction.execute_raw(self.statement(make, [key.clone().into(), now.as_micros().into()])).await?;
            let look = format!("SELECT tries, last_at FROM counted_tries WHERE key_hash = $1{lock}");
            if let Some(row) = transaction.query_one_raw(self.statement(look, [key.into()])).await? {
                tallies[*place] = Tally { tries: get(&row, "tries")?, last_at: at(get(&row, "last_at")?) };
            }
        }
        let counts = match judge(&tallies) {
            Ok(counts) => counts,
            Err(wait) => {
                transaction.rollback().await?;
                return Ok(Err(wait));
            }
        };
        for place in order {
            let sql = "UPDATE counted_tries SET tries = $2, last_at = $3 WHERE key_hash = $1";
            let values = [keys[place].clone().into(), counts[place].into(), now.as_micros().into()];
            transaction.execute_raw(self.statement(sql, values)).await?;
        }
        self.commit(transaction).await?;
        Ok(Ok(()))
    }

    /// Takes one try back under each of these keys.
    pub async fn take_back_try(&self, keys: &[Vec<u8>]) -> Result<()> {
        for key in keys {
            let sql = "UPDATE counted_tries SET tries = tries - 1 WHERE key_hash = $1 AND tries > 0";
            self.writer().execute_raw(self.statement(sql, [key.clone().into()])).await?;
        }
        Ok(())
    }

    /// Forgets all tries under a key.
    pub async fn forget_tries(&self, key: &[u8]) -> Result<()> {
        let sql = "DELETE FROM counted_tries WHERE key_hash = $1";
        self.writer().execute_raw(self.statement(sql, [key.to_vec().into()])).await?;
        Ok(())
    }

    /// Whether a person has signed in from this network.
    pub async fn is_familiar(&self, user: UserId, network: &str) -> Result<bool> {
        let sql = "SELECT last_at FROM familiar_networks WHERE user_id = $1 AND network = $2";
        let values = [uuid(user.as_u128()).into(), network.into()];
        Ok(self.reader().query_one_raw(self.statement(sql, values)).await?.is_some())
    }

    /// Notes that a person has signed in from this network.
    pub async fn note_network(&self, user: UserId, network: &str, now: Timestamp) -> Result<()> {
        let sql = "INSERT INTO familiar_networks (user_id, network, last_at) VALUES ($1, $2, $3) \
            ON CONFLICT (user_id, network) DO UPDATE SET last_at = excluded.last_at";
        let values = [uuid(user.as_u128()).into(), network.into(), now.as_micros().into()];
        self.writer().execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Removes up to 1000 tallies whose last try was before `before`, and as many networks that nobody came from since
    /// `unused`. Returns how many.
    pub async fn delete_old_attempts(&self, before: Timestamp, unused: Timestamp) -> Result<u64> {
        let tallies = "DELETE FROM counted_tries WHERE key_hash IN \
            (SELECT key_hash FROM counted_tries WHERE last_at < $1 ORDER BY last_at LIMIT 1000)";
        let tallies = self.statement(tallies, [before.as_micros().into()]);
        let networks = "DELETE FROM familiar_networks WHERE (user_id, network) IN \
            (SELECT user_id, network FROM familiar_networks WHERE last_at < $1 ORDER BY last_at LIMIT 1000)";
        let networks = self.statement(networks, [unused.as_micros().into()]);
        let removed = self.writer().execute_raw(tallies).await?.rows_affected();
        Ok(removed + self.writer().execute_raw(networks).await?.rows_affected())
    }
}
