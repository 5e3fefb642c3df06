//! What would have happened to the last events.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{connected, rule};
use crate::world::{On, Sink, World, eventually};

on_both_databases!(
    the_last_events_are_held_against_rules,
    rules_are_compared_with_those_of_a_connection,
    a_thousand_events_take_no_time,
    who_goes_away_holds_nobody_up,
    fields_are_suggested_from_what_came,
);

/// What was said of one event.
fn line_of<'a>(seen: &'a Value, event: &str) -> &'a Value {
    let lines = seen["events"].as_array().expect("a list");
    lines.iter().find(|line| line["event_id"] == event).unwrap_or_else(|| panic!("no {event} in {seen}"))
}

async fn the_last_events_are_held_against_rules(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("source").await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(server.event(&source, json!({ "type": "t", "n": number }).to_string()).await);
    }
    let preview = async |input: Value| {
        let mut body = json!({ "source_id": source });
        body.as_object_mut().expect("an object").extend(input.as_object().expect("an object").clone());
        server.api().post("/v1/connections/preview", body).await
    };
    let seen = preview(json!({ "filter": rule("payload.n", "gte", json!(4)), "transform": "n = 7 ? $error('seven') : n = 8 ? $ : { \"n\": n }" })).await.expect(200);
    assert_eq!(
        seen["counts"],
        json!({ "events": 10, "matched": 5, "not_matched": 4, "schema_invalid": 0, "failed": 1, "changed": 4 }),
        "{seen}"
    );
    assert_eq!(seen["is_complete"], true);
    let lines = seen["events"].as_array().expect("a list");
    let received: Vec<_> = lines.iter().map(|line| line["received_at"].as_str().expect("a time")).collect();
    assert!(received.is_sorted_by(|newer, older| newer >= older), "{received:?}");
    let line = |number: usize| line_of(&seen, &ids[number]);
    assert_eq!((&line(9)["verdict"], &line(9)["output_differs"]), (&json!("matched"), &json!(true)));
    assert_eq!((&line(8)["verdict"], &line(8)["output_differs"]), (&json!("matched"), &json!(false)));
    assert_eq!(line(7)["verdict"], "failed");
    assert!(line(7)["reason"].as_str().is_some_and(|why| why.contains("seven")), "{}", line(7));
    assert_eq!((&line(0)["reason"], &line(0)["type"]), (&json!("payload.n is at least 4: found 0"), &json!("t")));

    let schema = json!({ "properties": { "n": { "maximum": 6 } } });
    let seen = preview(json!({ "schema": schema, "limit": 5 })).await.expect(200);
    assert_eq!(
        (&seen["counts"]["events"], &seen["counts"]["schema_invalid"], &seen["counts"]["matched"]),
        (&json!(5), &json!(3), &json!(2))
    );
    assert_eq!(seen["events"][0]["verdict"], "schema_rejected");
    let seen = preview(json!({ "schema": schema, "schema_action": "warn", "limit": 5 })).await.expect(200);
    assert_eq!((&seen["counts"]["schema_invalid"], &seen["counts"]["matched"]), (&json!(3), &json!(5)));
    let seen = preview(json!({})).await.expect(200);
    assert_eq!((&seen["counts"]["matched"], &seen["counts"]["changed"]), (&json!(10), &json!(0)));

    for (input, path) in [
        (json!({ "limit": 0 }), "limit"),
        (json!({ "limit": 1001 }), "limit"),
        (json!({ "filter": {} }), "filter"),
        (json!({ "transform": "(" }), "transform"),
        (json!({ "connection_id": "conn_00000000000000000000000000000000" }), "connection_id"),
        (json!({ "colour": 1 }), "colour"),
    ] {
        preview(input).await.field_error(path);
    }
    server.api().post("/v1/connections/preview", json!({})).await.field_error("source_id");
}

async fn rules_are_compared_with_those_of_a_connection(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let rules = json!({ "filter": rule("payload.n", "lt", json!(3)), "transform": "{ \"n\": n }" });
    let (source, connection) = connected(&server, &sink, rules).await;
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(server.event(&source, json!({ "n": number }).to_string()).await);
    }
    let input = json!({ "connection_id": connection, "filter": rule("payload.n", "lt", json!(5)), "transform": "n = 1 ? { \"n\": 0 } : $" });
    let seen = server.api().post("/v1/connections/preview", input).await.expect(200);
    let lines = ids.iter().map(|id| line_of(&seen, id));
    let shown: Vec<_> = lines
        .map(|line| {
            (
                line["was"].as_str().expect("a word"),
                line["verdict"].as_str().expect("a word"),
                line["output_differs"] == true,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("matched", "matched", false),
            ("matched", "matched", true),
            ("matched", "matched", false),
            ("not_matched", "matched", false),
            ("not_matched", "matched", false),
            ("not_matched", "not_matched", false),
        ]
    );
    assert_eq!(seen["counts"]["changed"], 3, "{seen}");
    let other = server.api().source("other").await;
    let input = json!({ "connection_id": connection, "source_id": other });
    server.api().post("/v1/connections/preview", input).await.field_error("source_id");
}

async fn a_thousand_events_take_no_time(on: On) {
    const EVENTS: usize = 1000;
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("source").await;
    for first in (0..EVENTS).step_by(50) {
        let posts = (first..first + 50).map(|number| {
            let body = json!({ "n": number, "customer": { "id": number % 7 }, "text": "x".repeat(900) });
            server.event(&source, body.to_string())
        });
        futures::future::join_all(posts).await;
    }
    let input = json!({
        "source_id": source, "limit": EVENTS, "filter": rule("payload.customer.id", "lt", json!(5)),
        "transform": "{ \"customer\": customer.id, \"label\": \"n \" & $string(n) }"
    });
    let begun = Instant::now();
    let seen = server.api().post("/v1/connections/preview", input).await.expect(200);
    let took = begun.elapsed();
    assert_eq!((&seen["counts"]["events"], &seen["is_complete"]), (&json!(EVENTS), &json!(true)));
    assert_eq!(seen["counts"]["failed"], 0);
    // A build without optimisation, on a machine that others use as well; docs/performance.md has what it takes.
    assert!(took < Duration::from_secs(5), "{took:?}");
    eprintln!("{EVENTS} events were held against rules in {took:?}");
}

async fn who_goes_away_holds_nobody_up(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("source").await;
    for _ in 0..20 {
        server.event(&source, "{}").await;
    }
    let endless = json!({ "source_id": source, "transform": "($f := function($n) { $f($n + 1) }; $f(0))" });
    let begun = Instant::now();
    let seen = server.api().post("/v1/connections/preview", endless.clone()).await.expect(200);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(seen["is_complete"] == false && seen["counts"]["matched"] == 0, "{}", seen["counts"]);
    // The same, and nobody waits for it.
    let url = format!("http://{}/v1/connections/preview", server.address());
    let request = server.api().http().post(url).header("x-api-key", &world.account.api_key).json(&endless);
    let gone = request.timeout(Duration::from_millis(300)).send().await;
    assert!(gone.is_err());
    let begun = Instant::now();
    eventually(Duration::from_secs(4), "the next one has its turn", async || {
        let seen = server.api().post("/v1/connections/preview", json!({ "source_id": source })).await.expect(200);
        (seen["counts"]["matched"] == 20).then_some(())
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

async fn fields_are_suggested_from_what_came(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("source").await;
    for (kind, sku) in [("paid", "a"), ("paid", "b"), ("other", "c")] {
        let body = json!({ "type": kind, "items": [{ "sku": sku }], "user": { "token": "very secret" } });
        server.event(&source, body.to_string()).await;
    }
    let path = format!("/v1/sources/{source}/fields");
    let seen = server.api().get(&format!("{path}?type=paid")).await.expect(200);
    assert_eq!(seen["events"], 2);
    let fields = seen["fields"].as_array().expect("a list");
    let find =
        |name: &str| fields.iter().find(|field| field["field"] == name).unwrap_or_else(|| panic!("{name}: {seen}"));
    let mut examples: Vec<_> = find("payload.items[].sku")["examples"].as_array().expect("a list").iter().collect();
    examples.sort_by_key(|example| example.to_string());
    assert_eq!(examples, [&json!("a"), &json!("b")]);
    assert_eq!(find("payload.items[].sku")["kinds"], json!(["string"]));
    assert_eq!(find("method")["examples"], json!(["POST"]));
    find("headers.content-length");
    assert!(!seen.to_string().contains("very secret"), "{seen}");
    assert_eq!(server.api().get(&path).await.expect(200)["events"], 3);
}
