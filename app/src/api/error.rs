//! What a server function answers when it refuses or fails. Says nothing internal.

use domain::field::FieldErrors;
use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", content = "detail", rename_all = "snake_case")]
pub enum ApiError {
    #[error("It does not exist, or belongs to another project.")]
    NotFound,
    #[error("Your role in this organization does not allow this.")]
    Forbidden,
    #[error("You are signed out. Sign in and try again.")]
    Unauthenticated,
    #[error("Some fields need a change.")]
    Invalid(FieldErrors),
    #[error("{0}")]
    Conflict(String),
    /// Seconds to wait.
    #[error("This was tried too often. Try again in {}.", in_words(.0))]
    TooMany(u64),
    #[error("The database cannot be reached at the moment. Nothing was changed; try again in a few seconds.")]
    Unavailable,
    #[error("Something went wrong on the server. Its log says what.")]
    Internal,
    #[error("The server could not be reached. Check the connection and try again.")]
    Unreachable,
}

impl ApiError {
    /// The HTTP status that says the same.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Forbidden => 403,
            Self::Unauthenticated => 401,
            Self::Invalid(_) => 422,
            Self::Conflict(_) => 409,
            Self::TooMany(_) => 429,
            Self::Unavailable | Self::Unreachable => 503,
            Self::Internal => 500,
        }
    }

    /// One wrong field.
    pub fn field(path: &str, message: impl Into<String>) -> Self {
        Self::Invalid(FieldErrors::one(path, message))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the text of an error gets its parts so")]
fn in_words(seconds: &u64) -> String {
    match seconds {
        0..=1 => "a second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        60..=90 => "a minute".to_owned(),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

impl From<FieldErrors> for ApiError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::Unreachable,
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                Self::field("form", "could not be read; reload the page and try again")
            }
            _ => Self::Internal,
        }
    }
}

#[cfg(feature = "ssr")]
impl From<gateway::manage::Error> for ApiError {
    fn from(error: gateway::manage::Error) -> Self {
        use gateway::manage::Error;
        match error {
            Error::NotFound => Self::NotFound,
            Error::Forbidden => Self::Forbidden,
            Error::Unauthenticated => Self::Unauthenticated,
            Error::Invalid(errors) => Self::Invalid(errors),
            Error::Conflict(why) => Self::Conflict(why),
            Error::TooMany(wait) => {
                Self::TooMany(wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX))
            }
            Error::Stale => Self::Conflict("It was changed since. Reload the page and look at what it is now.".into()),
            Error::Unavailable => Self::Unavailable,
            Error::Internal => Self::Internal,
        }
    }
}
