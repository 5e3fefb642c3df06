//! How a delivery is signed, so that the receiver can tell that it comes from here.

use serde::{Deserialize, Serialize};

use super::{RESERVED_HEADERS, kind::DestinationType};
use crate::{field::FieldErrors, source::is_header_name};

/// Secrets as with [`crate::source::Verification`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Signing {
    pub scheme: SigningScheme,
    /// `whsec_` and base64 for Standard Webhooks, any text for a plain HMAC. Several sign at once while a secret is
    /// rotated.
    pub secrets: Vec<String>,
    /// Where a plain HMAC stands.
    #[serde(default)]
    pub header: Option<String>,
    /// What stands before the digits of a plain HMAC: `sha256=`.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Of a plain HMAC.
    #[serde(default)]
    pub algorithm: Option<HmacAlgorithm>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SigningScheme {
    /// The headers `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
    /// The HMAC of the body in hexadecimal digits, in a header of one's choice.
    Hmac,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HmacAlgorithm {
    Sha1,
    #[default]
    Sha256,
    Sha512,
}

impl HmacAlgorithm {
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha512, Self::Sha1];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// How deliveries are to be signed. Without secrets one is generated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SigningInput {
    #[serde(default)]
    pub scheme: Option<SigningScheme>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxItems" = MAX_SECRETS)))]
    pub secrets: Vec<String>,
    #[serde(default)]
    pub header: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = 50)))]
    pub prefix: Option<String>,
    #[serde(default)]
    pub algorithm: Option<HmacAlgorithm>,
}

const MAX_SECRETS: usize = 5;

impl Signing {
    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<E>(mut self, f: impl FnMut(&String) -> Result<String, E>) -> Result<Self, E> {
        self.secrets = self.secrets.iter().map(f).collect::<Result<_, _>>()?;
        Ok(self)
    }
}

impl From<&Signing> for SigningInput {
    fn from(signing: &Signing) -> Self {
        Self {
            scheme: Some(signing.scheme),
            secrets: signing.secrets.clone(),
            header: signing.header.clone(),
            prefix: signing.prefix.clone(),
            algorithm: signing.algorithm,
        }
    }
}

impl SigningInput {
    pub(super) fn parse(self, errors: &mut FieldErrors, kind: DestinationType) -> Signing {
        let is_http = kind == DestinationType::Http;
        let usual = if is_http { SigningScheme::StandardWebhooks } else { SigningScheme::None };
        let scheme = self.scheme.unwrap_or(usual);
        if !is_http && scheme != SigningScheme::None {
            errors.push("signing.scheme", "must be none: only requests of the type http are signed");
        }
        if scheme == SigningScheme::None && !self.secrets.is_empty() {
            errors.push("signing.secrets", "must be empty with the scheme none");
        }
        if self.secrets.len() > MAX_SECRETS {
            errors.push("signing.secrets", "must be at most 5");
        }
        for (index, secret) in self.secrets.iter().enumerate() {
            if let Err(message) = check_secret(scheme, secret) {
                errors.push(format!("signing.secrets.{index}"), message);
            }
        }
        if scheme == SigningScheme::Hmac {
            return self.parse_hmac(errors);
        }
        for (path, given) in [
            ("signing.header", self.header.is_some()),
            ("signing.prefix", self.prefix.is_some()),
            ("signing.algorithm", self.algorithm.is_some()),
        ] {
            if given {
                errors.push(path, "must be left out: it has a meaning with the scheme hmac alone");
            }
        }
        Signing { scheme, secrets: self.secrets, header: None, prefix: None, algorithm: None }
    }

    fn parse_hmac(self, errors: &mut FieldErrors) -> Signing {
        let header = self.header.map(|name| name.trim().to_owned()).unwrap_or_default();
        let lower = header.to_ascii_lowercase();
        if !is_header_name(&header) {
            errors.push("signing.header", "must name the header that carries the signature");
        } else if RESERVED_HEADERS.contains(&lower.as_str()) || lower.starts_with("x-hookstream-") {
            errors.push("signing.header", "must not be a header that is set otherwise");
        }
        let prefix = self.prefix.filter(|prefix| !prefix.is_empty());
        if prefix.as_ref().is_some_and(|it| it.len() > 50 || !it.bytes().all(|b| b.is_ascii_graphic() || b == b' ')) {
            errors.push("signing.prefix", "must be at most 50 printable ASCII characters");
        }
        let algorithm = Some(self.algorithm.unwrap_or_default());
        Signing { scheme: SigningScheme::Hmac, secrets: self.secrets, header: Some(header), prefix, algorithm }
    }
}

fn check_secret(scheme: SigningScheme, secret: &str) -> Result<(), &'static str> {
    if secret.contains('•') {
        return Err("is masked and matches none of the secrets kept");
    }
    match scheme {
        SigningScheme::Hmac if (8..=500).contains(&secret.len()) && !secret.chars().any(char::is_control) => Ok(()),
        SigningScheme::Hmac => Err("must be 8 to 500 bytes without control characters"),
        _ if secret.strip_prefix("whsec_").is_some_and(is_base64_of_24_to_64_bytes) => Ok(()),
        _ => Err("must be whsec_ and the base64 of 24 to 64 bytes"),
    }
}

fn is_base64_of_24_to_64_bytes(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && (32..=86).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors_of(input: SigningInput, kind: DestinationType) -> FieldErrors {
        let mut errors = FieldErrors::default();
        input.parse(&mut errors, kind);
        errors
    }

    #[test]
    fn secrets_of_standard_webhooks_are_base64() {
        let with = |secret: String| SigningInput { secrets: vec![secret], ..SigningInput::default() };
        assert!(errors_of(with("whsec_short".into()), DestinationType::Http).at("signing.secrets.0").is_some());
        assert!(errors_of(with(format!("whsec_{}", "A".repeat(32))), DestinationType::Http).is_empty());
    }

    #[test]
    fn an_hmac_needs_its_header_and_only_it_has_one() {
        let hmac = SigningInput { scheme: Some(SigningScheme::Hmac), ..SigningInput::default() };
        assert!(errors_of(hmac.clone(), DestinationType::Http).at("signing.header").is_some());
        let with_header = SigningInput { header: Some("X-Signature".into()), ..hmac };
        let mut errors = FieldErrors::default();
        let signing = with_header.clone().parse(&mut errors, DestinationType::Http);
        assert!(errors.is_empty());
        assert_eq!(signing.algorithm, Some(HmacAlgorithm::Sha256));
        assert!(errors_of(with_header.clone(), DestinationType::Kafka).at("signing.scheme").is_some());
        let other = SigningInput { scheme: Some(SigningScheme::StandardWebhooks), ..with_header };
        assert!(errors_of(other, DestinationType::Http).at("signing.header").is_some());
    }

    #[test]
    fn a_row_of_the_first_version_still_reads() {
        let stored = r#"{"scheme":"standard_webhooks","secrets":["v1:x:y"]}"#;
        let signing: Signing = serde_json::from_str(stored).expect("it reads");
        assert_eq!((signing.scheme, signing.header), (SigningScheme::StandardWebhooks, None));
    }
}
