//! Rules by which somebody wants to bring the server down: they end within their bounds, and nobody else notices.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{connect, connected, rule};
use crate::world::{On, Server, Sink, World};

on_both_databases!(
    endless_recursion_holds_nobody_up,
    huge_ranges_and_strings_hold_nobody_up,
    regular_expressions_hold_nobody_up,
    what_is_nested_deeply_is_refused,
);

/// The longest that the way of an ordinary event may take meanwhile, on a machine that others use as well.
const LATENCY: Duration = Duration::from_secs(2);

/// Posts to a source whose connection does this, and meanwhile to another project's and to another of the same project.
async fn others_do_not_notice(on: On, rules: &[Value], body: &str) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Other");
    let server = world.serve().await;
    let (sink, plain, shaped) = (Sink::start().await, Sink::start().await, Sink::start().await);
    let source = server.api().source("hostile").await;
    for (number, rules) in rules.iter().enumerate() {
        connect(&server, &source, &format!("hostile {number}"), &sink, rules.clone()).await;
    }
    let (tame, _) = connected(&server, &plain, json!({})).await;
    let theirs = server.api().with_key(&stranger.api_key);
    let their_source = theirs.source("theirs").await;
    let their_destination = theirs.destination("theirs", &shaped.url(), json!({})).await;
    let input = json!({ "source_id": their_source, "destination_id": their_destination, "transform": "{ \"n\": n }" });
    theirs.make("connections", input).await;

    let mut hostile = Vec::new();
    for _ in 0..5 {
        hostile.push(server.event(&source, body.to_owned()).await);
    }
    for number in 1..=8 {
        for (source, sink) in [(&tame, &plain), (&their_source, &shaped)] {
            let begun = Instant::now();
            server.event(source, json!({ "n": number }).to_string()).await;
            sink.receives(number).await;
            assert!(begun.elapsed() < LATENCY, "{:?} while others were busy", begun.elapsed());
        }
        // The server answers as well.
        let begun = Instant::now();
        server.api().get("/v1/connections").await.expect(200);
        assert!(begun.elapsed() < LATENCY, "{:?}", begun.elapsed());
    }
    for event in hostile {
        ends(&server, &event).await;
    }
}

/// Whatever becomes of them, they end.
async fn ends(server: &Server, event: &str) {
    let limit = Duration::from_mins(1);
    crate::world::eventually(limit, "hostile deliveries end", async || {
        let deliveries = server.api().deliveries(event).await;
        deliveries
            .iter()
            .all(|delivery| matches!(delivery["status"].as_str(), Some("failed" | "succeeded")))
            .then_some(())
    })
    .await;
}

async fn endless_recursion_holds_nobody_up(on: On) {
    let endless = json!({ "transform": "($f := function($n) { $f($n + 1) }; $f(0))" });
    let deep = json!({ "transform": "($f := function($n) { 1 + $f($n + 1) }; $f(0))" });
    let wide = json!({ "transform": "($f := function($n) { [$f($n + 1), $f($n + 1)] }; $f(0))" });
    others_do_not_notice(on, &[endless, deep, wide], "{}").await;
}

async fn huge_ranges_and_strings_hold_nobody_up(on: On) {
    let range = json!({ "transform": "($n := 9999999; $count([1..$n]))" });
    let string =
        json!({ "transform": "($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $f('xxxxxxxx', 40))" });
    let pad = json!({ "transform": "$pad('x', 2000000000)" });
    let product = json!({ "transform": "($n := 3000; $count([1..$n].($x := $; [1..$n].($x * $))))" });
    others_do_not_notice(on, &[range, string, pad, product], "{}").await;
}

async fn regular_expressions_hold_nobody_up(on: On) {
    let transform = json!({ "transform": "$match(text, /^(a+)+$/)" });
    let filter = json!({ "filter": rule("payload.text", "matches", json!("^(a+)+$")) });
    let schema = json!({ "schema": { "properties": { "text": { "pattern": "^(a+)+$" } } }, "schema_action": "warn" });
    let body = json!({ "text": format!("{}b", "a".repeat(50_000)) }).to_string();
    others_do_not_notice(on, &[transform, filter, schema], &body).await;
}

async fn what_is_nested_deeply_is_refused(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let source = server.api().source("source").await;
    let destination = server.api().destination("destination", &sink.url(), json!({})).await;
    let make = async |rules: Value| {
        let mut input = json!({ "source_id": source, "destination_id": destination });
        input.as_object_mut().expect("an object").extend(rules.as_object().expect("an object").clone());
        server.api().post("/v1/connections", input).await
    };
    for expression in [
        "(".repeat(60_000),
        "[".repeat(60_000),
        "{\"a\":".repeat(10_000),
        format!("{}1", "-".repeat(60_000)),
        "a.(".repeat(20_000),
        "(".repeat(100_000),
    ] {
        make(json!({ "transform": expression })).await.field_error("transform");
    }
    let deep = (0..60).fold(rule("payload.a", "eq", json!(1)), |inner, _| json!({ "not": inner }));
    make(json!({ "filter": deep })).await.problem(422, "invalid");
    // JSON of a hundred thousand levels is none that is read.
    let text = format!(
        "{{\"source_id\": \"{source}\", \"destination_id\": \"{destination}\", \"filter\": {}1{}}}",
        "{\"not\":".repeat(100_000),
        "}".repeat(100_000)
    );
    let request = server
        .api()
        .request(reqwest::Method::POST, "/v1/connections")
        .header("content-type", "application/json")
        .body(text);
    crate::world::Answer::of(request).await.problem(400, "malformed");
    // An event of so many levels is no JSON to filters, and goes as it came.
    let filter = json!({ "filter": rule("payload", "exists", json!(false)) });
    assert_eq!(make(filter).await.status, 201);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    server.event(&source, deep.clone()).await;
    assert_eq!(sink.receives(1).await[0].body, deep.as_bytes());
}
