//! Sign-in sessions in the database. The cookie holds a random id; only its SHA-256 is stored.

use app::api::caller::{SECOND_STEP, SESSION_USER, SecondStep};
use async_trait::async_trait;
use domain::id::UserId;
use gateway::auth::token::session_hash;
use store::Store;
use tower_sessions::{
    Expiry, SessionManagerLayer, SessionStore,
    cookie::{SameSite, time::Duration},
    session::{Id, Record},
    session_store::{Error, Result},
};

/// A session that is not used for so long has ended.
const IDLE: Duration = Duration::days(14);

#[derive(Clone)]
pub struct Sessions {
    store: Store,
}

/// The layer that gives handlers their `Session`.
pub fn layer(store: Store, is_https: bool) -> SessionManagerLayer<Sessions> {
    // A browser takes the prefix only over HTTPS, and then only from this very host.
    let name = if is_https { "__Host-hookstream" } else { "hookstream" };
    SessionManagerLayer::new(Sessions { store })
        .with_name(name)
        .with_path("/")
        .with_secure(is_https)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(IDLE))
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions")
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        loop {
            let data = encode(record)?;
            let expires = record.expiry_date.unix_timestamp();
            let inserted = self.store.insert_session(&session_hash(record.id.0), user_of(record), &data, expires).await;
            if inserted.map_err(|error| backend(&error))? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let expires = record.expiry_date.unix_timestamp();
        let saved =
            self.store.save_session(&session_hash(record.id.0), user_of(record), &encode(record)?, expires).await;
        saved.map_err(|error| backend(&error))
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = gateway::clock::now().as_secs();
        let Some((data, expires)) =
            self.store.session(&session_hash(id.0), now).await.map_err(|error| backend(&error))?
        else {
            return Ok(None);
        };
        let data = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date =
            time::OffsetDateTime::from_unix_timestamp(expires).map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.store.delete_session(&session_hash(id.0)).await.map_err(|error| backend(&error))
    }
}

/// Whose session it is, or will be once their code was right: what ends somebody's sessions ends both.
fn user_of(record: &Record) -> Option<UserId> {
    if let Some(user) = record.data.get(SESSION_USER) {
        return serde_json::from_value(user.clone()).ok();
    }
    let step: SecondStep = serde_json::from_value(record.data.get(SECOND_STEP)?.clone()).ok()?;
    Some(step.user)
}

fn encode(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

fn backend(error: &store::StoreError) -> Error {
    Error::Backend(error.to_string())
}
