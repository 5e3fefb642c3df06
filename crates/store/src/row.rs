//! Small steps between columns and the types of `domain`.

use std::str::FromStr;

use domain::time::Timestamp;
use sea_orm::{QueryResult, TryGetable, Value, prelude::Uuid};

use crate::error::{Result, StoreError};

/// Reads a column of a raw query.
pub(crate) fn get<T: TryGetable>(row: &QueryResult, column: &str) -> Result<T> {
    row.try_get("", column).map_err(StoreError::from)
}

/// Reads a column that holds a word of an enum.
pub(crate) fn parse<T>(table: &'static str, column: &'static str, text: &str) -> Result<T>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| StoreError::corrupt(table, column, format!("{text:?} {error}")))
}

/// Reads a column that holds JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(table: &'static str, column: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(table, column, error))
}

/// Writes a value that always has a JSON form.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(error.to_string()))
}

/// Reads a column that holds a number of another width.
pub(crate) fn number<T: TryFrom<i64>>(table: &'static str, column: &'static str, value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| StoreError::corrupt(table, column, format!("{value} is out of range")))
}

pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub(crate) fn uuid(bits: u128) -> Uuid {
    Uuid::from_u128(bits)
}

pub(crate) fn text(value: Option<&str>) -> Value {
    Value::String(value.map(str::to_owned))
}
