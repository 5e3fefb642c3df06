//! Second factors: a secret that an authenticator app makes codes of, and codes to come in without the app.

use domain::{
    audit::Action,
    id::UserId,
    org::{SecondFactorSetup, User},
};

use super::{Origin, letters};
use crate::{
    Gateway,
    auth::{limits, token, totp},
    clock,
    manage::{Error, Result},
};

/// Bytes of a secret, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
const ISSUER: &str = "hookstream";

/// Where a person's secret is sealed to.
#[must_use]
pub fn secret_place(user: UserId) -> String {
    format!("{user}/second_factor")
}

impl Gateway {
    pub(super) async fn has_second_factor(&self, user: UserId) -> Result<bool> {
        Ok(self.inner.store.second_factor(user).await?.is_some_and(|factor| factor.enabled_at.is_some()))
    }

    /// The secret to set up: the same until it is in use, so that a page that is loaded again shows what was scanned.
    pub async fn set_up_second_factor(&self, user: UserId) -> Result<SecondFactorSetup> {
        let store = &self.inner.store;
        let person = store.user(user).await?.ok_or(Error::Unauthenticated)?;
        let secret = match store.second_factor(user).await? {
            Some(factor) if factor.enabled_at.is_some() => return Err(already()),
            Some(factor) => self.open_secret(user, &factor.secret)?,
            None => {
                let secret = clock::secret_bytes::<SECRET_BYTES>().to_vec();
                let sealed = self.inner.vault.seal(&secret_place(user), &hex::encode(&secret))?;
                if !store.propose_second_factor(user, &sealed).await? {
                    return Err(already());
                }
                secret
            }
        };
        let uri = totp::uri(&secret, ISSUER, &person.email);
        let (path, size) = totp::qr_path(&uri).ok_or_else(|| {
            tracing::error!("the QR code of a second factor cannot be made");
            Error::Internal
        })?;
        let provider = self.provider_link(user).await?;
        Ok(SecondFactorSetup { key: totp::base32(&secret), uri, path, size, provider })
    }

    /// Takes the second factor into use, once a code shows that the app has it. All other sessions end. Returns the recovery
    /// codes, which are told this once.
    pub async fn enable_second_factor(
        &self,
        user: UserId,
        code: &str,
        password: &str,
        origin: &Origin,
        session: Option<&[u8]>,
    ) -> Result<Vec<String>> {
        let store = &self.inner.store;
        let person = store.user(user).await?.ok_or(Error::Unauthenticated)?;
        self.confirm_password(user, password, origin).await?;
        let factor = store.second_factor(user).await?.filter(|factor| factor.enabled_at.is_none());
        let factor = factor.ok_or_else(|| Error::Conflict("Reload the page and scan its code first.".to_owned()))?;
        let secret = self.open_secret(user, &factor.secret)?;
        let step = totp::step_of(&secret, &typed(code), clock::now(), factor.last_step);
        let step = step.ok_or_else(|| Error::invalid("code", "is not the one that the app shows now"))?;
        let codes = token::recovery_codes();
        let hashes: Vec<_> = codes.iter().map(|code| token::recovery_hash(user, code)).collect();
        if !store.enable_second_factor(user, &factor.secret, step, &hashes, session, clock::now()).await? {
            return Err(already());
        }
        self.audited(user, origin, Action::AccountEnableTotp).await;
        self.tell_second_factor(&person, true);
        Ok(codes)
    }

    /// Turns the second factor off, for somebody who knows the password and has a code. All other sessions end.
    pub async fn disable_second_factor(
        &self,
        user: UserId,
        code: &str,
        password: &str,
        origin: &Origin,
        session: Option<&[u8]>,
    ) -> Result<()> {
        let store = &self.inner.store;
        let person = store.user(user).await?.ok_or(Error::Unauthenticated)?;
        if !self.has_second_factor(user).await? {
            return Err(Error::Conflict("There is no second factor to turn off.".to_owned()));
        }
        self.confirm_password(user, password, origin).await?;
        self.check_code(user, code, origin).await?;
        store.remove_second_factor(user, session).await?;
        self.audited(user, origin, Action::AccountDisableTotp).await;
        self.tell_second_factor(&person, false);
        Ok(())
    }

    /// Takes a code of the app or a recovery code, each once.
    pub(super) async fn check_code(&self, user: UserId, code: &str, origin: &Origin) -> Result<()> {
        let store = &self.inner.store;
        let account = user.to_string();
        let counted = limits::guess(store, limits::Secret::Code, &account, Some(user), origin.address).await?;
        let factor = store.second_factor(user).await?.filter(|factor| factor.enabled_at.is_some());
        // It was turned off meanwhile.
        let Some(factor) = factor else { return Err(Error::Unauthenticated) };
        let secret = self.open_secret(user, &factor.secret)?;
        let is_taken = match totp::step_of(&secret, &typed(code), clock::now(), factor.last_step) {
            Some(step) => store.take_step(user, step).await?,
            None => store.take_recovery_code(user, &token::recovery_hash(user, code)).await?,
        };
        if !is_taken {
            return Err(Error::invalid("code", "is wrong, or was used already"));
        }
        counted.succeeded(store).await
    }

    fn open_secret(&self, user: UserId, sealed: &str) -> Result<Vec<u8>> {
        let opened = self.inner.vault.open(&secret_place(user), sealed)?;
        hex::decode(opened).map_err(|_| {
            tracing::error!(user.id = %user, "the secret of a second factor cannot be read");
            Error::Internal
        })
    }

    fn tell_second_factor(&self, person: &User, is_on: bool) {
        if let (true, Ok(to)) = (self.inner.mail.is_configured(), person.email.parse()) {
            self.inner.mail.send_later(letters::second_factor_changed(to, is_on));
        }
    }
}

/// A code as it was typed, without what people put between digits.
fn typed(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

fn already() -> Error {
    Error::Conflict("A second factor is in use already. Turn it off first to set up another.".to_owned())
}
