//! Destinations: where events go, how they are sent and signed. A type is a file: its settings as they are typed, and
//! as data ([`Setting`]).

mod auth;
mod aws;
mod config;
mod http;
mod kafka;
mod kind;
mod pubsub;
mod rabbitmq;
mod setting;
mod signing;
mod websocket;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    auth::{Auth, AuthType, ClientAuth},
    aws::{AwsKey, EventBridgeConfig, S3Config, S3Format, SqsConfig},
    config::Config,
    http::{HttpConfig, Method},
    kafka::{KafkaConfig, KafkaVersion},
    kind::DestinationType,
    pubsub::PubsubConfig,
    rabbitmq::RabbitmqConfig,
    setting::{Setting, SettingKind},
    signing::{HmacAlgorithm, Signing, SigningInput, SigningScheme},
    websocket::{WebsocketConfig, WhenNobodyListens, check_channel},
};
use crate::{
    circuit::{CircuitBreaker, CircuitBreakerInput},
    field::{FieldErrors, parse_name},
    id::{DestinationId, EnvId},
    ordering::{Ordering, OrderingInput},
    patch::{mask, unmask_secrets},
    project::parse_slug,
    rate_limit::{RateLimit, RateLimitInput},
    retry::{RetryInput, RetryPolicy},
    source::is_header_name,
    time::Timestamp,
};

/// A receiver and how it is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Destination {
    pub id: DestinationId,
    pub env_id: EnvId,
    pub name: String,
    pub slug: String,
    /// Its `type` and `config`.
    #[serde(flatten)]
    pub config: Config,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl Destination {
    /// The same with every secret changed by `f`.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<E>(mut self, mut f: impl FnMut(&String) -> Result<String, E>) -> Result<Self, E> {
        self.config = self.config.map_secrets(&mut f)?;
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DestinationInput {
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1, "maxLength" = 100)))]
    pub name: String,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^([a-z0-9]+(-[a-z0-9]+)*)?$", "maxLength" = 60)))]
    pub slug: Option<String>,
    #[serde(rename = "type")]
    pub kind: DestinationType,
    #[cfg_attr(feature = "schema", schemars(with = "Config"))]
    pub config: Value,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Auth>"))]
    pub auth: Option<Value>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = MAX_HEADERS)))]
    pub headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 100, "maximum" = 120_000, "default" = DEFAULT_TIMEOUT_MS)))]
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

/// A destination that can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct DestinationSpec {
    pub name: String,
    pub slug: String,
    pub config: Config,
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
        let config = Config::parse(&mut errors, self.kind, &self.config);
        let auth = self.auth.and_then(|auth| Auth::parse(&mut errors, &auth)).unwrap_or_default();
        let headers = self.headers.unwrap_or_default();
        check_headers(&mut errors, &headers);
        if self.kind != DestinationType::Http {
            if auth != Auth::None {
                errors.push("auth.type", "must be none: the credentials of this type stand in config");
            }
            if !headers.is_empty() {
                errors.push("headers", "must be empty: only the type http sends them");
            }
        }
        let timeout_ms = self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS);
        if !(100..=120_000).contains(&timeout_ms) {
            errors.push("timeout_ms", "must be 100 to 120000");
        }
        let retry = self.retry.unwrap_or_default().parse(&mut errors);
        let circuit_breaker = self.circuit_breaker.unwrap_or_default().parse(&mut errors);
        let rate_limit = self.rate_limit.map(|limit| limit.parse(&mut errors));
        let ordering = self.ordering.unwrap_or_default().parse(&mut errors);
        let signing = self.signing.unwrap_or_default().parse(&mut errors, self.kind);
        let status = self.status.unwrap_or_default();
        match config {
            Some(config) if errors.is_empty() => Ok(DestinationSpec {
                name,
                slug,
                config,
                auth,
                headers,
                timeout_ms,
                retry,
                circuit_breaker,
                rate_limit,
                ordering,
                signing,
                status,
            }),
            _ => Err(errors),
        }
    }

    /// Puts the secrets of `known`, which are opened, into the places that hold them masked, so that what was read can be
    /// sent again.
    pub fn unmask(&mut self, known: &Destination) {
        if self.kind == known.config.kind() {
            setting::unmask(self.kind.settings(), &mut self.config, &known.config.settings());
        }
        let known_auth = serde_json::to_value(&known.auth).unwrap_or_default();
        if let Some(auth) = self.auth.as_mut().filter(|auth| auth["type"] == known_auth["type"]) {
            setting::unmask(known.auth.kind().settings(), auth, &known_auth);
        }
        if let Some(signing) = &mut self.signing {
            let given = std::mem::take(&mut signing.secrets);
            signing.secrets = unmask_secrets(given, &known.signing.secrets);
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

impl From<&Destination> for DestinationInput {
    fn from(destination: &Destination) -> Self {
        Self {
            name: destination.name.clone(),
            slug: Some(destination.slug.clone()),
            kind: destination.config.kind(),
            config: destination.config.settings(),
            auth: serde_json::to_value(&destination.auth).ok(),
            headers: Some(destination.headers.clone()),
            timeout_ms: Some(destination.timeout_ms),
            retry: Some(RetryInput::from(&destination.retry)),
            circuit_breaker: Some(CircuitBreakerInput::from(&destination.circuit_breaker)),
            rate_limit: destination.rate_limit.as_ref().map(RateLimitInput::from),
            ordering: Some(OrderingInput::from(&destination.ordering)),
            signing: Some(SigningInput::from(&destination.signing)),
            status: Some(destination.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input(url: &str) -> DestinationInput {
        DestinationInput {
            name: "d".into(),
            slug: None,
            kind: DestinationType::Http,
            config: json!({ "url": url }),
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
    fn a_destination_is_the_same_on_both_sides_of_the_wire() {
        let destination = json!({
            "id": "dst_0123456789abcdef0123456789abcdef",
            "env_id": "env_0123456789abcdef0123456789abcdef",
            "name": "d",
            "slug": "d",
            "type": "rabbitmq",
            "config": {
                "management_url": "https://x.test/", "vhost": "/", "exchange": "e", "routing_key": null,
                "username": "u", "password": "p"
            },
            "auth": { "type": "none" },
            "headers": {},
            "timeout_ms": 1000,
            "retry": RetryPolicy::default(),
            "circuit_breaker": CircuitBreaker::default(),
            "rate_limit": null,
            "ordering": Ordering::default(),
            "signing": { "scheme": "none", "secrets": [], "header": null, "prefix": null, "algorithm": null },
            "status": "active",
            "created_at": "2026-01-01T00:00:00.000Z",
            "updated_at": "2026-01-01T00:00:00.000Z",
        });
        let read: Destination = serde_json::from_value(destination.clone()).expect("it reads");
        assert_eq!(json!(read), destination);
        assert_eq!(json!(read.masked())["config"]["password"], mask("p"));
    }

    #[test]
    fn what_was_read_can_be_sent_again() {
        let auth = Auth::AwsSigv4 {
            service: "execute-api".into(),
            region: "eu-central-1".into(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            // Masked, the two look the same.
            secret_access_key: "first".into(),
            session_token: Some("second".into()),
        };
        let mut new = input("https://example.com");
        new.auth = serde_json::to_value(auth).ok();
        let spec = new.clone().parse().expect("it is allowed");
        let at = Timestamp::from_micros(0);
        let known = Destination {
            id: DestinationId::new(at, 1),
            env_id: EnvId::new(at, 1),
            name: spec.name,
            slug: spec.slug,
            config: spec.config,
            auth: spec.auth,
            headers: spec.headers,
            timeout_ms: spec.timeout_ms,
            retry: spec.retry,
            circuit_breaker: spec.circuit_breaker,
            rate_limit: None,
            ordering: spec.ordering,
            signing: spec.signing,
            status: spec.status,
            created_at: at,
            updated_at: at,
        };
        let mut again = DestinationInput::from(&known.clone().masked());
        assert!(again.clone().parse().is_err());
        again.unmask(&known);
        assert_eq!(again.parse().expect("it is allowed").auth, known.auth);
    }

    #[test]
    fn only_requests_have_authentication_headers_and_signatures() {
        let mut channel = input("");
        channel.kind = DestinationType::Websocket;
        channel.config = json!({ "channel": "orders" });
        assert!(channel.clone().parse().is_ok_and(|spec| spec.signing.scheme == SigningScheme::None));
        channel.auth = Some(json!({ "type": "bearer", "token": "x" }));
        channel.headers = Some([("x-a".to_owned(), "1".to_owned())].into());
        let errors = channel.parse().expect_err("neither has a place");
        assert!(errors.at("auth.type").is_some() && errors.at("headers").is_some());
    }
}
