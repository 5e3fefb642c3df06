//! Coming in by an OpenID provider, and connecting it with an account that is there.
//!
//! An account is found by the provider's subject alone. An address never leads to one, also when the provider calls it
//! verified: whoever has an account connects it while signed in.
//!
//! What is to be known when a browser comes back from the provider it keeps itself, sealed, so that nothing is written for
//! those who never do.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    audit::Action,
    id::{EnvId, UserId},
    org::{Email, ProviderLink},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use store::Identity;

use super::{Origin, SignIn, letters};
use crate::{
    Gateway, auth, clock,
    manage::{Error, Result, accounts::NewPerson},
    oidc::{Begun, OidcError, Person, Provider},
};

/// How long somebody may be at the provider.
pub const AWAY_LASTS: Duration = Duration::from_mins(10);
/// Bytes of the page to lead on to. A longer one is forgotten, since a browser keeps no more than some 4000.
const MAX_NEXT: usize = 1024;
/// Where what a browser keeps is sealed to.
const AWAY_PLACE: &str = "browser/oidc";

/// A browser that is at the provider.
#[derive(Serialize, Deserialize)]
struct Away {
    begun: Begun,
    next: String,
    connects: Option<UserId>,
    since: Timestamp,
}

/// What the provider let a browser bring back.
#[derive(Debug, Deserialize)]
pub struct ProviderAnswer {
    pub code: Option<String>,
    pub state: Option<String>,
    /// Who says it (RFC 9207).
    pub iss: Option<String>,
}

/// Somebody who is back from the provider.
#[derive(Debug)]
pub struct Back {
    pub person: Person,
    /// The page that they wanted.
    pub next: String,
    /// Whom to connect with it, where that is what it was for.
    pub connects: Option<UserId>,
}

/// What came of signing in by the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderSignIn {
    Known(SignIn),
    /// An account was made.
    New(UserId, EnvId),
    /// The address has an account, which is not connected.
    AddressTaken,
    /// The provider does not say that the address is theirs, so that no account is made.
    NoAddress,
    /// There is no such account, and none is made for whoever comes by.
    NotInvited,
}

impl Gateway {
    fn provider(&self) -> Result<&Provider> {
        self.inner.oidc.as_ref().ok_or(Error::NotFound)
    }

    /// The name of the provider that people can sign in with.
    #[must_use]
    pub fn provider_name(&self) -> Option<&str> {
        self.inner.oidc.as_ref().map(Provider::name)
    }

    /// Where to send a browser, and what it is to keep until it comes back.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no provider.
    pub async fn begin_with_provider(&self, next: &str, connects: Option<UserId>) -> Result<(url::Url, String)> {
        let (url, begun) = self.provider()?.begin().await.map_err(|error| failed(&error))?;
        let next = if next.len() <= MAX_NEXT { next.to_owned() } else { String::new() };
        let away = Away { begun, next, connects, since: clock::now() };
        let away = serde_json::to_string(&away).map_err(|_| Error::Internal)?;
        Ok((url, URL_SAFE_NO_PAD.encode(self.inner.vault.seal(AWAY_PLACE, &away)?)))
    }

    /// Who came back, by what their browser kept and what it brings.
    pub async fn finish_with_provider(&self, kept: &str, answer: &ProviderAnswer) -> Result<Back> {
        let provider = self.provider()?;
        let away = self.open_away(kept).ok_or_else(not_begun)?;
        let (Some(code), Some(state)) = (&answer.code, &answer.state) else { return Err(not_begun()) };
        if clock::now().since(away.since) > AWAY_LASTS || *state != away.begun.state {
            return Err(not_begun());
        }
        let person = provider.finish(&away.begun, code, answer.iss.as_deref()).await;
        let person = person.map_err(|error| failed(&error))?;
        Ok(Back { person, next: away.next, connects: away.connects })
    }

    fn open_away(&self, kept: &str) -> Option<Away> {
        let sealed = String::from_utf8(URL_SAFE_NO_PAD.decode(kept).ok()?).ok()?;
        serde_json::from_str(&self.inner.vault.open(AWAY_PLACE, &sealed).ok()?).ok()
    }

    /// Lets in whoever the provider says that it is.
    pub async fn sign_in_by_provider(&self, person: &Person, origin: &Origin) -> Result<ProviderSignIn> {
        let store = &self.inner.store;
        if let Some(user) = store.user_by_identity(identity(person)).await? {
            if self.has_second_factor(user).await? {
                return Ok(ProviderSignIn::Known(SignIn::NeedsCode(user)));
            }
            self.note_origin(user, origin).await;
            self.audited(user, origin, Action::AccountSignIn).await;
            return Ok(ProviderSignIn::Known(SignIn::In(user)));
        }
        let email = person.verified_email.as_ref().and_then(|email| email.parse::<Email>().ok());
        let Some(email) = email else { return Ok(ProviderSignIn::NoAddress) };
        if store.user_by_email(&email).await?.is_some() {
            return Ok(ProviderSignIn::AddressTaken);
        }
        if !self.signup_is_open().await? {
            return Ok(ProviderSignIn::NotInvited);
        }
        self.may_ask("sign up", origin).await?;
        let (user, env) = self.make_by_provider(person, &email, origin).await?;
        self.note_origin(user, origin).await;
        Ok(ProviderSignIn::New(user, env))
    }

    async fn make_by_provider(&self, person: &Person, email: &Email, origin: &Origin) -> Result<(UserId, EnvId)> {
        let name = person.name.as_deref().and_then(|name| domain::field::parse_name(name).ok());
        let name = name.unwrap_or_else(|| email.as_str().chars().take(MAX_NAME).collect());
        // Nobody knows it; it is replaced as one that was forgotten.
        let password_hash = auth::password::hash(auth::token::generate()).await?;
        let organization = format!("{}'s team", name.chars().take(MAX_NAME).collect::<String>());
        let new = NewPerson { name, email: email.as_str().to_owned(), organization, password_hash };
        self.make_confirmed(new, Some(identity(person)), Some(origin.address)).await
    }

    /// Connects somebody who is signed in with who they are at the provider. Returns false when that is somebody else here,
    /// or they are another one there.
    pub async fn connect_provider(&self, user: UserId, person: &Person, origin: &Origin) -> Result<bool> {
        let store = &self.inner.store;
        if store.user_by_identity(identity(person)).await? == Some(user) {
            return Ok(true);
        }
        if !store.insert_identity(identity(person), user, clock::now()).await? {
            return Ok(false);
        }
        self.audited(user, origin, Action::AccountConnectProvider).await;
        self.tell_provider_changed(user, true).await;
        Ok(true)
    }

    /// Forgets who somebody is at the provider, who shows that they know the password: they need it from now on.
    pub async fn disconnect_provider(&self, user: UserId, password: &str, origin: &Origin) -> Result<()> {
        let provider = self.provider()?;
        self.confirm_password(user, password, origin).await?;
        if !self.inner.store.delete_identity(user, provider.issuer()).await? {
            return Err(Error::Conflict("Your account is not connected any more.".to_owned()));
        }
        self.audited(user, origin, Action::AccountDisconnectProvider).await;
        self.tell_provider_changed(user, false).await;
        Ok(())
    }

    async fn tell_provider_changed(&self, user: UserId, is_connected: bool) {
        let (true, Some(name)) = (self.inner.mail.is_configured(), self.provider_name()) else { return };
        match self.inner.store.user(user).await {
            Ok(person) => {
                if let Some(to) = person.and_then(|person| person.email.parse().ok()) {
                    self.inner.mail.send_later(letters::provider_changed(to, name, is_connected));
                }
            }
            Err(error) => tracing::error!(user.id = %user, %error, "a letter about the OpenID provider was not sent"),
        }
    }

    /// The provider, as the page of a person's account shows it.
    pub(super) async fn provider_link(&self, user: UserId) -> Result<Option<ProviderLink>> {
        let Some(provider) = &self.inner.oidc else { return Ok(None) };
        let is_connected = self.inner.store.has_identity(user, provider.issuer()).await?;
        Ok(Some(ProviderLink { name: provider.name().to_owned(), is_connected }))
    }
}

/// Characters of a name that is made of another.
const MAX_NAME: usize = 80;

fn identity(person: &Person) -> Identity<'_> {
    Identity { issuer: &person.issuer, subject: &person.subject }
}

fn not_begun() -> Error {
    Error::Conflict("This sign-in was not begun by this browser, or took too long. Begin again.".to_owned())
}

/// Says it in the log, where the operator finds what is wrong, and not to whoever wanted to sign in.
fn failed(error: &OidcError) -> Error {
    tracing::warn!(%error, "a sign-in by the OpenID provider failed");
    match error {
        OidcError::Unreachable(_) => Error::Unavailable,
        OidcError::Refused(_) | OidcError::Protocol(_) | OidcError::Token(_) => {
            Error::Conflict("The sign-in with the provider failed. The server's log says why.".to_owned())
        }
    }
}
