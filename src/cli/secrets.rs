//! `hookstream secrets`: the keys that stored secrets are sealed with.
//!
//! The work itself is the same wherever it is done, and may be done by several at once: this process does it on PostgreSQL,
//! and on an SQLite file that nobody has open. An SQLite file that a server has open is the server's; it sees that its key
//! file has changed, does the work, and this process watches.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use gateway::secrets::{
    Keys, Vault,
    rotation::{self, Census, describe_missing},
};
use store::{Store, StoreError};

use crate::config::{Config, SecretKeys, put_first};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Say which keys there are, and how many stored values each has sealed
    Status,
    /// Seal everything that is stored with a new key, while servers run. What was broken off goes on
    Rotate,
}

/// How long servers may take to read a changed key file and say so.
const NOTICE: Duration = Duration::from_secs(20);
/// How long a server may take for its next piece of the work.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(500);

pub async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let secret = config.secret_keys()?;
    match command {
        Command::Status => status(config, &secret).await,
        Command::Rotate => rotate(config, secret).await,
    }
}

async fn status(config: &Config, secret: &SecretKeys) -> anyhow::Result<()> {
    let store = Store::look(&config.database()).await.context("the database cannot be opened")?;
    let census = Census::take(&store).await?;
    let ids = secret.keys.ids();
    for (place, id) in ids.iter().enumerate() {
        let count = census.of(id);
        let role = if place == 0 { "seals and opens" } else { "opens" };
        let rotation::Count { sources, destinations, people } = count;
        println!("{id}  {role}  {sources} of sources, {destinations} of destinations, {people} of people");
    }
    let missing = census.missing(&ids);
    for (id, count) in &missing {
        println!("{}", describe_missing(id, *count));
    }
    store.close().await;
    if missing.is_empty() { Ok(()) } else { bail!("{} secret keys are missing", missing.len()) }
}

async fn rotate(config: &Config, secret: SecretKeys) -> anyhow::Result<()> {
    let store = Store::look(&config.database()).await.context("the database cannot be opened")?;
    let before = Census::take(&store).await?;
    if let Some((id, count)) = before.missing(&secret.keys.ids()).first() {
        bail!("{}", describe_missing(id, *count));
    }
    let Some(secret) = with_new_key(secret, &before)? else { return Ok(()) };
    let ids = secret.keys.ids();
    wait_for_nodes(&store, &ids[0]).await?;
    let work = Work { total: before.total(), begun: Instant::now() };
    let done = match own_store(config).await? {
        Some(own) => {
            let done = work.here(&own, secret.keys.clone()).await;
            own.close().await;
            done
        }
        None => work.watch(&store, &ids[0]).await,
    };
    done?;
    let after = Census::take(&store).await?;
    store.close().await;
    let left = after.total() - after.of(&ids[0]).total();
    if left > 0 {
        bail!("{left} of {} values are not sealed with {}; run this again", after.total(), ids[0]);
    }
    println!("all {} values are sealed with {}", after.total(), ids[0]);
    let place = match &secret.file {
        Some(file) => file.display().to_string(),
        None => "HOOKSTREAM_SECRET_KEY".to_owned(),
    };
    println!(
        "{} can be removed from {place}, once every process has {}. Backups made before now need the old key: keep it with them",
        ids[1..].join(", "),
        ids[0]
    );
    Ok(())
}

/// The keys with a new one first. Where one is first already that has not sealed everything, it is that one; where nothing is
/// left to be done, none.
fn with_new_key(secret: SecretKeys, census: &Census) -> anyhow::Result<Option<SecretKeys>> {
    let ids = secret.keys.ids();
    let is_under_way = ids.len() > 1 && census.of(&ids[0]).total() < census.total();
    if is_under_way {
        println!("{} is the new key", ids[0]);
        return Ok(Some(secret));
    }
    let Some(file) = &secret.file else {
        if ids.len() > 1 {
            println!("all {} values are sealed with {} already", census.total(), ids[0]);
            return Ok(None);
        }
        bail!(
            "HOOKSTREAM_SECRET_KEY holds one key. Give every process a new one before it, \
             HOOKSTREAM_SECRET_KEY=<new>,<old> (`openssl rand -hex 32` makes one), and run this again with the same"
        );
    };
    put_first(file, &Vault::generate_key())?;
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let keys = Keys::parse(&text).with_context(|| format!("{} is not valid", file.display()))?;
    println!("made the key {}; it stands first in {}", keys.ids()[0], file.display());
    Ok(Some(SecretKeys { keys, ..secret }))
}

/// Every process that runs has to open what is sealed with the new key.
async fn wait_for_nodes(store: &Store, key: &str) -> anyhow::Result<()> {
    if !store.is_shared() {
        return Ok(());
    }
    let begun = Instant::now();
    loop {
        let nodes = store.secret_keys_of_nodes().await?;
        let without = nodes.iter().filter(|ids| ids.iter().all(|id| id != key)).count();
        if without == 0 {
            return Ok(());
        }
        if begun.elapsed() > NOTICE {
            bail!(
                "{without} of {} running processes do not have the key {key}: give it to each of them, before or behind \
                 the old one, and run this again. Nothing was sealed with it",
                nodes.len()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The database to write to, unless a server has it for itself.
async fn own_store(config: &Config) -> anyhow::Result<Option<Store>> {
    match Store::connect(&config.database()).await {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::InUse(_)) => Ok(None),
        Err(error) => Err(error).context("the database cannot be opened"),
    }
}

struct Work {
    total: usize,
    begun: Instant,
}

impl Work {
    async fn here(&self, store: &Store, keys: Keys) -> anyhow::Result<()> {
        let vault = Vault::new(keys);
        let key = vault.sealing_id();
        let mut told = Instant::now();
        let done = rotation::reseal(store, &vault, |done| {
            if told.elapsed() > LOOK {
                told = Instant::now();
                println!("{} sources, destinations and second factors are sealed with {key}", done.rows);
            }
            true
        })
        .await?;
        if done.unreadable > 0 {
            bail!("{} sources, destinations or second factors hold secrets that no key opens", done.unreadable);
        }
        Ok(())
    }

    /// Tells how far the server is that has the file, until it is done.
    async fn watch(&self, store: &Store, key: &str) -> anyhow::Result<()> {
        println!("a server has the database open, and does it");
        let (mut last, mut moved) = (usize::MAX, self.begun);
        loop {
            let census = Census::take(store).await?;
            let left = census.total() - census.of(key).total();
            if left == 0 {
                return Ok(());
            }
            if left != last {
                (last, moved) = (left, Instant::now());
                println!(
                    "{} of {} values are sealed with {key}",
                    census.total() - left,
                    self.total.max(census.total())
                );
            }
            if moved.elapsed() > PATIENCE {
                bail!(
                    "the running server does not seal with {key}: it was started with other keys. Start it again with \
                     these, and it goes on by itself"
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
