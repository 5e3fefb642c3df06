//! One request to a peer and its answer: the same for every type.

use std::time::Duration;

use bytes::Bytes;
use domain::{
    delivery::{ErrorClass, SentRequest},
    patch::mask,
    time::Timestamp,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::Instant;
use url::Url;

use crate::{
    http_client::{HttpClient, SendError, explain, read_capped},
    pipeline::deliver::{Answer, MAX_ANSWER, Outcome},
};

/// Headers of an answer that are kept, and how long each may be.
const MAX_ANSWER_HEADERS: usize = 60;
const MAX_ANSWER_HEADER: usize = 2_000;

/// What an attempt has for its requests.
pub(crate) struct Post<'a> {
    pub client: &'a HttpClient,
    pub hub: &'a crate::hub::Hub,
    pub deadline: Instant,
    pub timeout_ms: u32,
    pub now: Timestamp,
}

/// A request, not yet sent.
pub(crate) struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    /// The headers whose values nobody may see.
    pub secret: Vec<HeaderName>,
    pub body: Bytes,
}

/// What was sent, what came back, and what that means.
pub(crate) struct Exchange {
    pub request: SentRequest,
    pub answer: Option<Answer>,
    pub outcome: Outcome,
}

impl Exchange {
    /// Nothing could be sent.
    pub fn unsent(request: SentRequest, outcome: Outcome) -> Self {
        Self { request, answer: None, outcome }
    }
}

impl Request {
    pub fn new(method: Method, url: Url, body: impl Into<Bytes>) -> Self {
        Self { method, url, headers: HeaderMap::new(), secret: Vec::new(), body: body.into() }
    }

    /// Sets a header, unless it cannot be one.
    pub fn set(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
            self.headers.insert(name, value);
        }
    }

    /// Sets a header whose name is known to be one, unless its value cannot be one.
    pub fn set_known(&mut self, name: HeaderName, value: String) {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.insert(name, value);
        }
    }

    /// Sets a header whose value nobody may see, unless it cannot be one.
    pub fn set_secret(&mut self, name: &str, value: &str) {
        self.set(name, value);
        if let Ok(name) = name.parse::<HeaderName>() {
            // What logs headers leaves these out.
            if let Some(value) = self.headers.get_mut(&name) {
                value.set_sensitive(true);
            }
            self.secret.push(name);
        }
    }

    pub fn append(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
            self.headers.append(name, value);
        }
    }

    /// As people may see it.
    pub fn shown(&self) -> SentRequest {
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let value = if self.secret.contains(name) { mask(&value) } else { value };
            (name.as_str().to_owned(), value)
        };
        SentRequest {
            method: self.method.as_str().to_owned(),
            url: self.url.to_string(),
            headers: self.headers.iter().map(header).collect(),
        }
    }
}

impl Post<'_> {
    /// Sends, and has the answer judged.
    pub async fn exchange(&self, request: Request, judge: impl FnOnce(&Answer) -> Outcome) -> Exchange {
        self.exchange_by(self.client, request, judge).await
    }

    /// The same by another client.
    pub async fn exchange_by(
        &self,
        client: &HttpClient,
        request: Request,
        judge: impl FnOnce(&Answer) -> Outcome,
    ) -> Exchange {
        let shown = request.shown();
        match self.ask(client, request).await {
            Ok(answer) => Exchange { request: shown, outcome: judge(&answer), answer: Some(answer) },
            Err(error) => Exchange::unsent(shown, Outcome::Retry(error)),
        }
    }

    /// Sends, and reads the answer.
    pub async fn ask(&self, client: &HttpClient, request: Request) -> Result<Answer, SendError> {
        let mut ready = reqwest::Request::new(request.method, request.url);
        *ready.headers_mut() = request.headers;
        *ready.body_mut() = Some(request.body.into());
        let mut response = match tokio::time::timeout_at(self.deadline, client.execute(ready)?).await {
            Ok(result) => result.map_err(|error| explain(&error))?,
            Err(_) => return Err(self.timeout()),
        };
        let status = response.status().as_u16();
        let headers = answer_headers(response.headers());
        let retry_after = matches!(status, 429 | 503).then(|| retry_after(response.headers(), self.now)).flatten();
        // The status has told what became of the delivery; what follows of the body is for people to read.
        let body = read_capped(&mut response, MAX_ANSWER, self.deadline).await;
        Ok(Answer { status: Some(status), headers, body: text_of(&body), retry_after })
    }

    pub fn timeout(&self) -> SendError {
        SendError::new(ErrorClass::Timeout, format!("no answer within {} ms", self.timeout_ms))
    }
}

/// What follows from a status alone.
pub(crate) fn by_status(answer: &Answer) -> Outcome {
    match answer.status.unwrap_or_default() {
        200..300 => Outcome::Delivered,
        status => Outcome::Retry(SendError::new(ErrorClass::Status, describe_status(status))),
    }
}

/// The peer took the message for no fault of the message's: what may change without it.
pub(crate) fn retry(message: impl Into<String>) -> Outcome {
    Outcome::Retry(SendError::new(ErrorClass::Status, message))
}

/// The peer will never take this message.
pub(crate) fn give_up(message: impl Into<String>) -> Outcome {
    Outcome::GiveUp(SendError::new(ErrorClass::Status, message))
}

/// This event makes no message that the peer takes.
pub(crate) fn unfit(message: impl Into<String>) -> Outcome {
    Outcome::GiveUp(SendError::new(ErrorClass::Transform, message))
}

pub(crate) fn describe_status(status: u16) -> String {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let said = match reason {
        Some(reason) => format!("the receiver answered {status} {reason}"),
        None => format!("the receiver answered {status}"),
    };
    if (300..400).contains(&status) { format!("{said}; redirects are not followed") } else { said }
}

/// A text of the peer's as part of a sentence: without what ends it, and not for ever.
pub(crate) fn said(text: &str) -> String {
    const LONGEST: usize = 300;
    let text: String = text.trim().trim_end_matches('.').chars().take(LONGEST).collect();
    if text.is_empty() { "nothing more".to_owned() } else { text }
}

fn answer_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .take(MAX_ANSWER_HEADERS)
        .map(|(name, value)| {
            let value = &value.as_bytes()[..value.len().min(MAX_ANSWER_HEADER)];
            (name.as_str().to_owned(), text_of(value))
        })
        .collect()
}

/// Text as the database takes it: no NUL, and nothing that is no UTF-8.
fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

/// Seconds or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let format = time::format_description::well_known::Rfc2822;
    // An HTTP date is one of RFC 2822 but for the name of its zone.
    let date = time::OffsetDateTime::parse(&text.replace("GMT", "+0000"), &format).ok()?;
    let at = Timestamp::from_micros(date.unix_timestamp().saturating_mul(1_000_000));
    Some(at.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::parse_rfc3339("2026-10-21T07:28:00Z").expect("a time");
        let after = |text: &str| {
            let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, text.parse().expect("a value"))]);
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Wed, 21 Oct 2026 07:30:00 GMT"), Some(120));
        assert_eq!(after("Wed, 21 Oct 2026 07:20:00 GMT"), Some(0));
        assert_eq!(after("soon"), None);
        assert_eq!(after("-5"), None);
    }

    #[test]
    fn text_for_the_database_has_no_nul() {
        assert_eq!(text_of(b"a\0b\xff"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let url = Url::parse("https://x.test/").expect("a URL");
        let mut request = Request::new(Method::POST, url, "");
        request.set("x-plain", "seen");
        request.set_secret("authorization", "Bearer never-to-be-seen-1234");
        let shown = request.shown();
        assert!(!format!("{shown:?}").contains("never") && format!("{shown:?}").contains("seen"));
    }
}
