//! The server that is measured: an installation (a folder and a database of its own), and the processes that run on it.

use std::{
    fs::{self, File},
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{api::Api, load};
use crate::{
    command, packages,
    postgres::{Cluster, free_port},
};

const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
/// Lines of the server's log that are shown when something went wrong.
const LOG_LINES: usize = 20;

/// A folder and a database with a first account; dropping it removes the folder.
pub struct Installation {
    binary: PathBuf,
    folder: PathBuf,
    storage: Storage,
    /// The API key of the first project.
    key: String,
}

enum Storage {
    Sqlite,
    Postgres(Cluster),
}

impl Installation {
    /// On SQLite, or on a new cluster.
    pub fn make(binary: &Path, cluster: Option<Cluster>) -> Result<Self> {
        let folder = command::output(Command::new("mktemp").args(["-d", "-t", "hookstream-bench-XXXXXX"]))?;
        let storage = cluster.map_or(Storage::Sqlite, Storage::Postgres);
        let folder = PathBuf::from(folder.trim());
        let mut installation = Self { binary: binary.to_owned(), folder, storage, key: String::new() };
        installation.key = installation.bootstrap(&["--email", "bench@example.com", "--org", "Bench"])?;
        load::write_script(&installation.script())?;
        Ok(installation)
    }

    /// A project of another organization: its API key. No process may be running.
    pub fn another_project(&self) -> Result<String> {
        self.bootstrap(&["--email", "other@example.com", "--org", "Other", "--add"])
    }

    fn bootstrap(&self, arguments: &[&str]) -> Result<String> {
        let mut hookstream = self.hookstream("bootstrap", SocketAddr::from(([127, 0, 0, 1], 0)));
        let made: Value = serde_json::from_str(&command::output(hookstream.args(arguments))?)?;
        Ok(made["api_key"].as_str().context("bootstrap made no key")?.to_owned())
    }

    fn hookstream(&self, subcommand: &str, address: SocketAddr) -> Command {
        let mut process = Command::new(&self.binary);
        process
            .arg(subcommand)
            .current_dir(&self.folder)
            .env("HOOKSTREAM_DATA_DIR", &self.folder)
            .env("HOOKSTREAM_ADDR", address.to_string())
            .env("HOOKSTREAM_ALLOW_TARGETS", "127.0.0.0/8")
            .env("HOOKSTREAM_LOG", "warn")
            .env("HOOKSTREAM_API_RATE", "off")
            .env("HOOKSTREAM_SECRET_KEY", "5e".repeat(32))
            .stdin(Stdio::null());
        if let Storage::Postgres(cluster) = &self.storage {
            process.env("HOOKSTREAM_DATABASE_URL", cluster.url());
        }
        process
    }

    /// Starts a process; on SQLite there can be one at a time.
    pub fn start(&self) -> Result<Node> {
        self.start_logging("warn")
    }

    /// The same with what it is to log.
    pub fn start_logging(&self, logged: &str) -> Result<Node> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let log = self.folder.join(format!("log-{}", address.port()));
        let process = self
            .hookstream("serve", address)
            .env("HOOKSTREAM_LOG", logged)
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("the server cannot be started")?;
        let node = Node { process, address, log, api: Api::new(address, &self.key) };
        let start = Instant::now();
        while !node.api.is_ready() {
            if start.elapsed() > START_LIMIT {
                bail!("the server did not become ready{}", node.said());
            }
            thread::sleep(POLL);
        }
        Ok(node)
    }

    /// The script by which `wrk` posts.
    pub fn script(&self) -> PathBuf {
        self.folder.join("post.lua")
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.storage, Storage::Postgres(_))
    }

    /// The process of PostgreSQL that all its others descend from; none on SQLite.
    pub fn postmaster(&self) -> Result<Option<u32>> {
        match &self.storage {
            Storage::Postgres(cluster) => cluster.process_id().map(Some),
            Storage::Sqlite => Ok(None),
        }
    }

    /// Runs statements by the database's own shell, and returns what they print.
    pub fn sql(&self, script: &str) -> Result<String> {
        let mut shell = match &self.storage {
            Storage::Postgres(cluster) => cluster.psql(),
            Storage::Sqlite => {
                if packages::find_program("sqlite3").is_none() {
                    packages::install(&["sqlite3"])?;
                }
                let mut sqlite = Command::new("sqlite3");
                sqlite.args(["-batch", "-bail", "-cmd", ".timeout 5000"]).arg(self.folder.join("hookstream.db"));
                sqlite
            }
        };
        // By way of a file: a shell that answers before it has read everything would wait for us, and we for it.
        let file = self.folder.join("script.sql");
        File::create(&file)?.write_all(script.as_bytes())?;
        let said = command::output(shell.stdin(File::open(&file)?))?;
        Ok(said.trim().to_owned())
    }

    /// What the database takes up on the disk. On SQLite the log is folded in first, so no process may be running.
    pub fn bytes_on_disk(&self) -> Result<u64> {
        match &self.storage {
            Storage::Postgres(_) => {
                Ok(self.sql("CHECKPOINT; SELECT pg_database_size(current_database());")?.parse()?)
            }
            Storage::Sqlite => {
                self.sql("PRAGMA wal_checkpoint(TRUNCATE);")?;
                // What was filled in without waiting for the disk is not to be waited for by what is measured next.
                let database = fs::File::open(self.folder.join("hookstream.db"))?;
                database.sync_all()?;
                Ok(database.metadata()?.len())
            }
        }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        // What is left of it lies in the system's temporary folder.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A running process; dropping it kills it.
pub struct Node {
    process: Child,
    address: SocketAddr,
    log: PathBuf,
    api: Api,
}

impl Node {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The API with the key of the first project.
    pub fn api(&self) -> &Api {
        &self.api
    }

    pub fn log(&self) -> &Path {
        &self.log
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as an operator would.
    pub fn stop(mut self) -> Result<()> {
        command::run(Command::new("kill").args(["-TERM", &self.process.id().to_string()]))?;
        let start = Instant::now();
        while self.process.try_wait()?.is_none() {
            if start.elapsed() > STOP_LIMIT {
                bail!("the server did not stop{}", self.said());
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// The end of its log, to be added to an error.
    pub fn said(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        if lines.is_empty() {
            return String::new();
        }
        format!("; its log ends with\n{}", lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
