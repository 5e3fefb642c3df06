//! Rules that are tried on one event.

use serde_json::{Value, json};

use super::rule;
use crate::world::{On, World};

on_both_databases!(
    rules_are_tried_on_one_event,
    what_could_not_be_saved_is_refused,
    a_test_needs_one_event_of_the_project
);

async fn rules_are_tried_on_one_event(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("source").await;
    let event = server.event(&source, r#"{"type": "paid", "amount": 99, "password": "hunter2"}"#).await;
    let test = async |input: Value| server.api().post("/v1/connections/test", input).await.expect(200);
    let filter =
        json!({ "all": [rule("payload.type", "eq", json!("paid")), rule("payload.amount", "gte", json!(100))] });
    let tried = test(json!({ "event_id": event, "filter": filter, "transform": "{ \"n\": amount }" })).await;
    assert_eq!(
        (&tried["matched"], &tried["delivered"], &tried["output"]),
        (&json!(false), &json!(false), &json!({ "n": 99 }))
    );
    assert_eq!(tried["why"]["place"], "filter.all[1]");
    assert_eq!((&tried["why"]["wanted"], &tried["why"]["found"]), (&json!(100), &json!(99)));
    let held: Vec<_> = tried["rules"].as_array().expect("a list").iter().map(|rule| rule["held"].clone()).collect();
    assert_eq!(held, [json!(true), json!(false)]);
    assert_eq!(tried["errors"], json!([]));

    // Without rules everything goes as it came.
    let plain = test(json!({ "event_id": event })).await;
    assert_eq!((&plain["matched"], &plain["delivered"], &plain["why"]), (&json!(true), &json!(true), &Value::Null));
    assert_eq!(plain["output"]["amount"], 99);

    let failing = test(json!({ "event_id": event, "transform": "type + 1" })).await;
    let error = &failing["errors"][0];
    assert_eq!((&error["part"], &error["code"]), (&json!("transform"), &json!("T2001")));
    assert!(error["position"].is_u64() && failing["delivered"] == false, "{failing}");
    let nothing = test(json!({ "event_id": event, "transform": "missing" })).await;
    assert!(
        nothing["delivered"] == false && nothing["output"].is_null() && nothing["errors"][0]["part"] == "transform"
    );

    let schema = json!({ "properties": { "amount": { "type": "string" } } });
    let invalid = test(json!({ "event_id": event, "schema": schema })).await;
    assert_eq!(
        (&invalid["errors"][0]["part"], &invalid["errors"][0]["pointer"]),
        (&json!("schema"), &json!("/amount"))
    );
    assert_eq!(invalid["delivered"], false);
    let warned = test(json!({ "event_id": event, "schema": schema, "schema_action": "warn" })).await;
    assert_eq!((&warned["delivered"], warned["errors"].as_array().map(Vec::len)), (&json!(true), Some(1)));
    let secret = test(json!({ "event_id": event, "filter": rule("payload.password", "eq", json!("x")) })).await;
    assert!(!secret["why"].to_string().contains("hunter2"), "{secret}");

    // An event that is written down.
    let sample = json!({
        "payload": { "a": 1 }, "headers": { "X-A": "b" }, "query": "c=d", "method": "PUT", "source_ip": "203.0.113.7"
    });
    let filter = json!({ "all": [
        rule("headers.x-a", "eq", json!("b")), rule("query.c", "eq", json!("d")), rule("method", "eq", json!("PUT")),
        rule("source_ip", "starts_with", json!("203.")), rule("payload.a", "eq", json!(1)),
    ] });
    let tried =
        test(json!({ "event": sample, "filter": filter, "transform": "$headers.\"x-a\" & $query.c & $method" })).await;
    assert_eq!((&tried["matched"], &tried["output"]), (&json!(true), &json!("bdPUT")), "{tried}");
    let listed = json!({ "headers": [["X-A", "1"], ["x-a", "2"]] });
    let tried = test(json!({ "event": listed, "filter": rule("headers.x-a", "eq", json!("2")) })).await;
    assert_eq!((&tried["matched"], &tried["why"]["found"]), (&json!(true), &json!("2")));
}

async fn what_could_not_be_saved_is_refused(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    for (input, path) in [
        (json!({ "filter": rule("payload.a", "like", json!(1)) }), "filter.op"),
        (json!({ "filter": { "all": [rule("payload.a", "matches", json!("("))] } }), "filter.all[0].value"),
        (json!({ "transform": "a[" }), "transform"),
        (json!({ "schema": { "type": 1 } }), "schema"),
        (json!({ "event": { "payload": 1, "colour": 2 } }), "event.colour"),
        (json!({ "event": { "headers": 5 } }), "event.headers"),
        (json!({ "rules": 1 }), "rules"),
    ] {
        let mut body = json!({ "event": {} });
        body.as_object_mut().expect("an object").extend(input.as_object().expect("an object").clone());
        server.api().post("/v1/connections/test", body).await.field_error(path);
    }
    let both = json!({ "event": {}, "filter": rule("payload.a", "like", json!(1)), "transform": "a[", "schema": { "type": 1 } });
    let problem = server.api().post("/v1/connections/test", both).await.problem(422, "invalid");
    assert_eq!(problem["errors"].as_array().map(Vec::len), Some(3), "all at once: {problem}");
}

async fn a_test_needs_one_event_of_the_project(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Other");
    let server = world.serve().await;
    let source = server.api().source("source").await;
    let event = server.event(&source, "{}").await;
    let test = async |input: Value| server.api().post("/v1/connections/test", input).await;
    test(json!({})).await.field_error("event_id");
    test(json!({ "event_id": event, "event": {} })).await.field_error("event");
    test(json!({ "event_id": "evt_00000000000000000000000000000000" })).await.field_error("event_id");
    let theirs = server.api().with_key(&stranger.api_key);
    theirs.post("/v1/connections/test", json!({ "event_id": event })).await.field_error("event_id");
    theirs.post("/v1/connections/preview", json!({ "source_id": source })).await.field_error("source_id");
    for path in [
        format!("/v1/sources/{source}/fields"),
        format!("/v1/sources/{source}/inferred-schema"),
        format!("/v1/events/{event}/routes"),
    ] {
        theirs.get(&path).await.problem(404, "not_found");
    }
    assert_eq!(theirs.get("/v1/connections/counts").await.expect(200)["sources"], json!([]));
}
