//! Schemas of connections: what they reject, what they warn of, and schemas that are made from what was seen.

use serde_json::{Value, json};

use super::{bodies, connect, connected};
use crate::world::{On, Sink, World};

on_both_databases!(
    a_rejected_payload_is_skipped_and_can_be_sent_all_the_same,
    a_warning_is_delivered_and_marked,
    every_draft_is_taken,
    a_schema_is_inferred_from_what_came,
);

fn schema() -> Value {
    json!({ "type": "object", "required": ["id"], "properties": { "data": { "properties": { "amount": { "type": "integer" } } } } })
}

async fn a_rejected_payload_is_skipped_and_can_be_sent_all_the_same(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let (strict, lax) = (Sink::start().await, Sink::start().await);
    let (source, connection) = connected(&server, &strict, json!({ "schema": schema() })).await;
    connect(&server, &source, "lax", &lax, json!({})).await;
    let fine = server.event(&source, r#"{"id": 1, "data": {"amount": 5}}"#).await;
    server.api().event_becomes(&fine, "delivered").await;
    let wrong = server.event(&source, r#"{"data": {"amount": "5"}}"#).await;
    // What was skipped does not keep the event from being delivered.
    let event = server.api().event_becomes(&wrong, "delivered").await;
    assert_eq!((strict.count(), lax.count()), (1, 2));
    let deliveries = event["deliveries"].as_array().expect("a list");
    let skipped = deliveries.iter().find(|delivery| delivery["connection_id"] == connection).expect("it is there");
    assert_eq!((&skipped["status"], &skipped["attempt_count"]), (&json!("skipped"), &json!(0)), "{skipped}");
    let pointers: Vec<_> =
        skipped["schema_errors"].as_array().expect("a list").iter().map(|error| error["pointer"].clone()).collect();
    assert!(pointers.contains(&json!("")) && pointers.contains(&json!("/data/amount")), "{skipped}");
    assert!(skipped["last_error"].as_str().is_some_and(|why| why.contains("schema")), "{skipped}");
    let list = server.api().get("/v1/deliveries?status=skipped").await.list();
    assert_eq!(list.len(), 1);
    // A retry of the event leaves it; asked for by itself it goes, as it is.
    let retried = server.api().post(&format!("/v1/events/{wrong}/retry"), json!({})).await.expect(200);
    assert_eq!(retried["retried"], 1);
    lax.receives(3).await;
    let id = skipped["id"].as_str().expect("an id");
    server.api().post(&format!("/v1/deliveries/{id}/retry"), json!({})).await.expect(200);
    strict.receives(2).await;
    assert_eq!(bodies(&strict)[1], json!({ "data": { "amount": "5" } }));

    // All that there is may be skipped, and no JSON fits no schema.
    let alone = server.api().source("alone").await;
    connect(&server, &alone, "alone", &strict, json!({ "schema": schema(), "schema_action": "reject" })).await;
    let event = server.event(&alone, "no JSON").await;
    let event = server.api().event(&event).await;
    assert_eq!((&event["status"], &event["deliveries"][0]["status"]), (&json!("received"), &json!("skipped")));
}

async fn a_warning_is_delivered_and_marked(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let (sink, ordered) = (Sink::start().await, Sink::start().await);
    let rules = json!({ "schema": schema(), "schema_action": "warn" });
    let (source, _) = connected(&server, &sink, rules.clone()).await;
    let settings = json!({ "ordering": { "mode": "ordered" } });
    let destination = server.api().destination("ordered", &ordered.url(), settings).await;
    let mut input = rules;
    input["source_id"] = json!(source);
    input["destination_id"] = json!(destination);
    server.api().make("connections", input).await;
    let event = server.event(&source, r#"{"data": {"amount": "5"}}"#).await;
    let event = server.api().event_becomes(&event, "delivered").await;
    for delivery in event["deliveries"].as_array().expect("a list") {
        assert_eq!(delivery["schema_errors"].as_array().map(Vec::len), Some(2), "{delivery}");
        assert_eq!(delivery["last_error"], Value::Null);
    }
    assert_eq!((sink.count(), ordered.count()), (1, 1));
    let fine = server.event(&source, r#"{"id": 1}"#).await;
    let fine = server.api().event_becomes(&fine, "delivered").await;
    assert_eq!(fine["deliveries"][0]["schema_errors"], json!([]));
}

async fn every_draft_is_taken(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let source = server.api().source("source").await;
    for (draft, keyword) in [
        ("http://json-schema.org/draft-04/schema#", json!({ "minimum": 5, "exclusiveMinimum": true })),
        ("http://json-schema.org/draft-06/schema#", json!({ "exclusiveMinimum": 5 })),
        ("http://json-schema.org/draft-07/schema#", json!({ "if": { "type": "integer" }, "then": { "minimum": 6 } })),
        ("https://json-schema.org/draft/2019-09/schema", json!({ "exclusiveMinimum": 5 })),
        ("https://json-schema.org/draft/2020-12/schema", json!({ "exclusiveMinimum": 5 })),
    ] {
        let mut schema = keyword;
        schema["$schema"] = json!(draft);
        connect(&server, &source, draft, &sink, json!({ "schema": schema })).await;
    }
    let (five, six) = (server.event(&source, "5").await, server.event(&source, "6").await);
    let five = server.api().event(&five).await;
    assert!(
        five["deliveries"].as_array().expect("a list").iter().all(|delivery| delivery["status"] == "skipped"),
        "{five}"
    );
    server.api().event_becomes(&six, "delivered").await;
    assert_eq!(sink.count(), 5);
}

async fn a_schema_is_inferred_from_what_came(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let source = server.api().source("source").await;
    let path = format!("/v1/sources/{source}/inferred-schema");
    assert_eq!(server.api().get(&path).await.expect(200)["events"], 0);
    for body in [
        json!({ "type": "paid", "id": 1, "items": [{ "sku": "a" }], "note": null }),
        json!({ "type": "paid", "id": 2, "items": [], "note": "x" }),
        json!({ "type": "other", "id": "three" }),
    ] {
        server.event(&source, body.to_string()).await;
    }
    server.event(&source, "no JSON").await;
    let all = server.api().get(&path).await.expect(200);
    assert_eq!((&all["events"], &all["schema"]["required"]), (&json!(3), &json!(["id", "type"])));
    let paid = server.api().get(&format!("{path}?type=paid&limit=10")).await.expect(200);
    assert_eq!(paid["schema"]["properties"]["id"], json!({ "type": "integer" }), "{paid}");
    assert_eq!(paid["schema"]["properties"]["note"]["type"], json!(["null", "string"]));
    // What was made can be saved as it is.
    connect(&server, &source, "strict", &sink, json!({ "schema": paid["schema"] })).await;
    let wrong = server.event(&source, r#"{"type": "paid", "id": "4", "items": [], "note": null}"#).await;
    assert_eq!(server.api().event(&wrong).await["deliveries"][0]["schema_errors"][0]["pointer"], "/id");
    for (query, field) in [("limit=0", "limit"), ("limit=x", "limit"), ("colour=1", "colour")] {
        server.api().get(&format!("{path}?{query}")).await.field_error(field);
    }
    server
        .api()
        .get("/v1/sources/src_00000000000000000000000000000000/inferred-schema")
        .await
        .problem(404, "not_found");
}
