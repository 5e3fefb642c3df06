//! The audit log. Keys begin with the organization, and ids sort by time.
//!
//! Where a change is a transaction of its own, its entry goes with it ([`Scope::noting`]); else it is written right after
//! ([`Store::write_audit`]).

use std::sync::Arc;

use domain::{
    audit::{ActionFilter, Actor, AuditEntry, AuditFilter, Target},
    id::{AuditEntryId, EnvId, OrgId, uuid_v7},
    page::{Page, PageRequest},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

use crate::{
    connection::Transaction,
    db::Store,
    error::Result,
    row::{get, json, parse, text, to_json, uuid},
    scope::{Scope, rows_wanted},
};

const COLUMNS: &str = "org_id, id, env_id, actor_kind, actor_id, actor_name, address, action, target_kind, target_id, \
    target_name, value_before, value_after";
const INSERT: &str = "INSERT INTO audit_log (org_id, id, env_id, actor_kind, actor_id, actor_name, address, action, \
    target_kind, target_id, target_name, value_before, value_after) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
/// Entries that are removed at once.
const REMOVED_AT_ONCE: i64 = 1000;

impl Store {
    pub async fn write_audit(&self, entry: &AuditEntry) -> Result<()> {
        self.writer().execute_raw(self.statement(INSERT, values_of(entry)?)).await?;
        self.sync().await
    }

    pub(crate) async fn write_audit_in(&self, transaction: &Transaction, entry: &AuditEntry) -> Result<()> {
        transaction.execute_raw(self.statement(INSERT, values_of(entry)?)).await?;
        Ok(())
    }

    /// Newest first.
    pub async fn audit_log(&self, org: OrgId, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEntry>> {
        let mut values: Vec<Value> = vec![uuid(org.as_u128()).into()];
        let mut clause = "org_id = $1".to_owned();
        let mut add = |condition: &str, value: Value| {
            values.push(value);
            clause.push_str(" AND ");
            clause.push_str(&condition.replace('?', &format!("${}", values.len())));
        };
        if let Some(cursor) = page.after {
            add("id < ?", uuid(cursor.0).into());
        }
        if let Some(after) = filter.after {
            add("id >= ?", uuid(uuid_v7(after, 0)).into());
        }
        if let Some(before) = filter.before {
            add("id < ?", uuid(uuid_v7(before, 0)).into());
        }
        if let Some(env) = filter.env_id {
            add("env_id = ?", uuid(env.as_u128()).into());
        }
        match &filter.action {
            Some(ActionFilter::One(action)) => add("action = ?", (*action).into()),
            // Words are of small letters and dots alone.
            Some(ActionFilter::Of(begin)) => add("action LIKE ?", format!("{begin}%").into()),
            None => {}
        }
        match filter.actor.as_deref() {
            Some("system") => add("actor_kind = ?", "system".into()),
            Some(actor) => add("actor_id = ?", actor.into()),
            None => {}
        }
        if let Some(target) = filter.target.as_deref() {
            add("target_id = ?", target.into());
        }
        values.push(i64::try_from(rows_wanted(&page)).unwrap_or(i64::MAX).into());
        let sql = format!("SELECT {COLUMNS} FROM audit_log WHERE {clause} ORDER BY id DESC LIMIT ${}", values.len());
        let rows = self.reader().query_all_raw(self.statement(sql, values)).await?;
        let entries = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_rows(entries, page.limit, |entry| entry.id.as_u128()))
    }

    /// Removes up to 1000 entries that were written before `at`. Returns how many.
    pub async fn forget_audit(&self, at: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM audit_log WHERE (org_id, id) IN \
            (SELECT org_id, id FROM audit_log WHERE id < $1 ORDER BY id LIMIT $2)";
        let values = [uuid(uuid_v7(at, 0)).into(), REMOVED_AT_ONCE.into()];
        Ok(self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected())
    }

    /// Removes up to 1000 entries of an organization. Returns how many.
    pub(crate) async fn remove_audit_of(&self, org: OrgId) -> Result<u64> {
        let sql = "DELETE FROM audit_log WHERE org_id = $1 AND id IN \
            (SELECT id FROM audit_log WHERE org_id = $1 ORDER BY id LIMIT $2)";
        let values = [uuid(org.as_u128()).into(), REMOVED_AT_ONCE.into()];
        Ok(self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected())
    }
}

impl Scope {
    /// The same project; the next change of its configuration is committed together with this entry.
    #[must_use]
    pub fn noting(&self, entry: AuditEntry) -> Self {
        Self { note: Some(Arc::new(entry)), ..self.clone() }
    }

    /// Commits a change with the entry that goes with it.
    pub(crate) async fn commit(&self, transaction: Transaction) -> Result<()> {
        if let Some(entry) = &self.note {
            self.store.write_audit_in(&transaction, entry).await?;
        }
        self.store.commit(transaction).await
    }
}

fn values_of(entry: &AuditEntry) -> Result<[Value; 13]> {
    let json = |value: Option<&serde_json::Value>| value.map(to_json).transpose();
    Ok([
        uuid(entry.org_id.as_u128()).into(),
        uuid(entry.id.as_u128()).into(),
        entry.env_id.map(|env| uuid(env.as_u128())).into(),
        entry.actor.kind.as_str().into(),
        text(entry.actor.id.as_deref()),
        entry.actor.name.as_str().into(),
        Value::String(entry.address.map(|address| address.to_string())),
        entry.action.as_str().into(),
        entry.target.kind.as_str().into(),
        text(entry.target.id.as_deref()),
        entry.target.name.as_str().into(),
        Value::String(json(entry.before.as_ref())?),
        Value::String(json(entry.after.as_ref())?),
    ])
}

fn read(row: &QueryResult) -> Result<AuditEntry> {
    const T: &str = "audit_log";
    let id = AuditEntryId::from_u128(get::<Uuid>(row, "id")?.as_u128());
    let value = |column| -> Result<Option<serde_json::Value>> {
        get::<Option<String>>(row, column)?.map(|text| json(T, column, &text)).transpose()
    };
    let address = get::<Option<String>>(row, "address")?;
    Ok(AuditEntry {
        id,
        org_id: OrgId::from_u128(get::<Uuid>(row, "org_id")?.as_u128()),
        env_id: get::<Option<Uuid>>(row, "env_id")?.map(|env| EnvId::from_u128(env.as_u128())),
        actor: Actor {
            kind: parse(T, "actor_kind", &get::<String>(row, "actor_kind")?)?,
            id: get(row, "actor_id")?,
            name: get(row, "actor_name")?,
        },
        address: address.map(|text| parse(T, "address", &text)).transpose()?,
        action: get(row, "action")?,
        target: Target { kind: get(row, "target_kind")?, id: get(row, "target_id")?, name: get(row, "target_name")? },
        before: value("value_before")?,
        after: value("value_after")?,
        at: id.made_at(),
    })
}
