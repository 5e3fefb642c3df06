//! How providers sign, as data that one engine interprets.

use crate::verification::{Encoding, TimestampUnit, VerificationKind};

/// A way to prove that a request comes from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// A signature in a header.
    Signed(Signed<'static>),
    /// `<prefix>-id`, `<prefix>-timestamp` and `<prefix>-signature`.
    StandardWebhooks(StandardHeaders),
    /// The secret itself.
    SharedToken(TokenPlace<'static>),
    /// `Authorization: Basic …`; the secret is the password.
    Basic,
    /// A form of its own, with code of its own in the gateway.
    Special(Special),
    /// Whatever the source's own settings say.
    Custom,
}

/// A signature in a header. What a source without a provider is set to is one of these too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    pub header: &'a str,
    pub form: Form<'a>,
    pub algorithm: Algorithm,
    pub encoding: Encoding,
    pub time: Option<SignedTime<'a>>,
    pub id_header: Option<&'a str>,
    /// What is signed, as a pattern ([`crate::signed_content`]).
    pub content: &'a str,
}

/// How the header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form<'a> {
    /// The signature alone, behind a prefix that may be empty.
    Plain { prefix: &'a str },
    /// `t=1,v1=abc,v1=def`: names and values.
    Pairs { separator: char, signature: &'a str },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    HmacSha256,
    HmacSha1,
    HmacSha512,
    /// The source holds the provider's public key.
    Ed25519,
    EcdsaP256,
}

/// Where the time stands that the signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedTime<'a> {
    pub place: TimePlace<'a>,
    pub unit: TimestampUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimePlace<'a> {
    Header(&'a str),
    /// A name in the signature's own header.
    Pair(&'a str),
    /// A path into a JSON body.
    Body(&'a str),
}

/// Which three headers Standard Webhooks come with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandardHeaders {
    Webhook,
    Svix,
}

/// Where a secret stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPlace<'a> {
    Header { name: &'a str, prefix: &'a str },
    Query(&'a str),
}

/// Forms that no other provider has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    Twilio,
    Mailgun,
    Adyen,
    MicrosoftGraph,
}

/// What a secret has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    Text,
    /// `whsec_` and base64.
    Whsec,
    /// The same, or a public key: `whpk_` and base64.
    WhsecOrWhpk,
    /// Hexadecimal digits, two a byte.
    Hex,
    Ed25519Key,
    /// A public key in SPKI form, in base64, with or without the lines around it.
    P256Key,
}

impl Algorithm {
    #[must_use]
    pub const fn kind(self) -> VerificationKind {
        match self {
            Self::HmacSha256 => VerificationKind::HmacSha256,
            Self::HmacSha1 => VerificationKind::HmacSha1,
            Self::HmacSha512 => VerificationKind::HmacSha512,
            Self::Ed25519 => VerificationKind::Ed25519,
            Self::EcdsaP256 => VerificationKind::EcdsaP256,
        }
    }

    /// The algorithm of a kind of verification that has one.
    #[must_use]
    pub const fn of(kind: VerificationKind) -> Option<Self> {
        match kind {
            VerificationKind::HmacSha256 => Some(Self::HmacSha256),
            VerificationKind::HmacSha1 => Some(Self::HmacSha1),
            VerificationKind::HmacSha512 => Some(Self::HmacSha512),
            VerificationKind::Ed25519 => Some(Self::Ed25519),
            VerificationKind::EcdsaP256 => Some(Self::EcdsaP256),
            VerificationKind::None
            | VerificationKind::StandardWebhooks
            | VerificationKind::SharedToken
            | VerificationKind::Basic => None,
        }
    }

    /// Whether the provider signs with a key that nobody else has.
    #[must_use]
    pub const fn is_public_key(self) -> bool {
        matches!(self, Self::Ed25519 | Self::EcdsaP256)
    }
}

impl Scheme {
    /// The kind of verification that it is; `None` where the source chooses.
    #[must_use]
    pub const fn kind(&self) -> Option<VerificationKind> {
        match self {
            Self::Signed(signed) => Some(signed.algorithm.kind()),
            Self::StandardWebhooks(_) => Some(VerificationKind::StandardWebhooks),
            Self::SharedToken(_) | Self::Special(Special::MicrosoftGraph) => Some(VerificationKind::SharedToken),
            Self::Basic => Some(VerificationKind::Basic),
            Self::Special(Special::Twilio) => Some(VerificationKind::HmacSha1),
            Self::Special(Special::Mailgun | Special::Adyen) => Some(VerificationKind::HmacSha256),
            Self::Custom => None,
        }
    }

    /// Whether it covers a time.
    #[must_use]
    pub const fn signs_time(&self) -> bool {
        match self {
            Self::Signed(signed) => signed.time.is_some(),
            Self::StandardWebhooks(_) | Self::Special(Special::Mailgun) => true,
            Self::SharedToken(_) | Self::Basic | Self::Special(_) | Self::Custom => false,
        }
    }

    #[must_use]
    pub const fn secret_form(&self) -> SecretForm {
        match self {
            Self::Signed(signed) => signed.algorithm.kind().secret_form(),
            Self::StandardWebhooks(StandardHeaders::Webhook) => SecretForm::WhsecOrWhpk,
            Self::StandardWebhooks(StandardHeaders::Svix) => SecretForm::Whsec,
            Self::Special(Special::Adyen) => SecretForm::Hex,
            Self::SharedToken(_) | Self::Basic | Self::Special(_) | Self::Custom => SecretForm::Text,
        }
    }
}

impl<'a> Signed<'a> {
    /// HMAC-SHA256 over the body, in hexadecimal digits: what most do. The rest is said by what follows.
    #[must_use]
    pub const fn new(header: &'a str) -> Self {
        Self {
            header,
            form: Form::Plain { prefix: "" },
            algorithm: Algorithm::HmacSha256,
            encoding: Encoding::Hex,
            time: None,
            id_header: None,
            content: "{body}",
        }
    }

    #[must_use]
    pub const fn prefix(self, prefix: &'a str) -> Self {
        Self { form: Form::Plain { prefix }, ..self }
    }

    /// The header holds names and values, among them a time.
    #[must_use]
    pub const fn pairs(self, separator: char, time: &'a str, unit: TimestampUnit, signature: &'a str) -> Self {
        let time = Some(SignedTime { place: TimePlace::Pair(time), unit });
        Self { form: Form::Pairs { separator, signature }, time, ..self }
    }

    #[must_use]
    pub const fn base64(self) -> Self {
        Self { encoding: Encoding::Base64, ..self }
    }

    #[must_use]
    pub const fn algorithm(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    #[must_use]
    pub const fn time(self, place: TimePlace<'a>, unit: TimestampUnit) -> Self {
        Self { time: Some(SignedTime { place, unit }), ..self }
    }

    #[must_use]
    pub const fn content(self, content: &'a str) -> Self {
        Self { content, ..self }
    }
}
