//! Reading what callers send, with errors that name the field.

use domain::field::FieldErrors;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a value into the form that is wanted.
///
/// # Errors
/// Names the field that is missing, unknown or of the wrong type.
pub fn parse_input<T: DeserializeOwned>(value: Value) -> Result<T, FieldErrors> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        FieldErrors::one(path_of(&path, &message), message)
    })
}

/// Of a missing or unknown field the path names the parent only; the field itself stands in the message.
fn path_of(path: &str, message: &str) -> String {
    let parent = if path == "." { "" } else { path };
    let named = ["missing field `", "unknown field `"].iter().find_map(|start| message.strip_prefix(start));
    let Some(field) = named.and_then(|rest| rest.split('`').next()) else { return parent.to_owned() };
    match parent {
        "" => field.to_owned(),
        _ if parent == field || parent.ends_with(&format!(".{field}")) => parent.to_owned(),
        _ => format!("{parent}.{field}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_itself_is_named() {
        assert_eq!(path_of(".", "missing field `name`"), "name");
        assert_eq!(path_of("config", "missing field `url`"), "config.url");
        assert_eq!(path_of("config.colour", "unknown field `colour`, expected `url`"), "config.colour");
        assert_eq!(path_of("retry.max_attempts", "invalid type: string"), "retry.max_attempts");
    }
}
