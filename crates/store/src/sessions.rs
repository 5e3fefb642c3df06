//! Sign-in sessions. The cookie's id never comes here, only its SHA-256.

use domain::id::UserId;
use sea_orm::{ConnectionTrait, Value, prelude::Uuid};

use crate::{
    db::Store,
    error::Result,
    row::{get, uuid},
};

impl Store {
    /// Stores a new session, of a person where they have signed in. Returns false when the id is taken.
    pub async fn insert_session(
        &self,
        id_hash: &[u8],
        user: Option<UserId>,
        data: &str,
        expires_at: i64,
    ) -> Result<bool> {
        let sql =
            "INSERT INTO sessions (id_hash, user_id, data, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let values = [id_hash.to_vec().into(), person(user), data.into(), expires_at.into()];
        Ok(self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0)
    }

    /// Writes a session, unless it was ended meanwhile: that stays so.
    pub async fn save_session(&self, id_hash: &[u8], user: Option<UserId>, data: &str, expires_at: i64) -> Result<()> {
        let sql = "UPDATE sessions SET user_id = $2, data = $3, expires_at = $4 WHERE id_hash = $1";
        let values = [id_hash.to_vec().into(), person(user), data.into(), expires_at.into()];
        self.writer().execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// The data of a session that has not expired by `now` (seconds), with its expiry.
    pub async fn session(&self, id_hash: &[u8], now: i64) -> Result<Option<(String, i64)>> {
        let sql = "SELECT data, expires_at FROM sessions WHERE id_hash = $1 AND expires_at > $2";
        let values = [id_hash.to_vec().into(), now.into()];
        let row = self.reader().query_one_raw(self.statement(sql, values)).await?;
        row.map(|row| Ok((get(&row, "data")?, get(&row, "expires_at")?))).transpose()
    }

    /// The sessions of a person that have not expired by `now` (seconds): the SHA-256 of each id and its data, those used
    /// last first.
    pub async fn sessions_of(&self, user: UserId, now: i64, limit: i64) -> Result<Vec<(Vec<u8>, String)>> {
        let sql = "SELECT id_hash, data FROM sessions WHERE user_id = $1 AND expires_at > $2 \
            ORDER BY expires_at DESC, id_hash LIMIT $3";
        let values = [uuid(user.as_u128()).into(), now.into(), limit.into()];
        let rows = self.reader().query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(|row| Ok((get(row, "id_hash")?, get(row, "data")?))).collect()
    }

    pub async fn delete_session(&self, id_hash: &[u8]) -> Result<()> {
        let sql = "DELETE FROM sessions WHERE id_hash = $1";
        self.writer().execute_raw(self.statement(sql, [id_hash.to_vec().into()])).await?;
        Ok(())
    }

    /// Ends one of a person's sessions. Returns whether there was one.
    pub async fn delete_session_of(&self, user: UserId, id_hash: &[u8]) -> Result<bool> {
        let sql = "DELETE FROM sessions WHERE id_hash = $1 AND user_id = $2";
        let values = [id_hash.to_vec().into(), uuid(user.as_u128()).into()];
        let ended = self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0;
        self.sync().await?;
        Ok(ended)
    }

    /// Ends all sessions of a person but one.
    pub async fn delete_sessions_of(&self, user: UserId, except: Option<&[u8]>) -> Result<u64> {
        let statement = self.end_sessions(user, except);
        let ended = self.writer().execute_raw(statement).await?.rows_affected();
        self.sync().await?;
        Ok(ended)
    }

    pub(crate) fn end_sessions(&self, user: UserId, except: Option<&[u8]>) -> sea_orm::Statement {
        // No id has the empty hash.
        let sql = "DELETE FROM sessions WHERE user_id = $1 AND id_hash <> $2";
        self.statement(sql, [uuid(user.as_u128()).into(), except.unwrap_or_default().to_vec().into()])
    }

    /// Removes up to 1000 sessions that expired before `now` (seconds). Returns how many.
    pub async fn delete_expired_sessions(&self, now: i64) -> Result<u64> {
        let sql = "DELETE FROM sessions WHERE id_hash IN \
            (SELECT id_hash FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT 1000)";
        Ok(self.writer().execute_raw(self.statement(sql, [now.into()])).await?.rows_affected())
    }
}

fn person(user: Option<UserId>) -> Value {
    Value::from(user.map(|user| -> Uuid { uuid(user.as_u128()) }))
}
