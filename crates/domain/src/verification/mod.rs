//! How a request proves that it comes from the sender it should: what a source keeps, and what may be saved.

use serde::{Deserialize, Serialize};

pub use self::{input::VerificationInput, secret::without_armour};
use crate::{
    patch::mask,
    template::scheme::{Algorithm, Form, SecretForm, Signed, SignedTime, TimePlace, TokenPlace},
};

mod input;
mod secret;

/// How many secrets of one source may be live at once.
pub const MAX_SECRETS: usize = 10;
const MAX_SECRET_BYTES: usize = 500;

/// How a request proves that it comes from the provider.
///
/// The secrets are as the provider gave them while a request is checked, sealed at rest, and masked in answers;
/// [`Verification::map_secrets`] goes from one to the other. With a template most of this is given by it, and `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verification {
    #[serde(rename = "type")]
    pub kind: VerificationKind,
    /// Several may be live at once, so that one can be rotated without refusing a webhook. For a signature by public
    /// key, the keys.
    pub secrets: Vec<String>,
    /// The header that carries the signature or the token.
    pub header: Option<String>,
    pub prefix: Option<String>,
    pub encoding: Option<Encoding>,
    pub tolerance_seconds: Option<u32>,
    /// The header that carries the signed time.
    #[serde(default)]
    pub timestamp_header: Option<String>,
    #[serde(default)]
    pub timestamp_unit: Option<TimestampUnit>,
    /// The header that carries the signed id.
    #[serde(default)]
    pub id_header: Option<String>,
    /// What is signed, as a pattern ([`crate::signed_content`]).
    #[serde(default)]
    pub signed_content: Option<String>,
    /// Of basic authentication; its password is a secret.
    #[serde(default)]
    pub username: Option<String>,
    /// The parameter in the URL that carries the token.
    #[serde(default)]
    pub query_parameter: Option<String>,
    /// What a handshake must know. Sealed and masked as the secrets are.
    #[serde(default)]
    pub verify_token: Option<String>,
    /// The parameter of a GET request that is given back to who asks.
    #[serde(default)]
    pub challenge_parameter: Option<String>,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerificationKind {
    /// Nothing: whoever knows the URL may post.
    #[default]
    None,
    /// HMAC-SHA256 in the form of the template, or as the source's settings say.
    HmacSha256,
    HmacSha1,
    HmacSha512,
    /// The headers `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
    /// A signature by public key; the source's secrets are the keys.
    Ed25519,
    /// The same, by ECDSA on the curve P-256 with SHA-256.
    EcdsaP256,
    /// The secret itself, in a header or in the URL.
    SharedToken,
    /// The secret is the password of `Authorization: Basic`.
    Basic,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SignatureEncoding"))]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    #[default]
    Hex,
    Base64,
    /// The alphabet for URLs, without padding.
    Base64url,
}

/// How a signed time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TimestampUnit {
    #[default]
    Seconds,
    Milliseconds,
    Rfc3339,
}

impl VerificationKind {
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::HmacSha256,
        Self::HmacSha1,
        Self::HmacSha512,
        Self::StandardWebhooks,
        Self::Ed25519,
        Self::EcdsaP256,
        Self::SharedToken,
        Self::Basic,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::HmacSha256 => "hmac_sha256",
            Self::HmacSha1 => "hmac_sha1",
            Self::HmacSha512 => "hmac_sha512",
            Self::StandardWebhooks => "standard_webhooks",
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa_p256",
            Self::SharedToken => "shared_token",
            Self::Basic => "basic",
        }
    }

    /// What its secrets have to look like.
    #[must_use]
    pub const fn secret_form(self) -> SecretForm {
        match self {
            Self::StandardWebhooks => SecretForm::WhsecOrWhpk,
            Self::Ed25519 => SecretForm::Ed25519Key,
            Self::EcdsaP256 => SecretForm::P256Key,
            Self::None | Self::HmacSha256 | Self::HmacSha1 | Self::HmacSha512 | Self::SharedToken | Self::Basic => {
                SecretForm::Text
            }
        }
    }
}

impl Verification {
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The same with every secret changed by `f`.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<E>(mut self, mut f: impl FnMut(&String) -> Result<String, E>) -> Result<Self, E> {
        self.secrets = self.secrets.iter().map(&mut f).collect::<Result<_, _>>()?;
        self.verify_token = self.verify_token.as_ref().map(f).transpose()?;
        Ok(self)
    }

    /// The same as answers show it.
    #[must_use]
    pub fn masked(mut self) -> Self {
        self.secrets = self.secrets.iter().map(|secret| mask(secret)).collect();
        self.verify_token = self.verify_token.as_deref().map(mask);
        self
    }

    /// The signature that these settings describe; `None` where they describe none.
    #[must_use]
    pub fn signed(&self) -> Option<Signed<'_>> {
        let time = self.timestamp_header.as_deref().map(|header| SignedTime {
            place: TimePlace::Header(header),
            unit: self.timestamp_unit.unwrap_or_default(),
        });
        Some(Signed {
            header: self.header.as_deref()?,
            form: Form::Plain { prefix: self.prefix.as_deref().unwrap_or_default() },
            algorithm: Algorithm::of(self.kind)?,
            encoding: self.encoding.unwrap_or_default(),
            time,
            id_header: self.id_header.as_deref(),
            content: self.signed_content.as_deref().unwrap_or(default_content(time.is_some())),
        })
    }

    /// Where these settings expect a token; `None` where they expect none.
    #[must_use]
    pub fn token_place(&self) -> Option<TokenPlace<'_>> {
        if self.kind != VerificationKind::SharedToken {
            return None;
        }
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let header = self.header.as_deref().map(|name| TokenPlace::Header { name, prefix });
        header.or_else(|| self.query_parameter.as_deref().map(TokenPlace::Query))
    }
}

const fn default_content(has_time: bool) -> &'static str {
    if has_time { "{timestamp}.{body}" } else { "{body}" }
}

#[cfg(test)]
mod tests;
