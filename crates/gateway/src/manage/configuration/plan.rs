//! What a document changes, found without changing anything.

use std::collections::{BTreeSet, HashMap};

use domain::{
    configuration::{Action, ApplyInput, ApplyPlan, Change, FieldChange, Resource, VERSION, each_text, reference},
    connection::{Connection, ConnectionInput, ConnectionSpec},
    destination::{Destination, DestinationInput, DestinationSpec},
    field::FieldErrors,
    id::{ConnectionId, DestinationId, EnvId, SourceId},
    patch::DOTS,
    source::{Source, SourceInput, SourceSpec},
    time::Timestamp,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::ConfigChange;

use super::{
    super::{Error, Result, destinations::generate_secret, input::parse_input},
    stored::{Stored, Thing, of_connection, of_destination, of_source},
};
use crate::{Gateway, clock, destinations, rules::Rules};

pub(super) struct Planned {
    pub plan: ApplyPlan,
    pub changes: Vec<ConfigChange>,
}

struct Planner<'a> {
    gateway: &'a Gateway,
    stored: &'a Stored,
    now: Timestamp,
    errors: FieldErrors,
    told: Vec<Change>,
    changes: Vec<ConfigChange>,
    /// What the document names, by slug; with what it is or is going to be.
    sources: HashMap<String, SourceId>,
    destinations: HashMap<String, DestinationId>,
    links: BTreeSet<(SourceId, DestinationId)>,
}

/// # Errors
/// Everything that is wrong with the document, each with its place.
pub(super) fn plan(gateway: &Gateway, stored: &Stored, input: &ApplyInput) -> Result<Planned> {
    let mut planner = Planner {
        gateway,
        stored,
        now: clock::now(),
        errors: FieldErrors::default(),
        told: Vec::new(),
        changes: Vec::new(),
        sources: HashMap::new(),
        destinations: HashMap::new(),
        links: BTreeSet::new(),
    };
    if input.version.is_some_and(|version| version != VERSION) {
        planner.errors.push("version", format!("must be {VERSION}, the only one there is"));
    }
    for (index, said) in input.sources.iter().enumerate() {
        planner.source(index, said)?;
    }
    for (index, said) in input.destinations.iter().enumerate() {
        planner.destination(index, said)?;
    }
    for (index, said) in input.connections.iter().enumerate() {
        planner.connection(index, said);
    }
    let unnamed = planner.unnamed(input.prune == Some(true));
    planner.errors.into_result()?;
    let plan_id = id_of(&planner.told);
    let plan = ApplyPlan { plan_id, applied: false, changes: planner.told, unnamed };
    Ok(Planned { plan, changes: planner.changes })
}

/// By which the same changes are known again. Generated secrets are new each time.
fn id_of(told: &[Change]) -> String {
    let mut said = json!(told);
    for change in said.as_array_mut().into_iter().flatten() {
        if change["action"] == json!(Action::Create) {
            change["id"] = Value::Null;
        }
        change["generated_secret"] = Value::Null;
    }
    hex::encode(&Sha256::digest(said.to_string().as_bytes())[..16])
}

impl Planner<'_> {
    fn source(&mut self, index: usize, said: &Value) -> Result<()> {
        let place = &format!("sources[{index}]");
        let (stored, slug) = (self.stored, slug_in(said));
        let former = slug.as_deref().and_then(|slug| stored.source(slug));
        let Some(said) = self.resolved(place, said, former) else { return Ok(()) };
        let parsed = parse_input::<SourceInput>(said).and_then(SourceInput::parse);
        let Some(spec) = self.taken(place, parsed) else { return Ok(()) };
        let id = former.map_or_else(|| SourceId::new(self.now, in_order(index)), |former| former.it.id);
        if self.sources.insert(spec.slug.clone(), id).is_some() {
            self.errors.push(format!("{place}.slug"), "is that of another source of this document");
            return Ok(());
        }
        let sealed = match self.gateway.sealed_source(id, spec.clone()) {
            Ok(sealed) => sealed,
            Err(Error::Invalid(errors)) => {
                self.refuse(place, &errors);
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        let next = of_source(source_of(id, spec));
        let changed = self.tell(&next, former, None);
        match (former, changed) {
            (None, _) => self.changes.push(ConfigChange::InsertSource(id, sealed)),
            (Some(_), true) => self.changes.push(ConfigChange::UpdateSource(id, sealed)),
            (Some(_), false) => {}
        }
        Ok(())
    }

    fn destination(&mut self, index: usize, said: &Value) -> Result<()> {
        let place = &format!("destinations[{index}]");
        let (stored, slug) = (self.stored, slug_in(said));
        let former = slug.as_deref().and_then(|slug| stored.destination(slug));
        let Some(said) = self.resolved(place, said, former) else { return Ok(()) };
        let parsed = parse_input::<DestinationInput>(said).and_then(DestinationInput::parse);
        let Some(mut spec) = self.taken(place, parsed) else { return Ok(()) };
        if let Err(error) = destinations::check(&spec, &self.gateway.inner.client) {
            self.refuse(place, &error);
            return Ok(());
        }
        let id = former.map_or_else(|| DestinationId::new(self.now, in_order(index)), |former| former.it.id);
        if self.destinations.insert(spec.slug.clone(), id).is_some() {
            self.errors.push(format!("{place}.slug"), "is that of another destination of this document");
            return Ok(());
        }
        // A document that names no signing secrets has those that there are, or one that is generated.
        if let Some(former) = former.filter(|former| former.it.signing.scheme == spec.signing.scheme)
            && spec.signing.secrets.is_empty()
        {
            spec.signing.secrets.clone_from(&former.it.signing.secrets);
        }
        let generated = generate_secret(&mut spec);
        let sealed = self.gateway.sealed_destination(id, spec.clone())?;
        let next = of_destination(destination_of(id, spec));
        let changed = self.tell(&next, former, generated);
        match (former, changed) {
            (None, _) => self.changes.push(ConfigChange::InsertDestination(id, sealed)),
            (Some(_), true) => self.changes.push(ConfigChange::UpdateDestination(id, sealed)),
            (Some(_), false) => {}
        }
        Ok(())
    }

    fn connection(&mut self, index: usize, said: &Value) {
        let place = &format!("connections[{index}]");
        let Value::Object(fields) = said else {
            self.errors.push(place, "must be an object");
            return;
        };
        let mut fields = fields.clone();
        let mut end = |name: &str| fields.shift_remove(name).and_then(|slug| slug.as_str().map(str::to_owned));
        let (source, destination) = (end("source"), end("destination"));
        let source_id = self.end(place, "source", source.as_deref(), |planner, slug| {
            planner.sources.get(slug).copied().or_else(|| planner.stored.source(slug).map(|thing| thing.it.id))
        });
        let destination_id = self.end(place, "destination", destination.as_deref(), |planner, slug| {
            let known = || planner.stored.destination(slug).map(|thing| thing.it.id);
            planner.destinations.get(slug).copied().or_else(known)
        });
        for name in ["source_id", "destination_id"] {
            if fields.contains_key(name) {
                self.errors.push(format!("{place}.{name}"), "is an unknown field here; name both ends by their slugs");
                return;
            }
        }
        let (Some(source_id), Some(destination_id)) = (source_id, destination_id) else { return };
        let (Some(source), Some(destination)) = (source, destination) else { return };
        fields.insert("source_id".to_owned(), json!(source_id));
        fields.insert("destination_id".to_owned(), json!(destination_id));
        let parsed = parse_input::<ConnectionInput>(Value::Object(fields)).and_then(ConnectionInput::parse);
        let Some(spec) = self.taken(place, parsed) else { return };
        if !self.links.insert((source_id, destination_id)) {
            self.errors
                .push(format!("{place}.destination"), "is led to from this source by another connection already");
            return;
        }
        let stored = self.stored;
        let former = stored.link(source_id, destination_id);
        // Rules that could be read once and no longer can do not keep the rest from being applied.
        if former.is_none_or(|former| former.it.rules != spec.rules)
            && let Err(errors) = Rules::compile(&spec.rules)
        {
            self.refuse(place, &errors);
            return;
        }
        let id = former.map_or_else(|| ConnectionId::new(self.now, in_order(index)), |former| former.it.id);
        let next = of_connection(connection_of(id, spec.clone()), &source, &destination);
        let none = BTreeSet::new();
        let fields = differences(former.map(|former| &former.said), &next.said, &none, &none);
        let action = match former {
            None => Action::Create,
            Some(_) if fields.is_empty() => Action::Unchanged,
            Some(_) => Action::Update,
        };
        match action {
            Action::Create => self.changes.push(ConfigChange::InsertConnection(id, spec)),
            Action::Update => self.changes.push(ConfigChange::UpdateConnection(id, spec)),
            Action::Delete | Action::Unchanged => {}
        }
        self.told.push(Change {
            action,
            resource: Resource::Connection,
            name: format!("{source} → {destination}"),
            id: Some(id.to_string()),
            fields,
            generated_secret: None,
        });
    }

    /// One end of a connection.
    fn end<T>(
        &mut self,
        place: &str,
        name: &str,
        slug: Option<&str>,
        find: impl FnOnce(&Self, &str) -> Option<T>,
    ) -> Option<T> {
        let Some(slug) = slug else {
            self.errors.push(format!("{place}.{name}"), format!("must be the slug of a {name}"));
            return None;
        };
        let found = find(self, slug);
        if found.is_none() {
            let message = format!("must be the slug of a {name} of this document or project");
            self.errors.push(format!("{place}.{name}"), message);
        }
        found
    }

    /// What there is and the document does not name: deleted, or left alone. Returns how much is left alone.
    fn unnamed(&mut self, prune: bool) -> u64 {
        let stored = self.stored;
        let sources = stored.sources.iter().filter(|thing| !self.sources.contains_key(&thing.slug));
        let sources: Vec<_> = sources.collect();
        let destinations = stored.destinations.iter().filter(|thing| !self.destinations.contains_key(&thing.slug));
        let destinations: Vec<_> = destinations.collect();
        let links =
            stored.connections.iter().filter(|it| !self.links.contains(&(it.it.source_id, it.it.destination_id)));
        let links: Vec<_> = links.collect();
        if !prune {
            return u64::try_from(sources.len() + destinations.len() + links.len()).unwrap_or(u64::MAX);
        }
        let mut delete = |resource, name: String, id: String, change| {
            let fields = Vec::new();
            self.told.push(Change {
                action: Action::Delete,
                resource,
                name,
                id: Some(id),
                fields,
                generated_secret: None,
            });
            self.changes.push(change);
        };
        for link in links {
            let name = format!("{} → {}", link.source, link.destination);
            delete(Resource::Connection, name, link.it.id.to_string(), ConfigChange::DeleteConnection(link.it.id));
        }
        for thing in sources {
            delete(Resource::Source, thing.slug.clone(), thing.id.clone(), ConfigChange::DeleteSource(thing.it.id));
        }
        for thing in destinations {
            let change = ConfigChange::DeleteDestination(thing.it.id);
            delete(Resource::Destination, thing.slug.clone(), thing.id.clone(), change);
        }
        0
    }

    /// The same with the secrets that there are in place of references that nobody has filled in.
    fn resolved<T>(&mut self, place: &str, said: &Value, former: Option<&Thing<T>>) -> Option<Value> {
        if !said.is_object() {
            self.errors.push(place, "must be an object");
            return None;
        }
        let mut said = said.clone();
        let mut missing = Vec::new();
        each_text(&mut said, &mut |path, text| {
            let Some(name) = reference(text).map(str::to_owned) else { return };
            let kept = former.filter(|former| former.secrets.contains(path)).and_then(|former| {
                former.said.pointer(&format!("/{}", path.replace('.', "/"))).and_then(Value::as_str)
            });
            match kept {
                Some(secret) => secret.clone_into(text),
                None => missing.push((path.to_owned(), name)),
            }
        });
        let is_whole = missing.is_empty();
        for (path, name) in missing {
            let message = format!("refers to {name}, which is not set, and there is no stored secret here to keep");
            self.errors.push(format!("{place}.{path}"), message);
        }
        is_whole.then_some(said)
    }

    fn taken<T>(&mut self, place: &str, parsed: std::result::Result<T, FieldErrors>) -> Option<T> {
        parsed.map_err(|errors| self.refuse(place, &errors)).ok()
    }

    /// Notes errors of something at a place of the document.
    fn refuse(&mut self, place: &str, errors: &FieldErrors) {
        for error in errors.iter() {
            let path = if error.path.is_empty() { place.to_owned() } else { format!("{place}.{}", error.path) };
            self.errors.push_at(path, error.message.clone(), error.position);
        }
    }

    /// Notes what becomes of a source or destination. Returns whether anything of it changes.
    fn tell<T>(&mut self, next: &Thing<T>, former: Option<&Thing<T>>, generated_secret: Option<String>) -> bool {
        let none = BTreeSet::new();
        let former_secrets = former.map_or(&none, |former| &former.secrets);
        let fields = differences(former.map(|former| &former.said), &next.said, former_secrets, &next.secrets);
        let action = match former {
            None => Action::Create,
            Some(_) if fields.is_empty() => Action::Unchanged,
            Some(_) => Action::Update,
        };
        self.told.push(Change {
            action,
            resource: next.resource,
            name: next.slug.clone(),
            id: Some(next.id.clone()),
            fields,
            generated_secret,
        });
        action == Action::Update
    }
}

/// Bits of an id whose upper part counts, so that things are listed in the order in which the document has them.
fn in_order(index: usize) -> u128 {
    (u128::try_from(index & 0xfff).unwrap_or(0) << 64) | (clock::id_bits() & u128::from(u64::MAX))
}

fn slug_in(said: &Value) -> Option<String> {
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let given = text("slug").map(str::to_owned);
    given.or_else(|| text("name").map(domain::field::slug_of))
}

/// What is not the same in two forms of a thing. Objects are gone into, but for filters and schemas, which are told whole.
pub(super) fn differences(
    from: Option<&Value>,
    to: &Value,
    from_secrets: &BTreeSet<String>,
    to_secrets: &BTreeSet<String>,
) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare("", from.unwrap_or(&Value::Null), to, &mut found);
    let masked = |mut inner: Value, path: &str, secrets: &BTreeSet<String>| {
        let below = |inner_path: &str| {
            if inner_path.is_empty() { path.to_owned() } else { format!("{path}.{inner_path}") }
        };
        each_text(&mut inner, &mut |inner_path, text| {
            if secrets.contains(&below(inner_path)) {
                DOTS.clone_into(text);
            }
        });
        inner
    };
    found
        .into_iter()
        .map(|FieldChange { path, from, to }| FieldChange {
            from: masked(from, &path, from_secrets),
            to: masked(to, &path, to_secrets),
            path,
        })
        .collect()
}

fn compare(path: &str, from: &Value, to: &Value, found: &mut Vec<FieldChange>) {
    let is_whole = matches!(path, "filter" | "schema" | "dedup");
    let empty = serde_json::Map::new();
    let (from_fields, to_fields) = match (from, to) {
        (Value::Object(from), Value::Object(to)) if !is_whole => (from, to),
        (Value::Null, Value::Object(to)) if !is_whole => (&empty, to),
        (Value::Object(from), Value::Null) if !is_whole => (from, &empty),
        _ if from == to => return,
        _ => {
            found.push(FieldChange { path: path.to_owned(), from: from.clone(), to: to.clone() });
            return;
        }
    };
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (name, to) in to_fields {
        compare(&below(name), from_fields.get(name).unwrap_or(&Value::Null), to, found);
    }
    for (name, from) in from_fields.iter().filter(|(name, _)| !to_fields.contains_key(*name)) {
        compare(&below(name), from, &Value::Null, found);
    }
}

// Only what a document says of them is looked at.
const NOWHERE: EnvId = EnvId::from_u128(0);
const NEVER: Timestamp = Timestamp::from_micros(0);

pub(super) fn source_of(id: SourceId, spec: SourceSpec) -> Source {
    Source {
        id,
        env_id: NOWHERE,
        name: spec.name,
        slug: spec.slug,
        description: spec.description,
        template: spec.template,
        verification: spec.verification,
        checks: spec.checks,
        status: spec.status,
        ingest_url: String::new(),
        event_count: 0,
        last_event_at: None,
        created_at: NEVER,
        updated_at: NEVER,
    }
}

pub(super) fn destination_of(id: DestinationId, spec: DestinationSpec) -> Destination {
    Destination {
        id,
        env_id: NOWHERE,
        name: spec.name,
        slug: spec.slug,
        config: spec.config,
        auth: spec.auth,
        headers: spec.headers,
        timeout_ms: spec.timeout_ms,
        retry: spec.retry,
        circuit_breaker: spec.circuit_breaker,
        rate_limit: spec.rate_limit,
        ordering: spec.ordering,
        signing: spec.signing,
        status: spec.status,
        created_at: NEVER,
        updated_at: NEVER,
    }
}

pub(super) fn connection_of(id: ConnectionId, spec: ConnectionSpec) -> Connection {
    Connection {
        id,
        env_id: NOWHERE,
        source_id: spec.source_id,
        destination_id: spec.destination_id,
        name: spec.name,
        rules: spec.rules,
        delay_seconds: spec.delay_seconds,
        status: spec.status,
        created_at: NEVER,
        updated_at: NEVER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_the_field_and_hide_secrets() {
        let from = json!({ "name": "a", "config": { "url": "x", "password": "old" }, "filter": { "a": 1 } });
        let to = json!({ "name": "a", "config": { "url": "y", "password": "new" }, "filter": { "a": 2 }, "status": "paused" });
        let secrets = BTreeSet::from(["config.password".to_owned()]);
        let told = differences(Some(&from), &to, &secrets, &secrets);
        let change = |path: &str, from: Value, to: Value| FieldChange { path: path.to_owned(), from, to };
        assert_eq!(
            told,
            [
                change("config.url", json!("x"), json!("y")),
                change("config.password", json!(DOTS), json!(DOTS)),
                change("filter", json!({ "a": 1 }), json!({ "a": 2 })),
                change("status", Value::Null, json!("paused")),
            ]
        );
        assert!(differences(Some(&to), &to, &secrets, &secrets).is_empty());
    }
}
