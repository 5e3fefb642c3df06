//! The database's schema, one file a step, the same steps for SQLite and PostgreSQL.
//!
//! A step that has landed is never changed: a later step changes what it made.

use sea_orm_migration::prelude::*;

mod m0001_accounts;
mod m0002_configuration;
mod m0003_events;
mod m0004_tallies;
mod m0005_plans;
mod m0006_signals;
mod m0007_retention;
mod m0008_gates;
mod m0009_checks;
mod m0010_issues;
mod m0011_connections;
mod m0012_replays;
mod m0013_health;
mod m0014_people;
mod m0015_teams;
mod m0016_idempotency;
mod m0017_cli;
mod m0018_identities;
mod m0019_keys;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_accounts::Migration),
            Box::new(m0002_configuration::Migration),
            Box::new(m0003_events::Migration),
            Box::new(m0004_tallies::Migration),
            Box::new(m0005_plans::Migration),
            Box::new(m0006_signals::Migration),
            Box::new(m0007_retention::Migration),
            Box::new(m0008_gates::Migration),
            Box::new(m0009_checks::Migration),
            Box::new(m0011_connections::Migration),
            Box::new(m0012_replays::Migration),
            Box::new(m0010_issues::Migration),
            Box::new(m0013_health::Migration),
            Box::new(m0014_people::Migration),
            Box::new(m0015_teams::Migration),
            Box::new(m0016_idempotency::Migration),
            Box::new(m0017_cli::Migration),
            Box::new(m0018_identities::Migration),
            Box::new(m0019_keys::Migration),
        ]
    }
}

/// Runs statements written once for both databases. Columns use PostgreSQL's type names `UUID`, `BYTEA`, `BIGINT`,
/// `TEXT` and `BOOLEAN`; on SQLite they become the types of its strict tables. What only one database understands
/// stands between `/*pg` or `/*sqlite` and `*/`.
async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let on_sqlite = manager.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Sqlite;
    for statement in statements {
        let sql = if on_sqlite { for_sqlite(statement) } else { statement.replace("/*pg", "") };
        let sql = strip_markers(&sql, on_sqlite);
        connection.execute_unprepared(&sql).await?;
    }
    Ok(())
}

fn for_sqlite(statement: &str) -> String {
    statement
        .replace(" UUID", " BLOB")
        .replace(" BYTEA", " BLOB")
        .replace(" BIGINT", " INTEGER")
        .replace(" BOOLEAN", " INTEGER")
        .replace("/*sqlite", "")
}

/// Removes the other database's parts, and the closing marks of this one's.
fn strip_markers(sql: &str, on_sqlite: bool) -> String {
    let foreign = if on_sqlite { "/*pg" } else { "/*sqlite" };
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(start) = rest.find(foreign) {
        out.push_str(&rest[..start]);
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    out.push_str(rest);
    out.replace("*/", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_gets_its_own_parts() {
        let text = "CREATE TABLE t (id UUID) /*pg WITH (fillfactor = 80)*//*sqlite STRICT*/";
        assert_eq!(strip_markers(&for_sqlite(text), true), "CREATE TABLE t (id BLOB)  STRICT");
        assert_eq!(strip_markers(&text.replace("/*pg", ""), false), "CREATE TABLE t (id UUID)  WITH (fillfactor = 80)");
    }
}
