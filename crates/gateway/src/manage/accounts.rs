//! Signing up, and what a person may see.

use std::net::IpAddr;

use domain::{
    audit::Actor,
    field::FieldErrors,
    id::{EnvId, OrgId, UserId},
    org::{Email, SignUp, SignUpInput, SignUpOffer, Viewer},
    permission::Scope,
    team::Organization,
};
use store::{Identity, NewAccount, StoreError};

use super::{
    Access, Caller, Error, Origin, Result, Who,
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

/// What came of a sign-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedUp {
    /// The account is there.
    In(UserId, EnvId),
    /// It will be once the link is followed that was sent to the address.
    LetterSent,
}

/// Somebody new, as they are kept.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct NewPerson {
    pub name: String,
    pub email: String,
    pub organization: String,
    pub password_hash: String,
}

/// How somebody came who makes an account.
struct Came<'a> {
    /// Letters to their address reach them.
    is_confirmed: bool,
    /// Who they are at the provider that they came by.
    identity: Option<Identity<'a>>,
    address: Option<IpAddr>,
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

    /// Who may make an account now.
    pub async fn sign_up_offer(&self) -> Result<SignUpOffer> {
        Ok(match self.inner.settings.signup {
            SignupPolicy::Closed => SignUpOffer::Nobody,
            _ if self.signup_is_open().await? => SignUpOffer::Anybody,
            _ => SignUpOffer::Invited,
        })
    }

    /// Makes a person, an organization of their own, and its first project. Where anybody may, and letters can be sent, the
    /// address is asked first whether it wants that; nobody learns here whether it has an account.
    pub async fn sign_up(&self, input: SignUpInput, origin: &Origin) -> Result<SignedUp> {
        if !self.signup_is_open().await? {
            return Err(Error::Forbidden);
        }
        let sign_up = input.parse()?;
        check_password(&sign_up)?;
        self.may_ask("sign up", origin).await?;
        if self.inner.settings.signup == SignupPolicy::Open && self.inner.mail.is_configured() {
            let person = NewPerson {
                name: sign_up.name,
                email: sign_up.email.as_str().to_owned(),
                organization: sign_up.organization,
                password_hash: auth::password::hash(sign_up.password).await?,
            };
            self.ask_address(sign_up.email, person);
            return Ok(SignedUp::LetterSent);
        }
        let (user, _, env) = self.make_account(sign_up, FIRST_PROJECT, Some(origin.address)).await?;
        self.note_origin(user, origin).await;
        Ok(SignedUp::In(user, env))
    }

    /// Makes the account of somebody whose address was confirmed: by a link, or by the provider that they came by.
    pub(super) async fn make_confirmed(
        &self,
        person: NewPerson,
        identity: Option<Identity<'_>>,
        address: Option<IpAddr>,
    ) -> Result<(UserId, EnvId)> {
        let email: Email = person.email.parse().map_err(|message: &str| Error::invalid("email", message))?;
        let came = Came { is_confirmed: true, identity, address };
        let (user, _, env) = self.insert_account(&person, &email, FIRST_PROJECT, came).await?;
        Ok((user, env))
    }

    /// As [`Gateway::sign_up`], for the operator at the command line, with a key for programs as well.
    pub async fn bootstrap(&self, input: SignUpInput, project: &str, may_add: bool) -> Result<Bootstrap> {
        if !may_add && self.inner.store.count_users().await? > 0 {
            return Err(Error::Conflict("there are users already; give --add to make another".into()));
        }
        let project = domain::field::parse_name(project).map_err(|message| Error::invalid("project", message))?;
        let sign_up = input.parse()?;
        check_password(&sign_up)?;
        let (user_id, org_id, env_id) = self.make_account(sign_up, &project, None).await?;
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
        let SignUp { name, email, organization, password } = sign_up;
        let password_hash = auth::password::hash(password).await?;
        let person = NewPerson { name, email: email.as_str().to_owned(), organization, password_hash };
        self.insert_account(&person, &email, project, Came { is_confirmed: false, identity: None, address }).await
    }

    async fn insert_account(
        &self,
        person: &NewPerson,
        email: &Email,
        project: &str,
        came: Came<'_>,
    ) -> Result<(UserId, OrgId, EnvId)> {
        let now = clock::now();
        let user_id = UserId::new(now, clock::id_bits());
        let org_id = OrgId::new(now, clock::id_bits());
        let organization = Organization { id: org_id, name: person.organization.clone(), created_at: now };
        let env_id = EnvId::new(now, clock::id_bits());
        let actor = Actor::user(user_id, &person.name, email.as_str());
        let entry = entry(org_id, None, (actor, came.address), made(&organization));
        let account = NewAccount {
            user_id,
            email,
            name: &person.name,
            password_hash: &person.password_hash,
            organization: &organization,
            env_id,
            project: &first_project(project),
            entry: &entry,
            is_confirmed: came.is_confirmed,
            identity: came.identity,
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

/// # Errors
/// Names the password, when it is one that is guessed early.
pub(super) fn check_password(sign_up: &SignUp) -> std::result::Result<(), FieldErrors> {
    auth::strength::check_for(&sign_up.password, &sign_up.email, &sign_up.name)
        .map_err(|message| FieldErrors::one("password", message))
}
