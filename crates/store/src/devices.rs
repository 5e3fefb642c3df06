//! Machines that wait to be let in. Only hashes of their codes are kept.

use domain::{
    device::DeviceRequest,
    id::{EnvId, UserId},
    permission::Scope as KeyScope,
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, Value, prelude::Uuid};

use crate::{
    db::Store,
    error::{Result, StoreError},
    row::{at, get, parse, text, uuid},
};

/// A machine that has asked.
pub struct NewDevice<'a> {
    pub device_hash: Vec<u8>,
    pub user_hash: Vec<u8>,
    pub name: &'a str,
    pub ip: Option<&'a str>,
    pub expires_at: Timestamp,
}

/// What became of its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    Waiting { polled_at: Timestamp },
    Approved { name: String, by: UserId, env_id: EnvId, scopes: Vec<KeyScope> },
    Denied,
    Expired,
}

/// Codes of one address, and of all, that are open at a time.
const MAX_OF_ADDRESS: i64 = 20;
const MAX_OPEN: i64 = 1000;

impl Store {
    /// Notes a machine. Returns false when too many wait already.
    pub async fn insert_device(&self, device: &NewDevice<'_>, now: Timestamp) -> Result<bool> {
        let sql = "DELETE FROM device_codes WHERE expires_at <= $1";
        // Whoever asks just now learns that it has expired.
        let expired = now.minus(domain::device::CODE_LIFETIME).as_micros();
        self.writer().execute_raw(self.statement(sql, [expired.into()])).await?;
        let sql = format!(
            "INSERT INTO device_codes (device_hash, user_hash, device_name, device_ip, status, created_at, expires_at, polled_at) \
             SELECT $1, $2, $3, $4, 'waiting', $5, $6, 0 WHERE (SELECT count(*) FROM device_codes) < {MAX_OPEN} \
             AND (SELECT count(*) FROM device_codes WHERE device_ip = $4) < {MAX_OF_ADDRESS}"
        );
        let values = [
            device.device_hash.clone().into(),
            device.user_hash.clone().into(),
            device.name.into(),
            text(device.ip),
            now.as_micros().into(),
            device.expires_at.as_micros().into(),
        ];
        let inserted = self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0;
        self.sync().await?;
        Ok(inserted)
    }

    /// The machine that shows this code and waits for an answer.
    pub async fn waiting_device(&self, user_hash: &[u8], now: Timestamp) -> Result<Option<DeviceRequest>> {
        let sql = "SELECT device_name, device_ip, created_at, expires_at FROM device_codes \
            WHERE user_hash = $1 AND status = 'waiting' AND expires_at > $2";
        let values = [user_hash.to_vec().into(), now.as_micros().into()];
        let row = self.reader().query_one_raw(self.statement(sql, values)).await?;
        row.map(|row| {
            Ok(DeviceRequest {
                device_name: get(&row, "device_name")?,
                device_ip: get(&row, "device_ip")?,
                created_at: at(get(&row, "created_at")?),
                expires_at: at(get(&row, "expires_at")?),
            })
        })
        .transpose()
    }

    /// Answers the machine that shows this code: lets it into a project, or not. Returns whether it waited.
    pub async fn answer_device(
        &self,
        user_hash: &[u8],
        by: UserId,
        into: Option<(EnvId, &[KeyScope])>,
        now: Timestamp,
    ) -> Result<bool> {
        let sql = "UPDATE device_codes SET status = $1, answered_by = $2, env_id = $3, scopes = $4 \
            WHERE user_hash = $5 AND status = 'waiting' AND expires_at > $6";
        let scopes = into.map(|(_, scopes)| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "));
        let values = [
            if into.is_some() { "approved" } else { "denied" }.into(),
            uuid(by.as_u128()).into(),
            Value::Uuid(into.map(|(env, _)| uuid(env.as_u128()))),
            text(scopes.as_deref()),
            user_hash.to_vec().into(),
            now.as_micros().into(),
        ];
        let answered = self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0;
        self.sync().await?;
        Ok(answered)
    }

    /// What became of a machine's question; `None` when nothing is known of it. Notes that it has asked.
    pub async fn poll_device(&self, device_hash: &[u8], now: Timestamp) -> Result<Option<Device>> {
        const T: &str = "device_codes";
        let sql = "SELECT status, device_name, answered_by, env_id, scopes, expires_at, polled_at FROM device_codes WHERE device_hash = $1";
        let row = self.reader().query_one_raw(self.statement(sql, [device_hash.to_vec().into()])).await?;
        let Some(row) = row else { return Ok(None) };
        let status: String = get(&row, "status")?;
        if at(get(&row, "expires_at")?) <= now {
            return Ok(Some(Device::Expired));
        }
        Ok(Some(match status.as_str() {
            "waiting" => {
                let sql = "UPDATE device_codes SET polled_at = $1 WHERE device_hash = $2";
                let values = [now.as_micros().into(), device_hash.to_vec().into()];
                self.writer().execute_raw(self.statement(sql, values)).await?;
                Device::Waiting { polled_at: at(get(&row, "polled_at")?) }
            }
            "approved" => {
                let missing = |column| StoreError::corrupt(T, column, "is missing");
                let scopes: String = get::<Option<String>>(&row, "scopes")?.ok_or_else(|| missing("scopes"))?;
                let by: Uuid = get::<Option<Uuid>>(&row, "answered_by")?.ok_or_else(|| missing("answered_by"))?;
                let env: Uuid = get::<Option<Uuid>>(&row, "env_id")?.ok_or_else(|| missing("env_id"))?;
                Device::Approved {
                    name: get(&row, "device_name")?,
                    by: UserId::from_u128(by.as_u128()),
                    env_id: EnvId::from_u128(env.as_u128()),
                    scopes: scopes.split(' ').map(|word| parse(T, "scopes", word)).collect::<Result<_>>()?,
                }
            }
            _ => Device::Denied,
        }))
    }

    /// Forgets a machine, which was let in. Returns whether it was there: it gets its key once.
    pub async fn remove_device(&self, device_hash: &[u8]) -> Result<bool> {
        let sql = "DELETE FROM device_codes WHERE device_hash = $1";
        let removed = self.writer().execute_raw(self.statement(sql, [device_hash.to_vec().into()])).await?;
        Ok(removed.rows_affected() > 0)
    }
}
