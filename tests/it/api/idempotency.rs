//! `Idempotency-Key`: what is sent twice is done once.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Client, On, Reply, Sink, World, destination, eventually};

on_both_databases!(
    what_is_sent_again_is_done_once,
    a_key_stands_for_one_request,
    what_is_sent_at_once_is_done_once,
    a_secret_is_not_given_twice,
    who_goes_away_does_not_stop_it,
    a_fault_is_not_remembered,
    keys_are_forgotten,
);
on_postgres_too!(two_nodes_do_it_once);

async fn post(api: &Client, path: &str, key: &str, body: &Value) -> Answer {
    Answer::of(api.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

async fn what_is_sent_again_is_done_once(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let first = post(api, "/v1/sources", "one", &json!({ "name": "Shop" })).await;
    first.expect(201);
    assert_eq!(first.header("idempotent-replayed"), None);
    for _ in 0..2 {
        let again = post(api, "/v1/sources", "one", &json!({ "name": "Shop" })).await;
        again.expect(201);
        assert_eq!((again.header("idempotent-replayed"), again.body == first.body), (Some("true"), true));
        assert_eq!(again.header("content-type"), first.header("content-type"));
    }
    assert_eq!(api.all("/v1/sources").await.len(), 1);
    // A refusal stands as well.
    let refused = post(api, "/v1/sources", "two", &json!({ "name": "" })).await;
    refused.field_error("name");
    let again = post(api, "/v1/sources", "two", &json!({ "name": "" })).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (422, Some("true")));
    assert_eq!(again.header("content-type"), Some("application/problem+json"));
    // Without a key each is another, and keys are a project's own.
    api.post("/v1/sources", json!({ "name": "Shop", "slug": "second" })).await.expect(201);
    api.post("/v1/sources", json!({ "name": "Shop", "slug": "third" })).await.expect(201);
    assert_eq!(api.all("/v1/sources").await.len(), 3);
}

async fn a_key_stands_for_one_request(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let api = server.api();
    let body = json!({ "name": "Shop" });
    post(api, "/v1/sources", "k", &body).await.expect(201);
    post(api, "/v1/sources", "k", &json!({ "name": "Other" })).await.field_error("Idempotency-Key");
    post(api, "/v1/environments", "k", &body).await.field_error("Idempotency-Key");
    // Who may less does not get the answer to who may more.
    let made = api.post("/v1/api-keys", json!({ "name": "reads", "scopes": ["read"] })).await.expect(201);
    let reads = api.with_key(made["key"].as_str().expect("a key"));
    assert_eq!(post(&reads, "/v1/sources", "k", &body).await.status, 422);
    // Nor does another project, for which it is a key like any other.
    let theirs = post(&server.client_with(&stranger.api_key), "/v1/sources", "k", &body).await;
    theirs.expect(201);
    assert_eq!(theirs.header("idempotent-replayed"), None);
    for wrong in ["x".repeat(256), "é".to_owned()] {
        let request = api.request(Method::POST, "/v1/sources").header("idempotency-key", wrong.as_bytes()).json(&body);
        Answer::of(request).await.field_error("Idempotency-Key");
    }
    post(api, "/v1/sources", &"x".repeat(255), &json!({ "name": "Long" })).await.expect(201);
    // Without a live key nothing is looked up.
    post(&server.client_with(""), "/v1/sources", "k", &body).await.problem(401, "unauthenticated");
}

/// Posts the same at once to these; it is done once, and everybody hears the same or is told to wait.
async fn at_once(nodes: &[&Client]) {
    for round in 0..5 {
        let (key, body) = (format!("round {round}"), json!({ "name": format!("Shop {round}") }));
        let posts = (0..8).map(|at| post(nodes[at % nodes.len()], "/v1/sources", &key, &body));
        let answers = futures::future::join_all(posts).await;
        let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert!(!made.is_empty());
        assert!(made.iter().all(|answer| answer.body == made[0].body));
        let own = made.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count();
        assert_eq!(own, 1, "one did it");
        for waiting in answers.iter().filter(|answer| answer.status != 201) {
            waiting.problem(409, "idempotency_conflict");
            assert_eq!(waiting.header("retry-after"), Some("1"));
        }
    }
    assert_eq!(nodes[0].all("/v1/sources").await.len(), 5);
}

async fn what_is_sent_at_once_is_done_once(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    at_once(&[server.api()]).await;
}

async fn two_nodes_do_it_once(on: On) {
    let world = World::new(on).await;
    let (one, two) = (world.serve().await, world.serve().await);
    at_once(&[one.api(), two.api()]).await;
}

async fn a_secret_is_not_given_twice(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let input = json!({ "name": "deploy", "scopes": ["read"] });
    let made = post(api, "/v1/api-keys", "k", &input).await.expect(201);
    let key = made["key"].as_str().expect("a key");
    let again = post(api, "/v1/api-keys", "k", &input).await;
    again.problem(409, "answer_not_kept");
    assert_eq!(api.all("/v1/api-keys").await.iter().filter(|key| key["name"] == "deploy").count(), 1);
    let rotate = format!("/v1/api-keys/{}/rotate", made["id"].as_str().expect("an id"));
    post(api, &rotate, "r", &json!({})).await.expect(201);
    post(api, &rotate, "r", &json!({})).await.problem(409, "answer_not_kept");
    // A destination's generated secret is one; without one the answer is kept.
    let signed = destination("Signed", "http://127.0.0.1:9/", json!({}));
    let shown = post(api, "/v1/destinations", "d", &signed).await.expect(201);
    let secret = shown["signing"]["secrets"][0].as_str().expect("a secret").to_owned();
    post(api, "/v1/destinations", "d", &signed).await.problem(409, "answer_not_kept");
    let plain = destination("Plain", "http://127.0.0.1:9/", json!({ "signing": { "scheme": "none" } }));
    post(api, "/v1/destinations", "p", &plain).await.expect(201);
    post(api, "/v1/destinations", "p", &plain).await.expect(201);
    let stored = world.database().bytes().await;
    for secret in [&key[8..], secret.trim_start_matches("whsec_")] {
        assert!(!stored.windows(secret.len()).any(|part| part == secret.as_bytes()), "it is not kept with the answer");
    }
}

async fn who_goes_away_does_not_stop_it(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::in_turn([Reply::After(Duration::from_secs(2), Box::new(Reply::Status(200)))]).await;
    let id = api.destination("late", &sink.url(), json!({})).await;
    let path = format!("/v1/destinations/{id}/test");
    let request = api.request(Method::POST, &path).header("idempotency-key", "k").json(&json!({}));
    request.timeout(Duration::from_millis(500)).send().await.expect_err("it does not wait so long");
    let answer = eventually(Duration::from_secs(20), "it is answered", async || {
        Some(post(api, &path, "k", &json!({})).await).filter(|answer| answer.status == 200)
    })
    .await;
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    assert_eq!(sink.count(), 1, "it was sent once");
}

async fn a_fault_is_not_remembered(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    // What a 5xx leaves behind is nothing, as if a node had died that had not done anything.
    post(api, "/v1/sources", "k", &json!({ "name": "Shop" })).await.expect(201);
    let database = world.database();
    database.execute("UPDATE idempotency_keys SET status = NULL, body = NULL").await;
    let waiting = post(api, "/v1/sources", "k", &json!({ "name": "Shop" })).await;
    waiting.problem(409, "idempotency_conflict");
    database.execute("UPDATE idempotency_keys SET claimed_until = 1").await;
    post(api, "/v1/sources", "k", &json!({ "name": "Shop" })).await.field_error("slug");
    database.execute("DROP TABLE issues").await;
    let issue = format!("/v1/issues/iss_{}/retry", "0".repeat(32));
    post(api, &issue, "f", &json!({})).await.problem(500, "internal");
    assert_eq!(database.numbers("SELECT count(*) FROM idempotency_keys WHERE key = 'f'").await, [0]);
}

async fn keys_are_forgotten(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    post(api, "/v1/sources", "old", &json!({ "name": "Old" })).await.expect(201);
    post(api, "/v1/sources", "new", &json!({ "name": "New" })).await.expect(201);
    let database = world.database();
    database.execute("UPDATE idempotency_keys SET expires_at = 1 WHERE key = 'old'").await;
    eventually(Duration::from_mins(1), "its time is over", async || {
        (database.numbers("SELECT count(*) FROM idempotency_keys").await == [1]).then_some(())
    })
    .await;
    assert_eq!(post(api, "/v1/sources", "new", &json!({ "name": "New" })).await.status, 201);
}
