//! One process of the server, from its start to its end.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use super::{Answer, Client, eventually};

/// A running server; dropping it kills it.
pub struct Server {
    child: Child,
    log: Log,
    base: String,
    client: Client,
}

type Log = Arc<Mutex<Vec<String>>>;

const START_LIMIT: Duration = Duration::from_secs(30);
/// How long until a process has heard of a change by way of another, on a busy machine.
const NEWS_LIMIT: Duration = Duration::from_secs(5);
/// Lines of the log that a failed test shows.
const SHOWN_LINES: usize = 40;

impl Server {
    /// Starts a process that serves, and waits until it does.
    pub(super) async fn start(command: Command) -> Self {
        match Self::try_start(command).await {
            Ok(server) => server,
            Err(log) => panic!("the server did not start:\n{log}"),
        }
    }

    /// The same, or what it said instead.
    pub(super) async fn try_start(mut command: Command) -> Result<Self, String> {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let log = Log::default();
        let stderr = BufReader::new(child.stderr.take().expect("it has one"));
        let (found, address) = mpsc::channel();
        std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in stderr.lines().map_while(Result::ok) {
                    if let Some(address) = address_in(&line) {
                        // Nobody waits for it any more when the start took too long.
                        let _ = found.send(address);
                    }
                    lock(&log).push(line);
                }
            }
        });
        // The sender goes away with the process.
        let address = tokio::task::spawn_blocking(move || address.recv_timeout(START_LIMIT)).await.expect("it returns");
        let base = format!("http://{}", address.as_deref().unwrap_or("nowhere"));
        let server = Self { child, log, client: Client::new(&base, ""), base };
        if address.is_err() { Err(server.log()) } else { Ok(server) }
    }

    pub fn with_key(mut self, key: &str) -> Self {
        self.client = self.client_with(key);
        self
    }

    /// A program with the world's first key.
    pub fn api(&self) -> &Client {
        &self.client
    }

    /// A program with another key.
    pub fn client_with(&self, key: &str) -> Client {
        Client::new(&self.base, key)
    }

    /// `127.0.0.1:<port>`
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    pub fn ingest_url(&self, source: &str) -> String {
        format!("{}/v1/ingest/{source}", self.base)
    }

    /// A request to a source, to be filled in and sent.
    pub fn ingest(&self, source: &str) -> reqwest::RequestBuilder {
        self.client.http().post(self.ingest_url(source))
    }

    /// Posts to a source.
    pub async fn post(&self, source: &str, body: impl Into<reqwest::Body>) -> Answer {
        Answer::of(self.ingest(source).body(body)).await
    }

    /// Posts to a source that takes it, and says the id of the event.
    pub async fn event(&self, source: &str, body: impl Into<reqwest::Body>) -> String {
        self.post(source, body).await.expect(200)["event_id"].as_str().expect("an id").to_owned()
    }

    /// Waits until this process has heard of a source and of where it leads, of which another may have been told: one event has
    /// taken the way then.
    pub async fn knows_the_way(&self, source: &str, body: impl Into<String>) {
        let body = body.into();
        eventually(NEWS_LIMIT, "it knows the way", async || {
            let answer = self.post(source, body.clone()).await;
            let id = (answer.status == 200).then(|| answer.json()["event_id"].as_str().map(str::to_owned))??;
            (!self.api().deliveries(&id).await.is_empty()).then_some(())
        })
        .await;
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        lock(&self.log).join("\n")
    }

    /// `kill -9`: it has no time for anything.
    pub fn kill(mut self) {
        self.kill_now();
    }

    /// Asks it to stop, as a service manager does, and waits until it has.
    ///
    /// # Panics
    /// When it takes longer than `limit`.
    pub async fn terminate(mut self, limit: Duration) -> ExitStatus {
        self.signal("TERM");
        eventually(limit, "the server stops", async || self.child.try_wait().expect("it can be waited for")).await
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "the server is gone already");
    }

    fn kill_now(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill_now();
        if std::thread::panicking() {
            let log = lock(&self.log);
            let shown = &log[log.len().saturating_sub(SHOWN_LINES)..];
            eprintln!("the end of the log of {}:\n{}", self.base, shown.join("\n"));
        }
    }
}

/// The address in the line that says that the server is ready.
fn address_in(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    if line["message"] != "hookstream is ready" {
        return None;
    }
    line["address"].as_str().map(str::to_owned)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
