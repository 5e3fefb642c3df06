//! Signing up and in, and what a person may see.

use std::net::IpAddr;

use domain::{
    audit::Actor,
    id::{EnvId, OrgId, UserId},
    org::{Email, SignUp, SignUpInput, User, Viewer},
    permission::Scope,
    team::Organization,
};
use store::{NewAccount, StoreError};

use super::{
    Access, Caller, Error, Result, Who,
    audit::entry,
    organizations::{FIRST_PROJECT, first_project, made},
};
use crate::{Gateway, SignupPolicy, auth, clock};

/// What [`Gateway::bootstrap`] has made.
#[derive(Debug, serde::Serialize)]
pub struct Bootstrap {
    pub org_id: OrgId,
    pub env_id: EnvId,
    pub user_id: UserId,
    pub api_key: String,
}

impl Gateway {
    /// Whether anybody may make an account now.
    pub async fn signup_is_open(&self) -> Result<bool> {
        match self.inner.settings.signup {
            SignupPolicy::Open => Ok(true),
            SignupPolicy::Invite | SignupPolicy::Closed => Ok(false),
            SignupPolicy::FirstOnly => Ok(self.inner.store.count_users().await? == 0),
        }
    }

    /// Makes a person, an organization of their own, and its first project.
    pub async fn sign_up(&self, input: SignUpInput, address: Option<IpAddr>) -> Result<(UserId, EnvId)> {
        if !self.signup_is_open().await? {
            return Err(Error::Forbidden);
        }
        let (user, _, env) = self.make_account(input.parse()?, FIRST_PROJECT, address).await?;
        Ok((user, env))
    }

    /// As [`Gateway::sign_up`], for the operator at the command line, with a key for programs as well.
    pub async fn bootstrap(&self, input: SignUpInput, project: &str, may_add: bool) -> Result<Bootstrap> {
        if !may_add && self.inner.store.count_users().await? > 0 {
            return Err(Error::Conflict("there are users already; give --add to make another".into()));
        }
        let project = domain::field::parse_name(project).map_err(|message| Error::invalid("project", message))?;
        let (user_id, org_id, env_id) = self.make_account(input.parse()?, &project, None).await?;
        let access = self.access(&Caller::user(user_id, None), env_id).await?;
        let input =
            domain::api_key::ApiKeyInput { name: "bootstrap".into(), scopes: Scope::ALL.to_vec(), expires_at: None };
        let key = self.create_api_key(&access, input).await?;
        Ok(Bootstrap { org_id, env_id, user_id, api_key: key.key })
    }

    async fn make_account(
        &self,
        sign_up: SignUp,
        project: &str,
        address: Option<IpAddr>,
    ) -> Result<(UserId, OrgId, EnvId)> {
        let password_hash = auth::password::hash(sign_up.password).await?;
        let now = clock::now();
        let user_id = UserId::new(now, clock::id_bits());
        let org_id = OrgId::new(now, clock::id_bits());
        let organization = Organization { id: org_id, name: sign_up.organization, created_at: now };
        let env_id = EnvId::new(now, clock::id_bits());
        let actor = Actor::user(user_id, &sign_up.name, sign_up.email.as_str());
        let entry = entry(org_id, None, (actor, address), made(&organization));
        let account = NewAccount {
            user_id,
            email: &sign_up.email,
            name: &sign_up.name,
            password_hash: &password_hash,
            organization: &organization,
            env_id,
            project: &first_project(project),
            entry: &entry,
        };
        match self.inner.store.insert_account(account, now).await {
            Ok(()) => Ok((user_id, org_id, env_id)),
            // It must be said, or the person could not go on; whoever signs up with it learns it in any case.
            Err(StoreError::Conflict(_)) => {
                Err(Error::invalid("email", "cannot be used for a new account; sign in if it is yours"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The person with this e-mail and password. It does not tell which of the two was wrong, nor by how long it takes.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<UserId> {
        let wrong = || Error::invalid("password", "or the e-mail address is wrong");
        let known = match email.parse::<Email>() {
            Ok(email) => self.inner.store.user_by_email(&email).await?,
            Err(_) => None,
        };
        let (user, hash): (Option<User>, Option<String>) = known.unzip();
        let is_right = auth::password::verify(password.to_owned(), hash).await?;
        user.filter(|_| is_right).map(|user| user.id).ok_or_else(wrong)
    }

    /// A person and all projects they may see.
    pub async fn viewer(&self, user: UserId) -> Result<Viewer> {
        let user = self.inner.store.user(user).await?.ok_or(Error::Unauthenticated)?;
        let memberships = self.inner.store.memberships(user.id).await?;
        let orgs: Vec<OrgId> = memberships.iter().map(|membership| membership.org_id).collect();
        let projects = self.inner.store.environments(&orgs).await?;
        Ok(Viewer { user, memberships, projects })
    }

    /// The projects that a caller may see.
    pub async fn environments_of(&self, caller: &Caller) -> Result<Vec<domain::project::Environment>> {
        match &caller.who {
            Who::User(user) => Ok(self.viewer(*user).await?.projects),
            Who::Key(key) => {
                let access: Access = self.access(caller, key.env_id()).await?;
                Ok(vec![access.environment().clone()])
            }
        }
    }
}
