//! `aws_sqs`

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
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
    sqs_is_delivered,
    sqs_takes_temporary_credentials,
    sqs_keeps_the_order_of_a_group,
    sqs_bodies_that_are_no_text,
    sqs_wrong_credentials,
    sqs_missing_permission,
    sqs_missing_target,
    sqs_too_large,
    sqs_throttled,
    sqs_down,
    sqs_slow,
);

fn queue(moto: &Moto, fifo: bool) -> String {
    let name = format!("{}{}", unique_name(), if fifo { ".fifo" } else { "" });
    let attributes = if fifo { json!({ "FifoQueue": "true" }) } else { json!({}) };
    let made = moto.call("sqs", "create_queue", &json!({ "QueueName": name, "Attributes": attributes }));
    made["QueueUrl"].as_str().expect("a URL").to_owned()
}

fn messages(moto: &Moto, queue: &str) -> Vec<Value> {
    let wanted = json!({
        "QueueUrl": queue, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "AttributeNames": ["All"],
    });
    moto.call("sqs", "receive_message", &wanted)["Messages"].as_array().cloned().unwrap_or_default()
}

async fn sqs_is_delivered() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let queue = queue(moto, false);
    let body = r#"{"type":"paid","amount":1.10,"who":"Łukasz 🦀"}"#;
    let seen = trip.deliver("aws_sqs", moto.admin.settings(json!({ "queue_url": queue })), body).await;
    seen.is_delivered();
    let got = messages(moto, &queue);
    assert_eq!(got.len(), 1);
    assert_eq!(got[0]["Body"], body);
    assert_eq!(got[0]["MessageAttributes"]["event_id"]["StringValue"], seen.event.as_str());
    assert!(got[0]["MessageAttributes"]["source_id"]["StringValue"].as_str().is_some_and(|id| id.starts_with("src_")));
    let request = seen.attempt["request"].to_string();
    assert!(request.contains("SendMessage") && !request.contains("Signature="), "{request}");
}

async fn sqs_takes_temporary_credentials() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let queue = queue(moto, false);
    let config = moto.session.settings(json!({ "queue_url": queue }));
    trip.deliver("aws_sqs", config.clone(), "x").await.is_delivered();
    assert_eq!(messages(moto, &queue).len(), 1);
    let mut wrong = config;
    wrong["session_token"] = json!("secret-of-the-test");
    trip.deliver("aws_sqs", wrong, "x").await.waits("status", &["AWS"]);
}

async fn sqs_keeps_the_order_of_a_group() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let queue = queue(moto, true);
    let config = moto.admin.settings(json!({ "queue_url": queue, "message_group_id": "customer-{{ customer.id }}" }));
    let (source, _) = trip.route("aws_sqs", config, json!({})).await;
    let seen = trip.post(&source, r#"{"customer":{"id":7}}"#).await;
    seen.is_delivered();
    trip.again(&seen).await.is_delivered();
    let got = messages(moto, &queue);
    assert_eq!(got.len(), 1, "the queue knows the event by its id: {got:?}");
    assert_eq!(got[0]["Attributes"]["MessageGroupId"], "customer-7");
    assert_eq!(got[0]["Attributes"]["MessageDeduplicationId"], seen.event.as_str());
    trip.post(&source, "{}")
        .await
        .is_given_up("transform", &["config.message_group_id", "{{ customer.id }} has no value"]);
}

async fn sqs_bodies_that_are_no_text() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    for body in [&b"\xff\x00\xfe"[..], b"a\x01b"] {
        let queue = queue(moto, false);
        trip.deliver("aws_sqs", moto.admin.settings(json!({ "queue_url": queue })), body).await.is_delivered();
        let got = messages(moto, &queue).pop().expect("a message");
        assert_eq!(got["Body"], BASE64_STANDARD.encode(body));
        assert_eq!(got["MessageAttributes"]["content_encoding"]["StringValue"], "base64");
    }
    let config = moto.admin.settings(json!({ "queue_url": queue(moto, false) }));
    trip.deliver("aws_sqs", config, "").await.is_given_up("status", &["no body"]);
}

async fn sqs_wrong_credentials() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let queue = queue(moto, false);
    let config = |key: &Key| key.settings(json!({ "queue_url": queue }));
    let seen = trip.deliver("aws_sqs", config(&moto.admin.with_wrong_secret()), "x").await;
    seen.waits("status", &["config.secret_access_key"]);
    trip.deliver("aws_sqs", config(&Key::unknown()), "x").await.waits("status", &["config.access_key_id"]);
    assert!(messages(moto, &queue).is_empty());
}

async fn sqs_missing_permission() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let queue = queue(moto, false);
    let seen = trip.deliver("aws_sqs", moto.nobody.settings(json!({ "queue_url": queue })), "x").await;
    seen.waits("status", &["permission sqs:SendMessage", &queue]);
}

async fn sqs_missing_target() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let queue = format!("{}/123456789012/{}", moto.url(), unique_name());
    let seen = trip.deliver("aws_sqs", moto.admin.settings(json!({ "queue_url": queue })), "x").await;
    seen.waits("status", &["does not exist", "config.queue_url"]);
    let name = queue.rsplit('/').next().expect("a name");
    moto.call("sqs", "create_queue", &json!({ "QueueName": name }));
    trip.again(&seen).await.is_delivered();
}

async fn sqs_too_large() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let queue = queue(moto, false);
    let (source, _) = trip.route("aws_sqs", moto.admin.settings(json!({ "queue_url": queue })), json!({})).await;
    trip.post(&source, "x".repeat(1_048_576)).await.is_given_up("status", &["1 MiB"]);
    trip.post(&source, "x".repeat(1_047_000)).await.is_delivered();
}

async fn sqs_throttled() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let queue = queue(moto, false);
    let body = json!({ "__type": "com.amazonaws.sqs#RequestThrottled", "message": "Request is throttled." });
    let throttled =
        Given { status: 400, headers: &[("content-type", "application/x-amz-json-1.0")], body: body.to_string() };
    let front = Front::before(moto.url(), [throttled]).await;
    let config = moto.admin.settings(json!({ "queue_url": queue, "endpoint": front.url() }));
    let seen = trip.deliver("aws_sqs", config, "x").await;
    seen.waits("status", &["limits the rate"]);
    assert!(front.is_used_up());
    trip.again(&seen).await.is_delivered();
    assert_eq!(messages(moto, &queue).len(), 1);
}

async fn sqs_down() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let config = moto.admin.settings(json!({ "queue_url": queue(moto, false), "endpoint": endpoint }));
    trip.deliver("aws_sqs", config, "x").await.waits("connect", &["connection"]);
}

async fn sqs_slow() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let queue = queue(moto, false);
    let proxy = proxy_before(moto.url()).await;
    let config = moto.admin.settings(json!({ "queue_url": queue, "endpoint": format!("http://{}", proxy.address()) }));
    proxy.slow_down(Duration::from_secs(3));
    let seen = trip.deliver_with("aws_sqs", config, json!({ "timeout_ms": 500 }), "x").await;
    seen.waits("timeout", &["within 500 ms"]);
    proxy.open();
    trip.again(&seen).await.is_delivered();
}
