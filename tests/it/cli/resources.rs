//! Commands that show and change what a project has.

use std::{io::Write, process::Stdio, time::Duration};

use serde_json::{Value, json};

use super::{Said, Shell};
use crate::world::{On, Reply, Server, Sink, World, eventually};

on_both_databases!(
    things_are_made_changed_and_deleted,
    events_and_deliveries_are_shown_and_retried,
    a_tail_prints_what_comes,
    a_replay_is_counted_first,
    keys_are_made_replaced_and_revoked,
    a_doctor_finds_what_is_wrong,
    shells_complete,
);

const PATIENCE: Duration = Duration::from_secs(20);

fn with_input(shell: &Shell<'_>, arguments: &[&str], input: &str) -> Said {
    let mut command = shell.command(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("it has one").write_all(input.as_bytes()).expect("it is taken");
    Said::of(&child.wait_with_output().expect("it ends"))
}

async fn things_are_made_changed_and_deleted(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let shell = Shell::new(&world, &server);
    let said = shell.run(&["sources", "list"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:?}");
    let source =
        shell.json(&["sources", "create", "--name", "Stripe", "--template", "stripe", "--secret", "whsec_test_1"]);
    assert_eq!((&source["slug"], &source["template"]), (&json!("stripe"), &json!("stripe")));
    let said = shell.run(&[
        "destinations",
        "create",
        "--name",
        "Billing",
        "--url",
        "https://billing.example.com/",
        "--max-attempts",
        "3",
        "--header",
        "x-team=billing",
    ]);
    assert!(said.code == 0 && said.out.contains("billing"), "{said:?}");
    let destination = shell.json(&["destinations", "get", "billing"]);
    assert_eq!(
        (&destination["config"]["url"], &destination["retry"]["max_attempts"]),
        (&json!("https://billing.example.com/"), &json!(3))
    );
    // From a file, in YAML or JSON; flags go over it.
    let yaml = "name: From a file\ntype: http\nconfig:\n  url: https://file.example.com/\ntimeout_ms: 4000\n";
    let said = with_input(
        &shell,
        &["destinations", "create", "--file", "-", "--timeout-ms", "5000", "--output", "json"],
        yaml,
    );
    assert_eq!(said.code, 0, "{said:?}");
    let made: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((&made["slug"], &made["timeout_ms"]), (&json!("from-a-file"), &json!(5000)));
    let filter = r#"{"all":[{"field":"payload.n","op":"gt","value":1}]}"#;
    let connection = shell.json(&[
        "connections",
        "create",
        "--source",
        "stripe",
        "--destination",
        "billing",
        "--name",
        "Paid",
        "--filter",
        filter,
    ]);
    assert_eq!((&connection["source_id"], &connection["destination_id"]), (&source["id"], &destination["id"]));
    let changed = shell.json(&["connections", "update", "Paid", "--status", "paused", "--delay-seconds", "7"]);
    assert_eq!(
        (&changed["status"], &changed["delay_seconds"], changed["filter"].is_null()),
        (&json!("paused"), &json!(7), false)
    );
    let said = shell.run(&["sources", "list"]);
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("ID") && lines[1].contains("Stripe"), "{said:?}");
    assert_eq!(shell.json(&["destinations", "list", "--limit", "1"])["data"].as_array().expect("a list").len(), 1);
    assert_eq!(shell.json(&["connections", "delete", "Paid"])["deleted"], true);
    assert_eq!(shell.run(&["sources", "delete", source["id"].as_str().expect("an id")]).code, 0);
    // What is wrong is named, with a code.
    for (arguments, code, part) in [
        (&["sources", "get", "stripe"][..], 1, "there is no source stripe"),
        (&["sources", "get", "src_nothing"], 1, "no such thing"),
        (&["sources", "get", "src_../../v1/events"], 1, "there is no source"),
        (&["sources", "create"], 1, "name"),
        (&["destinations", "create", "--name", "x", "--url", "ftp://x"], 1, "config.url"),
        (&["destinations", "update", "billing"], 1, "nothing is to be changed"),
        (&["destinations", "create", "--name", "x", "--header", "nothing"], 1, "NAME=VALUE"),
        (&["connections", "create", "--source", "gone", "--destination", "billing"], 1, "there is no source gone"),
        (&["connections", "create", "--filter", "{"], 1, "--filter is not JSON"),
        (&["sources", "create", "--file", "/nowhere.yaml"], 1, "could not be opened"),
        (&["sources", "frobnicate"], 2, ""),
    ] {
        let said = shell.run(arguments);
        assert!(said.code == code && said.err.contains(part), "{arguments:?}: {said:?}");
    }
    let key = server.api().post("/v1/api-keys", json!({ "name": "reads", "scopes": ["read"] })).await.expect(201);
    let reader = shell.with_key(key["key"].as_str().expect("a key"));
    assert_eq!(reader.run(&["sources", "create", "--name", "x"]).code, 6);
    assert_eq!(Shell::at(&world, "127.0.0.1:9").run(&["sources", "list"]).code, 5);
}

/// An event that failed, and the ids of it and of its delivery.
async fn failed_once(server: &Server, sink: &Sink) -> (String, String) {
    let (source, _) = server.api().route("shop", &sink.url(), json!({})).await;
    let event = server.event(&source, r#"{"type":"paid"}"#).await;
    let delivery = server.api().delivery_becomes(&event, "failed").await["id"].as_str().expect("an id").to_owned();
    (event, delivery)
}

async fn events_and_deliveries_are_shown_and_retried(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::in_turn([Reply::Status(500), Reply::Status(500), Reply::Status(200)]).await;
    let (event, delivery) = failed_once(&server, &sink).await;
    let shell = Shell::new(&world, &server);
    let said = shell.run(&["events", "list", "--source", "shop", "--status", "failed", "--since", "1h"]);
    assert!(said.code == 0 && said.out.contains(&event), "{said:?}");
    assert!(shell.json(&["events", "list", "--status", "delivered"])["data"].as_array().expect("a list").is_empty());
    let said = shell.run(&["events", "get", &event]);
    for part in [event.as_str(), delivery.as_str(), "\"type\": \"paid\"", "Headers", "Deliveries"] {
        assert!(said.out.contains(part), "{part}: {said:?}");
    }
    assert_eq!(shell.json(&["deliveries", "list", "--dlq", "--destination", "shop"])["data"][0]["id"], json!(delivery));
    assert_eq!(shell.json(&["deliveries", "attempts", &delivery])["data"][0]["response_status"], 500);
    assert_eq!(shell.run(&["deliveries", "cancel", &delivery]).code, 1);
    assert_eq!(shell.run(&["deliveries", "retry", &delivery]).code, 0);
    server.api().attempts_become(&event, 2).await;
    server.api().delivery_becomes(&event, "failed").await;
    assert_eq!(shell.json(&["events", "retry", &event])["retried"], 1);
    server.api().event_becomes(&event, "delivered").await;
    assert_eq!(shell.json(&["deliveries", "get", &delivery])["status"], "succeeded");
    let said = shell.run(&["events", "list", "--status", "lost"]);
    assert!(said.code == 1 && said.err.contains("status"), "{said:?}");
    assert_eq!(shell.run(&["events", "get", "../sources"]).code, 2);
}

async fn a_tail_prints_what_comes(on: On) {
    use std::io::{BufRead, BufReader};
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("shop").await;
    let first = server.event(&source, "{}").await;
    let shell = Shell::new(&world, &server);
    let mut command = shell.command(&["events", "tail", "--source", "shop", "--since", "1h", "--output", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it has one")).lines();
    let line = lines.next().expect("a line").expect("it reads");
    assert_eq!(serde_json::from_str::<Value>(&line).expect("JSON")["id"], json!(first));
    let second = server.event(&source, "{}").await;
    let line =
        tokio::task::spawn_blocking(move || lines.next().expect("a line").expect("it reads")).await.expect("it comes");
    assert_eq!(serde_json::from_str::<Value>(&line).expect("JSON")["id"], json!(second));
    child.kill().expect("it ends");
    child.wait().expect("it has ended");
}

async fn a_replay_is_counted_first(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("shop", &sink.url(), json!({})).await;
    for _ in 0..5 {
        let event = server.event(&source, "{}").await;
        server.api().event_becomes(&event, "delivered").await;
    }
    let shell = Shell::new(&world, &server);
    let said = shell.run(&["replay", "--from", "1h", "--source", "shop", "--dry-run"]);
    assert!(said.code == 3 && said.out.contains("5 events fit; 5 deliveries would be made"), "{said:?}");
    let said = shell.run(&["replay", "--from", "1h"]);
    assert!(said.code == 4 && said.err.contains("use --yes"), "{said:?}");
    assert_eq!(sink.count(), 5);
    let said = shell.run(&["replay", "--from", "1h", "--limit", "3", "--yes"]);
    assert!(said.code == 0 && said.out.contains("completed: 3 deliveries"), "{said:?}");
    sink.receives(8).await;
    let done = shell.json(&["replay", "--from", "1h", "--yes"]);
    assert_eq!((&done["status"], &done["counts"]["deliveries"]), (&json!("completed"), &json!(5)));
    sink.receives(13).await;
    let said = shell.run(&["replay", "--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"]);
    assert!(said.code == 0 && said.out.contains("0 deliveries"), "{said:?}");
    let said = shell.run(&["replay", "--from", "soon"]);
    assert!(said.code == 1 && said.err.contains("is no time"), "{said:?}");
}

async fn keys_are_made_replaced_and_revoked(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let shell = Shell::new(&world, &server);
    let said = shell.run(&["api-keys", "create", "--name", "deploys", "--scope", "read", "--scope", "write"]);
    let key = said.out.trim();
    assert!(said.code == 0 && key.len() == 72, "{said:?}");
    assert_eq!(shell.with_key(key).run(&["sources", "list"]).code, 0);
    let said = shell.run(&["api-keys", "list"]);
    assert!(said.out.contains("deploys") && !said.out.contains(key), "{said:?}");
    let rotated = shell.json(&["api-keys", "rotate", &key[..12]]);
    assert_eq!(rotated["name"], "deploys");
    let id = rotated["id"].as_str().expect("an id");
    assert_eq!(shell.json(&["api-keys", "revoke", id])["revoked"], true);
    assert_eq!(shell.with_key(rotated["key"].as_str().expect("a key")).run(&["sources", "list"]).code, 6);
    let said = shell.run(&["api-keys", "revoke", "ak_nothing"]);
    assert!(said.code == 1 && said.err.contains("there is no key"), "{said:?}");
    assert_eq!(shell.run(&["api-keys", "create", "--name", "x", "--scope", "all"]).code, 1);
}

async fn a_doctor_finds_what_is_wrong(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let shell = Shell::new(&world, &server);
    let found = shell.json(&["doctor"]);
    let outcome = |found: &Value, name: &str| {
        let checks = found["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["name"] == name).map(|check| check["outcome"].clone()).unwrap_or_default()
    };
    for good in ["server", "database", "key", "websocket", "disk"] {
        let outcome = outcome(&found, good);
        assert!(outcome == "good" || good == "disk" && outcome == "doubtful", "{good}: {found}");
    }
    assert_eq!(outcome(&found, "schema"), if on == On::Postgres { json!("good") } else { Value::Null });
    // The tests' public address is no real one.
    server.api().source("shop").await;
    assert_eq!(outcome(&shell.json(&["doctor"]), "public url"), "doubtful");
    let said = shell.with_key(&format!("hs_live_{}", "0".repeat(64))).run(&["doctor"]);
    assert!(said.code == 1 && said.out.contains("does not know this API key"), "{said:?}");
    let said = Shell::at(&world, "127.0.0.1:9").run(&["doctor"]);
    assert!(said.code == 5 && said.out.contains("could not be reached"), "{said:?}");
    let address = server.address().to_owned();
    drop(server);
    eventually(PATIENCE, "it is gone", async || (Shell::at(&world, &address).run(&["doctor"]).code == 5).then_some(()))
        .await;
}

async fn shells_complete(on: On) {
    let world = World::empty(on).await;
    for shell in ["bash", "zsh", "fish"] {
        let said = Said::of(&world.command(&["completion", shell], &[]).output().expect("it runs"));
        assert!(said.code == 0 && said.out.contains("listen") && said.out.contains("api-keys"), "{shell}: {said:?}");
    }
    assert_eq!(world.command(&["completion", "tea"], &[]).output().expect("it runs").status.code(), Some(2));
}
