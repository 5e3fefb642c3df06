//! What became of an event on each connection, and what went over all of them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{connect, rule};
use crate::world::{On, Reply, Sink, World, eventually};

on_both_databases!(each_connection_says_what_became_of_an_event, what_goes_over_routes_is_counted);

async fn each_connection_says_what_became_of_an_event(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let source = server.api().make("sources", json!({ "name": "s", "dedup": { "strategy": "payload_hash" } })).await;
    let matching =
        connect(&server, &source, "matching", &sink, json!({ "filter": rule("payload.n", "gt", json!(1)) })).await;
    let other = connect(&server, &source, "other", &sink, json!({ "filter": rule("payload.n", "lt", json!(1)) })).await;
    let strict = connect(&server, &source, "strict", &sink, json!({ "schema": { "required": ["id"] } })).await;
    let disabled = connect(&server, &source, "disabled", &sink, json!({ "status": "disabled" })).await;
    let gone = connect(&server, &source, "gone", &sink, json!({})).await;
    let event = server.event(&source, r#"{"n": 5}"#).await;
    let duplicate = server.post(&source, r#"{"n": 5}"#).await.expect(200);
    assert_eq!(duplicate["duplicate"], true);
    sink.receives(2).await;
    let later = connect(&server, &source, "later", &sink, json!({})).await;
    // What happened then stays as it was.
    let path = format!("/v1/connections/{other}");
    server.api().patch(&path, json!({ "filter": rule("payload.n", "eq", json!(5)) })).await.expect(200);
    server.api().delete(&format!("/v1/connections/{gone}")).await.expect(204);

    let routes = server.api().get(&format!("/v1/events/{event}/routes")).await.list();
    let find = |id: &str| {
        routes.iter().find(|route| route["connection_id"] == id).unwrap_or_else(|| panic!("{id}: {routes:?}"))
    };
    for (id, outcome) in [
        (&matching, "matched"),
        (&other, "not_matched"),
        (&strict, "schema_rejected"),
        (&disabled, "disabled"),
        (&gone, "matched"),
        (&later, "made_later"),
    ] {
        assert_eq!(find(id)["outcome"], outcome, "{}", find(id));
    }
    assert_eq!(
        (&find(&matching)["name"], &find(&matching)["delivery"]["status"]),
        (&json!("matching"), &json!("succeeded"))
    );
    let why = &find(&other)["why"];
    assert_eq!((&why["op"], &why["wanted"], &why["found"]), (&json!("lt"), &json!(1), &json!(5)));
    assert_eq!(find(&strict)["schema_errors"][0]["pointer"], "");
    assert_eq!((&find(&gone)["is_deleted"], &find(&later)["delivery"]), (&json!(true), &Value::Null));

    let events = server.api().all("/v1/events").await;
    let repeated = events.iter().find(|event| event["dedup_status"] == "duplicate").expect("it is stored");
    let id = repeated["id"].as_str().expect("an id");
    let routes = server.api().get(&format!("/v1/events/{id}/routes")).await.list();
    assert!(routes.iter().any(|route| route["outcome"] == "duplicate"), "{routes:?}");
    assert!(routes.iter().all(|route| route["connection_id"] != gone.as_str()), "{routes:?}");
}

async fn what_goes_over_routes_is_counted(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let (sink, failing) = (Sink::start().await, Sink::replying(Reply::Status(500)).await);
    let source = server.api().source("source").await;
    let some = connect(&server, &source, "some", &sink, json!({ "filter": rule("payload.n", "gte", json!(3)) })).await;
    let strict =
        connect(&server, &source, "strict", &failing, json!({ "schema": { "properties": { "n": { "maximum": 0 } } } }))
            .await;
    let held = connect(&server, &source, "held", &sink, json!({ "status": "paused" })).await;
    for number in 0..5 {
        server.event(&source, json!({ "n": number }).to_string()).await;
    }
    let counts = eventually(Duration::from_secs(15), "what was counted is written down", async || {
        let counts = server.api().get("/v1/connections/counts").await.expect(200);
        let ended: u64 = counts["destinations"]
            .as_array()?
            .iter()
            .map(|to| to["succeeded"].as_u64().unwrap_or_default() + to["failed"].as_u64().unwrap_or_default())
            .sum();
        (ended == 3 && counts["sources"][0]["events"] == 5).then_some(counts)
    })
    .await;
    assert!(counts["since"].is_string());
    let find = |id: &str| {
        let all = counts["connections"].as_array().expect("a list");
        all.iter().find(|count| count["connection_id"] == id).unwrap_or_else(|| panic!("{id}: {counts}")).clone()
    };
    for (id, matched, not_matched, skipped, backlog) in
        [(&some, 2, 3, 0, 0), (&strict, 1, 0, 4, 0), (&held, 5, 0, 0, 5)]
    {
        let count = find(id);
        assert_eq!(
            (&count["matched"], &count["not_matched"], &count["skipped"], &count["backlog"]),
            (&json!(matched), &json!(not_matched), &json!(skipped), &json!(backlog)),
            "{count}"
        );
        assert_eq!(count["source_id"], source.as_str());
    }
    let backlog: u64 =
        counts["destinations"].as_array().expect("a list").iter().filter_map(|to| to["backlog"].as_u64()).sum();
    assert_eq!(backlog, 5);
}
