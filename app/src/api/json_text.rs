//! JSON that people type, and where it is none.

use serde_json::Value;

/// What stopped the reading, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// `expected ',' or '}' at line 3 column 5`.
    pub message: String,
    /// Characters from the start of the text.
    pub at: usize,
}

/// Reads JSON.
pub fn parse_json(text: &str) -> Result<Value, NotJson> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        NotJson { message: message.replace(" at line ", ", line "), at: offset(text, error.line(), error.column()) }
    })
}

/// The place that a line and a column name, both counted from 1, the column in bytes. It is the last byte that was read.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(|line| line.chars().count()).sum();
    let line = text.split_inclusive('\n').nth(line.saturating_sub(1)).unwrap_or_default();
    before + line.char_indices().take_while(|(at, _)| *at < column.saturating_sub(1)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong_at(text: &str) -> usize {
        parse_json(text).expect_err("it is no JSON").at
    }

    #[test]
    fn the_place_is_that_of_the_letter_that_is_wrong() {
        assert_eq!(wrong_at(r#"{"a": x}"#), 6);
        assert_eq!(wrong_at("{\n  \"é\": 1,\n  }\n"), 14);
        assert_eq!(wrong_at(r#"{"é": é}"#), 6);
    }

    #[test]
    fn an_early_end_is_at_the_end() {
        let text = r#"{"all": ["#;
        assert!(wrong_at(text) + 1 >= text.len());
    }
}
