//! Another secret key takes the place of the first one, while servers run, and whatever is killed.

use std::{fs, path::PathBuf, process::Output, time::Duration};

use serde_json::{Value, json};

use crate::world::{Answer, On, Server, Settings, Sink, World, eventually, signature};

on_both_databases!(
    what_is_stored_is_sealed_anew,
    a_rotation_that_was_broken_off_goes_on,
    a_missing_key_is_told,
    a_bad_key_file_is_told,
);

mod sqlite_alone {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_running_server_takes_its_key_file_up() {
        super::a_running_server_takes_its_key_file_up().await;
    }
}

on_postgres_too!(nodes_seal_with_what_all_of_them_have);

const OLD: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NEW: &str = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0";
const OLD_ID: &str = "630dcd29";
const NEW_ID: &str = "1865c008";
const PASSWORD: &str = "rotated-password-77aa";
const LIMIT: Duration = Duration::from_secs(30);

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a command beside servers, without keeping the test's own tasks from running.
async fn run(world: &World, arguments: &[&str], settings: Settings<'_>) -> Output {
    let mut command = world.command(arguments, settings);
    tokio::task::spawn_blocking(move || command.output().expect("the binary starts")).await.expect("it returns")
}

/// A source that verifies and a destination with a password, and the way between them.
async fn route(server: &Server, name: &str, sink: &Sink) -> (String, String) {
    let api = server.api();
    let input =
        json!({ "name": name, "template": "github", "verification": { "secrets": [format!("secret-{name}")] } });
    let source = api.make("sources", input).await;
    let more = json!({ "auth": { "type": "basic", "username": name, "password": PASSWORD } });
    let destination = api.destination(name, &sink.url(), more).await;
    api.connect(&source, &destination).await;
    (source, destination)
}

/// Sends a signed event, which is to arrive with the password.
async fn works(server: &Server, name: &str, source: &str, sink: &Sink) {
    let before = sink.count();
    let body = format!("{name} {before}");
    let signed = signature::github(&format!("secret-{name}"), body.as_bytes());
    Answer::of(server.ingest(source).header("x-hub-signature-256", signed).body(body)).await.expect(200);
    let received = sink.receives(before + 1).await.remove(before);
    assert!(received.header("authorization").is_some_and(|value| value.starts_with("Basic ")), "{received:?}");
    assert!(received.header("webhook-signature").is_some(), "{received:?}");
}

/// How many stored values hold this id of a key.
async fn sealed_with(world: &World, id: &str) -> usize {
    let stored = world.database().bytes().await;
    let needle = format!("v1:{id}:");
    stored.windows(needle.len()).filter(|part| *part == needle.as_bytes()).count()
}

async fn what_is_stored_is_sealed_anew(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let mut routes = Vec::new();
    // More than one batch.
    for n in 0..45 {
        let name = format!("route-{n}");
        routes.push((route(&server, &name, &sink).await.0, name));
    }
    // What was deleted has values as well.
    let (gone, _) = route(&server, "gone", &sink).await;
    server.api().delete(&format!("/v1/sources/{gone}")).await.expect(204);

    let alone = run(&world, &["secrets", "rotate"], &[]).await;
    assert!(!alone.status.success() && said(&alone).contains("HOOKSTREAM_SECRET_KEY=<new>,<old>"), "{}", said(&alone));

    // Every process is started again with both.
    let both = format!("{NEW},{OLD}");
    let settings: Settings<'_> = &[("HOOKSTREAM_SECRET_KEY", &both)];
    server.kill();
    let server = world.serve_with(settings).await;
    let status = run(&world, &["secrets", "status"], settings).await;
    assert!(status.status.success(), "{}", said(&status));
    let output = run(&world, &["secrets", "rotate"], settings).await;
    assert!(output.status.success(), "{}", said(&output));
    let words = said(&output);
    assert!(words.contains("138 values are sealed") || words.contains("already"), "{words}");
    for (source, name) in [&routes[0], &routes[44]] {
        works(&server, name, source, &sink).await;
    }
    let again = run(&world, &["secrets", "rotate"], settings).await;
    assert!(again.status.success() && said(&again).contains("already"), "{}", said(&again));
    server.kill();

    // The old one is not needed by anything.
    let only_new: Settings<'_> = &[("HOOKSTREAM_SECRET_KEY", NEW)];
    let status = run(&world, &["secrets", "status"], only_new).await;
    assert!(status.status.success(), "{}", said(&status));
    let server = world.serve_with(only_new).await;
    for (source, name) in &routes[20..25] {
        works(&server, name, source, &sink).await;
    }
    assert!(!server.log().contains("is missing"), "{}", server.log());
}

async fn a_rotation_that_was_broken_off_goes_on(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let mut routes = Vec::new();
    for n in 0..60 {
        let name = format!("route-{n}");
        routes.push((route(&server, &name, &sink).await.0, name));
    }
    server.kill();
    let both = format!("{NEW},{OLD}");
    let settings: Settings<'_> = &[("HOOKSTREAM_SECRET_KEY", &both)];
    // Killed after ever longer times, so that some of them have begun, and none of them lets anything be lost.
    for pause in [0_u64, 20, 40, 60, 80, 100, 120, 140] {
        let mut child = world.command(&["secrets", "rotate"], settings).spawn().expect("the binary starts");
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let _ = child.kill();
        child.wait().expect("it ends");
        let status = run(&world, &["secrets", "status"], settings).await;
        assert!(status.status.success(), "after {pause} ms: {}", said(&status));
    }
    let output = run(&world, &["secrets", "rotate"], settings).await;
    assert!(output.status.success(), "{}", said(&output));
    let server = world.serve_with(&[("HOOKSTREAM_SECRET_KEY", NEW)]).await;
    for (source, name) in routes.iter().step_by(7) {
        works(&server, name, source, &sink).await;
    }
}

async fn a_missing_key_is_told(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, destination) = route(&server, "kept", &sink).await;
    server.kill();
    let settings: Settings<'_> = &[("HOOKSTREAM_SECRET_KEY", NEW)];
    let server = world.serve_with(settings).await;
    let told = format!(
        "the secret key {OLD_ID} is missing: it has sealed 3 stored values (1 of sources, 2 of destinations, 0 of people)"
    );
    assert!(server.log().contains(&told), "{}", server.log());
    for command in ["status", "rotate"] {
        let output = run(&world, &["secrets", command], settings).await;
        assert!(!output.status.success() && said(&output).contains(&told), "{command}: {}", said(&output));
    }
    let shown = server.api().get(&format!("/v1/destinations/{destination}")).await.expect(200);
    assert!(!shown.to_string().contains(PASSWORD));
    server.kill();
    let both = format!("{NEW},{OLD}");
    let server = world.serve_with(&[("HOOKSTREAM_SECRET_KEY", &both)]).await;
    works(&server, "kept", &source, &sink).await;
}

async fn a_bad_key_file_is_told(on: On) {
    let world = World::new(on).await;
    let file = world.folder().join("keys");
    let path = file.to_str().expect("a path");
    let settings: Settings<'_> = &[("HOOKSTREAM_SECRET_KEY", ""), ("HOOKSTREAM_SECRET_KEY_FILE", path)];
    let fails = |contains: &'static str| {
        let world = &world;
        async move {
            let output = run(world, &["serve"], settings).await;
            assert!(!output.status.success(), "{contains}");
            assert!(said(&output).contains(contains) && said(&output).contains(path), "{}", said(&output));
        }
    };
    fails("cannot be read").await;
    fs::write(&file, "not a key\n").expect("a file can be written");
    fails("64 hexadecimal").await;
    fs::write(&file, "# none\n").expect("a file can be written");
    fails("1 to 8").await;
    let output = run(&world, &["serve"], &[("HOOKSTREAM_SECRET_KEY_FILE", path)]).await;
    assert!(!output.status.success() && said(&output).contains("not both"), "{}", said(&output));
    fs::write(&file, format!("# the first\n{OLD}\n")).expect("a file can be written");
    assert_eq!(world.serve_with(settings).await.api().get("/readyz").await.status, 200);
}

async fn a_running_server_takes_its_key_file_up() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::empty(On::Sqlite).await;
    let settings: Settings<'_> = &[("HOOKSTREAM_SECRET_KEY", "")];
    let mut world = world;
    world.set(settings);
    world.open_account();
    let file: PathBuf = world.folder().join("secret.key");
    let first = fs::read_to_string(&file).expect("a key was made");
    let server = world.serve().await;
    let sink = Sink::start().await;
    let mut routes = Vec::new();
    for n in 0..25 {
        let name = format!("route-{n}");
        routes.push((route(&server, &name, &sink).await.0, name));
    }
    let output = run(&world, &["secrets", "rotate"], &[]).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("a server has the database open") && said(&output).contains("all 75 values"),
        "{}",
        said(&output)
    );
    let held = fs::read_to_string(&file).expect("the file is there");
    let keys: Vec<&str> = held.lines().collect();
    assert_eq!((keys.len(), keys[1]), (2, first.trim()));
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    // The same process goes on, with what it had and with what is new.
    works(&server, &routes[3].1, &routes[3].0, &sink).await;
    let (source, _) = route(&server, "later", &sink).await;
    works(&server, "later", &source, &sink).await;
    // Without the old key, which is taken away under the running server.
    fs::write(&file, format!("{}\n", keys[0])).expect("a file can be written");
    eventually(LIMIT, "the file is read again", async || {
        let said = server.log().matches("the key file has changed").count();
        (said == 2).then_some(())
    })
    .await;
    works(&server, "later", &source, &sink).await;
    assert!(!server.log().contains("is missing"), "{}", server.log());
    // And once more.
    let output = run(&world, &["secrets", "rotate"], &[]).await;
    assert!(output.status.success(), "{}", said(&output));
    server.kill();
    let newest = fs::read_to_string(&file).expect("the file is there").lines().next().expect("a key").to_owned();
    let server = world.serve_with(&[("HOOKSTREAM_SECRET_KEY", &newest)]).await;
    for (source, name) in &routes[..5] {
        works(&server, name, source, &sink).await;
    }
}

async fn nodes_seal_with_what_all_of_them_have(on: On) {
    let world = World::new(on).await;
    let both = format!("{NEW},{OLD}");
    let with_both: Settings<'_> = &[("HOOKSTREAM_SECRET_KEY", &both)];
    let (first, second) = (world.serve().await, world.serve().await);
    let sink = Sink::start().await;
    let (source, _) = route(&first, "before", &sink).await;

    // One after the other is started again with both; meanwhile each opens what the others seal.
    first.kill();
    let first = world.serve_with(with_both).await;
    let (meanwhile, _) = route(&first, "meanwhile", &sink).await;
    let refused = run(&world, &["secrets", "rotate"], with_both).await;
    assert!(!refused.status.success() && said(&refused).contains("do not have the key"), "{}", said(&refused));
    works(&second, "meanwhile", &meanwhile, &sink).await;
    assert_eq!(sealed_with(&world, OLD_ID).await, 6, "nothing is sealed with what one does not have");
    second.kill();
    let second = world.serve_with(with_both).await;

    let output = run(&world, &["secrets", "rotate"], with_both).await;
    assert!(output.status.success(), "{}", said(&output));
    eventually(LIMIT, "all is sealed anew", async || (sealed_with(&world, OLD_ID).await == 0).then_some(())).await;
    for server in [&first, &second] {
        works(server, "before", &source, &sink).await;
        works(server, "meanwhile", &meanwhile, &sink).await;
    }
    // New values go under the new key, wherever they are made, as soon as a node knows that all have it.
    for server in [&first, &second] {
        eventually(LIMIT, "the new key seals", async || {
            let log = server.log();
            let told = log.lines().any(|line| line.contains("it seals from now on") && line.contains(NEW_ID));
            told.then_some(())
        })
        .await;
    }
    let patch = json!({ "auth": { "type": "bearer", "token": "a-new-token" } });
    let destination = first.api().get("/v1/destinations").await.list()[0]["id"].as_str().expect("an id").to_owned();
    let changed: Value = second.api().patch(&format!("/v1/destinations/{destination}"), patch).await.expect(200);
    assert_eq!(changed["auth"]["type"], "bearer");
    assert_eq!(sealed_with(&world, OLD_ID).await, 0);
}
