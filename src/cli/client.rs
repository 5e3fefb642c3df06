//! The REST API, as commands use it.

use std::time::Duration;

use domain::field::FieldError;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Failure,
    profile::{self, Credentials},
};

/// Where the server is and who asks. What is not given is taken from the profile that `hookstream login` has kept.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_field_names, reason = "the argument is called so")]
pub struct Server {
    /// The server's address [default: that of the profile, or http://127.0.0.1:3000]
    #[arg(long, env = "HOOKSTREAM_SERVER", value_name = "URL")]
    server: Option<String>,
    /// An API key of the project [default: that of the profile]
    #[arg(long, env = "HOOKSTREAM_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,
    /// Which of the kept servers and keys to use
    #[arg(long, env = "HOOKSTREAM_PROFILE", value_name = "NAME", default_value = profile::DEFAULT)]
    pub profile: String,
}

/// A server, and a key where there is one. Clones share connections.
#[derive(Clone)]
pub struct Api {
    base: String,
    key: Option<String>,
    http: reqwest::Client,
}

/// A refusal of the API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    pub detail: String,
    pub error: String,
    /// What is wrong with the request, field by field.
    pub errors: Vec<FieldError>,
}

/// What came of a request that reached the server.
pub enum Answer<T> {
    Done(T),
    Refused(Refusal),
}

const TIMEOUT: Duration = Duration::from_mins(1);
/// A connection that was not used for so long may be dead without anybody having said so.
const IDLE: Duration = Duration::from_secs(5);
const DEFAULT_SERVER: &str = "http://127.0.0.1:3000";

impl Server {
    /// The server that is meant, with the key that was given or kept for it.
    pub fn api(&self) -> anyhow::Result<Api> {
        let given =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let (server, key) = (given(&self.server).as_deref().map(plain_address), given(&self.api_key));
        let kept = match (&server, &key) {
            (Some(_), Some(_)) => None,
            _ => Credentials::load()?.get(&self.profile).cloned(),
        };
        if kept.is_none() && server.is_none() && self.profile != profile::DEFAULT {
            let profile = &self.profile;
            return Err(Failure::key(format!(
                "there is no profile {profile}: run `hookstream login --server <URL> --profile {profile}`"
            ))
            .into());
        }
        let kept_server = kept.as_ref().map(|kept| plain_address(&kept.server));
        // A key is shown to nobody but the server that it was kept for.
        let kept_key = kept.filter(|_| server.is_none() || server == kept_server).map(|kept| kept.api_key);
        let base = server.or(kept_server).unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        Api::new(base, key.or(kept_key))
    }

    /// The same for a command that signs in, and has no key yet.
    pub fn without_key(&self) -> anyhow::Result<Api> {
        Ok(Api { key: None, ..self.api()? })
    }

    /// The key that was given in this very call.
    pub fn given_key(&self) -> Option<&str> {
        self.api_key.as_deref().map(str::trim).filter(|key| !key.is_empty())
    }
}

fn plain_address(text: &str) -> String {
    text.trim_end_matches('/').to_owned()
}

impl Api {
    pub fn new(base: String, key: Option<String>) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("hookstream/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { base, key, http })
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The key to ask with.
    pub fn key(&self) -> anyhow::Result<&str> {
        self.key.as_deref().ok_or_else(|| {
            Failure::key("no API key is given: use `hookstream login`, --api-key or HOOKSTREAM_API_KEY").into()
        })
    }

    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Answer<T>> {
        self.send(Method::GET, path, None).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<Answer<T>> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// What is there, or a failure that says what the server has against it.
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.get(path).await?.done()
    }

    /// The same for a change.
    pub async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<T> {
        self.send(method, path, body).await?.done()
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer<T>> {
        self.send_as(Some(self.key()?), method, path, body).await
    }

    /// As somebody who has no key.
    pub async fn post_openly<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<Answer<T>> {
        self.send_as(None, Method::POST, path, Some(body)).await
    }

    async fn send_as<T: DeserializeOwned>(
        &self,
        key: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer<T>> {
        let server = &self.base;
        let mut request = self.http.request(method, format!("{server}{path}"));
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| {
            Failure::unreachable(format!("the server at {server} could not be reached: {}", reason(&error)))
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
            let done = serde_json::from_slice(text).map_err(|error| {
                Failure::unreachable(format!(
                    "what answers at {server} is no hookstream server of this version: {error}"
                ))
            })?;
            return Ok(Answer::Done(done));
        }
        let refusal: Refusal = serde_json::from_slice(&bytes).unwrap_or_default();
        match status {
            StatusCode::UNAUTHORIZED => {
                Err(Failure::key(format!("the server at {server} does not know this API key, or it has expired"))
                    .into())
            }
            StatusCode::FORBIDDEN => {
                Err(Failure::key(format!("the API key may not do this: {}", refusal.detail)).into())
            }
            _ if refusal.detail.is_empty() => {
                Err(Failure::unreachable(format!("what answers at {server} is no hookstream server: {status}")).into())
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                Err(Failure::unreachable(format!("the server at {server}: {}", refusal.detail)).into())
            }
            _ => Ok(Answer::Refused(refusal)),
        }
    }
}

impl<T> Answer<T> {
    /// # Errors
    /// Says what the server has against it, field by field.
    pub fn done(self) -> anyhow::Result<T> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Refused(Refusal { errors, detail, .. }) if errors.is_empty() => Err(Failure::refused(detail).into()),
            Self::Refused(Refusal { errors, .. }) => {
                let lines: Vec<_> = errors.iter().map(|error| format!("{} {}", error.path, error.message)).collect();
                Err(Failure::invalid(lines.join("\n")).into())
            }
        }
    }
}

/// Why a request came to nothing: what lies at the bottom of the error.
pub fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer came in time".to_owned();
    }
    let mut at: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}
