//! The audit log: every change that goes through [`super`] is written to it, and owners and admins read it.
//!
//! A use case that changes the configuration takes its rows with the entry noted on them, so that both are one commit; the others
//! write it when they are done ([`Gateway::note`]). What was done stays done when that fails, which the log then tells.

use std::net::IpAddr;

use domain::{
    audit::{Action, Actor, AuditEntry, AuditFilter, Changes, Target},
    configuration::FieldChange,
    destination::Destination,
    id::{AuditEntryId, EnvId, OrgId, UserId},
    page::{Page, PageRequest},
    permission::Permission,
    source::Source,
};
use store::scope::Scope as Rows;

use super::{Access, Caller, Error, OrgAccess, Result, Who, configuration::Told};
use crate::{
    Gateway, clock,
    registry::{destination_place, source_place},
};

/// What happened, to be written down.
pub(super) struct Note {
    pub action: Action,
    pub target: Target,
    pub changes: Changes,
}

impl Note {
    pub fn new(action: Action, target: Target, changes: Changes) -> Self {
        Self { action, target, changes }
    }

    /// Of a change by which nothing else is known of its target.
    pub fn of(action: Action, target: Target) -> Self {
        Self::new(action, target, Changes::default())
    }
}

impl Gateway {
    /// The entries of an organization, newest first.
    pub async fn audit_log(
        &self,
        access: &OrgAccess,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>> {
        access.require(Permission::ReadAuditLog)?;
        Ok(self.inner.store.audit_log(access.org().id, filter, page).await?)
    }

    /// The entries of a project, newest first.
    pub async fn project_audit_log(
        &self,
        access: &Access,
        filter: AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>> {
        access.require(Permission::ReadAuditLog)?;
        let filter = AuditFilter { env_id: Some(access.env_id()), ..filter };
        Ok(self.inner.store.audit_log(access.environment().org_id, &filter, page).await?)
    }

    /// Writes down what somebody did with their own account, in each of their organizations. Never fails the deed.
    pub async fn audit_account(&self, user: UserId, address: Option<IpAddr>, action: Action, changes: Changes) {
        let written = async {
            let Some(user) = self.inner.store.user(user).await? else { return Ok(()) };
            let target = Target::new("account", user.id, &user.email);
            for membership in self.inner.store.memberships(user.id).await? {
                let actor = Actor::user(user.id, &user.name, &user.email);
                let note = Note::new(action, target.clone(), changes.clone());
                let entry = entry(membership.org_id, None, (actor, address), note);
                self.inner.store.write_audit(&entry).await?;
            }
            Ok::<_, store::StoreError>(())
        };
        if let Err(error) = written.await {
            tracing::error!(%error, audit.action = action.as_str(), "an entry of the audit log could not be written");
        }
    }

    pub(super) async fn actor_of(&self, caller: &Caller) -> Result<Actor> {
        Ok(match &caller.who {
            Who::User(id) => {
                let user = self.inner.store.user(*id).await?.ok_or(Error::Unauthenticated)?;
                Actor::user(user.id, &user.name, &user.email)
            }
            Who::Key(by_key) => Actor::api_key(by_key.key().id, &by_key.key().name),
        })
    }

    /// The entry for a change in an organization, to be committed with it.
    pub(super) async fn org_entry(
        &self,
        caller: &Caller,
        org: OrgId,
        env: Option<EnvId>,
        note: Note,
    ) -> Result<AuditEntry> {
        let actor = self.actor_of(caller).await?;
        Ok(entry(org, env, (actor, caller.address), note))
    }

    /// The entry for a change in a project, to be committed with it.
    pub(super) async fn entry(&self, access: &Access, note: Note) -> Result<AuditEntry> {
        self.org_entry(access.caller(), access.environment().org_id, Some(access.env_id()), note).await
    }

    /// The rows of the project, whose next change is committed with its entry. What changes nothing has none.
    pub(super) async fn noting(&self, access: &Access, note: Note, is_change: bool) -> Result<Rows> {
        if !is_change {
            return Ok(access.rows.clone());
        }
        Ok(access.rows.noting(self.entry(access, note).await?))
    }

    /// Writes down what was done in a project.
    pub(super) async fn note(&self, access: &Access, note: Note) {
        let action = note.action;
        let written = async {
            let entry = self.entry(access, note).await?;
            self.inner.store.write_audit(&entry).await?;
            Ok::<_, Error>(())
        };
        if written.await.is_err() {
            // Why, the error has told when it came to be one of a use case.
            tracing::error!(
                audit.action = action.as_str(),
                env.id = %access.env_id(),
                "an entry of the audit log could not be written"
            );
        }
    }

    /// A source with its secrets, as it is compared. A secret that cannot be opened is empty.
    pub(super) fn told_source(&self, source: Source) -> Told {
        let place = source_place(source.id);
        let Ok(verification) = source.verification.clone().map_secrets(|sealed| {
            Ok::<_, std::convert::Infallible>(self.inner.vault.open(&place, sealed).unwrap_or_default())
        });
        Told::source(Source { verification, ..source })
    }

    /// A destination with its secrets, as it is compared.
    pub(super) fn told_destination(&self, destination: Destination) -> Told {
        let place = destination_place(destination.id);
        let Ok(destination) = destination.map_secrets(|sealed| {
            Ok::<_, std::convert::Infallible>(self.inner.vault.open(&place, sealed).unwrap_or_default())
        });
        Told::destination(destination)
    }
}

pub(super) fn entry(
    org: OrgId,
    env: Option<EnvId>,
    (actor, address): (Actor, Option<IpAddr>),
    note: Note,
) -> AuditEntry {
    let now = clock::now();
    let id = AuditEntryId::new(now, clock::id_bits());
    AuditEntry {
        id,
        org_id: org,
        env_id: env,
        actor,
        address,
        action: note.action.as_str().to_owned(),
        target: note.target,
        before: note.changes.before,
        after: note.changes.after,
        at: id.made_at(),
    }
}

/// Whether only the status changes.
pub(super) fn is_status_alone(fields: &[FieldChange]) -> bool {
    matches!(fields, [field] if field.path == "status")
}
