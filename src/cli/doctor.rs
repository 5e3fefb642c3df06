//! `hookstream doctor`: what may stand between this machine and its server, looked at one by one.

use std::{path::Path, time::Duration};

use domain::project::Environment;
use gateway::clock;
use serde::Serialize;
use serde_json::{Value, json};
use store::Store;

use super::{
    Failure,
    client::{Answer, Api, Server, reason},
    listen::handshake,
    login::environment,
    output::{Output, Paint, json as print_json, one_line},
};
use crate::config::Config;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    outcome: Outcome,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Good,
    /// It works, but somebody should look.
    Doubtful,
    Bad,
    /// It does not apply here.
    Skipped,
}

/// Clocks may differ by so much.
const SKEW: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(10);
/// Less room than this is too little for a database that is written to.
const LEAST_ROOM: u64 = 1 << 30;

pub async fn run(arguments: &Arguments, config: Option<&Path>) -> anyhow::Result<()> {
    let api = arguments.server.api()?;
    let mut checks = Vec::new();
    let is_reached = reach(&api, &mut checks).await;
    if is_reached {
        checks.push(ready(&api).await);
        key(&api, &mut checks).await;
        checks.push(websocket(&api).await);
    }
    host(config, &mut checks).await;
    if arguments.output.is_json() {
        print_json(&json!({ "server": api.base(), "checks": checks }))?;
    } else {
        let paint = Paint::of_stdout();
        for check in &checks {
            let mark = match check.outcome {
                Outcome::Good => paint.green("good    "),
                Outcome::Doubtful => paint.yellow("doubtful"),
                Outcome::Bad => paint.red("bad     "),
                Outcome::Skipped => paint.dim("skipped "),
            };
            println!("{mark}  {:<10}  {}", check.name, one_line(&check.detail));
        }
    }
    let bad = checks.iter().filter(|check| check.outcome == Outcome::Bad).count();
    match bad {
        0 => Ok(()),
        _ if !is_reached => Err(Failure::unreachable(format!("{bad} of {} checks are bad", checks.len())).into()),
        _ => Err(Failure::refused(format!("{bad} of {} checks are bad", checks.len())).into()),
    }
}

fn check(name: &'static str, outcome: Outcome, detail: impl Into<String>) -> Check {
    Check { name, outcome, detail: detail.into() }
}

/// Whether the server answers, and what its clock says.
async fn reach(api: &Api, checks: &mut Vec<Check>) -> bool {
    let asked = clock::now();
    let answer = api.http().get(format!("{}/healthz", api.base())).timeout(LIMIT).send().await;
    let took = clock::now().since(asked);
    let answer = match answer {
        Ok(answer) if answer.status().is_success() => answer,
        Ok(answer) => {
            let detail = format!("what answers at {} is no hookstream server: {}", api.base(), answer.status());
            checks.push(check("server", Outcome::Bad, detail));
            return false;
        }
        Err(error) => {
            checks.push(check(
                "server",
                Outcome::Bad,
                format!("{} could not be reached: {}", api.base(), reason(&error)),
            ));
            return false;
        }
    };
    checks.push(check("server", Outcome::Good, format!("{} answers in {} ms", api.base(), took.as_millis())));
    let theirs = answer.headers().get("date").and_then(|date| date.to_str().ok()).and_then(date);
    checks.push(match theirs {
        None => check("clock", Outcome::Skipped, "the server does not tell the time"),
        Some(theirs) => {
            // Whole seconds, of the middle of the way.
            let ours = asked.plus(took / 2).as_secs();
            let apart = ours.abs_diff(theirs);
            let detail = format!("the clocks are {apart} s apart");
            check("clock", if apart <= SKEW.as_secs() { Outcome::Good } else { Outcome::Doubtful }, detail)
        }
    });
    true
}

/// `Tue, 15 Nov 1994 08:12:31 GMT`, as seconds.
fn date(text: &str) -> Option<i64> {
    time::OffsetDateTime::parse(&text.replace("GMT", "+0000"), &time::format_description::well_known::Rfc2822)
        .ok()
        .map(time::OffsetDateTime::unix_timestamp)
}

async fn ready(api: &Api) -> Check {
    match api.http().get(format!("{}/readyz", api.base())).timeout(LIMIT).send().await {
        Ok(answer) if answer.status().is_success() => {
            check("database", Outcome::Good, "the server reaches its database")
        }
        Ok(answer) => {
            let said = answer.text().await.unwrap_or_default();
            check("database", Outcome::Bad, format!("the server is not ready: {said}"))
        }
        Err(error) => check("database", Outcome::Bad, reason(&error)),
    }
}

async fn key(api: &Api, checks: &mut Vec<Check>) {
    let project: Environment = match environment(api).await {
        Ok(project) => project,
        Err(error) => return checks.push(check("key", Outcome::Bad, error.to_string())),
    };
    let may = |scope| format!("opens the project {} ({}), with the scope {scope}", project.name, project.mode.as_str());
    // Asking for what does not exist shows what a key may do, and changes nothing.
    let nothing = domain::id::EventId::from_u128(0);
    let writes = api.post::<Value>(&format!("/v1/events/{nothing}/retry"), &json!({})).await;
    let manages = api.get::<Value>("/v1/api-keys?limit=1").await;
    checks.push(match (writes, manages) {
        (_, Ok(Answer::Done(_))) => check("key", Outcome::Good, may("admin")),
        (Ok(_), _) => check("key", Outcome::Good, may("write")),
        (Err(_), _) => check(
            "key",
            Outcome::Doubtful,
            may("read") + ": `listen` cannot note what it does, and nothing can be changed",
        ),
    });
    let sources = super::resources::pages(api, "/v1/sources", 1).await.unwrap_or_default();
    let public = sources.first().and_then(|source| source["ingest_url"].as_str());
    checks.push(match public {
        None => check("public url", Outcome::Skipped, "there is no source yet that would have one"),
        Some(url) => public_url(api, url).await,
    });
}

/// Whether providers reach the server where it says that they do.
async fn public_url(api: &Api, ingest: &str) -> Check {
    let Some((base, _)) = ingest.split_once("/v1/ingest/") else {
        return check("public url", Outcome::Bad, format!("{ingest} is no address of a source"));
    };
    match api.http().get(format!("{base}/healthz")).timeout(LIMIT).send().await {
        Ok(answer) if answer.status().is_success() => check("public url", Outcome::Good, format!("{base} answers")),
        Ok(answer) => check("public url", Outcome::Bad, format!("{base} answers {}", answer.status())),
        Err(error) => {
            let detail = format!("{base} does not answer here ({}): is HOOKSTREAM_PUBLIC_URL right?", reason(&error));
            check("public url", Outcome::Doubtful, detail)
        }
    }
}

async fn websocket(api: &Api) -> Check {
    match tokio::time::timeout(LIMIT, handshake(api)).await {
        Ok(Ok(_)) => check("websocket", Outcome::Good, "listen and tail can follow events"),
        Ok(Err(error)) => check(
            "websocket",
            Outcome::Bad,
            format!("{error}; a proxy before the server has to let WebSockets through"),
        ),
        Err(_) => check("websocket", Outcome::Bad, "no answer came in time"),
    }
}

/// What can be seen on the machine that the server runs on.
async fn host(config: Option<&Path>, checks: &mut Vec<Check>) {
    let config = match Config::load(config) {
        Ok(config) => config,
        Err(error) => return checks.push(check("settings", Outcome::Bad, format!("{error:#}"))),
    };
    let is_here = config.database_url.is_some() || config.data_dir.is_dir();
    if !is_here {
        return checks.push(check("host", Outcome::Skipped, "no server's settings or data are on this machine"));
    }
    if config.data_dir.is_dir() {
        checks.push(room(&config.data_dir));
    }
    if config.database_url.as_deref().is_some_and(|url| url.starts_with("postgres")) {
        checks.push(match tokio::time::timeout(LIMIT, Store::connect(&config.database())).await {
            Ok(Ok(store)) => {
                let pending = store.pending_migrations().await;
                store.close().await;
                match pending {
                    Ok(0) => check("schema", Outcome::Good, "PostgreSQL answers, and its schema is up to date"),
                    Ok(steps) => {
                        check("schema", Outcome::Doubtful, format!("{steps} steps are to be taken: hookstream migrate"))
                    }
                    Err(error) => check("schema", Outcome::Bad, error.to_string()),
                }
            }
            Ok(Err(error)) => check("schema", Outcome::Bad, format!("HOOKSTREAM_DATABASE_URL: {error}")),
            Err(_) => check("schema", Outcome::Bad, "PostgreSQL does not answer (HOOKSTREAM_DATABASE_URL)"),
        });
    }
}

#[cfg(unix)]
fn room(folder: &Path) -> Check {
    let shown = folder.display();
    match rustix::fs::statvfs(folder) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let detail = format!("{} MiB are free in {shown}", free >> 20);
            check("disk", if free < LEAST_ROOM { Outcome::Doubtful } else { Outcome::Good }, detail)
        }
        Err(error) => check("disk", Outcome::Bad, format!("{shown}: {error}")),
    }
}

#[cfg(not(unix))]
fn room(folder: &Path) -> Check {
    check("disk", Outcome::Skipped, format!("how much room there is in {} is not known", folder.display()))
}
