//! Microsoft Graph: every notification of a body carries the `clientState` of its subscription, which is the secret.

use serde::Deserialize;

use super::{Check, Mismatch, token::is_a_secret};

#[derive(Deserialize)]
struct Notifications {
    value: Vec<Notification>,
}

#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "clientState")]
    client_state: Option<String>,
}

pub(super) fn verify(check: &Check<'_>) -> Result<(), Mismatch> {
    let malformed = Mismatch::MalformedBody { expected: "an object in JSON with a list of notifications, value" };
    let body: Notifications = serde_json::from_slice(check.body).map_err(|_| malformed.clone())?;
    if body.value.is_empty() {
        return Err(malformed);
    }
    let place = || "clientState in the body".to_owned();
    for notification in body.value {
        let state = notification.client_state.ok_or_else(|| Mismatch::MissingField { place: place() })?;
        if !is_a_secret(check.verification, &state) {
            return Err(Mismatch::WrongToken { place: place(), seen_length: state.chars().count() });
        }
    }
    Ok(())
}
