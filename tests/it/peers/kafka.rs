//! `kafka`: a broker behind a strict REST proxy; records are read back by a consumer.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    front::{Front, Given},
    process::{Program, free_port, installed, python},
    proxy_before,
    trip::Trip,
};
use crate::world::unique_name;

on_sqlite!(
    kafka_is_delivered,
    kafka_version_2_is_delivered,
    kafka_wrong_credentials,
    kafka_missing_target,
    kafka_a_200_may_carry_a_refusal,
    kafka_too_large,
    kafka_throttled,
    kafka_down,
    kafka_slow,
);

struct Kafka {
    _broker: Program,
    _rest: Program,
    url: String,
}

static KAFKA: OnceCell<Kafka> = OnceCell::const_new();
const SECRET: &str = "secret-of-the-test";

impl Kafka {
    async fn shared() -> &'static Self {
        KAFKA.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let (broker_port, port) = (free_port(), free_port());
        let folder = Program::folder();
        let mut command = Command::new(broker_program());
        command.arg("start").arg("--data-dir").arg(folder.join("data"));
        command.args(["--only", "kafka", "--kafka-port", &broker_port.to_string()]);
        let broker = Program::spawn(&command, folder);
        broker.listens(broker_port).await;
        let url = format!("http://127.0.0.1:{port}");
        let mut command = python("kafka_rest.py");
        command.args([&port.to_string(), &format!("127.0.0.1:{broker_port}"), "key", SECRET]);
        let rest = Program::start(&command, Program::folder(), &url).await;
        Self { _broker: broker, _rest: rest, url }
    }

    async fn topic(&self) -> String {
        let topic = unique_name();
        let made = http().put(format!("{}/make/{topic}", self.url)).send().await.expect("an answer");
        assert!(made.status().is_success(), "{made:?}");
        topic
    }

    async fn records(&self, topic: &str) -> Vec<Value> {
        http().get(format!("{}/read/{topic}", self.url)).send().await.expect("an answer").json().await.expect("records")
    }

    fn settings(&self, topic: &str) -> Value {
        json!({
            "rest_url": self.url, "cluster_id": "lkc-test", "topic": topic, "api_key": "key", "api_secret": SECRET,
        })
    }
}

/// The broker itself: what stands in `bin` starts it as another process, which would outlive that.
fn broker_program() -> PathBuf {
    let versions = fs::read_dir(installed().join("python/lib")).expect("a folder of packages").flatten();
    let mut programs = versions.map(|version| version.path().join("site-packages/noida_db/noida-db"));
    let program = programs.find(|program| program.exists()).expect("noida-db is among the packages");
    // As what stands in `bin` does: the package brings it as a plain file.
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it can be made a program");
    program
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

async fn kafka_is_delivered() {
    let (kafka, trip) = (Kafka::shared().await, Trip::new().await);
    let topic = kafka.topic().await;
    let mut config = kafka.settings(&topic);
    config["key"] = json!("c-{{ customer }}");
    let (source, _) = trip.route("kafka", config, json!({})).await;
    let body = r#"{"customer":"é7","amount":1.10}"#;
    let seen = trip.post(&source, body).await;
    seen.is_delivered();
    let records = kafka.records(&topic).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["value"], BASE64_STANDARD.encode(body));
    assert_eq!(records[0]["key"], BASE64_STANDARD.encode("c-é7"));
    assert_eq!(records[0]["headers"]["event_id"], seen.event.as_str());
    trip.post(&source, "{}").await.is_given_up("transform", &["config.key", "has no value"]);
}

async fn kafka_version_2_is_delivered() {
    let (kafka, trip) = (Kafka::shared().await, Trip::new().await);
    let topic = kafka.topic().await;
    let mut config = kafka.settings(&topic);
    config["version"] = json!("v2");
    config["cluster_id"] = Value::Null;
    let (source, _) = trip.route("kafka", config.clone(), json!({})).await;
    trip.post(&source, &b"\xff\x00 bytes"[..]).await.is_delivered();
    let records = kafka.records(&topic).await;
    assert_eq!(records[0]["value"], BASE64_STANDARD.encode(b"\xff\x00 bytes"));
    assert_eq!(records[0]["key"], Value::Null);
    config["topic"] = json!(unique_name());
    trip.deliver("kafka", config, "x").await.waits("status", &["does not exist", "config.topic"]);
}

async fn kafka_wrong_credentials() {
    let (kafka, trip) = (Kafka::shared().await, Trip::new().await);
    let topic = kafka.topic().await;
    let mut config = kafka.settings(&topic);
    config["api_secret"] = json!("secret-of-the-test-that-is-wrong");
    trip.deliver("kafka", config, "x").await.waits("status", &["config.api_key", "config.api_secret"]);
    assert!(kafka.records(&topic).await.is_empty());
}

async fn kafka_missing_target() {
    let (kafka, trip) = (Kafka::shared().await, Trip::new().await);
    let topic = unique_name();
    let seen = trip.deliver("kafka", kafka.settings(&topic), "x").await;
    seen.waits("status", &[&topic, "does not exist", "config.topic"]);
    assert_eq!(seen.attempt["response_status"], 200, "the refusal stands in the body");
    let mut config = kafka.settings(&kafka.topic().await);
    config["cluster_id"] = json!("lkc-other");
    trip.deliver("kafka", config, "x").await.waits("status", &["lkc-other", "config.cluster_id"]);
}

async fn kafka_a_200_may_carry_a_refusal() {
    let (kafka, trip) = (Kafka::shared().await, Trip::new().await);
    let topic = kafka.topic().await;
    for (body, is_given_up) in [
        (json!({ "error_code": 42901, "message": "busy" }), false),
        (json!({ "error_code": 500, "message": "a broker has failed" }), false),
        (json!({ "error_code": 42200, "message": "malformed" }), true),
        (json!({ "hello": "world" }), false),
    ] {
        let given = Given { status: 200, headers: &[], body: body.to_string() };
        let front = Front::before(&kafka.url, [given]).await;
        let mut config = kafka.settings(&topic);
        config["rest_url"] = json!(front.url());
        let seen = trip.deliver("kafka", config, "x").await;
        if is_given_up {
            seen.is_given_up("status", &["malformed"]);
        } else {
            seen.waits("status", &[]);
            trip.again(&seen).await.is_delivered();
        }
    }
    assert_eq!(kafka.records(&topic).await.len(), 3);
}

async fn kafka_too_large() {
    let (kafka, trip) = (Kafka::shared().await, Trip::new().await);
    let topic = kafka.topic().await;
    let seen = trip.deliver("kafka", kafka.settings(&topic), "x".repeat(1_100_000)).await;
    seen.is_given_up("status", &["too large"]);
    let mut config = kafka.settings(&topic);
    config["version"] = json!("v2");
    let seen = trip.deliver("kafka", config, "x".repeat(1_100_000)).await;
    seen.is_given_up("status", &["too large"]);
    assert!(kafka.records(&topic).await.is_empty());
}

async fn kafka_throttled() {
    let (kafka, trip) = (Kafka::shared().await, Trip::new().await);
    let topic = kafka.topic().await;
    let body = json!({ "error_code": 429, "message": "Request rate limit exceeded" }).to_string();
    let throttled = Given { status: 429, headers: &[("retry-after", "7200")], body };
    let front = Front::before(&kafka.url, [throttled]).await;
    let mut config = kafka.settings(&topic);
    config["rest_url"] = json!(front.url());
    let seen = trip.deliver("kafka", config, "x").await;
    seen.waits("status", &["limits the rate"]);
    trip.again(&seen).await.is_delivered();
    assert_eq!(kafka.records(&topic).await.len(), 1);
}

async fn kafka_down() {
    let (kafka, trip) = (Kafka::shared().await, Trip::new().await);
    let mut config = kafka.settings("orders");
    config["rest_url"] = json!(format!("http://127.0.0.1:{}", free_port()));
    trip.deliver("kafka", config, "x").await.waits("connect", &["connection"]);
}

async fn kafka_slow() {
    let (kafka, trip) = (Kafka::shared().await, Trip::new().await);
    let topic = kafka.topic().await;
    let proxy = proxy_before(&kafka.url).await;
    let mut config = kafka.settings(&topic);
    config["rest_url"] = json!(format!("http://{}", proxy.address()));
    proxy.slow_down(Duration::from_secs(3));
    let seen = trip.deliver_with("kafka", config, json!({ "timeout_ms": 500 }), "x").await;
    seen.waits("timeout", &["within 500 ms"]);
    proxy.open();
    trip.again(&seen).await.is_delivered();
    assert!(!kafka.records(&topic).await.is_empty());
}
