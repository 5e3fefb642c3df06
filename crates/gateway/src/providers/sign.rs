//! Requests as a provider would sign them: for test events.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    template::{
        TemplateId,
        place::Place,
        scheme::{Form, Scheme, Signed, SignedTime, Special, StandardHeaders, TimePlace, TokenPlace},
    },
    time::Timestamp,
    verification::{Verification, VerificationKind},
};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;

use super::{
    RequestUrl, adyen,
    digest::{hmac_sha256, sha256},
    given::{encode, write_time},
    mailgun, provider,
    signed::Covered,
    standard_webhooks, twilio,
};

/// A request before it is signed.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    pub method: &'a str,
    pub url: RequestUrl<'a>,
    pub content_type: &'a str,
    pub body: &'a [u8],
    pub event_type: &'a str,
    pub now: Timestamp,
}

impl Unsigned<'_> {
    /// The request unsigned, with a header that says why.
    #[must_use]
    pub fn as_it_is(&self, why: &str) -> SignedRequest {
        let headers = [(CONTENT_TYPE.as_str(), self.content_type), (UNSIGNED_HEADER, why)];
        SignedRequest {
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            query: self.url.query.map(str::to_owned),
            body: self.body.to_vec(),
        }
    }
}

/// Marks a test event that is not signed.
const UNSIGNED_HEADER: &str = "x-hookstream-unsigned";

/// What to send instead: signing may change the body and the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// The signature, the event's type and id, and the content type.
    pub headers: Vec<(String, String)>,
    pub query: Option<String>,
    pub body: Vec<u8>,
}

/// Why a request cannot be signed as the sender would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotSign {
    /// The source holds a public key, and only the sender has the other half.
    #[error("only the sender has the key that signs")]
    PublicKey,
    #[error("the source's verification lacks what it takes")]
    Misconfigured,
}

/// Makes the request that the provider would send, with the first secret.
pub fn sign(
    template: Option<TemplateId>,
    verification: &Verification,
    unsigned: &Unsigned<'_>,
) -> Result<SignedRequest, CannotSign> {
    let mut signer = Signer::new(unsigned);
    signer.put(CONTENT_TYPE, unsigned.content_type.to_owned());
    let Some(id) = provider(template) else {
        by_settings(&mut signer, verification)?;
        return Ok(signer.made);
    };
    signer.name_the_event(id);
    match id.template().scheme(verification.kind).ok_or(CannotSign::Misconfigured)? {
        Scheme::Signed(signed) => signer.sign(verification, signed)?,
        Scheme::StandardWebhooks(headers) => signer.standard_webhooks(verification, *headers)?,
        Scheme::SharedToken(place) => signer.token(verification, *place)?,
        Scheme::Basic => signer.basic(verification)?,
        Scheme::Special(Special::Twilio) => signer.twilio(secret_of(verification)?),
        Scheme::Special(Special::Mailgun) => signer.mailgun(secret_of(verification)?)?,
        Scheme::Special(Special::Adyen) => signer.adyen(secret_of(verification)?)?,
        Scheme::Special(Special::MicrosoftGraph) => signer.microsoft_graph(secret_of(verification)?)?,
        Scheme::Custom => return Err(CannotSign::Misconfigured),
    }
    Ok(signer.made)
}

fn by_settings(signer: &mut Signer<'_>, verification: &Verification) -> Result<(), CannotSign> {
    match verification.kind {
        VerificationKind::None => Ok(()),
        VerificationKind::StandardWebhooks => signer.standard_webhooks(verification, StandardHeaders::Webhook),
        VerificationKind::SharedToken => {
            signer.token(verification, verification.token_place().ok_or(CannotSign::Misconfigured)?)
        }
        VerificationKind::Basic => signer.basic(verification),
        VerificationKind::HmacSha256
        | VerificationKind::HmacSha1
        | VerificationKind::HmacSha512
        | VerificationKind::Ed25519
        | VerificationKind::EcdsaP256 => {
            signer.sign(verification, &verification.signed().ok_or(CannotSign::Misconfigured)?)
        }
    }
}

fn secret_of(verification: &Verification) -> Result<&str, CannotSign> {
    verification.secrets.first().map(String::as_str).ok_or(CannotSign::Misconfigured)
}

struct Signer<'a> {
    unsigned: &'a Unsigned<'a>,
    made: SignedRequest,
}

impl<'a> Signer<'a> {
    fn new(unsigned: &'a Unsigned<'a>) -> Self {
        let made = SignedRequest {
            headers: Vec::new(),
            query: unsigned.url.query.map(str::to_owned),
            body: unsigned.body.to_vec(),
        };
        Self { unsigned, made }
    }

    fn put(&mut self, name: impl AsRef<str>, value: String) {
        let name = name.as_ref().to_ascii_lowercase();
        self.made.headers.retain(|(given, _)| *given != name);
        self.made.headers.push((name, value));
    }

    /// An id that no other test event has.
    fn id(&self) -> String {
        format!("test-{}", self.unsigned.now.as_micros())
    }

    /// Where the provider names the event in headers, it does so here.
    fn name_the_event(&mut self, id: TemplateId) {
        let template = id.template();
        if let Some(Place::Header(name)) = template.event_type.first() {
            self.put(name, self.unsigned.event_type.to_owned());
        }
        if let Some(Place::Header(name)) = template.event_id.first() {
            self.put(name, self.id());
        }
    }

    fn sign(&mut self, verification: &Verification, signed: &Signed<'_>) -> Result<(), CannotSign> {
        if signed.algorithm.is_public_key() {
            return Err(CannotSign::PublicKey);
        }
        let secret = secret_of(verification)?;
        let timestamp = signed.time.map(|time| write_time(self.unsigned.now, time.unit)).unwrap_or_default();
        if let Some(SignedTime { place: TimePlace::Body(path), .. }) = signed.time {
            let number = timestamp.parse::<i64>().map_err(|_| CannotSign::Misconfigured)?;
            self.change_body(|body| {
                *body.get_mut(path)? = number.into();
                Some(())
            })?;
        }
        let id = self.id();
        let covered = Covered {
            method: self.unsigned.method,
            url: &self.unsigned.url,
            body: &self.made.body,
            timestamp: &timestamp,
            id: &id,
        };
        let tag = covered.hmac(signed.algorithm, secret.as_bytes(), signed.content);
        let tag = encode(&tag.map_err(|_| CannotSign::Misconfigured)?, signed.encoding);
        let value = match (signed.form, signed.time.map(|time| time.place)) {
            (Form::Plain { prefix }, _) => format!("{prefix}{tag}"),
            (Form::Pairs { separator, signature }, Some(TimePlace::Pair(time))) => {
                format!("{time}={timestamp}{separator}{signature}={tag}")
            }
            (Form::Pairs { signature, .. }, _) => format!("{signature}={tag}"),
        };
        if let Some(SignedTime { place: TimePlace::Header(name), .. }) = signed.time {
            self.put(name, timestamp);
        }
        if let Some(name) = signed.id_header {
            self.put(name, id);
        }
        self.put(signed.header, value);
        Ok(())
    }

    fn standard_webhooks(&mut self, verification: &Verification, headers: StandardHeaders) -> Result<(), CannotSign> {
        // A public key among them does not matter as long as there is a secret to sign with.
        let secret = verification.secrets.iter().find(|secret| standard_webhooks::key_of(secret).is_some());
        let secret = secret.ok_or(CannotSign::PublicKey)?;
        let id = format!("msg_test_{}", self.unsigned.now.as_micros());
        for (name, value) in standard_webhooks::sign_as(headers, secret, &id, &self.made.body, self.unsigned.now) {
            self.put(name, value);
        }
        Ok(())
    }

    fn token(&mut self, verification: &Verification, place: TokenPlace<'_>) -> Result<(), CannotSign> {
        let secret = secret_of(verification)?;
        match place {
            TokenPlace::Header { name, prefix } => self.put(name, format!("{prefix}{secret}")),
            TokenPlace::Query(name) => self.add_parameter(name, secret),
        }
        Ok(())
    }

    fn basic(&mut self, verification: &Verification) -> Result<(), CannotSign> {
        let username = verification.username.as_deref().ok_or(CannotSign::Misconfigured)?;
        let pair = format!("{username}:{}", secret_of(verification)?);
        self.put(AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(pair)));
        Ok(())
    }

    fn twilio(&mut self, secret: &str) {
        let fields = if self.unsigned.content_type.starts_with("application/x-www-form-urlencoded") {
            twilio::sorted_fields(&self.made.body)
        } else {
            self.add_parameter(twilio::BODY_HASH, &hex::encode(sha256(&self.made.body)));
            String::new()
        };
        let url = RequestUrl { query: self.made.query.as_deref(), ..self.unsigned.url }.to_string();
        self.put(twilio::HEADER, twilio::header_value(&twilio::signature(secret, &url, &fields)));
    }

    fn mailgun(&mut self, secret: &str) -> Result<(), CannotSign> {
        let timestamp = self.unsigned.now.as_secs().to_string();
        // As long as Mailgun's own, and another at every microsecond and for every secret.
        let seed = self.unsigned.now.as_micros().to_be_bytes();
        let token: String = hex::encode(hmac_sha256(secret.as_bytes(), &[b"token", &seed])).chars().take(50).collect();
        let signature = hex::encode(mailgun::signature(secret, &timestamp, &token));
        self.change_body(|body| {
            let object = body.get_mut("signature")?;
            *object.get_mut("timestamp")? = timestamp.into();
            *object.get_mut("token")? = token.into();
            *object.get_mut("signature")? = signature.into();
            Some(())
        })
    }

    fn adyen(&mut self, secret: &str) -> Result<(), CannotSign> {
        let key = adyen::key_of(secret).ok_or(CannotSign::Misconfigured)?;
        self.change_body(|body| {
            for item in body.get_mut("notificationItems")?.as_array_mut()? {
                let item = item.get_mut("NotificationRequestItem")?;
                let tag = hmac_sha256(&key, &[adyen::signed_content(item)?.as_bytes()]);
                *item.pointer_mut("/additionalData/hmacSignature")? = BASE64_STANDARD.encode(tag).into();
            }
            Some(())
        })
    }

    fn microsoft_graph(&mut self, secret: &str) -> Result<(), CannotSign> {
        self.change_body(|body| {
            for notification in body.get_mut("value")?.as_array_mut()? {
                *notification.get_mut("clientState")? = secret.into();
            }
            Some(())
        })
    }

    /// Writes what belongs to the signature into a JSON body that has a place for it.
    fn change_body(&mut self, change: impl FnOnce(&mut Value) -> Option<()>) -> Result<(), CannotSign> {
        let mut body: Value = serde_json::from_slice(&self.made.body).map_err(|_| CannotSign::Misconfigured)?;
        change(&mut body).ok_or(CannotSign::Misconfigured)?;
        self.made.body = serde_json::to_vec_pretty(&body).map_err(|_| CannotSign::Misconfigured)?;
        Ok(())
    }

    fn add_parameter(&mut self, name: &str, value: &str) {
        let mut query = ::url::form_urlencoded::Serializer::new(self.made.query.take().unwrap_or_default());
        query.append_pair(name, value);
        self.made.query = Some(query.finish());
    }
}
