//! API keys: `hs_live_<64 hex>` or `hs_test_<64 hex>`, of one project, shown once, kept as a hash.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    field::{FieldErrors, parse_name},
    id::{ApiKeyId, EnvId},
    permission::Scope,
    project::Mode,
    time::Timestamp,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub env_id: EnvId,
    pub name: String,
    /// The first 12 characters, to recognise it by.
    pub key_prefix: String,
    pub scopes: Vec<Scope>,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it opens anything at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none_or(|at| at > now) && self.expires_at.is_none_or(|at| at > now)
    }
}

/// A key together with its text, which is shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewApiKey {
    pub key: String,
    #[serde(flatten)]
    pub api_key: ApiKey,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1, "maxLength" = 100)))]
    pub name: String,
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    pub scopes: Vec<Scope>,
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// What of a key can be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKeyNameInput {
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1, "maxLength" = 100)))]
    pub name: String,
}

impl ApiKeyNameInput {
    /// # Errors
    /// Says what is wanted.
    pub fn parse(self) -> Result<String, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", parse_name(&self.name)).unwrap_or_default();
        errors.into_result()?;
        Ok(name)
    }
}

/// How a key is replaced by another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateInput {
    /// How long the old key works beside the new one.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("minimum" = 0, "maximum" = Self::MAX_OVERLAP, "default" = Self::DEFAULT_OVERLAP))
    )]
    pub overlap_hours: Option<u32>,
}

impl RotateInput {
    pub const DEFAULT_OVERLAP: u32 = 24;
    pub const MAX_OVERLAP: u32 = 168;

    /// # Errors
    /// When it is too long.
    pub fn overlap(self) -> Result<Duration, FieldErrors> {
        match self.overlap_hours.unwrap_or(Self::DEFAULT_OVERLAP) {
            hours @ 0..=Self::MAX_OVERLAP => Ok(Duration::from_secs(u64::from(hours) * 3_600)),
            _ => Err(FieldErrors::one("overlap_hours", "must be 0 to 168 (a week)")),
        }
    }
}

impl ApiKeyInput {
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(mut self, now: Timestamp) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        self.name = errors.check("name", parse_name(&self.name)).unwrap_or_default();
        self.scopes.sort_unstable();
        self.scopes.dedup();
        if self.scopes.is_empty() {
            errors.push("scopes", "must name at least one of read, write, admin");
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            errors.push("expires_at", "must be in the future");
        }
        errors.into_result()?;
        Ok(self)
    }
}

/// Writes the text of a key from 32 random bytes.
#[must_use]
pub fn key_text(mode: Mode, random: [u8; 32]) -> String {
    use std::fmt::Write;
    let mut text = format!("hs_{}_", mode.as_str());
    for byte in random {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether a text has the form of a key. Says nothing on whether it opens anything.
#[must_use]
pub fn looks_like_key(text: &str) -> bool {
    ["hs_live_", "hs_test_"].iter().any(|prefix| {
        text.strip_prefix(prefix)
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_form_of_its_project() {
        let text = key_text(Mode::Test, [0xab; 32]);
        assert!(text.starts_with("hs_test_abab") && looks_like_key(&text));
        assert!(!looks_like_key(&text[..text.len() - 1]));
        assert!(!looks_like_key("hs_prod_"));
    }
}
