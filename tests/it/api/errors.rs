//! What a request that is wrong is told.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, On, World, destination};

on_both_databases!(
    what_is_no_json_is_malformed,
    an_unknown_field_is_named,
    a_wrong_type_is_named,
    a_missing_field_is_named,
    everything_wrong_is_said_at_once,
    what_is_not_there_is_not_found,
    a_bad_value_is_named_in_a_patch_as_well,
);

async fn what_is_no_json_is_malformed(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("there").await;
    let destination = server.api().destination("there", "http://127.0.0.1:9/", json!({})).await;
    for (method, path) in [
        (Method::POST, "/v1/sources".to_owned()),
        (Method::POST, "/v1/destinations".to_owned()),
        (Method::POST, "/v1/connections".to_owned()),
        (Method::POST, "/v1/environments".to_owned()),
        (Method::POST, "/v1/api-keys".to_owned()),
        (Method::PATCH, format!("/v1/sources/{source}")),
        (Method::PATCH, format!("/v1/destinations/{destination}")),
        (Method::PATCH, format!("/v1/environments/{}", world.account.env_id)),
    ] {
        for body in [&b"{\"name\": "[..], b"", b"name=x", b"{\"name\": \"\xff\"}", b"{}{}"] {
            let request = server.api().request(method.clone(), &path).body(body.to_vec());
            Answer::of(request).await.problem(400, "malformed");
        }
        for body in ["[]", "5", "null", "\"text\""] {
            let request = server.api().request(method.clone(), &path).body(body);
            Answer::of(request).await.problem(422, "invalid");
        }
        // Deeper than anything that is meant.
        let deep = server.api().request(method.clone(), &path).body("[".repeat(100_000));
        Answer::of(deep).await.problem(400, "malformed");
        let long = server.api().request(method.clone(), &path).body(vec![b' '; 2 << 20]);
        Answer::of(long).await.problem(413, "too_large");
    }
}

async fn an_unknown_field_is_named(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let source = api.source("there").await;
    let dest = api.destination("there", "http://127.0.0.1:9/", json!({})).await;
    let connection = api.connect(&source, &dest).await;

    let answer = api.post("/v1/sources", json!({ "name": "x", "colour": "red" })).await;
    assert!(answer.field_error("colour").contains("unknown field"));
    let verification = json!({ "type": "none", "colour": "red" });
    api.post("/v1/sources", json!({ "name": "x", "verification": verification }))
        .await
        .field_error("verification.colour");
    let with = |more: Value| destination("x", "http://127.0.0.1:9/", more);
    api.post("/v1/destinations", with(json!({ "colour": "red" }))).await.field_error("colour");
    for (field, value) in [
        ("config", json!({ "url": "http://127.0.0.1:9/", "colour": "red" })),
        ("retry", json!({ "colour": "red" })),
        ("signing", json!({ "colour": "red" })),
        ("auth", json!({ "type": "bearer", "token": "x", "colour": "red" })),
    ] {
        api.post("/v1/destinations", with(json!({ field: value }))).await.field_error(&format!("{field}.colour"));
        api.patch(&format!("/v1/destinations/{dest}"), json!({ field: value }))
            .await
            .field_error(&format!("{field}.colour"));
    }
    let pair = json!({ "source_id": source, "destination_id": dest, "colour": "red" });
    api.post("/v1/connections", pair).await.field_error("colour");
    api.post("/v1/environments", json!({ "name": "x", "mode": "live", "colour": "red" })).await.field_error("colour");
    api.post("/v1/api-keys", json!({ "name": "x", "scopes": ["read"], "colour": "red" })).await.field_error("colour");
    for path in [
        format!("/v1/sources/{source}"),
        format!("/v1/destinations/{dest}"),
        format!("/v1/connections/{connection}"),
        format!("/v1/environments/{}", world.account.env_id),
    ] {
        api.patch(&path, json!({ "colour": "red" })).await.field_error("colour");
        // What an answer holds is not all for setting.
        api.patch(&path, json!({ "created_at": "2020-01-01T00:00:00Z" })).await.field_error("created_at");
    }
}

async fn a_wrong_type_is_named(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    api.post("/v1/sources", json!({ "name": 5 })).await.field_error("name");
    api.post("/v1/sources", json!({ "name": "x", "template": "carrier_pigeon" })).await.field_error("template");
    let verification = json!({ "type": "none", "secrets": ["fine", 5] });
    api.post("/v1/sources", json!({ "name": "x", "verification": verification }))
        .await
        .field_error("verification.secrets[1]");
    let with = |more: Value| destination("x", "http://127.0.0.1:9/", more);
    for (more, path) in [
        (json!({ "type": "carrier_pigeon" }), "type"),
        (json!({ "config": { "url": 5 } }), "config.url"),
        (json!({ "config": { "url": "http://127.0.0.1/", "method": "post" } }), "config.method"),
        (json!({ "timeout_ms": "5000" }), "timeout_ms"),
        (json!({ "timeout_ms": -1 }), "timeout_ms"),
        (json!({ "headers": { "x-a": 5 } }), "headers.x-a"),
        (json!({ "retry": [] }), "retry"),
        (json!({ "retry": { "max_attempts": 2.5 } }), "retry.max_attempts"),
        (json!({ "retry": { "give_up_on": [410, "all"] } }), "retry.give_up_on[1]"),
        (json!({ "status": "asleep" }), "status"),
    ] {
        let answer = api.post("/v1/destinations", with(more.clone())).await;
        let problem = answer.problem(422, "invalid");
        let paths: Vec<_> = problem["errors"].as_array().expect("errors").iter().map(|error| &error["path"]).collect();
        assert_eq!(paths, [path], "{more}: {problem}");
    }
    let id = "src_1";
    let answer = api.post("/v1/connections", json!({ "source_id": id, "destination_id": "dst_1" })).await;
    assert!(answer.field_error("source_id").contains("src_"));
    api.post("/v1/api-keys", json!({ "name": "x", "scopes": ["everything"] })).await.field_error("scopes[0]");
    api.post("/v1/api-keys", json!({ "name": "x", "scopes": ["read"], "expires_at": "soon" }))
        .await
        .field_error("expires_at");
}

async fn a_missing_field_is_named(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    api.post("/v1/sources", json!({})).await.field_error("name");
    api.post("/v1/destinations", json!({ "name": "x", "type": "http" })).await.field_error("config");
    let empty = json!({ "name": "x", "type": "http", "config": {} });
    api.post("/v1/destinations", empty).await.field_error("config.url");
    api.post("/v1/connections", json!({ "source_id": format!("src_{}", "0".repeat(32)) }))
        .await
        .field_error("destination_id");
    api.post("/v1/environments", json!({ "name": "x" })).await.field_error("mode");
    api.post("/v1/api-keys", json!({ "name": "x" })).await.field_error("scopes");
}

async fn everything_wrong_is_said_at_once(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let input = json!({
        "name": " ",
        "slug": "Not A Slug",
        "type": "http",
        "config": { "url": "ftp://example.com/" },
        "headers": { "host": "x", "x-fine": "y" },
        "timeout_ms": 1,
        "retry": { "max_attempts": 0, "jitter": 2, "intervals_seconds": [] },
        "signing": { "secrets": ["short"] },
        "auth": { "type": "bearer", "token": "" },
    });
    let problem = server.api().post("/v1/destinations", input).await.problem(422, "invalid");
    let mut paths: Vec<_> = problem["errors"].as_array().expect("errors").iter().map(|e| e["path"].clone()).collect();
    paths.sort_unstable_by_key(Value::to_string);
    let expected = [
        "auth.token",
        "config.url",
        "headers.host",
        "name",
        "retry.intervals_seconds",
        "retry.jitter",
        "retry.max_attempts",
        "signing.secrets.0",
        "slug",
        "timeout_ms",
    ];
    assert_eq!(paths, expected);
    for error in problem["errors"].as_array().expect("errors") {
        let message = error["message"].as_str().expect("a message");
        assert!(message.starts_with("must ") || message.starts_with("is "), "{message}");
    }
    assert!(server.api().get("/v1/destinations").await.list().is_empty());
}

async fn what_is_not_there_is_not_found(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    for path in ["/v1/nothing", "/v1", "/v1/", "/v1/sources/", "/v1/events/x/y/z"] {
        api.get(path).await.problem(404, "not_found");
    }
    for (method, path) in [
        (Method::PUT, "/v1/sources"),
        (Method::DELETE, "/v1/sources"),
        (Method::POST, "/v1/events"),
        (Method::PATCH, "/v1/events/x"),
    ] {
        Answer::of(api.request(method, path)).await.problem(405, "method_not_allowed");
    }
    for resource in ["sources", "destinations", "connections", "events", "deliveries", "api-keys", "environments"] {
        let prefix = match resource {
            "sources" => "src",
            "destinations" => "dst",
            "connections" => "conn",
            "events" => "evt",
            "deliveries" => "dlv",
            "api-keys" => "ak",
            _ => "env",
        };
        let unknown = format!("{prefix}_{}", "0".repeat(32));
        let foreign_kind = format!("org_{}", "0".repeat(32));
        for id in [unknown.as_str(), &foreign_kind, "x", "%FF", "%00", &unknown.to_uppercase(), &"9".repeat(3000)] {
            api.get(&format!("/v1/{resource}/{id}")).await.problem(404, "not_found");
        }
        let can_be_deleted = !matches!(resource, "events" | "deliveries");
        if can_be_deleted {
            api.delete(&format!("/v1/{resource}/{unknown}")).await.problem(404, "not_found");
            api.delete(&format!("/v1/{resource}/x")).await.problem(404, "not_found");
        }
    }
}

async fn a_bad_value_is_named_in_a_patch_as_well(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let source = api.source("there").await;
    let dest = api.destination("there", "http://127.0.0.1:9/", json!({})).await;
    let connection = api.connect(&source, &dest).await;
    for (path, patch, field) in [
        (format!("/v1/sources/{source}"), json!({ "name": null }), "name"),
        (format!("/v1/sources/{source}"), json!({ "name": 5 }), "name"),
        (format!("/v1/sources/{source}"), json!({ "status": "asleep" }), "status"),
        (format!("/v1/sources/{source}"), json!({ "verification": { "type": "hmac_sha256" } }), "verification.header"),
        (format!("/v1/destinations/{dest}"), json!({ "config": { "url": "nowhere" } }), "config.url"),
        (format!("/v1/destinations/{dest}"), json!({ "config": null }), "config"),
        (format!("/v1/destinations/{dest}"), json!({ "timeout_ms": "long" }), "timeout_ms"),
        (format!("/v1/destinations/{dest}"), json!({ "retry": { "max_attempts": 51 } }), "retry.max_attempts"),
        (format!("/v1/connections/{connection}"), json!({ "status": "asleep" }), "status"),
        (format!("/v1/connections/{connection}"), json!({ "source_id": api.source("another").await }), "source_id"),
        (format!("/v1/environments/{}", world.account.env_id), json!({ "mode": "dream" }), "mode"),
        (format!("/v1/environments/{}", world.account.env_id), json!({ "slug": "No Slug" }), "slug"),
    ] {
        api.patch(&path, patch.clone()).await.field_error(field);
    }
    // Nothing of it has taken hold.
    assert_eq!(api.get(&format!("/v1/sources/{source}")).await.expect(200)["name"], "there");
    assert_eq!(api.get(&format!("/v1/destinations/{dest}")).await.expect(200)["timeout_ms"], 5000);
}
