//! How hookstream proves to the receiver's gatekeeper who it is, for the type `http`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    RESERVED_HEADERS,
    aws::{check_key_id, check_region},
    setting::{self, Setting, SettingKind, parse_url},
};
use crate::{field::FieldErrors, source::is_header_name};

/// Secrets as with [`crate::source::Verification`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
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
    #[serde(rename = "oauth2_client_credentials")]
    OAuth2 {
        token_url: String,
        client_id: String,
        client_secret: String,
        #[serde(default)]
        scope: Option<String>,
        #[serde(default)]
        audience: Option<String>,
        #[serde(default)]
        client_auth: ClientAuth,
    },
    AwsSigv4 {
        service: String,
        region: String,
        access_key_id: String,
        secret_access_key: String,
        #[serde(default)]
        session_token: Option<String>,
    },
    /// A certificate that the connection itself shows.
    Mtls {
        certificate: String,
        private_key: String,
    },
}

/// Where the client's secret stands in the request for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    #[default]
    Basic,
    Body,
}

/// The kinds of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthType {
    None,
    Basic,
    Bearer,
    ApiKey,
    #[serde(rename = "oauth2_client_credentials")]
    OAuth2,
    AwsSigv4,
    Mtls,
}

impl AuthType {
    pub const ALL: [Self; 7] =
        [Self::None, Self::Basic, Self::Bearer, Self::ApiKey, Self::OAuth2, Self::AwsSigv4, Self::Mtls];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Bearer => "bearer",
            Self::ApiKey => "api_key",
            Self::OAuth2 => "oauth2_client_credentials",
            Self::AwsSigv4 => "aws_sigv4",
            Self::Mtls => "mtls",
        }
    }

    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Basic => "Basic",
            Self::Bearer => "Bearer token",
            Self::ApiKey => "API key in a header",
            Self::OAuth2 => "OAuth 2 client credentials",
            Self::AwsSigv4 => "AWS Signature v4",
            Self::Mtls => "Client certificate",
        }
    }

    /// What it holds beside its `type`.
    #[must_use]
    pub const fn settings(self) -> &'static [Setting] {
        match self {
            Self::None => &[],
            Self::Basic => BASIC_SETTINGS,
            Self::Bearer => BEARER_SETTINGS,
            Self::ApiKey => API_KEY_SETTINGS,
            Self::OAuth2 => OAUTH2_SETTINGS,
            Self::AwsSigv4 => SIGV4_SETTINGS,
            Self::Mtls => MTLS_SETTINGS,
        }
    }
}

const BASIC_SETTINGS: &[Setting] =
    &[Setting::text("username", "User name").required(), Setting::secret("password", "Password").required()];

const BEARER_SETTINGS: &[Setting] =
    &[Setting::secret("token", "Token").required().help("Sent as Authorization: Bearer …")];

const API_KEY_SETTINGS: &[Setting] = &[
    Setting::text("header", "Header").required().placeholder("X-API-Key"),
    Setting::secret("value", "Key").required(),
];

const OAUTH2_SETTINGS: &[Setting] = &[
    Setting::text("token_url", "Token URL").required().placeholder("https://auth.example.com/oauth2/token"),
    Setting::text("client_id", "Client ID").required(),
    Setting::secret("client_secret", "Client secret").required(),
    Setting::text("scope", "Scope").placeholder("events.write"),
    Setting::text("audience", "Audience"),
    Setting::new(
        "client_auth",
        "Client authentication",
        SettingKind::Select(&[("basic", "Basic authentication"), ("body", "In the body")]),
    ),
];

const SIGV4_SETTINGS: &[Setting] = &[
    Setting::text("service", "Service").required().placeholder("execute-api").help("As AWS calls it in signatures."),
    Setting::text("region", "Region").required().placeholder("eu-central-1"),
    Setting::text("access_key_id", "Access key ID").required().placeholder("AKIA…"),
    Setting::secret("secret_access_key", "Secret access key").required(),
    Setting::secret("session_token", "Session token").help("Of temporary credentials alone."),
];

const MTLS_SETTINGS: &[Setting] = &[
    Setting::new("certificate", "Certificate", SettingKind::SecretText)
        .required()
        .placeholder("-----BEGIN CERTIFICATE-----")
        .help("In PEM, followed by those that lead to the receiver's authority, where there are any."),
    Setting::new("private_key", "Private key", SettingKind::SecretText)
        .required()
        .placeholder("-----BEGIN PRIVATE KEY-----")
        .help("In PEM, without a passphrase."),
];

impl std::str::FromStr for AuthType {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("must be {}", setting::one_of(Self::ALL.iter().map(|kind| kind.as_str()))))
    }
}

impl Auth {
    #[must_use]
    pub const fn kind(&self) -> AuthType {
        match self {
            Self::None => AuthType::None,
            Self::Basic { .. } => AuthType::Basic,
            Self::Bearer { .. } => AuthType::Bearer,
            Self::ApiKey { .. } => AuthType::ApiKey,
            Self::OAuth2 { .. } => AuthType::OAuth2,
            Self::AwsSigv4 { .. } => AuthType::AwsSigv4,
            Self::Mtls { .. } => AuthType::Mtls,
        }
    }

    /// Reads what somebody gave.
    pub(super) fn parse(errors: &mut FieldErrors, given: &Value) -> Option<Self> {
        let Value::Object(given) = given else {
            errors.push("auth", "must be an object");
            return None;
        };
        let mut given = given.clone();
        let Some(Value::String(word)) = given.shift_remove("type") else {
            errors.push("auth.type", "must name the kind of authentication");
            return None;
        };
        let kind = errors.check("auth.type", word.parse::<AuthType>())?;
        let mut read = setting::read(errors, "auth", kind.settings(), &Value::Object(given))?;
        read.insert("type".to_owned(), kind.as_str().into());
        let mut auth: Self = errors.check("auth", serde_json::from_value(Value::Object(read)))?;
        auth.check(errors);
        Some(auth)
    }

    fn check(&mut self, errors: &mut FieldErrors) {
        match self {
            Self::None | Self::Bearer { .. } => {}
            Self::Basic { username, .. } => {
                if username.contains(':') {
                    errors.push("auth.username", "must not hold a colon");
                }
            }
            Self::ApiKey { header, .. } => {
                if !is_header_name(header) || RESERVED_HEADERS.contains(&header.to_ascii_lowercase().as_str()) {
                    errors.push("auth.header", "must be the name of a header");
                }
            }
            Self::OAuth2 { token_url, .. } => {
                if let Some(url) = errors.check("auth.token_url", parse_url(token_url)) {
                    *token_url = url;
                }
            }
            Self::AwsSigv4 { service, region, access_key_id, .. } => {
                if service.len() > 60
                    || !service.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                {
                    errors.push("auth.service", "must be a service such as execute-api");
                }
                check_region(errors, "auth.region", region);
                check_key_id(errors, "auth.access_key_id", access_key_id);
            }
            Self::Mtls { certificate, private_key } => {
                if !certificate.contains("-----BEGIN CERTIFICATE-----") {
                    errors
                        .push("auth.certificate", "must be a certificate in PEM, from -----BEGIN CERTIFICATE----- on");
                }
                if private_key.contains("ENCRYPTED") {
                    errors.push("auth.private_key", "must be a key without a passphrase");
                } else if !private_key.contains("PRIVATE KEY-----") {
                    errors
                        .push("auth.private_key", "must be a private key in PEM, from -----BEGIN PRIVATE KEY----- on");
                }
            }
        }
    }

    /// Its secrets by the names of their settings.
    fn secrets_mut(&mut self) -> Vec<(&'static str, &mut String)> {
        match self {
            Self::None => vec![],
            Self::Basic { password, .. } => vec![("password", password)],
            Self::Bearer { token } => vec![("token", token)],
            Self::ApiKey { value, .. } => vec![("value", value)],
            Self::OAuth2 { client_secret, .. } => vec![("client_secret", client_secret)],
            Self::AwsSigv4 { secret_access_key, session_token, .. } => {
                let session = session_token.as_mut().map(|token| ("session_token", token));
                std::iter::once(("secret_access_key", secret_access_key)).chain(session).collect()
            }
            Self::Mtls { certificate, private_key } => {
                vec![("certificate", certificate), ("private_key", private_key)]
            }
        }
    }

    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<E>(mut self, mut f: impl FnMut(&String) -> Result<String, E>) -> Result<Self, E> {
        for (_, secret) in self.secrets_mut() {
            *secret = f(secret)?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_name_the_fields_and_secrets_of_each_kind() {
        for kind in AuthType::ALL {
            let value = |name: &str| match name {
                "token_url" => json!("https://x.test/token"),
                "client_auth" => json!("body"),
                "region" => json!("eu-central-1"),
                "access_key_id" => json!("AKIAIOSFODNN7EXAMPLE"),
                "certificate" => json!("-----BEGIN CERTIFICATE-----"),
                "private_key" => json!("-----BEGIN PRIVATE KEY-----"),
                _ => json!("some-text"),
            };
            let mut given: Value =
                kind.settings().iter().map(|setting| (setting.name.to_owned(), value(setting.name))).collect();
            given["type"] = json!(kind);
            let mut errors = FieldErrors::default();
            let mut auth = Auth::parse(&mut errors, &given).unwrap_or_else(|| panic!("{kind:?}: {errors}"));
            assert!(errors.is_empty(), "{kind:?}: {errors}");
            assert_eq!(auth.kind(), kind);
            let stored = json!(auth);
            for (name, value) in given.as_object().expect("an object") {
                assert_eq!(stored[name], *value, "{kind:?} {name}");
            }
            let secrets: Vec<_> = auth.secrets_mut().into_iter().map(|(name, _)| name).collect();
            let described: Vec<_> =
                kind.settings().iter().filter(|setting| setting.is_secret()).map(|setting| setting.name).collect();
            assert_eq!(secrets, described, "{kind:?}");
        }
    }
}
