//! Sign-in sessions. The cookie's id never comes here, only its SHA-256.

use sea_orm::ConnectionTrait;

use crate::{db::Store, error::Result, row::get};

impl Store {
    /// Stores a new session. Returns false when the id is taken.
    pub async fn insert_session(&self, id_hash: &[u8], data: &str, expires_at: i64) -> Result<bool> {
        let sql = "INSERT INTO sessions (id_hash, data, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let values = [id_hash.to_vec().into(), data.into(), expires_at.into()];
        Ok(self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0)
    }

    pub async fn save_session(&self, id_hash: &[u8], data: &str, expires_at: i64) -> Result<()> {
        let sql = "INSERT INTO sessions (id_hash, data, expires_at) VALUES ($1, $2, $3) \
            ON CONFLICT (id_hash) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at";
        let values = [id_hash.to_vec().into(), data.into(), expires_at.into()];
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

    pub async fn delete_session(&self, id_hash: &[u8]) -> Result<()> {
        let sql = "DELETE FROM sessions WHERE id_hash = $1";
        self.writer().execute_raw(self.statement(sql, [id_hash.to_vec().into()])).await?;
        Ok(())
    }

    /// Removes up to 1000 sessions that expired before `now` (seconds). Returns how many.
    pub async fn delete_expired_sessions(&self, now: i64) -> Result<u64> {
        let sql = "DELETE FROM sessions WHERE id_hash IN \
            (SELECT id_hash FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT 1000)";
        Ok(self.writer().execute_raw(self.statement(sql, [now.into()])).await?.rows_affected())
    }
}
