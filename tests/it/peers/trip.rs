//! An event's way through the running product to a destination, and what became of it there.

use serde_json::{Value, json};

use crate::world::{On, Server, World};

/// A server with a project.
pub struct Trip {
    pub world: World,
    pub server: Server,
}

/// What became of the newest try of a delivery.
#[derive(Debug)]
pub struct Seen {
    pub event: String,
    pub delivery: Value,
    pub attempt: Value,
}

impl Trip {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn on(on: On) -> Self {
        let world = World::new(on).await;
        let server = world.serve().await;
        Self { world, server }
    }

    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let world = World::new(On::Sqlite).await;
        let server = world.serve_with(settings).await;
        Self { world, server }
    }

    /// A destination that is tried three times, an hour between, and a source that leads to it.
    pub async fn route(&self, kind: &str, config: Value, more: Value) -> (String, String) {
        let api = self.server.api();
        let mut input = json!({
            "name": format!("{kind} {}", crate::world::unique_name()),
            "type": kind,
            "config": config,
            "timeout_ms": 20_000,
            "retry": { "strategy": "schedule", "intervals_seconds": [3600], "max_attempts": 3 },
            "circuit_breaker": { "enabled": false },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        let destination = api.make("destinations", input).await;
        let source = api.source(&format!("source {destination}")).await;
        api.connect(&source, &destination).await;
        (source, destination)
    }

    /// Sends an event to a new destination, and says what became of the first try.
    pub async fn deliver(&self, kind: &str, config: Value, body: impl Into<reqwest::Body>) -> Seen {
        self.deliver_with(kind, config, json!({}), body).await
    }

    pub async fn deliver_with(&self, kind: &str, config: Value, more: Value, body: impl Into<reqwest::Body>) -> Seen {
        let (source, _) = self.route(kind, config, more).await;
        self.post(&source, body).await
    }

    /// Sends an event to a source, and says what became of the first try.
    pub async fn post(&self, source: &str, body: impl Into<reqwest::Body>) -> Seen {
        let event = self.server.event(source, body).await;
        self.seen(&event, 1).await
    }

    /// Tries a delivery once more.
    pub async fn again(&self, seen: &Seen) -> Seen {
        let id = seen.delivery["id"].as_str().expect("an id");
        self.server.api().post(&format!("/v1/deliveries/{id}/retry"), json!({})).await.expect(200);
        let tries = usize::try_from(seen.delivery["attempt_count"].as_u64().expect("a count")).expect("few");
        self.seen(&seen.event, tries + 1).await
    }

    async fn seen(&self, event: &str, tries: usize) -> Seen {
        let api = self.server.api();
        let attempt = api.attempts_become(event, tries).await.pop().expect("there is one");
        let delivery = api.deliveries(event).await.pop().expect("there is one");
        Seen { event: event.to_owned(), delivery, attempt }
    }
}

impl Seen {
    #[track_caller]
    pub fn is_delivered(&self) {
        assert_eq!(self.delivery["status"], "succeeded", "{self:#?}");
        assert_eq!(self.attempt["error"], Value::Null);
    }

    /// It is tried again, and all of these words stand in what is said of it.
    #[track_caller]
    pub fn waits(&self, class: &str, words: &[&str]) {
        assert_eq!(self.delivery["status"], "waiting", "{self:#?}");
        self.says(class, words);
    }

    /// It is not tried again.
    #[track_caller]
    pub fn is_given_up(&self, class: &str, words: &[&str]) {
        assert_eq!(self.delivery["status"], "failed", "{self:#?}");
        assert_eq!((&self.delivery["is_dlq"], &self.delivery["attempt_count"]), (&json!(true), &json!(1)), "{self:#?}");
        self.says(class, words);
    }

    #[track_caller]
    fn says(&self, class: &str, words: &[&str]) {
        let error = self.attempt["error"].as_str().expect("an error");
        assert_eq!(self.attempt["error_class"], class, "{error}");
        for word in words {
            assert!(error.contains(word), "{word:?} is not in {error:?}");
        }
        for secret in ["wJalrXUtnFEMI", "secret-of-the-test"] {
            assert!(!self.attempt.to_string().contains(secret), "a secret is shown: {self:#?}");
        }
    }
}
