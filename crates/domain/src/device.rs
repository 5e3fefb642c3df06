//! Signing a machine in: it shows a short code, and a person who is signed in to the dashboard says yes.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    api_key::NewApiKey,
    field::{FieldErrors, parse_name},
    permission::Scope,
    project::Environment,
    time::Timestamp,
};

/// How long a code is good for.
pub const CODE_LIFETIME: Duration = Duration::from_mins(10);
/// How often a machine may ask whether it was let in.
pub const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Consonants that are not taken for one another, nor for digits, and make no words.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// The code that a person types: `BCDF-GHJK`.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode([u8; LENGTH]);

impl UserCode {
    /// From random bytes; each letter is about as likely as any other.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        let letter = |index: usize| {
            let number = (usize::from(random[2 * index]) << 8) | usize::from(random[2 * index + 1]);
            ALPHABET[number % ALPHABET.len()]
        };
        Self(std::array::from_fn(letter))
    }

    /// The letters alone.
    #[must_use]
    pub fn letters(&self) -> String {
        self.0.iter().map(|letter| char::from(*letter)).collect()
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = self.letters();
        let (first, last) = letters.split_at(LENGTH / 2);
        write!(f, "{first}-{last}")
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode")
    }
}

/// However it is typed: with small letters, with spaces, without the hyphen.
impl FromStr for UserCode {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "must be the eight letters that the terminal shows";
        let typed = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase());
        let letters: Vec<u8> = typed.map(|c| u8::try_from(c).unwrap_or(0)).take(LENGTH + 1).collect();
        let letters: [u8; LENGTH] = letters.try_into().map_err(|_| WANTED)?;
        if letters.iter().all(|letter| ALPHABET.contains(letter)) { Ok(Self(letters)) } else { Err(WANTED) }
    }
}

/// What a machine asks with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceCodeInput {
    /// The machine's name; the key is named after it.
    pub device_name: String,
}

impl DeviceCodeInput {
    /// # Errors
    /// Names the field.
    pub fn parse(&self) -> Result<String, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("device_name", parse_name(&self.device_name)).unwrap_or_default();
        errors.into_result()?;
        Ok(name)
    }
}

/// What it gets.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceCode {
    /// By which it asks whether it was let in. Nobody else may know it.
    pub device_code: String,
    /// Which a person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code filled in.
    pub verification_uri_complete: String,
    /// Seconds.
    pub expires_in: u64,
    /// Seconds between two questions.
    pub interval: u64,
}

#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceTokenInput {
    pub device_code: String,
}

/// What a machine that was let in gets, this once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceToken {
    pub api_key: NewApiKey,
    pub environment: Environment,
}

/// A machine that waits, as the person who is asked sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRequest {
    pub device_name: String,
    pub device_ip: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a person may let a machine do, given the widest scope that is theirs to give.
#[must_use]
pub fn scopes_up_to(scope: Scope) -> Vec<Scope> {
    Scope::ALL.into_iter().filter(|given| *given <= scope).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        let code = UserCode::new(*b"0123456789abcdef");
        let shown = code.to_string();
        assert_eq!((shown.len(), &shown[4..5]), (9, "-"));
        for typed in
            [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), format!(" {} ", shown.replace('-', ""))]
        {
            assert_eq!(typed.parse(), Ok(code.clone()), "{typed}");
        }
        for wrong in ["", "BCDF", "BCDFGHJKL", "ABCD-EFGH", "BCDF-GHJ0", "éééééééé"] {
            assert!(wrong.parse::<UserCode>().is_err(), "{wrong}");
        }
        assert_eq!(scopes_up_to(Scope::Write), [Scope::Read, Scope::Write]);
    }
}
