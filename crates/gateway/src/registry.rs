//! The configuration at hand: sources, their routes and destinations, with secrets opened, as this moment's snapshot.
//!
//! A snapshot is never changed: [`Registry::follow`] makes the next one when the version in the database has grown,
//! told by a signal or, at the latest, by asking twice a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicI64},
    time::Duration,
};

use arc_swap::ArcSwap;
use domain::{
    checks::Checks,
    connection::{Connection, ConnectionStatus},
    destination::{Destination, DestinationStatus},
    id::{ConnectionId, DestinationId, EnvId, SourceId},
    ordering::Order,
    rate_limit::Pace,
    source::{Source, SourceStatus, Verification},
    template::TemplateId,
};
use store::{ConfigChanges, Result, Store, signals::Signal};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::{destinations::Sender, rules::Rules, schema::Schema, secrets::Vault};

/// How old a snapshot may be when no signal comes.
const POLL: Duration = Duration::from_millis(500);

/// The newest snapshot. Clones share it.
#[derive(Clone)]
pub struct Registry {
    store: Store,
    vault: Arc<Vault>,
    current: Arc<ArcSwap<Snapshot>>,
    tats: Arc<Tats>,
    changed: Arc<tokio::sync::watch::Sender<i64>>,
}

/// What sources have used of their rate limits on this node, whichever snapshot they are looked up in.
type Tats = Mutex<HashMap<SourceId, Arc<AtomicI64>>>;

/// The configuration of all projects at one version.
#[derive(Default, Clone)]
pub struct Snapshot {
    pub version: i64,
    sources: HashMap<SourceId, SourceState>,
    destinations: HashMap<DestinationId, Arc<Target>>,
    connections: HashMap<ConnectionId, Arc<Link>>,
    routes: HashMap<SourceId, Arc<[Route]>>,
}

/// What an id of a source stands for.
#[derive(Clone)]
pub enum SourceState {
    Active(Arc<Inlet>),
    /// Refused as if it did not exist.
    Paused,
    Deleted,
}

/// A source as the ingest path needs it.
pub struct Inlet {
    pub id: SourceId,
    pub env_id: EnvId,
    pub template: Option<TemplateId>,
    /// With its secrets opened; `None` when they could not be, so that every request is refused.
    pub verification: Option<Verification>,
    pub checks: Checks,
    /// That of the checks, ready to be used. One that can no longer be read checks nothing.
    pub schema: Option<Schema>,
    /// How much of its rate limit this node has used, as [`domain::rate_limit::Pace`] counts it.
    pub tat: Arc<AtomicI64>,
}

/// A connection with its rules, ready to be used.
pub struct Link {
    pub connection: Connection,
    /// `None` where everything goes through as it is.
    pub rules: Option<Arc<Rules>>,
}

/// A connection as the planner needs it.
#[derive(Clone)]
pub struct Route {
    pub connection_id: ConnectionId,
    pub destination_id: DestinationId,
    /// Deliveries are made, but kept back.
    pub held: bool,
    /// How long after the event they are due.
    pub delay: Duration,
    /// Of a connection that does not take every event.
    pub rules: Option<Arc<Rules>>,
}

/// A destination as the delivery needs it.
pub struct Target {
    pub destination: Destination,
    /// What sends to it, or why nothing can be sent until somebody mends that.
    pub(crate) sender: std::result::Result<Sender, String>,
    /// How the keys of its deliveries are found, where they go in order.
    pub order: Option<Order>,
    /// How they follow one another, where that is limited.
    pub pace: Option<Pace>,
}

impl Target {
    /// Whether every delivery has to be claimed through its gate.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        self.destination.rate_limit.is_some() || self.order.is_some()
    }
}

impl Registry {
    pub async fn load(store: Store, vault: Arc<Vault>) -> Result<Self> {
        let changes = store.config_changes(0).await?;
        let tats = Arc::new(Tats::default());
        let snapshot = Snapshot::default().with(changes, &vault, &tats);
        let (changed, _) = tokio::sync::watch::channel(snapshot.version);
        let current = Arc::new(ArcSwap::from_pointee(snapshot));
        Ok(Self { store, vault, current, tats, changed: Arc::new(changed) })
    }

    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Tells the version of each new snapshot.
    #[must_use]
    pub fn changes(&self) -> tokio::sync::watch::Receiver<i64> {
        self.changed.subscribe()
    }

    /// Brings the snapshot up to the database's version.
    pub async fn refresh(&self) -> Result<()> {
        if self.store.config_version().await? == self.current.load().version {
            return Ok(());
        }
        let before = self.current.load_full();
        let changes = self.store.config_changes(before.version).await?;
        let next = before.with(changes, &self.vault, &self.tats);
        let version = next.version;
        // Two that refresh at once both come to a true snapshot; the newer one stays.
        self.current.rcu(
            |current| {
                if current.version > version { Arc::clone(current) } else { Arc::new(next.clone()) }
            },
        );
        self.changed.send_replace(version);
        Ok(())
    }

    /// Reads everything anew, whatever the version: other keys may open more, or less.
    pub async fn reload(&self) -> Result<()> {
        let changes = self.store.config_changes(0).await?;
        let next = Snapshot::default().with(changes, &self.vault, &self.tats);
        let version = next.version;
        self.current.rcu(
            |current| {
                if current.version > version { Arc::clone(current) } else { Arc::new(next.clone()) }
            },
        );
        self.changed.send_replace(version);
        Ok(())
    }

    /// Keeps the snapshot true until `stop`.
    pub async fn follow(self, stop: CancellationToken) {
        let mut signals = self.store.signals().subscribe();
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = poll.tick() => {}
                signal = signals.recv() => match signal {
                    Ok(Signal::Config | Signal::Missed) | Err(RecvError::Lagged(_)) => {}
                    Ok(_) => continue,
                    Err(RecvError::Closed) => return,
                },
            }
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "the configuration could not be read anew; the last one stays in use");
            }
        }
    }
}

impl Snapshot {
    #[must_use]
    pub fn source(&self, id: SourceId) -> Option<&SourceState> {
        self.sources.get(&id)
    }

    /// The project of an active source.
    #[must_use]
    pub fn project_of(&self, source: SourceId) -> Option<EnvId> {
        match self.sources.get(&source)? {
            SourceState::Active(inlet) => Some(inlet.env_id),
            SourceState::Paused | SourceState::Deleted => None,
        }
    }

    #[must_use]
    pub fn routes(&self, source: SourceId) -> &[Route] {
        self.routes.get(&source).map_or(&[], |routes| routes)
    }

    /// A destination that exists, paused or not.
    #[must_use]
    pub fn target(&self, id: DestinationId) -> Option<&Arc<Target>> {
        self.destinations.get(&id)
    }

    /// A connection that exists, whatever its status.
    #[must_use]
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id).map(|link| &link.connection)
    }

    /// The rules of a connection that exists, where it has any.
    #[must_use]
    pub fn rules(&self, id: ConnectionId) -> Option<&Arc<Rules>> {
        self.connections.get(&id)?.rules.as_ref()
    }

    /// Whether deliveries of a connection may go out now.
    #[must_use]
    pub fn is_flowing(&self, connection: &Connection) -> bool {
        connection.status != ConnectionStatus::Paused
            && self
                .target(connection.destination_id)
                .is_some_and(|target| target.destination.status == DestinationStatus::Active)
    }

    fn with(&self, changes: ConfigChanges, vault: &Vault, tats: &Tats) -> Self {
        let mut next = if changes.is_whole { Self::default() } else { self.clone() };
        next.version = changes.version;
        for (source, deleted) in changes.sources {
            let id = source.id;
            let state = match (deleted, source.status) {
                (true, _) => SourceState::Deleted,
                (false, SourceStatus::Paused) => SourceState::Paused,
                (false, SourceStatus::Active) => {
                    let tat = tat_of(tats, &source);
                    SourceState::Active(Arc::new(inlet(source, vault, tat)))
                }
            };
            next.sources.insert(id, state);
        }
        for (destination, deleted) in changes.destinations {
            if deleted {
                next.destinations.remove(&destination.id);
            } else {
                next.destinations.insert(destination.id, Arc::new(target(destination, vault)));
            }
        }
        for (connection, deleted) in changes.connections {
            if deleted {
                next.connections.remove(&connection.id);
            } else {
                next.connections.insert(connection.id, Arc::new(link(connection)));
            }
        }
        next.routes = next.plan_routes();
        next
    }

    fn plan_routes(&self) -> HashMap<SourceId, Arc<[Route]>> {
        let mut routes: HashMap<SourceId, Vec<Route>> = HashMap::new();
        for link in self.connections.values() {
            let connection = &link.connection;
            if connection.status == ConnectionStatus::Disabled {
                continue;
            }
            routes.entry(connection.source_id).or_default().push(Route {
                connection_id: connection.id,
                destination_id: connection.destination_id,
                held: !self.is_flowing(connection),
                delay: Duration::from_secs(connection.delay_seconds.into()),
                rules: link.rules.clone().filter(|rules| rules.judges()),
            });
        }
        routes
            .into_iter()
            .map(|(source, mut routes)| {
                routes.sort_unstable_by_key(|route| route.connection_id);
                (source, routes.into())
            })
            .collect()
    }
}

/// Sources without a limit use nothing of it.
fn tat_of(tats: &Tats, source: &Source) -> Arc<AtomicI64> {
    if source.checks.rate_limit.is_none() {
        return Arc::default();
    }
    Arc::clone(tats.lock().unwrap_or_else(PoisonError::into_inner).entry(source.id).or_default())
}

fn inlet(source: Source, vault: &Vault, tat: Arc<AtomicI64>) -> Inlet {
    let place = source_place(source.id);
    let verification = source.verification.map_secrets(|sealed| vault.open(&place, sealed));
    if let Err(error) = &verification {
        tracing::error!(source.id = %source.id, %error, "the secrets of a source cannot be opened; it refuses everything");
    }
    let schema = source.checks.schema.as_ref().map(Schema::compile).transpose().unwrap_or_else(|error| {
        tracing::error!(source.id = %source.id, error, "the schema of a source cannot be read any more; it is not used");
        None
    });
    Inlet {
        id: source.id,
        env_id: source.env_id,
        template: source.template,
        verification: verification.ok(),
        checks: source.checks,
        schema,
        tat,
    }
}

fn link(connection: Connection) -> Link {
    let rules = (!connection.rules.is_empty()).then(|| Arc::new(Rules::of_stored(&connection.rules)));
    if let Some(broken) = rules.as_ref().and_then(|rules| rules.broken()) {
        tracing::error!(connection.id = %connection.id, error = %broken, "a connection cannot be used; its deliveries fail");
    }
    Link { connection, rules }
}

fn target(destination: Destination, vault: &Vault) -> Target {
    let place = destination_place(destination.id);
    let opened = destination.clone().map_secrets(|sealed| vault.open(&place, sealed));
    if let Err(error) = &opened {
        tracing::error!(destination.id = %destination.id, %error, "the secrets of a destination cannot be opened");
    }
    let sender = match opened {
        Ok(opened) => Sender::new(opened),
        Err(_) => Err("the destination's secrets cannot be opened with the server's secret key".to_owned()),
    };
    let order = destination.ordering.order();
    let pace = destination.rate_limit.and_then(|limit| limit.pace());
    Target { destination, sender, order, pace }
}

/// Where a source's secrets stand, for the vault.
#[must_use]
pub fn source_place(id: SourceId) -> String {
    format!("sources/{id}/verification")
}

/// Where a destination's secrets stand, for the vault.
#[must_use]
pub fn destination_place(id: DestinationId) -> String {
    format!("destinations/{id}/secrets")
}
