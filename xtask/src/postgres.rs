//! A PostgreSQL cluster for one command alone, gone when that is.

use std::{
    fs,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{command, packages};

const START_LIMIT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
const CONNECTIONS: u32 = 200;
/// So many hold what a measurement of some seconds writes.
const SEGMENTS_USED: u32 = 32;

/// The system user that PostgreSQL runs as when we are root, which it refuses to be.
const UNPRIVILEGED: &str = "postgres";

/// Runs the server until its own input ends. The pipe closes with this process however that comes
/// about, so the cluster cannot be left behind, not even by Ctrl-C or a kill.
const GUARD: &str = r#"
postgres=$1; folder=$2; shift 2
"$postgres" -D "$folder/data" "$@" >"$folder/log" 2>&1 </dev/null &
read -r _
kill -INT $!
wait $!
rm -rf "$folder"
"#;

/// Whether commits wait for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// They do, as in production: for measuring.
    Synced,
    /// They do not: tests ask whether the right things are committed, not whether the disk keeps its word.
    Trusted,
}

/// A running cluster; dropping it stops it and removes its data.
pub struct Cluster {
    guard: Child,
    port: u16,
    programs: PathBuf,
    folder: PathBuf,
}

impl Cluster {
    pub fn start(disk: Disk) -> Result<Self> {
        Self::start_with(disk, &[])
    }

    /// With settings such as `work_mem=8MB` beside our own.
    pub fn start_with(disk: Disk, more: &[&str]) -> Result<Self> {
        let programs = find_or_install()?;
        let folder = command::output(unprivileged("mktemp").args(["-d", "-t", "hookstream-test-XXXXXX"]))?;
        let folder = PathBuf::from(folder.trim());
        command::output(unprivileged(programs.join("initdb")).arg(folder.join("data")).args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]))?;

        let port = free_port()?;
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            format!("max_connections={CONNECTIONS}"),
        ];
        if disk == Disk::Trusted {
            settings.extend(["fsync", "synchronous_commit", "full_page_writes"].map(|name| format!("{name}=off")));
        }
        settings.extend(more.iter().map(|setting| (*setting).to_owned()));

        let guard = unprivileged("sh")
            .args(["-c", GUARD, "sh"])
            .arg(programs.join("postgres"))
            .arg(&folder)
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::piped())
            // Ctrl-C reaches us alone; the guard learns of it by its input.
            .process_group(0)
            .spawn()
            .context("cannot start PostgreSQL")?;
        let cluster = Self { guard, port, programs, folder };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// A shell that ends at the first error and prints nothing but values.
    pub fn psql(&self) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        // Where statements are explained in the log, these are not among those that are asked about.
        psql.arg(self.url()).env("PGOPTIONS", "-c auto_explain.sample_rate=0");
        psql
    }

    /// Brings it to where one is that has been at work: a new cluster has to make each segment of its log, of 16 MiB of zeroes,
    /// and no commit ends meanwhile; later it uses the old ones again.
    pub fn use_log(&self) -> Result<()> {
        let mut psql = self.psql();
        psql.args(["-c", "CREATE TABLE used (at integer)"]);
        for _ in 0..SEGMENTS_USED {
            psql.args(["-c", "INSERT INTO used VALUES (1)", "-c", "SELECT pg_switch_wal()"]);
        }
        // At the second one the segments of before the first are free.
        command::output(psql.args(["-c", "DROP TABLE used", "-c", "CHECKPOINT", "-c", "CHECKPOINT"]))?;
        Ok(())
    }

    /// Of the process that all others of the cluster descend from.
    pub fn process_id(&self) -> Result<u32> {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid"))?;
        file.lines().next().and_then(|line| line.trim().parse().ok()).context("PostgreSQL has no process")
    }

    /// What the server has written about itself.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn wait_until_ready(&self) -> Result<()> {
        let start = Instant::now();
        let mut is_ready = Command::new(self.programs.join("pg_isready"));
        is_ready.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        while !command::succeeds(&mut is_ready) {
            if start.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.log()).unwrap_or_default();
                bail!("PostgreSQL did not start; its log says:\n{log}");
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // At worst the guard still runs; it needs nothing more of us.
        let _ = self.guard.wait();
    }
}

/// The folder of PostgreSQL's programs.
pub fn find_or_install() -> Result<PathBuf> {
    if let Some(folder) = find() {
        return Ok(folder);
    }
    packages::install(&["postgresql"])?;
    find().context("PostgreSQL was installed, but its programs `initdb` and `postgres` are not found")
}

/// Debian keeps them apart by version and out of `PATH`; the newest is taken.
fn find() -> Option<PathBuf> {
    let by_version = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = by_version
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            folder.join("initdb").exists().then_some((version, folder))
        })
        .max();
    match newest {
        Some((_, folder)) => Some(folder),
        None => Some(packages::find_program("initdb")?.parent()?.to_owned()),
    }
}

/// A command that runs as somebody else when we are root, in a folder which that user may enter.
fn unprivileged(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = if packages::is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", UNPRIVILEGED, "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}
