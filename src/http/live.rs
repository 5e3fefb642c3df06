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
use gateway::{Gateway, manage::Caller};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};
use tower_sessions::Session;

use super::{AppState, error::Problem};

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often it is looked at most whether the visitor still belongs to the project.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

pub async fn live(
    State(state): State<AppState>,
    session: Session,
    Path(env_id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let env_id: EnvId = env_id.parse().map_err(|_| Problem::not_found())?;
    let user = session.get::<UserId>(app::api::caller::SESSION_USER).await.ok().flatten();
    let user = user.ok_or(gateway::manage::Error::Unauthenticated)?;
    let caller = Caller::user(user, None);
    let access = state.gateway.access(&caller, env_id).await?;
    let visit = Visit {
        activity: state.gateway.activity(),
        gateway: state.gateway,
        caller,
        env_id: access.env_id(),
        looked_at: Instant::now(),
    };
    // One at once: it closes the gap between the drawing of the page and the opening of this stream.
    let stream = futures::stream::unfold((visit, true), |(mut visit, is_first)| async move {
        (is_first || visit.changes().await).then(|| (Ok::<_, Infallible>(change()), (visit, false)))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// An event without data is not dispatched by browsers, and an empty text is no data.
fn change() -> Event {
    Event::default().event("change").data("change")
}

/// An open page, and whose it is.
struct Visit {
    gateway: Gateway,
    caller: Caller,
    env_id: EnvId,
    activity: Receiver<EnvId>,
    /// When the visitor was last known to belong to the project.
    looked_at: Instant,
}

impl Visit {
    /// Waits for a change. Returns false when there is nobody any more to tell it to.
    async fn changes(&mut self) -> bool {
        let stopping = self.gateway.stopping();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return false,
                changed = self.activity.recv() => match changed {
                    Ok(changed) if changed != self.env_id => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return self.may_still_look().await,
                    Err(RecvError::Closed) => return false,
                },
            }
        }
    }

    async fn may_still_look(&mut self) -> bool {
        if self.looked_at.elapsed() < LOOK_AGAIN {
            return true;
        }
        self.looked_at = Instant::now();
        self.gateway.access(&self.caller, self.env_id).await.is_ok()
    }
}
