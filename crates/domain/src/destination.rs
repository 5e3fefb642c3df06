//! Destinations: where events go, how they are sent and signed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    circuit::{CircuitBreaker, CircuitBreakerInput},
    field::{FieldErrors, parse_name},
    id::{DestinationId, EnvId},
    ordering::{Ordering, OrderingInput},
    patch::mask,
    project::parse_slug,
    rate_limit::{RateLimit, RateLimitInput},
    retry::{RetryInput, RetryPolicy},
    source::is_header_name,
    time::Timestamp,
};

/// A receiver and how it is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Destination {
    pub id: DestinationId,
    pub env_id: EnvId,
    pub name: String,
    pub slug: String,
    #[serde(rename = "type")]
    pub kind: DestinationType,
    pub config: HttpConfig,
    pub auth: Auth,
    /// Sent with every delivery, beside hookstream's own.
    pub headers: BTreeMap<String, String>,
    pub timeout_ms: u32,
    pub retry: RetryPolicy,
    pub circuit_breaker: CircuitBreaker,
    pub rate_limit: Option<RateLimit>,
    pub ordering: Ordering,
    pub signing: Signing,
    pub status: DestinationStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationType {
    Http,
}

impl DestinationType {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
        }
    }
}

impl std::str::FromStr for DestinationType {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "http" { Ok(Self::Http) } else { Err("must be http") }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationStatus {
    #[default]
    Active,
    /// Deliveries wait until it is resumed.
    Paused,
}

impl DestinationStatus {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }
}

impl std::str::FromStr for DestinationStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "active" => Ok(Self::Active),
            "paused" => Ok(Self::Paused),
            _ => Err("must be active or paused"),
        }
    }
}

/// Settings of the type `http`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    pub url: String,
    #[serde(default)]
    pub method: Method,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    #[default]
    Post,
    Put,
    Patch,
    Get,
    Delete,
}

impl Method {
    pub const ALL: [Self; 5] = [Self::Post, Self::Put, Self::Patch, Self::Get, Self::Delete];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Get => "GET",
            Self::Delete => "DELETE",
        }
    }
}

impl std::str::FromStr for Method {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or("must be POST, PUT, PATCH, GET or DELETE")
    }
}

/// How hookstream proves to the receiver's gatekeeper who it is. Secrets as with [`crate::source::Verification`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    #[default]
    None,
    Basic {
        username: String,
        password: String,
    },
    Bearer {
        token: String,
    },
    ApiKey {
        header: String,
        value: String,
    },
}

impl Auth {
    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<E>(self, mut f: impl FnMut(&String) -> Result<String, E>) -> Result<Self, E> {
        Ok(match self {
            Self::None => Self::None,
            Self::Basic { username, password } => Self::Basic { username, password: f(&password)? },
            Self::Bearer { token } => Self::Bearer { token: f(&token)? },
            Self::ApiKey { header, value } => Self::ApiKey { header, value: f(&value)? },
        })
    }

    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        match self {
            Self::None => vec![],
            Self::Basic { password: secret, .. }
            | Self::Bearer { token: secret }
            | Self::ApiKey { value: secret, .. } => {
                vec![secret.clone()]
            }
        }
    }
}

/// How a delivery is signed, so that the receiver can tell that it comes from here. Secrets as with
/// [`crate::source::Verification`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    pub scheme: SigningScheme,
    /// `whsec_` and base64. Several sign at once while a secret is rotated.
    pub secrets: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SigningScheme {
    /// The headers `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
    None,
}

impl Signing {
    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<E>(mut self, f: impl FnMut(&String) -> Result<String, E>) -> Result<Self, E> {
        self.secrets = self.secrets.iter().map(f).collect::<Result<_, _>>()?;
        Ok(self)
    }
}

impl Destination {
    /// The same with every secret changed by `f`.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<E>(mut self, mut f: impl FnMut(&String) -> Result<String, E>) -> Result<Self, E> {
        self.auth = self.auth.map_secrets(&mut f)?;
        self.signing = self.signing.map_secrets(&mut f)?;
        Ok(self)
    }

    /// The same as answers show it.
    #[must_use]
    pub fn masked(self) -> Self {
        let Ok(masked) = self.map_secrets(|secret| Ok::<_, std::convert::Infallible>(mask(secret)));
        masked
    }
}

/// What makes or changes a destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationInput {
    pub name: String,
    #[serde(default)]
    pub slug: Option<String>,
    #[serde(rename = "type")]
    pub kind: DestinationType,
    pub config: HttpConfig,
    #[serde(default)]
    pub auth: Option<Auth>,
    #[serde(default)]
    pub headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub timeout_ms: Option<u32>,
    #[serde(default)]
    pub retry: Option<RetryInput>,
    #[serde(default)]
    pub circuit_breaker: Option<CircuitBreakerInput>,
    #[serde(default)]
    pub rate_limit: Option<RateLimitInput>,
    #[serde(default)]
    pub ordering: Option<OrderingInput>,
    #[serde(default)]
    pub signing: Option<SigningInput>,
    #[serde(default)]
    pub status: Option<DestinationStatus>,
}

/// How deliveries are to be signed. Without secrets one is generated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningInput {
    #[serde(default)]
    pub scheme: Option<SigningScheme>,
    #[serde(default)]
    pub secrets: Vec<String>,
}

/// A destination that can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct DestinationSpec {
    pub name: String,
    pub slug: String,
    pub kind: DestinationType,
    pub config: HttpConfig,
    pub auth: Auth,
    pub headers: BTreeMap<String, String>,
    pub timeout_ms: u32,
    pub retry: RetryPolicy,
    pub circuit_breaker: CircuitBreaker,
    pub rate_limit: Option<RateLimit>,
    pub ordering: Ordering,
    /// Its `secrets` are empty where one is to be generated.
    pub signing: Signing,
    pub status: DestinationStatus,
}

pub const DEFAULT_TIMEOUT_MS: u32 = 30_000;
const MAX_HEADERS: usize = 30;
/// Headers that belong to the connection or that hookstream writes itself.
const RESERVED_HEADERS: [&str; 9] =
    ["connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"];

impl DestinationInput {
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(self) -> Result<DestinationSpec, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", parse_name(&self.name)).unwrap_or_default();
        let slug = parse_slug(&mut errors, self.slug, &name);
        let url = errors.check("config.url", parse_url(&self.config.url)).unwrap_or_default();
        let auth = self.auth.unwrap_or_default();
        check_auth(&mut errors, &auth);
        let headers = self.headers.unwrap_or_default();
        check_headers(&mut errors, &headers);
        let timeout_ms = self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS);
        if !(100..=120_000).contains(&timeout_ms) {
            errors.push("timeout_ms", "must be 100 to 120000");
        }
        let retry = self.retry.unwrap_or_default().parse(&mut errors);
        let circuit_breaker = self.circuit_breaker.unwrap_or_default().parse(&mut errors);
        let rate_limit = self.rate_limit.map(|limit| limit.parse(&mut errors));
        let ordering = self.ordering.unwrap_or_default().parse(&mut errors);
        let signing = parse_signing(&mut errors, self.signing.unwrap_or_default());
        errors.into_result()?;
        Ok(DestinationSpec {
            name,
            slug,
            kind: self.kind,
            config: HttpConfig { url, method: self.config.method },
            auth,
            headers,
            timeout_ms,
            retry,
            circuit_breaker,
            rate_limit,
            ordering,
            signing,
            status: self.status.unwrap_or_default(),
        })
    }
}

fn parse_url(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("must not be empty");
    }
    if text.len() > 2000 {
        return Err("must be at most 2000 characters");
    }
    let url = Url::parse(text).map_err(|_| "must be a URL such as https://example.com/webhooks")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password: set them under authentication");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("must name a host");
    }
    Ok(url.into())
}

fn check_auth(errors: &mut FieldErrors, auth: &Auth) {
    let mut secret = |path: &str, text: &str| {
        if text.is_empty() {
            errors.push(path, "must not be empty");
        } else if text.contains('•') {
            errors.push(path, "is masked and is not the secret kept");
        } else if text.len() > 4000 || text.chars().any(char::is_control) {
            errors.push(path, "must be at most 4000 bytes without control characters");
        }
    };
    match auth {
        Auth::None => {}
        Auth::Basic { username, password } => {
            secret("auth.password", password);
            if username.is_empty() || username.contains(':') || username.chars().any(char::is_control) {
                errors.push("auth.username", "must not be empty and must not hold a colon");
            }
        }
        Auth::Bearer { token } => secret("auth.token", token),
        Auth::ApiKey { header, value } => {
            secret("auth.value", value);
            if !is_header_name(header) || RESERVED_HEADERS.contains(&header.to_ascii_lowercase().as_str()) {
                errors.push("auth.header", "must be the name of a header");
            }
        }
    }
}

fn check_headers(errors: &mut FieldErrors, headers: &BTreeMap<String, String>) {
    if headers.len() > MAX_HEADERS {
        errors.push("headers", "must be at most 30");
    }
    for (name, value) in headers {
        let path = format!("headers.{name}");
        let lower = name.to_ascii_lowercase();
        if !is_header_name(name) {
            errors.push(path, "is no header name");
        } else if RESERVED_HEADERS.contains(&lower.as_str())
            || lower.starts_with("webhook-")
            || lower.starts_with("x-hookstream-")
        {
            errors.push(path, "is set by hookstream itself");
        } else if value.len() > 4000 || !value.bytes().all(|b| b == b'\t' || (0x20..0x7f).contains(&b)) {
            errors.push(path, "must be at most 4000 printable ASCII characters");
        }
    }
}

fn parse_signing(errors: &mut FieldErrors, input: SigningInput) -> Signing {
    let scheme = input.scheme.unwrap_or(SigningScheme::StandardWebhooks);
    if scheme == SigningScheme::None && !input.secrets.is_empty() {
        errors.push("signing.secrets", "have no use with the scheme none");
    }
    if input.secrets.len() > 5 {
        errors.push("signing.secrets", "must be at most 5");
    }
    for (index, secret) in input.secrets.iter().enumerate() {
        if secret.contains('•') {
            errors.push(format!("signing.secrets.{index}"), "is masked and matches none of the secrets kept");
        } else if !secret.strip_prefix("whsec_").is_some_and(is_base64_of_24_to_64_bytes) {
            errors.push(format!("signing.secrets.{index}"), "must be whsec_ and the base64 of 24 to 64 bytes");
        }
    }
    Signing { scheme, secrets: input.secrets }
}

fn is_base64_of_24_to_64_bytes(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && (32..=86).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

impl From<&Destination> for DestinationInput {
    fn from(destination: &Destination) -> Self {
        Self {
            name: destination.name.clone(),
            slug: Some(destination.slug.clone()),
            kind: destination.kind,
            config: destination.config.clone(),
            auth: Some(destination.auth.clone()),
            headers: Some(destination.headers.clone()),
            timeout_ms: Some(destination.timeout_ms),
            retry: Some(RetryInput::from(&destination.retry)),
            circuit_breaker: Some(CircuitBreakerInput::from(&destination.circuit_breaker)),
            rate_limit: destination.rate_limit.as_ref().map(RateLimitInput::from),
            ordering: Some(OrderingInput::from(&destination.ordering)),
            signing: Some(SigningInput {
                scheme: Some(destination.signing.scheme),
                secrets: destination.signing.secrets.clone(),
            }),
            status: Some(destination.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(url: &str) -> DestinationInput {
        DestinationInput {
            name: "d".into(),
            slug: None,
            kind: DestinationType::Http,
            config: HttpConfig { url: url.into(), method: Method::Post },
            auth: None,
            headers: None,
            timeout_ms: None,
            retry: None,
            circuit_breaker: None,
            rate_limit: None,
            ordering: None,
            signing: None,
            status: None,
        }
    }

    #[test]
    fn urls_are_web_addresses_without_credentials() {
        assert!(input("https://example.com/x?y=1").parse().is_ok());
        for bad in ["", "example.com", "ftp://example.com", "https://u:p@example.com", "file:///etc/passwd", "http://"]
        {
            let errors = input(bad).parse().expect_err(bad);
            assert!(errors.at("config.url").is_some(), "{bad}");
        }
    }

    #[test]
    fn hookstreams_own_headers_cannot_be_set() {
        let mut with_headers = input("https://example.com");
        let bad = ["Host", "webhook-id", "X-Hookstream-Attempt", "bad name", "content-length"];
        with_headers.headers = Some(bad.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect());
        let errors = with_headers.parse().expect_err("none may be set");
        assert_eq!(errors.iter().count(), bad.len());
    }

    #[test]
    fn signing_secrets_are_base64() {
        let mut signed = input("https://example.com");
        signed.signing = Some(SigningInput { scheme: None, secrets: vec!["whsec_short".into()] });
        assert!(signed.clone().parse().expect_err("too short").at("signing.secrets.0").is_some());
        signed.signing = Some(SigningInput { scheme: None, secrets: vec![format!("whsec_{}", "A".repeat(32))] });
        assert!(signed.parse().is_ok());
    }
}
