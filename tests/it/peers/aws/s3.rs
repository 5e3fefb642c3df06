//! `aws_s3`, and requests of the type `http` that are signed for S3.

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
    s3_is_delivered,
    s3_keys_and_formats_of_ones_own,
    s3_wrong_credentials,
    s3_missing_permission,
    s3_missing_target,
    s3_too_large,
    s3_throttled,
    s3_down,
    s3_slow,
    http_is_signed_for_aws,
);

fn bucket(moto: &Moto) -> String {
    let name = unique_name().replace('_', "-");
    let place = json!({ "LocationConstraint": "eu-central-1" });
    moto.call("s3", "create_bucket", &json!({ "Bucket": name, "CreateBucketConfiguration": place }));
    name
}

fn keys(moto: &Moto, bucket: &str) -> Vec<String> {
    let listed = moto.call("s3", "list_objects_v2", &json!({ "Bucket": bucket }));
    let objects = listed["Contents"].as_array().cloned().unwrap_or_default();
    objects.iter().map(|object| object["Key"].as_str().expect("a key").to_owned()).collect()
}

fn object(moto: &Moto, bucket: &str, key: &str) -> (Vec<u8>, Value) {
    let got = moto.call("s3", "get_object", &json!({ "Bucket": bucket, "Key": key }));
    let body = BASE64_STANDARD.decode(got["Body"].as_str().expect("a body")).expect("base64");
    (body, got["ContentType"].clone())
}

fn settings(moto: &Moto, key: &Key, bucket: &str) -> Value {
    key.settings(json!({ "bucket": bucket, "endpoint": moto.url(), "path_style": true }))
}

async fn s3_is_delivered() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let bucket = bucket(moto);
    let mut config = settings(moto, &moto.session, &bucket);
    config["prefix"] = json!("events of ünïcode + more/");
    let seen = trip.deliver("aws_s3", config, r#"{"type":"paid","amount":10}"#).await;
    seen.is_delivered();
    let found = keys(moto, &bucket);
    assert_eq!(found.len(), 1);
    let event = trip.server.api().event(&seen.event).await;
    let day = event["received_at"].as_str().expect("a time")[..10].replace('-', "/");
    assert_eq!(found[0], format!("events of ünïcode + more/{day}/{}.json", seen.event));
    let (body, content_type) = object(moto, &bucket, &found[0]);
    let envelope: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(content_type, "application/json");
    assert_eq!(envelope["event_id"], seen.event.as_str());
    assert_eq!(envelope["payload"], json!({ "type": "paid", "amount": 10 }));
    assert_eq!(envelope["body_base64"], Value::Null);
    trip.again(&seen).await.is_delivered();
    assert_eq!(keys(moto, &bucket), found, "a repeat overwrites itself");
}

async fn s3_keys_and_formats_of_ones_own() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let bucket = bucket(moto);
    let mut config = settings(moto, &moto.admin, &bucket);
    config["key"] = json!("{{ customer }}/a b+c={{ $event.id }}");
    config["format"] = json!("raw");
    let (source, _) = trip.route("aws_s3", config, json!({})).await;
    let body = r#"{ "customer" : "ACME & Söhne" }"#;
    let seen = trip.post(&source, body).await;
    seen.is_delivered();
    let found = keys(moto, &bucket);
    assert_eq!(found, [format!("ACME & Söhne/a b+c={}", seen.event)]);
    assert_eq!(object(moto, &bucket, &found[0]).0, body.as_bytes());
    trip.post(&source, "no JSON").await.is_given_up("transform", &["config.key", "{{ customer }} has no value"]);
    trip.post(&source, r#"{"customer":".."}"#).await.is_given_up("transform", &["config.key", ".."]);
}

async fn s3_wrong_credentials() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let bucket = bucket(moto);
    let seen = trip.deliver("aws_s3", settings(moto, &moto.admin.with_wrong_secret(), &bucket), "x").await;
    seen.waits("status", &["config.secret_access_key"]);
    let seen = trip.deliver("aws_s3", settings(moto, &Key::unknown(), &bucket), "x").await;
    seen.waits("status", &["config.access_key_id"]);
    assert!(keys(moto, &bucket).is_empty());
}

async fn s3_missing_permission() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let bucket = bucket(moto);
    let seen = trip.deliver("aws_s3", settings(moto, &moto.nobody, &bucket), "x").await;
    seen.waits("status", &["permission s3:PutObject", &bucket]);
}

async fn s3_missing_target() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let name = unique_name().replace('_', "-");
    let seen = trip.deliver("aws_s3", settings(moto, &moto.admin, &name), "x").await;
    seen.waits("status", &[&name, "does not exist", "config.bucket"]);
}

async fn s3_too_large() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let body = "<?xml version=\"1.0\"?><Error><Code>EntityTooLarge</Code><Message>Your proposed upload exceeds the maximum \
                allowed size</Message></Error>";
    let front = Front::before(moto.url(), [Given { status: 400, headers: &[], body: body.into() }]).await;
    let mut config = settings(moto, &moto.admin, &bucket(moto));
    config["endpoint"] = json!(front.url());
    trip.deliver("aws_s3", config, "x").await.is_given_up("status", &["too large", "exceeds the maximum"]);
}

async fn s3_throttled() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let bucket = bucket(moto);
    let body = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
    let throttled = Given { status: 503, headers: &[("retry-after", "5000")], body: body.into() };
    let front = Front::before(moto.url(), [throttled]).await;
    let mut config = settings(moto, &moto.admin, &bucket);
    config["endpoint"] = json!(front.url());
    let seen = trip.deliver("aws_s3", config, "x").await;
    seen.waits("status", &["limits the rate", &bucket]);
    trip.again(&seen).await.is_delivered();
    assert_eq!(keys(moto, &bucket).len(), 1);
}

async fn s3_down() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let mut config = settings(moto, &moto.admin, &bucket(moto));
    config["endpoint"] = json!(format!("http://127.0.0.1:{}", free_port()));
    trip.deliver("aws_s3", config, "x").await.waits("connect", &["connection"]);
}

async fn s3_slow() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let proxy = proxy_before(moto.url()).await;
    let bucket = bucket(moto);
    let mut config = settings(moto, &moto.admin, &bucket);
    config["endpoint"] = json!(format!("http://{}", proxy.address()));
    proxy.slow_down(Duration::from_secs(3));
    let seen = trip.deliver_with("aws_s3", config, json!({ "timeout_ms": 500 }), "x").await;
    seen.waits("timeout", &["within 500 ms"]);
    proxy.open();
    trip.again(&seen).await.is_delivered();
    assert_eq!(keys(moto, &bucket).len(), 1);
}

async fn http_is_signed_for_aws() {
    let (moto, trip) = (Moto::shared().await, Trip::new().await);
    let bucket = bucket(moto);
    let url = format!("{}/{bucket}/by-http.json", moto.url());
    let auth = |key: &Key| {
        json!({
            "type": "aws_sigv4", "service": "s3", "region": "eu-central-1", "access_key_id": key.id,
            "secret_access_key": key.secret, "session_token": key.token,
        })
    };
    let config = json!({ "url": url, "method": "PUT" });
    for key in [&moto.admin, &moto.session] {
        let body = format!("{{\"by\":\"{}\"}}", key.id);
        let more = json!({ "auth": auth(key) });
        trip.deliver_with("http", config.clone(), more, body.clone()).await.is_delivered();
        assert_eq!(object(moto, &bucket, "by-http.json").0, body.as_bytes());
    }
    let more = json!({ "auth": auth(&moto.admin.with_wrong_secret()) });
    let seen = trip.deliver_with("http", config, more, "x").await;
    seen.waits("status", &["403"]);
    assert!(seen.attempt["response_body"].as_str().is_some_and(|body| body.contains("SignatureDoesNotMatch")));
}
