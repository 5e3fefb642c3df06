//! Several statements as one.

use sqlx::postgres::PgArguments;
use tokio::sync::Mutex;

use super::checkout::{Checkout, Outcome, Prepared};

/// A transaction. Dropping it rolls it back.
pub(crate) struct PostgresTransaction {
    checkout: Option<Mutex<Checkout>>,
    prepared: Prepared,
}

impl PostgresTransaction {
    pub(super) async fn begin(mut checkout: Checkout, prepared: Prepared) -> sqlx::Result<Self> {
        checkout.run("BEGIN".to_owned(), None, Prepared::Never).await?;
        Ok(Self { checkout: Some(Mutex::new(checkout)), prepared })
    }

    pub async fn run(&self, sql: String, arguments: Option<PgArguments>) -> sqlx::Result<Outcome> {
        let Some(checkout) = &self.checkout else { return Err(sqlx::Error::WorkerCrashed) };
        checkout.lock().await.run(sql, arguments, self.prepared).await
    }

    pub async fn commit(mut self) -> sqlx::Result<()> {
        end(self.checkout.take(), "COMMIT").await
    }

    pub async fn rollback(mut self) {
        // What cannot be rolled back in order ends with its connection.
        let _ = end(self.checkout.take(), "ROLLBACK").await;
    }
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        let checkout = self.checkout.take();
        if !checkout.as_ref().is_some_and(|checkout| checkout.try_lock().is_ok_and(|checkout| checkout.is_ready())) {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(end(checkout, "ROLLBACK"));
        }
    }
}

async fn end(checkout: Option<Mutex<Checkout>>, sql: &str) -> sqlx::Result<()> {
    let Some(checkout) = checkout else { return Ok(()) };
    let mut checkout = checkout.into_inner();
    checkout.run(sql.to_owned(), None, Prepared::Never).await?;
    checkout.give_back();
    Ok(())
}
