//! Duplicates are answered as what they are, stored, and not delivered, however closely they follow one another.

use std::{collections::HashSet, time::Duration};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::{Answer, On, Server, Sink, World, eventually};

on_both_databases!(
    a_duplicate_repeats_the_first,
    each_strategy_compares_what_it_says,
    of_many_at_one_moment_one_is_delivered,
    a_window_ends,
    an_event_that_was_not_stored_has_no_duplicates,
    what_is_not_known_any_more_is_forgotten,
    test_events_are_never_duplicates,
);

on_postgres_too!(of_many_at_one_moment_on_two_nodes_one_is_delivered);

async fn with_dedup(server: &Server, sink: &Sink, dedup: Value) -> String {
    let source = server.api().make("sources", json!({ "name": "s", "dedup": dedup })).await;
    let destination = server.api().destination("d", &sink.url(), json!({})).await;
    server.api().connect(&source, &destination).await;
    source
}

async fn a_duplicate_repeats_the_first(on: On) {
    let world = World::new(on).await;
    let (server, sink) = (world.serve().await, Sink::start().await);
    let source = with_dedup(&server, &sink, json!({ "strategy": "payload_hash" })).await;
    let first = server.post(&source, "same").await.expect(200);
    assert!(first.get("duplicate").is_none(), "{first}");
    let again = server.post(&source, "same").await.expect(200);
    assert_eq!((&again["event_id"], &again["duplicate"]), (&first["event_id"], &json!(true)));
    let other = server.event(&source, "other").await;
    sink.receives(2).await;

    let events = server.api().all("/v1/events").await;
    let shown: Vec<_> = events.iter().map(|event| (&event["dedup_status"], &event["status"])).collect();
    assert_eq!(events.len(), 3);
    assert_eq!(shown[1], (&json!("duplicate"), &json!("received")));
    assert_eq!(events[1]["duplicate_of"], first["event_id"]);
    assert_eq!(events[2]["duplicate_of"], Value::Null);
    let duplicate = server.api().event(events[1]["id"].as_str().expect("an id")).await;
    assert_eq!(
        (duplicate["deliveries"].as_array().map(Vec::len), &duplicate["body_base64"]),
        (Some(0), &json!("c2FtZQ=="))
    );
    server.api().event_becomes(&other, "delivered").await;
    let shown = server.api().get(&format!("/v1/sources/{source}")).await.expect(200);
    assert_eq!(
        shown["dedup"],
        json!({ "strategy": "payload_hash", "header": null, "field": null, "window_seconds": 300 })
    );
    assert_eq!(sink.count(), 2);
}

async fn each_strategy_compares_what_it_says(on: On) {
    let world = World::new(on).await;
    let (server, sink) = (world.serve().await, Sink::start().await);
    let is_duplicate = |answer: Answer| answer.expect(200).get("duplicate").is_some();

    let by_header = with_dedup(&server, &sink, json!({ "strategy": "header", "header": "X-Request-Id" })).await;
    let post = async |id: Option<&str>, body: &'static str| {
        let request = server.ingest(&by_header).body(body);
        let request = if let Some(id) = id { request.header("x-request-id", id) } else { request };
        is_duplicate(Answer::of(request).await)
    };
    assert!(!post(Some("1"), "a").await);
    assert!(post(Some("1"), "b").await);
    assert!(!post(Some("2"), "a").await);
    // Without the header there is nothing to compare.
    assert!(!post(None, "c").await && !post(None, "c").await);

    // The name of a source makes its slug, which is taken.
    let by_field = json!({ "strategy": "body_field", "field": "data.id", "window_seconds": 60 });
    let by_field = server.api().make("sources", json!({ "name": "by field", "dedup": by_field })).await;
    let post = async |body: &'static str| is_duplicate(server.post(&by_field, body).await);
    assert!(!post(r#"{"data": {"id": 1}, "n": 1}"#).await);
    assert!(post(r#"{"n": 2, "data": {"id": 1}}"#).await);
    assert!(!post(r#"{"data": {"id": "1"}}"#).await);
    assert!(!post("no JSON").await && !post("no JSON").await);

    // A source does not know what another one has seen, nor one strategy what another has.
    let by_hash = json!({ "name": "by hash", "dedup": { "strategy": "payload_hash" } });
    let by_hash = server.api().make("sources", by_hash).await;
    assert!(!is_duplicate(server.post(&by_hash, r#"{"data": {"id": 1}, "n": 1}"#).await));
    let path = format!("/v1/sources/{by_hash}");
    server.api().patch(&path, json!({ "dedup": { "strategy": "body_field", "field": "n" } })).await.expect(200);
    assert!(!is_duplicate(server.post(&by_hash, r#"{"data": {"id": 1}, "n": 1}"#).await));
    server.api().patch(&path, json!({ "dedup": null })).await.expect(200);
    assert!(!is_duplicate(server.post(&by_hash, r#"{"data": {"id": 1}, "n": 1}"#).await));
}

/// Posts each of so many bodies several times at once; returns what was answered to each.
async fn all_at_once(servers: &[&Server], source: &str, bodies: usize, times: usize) -> Vec<Vec<Value>> {
    let posts = (0..bodies * times).map(|n| {
        let server = servers[n % servers.len()];
        server.post(source, format!("body {}", n / times))
    });
    let answers: Vec<Value> = join_all(posts).await.iter().map(|answer| answer.expect(200)).collect();
    answers.chunks(times).map(<[Value]>::to_vec).collect()
}

fn assert_one_first_of_each(answers: &[Vec<Value>]) {
    for (index, same) in answers.iter().enumerate() {
        let ids: HashSet<_> = same.iter().map(|answer| answer["event_id"].to_string()).collect();
        let firsts = same.iter().filter(|answer| answer.get("duplicate").is_none()).count();
        assert_eq!((ids.len(), firsts), (1, 1), "body {index}: {same:?}");
    }
}

async fn of_many_at_one_moment_one_is_delivered(on: On) {
    let world = World::new(on).await;
    let (server, sink) = (world.serve().await, Sink::start().await);
    let source = with_dedup(&server, &sink, json!({ "strategy": "payload_hash" })).await;
    let answers = all_at_once(&[&server], &source, 40, 10).await;
    assert_one_first_of_each(&answers);
    sink.receives(40).await;
    eventually(Duration::from_secs(10), "nothing is left to do", async || {
        server.api().get("/v1/events?status=processing").await.list().is_empty().then_some(())
    })
    .await;
    assert_eq!((sink.count(), server.api().all("/v1/events").await.len()), (40, 400));
}

async fn of_many_at_one_moment_on_two_nodes_one_is_delivered(on: On) {
    let world = World::new(on).await;
    let (a, b, sink) = (world.serve().await, world.serve().await, Sink::start().await);
    let source = with_dedup(&a, &sink, json!({ "strategy": "payload_hash" })).await;
    eventually(Duration::from_secs(2), "b knows the source and its way", async || {
        let answer = b.post(&source, format!("{:?}", std::time::Instant::now())).await;
        (answer.status == 200 && !b.api().deliveries(answer.json()["event_id"].as_str()?).await.is_empty())
            .then_some(())
    })
    .await;
    let before = sink.received().len();
    let answers = all_at_once(&[&a, &b], &source, 60, 8).await;
    assert_one_first_of_each(&answers);
    eventually(Duration::from_secs(20), "all are delivered", async || {
        let bodies: HashSet<_> = sink.received().iter().map(|received| received.body.clone()).collect();
        let open = a.api().get("/v1/events?status=processing").await.list();
        (bodies.len() >= before + 60 && open.is_empty()).then_some(())
    })
    .await;
    let bodies: Vec<_> = sink.received().into_iter().map(|received| received.body).collect();
    let different: HashSet<_> = bodies.iter().collect();
    assert_eq!(bodies.len(), different.len(), "one was delivered twice");
}

async fn a_window_ends(on: On) {
    let world = World::new(on).await;
    let (server, sink) = (world.serve().await, Sink::start().await);
    let source = with_dedup(&server, &sink, json!({ "strategy": "payload_hash", "window_seconds": 1 })).await;
    let first = server.event(&source, "x").await;
    let next = eventually(Duration::from_secs(5), "the window ends", async || {
        let answer = server.post(&source, "x").await.expect(200);
        answer.get("duplicate").is_none().then(|| answer["event_id"].as_str().expect("an id").to_owned())
    })
    .await;
    let at = async |id: &str| {
        let text = server.api().event(id).await["received_at"].as_str().expect("a time").to_owned();
        time::OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc3339).expect("a time")
    };
    let apart = at(&next).await - at(&first).await;
    assert!(apart >= time::Duration::milliseconds(999) && apart < time::Duration::seconds(3), "{apart}");
    // It counts from the new first one on.
    assert_eq!(server.post(&source, "x").await.expect(200)["event_id"], next.as_str());
}

async fn an_event_that_was_not_stored_has_no_duplicates(on: On) {
    let world = World::new(on).await;
    let (server, sink) = (world.serve().await, Sink::start().await);
    let source = with_dedup(&server, &sink, json!({ "strategy": "payload_hash" })).await;
    // The commit fails after the key was claimed.
    let database = world.database();
    match on {
        On::Sqlite => {
            let sql = "CREATE TRIGGER full BEFORE INSERT ON event_bodies BEGIN SELECT RAISE(ABORT, 'full'); END";
            database.execute(sql).await;
        }
        On::Postgres => {
            database.execute("ALTER TABLE event_bodies ADD CONSTRAINT full_now CHECK (false) NOT VALID").await;
        }
    }
    server.post(&source, "x").await.problem(503, "unavailable");
    match on {
        On::Sqlite => database.execute("DROP TRIGGER full").await,
        On::Postgres => database.execute("ALTER TABLE event_bodies DROP CONSTRAINT full_now").await,
    }
    let taken = server.post(&source, "x").await.expect(200);
    assert!(taken.get("duplicate").is_none(), "{taken}");
    sink.receives(1).await;
}

async fn what_is_not_known_any_more_is_forgotten(on: On) {
    let world = World::new(on).await;
    let (server, sink) = (world.serve().await, Sink::start().await);
    let source = with_dedup(&server, &sink, json!({ "strategy": "payload_hash", "window_seconds": 1 })).await;
    join_all((0..50).map(|n| server.post(&source, n.to_string()))).await;
    assert_eq!(world.database().numbers("SELECT count(*) FROM once_keys").await, [50]);
    eventually(Duration::from_secs(45), "the keys are forgotten", async || {
        (world.database().numbers("SELECT count(*) FROM once_keys").await == [0]).then_some(())
    })
    .await;
}

async fn test_events_are_never_duplicates(on: On) {
    let world = World::new(on).await;
    let (server, sink) = (world.serve().await, Sink::start().await);
    let source = with_dedup(&server, &sink, json!({ "strategy": "payload_hash" })).await;
    for _ in 0..2 {
        server.api().post(&format!("/v1/sources/{source}/test"), json!({})).await.expect(201);
    }
    sink.receives(2).await;
}
