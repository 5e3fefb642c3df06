//! Why the store could not do what was asked.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

pub type Result<T> = std::result::Result<T, StoreError>;

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database is down, full, locked or too slow. Trying again later may help.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// More is waiting to be written than may wait.
    #[error("more is waiting to be written than the database takes")]
    Overloaded,
    /// Something like it exists already.
    #[error("a row of the same key exists: {0}")]
    Conflict(String),
    /// It is in another state than those in which it may be changed.
    #[error("the row was changed since")]
    Stale,
    /// A row holds what this version cannot read.
    #[error("{table}.{column} holds what cannot be read: {detail}")]
    Corrupt { table: &'static str, column: &'static str, detail: String },
    /// Another process has the SQLite file.
    #[error("{0}")]
    InUse(String),
    /// The database is set up in a way that cannot work.
    #[error("{0}")]
    Setup(String),
    /// A statement failed: a fault of hookstream's own.
    #[error("database error: {0}")]
    Database(String),
}

impl StoreError {
    /// Whether waiting may help.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Overloaded)
    }

    pub(crate) fn corrupt(table: &'static str, column: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Corrupt { table, column, detail: detail.to_string() }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(detail)) = error.sql_err() {
            return Self::Conflict(detail);
        }
        if is_passing(&error) { Self::Unavailable(error.to_string()) } else { Self::Database(error.to_string()) }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        DbErr::Exec(RuntimeErr::SqlxError(error.into())).into()
    }
}

fn is_passing(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => match &**error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| is_passing_code(&code)),
            _ => false,
        },
        _ => false,
    }
}

/// SQLSTATE classes of PostgreSQL (five characters), and primary or extended result codes of SQLite (at most four digits).
fn is_passing_code(code: &str) -> bool {
    if code.len() == 5 {
        // Connection, resources, operator intervention, system; read-only after a fail-over; deadlock, serialization.
        return ["08", "53", "57", "58", "25006", "40"].iter().any(|class| code.starts_with(class));
    }
    // The low byte is the primary code: BUSY 5, LOCKED 6, NOMEM 7, READONLY 8, IOERR 10, FULL 13, CANTOPEN 14.
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 7 | 8 | 10 | 13 | 14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_pass_are_told_from_those_that_do_not() {
        for passing in ["08006", "53100", "57P01", "40001", "25006", "5", "13", "778", "14"] {
            assert!(is_passing_code(passing), "{passing}");
        }
        for lasting in ["23505", "42P01", "1", "19", "2067", "22001"] {
            assert!(!is_passing_code(lasting), "{lasting}");
        }
    }
}
