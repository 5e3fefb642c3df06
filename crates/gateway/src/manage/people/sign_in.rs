//! Coming in: a password, then a code where there is a second factor.

use domain::{
    audit::Action,
    id::UserId,
    org::{Email, User},
};

use super::Origin;
use crate::{
    Gateway,
    auth::{self, limits},
    manage::{Error, Result},
};

/// How far a sign-in has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    In(UserId),
    /// The password was right; a code is wanted as well.
    NeedsCode(UserId),
}

/// Octets of an address that are looked at.
const MAX_EMAIL: usize = 254;

impl Gateway {
    /// The person with this e-mail and password. It does not tell which of the two was wrong, nor by how long it takes.
    ///
    /// # Errors
    /// [`Error::TooMany`] when it was tried too often.
    pub async fn sign_in(&self, email: &str, password: &str, origin: &Origin) -> Result<SignIn> {
        let store = &self.inner.store;
        let parsed = email.parse::<Email>().ok();
        let known = match &parsed {
            Some(email) => store.user_by_email(email).await?,
            None => None,
        };
        let (user, hash): (Option<User>, Option<String>) = known.unzip();
        let account: String = match &parsed {
            Some(email) => email.as_str().to_owned(),
            None => email.chars().take(MAX_EMAIL).collect(),
        };
        let id = user.as_ref().map(|user| user.id);
        let counted = limits::guess(store, limits::Secret::Password, &account, id, origin.address).await?;
        let is_right = auth::password::verify(password.to_owned(), hash).await?;
        let Some(user) = id.filter(|_| is_right) else {
            return Err(Error::invalid("password", "or the e-mail address is wrong"));
        };
        counted.succeeded(store).await?;
        if self.has_second_factor(user).await? {
            return Ok(SignIn::NeedsCode(user));
        }
        self.note_origin(user, origin).await;
        self.audited(user, origin, Action::AccountSignIn).await;
        Ok(SignIn::In(user))
    }

    /// Takes the code that a sign-in needs besides the password: of the authenticator app, or one of the recovery codes.
    ///
    /// # Errors
    /// [`Error::TooMany`] when it was tried too often.
    pub async fn sign_in_code(&self, user: UserId, code: &str, origin: &Origin) -> Result<()> {
        self.check_code(user, code, origin).await?;
        self.note_origin(user, origin).await;
        self.audited(user, origin, Action::AccountSignIn).await;
        Ok(())
    }
}
