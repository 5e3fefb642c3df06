//! `gcp_pubsub`: the emulator, behind a front that does what Google does before it. Where there is no emulator the tests say
//! that they are skipped.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    front::{Front, Given},
    process::{Program, free_port, python},
    proxy_before,
    trip::Trip,
};
use crate::world::{pem::rsa_key, unique_name};

on_sqlite!(
    pubsub_is_delivered,
    pubsub_asks_for_another_token_when_one_is_refused,
    pubsub_wrong_credentials,
    pubsub_missing_permission,
    pubsub_missing_target,
    pubsub_too_large,
    pubsub_throttled,
    pubsub_down,
    pubsub_slow,
);

struct Pubsub {
    _emulator: Program,
    _front: Program,
    emulator: String,
    url: String,
    key: String,
}

static PUBSUB: OnceCell<Option<Pubsub>> = OnceCell::const_new();
const EMAIL: &str = "hook@acme-test.iam.gserviceaccount.com";
const PROJECT: &str = "acme-test";

impl Pubsub {
    async fn shared() -> Option<&'static Self> {
        PUBSUB.get_or_init(Self::start).await.as_ref()
    }

    async fn start() -> Option<Self> {
        let Some(jar) = emulator() else {
            println!(
                "skipped: Google's Pub/Sub emulator is not on this machine (gcloud components install pubsub-emulator)"
            );
            return None;
        };
        let (emulator_port, port) = (free_port(), free_port());
        let emulator = format!("http://127.0.0.1:{emulator_port}");
        let mut command = Command::new("java");
        command.arg("-jar").arg(jar).args(["--host=127.0.0.1", &format!("--port={emulator_port}")]);
        let program = Program::start(&command, Program::folder(), &emulator).await;
        let (folder, url) = (Program::folder(), format!("http://127.0.0.1:{port}"));
        let (key, public) = rsa_key();
        let file = folder.join("public.pem");
        fs::write(&file, public).expect("a file can be written");
        let mut command = python("pubsub_front.py");
        command.args([&port.to_string(), &emulator_port.to_string()]).arg(file).arg(EMAIL);
        let front = Program::start(&command, folder, &url).await;
        Some(Self { _emulator: program, _front: front, emulator, url, key })
    }

    /// Past the front.
    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let call = http.request(method, format!("{}/v1/projects/{PROJECT}/{path}", self.emulator)).json(&body);
        let answer = call.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        answer.json().await.expect("JSON")
    }

    /// A topic, with a subscription of the same name.
    async fn topic(&self) -> String {
        let name = unique_name();
        self.call(Method::PUT, &format!("topics/{name}"), json!({})).await;
        let topic = format!("projects/{PROJECT}/topics/{name}");
        let subscription = json!({ "topic": topic, "enableMessageOrdering": true });
        self.call(Method::PUT, &format!("subscriptions/{name}"), subscription).await;
        name
    }

    async fn messages(&self, topic: &str) -> Vec<Value> {
        let wanted = json!({ "maxMessages": 10, "returnImmediately": true });
        let pulled = self.call(Method::POST, &format!("subscriptions/{topic}:pull"), wanted).await;
        let received = pulled["receivedMessages"].as_array().cloned().unwrap_or_default();
        received.iter().map(|message| message["message"].clone()).collect()
    }

    /// Every token ends; says how many were asked for so far.
    async fn revoke(&self) -> u64 {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let told: Value =
            http.post(format!("{}/revoke", self.url)).send().await.expect("an answer").json().await.expect("JSON");
        told["tokens"].as_u64().expect("a number")
    }

    fn settings(&self, topic: &str) -> Value {
        json!({
            "project_id": PROJECT, "topic_id": topic, "endpoint": self.url,
            "service_account_json": account(EMAIL, &self.key, &format!("{}/token", self.url)),
        })
    }
}

fn account(email: &str, key: &str, token_uri: &str) -> String {
    json!({
        "type": "service_account", "project_id": PROJECT, "private_key_id": "k1", "private_key": key,
        "client_email": email, "token_uri": token_uri,
    })
    .to_string()
}

fn emulator() -> Option<PathBuf> {
    let folder = std::env::var_os("HOOKSTREAM_TEST_PUBSUB_EMULATOR")
        .map_or_else(|| PathBuf::from("/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib"), PathBuf::from);
    let mut jars = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    jars.find(|path| path.to_string_lossy().ends_with("-all.jar"))
}

async fn pubsub_is_delivered() {
    let (Some(pubsub), trip) = (Pubsub::shared().await, Trip::new().await) else { return };
    let topic = pubsub.topic().await;
    let mut config = pubsub.settings(&topic);
    config["ordering_key"] = json!("{{ customer }}");
    let (source, _) = trip.route("gcp_pubsub", config, json!({})).await;
    let body = r#"{"customer":7,"who":"Łukasz"}"#;
    let seen = trip.post(&source, body).await;
    seen.is_delivered();
    let got = pubsub.messages(&topic).await;
    assert_eq!(got.len(), 1, "{got:?}");
    assert_eq!(got[0]["data"], BASE64_STANDARD.encode(body));
    assert_eq!(got[0]["orderingKey"], "7");
    assert_eq!(got[0]["attributes"]["event_id"], seen.event.as_str());
    assert!(!seen.attempt["request"].to_string().contains("PRIVATE"), "{seen:?}");
    trip.post(&source, "{}").await.is_given_up("transform", &["config.ordering_key", "has no value"]);
}

async fn pubsub_asks_for_another_token_when_one_is_refused() {
    let (Some(pubsub), trip) = (Pubsub::shared().await, Trip::new().await) else { return };
    let topic = pubsub.topic().await;
    let (source, _) = trip.route("gcp_pubsub", pubsub.settings(&topic), json!({})).await;
    trip.post(&source, "1").await.is_delivered();
    pubsub.revoke().await;
    trip.post(&source, "2").await.is_delivered();
    assert_eq!(pubsub.messages(&topic).await.len(), 2);
}

async fn pubsub_wrong_credentials() {
    let (Some(pubsub), trip) = (Pubsub::shared().await, Trip::new().await) else { return };
    let topic = pubsub.topic().await;
    let token_uri = format!("{}/token", pubsub.url);
    let mut config = pubsub.settings(&topic);
    config["service_account_json"] = json!(account(EMAIL, &rsa_key().0, &token_uri));
    let seen = trip.deliver("gcp_pubsub", config.clone(), "x").await;
    seen.waits("status", &[EMAIL, "Invalid JWT Signature", "config.service_account_json"]);
    config["service_account_json"] = json!(account("nobody@acme-test.test", &pubsub.key, &token_uri));
    let seen = trip.deliver("gcp_pubsub", config, "x").await;
    seen.waits("status", &["nobody@acme-test.test", "account not found"]);
    assert!(pubsub.messages(&topic).await.is_empty());
}

async fn pubsub_missing_permission() {
    let (Some(pubsub), trip) = (Pubsub::shared().await, Trip::new().await) else { return };
    let seen = trip.deliver("gcp_pubsub", pubsub.settings("forbidden"), "x").await;
    seen.waits("status", &[EMAIL, "roles/pubsub.publisher", "topics/forbidden"]);
}

async fn pubsub_missing_target() {
    let (Some(pubsub), trip) = (Pubsub::shared().await, Trip::new().await) else { return };
    let name = unique_name();
    let seen = trip.deliver("gcp_pubsub", pubsub.settings(&name), "x").await;
    seen.waits("status", &[&name, "does not exist", "config.topic_id"]);
    pubsub.call(Method::PUT, &format!("topics/{name}"), json!({})).await;
    trip.again(&seen).await.is_delivered();
}

async fn pubsub_too_large() {
    let (Some(pubsub), trip) = (Pubsub::shared().await, Trip::new().await) else { return };
    let topic = pubsub.topic().await;
    let (source, _) = trip.route("gcp_pubsub", pubsub.settings(&topic), json!({})).await;
    trip.post(&source, "x".repeat(7_500_000)).await.is_given_up("status", &["Pub/Sub takes at most 10000000"]);
    assert!(pubsub.messages(&topic).await.is_empty());
}

async fn pubsub_throttled() {
    let (Some(pubsub), trip) = (Pubsub::shared().await, Trip::new().await) else { return };
    let topic = pubsub.topic().await;
    let error = json!({ "code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED" });
    let throttled = Given { status: 429, headers: &[], body: json!({ "error": error }).to_string() };
    let front = Front::before(&pubsub.url, [throttled]).await;
    let mut config = pubsub.settings(&topic);
    config["endpoint"] = json!(front.url());
    let seen = trip.deliver("gcp_pubsub", config, "x").await;
    seen.waits("status", &["limits the rate", "Quota exceeded"]);
    trip.again(&seen).await.is_delivered();
    assert_eq!(pubsub.messages(&topic).await.len(), 1);
}

async fn pubsub_down() {
    let (Some(pubsub), trip) = (Pubsub::shared().await, Trip::new().await) else { return };
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let mut config = pubsub.settings("orders");
    config["endpoint"] = json!(nowhere);
    trip.deliver("gcp_pubsub", config.clone(), "x").await.waits("connect", &["connection"]);
    config["service_account_json"] = json!(account(EMAIL, &pubsub.key, &format!("{nowhere}/token")));
    trip.deliver("gcp_pubsub", config, "x").await.waits("connect", &["no token from", "connection"]);
}

async fn pubsub_slow() {
    let (Some(pubsub), trip) = (Pubsub::shared().await, Trip::new().await) else { return };
    let topic = pubsub.topic().await;
    let proxy = proxy_before(&pubsub.url).await;
    let mut config = pubsub.settings(&topic);
    config["endpoint"] = json!(format!("http://{}", proxy.address()));
    proxy.slow_down(Duration::from_secs(3));
    let seen = trip.deliver_with("gcp_pubsub", config, json!({ "timeout_ms": 1000 }), "x").await;
    seen.waits("timeout", &["within 1000 ms"]);
    proxy.open();
    trip.again(&seen).await.is_delivered();
    assert!(!pubsub.messages(&topic).await.is_empty());
}
