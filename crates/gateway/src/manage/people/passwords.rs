//! Changing a password, and choosing a new one when it was forgotten.
//!
//! A link by mail is a row that works once. A link that the operator makes at the command line needs no row, since an SQLite
//! file that a server has open takes none from another process: it is sealed with the server's key, and bound to the
//! password that it replaces.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    audit::Action,
    id::UserId,
    org::{Email, User},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use store::Store;

use super::{Origin, Purpose, bad_link, letters};
use crate::{
    Gateway,
    auth::{self, limits, strength, token},
    clock,
    manage::{Error, Result},
    secrets::Vault,
};

/// How long a link works.
const LINK_LASTS: Duration = Duration::from_hours(1);
/// A link of the operator's begins with it.
const OPERATOR: &str = "op.";
const OPERATOR_PLACE: &str = "operator/reset_password";

/// What an operator's link says.
#[derive(Serialize, Deserialize)]
struct OperatorLink {
    user: UserId,
    expires_at: Timestamp,
    /// The SHA-256 of the hash of the password that it replaces: the link works once.
    replaces: String,
    without_second_factor: bool,
}

/// Whose password a link sets.
struct Subject {
    user: User,
    /// None of an operator's.
    token_hash: Option<Vec<u8>>,
    without_second_factor: bool,
}

impl Gateway {
    /// Gives somebody another password who knows the one before. All other sessions end.
    pub async fn change_password(
        &self,
        user: UserId,
        current: &str,
        new: String,
        origin: &Origin,
        session: Option<&[u8]>,
    ) -> Result<()> {
        let store = &self.inner.store;
        let person = store.user(user).await?.ok_or(Error::Unauthenticated)?;
        strength::check(&new, &person.email, &person.name)
            .map_err(|message| Error::invalid("new_password", message))?;
        self.confirm_password(user, current, origin).await?;
        let hash = auth::password::hash(new).await?;
        store.set_password(user, &hash, session, Purpose::ResetPassword.as_str(), clock::now()).await?;
        self.audited(user, origin, Action::AccountChangePassword).await;
        self.tell_password_changed(&person, &origin.address.to_string());
        Ok(())
    }

    /// Sends a link to whoever has this address. What comes of it is seen in the mail alone: neither the answer nor the
    /// time it takes says whether there is such an account.
    ///
    /// # Errors
    /// [`Error::TooMany`] when this address asks too often, and when the text is no e-mail address.
    pub async fn forgot_password(&self, email: &str, origin: &Origin) -> Result<()> {
        let email: Email = email.parse().map_err(|message: &str| Error::invalid("email", message))?;
        if !self.inner.mail.is_configured() {
            return Err(Error::Conflict("This server sends no mail. Ask whoever runs it for a link.".to_owned()));
        }
        self.may_ask("forgot password", origin).await?;
        let gateway = self.clone();
        self.inner.tasks.spawn(async move {
            match gateway.send_reset(email).await {
                Ok(()) => {}
                Err(Error::TooMany(_)) => tracing::warn!("no more letters go to an address that many were asked for"),
                Err(error) => tracing::error!(%error, "a letter about a forgotten password was not sent"),
            }
        });
        Ok(())
    }

    async fn send_reset(&self, email: Email) -> Result<()> {
        limits::ask(&self.inner.store, "reset letter", email.as_str(), limits::LETTERS).await?;
        let letter = match self.inner.store.user_by_email(&email).await? {
            Some((user, _)) => {
                let text = self.make_link(Purpose::ResetPassword, Some(user.id), "", LINK_LASTS).await?;
                letters::reset_password(email, &link(self.public_url(), &text))
            }
            None => letters::no_account(email, self.public_url()),
        };
        self.inner.mail.send_later(letter);
        Ok(())
    }

    /// The address whose password a link sets.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it does not work (any more).
    pub async fn reset_link(&self, text: &str) -> Result<String> {
        Ok(self.subject(text).await?.user.email)
    }

    /// Gives somebody the password that they chose by a link. All their sessions end.
    pub async fn reset_password(&self, text: &str, new: String, origin: &Origin) -> Result<()> {
        let subject = self.subject(text).await?;
        let person = subject.user;
        strength::check(&new, &person.email, &person.name)
            .map_err(|message| Error::invalid("new_password", message))?;
        let hash = auth::password::hash(new).await?;
        let (store, now, reset) = (&self.inner.store, clock::now(), Purpose::ResetPassword.as_str());
        match subject.token_hash {
            Some(token_hash) => {
                if !store.reset_password(&token_hash, person.id, &hash, reset, now).await? {
                    return Err(bad_link());
                }
            }
            None => store.set_password(person.id, &hash, None, reset, now).await?,
        }
        if subject.without_second_factor {
            store.remove_second_factor(person.id, None).await?;
        }
        self.audited(person.id, origin, Action::AccountResetPassword).await;
        self.tell_password_changed(&person, &origin.address.to_string());
        Ok(())
    }

    async fn subject(&self, text: &str) -> Result<Subject> {
        let store = &self.inner.store;
        if let Some(sealed) = text.strip_prefix(OPERATOR) {
            let said = open(&self.inner.vault, sealed).filter(|said| said.expires_at > clock::now());
            let said = said.ok_or_else(bad_link)?;
            let hash = store.password_hash(said.user).await?.ok_or_else(bad_link)?;
            if hex::encode(token::hash(&hash)) != said.replaces {
                return Err(bad_link());
            }
            let user = store.user(said.user).await?.ok_or_else(bad_link)?;
            return Ok(Subject { user, token_hash: None, without_second_factor: said.without_second_factor });
        }
        let token_hash = token::hash(text);
        let found = store.account_token(&token_hash, Purpose::ResetPassword.as_str(), clock::now()).await?;
        let user = found.and_then(|found| found.user).ok_or_else(bad_link)?;
        let user = store.user(user).await?.ok_or_else(bad_link)?;
        Ok(Subject { user, token_hash: Some(token_hash), without_second_factor: false })
    }

    fn tell_password_changed(&self, person: &User, from: &str) {
        if let (true, Ok(to)) = (self.inner.mail.is_configured(), person.email.parse()) {
            self.inner.mail.send_later(letters::password_changed(to, from));
        }
    }
}

/// A link by which the person with this address chooses a new password within an hour, made by the operator. `None` when
/// there is no such person.
pub async fn operator_link(
    store: &Store,
    vault: &Vault,
    public_url: &str,
    email: &Email,
    without_second_factor: bool,
) -> Result<Option<String>> {
    let Some((user, hash)) = store.user_by_email(email).await? else { return Ok(None) };
    let said = OperatorLink {
        user: user.id,
        expires_at: clock::now().plus(LINK_LASTS),
        replaces: hex::encode(token::hash(&hash)),
        without_second_factor,
    };
    let said = serde_json::to_string(&said).map_err(|_| Error::Internal)?;
    let sealed = vault.seal(OPERATOR_PLACE, &said)?;
    Ok(Some(link(public_url, &format!("{OPERATOR}{}", URL_SAFE_NO_PAD.encode(sealed)))))
}

fn open(vault: &Vault, sealed: &str) -> Option<OperatorLink> {
    let sealed = String::from_utf8(URL_SAFE_NO_PAD.decode(sealed).ok()?).ok()?;
    serde_json::from_str(&vault.open(OPERATOR_PLACE, &sealed).ok()?).ok()
}

fn link(public_url: &str, text: &str) -> String {
    format!("{public_url}/reset-password?token={text}")
}
