//! People's own accounts: coming in ([`sign_in`], [`identities`]), passwords, names and addresses, sessions and second factors.
//!
//! Whatever shows who somebody is may be tried a few times only ([`crate::auth::limits`]), by where a request comes from:
//! its [`Origin`].

mod identities;
mod letters;
mod passwords;
mod profile;
mod second_factor;
mod sessions;
mod sign_in;

use std::net::IpAddr;

use domain::{
    audit::{Action, Changes},
    id::UserId,
};

pub use self::{
    identities::{AWAY_LASTS, ProviderAnswer, ProviderSignIn},
    passwords::operator_link,
    profile::EmailChange,
    second_factor::secret_place,
    sign_in::SignIn,
};
use super::{Error, Result};
use crate::{
    Gateway,
    auth::{self, limits, token},
    clock,
};

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    pub address: IpAddr,
    /// As the browser calls itself.
    pub user_agent: String,
}

/// What a link that was sent is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    ResetPassword,
    SignUp,
    /// To show that an address is somebody's.
    Email,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ResetPassword => "reset_password",
            Self::SignUp => "sign_up",
            Self::Email => "email",
        }
    }
}

impl Gateway {
    /// Counts something that this address asks for.
    pub(super) async fn may_ask(&self, what: &str, origin: &Origin) -> Result<()> {
        limits::ask(&self.inner.store, what, &limits::host_network(origin.address), limits::ASKING).await
    }

    /// Writes into the audit log what somebody did with their own account.
    async fn audited(&self, user: UserId, origin: &Origin, action: Action) {
        self.audit_account(user, Some(origin.address), action, Changes::default()).await;
    }

    /// Notes that a person has come in from here. That they are in does not hang on it.
    pub(super) async fn note_origin(&self, user: UserId, origin: &Origin) {
        let network = limits::network(origin.address);
        if let Err(error) = self.inner.store.note_network(user, &network, clock::now()).await {
            tracing::warn!(user.id = %user, %error, "where somebody signed in from could not be noted");
        }
    }

    /// Somebody who is signed in shows that they know the password, at the field `password`.
    async fn confirm_password(&self, user: UserId, password: &str, origin: &Origin) -> Result<()> {
        let store = &self.inner.store;
        let person = store.user(user).await?.ok_or(Error::Unauthenticated)?;
        let hash = store.password_hash(user).await?;
        let counted = limits::guess(store, limits::Secret::Password, &person.email, Some(user), origin.address).await?;
        if !auth::password::verify(password.to_owned(), hash).await? {
            return Err(Error::invalid("password", "is not your current password"));
        }
        counted.succeeded(store).await
    }

    /// A link that works once, until `expires_at`.
    async fn make_link(
        &self,
        purpose: Purpose,
        user: Option<UserId>,
        data: &str,
        lasts: std::time::Duration,
    ) -> Result<String> {
        let text = token::generate();
        let expires_at = clock::now().plus(lasts);
        self.inner.store.insert_account_token(&token::hash(&text), purpose.as_str(), user, data, expires_at).await?;
        Ok(text)
    }
}

/// What is said of a link that does not work.
fn bad_link() -> Error {
    Error::Conflict("This link does not work any more: it was used, or is too old. Ask for another.".to_owned())
}
