//! What providers ask of a URL before they send events to it, or from time to time.
//!
//! Where a provider signs the question, it is answered only when the signature is right. Answers are short, never HTML,
//! and hold nothing but what was asked for. Where the answer is an HMAC with the source's secret, the question is bound to
//! characters that no event consists of: otherwise whoever asks could have events signed.

use domain::{
    template::{Handshake, TemplateId},
    verification::Encoding,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Check, Mismatch,
    digest::{hmac_sha256, is_equal},
    given::encode,
    provider, token, verify,
};

/// What the sender is answered, in place of storing an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// The longest text that is given back.
const MAX_ECHO: usize = 2048;
/// The longest token that is signed.
const MAX_SIGNED_TOKEN: usize = 256;
/// The longest body that may be a question.
const MAX_QUESTION: usize = 4096;

impl Reply {
    const fn text(body: String) -> Self {
        Self { status: 200, content_type: TEXT, body }
    }

    fn json(value: &serde_json::Value) -> Self {
        Self { status: 200, content_type: JSON, body: value.to_string() }
    }
}

/// Answers a handshake. `None` when the request is none, and is an event like any other.
///
/// # Errors
/// When it is one, and does not come from whom the source expects.
pub fn handshake(template: Option<TemplateId>, check: &Check<'_>) -> Result<Option<Reply>, Mismatch> {
    let id = template.unwrap_or(TemplateId::Custom);
    match id.template().handshake {
        None => Ok(None),
        Some(Handshake::Slack) => slack(id, check),
        Some(Handshake::Meta) => meta(check),
        Some(Handshake::X) => Ok(crc(check)),
        Some(Handshake::Zoom) => zoom(id, check),
        Some(Handshake::MicrosoftGraph) => Ok(microsoft_graph(check)),
        Some(Handshake::Discord) => discord(id, check),
        Some(Handshake::Woocommerce) => Ok(woocommerce(check)),
        Some(Handshake::Custom) => custom(template, check),
    }
}

/// Questions come in small bodies, and name themselves.
fn may_ask(check: &Check<'_>, word: &str) -> bool {
    check.method == "POST"
        && check.body.len() <= MAX_QUESTION
        && check.body.windows(word.len()).any(|window| window == word.as_bytes())
}

fn slack(id: TemplateId, check: &Check<'_>) -> Result<Option<Reply>, Mismatch> {
    #[derive(Deserialize)]
    struct Question {
        r#type: String,
        challenge: String,
    }
    if !may_ask(check, "url_verification") {
        return Ok(None);
    }
    let Ok(question) = serde_json::from_slice::<Question>(check.body) else { return Ok(None) };
    if question.r#type != "url_verification" || question.challenge.len() > MAX_ECHO {
        return Ok(None);
    }
    verify(Some(id), check)?;
    Ok(Some(Reply::text(question.challenge)))
}

fn meta(check: &Check<'_>) -> Result<Option<Reply>, Mismatch> {
    let one = |name| check.url.parameters(name).next();
    let (Some(mode), Some(challenge)) = (one("hub.mode"), one("hub.challenge")) else { return Ok(None) };
    if check.method != "GET" || mode != "subscribe" || challenge.len() > MAX_ECHO {
        return Ok(None);
    }
    let place = || "the parameter hub.verify_token in the URL".to_owned();
    let given = one("hub.verify_token").ok_or_else(|| Mismatch::MissingField { place: place() })?;
    // Without a token of its own, a source takes its secret for one.
    let is_right = match &check.verification.verify_token {
        Some(token) => is_equal(token.as_bytes(), given.as_bytes()),
        None => token::is_a_secret(check.verification, &given),
    };
    if !is_right {
        return Err(Mismatch::WrongToken { place: place(), seen_length: given.chars().count() });
    }
    Ok(Some(Reply::text(challenge)))
}

/// X does not sign the question, and its answer is made as the signature of an event is.
fn crc(check: &Check<'_>) -> Option<Reply> {
    let token = check.url.parameters("crc_token").next()?;
    if check.method != "GET" || !may_be_crc_token(token.as_bytes()) {
        return None;
    }
    let secret = check.verification.secrets.first()?;
    let tag = encode(&hmac_sha256(secret.as_bytes(), &[token.as_bytes()]), Encoding::Base64);
    Some(Reply::json(&json!({ "response_token": format!("sha256={tag}") })))
}

/// Whether a text is such that X might ask for its signature. No event is: events are objects in JSON.
pub(super) fn may_be_crc_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.len() <= MAX_SIGNED_TOKEN
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=.".contains(byte))
}

fn zoom(id: TemplateId, check: &Check<'_>) -> Result<Option<Reply>, Mismatch> {
    #[derive(Deserialize)]
    struct Question {
        event: String,
        payload: Payload,
    }
    #[derive(Deserialize)]
    struct Payload {
        #[serde(rename = "plainToken")]
        plain_token: String,
    }
    if !may_ask(check, "endpoint.url_validation") {
        return Ok(None);
    }
    let Ok(Question { event, payload: Payload { plain_token } }) = serde_json::from_slice(check.body) else {
        return Ok(None);
    };
    // What is signed of events begins with v0: and so has colons.
    let is_plain = plain_token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=.".contains(&byte));
    if event != "endpoint.url_validation" || !is_plain || !(1..=MAX_SIGNED_TOKEN).contains(&plain_token.len()) {
        return Ok(None);
    }
    verify(Some(id), check)?;
    let Some(secret) = check.verification.secrets.first() else { return Ok(None) };
    let tag = hex::encode(hmac_sha256(secret.as_bytes(), &[plain_token.as_bytes()]));
    Ok(Some(Reply::json(&json!({ "plainToken": plain_token, "encryptedToken": tag }))))
}

fn microsoft_graph(check: &Check<'_>) -> Option<Reply> {
    let token = check.url.parameters("validationToken").next()?;
    let is_plain = !token.is_empty() && token.len() <= MAX_ECHO && !token.contains(char::is_control);
    (check.method == "POST" && is_plain).then(|| Reply::text(token))
}

/// A PING of interactions is 1 and has no event, one of webhook events is 0. Discord also sends such with wrong
/// signatures, and wants them to be refused.
fn discord(id: TemplateId, check: &Check<'_>) -> Result<Option<Reply>, Mismatch> {
    #[derive(Deserialize)]
    struct Question {
        r#type: u8,
        event: Option<serde::de::IgnoredAny>,
    }
    if !may_ask(check, "\"type\"") {
        return Ok(None);
    }
    let reply = match serde_json::from_slice(check.body) {
        Ok(Question { r#type: 0, event: None }) => Reply { status: 204, content_type: JSON, body: String::new() },
        Ok(Question { r#type: 1, event: None }) => Reply::json(&json!({ "type": 1 })),
        _ => return Ok(None),
    };
    verify(Some(id), check)?;
    Ok(Some(reply))
}

fn woocommerce(check: &Check<'_>) -> Option<Reply> {
    let number = check.body.strip_prefix(b"webhook_id=")?;
    let is_ping = check.method == "POST"
        && (1..=20).contains(&number.len())
        && number.iter().all(u8::is_ascii_digit)
        && !check.headers.contains_key("X-WC-Webhook-Signature");
    is_ping.then(|| Reply::text(String::new()))
}

fn custom(template: Option<TemplateId>, check: &Check<'_>) -> Result<Option<Reply>, Mismatch> {
    let Some(parameter) = check.verification.challenge_parameter.as_deref() else { return Ok(None) };
    if check.method != "GET" || provider(template).is_some() {
        return Ok(None);
    }
    let Some(challenge) = check.url.parameters(parameter).next() else { return Ok(None) };
    if challenge.is_empty() || challenge.len() > MAX_ECHO || challenge.contains(char::is_control) {
        return Ok(None);
    }
    if let Some(token) = &check.verification.verify_token {
        let query = check.url.query.unwrap_or_default();
        // The name of the parameter is the sender's own.
        let mut is_right = false;
        for (_, value) in ::url::form_urlencoded::parse(query.as_bytes()) {
            is_right |= is_equal(token.as_bytes(), value.as_bytes());
        }
        if !is_right {
            return Err(Mismatch::WrongToken { place: "the query".to_owned(), seen_length: query.len() });
        }
    }
    Ok(Some(Reply::text(challenge)))
}
