//! Senders that post one body after the other, and note what was acknowledged.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use tokio::{sync::watch, task::JoinSet};

use super::{Answer, Server, eventually};

/// What tells one body from another.
pub type Digest = [u8; 32];

/// The events that senders were told of, each with the body that was posted.
pub type Acknowledged = HashMap<String, Digest>;

/// The URL that is posted to now; `None` while there is nobody.
pub type Entrance = watch::Receiver<Option<String>>;

/// What a sender posts, and how long it then waits.
pub struct Post {
    pub body: Vec<u8>,
    pub pause: Duration,
}

/// A running load; it ends with the test at the latest.
pub struct Load {
    senders: JoinSet<Tally>,
    ends: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

/// What became of what was posted.
#[derive(Default)]
pub struct Tally {
    pub acknowledged: Acknowledged,
    /// Acknowledged under an id that had been given away already.
    pub twice: Vec<String>,
    /// Told to come back.
    pub refused: usize,
    /// No answer came: the server was killed, or has gone away.
    pub unanswered: usize,
    /// Neither taken nor told to come back.
    pub unexpected: Vec<String>,
    /// The longest that an answer took.
    pub slowest: Duration,
}

const SENDERS: usize = 32;
/// Longer than a server may take for an answer, and than it may be stopped from giving one.
const TIMEOUT: Duration = Duration::from_secs(40);

pub fn digest(body: &[u8]) -> Digest {
    Sha256::digest(body).into()
}

impl Load {
    /// Short bodies, each another one, without a pause.
    pub fn start(servers: &[&Server], source: &str) -> Self {
        Self::paced(servers, source, Duration::ZERO)
    }

    /// The same, and each sender pauses after each answer.
    pub fn paced(servers: &[&Server], source: &str, pause: Duration) -> Self {
        let urls = servers.iter().map(|server| server.ingest_url(source));
        // The other end may go: the last value stays.
        let entrances = urls.map(|url| watch::channel(Some(url)).1).collect::<Vec<_>>();
        Self::through(&entrances, move |sender, number| Post {
            body: format!("{{\"sender\":{sender},\"number\":{number}}}\n").into_bytes(),
            pause,
        })
    }

    /// What `post` makes for the number of a sender and the number of its post. The senders are spread over the
    /// entrances.
    pub fn through(entrances: &[Entrance], post: impl Fn(usize, usize) -> Post + Send + Sync + 'static) -> Self {
        let (ends, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().expect("a client");
        let post = Arc::new(post);
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let entrance = entrances[sender % entrances.len()].clone();
            let (http, post) = (http.clone(), Arc::clone(&post));
            let (ends, acknowledged) = (Arc::clone(&ends), Arc::clone(&acknowledged));
            senders.spawn(async move {
                let mut tally = Tally::default();
                for number in 0.. {
                    if ends.load(Ordering::Relaxed) {
                        break;
                    }
                    let Post { body, pause } = post(sender, number);
                    if tally.post(&http, &entrance, body).await {
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                }
                tally
            });
        }
        Self { senders, ends, acknowledged }
    }

    /// Waits until so many are acknowledged and so much time has passed.
    pub async fn runs(&self, at_least: usize, time: Duration) {
        let start = Instant::now();
        eventually(Duration::from_secs(30), &format!("{at_least} events are taken"), async || {
            (self.acknowledged.load(Ordering::Relaxed) >= at_least && start.elapsed() >= time).then_some(())
        })
        .await;
    }

    /// Ends it; says what was acknowledged.
    ///
    /// # Panics
    /// When anything else happened than that events were taken or refused.
    pub async fn end(self) -> Acknowledged {
        let tally = self.end_and_tell().await;
        assert!(tally.unexpected.is_empty(), "{:?}", tally.unexpected);
        assert!(tally.twice.is_empty(), "every acknowledgement names another event: {:?}", tally.twice);
        tally.acknowledged
    }

    /// Ends it; says all that happened.
    pub async fn end_and_tell(self) -> Tally {
        self.ends.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for tally in self.senders.join_all().await {
            all.add(tally);
        }
        all
    }
}

impl Tally {
    /// Posts once; returns whether it was acknowledged.
    async fn post(&mut self, http: &reqwest::Client, entrance: &Entrance, body: Vec<u8>) -> bool {
        let Some(url) = entrance.borrow().clone() else {
            // Nobody is there; whoever comes back is found soon.
            tokio::time::sleep(Duration::from_millis(10)).await;
            return false;
        };
        let sent = digest(&body);
        let start = Instant::now();
        let Ok(answer) = Answer::try_of(http.post(url).body(body)).await else {
            self.unanswered += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
            return false;
        };
        self.slowest = self.slowest.max(start.elapsed());
        match answer.status {
            200 => {
                let id = answer.json()["event_id"].as_str().expect("an id").to_owned();
                self.note(id, sent);
                return true;
            }
            503 => {
                self.refused += 1;
                if answer.header("retry-after").is_none() {
                    self.unexpected.push("a 503 without Retry-After".to_owned());
                }
            }
            status => self.unexpected.push(format!("{status} {}", answer.text())),
        }
        false
    }

    fn note(&mut self, id: String, body: Digest) {
        match self.acknowledged.entry(id) {
            Entry::Vacant(place) => {
                place.insert(body);
            }
            Entry::Occupied(taken) => self.twice.push(taken.key().clone()),
        }
    }

    fn add(&mut self, other: Self) {
        for (id, body) in other.acknowledged {
            self.note(id, body);
        }
        self.twice.extend(other.twice);
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.unexpected.extend(other.unexpected);
        self.slowest = self.slowest.max(other.slowest);
    }
}
