//! Secrets that are shown once, on the page after the one that made them.

use leptos::prelude::*;

use super::ApiError;
#[cfg(feature = "ssr")]
use super::caller::answer;

/// The secret that was just made for `id`, unless it was shown already.
#[server(endpoint = "once")]
pub async fn shown_once(id: String) -> Result<Option<String>, ApiError> {
    answer(async |call| {
        call.user()?;
        Ok(call.reply().take_once(&id))
    })
    .await
}
