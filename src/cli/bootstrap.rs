//! `hookstream bootstrap`: a first account without a browser.

use std::{
    io::{BufRead, IsTerminal},
    time::Duration,
};

use anyhow::{Context, bail};
use domain::org::SignUpInput;
use gateway::clock;
use serde::Serialize;

use crate::{config::Config, startup};

#[derive(clap::Args)]
pub struct Arguments {
    /// The e-mail address to sign in with. The password is read from the standard input; one is generated without
    #[arg(long)]
    email: String,
    /// The organization's name
    #[arg(long)]
    org: String,
    /// The first project's name
    #[arg(long, default_value = "production")]
    project: String,
    /// The person's name [default: the e-mail address]
    #[arg(long)]
    name: Option<String>,
    /// Make another account although there are users
    #[arg(long)]
    add: bool,
}

#[derive(Serialize)]
struct Made {
    #[serde(flatten)]
    made: gateway::manage::Bootstrap,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

pub async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<()> {
    let given = read_password()?;
    let generated = given.is_none().then(|| {
        let bytes: Vec<String> = clock::secret_bytes::<12>().iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.concat()
    });
    let Some(password) = given.or_else(|| generated.clone()) else { bail!("no password") };
    let input = SignUpInput {
        name: arguments.name.unwrap_or_else(|| arguments.email.clone()),
        email: arguments.email,
        organization: arguments.org,
        password,
    };
    let gateway = startup::start_gateway(config).await?;
    let made = gateway.bootstrap(input, &arguments.project, arguments.add).await;
    gateway.stop(Duration::from_secs(5)).await;
    let made = made.context("the account was not made")?;
    println!("{}", serde_json::to_string(&Made { made, password: generated })?);
    Ok(())
}

/// The first line of the standard input, unless that is a keyboard or empty.
fn read_password() -> anyhow::Result<Option<String>> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line).context("the password could not be read")?;
    let line = line.trim_end_matches(['\r', '\n']);
    Ok((!line.is_empty()).then(|| line.to_owned()))
}
