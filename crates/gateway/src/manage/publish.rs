//! Events from people's own programs, which show an API key in the place of a provider's signature.

use std::sync::{Arc, atomic::Ordering};

use domain::{permission::Permission, publish::PublishInput, source::SourceStatus};
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};

use super::{Access, Acknowledged, BodyRoom, Error, IngestRequest, Refusal, RequestHead, Result, ingest::Terms};
use crate::{
    Gateway, clock,
    pipeline::ingest::{Origin, admit, inlet_of},
    registry::Inlet,
};

impl Gateway {
    /// Takes an event in on the way that every request takes. When this returns, it is on disk, or refused.
    pub async fn publish(
        &self,
        access: &Access,
        input: PublishInput,
    ) -> Result<std::result::Result<Acknowledged, Refusal>> {
        access.require(Permission::Write)?;
        input.check()?;
        let inlet = self.own_inlet(access, &input).await?;
        let now = clock::now();
        let head = RequestHead {
            source_id: inlet.id,
            method: "POST".to_owned(),
            path: "/v1/publish".to_owned(),
            query: None,
            headers: headers_of(&input),
            source_ip: None,
            received_at: now,
        };
        let body = serde_json::to_vec(&input.payload).map_err(|_| Error::Internal)?;
        let Some(room) = BodyRoom::in_quota(&self.inner.bodies, inlet.env_id, body.len()) else {
            return Err(Error::Unavailable);
        };
        let request = IngestRequest { head, body: body.into(), room: Some(room) };
        let terms = Terms { origin: Origin::Owner, signed_before: now, may_repeat: false };
        let taken = async {
            admit(&inlet, &request.head, self.inner.nodes.load(Ordering::Relaxed))?;
            let passed = self.check(&inlet, &request, terms)?.of_type(input.event_type);
            self.keep(&inlet, request, passed, terms).await
        };
        Ok(taken.await)
    }

    /// The source, if it is of this project and takes anything.
    async fn own_inlet(&self, access: &Access, input: &PublishInput) -> Result<Arc<Inlet>> {
        let own = || {
            let inlet = inlet_of(&self.inner.registry.snapshot(), input.source_id).ok();
            inlet.filter(|inlet| inlet.env_id == access.env_id())
        };
        if let Some(inlet) = own() {
            return Ok(inlet);
        }
        let source = access.rows.source(input.source_id).await?.ok_or(Error::NotFound)?;
        if source.status == SourceStatus::Paused {
            return Err(Error::Conflict("the source is paused; activate it first".into()));
        }
        // Another node has made it a moment ago.
        self.inner.registry.refresh().await?;
        own().ok_or(Error::NotFound)
    }
}

fn headers_of(input: &PublishInput) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &input.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            headers.insert(name, value);
        }
    }
    headers
}
