//! The HTTP status of a page that is no page. In the browser it has none.

/// Answers 404.
#[cfg(feature = "ssr")]
pub fn set_not_found() {
    if let Some(response) = leptos::prelude::use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
}

/// Answers 404.
#[cfg(not(feature = "ssr"))]
pub const fn set_not_found() {}
