//! Projects.

use domain::{
    audit::{Action, Changes, Target},
    event::EventFilter,
    id::{EnvId, OrgId},
    page::PageRequest,
    patch,
    permission::Permission,
    project::{Environment, EnvironmentInput, EnvironmentSpec, Overview},
};
use serde_json::{Value, json};
use store::StoreError;

use super::{Access, Caller, Error, Result, Who, audit::Note, input::parse_input};
use crate::{Gateway, clock};

/// Events of the overview.
const RECENT: u16 = 10;

impl Gateway {
    /// Makes a project in an organization of the caller's; a program's is that of its key.
    pub async fn create_environment(
        &self,
        caller: &Caller,
        org: Option<OrgId>,
        input: EnvironmentInput,
    ) -> Result<Environment> {
        let org = match &caller.who {
            Who::User(user) => {
                let org = org.ok_or_else(|| Error::invalid("org_id", "must name an organization"))?;
                let role = self.inner.store.role(*user, org).await?.ok_or(Error::NotFound)?;
                if !role.may(Permission::ManageProjects) {
                    return Err(Error::Forbidden);
                }
                org
            }
            Who::Key(key) => {
                let access = self.access(caller, key.env_id()).await?;
                access.require(Permission::ManageProjects)?;
                access.environment().org_id
            }
        };
        let spec = input.parse()?;
        let now = clock::now();
        let id = EnvId::new(now, clock::id_bits());
        let changes = Changes::to(said(&spec));
        let note = Note::new(Action::ProjectCreate, Target::new("project", id, &spec.name), changes);
        let entry = self.org_entry(caller, org, Some(id), note).await?;
        if !self.inner.store.insert_environment(id, org, &spec, now, &entry).await.map_err(slug_taken)? {
            return Err(Error::NotFound);
        }
        self.inner.store.environment(id).await?.ok_or(Error::Internal)
    }

    pub async fn update_environment(&self, access: &Access, patch: Value) -> Result<Environment> {
        access.require(Permission::ManageProjects)?;
        let mut input = serde_json::to_value(EnvironmentInput::from(access.environment())).unwrap_or_default();
        patch::merge(&mut input, patch);
        let spec = parse_input::<EnvironmentInput>(input)?.parse()?;
        let id = access.env_id();
        let former = EnvironmentInput::from(access.environment()).parse()?;
        let changes = Changes::between(&said(&former), said(&spec));
        let entry = if changes.is_empty() {
            None
        } else {
            let note = Note::new(Action::ProjectUpdate, Target::new("project", id, &spec.name), changes);
            Some(self.entry(access, note).await?)
        };
        let updated = self.inner.store.update_environment(&access.rows, &spec, clock::now(), entry.as_ref()).await;
        if !updated.map_err(slug_taken)? {
            return Err(Error::NotFound);
        }
        self.inner.store.environment(id).await?.ok_or(Error::NotFound)
    }

    pub async fn delete_environment(&self, access: &Access) -> Result<()> {
        access.require(Permission::ManageProjects)?;
        let project = access.environment();
        let note = Note::of(Action::ProjectDelete, Target::new("project", project.id, &project.name));
        let entry = self.entry(access, note).await?;
        if !self.inner.store.delete_environment(project.org_id, &access.rows, clock::now(), &entry).await? {
            return Err(Error::Conflict(
                "the last project of an organization cannot be deleted; make another first, or delete the organization"
                    .into(),
            ));
        }
        self.inner.registry.refresh().await?;
        Ok(())
    }

    /// A project at a glance.
    pub async fn overview(&self, access: &Access) -> Result<Overview> {
        access.require(Permission::Read)?;
        let mut overview = access.rows.overview().await?;
        overview.recent = access.rows.events(&EventFilter::default(), PageRequest::first(RECENT)).await?.data;
        Ok(overview)
    }
}

/// What the audit log tells of a project.
fn said(spec: &EnvironmentSpec) -> Value {
    json!({
        "name": spec.name,
        "slug": spec.slug,
        "mode": spec.mode,
        "retention_days": spec.retention_days.days(),
    })
}

fn slug_taken(error: StoreError) -> Error {
    match error {
        StoreError::Conflict(_) => Error::invalid("slug", "is taken by another project; choose another name or slug"),
        other => other.into(),
    }
}
