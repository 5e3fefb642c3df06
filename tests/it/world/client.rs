//! The REST API as a program uses it.

use std::{collections::HashMap, time::Duration};

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use super::eventually;

/// A program with an API key, or without one where it is empty.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Longer than the server may take for anything.
const TIMEOUT: Duration = Duration::from_secs(40);
/// How long a delivery may take that nothing stands against.
const DELIVERY_LIMIT: Duration = Duration::from_secs(15);

impl Client {
    pub(super) fn new(base: &str, key: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .expect("a client");
        Self { http, base: base.to_owned(), key: key.to_owned() }
    }

    /// The same program with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A request with the key, to be filled in and sent.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        if self.key.is_empty() { request } else { request.header("x-api-key", &self.key) }
    }

    /// A form as a browser posts it, to be filled in and sent.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(&self, path: &str, fields: &[(N, V)]) -> reqwest::RequestBuilder {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// Makes something, and says its id.
    pub async fn make(&self, resource: &str, input: Value) -> String {
        let made = self.post(&format!("/v1/{resource}"), input).await.expect(201);
        made["id"].as_str().expect("an id").to_owned()
    }

    /// A source that verifies nothing.
    pub async fn source(&self, name: &str) -> String {
        self.make("sources", json!({ "name": name })).await
    }

    /// A destination with the usual settings but for those in `more`.
    pub async fn destination(&self, name: &str, url: &str, more: Value) -> String {
        self.make("destinations", destination(name, url, more)).await
    }

    pub async fn connect(&self, source: &str, destination: &str) -> String {
        self.make("connections", json!({ "source_id": source, "destination_id": destination })).await
    }

    /// A source that is connected to a destination: their ids.
    pub async fn route(&self, name: &str, url: &str, more: Value) -> (String, String) {
        let source = self.source(name).await;
        let destination = self.destination(name, url, more).await;
        self.connect(&source, &destination).await;
        (source, destination)
    }

    /// An event whole.
    pub async fn event(&self, id: &str) -> Value {
        self.get(&format!("/v1/events/{id}")).await.expect(200)
    }

    /// The deliveries of an event.
    pub async fn deliveries(&self, event: &str) -> Vec<Value> {
        self.get(&format!("/v1/events/{event}/deliveries")).await.list()
    }

    /// The attempts of a delivery, oldest first.
    pub async fn attempts(&self, delivery: &str) -> Vec<Value> {
        self.get(&format!("/v1/deliveries/{delivery}/attempts")).await.list()
    }

    /// Waits until the event has this status.
    pub async fn event_becomes(&self, id: &str, status: &str) -> Value {
        eventually(DELIVERY_LIMIT, &format!("the event {id} becomes {status}"), async || {
            Some(self.event(id).await).filter(|event| event["status"] == status)
        })
        .await
    }

    /// Waits until every delivery of an event has ended: each by the id of its destination.
    pub async fn deliveries_end(&self, event: &str) -> HashMap<String, Value> {
        eventually(DELIVERY_LIMIT, &format!("the deliveries of {event} end"), async || {
            let deliveries = self.deliveries(event).await;
            let has_ended = |delivery: &Value| matches!(delivery["status"].as_str(), Some("succeeded" | "failed"));
            let by_destination = |delivery: Value| {
                let destination = delivery["destination_id"].as_str().expect("an id").to_owned();
                (destination, delivery)
            };
            deliveries.iter().all(has_ended).then(|| deliveries.into_iter().map(by_destination).collect())
        })
        .await
    }

    /// Waits until the only delivery of an event has this status.
    pub async fn delivery_becomes(&self, event: &str, status: &str) -> Value {
        eventually(DELIVERY_LIMIT, &format!("the delivery of {event} becomes {status}"), async || {
            let deliveries = self.deliveries(event).await;
            assert_eq!(deliveries.len(), 1, "one connection, one delivery: {deliveries:?}");
            deliveries.into_iter().next().filter(|delivery| delivery["status"] == status)
        })
        .await
    }

    /// Waits until the only delivery of an event was tried so often, and says its attempts.
    pub async fn attempts_become(&self, event: &str, count: usize) -> Vec<Value> {
        eventually(DELIVERY_LIMIT, &format!("{event} has {count} attempts"), async || {
            let deliveries = self.deliveries(event).await;
            let id = deliveries.first()?["id"].as_str()?;
            Some(self.attempts(id).await).filter(|attempts| attempts.len() >= count)
        })
        .await
    }

    /// Everything that a list has, page after page.
    pub async fn all(&self, list: &str) -> Vec<Value> {
        match list.split_once('?') {
            Some((list, query)) => self.all_with(list, query).await,
            None => self.all_with(list, "").await,
        }
    }

    /// The same of what fits a query.
    pub async fn all_with(&self, list: &str, query: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{list}?limit=250&cursor={cursor}&{query}")).await.expect(200);
            found.extend(page["data"].as_array().expect("a list").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return found,
            }
        }
    }
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        Self::try_of(request).await.expect("an answer")
    }

    /// Fails when no whole answer comes.
    pub async fn try_of(request: reqwest::RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await?.to_vec() })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its JSON, or null where there is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Its JSON, given that it has this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// What stands in a list.
    #[track_caller]
    pub fn list(&self) -> Vec<Value> {
        self.expect(200)["data"].as_array().expect("a list").clone()
    }

    /// A problem in the form that all errors have, given its status and its word for programs.
    #[track_caller]
    pub fn problem(&self, status: u16, error: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["error"], error, "{problem}");
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {problem}");
        }
        assert!(problem["request_id"].as_str().is_some_and(|id| id.starts_with("req_")), "{problem}");
        problem
    }

    /// The message for a field of a request that was refused.
    #[track_caller]
    pub fn field_error(&self, path: &str) -> String {
        let problem = self.problem(422, "invalid");
        let errors = problem["errors"].as_array().expect("errors");
        let error = errors.iter().find(|error| error["path"] == path);
        error.and_then(|error| error["message"].as_str()).unwrap_or_else(|| panic!("no {path} in {problem}")).to_owned()
    }
}

/// The input of a destination that gives up after the first try, but for what stands in `more`.
pub fn destination(name: &str, url: &str, more: Value) -> Value {
    let mut input = json!({
        "name": name,
        "type": "http",
        "config": { "url": url },
        "timeout_ms": 5000,
        "retry": { "max_attempts": 1 },
    });
    let Value::Object(more) = more else { panic!("settings are an object") };
    input.as_object_mut().expect("an object").extend(more);
    input
}
