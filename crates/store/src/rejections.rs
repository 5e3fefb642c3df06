//! Requests that sources refused: the last ones, for a while.

use domain::{
    id::{EnvId, RequestId, SourceId, uuid_v7},
    rejection::{KEPT_HOURS, KEPT_REQUESTS, RejectionDetail, RejectionReason},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

use crate::{
    batch::RowStatement,
    db::Store,
    error::Result,
    row::{at, get, json, number, parse, text, to_json, uuid},
    scope::Scope,
    signals::Signal,
};

/// A request that was refused, with its secrets.
#[derive(Debug, Clone)]
pub struct Rejected {
    pub env_id: EnvId,
    pub source_id: SourceId,
    pub id: RequestId,
    pub reason: RejectionReason,
    pub detail: RejectionDetail,
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub source_ip: Option<String>,
    pub received_at: Timestamp,
    pub headers: Vec<(String, String)>,
    /// Bytes of the body, where it was read.
    pub content_length: Option<u64>,
    /// Where it was kept.
    pub body: Option<Vec<u8>>,
}

const INSERT: &str = "INSERT INTO rejected_requests (env_id, source_id, id, reason, status, detail, method, path, query, \
    source_ip, received_at, headers, content_length, body) {rows}";
/// All but the last of a source.
const PRUNE: &str = "DELETE FROM rejected_requests WHERE env_id = $1 AND source_id = $2 AND id <= \
    (SELECT id FROM rejected_requests WHERE env_id = $1 AND source_id = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)";
const COLUMNS: &str = "env_id, source_id, id, reason, detail, method, path, query, source_ip, received_at, headers, \
    content_length, body";
/// Rows that are removed at once.
const REMOVED_AT_ONCE: i64 = 1000;

impl Store {
    /// Keeps refused requests, and forgets those that are now too many for their sources.
    pub async fn keep_rejected(&self, rejected: &[Rejected]) -> Result<()> {
        let rows = rejected.iter().map(row).collect::<Result<Vec<_>>>()?;
        self.run_together(vec![RowStatement::new("rejected", INSERT, rows)]).await?;
        let mut sources: Vec<_> = rejected.iter().map(|one| (one.env_id, one.source_id)).collect();
        sources.sort_unstable();
        sources.dedup();
        for (env, source) in sources {
            let values = [uuid(env.as_u128()).into(), uuid(source.as_u128()).into(), i64::from(KEPT_REQUESTS).into()];
            self.writer().execute_raw(self.statement(PRUNE, values)).await?;
            self.signals().send(Signal::Activity(env));
        }
        self.note_written(rejected.iter().map(|one| 1024 + one.body.as_ref().map_or(0, Vec::len)).sum());
        Ok(())
    }

    /// Forgets refused requests that are too old. Returns how many.
    pub async fn forget_rejected(&self, now: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM rejected_requests WHERE (env_id, source_id, id) IN \
            (SELECT env_id, source_id, id FROM rejected_requests WHERE received_at < $1 ORDER BY received_at LIMIT $2)";
        let oldest = now.as_micros() - i64::from(KEPT_HOURS) * 3_600_000_000;
        let values = [oldest.into(), REMOVED_AT_ONCE.into()];
        Ok(self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected())
    }

    /// Forgets what requests were known by, once that counts for nothing any more. Returns how many.
    pub async fn forget_once_keys(&self, now: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM once_keys WHERE (env_id, source_id, key) IN \
            (SELECT env_id, source_id, key FROM once_keys WHERE expires_at < $1 ORDER BY expires_at LIMIT $2) \
            AND expires_at < $1";
        let values = [now.as_micros().into(), REMOVED_AT_ONCE.into()];
        Ok(self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected())
    }
}

impl Scope {
    /// The refused requests of a source that are kept, newest first.
    pub async fn rejected(&self, source: SourceId, now: Timestamp) -> Result<Vec<Rejected>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM rejected_requests WHERE env_id = $1 AND source_id = $2 AND id >= $3 \
             ORDER BY id DESC LIMIT $4"
        );
        // Ids sort by time.
        let oldest = Timestamp::from_micros(now.as_micros() - i64::from(KEPT_HOURS) * 3_600_000_000);
        let values = [
            self.env_uuid().into(),
            uuid(source.as_u128()).into(),
            uuid(uuid_v7(oldest, 0)).into(),
            i64::from(KEPT_REQUESTS).into(),
        ];
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter().map(read).collect()
    }

    pub async fn rejected_request(&self, source: SourceId, id: RequestId) -> Result<Option<Rejected>> {
        let sql = format!("SELECT {COLUMNS} FROM rejected_requests WHERE env_id = $1 AND source_id = $2 AND id = $3");
        let row = self.store.reader().query_one_raw(self.store.statement(sql, self.place(source, id))).await?;
        row.as_ref().map(read).transpose()
    }

    /// Forgets a refused request that was taken in after all.
    pub async fn forget_rejected_request(&self, source: SourceId, id: RequestId) -> Result<()> {
        let sql = "DELETE FROM rejected_requests WHERE env_id = $1 AND source_id = $2 AND id = $3";
        self.store.writer().execute_raw(self.store.statement(sql, self.place(source, id))).await?;
        Ok(())
    }

    fn place(&self, source: SourceId, id: RequestId) -> [Value; 3] {
        [self.env_uuid().into(), uuid(source.as_u128()).into(), uuid(id.as_u128()).into()]
    }
}

fn row(rejected: &Rejected) -> Result<Vec<Value>> {
    let length = rejected.content_length.map(|length| i64::try_from(length).unwrap_or(i64::MAX));
    Ok(vec![
        uuid(rejected.env_id.as_u128()).into(),
        uuid(rejected.source_id.as_u128()).into(),
        uuid(rejected.id.as_u128()).into(),
        rejected.reason.as_str().into(),
        i64::from(rejected.reason.status()).into(),
        to_json(&rejected.detail)?.into(),
        rejected.method.as_str().into(),
        rejected.path.as_str().into(),
        text(rejected.query.as_deref()),
        text(rejected.source_ip.as_deref()),
        rejected.received_at.as_micros().into(),
        to_json(&rejected.headers)?.into(),
        Value::BigInt(length),
        Value::Bytes(rejected.body.clone()),
    ])
}

fn read(row: &QueryResult) -> Result<Rejected> {
    const T: &str = "rejected_requests";
    let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
    let length = get::<Option<i64>>(row, "content_length")?;
    Ok(Rejected {
        env_id: EnvId::from_u128(id("env_id")?),
        source_id: SourceId::from_u128(id("source_id")?),
        id: RequestId::from_u128(id("id")?),
        reason: parse(T, "reason", &get::<String>(row, "reason")?)?,
        detail: json(T, "detail", &get::<String>(row, "detail")?)?,
        method: get(row, "method")?,
        path: get(row, "path")?,
        query: get(row, "query")?,
        source_ip: get(row, "source_ip")?,
        received_at: at(get(row, "received_at")?),
        headers: json(T, "headers", &get::<String>(row, "headers")?)?,
        content_length: length.map(|length| number(T, "content_length", length)).transpose()?,
        body: get(row, "body")?,
    })
}
