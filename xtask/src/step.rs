//! What a person sees while a command works: each step with its expected and its real duration,
//! and, when it fails, what to do about it.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

/// One visible step of a command.
pub struct Step {
    /// What is done, as a phrase: "Compile the server".
    pub title: &'static str,
    /// How long it takes where nothing was built before.
    pub cold: &'static str,
    /// What to do when it fails.
    pub remedy: &'static str,
}

impl Step {
    pub fn run<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("\n▸ {} (first time: {})", self.title, self.cold);
        let start = Instant::now();
        let result = work();
        let took = Took(start.elapsed());
        match &result {
            Ok(_) => eprintln!("  done in {took}"),
            Err(_) => eprintln!("  failed after {took}"),
        }
        result.map_err(|error| anyhow!("{} failed: {error:#}\n\nWhat to do: {}", self.title, self.remedy))
    }
}

struct Took(Duration);

impl fmt::Display for Took {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 60.0 {
            write!(out, "{seconds:.1} s")
        } else {
            write!(out, "{} min {:.0} s", self.0.as_secs() / 60, seconds % 60.0)
        }
    }
}
