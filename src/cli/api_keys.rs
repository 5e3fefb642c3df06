//! `hookstream api-keys`

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failure,
    client::Server,
    listen::since,
    output::{Output, json as print_json},
    resources::{pages, show_rows, shown},
};

#[derive(clap::Subcommand)]
pub enum ApiKeys {
    /// Show the keys of the project; never their texts
    List(List),
    /// Make a key, and print it, this once
    Create(Create),
    /// Replace a key by one that can do the same; the old one works for another day
    Rotate(One),
    /// End a key at once
    Revoke(One),
}

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
pub struct Create {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
    /// The program that will use it
    #[arg(long)]
    name: String,
    /// read, write or admin; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// When it ends, as a time such as 2027-01-31T12:00:00Z [default: never]
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
}

#[derive(clap::Args)]
pub struct One {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
    /// Its id, or the characters that it is known by, such as hs_live_1234
    #[arg(value_name = "KEY")]
    key: String,
}

const COLUMNS: [&str; 7] = ["id", "name", "key_prefix", "scopes", "last_used_at", "expires_at", "revoked_at"];
const LOOKED_THROUGH: u32 = 10_000;

pub async fn run(command: ApiKeys) -> anyhow::Result<()> {
    match command {
        ApiKeys::List(list) => {
            let keys = pages(&list.server.api()?, "/v1/api-keys", LOOKED_THROUGH).await?;
            show_rows(list.output, &COLUMNS, &keys)
        }
        ApiKeys::Create(create) => {
            let mut body = json!({ "name": create.name, "scopes": create.scopes });
            if let Some(time) = &create.expires_at {
                body["expires_at"] = json!(since::parse(time)?);
            }
            let made: Value = create.server.api()?.change(Method::POST, "/v1/api-keys", Some(&body)).await?;
            print_made(create.output, &made)
        }
        ApiKeys::Rotate(one) => {
            let id = id_of(&one).await?;
            let made: Value =
                one.server.api()?.change(Method::POST, &format!("/v1/api-keys/{id}/rotate"), None).await?;
            print_made(one.output, &made)
        }
        ApiKeys::Revoke(one) => {
            let id = id_of(&one).await?;
            let _: Value = one.server.api()?.change(Method::DELETE, &format!("/v1/api-keys/{id}"), None).await?;
            if one.output.is_json() {
                return print_json(&json!({ "id": id, "revoked": true }));
            }
            println!("The key {} is revoked.", one.key);
            Ok(())
        }
    }
}

/// The key alone on the standard output, so that a script has it by `$(…)`.
fn print_made(output: Output, made: &Value) -> anyhow::Result<()> {
    if output.is_json() {
        return print_json(made);
    }
    eprintln!("hookstream: {} ({}) is shown this once:", shown(&made["name"]), shown(&made["id"]));
    println!("{}", shown(&made["key"]));
    Ok(())
}

async fn id_of(one: &One) -> anyhow::Result<String> {
    let keys = pages(&one.server.api()?, "/v1/api-keys", LOOKED_THROUGH).await?;
    let is_it = |key: &&Value| key["id"] == one.key.as_str() || key["key_prefix"] == one.key.as_str();
    let found = keys.iter().find(is_it).and_then(|key| key["id"].as_str());
    let none = || Failure::refused(format!("there is no key {}; `hookstream api-keys list` shows all", one.key));
    Ok(found.ok_or_else(none)?.to_owned())
}
