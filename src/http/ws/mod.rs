//! `GET /v1/ws`: clients that follow what happens in a project, and listen to the channels of its WebSocket destinations.
//!
//! Who asks is known by an API key, in the headers of the request or in the first message (`{"type": "auth", "api_key": "hs_…"}`), or by the session of the
//! dashboard with the project in the address (`?project=env_…`). Then `{"type": "subscribe", "topic": "events"}` is answered by
//! `{"type": "subscribed", …}`, and what is new comes by itself; with `after` or `since`, what was missed comes first. With `channel` in the place of
//! `topic` it is that channel's messages. What is wrong is answered by `{"type": "error", …}`. docs/websocket.md has all of it.

mod client;
mod said;

use axum::{
    extract::{Query, State, ws::WebSocketUpgrade},
    http::{HeaderMap, header},
    response::Response,
};
use domain::id::{EnvId, UserId};
use gateway::{
    Gateway,
    manage::{Access, Caller, Error},
};
use serde::Deserialize;
use tower_sessions::Session;

use self::client::Client;
use super::{AppState, api::key_of, error::Problem, ssr::is_same_origin};

/// The longest message of a client.
const MAX_MESSAGE: usize = 16 << 10;

#[derive(Deserialize)]
pub struct Address {
    /// The project, for whoever has a session.
    project: Option<String>,
}

/// By what a client is known.
enum Who {
    Key(String),
    Session(Session, EnvId),
}

pub async fn connect(
    State(state): State<AppState>,
    session: Session,
    Query(address): Query<Address>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let gateway = state.gateway;
    // A page of another site could speak with our cookie, or with what it has got from a person.
    if !is_same_origin(&headers) && !is_from(gateway.public_url(), &headers) {
        return Err(Problem::cross_origin());
    }
    let who = match (key_of(&headers), address.project) {
        (Some(key), _) => Some(Who::Key(key.to_owned())),
        (None, Some(project)) => Some(Who::Session(session, project.parse().map_err(|_| Problem::not_found())?)),
        (None, None) => None,
    };
    let admitted = match who {
        Some(who) => Some((who.access(&gateway).await?, who)),
        None => None,
    };
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .on_upgrade(async move |socket| Client::new(socket, gateway).serve(admitted).await))
}

/// Whether a page at this address asks. A proxy may have put another name into `Host`, and of WebSockets not every browser says in
/// a better way which page asks for them.
fn is_from(address: &str, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let rest = address.strip_prefix(origin).filter(|_| origin.contains("://"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Who {
    /// What the client may do now.
    async fn access(&self, gateway: &Gateway) -> Result<Access, Error> {
        match self {
            Self::Key(key) => {
                let caller = gateway.caller_of_key(key).await?;
                let env_id = caller.env_id().ok_or(Error::Unauthenticated)?;
                gateway.access(&caller, env_id).await
            }
            Self::Session(session, project) => {
                // Anew from the database: it may have ended since.
                session.load().await.map_err(|_| Error::Unavailable)?;
                let user = session.get::<UserId>(app::api::caller::SESSION_USER).await;
                let user = user.map_err(|_| Error::Unavailable)?.ok_or(Error::Unauthenticated)?;
                gateway.access(&Caller::user(user, None), *project).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn pages_of_the_public_address_are_known() {
        let check = |address, origin: &'static str| {
            is_from(address, &[(header::ORIGIN, HeaderValue::from_static(origin))].into_iter().collect())
        };
        assert!(check("https://hooks.example.com", "https://hooks.example.com"));
        assert!(check("https://hooks.example.com/", "https://hooks.example.com"));
        for other in
            ["", "null", "https://", "https://hooks", "http://hooks.example.com", "https://hooks.example.com:8443"]
        {
            assert!(!check("https://hooks.example.com", other), "{other}");
        }
        assert!(!is_from("https://hooks.example.com", &HeaderMap::new()));
    }
}
