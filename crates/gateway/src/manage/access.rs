//! Who asks, and what they may do in a project.

use std::{net::IpAddr, time::Duration};

use domain::{
    api_key::{ApiKey, looks_like_key},
    id::{EnvId, OrgId, UserId},
    permission::{Permission, Role, Scope},
    project::Environment,
    team::Organization,
    time::Timestamp,
};
use store::scope::Scope as Rows;

use super::{Error, Result};
use crate::{Gateway, auth, clock};

/// Somebody who has shown who they are, and where they ask from.
#[derive(Debug, Clone)]
pub struct Caller {
    pub who: Who,
    /// The client's address; the command line has none.
    pub address: Option<IpAddr>,
}

#[derive(Debug, Clone)]
pub enum Who {
    User(UserId),
    Key(ApiKeyCaller),
}

/// A program with a live API key.
#[derive(Debug, Clone)]
pub struct ApiKeyCaller {
    key: ApiKey,
}

impl Caller {
    /// A person who has signed in.
    #[must_use]
    pub const fn user(id: UserId, address: Option<IpAddr>) -> Self {
        Self { who: Who::User(id), address }
    }

    /// The same caller, who asks from `address`.
    #[must_use]
    pub fn coming_from(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// The project that a program's key belongs to.
    #[must_use]
    pub const fn env_id(&self) -> Option<EnvId> {
        match &self.who {
            Who::User(_) => None,
            Who::Key(key) => Some(key.env_id()),
        }
    }
}

impl ApiKeyCaller {
    /// The project that the key belongs to.
    #[must_use]
    pub const fn env_id(&self) -> EnvId {
        self.key.env_id
    }

    #[must_use]
    pub const fn key(&self) -> &ApiKey {
        &self.key
    }
}

/// A caller inside of one project.
#[derive(Clone)]
pub struct Access {
    caller: Caller,
    environment: Environment,
    granted: Granted,
    pub(super) rows: Rows,
}

/// A person inside of one of their organizations.
#[derive(Clone)]
pub struct OrgAccess {
    caller: Caller,
    user: UserId,
    org: Organization,
    role: Role,
}

#[derive(Debug, Clone)]
enum Granted {
    Role(Role),
    Scopes(Vec<Scope>),
}

/// `last_used_at` is not written more often than this.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

impl Access {
    #[must_use]
    pub fn env_id(&self) -> EnvId {
        self.environment.id
    }

    /// Who asks, and from where.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The same for things alone that are in one of these states, by when they were last changed.
    #[must_use]
    pub fn if_in(self, states: Vec<Timestamp>) -> Self {
        Self { rows: self.rows.if_in(states), ..self }
    }

    /// # Errors
    /// [`Error::Forbidden`] when the caller may not do this here. Every use case asks by itself; a form asks first,
    /// so that who may not do a thing is told that and nothing else.
    pub fn require(&self, permission: Permission) -> Result<()> {
        let may = match &self.granted {
            Granted::Role(role) => role.may(permission),
            Granted::Scopes(scopes) => scopes.iter().any(|scope| scope.may(permission)),
        };
        if may { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Whether the caller could do with its own hands what `scope` allows: nobody grants more than they have.
    pub(super) fn may_grant(&self, scope: Scope) -> bool {
        match &self.granted {
            Granted::Role(role) => role.may(Permission::ManageKeys),
            Granted::Scopes(scopes) => scopes.iter().any(|own| *own >= scope),
        }
    }
}

impl OrgAccess {
    /// Who asks, and from where.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    #[must_use]
    pub const fn org(&self) -> &Organization {
        &self.org
    }

    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// # Errors
    /// [`Error::Forbidden`] when the caller may not do this here.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.role.may(permission) { Ok(()) } else { Err(Error::Forbidden) }
    }
}

impl Gateway {
    /// Lets a person into an organization. One that is not theirs does not exist for them, and programs have none.
    pub async fn org_access(&self, caller: &Caller, org: OrgId) -> Result<OrgAccess> {
        let Who::User(user) = caller.who else { return Err(Error::NotFound) };
        let org = self.inner.store.organization(org).await?.ok_or(Error::NotFound)?;
        let role = self.inner.store.role(user, org.id).await?.ok_or(Error::NotFound)?;
        Ok(OrgAccess { caller: caller.clone(), user, org, role })
    }

    /// The caller behind an API key; where it asks from is for whoever knows to add.
    pub async fn caller_of_key(&self, text: &str) -> Result<Caller> {
        if !looks_like_key(text) {
            return Err(Error::Unauthenticated);
        }
        let now = clock::now();
        let key = self.inner.store.api_key_by_hash(&auth::key::hash(text)).await?;
        let key = key.filter(|key| key.is_live(now)).ok_or(Error::Unauthenticated)?;
        if key.last_used_at.is_none_or(|at| now.since(at) > TOUCH_EVERY) {
            // A key opens what it opens although this cannot be noted, as when the disk is full.
            if let Err(error) = self.inner.store.touch_api_key(key.id, now).await {
                tracing::warn!(api_key.id = %key.id, %error, "the use of an API key could not be noted");
            }
        }
        Ok(Caller { who: Who::Key(ApiKeyCaller { key }), address: None })
    }

    /// Lets a caller into a project. One that is not theirs does not exist for them.
    pub async fn access(&self, caller: &Caller, env: EnvId) -> Result<Access> {
        let environment = self.inner.store.environment(env).await?.ok_or(Error::NotFound)?;
        let granted = match &caller.who {
            Who::User(user) => {
                let role = self.inner.store.role(*user, environment.org_id).await?;
                Granted::Role(role.ok_or(Error::NotFound)?)
            }
            Who::Key(by_key) if by_key.key.env_id == env => Granted::Scopes(by_key.key.scopes.clone()),
            Who::Key(_) => return Err(Error::NotFound),
        };
        Ok(Access { caller: caller.clone(), environment, granted, rows: self.inner.store.scope(env) })
    }
}
