//! `GET /live/{env_id}`: tells an open page, as server-sent events, that something of its project has changed.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Path, State},
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use domain::id::{EnvId, UserId};
use futures::Stream;
use gateway::manage::Caller;
use tokio::sync::broadcast::error::RecvError;
use tower_sessions::Session;

use super::{AppState, error::Problem};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub async fn live(
    State(state): State<AppState>,
    session: Session,
    Path(env_id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let env_id: EnvId = env_id.parse().map_err(|_| Problem::not_found())?;
    let user = session.get::<UserId>(app::api::caller::SESSION_USER).await.ok().flatten();
    let user = user.ok_or(gateway::manage::Error::Unauthenticated)?;
    let access = state.gateway.access(&Caller::user(user, None), env_id).await?;
    let env_id = access.env_id();
    let activity = state.gateway.activity();
    let stopping = state.gateway.stopping();
    // An event without data is not dispatched by browsers, and an empty text is no data.
    let change = || Ok(Event::default().event("change").data("change"));
    // One at once: it closes the gap between the drawing of the page and the opening of this stream.
    let stream =
        futures::stream::unfold((activity, stopping, true), move |(mut activity, stopping, is_first)| async move {
            if is_first {
                return Some((change(), (activity, stopping, false)));
            }
            loop {
                tokio::select! {
                    () = stopping.cancelled() => return None,
                    changed = activity.recv() => match changed {
                        Ok(changed) if changed != env_id => {}
                        Ok(_) | Err(RecvError::Lagged(_)) => return Some((change(), (activity, stopping, false))),
                        Err(RecvError::Closed) => return None,
                    },
                }
            }
        });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
