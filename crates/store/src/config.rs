//! The version of the configuration, by which every node keeps its cache true.

use domain::{connection::Connection, destination::Destination, source::Source};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::{
    connection::Transaction,
    db::Store,
    entity::{connection, destination, source},
    error::{Result, StoreError},
    row::get,
    signals::Signal,
};

/// What changed since a version. Secrets are sealed.
#[derive(Debug, Default)]
pub struct ConfigChanges {
    pub version: i64,
    /// This is all there is: some of what was deleted has left no row that could tell it.
    pub is_whole: bool,
    /// With whether it is deleted.
    pub sources: Vec<(Source, bool)>,
    pub destinations: Vec<(Destination, bool)>,
    pub connections: Vec<(Connection, bool)>,
}

impl Store {
    /// The version that the newest change has made.
    pub async fn config_version(&self) -> Result<i64> {
        let sql = "SELECT version FROM config_version WHERE id = 1";
        let row = self.reader().query_one_raw(self.statement(sql, [])).await?;
        row.map_or(Ok(0), |row| get(&row, "version"))
    }

    /// All that changed after `since`; everything for `since` 0.
    pub async fn config_changes(&self, since: i64) -> Result<ConfigChanges> {
        // Read first: what changes meanwhile is found now or the next time, or both.
        let sql = "SELECT version, purged FROM config_version WHERE id = 1";
        let row = self.reader().query_one_raw(self.statement(sql, [])).await?;
        let row = row.ok_or_else(row_missing)?;
        let (version, purged) = (get(&row, "version")?, get::<i64>(&row, "purged")?);
        let is_whole = since < purged;
        let since = if is_whole { 0 } else { since };
        let db = self.reader();
        let sources = source::Entity::find().filter(source::Column::Version.gt(since)).all(db).await?;
        let destinations = destination::Entity::find().filter(destination::Column::Version.gt(since)).all(db).await?;
        let connections = connection::Entity::find().filter(connection::Column::Version.gt(since)).all(db).await?;
        Ok(ConfigChanges {
            version,
            is_whole,
            sources: with_deleted(sources, |row| row.deleted_at)?,
            destinations: with_deleted(destinations, |row| row.deleted_at)?,
            connections: with_deleted(connections, |row| row.deleted_at)?,
        })
    }

    /// Tells everybody that the configuration changed. To be called after the commit.
    pub(crate) fn config_changed(&self) {
        self.signals().send(Signal::Config);
    }
}

fn with_deleted<M, T>(rows: Vec<M>, deleted_at: impl Fn(&M) -> Option<i64>) -> Result<Vec<(T, bool)>>
where
    T: TryFrom<M, Error = StoreError>,
{
    rows.into_iter()
        .map(|row| {
            let deleted = deleted_at(&row).is_some();
            T::try_from(row).map(|value| (value, deleted))
        })
        .collect()
}

/// Takes the next version. The row stays locked until the commit, so that versions become visible in order.
pub(crate) async fn next_version(store: &Store, transaction: &Transaction) -> Result<i64> {
    let sql = "UPDATE config_version SET version = version + 1 WHERE id = 1 RETURNING version";
    let row = transaction.query_one_raw(store.statement(sql, [])).await?;
    match row {
        Some(row) => get(&row, "version"),
        None => Err(row_missing()),
    }
}

fn row_missing() -> StoreError {
    StoreError::corrupt("config_version", "version", "the row is missing")
}
