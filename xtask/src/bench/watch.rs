//! What processes take up while a load runs: memory and processor time, from `/proc`.

use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

const INTERVAL: Duration = Duration::from_millis(200);
/// Linux tells processor time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident memory of a process.
pub fn memory_mib(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024)
}

/// Watches a server process, and the PostgreSQL it uses, until it is asked what it has seen.
pub struct Watch {
    process: u32,
    postmaster: Option<u32>,
    started: Instant,
    before: Usage,
    peak_mib: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Ticks of processor time; of PostgreSQL by process.
struct Usage {
    server: u64,
    postgres: HashMap<u32, u64>,
}

impl Watch {
    pub fn start(process: u32, postmaster: Option<u32>) -> Result<Self> {
        let before = usage(process, postmaster)?;
        let peak_mib = Arc::new(AtomicU64::new(memory_mib(process)?));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (peak_mib, stop) = (Arc::clone(&peak_mib), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    if let Ok(now) = memory_mib(process) {
                        peak_mib.fetch_max(now, Ordering::Relaxed);
                    }
                    thread::sleep(INTERVAL);
                }
            }
        });
        Ok(Self { process, postmaster, started: Instant::now(), before, peak_mib, stop, thread: Some(thread) })
    }

    /// Cores are processor time by time passed: 2 is all that two cores have.
    pub fn finish(mut self) -> Result<Value> {
        let seconds = self.started.elapsed().as_secs_f64();
        let after = usage(self.process, self.postmaster)?;
        let cores = |ticks: u64| u32::try_from(ticks).map_or(f64::MAX, f64::from) / TICKS_PER_SECOND / seconds;
        let postgres: u64 = after
            .postgres
            .iter()
            .map(|(process, ticks)| ticks.saturating_sub(self.before.postgres.get(process).copied().unwrap_or(0)))
            .sum();
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            bail!("watching the memory has failed");
        }
        Ok(json!({
            "peak_mib": self.peak_mib.load(Ordering::Relaxed),
            "server_cores": cores(after.server.saturating_sub(self.before.server)),
            "postgres_cores": self.postmaster.map(|_| cores(postgres)),
        }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn usage(server: u32, postmaster: Option<u32>) -> Result<Usage> {
    let server = stat_of(server).context("the server is gone")?.ticks;
    let Some(postmaster) = postmaster else { return Ok(Usage { server, postgres: HashMap::new() }) };
    let processes = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let postgres = processes
        .filter_map(|process: u32| {
            let stat = stat_of(process)?;
            (process == postmaster || stat.parent == postmaster).then_some((process, stat.ticks))
        })
        .collect();
    Ok(Usage { server, postgres })
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    ticks: u64,
}

fn stat_of(process: u32) -> Option<Stat> {
    read_stat(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The name stands in brackets and may hold anything. Of the fields after it the second is the parent, the 12th and 13th
/// are user and system time.
fn read_stat(stat: &str) -> Option<Stat> {
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks: ticks(11)? + ticks(12)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_brackets() {
        let stat = "1 (a) b) S 2 3 4 5 6 7 8 9 10 11 12 13 14 15";
        assert_eq!(read_stat(stat), Some(Stat { parent: 2, ticks: 12 + 13 }));
        assert_eq!(read_stat("1 (a) S 2"), None);
    }
}
