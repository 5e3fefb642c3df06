//! `hookstream serve`

use crate::{config::Config, startup::Application};

pub async fn run(config: &Config) -> anyhow::Result<()> {
    Application::build(config).await?.run_until_stopped().await
}
