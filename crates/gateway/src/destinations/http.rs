//! The type `http`: the body as it was received, with the original headers that are safe to forward, hookstream's own,
//! and the signature.

use std::collections::BTreeMap;

use domain::{
    destination::{Auth, HmacAlgorithm, HttpConfig, Signing, SigningScheme},
    template::scheme::Algorithm,
};
use http::{HeaderName, Method};
use url::Url;

use super::{
    credential::{self, Credential},
    exchange::{Exchange, Post, Request, by_status},
    forwarded::is_forwarded,
};
use crate::{
    pipeline::deliver::{Outcome, Outgoing},
    providers::{digest::hmac, standard_webhooks},
};

const EVENT_ID: HeaderName = HeaderName::from_static("x-hookstream-event-id");
const DELIVERY_ID: HeaderName = HeaderName::from_static("x-hookstream-delivery-id");
const ATTEMPT: HeaderName = HeaderName::from_static("x-hookstream-attempt");
const SOURCE_ID: HeaderName = HeaderName::from_static("x-hookstream-source-id");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// AWS's own headers of the request that came would be signed as if they were ours.
const SIGNED_BY_AWS: &str = "x-amz-";

pub(crate) struct Http {
    url: Url,
    method: Method,
    headers: BTreeMap<String, String>,
    credential: Credential,
    signer: Signer,
}

enum Signer {
    None,
    StandardWebhooks(Vec<Vec<u8>>),
    Hmac { header: String, prefix: String, algorithm: HmacAlgorithm, secrets: Vec<String> },
}

impl Http {
    pub fn new(
        config: &HttpConfig,
        auth: Auth,
        headers: BTreeMap<String, String>,
        signing: Signing,
    ) -> Result<Self, String> {
        Ok(Self {
            url: Url::parse(&config.url).map_err(|error| error.to_string())?,
            method: Method::from_bytes(config.method.as_str().as_bytes()).map_err(|error| error.to_string())?,
            headers,
            credential: Credential::new(auth)?,
            signer: Signer::new(signing),
        })
    }

    pub async fn send(&self, post: &Post<'_>, outgoing: &Outgoing<'_>) -> Exchange {
        let mut request = self.request(outgoing);
        if let Err(error) = credential::apply(&self.credential, &mut request, post) {
            return Exchange::unsent(request.shown(), Outcome::Retry(error));
        }
        match &self.credential {
            Credential::OAuth2(oauth2) => Box::pin(self.send_with_token(oauth2, request, post, outgoing)).await,
            Credential::Certificate(certified) => match certified.of(post.client) {
                Ok(client) => Box::pin(post.exchange_by(&client, request, by_status)).await,
                Err(error) => Exchange::unsent(request.shown(), Outcome::Retry(error)),
            },
            Credential::None | Credential::Header { .. } | Credential::Sigv4 { .. } => {
                post.exchange(request, by_status).await
            }
        }
    }

    async fn send_with_token(
        &self,
        oauth2: &credential::OAuth2,
        mut request: Request,
        post: &Post<'_>,
        outgoing: &Outgoing<'_>,
    ) -> Exchange {
        loop {
            let got = match oauth2.tokens.get(post, || Ok(oauth2.token_request())).await {
                Ok(got) => got,
                Err(error) => return Exchange::unsent(request.shown(), Outcome::Retry(oauth2.explain(&error))),
            };
            request.set_secret("authorization", &format!("Bearer {}", got.value));
            let exchange = post.exchange(request, by_status).await;
            if exchange.answer.as_ref().and_then(|answer| answer.status) != Some(401) {
                return exchange;
            }
            oauth2.tokens.forget(&got.value).await;
            if !got.is_kept {
                return exchange;
            }
            // It had been good for longer than its issuer keeps it now: a new one may do.
            request = self.request(outgoing);
        }
    }

    fn request(&self, outgoing: &Outgoing<'_>) -> Request {
        let mut request = Request::new(self.method.clone(), self.url.clone(), outgoing.body.clone());
        let is_signed_by_aws = matches!(self.credential, Credential::Sigv4 { .. });
        for (name, value) in outgoing.event.headers.iter().filter(|(name, value)| is_forwarded(name, value)) {
            if !(is_signed_by_aws && name.to_ascii_lowercase().starts_with(SIGNED_BY_AWS)) {
                request.append(name, value);
            }
        }
        for (name, value) in [
            (EVENT_ID, outgoing.event_id.to_string()),
            (DELIVERY_ID, outgoing.delivery_id.to_string()),
            (ATTEMPT, outgoing.attempt_number.to_string()),
            (SOURCE_ID, outgoing.source_id.to_string()),
        ] {
            request.set_known(name, value);
        }
        for (name, value) in &self.headers {
            request.set(name, value);
        }
        self.signer.sign(&mut request, outgoing);
        request
    }
}

impl Signer {
    fn new(signing: Signing) -> Self {
        match (signing.scheme, signing.header) {
            (SigningScheme::StandardWebhooks, _) => {
                let keys = signing.secrets.iter().filter_map(|secret| standard_webhooks::key_of(secret));
                Self::StandardWebhooks(keys.collect())
            }
            (SigningScheme::Hmac, Some(header)) => Self::Hmac {
                header,
                prefix: signing.prefix.unwrap_or_default(),
                algorithm: signing.algorithm.unwrap_or_default(),
                secrets: signing.secrets,
            },
            (SigningScheme::None | SigningScheme::Hmac, _) => Self::None,
        }
    }

    fn sign(&self, request: &mut Request, outgoing: &Outgoing<'_>) {
        match self {
            Self::None => {}
            Self::StandardWebhooks(keys) if keys.is_empty() => {}
            Self::StandardWebhooks(keys) => {
                let id = outgoing.delivery_id.to_string();
                let timestamp = outgoing.now.as_secs().to_string();
                let signature = standard_webhooks::signature(keys, &id, &timestamp, &outgoing.body);
                request.set_known(WEBHOOK_ID, id);
                request.set_known(WEBHOOK_TIMESTAMP, timestamp);
                request.set_known(WEBHOOK_SIGNATURE, signature);
            }
            Self::Hmac { header, prefix, algorithm, secrets } => {
                let value = |secret: &String| {
                    let (key, body) = (secret.as_bytes(), &outgoing.body[..]);
                    let algorithm = match algorithm {
                        HmacAlgorithm::Sha1 => Algorithm::HmacSha1,
                        HmacAlgorithm::Sha256 => Algorithm::HmacSha256,
                        HmacAlgorithm::Sha512 => Algorithm::HmacSha512,
                    };
                    format!("{prefix}{}", hex::encode(hmac(algorithm, key, &[body])))
                };
                let values: Vec<_> = secrets.iter().map(value).collect();
                request.set(header, &values.join(","));
            }
        }
    }
}
