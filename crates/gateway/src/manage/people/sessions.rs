//! Where a person is signed in.

use domain::{
    audit::{Action, Changes},
    id::UserId,
    session::{Session, SignedIn},
};
use serde::Deserialize;

use crate::{
    Gateway, clock,
    manage::{Error, Result},
};

/// Sessions that are listed.
const MAX_LISTED: i64 = 100;

/// What of a session's data is shown. A sign-in that waits for its code has none.
#[derive(Deserialize)]
struct Shown {
    signed_in: Option<SignedIn>,
}

impl Gateway {
    /// A person's sessions, those used last first. `this` is the SHA-256 of the one that asks.
    pub async fn sessions(&self, user: UserId, this: Option<&[u8]>) -> Result<Vec<Session>> {
        let found = self.inner.store.sessions_of(user, clock::now().as_secs(), MAX_LISTED).await?;
        let shown = found.into_iter().filter_map(|(hash, data)| {
            let shown: Shown = serde_json::from_str(&data).ok()?;
            let is_this = this == Some(hash.as_slice());
            Some(Session { id: hex::encode(hash), signed_in: shown.signed_in?, is_this })
        });
        Ok(shown.collect())
    }

    /// Ends one of a person's sessions.
    pub async fn end_session(&self, user: UserId, id: &str) -> Result<()> {
        let hash = hex::decode(id).map_err(|_| Error::NotFound)?;
        if !self.inner.store.delete_session_of(user, &hash).await? {
            return Err(Error::NotFound);
        }
        self.audit_account(user, None, Action::AccountEndSession, Changes::default()).await;
        Ok(())
    }

    /// Ends all sessions of a person.
    pub async fn end_sessions(&self, user: UserId) -> Result<()> {
        self.inner.store.delete_sessions_of(user, None).await?;
        self.audit_account(user, None, Action::AccountEndSession, Changes::default()).await;
        Ok(())
    }
}
