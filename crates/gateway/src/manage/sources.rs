//! Sources of a project.

use domain::{
    audit::{Action, Changes, Target},
    event_type::EventType,
    field::FieldErrors,
    id::{EventId, SourceId},
    page::{Page, PageRequest},
    patch,
    permission::Permission,
    source::{Source, SourceInput, SourceSpec, SourceStatus},
    template::TemplateId,
    verification::Verification,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{
    Access, Error, IngestRequest, Refusal, RequestHead, Result, audit::Note, configuration::Told, ingest::Terms,
    input::parse_input,
};
use crate::{
    Gateway, clock,
    pipeline::ingest::{Origin, inlet_of},
    providers::{self, CannotSign, RequestUrl, Unsigned},
    registry::source_place,
    schema::Schema,
};

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
        let changes = Told::differences(None, Some(&Told::source_spec(id, spec.clone())));
        let target = Target::new("source", id, &spec.name);
        let spec = self.sealed_source(id, spec)?;
        let rows = self.noting(access, Note::new(Action::SourceCreate, target, Changes::of(changes)), true).await?;
        rows.insert_source(id, &spec, now).await.map_err(|error| Error::slug_taken(error, "source"))?;
        self.inner.registry.refresh().await?;
        self.source(access, id).await
    }

    /// Lays a merge patch over the source; a schema in it replaces the former one whole. Masked secrets in it stand for those that are kept.
    pub async fn update_source(&self, access: &Access, id: SourceId, mut patch: Value) -> Result<Source> {
        access.require(Permission::Write)?;
        let mut current = access.rows.source(id).await?.ok_or(Error::NotFound)?;
        let place = source_place(id);
        current.verification = current.verification.map_secrets(|sealed| self.inner.vault.open(&place, sealed))?;
        let mut input = serde_json::to_value(SourceInput::from(&current)).unwrap_or_default();
        let schema = take_whole(&mut patch, &mut input);
        patch::merge(&mut input, patch);
        if let Some(schema) = schema {
            input["schema"] = schema;
        }
        let mut input = parse_input::<SourceInput>(input)?;
        if let Some(verification) = &mut input.verification {
            let given = std::mem::take(&mut verification.secrets);
            verification.secrets = patch::unmask_secrets(given, &current.verification.secrets);
            let token = (verification.verify_token.take(), current.verification.verify_token.as_ref());
            verification.verify_token = match token {
                (Some(given), Some(known)) if given == patch::mask(known) => Some(known.clone()),
                (given, _) => given,
            };
        }
        let spec = input.parse()?;
        let target = Target::new("source", id, &spec.name);
        let next = Told::source_spec(id, spec.clone());
        let changes = Told::differences(Some(&Told::source(current)), Some(&next));
        let is_change = !changes.is_empty();
        let note = Note::new(Action::SourceUpdate, target, Changes::of(changes));
        let spec = self.sealed_source(id, spec)?;
        let rows = self.noting(access, note, is_change).await?;
        let updated = rows.update_source(id, &spec, clock::now()).await;
        if !updated.map_err(|error| Error::slug_taken(error, "source"))? {
            return Err(Error::NotFound);
        }
        self.inner.registry.refresh().await?;
        self.source(access, id).await
    }

    pub async fn delete_source(&self, access: &Access, id: SourceId) -> Result<()> {
        access.require(Permission::Write)?;
        let current = access.rows.source(id).await?.ok_or(Error::NotFound)?;
        let target = Target::new("source", id, &current.name);
        let changes = Told::differences(Some(&self.told_source(current)), None);
        let rows = self.noting(access, Note::new(Action::SourceDelete, target, Changes::of(changes)), true).await?;
        if !rows.delete_source(id, clock::now()).await? {
            return Err(Error::NotFound);
        }
        self.inner.registry.refresh().await?;
        Ok(())
    }

    /// Sends the template's first sample to the source, signed as the provider would, on the way that every request
    /// takes. Where only the provider could sign it, it goes in as the owner's own: not verified, and marked by a header.
    pub async fn send_test_event(&self, access: &Access, id: SourceId) -> Result<EventId> {
        access.require(Permission::Write)?;
        let source = access.rows.source(id).await?.ok_or(Error::NotFound)?;
        if source.status == SourceStatus::Paused {
            return Err(Error::Conflict("the source is paused; activate it first".into()));
        }
        let place = source_place(id);
        let verification = source.verification.map_secrets(|sealed| self.inner.vault.open(&place, sealed))?;
        let (request, origin) = self.test_event(id, source.template, &verification)?;
        let terms = Terms { origin, signed_before: request.head.received_at, may_repeat: true };
        let inlet = inlet_of(&self.inner.registry.snapshot(), id).map_err(refused)?;
        let taken = self.take_in(&inlet, request, terms).await;
        let event = taken.map_err(refused)?.event_id;
        let target = Target::new("source", id, &source.name);
        let changes = Changes::to(json!({ "event": event }));
        self.note(access, Note::new(Action::SourceTest, target, changes)).await;
        Ok(event)
    }

    fn test_event(
        &self,
        id: SourceId,
        template: Option<TemplateId>,
        verification: &Verification,
    ) -> Result<(IngestRequest, Origin)> {
        let samples = template.unwrap_or(TemplateId::Custom).template().samples;
        let sample = samples.first().ok_or(Error::NotFound)?;
        let (now, path) = (clock::now(), format!("/v1/ingest/{id}"));
        let unsigned = Unsigned {
            method: "POST",
            url: RequestUrl { base: self.public_url(), path: &path, query: None },
            content_type: sample.content_type,
            body: sample.body.as_bytes(),
            event_type: sample.event_type,
            now,
        };
        let (signed, origin) = match providers::sign(template, verification, &unsigned) {
            Ok(signed) => (signed, Origin::Sender),
            Err(CannotSign::PublicKey) => (unsigned.as_it_is("only the sender has the key that signs"), Origin::Owner),
            Err(other) => return Err(Error::Conflict(other.to_string())),
        };
        let mut headers = HeaderMap::new();
        headers.insert(http::header::USER_AGENT, HeaderValue::from_static("hookstream-test-event"));
        for (name, value) in &signed.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                headers.insert(name, value);
            }
        }
        let head = RequestHead {
            source_id: id,
            method: "POST".into(),
            path,
            query: signed.query,
            headers,
            source_ip: None,
            received_at: now,
        };
        Ok((IngestRequest { head, body: signed.body.into(), room: None }, origin))
    }

    /// The types of events that the source has seen, the most frequent first.
    pub async fn event_types(&self, access: &Access, id: SourceId) -> Result<Vec<EventType>> {
        access.require(Permission::Read)?;
        access.rows.source(id).await?.ok_or(Error::NotFound)?;
        Ok(access.rows.event_types(id).await?)
    }

    pub(super) fn sealed_source(&self, id: SourceId, mut spec: SourceSpec) -> Result<SourceSpec> {
        if let Some(schema) = &spec.checks.schema {
            Schema::compile(schema).map_err(|why| FieldErrors::one("schema", why))?;
        }
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

/// Takes out of a patch what it replaces and does not merge: the schema, whose nulls and objects are its own, and settings
/// of another strategy, which have nothing to do with those of the former. Returns the schema.
fn take_whole(patch: &mut Value, input: &mut Value) -> Option<Value> {
    let (Some(patch), Some(input)) = (patch.as_object_mut(), input.as_object_mut()) else { return None };
    if patch.get("dedup").is_some_and(|dedup| dedup.get("strategy").is_some()) {
        input.remove("dedup");
    }
    patch.remove("schema")
}

/// Why a request of the owner's own makes no event.
pub(super) fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Unavailable => Error::Unavailable,
        Refusal::NotFound | Refusal::Gone => Error::NotFound,
        other => Error::Conflict(format!("the source refuses it: {other}")),
    }
}
