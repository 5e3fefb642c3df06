//! The type `gcp_pubsub`: a message by publish, with a token for a signed assertion.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{delivery::ErrorClass, destination::PubsubConfig, time::Timestamp};
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{
    exchange::{Exchange, Post, Request, give_up, retry, said, unfit},
    token::TokenCache,
};
use crate::{
    http_client::SendError,
    pipeline::deliver::{Answer, Outcome, Outgoing},
    transform::Template,
};

pub(crate) struct Pubsub {
    topic: String,
    url: Url,
    ordering_key: Option<Template>,
    account: Account,
    tokens: TokenCache,
}

/// What the key's file says.
#[derive(Deserialize)]
struct AccountFile {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: Option<String>,
    token_uri: String,
}

struct Account {
    email: String,
    key: EncodingKey,
    key_id: Option<String>,
    token_uri: Url,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// What Google allows.
const ASSERTION_SECONDS: i64 = 3600;
const DEFAULT_ENDPOINT: &str = "https://pubsub.googleapis.com/";
/// A request to publish as a whole.
const MAX_REQUEST: usize = 10_000_000;
const MAX_ORDERING_KEY: usize = 1024;

#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default)]
    error: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    message: String,
    status: String,
}

impl Pubsub {
    pub fn new(config: &PubsubConfig) -> Result<Self, String> {
        let endpoint = config.endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT).trim_end_matches('/');
        let topic = format!("projects/{}/topics/{}", config.project_id, config.topic_id);
        let url = Url::parse(&format!("{endpoint}/v1/{topic}:publish")).map_err(|error| error.to_string())?;
        let ordering_key = config.ordering_key.as_deref().map(Template::compile).transpose()?;
        Ok(Self {
            topic,
            url,
            ordering_key,
            account: Account::read(&config.service_account_json)?,
            tokens: TokenCache::default(),
        })
    }

    pub async fn send(&self, post: &Post<'_>, outgoing: &Outgoing<'_>) -> Exchange {
        let unsent = |outcome| Exchange::unsent(Request::new(Method::POST, self.url.clone(), "").shown(), outcome);
        let body = match self.message(outgoing).await {
            Ok(message) => json!({ "messages": [message] }).to_string(),
            Err(why) => return unsent(unfit(why)),
        };
        if body.len() > MAX_REQUEST {
            let why =
                format!("the message is {} bytes as it is sent, and Pub/Sub takes at most {MAX_REQUEST}", body.len());
            return unsent(give_up(why));
        }
        loop {
            let got = match self.tokens.get(post, || self.account.token_request(post.now)).await {
                Ok(got) => got,
                Err(error) => return unsent(Outcome::Retry(self.account.explain(&error))),
            };
            let mut request = Request::new(Method::POST, self.url.clone(), body.clone());
            request.set("content-type", "application/json");
            request.set_secret("authorization", &format!("Bearer {}", got.value));
            let exchange = post.exchange(request, |answer| self.judge(answer)).await;
            if exchange.answer.as_ref().and_then(|answer| answer.status) != Some(401) {
                return exchange;
            }
            self.tokens.forget(&got.value).await;
            if !got.is_kept {
                return exchange;
            }
        }
    }

    async fn message(&self, outgoing: &Outgoing<'_>) -> Result<Value, String> {
        let mut attributes = json!({
            "event_id": outgoing.event_id,
            "source_id": outgoing.source_id,
            "delivery_id": outgoing.delivery_id,
        });
        if let Some(content_type) = outgoing.content_type() {
            attributes["content_type"] = json!(content_type);
        }
        let mut message = json!({ "data": BASE64_STANDARD.encode(&outgoing.body), "attributes": attributes });
        if let Some(template) = &self.ordering_key {
            let key = template.fill(|| outgoing.input()).await.map_err(|why| format!("config.ordering_key: {why}"))?;
            if key.len() > MAX_ORDERING_KEY {
                return Err(format!("config.ordering_key is {} bytes for this event; Pub/Sub takes 1024", key.len()));
            }
            message["orderingKey"] = json!(key);
        }
        Ok(message)
    }

    fn judge(&self, answer: &Answer) -> Outcome {
        let status = answer.status.unwrap_or_default();
        let (topic, email) = (&self.topic, &self.account.email);
        if status == 200 {
            let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            return match said["messageIds"][0].as_str() {
                Some(_) => Outcome::Delivered,
                None => retry("what answers at config.endpoint is not Pub/Sub: its 200 names no messageIds"),
            };
        }
        let Refused { error } = serde_json::from_str(&answer.body).unwrap_or_default();
        let words = said(&error.message);
        match status {
            401 => {
                retry(format!("Google does not take the token of {email}: check config.service_account_json ({words})"))
            }
            403 => {
                retry(format!("{email} may not publish: it needs the role roles/pubsub.publisher on {topic} ({words})"))
            }
            404 => retry(format!("{topic} does not exist: check config.project_id and config.topic_id ({words})")),
            413 => give_up(format!("the message is too large for {topic}: {words}")),
            400 if error.status == "INVALID_ARGUMENT" => give_up(format!("{topic} does not take the message: {words}")),
            429 => retry(format!("Google limits the rate of {topic}: {words}")),
            _ => retry(format!("{topic} answered {status} {}: {words}", error.status)),
        }
    }
}

impl Account {
    fn read(json: &str) -> Result<Self, String> {
        let file: AccountFile =
            serde_json::from_str(json).map_err(|_| "must be the JSON file of a service account's key")?;
        let key = EncodingKey::from_rsa_pem(file.private_key.as_bytes())
            .map_err(|error| format!("must hold a private_key in PEM that is an RSA key: {error}"))?;
        let token_uri = Url::parse(&file.token_uri).map_err(|error| format!("must hold a token_uri: {error}"))?;
        Ok(Self { email: file.client_email, key, key_id: file.private_key_id, token_uri })
    }

    fn token_request(&self, now: Timestamp) -> Result<Request, SendError> {
        let claims = Claims {
            iss: &self.email,
            scope: SCOPE,
            aud: self.token_uri.as_str(),
            iat: now.as_secs(),
            exp: now.as_secs() + ASSERTION_SECONDS,
        };
        let header = Header { kid: self.key_id.clone(), ..Header::new(Algorithm::RS256) };
        let assertion = jsonwebtoken::encode(&header, &claims, &self.key).map_err(|error| {
            SendError::new(ErrorClass::Config, format!("config.service_account_json: its key does not sign: {error}"))
        })?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", GRANT)
            .append_pair("assertion", &assertion)
            .finish();
        let mut request = Request::new(Method::POST, self.token_uri.clone(), form);
        request.set("content-type", "application/x-www-form-urlencoded");
        Ok(request)
    }

    fn explain(&self, error: &SendError) -> SendError {
        let advice = "the key may have been revoked: check config.service_account_json, and the clock of this server";
        let message = match error.class {
            ErrorClass::Status => format!("{} gets no token: {}; {advice}", self.email, error.message),
            _ => format!("no token from {}: {}", self.token_uri, error.message),
        };
        SendError::new(error.class, message)
    }
}

/// Whether the key's file can sign.
pub(crate) fn check_account(json: &str) -> Result<(), String> {
    Account::read(json).map(drop)
}
