//! Sources, destinations, connections and projects: made, read, changed, deleted.

use domain::time::Timestamp;
use serde_json::{Value, json};

use crate::world::{On, PUBLIC_URL, Sink, World, destination};

on_both_databases!(
    a_source_is_made_with_its_address,
    a_destination_is_made_with_its_defaults,
    a_patch_changes_what_it_names,
    null_in_a_patch_brings_back_the_default,
    another_kind_of_authentication_takes_nothing_along,
    a_slug_is_taken_once,
    two_ends_are_connected_once,
    a_deleted_source_takes_its_connections_along,
    projects_are_made_and_changed,
);

#[track_caller]
fn assert_fields(shown: &Value, names: &[&str]) {
    let mut found: Vec<_> = shown.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut names = names.to_vec();
    found.sort_unstable();
    names.sort_unstable();
    assert_eq!(found, names);
}

async fn a_source_is_made_with_its_address(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let before = gateway::clock::now();
    let made =
        api.post("/v1/sources", json!({ "name": " Stripe – Live ", "description": "All of it" })).await.expect(201);
    let id = made["id"].as_str().expect("an id");
    assert_fields(
        &made,
        &[
            "id",
            "env_id",
            "name",
            "slug",
            "description",
            "template",
            "verification",
            "ip_allowlist",
            "ip_denylist",
            "dedup",
            "schema",
            "schema_action",
            "response",
            "rate_limit",
            "status",
            "ingest_url",
            "event_count",
            "last_event_at",
            "created_at",
            "updated_at",
        ],
    );
    assert_eq!((&made["name"], &made["slug"]), (&json!("Stripe – Live"), &json!("stripe-live")));
    assert_eq!((&made["status"], &made["event_count"]), (&json!("active"), &json!(0)));
    assert_eq!(made["env_id"], world.account.env_id.as_str());
    assert_eq!(made["ingest_url"], format!("{PUBLIC_URL}/v1/ingest/{id}"));
    // What has no value is null, and not absent.
    assert_eq!((&made["template"], &made["last_event_at"]), (&Value::Null, &Value::Null));
    assert_eq!(made["verification"]["type"], "none");
    let created = made["created_at"].as_str().expect("a time");
    let at = Timestamp::parse_rfc3339(created).expect("RFC 3339");
    assert!(created.ends_with('Z') && created.len() == "2026-01-31T12:00:00.000Z".len(), "{created}");
    assert!(at.plus(std::time::Duration::from_millis(1)) >= before && at <= gateway::clock::now());
    assert_eq!(made["updated_at"], created);
    let path = format!("/v1/sources/{id}");
    assert_eq!(api.get(&path).await.expect(200), made);
    assert_eq!(api.get("/v1/sources").await.list(), std::slice::from_ref(&made));

    assert!(api.delete(&path).await.body.is_empty());
    api.get(&path).await.problem(404, "not_found");
    api.patch(&path, json!({ "name": "x" })).await.problem(404, "not_found");
    api.delete(&path).await.problem(404, "not_found");
    assert!(api.get("/v1/sources").await.list().is_empty());
    // Its slug is free again.
    api.post("/v1/sources", json!({ "name": "Stripe Live" })).await.expect(201);
}

async fn a_destination_is_made_with_its_defaults(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let input = json!({ "name": "App", "type": "http", "config": { "url": "https://example.com" } });
    let made = api.post("/v1/destinations", input).await.expect(201);
    assert_fields(
        &made,
        &[
            "id",
            "env_id",
            "name",
            "slug",
            "type",
            "config",
            "auth",
            "headers",
            "timeout_ms",
            "retry",
            "circuit_breaker",
            "rate_limit",
            "ordering",
            "signing",
            "status",
            "created_at",
            "updated_at",
        ],
    );
    assert_eq!(made["config"], json!({ "url": "https://example.com/", "method": "POST" }));
    assert_eq!((&made["auth"], &made["headers"]), (&json!({ "type": "none" }), &json!({})));
    assert_eq!(made["timeout_ms"], 30_000);
    assert_eq!(made["status"], "active");
    assert_eq!(made["retry"]["strategy"], "schedule");
    assert_eq!(made["retry"]["intervals_seconds"], json!([30, 300, 1800, 7200, 86400]));
    assert_eq!((&made["retry"]["max_attempts"], &made["retry"]["jitter"]), (&json!(6), &json!(0.1)));
    assert_eq!(made["retry"]["give_up_on"], json!([410]));
    assert_eq!(made["signing"]["scheme"], "standard_webhooks");
    let path = format!("/v1/destinations/{}", made["id"].as_str().expect("an id"));
    api.delete(&path).await.expect(204);
    api.get(&path).await.problem(404, "not_found");
}

async fn a_patch_changes_what_it_names(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let more = json!({ "headers": { "x-a": "1", "x-b": "2" }, "retry": { "max_attempts": 4, "jitter": 0 } });
    let dest = api.destination("Old", "https://old.example.com/x", more).await;
    let path = format!("/v1/destinations/{dest}");
    let before = api.get(&path).await.expect(200);

    assert_eq!(without_time(api.patch(&path, json!({})).await.expect(200)), without_time(before.clone()));
    let patch = json!({ "name": "New", "headers": { "x-b": "3", "x-c": "4" }, "retry": { "max_attempts": 5 } });
    let after = api.patch(&path, patch).await.expect(200);
    assert_eq!(
        (&after["name"], &after["slug"]),
        (&json!("New"), &json!("old")),
        "an address does not change by itself"
    );
    assert_eq!(after["headers"], json!({ "x-a": "1", "x-b": "3", "x-c": "4" }));
    assert_eq!((&after["retry"]["max_attempts"], &after["retry"]["jitter"]), (&json!(5), &json!(0.0)));
    for field in ["config", "timeout_ms", "signing", "status", "created_at", "id"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert!(after["updated_at"].as_str() > before["updated_at"].as_str());
    assert_eq!(api.get(&path).await.expect(200), after);
    // Lists are replaced whole.
    let after = api.patch(&path, json!({ "retry": { "give_up_on": [] } })).await.expect(200);
    assert_eq!(after["retry"]["give_up_on"], json!([]));

    let source = api.source("Named").await;
    let connection = api.connect(&source, &dest).await;
    let path = format!("/v1/connections/{connection}");
    let after = api.patch(&path, json!({ "name": "The way" })).await.expect(200);
    assert_eq!((&after["name"], &after["status"]), (&json!("The way"), &json!("active")));
    assert_fields(
        &after,
        &[
            "id",
            "env_id",
            "source_id",
            "destination_id",
            "name",
            "filter",
            "transform",
            "schema",
            "schema_action",
            "delay_seconds",
            "status",
            "created_at",
            "updated_at",
        ],
    );
}

fn without_time(mut shown: Value) -> Value {
    shown.as_object_mut().expect("an object").remove("updated_at");
    shown
}

async fn null_in_a_patch_brings_back_the_default(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let more = json!({ "headers": { "x-a": "1" }, "timeout_ms": 700, "retry": { "max_attempts": 2 } });
    let dest = api.destination("d", "https://example.com/", more).await;
    let patch = json!({ "headers": { "x-a": null }, "timeout_ms": null, "retry": null });
    let after = api.patch(&format!("/v1/destinations/{dest}"), patch).await.expect(200);
    assert_eq!((&after["headers"], &after["timeout_ms"]), (&json!({}), &json!(30_000)));
    assert_eq!(after["retry"]["max_attempts"], 6);

    let input = json!({ "name": "s", "description": "words", "template": "github", "verification": { "secrets": ["a-secret"] } });
    let source = api.make("sources", input).await;
    let path = format!("/v1/sources/{source}");
    let after = api.patch(&path, json!({ "description": null })).await.expect(200);
    assert_eq!((&after["description"], &after["template"]), (&Value::Null, &json!("github")));
    // Without its template the secret would have no use, which is said.
    api.patch(&path, json!({ "template": null })).await.field_error("verification.secrets");
    let after = api.patch(&path, json!({ "template": null, "verification": null })).await.expect(200);
    assert_eq!((&after["template"], &after["verification"]["type"]), (&Value::Null, &json!("none")));
    server.event(&source, "unsigned").await;
}

async fn another_kind_of_authentication_takes_nothing_along(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let basic = json!({ "auth": { "type": "basic", "username": "u", "password": "p" } });
    let dest = api.destination("d", "https://example.com/", basic).await;
    let path = format!("/v1/destinations/{dest}");
    let after = api.patch(&path, json!({ "auth": { "type": "bearer", "token": "t" } })).await.expect(200);
    assert_fields(&after["auth"], &["type", "token"]);
    let after = api.patch(&path, json!({ "auth": { "type": "none" } })).await.expect(200);
    assert_eq!(after["auth"], json!({ "type": "none" }));
    api.patch(&path, json!({ "auth": { "type": "basic", "username": "u" } })).await.problem(422, "invalid");
    // Another kind of retries as well needs no more than its own settings.
    let exponential = json!({ "retry": { "strategy": "exponential", "base_seconds": 5, "intervals_seconds": null } });
    let after = api.patch(&path, exponential).await.expect(200);
    assert_eq!((&after["retry"]["base_seconds"], &after["retry"]["intervals_seconds"]), (&json!(5), &Value::Null));
}

async fn a_slug_is_taken_once(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    for (resource, input) in [
        ("sources", json!({ "name": "Billing" })),
        ("destinations", destination("Billing", "https://example.com/", json!({}))),
        ("environments", json!({ "name": "Billing", "mode": "live" })),
    ] {
        let path = format!("/v1/{resource}");
        let made = api.post(&path, input.clone()).await.expect(201);
        assert_eq!(made["slug"], "billing");
        assert!(api.post(&path, input.clone()).await.field_error("slug").contains("taken"));
        let mut other = input;
        other["slug"] = json!("billing-2");
        let other = api.post(&path, other).await.expect(201);
        if resource != "environments" {
            let path = format!("{path}/{}", other["id"].as_str().expect("an id"));
            api.patch(&path, json!({ "slug": "billing" })).await.field_error("slug");
            assert_eq!(api.get(&path).await.expect(200)["slug"], "billing-2");
        }
    }
}

async fn two_ends_are_connected_once(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (source, dest) = api.route("there", "https://example.com/", json!({})).await;
    let pair = json!({ "source_id": source, "destination_id": dest });
    api.post("/v1/connections", pair.clone()).await.problem(409, "conflict");
    let connection = api.all("/v1/connections").await[0]["id"].as_str().expect("an id").to_owned();
    api.delete(&format!("/v1/connections/{connection}")).await.expect(204);
    api.post("/v1/connections", pair.clone()).await.expect(201);
    api.delete(&format!("/v1/destinations/{dest}")).await.expect(204);
    api.post("/v1/connections", pair).await.field_error("destination_id");
}

async fn a_deleted_source_takes_its_connections_along(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let (source, dest) = api.route("a", &sink.url(), json!({})).await;
    let other = api.source("b").await;
    let stays = api.connect(&other, &dest).await;
    let event = server.event(&source, "x").await;
    api.event_becomes(&event, "delivered").await;
    api.delete(&format!("/v1/sources/{source}")).await.expect(204);
    let left = api.all("/v1/connections").await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["id"], stays.as_str());
    // What it brought stays to be read, and to be sent again.
    assert_eq!(api.event(&event).await["status"], "delivered");
    server.event(&other, "y").await;
    sink.receives(2).await;
    api.delete(&format!("/v1/destinations/{dest}")).await.expect(204);
    assert!(api.all("/v1/connections").await.is_empty());
}

async fn projects_are_made_and_changed(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let own = format!("/v1/environments/{}", world.account.env_id);
    let shown = api.get(&own).await.expect(200);
    let fields = ["id", "org_id", "name", "slug", "mode", "retention_days", "created_at", "updated_at"];
    assert_fields(&shown, &fields);
    assert_eq!((&shown["name"], &shown["mode"]), (&json!("production"), &json!("live")));
    assert_eq!(shown["org_id"], world.account.org_id.as_str());
    assert_eq!(api.get("/v1/environments").await.list(), [shown]);
    let made = api.post("/v1/environments", json!({ "name": "Staging", "mode": "test" })).await.expect(201);
    assert_eq!((&made["slug"], &made["mode"]), (&json!("staging"), &json!("test")));
    assert_eq!(made["org_id"], world.account.org_id.as_str());
    // A key sees its own project, and no other.
    assert_eq!(api.get("/v1/environments").await.list().len(), 1);
    api.get(&format!("/v1/environments/{}", made["id"].as_str().expect("an id"))).await.problem(404, "not_found");
    let renamed = api.patch(&own, json!({ "name": "Main" })).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Main"), &json!("production")));
}
