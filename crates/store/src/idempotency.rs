//! Requests to the API that are known by a key, and what they were answered with.

use domain::time::Timestamp;
use sea_orm::{ConnectionTrait, Value};

use crate::{
    db::Store,
    error::Result,
    row::{get, number, text},
    scope::Scope,
};

/// Keys that are forgotten at once.
const FORGET: u32 = 500;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    pub status: u16,
    pub content_type: Option<String>,
    /// `None` where it was not to be kept.
    pub body: Option<Vec<u8>>,
}

/// What is known by a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    OtherRequest,
    /// The same request, not answered yet.
    Open,
    Answered(KeptAnswer),
}

impl Scope {
    /// Takes the key for this request, unless it is taken. Who took it before and has not answered by `until` has lost it.
    pub async fn claim_request(
        &self,
        key: &str,
        request: &[u8],
        owner: i64,
        now: Timestamp,
        until: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool> {
        let sql = "INSERT INTO idempotency_keys AS k (env_id, key, request, owner, claimed_until, expires_at) \
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (env_id, key) DO UPDATE SET request = excluded.request, \
            owner = excluded.owner, claimed_until = excluded.claimed_until, expires_at = excluded.expires_at, \
            status = NULL, content_type = NULL, body = NULL \
            WHERE k.expires_at <= $7 OR (k.status IS NULL AND k.claimed_until <= $7 AND k.request = excluded.request)";
        let values = [
            self.env_uuid().into(),
            key.into(),
            request.to_vec().into(),
            owner.into(),
            until.as_micros().into(),
            expires_at.as_micros().into(),
            now.as_micros().into(),
        ];
        let claimed = self.store.writer().execute_raw(self.store.statement(sql, values)).await?.rows_affected() > 0;
        if claimed {
            self.store.sync().await?;
        }
        Ok(claimed)
    }

    pub async fn claimed_request(&self, key: &str, request: &[u8]) -> Result<Option<Found>> {
        let sql = "SELECT request, status, content_type, body FROM idempotency_keys WHERE env_id = $1 AND key = $2";
        let values = [self.env_uuid().into(), key.into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        let Some(row) = row else { return Ok(None) };
        if get::<Vec<u8>>(&row, "request")? != request {
            return Ok(Some(Found::OtherRequest));
        }
        let Some(status) = get::<Option<i64>>(&row, "status")? else { return Ok(Some(Found::Open)) };
        let status = number("idempotency_keys", "status", status)?;
        let (content_type, body) = (get(&row, "content_type")?, get(&row, "body")?);
        Ok(Some(Found::Answered(KeptAnswer { status, content_type, body })))
    }

    /// Keeps the answer, unless the key was lost.
    pub async fn keep_answer(&self, key: &str, owner: i64, answer: &KeptAnswer) -> Result<()> {
        let sql = "UPDATE idempotency_keys SET status = $1, content_type = $2, body = $3 \
            WHERE env_id = $4 AND key = $5 AND owner = $6 AND status IS NULL";
        let values = [
            i64::from(answer.status).into(),
            text(answer.content_type.as_deref()),
            Value::Bytes(answer.body.clone()),
            self.env_uuid().into(),
            key.into(),
            owner.into(),
        ];
        self.store.writer().execute_raw(self.store.statement(sql, values)).await?;
        self.store.sync().await
    }

    pub async fn give_up_claim(&self, key: &str, owner: i64) -> Result<()> {
        let sql = "DELETE FROM idempotency_keys WHERE env_id = $1 AND key = $2 AND owner = $3 AND status IS NULL";
        let values = [self.env_uuid().into(), key.into(), owner.into()];
        self.store.writer().execute_raw(self.store.statement(sql, values)).await?;
        Ok(())
    }
}

impl Store {
    /// Forgets some of the keys whose time was over at `now`. Returns how many.
    pub async fn forget_idempotency_keys(&self, now: Timestamp) -> Result<u64> {
        let sql = format!(
            "DELETE FROM idempotency_keys WHERE (env_id, key) IN \
             (SELECT env_id, key FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT {FORGET})"
        );
        let statement = self.statement(sql, [now.as_micros().into()]);
        Ok(self.writer().execute_raw(statement).await?.rows_affected())
    }
}
