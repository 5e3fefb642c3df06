//! What state something is in: always a shape, a word and a colour together.

use domain::{
    connection::ConnectionStatus, delivery::DeliveryStatus, destination::DestinationStatus, event::EventStatus,
    source::SourceStatus,
};
use leptos::prelude::*;

/// A family of colours: text, border, surface and a solid one for shapes and charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Neutral,
    Accent,
    Delivered,
    Waiting,
    Failed,
    Held,
    Received,
}

/// Every state the dashboard shows, of events, deliveries, objects, issues, breakers and runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Received,
    Processing,
    Delivered,
    Failed,
    NoRoute,
    NotMatched,
    MadeLater,
    NotMade,
    Duplicate,
    Pending,
    InFlight,
    Waiting,
    Succeeded,
    Held,
    Skipped,
    Cancelled,
    Active,
    Paused,
    Disabled,
    Open,
    Acknowledged,
    Resolved,
    Snoozed,
    BreakerClosed,
    BreakerOpen,
    BreakerHalfOpen,
    Running,
    Completed,
    Revoked,
    Expired,
}

/// A state as a badge.
#[component]
pub fn StatusBadge(
    #[prop(into)] status: Signal<Status>,
    /// Without the box around it, for dense tables.
    #[prop(optional)]
    plain: bool,
    /// The word is for screen readers alone, where the shape stands beside many of its kind.
    #[prop(optional)]
    shape_only: bool,
) -> impl IntoView {
    view! {
        <span class="status" class:plain=plain data-tone=move || status.get().tone().as_str()>
            <svg
                class="status-shape"
                width="12"
                height="12"
                viewBox="0 0 12 12"
                aria-hidden="true"
                inner_html=move || status.get().shape()
            ></svg>
            <span class:visually-hidden=shape_only>{move || status.get().word()}</span>
        </span>
    }
    .into_any()
}

/// A small label beside a name: `test`, `duplicate`, a template's name.
#[component]
pub fn Tag(#[prop(optional)] tone: Tone, children: Children) -> impl IntoView {
    view! {
        <span class="tag" data-tone=tone.as_str()>
            {children()}
        </span>
    }
    .into_any()
}

/// An HTTP status code in the colour of what it means.
#[component]
pub fn HttpCode(#[prop(into)] code: Signal<u16>) -> impl IntoView {
    let tone = move || match code.get() {
        200..=299 => Tone::Delivered,
        300..=499 => Tone::Waiting,
        _ => Tone::Failed,
    };
    view! {
        <span class="http-code" data-tone=move || tone().as_str()>
            {move || code.get()}
        </span>
    }
    .into_any()
}

impl Tone {
    /// The word that the style sheet knows it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Accent => "accent",
            Self::Delivered => "delivered",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Received => "received",
        }
    }
}

impl Status {
    /// The state that the API writes as `word`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "received" => Self::Received,
            "processing" => Self::Processing,
            "delivered" => Self::Delivered,
            "failed" => Self::Failed,
            "no_route" => Self::NoRoute,
            "not_matched" => Self::NotMatched,
            "made_later" => Self::MadeLater,
            "not_made" => Self::NotMade,
            "duplicate" => Self::Duplicate,
            "pending" => Self::Pending,
            "in_flight" => Self::InFlight,
            "waiting" => Self::Waiting,
            "succeeded" => Self::Succeeded,
            "held" => Self::Held,
            "skipped" => Self::Skipped,
            "cancelled" => Self::Cancelled,
            "active" => Self::Active,
            "paused" => Self::Paused,
            "disabled" => Self::Disabled,
            "open" => Self::Open,
            "acknowledged" => Self::Acknowledged,
            "resolved" => Self::Resolved,
            "snoozed" => Self::Snoozed,
            "running" => Self::Running,
            "completed" => Self::Completed,
            "revoked" => Self::Revoked,
            "expired" => Self::Expired,
            _ => return None,
        })
    }

    /// The word beside the shape.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Processing => "processing",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::NoRoute => "no route",
            Self::NotMatched => "not matched",
            Self::MadeLater => "made later",
            Self::NotMade => "not made",
            Self::Duplicate => "duplicate",
            Self::Pending => "pending",
            Self::InFlight => "in flight",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Snoozed => "snoozed",
            Self::BreakerClosed => "breaker closed",
            Self::BreakerOpen => "breaker open",
            Self::BreakerHalfOpen => "breaker half-open",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// The colours it is shown in.
    #[must_use]
    pub const fn tone(self) -> Tone {
        match self {
            Self::Received | Self::InFlight | Self::Running => Tone::Received,
            Self::Delivered
            | Self::Succeeded
            | Self::Active
            | Self::Resolved
            | Self::BreakerClosed
            | Self::Completed => Tone::Delivered,
            Self::Processing | Self::Waiting | Self::Pending | Self::Acknowledged | Self::BreakerHalfOpen => {
                Tone::Waiting
            }
            Self::Failed | Self::Open | Self::BreakerOpen => Tone::Failed,
            Self::Held | Self::Paused | Self::Snoozed => Tone::Held,
            Self::NoRoute
            | Self::NotMatched
            | Self::MadeLater
            | Self::NotMade
            | Self::Duplicate
            | Self::Skipped
            | Self::Cancelled
            | Self::Disabled
            | Self::Revoked
            | Self::Expired => Tone::Neutral,
        }
    }

    /// An outline within 12 by 12 that tells the state without its colour.
    const fn shape(self) -> &'static str {
        match self {
            Self::Delivered
            | Self::Succeeded
            | Self::Active
            | Self::Resolved
            | Self::BreakerClosed
            | Self::Completed => CHECK,
            Self::Failed | Self::Open | Self::BreakerOpen => CROSS,
            Self::Waiting | Self::Pending | Self::Snoozed => CLOCK,
            Self::Processing | Self::InFlight | Self::Running | Self::BreakerHalfOpen => HALF,
            Self::Held | Self::Paused => PAUSE,
            Self::Received | Self::Acknowledged => DOT,
            Self::Skipped | Self::Duplicate | Self::NotMatched => SKIP,
            Self::NoRoute
            | Self::MadeLater
            | Self::NotMade
            | Self::Cancelled
            | Self::Disabled
            | Self::Revoked
            | Self::Expired => SLASH,
        }
    }
}

impl From<EventStatus> for Status {
    /// Whether an event that stays `received` has no route is not in its status; who knows says [`Status::NoRoute`].
    fn from(status: EventStatus) -> Self {
        match status {
            EventStatus::Received => Self::Received,
            EventStatus::Processing => Self::Processing,
            EventStatus::Delivered => Self::Delivered,
            EventStatus::Failed => Self::Failed,
        }
    }
}

impl From<DeliveryStatus> for Status {
    fn from(status: DeliveryStatus) -> Self {
        match status {
            DeliveryStatus::Pending => Self::Pending,
            DeliveryStatus::InFlight => Self::InFlight,
            DeliveryStatus::Waiting => Self::Waiting,
            DeliveryStatus::Succeeded => Self::Succeeded,
            DeliveryStatus::Failed => Self::Failed,
            DeliveryStatus::Held => Self::Held,
            DeliveryStatus::Skipped => Self::Skipped,
            DeliveryStatus::Cancelled => Self::Cancelled,
        }
    }
}

impl From<SourceStatus> for Status {
    fn from(status: SourceStatus) -> Self {
        match status {
            SourceStatus::Active => Self::Active,
            SourceStatus::Paused => Self::Paused,
        }
    }
}

impl From<DestinationStatus> for Status {
    fn from(status: DestinationStatus) -> Self {
        match status {
            DestinationStatus::Active => Self::Active,
            DestinationStatus::Paused => Self::Paused,
        }
    }
}

impl From<ConnectionStatus> for Status {
    fn from(status: ConnectionStatus) -> Self {
        match status {
            ConnectionStatus::Active => Self::Active,
            ConnectionStatus::Paused => Self::Paused,
            ConnectionStatus::Disabled => Self::Disabled,
        }
    }
}

/// A disc with a check mark cut out.
const CHECK: &str = r#"<circle cx="6" cy="6" r="6" fill="currentColor"/><path class="status-cut" d="M3.4 6.2 5.2 8l3.4-3.8" fill="none" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/>"#;
/// A diamond with a cross cut out.
const CROSS: &str = r#"<rect x="1.6" y="1.6" width="8.8" height="8.8" rx="1.6" fill="currentColor" transform="rotate(45 6 6)"/><path class="status-cut" d="m4.4 4.4 3.2 3.2m0-3.2L4.4 7.6" fill="none" stroke-width="1.4" stroke-linecap="round"/>"#;
/// A clock's face.
const CLOCK: &str = r#"<circle cx="6" cy="6" r="5.25" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M6 3.2V6l1.9 1.3" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"/>"#;
/// A ring that is half full.
const HALF: &str = r#"<circle cx="6" cy="6" r="5.25" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M6 2.8a3.2 3.2 0 0 1 0 6.4z" fill="currentColor"/>"#;
/// A square with two bars cut out.
const PAUSE: &str = r#"<rect x=".5" y=".5" width="11" height="11" rx="2.5" fill="currentColor"/><path class="status-cut" d="M4.4 3.9v4.2m3.2-4.2v4.2" fill="none" stroke-width="1.5" stroke-linecap="round"/>"#;
/// A ring with a dot.
const DOT: &str = r#"<circle cx="6" cy="6" r="5.25" fill="none" stroke="currentColor" stroke-width="1.5"/><circle cx="6" cy="6" r="2.2" fill="currentColor"/>"#;
/// Two chevrons to the right.
const SKIP: &str = r#"<path d="m2 2.8 3.4 3.2L2 9.2m4.4-6.4L9.8 6 6.4 9.2" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/>"#;
/// A ring with a stroke through it.
const SLASH: &str = r#"<circle cx="6" cy="6" r="5.25" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="m2.6 9.4 6.8-6.8" stroke="currentColor" stroke-width="1.5"/>"#;
