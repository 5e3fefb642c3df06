//! Group commit: what arrives while one commit is on its way to the disk goes into the next one together.
//!
//! A task of its own waits for the disk and answers the senders, so that the next commit is made meanwhile.
//!
//! Two kinds of work come in. [`Writer::accept`] stores an event with its planned deliveries and returns once they are
//! on disk; when that fails the sender has to be told so. [`Writer::record`] stores what became of an attempt; it is
//! kept and tried again until it succeeds. Both queues are bounded. On SQLite one task writes everything, since the
//! file has one writer; on PostgreSQL several tasks commit side by side.

mod accept;
pub(crate) mod events_of;
mod failure;
mod once;
mod record;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::id::EnvId;
use sea_orm::QueryResult;
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinSet,
};

use self::once::Claims;
pub use self::{
    accept::{Accept, NewDelivery, NewEvent, Start},
    once::{OnceKey, Repeated, Stored},
    record::{AttemptRecord, Verdict},
};
use crate::{
    batch::{Between, Prepared, sqlite::at_once},
    connection::Connection,
    db::Store,
    error::{Result, StoreError},
    gates::settle::News,
    quota::{Quota, Share},
    signals::Signal,
    sqlite::{Kept, Sqlite},
};

/// Events or attempts of one commit.
const MAX_BATCH: usize = 256;
/// Bytes of bodies of one commit, so that large ones do not make everybody wait.
const MAX_BATCH_BYTES: usize = 8 << 20;
/// Events that may wait for a commit. Beyond it, or when its project has more than its share of it, a sender is told at once
/// to come back later.
const ACCEPT_QUEUE: usize = 32 * MAX_BATCH;
const RECORD_QUEUE: usize = 4 * MAX_BATCH;
/// How long a sender waits for its commit before it is told to come back later.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(10);
const POSTGRES_ACCEPTORS: usize = 2;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LAST_BACKOFF: Duration = Duration::from_secs(2);

/// Commits that may wait for the disk.
const ANSWER_QUEUE: usize = 16;
/// About what a row takes beside its body, to tell how much was written.
const ROW_BYTES: usize = 1024;

/// A handle to the tasks that write. Clones share them.
#[derive(Clone)]
pub struct Writer {
    accepts: mpsc::Sender<Accepting>,
    places: Arc<Quota>,
    records: mpsc::Sender<AttemptRecord>,
}

struct Accepting {
    accept: Accept,
    /// Its place in the queue.
    _place: Share,
    once_stored: Box<dyn FnOnce(Stored) + Send>,
    done: oneshot::Sender<Result<Stored>>,
    /// What became of it in its commit.
    outcome: Stored,
}

/// Events that were committed and are on their way to the disk.
type Committed = mpsc::Sender<Vec<Accepting>>;
type Shared<T> = Arc<Mutex<mpsc::Receiver<T>>>;

impl Writer {
    /// Starts the tasks. They end when every handle is dropped and all that was given to them is written.
    pub fn start(store: &Store, node: i64) -> (Self, JoinSet<()>) {
        let (accepts, accepting) = mpsc::channel(ACCEPT_QUEUE);
        let (records, recording) = mpsc::channel(RECORD_QUEUE);
        let (committed, answering) = mpsc::channel(ANSWER_QUEUE);
        let mut tasks = JoinSet::new();
        tasks.spawn(answer_when_on_disk(store.clone(), answering));
        let Connection::Sqlite(sqlite) = store.writer() else {
            let accepting = Arc::new(Mutex::new(accepting));
            for _ in 0..POSTGRES_ACCEPTORS {
                tasks.spawn(write_accepts(store.clone(), Arc::clone(&accepting), committed.clone(), node));
            }
            tasks.spawn(write_records(store.clone(), recording, committed, node));
            return (Self { accepts, places: Quota::new(ACCEPT_QUEUE), records }, tasks);
        };
        let (ready, batches) = mpsc::channel(1);
        tasks.spawn(make_batches(store.clone(), accepting, recording, ready, node));
        tasks.spawn(write_batches(store.clone(), sqlite.clone(), batches, committed, node));
        (Self { accepts, places: Quota::new(ACCEPT_QUEUE), records }, tasks)
    }

    /// Stores an event and its deliveries, unless it repeats another. `Ok` means that what it says is on disk. Once it is,
    /// `once_stored` runs, also when nobody waits for the answer any more; it holds up other answers, and must be quick.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] when too many wait, or when the commit takes too long; it may still happen then.
    pub async fn accept(&self, accept: Accept, once_stored: impl FnOnce(Stored) + Send + 'static) -> Result<Stored> {
        let place = self.places.try_acquire(accept.event.env_id, 1).ok_or(StoreError::Overloaded)?;
        let (done, committed) = oneshot::channel();
        let once_stored = Box::new(once_stored);
        let accepting = Accepting { accept, _place: place, once_stored, done, outcome: Stored::New };
        self.accepts.try_send(accepting).map_err(|_| StoreError::Overloaded)?;
        match tokio::time::timeout(ACCEPT_TIMEOUT, committed).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(StoreError::Unavailable("the writer has stopped".into())),
            Err(_) => Err(StoreError::Overloaded),
        }
    }

    /// Queues the outcome of an attempt. Waits while the queue is full.
    pub async fn record(&self, record: AttemptRecord) {
        if self.records.send(record).await.is_err() {
            tracing::error!("an attempt could not be recorded: the writer has stopped; its lease will run out");
        }
    }
}

/// SQLite's one writer.
async fn write_batches(
    store: Store,
    sqlite: Sqlite,
    mut batches: mpsc::Receiver<(Batch, Result<Made>)>,
    committed: Committed,
    node: i64,
) {
    let mut kept = Kept::default();
    loop {
        let next = tokio::select! {
            next = batches.recv() => next,
            () = sqlite.asked(), if kept.is_some() => {
                kept.give_back();
                continue;
            }
        };
        let Some((batch, made)) = next else { return };
        write_batch(&store, batch, made, &committed, node, &mut kept).await;
        if sqlite.is_asked() {
            kept.give_back();
        }
        store.fold_long_log(&mut kept).await;
    }
}

/// Makes the next batch ready while SQLite's thread writes the one before.
async fn make_batches(
    store: Store,
    mut accepting: mpsc::Receiver<Accepting>,
    mut recording: mpsc::Receiver<AttemptRecord>,
    ready: mpsc::Sender<(Batch, Result<Made>)>,
    node: i64,
) {
    let (mut accepts, mut records) = (Vec::new(), Vec::new());
    let (mut accepts_end, mut records_end) = (false, false);
    // Not before there is a place for it: the longer it can wait, the more goes into it.
    while let Ok(place) = ready.reserve().await {
        if accepts.is_empty() && records.is_empty() {
            tokio::select! {
                n = accepting.recv_many(&mut accepts, MAX_BATCH), if !accepts_end => accepts_end = n == 0,
                n = recording.recv_many(&mut records, MAX_BATCH), if !records_end => records_end = n == 0,
                else => return,
            }
        }
        drain(&mut accepting, &mut accepts);
        drain(&mut recording, &mut records);
        let mut batch = Batch { accepts: take_batch(&mut accepts), records: Vec::new() };
        // What is left over goes with the next one, which is about to be made.
        let rest = batch.accepts.split_off(at_once(batch.accepts.len()));
        accepts.splice(..0, rest);
        batch.records.extend(records.drain(..at_once(records.len())));
        if !batch.accepts.is_empty() || !batch.records.is_empty() {
            let made = batch.make(&store, node);
            place.send((batch, made));
        }
    }
}

async fn write_batch(
    store: &Store,
    batch: Batch,
    made: Result<Made>,
    committed: &Committed,
    node: i64,
    kept: &mut Kept,
) {
    let result = match made {
        Ok(made) => made.write(store, node, kept).await,
        Err(error) => Err(error),
    };
    // Whoever brings commits to the disk may need the connection for it, and has to be waited for where many are on their way.
    if result.is_err() || committed.capacity() == 0 {
        kept.give_back();
    }
    let Batch { mut accepts, mut records } = batch;
    match result {
        Ok(outcomes) => on_their_way(committed, accepts, &outcomes).await,
        Err(error) if error.is_passing() && !accepts.is_empty() => {
            refuse(accepts, error);
            commit(store, &mut Vec::new(), &mut records, committed, node).await;
        }
        // Whether it was one of them, or passes, shows when they are written again.
        Err(_) => commit(store, &mut accepts, &mut records, committed, node).await,
    }
}

async fn write_accepts(store: Store, accepting: Shared<Accepting>, committed: Committed, node: i64) {
    let mut accepts = Vec::new();
    loop {
        if accepting.lock().await.recv_many(&mut accepts, MAX_BATCH).await == 0 {
            break;
        }
        commit(&store, &mut accepts, &mut Vec::new(), &committed, node).await;
    }
}

async fn write_records(store: Store, mut recording: mpsc::Receiver<AttemptRecord>, committed: Committed, node: i64) {
    let mut records = Vec::new();
    while recording.recv_many(&mut records, MAX_BATCH).await > 0 {
        commit(&store, &mut Vec::new(), &mut records, &committed, node).await;
    }
}

fn drain<T>(queue: &mut mpsc::Receiver<T>, into: &mut Vec<T>) {
    while into.len() < MAX_BATCH
        && let Ok(item) = queue.try_recv()
    {
        into.push(item);
    }
}

/// Answers senders once their events are on disk, in the order of the commits.
async fn answer_when_on_disk(store: Store, mut committed: mpsc::Receiver<Vec<Accepting>>) {
    let mut waiting = Vec::new();
    while committed.recv_many(&mut waiting, ANSWER_QUEUE).await > 0 {
        let result = store.sync().await;
        answer_all(std::mem::take(&mut waiting), &result);
    }
}

fn answer_all(batches: Vec<Vec<Accepting>>, result: &Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "events may not be on disk; their senders are told so");
    }
    for batch in batches {
        answer(batch, result);
    }
}

/// Writes both lists and empties them. Returns when both are committed, or the senders were refused.
async fn commit(
    store: &Store,
    accepts: &mut Vec<Accepting>,
    records: &mut Vec<AttemptRecord>,
    committed: &Committed,
    node: i64,
) {
    while !accepts.is_empty() {
        let batch = take_batch(accepts);
        // Records ride along with the first batch; alone they go below.
        let riding = std::mem::take(records);
        let events: Vec<&Accept> = batch.iter().map(|accepting| &accepting.accept).collect();
        match write(store, &events, &riding, node).await {
            Ok(outcomes) => on_their_way(committed, batch, &outcomes).await,
            Err(error) => {
                *records = riding;
                if error.is_passing() || (batch.len() == 1 && records.is_empty()) {
                    refuse(batch, error);
                } else {
                    // One of them cannot be stored: the others should not suffer for it.
                    for accepting in batch {
                        match write(store, &[&accepting.accept], &[], node).await {
                            Ok(outcomes) => on_their_way(committed, vec![accepting], &outcomes).await,
                            Err(error) => {
                                tracing::error!(%error, "an event could not be stored; its sender is told so");
                                answer(vec![accepting], &Err(error));
                            }
                        }
                    }
                }
            }
        }
    }
    let mut backoff = FIRST_BACKOFF;
    while !records.is_empty() {
        match write(store, &[], records, node).await {
            Ok(_) => records.clear(),
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, attempts = records.len(), "attempts could not be recorded; trying again");
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(LAST_BACKOFF);
            }
            Err(error) if records.len() == 1 => {
                tracing::error!(%error, "an attempt could not be recorded; its delivery will be made again");
                records.clear();
            }
            Err(_) => {
                for record in records.drain(..) {
                    if let Err(error) = write(store, &[], std::slice::from_ref(&record), node).await {
                        tracing::error!(%error, "an attempt could not be recorded; its delivery will be made again");
                    }
                }
            }
        }
    }
}

fn take_batch(accepts: &mut Vec<Accepting>) -> Vec<Accepting> {
    let mut bytes = 0;
    let mut count = 0;
    for accepting in accepts.iter() {
        bytes += accepting.accept.body_bytes();
        if count > 0 && bytes > MAX_BATCH_BYTES {
            break;
        }
        count += 1;
    }
    let rest = accepts.split_off(count);
    std::mem::replace(accepts, rest)
}

async fn on_their_way(committed: &Committed, mut batch: Vec<Accepting>, outcomes: &[(usize, Stored)]) {
    for (index, outcome) in outcomes {
        if let Some(accepting) = batch.get_mut(*index) {
            accepting.outcome = *outcome;
        }
    }
    // The other end outlives the writers; were it gone, the senders would learn so by their answer's end.
    let _ = committed.send(batch).await;
}

fn answer(batch: Vec<Accepting>, result: &Result<()>) {
    for accepting in batch {
        if result.is_ok() {
            (accepting.once_stored)(accepting.outcome);
        }
        // A sender that has gone away needs no answer.
        let _ = accepting.done.send(result.clone().map(|()| accepting.outcome));
    }
}

fn refuse(batch: Vec<Accepting>, error: StoreError) {
    tracing::warn!(%error, events = batch.len(), "events could not be stored; their senders are told so");
    answer(batch, &Err(error));
}

/// Returns what became of those events that were not simply stored, by their places.
async fn write(
    store: &Store,
    accepts: &[&Accept],
    records: &[AttemptRecord],
    node: i64,
) -> Result<Vec<(usize, Stored)>> {
    Made::of(store, accepts, records, node)?.write(store, node, &mut Kept::default()).await
}

/// What goes into one commit.
struct Batch {
    accepts: Vec<Accepting>,
    records: Vec<AttemptRecord>,
}

impl Batch {
    fn make(&self, store: &Store, node: i64) -> Result<Made> {
        let events: Vec<&Accept> = self.accepts.iter().map(|accepting| &accepting.accept).collect();
        Made::of(store, &events, &self.records, node)
    }
}

/// A commit that only has to be made.
struct Made {
    statements: Prepared,
    claims: Claims,
    news: News,
    projects: BTreeSet<EnvId>,
    bytes: usize,
}

impl Made {
    fn of(store: &Store, accepts: &[&Accept], records: &[AttemptRecord], node: i64) -> Result<Self> {
        let mut claims = Claims::new(store.is_shared());
        let mut plain = Vec::with_capacity(accepts.len());
        for (index, accept) in accepts.iter().enumerate() {
            let rows = accept::Rows::of(accept, node)?;
            if accept.once.is_empty() {
                plain.push(rows);
            } else {
                claims.add(index, accept, rows);
            }
        }
        let mut statements = accept::inserts(plain, store.is_shared());
        statements.extend(record::updates(records, node, store.is_shared())?);
        let of_accepts = accepts.iter().map(|accept| accept.event.env_id);
        let rows = accepts.len() + records.len();
        Ok(Self {
            statements: store.prepare(statements)?,
            claims,
            news: News::of(records.iter().filter_map(|record| Some((record.env_id, record.gate?)))),
            projects: of_accepts.chain(records.iter().map(|record| record.env_id)).collect(),
            bytes: accepts.iter().map(|accept| accept.body_bytes()).sum::<usize>() + rows * ROW_BYTES,
        })
    }

    async fn write(self, store: &Store, node: i64, kept: &mut Kept) -> Result<Vec<(usize, Stored)>> {
        let Self { statements, claims, news, projects, bytes } = self;
        let mut outcomes = Vec::new();
        if claims.is_empty() && news.changes_none() {
            store.run_to_end(statements, kept).await?;
        } else {
            kept.give_back();
            let (make_gates, lock_gates) = news.lock(store);
            let reads = vec![lock_gates, claims.claim()];
            let follow_up = |read: Vec<Vec<QueryResult>>| {
                let [gates, claimed] = read.as_slice() else { return Ok(Vec::new()) };
                let settled = claims.settle(claimed)?;
                outcomes = settled.outcomes;
                Ok(settled.statements.into_iter().chain(news.follow_up(gates, node)?).collect())
            };
            store.run_between(Between { before: vec![make_gates], reads, follow_up }, statements).await?;
        }
        news.tell(store);
        for env in projects {
            // Not before: whoever looks then would see what was, and not look again.
            store.signals().send(Signal::Activity(env));
        }
        store.note_written(bytes);
        Ok(outcomes)
    }
}
