//! The running server: built, then run until it is stopped.

use std::{future::IntoFuture, time::Duration};

use anyhow::Context;
use axum::serve::ListenerExt;
use gateway::Gateway;
use store::Store;
use tokio::net::TcpListener;

use crate::{config::Config, http, shutdown};

/// A server that is bound to its address and ready to run.
pub struct Application {
    listener: TcpListener,
    front: http::Front,
    gateway: Gateway,
    public_url: String,
}

impl Application {
    /// Opens and migrates the database, starts the workers, and binds the address.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        // First, so that a taken address is told before anything is started.
        let listener = TcpListener::bind(config.addr)
            .await
            .with_context(|| format!("the address {} cannot be used (HOOKSTREAM_ADDR)", config.addr))?;
        let gateway = start_gateway(config).await?;
        let public_url = config.public_url()?;
        let front = http::front(gateway.clone(), config)?;
        Ok(Self { listener, front, gateway, public_url })
    }

    /// Serves until the process is asked to stop; then stops accepting, and ends in order.
    pub async fn run_until_stopped(self) -> anyhow::Result<()> {
        let address = self.listener.local_addr()?;
        tracing::info!(%address, public_url = self.public_url, "hookstream is ready");
        eprintln!("hookstream is ready at {}", self.public_url);
        let stopping = self.gateway.stopping();
        let listener = self.listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection does not take TCP_NODELAY");
            }
        });
        let server = axum::serve(listener, self.front)
            .with_graceful_shutdown({
                let stopping = stopping.clone();
                async move { stopping.cancelled().await }
            })
            .into_future();
        let mut server = tokio::spawn(server);
        tokio::select! {
            ended = &mut server => ended.context("the server stopped")?.context("the server failed")?,
            () = shutdown::requested() => {
                tracing::info!("stopping: no new requests; what has begun is brought to its end");
                stopping.cancel();
                if tokio::time::timeout(Duration::from_secs(10), &mut server).await.is_err() {
                    tracing::warn!("connections that stayed open are closed");
                    server.abort();
                }
            }
        }
        self.gateway.stop(shutdown::LIMIT).await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Opens and migrates the database, and starts the gateway on it.
pub async fn start_gateway(config: &Config) -> anyhow::Result<Gateway> {
    let settings = config.gateway()?;
    let store = Store::connect(&config.database()).await.context("the database cannot be opened")?;
    store.migrate().await.context("the database's schema cannot be brought up to date")?;
    Ok(Gateway::start(store, settings).await?)
}
