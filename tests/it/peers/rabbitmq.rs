//! `rabbitmq`: the broker itself, from Debian.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    front::{Front, Given},
    process::{Program, free_port},
    proxy_before,
    trip::Trip,
};
use crate::world::unique_name;

on_sqlite!(
    rabbitmq_is_delivered,
    rabbitmq_nobody_gets_what_no_queue_is_bound_for,
    rabbitmq_wrong_credentials,
    rabbitmq_missing_permission,
    rabbitmq_missing_target,
    rabbitmq_too_large,
    rabbitmq_throttled,
    rabbitmq_down,
    rabbitmq_slow,
);

struct Rabbit {
    _program: Program,
    url: String,
}

static RABBIT: OnceCell<Rabbit> = OnceCell::const_new();
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const PASSWORD: &str = "secret-of-the-test";

/// Starts the daemon by which Erlang finds its nodes under a number of our own, so that it can be ended, and then the broker.
const START: &str = r#"
epmd=$1; server=$2; folder=$3
"$epmd" -address 127.0.0.1 -port "$ERL_EPMD_PORT" & echo $! >"$folder/epmd.pid"
exec "$server"
"#;

impl Rabbit {
    async fn shared() -> &'static Self {
        RABBIT.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        assert!(
            Path::new(SERVER).exists(),
            "RabbitMQ is not on this machine: `cargo xtask peers` installs Debian's package rabbitmq-server"
        );
        let folder = Program::folder();
        let [amqp, management, distribution, names] = [(); 4].map(|()| free_port());
        let settings = format!(
            "listeners.tcp.local = 127.0.0.1:{amqp}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}\n"
        );
        fs::write(folder.join("rabbitmq.conf"), settings).expect("a file can be written");
        fs::write(folder.join("plugins"), "[rabbitmq_management].").expect("a file can be written");
        let mut command = Command::new("sh");
        command.args(["-c", START, "sh"]).arg(epmd()).arg(SERVER).arg(&folder).env("HOME", &folder);
        for (name, file) in [
            ("MNESIA_BASE", "mnesia"),
            ("LOG_BASE", "logs"),
            // The guard ends what such a file names.
            ("PID_FILE", "rabbitmq.pid"),
            ("CONFIG_FILE", "rabbitmq.conf"),
            ("ENABLED_PLUGINS_FILE", "plugins"),
        ] {
            command.env(format!("RABBITMQ_{name}"), folder.join(file));
        }
        command
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_NODENAME", format!("hs{amqp}@localhost"))
            .env("RABBITMQ_DIST_PORT", distribution.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", names.to_string());
        let url = format!("http://127.0.0.1:{management}");
        let program = Program::start(&command, folder, &url).await;
        let rabbit = Self { _program: program, url };
        let user = json!({ "password": PASSWORD, "tags": "management" });
        rabbit.call(Method::PUT, "users/poor", user.clone()).await;
        rabbit.call(Method::PUT, "users/hook", user).await;
        rabbit.call(Method::PUT, "permissions/%2F/hook", all(".*")).await;
        rabbit.call(Method::PUT, "permissions/%2F/poor", all("^nothing$")).await;
        rabbit
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let call = http.request(method, format!("{}/api/{path}", self.url)).basic_auth("guest", Some("guest"));
        let answer = call.json(&body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        answer.json().await.unwrap_or_default()
    }

    /// An exchange, and a queue of the same name that gets its messages with the key `paid`.
    async fn exchange(&self) -> String {
        let name = unique_name();
        self.call(Method::PUT, &format!("exchanges/%2F/{name}"), json!({ "type": "direct", "durable": true })).await;
        self.call(Method::PUT, &format!("queues/%2F/{name}"), json!({ "durable": true })).await;
        let bound = json!({ "routing_key": "paid" });
        self.call(Method::POST, &format!("bindings/%2F/e/{name}/q/{name}"), bound).await;
        name
    }

    async fn messages(&self, queue: &str) -> Vec<Value> {
        let wanted = json!({ "count": 10, "ackmode": "ack_requeue_false", "encoding": "auto" });
        let got = self.call(Method::POST, &format!("queues/%2F/{queue}/get"), wanted).await;
        got.as_array().cloned().unwrap_or_default()
    }

    fn settings(&self, exchange: &str) -> Value {
        json!({
            "management_url": self.url, "vhost": "/", "exchange": exchange, "routing_key": "{{ type }}",
            "username": "hook", "password": PASSWORD,
        })
    }
}

fn all(what: &str) -> Value {
    json!({ "configure": what, "write": what, "read": what })
}

/// Debian keeps it where Erlang is.
fn epmd() -> PathBuf {
    let found = fs::read_dir("/usr/lib/erlang").into_iter().flatten().flatten();
    found.map(|entry| entry.path().join("bin/epmd")).find(|path| path.exists()).unwrap_or_else(|| "epmd".into())
}

const BODY: &str = r#"{"type":"paid","amount":1.10,"who":"Łukasz"}"#;

async fn rabbitmq_is_delivered() {
    let (rabbit, trip) = (Rabbit::shared().await, Trip::new().await);
    let exchange = rabbit.exchange().await;
    let seen = trip.deliver("rabbitmq", rabbit.settings(&exchange), BODY).await;
    seen.is_delivered();
    let got = rabbit.messages(&exchange).await;
    assert_eq!(got.len(), 1);
    assert_eq!((&got[0]["payload"], &got[0]["routing_key"]), (&json!(BODY), &json!("paid")));
    let properties = &got[0]["properties"];
    assert_eq!(properties["message_id"], seen.delivery["id"]);
    assert_eq!(properties["delivery_mode"], 2);
    assert_eq!(properties["headers"]["event_id"], seen.event.as_str());
    let mut config = rabbit.settings("amq.default");
    config["routing_key"] = json!(exchange);
    trip.deliver("rabbitmq", config, &b"\xff\x00"[..]).await.is_delivered();
    let got = rabbit.messages(&exchange).await;
    assert_eq!((&got[0]["payload"], &got[0]["payload_encoding"]), (&json!("/wA="), &json!("base64")));
}

async fn rabbitmq_nobody_gets_what_no_queue_is_bound_for() {
    let (rabbit, trip) = (Rabbit::shared().await, Trip::new().await);
    let exchange = rabbit.exchange().await;
    let seen = trip.deliver("rabbitmq", rabbit.settings(&exchange), r#"{"type":"refunded"}"#).await;
    seen.waits("status", &["no queue got the message", &exchange, "refunded", "config.routing_key"]);
    assert_eq!(seen.attempt["response_status"], 200);
    let bound = json!({ "routing_key": "refunded" });
    rabbit.call(Method::POST, &format!("bindings/%2F/e/{exchange}/q/{exchange}"), bound).await;
    trip.again(&seen).await.is_delivered();
}

async fn rabbitmq_wrong_credentials() {
    let (rabbit, trip) = (Rabbit::shared().await, Trip::new().await);
    let mut config = rabbit.settings("amq.direct");
    config["password"] = json!("secret-of-the-test-that-is-wrong");
    trip.deliver("rabbitmq", config, BODY).await.waits("status", &["login of hook", "config.password"]);
}

async fn rabbitmq_missing_permission() {
    let (rabbit, trip) = (Rabbit::shared().await, Trip::new().await);
    let exchange = rabbit.exchange().await;
    let mut config = rabbit.settings(&exchange);
    config["username"] = json!("poor");
    trip.deliver("rabbitmq", config, BODY).await.waits("status", &["poor may not write", &exchange]);
}

async fn rabbitmq_missing_target() {
    let (rabbit, trip) = (Rabbit::shared().await, Trip::new().await);
    let name = unique_name();
    let seen = trip.deliver("rabbitmq", rabbit.settings(&name), BODY).await;
    seen.waits("status", &[&name, "does not exist", "config.exchange"]);
    let mut config = rabbit.settings("amq.direct");
    config["vhost"] = json!("nowhere");
    trip.deliver("rabbitmq", config, BODY).await.waits("status", &["nowhere", "config.vhost"]);
}

async fn rabbitmq_too_large() {
    let (rabbit, trip) = (Rabbit::shared().await, Trip::with(&[("HOOKSTREAM_MAX_BODY", "32MiB")]).await);
    let exchange = rabbit.exchange().await;
    let mut config = rabbit.settings(&exchange);
    config["routing_key"] = json!("paid");
    trip.deliver("rabbitmq", config, "x".repeat(21 << 20)).await.is_given_up("status", &["too large"]);
    assert!(rabbit.messages(&exchange).await.is_empty());
}

async fn rabbitmq_throttled() {
    let (rabbit, trip) = (Rabbit::shared().await, Trip::new().await);
    let exchange = rabbit.exchange().await;
    let throttled = Given { status: 429, headers: &[("retry-after", "7200")], body: "slow down".into() };
    let front = Front::before(&rabbit.url, [throttled]).await;
    let mut config = rabbit.settings(&exchange);
    config["management_url"] = json!(front.url());
    let seen = trip.deliver("rabbitmq", config, BODY).await;
    seen.waits("status", &["429"]);
    assert!(front.is_used_up());
    trip.again(&seen).await.is_delivered();
    assert_eq!(rabbit.messages(&exchange).await.len(), 1);
}

async fn rabbitmq_down() {
    let (rabbit, trip) = (Rabbit::shared().await, Trip::new().await);
    let mut config = rabbit.settings("amq.direct");
    config["management_url"] = json!(format!("http://127.0.0.1:{}", free_port()));
    trip.deliver("rabbitmq", config, BODY).await.waits("connect", &["connection"]);
}

async fn rabbitmq_slow() {
    let (rabbit, trip) = (Rabbit::shared().await, Trip::new().await);
    let exchange = rabbit.exchange().await;
    let proxy = proxy_before(&rabbit.url).await;
    let mut config = rabbit.settings(&exchange);
    config["management_url"] = json!(format!("http://{}", proxy.address()));
    proxy.slow_down(Duration::from_secs(3));
    let seen = trip.deliver_with("rabbitmq", config, json!({ "timeout_ms": 500 }), BODY).await;
    seen.waits("timeout", &["within 500 ms"]);
    proxy.open();
    trip.again(&seen).await.is_delivered();
    assert!(!rabbit.messages(&exchange).await.is_empty());
}
