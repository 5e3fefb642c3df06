//! A person's name and e-mail address, and links that show that an address is theirs.

use std::time::Duration;

use domain::{
    audit::{Action, Changes},
    field::parse_name,
    id::{EnvId, UserId},
    org::{Account, Email},
};
use store::StoreError;

use super::{Origin, Purpose, bad_link, letters};
use crate::{
    Gateway,
    auth::{limits, token},
    clock,
    manage::{Error, Result, accounts::NewPerson},
};

/// How long a link to confirm an address works.
const LINK_LASTS: Duration = Duration::from_hours(24);

/// What came of a changed address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailChange {
    Done,
    /// It counts once the link is followed that was sent there.
    LetterSent,
}

impl Gateway {
    /// A person's own account.
    pub async fn account(&self, user: UserId) -> Result<Account> {
        let store = &self.inner.store;
        let person = store.user(user).await?.ok_or(Error::Unauthenticated)?;
        let recovery_codes = if self.has_second_factor(user).await? {
            Some(u32::try_from(store.count_recovery_codes(user).await?).unwrap_or(0))
        } else {
            None
        };
        let email_verified = store.email_verified_at(user).await?.is_some();
        let provider = self.provider_link(user).await?;
        let has_mail = self.inner.mail.is_configured();
        Ok(Account { user: person, email_verified, has_mail, recovery_codes, provider })
    }

    pub async fn rename_person(&self, user: UserId, name: &str) -> Result<()> {
        let name = parse_name(name).map_err(|message| Error::invalid("name", message))?;
        self.inner.store.rename_user(user, &name, clock::now()).await?;
        self.audit_account(user, None, Action::AccountUpdate, Changes::default()).await;
        Ok(())
    }

    /// Gives somebody another address, who shows that they know the password. Where letters can be sent, the new address has
    /// to be confirmed first, and the old one is told.
    pub async fn change_email(
        &self,
        user: UserId,
        email: &str,
        password: &str,
        origin: &Origin,
    ) -> Result<EmailChange> {
        let new: Email = email.parse().map_err(|message: &str| Error::invalid("email", message))?;
        self.confirm_password(user, password, origin).await?;
        let person = self.inner.store.user(user).await?.ok_or(Error::Unauthenticated)?;
        if person.email == new.as_str() {
            return Err(Error::invalid("email", "is your address already"));
        }
        if !self.inner.mail.is_configured() {
            self.inner.store.set_email(user, &new, None, clock::now()).await.map_err(taken)?;
            self.audited(user, origin, Action::AccountUpdate).await;
            return Ok(EmailChange::Done);
        }
        self.send_confirmation(user, new.clone()).await?;
        if let Ok(old) = person.email.parse() {
            self.inner.mail.send_later(letters::email_is_changing(old, &new));
        }
        Ok(EmailChange::LetterSent)
    }

    /// Sends the link again, or for the first time, that shows that a person's address is theirs.
    pub async fn verify_email(&self, user: UserId) -> Result<()> {
        let person = self.inner.store.user(user).await?.ok_or(Error::Unauthenticated)?;
        if !self.inner.mail.is_configured() {
            return Err(Error::Conflict("This server sends no mail.".to_owned()));
        }
        let email: Email = person.email.parse().map_err(|message: &str| Error::invalid("email", message))?;
        self.send_confirmation(user, email).await
    }

    async fn send_confirmation(&self, user: UserId, email: Email) -> Result<()> {
        limits::ask(&self.inner.store, "confirmation letter", &user.to_string(), limits::LETTERS).await?;
        let text = self.make_link(Purpose::Email, Some(user), email.as_str(), LINK_LASTS).await?;
        self.inner.mail.send_later(letters::confirm_email(email, &self.confirmation_link(&text)));
        Ok(())
    }

    /// Writes to an address that somebody signed up with. It is done behind the request, so that the time it takes does not
    /// say whether the address has an account.
    pub(in crate::manage) fn ask_address(&self, email: Email, person: NewPerson) {
        let gateway = self.clone();
        self.inner.tasks.spawn(async move {
            match gateway.send_sign_up(email, &person).await {
                Ok(()) => {}
                Err(Error::TooMany(_)) => tracing::warn!("no more letters go to an address that many were asked for"),
                Err(error) => tracing::error!(%error, "a letter about a sign-up was not sent"),
            }
        });
    }

    async fn send_sign_up(&self, email: Email, person: &NewPerson) -> Result<()> {
        limits::ask(&self.inner.store, "sign-up letter", email.as_str(), limits::LETTERS).await?;
        let letter = if self.inner.store.user_by_email(&email).await?.is_some() {
            letters::has_account(email, &format!("{}/sign-in", self.public_url()))
        } else {
            let data = serde_json::to_string(person).map_err(|_| Error::Internal)?;
            let text = self.make_link(Purpose::SignUp, None, &data, LINK_LASTS).await?;
            letters::confirm_sign_up(email, &self.confirmation_link(&text))
        };
        self.inner.mail.send_later(letter);
        Ok(())
    }

    fn confirmation_link(&self, text: &str) -> String {
        format!("{}/confirm?token={text}", self.public_url())
    }

    /// The address that a link confirms.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it does not work (any more).
    pub async fn confirmation(&self, text: &str) -> Result<String> {
        let (store, now, hash) = (&self.inner.store, clock::now(), token::hash(text));
        if let Some(found) = store.account_token(&hash, Purpose::Email.as_str(), now).await? {
            return Ok(found.data);
        }
        let found = store.account_token(&hash, Purpose::SignUp.as_str(), now).await?.ok_or_else(bad_link)?;
        Ok(new_person(&found.data)?.email)
    }

    /// Does what a confirmed address was wanted for. A new account is signed in: who it is, and its first project.
    pub async fn confirm(&self, text: &str, origin: &Origin) -> Result<Option<(UserId, EnvId)>> {
        let (store, now, hash) = (&self.inner.store, clock::now(), token::hash(text));
        if let Some(found) = store.account_token(&hash, Purpose::Email.as_str(), now).await? {
            let user = found.user.ok_or_else(bad_link)?;
            self.confirm_email(user, &found.data, &hash).await?;
            self.audited(user, origin, Action::AccountVerifyEmail).await;
            return Ok(None);
        }
        let found = store.account_token(&hash, Purpose::SignUp.as_str(), now).await?.ok_or_else(bad_link)?;
        if !store.delete_account_token(&hash).await? {
            return Err(bad_link());
        }
        let (user, env) = self.make_confirmed(new_person(&found.data)?, None, Some(origin.address)).await?;
        self.note_origin(user, origin).await;
        Ok(Some((user, env)))
    }

    async fn confirm_email(&self, user: UserId, email: &str, hash: &[u8]) -> Result<()> {
        let (store, now) = (&self.inner.store, clock::now());
        let new: Email = email.parse().map_err(|_| bad_link())?;
        let person = store.user(user).await?.ok_or_else(bad_link)?;
        if !store.delete_account_token(hash).await? {
            return Err(bad_link());
        }
        if person.email == new.as_str() {
            return Ok(store.set_email_verified(user, now).await?);
        }
        store.set_email(user, &new, Some(now), now).await.map_err(taken)?;
        if let Ok(old) = person.email.parse() {
            self.inner.mail.send_later(letters::email_changed(old, &new));
        }
        Ok(())
    }
}

fn new_person(data: &str) -> Result<NewPerson> {
    serde_json::from_str(data).map_err(|error| {
        tracing::error!(%error, "a sign-up that waits for its confirmation cannot be read");
        Error::Internal
    })
}

fn taken(error: StoreError) -> Error {
    match error {
        StoreError::Conflict(_) => Error::invalid("email", "is the address of another account"),
        other => other.into(),
    }
}
