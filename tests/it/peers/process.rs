//! A program that a test starts on a free port, and that ends with the tests however they end.

use std::{
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::world::{eventually, unique_name};

/// A running program; it ends when this is dropped, or with the process that tests run in.
pub struct Program {
    guard: Child,
    folder: PathBuf,
}

const START_LIMIT: Duration = Duration::from_mins(1);

/// Runs a program until its own input ends. The pipe closes with the tests' process, so nothing is left behind. What the
/// program has started besides is named in files that end in `.pid`.
const GUARD: &str = r#"
folder=$1; shift
"$@" >"$folder/log" 2>&1 </dev/null &
read -r _
for pid in $! $(cat "$folder"/*.pid 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
wait
rm -rf "$folder"
"#;

impl Program {
    /// A folder for its files.
    pub fn folder() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("{}_peer", unique_name()));
        std::fs::create_dir(&folder).expect("a folder can be made");
        folder
    }

    /// Starts a program, and waits until it answers at `url`, whatever it answers.
    pub async fn start(command: &Command, folder: PathBuf, url: &str) -> Self {
        let program = Self::spawn(command, folder);
        let http = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true).build().expect("a client");
        let started = tokio::time::timeout(START_LIMIT, async {
            while http.get(url).send().await.is_err_and(|error| !is_refused_by_tls(&error)) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        assert!(started.await.is_ok(), "{command:?} did not start:\n{}", program.log());
        program
    }

    /// Starts a program that is waited for otherwise.
    pub fn spawn(command: &Command, folder: PathBuf) -> Self {
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "sh"]).arg(&folder).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                guard.env(name, value);
            }
        }
        if let Some(place) = command.get_current_dir() {
            guard.current_dir(place);
        }
        let guard = guard.stdin(Stdio::piped()).process_group(0).spawn().expect("a shell starts");
        Self { guard, folder }
    }

    /// Waits until something takes connections at the port.
    pub async fn listens(&self, port: u16) {
        eventually(START_LIMIT, "the program takes connections", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
    }

    pub fn place(&self) -> &Path {
        &self.folder
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // At worst the guard still runs; it needs nothing more of us.
        let _ = self.guard.wait();
    }
}

/// Something is there, and wants a certificate.
fn is_refused_by_tls(error: &reqwest::Error) -> bool {
    let text = format!("{error:?}");
    text.contains("CertificateRequired") || text.contains("certificate required") || text.contains("HandshakeFailure")
}

pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a port is free").port()
}

/// Where the programs are installed that tests talk to.
///
/// # Panics
/// Says how to get them where they are not.
pub fn installed() -> PathBuf {
    let folder = std::env::var_os("HOOKSTREAM_TEST_PEERS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"), PathBuf::from);
    assert!(
        folder.join("python/bin/python").exists() && folder.join("node/node_modules").exists(),
        "the programs that destinations are tested with are not in {}: `cargo xtask peers` installs them",
        folder.display()
    );
    folder
}

/// One of our own Python programs.
pub fn python(name: &str) -> Command {
    let mut command = Command::new(installed().join("python/bin/python"));
    command.arg(own(name));
    command
}

/// One of our own programs.
pub fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/peers/programs").join(name)
}
