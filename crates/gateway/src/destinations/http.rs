//! The type `http`: the body as it was received, with the original headers that are safe to forward, hookstream's own,
//! and the signature.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    delivery::{ErrorClass, SentRequest},
    destination::Auth,
    patch::mask,
    time::Timestamp,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    http_client::{HttpClient, SendError, explain, read_capped},
    pipeline::deliver::{Answer, MAX_ANSWER, Outgoing, Sent},
    providers::standard_webhooks,
    registry::Target,
};

/// Headers of the original request that are not forwarded: they speak of another connection, of another credential,
/// or of a way through proxies that the receiver would mistake for its own.
const NOT_FORWARDED: [&str; 20] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "priority",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-api-key",
    "x-real-ip",
];
const NOT_FORWARDED_PREFIXES: [&str; 4] = ["x-forwarded-", "x-hookstream-", "webhook-", "cf-"];
/// Headers of an answer that are kept, and how long each may be.
const MAX_ANSWER_HEADERS: usize = 60;
const MAX_ANSWER_HEADER: usize = 2_000;

pub(crate) async fn send(client: &HttpClient, target: &Target, outgoing: &Outgoing<'_>) -> Sent {
    let (headers, shown) = headers(target, outgoing);
    let config = &target.destination.config;
    let request = SentRequest { method: config.method.as_str().to_owned(), url: config.url.clone(), headers: shown };
    let started = Instant::now();
    let timeout = Duration::from_millis(u64::from(target.destination.timeout_ms));
    let result = exchange(client, target, headers, outgoing, timeout).await;
    let latency_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    let (answer, error) = match result {
        Err(error) => (None, Some(error)),
        Ok(answer) if (200..300).contains(&answer.status) => (Some(answer), None),
        Ok(answer) => {
            let error = SendError::new(ErrorClass::Status, describe_status(answer.status));
            (Some(answer), Some(error))
        }
    };
    Sent { request, answer, error, latency_ms }
}

async fn exchange(
    client: &HttpClient,
    target: &Target,
    headers: HeaderMap,
    outgoing: &Outgoing<'_>,
    timeout: Duration,
) -> Result<Answer, SendError> {
    if target.sealed {
        let why = "the destination's secrets cannot be opened with the server's secret key";
        return Err(SendError::new(ErrorClass::Config, why));
    }
    let method = reqwest::Method::from_bytes(target.destination.config.method.as_str().as_bytes())
        .map_err(|error| SendError::new(ErrorClass::Config, error.to_string()))?;
    let request = client.request(method, &target.url)?.headers(headers).body(outgoing.body.clone());
    let deadline = tokio::time::Instant::now() + timeout;
    let mut response = match tokio::time::timeout_at(deadline, request.send()).await {
        Ok(result) => result.map_err(|error| explain(&error))?,
        Err(_) => {
            return Err(SendError::new(
                ErrorClass::Timeout,
                format!("no answer within {} ms", target.destination.timeout_ms),
            ));
        }
    };
    let status = response.status().as_u16();
    let headers = answer_headers(response.headers());
    let retry_after = matches!(status, 429 | 503).then(|| retry_after(response.headers(), outgoing.now)).flatten();
    // The status has told what became of the delivery; what follows of the body is for people to read.
    let body = read_capped(&mut response, MAX_ANSWER, deadline).await;
    Ok(Answer { status, headers, body: text_of(&body), retry_after })
}

/// The headers of a request, and the same as people may see them.
fn headers(target: &Target, outgoing: &Outgoing<'_>) -> (HeaderMap, Vec<(String, String)>) {
    let mut headers = HeaderMap::new();
    for (name, value) in outgoing.headers.iter().filter(|(name, _)| is_forwarded(name)) {
        append(&mut headers, name, value);
    }
    for (name, value) in [
        ("x-hookstream-event-id", outgoing.event_id.to_string()),
        ("x-hookstream-delivery-id", outgoing.delivery_id.to_string()),
        ("x-hookstream-attempt", outgoing.attempt_number.to_string()),
        ("x-hookstream-source-id", outgoing.source_id.to_string()),
    ] {
        set(&mut headers, name, &value);
    }
    for (name, value) in &target.destination.headers {
        set(&mut headers, name, value);
    }
    if !target.signing_keys.is_empty() {
        let id = outgoing.delivery_id.to_string();
        let timestamp = outgoing.now.as_secs().to_string();
        let signature = standard_webhooks::signature(&target.signing_keys, &id, &timestamp, &outgoing.body);
        set(&mut headers, "webhook-id", &id);
        set(&mut headers, "webhook-timestamp", &timestamp);
        set(&mut headers, "webhook-signature", &signature);
    }
    let credential = credential(&target.auth);
    if let Some((name, value)) = &credential {
        set(&mut headers, name, value);
    }
    let secret_name = credential.map(|(name, _)| name.to_ascii_lowercase());
    let shown = headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let is_secret = secret_name.as_deref() == Some(name.as_str());
            (name.as_str().to_owned(), if is_secret { mask(&value) } else { value })
        })
        .collect();
    (headers, shown)
}

fn credential(auth: &Auth) -> Option<(String, String)> {
    let authorization = || "authorization".to_owned();
    match auth {
        Auth::None => None,
        Auth::Basic { username, password } => {
            let pair = BASE64_STANDARD.encode(format!("{username}:{password}"));
            Some((authorization(), format!("Basic {pair}")))
        }
        Auth::Bearer { token } => Some((authorization(), format!("Bearer {token}"))),
        Auth::ApiKey { header, value } => Some((header.clone(), value.clone())),
    }
}

fn is_forwarded(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !NOT_FORWARDED.contains(&name.as_str()) && !NOT_FORWARDED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
        headers.append(name, value);
    }
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
        headers.insert(name, value);
    }
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

fn describe_status(status: u16) -> String {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let said = match reason {
        Some(reason) => format!("the receiver answered {status} {reason}"),
        None => format!("the receiver answered {status}"),
    };
    if (300..400).contains(&status) { format!("{said}; redirects are not followed") } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_another_connection_is_not_forwarded() {
        for name in ["Host", "content-length", "Cookie", "Authorization", "X-Forwarded-For", "Webhook-Id", "Via"] {
            assert!(!is_forwarded(name), "{name}");
        }
        for name in ["Content-Type", "Stripe-Signature", "X-GitHub-Event", "Content-Encoding"] {
            assert!(is_forwarded(name), "{name}");
        }
    }

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
}
