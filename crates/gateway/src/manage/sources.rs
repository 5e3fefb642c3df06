//! Sources of a project.

use bytes::Bytes;
use domain::{
    id::{EventId, SourceId},
    page::{Page, PageRequest},
    patch,
    permission::Permission,
    source::{Source, SourceInput, SourceSpec, SourceStatus},
    template::GENERIC_SAMPLE_BODY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{Access, Error, IngestRequest, Result, input::parse_input};
use crate::{Gateway, clock, providers, registry::source_place};

impl Gateway {
    pub async fn sources(&self, access: &Access, page: PageRequest) -> Result<Page<Source>> {
        access.require(Permission::Read)?;
        Ok(access.rows.sources(page).await?.map(|source| self.shown_source(source)))
    }

    pub async fn source(&self, access: &Access, id: SourceId) -> Result<Source> {
        access.require(Permission::Read)?;
        let source = access.rows.source(id).await?.ok_or(Error::NotFound)?;
        Ok(self.shown_source(source))
    }

    pub async fn create_source(&self, access: &Access, input: SourceInput) -> Result<Source> {
        access.require(Permission::Write)?;
        let spec = input.parse()?;
        let now = clock::now();
        let id = SourceId::new(now, clock::id_bits());
        let spec = self.sealed_source(id, spec)?;
        access.rows.insert_source(id, &spec, now).await.map_err(|error| Error::slug_taken(error, "source"))?;
        self.inner.registry.refresh().await?;
        self.source(access, id).await
    }

    /// Lays a merge patch over the source. Masked secrets in it stand for those that are kept.
    pub async fn update_source(&self, access: &Access, id: SourceId, patch: Value) -> Result<Source> {
        access.require(Permission::Write)?;
        let mut current = access.rows.source(id).await?.ok_or(Error::NotFound)?;
        let place = source_place(id);
        current.verification = current.verification.map_secrets(|sealed| self.inner.vault.open(&place, sealed))?;
        let mut input = serde_json::to_value(SourceInput::from(&current)).unwrap_or_default();
        patch::merge(&mut input, patch);
        let mut input = parse_input::<SourceInput>(input)?;
        if let Some(verification) = &mut input.verification {
            let given = std::mem::take(&mut verification.secrets);
            verification.secrets = patch::unmask_secrets(given, &current.verification.secrets);
        }
        let spec = self.sealed_source(id, input.parse()?)?;
        let updated = access.rows.update_source(id, &spec, clock::now()).await;
        if !updated.map_err(|error| Error::slug_taken(error, "source"))? {
            return Err(Error::NotFound);
        }
        self.inner.registry.refresh().await?;
        self.source(access, id).await
    }

    pub async fn delete_source(&self, access: &Access, id: SourceId) -> Result<()> {
        access.require(Permission::Write)?;
        if !access.rows.delete_source(id, clock::now()).await? {
            return Err(Error::NotFound);
        }
        self.inner.registry.refresh().await?;
        Ok(())
    }

    /// Sends the template's sample to the source, signed as the provider would, on the way that every request takes.
    pub async fn send_test_event(&self, access: &Access, id: SourceId) -> Result<EventId> {
        access.require(Permission::Write)?;
        let source = access.rows.source(id).await?.ok_or(Error::NotFound)?;
        if source.status == SourceStatus::Paused {
            return Err(Error::Conflict("the source is paused; activate it first".into()));
        }
        let place = source_place(id);
        let verification = source.verification.map_secrets(|sealed| self.inner.vault.open(&place, sealed))?;
        let (body, event_type) = match source.template {
            Some(template) => (template.template().sample_body, template.template().sample_type),
            None => (GENERIC_SAMPLE_BODY, ""),
        };
        let now = clock::now();
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(http::header::USER_AGENT, HeaderValue::from_static("hookstream-test-event"));
        for (name, value) in providers::sign(source.template, &verification, body.as_bytes(), event_type, now) {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                headers.insert(name, value);
            }
        }
        let request = IngestRequest {
            source_id: id,
            method: "POST".into(),
            path: format!("/v1/ingest/{id}"),
            query: None,
            headers,
            body: Bytes::from_static(body.as_bytes()),
            room: None,
            source_ip: None,
            received_at: now,
        };
        self.ingest(request).await.map_err(|refusal| {
            tracing::warn!(source.id = %id, %refusal, "a test event was refused");
            match refusal {
                super::Refusal::Unavailable => Error::Unavailable,
                other => Error::Conflict(other.to_string()),
            }
        })
    }

    fn sealed_source(&self, id: SourceId, mut spec: SourceSpec) -> Result<SourceSpec> {
        let place = source_place(id);
        spec.verification = spec.verification.map_secrets(|secret| self.inner.vault.seal(&place, secret))?;
        Ok(spec)
    }

    /// As callers see it: with its address, and its secrets masked.
    fn shown_source(&self, mut source: Source) -> Source {
        let place = source_place(source.id);
        // One that cannot be opened shows as dots without an end.
        let opened = source.verification.map_secrets(|sealed| {
            Ok::<_, std::convert::Infallible>(self.inner.vault.open(&place, sealed).unwrap_or_default())
        });
        let Ok(opened) = opened;
        source.verification = opened.masked();
        source.ingest_url = format!("{}/v1/ingest/{}", self.inner.settings.public_url, source.id);
        source
    }
}
