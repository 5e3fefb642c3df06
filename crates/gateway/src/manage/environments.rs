//! Projects.

use domain::{
    event::EventFilter,
    id::{EnvId, OrgId},
    page::PageRequest,
    patch,
    permission::Permission,
    project::{Environment, EnvironmentInput, Overview},
};
use serde_json::Value;
use store::StoreError;

use super::{Access, Caller, Error, Result, input::parse_input};
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
        let org = match caller {
            Caller::User(user) => {
                let org = org.ok_or_else(|| Error::invalid("org_id", "must name an organization"))?;
                let role = self.inner.store.role(*user, org).await?.ok_or(Error::NotFound)?;
                if !role.may(Permission::ManageProjects) {
                    return Err(Error::Forbidden);
                }
                org
            }
            Caller::Key(key) => {
                let access = self.access(caller, key.env_id()).await?;
                access.require(Permission::ManageProjects)?;
                access.environment().org_id
            }
        };
        let spec = input.parse()?;
        let now = clock::now();
        let id = EnvId::new(now, clock::id_bits());
        self.inner.store.insert_environment(id, org, &spec, now).await.map_err(slug_taken)?;
        self.inner.store.environment(id).await?.ok_or(Error::Internal)
    }

    pub async fn update_environment(&self, access: &Access, patch: Value) -> Result<Environment> {
        access.require(Permission::ManageProjects)?;
        let mut input = serde_json::to_value(EnvironmentInput::from(access.environment())).unwrap_or_default();
        patch::merge(&mut input, patch);
        let spec = parse_input::<EnvironmentInput>(input)?.parse()?;
        let id = access.env_id();
        if !self.inner.store.update_environment(&access.rows, &spec, clock::now()).await.map_err(slug_taken)? {
            return Err(Error::NotFound);
        }
        self.inner.store.environment(id).await?.ok_or(Error::NotFound)
    }

    pub async fn delete_environment(&self, access: &Access) -> Result<()> {
        access.require(Permission::ManageProjects)?;
        if self.inner.store.count_environments(access.environment().org_id).await? < 2 {
            return Err(Error::Conflict("the last project of an organization cannot be deleted".into()));
        }
        self.inner.store.delete_environment(&access.rows, clock::now()).await?;
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

fn slug_taken(error: StoreError) -> Error {
    match error {
        StoreError::Conflict(_) => Error::invalid("slug", "is taken by another project; choose another name or slug"),
        other => other.into(),
    }
}
