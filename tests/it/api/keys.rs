//! API keys: what they open, what they do not, and how they end.

use std::time::Duration;

use domain::time::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{Answer, Client, On, World, eventually};

on_both_databases!(
    without_a_live_key_nothing_opens,
    a_key_may_come_as_a_bearer_token,
    each_scope_opens_its_own,
    nobody_makes_a_key_that_can_more,
    a_key_ends_when_it_is_revoked_or_expires,
    a_key_is_rotated_with_overlap,
    only_the_hash_of_a_key_is_kept,
    a_key_of_a_deleted_project_is_dead,
);

/// Every request that needs a key.
fn requests() -> Vec<(Method, String)> {
    let get = |path: &str| (Method::GET, path.to_owned());
    let mut requests = vec![get("/v1/events"), get("/v1/deliveries")];
    for resource in ["environments", "sources", "destinations", "connections", "api-keys"] {
        requests.push(get(&format!("/v1/{resource}")));
        requests.push((Method::POST, format!("/v1/{resource}")));
    }
    for (resource, prefix) in [
        ("environments", "env"),
        ("sources", "src"),
        ("destinations", "dst"),
        ("connections", "conn"),
        ("api-keys", "ak"),
        ("events", "evt"),
        ("deliveries", "dlv"),
    ] {
        let path = format!("/v1/{resource}/{prefix}_{}", "0".repeat(32));
        requests.push(get(&path));
        let actions: &[&str] = match resource {
            "sources" => &["test"],
            "destinations" => &["pause", "resume"],
            "api-keys" => &["rotate"],
            "events" => &["retry"],
            "deliveries" => &["retry", "cancel"],
            _ => &[],
        };
        requests.extend(actions.iter().map(|action| (Method::POST, format!("{path}/{action}"))));
        match resource {
            "events" => requests.push(get(&format!("{path}/deliveries"))),
            "deliveries" => requests.push(get(&format!("{path}/attempts"))),
            "api-keys" => requests.push((Method::DELETE, path)),
            _ => requests.extend([(Method::PATCH, path.clone()), (Method::DELETE, path)]),
        }
    }
    requests
}

async fn without_a_live_key_nothing_opens(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let good = &world.account.api_key;
    let other = if good.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{other}", &good[..good.len() - 1]);
    let of_another_mode = good.replacen("hs_live_", "hs_test_", 1);
    for key in ["", "x", "hs_live_", &wrong, &good.to_uppercase(), &good[..20], &of_another_mode, &format!("{good}0")] {
        let client = server.client_with(key);
        for (method, path) in requests() {
            let answer = Answer::of(client.request(method.clone(), &path).body("{}")).await;
            answer.problem(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{method} {path}");
        }
    }
    // A key belongs into a header, and nowhere else.
    server.client_with("").get(&format!("/v1/sources?api_key={good}")).await.problem(401, "unauthenticated");
}

async fn a_key_may_come_as_a_bearer_token(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let key = &world.account.api_key;
    let nobody = server.client_with("");
    for (value, status) in [
        (format!("Bearer {key}"), 200),
        (format!("bearer {key}"), 200),
        (format!("Basic {key}"), 401),
        (key.clone(), 401),
    ] {
        let request = nobody.request(Method::GET, "/v1/sources").header("authorization", &value);
        assert_eq!(Answer::of(request).await.status, status, "{value}");
    }
}

/// A key with these scopes, made by another.
async fn key_with(api: &Client, scopes: &[&str]) -> (Client, Value) {
    let made = api.post("/v1/api-keys", json!({ "name": scopes.join(" "), "scopes": scopes })).await.expect(201);
    (api.with_key(made["key"].as_str().expect("the key, this once")), made)
}

async fn each_scope_opens_its_own(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (source, _) = api.route("there", "http://127.0.0.1:9/", json!({})).await;
    let event = server.event(&source, "x").await;
    let (reads, _) = key_with(api, &["read"]).await;
    let (writes, _) = key_with(api, &["write"]).await;

    for list in ["environments", "sources", "destinations", "connections", "events", "deliveries"] {
        reads.get(&format!("/v1/{list}")).await.expect(200);
        writes.get(&format!("/v1/{list}")).await.expect(200);
    }
    let destination = api.all("/v1/destinations").await[0]["id"].as_str().expect("an id").to_owned();
    let connection = api.all("/v1/connections").await[0]["id"].as_str().expect("an id").to_owned();
    let delivery = api.deliveries(&event).await[0]["id"].as_str().expect("an id").to_owned();
    let environment = world.account.env_id.as_str();
    let pair = json!({ "source_id": source, "destination_id": destination });
    let new = crate::world::destination("new", "http://127.0.0.1:9/", json!({}));
    let by_write = [
        (Method::POST, "/v1/sources".to_owned(), json!({ "name": "new" })),
        (Method::PATCH, format!("/v1/sources/{source}"), json!({ "name": "renamed" })),
        (Method::POST, format!("/v1/sources/{source}/test"), json!({})),
        (Method::POST, "/v1/destinations".to_owned(), new),
        (Method::PATCH, format!("/v1/destinations/{destination}"), json!({ "name": "renamed" })),
        (Method::POST, format!("/v1/destinations/{destination}/pause"), json!({})),
        (Method::POST, format!("/v1/destinations/{destination}/resume"), json!({})),
        (Method::POST, "/v1/connections".to_owned(), pair),
        (Method::PATCH, format!("/v1/connections/{connection}"), json!({ "name": "renamed" })),
        (Method::POST, format!("/v1/events/{event}/retry"), json!({})),
        (Method::POST, format!("/v1/deliveries/{delivery}/retry"), json!({})),
        (Method::POST, format!("/v1/deliveries/{delivery}/cancel"), json!({})),
        (Method::DELETE, format!("/v1/connections/{connection}"), json!({})),
        (Method::DELETE, format!("/v1/destinations/{destination}"), json!({})),
        (Method::DELETE, format!("/v1/sources/{source}"), json!({})),
    ];
    let by_admin = [
        (Method::GET, "/v1/api-keys".to_owned(), json!({})),
        (Method::POST, "/v1/api-keys".to_owned(), json!({ "name": "x", "scopes": ["read"] })),
        (Method::POST, "/v1/environments".to_owned(), json!({ "name": "x", "mode": "test" })),
        (Method::PATCH, format!("/v1/environments/{environment}"), json!({ "name": "x" })),
        (Method::DELETE, format!("/v1/environments/{environment}"), json!({})),
    ];
    for (method, path, body) in by_write.iter().chain(&by_admin) {
        Answer::of(reads.request(method.clone(), path).json(body)).await.problem(403, "forbidden");
    }
    for (method, path, body) in &by_admin {
        Answer::of(writes.request(method.clone(), path).json(body)).await.problem(403, "forbidden");
    }
    let keys = api.all("/v1/api-keys").await;
    for key in &keys {
        let path = format!("/v1/api-keys/{}", key["id"].as_str().expect("an id"));
        for client in [&reads, &writes] {
            client.get(&path).await.problem(403, "forbidden");
            client.delete(&path).await.problem(403, "forbidden");
            client.post(&format!("{path}/rotate"), json!({})).await.problem(403, "forbidden");
        }
    }
    assert_eq!(api.all("/v1/api-keys").await.len(), keys.len());
    assert_eq!(api.get(&format!("/v1/sources/{source}")).await.expect(200)["name"], "there", "nothing was changed");
    for (method, path, body) in by_write {
        let answer = Answer::of(writes.request(method.clone(), &path).json(&body)).await;
        // Some conflict with what is there; none is forbidden.
        assert!(matches!(answer.status, 200..=204 | 409), "{method} {path}: {}", answer.text());
    }
}

async fn nobody_makes_a_key_that_can_more(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (admin, made) = key_with(api, &["admin"]).await;
    assert_eq!(made["scopes"], json!(["admin"]));
    // The widest scope holds the others.
    key_with(&admin, &["read", "write", "admin"]).await;
    for (scopes, field) in [(json!([]), "scopes"), (json!(["root"]), "scopes[0]")] {
        api.post("/v1/api-keys", json!({ "name": "x", "scopes": scopes })).await.field_error(field);
    }
    for scopes in [&["read"][..], &["write"], &["read", "write"]] {
        let (client, _) = key_with(api, scopes).await;
        let wanted = json!({ "name": "more", "scopes": ["read"] });
        client.post("/v1/api-keys", wanted).await.problem(403, "forbidden");
    }
}

async fn a_key_ends_when_it_is_revoked_or_expires(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (client, made) = key_with(api, &["read"]).await;
    client.get("/v1/sources").await.expect(200);
    let path = format!("/v1/api-keys/{}", made["id"].as_str().expect("an id"));
    let shown = api.get(&path).await.expect(200);
    assert!(shown["last_used_at"].is_string(), "{shown}");
    api.delete(&path).await.expect(204);
    client.get("/v1/sources").await.problem(401, "unauthenticated");
    let revoked = api.get(&path).await.expect(200);
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    api.post(&format!("{path}/rotate"), json!({})).await.problem(409, "conflict");

    let soon = gateway::clock::now().plus(Duration::from_secs(1)).to_rfc3339();
    let input = json!({ "name": "short", "scopes": ["read"], "expires_at": soon });
    let made = api.post("/v1/api-keys", input).await.expect(201);
    assert_eq!(made["expires_at"], soon);
    let client = api.with_key(made["key"].as_str().expect("a key"));
    client.get("/v1/sources").await.expect(200);
    eventually(Duration::from_secs(3), "it expires", async || {
        (client.get("/v1/sources").await.status == 401).then_some(())
    })
    .await;
    let past = json!({ "name": "late", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z" });
    api.post("/v1/api-keys", past).await.field_error("expires_at");
    // A key may end itself, and is then gone.
    let (own, made) = key_with(api, &["admin"]).await;
    own.delete(&format!("/v1/api-keys/{}", made["id"].as_str().expect("an id"))).await.expect(204);
    own.get("/v1/sources").await.problem(401, "unauthenticated");
}

async fn a_key_is_rotated_with_overlap(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (old, made) = key_with(api, &["read", "write"]).await;
    let path = format!("/v1/api-keys/{}", made["id"].as_str().expect("an id"));
    let rotated = api.post(&format!("{path}/rotate"), json!({})).await.expect(201);
    assert_ne!(rotated["key"], made["key"]);
    assert_ne!(rotated["id"], made["id"]);
    assert_eq!((&rotated["name"], &rotated["scopes"]), (&made["name"], &made["scopes"]));
    let new = api.with_key(rotated["key"].as_str().expect("a key"));
    for client in [&old, &new] {
        client.get("/v1/sources").await.expect(200);
    }
    let ends = api.get(&path).await.expect(200)["revoked_at"].as_str().expect("it has an end").to_owned();
    let overlap = Timestamp::parse_rfc3339(&ends).expect("a time").since(gateway::clock::now());
    assert!((23 * 3600..=24 * 3600).contains(&overlap.as_secs()), "{overlap:?}");
    // Whoever cannot wait ends it now.
    api.delete(&path).await.expect(204);
    old.get("/v1/sources").await.problem(401, "unauthenticated");
    new.get("/v1/sources").await.expect(200);
}

async fn only_the_hash_of_a_key_is_kept(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let (client, made) = key_with(server.api(), &["read"]).await;
    client.get("/v1/sources").await.expect(200);
    let key = made["key"].as_str().expect("a key");
    let (prefix, digits) = key.rsplit_once('_').expect("three parts");
    assert_eq!((prefix, digits.len()), ("hs_live", 64));
    assert_eq!(made["key_prefix"], &key[..12]);
    let shown = server.api().get("/v1/api-keys").await.text();
    assert!(shown.contains(&key[..12]) && !shown.contains(digits), "{shown}");

    let stored = world.database().bytes().await;
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|part| part == needle);
    for key in [key, &world.account.api_key] {
        let digits = &key[8..];
        assert!(!holds(digits.as_bytes()), "the key itself");
        assert!(!holds(&hex::decode(digits).expect("digits")), "the key's bytes");
        let hash = Sha256::digest(key.as_bytes());
        assert!(holds(&hash) || holds(hex::encode(hash).as_bytes()), "its hash is what it is known by");
    }
    let password = world.account.password.as_ref().expect("it was generated");
    assert!(!holds(password.as_bytes()), "nor is a password kept");
}

async fn a_key_of_a_deleted_project_is_dead(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let environment = format!("/v1/environments/{}", world.account.env_id);
    let source = api.source("there").await;
    server.event(&source, "x").await;
    // The last project of an organization stays.
    api.delete(&environment).await.problem(409, "conflict");
    api.post("/v1/environments", json!({ "name": "second", "mode": "test" })).await.expect(201);
    api.delete(&environment).await.expect(204);
    for path in ["/v1/sources", "/v1/environments", "/v1/events"] {
        api.get(path).await.problem(401, "unauthenticated");
    }
    server.post(&source, "x").await.problem(410, "gone");
}
