//! The database goes away, or its disk is full: senders are told to come back, and all is well when it is back.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::world::{Answer, Load, On, Proxy, Server, Sink, World, eventually, reconcile};

mod sqlite {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_full_disk_takes_nothing_and_then_goes_on() {
        super::a_full_disk_takes_nothing_and_then_goes_on().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_second_process_is_refused() {
        super::a_second_process_is_refused().await;
    }
}

on_postgres!(
    without_its_database_a_server_takes_nothing,
    a_database_that_falls_silent_is_noticed,
    connections_that_the_network_has_forgotten_are_given_up,
    a_silent_database_does_not_keep_a_server_from_stopping,
);

/// How long a sender waits at most for its answer while the database is away.
const ANSWER_LIMIT: Duration = Duration::from_secs(12);
const RECOVERY: Duration = Duration::from_secs(15);
/// How long a server waits at most for what a connection does not answer, and until it is well again after that.
const GIVEN_UP: Duration = Duration::from_secs(30);
/// Until leases are found that nobody works on, since the answer to their commit was lost.
const WORKED_OFF: Duration = Duration::from_secs(90);
/// The longest that a server may take to stop: until connections to it end, what it sends, and what it writes.
const STOP_LIMIT: Duration = Duration::from_secs(90);

/// A server whose way to PostgreSQL can be taken away.
async fn serve_behind(world: &World) -> (Proxy, Server) {
    let url = world.database().url().expect("PostgreSQL has one");
    let proxy = Proxy::before(&url).await;
    let server = world.serve_with(&[("HOOKSTREAM_DATABASE_URL", &proxy.url(&url))]).await;
    (proxy, server)
}

/// Posts, and expects to be told to come back.
async fn is_told_to_come_back(server: &Server, source: &str) {
    let start = Instant::now();
    let answer = server.post(source, "while it is away").await;
    answer.problem(503, "unavailable");
    let retry_after: u32 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!((1..=60).contains(&retry_after));
    assert!(start.elapsed() < ANSWER_LIMIT, "it took {:?}", start.elapsed());
}

async fn recovers(server: &Server, sink: &Sink, source: &str) {
    let before = sink.count();
    eventually(RECOVERY, "the server is ready again", async || {
        (server.api().get("/readyz").await.status == 200).then_some(())
    })
    .await;
    let event = eventually(RECOVERY, "events are taken again", async || {
        let answer = server.post(source, "after").await;
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text());
        (answer.status == 200).then(|| answer.json()["event_id"].as_str().expect("an id").to_owned())
    })
    .await;
    sink.receives(before + 1).await;
    server.api().event_becomes(&event, "delivered").await;
}

async fn without_its_database_a_server_takes_nothing(on: On) {
    let world = World::new(on).await;
    let (proxy, server) = serve_behind(&world).await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("outage", &sink.url(), json!({})).await;
    let before = server.event(&source, "before").await;
    server.api().event_becomes(&before, "delivered").await;
    assert_eq!(server.api().get("/readyz").await.status, 200);

    proxy.cut();
    is_told_to_come_back(&server, &source).await;
    let (one, two) = (is_told_to_come_back(&server, &source), is_told_to_come_back(&server, &source));
    tokio::join!(one, two);
    assert_eq!(server.api().get("/readyz").await.status, 503);
    assert_eq!(server.api().get("/healthz").await.status, 200, "the process itself is well");
    server.api().get("/v1/sources").await.problem(503, "unavailable");
    server.api().post("/v1/sources", json!({ "name": "x" })).await.problem(503, "unavailable");

    proxy.open();
    recovers(&server, &sink, &source).await;
    let bodies: Vec<_> = sink.received().into_iter().map(|request| request.body).collect();
    assert!(!bodies.contains(&b"while it is away".to_vec()), "what was refused is not delivered");
    assert_eq!(server.api().get("/v1/events?search=while+it+is+away").await.list().len(), 0);
}

async fn a_database_that_falls_silent_is_noticed(on: On) {
    let world = World::new(on).await;
    let (proxy, server) = serve_behind(&world).await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("silence", &sink.url(), json!({})).await;
    server.event(&source, "before").await;
    sink.receives(1).await;

    proxy.fall_silent();
    is_told_to_come_back(&server, &source).await;
    assert_eq!(server.api().get("/readyz").await.status, 503);
    proxy.open();
    recovers(&server, &sink, &source).await;
}

async fn connections_that_the_network_has_forgotten_are_given_up(on: On) {
    let world = World::new(on).await;
    let (proxy, server) = serve_behind(&world).await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("forgotten", &sink.url(), json!({})).await;
    // So that many connections are there, and in use.
    let load = Load::start(&[&server], &source);
    load.runs(100, Duration::from_secs(1)).await;
    proxy.lose_connections();
    let acknowledged = load.end().await;
    eventually(GIVEN_UP, "new connections are made", async || {
        (server.post(&source, "after").await.status == 200).then_some(())
    })
    .await;
    recovers(&server, &sink, &source).await;
    reconcile(server.api(), &sink, &acknowledged, WORKED_OFF).await;
}

async fn a_silent_database_does_not_keep_a_server_from_stopping(on: On) {
    let world = World::new(on).await;
    let (proxy, server) = serve_behind(&world).await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("silence", &sink.url(), json!({})).await;
    server.event(&source, "before").await;
    sink.receives(1).await;
    proxy.fall_silent();
    let status = server.terminate(STOP_LIMIT).await;
    assert!(status.success(), "{status}");
}

async fn a_full_disk_takes_nothing_and_then_goes_on() {
    const SIZE: &str = "24m";
    let world = World::new(On::Sqlite).await;
    // The small disk is seen by the server alone, and goes with it.
    let disk = world.folder().join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let mount = format!("mount -t tmpfs -o size={SIZE} tmpfs \"$0\" && ");
    let in_own_namespace = |script: &str| {
        let mut command = world.command(&[], &[("HOOKSTREAM_DATA_DIR", disk.to_str().expect("a path"))]);
        let binary = command.get_program().to_owned();
        let mut outer = Command::new("unshare");
        outer.args(["--mount", "sh", "-c", &format!("{mount}{script}")]).arg(&disk).arg(world.folder()).arg(binary);
        outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        outer.current_dir(command.current_dir(world.folder()).get_current_dir().expect("it has one"));
        outer
    };
    if !in_own_namespace("true").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: a small disk cannot be mounted here, which needs root");
        return;
    }
    let start = in_own_namespace("cp \"$1\"/hookstream.db \"$0\" && exec \"$2\" serve");
    let server = world.serve_by(start).await;
    let seen: PathBuf = format!("/proc/{}/root{}", server.pid(), disk.display()).into();
    let sink = Sink::start().await;
    let (source, _) = server.api().route("full", &sink.url(), json!({})).await;
    let mut taken = vec![server.event(&source, "before").await];

    let unused_key =
        server.api().post("/v1/api-keys", json!({ "name": "unused", "scopes": ["read"] })).await.expect(201);
    let unused_key = unused_key["key"].as_str().expect("a key").to_owned();

    let filler = seen.join("filler");
    fill(&filler);
    let mut refused = 0;
    let start = Instant::now();
    while refused < 5 {
        // What the file has room for within itself may still be taken.
        let answer = server.post(&source, vec![b'x'; 50_000]).await;
        if answer.status == 200 {
            taken.push(answer.json()["event_id"].as_str().expect("an id").to_owned());
        } else {
            answer.problem(503, "unavailable");
            assert!(answer.header("retry-after").is_some());
            refused += 1;
            // Once more to the brim: it may have made room for itself.
            fill(&filler);
        }
        assert!(start.elapsed() < Duration::from_secs(20), "a full disk is never noticed");
    }
    // What is there can be read, and a change is refused as an event is.
    server.client_with(&unused_key).get("/v1/events").await.expect(200);
    let change = server.api().post("/v1/sources", json!({ "name": "no room" })).await;
    assert!(matches!(change.status, 201 | 503), "{}", change.text());
    std::fs::remove_file(&filler).expect("it is there");
    recovers(&server, &sink, &source).await;
    for event in &taken {
        server.api().event_becomes(event, "delivered").await;
    }
}

/// Writes until nothing more fits.
fn fill(file: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).expect("the file opens");
    for piece in [1 << 20, 4 << 10, 1] {
        while file.write_all(&vec![0; piece]).is_ok() {}
    }
}

async fn a_second_process_is_refused() {
    let world = World::new(On::Sqlite).await;
    let server = world.serve().await;
    for arguments in [&["serve"][..], &["migrate"], &["bootstrap", "--email", "b@example.com", "--org", "B", "--add"]] {
        let output = world.run(arguments, "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains("in use by another hookstream process"), "{arguments:?}: {said}");
    }
    // The first one is none the worse for it.
    let source = server.api().source("mine").await;
    Answer::of(server.ingest(&source).body("x")).await.expect(200);
}
