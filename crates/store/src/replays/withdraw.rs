//! Taking back what a cancelled replay has queued and nobody has begun to send.

use domain::{
    id::{DeliveryId, EventId, ReplayId},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, prelude::Uuid};

use crate::{
    error::Result,
    row::{get, uuid},
    scope::Scope,
};

// One that had failed before the replay took it up goes back to where it was.
const WITHDRAW: &str = "UPDATE deliveries SET status = CASE WHEN created_at < $1 THEN 'failed' ELSE 'cancelled' END, \
    is_dlq = (created_at < $1), due_at = NULL, gated_at = NULL, updated_at = $2 \
    WHERE env_id = $3 AND id = $4 AND replay_id = $5 AND status IN ('pending', 'waiting', 'held')";

impl Scope {
    /// Withdraws up to `limit` deliveries of a cancelled replay, which was made at `made_at`. Returns how many; where there is
    /// nothing left to withdraw, the replay's work is over.
    pub async fn withdraw_replayed(
        &self,
        replay: ReplayId,
        made_at: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> Result<u32> {
        let open = "SELECT id, event_id FROM deliveries WHERE env_id = $1 AND replay_id = $2 AND status IN ";
        let sql = format!("{open} ('pending', 'waiting', 'held') LIMIT $3");
        let key = [self.env_uuid().into(), uuid(replay.as_u128()).into()];
        let values = key.iter().cloned().chain([i64::from(limit).into()]);
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let mut withdrawn = 0;
        for row in &rows {
            let id = DeliveryId::from_u128(get::<Uuid>(row, "id")?.as_u128());
            let event = EventId::from_u128(get::<Uuid>(row, "event_id")?.as_u128());
            let values = [
                made_at.as_micros().into(),
                now.as_micros().into(),
                self.env_uuid().into(),
                uuid(id.as_u128()).into(),
                uuid(replay.as_u128()).into(),
            ];
            withdrawn += u32::from(self.change_delivery(event, id, WITHDRAW, values).await?.is_some());
        }
        if rows.is_empty() {
            // What is being sent may fail and wait again.
            let sql = format!(
                "UPDATE replays SET is_active = $3, updated_at = $4 WHERE env_id = $1 AND id = $2 AND status = 'cancelled' \
                 AND NOT EXISTS ({open} ('pending', 'in_flight', 'waiting', 'held'))"
            );
            let values = key.into_iter().chain([false.into(), now.as_micros().into()]);
            self.store.writer().execute_raw(self.store.statement(sql, values)).await?;
        }
        Ok(withdrawn)
    }
}
