//! Files that commands take, in YAML or JSON.

use std::{io::Read, path::Path};

use anyhow::Context;
use serde_json::{Map, Value};

use super::{Failure, yaml};

/// The longest file that is read.
const MAX_FILE: u64 = 1 << 20;

/// The file's name for messages, and its text; - is the standard input.
pub fn read(path: &Path) -> anyhow::Result<(String, String)> {
    let is_stdin = path.as_os_str() == "-";
    let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let mut text = String::new();
    let from: Box<dyn Read> = if is_stdin {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("{name} could not be opened"))?)
    };
    from.take(MAX_FILE + 1).read_to_string(&mut text).with_context(|| format!("{name} could not be read"))?;
    if text.len() as u64 > MAX_FILE {
        return Err(Failure::invalid(format!("{name} is larger than the {MAX_FILE} bytes that are read")).into());
    }
    Ok((name, text))
}

/// The fields of one thing.
pub fn read_object(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let (name, text) = read(path)?;
    let value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(_) => {
            yaml::parse(&text)
                .map_err(|error| {
                    Failure::invalid(format!("{name}:{}:{}: {}", error.line, error.column, error.message))
                })?
                .value
        }
    };
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(Failure::invalid(format!("{name}: must be a mapping of fields")).into()),
    }
}
