//! Memory under as much load as is answered, with deliveries, for a long time: is it flat?

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{
    Bench, Database,
    e2e::{DRAIN_LIMIT, check_arrived},
    load::{self, Request},
    receiver::Receiver,
    report::Column,
    watch::memory_mib,
};

pub const COLUMNS: &[Column] = &[
    Column("database", "/database", 0),
    Column("events", "/stored", 0),
    Column("MiB idle", "/idle_mib", 0),
    Column("MiB each 30 s", "/memory_mib", 0),
    Column("MiB after", "/after_mib", 0),
];

const EVERY: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(200);

pub fn measure(bench: &Bench<'_>, database: Database) -> Result<Vec<Value>> {
    let installation = bench.installation(database)?;
    let node = installation.start()?;
    let receiver = Receiver::start()?;
    let (source, _) = node.api().route("bench", &receiver.url())?;
    let url = node.url(&node.api().inlet(&source).path);
    let idle_mib = memory_mib(node.process_id())?;
    let has_ended = AtomicBool::new(false);
    let (load, samples) = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let load = load::run(&[url], Request::Post(&installation.script()), bench.options.minutes * 60);
            has_ended.store(true, Ordering::Relaxed);
            load
        });
        let samples = sample(node.process_id(), &has_ended);
        (load.join(), samples)
    });
    let Ok(load) = load else { bail!("the load has panicked") };
    let (load, samples) = (load?, samples?);
    node.api().wait_until_drained(None, DRAIN_LIMIT).with_context(|| node.said())?;
    let stored = node.api().check_stored(&source, load.acknowledged)?;
    check_arrived(&receiver.take(), stored)?;
    Ok(vec![json!({
        "load": load.to_json(),
        "stored": stored,
        "idle_mib": idle_mib,
        "memory_mib": samples,
        "after_mib": memory_mib(node.process_id())?,
    })])
}

fn sample(process: u32, has_ended: &AtomicBool) -> Result<Vec<u64>> {
    let started = Instant::now();
    let mut samples = Vec::new();
    while !has_ended.load(Ordering::Relaxed) {
        let next = EVERY * u32::try_from(samples.len() + 1)?;
        if started.elapsed() >= next {
            let now = memory_mib(process)?;
            eprintln!("{:>5} s {now:>6} MiB", next.as_secs());
            samples.push(now);
        }
        thread::sleep(POLL);
    }
    Ok(samples)
}
