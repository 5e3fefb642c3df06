//! `hookstream listen`: what is forwarded, and what a server that restarts and a network that drops do to it.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

use super::Shell;
use crate::world::{On, Proxy, Reply, Sink, World, eventually};

on_both_databases!(
    events_are_forwarded_as_they_came,
    answers_are_noted_and_shown,
    nothing_is_missed_over_restarts_and_drops,
    what_came_since_a_time_is_forwarded,
    whoever_may_not_listen_is_told_so,
);

const PATIENCE: Duration = Duration::from_secs(40);

/// A running `listen` without a terminal; dropping it ends it.
struct Listening {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Listening {
    fn start(shell: &Shell<'_>, arguments: &[&str]) -> Self {
        let arguments: Vec<&str> = ["listen"].into_iter().chain(arguments.iter().copied()).collect();
        let mut command = shell.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = gathered(child.stdout.take().expect("it has one"));
        let said = gathered(child.stderr.take().expect("it has one"));
        Self { child, lines, said }
    }

    async fn says(&self, what: &str) {
        self.says_times(what, 1).await;
    }

    async fn says_times(&self, what: &str, times: usize) {
        eventually(PATIENCE, &format!("listen says {what:?} {times} times"), async || {
            let said = lock(&self.said);
            (said.iter().filter(|line| line.contains(what)).count() >= times).then_some(())
        })
        .await;
    }

    /// Waits until so many events were printed, and says the lines.
    async fn prints(&self, count: usize) -> Vec<String> {
        eventually(PATIENCE, &format!("{count} lines"), async || {
            Some(lock(&self.lines).clone()).filter(|lines| lines.len() >= count)
        })
        .await
    }

    async fn ends(&mut self) -> i32 {
        let ended = eventually(PATIENCE, "it ends", async || self.child.try_wait().expect("it can be waited for"));
        ended.await.code().expect("it ends by itself")
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("listen said:\n{}", lock(&self.said).join("\n"));
            eprintln!("and printed:\n{}", lock(&self.lines).join("\n"));
        }
    }
}

fn gathered(from: impl std::io::Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    std::thread::spawn({
        let lines = Arc::clone(&lines);
        move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                lock(&lines).push(line);
            }
        }
    });
    lines
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often each event came.
fn times(sink: &Sink) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for received in sink.received() {
        *times.entry(received.event_id()).or_default() += 1;
    }
    times
}

async fn events_are_forwarded_as_they_came(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let (shop, bank) = (server.api().source("Shop").await, server.api().source("Bank").await);
    let sink = Sink::start().await;
    let shell = Shell::new(&world, &server);
    let all = Listening::start(&shell, &[&sink.url(), "--output", "json"]);
    let elsewhere = Sink::start().await;
    let of_shop = Listening::start(&shell, &[&elsewhere.url(), "shop", "--path", "/hooks/shop"]);
    all.says("connected; waiting for events").await;
    of_shop.says("connected; waiting for events").await;

    let body: Vec<u8> = (0..=255).collect();
    let request = server.client_with("").http().put(format!("{}?a=1&b=%20x&a=2", server.ingest_url(&shop)));
    let sent = request.header("x-signature", "t=1,v1=abc").header("content-type", "application/octet-stream");
    let sent = sent.header("x-many", "one").header("x-many", "two").body(body.clone()).send().await.expect("an answer");
    let event = sent.json::<Value>().await.expect("JSON")["event_id"].as_str().expect("an id").to_owned();
    sink.receives(1).await;
    let got = sink.received().remove(0);
    let base = url::Url::parse(&sink.url()).expect("a URL");
    assert_eq!((got.method.as_str(), got.target.as_str()), ("PUT", format!("{}?a=1&b=%20x&a=2", base.path()).as_str()));
    assert_eq!((got.event_id(), &got.body), (event.clone(), &body));
    assert_eq!(got.header("x-signature"), Some("t=1,v1=abc"));
    assert_eq!(got.header("content-type"), Some("application/octet-stream"));
    assert_eq!(got.all("x-many"), ["one", "two"]);
    assert_eq!(
        got.header("host"),
        base.host_str().map(|host| format!("{host}:{}", base.port().expect("a port"))).as_deref()
    );
    elsewhere.receives(1).await;
    assert_eq!(elsewhere.received()[0].target, "/hooks/shop?a=1&b=%20x&a=2");

    let other = server.event(&bank, "{}").await;
    let lines = all.prints(2).await;
    let line: Value = serde_json::from_str(&lines[1]).expect("JSON");
    assert_eq!((&line["event_id"], &line["status"], &line["error"]), (&json!(other), &json!(200), &Value::Null));
    assert_eq!(times(&elsewhere), HashMap::from([(event, 1)]), "only of the shop");
}

async fn answers_are_noted_and_shown(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("shop").await;
    let reply = |status, text: &str| Reply::Full {
        status,
        headers: vec![("x-answer", "yes".to_owned())],
        body: text.as_bytes().to_vec(),
    };
    let sink = Sink::in_turn([reply(201, "thanks"), reply(500, "a\u{1b}[2Jb"), Reply::Reset]).await;
    let shell = Shell::new(&world, &server);
    let listening = Listening::start(&shell, &[&sink.url(), "--concurrency", "1"]);
    listening.says("connected").await;
    let mut events = Vec::new();
    for number in 0..3 {
        events.push(server.event(&source, json!({ "number": number }).to_string()).await);
        listening.prints(number + 1).await;
    }
    let lines = listening.prints(3).await;
    assert!(lines[0].contains(" → 201  ") && lines[0].ends_with(&events[0]), "{lines:?}");
    assert!(lines[1].contains(" → 500  "), "{lines:?}");
    assert!(lines[2].contains(&events[2]) && !lines[2].contains(" → 200"), "{lines:?}");

    let forwards = async |event: &str| {
        eventually(PATIENCE, "it is noted", async || {
            let list = server.api().get(&format!("/v1/events/{event}/forwards")).await.list();
            list.into_iter().next()
        })
        .await
    };
    let first = forwards(&events[0]).await;
    assert_eq!((&first["response_status"], &first["response_body"]), (&json!(201), &json!("thanks")));
    assert_eq!((&first["target"], &first["error"]), (&json!(sink.url()), &Value::Null));
    assert!(first["response_headers"].as_array().expect("headers").contains(&json!(["x-answer", "yes"])), "{first}");
    let last = forwards(&events[2]).await;
    assert_eq!((&last["response_status"], last["error"].is_string()), (&Value::Null, true), "{last}");
    // An event's deliveries have nothing to do with it.
    assert_eq!(server.api().event(&events[1]).await["status"], "received");

    let nobody = format!("evt_{:032x}", 7);
    let input = json!({ "listener": "x", "target": "http://x/", "started_at": "2026-01-01T00:00:00Z", "latency_ms": 1, "response_status": 200 });
    let api = server.api();
    api.post(&format!("/v1/events/{nobody}/forwards"), input.clone()).await.problem(404, "not_found");
    api.get(&format!("/v1/events/{nobody}/forwards")).await.problem(404, "not_found");
    let mut wrong = input.clone();
    wrong["response_status"] = json!(7);
    api.post(&format!("/v1/events/{}/forwards", events[0]), wrong).await.field_error("response_status");
    for _ in 0..25 {
        api.post(&format!("/v1/events/{}/forwards", events[1]), input.clone()).await.expect(201);
    }
    assert_eq!(api.get(&format!("/v1/events/{}/forwards", events[1])).await.list().len(), 20);
}

async fn nothing_is_missed_over_restarts_and_drops(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("shop").await;
    let sink = Sink::start().await;
    let before = |address: &str| format!("http://x@{address}/");
    let proxy = Proxy::before(&before(server.address())).await;
    let shell = Shell::at(&world, proxy.address());
    let listening = Listening::start(&shell, &[&sink.url()]);
    listening.says("connected; waiting for events").await;

    let comes = async |count: usize| {
        eventually(PATIENCE, &format!("{count} events come"), async || (sink.count() >= count).then_some(())).await;
    };
    let mut posted = Vec::new();
    posted.push(server.event(&source, "{}").await);
    comes(1).await;
    // The server is gone for a while, and then another process is there.
    assert!(server.terminate(PATIENCE).await.success());
    listening.says_times("the connection is lost", 1).await;
    let server = world.serve().await;
    for _ in 0..20 {
        posted.push(server.event(&source, "{}").await);
    }
    proxy.lead_to(&before(server.address()));
    listening.says_times("connected again", 1).await;
    comes(21).await;
    // The network is cut.
    proxy.cut();
    listening.says_times("the connection is lost", 2).await;
    for _ in 0..20 {
        posted.push(server.event(&source, "{}").await);
    }
    proxy.open();
    listening.says_times("connected again", 2).await;
    comes(41).await;
    // It has forgotten the connection, and says nothing; a machine that wakes up finds the same.
    proxy.lose_connections();
    posted.push(server.event(&source, "{}").await);
    listening.says_times("connected again", 3).await;
    comes(42).await;
    // The server is killed while events come.
    for _ in 0..10 {
        posted.push(server.event(&source, "{}").await);
    }
    server.kill();
    let server = world.serve().await;
    proxy.lead_to(&before(server.address()));
    for _ in 0..10 {
        posted.push(server.event(&source, "{}").await);
    }
    comes(62).await;

    listening.prints(62).await;
    let times = times(&sink);
    assert_eq!(times.len(), posted.len());
    for event in &posted {
        assert_eq!(times.get(event), Some(&1), "{event}");
    }
}

async fn what_came_since_a_time_is_forwarded(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("shop").await;
    let mut posted = Vec::new();
    for _ in 0..5 {
        posted.push(server.event(&source, "{}").await);
    }
    let sink = Sink::start().await;
    let shell = Shell::new(&world, &server);
    let listening = Listening::start(&shell, &[&sink.url(), "--since", "1h", "--concurrency", "1"]);
    listening.says("connected").await;
    posted.push(server.event(&source, "{}").await);
    sink.receives(6).await;
    let order: Vec<_> = sink.received().iter().map(crate::world::Received::event_id).collect();
    assert_eq!(order, posted, "in the order in which they came");
}

async fn whoever_may_not_listen_is_told_so(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("shop").await;
    let shell = Shell::new(&world, &server);
    let said = shell.with_key(&format!("hs_live_{}", "0".repeat(64))).run(&["listen", "9"]);
    assert!(said.code == 6 && said.err.contains("does not know this API key"), "{said:?}");
    let said = shell.run(&["listen", "9", "bank"]);
    assert!(said.code == 1 && said.err.contains("there is no source bank; sources: shop"), "{said:?}");
    let said = shell.run(&["listen", "a port"]);
    assert!(said.code == 1 && said.err.contains("is no port"), "{said:?}");
    let said = shell.run(&["listen", "9", "--since", "yesterday"]);
    assert!(said.code == 1 && said.err.contains("is no time"), "{said:?}");
    assert_eq!(shell.run(&["listen"]).code, 2);
    let said = Shell::at(&world, "127.0.0.1:9").run(&["listen", "9"]);
    assert!(said.code == 5 && said.err.contains("could not be reached"), "{said:?}");

    // A key that may only read forwards all the same, and says once that nothing is noted.
    let made = server.api().post("/v1/api-keys", json!({ "name": "reads", "scopes": ["read"] })).await.expect(201);
    let sink = Sink::start().await;
    let mut listening = Listening::start(&shell.with_key(made["key"].as_str().expect("a key")), &[&sink.url()]);
    listening.says("connected").await;
    for _ in 0..2 {
        server.event(&source, "{}").await;
    }
    sink.receives(2).await;
    listening.says("what came of it is not noted").await;
    // It ends when the key does.
    server.api().delete(&format!("/v1/api-keys/{}", made["id"].as_str().expect("an id"))).await;
    assert_eq!(listening.ends().await, 6);
}
