//! `hookstream login`, `logout` and `whoami`: a key for this machine, kept in the person's own settings.

use std::{io::IsTerminal, time::Duration};

use domain::{
    api_key::NewApiKey,
    device::{DeviceCode, DeviceToken},
    page::Page,
    project::Environment,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Failure,
    client::{Answer, Api, Server},
    listen::machine_name,
    output::{Output, Paint, facts, json as print_json, one_line},
    profile::{Credentials, Profile},
};

#[derive(clap::Args)]
pub struct Login {
    #[command(flatten)]
    server: Server,
    /// The name that the key is made with [default: that of this machine]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only print the address, and do not open it in a browser
    #[arg(long)]
    no_browser: bool,
}

#[derive(clap::Args)]
pub struct Logout {
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
pub struct Whoami {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

/// What a wait for an answer grows by when the server finds it too short.
const SLOWER: Duration = Duration::from_secs(5);
/// Waits while the server cannot be reached; it may be restarting.
const UNREACHABLE_WAIT: Duration = Duration::from_secs(2);

pub async fn login(arguments: &Login) -> anyhow::Result<()> {
    let api = arguments.server.without_key()?;
    let (key, environment) = match arguments.server.given_key() {
        Some(key) => {
            let environment = environment(&api.with_key(key)).await?;
            (key.to_owned(), environment)
        }
        None => by_code(&api, arguments).await?,
    };
    let mut credentials = Credentials::load()?;
    credentials.set(&arguments.server.profile, Profile { server: api.base().to_owned(), api_key: key })?;
    println!(
        "Signed in to {} at {}. The key is kept in {}.",
        one_line(&environment.name),
        api.base(),
        credentials.path().display()
    );
    Ok(())
}

async fn by_code(api: &Api, arguments: &Login) -> anyhow::Result<(String, Environment)> {
    let name = arguments.name.clone().unwrap_or_else(machine_name);
    let code: DeviceCode = api.post_openly("/v1/device/code", &json!({ "device_name": name })).await?.done()?;
    let paint = Paint::of_stdout();
    println!("Open {} and enter the code", one_line(&code.verification_uri));
    println!();
    println!("    {}", paint.bold(&one_line(&code.user_code)));
    println!();
    println!("Waiting until somebody says yes there …");
    if !arguments.no_browser && std::io::stdout().is_terminal() {
        super::listen::open_in_browser(&code.verification_uri_complete);
    }
    let ends = Instant::now() + Duration::from_secs(code.expires_in);
    let mut wait = Duration::from_secs(code.interval.max(1));
    let question = json!({ "device_code": code.device_code });
    while Instant::now() < ends {
        tokio::time::sleep(wait).await;
        let refusal = match api.post_openly::<DeviceToken>("/v1/device/token", &question).await {
            Ok(Answer::Done(DeviceToken { api_key: NewApiKey { key, .. }, environment })) => {
                return Ok((key, environment));
            }
            Ok(Answer::Refused(refusal)) => refusal,
            Err(error) if super::is_unreachable(&error) => {
                tokio::time::sleep(UNREACHABLE_WAIT).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        match refusal.error.as_str() {
            "authorization_pending" => {}
            "slow_down" => wait += SLOWER,
            "access_denied" => return Err(Failure::key("somebody refused it in the dashboard").into()),
            "expired_token" => break,
            _ => return Err(Failure::refused(refusal.detail).into()),
        }
    }
    Err(Failure::key("nobody said yes in time; run `hookstream login` again").into())
}

/// The project that a key belongs to.
pub async fn environment(api: &Api) -> anyhow::Result<Environment> {
    let page: Page<Environment> = api.read("/v1/environments").await?;
    page.data.into_iter().next().ok_or_else(|| Failure::key("the key belongs to no project").into())
}

pub fn logout(arguments: &Logout) -> anyhow::Result<()> {
    let mut credentials = Credentials::load()?;
    let profile = &arguments.server.profile;
    if credentials.remove(profile)? {
        println!("Signed out: the key of the profile {profile} is forgotten here.");
        println!(
            "It still opens the project until it is revoked, in the dashboard or by `hookstream api-keys revoke`."
        );
        Ok(())
    } else {
        let known: Vec<_> = credentials.names().collect();
        let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
        Err(Failure::refused(format!("there is no profile {profile}; profiles: {known}")).into())
    }
}

pub async fn whoami(arguments: &Whoami) -> anyhow::Result<()> {
    let api = arguments.server.api()?;
    let environment = environment(&api).await?;
    // The key itself is seen by keys that may manage keys alone.
    let prefix = api.key()?.get(..12).unwrap_or_default().to_owned();
    let found = match api.get::<Value>("/v1/api-keys?limit=250").await {
        Ok(Answer::Done(keys)) => {
            let keys = keys["data"].as_array().cloned().unwrap_or_default();
            keys.into_iter().find(|key| key["key_prefix"] == prefix.as_str())
        }
        Ok(Answer::Refused(_)) | Err(_) => None,
    };
    if arguments.output.is_json() {
        return print_json(&json!({
            "server": api.base(), "profile": arguments.server.profile, "key_prefix": prefix, "environment": environment, "api_key": found,
        }));
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut known = vec![
        ("Server", api.base().to_owned()),
        ("Profile", arguments.server.profile.clone()),
        ("Project", format!("{} ({})", environment.name, environment.mode.as_str())),
        ("Project id", environment.id.to_string()),
        ("Key", format!("{prefix}…")),
    ];
    if let Some(key) = found {
        let scopes = key["scopes"].as_array().cloned().unwrap_or_default();
        known.push(("Key name", text(&key["name"])));
        known.push(("Scopes", scopes.iter().map(text).collect::<Vec<_>>().join(", ")));
    }
    facts(&known);
    Ok(())
}
