//! The gateway: what happens to a webhook, and what people and programs can do about it.
//!
//! # The life of a webhook
//!
//! [`pipeline::ingest`] verifies a request against its source. [`pipeline::route`] plans a delivery for each connection
//! of the source, as a pure function. The store's writer commits the event and its deliveries together with others'
//! (one fsync for many), and only then is the sender answered. [`worker`] hands each delivery to
//! [`pipeline::deliver`], the only place that sends anything out, one lane for each destination. Its outcome goes
//! through [`pipeline::record`], a pure verdict, and back into the store. A retry is a row whose time has come: nothing
//! calls backwards.
//!
//! [`jobs`] do what has to be done from time to time, each on one node at a time.
//!
//! [`manage`] holds the use cases of the dashboard and the API, and checks there who may do what. [`registry`] keeps
//! the configuration at hand, so that none of the above asks the database for it.

pub mod auth;
pub mod circuits;
pub mod clock;
pub mod content;
pub mod destinations;
mod event_types;
pub mod event_view;
pub mod filter;
mod health;
pub mod http_client;
pub mod hub;
mod infer;
mod jobs;
pub mod mail;
pub mod manage;
pub mod oidc;
pub mod pipeline;
pub mod providers;
pub mod registry;
mod rejections;
mod route_counts;
pub mod rules;
pub mod schema;
pub mod secrets;
mod seen_fields;
pub mod streams;
pub mod transform;
pub mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use store::{Store, StoreError, quota::Quota, writer::Writer};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    circuits::Circuits,
    event_types::EventTypes,
    health::Health,
    http_client::HttpClient,
    hub::Hub,
    mail::Mailer,
    pipeline::ingest::BodyRoom,
    registry::Registry,
    rejections::Rejections,
    route_counts::RouteCounts,
    secrets::{Vault, follow::Follower},
    streams::Streams,
    worker::Workers,
};

/// How the gateway is set up.
pub struct Settings {
    /// Where providers and people reach this server: `https://hooks.example.com`, without a slash at the end.
    pub public_url: String,
    /// The keys that open stored secrets, the first one to seal.
    pub secret_keys: secrets::Keys,
    /// Where they were read, to be read again when it changes.
    pub secret_key_file: Option<std::path::PathBuf>,
    /// Networks that deliveries may reach although they are not public.
    pub allow_targets: Vec<ipnet::IpNet>,
    pub signup: SignupPolicy,
    /// How letters are sent, where they can be.
    pub mail: Option<mail::Settings>,
    /// The provider that people can sign in with.
    pub oidc: Option<oidc::Settings>,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignupPolicy {
    /// Anybody.
    Open,
    /// Only who was invited.
    Invite,
    Closed,
    /// Anybody until there is a first account, then only who was invited.
    FirstOnly,
}

/// The running gateway. Clones share it.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    store: Store,
    vault: Arc<Vault>,
    registry: Registry,
    circuits: Circuits,
    health: Arc<Health>,
    workers: Workers,
    client: HttpClient,
    hub: Hub,
    mail: Mailer,
    oidc: Option<oidc::Provider>,
    streams: Streams,
    wrong_codes: manage::devices::WrongCodes,
    stop: CancellationToken,
    tasks: TaskTracker,
    writers: tokio::sync::Mutex<tokio::task::JoinSet<()>>,
    activity: tokio::sync::broadcast::Sender<manage::Activity>,
    /// Memory for bodies that are being received.
    bodies: Arc<Quota>,
    rejections: Rejections,
    event_types: Arc<EventTypes>,
    route_counts: Arc<RouteCounts>,
    /// How many nodes there are.
    nodes: Arc<AtomicU32>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the HTTP client could not be made: {0}")]
    Client(#[from] reqwest::Error),
}

impl Gateway {
    /// Reads the configuration, joins the other nodes, takes over what was left, and starts the workers.
    pub async fn start(store: Store, settings: Settings) -> Result<Self, StartError> {
        let vault = Arc::new(Vault::new(settings.secret_keys.clone()));
        let registry = Registry::load(store.clone(), Arc::clone(&vault)).await?;
        let circuits = Circuits::load(store.clone()).await?;
        let health = Arc::new(Health::default());
        let client = HttpClient::new(settings.allow_targets.clone())?;
        let node = clock::node_number();
        let (writer, writers): (Writer, _) = Writer::start(&store, node);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let hub = Hub::new(store.clone(), registry.clone(), node);
        tasks.spawn(hub.clone().follow(stop.clone()));
        let route_counts = Arc::new(RouteCounts::default());
        let workers = Workers::start(worker::Parts {
            store: store.clone(),
            registry: registry.clone(),
            circuits: circuits.clone(),
            health: Arc::clone(&health),
            client: client.clone(),
            hub: hub.clone(),
            counts: Arc::clone(&route_counts),
            writer,
            node,
            stop: stop.clone(),
            tasks: tasks.clone(),
        })
        .await?;
        let keys = Follower {
            store: store.clone(),
            vault: Arc::clone(&vault),
            registry: registry.clone(),
            node,
            file: settings.secret_key_file.clone(),
        };
        keys.agree().await?;
        keys.tell_missing().await?;
        tasks.spawn(keys.follow(stop.clone()));
        let signals = store.signals().clone();
        tasks.spawn({
            let stop = stop.clone();
            async move {
                tokio::select! { () = signals.run() => {}, () = stop.cancelled() => {} }
            }
        });
        tasks.spawn({
            let (store, stop) = (store.clone(), stop.clone());
            async move {
                tokio::select! { () = store.keep_log_short() => {}, () = stop.cancelled() => {} }
            }
        });
        tasks.spawn(registry.clone().follow(stop.clone()));
        let (activity, _) = tokio::sync::broadcast::channel(1024);
        tasks.spawn(manage::live::gather(store.signals().subscribe(), activity.clone(), stop.clone()));
        jobs::start(&store, &registry, Arc::clone(&vault), node, &stop, &tasks);
        let (rejections, keep_rejections) = Rejections::new(store.clone(), stop.clone());
        tasks.spawn(keep_rejections);
        let event_types = Arc::new(EventTypes::default());
        tasks.spawn({
            let (event_types, store, stop) = (Arc::clone(&event_types), store.clone(), stop.clone());
            async move { event_types.keep(store, stop).await }
        });
        tasks.spawn({
            let (route_counts, store, stop) = (Arc::clone(&route_counts), store.clone(), stop.clone());
            async move { route_counts.keep(store, stop).await }
        });
        tasks.spawn({
            let (health, store, stop) = (Arc::clone(&health), store.clone(), stop.clone());
            async move { health.keep(store, stop).await }
        });
        let nodes = Arc::new(AtomicU32::new(1));
        if store.is_shared() {
            tasks.spawn(count_nodes(store.clone(), Arc::clone(&nodes), stop.clone()));
        }
        let streams = Streams::new(store.clone(), stop.clone(), tasks.clone());
        let writers = tokio::sync::Mutex::new(writers);
        let bodies = BodyRoom::quota();
        let oidc = match settings.oidc.clone() {
            Some(provider) => Some(oidc::Provider::new(provider, &settings.public_url, client.clone())?),
            None => None,
        };
        let mail = Mailer::new(settings.mail.clone(), stop.clone(), tasks.clone());
        let inner = Inner {
            settings,
            store,
            vault,
            registry,
            circuits,
            health: Arc::clone(&health),
            workers,
            client,
            hub,
            mail,
            oidc,
            streams,
            wrong_codes: manage::devices::WrongCodes::default(),
            stop,
            tasks,
            writers,
            activity,
            bodies,
            rejections,
            event_types,
            route_counts,
            nodes,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Stops taking deliveries, lets what is being sent end within `limit`, gives the rest back, and closes the store.
    pub async fn stop(self, limit: Duration) {
        self.inner.stop.cancel();
        self.inner.workers.finish(limit).await;
        self.inner.tasks.close();
        if tokio::time::timeout(Duration::from_secs(5), self.inner.tasks.wait()).await.is_err() {
            tracing::warn!("background tasks did not end in time");
        }
        let mut writers = std::mem::take(&mut *self.inner.writers.lock().await);
        let flush = async { while writers.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, flush).await.is_err() {
            tracing::error!("not everything could be written in time; unrecorded deliveries will be made again");
        }
        self.inner.workers.leave().await;
        if tokio::time::timeout(Duration::from_secs(5), self.inner.health.write(&self.inner.store)).await.is_err() {
            tracing::warn!("the outcomes of the last attempts could not be counted in time");
        }
        self.inner.store.close().await;
    }

    /// Whether this node can do its work: the database answers.
    pub async fn is_ready(&self) -> bool {
        let ping = self.inner.store.ping();
        matches!(tokio::time::timeout(Duration::from_secs(2), ping).await, Ok(Ok(())))
    }

    /// Where this server is reached from outside, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.inner.settings.public_url
    }

    /// By which letters are sent to people.
    #[must_use]
    pub fn mailer(&self) -> &Mailer {
        &self.inner.mail
    }

    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }
}

/// How often the nodes are counted.
const COUNT_NODES: Duration = Duration::from_secs(5);

async fn count_nodes(store: Store, nodes: Arc<AtomicU32>, stop: CancellationToken) {
    loop {
        match store.live_nodes().await {
            Ok(live) => nodes.store(live.max(1), Ordering::Relaxed),
            Err(error) => tracing::debug!(%error, "the nodes could not be counted; the last count stays in use"),
        }
        tokio::select! {
            () = tokio::time::sleep(COUNT_NODES) => {}
            () = stop.cancelled() => return,
        }
    }
}
