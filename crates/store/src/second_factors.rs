//! Second factors of people: a sealed secret, the last code that was taken, and what is left of the recovery codes.

use domain::{id::UserId, time::Timestamp};
use sea_orm::{ConnectionTrait, QueryResult, prelude::Uuid};

use crate::{
    db::Store,
    error::Result,
    row::{at, get, uuid},
};

/// A secret that makes codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// Sealed.
    pub secret: String,
    /// Not before a code was shown to work.
    pub enabled_at: Option<Timestamp>,
    /// The time step of the last code that was taken.
    pub last_step: i64,
}

impl Store {
    pub async fn second_factor(&self, user: UserId) -> Result<Option<SecondFactor>> {
        let sql = "SELECT secret, enabled_at, last_step FROM second_factors WHERE user_id = $1";
        let row = self.reader().query_one_raw(self.statement(sql, [uuid(user.as_u128()).into()])).await?;
        row.as_ref().map(read).transpose()
    }

    /// Keeps a secret that is not in use yet in the place of another such one. Returns false when one is in use.
    pub async fn propose_second_factor(&self, user: UserId, sealed: &str) -> Result<bool> {
        let sql = "INSERT INTO second_factors (user_id, secret, enabled_at, last_step) VALUES ($1, $2, NULL, 0) \
            ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret WHERE second_factors.enabled_at IS NULL";
        let values = [uuid(user.as_u128()).into(), sealed.into()];
        let kept = self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0;
        self.sync().await?;
        Ok(kept)
    }

    /// Takes the proposed secret into use, with these recovery codes, and ends all other sessions. Returns false when `sealed`
    /// is not what is proposed any more, or is in use already.
    pub async fn enable_second_factor(
        &self,
        user: UserId,
        sealed: &str,
        step: i64,
        codes: &[Vec<u8>],
        except: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<bool> {
        let transaction = self.begin().await?;
        let id: Uuid = uuid(user.as_u128());
        let sql = "UPDATE second_factors SET enabled_at = $4, last_step = $3 \
            WHERE user_id = $1 AND secret = $2 AND enabled_at IS NULL";
        let values = [id.into(), sealed.into(), step.into(), now.as_micros().into()];
        if transaction.execute_raw(self.statement(sql, values)).await?.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(false);
        }
        let sql = "DELETE FROM recovery_codes WHERE user_id = $1";
        transaction.execute_raw(self.statement(sql, [id.into()])).await?;
        for code in codes {
            let sql = "INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)";
            transaction.execute_raw(self.statement(sql, [id.into(), code.clone().into()])).await?;
        }
        transaction.execute_raw(self.end_sessions(user, except)).await?;
        self.commit(transaction).await?;
        Ok(true)
    }

    /// Notes that the code of `step` was taken. Returns false when it or a later one was before: a code works once.
    pub async fn take_step(&self, user: UserId, step: i64) -> Result<bool> {
        let sql =
            "UPDATE second_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2 AND enabled_at IS NOT NULL";
        let values = [uuid(user.as_u128()).into(), step.into()];
        let taken = self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0;
        self.sync().await?;
        Ok(taken)
    }

    /// Uses a recovery code up. Returns whether it was there.
    pub async fn take_recovery_code(&self, user: UserId, code_hash: &[u8]) -> Result<bool> {
        let sql = "DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2";
        let values = [uuid(user.as_u128()).into(), code_hash.to_vec().into()];
        let taken = self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0;
        self.sync().await?;
        Ok(taken)
    }

    pub async fn count_recovery_codes(&self, user: UserId) -> Result<i64> {
        let sql = "SELECT COUNT(*) AS count FROM recovery_codes WHERE user_id = $1";
        let row = self.reader().query_one_raw(self.statement(sql, [uuid(user.as_u128()).into()])).await?;
        row.map_or(Ok(0), |row| get(&row, "count"))
    }

    /// Removes a second factor with its recovery codes, and ends all other sessions.
    pub async fn remove_second_factor(&self, user: UserId, except: Option<&[u8]>) -> Result<()> {
        let transaction = self.begin().await?;
        let id: Uuid = uuid(user.as_u128());
        for sql in ["DELETE FROM recovery_codes WHERE user_id = $1", "DELETE FROM second_factors WHERE user_id = $1"] {
            transaction.execute_raw(self.statement(sql, [id.into()])).await?;
        }
        transaction.execute_raw(self.end_sessions(user, except)).await?;
        self.commit(transaction).await?;
        Ok(())
    }

    /// The next sealed secrets by the people they are of.
    pub async fn sealed_second_factors(&self, after: UserId, limit: i64) -> Result<Vec<(UserId, String)>> {
        let sql = "SELECT user_id, secret FROM second_factors WHERE user_id > $1 ORDER BY user_id LIMIT $2";
        let values = [uuid(after.as_u128()).into(), limit.into()];
        let rows = self.reader().query_all_raw(self.statement(sql, values)).await?;
        rows.iter()
            .map(|row| Ok((UserId::from_u128(get::<Uuid>(row, "user_id")?.as_u128()), get(row, "secret")?)))
            .collect()
    }

    /// Writes these secrets as `seal` gives them back, in one transaction; none: it stays as it is. Returns how many were
    /// written.
    pub async fn reseal_second_factors(
        &self,
        people: &[UserId],
        mut seal: impl FnMut(UserId, &str) -> Option<String> + Send,
    ) -> Result<usize> {
        let transaction = self.begin().await?;
        let lock = if self.is_shared() { " FOR UPDATE" } else { "" };
        let mut written = 0;
        for user in people {
            let id: Uuid = uuid(user.as_u128());
            let sql = format!("SELECT secret, enabled_at, last_step FROM second_factors WHERE user_id = $1{lock}");
            let Some(row) = transaction.query_one_raw(self.statement(sql, [id.into()])).await? else { continue };
            let Some(sealed) = seal(*user, &read(&row)?.secret) else { continue };
            let sql = "UPDATE second_factors SET secret = $2 WHERE user_id = $1";
            transaction.execute_raw(self.statement(sql, [id.into(), sealed.into()])).await?;
            written += 1;
        }
        self.commit(transaction).await?;
        Ok(written)
    }
}

fn read(row: &QueryResult) -> Result<SecondFactor> {
    Ok(SecondFactor {
        secret: get(row, "secret")?,
        enabled_at: get::<Option<i64>>(row, "enabled_at")?.map(at),
        last_step: get(row, "last_step")?,
    })
}
