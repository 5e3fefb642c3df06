//! How requests are verified, and what else providers want of who receives from them.
//!
//! What a provider does is data in `domain::template`. [`verify`] looks at the raw bytes as they were received and holds
//! them against the template's scheme, or against the source's own settings; whatever it does not know, it refuses.
//! Most providers sign in a header ([`signed`]) or by Standard Webhooks ([`standard_webhooks`]), some send a secret along
//! ([`token`]), and a few have a form of their own: [`twilio`], [`mailgun`], [`adyen`], [`microsoft_graph`].
//!
//! [`describe`] finds an event's type and id. [`handshake`] answers what a provider asks of a new URL. [`sign`] makes a
//! request as the provider would, for test events.

mod adyen;
mod describe;
pub(crate) mod digest;
mod extract;
mod given;
mod handshake;
mod mailgun;
mod microsoft_graph;
mod mismatch;
mod public_key;
mod sign;
mod signed;
pub mod standard_webhooks;
mod token;
mod twilio;
mod url;

use domain::{
    template::{
        Handshake, TemplateId,
        scheme::{Scheme, Special, StandardHeaders},
    },
    time::Timestamp,
    verification::{Verification, VerificationKind},
};
use http::HeaderMap;

pub use self::{
    describe::{Described, describe},
    handshake::{Reply, handshake},
    mismatch::Mismatch,
    sign::{CannotSign, SignedRequest, Unsigned, sign},
    url::RequestUrl,
};

/// What is checked, and against what.
pub struct Check<'a> {
    pub method: &'a str,
    /// As the sender knows it: with the public address of this server, not with what the request calls it.
    pub url: RequestUrl<'a>,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    pub now: Timestamp,
    /// With its secrets opened.
    pub verification: &'a Verification,
}

/// What was found beside a right signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// What must not have been seen before, as long as the signature may be young enough: without that, who has seen one
    /// request could send others.
    pub nonce: Option<String>,
}

/// Checks that a request comes from whom the source expects.
pub fn verify(template: Option<TemplateId>, check: &Check<'_>) -> Result<Proof, Mismatch> {
    match provider(template) {
        Some(id) => by_template(id, check),
        None => by_settings(check),
    }
}

/// Where requests of a source carry a secret as it is: what must not be shown to whoever may only read.
#[must_use]
pub fn reveals(template: Option<TemplateId>, verification: &Verification) -> Option<Revealing<'_>> {
    token::reveals(template, verification)
}

pub use self::token::{Revealing, without_value};

/// The provider of a template; a custom source has none.
fn provider(template: Option<TemplateId>) -> Option<TemplateId> {
    template.filter(|id| *id != TemplateId::Custom)
}

fn by_template(id: TemplateId, check: &Check<'_>) -> Result<Proof, Mismatch> {
    let template = id.template();
    let scheme = template.scheme(check.verification.kind).ok_or(Mismatch::Misconfigured)?;
    if template.handshake == Some(Handshake::X) && handshake::may_be_crc_token(check.body) {
        // Whoever may ask for a challenge to be signed would have this signed too.
        return Err(Mismatch::MalformedBody { expected: "an object in JSON" });
    }
    match scheme {
        Scheme::Signed(signed) => signed::verify(check, signed),
        Scheme::StandardWebhooks(headers) => standard_webhooks::verify(check, *headers),
        Scheme::SharedToken(place) => token::verify(check, *place),
        Scheme::Basic => token::verify_basic(check),
        Scheme::Special(Special::Twilio) => twilio::verify(check),
        Scheme::Special(Special::Mailgun) => return mailgun::verify(check),
        Scheme::Special(Special::Adyen) => adyen::verify(check),
        Scheme::Special(Special::MicrosoftGraph) => microsoft_graph::verify(check),
        Scheme::Custom => Err(Mismatch::Misconfigured),
    }
    .map(|()| Proof::default())
}

fn by_settings(check: &Check<'_>) -> Result<Proof, Mismatch> {
    let verification = check.verification;
    match verification.kind {
        VerificationKind::None => Ok(()),
        VerificationKind::HmacSha256
        | VerificationKind::HmacSha1
        | VerificationKind::HmacSha512
        | VerificationKind::Ed25519
        | VerificationKind::EcdsaP256 => signed::verify(check, &verification.signed().ok_or(Mismatch::Misconfigured)?),
        VerificationKind::StandardWebhooks => standard_webhooks::verify(check, StandardHeaders::Webhook),
        VerificationKind::SharedToken => {
            token::verify(check, verification.token_place().ok_or(Mismatch::Misconfigured)?)
        }
        VerificationKind::Basic => token::verify_basic(check),
    }
    .map(|()| Proof::default())
}

#[cfg(test)]
mod tests;
