//! Sends an event to the local server as it was received.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    event::Event,
    forward::{ForwardInput, MAX_RESPONSE_BODY},
    time::Timestamp,
};
use futures::StreamExt;
use gateway::clock;
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::Instant;
use url::Url;

use crate::cli::{Failure, client::reason};

/// The local server.
pub struct Target {
    url: Url,
    http: reqwest::Client,
}

/// An event that was sent, and what came back.
#[derive(Debug, Clone)]
pub struct Forwarded {
    pub event: Event,
    pub target: Url,
    pub started_at: Timestamp,
    pub latency: Duration,
    pub answer: Result<Answered, String>,
}

#[derive(Debug, Clone)]
pub struct Answered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// The beginning of it.
    pub body: Vec<u8>,
}

/// Headers of one way between two machines, and those that the way to the local server has of its own.
const NOT_FORWARDED: [&str; 12] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "host",
    "content-length",
];
/// What addresses of events begin with; what stands behind the source is appended to the local server's.
const INGEST: &str = "/v1/ingest/";
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

impl Target {
    /// A port of this machine, or an address.
    pub fn parse(text: &str, path: Option<&str>, limit: Duration) -> anyhow::Result<Self> {
        let wrong = || {
            Failure::invalid(format!("{text:?} is no port such as 3000, and no address such as http://localhost:3000/"))
        };
        let url = match text.parse::<u16>() {
            Ok(0) => return Err(wrong().into()),
            Ok(port) => format!("http://localhost:{port}/"),
            Err(_) => text.to_owned(),
        };
        let mut url = Url::parse(&url).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || url.query().is_some() {
            return Err(wrong().into());
        }
        if let Some(path) = path {
            url.set_path(path);
        }
        // Nothing of an event goes anywhere but there.
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(limit)
            .build()?;
        Ok(Self { url, http })
    }

    /// Where it leads, without the password that may stand in it.
    pub fn shown(&self) -> String {
        shown(&self.url).to_string()
    }

    fn url_of(&self, event: &Event) -> Url {
        let mut url = self.url.clone();
        let rest = event.summary.path.strip_prefix(INGEST).and_then(|rest| rest.split_once('/')).map(|(_, rest)| rest);
        if let Some(rest) = rest {
            let path = format!("{}/{rest}", url.path().trim_end_matches('/'));
            url.set_path(&path);
        }
        url.set_query(event.summary.query.as_deref());
        url
    }

    pub async fn send(&self, event: Event) -> Forwarded {
        let (url, started_at, began) = (self.url_of(&event), clock::now(), Instant::now());
        let answer = self.exchange(&event, url.clone()).await;
        Forwarded { event, target: shown(&url), started_at, latency: began.elapsed(), answer }
    }

    async fn exchange(&self, event: &Event, url: Url) -> Result<Answered, String> {
        let method: Method = event.summary.method.parse().map_err(|_| "the method cannot be sent".to_owned())?;
        let body = BASE64_STANDARD.decode(&event.body_base64).map_err(|_| "the body cannot be read".to_owned())?;
        let request = self.http.request(method, url).headers(headers_of(event)).body(body);
        let response = request.send().await.map_err(|error| reason(&error))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let headers = headers.collect();
        let mut body = Vec::new();
        let mut pieces = response.bytes_stream();
        while body.len() < MAX_RESPONSE_BODY
            && let Some(piece) = pieces.next().await
        {
            body.extend_from_slice(&piece.map_err(|error| reason(&error))?);
        }
        body.truncate(MAX_RESPONSE_BODY);
        Ok(Answered { status, headers, body })
    }
}

impl Forwarded {
    pub fn succeeded(&self) -> bool {
        matches!(&self.answer, Ok(answered) if (200..300).contains(&answered.status))
    }

    /// As the server notes it.
    pub fn as_input(&self, listener: &str) -> ForwardInput {
        let answered = self.answer.as_ref().ok();
        ForwardInput {
            listener: listener.to_owned(),
            target: self.target.to_string().chars().take(2000).collect(),
            started_at: self.started_at,
            latency_ms: u32::try_from(self.latency.as_millis()).unwrap_or(u32::MAX),
            response_status: answered.map(|answered| answered.status),
            response_headers: answered.map(|answered| few(&answered.headers)),
            response_body: answered.map(|answered| text_of(&answered.body)),
            error: self.answer.as_ref().err().map(|error| error.chars().take(500).collect()),
        }
    }
}

/// The text of a body's beginning, in no more bytes than are kept.
fn text_of(body: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(body).into_owned();
    text.truncate(text.floor_char_boundary(MAX_RESPONSE_BODY));
    text
}

/// As many headers as are kept.
fn few(headers: &[(String, String)]) -> Vec<(String, String)> {
    let mut room = 15 << 10;
    let fits = |(name, value): &&(String, String)| {
        let fits = name.len() + value.len() <= room;
        room -= if fits { name.len() + value.len() } else { 0 };
        fits
    };
    headers.iter().filter(fits).take(100).cloned().collect()
}

fn shown(url: &Url) -> Url {
    let mut url = url.clone();
    // Both can only fail where there is neither.
    let _ = (url.set_password(None), url.set_username(""));
    url
}

fn headers_of(event: &Event) -> HeaderMap {
    let lower = |name: &String| name.to_ascii_lowercase();
    let named: Vec<String> = event
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    let mut headers = HeaderMap::new();
    for (name, value) in &event.headers {
        if NOT_FORWARDED.contains(&lower(name).as_str()) || named.contains(&lower(name)) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    if let Ok(id) = HeaderValue::from_str(&event.summary.id.to_string()) {
        headers.insert("x-hookstream-event-id", id);
    }
    headers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(path: &str, query: Option<&str>, headers: &[(&str, &str)]) -> Event {
        let id = |prefix| format!("{prefix}_{:032x}", 7);
        serde_json::from_value(json!({
            "id": id("evt"), "env_id": id("env"), "source_id": id("src"), "status": "received", "type": null,
            "provider_event_id": null, "method": "POST", "path": path, "query": query, "content_type": null,
            "content_length": 0, "source_ip": null, "received_at": "2026-01-31T12:00:00.000Z",
            "verification_status": "not_required", "dedup_status": "unique", "headers": headers, "payload": null,
            "body_base64": "", "deliveries": [],
        }))
        .expect("an event")
    }

    fn target(text: &str, path: Option<&str>) -> anyhow::Result<Target> {
        Target::parse(text, path, Duration::from_secs(1))
    }

    #[test]
    fn the_address_is_that_of_the_target() {
        let ingest = "/v1/ingest/src_00000000000000000000000000000007";
        let to = |text: &str, path: Option<&str>, of: &str, query| {
            target(text, path).expect("a target").url_of(&event(of, query, &[])).to_string()
        };
        assert_eq!(to("3000", None, ingest, None), "http://localhost:3000/");
        assert_eq!(to("3000", Some("/hooks"), ingest, Some("a=1&b=%20")), "http://localhost:3000/hooks?a=1&b=%20");
        assert_eq!(to("http://127.0.0.1:8080/in", None, ingest, None), "http://127.0.0.1:8080/in");
        assert_eq!(to("https://[::1]/in/", None, &format!("{ingest}/orders/7"), None), "https://[::1]/in/orders/7");
        for wrong in ["0", "70000", "localhost:3000", "ftp://x/", "http://", "http://x/?a=1", "three thousand"] {
            assert!(target(wrong, None).is_err(), "{wrong}");
        }
        assert_eq!(target("http://me:secret@localhost/", None).expect("a target").shown(), "http://localhost/");
    }

    #[test]
    fn headers_go_on_as_they_came_but_for_those_of_the_way() {
        let event = event(
            "/",
            None,
            &[
                ("Host", "hooks.example.com"),
                ("X-Signature", "abc"),
                ("x-many", "1"),
                ("X-Many", "2"),
                ("Connection", "close, X-Hop"),
                ("X-Hop", "1"),
                ("Content-Length", "3"),
                ("Transfer-Encoding", "chunked"),
                ("User-Agent", "Sender/1"),
            ],
        );
        let headers = headers_of(&event);
        let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-signature", "x-many", "user-agent", "x-hookstream-event-id"]);
        assert_eq!(headers.get_all("x-many").iter().collect::<Vec<_>>(), ["1", "2"]);
    }
}
