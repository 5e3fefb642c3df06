//! `aws_eventbridge`: what a rule of the bus has put into a queue is read back from there.

use std::time::Duration;

use serde_json::{Value, json};

use super::moto::{Key, Moto};
use crate::{
    peers::{
        front::{Front, Given},
        process::free_port,
        proxy_before,
        trip::Trip,
    },
    world::unique_name,
};

on_sqlite!(
    eventbridge_is_delivered,
    eventbridge_wrong_credentials,
    eventbridge_missing_permission,
    eventbridge_missing_target,
    eventbridge_refusals_within_a_200,
    eventbridge_too_large,
    eventbridge_throttled,
    eventbridge_down,
    eventbridge_slow,
);

/// A bus whose events go to a queue: the name of the bus, the URL of the queue.
fn bus(moto: &Moto) -> (String, String) {
    let name = unique_name();
    moto.call("events", "create_event_bus", &json!({ "Name": name }));
    let queue = moto.call("sqs", "create_queue", &json!({ "QueueName": name }));
    let pattern = json!({ "source": ["shop.acme"] }).to_string();
    moto.call("events", "put_rule", &json!({ "Name": name, "EventBusName": name, "EventPattern": pattern }));
    let target = json!({ "Id": "1", "Arn": format!("arn:aws:sqs:eu-central-1:123456789012:{name}") });
    moto.call("events", "put_targets", &json!({ "Rule": name, "EventBusName": name, "Targets": [target] }));
    (name, queue["QueueUrl"].as_str().expect("a URL").to_owned())
}

fn settings(moto: &Moto, key: &Key, bus: &str) -> Value {
    key.settings(json!({
        "bus": bus, "source": "shop.{{ company }}", "detail_type": "{{ type }}", "endpoint": moto.url(),
    }))
}

fn received(moto: &Moto, queue: &str) -> Vec<Value> {
    let wanted = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
    let messages = moto.call("sqs", "receive_message", &wanted)["Messages"].as_array().cloned().unwrap_or_default();
    let parsed = |message: &Value| serde_json::from_str(message["Body"].as_str().expect("a body")).expect("JSON");
    messages.iter().map(parsed).collect()
}

const BODY: &str = r#"{"type":"order.paid","company":"acme","amount":12.50}"#;

async fn eventbridge_is_delivered() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let (bus, queue) = bus(moto);
    trip.deliver("aws_eventbridge", settings(moto, &moto.session, &bus), BODY).await.is_delivered();
    let got = received(moto, &queue);
    assert_eq!(got.len(), 1, "{got:?}");
    assert_eq!((&got[0]["source"], &got[0]["detail-type"]), (&json!("shop.acme"), &json!("order.paid")));
    assert_eq!(got[0]["detail"], serde_json::from_str::<Value>(BODY).expect("JSON"));
    let mut config = settings(moto, &moto.admin, &bus);
    (config["source"], config["detail_type"]) = (json!("shop.acme"), json!("list"));
    trip.deliver("aws_eventbridge", config, "[1,2]").await.is_delivered();
    let got = received(moto, &queue);
    assert!(got.iter().any(|event| event["detail"] == json!({ "payload": [1, 2] })), "{got:?}");
    let seen = trip.deliver("aws_eventbridge", settings(moto, &moto.admin, &bus), "{}").await;
    seen.is_given_up("transform", &["config.source", "{{ company }} has no value"]);
}

async fn eventbridge_wrong_credentials() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let (bus, queue) = bus(moto);
    let seen = trip.deliver("aws_eventbridge", settings(moto, &moto.admin.with_wrong_secret(), &bus), BODY).await;
    seen.waits("status", &["config.secret_access_key"]);
    let seen = trip.deliver("aws_eventbridge", settings(moto, &Key::unknown(), &bus), BODY).await;
    seen.waits("status", &["config.access_key_id"]);
    assert!(received(moto, &queue).is_empty());
}

async fn eventbridge_missing_permission() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let (bus, _) = bus(moto);
    let seen = trip.deliver("aws_eventbridge", settings(moto, &moto.nobody, &bus), BODY).await;
    seen.waits("status", &["permission events:PutEvents", &bus]);
}

async fn eventbridge_missing_target() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let name = unique_name();
    let seen = trip.deliver("aws_eventbridge", settings(moto, &moto.admin, &name), BODY).await;
    seen.waits("status", &[&name, "does not exist", "config.bus"]);
}

async fn eventbridge_refusals_within_a_200() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let (bus, _) = bus(moto);
    for (code, is_given_up) in [("InternalFailure", false), ("ThrottlingException", false), ("MalformedDetail", true)] {
        let entry = json!({ "ErrorCode": code, "ErrorMessage": "said the bus" });
        let body = json!({ "FailedEntryCount": 1, "Entries": [entry] }).to_string();
        let front = Front::before(moto.url(), [Given { status: 200, headers: &[], body }]).await;
        let mut config = settings(moto, &moto.admin, &bus);
        config["endpoint"] = json!(front.url());
        let seen = trip.deliver("aws_eventbridge", config, BODY).await;
        assert_eq!(seen.attempt["response_status"], 200);
        if is_given_up {
            seen.is_given_up("status", &["said the bus"]);
        } else {
            seen.waits("status", &["said the bus"]);
            trip.again(&seen).await.is_delivered();
        }
    }
}

async fn eventbridge_too_large() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let (bus, _) = bus(moto);
    let body = json!({
        "__type": "ValidationException", "message": "Total size of the entries in the request is over the limit.",
    });
    let front = Front::before(moto.url(), [Given { status: 400, headers: &[], body: body.to_string() }]).await;
    let mut config = settings(moto, &moto.admin, &bus);
    config["endpoint"] = json!(front.url());
    trip.deliver("aws_eventbridge", config, BODY).await.is_given_up("status", &["too large", "over the limit"]);
}

async fn eventbridge_throttled() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let (bus, queue) = bus(moto);
    let body = json!({ "__type": "ThrottlingException", "message": "Rate exceeded" }).to_string();
    let front = Front::before(moto.url(), [Given { status: 400, headers: &[], body }]).await;
    let mut config = settings(moto, &moto.admin, &bus);
    config["endpoint"] = json!(front.url());
    let seen = trip.deliver("aws_eventbridge", config, BODY).await;
    seen.waits("status", &["limits the rate", "Rate exceeded"]);
    trip.again(&seen).await.is_delivered();
    assert_eq!(received(moto, &queue).len(), 1);
}

async fn eventbridge_down() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let mut config = settings(moto, &moto.admin, "default");
    config["endpoint"] = json!(format!("http://127.0.0.1:{}", free_port()));
    trip.deliver("aws_eventbridge", config, BODY).await.waits("connect", &["connection"]);
}

async fn eventbridge_slow() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let (bus, queue) = bus(moto);
    let proxy = proxy_before(moto.url()).await;
    let mut config = settings(moto, &moto.admin, &bus);
    config["endpoint"] = json!(format!("http://{}", proxy.address()));
    proxy.slow_down(Duration::from_secs(3));
    let seen = trip.deliver_with("aws_eventbridge", config, json!({ "timeout_ms": 500 }), BODY).await;
    seen.waits("timeout", &["within 500 ms"]);
    proxy.open();
    trip.again(&seen).await.is_delivered();
    assert!(!received(moto, &queue).is_empty());
}
