//! The database of one test, and a look into it past the server.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{Connection, Executor, PgConnection, Row, SqliteConnection};

use super::{
    On,
    folder::{Folder, unique_name},
};

pub enum Database {
    /// The file that the server makes in its folder.
    Sqlite(PathBuf),
    /// Dropped with the test.
    Postgres { admin: String, name: String },
    /// Of a cluster that ends with the test: its URL.
    Own(String),
}

/// Says where PostgreSQL is; `cargo xtask test` sets it.
const VARIABLE: &str = "HOOKSTREAM_TEST_POSTGRES_URL";

impl Database {
    pub(super) async fn new(on: On, folder: &Folder) -> Self {
        match on {
            On::Sqlite => Self::Sqlite(folder.path().join("hookstream.db")),
            On::Postgres => {
                let Ok(admin) = std::env::var(VARIABLE) else {
                    panic!("{VARIABLE} must name a PostgreSQL to test on; `cargo xtask test` starts one and sets it")
                };
                let name = unique_name();
                let mut connection = PgConnection::connect(&admin).await.expect("PostgreSQL answers");
                // Of an earlier run that was killed, and whose process had the same number.
                run(&mut connection, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
                run(&mut connection, &format!("CREATE DATABASE {name}")).await;
                Self::Postgres { admin, name }
            }
        }
    }

    /// What the server is to be told; SQLite's is its default.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres { admin, name } => {
                let (server, _) = admin.rsplit_once('/').expect("the URL names a database");
                Some(format!("{server}/{name}"))
            }
            Self::Own(url) => Some(url.clone()),
        }
    }

    /// Everything that is stored, in one piece, to look for what must not be there.
    pub async fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Sqlite(file) => everything_in(file.parent().expect("a folder")),
            Self::Postgres { .. } | Self::Own(_) => self.rows().await.join("\n").into_bytes(),
        }
    }

    /// Every row of every table as text; binary columns in hexadecimal digits.
    async fn rows(&self) -> Vec<String> {
        let mut connection = self.connect_postgres().await;
        let tables = sqlx::query("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'");
        let tables = tables.fetch_all(&mut connection).await.expect("the tables are listed");
        let mut rows = Vec::new();
        for table in tables {
            let sql = format!("SELECT t::text FROM {} t", table.get::<String, _>(0));
            let found = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.expect("rows");
            rows.extend(found.iter().map(|row| row.get::<String, _>(0)));
        }
        rows
    }

    /// Whole numbers, one a row.
    pub async fn numbers(&self, sql: &str) -> Vec<i64> {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(_) => {
                let rows = sqlx::query(sql).fetch_all(&mut self.connect_sqlite().await).await.expect("an answer");
                rows.iter().map(|row| row.get(0)).collect()
            }
            Self::Postgres { .. } | Self::Own(_) => {
                let rows = sqlx::query(sql).fetch_all(&mut self.connect_postgres().await).await.expect("an answer");
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// Changes the database behind the server's back.
    pub async fn execute(&self, sql: &str) {
        match self {
            Self::Sqlite(_) => {
                let done = self.connect_sqlite().await.execute(sqlx::AssertSqlSafe(sql.to_owned())).await;
                done.expect("SQLite does it");
            }
            Self::Postgres { .. } | Self::Own(_) => run(&mut self.connect_postgres().await, sql).await,
        }
    }

    /// Keeps SQLite's write lock for a while, as another program or a slow disk would. Returns whether it could be had.
    pub async fn keep_locked(&self, time: Duration) -> bool {
        let mut connection = self.connect_sqlite().await;
        if connection.execute("BEGIN IMMEDIATE").await.is_err() {
            return false;
        }
        tokio::time::sleep(time).await;
        connection.execute("ROLLBACK").await.expect("the transaction ends");
        true
    }

    async fn connect_sqlite(&self) -> SqliteConnection {
        let Self::Sqlite(file) = self else { unreachable!("asked of SQLite alone") };
        SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.expect("the file opens")
    }

    /// A connection of the test's own, to PostgreSQL.
    pub async fn connect_postgres(&self) -> PgConnection {
        let url = self.url().expect("asked of PostgreSQL alone");
        PgConnection::connect(&url).await.expect("PostgreSQL answers")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Self::Postgres { admin, name } = self else { return };
        let (admin, sql) = (admin.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // The test's own runtime cannot be waited for in here.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                PgConnection::connect(&admin).await?.execute(sqlx::AssertSqlSafe(sql)).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        if let Ok(Err(error)) = dropping.join() {
            eprintln!("a test's database could not be dropped: {error}");
        }
    }
}

async fn run(connection: &mut PgConnection, sql: &str) {
    connection.execute(sqlx::AssertSqlSafe(sql.to_owned())).await.expect("PostgreSQL does it");
}

fn everything_in(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).expect("the folder is there").flatten();
    files.filter_map(|file| std::fs::read(file.path()).ok()).flatten().collect()
}
