//! Who asks, and what they may do in a project.

use std::time::Duration;

use domain::{
    api_key::{ApiKey, looks_like_key},
    id::{ApiKeyId, EnvId, UserId},
    permission::{Permission, Role, Scope},
    project::Environment,
    time::Timestamp,
};
use store::scope::Scope as Rows;

use super::{Error, Result};
use crate::{Gateway, auth, clock};

/// Somebody who has shown who they are.
#[derive(Debug, Clone)]
pub enum Caller {
    User(UserId),
    Key(ApiKeyCaller),
}

/// A program with a live API key.
#[derive(Debug, Clone)]
pub struct ApiKeyCaller {
    key: ApiKey,
}

impl ApiKeyCaller {
    /// The project that the key belongs to.
    #[must_use]
    pub const fn env_id(&self) -> EnvId {
        self.key.env_id
    }

    #[must_use]
    pub const fn id(&self) -> ApiKeyId {
        self.key.id
    }

    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.key.scopes
    }
}

/// A caller inside of one project.
#[derive(Clone)]
pub struct Access {
    environment: Environment,
    granted: Granted,
    pub(super) rows: Rows,
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

impl Gateway {
    /// The caller behind an API key.
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
        Ok(Caller::Key(ApiKeyCaller { key }))
    }

    /// Lets a caller into a project. One that is not theirs does not exist for them.
    pub async fn access(&self, caller: &Caller, env: EnvId) -> Result<Access> {
        let environment = self.inner.store.environment(env).await?.ok_or(Error::NotFound)?;
        let granted = match caller {
            Caller::User(user) => {
                let role = self.inner.store.role(*user, environment.org_id).await?;
                Granted::Role(role.ok_or(Error::NotFound)?)
            }
            Caller::Key(caller) if caller.key.env_id == env => Granted::Scopes(caller.key.scopes.clone()),
            Caller::Key(_) => return Err(Error::NotFound),
        };
        Ok(Access { environment, granted, rows: self.inner.store.scope(env) })
    }
}
