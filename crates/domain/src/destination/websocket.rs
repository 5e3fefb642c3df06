//! Settings of the type `websocket`.

use serde::{Deserialize, Serialize};

use super::setting::{Setting, SettingKind};
use crate::field::FieldErrors;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebsocketConfig {
    pub channel: String,
    #[serde(default)]
    pub when_nobody_listens: WhenNobodyListens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenNobodyListens {
    /// The delivery is done.
    #[default]
    Succeed,
    /// It is tried again.
    Retry,
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting::text("channel", "Channel")
        .required()
        .placeholder("orders")
        .help("Clients subscribe to it on /v1/ws with a key of this project."),
    Setting::new(
        "when_nobody_listens",
        "When nobody listens",
        SettingKind::Select(&[("succeed", "The delivery is done"), ("retry", "Try again later")]),
    ),
];

/// Words that clients subscribe to for other things.
const RESERVED: [&str; 3] = ["events", "deliveries", "issues"];

/// Whether clients may subscribe to a channel by this name.
///
/// # Errors
/// Says what is wanted.
pub fn check_channel(name: &str) -> Result<(), &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    if name.is_empty() || name.len() > 100 || !name.bytes().all(allowed) {
        return Err("must be 1 to 100 letters, digits, dots, underscores, hyphens and slashes");
    }
    if RESERVED.contains(&name) {
        return Err("must not be events, deliveries or issues, which have a meaning of their own");
    }
    Ok(())
}

impl WebsocketConfig {
    pub(super) fn check(&mut self, errors: &mut FieldErrors) {
        errors.check("config.channel", check_channel(&self.channel));
    }
}
