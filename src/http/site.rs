//! The built files of the dashboard. In a release they stand within the binary, so that copying it is an installation;
//! in development they are read from `target/site` at each request.

use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::{Embed, EmbeddedFile};

use super::{AppState, error::Problem};

#[derive(Embed)]
#[folder = "target/site"]
#[allow_missing = true]
struct Site;

/// What `cargo xtask` built the release around. It is named here so that the compiler embeds the files anew where there were
/// none when it last did.
const _: Option<&str> = option_env!("SITE_MANIFEST");

/// Names with a hash in them never change what they stand for.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const SHORT: HeaderValue = HeaderValue::from_static("public, max-age=3600");

pub fn router() -> Router<AppState> {
    Router::new()
        .route(
            "/pkg/{*file}",
            get(|Path(file): Path<String>, headers: HeaderMap| async move {
                serve(&format!("pkg/{file}"), &headers, IMMUTABLE)
            }),
        )
        .route(
            "/fonts/{*file}",
            get(|Path(file): Path<String>, headers: HeaderMap| async move {
                serve(&format!("fonts/{file}"), &headers, IMMUTABLE)
            }),
        )
        .route("/docs", get(api_docs))
        .route(
            "/docs/{file}",
            get(|Path(file): Path<String>, headers: HeaderMap| async move {
                serve(&format!("docs/{file}"), &headers, SHORT)
            }),
        )
        .route("/favicon.svg", get(|headers: HeaderMap| async move { serve("favicon.svg", &headers, SHORT) }))
}

/// The page that shows the REST API. Swagger UI sets styles on what it draws; scripts are files of ours alone.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

async fn api_docs(headers: HeaderMap) -> Response {
    let mut response = serve("docs/index.html", &headers, SHORT);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// The paths of the files that a page needs.
pub fn assets() -> anyhow::Result<app::shell::Assets> {
    let manifest = Site::get("manifest.json").ok_or_else(|| {
        anyhow::anyhow!(
            "the dashboard's files are not built; build them with `cargo xtask site` (or `cargo xtask run`)"
        )
    })?;
    Ok(serde_json::from_slice(&manifest.data)?)
}

fn serve(path: &str, request: &HeaderMap, cache: HeaderValue) -> Response {
    let accepted = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |coding: &str| accepted.split(',').any(|part| part.trim().split(';').next() == Some(coding));
    for (coding, suffix) in [("br", ".br"), ("gzip", ".gz")] {
        if accepts(coding)
            && let Some(file) = Site::get(&format!("{path}{suffix}"))
        {
            return respond(path, file, Some(coding), request, cache);
        }
    }
    match Site::get(path) {
        Some(file) => respond(path, file, None, request, cache),
        None => Problem::not_found().into_response(),
    }
}

fn respond(
    path: &str,
    file: EmbeddedFile,
    coding: Option<&'static str>,
    request: &HeaderMap,
    cache: HeaderValue,
) -> Response {
    let etag = format!("\"{:x}\"", u128::from_be_bytes(first_half(&file.metadata.sha256_hash())));
    let mut response = if request.get(header::IF_NONE_MATCH).is_some_and(|value| value == etag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(file.data.into_owned()).into_response()
    };
    let headers = response.headers_mut();
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    if let Ok(kind) = HeaderValue::from_str(kind.as_ref()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn first_half(hash: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|at| hash[at])
}
