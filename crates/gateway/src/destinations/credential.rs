//! How a request of the type `http` shows who it comes from.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    delivery::ErrorClass,
    destination::{Auth, AwsKey, ClientAuth},
};
use http::Method;
use url::{Url, form_urlencoded};

use super::{
    aws,
    exchange::{Post, Request},
    token::TokenCache,
};
use crate::http_client::{HttpClient, SendError};

pub(crate) enum Credential {
    None,
    /// Always the same header.
    Header {
        name: String,
        value: String,
    },
    OAuth2(Box<OAuth2>),
    Sigv4 {
        service: String,
        region: String,
        key: AwsKey,
    },
    /// The connection shows it.
    Certificate(CertifiedClient),
}

pub(crate) struct OAuth2 {
    token_url: Url,
    client_id: String,
    client_secret: String,
    scope: Option<String>,
    audience: Option<String>,
    client_auth: ClientAuth,
    pub tokens: TokenCache,
}

/// A client of this destination's own, made when it is first needed.
pub(crate) struct CertifiedClient {
    pem: String,
    made: std::sync::OnceLock<HttpClient>,
}

impl Credential {
    /// From settings with their secrets opened.
    pub fn new(auth: Auth) -> Result<Self, String> {
        Ok(match auth {
            Auth::None => Self::None,
            Auth::Basic { username, password } => basic(&username, &password),
            Auth::Bearer { token } => Self::Header { name: "authorization".into(), value: format!("Bearer {token}") },
            Auth::ApiKey { header, value } => Self::Header { name: header, value },
            Auth::OAuth2 { token_url, client_id, client_secret, scope, audience, client_auth } => {
                Self::OAuth2(Box::new(OAuth2 {
                    token_url: Url::parse(&token_url).map_err(|error| error.to_string())?,
                    client_id,
                    client_secret,
                    scope,
                    audience,
                    client_auth,
                    tokens: TokenCache::default(),
                }))
            }
            Auth::AwsSigv4 { service, region, access_key_id, secret_access_key, session_token } => {
                Self::Sigv4 { service, region, key: AwsKey { access_key_id, secret_access_key, session_token } }
            }
            Auth::Mtls { certificate, private_key } => Self::Certificate(CertifiedClient {
                pem: pem_of(&certificate, &private_key),
                made: std::sync::OnceLock::new(),
            }),
        })
    }
}

pub(crate) fn basic(username: &str, password: &str) -> Credential {
    Credential::Header { name: "authorization".into(), value: basic_value(username, password) }
}

pub(crate) fn basic_value(username: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")))
}

/// Both in one text, as the client reads them.
pub(crate) fn pem_of(certificate: &str, private_key: &str) -> String {
    format!("{}\n{}\n", private_key.trim(), certificate.trim())
}

impl CertifiedClient {
    /// The usual client with this certificate.
    pub fn of(&self, client: &HttpClient) -> Result<HttpClient, SendError> {
        if let Some(made) = self.made.get() {
            return Ok(made.clone());
        }
        let made = client.with_certificate(self.pem.as_bytes()).map_err(|error| {
            let why =
                format!("the client certificate cannot be used: {error}; check auth.certificate and auth.private_key");
            SendError::new(ErrorClass::Config, why)
        })?;
        Ok(self.made.get_or_init(|| made).clone())
    }
}

impl OAuth2 {
    /// The request for a token (RFC 6749, 4.4).
    pub fn token_request(&self) -> Request {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        for (name, value) in [("scope", &self.scope), ("audience", &self.audience)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        if self.client_auth == ClientAuth::Body {
            form.append_pair("client_id", &self.client_id).append_pair("client_secret", &self.client_secret);
        }
        let mut request = Request::new(Method::POST, self.token_url.clone(), form.finish());
        request.set("content-type", "application/x-www-form-urlencoded");
        request.set("accept", "application/json");
        if self.client_auth == ClientAuth::Basic {
            // RFC 6749, 2.3.1: both are encoded as in a form before they become a user name and a password.
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let value = basic_value(&encoded(&self.client_id), &encoded(&self.client_secret));
            request.set_secret("authorization", &value);
        }
        request
    }

    /// Says of a failed token what to look at.
    pub fn explain(&self, error: &SendError) -> SendError {
        let message = if error.class == ErrorClass::Status {
            let advice = "check auth.token_url, auth.client_id, auth.client_secret and auth.scope";
            format!("{}; {advice}", error.message)
        } else {
            format!("no token from {}: {}", self.token_url, error.message)
        };
        SendError::new(error.class, message)
    }
}

/// Adds what every request of this kind has. A token is added by whoever has got it.
pub(crate) fn apply(credential: &Credential, request: &mut Request, post: &Post<'_>) -> Result<(), SendError> {
    match credential {
        Credential::None | Credential::OAuth2(_) | Credential::Certificate(_) => Ok(()),
        Credential::Header { name, value } => {
            request.set_secret(name, value);
            Ok(())
        }
        Credential::Sigv4 { service, region, key } => {
            let style = if service == "s3" { aws::Style::S3 } else { aws::Style::Usual };
            aws::sign(request, key, service, region, style, post.now)
        }
    }
}
