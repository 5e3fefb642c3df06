//! `GET /oidc/start` sends a browser to the OpenID provider, and `GET /oidc/callback` is where it comes back. Whatever comes
//! of it is said on one of the dashboard's pages.

use std::net::SocketAddr;

use app::{
    api::caller::{SESSION_USER, await_code_in, sign_in_at},
    paths,
};
use axum::{
    extract::{ConnectInfo, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::id::UserId;
use gateway::{
    clock,
    manage::{
        Error, Origin, SignIn,
        people::{AWAY_LASTS, ProviderAnswer, ProviderSignIn},
    },
};
use serde::Deserialize;
use tower_sessions::Session;

use super::{AppState, error::Problem, ssr};

/// What a browser keeps while it is at the provider.
const COOKIE: &str = "hookstream-oidc";
/// A browser takes the prefix only over HTTPS, and then only from this very host.
const HTTPS_COOKIE: &str = "__Host-hookstream-oidc";

#[derive(Deserialize)]
pub struct Start {
    #[serde(default)]
    next: String,
    /// There to connect whoever is signed in.
    connect: Option<String>,
}

/// What a page says of a way to the provider that came to nothing, or connected somebody.
#[derive(Clone, Copy)]
enum Outcome {
    Failed,
    AddressTaken,
    NoAddress,
    NotInvited,
    TooMany,
    OtherAccount,
    Connected,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::AddressTaken => "address_taken",
            Self::NoAddress => "no_address",
            Self::NotInvited => "not_invited",
            Self::TooMany => "too_many",
            Self::OtherAccount => "other_account",
            Self::Connected => "connected",
        }
    }

    fn on(self, page: &str) -> Response {
        see(&paths::with_query(page, [("provider", self.as_str())]))
    }
}

pub async fn start(
    State(state): State<AppState>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<Start>,
) -> Response {
    let connects = match query.connect {
        // Another site does not connect anybody.
        Some(_) if !is_from_our_page(&headers) => return Outcome::Failed.on(paths::ACCOUNT),
        Some(_) => match signed_in(&session).await {
            None => return see(&paths::sign_in_then(paths::ACCOUNT)),
            user => user,
        },
        None => None,
    };
    match state.gateway.begin_with_provider(&query.next, connects).await {
        Ok((url, kept)) => with_cookie(&state, see(url.as_str()), &kept, AWAY_LASTS.as_secs()),
        Err(Error::NotFound) => Problem::not_found().into_response(),
        Err(_) => Outcome::Failed.on(page_of(connects)),
    }
}

pub async fn callback(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    session: Session,
    headers: HeaderMap,
    Query(answer): Query<ProviderAnswer>,
) -> Response {
    let origin = ssr::origin(&state, peer, &headers);
    let kept = cookie(&headers, cookie_name(&state)).unwrap_or_default();
    let response = finish(&state, &session, &origin, kept, &answer).await;
    let response = match response {
        Ok(response) => response,
        Err(Error::NotFound) => Problem::not_found().into_response(),
        Err(Error::TooMany(_)) => Outcome::TooMany.on(paths::SIGN_IN),
        Err(error) => {
            tracing::debug!(%error, "nobody was signed in or connected by the provider");
            Outcome::Failed.on(page_of(signed_in(&session).await))
        }
    };
    // It is good for one answer, whatever that is.
    with_cookie(&state, response, "", 0)
}

async fn finish(
    state: &AppState,
    session: &Session,
    origin: &Origin,
    kept: &str,
    answer: &ProviderAnswer,
) -> Result<Response, Error> {
    let back = state.gateway.finish_with_provider(kept, answer).await?;
    if let Some(user) = back.connects {
        // The same person must still be there who wanted it.
        if signed_in(session).await != Some(user) {
            return Ok(Outcome::Failed.on(page_of(signed_in(session).await)));
        }
        let is_connected = state.gateway.connect_provider(user, &back.person, origin).await?;
        let outcome = if is_connected { Outcome::Connected } else { Outcome::OtherAccount };
        return Ok(outcome.on(paths::ACCOUNT));
    }
    let kept = |_| Error::Unavailable;
    Ok(match state.gateway.sign_in_by_provider(&back.person, origin).await? {
        ProviderSignIn::Known(SignIn::In(user)) => {
            sign_in_at(session, user, origin, clock::now()).await.map_err(kept)?;
            see(paths::local_or_home(&back.next))
        }
        ProviderSignIn::Known(SignIn::NeedsCode(user)) => {
            await_code_in(session, user, clock::now()).await.map_err(kept)?;
            see(&paths::sign_in_code(&back.next))
        }
        ProviderSignIn::New(user, env) => {
            sign_in_at(session, user, origin, clock::now()).await.map_err(kept)?;
            see(&paths::overview(env))
        }
        ProviderSignIn::AddressTaken => Outcome::AddressTaken.on(paths::SIGN_IN),
        ProviderSignIn::NoAddress => Outcome::NoAddress.on(paths::SIGN_IN),
        ProviderSignIn::NotInvited => Outcome::NotInvited.on(paths::SIGN_IN),
    })
}

async fn signed_in(session: &Session) -> Option<UserId> {
    session.get(SESSION_USER).await.ok().flatten()
}

/// Where somebody is told what came of it.
const fn page_of(user: Option<UserId>) -> &'static str {
    if user.is_some() { paths::ACCOUNT } else { paths::SIGN_IN }
}

/// Whether one of our own pages led here. A browser that does not say so in the one header does in the other, which our pages
/// let it send to us alone.
fn is_from_our_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let page = text("referer").and_then(|page| page.split_once("://"));
    let host = page.and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    host.is_some() && host == text("host")
}

fn is_https(state: &AppState) -> bool {
    state.gateway.public_url().starts_with("https://")
}

fn cookie_name(state: &AppState) -> &'static str {
    if is_https(state) { HTTPS_COOKIE } else { COOKIE }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(of, value)| (of == name).then_some(value))
}

fn with_cookie(state: &AppState, mut response: Response, value: &str, max_age_seconds: u64) -> Response {
    let (name, secure) = (cookie_name(state), if is_https(state) { "; Secure" } else { "" });
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn see(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
