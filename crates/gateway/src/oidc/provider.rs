//! The provider: where it is, which keys it has, and the exchange of a code for who somebody is.

use std::{sync::Arc, time::Duration};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use reqwest::{Method, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use super::{
    OidcError, Person, Settings,
    token::{Expected, Verdict, verify},
};
use crate::{
    clock,
    http_client::{HttpClient, explain, read_capped},
};

/// How long an answer of the provider's may take and be.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 256 << 10;
/// How long what it said of itself is used, and how soon it is asked for keys again that it had not.
const KNOWN_FOR: Duration = Duration::from_mins(10);
const ASK_AGAIN: Duration = Duration::from_mins(1);
/// How long it is not asked again after it did not answer as it should.
const REST: Duration = Duration::from_secs(5);
const SCOPES: &str = "openid email profile";

pub struct Provider {
    settings: Settings,
    /// Where the provider sends people back to.
    redirect_uri: String,
    /// For addresses that anybody may reach.
    guarded: HttpClient,
    /// For the host that the operator named, wherever it is.
    trusted: HttpClient,
    heard: Mutex<Heard>,
}

/// What came of asking the provider.
#[derive(Default)]
struct Heard {
    known: Option<Known>,
    failed: Option<(Instant, OidcError)>,
}

#[derive(Clone)]
struct Known {
    endpoints: Arc<Endpoints>,
    keys: Arc<JwkSet>,
    since: Instant,
}

#[derive(Deserialize)]
struct Endpoints {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether its answers say who gives them (RFC 9207).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Its keys. Those of kinds that are not known here are passed over.
#[derive(Deserialize)]
struct Keys {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Granted {
    id_token: String,
    access_token: Option<String>,
}

/// What the provider tells besides the token.
#[derive(Deserialize)]
struct Told {
    sub: String,
    email: Option<String>,
    email_verified: Option<serde_json::Value>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
}

/// A sign-in that has begun, as it is kept until the browser comes back.
#[derive(Clone, Serialize, Deserialize)]
pub struct Begun {
    pub state: String,
    nonce: String,
    verifier: String,
}

impl Provider {
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(settings: Settings, public_url: &str, guarded: HttpClient) -> Result<Self, reqwest::Error> {
        let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|net| net.parse().ok()).collect();
        let redirect_uri = format!("{public_url}/oidc/callback");
        let trusted = HttpClient::new(everywhere)?;
        Ok(Self { settings, redirect_uri, guarded, trusted, heard: Mutex::default() })
    }

    /// What the button says.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where the browser is sent, and what is to be kept until it comes back.
    pub async fn begin(&self) -> Result<(Url, Begun), OidcError> {
        let known = self.known().await?;
        let text = || URL_SAFE_NO_PAD.encode(clock::secret_bytes::<32>());
        let begun = Begun { state: text(), nonce: text(), verifier: text() };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(begun.verifier.as_bytes()));
        let mut url = known.endpoints.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", SCOPES)
            .append_pair("state", &begun.state)
            .append_pair("nonce", &begun.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok((url, begun))
    }

    /// Who it is, by the code that the browser came back with, and by who says to have given it.
    pub async fn finish(&self, begun: &Begun, code: &str, from: Option<&str>) -> Result<Person, OidcError> {
        let known = self.known().await?;
        let is_from_it = match from {
            Some(from) => from == self.settings.issuer,
            None => !known.endpoints.authorization_response_iss_parameter_supported,
        };
        if !is_from_it {
            return Err(OidcError::Protocol("its answer does not come from it".to_owned()));
        }
        let granted = self.exchange(&known.endpoints, begun, code).await?;
        let expected =
            Expected { issuer: &self.settings.issuer, client_id: &self.settings.client_id, nonce: &begun.nonce };
        let mut verdict = verify(&granted.id_token, &known.keys, &expected)?;
        if matches!(verdict, Verdict::UnknownKey) {
            // It may have taken another key since it was asked.
            let known = self.ask_anew(known.since).await?;
            verdict = verify(&granted.id_token, &known.keys, &expected)?;
        }
        match verdict {
            Verdict::Believed(person) => self.with_address(&known.endpoints, person, granted.access_token).await,
            Verdict::UnknownKey => {
                Err(OidcError::Token("it is signed with a key that the provider does not show".into()))
            }
        }
    }

    /// Asks for the address where the token does not say it.
    async fn with_address(
        &self,
        endpoints: &Endpoints,
        mut person: Person,
        access_token: Option<String>,
    ) -> Result<Person, OidcError> {
        let (Some(url), Some(token), None) = (&endpoints.userinfo_endpoint, access_token, &person.verified_email)
        else {
            return Ok(person);
        };
        let request = self.request(Method::GET, url)?.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let (status, body) = answer(request).await?;
        if !status.is_success() {
            return Err(OidcError::Protocol(format!("{url} answered {status}")));
        }
        let told: Told =
            serde_json::from_slice(&body).map_err(|error| OidcError::Protocol(format!("{url}: {error}")))?;
        if told.sub != person.subject {
            return Err(OidcError::Protocol(format!("{url} tells of somebody else")));
        }
        let is_verified = told.email_verified.is_some_and(|said| said == true || said == "true");
        person.verified_email = told.email.filter(|_| is_verified);
        person.name = person.name.or(told.name);
        Ok(person)
    }

    async fn exchange(&self, endpoints: &Endpoints, begun: &Begun, code: &str) -> Result<Granted, OidcError> {
        let (status, body) = answer(self.exchange_request(endpoints, begun, code)?).await?;
        if !status.is_success() {
            let denied = serde_json::from_slice::<Denied>(&body).map(|denied| denied.error);
            return Err(OidcError::Refused(denied.unwrap_or_else(|_| status.to_string())));
        }
        serde_json::from_slice(&body).map_err(|error| OidcError::Protocol(format!("the token endpoint: {error}")))
    }

    fn exchange_request(
        &self,
        endpoints: &Endpoints,
        begun: &Begun,
        code: &str,
    ) -> Result<reqwest::RequestBuilder, OidcError> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("code_verifier", &begun.verifier);
        let methods = endpoints.token_endpoint_auth_methods_supported.as_deref();
        // Without a word about it, it is Basic.
        let is_basic = methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let Settings { client_id, client_secret, .. } = &self.settings;
        let request = self.request(Method::POST, &endpoints.token_endpoint)?;
        let request = if is_basic {
            let escape = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", escape(client_id), escape(client_secret));
            request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)))
        } else {
            form.append_pair("client_id", client_id).append_pair("client_secret", client_secret);
            request
        };
        Ok(request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish()))
    }

    /// What the provider says of itself.
    async fn known(&self) -> Result<Known, OidcError> {
        let mut heard = self.heard.lock().await;
        if let Some(known) = heard.known.as_ref().filter(|known| known.since.elapsed() < KNOWN_FOR) {
            return Ok(known.clone());
        }
        if let Some((_, error)) = heard.failed.as_ref().filter(|(at, _)| at.elapsed() < REST) {
            return Err(error.clone());
        }
        match self.ask().await {
            Ok(known) => {
                *heard = Heard { known: Some(known.clone()), failed: None };
                Ok(known)
            }
            Err(error) => {
                *heard = Heard { known: None, failed: Some((Instant::now(), error.clone())) };
                Err(error)
            }
        }
    }

    /// The same, not of `before`, unless that was a moment ago.
    async fn ask_anew(&self, before: Instant) -> Result<Known, OidcError> {
        if before.elapsed() >= ASK_AGAIN {
            let mut heard = self.heard.lock().await;
            if heard.known.as_ref().is_some_and(|known| known.since == before) {
                heard.known = None;
            }
        }
        self.known().await
    }

    async fn ask(&self) -> Result<Known, OidcError> {
        let place = format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let place = Url::parse(&place).map_err(|error| OidcError::Protocol(error.to_string()))?;
        let endpoints: Endpoints = self.get(&place).await?;
        if endpoints.issuer != self.settings.issuer {
            return Err(OidcError::Protocol(format!("its issuer is {}", endpoints.issuer)));
        }
        let Endpoints { authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint, .. } = &endpoints;
        for url in [authorization_endpoint, token_endpoint, jwks_uri].into_iter().chain(userinfo_endpoint) {
            if url.scheme() != "https" && url.scheme() != place.scheme() {
                return Err(OidcError::Protocol(format!("{url} is not reached over TLS")));
            }
        }
        let Keys { keys } = self.get(&endpoints.jwks_uri).await?;
        let keys = keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok()).collect();
        Ok(Known { endpoints: Arc::new(endpoints), keys: Arc::new(JwkSet { keys }), since: Instant::now() })
    }

    async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, OidcError> {
        let (status, body) = answer(self.request(Method::GET, url)?).await?;
        if !status.is_success() {
            return Err(OidcError::Protocol(format!("{url} answered {status}")));
        }
        serde_json::from_slice(&body).map_err(|error| OidcError::Protocol(format!("{url}: {error}")))
    }

    fn request(&self, method: Method, url: &Url) -> Result<reqwest::RequestBuilder, OidcError> {
        let issuer = Url::parse(&self.settings.issuer).map_err(|error| OidcError::Protocol(error.to_string()))?;
        let client = if url.host() == issuer.host() { &self.trusted } else { &self.guarded };
        let request = client.request(method, url).map_err(|error| OidcError::Unreachable(error.message))?;
        Ok(request.header(header::ACCEPT, "application/json"))
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<(reqwest::StatusCode, Vec<u8>), OidcError> {
    let deadline = Instant::now() + ANSWER_LIMIT;
    let sent = tokio::time::timeout_at(deadline, request.send()).await;
    let mut response = match sent {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(OidcError::Unreachable(explain(&error).message)),
        Err(_) => return Err(OidcError::Unreachable("no answer within the time allowed".to_owned())),
    };
    let body = read_capped(&mut response, MAX_ANSWER, deadline).await;
    Ok((response.status(), body))
}
