//! A `PgBouncer` of one test's own.

use std::{
    io::Write,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

use sqlx::{Connection, PgConnection};

use super::{
    cluster::{new_folder, unprivileged},
    eventually,
};

/// Stands before a PostgreSQL; dropping it ends it.
pub struct Bouncer {
    guard: Child,
    port: u16,
}

/// Whom a client's server belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMode {
    Session,
    Transaction,
}

/// Servers in transaction mode: fewer than the clients, so that they really share.
const SHARED_SERVERS: u32 = 6;
const START_LIMIT: Duration = Duration::from_secs(10);
/// Where Debian has it, which is not in everybody's `PATH`.
const PROGRAMS: [&str; 2] = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"];

/// Reads its settings from its input, and runs until that ends, however that comes about.
const GUARD: &str = r#"
program=$1; folder=$2
while read -r line && [ "$line" != end ]; do echo "$line"; done >"$folder/pgbouncer.ini"
"$program" "$folder/pgbouncer.ini" >"$folder/log" 2>&1 </dev/null &
read -r _
kill -KILL $!
wait $! 2>/dev/null
rm -rf "$folder"
"#;

impl Bouncer {
    /// Before the server that `url` names; `None` where `PgBouncer` is not installed and need not be.
    ///
    /// # Panics
    /// In CI, where it must be.
    pub async fn before(url: &str, mode: PoolMode) -> Option<Self> {
        let Some(program) = PROGRAMS.iter().map(PathBuf::from).find(|program| program.exists()) else {
            assert!(
                std::env::var_os("CI").is_none(),
                "PgBouncer must be installed; `cargo xtask test` does where it may"
            );
            println!("skipped: PgBouncer is not on this machine (Debian's package `pgbouncer`)");
            return None;
        };
        let rest = url.split_once('@').expect("the URL names a user").1;
        let (server, _) = rest.split_once('/').expect("the URL names a database");
        let (host, server_port) = server.rsplit_once(':').expect("the URL has a port");
        let port =
            TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a port is free").port();
        let (mode, servers) = match mode {
            PoolMode::Session => ("session", 100),
            PoolMode::Transaction => ("transaction", SHARED_SERVERS),
        };
        // Nothing that hookstream would ask for is set: it must do with what everybody has.
        let settings = format!(
            "[databases]\n* = host={host} port={server_port} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {servers}\n\
             max_client_conn = 500\nend\n"
        );
        let folder = new_folder();
        let mut guard = unprivileged("sh")
            .args(["-c", GUARD, "sh"])
            .arg(program)
            .arg(&folder)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell starts");
        guard.stdin.as_mut().expect("it has one").write_all(settings.as_bytes()).expect("the guard reads");
        let bouncer = Self { guard, port };
        let through = bouncer.url(url);
        eventually(START_LIMIT, "PgBouncer answers", async || {
            let options: sqlx::postgres::PgConnectOptions = through.parse().expect("a URL");
            PgConnection::connect_with(&options.extra_float_digits(None)).await.ok()
        })
        .await;
        Some(bouncer)
    }

    /// `url` by way of this one.
    pub fn url(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once('@').expect("the URL names a user");
        let (_, database) = rest.split_once('/').expect("the URL names a database");
        format!("{scheme}@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // At worst the guard still runs; it needs nothing more of us.
        let _ = self.guard.wait();
    }
}
