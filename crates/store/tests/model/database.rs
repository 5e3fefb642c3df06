//! A database for one test, gone with it.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection};
use store::{Options, Store};

/// Says where PostgreSQL is; `cargo xtask test` sets it.
const VARIABLE: &str = "HOOKSTREAM_TEST_POSTGRES_URL";

pub enum Database {
    Sqlite { folder: PathBuf },
    Postgres { admin: String, name: String },
}

impl Database {
    pub fn sqlite() -> Self {
        Self::Sqlite { folder: std::env::temp_dir().join(unique_name()) }
    }

    pub async fn postgres() -> Self {
        let Ok(admin) = std::env::var(VARIABLE) else {
            panic!("{VARIABLE} must name a PostgreSQL to test on; `cargo xtask test` starts one and sets it")
        };
        let name = unique_name();
        // One of that name may be left of an earlier run that was killed, and whose process had the same number.
        run(&admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.expect("PostgreSQL does it");
        run(&admin, &format!("CREATE DATABASE {name}")).await.expect("PostgreSQL does it");
        Self::Postgres { admin, name }
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite { folder } => format!("sqlite:{}", folder.join("model.db").display()),
            Self::Postgres { admin, name } => {
                let (server, _) = admin.rsplit_once('/').expect("the URL names a database");
                format!("{server}/{name}")
            }
        }
    }

    pub async fn store(&self) -> Store {
        let store = Store::connect(&Options { url: self.url(), max_connections: 4, ..Options::default() })
            .await
            .expect("opens");
        store.migrate().await.expect("migrates");
        store
    }

    /// A connection that looks past the store.
    pub async fn look(&self) -> DatabaseConnection {
        let url = match self {
            Self::Sqlite { folder } => format!("sqlite://{}", folder.join("model.db").display()),
            Self::Postgres { .. } => self.url(),
        };
        connect(&url).await.expect("opens")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match self {
            Self::Sqlite { folder } => {
                let _ = std::fs::remove_dir_all(folder);
            }
            Self::Postgres { admin, name } => {
                let (admin, sql) = (admin.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                // The test's own runtime cannot be waited for in here.
                let dropping = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    runtime.expect("a runtime").block_on(run(&admin, &sql))
                });
                if let Ok(Err(error)) = dropping.join() {
                    eprintln!("a test's database could not be dropped: {error}");
                }
            }
        }
    }
}

async fn connect(url: &str) -> Result<DatabaseConnection, sea_orm::DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await
}

async fn run(url: &str, sql: &str) -> Result<(), sea_orm::DbErr> {
    let connection = connect(url).await?;
    connection.execute_unprepared(sql).await?;
    connection.close().await
}

fn unique_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("hookstream_model_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
