//! Sources: the list, the gallery of templates, the form, one source with all that belongs to it.

mod check_fields;
mod command;
mod detail;
mod edit;
mod fields;
mod list;
mod new;
mod rejected;
mod seen;

pub use command::example_command;
pub use detail::SourcePage;
pub use edit::EditSourcePage;
pub use list::SourcesPage;
pub use new::NewSourcePage;
pub use rejected::RejectedRequestsPage;

use domain::source::{Source, Verification, VerificationKind};

use crate::components::Icon;

/// What a source takes from: the provider's name, or how it is verified.
fn kind_of(source: &Source) -> &'static str {
    source.template.map_or_else(|| kind_words(source.verification.kind), |template| template.template().label)
}

const fn kind_words(kind: VerificationKind) -> &'static str {
    match kind {
        VerificationKind::None => "Not verified",
        VerificationKind::HmacSha256 => "HMAC-SHA256",
        VerificationKind::HmacSha1 => "HMAC-SHA1",
        VerificationKind::StandardWebhooks => "Standard Webhooks",
    }
}

/// How requests are verified, in a sentence.
fn verification_words(source: &Source) -> String {
    if let Some(template) = source.template {
        return template.template().summary.to_owned();
    }
    let Verification { kind, header, tolerance_seconds, .. } = &source.verification;
    let header = header.as_deref().unwrap_or_default();
    match kind {
        VerificationKind::None => "Nothing is verified: whoever knows the URL may post.".to_owned(),
        VerificationKind::StandardWebhooks => format!(
            "Verifies webhook-id, webhook-timestamp and webhook-signature, at most {} seconds old.",
            tolerance_seconds.unwrap_or_default()
        ),
        kind => format!("Verifies {header}: {} over the body.", kind_words(*kind)),
    }
}

const fn template_icon(has_template: bool) -> Icon {
    if has_template { Icon::ShieldCheck } else { Icon::Webhook }
}
