//! Organizations: making, renaming and ending them.

use domain::{
    audit::{Action, Changes, Target},
    field::parse_name,
    id::{EnvId, OrgId},
    permission::Permission,
    project::{EnvironmentSpec, Mode, RetentionDays},
    team::{MAX_ORGANIZATIONS, Organization},
};
use serde_json::json;

use super::{
    Caller, Error, OrgAccess, Result, Who,
    audit::{Note, entry},
};
use crate::{Gateway, clock};

/// The first project of an organization.
pub(super) const FIRST_PROJECT: &str = "production";

impl Gateway {
    /// Makes another organization for a person, who owns it, with its first project.
    pub async fn create_organization(&self, caller: &Caller, name: &str) -> Result<(OrgId, EnvId)> {
        let Who::User(user) = caller.who else { return Err(Error::Forbidden) };
        let actor = self.actor_of(caller).await?;
        let name = parse_name(name).map_err(|message| Error::invalid("organization", message))?;
        let memberships = self.inner.store.memberships(user).await?;
        if memberships.len() >= MAX_ORGANIZATIONS as usize {
            return Err(Error::Conflict(format!(
                "you belong to {MAX_ORGANIZATIONS} organizations, and cannot make another; leave one first"
            )));
        }
        let now = clock::now();
        let organization = Organization { id: OrgId::new(now, clock::id_bits()), name, created_at: now };
        let env = EnvId::new(now, clock::id_bits());
        let entry = entry(organization.id, None, (actor, caller.address), made(&organization));
        let project = (env, &first_project(FIRST_PROJECT));
        self.inner.store.insert_organization(&organization, user, project, &entry).await?;
        Ok((organization.id, env))
    }

    pub async fn rename_organization(&self, access: &OrgAccess, name: &str) -> Result<()> {
        access.require(Permission::ManageOrganization)?;
        let name = parse_name(name).map_err(|message| Error::invalid("organization", message))?;
        let org = access.org();
        if name == org.name {
            return Ok(());
        }
        let changes = Changes::between(&json!({ "name": org.name }), json!({ "name": name }));
        let note = Note::new(Action::OrganizationUpdate, Target::new("organization", org.id, &name), changes);
        let entry = self.org_entry(access.caller(), org.id, None, note).await?;
        if self.inner.store.rename_organization(org.id, &name, &entry).await? { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Ends an organization at once for everybody; what it holds is removed in the background.
    pub async fn delete_organization(&self, access: &OrgAccess) -> Result<()> {
        access.require(Permission::ManageOrganization)?;
        let org = access.org();
        let note = Note::of(Action::OrganizationDelete, Target::new("organization", org.id, &org.name));
        let entry = self.org_entry(access.caller(), org.id, None, note).await?;
        if !self.inner.store.delete_organization(org.id, clock::now(), &entry).await? {
            return Err(Error::NotFound);
        }
        tracing::info!(org.id = %org.id, "an organization was deleted");
        self.inner.registry.refresh().await?;
        Ok(())
    }
}

/// That an organization was made.
pub(super) fn made(organization: &Organization) -> Note {
    let changes = Changes::to(json!({ "name": organization.name }));
    Note::new(Action::OrganizationCreate, Target::new("organization", organization.id, &organization.name), changes)
}

pub(super) fn first_project(name: &str) -> EnvironmentSpec {
    EnvironmentSpec {
        name: name.to_owned(),
        slug: domain::field::slug_of(name),
        mode: Mode::Live,
        retention_days: RetentionDays::default(),
    }
}
