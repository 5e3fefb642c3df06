//! The log: lines for people on a terminal, JSON elsewhere.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

pub fn init(directives: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives).context("HOOKSTREAM_LOG is not valid")?;
    let registry = tracing_subscriber::registry().with(filter);
    // Answers of commands go to the standard output; the log does not mix with them.
    if std::io::stderr().is_terminal() {
        registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false)).init();
    } else {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).init();
    }
    Ok(())
}
