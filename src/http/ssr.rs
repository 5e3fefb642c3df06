//! The dashboard: pages drawn on the server, and the server functions behind them.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use app::{
    App,
    api::{
        ApiError,
        caller::{SESSION_SIGNED_IN, SESSION_USER, Visitor, known_viewer},
    },
    components::ServerNow,
    shell::{Assets, Theme, shell},
};
use axum::{
    Form, Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{id::UserId, session::SignedIn};
use gateway::{clock, manage::Origin};
use leptos::{
    nonce::use_nonce,
    prelude::{provide_context, use_context, view},
};
use leptos_axum::ResponseOptions;
use serde::Deserialize;
use tower_http::compression::CompressionLayer;
use tower_sessions::Session;

use super::{AppState, audit_csv, body, error::Problem, oidc, session, site, ws};

/// Bytes of an error as server functions answer it.
const MAX_ERROR: usize = 64 << 10;
/// The use of a session is written no more often.
const NOTE_USE: Duration = Duration::from_mins(5);
/// Bytes that a server function is sent: a connection's rules and a body to try them on, percent-encoded.
const MAX_CALL: usize = 4 << 20;

#[derive(Clone)]
struct Dashboard {
    assets: Assets,
}

pub fn router(state: &AppState, is_https: bool) -> anyhow::Result<Router<AppState>> {
    // Starts the executor that drawing needs, and finds out early when a route does not fit.
    leptos_axum::generate_route_list(App);
    let dashboard = Dashboard { assets: site::assets()? };
    let drawn = Router::new()
        .route("/api/{*function}", post(server_function))
        .route("/theme", post(choose_theme))
        .fallback(get(page).head(page).fallback(|| async { Problem::method_not_allowed() }))
        .layer(axum::Extension(dashboard))
        .layer(CompressionLayer::new().br(true).gzip(true));
    Ok(drawn
        .route("/audit-log/{org_id}", get(audit_csv::export))
        .route("/oidc/start", get(oidc::start))
        .route("/oidc/callback", get(oidc::callback))
        // Of the REST API, but a session may open it.
        .route("/v1/ws", get(ws::connect).fallback(|| async { Problem::method_not_allowed() }))
        .layer(session::layer(state.gateway.store().clone(), is_https))
        .layer(middleware::from_fn(same_origin_only))
        .layer(middleware::map_response(move |response: Response| async move { secure_headers(response, is_https) })))
}

async fn page(
    State(state): State<AppState>,
    axum::Extension(dashboard): axum::Extension<Dashboard>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    session: Session,
    request: Request,
) -> Response {
    let theme = theme_of(request.headers());
    let origin = origin(&state, peer, request.headers());
    let visitor = visitor(&session, Some(origin.address)).await;
    let known = known_viewer(&state.gateway, visitor).await;
    let context = context(state, visitor, origin, theme);
    let context = move || {
        context();
        provide_context(known.clone());
    };
    let draw = move || {
        restrict_content();
        shell(&dashboard.assets, theme, view! { <App/> })
    };
    leptos_axum::render_app_async_with_context(context, draw)(request).await
}

async fn server_function(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    session: Session,
    request: Request,
) -> Response {
    let theme = theme_of(request.headers());
    let origin = origin(&state, peer, request.headers());
    let (parts, body) = request.into_parts();
    let body = match body::whole(body, MAX_CALL).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let visitor = visitor(&session, Some(origin.address)).await;
    let request = Request::from_parts(parts, Body::from(body));
    let context = context(state, visitor, origin, theme);
    let response = leptos_axum::handle_server_fns_with_context(context, request).await.into_response();
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR { name_the_fault(response).await } else { response }
}

/// What could not be read as a call of the function never came to its body, which would have set the status.
async fn name_the_fault(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_ERROR).await else { return Problem::internal().into_response() };
    if matches!(serde_json::from_slice(&body), Ok(ApiError::Invalid(_))) {
        parts.status = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Response::from_parts(parts, Body::from(body))
}

#[derive(Deserialize)]
struct ThemeChoice {
    theme: Theme,
}

/// The theme switch without JavaScript: keeps the choice in a cookie for a year, and goes back to the page.
async fn choose_theme(headers: HeaderMap, Form(choice): Form<ThemeChoice>) -> Response {
    let cookie = format!("theme={}; Path=/; Max-Age=31536000; SameSite=Lax", choice.theme.as_str());
    // Requests from other sites were refused already, so the page is one of ours.
    let back = headers.get(header::REFERER).cloned().unwrap_or(HeaderValue::from_static("/"));
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::LOCATION, back);
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// What pages and server functions find in their context.
fn context(
    state: AppState,
    visitor: Visitor,
    origin: Origin,
    theme: Theme,
) -> impl Fn() + Clone + Send + Sync + 'static {
    let now = clock::now();
    move || {
        provide_context(state.gateway.clone());
        provide_context(visitor);
        provide_context(origin.clone());
        provide_context(theme);
        provide_context(ServerNow(now));
    }
}

/// Scripts of ours alone, and those that carry the nonce of this very page.
fn restrict_content() {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

async fn visitor(session: &Session, address: Option<IpAddr>) -> Visitor {
    let user = match session.get::<UserId>(SESSION_USER).await {
        Ok(user) => user,
        Err(error) => {
            tracing::warn!(%error, "a session could not be read");
            None
        }
    };
    if user.is_some() {
        note_use(session).await;
    }
    Visitor { user, address }
}

/// Notes from time to time that a session is used, so that it goes on and its list shows when it was.
async fn note_use(session: &Session) {
    let Ok(Some(signed_in)) = session.get::<SignedIn>(SESSION_SIGNED_IN).await else { return };
    let now = clock::now();
    if now.since(signed_in.seen_at) >= NOTE_USE {
        let used = SignedIn { seen_at: now, ..signed_in };
        if let Err(error) = session.insert(SESSION_SIGNED_IN, used).await {
            tracing::warn!(%error, "the use of a session could not be noted");
        }
    }
}

/// Where the request comes from.
pub(super) fn origin(state: &AppState, peer: SocketAddr, headers: &HeaderMap) -> Origin {
    let address = state.proxies.client_of(peer.ip(), headers);
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Origin { address, user_agent: user_agent.to_owned() }
}

fn theme_of(headers: &HeaderMap) -> Theme {
    let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
    cookies.map(Theme::from_cookie_header).unwrap_or_default()
}

/// Refuses what another site makes a browser send along with our cookie.
async fn same_origin_only(request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe || is_same_origin(request.headers()) {
        next.run(request).await
    } else {
        Problem::cross_origin().into_response()
    }
}

pub(super) fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match text("sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        // Every browser sends at least an origin with such a request; what sends neither carries nobody's cookie.
        None => text("origin").is_none_or(|origin| {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text("host")
        }),
    }
}

fn secure_headers(mut response: Response, is_https: bool) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_are_told_from_this_one() {
        let check = |pairs: &[(&'static str, &'static str)]| {
            is_same_origin(
                &pairs
                    .iter()
                    .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
                    .collect(),
            )
        };
        assert!(check(&[("sec-fetch-site", "same-origin")]));
        assert!(!check(&[("sec-fetch-site", "cross-site"), ("origin", "http://here"), ("host", "here")]));
        assert!(!check(&[("sec-fetch-site", "same-site")]));
        assert!(check(&[("origin", "http://here:3000"), ("host", "here:3000")]));
        assert!(!check(&[("origin", "http://there"), ("host", "here")]));
        assert!(!check(&[("origin", "null"), ("host", "here")]));
        assert!(check(&[("host", "here")]));
    }
}
