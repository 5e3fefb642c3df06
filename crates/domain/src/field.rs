//! Errors that name the field: what a form shows under an input and the API lists in a 422.

use serde::{Deserialize, Serialize};

/// One thing wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// Where, as a dotted path from the root of the request: `retry.max_attempts`.
    pub path: String,
    /// What was wrong and what is wanted, in a sentence without its subject: `must be 1 to 50`.
    pub message: String,
    /// Where in the text of the field, in characters; of an expression that does not parse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
}

/// Everything wrong with a request; never empty where it is returned as an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}", self.summary())]
#[serde(transparent)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// One error alone.
    #[must_use]
    pub fn one(path: impl Into<String>, message: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.push(path, message);
        errors
    }

    pub fn push(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { path: path.into(), message: message.into(), position: None });
    }

    /// The same for what stands at a place in the field's text.
    pub fn push_at(&mut self, path: impl Into<String>, message: impl Into<String>, position: Option<usize>) {
        self.0.push(FieldError { path: path.into(), message: message.into(), position });
    }

    /// Adds all of another's.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Keeps the value of `result`, or notes its error at `path`.
    pub fn check<T, E: std::fmt::Display>(&mut self, path: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.push(path, error.to_string())).ok()
    }

    /// `Ok` when nothing is wrong.
    ///
    /// # Errors
    /// Itself, when anything is.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// The first message for `path` itself.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|error| error.path == path).map(|error| error.message.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.0.iter()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn summary(&self) -> String {
        let parts: Vec<_> = self.0.iter().map(|error| format!("{} {}", error.path, error.message)).collect();
        parts.join("; ")
    }
}

/// A name that people gave: trimmed, 1 to 100 characters, no control characters.
///
/// # Errors
/// Says what is wanted.
pub fn parse_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    if name.is_empty() {
        return Err("must not be empty");
    }
    if name.chars().count() > 100 {
        return Err("must be at most 100 characters");
    }
    if name.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    Ok(name.to_owned())
}

/// A slug from a name: lowercase letters, digits and single hyphens, at most 60.
#[must_use]
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 60 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "unnamed".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(parse_name("  Billing "), Ok("Billing".to_owned()));
        assert!(parse_name("   ").is_err());
        assert!(parse_name(&"x".repeat(101)).is_err());
        assert!(parse_name("a\nb").is_err());
    }

    #[test]
    fn slugs_are_plain() {
        assert_eq!(slug_of("Stripe – Live (EU)"), "stripe-live-eu");
        assert_eq!(slug_of("日本"), "unnamed");
    }
}
