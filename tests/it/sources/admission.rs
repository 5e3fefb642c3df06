//! Who may post, how often, and what they are answered.

use std::time::Duration;

use serde_json::json;

use crate::world::{Answer, On, Server, World};

on_both_databases!(
    addresses_are_allowed_and_refused,
    the_address_behind_a_trusted_proxy_counts,
    the_other_forwarding_header_is_not_believed,
    a_rate_limit_says_when_to_come_back,
    an_answer_of_ones_own,
);

on_postgres_too!(nodes_share_a_rate_limit);

async fn addresses_are_allowed_and_refused(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().make("sources", json!({ "name": "s", "ip_allowlist": ["192.0.2.0/24"] })).await;
    let path = format!("/v1/sources/{source}");
    let refused = server.post(&source, "x").await.problem(403, "forbidden");
    assert!(!refused.to_string().contains("192.0.2"), "the sender learns the rule: {refused}");
    server.api().patch(&path, json!({ "ip_allowlist": ["192.0.2.0/24", "127.0.0.1"] })).await.expect(200);
    server.event(&source, "x").await;
    server.api().patch(&path, json!({ "ip_denylist": ["127.0.0.0/8"] })).await.expect(200);
    server.post(&source, "x").await.problem(403, "forbidden");
    let shown = server.api().get(&path).await.expect(200);
    assert_eq!(
        (&shown["ip_allowlist"], &shown["ip_denylist"]),
        (&json!(["192.0.2.0/24", "127.0.0.1"]), &json!(["127.0.0.0/8"]))
    );
    server.api().patch(&path, json!({ "ip_denylist": null, "ip_allowlist": [] })).await.expect(200);
    server.event(&source, "x").await;
}

async fn from(server: &Server, source: &str, header: &str, value: &str) -> Answer {
    Answer::of(server.ingest(source).header(header, value).body("x")).await
}

async fn the_address_behind_a_trusted_proxy_counts(on: On) {
    let world = World::new(on).await;
    let allow = json!({ "name": "s", "ip_allowlist": ["198.51.100.7", "2001:db8::/32"] });
    let server = world.serve_with(&[("HOOKSTREAM_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let source = server.api().make("sources", allow).await;
    from(&server, &source, "x-forwarded-for", "198.51.100.7").await.expect(200);
    from(&server, &source, "x-forwarded-for", "2001:db8::5").await.expect(200);
    // What stands before the last one that no trusted proxy wrote is the client's own word.
    from(&server, &source, "x-forwarded-for", "198.51.100.7, 203.0.113.1").await.problem(403, "forbidden");
    from(&server, &source, "x-forwarded-for", "203.0.113.1, 198.51.100.7, 127.0.0.9").await.expect(200);
    server.post(&source, "x").await.problem(403, "forbidden");
    let events = server.api().all("/v1/events").await;
    assert_eq!(events[0]["source_ip"], "198.51.100.7");
    drop(server);
    // Without trust the header is nobody's word.
    let server = world.serve().await;
    from(&server, &source, "x-forwarded-for", "198.51.100.7").await.problem(403, "forbidden");
}

async fn the_other_forwarding_header_is_not_believed(on: On) {
    let world = World::new(on).await;
    let trust = ("HOOKSTREAM_TRUSTED_PROXIES", "127.0.0.0/8");
    let server = world.serve_with(&[trust, ("HOOKSTREAM_FORWARDED_HEADER", "forwarded")]).await;
    let source = server.api().make("sources", json!({ "name": "s", "ip_allowlist": ["198.51.100.7"] })).await;
    from(&server, &source, "forwarded", "for=198.51.100.7;proto=https").await.expect(200);
    from(&server, &source, "x-forwarded-for", "198.51.100.7").await.problem(403, "forbidden");
    drop(server);
    let server = world.serve_with(&[trust]).await;
    from(&server, &source, "forwarded", "for=198.51.100.7").await.problem(403, "forbidden");
    from(&server, &source, "x-forwarded-for", "198.51.100.7").await.expect(200);
}

async fn a_rate_limit_says_when_to_come_back(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let rate = json!({ "name": "s", "rate_limit": { "limit": 5, "per": "hour" } });
    let source = server.api().make("sources", rate).await;
    for _ in 0..5 {
        server.event(&source, "x").await;
    }
    let refused = server.post(&source, "x").await;
    refused.problem(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((600..=720).contains(&wait), "{wait}");
    assert_eq!((refused.header("ratelimit-limit"), refused.header("ratelimit-remaining")), (Some("5"), Some("0")));
    let path = format!("/v1/sources/{source}");
    server.api().patch(&path, json!({ "rate_limit": { "limit": 50, "per": "second" } })).await.expect(200);
    server.event(&source, "x").await;
    server.api().patch(&path, json!({ "rate_limit": null })).await.expect(200);
    for _ in 0..100 {
        server.event(&source, "x").await;
    }
}

async fn nodes_share_a_rate_limit(on: On) {
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let rate = json!({ "name": "s", "rate_limit": { "limit": 40, "per": "hour" } });
    let source = a.api().make("sources", rate).await;
    // Each counts the others every few seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let taken = async |server: &Server| {
        let mut taken = 0;
        while server.post(&source, "x").await.status == 200 {
            taken += 1;
        }
        taken
    };
    assert_eq!((taken(&a).await, taken(&b).await), (20, 20));
}

async fn an_answer_of_ones_own(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let response = json!({ "status": 202, "content_type": "application/xml", "body": "<ok/>" });
    let source = server.api().make("sources", json!({ "name": "s", "response": response })).await;
    let answer = server.post(&source, "x").await;
    assert_eq!((answer.status, answer.text().as_str()), (202, "<ok/>"));
    assert_eq!(answer.header("content-type"), Some("application/xml"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    server.api().event(answer.header("x-hookstream-event-id").expect("an id")).await;
    let path = format!("/v1/sources/{source}");
    server.api().patch(&path, json!({ "response": { "status": 204, "body": "" } })).await.expect(200);
    let answer = server.post(&source, "x").await;
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    server.api().patch(&path, json!({ "response": null })).await.expect(200);
    assert!(server.post(&source, "x").await.expect(200)["event_id"].is_string());
}
