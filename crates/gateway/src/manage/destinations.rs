//! Destinations of a project.

use domain::{
    circuit::{Circuit, CircuitStatus},
    destination::{Auth, Destination, DestinationInput, DestinationSpec, DestinationStatus, SigningScheme},
    id::DestinationId,
    page::{Page, PageRequest},
    patch,
    permission::Permission,
};
use serde_json::{Value, json};

use super::{Access, Error, Result, input::parse_input};
use crate::{Gateway, clock, providers::standard_webhooks, registry::destination_place};

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
        let generated = generate_secret(&mut spec);
        let now = clock::now();
        let id = DestinationId::new(now, clock::id_bits());
        let spec = self.sealed_destination(id, spec)?;
        let inserted = access.rows.insert_destination(id, &spec, now).await;
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
        if let Some(signing) = &mut input.signing {
            let given = std::mem::take(&mut signing.secrets);
            signing.secrets = patch::unmask_secrets(given, &current.signing.secrets);
            if signing.scheme == Some(SigningScheme::None) {
                signing.secrets.clear();
            }
        }
        if let Some(auth) = input.auth.take() {
            let known = current.auth.secrets();
            let unmasked = auth.map_secrets(|given| {
                Ok::<_, std::convert::Infallible>(
                    patch::unmask_secrets(vec![given.clone()], &known).pop().unwrap_or_default(),
                )
            });
            let Ok(auth) = unmasked;
            input.auth = Some(auth);
        }
        let mut spec = input.parse()?;
        let generated = generate_secret(&mut spec);
        let spec = self.sealed_destination(id, spec)?;
        let updated = access.rows.update_destination(id, &spec, clock::now()).await;
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
        access.rows.destination(id).await?.ok_or(Error::NotFound)?;
        access.rows.reset_circuit(id).await?;
        self.circuit(access, id).await
    }

    pub async fn delete_destination(&self, access: &Access, id: DestinationId) -> Result<()> {
        access.require(Permission::Write)?;
        if !access.rows.delete_destination(id, clock::now()).await? {
            return Err(Error::NotFound);
        }
        // It is not to be kept an eye on any more.
        access.rows.reset_circuit(id).await?;
        self.inner.registry.refresh().await?;
        // What waits for it finds that it is gone.
        self.inner.workers.wake(id);
        Ok(())
    }

    fn sealed_destination(&self, id: DestinationId, mut spec: DestinationSpec) -> Result<DestinationSpec> {
        let place = destination_place(id);
        let mut seal = |secret: &String| self.inner.vault.seal(&place, secret);
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

/// A kind of authentication that is replaced by another takes none of its fields along.
fn replace_tagged(input: &mut Value, patch: &Value) {
    let kind = patch.pointer("/auth/type");
    if kind.is_some() && kind != input.pointer("/auth/type") {
        input["auth"] = serde_json::to_value(Auth::None).unwrap_or_default();
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

fn generate_secret(spec: &mut DestinationSpec) -> Option<String> {
    if spec.signing.scheme != SigningScheme::StandardWebhooks || !spec.signing.secrets.is_empty() {
        return None;
    }
    let secret = standard_webhooks::generate_secret();
    spec.signing.secrets = vec![secret.clone()];
    Some(secret)
}
