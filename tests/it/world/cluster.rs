//! A PostgreSQL of one test's own, that can be killed, started again, followed by a standby and promoted.

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    net::TcpListener,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use sqlx::{Connection, Executor, PgConnection, Row};

use super::eventually;

/// A cluster; dropping it stops it and removes its data. It has one superuser, `postgres`, who needs no password.
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    guard: Child,
    /// Each line starts the server once more; its end ends everything.
    starts: Option<ChildStdin>,
}

/// Over those of the file, `name=value`.
pub type ClusterSettings<'a> = &'a [&'a str];

const START_LIMIT: Duration = Duration::from_secs(30);
const PROMOTION_LIMIT: Duration = Duration::from_secs(15);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The system user that PostgreSQL runs as when we are root, which it refuses to be.
const UNPRIVILEGED: &str = "postgres";

/// Runs the server whenever it reads a line, until its own input ends. The pipe closes with the test's process however
/// that comes about, so that nothing is left behind, not even by Ctrl-C or a kill.
const GUARD: &str = r#"
postgres=$1; folder=$2; shift 2
server=
while read -r _; do
    "$postgres" -D "$folder/data" "$@" >>"$folder/log" 2>&1 </dev/null &
    server=$!
done
[ -n "$server" ] && kill -QUIT "$server" 2>/dev/null
wait
rm -rf "$folder"
"#;

impl Cluster {
    /// A new cluster that takes connections. It does not wait for its disk, which outlives what tests kill.
    pub async fn start(settings: ClusterSettings<'_>) -> Self {
        let (programs, folder) = (programs(), new_folder());
        let data = folder.join("data");
        run(unprivileged(programs.join("initdb"))
            .arg("--pgdata")
            .arg(data)
            .args("--username=postgres --auth=trust --encoding=UTF8 --no-locale --no-sync".split(' ')));
        Self::guarded(programs, folder, settings).await
    }

    /// Another cluster that follows this one as its standby `name`, to be named in `synchronous_standby_names`.
    pub async fn standby(&self, name: &str, settings: ClusterSettings<'_>) -> Self {
        let folder = new_folder();
        let source = format!("host=127.0.0.1 port={} user=postgres application_name={name}", self.port);
        run(unprivileged(self.programs.join("pg_basebackup"))
            .arg("--pgdata")
            .arg(folder.join("data"))
            .args(["--dbname", &source, "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf"])
            .arg("--no-sync"));
        Self::guarded(self.programs.clone(), folder, settings).await
    }

    async fn guarded(programs: PathBuf, folder: PathBuf, settings: ClusterSettings<'_>) -> Self {
        let port = free_port();
        let fixed = format!(
            "listen_addresses=127.0.0.1 unix_socket_directories= port={port} max_connections=100 fsync=off \
             full_page_writes=off wal_receiver_status_interval=1 wal_retrieve_retry_interval=100ms"
        );
        let mut guard = unprivileged("sh")
            .args(["-c", GUARD, "sh"])
            .arg(programs.join("postgres"))
            .arg(&folder)
            .args(fixed.split_whitespace().chain(settings.iter().copied()).flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::piped())
            // Ctrl-C reaches us alone; the guard learns of it by its input.
            .process_group(0)
            .spawn()
            .expect("a shell starts");
        let starts = guard.stdin.take();
        let mut cluster = Self { programs, folder, port, guard, starts };
        cluster.start_again().await;
        cluster
    }

    /// Starts it after it was killed or stopped, and waits until it answers.
    pub async fn start_again(&mut self) {
        let starts = self.starts.as_mut().expect("the guard runs");
        starts.write_all(b"start\n").and_then(|()| starts.flush()).expect("the guard reads");
        let start = Instant::now();
        while PgConnection::connect(&self.url()).await.is_err() {
            if start.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                panic!("PostgreSQL did not start; its log says:\n{log}");
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// `kill -9` of all its processes at once: the machine is gone.
    pub async fn kill(&self) {
        let postmaster = self.postmaster().expect("it runs");
        // Stopped first, so that it starts no other process meanwhile.
        signal("-STOP", &[postmaster]);
        let mut all = children_of(postmaster);
        all.push(postmaster);
        signal("-KILL", &all);
        self.is_gone(&all).await;
    }

    /// Stops it at once, without ending what it is at (`pg_ctl stop -m immediate`).
    pub async fn stop_immediately(&self) {
        let postmaster = self.postmaster().expect("it runs");
        signal("-QUIT", &[postmaster]);
        self.is_gone(&[postmaster]).await;
    }

    /// Stops it in order, without waiting for its clients (`pg_ctl stop -m fast`).
    pub async fn stop_in_order(&self) {
        let postmaster = self.postmaster().expect("it runs");
        signal("-INT", &[postmaster]);
        self.is_gone(&[postmaster]).await;
    }

    /// Makes a standby the primary, and waits until it is.
    pub async fn promote(&self) {
        let mut connection = PgConnection::connect(&self.url()).await.expect("the standby answers");
        connection.execute("SELECT pg_promote(false)").await.expect("it may be promoted");
        eventually(PROMOTION_LIMIT, "the standby is promoted", async || {
            let row = connection.fetch_one("SELECT pg_is_in_recovery()").await.expect("it answers");
            (!row.get::<bool, _>(0)).then_some(())
        })
        .await;
    }

    /// Runs a statement as its superuser.
    pub async fn execute(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.url()).await.expect("PostgreSQL answers");
        connection.execute(sqlx::AssertSqlSafe(sql.to_owned())).await.expect("PostgreSQL does it");
    }

    /// A whole number that a query says.
    pub async fn number(&self, sql: &str) -> i64 {
        let mut connection = PgConnection::connect(&self.url()).await.expect("PostgreSQL answers");
        connection.fetch_one(sqlx::AssertSqlSafe(sql.to_owned())).await.expect("an answer").get(0)
    }

    /// Of its database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address())
    }

    /// `127.0.0.1:<port>`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process that all its others come from, while there is one.
    fn postmaster(&self) -> Option<u32> {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()?;
        file.lines().next()?.parse().ok()
    }

    async fn is_gone(&self, processes: &[u32]) {
        eventually(START_LIMIT, "PostgreSQL is gone", async || {
            processes.iter().all(|process| parent_of(*process).is_none()).then_some(())
        })
        .await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.starts.take());
        // At worst the guard still runs; it needs nothing more of us.
        let _ = self.guard.wait();
    }
}

/// A port that the system gives to nobody by itself, so that it is still free when the server is started again.
fn free_port() -> u16 {
    const FIRST: u16 = 21_000;
    const COUNT: u16 = 10_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries that run side by side begin at different places.
    let own = u16::try_from(std::process::id() % u32::from(COUNT)).expect("it is below the number of ports");
    let tried = || (own + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT + FIRST;
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(tried).take(usize::from(COUNT)).find(is_free).expect("a port is free")
}

/// A folder that PostgreSQL's user may write to, and nobody else read.
pub(super) fn new_folder() -> PathBuf {
    run(unprivileged("mktemp").args(["-d", "-t", "hookstream-it-XXXXXX"])).trim().into()
}

/// The folder of PostgreSQL's programs. Debian keeps them apart by version and out of `PATH`; the newest is taken.
fn programs() -> PathBuf {
    let by_version = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        folder.join("initdb").exists().then_some((version, folder))
    });
    let in_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    by_version.max().map(|(_, folder)| folder).or_else(in_path).unwrap_or_else(|| {
        panic!("PostgreSQL's `initdb` must be on this machine; `cargo xtask test` installs it where it may")
    })
}

/// A command that runs as somebody else when we are root, in a folder which that user may enter.
pub(super) fn unprivileged(program: impl AsRef<OsStr>) -> Command {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", UNPRIVILEGED, "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/").stdin(Stdio::null());
    command
}

/// Runs it to its end, and says what it wrote.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Sends it to those that are still there.
fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string);
    let _ = Command::new("kill").arg(name).args(processes).stderr(Stdio::null()).status().expect("kill runs");
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("processes are listed").flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.filter(|process| parent_of(*process) == Some(parent)).collect()
}

/// The parent of a process that has not ended.
fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).ok()?;
    // `<pid> (<name, which may hold anything>) <state> <parent> …`
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}
