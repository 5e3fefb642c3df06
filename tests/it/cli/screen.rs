//! Commands in a terminal: the interactive view of `listen`, and questions.

use std::time::Duration;

use serde_json::json;

use super::Shell;
use crate::world::{On, Proxy, Reply, Sink, Terminal, World};

on_both_databases!(the_view_shows_selects_and_sends_again, a_recording_survives_a_restart, apply_asks);

const PATIENCE: Duration = Duration::from_secs(30);

async fn the_view_shows_selects_and_sends_again(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("Shop").await;
    let headers = vec![("x-answer", "it broke".to_owned())];
    let broken = Reply::Full { status: 500, headers, body: b"{\"oops\":true}".to_vec() };
    let sink = Sink::in_turn([Reply::Status(200), broken, Reply::Status(202)]).await;
    let shell = Shell::new(&world, &server);
    let mut terminal = Terminal::run(&shell.command(&["listen", &sink.url(), "shop"]));
    terminal.shows("● connected").await;
    terminal.shows("waiting for events").await;
    server.event(&source, json!({ "n": "first" }).to_string()).await;
    terminal.shows(" → 200").await;
    let second = server.event(&source, json!({ "n": "second\u{1b}[2J" }).to_string()).await;
    terminal.shows(" → 500").await;
    // The newest one is selected; enter opens it.
    terminal.press("\r");
    terminal.shows("── Request  POST ").await;
    terminal.shows(&second).await;
    terminal.shows("\"n\": \"second\\u001b[2J\"").await;
    terminal.shows("── Answer  500").await;
    terminal.shows("x-answer: it broke").await;
    terminal.shows("{\"oops\":true}").await;
    let so_far = terminal.text().len();
    terminal.press("r");
    terminal.shows_after(so_far, "── Answer  202").await;
    assert_eq!(sink.received().last().expect("it came").event_id(), second);
    assert_eq!(sink.count(), 3);
    // Back to the list, and to the first one.
    let so_far = terminal.text().len();
    terminal.press("\u{1b}");
    terminal.shows_after(so_far, "enter open").await;
    let so_far = terminal.text().len();
    terminal.press("k\r");
    terminal.shows_after(so_far, "\"n\": \"first\"").await;
    terminal.press("q");
    terminal.shows_after(so_far, "q quit").await;
    terminal.press("q");
    assert_eq!(terminal.ends().await, 0);
    // The terminal is as it was.
    assert!(terminal.written().ends_with("\u{1b}[?25h") || terminal.written().contains("\u{1b}[?1049l"));
}

/// Writes what the terminal showed to the file that `HOOKSTREAM_TEST_RECORDING` names: docs/cli.md has it.
async fn a_recording_survives_a_restart(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("Shop").await;
    let sink = Sink::start().await;
    let before = |address: &str| format!("http://x@{address}/");
    let proxy = Proxy::before(&before(server.address())).await;
    let shell = Shell::at(&world, proxy.address());
    let mut terminal = Terminal::run(&shell.command(&["listen", &sink.url(), "--plain"]));
    terminal.shows("connected; waiting for events").await;
    let mut posted = vec![server.event(&source, "{}").await];
    terminal.shows(&posted[0]).await;
    assert!(server.terminate(PATIENCE).await.success());
    terminal.shows("the connection is lost").await;
    let server = world.serve().await;
    for _ in 0..2 {
        posted.push(server.event(&source, "{}").await);
    }
    proxy.lead_to(&before(server.address()));
    terminal.shows("connected again; what was missed comes now").await;
    posted.push(server.event(&source, "{}").await);
    for event in &posted {
        terminal.shows(event).await;
    }
    assert_eq!(sink.count(), 4, "each once");
    terminal.press("\u{3}");
    assert_eq!(terminal.ends().await, 0);
    if let Ok(file) = std::env::var("HOOKSTREAM_TEST_RECORDING") {
        std::fs::write(file, terminal.text()).expect("it is written");
    }
}

async fn apply_asks(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let shell = Shell::new(&world, &server);
    let file = world.folder().join("hooks.yaml");
    std::fs::write(&file, "sources:\n  - slug: shop\n    name: Shop\n").expect("writes");
    let file = file.to_str().expect("UTF-8");
    for (answer, code) in [("\r", 4), ("no\r", 4), ("y\r", 0)] {
        assert!(server.api().get("/v1/sources").await.list().is_empty());
        let mut terminal = Terminal::run(&shell.command(&["apply", "-f", file]));
        terminal.shows("1 to create").await;
        terminal.shows("Apply these changes? [y/N]").await;
        terminal.press(answer);
        assert_eq!(terminal.ends().await, code, "{answer:?}");
    }
    assert_eq!(server.api().get("/v1/sources").await.list()[0]["slug"], "shop");
}
