//! `hookstream migrate`

use anyhow::Context;
use store::Store;

use crate::config::Config;

pub async fn run(config: &Config) -> anyhow::Result<()> {
    let store = Store::connect(&config.database()).await.context("the database cannot be opened")?;
    let steps = store.pending_migrations().await?;
    store.migrate().await.context("the database's schema cannot be brought up to date")?;
    store.close().await;
    println!("{steps} steps taken; the schema is up to date");
    Ok(())
}
