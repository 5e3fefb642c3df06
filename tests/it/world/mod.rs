//! What every test stands on.
//!
//! A [`World`] is a database with its first account; [`World::serve`] starts a server on it, and several servers may
//! share the world that is on PostgreSQL. A [`Client`] speaks to a server as a program with an API key does, a [`Sink`]
//! is a receiver that does as it is told, a [`Proxy`] stands between a server and PostgreSQL, and a [`Cluster`] is a
//! PostgreSQL of the test's own. [`Load`] posts without a pause, and [`reconcile`] compares what was acknowledged with
//! what is stored and what was received. All of them end with the test, whatever becomes of it.

mod bouncer;
mod client;
mod cluster;
mod database;
mod feed;
mod folder;
mod live;
mod load;
mod names;
pub mod pem;
mod person;
mod post_office;
mod proxy;
mod reconcile;
mod server;
pub mod signature;
mod sink;
mod terminal;
mod wait;

use std::process::{Output, Stdio};

use self::folder::Folder;
pub use self::{
    bouncer::{Bouncer, PoolMode},
    client::{Answer, Client, destination},
    cluster::Cluster,
    database::Database,
    feed::{CloseCode, Feed},
    folder::unique_name,
    live::{Live, path_of, sign_in},
    load::{Acknowledged, Digest, Entrance, Load, Post, Tally, digest},
    names::Names,
    person::{Person, shown_once},
    post_office::{Manners, PostOffice},
    proxy::Proxy,
    reconcile::{Books, assert_none_twice, reconcile},
    server::Server,
    sink::{Received, Reply, Sink},
    terminal::Terminal,
    wait::{eventually, within},
};

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

/// A database with its first account, and the folder of its servers.
pub struct World {
    database: Database,
    folder: Folder,
    /// Of all its commands, over the usual ones.
    settings: Vec<(String, String)>,
    /// What `hookstream bootstrap` has made.
    pub account: Account,
}

/// An organization with one project and a key that may do everything in it.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Account {
    pub org_id: String,
    pub env_id: String,
    pub api_key: String,
    pub password: Option<String>,
}

/// Environment variables, each over the one before.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

/// Where the servers of all tests say that they are reached.
pub const PUBLIC_URL: &str = "http://hooks.test";
const SECRET_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

impl World {
    /// A new database with its first account.
    pub async fn new(on: On) -> Self {
        Self::empty(on).await.with_account()
    }

    /// A new database without a schema, and a folder.
    pub async fn empty(on: On) -> Self {
        let folder = Folder::new();
        let database = Database::new(on, &folder).await;
        Self::without_account(database, folder)
    }

    /// A database of a PostgreSQL of the test's own, without a schema, and a folder.
    pub fn at(url: &str) -> Self {
        Self::without_account(Database::Own(url.to_owned()), Folder::new())
    }

    /// Settings of all commands from now on.
    pub fn set(&mut self, settings: Settings<'_>) {
        self.settings.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    }

    /// The same world with its first account.
    pub fn with_account(mut self) -> Self {
        self.open_account();
        self
    }

    /// Makes the first account.
    pub fn open_account(&mut self) {
        self.account = self.add_account("owner@example.com", "Acme");
    }

    fn without_account(database: Database, folder: Folder) -> Self {
        let nobody = String::new;
        let account = Account { org_id: nobody(), env_id: nobody(), api_key: nobody(), password: None };
        Self { database, folder, settings: Vec::new(), account }
    }

    /// Another account in an organization of its own. On SQLite no server may run meanwhile.
    pub fn add_account(&self, email: &str, org: &str) -> Account {
        let output = self.run(&["bootstrap", "--email", email, "--org", org, "--project", "production", "--add"], "");
        assert!(output.status.success(), "bootstrap failed: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("bootstrap prints JSON")
    }

    /// A server with the usual settings, ready to answer.
    pub async fn serve(&self) -> Server {
        self.serve_with(&[]).await
    }

    /// A server, ready to answer. An empty setting is an absent one.
    pub async fn serve_with(&self, settings: Settings<'_>) -> Server {
        self.serve_by(self.command(&["serve"], settings)).await
    }

    /// The same, or what the server said before it ended instead.
    pub async fn try_serve_with(&self, settings: Settings<'_>) -> Result<Server, String> {
        Ok(Server::try_start(self.command(&["serve"], settings)).await?.with_key(&self.account.api_key))
    }

    /// A server that this command starts, ready to answer.
    pub async fn serve_by(&self, command: std::process::Command) -> Server {
        Server::start(command).await.with_key(&self.account.api_key)
    }

    /// A server that asks these names, and no others. `None` where that is not permitted, which needs root.
    pub async fn serve_asking(&self, names: &Names, settings: Settings<'_>) -> Option<Server> {
        let served = self.command(&[], settings);
        let script = |then: &str| {
            let mut command = std::process::Command::new("unshare");
            let mount = format!("mount --bind \"$0\" /etc/resolv.conf && {then}");
            command.args(["--mount", "sh", "-c", &mount]).arg(names.settings()).arg(served.get_program());
            command.envs(served.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.current_dir(self.folder.path());
            command
        };
        if !script("true").output().is_ok_and(|output| output.status.success()) {
            println!("skipped: a process cannot be given names of its own here, which needs root");
            return None;
        }
        Some(self.serve_by(script("exec \"$1\" serve")).await)
    }

    /// Runs a command to its end, with `input` as its standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        self.run_with(arguments, &[], input)
    }

    pub fn run_with(&self, arguments: &[&str], settings: Settings<'_>, input: &str) -> Output {
        use std::io::Write;
        let mut command = self.command(arguments, settings);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server's binary starts");
        // A command that has ended already takes no input.
        let _ = child.stdin.take().expect("it has an input").write_all(input.as_bytes());
        child.wait_with_output().expect("it ends")
    }

    /// The server's binary with the world's settings, not yet started.
    pub fn command(&self, arguments: &[&str], settings: Settings<'_>) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hookstream"));
        // In a folder without a configuration file, and without the settings of whoever runs the tests.
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HOOKSTREAM_") {
                command.env_remove(name);
            }
        }
        command
            // Nor with what they have kept by signing in.
            .env("XDG_CONFIG_HOME", self.folder.path())
            .env("HOOKSTREAM_ADDR", "127.0.0.1:0")
            .env("HOOKSTREAM_PUBLIC_URL", PUBLIC_URL)
            .env("HOOKSTREAM_DATA_DIR", self.folder.path())
            .env("HOOKSTREAM_SECRET_KEY", SECRET_KEY)
            .env("HOOKSTREAM_ALLOW_TARGETS", "127.0.0.0/8")
            .env("HOOKSTREAM_SIGNUP", "open")
            .env("HOOKSTREAM_LOG", "info")
            // Tests ask as often as they like.
            .env("HOOKSTREAM_API_RATE", "off")
            .env("HOOKSTREAM_DATABASE_URL", self.database.url().unwrap_or_default())
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .envs(settings.iter().copied());
        command
    }

    /// The folder of the servers' data: with SQLite that of the database.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The database, past the server.
    pub fn database(&self) -> &Database {
        &self.database
    }
}
