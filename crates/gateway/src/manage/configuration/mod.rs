//! A project's configuration as one document: written down ([`Gateway::export`]), and made to be so ([`Gateway::apply`]).
//!
//! [`stored::Stored`] is what there is, with secrets opened. [`plan`] reads the document against it, without changing anything, and finds
//! everything that is wrong with it or all that has to change; the store then makes the changes as one. Secrets are compared, and never told.

mod plan;
mod stored;
mod told;

use domain::{
    audit::{self, Changes, Target},
    configuration::{Action, ApplyInput, ApplyPlan, Configuration, VERSION},
    permission::Permission,
};
use serde_json::json;

pub(super) use self::told::Told;
use self::{plan::Planned, stored::Stored};
use super::{Access, Error, Result, audit::Note};
use crate::{Gateway, clock};

/// How often a change is planned anew because the configuration changed meanwhile.
const TRIES: usize = 5;

impl Gateway {
    /// What there is, with references in place of secrets.
    pub async fn export(&self, access: &Access) -> Result<Configuration> {
        access.require(Permission::Read)?;
        let stored = Stored::read(self, access).await?;
        Ok(Configuration {
            version: Some(VERSION),
            sources: stored.sources.iter().map(stored::Thing::exported).collect(),
            destinations: stored.destinations.iter().map(stored::Thing::exported).collect(),
            connections: stored.connections.iter().map(stored::Link::exported).collect(),
        })
    }

    /// Makes the project be what the document says, or says what that would change.
    pub async fn apply(&self, access: &Access, input: ApplyInput) -> Result<ApplyPlan> {
        access.require(Permission::Write)?;
        for _ in 0..TRIES {
            let version = access.rows.config_version().await?;
            let stored = Stored::read(self, access).await?;
            let Planned { mut plan, changes } = plan::plan(self, &stored, &input)?;
            if input.dry_run == Some(true) {
                return Ok(without_secrets(plan));
            }
            if input.plan_id.as_ref().is_some_and(|wanted| *wanted != plan.plan_id) {
                return Err(Error::Conflict(
                    "what would change is no longer what the plan said; look at the new plan first".into(),
                ));
            }
            let rows = self.noting(access, note_of(access, &plan), !changes.is_empty()).await?;
            if changes.is_empty() || rows.apply_changes(&changes, version, clock::now()).await? {
                self.inner.registry.refresh().await?;
                self.forget_deleted(access, &plan).await?;
                plan.applied = true;
                return Ok(plan);
            }
        }
        Err(Error::Conflict("the configuration is being changed by others; try again".into()))
    }

    /// What waits for a destination that is gone finds that out.
    async fn forget_deleted(&self, access: &Access, plan: &ApplyPlan) -> Result<()> {
        let deleted = plan.changes.iter().filter(|change| change.action == Action::Delete);
        for destination in deleted.filter_map(|change| change.id.as_deref()?.parse().ok()) {
            access.rows.reset_circuit(destination).await?;
            self.inner.workers.wake(destination);
        }
        Ok(())
    }
}

/// All of a document's changes are one entry.
fn note_of(access: &Access, plan: &ApplyPlan) -> Note {
    let project = access.environment();
    let target = Target::new("project", project.id, &project.name);
    let changed = plan.changes.iter().filter(|change| change.action != Action::Unchanged);
    let changed = changed.map(|change| {
        let fields: Vec<_> = change.fields.iter().map(|field| field.path.as_str()).collect();
        let name = format!("{} {}", change.resource.as_str(), change.name);
        (name, json!({ "action": change.action, "fields": fields }))
    });
    Note::new(audit::Action::ConfigurationApply, target, Changes::to(changed.collect()))
}

/// Nothing was made that they belong to.
fn without_secrets(mut plan: ApplyPlan) -> ApplyPlan {
    for change in &mut plan.changes {
        change.generated_secret = None;
    }
    plan
}
