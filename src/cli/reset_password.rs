//! `hookstream reset-password`: a link by which somebody chooses a new password, for servers that send no mail. It changes
//! nothing in the database, and so works beside a server that has an SQLite file open.

use anyhow::{Context, bail};
use domain::org::Email;
use gateway::{manage::people::operator_link, secrets::Vault};
use store::Store;

use crate::config::Config;

#[derive(clap::Args)]
pub struct Arguments {
    /// The e-mail address that they sign in with
    #[arg(long)]
    email: String,
    /// Also turn their second factor off, once they have chosen the password
    #[arg(long)]
    without_second_factor: bool,
}

pub async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<()> {
    let email: Email = match arguments.email.parse() {
        Ok(email) => email,
        Err(message) => bail!("--email {message}"),
    };
    let vault = Vault::new(config.secret_keys()?.keys);
    let public_url = config.public_url()?;
    let store = Store::look(&config.database()).await.context("the database cannot be opened")?;
    let link = operator_link(&store, &vault, &public_url, &email, arguments.without_second_factor).await;
    store.close().await;
    let Some(link) = link.context("the link was not made")? else {
        bail!("nobody signs in with {}", email.as_str());
    };
    eprintln!("This link works once, within an hour. Give it to {} alone:", email.as_str());
    println!("{link}");
    Ok(())
}
