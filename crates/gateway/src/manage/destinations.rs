//! Destinations of a project.

use domain::{
    audit::{Action, Changes, Target},
    circuit::{Circuit, CircuitStatus},
    delivery::Trial,
    destination::{Destination, DestinationInput, DestinationSpec, DestinationStatus, DestinationType, SigningScheme},
    id::{DeliveryId, DestinationId, EventId},
    page::{Page, PageRequest},
    patch,
    permission::Permission,
    rehearsal::SampleEvent,
};
use serde_json::{Value, json};

use super::{
    Access, Error, Result,
    audit::{Note, is_status_alone},
    configuration::Told,
    input::parse_input,
};
use crate::{
    Gateway, clock, destinations,
    event_view::EventView,
    hub,
    pipeline::deliver::{self, Outgoing},
    providers::standard_webhooks,
    registry::destination_place,
};

impl Gateway {
    pub async fn destinations(&self, access: &Access, page: PageRequest) -> Result<Page<Destination>> {
        access.require(Permission::Read)?;
        Ok(access.rows.destinations(page).await?.map(|destination| self.shown_destination(destination)))
    }

    pub async fn destination(&self, access: &Access, id: DestinationId) -> Result<Destination> {
        access.require(Permission::Read)?;
        let destination = access.rows.destination(id).await?.ok_or(Error::NotFound)?;
        Ok(self.shown_destination(destination))
    }

    /// A signing secret that is generated here stands in the answer as it is, this once.
    pub async fn create_destination(&self, access: &Access, input: DestinationInput) -> Result<Destination> {
        access.require(Permission::Write)?;
        let mut spec = input.parse()?;
        destinations::check(&spec, &self.inner.client)?;
        let generated = generate_secret(&mut spec);
        let now = clock::now();
        let id = DestinationId::new(now, clock::id_bits());
        let changes = Told::differences(None, Some(&Told::destination_spec(id, spec.clone())));
        let target = Target::new("destination", id, &spec.name);
        let spec = self.sealed_destination(id, spec)?;
        let note = Note::new(Action::DestinationCreate, target, Changes::of(changes));
        let rows = self.noting(access, note, true).await?;
        let inserted = rows.insert_destination(id, &spec, now).await;
        inserted.map_err(|error| Error::slug_taken(error, "destination"))?;
        self.inner.registry.refresh().await?;
        let mut destination = self.destination(access, id).await?;
        if let Some(secret) = generated {
            destination.signing.secrets = vec![secret];
        }
        Ok(destination)
    }

    /// Lays a merge patch over the destination. Masked secrets in it stand for those that are kept.
    pub async fn update_destination(&self, access: &Access, id: DestinationId, patch: Value) -> Result<Destination> {
        access.require(Permission::Write)?;
        let place = destination_place(id);
        let current = access.rows.destination(id).await?.ok_or(Error::NotFound)?;
        let current = current.map_secrets(|sealed| self.inner.vault.open(&place, sealed))?;
        let mut input = serde_json::to_value(DestinationInput::from(&current)).unwrap_or_default();
        replace_tagged(&mut input, &patch);
        drop_dependent(&mut input, &patch);
        patch::merge(&mut input, patch);
        let mut input = parse_input::<DestinationInput>(input)?;
        input.unmask(&current);
        if let Some(signing) = input.signing.as_mut().filter(|it| it.scheme == Some(SigningScheme::None)) {
            signing.secrets.clear();
        }
        let mut spec = input.parse()?;
        destinations::check(&spec, &self.inner.client)?;
        let generated = generate_secret(&mut spec);
        let next = Told::destination_spec(id, spec.clone());
        let changes = Told::differences(Some(&Told::destination(current)), Some(&next));
        let action = match (is_status_alone(&changes), spec.status) {
            (true, DestinationStatus::Paused) => Action::DestinationPause,
            (true, DestinationStatus::Active) => Action::DestinationResume,
            (false, _) => Action::DestinationUpdate,
        };
        let is_change = !changes.is_empty();
        let note = Note::new(action, Target::new("destination", id, &spec.name), Changes::of(changes));
        let spec = self.sealed_destination(id, spec)?;
        let rows = self.noting(access, note, is_change).await?;
        let updated = rows.update_destination(id, &spec, clock::now()).await;
        if !updated.map_err(|error| Error::slug_taken(error, "destination"))? {
            return Err(Error::NotFound);
        }
        if !spec.circuit_breaker.enabled {
            // What it was is not to come back when it is enabled again.
            access.rows.reset_circuit(id).await?;
        }
        self.inner.registry.refresh().await?;
        let mut destination = self.destination(access, id).await?;
        if let Some(secret) = generated {
            destination.signing.secrets = vec![secret];
        }
        Ok(destination)
    }

    pub async fn pause_destination(&self, access: &Access, id: DestinationId) -> Result<Destination> {
        self.update_destination(access, id, json!({ "status": DestinationStatus::Paused })).await
    }

    pub async fn resume_destination(&self, access: &Access, id: DestinationId) -> Result<Destination> {
        self.update_destination(access, id, json!({ "status": DestinationStatus::Active })).await
    }

    /// Sends an event that was made up, past queue, limits and circuit, and says what the receiver answered.
    pub async fn test_destination(&self, access: &Access, id: DestinationId) -> Result<Trial> {
        access.require(Permission::Write)?;
        let name = access.rows.destination(id).await?.ok_or(Error::NotFound)?.name;
        self.inner.registry.refresh().await?;
        let snapshot = self.inner.registry.snapshot();
        let target = snapshot.target(id).ok_or(Error::NotFound)?;
        let now = clock::now();
        let event_id = EventId::new(now, clock::id_bits());
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        let sample = SampleEvent::default();
        let event = EventView {
            id: Some(event_id),
            source_id: Some(hub::test_source()),
            ..EventView::of_sample(&sample, &headers, now)
        };
        let outgoing = Outgoing {
            event,
            env_id: access.env_id(),
            event_id,
            source_id: hub::test_source(),
            delivery_id: DeliveryId::new(now, clock::id_bits()),
            attempt_number: 1,
            body: hub::test_body(event_id).into(),
            now,
            is_test: true,
        };
        let sent = deliver::send(&self.inner.client, &self.inner.hub, target, &outgoing).await;
        let error = sent.error().cloned();
        let changes = Changes::to(json!({ "event": event_id, "succeeded": error.is_none() }));
        self.note(access, Note::new(Action::DestinationTest, Target::new("destination", id, &name), changes)).await;
        let (status, headers, body) = match sent.answer {
            Some(answer) => (answer.status, Some(answer.headers), Some(answer.body)),
            None => (None, None, None),
        };
        Ok(Trial {
            succeeded: error.is_none(),
            event_id,
            latency_ms: sent.latency_ms,
            response_status: status,
            response_headers: headers,
            response_body: body,
            error_class: error.as_ref().map(|error| error.class),
            error: error.map(|error| error.message),
            request: sent.request,
        })
    }

    /// Where its circuit stands.
    pub async fn circuit(&self, access: &Access, id: DestinationId) -> Result<CircuitStatus> {
        let destination = self.destination(access, id).await?;
        let status = access.rows.circuit(id).await?;
        if destination.circuit_breaker.enabled {
            return Ok(status);
        }
        Ok(CircuitStatus { state: Circuit::NEW.state(), failure_count: 0, retry_at: None, ..status })
    }

    /// Closes its circuit now, on every node.
    pub async fn reset_circuit(&self, access: &Access, id: DestinationId) -> Result<CircuitStatus> {
        access.require(Permission::Write)?;
        let name = access.rows.destination(id).await?.ok_or(Error::NotFound)?.name;
        access.rows.reset_circuit(id).await?;
        self.note(access, Note::of(Action::DestinationResetCircuit, Target::new("destination", id, &name))).await;
        self.circuit(access, id).await
    }

    pub async fn delete_destination(&self, access: &Access, id: DestinationId) -> Result<()> {
        access.require(Permission::Write)?;
        let current = access.rows.destination(id).await?.ok_or(Error::NotFound)?;
        let target = Target::new("destination", id, &current.name);
        let changes = Told::differences(Some(&self.told_destination(current)), None);
        let note = Note::new(Action::DestinationDelete, target, Changes::of(changes));
        let rows = self.noting(access, note, true).await?;
        if !rows.delete_destination(id, clock::now()).await? {
            return Err(Error::NotFound);
        }
        // It is not to be kept an eye on any more.
        access.rows.reset_circuit(id).await?;
        self.inner.registry.refresh().await?;
        // What waits for it finds that it is gone.
        self.inner.workers.wake(id);
        Ok(())
    }

    pub(super) fn sealed_destination(&self, id: DestinationId, mut spec: DestinationSpec) -> Result<DestinationSpec> {
        let place = destination_place(id);
        let mut seal = |secret: &String| self.inner.vault.seal(&place, secret);
        spec.config = spec.config.map_secrets(&mut seal)?;
        spec.auth = std::mem::take(&mut spec.auth).map_secrets(&mut seal)?;
        spec.signing = spec.signing.map_secrets(&mut seal)?;
        Ok(spec)
    }

    /// As callers see it: with its secrets masked.
    fn shown_destination(&self, destination: Destination) -> Destination {
        let place = destination_place(destination.id);
        let opened = destination.map_secrets(|sealed| {
            Ok::<_, std::convert::Infallible>(self.inner.vault.open(&place, sealed).unwrap_or_default())
        });
        let Ok(opened) = opened;
        opened.masked()
    }
}

/// A type that is replaced by another takes none of its settings along, and no more does a kind of authentication or
/// signature.
fn replace_tagged(input: &mut Value, patch: &Value) {
    let changes = |path: &str| patch.pointer(path).is_some_and(|given| Some(given) != input.pointer(path));
    let (kind, auth, signing) = (changes("/type"), changes("/auth/type"), changes("/signing/scheme"));
    if kind {
        input["config"] = json!({});
    }
    let stays_http = !kind || patch["type"] == json!(DestinationType::Http);
    if auth || !stays_http {
        input["auth"] = json!({ "type": "none" });
    }
    if signing || kind {
        input["signing"] = json!({});
    }
    if !stays_http {
        input["headers"] = json!({});
    }
}

/// What has a meaning beside another setting alone goes with it, unless the patch says something of it.
fn drop_dependent(input: &mut Value, patch: &Value) {
    let goes = [
        (patch.pointer("/ordering/mode") == Some(&json!("parallel")), "ordering", "key"),
        (patch.pointer("/rate_limit/limit") == Some(&Value::Null), "rate_limit", "per"),
    ];
    for (goes, setting, dependent) in goes {
        if goes && let Some(setting) = input.get_mut(setting).and_then(Value::as_object_mut) {
            setting.shift_remove(dependent);
        }
    }
}

pub(super) fn generate_secret(spec: &mut DestinationSpec) -> Option<String> {
    if spec.signing.scheme == SigningScheme::None || !spec.signing.secrets.is_empty() {
        return None;
    }
    let secret = standard_webhooks::generate_secret();
    spec.signing.secrets = vec![secret.clone()];
    Some(secret)
}
