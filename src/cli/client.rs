//! The REST API, as commands use it.

use std::time::Duration;

use domain::field::FieldError;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::Failure;

/// Where the server is and who asks.
#[derive(clap::Args)]
pub struct Server {
    /// The server's address
    #[arg(long, env = "HOOKSTREAM_SERVER", default_value = "http://127.0.0.1:3000", value_name = "URL")]
    server: String,
    /// An API key of the project
    #[arg(long, env = "HOOKSTREAM_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,
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

impl Server {
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Answer<T>> {
        self.send(Method::GET, path, None).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<Answer<T>> {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer<T>> {
        let Some(key) = self.api_key.as_deref().map(str::trim).filter(|key| !key.is_empty()) else {
            return Err(Failure::key("no API key is given: use --api-key or HOOKSTREAM_API_KEY").into());
        };
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        let server = self.server.trim_end_matches('/');
        let mut request = client.request(method, format!("{server}{path}")).header("x-api-key", key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| {
            let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), root);
            Failure::unreachable(format!("the server at {server} could not be reached: {why}"))
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            let read = serde_json::from_slice(&bytes);
            let done = read.map_err(|error| {
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
            _ => Ok(Answer::Refused(refusal)),
        }
    }
}

/// What lies at the bottom of an error.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
