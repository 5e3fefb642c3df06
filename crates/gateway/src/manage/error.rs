//! Why a use case was refused or failed, in the terms of whoever asked.

use domain::field::FieldErrors;
use store::StoreError;

use crate::{auth::password::HashError, secrets::VaultError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or it belongs to somebody else.
    #[error("not found")]
    NotFound,
    /// The caller may not do this.
    #[error("not allowed")]
    Forbidden,
    /// The caller is not known.
    #[error("not signed in")]
    Unauthenticated,
    #[error("{0}")]
    Invalid(#[from] FieldErrors),
    /// It does not fit what is there; says why.
    #[error("{0}")]
    Conflict(String),
    /// It was tried too often; it may be tried again after so long.
    #[error("too many tries")]
    TooMany(std::time::Duration),
    /// It is not in the state any more that the caller wants to change.
    #[error("it was changed since")]
    Stale,
    /// Trying again later may help.
    #[error("the database is unavailable")]
    Unavailable,
    /// A fault of hookstream's own, which the log describes.
    #[error("internal error")]
    Internal,
}

impl Error {
    pub(crate) fn invalid(path: &str, message: &str) -> Self {
        Self::Invalid(FieldErrors::one(path, message))
    }

    /// What follows from a unique index on the slug.
    pub(crate) fn slug_taken(error: StoreError, what: &str) -> Self {
        match error {
            StoreError::Conflict(_) => Self::invalid(
                "slug",
                &format!("is taken by another {what} of this project; choose another name or slug"),
            ),
            other => other.into(),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Stale) {
            return Self::Stale;
        }
        if error.is_passing() {
            tracing::warn!(%error, "the database is unavailable");
            return Self::Unavailable;
        }
        tracing::error!(%error, "the store failed");
        Self::Internal
    }
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        tracing::error!(%error, "a secret could not be sealed or opened");
        Self::Internal
    }
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        tracing::error!(%error, "a password could not be checked");
        Self::Internal
    }
}
