//! The REST API, as far as measuring needs it.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use ureq::Agent;

use super::paced::Inlet;

const POLL: Duration = Duration::from_millis(20);

/// A program with a key.
#[derive(Clone)]
pub struct Api {
    agent: Agent,
    address: SocketAddr,
    key: String,
}

impl Api {
    pub fn new(address: SocketAddr, key: &str) -> Self {
        Self { agent: Agent::new_with_defaults(), address, key: key.to_owned() }
    }

    /// The same program with the key of another project.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn is_ready(&self) -> bool {
        self.agent.get(self.url("/readyz")).call().is_ok()
    }

    pub fn get(&self, path: &str) -> Result<Value> {
        let mut answer = self.agent.get(self.url(path)).header("x-api-key", &self.key).call()?;
        Ok(answer.body_mut().read_json()?)
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let mut answer = self.agent.post(self.url(path)).header("x-api-key", &self.key).send_json(body)?;
        Ok(answer.body_mut().read_json()?)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        let mut answer = self.agent.patch(self.url(path)).header("x-api-key", &self.key).send_json(body)?;
        Ok(answer.body_mut().read_json()?)
    }

    pub fn make(&self, resource: &str, input: &Value) -> Result<String> {
        id_of(&self.post(&format!("/v1/{resource}"), input)?)
    }

    /// A source that verifies nothing and leads nowhere: its id.
    pub fn source(&self, name: &str) -> Result<String> {
        self.make("sources", &json!({ "name": name }))
    }

    pub fn destination(&self, name: &str, url: &str, retry: &Value) -> Result<String> {
        let config = json!({ "url": url });
        self.make("destinations", &json!({ "name": name, "type": "http", "config": config, "retry": retry }))
    }

    pub fn connect(&self, source: &str, destination: &str) -> Result<()> {
        self.make("connections", &json!({ "source_id": source, "destination_id": destination })).map(drop)
    }

    /// A source that leads to a receiver: the ids of the source and the destination.
    pub fn route(&self, name: &str, receiver: &str) -> Result<(String, String)> {
        let source = self.source(name)?;
        let destination = self.destination(name, receiver, &json!({}))?;
        self.connect(&source, &destination)?;
        Ok((source, destination))
    }

    /// Where the events of a source are posted to.
    pub fn inlet(&self, source: &str) -> Inlet {
        Inlet { address: self.address, path: format!("/v1/ingest/{source}") }
    }

    pub fn pause(&self, destination: &str) -> Result<()> {
        self.post(&format!("/v1/destinations/{destination}/pause"), &json!({})).map(drop)
    }

    pub fn resume(&self, destination: &str) -> Result<()> {
        self.post(&format!("/v1/destinations/{destination}/resume"), &json!({})).map(drop)
    }

    /// How many events of a source are stored.
    pub fn stored(&self, source: &str) -> Result<u64> {
        self.get(&format!("/v1/sources/{source}"))?["event_count"].as_u64().context("a source has no event_count")
    }

    /// Fails when fewer events are stored than were acknowledged.
    pub fn check_stored(&self, source: &str, acknowledged: u64) -> Result<u64> {
        let stored = self.stored(source)?;
        if stored < acknowledged {
            bail!("{acknowledged} events were acknowledged, but only {stored} are stored");
        }
        Ok(stored)
    }

    /// The newest event of the project, which all that come later sort behind.
    pub fn newest_event(&self) -> Result<Option<String>> {
        self.newest("/v1/events?limit=1")
    }

    fn newest(&self, path: &str) -> Result<Option<String>> {
        let page = self.get(path)?;
        page["data"].get(0).map(id_of).transpose()
    }

    /// Waits until every event later than `after` is delivered.
    pub fn wait_until_drained(&self, after: Option<&str>, limit: Duration) -> Result<()> {
        let start = Instant::now();
        // Ids sort by time.
        while self.newest("/v1/events?limit=1&status=processing")?.as_deref() > after {
            if start.elapsed() > limit {
                bail!("not everything was delivered within {} s", limit.as_secs());
            }
            thread::sleep(POLL);
        }
        match self.newest("/v1/events?limit=1&status=failed")? {
            Some(failed) if Some(failed.as_str()) > after => bail!("the event {failed} could not be delivered"),
            _ => Ok(()),
        }
    }
}

fn id_of(value: &Value) -> Result<String> {
    Ok(value["id"].as_str().context("an answer has no id")?.to_owned())
}
