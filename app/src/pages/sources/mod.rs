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

use domain::{
    source::{Source, Verification, VerificationKind},
    template::TemplateId,
};

use crate::components::Icon;

/// The provider that a source takes from, when it is one.
fn provider_of(template: Option<TemplateId>) -> Option<TemplateId> {
    template.filter(|id| *id != TemplateId::Custom)
}

/// What a source takes from: the provider's name, or how it is verified.
fn kind_of(source: &Source) -> &'static str {
    provider_of(source.template).map_or_else(|| kind_words(source.verification.kind), |id| id.about().label)
}

const fn kind_words(kind: VerificationKind) -> &'static str {
    match kind {
        VerificationKind::None => "Not verified",
        VerificationKind::HmacSha256 => "HMAC-SHA256",
        VerificationKind::HmacSha1 => "HMAC-SHA1",
        VerificationKind::HmacSha512 => "HMAC-SHA512",
        VerificationKind::StandardWebhooks => "Standard Webhooks",
        VerificationKind::Ed25519 => "Ed25519",
        VerificationKind::EcdsaP256 => "ECDSA P-256",
        VerificationKind::SharedToken => "Token",
        VerificationKind::Basic => "Basic authentication",
    }
}

/// How requests are verified, in a sentence.
fn verification_words(source: &Source) -> String {
    if let Some(id) = provider_of(source.template) {
        return id.about().summary.to_owned();
    }
    let Verification { kind, header, tolerance_seconds, signed_content, query_parameter, .. } = &source.verification;
    let header = header.as_deref().unwrap_or_default();
    match kind {
        VerificationKind::None => "Nothing is verified: whoever knows the URL may post.".to_owned(),
        VerificationKind::StandardWebhooks => format!(
            "Verifies webhook-id, webhook-timestamp and webhook-signature, at most {} seconds old.",
            tolerance_seconds.unwrap_or_default()
        ),
        VerificationKind::SharedToken => match query_parameter {
            Some(name) => format!("Compares the parameter {name} in the URL with the secret."),
            None => format!("Compares {header} with the secret."),
        },
        VerificationKind::Basic => "Compares the name and the password in Authorization.".to_owned(),
        kind => match (signed_content, tolerance_seconds) {
            (None, None) => format!("Verifies {header}: {} over the body.", kind_words(*kind)),
            (Some(content), None) => format!("Verifies {header}: {} over {content}.", kind_words(*kind)),
            (content, Some(seconds)) => format!(
                "Verifies {header}: {} over {}, at most {seconds} seconds old.",
                kind_words(*kind),
                content.as_deref().unwrap_or("{timestamp}.{body}")
            ),
        },
    }
}

const fn template_icon(has_template: bool) -> Icon {
    if has_template { Icon::ShieldCheck } else { Icon::Webhook }
}
