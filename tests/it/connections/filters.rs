//! Which events a filter lets through, and what is said of the others.

use std::time::Duration;

use serde_json::{Value, json};

use super::{bodies, connect, connected, rule};
use crate::world::{Answer, On, Sink, World};

on_both_databases!(
    only_what_matches_is_delivered_and_the_rest_is_explained,
    a_filter_looks_at_all_of_a_request,
    filtered_connections_write_no_deliveries,
    a_bad_rule_is_refused_with_its_place,
    rules_are_read_back_and_replaced_whole,
    a_stored_rule_that_cannot_be_read_lets_nothing_out,
    a_delay_makes_a_delivery_wait,
    a_paused_connection_holds_what_matches,
);

async fn only_what_matches_is_delivered_and_the_rest_is_explained(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let filter = json!({ "all": [
        rule("payload.type", "in", json!(["paid", "refunded"])),
        { "any": [rule("payload.data.amount", "gte", json!(100)), rule("payload.data.vip", "eq", json!(true))] },
    ] });
    let (source, connection) = connected(&server, &sink, json!({ "filter": filter })).await;
    let post = async |body: Value| server.event(&source, body.to_string()).await;
    let paid = post(json!({ "type": "paid", "data": { "amount": 100 } })).await;
    let small = post(json!({ "type": "paid", "data": { "amount": 99 } })).await;
    let vip = post(json!({ "type": "refunded", "data": { "vip": true } })).await;
    let other = post(json!({ "type": "created", "data": { "amount": 1000 } })).await;
    let as_text = post(json!({ "type": "paid", "data": { "amount": "100" } })).await;
    for event in [&paid, &vip] {
        server.api().event_becomes(event, "delivered").await;
        assert_eq!(server.api().event(event).await["skipped"], json!([]));
    }
    assert_eq!(sink.count(), 2);
    for (event, place, found, is_missing) in [
        (&small, "filter.all[1].any[1]", Value::Null, true),
        (&other, "filter.all[0]", json!("created"), false),
        (&as_text, "filter.all[1].any[1]", Value::Null, true),
    ] {
        let shown = server.api().event(event).await;
        assert_eq!((&shown["status"], &shown["deliveries"]), (&json!("received"), &json!([])), "{shown}");
        let skipped = &shown["skipped"][0];
        assert_eq!(skipped["connection_id"], connection);
        let why = &skipped["why"];
        assert_eq!((&why["place"], &why["found"], &why["is_missing"]), (&json!(place), &found, &json!(is_missing)));
    }
}

async fn a_filter_looks_at_all_of_a_request(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let filter = json!({ "all": [
        rule("headers.X-Tenant", "eq", json!("two")),
        rule("query.account", "starts_with", json!("a b")),
        rule("method", "eq", json!("PUT")),
        rule("content_type", "matches", json!("^text/")),
        rule("path", "ends_with", json!("")),
        rule("source_ip", "eq", json!("127.0.0.1")),
        rule("payload", "exists", json!(false)),
        { "not": rule("headers.x-none", "exists", json!(true)) },
    ] });
    let (source, _) = connected(&server, &sink, json!({ "filter": filter })).await;
    let put = |query: &str| {
        let url = format!("{}?{query}", server.ingest_url(&source));
        let request = server.api().http().request(reqwest::Method::PUT, url).body("no JSON");
        request.header("x-tenant", "one").header("X-TENANT", "two").header("content-type", "text/plain")
    };
    let answer = Answer::of(put("account=a%20b")).await.expect(200);
    server.api().event_becomes(answer["event_id"].as_str().expect("an id"), "delivered").await;
    let answer = Answer::of(put("account=b")).await.expect(200);
    let event = server.api().event(answer["event_id"].as_str().expect("an id")).await;
    assert_eq!(event["skipped"][0]["why"]["place"], "filter.all[1]", "{event}");
    assert_eq!(sink.count(), 1);
}

async fn filtered_connections_write_no_deliveries(on: On) {
    const CONNECTIONS: u32 = 40;
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let source = server.api().source("source").await;
    for number in 0..CONNECTIONS {
        let filter = rule("payload.tenant", "eq", json!(number));
        connect(&server, &source, &format!("tenant {number}"), &sink, json!({ "filter": filter })).await;
    }
    let event = server.event(&source, r#"{"tenant": 7}"#).await;
    server.api().event_becomes(&event, "delivered").await;
    assert_eq!(world.database().numbers("SELECT count(*) FROM deliveries").await, [1]);
    let shown = server.api().event(&event).await;
    assert_eq!(shown["deliveries"].as_array().map(Vec::len), Some(1));
    let skipped = shown["skipped"].as_array().expect("a list");
    assert_eq!(skipped.len(), CONNECTIONS as usize - 1);
    // Of the first ones it is kept why; all of them take little.
    assert!(skipped[0]["why"]["found"] == 7 && skipped[38]["why"] == Value::Null, "{shown}");
    let kept = world.database().numbers("SELECT CAST(length(unmatched) AS BIGINT) FROM event_bodies").await;
    assert!(kept[0] < 8_000, "{kept:?}");
}

async fn a_bad_rule_is_refused_with_its_place(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, connection) = connected(&server, &sink, json!({})).await;
    let destination = server.api().destination("another", &sink.url(), json!({})).await;
    for (rules, path) in [
        (
            json!({ "filter": { "all": [rule("payload.a", "eq", json!(1)), rule("payload.a", "in", json!(1))] } }),
            "filter.all[1].value",
        ),
        (json!({ "filter": rule("payload.a", "like", json!(1)) }), "filter.op"),
        (json!({ "filter": { "any": [{ "not": rule("body", "eq", json!(1)) }] } }), "filter.any[0].not.field"),
        (json!({ "filter": rule("payload.a", "matches", json!("(")) }), "filter.value"),
        (json!({ "filter": rule("payload.a", "matches", json!("(a{1000}){1000}")) }), "filter.value"),
        (json!({ "filter": [] }), "filter"),
        (json!({ "filter": { "all": [{ "field": "method", "op": "eq", "value": 1, "x": 1 }] } }), "filter.all[0].x"),
        (json!({ "transform": "{ \"a\": " }), "transform"),
        (json!({ "transform": "[1..9999999]" }), "transform"),
        (json!({ "transform": "$eval('1')" }), "transform"),
        (json!({ "schema": { "type": "strnig" } }), "schema"),
        (json!({ "schema": { "$ref": "http://127.0.0.1:9/x.json" } }), "schema"),
        (json!({ "schema": 1 }), "schema"),
        (json!({ "schema_action": "ignore" }), "schema_action"),
        (json!({ "delay_seconds": 604_801 }), "delay_seconds"),
        (json!({ "delay_seconds": -1 }), "delay_seconds"),
        (json!({ "filters": 1 }), "filters"),
    ] {
        let mut input = json!({ "source_id": source, "destination_id": destination });
        input.as_object_mut().expect("an object").extend(rules.as_object().expect("an object").clone());
        let made = server.api().post("/v1/connections", input).await;
        assert!(!made.field_error(path).is_empty(), "{rules}");
        let changed = server.api().patch(&format!("/v1/connections/{connection}"), rules.clone()).await;
        assert!(!changed.field_error(path).is_empty(), "{rules}");
    }
    assert_eq!(server.api().all("/v1/connections").await.len(), 1);
    let refused = server.api().patch(&format!("/v1/connections/{connection}"), json!({ "transform": "a + (b" })).await;
    let problem = refused.problem(422, "invalid");
    assert!(problem["errors"][0]["position"].is_u64(), "{problem}");
    assert!(refused.field_error("transform").contains("S0203"), "{problem}");
}

async fn rules_are_read_back_and_replaced_whole(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let rules = json!({
        "filter": { "all": [rule("payload.a", "eq", Value::Null), rule("payload.b", "exists", json!(true))] },
        "transform": "{ \"a\": a }", "schema": { "required": ["a"] }, "schema_action": "warn", "delay_seconds": 1,
    });
    let (source, connection) = connected(&server, &sink, rules.clone()).await;
    let path = format!("/v1/connections/{connection}");
    let shown = server.api().get(&path).await.expect(200);
    for field in ["filter", "transform", "schema", "schema_action", "delay_seconds"] {
        assert_eq!(shown[field], rules[field], "{field}");
    }
    let next = json!({ "filter": { "any": [rule("payload.c", "eq", Value::Null)] }, "schema": { "properties": { "x": { "const": null } } } });
    let changed = server.api().patch(&path, next.clone()).await.expect(200);
    assert_eq!((&changed["filter"], &changed["schema"]), (&next["filter"], &next["schema"]));
    assert_eq!((&changed["transform"], &changed["delay_seconds"]), (&rules["transform"], &json!(1)));
    let none = json!({ "filter": null, "transform": null, "schema": null, "delay_seconds": null });
    let changed = server.api().patch(&path, none).await.expect(200);
    for field in ["filter", "transform", "schema"] {
        assert_eq!(changed[field], Value::Null, "{field}");
    }
    assert_eq!((&changed["schema_action"], &changed["delay_seconds"]), (&json!("reject"), &json!(0)));
    server.event(&source, "anything").await;
    sink.receives(1).await;
}

async fn a_stored_rule_that_cannot_be_read_lets_nothing_out(on: On) {
    let world = World::new(on).await;
    let sink = Sink::start().await;
    let server = world.serve().await;
    let (source, connection) = connected(&server, &sink, json!({ "filter": rule("payload.a", "eq", json!(1)) })).await;
    server.terminate(Duration::from_secs(15)).await;
    world
        .database()
        .execute(r#"UPDATE connections SET filter = '{"field": "payload.a", "op": "resembles", "value": 1}'"#)
        .await;
    let server = world.serve().await;
    let event = server.event(&source, r#"{"a": 1}"#).await;
    let failed = server.api().delivery_becomes(&event, "failed").await;
    assert_eq!((&failed["is_dlq"], &failed["attempt_count"]), (&json!(true), &json!(1)));
    let why = failed["last_error"].as_str().expect("words");
    assert!(why.contains("filter.op") && why.contains("save it anew"), "{why}");
    assert_eq!(sink.count(), 0);
    // Once it is mended, what failed can be sent.
    let path = format!("/v1/connections/{connection}");
    server.api().patch(&path, json!({ "filter": rule("payload.a", "eq", json!(1)) })).await.expect(200);
    let id = failed["id"].as_str().expect("an id");
    server.api().post(&format!("/v1/deliveries/{id}/retry"), json!({})).await.expect(200);
    server.api().delivery_becomes(&event, "succeeded").await;
    assert_eq!(bodies(&sink), [json!({ "a": 1 })]);
}

async fn a_delay_makes_a_delivery_wait(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, connection) = connected(&server, &sink, json!({ "delay_seconds": 2 })).await;
    let before = std::time::Instant::now();
    let event = server.event(&source, "{}").await;
    let waiting = server.api().deliveries(&event).await.remove(0);
    assert_eq!(waiting["status"], "pending");
    assert!(waiting["next_attempt_at"].is_string(), "{waiting}");
    assert_eq!(server.api().event(&event).await["status"], "processing");
    sink.receives(1).await;
    assert!(before.elapsed() >= Duration::from_millis(1_900), "{:?}", before.elapsed());
    // One that is paused when its time comes is held then.
    let path = format!("/v1/connections/{connection}");
    server.api().patch(&path, json!({ "status": "paused", "delay_seconds": 1 })).await.expect(200);
    let event = server.event(&source, "{}").await;
    assert_eq!(server.api().deliveries(&event).await[0]["status"], "pending");
    server.api().delivery_becomes(&event, "held").await;
    server.api().patch(&path, json!({ "status": "active" })).await.expect(200);
    server.api().delivery_becomes(&event, "succeeded").await;
}

async fn a_paused_connection_holds_what_matches(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let rules = json!({ "filter": rule("payload.a", "eq", json!(1)), "status": "paused" });
    let (source, connection) = connected(&server, &sink, rules).await;
    let (held, other) = (server.event(&source, r#"{"a": 1}"#).await, server.event(&source, r#"{"a": 2}"#).await);
    assert_eq!(server.api().deliveries(&held).await[0]["status"], "held");
    assert!(server.api().deliveries(&other).await.is_empty());
    let path = format!("/v1/connections/{connection}");
    server.api().patch(&path, json!({ "status": "disabled" })).await.expect(200);
    let unasked = server.event(&source, r#"{"a": 1}"#).await;
    assert_eq!(server.api().event(&unasked).await["skipped"], json!([]), "a disabled connection is not asked");
    server.api().patch(&path, json!({ "status": "active" })).await.expect(200);
    server.api().delivery_becomes(&held, "succeeded").await;
    assert_eq!(sink.count(), 1);
}
