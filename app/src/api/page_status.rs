//! The HTTP status of a page that cannot be shown. In the browser it has none.

use super::ApiError;

/// Answers with the status of `error`; those who are not signed in are sent to the sign-in.
#[cfg(feature = "ssr")]
pub fn set(error: &ApiError) {
    if let Some(reply) = super::caller::Reply::here() {
        reply.refuse(error, None);
    }
}

/// Answers with the status of `error`; those who are not signed in are sent to the sign-in.
#[cfg(not(feature = "ssr"))]
pub const fn set(_error: &ApiError) {}
