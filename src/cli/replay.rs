//! `hookstream replay`: sends stored events again. What that comes to is counted first.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use domain::replay::Replay;
use gateway::clock;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failure,
    client::{Api, Server},
    listen::since,
    output::{Output, json as print_json},
    resources::{Kind, id_of},
};

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Arguments {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
    /// Events received since then: 10m, 2h, 1d, or a time such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Events received before [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Of this source, by slug or id
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Over this connection alone, by name or id
    #[arg(long, value_name = "CONNECTION")]
    connection: Option<String>,
    /// Only events that fit, as JSON in the language of connections' filters
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Deliveries a second
    #[arg(long, value_name = "NUMBER")]
    rate: Option<u32>,
    /// No more events than that
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
    /// Repeated requests as well
    #[arg(long)]
    include_duplicates: bool,
    /// Only count; exits with 3 when there is anything to send
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short = 'y', long)]
    yes: bool,
    /// Do not wait until it is through
    #[arg(long)]
    detach: bool,
}

/// How often it is looked how far it has come.
const LOOK: Duration = Duration::from_millis(500);
/// Characters of the bar.
const BAR: usize = 30;

pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let api = arguments.server.api()?;
    let mut body = json!({
        "from": since::parse(&arguments.from)?,
        "to": match &arguments.to { Some(to) => since::parse(to)?, None => clock::now() },
        "include_duplicates": arguments.include_duplicates,
        "dry_run": true,
    });
    if let Some(source) = &arguments.source {
        body["source_id"] = json!(id_of(&api, Kind::Source, source).await?);
    }
    if let Some(connection) = &arguments.connection {
        body["connection_id"] = json!(id_of(&api, Kind::Connection, connection).await?);
    }
    if let Some(filter) = &arguments.filter {
        body["filter"] =
            serde_json::from_str(filter).map_err(|error| Failure::invalid(format!("--filter is not JSON: {error}")))?;
    }
    if let Some(rate) = arguments.rate {
        body["rate_per_second"] = json!(rate);
    }
    if let Some(limit) = arguments.limit {
        body["limit"] = json!(limit);
    }
    let counted: Value = api.change(Method::POST, "/v1/replays", Some(&body)).await?;
    let deliveries = counted["counts"]["deliveries"].as_u64().unwrap_or(0);
    let is_complete = counted["is_complete"].as_bool().unwrap_or(false);
    if arguments.dry_run && arguments.output.is_json() {
        print_json(&counted)?;
    } else if !arguments.output.is_json() {
        let (events, at_least) = (&counted["counts"]["matched"], if is_complete { "" } else { "at least " });
        println!("{at_least}{events} events fit; {at_least}{deliveries} deliveries would be made");
    }
    if arguments.dry_run {
        return if deliveries == 0 && is_complete { Ok(()) } else { Err(Failure::would_change().into()) };
    }
    if deliveries == 0 && is_complete {
        return if arguments.output.is_json() { print_json(&counted) } else { Ok(()) };
    }
    if !arguments.yes {
        confirm("Send them again?", "nothing was sent")?;
    }
    body["dry_run"] = json!(false);
    let replay: Replay = api.change(Method::POST, "/v1/replays", Some(&body)).await?;
    let replay = if arguments.detach { replay } else { watch(&api, replay, arguments.output).await? };
    if arguments.output.is_json() {
        print_json(&replay)?;
    } else {
        println!("{} {}: {} deliveries", replay.id, status_of(&replay), replay.counts.deliveries);
    }
    match (status_of(&replay).as_str(), replay.error) {
        ("failed", error) => Err(Failure::refused(error.unwrap_or_else(|| "the replay failed".to_owned())).into()),
        ("cancelled", _) => Err(Failure::unconfirmed("the replay was cancelled").into()),
        _ => Ok(()),
    }
}

/// Shows how far it has come until it is through. Whoever interrupts is asked whether that ends the replay or only the waiting.
async fn watch(api: &Api, mut replay: Replay, output: Output) -> anyhow::Result<Replay> {
    let is_shown = !output.is_json() && std::io::stdout().is_terminal();
    let path = format!("/v1/replays/{}", replay.id);
    while !matches!(status_of(&replay).as_str(), "completed" | "cancelled" | "failed") {
        if is_shown {
            print!("\r{}", bar(&replay));
            std::io::stdout().flush()?;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                println!();
                // Without a terminal nobody can be asked, and an interrupt is meant for what was begun.
                let cancels = confirm("Cancel the replay? Otherwise it goes on without this command.", "").is_ok();
                if !cancels && std::io::stdin().is_terminal() {
                    println!("It goes on; `hookstream replay` is not needed for that. Its id is {}.", replay.id);
                    return Ok(replay);
                }
                replay = api.change(Method::POST, &format!("{path}/cancel"), None).await?;
                continue;
            }
        }
        replay = api.read(&path).await?;
    }
    if is_shown {
        println!("\r{}", bar(&replay));
    }
    Ok(replay)
}

fn status_of(replay: &Replay) -> String {
    json!(replay.status).as_str().unwrap_or_default().to_owned()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "it is a part of a small number"
)]
fn bar(replay: &Replay) -> String {
    let progress = replay.progress.clamp(0.0, 1.0);
    let full = (progress * BAR as f64) as usize;
    let (full_part, rest) = ("█".repeat(full), "░".repeat(BAR - full));
    format!(
        "{full_part}{rest} {:>3.0} %  {} events, {} deliveries",
        progress * 100.0,
        replay.counts.events,
        replay.counts.deliveries
    )
}

/// Asks at the terminal.
///
/// # Errors
/// When the answer is no, or nobody can be asked.
pub fn confirm(question: &str, otherwise: &str) -> anyhow::Result<()> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::unconfirmed(format!("{otherwise}: nobody can be asked here; use --yes")).into());
    }
    print!("{question} [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(Failure::unconfirmed(otherwise.to_owned()).into())
    }
}
