//! The catalogue of provider templates, as data: a file for each provider, and a line for each below.
//!
//! A [`Template`] says everything there is to know of a provider: what the gallery shows, what to click in its console,
//! how it signs ([`scheme`]), where an event's type and id stand ([`place`]), which handshake it insists on, and samples
//! for test events. The gateway interprets it.
//!
//! The browser needs [`TemplateId::about`] only. [`TemplateId::template`] brings samples and setup texts with it, and is
//! meant for the server.

pub mod place;
pub mod scheme;

use serde::{Deserialize, Serialize};

use place::Place;
use scheme::Scheme;

use crate::dedup::{DedupInput, DedupStrategy};

/// What the gallery shows of a provider.
#[derive(Debug, PartialEq, Eq)]
pub struct About {
    /// As the provider writes its own name.
    pub label: &'static str,
    pub category: Category,
    /// How requests are verified, in a sentence.
    pub summary: &'static str,
    /// What people may search for beside the label: products, former names, words of the field.
    pub search: &'static [&'static str],
}

impl About {
    /// Whether somebody who types this, in small letters, may mean it.
    #[must_use]
    pub fn is_found_by(&self, text: &str) -> bool {
        let places = [self.label, self.category.label(), self.summary];
        let mut words = text.split_whitespace();
        words.all(|word| {
            let has_it = |place: &&str| place.to_lowercase().contains(word);
            places.iter().any(has_it) || self.search.iter().any(has_it)
        })
    }
}

/// Under which heading a provider stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    Payments,
    Code,
    Shops,
    Messaging,
    Email,
    Identity,
    Support,
    Forms,
    Work,
    Generic,
}

impl Category {
    /// In the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Payments,
        Self::Code,
        Self::Shops,
        Self::Messaging,
        Self::Email,
        Self::Identity,
        Self::Support,
        Self::Forms,
        Self::Work,
        Self::Generic,
    ];

    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Payments => "Payments",
            Self::Code => "Code",
            Self::Shops => "Shops",
            Self::Messaging => "Messaging and social media",
            Self::Email => "E-mail",
            Self::Identity => "Identity",
            Self::Support => "Customers and support",
            Self::Forms => "Forms and appointments",
            Self::Work => "Work and meetings",
            Self::Generic => "Any sender",
        }
    }
}

/// All there is to say of a provider.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// Where in the provider's console to go, one step an item.
    pub setup: &'static [&'static str],
    /// What the provider calls the secret.
    pub secret_label: &'static str,
    /// How such a secret looks.
    pub secret_placeholder: &'static str,
    /// How a request proves that it comes from the provider. The first is meant when none is named.
    pub schemes: &'static [Scheme],
    /// How old or how far ahead a signature may be; `None` where the provider signs no time.
    pub tolerance_seconds: Option<u32>,
    /// Where the name of what happened stands; the first place that has one counts.
    pub event_type: &'static [Place],
    /// Where the provider's own id of the event stands.
    pub event_id: &'static [Place],
    /// By what repeats are best told.
    pub dedup: Dedup,
    pub handshake: Option<Handshake>,
    /// From where the provider says that it sends, and the page on which it does.
    pub addresses: Option<Addresses>,
    /// What *send a test event* sends; never empty.
    pub samples: &'static [Sample],
}

/// Where a provider sends from. Lists change: whoever uses one should look at the page from time to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    pub ranges: &'static [&'static str],
    pub page: &'static str,
}

/// By what repeats of an event are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dedup {
    Header(&'static str),
    /// A path into a JSON body: `data.id`.
    BodyField(&'static str),
    PayloadHash,
}

impl Dedup {
    /// The setting of a source that it stands for.
    #[must_use]
    pub fn input(self) -> DedupInput {
        let (strategy, header, field) = match self {
            Self::Header(name) => (DedupStrategy::Header, Some(name), None),
            Self::BodyField(path) => (DedupStrategy::BodyField, None, Some(path)),
            Self::PayloadHash => (DedupStrategy::PayloadHash, None, None),
        };
        let (header, field) = (header.map(str::to_owned), field.map(str::to_owned));
        DedupInput { strategy, header, field, window_seconds: None }
    }
}

/// What a provider asks before, or beside, sending events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    /// A signed `url_verification` whose `challenge` is given back.
    Slack,
    /// GET with `hub.mode=subscribe`, `hub.verify_token` and `hub.challenge`.
    Meta,
    /// GET with `crc_token`, answered with its HMAC.
    X,
    /// A signed `endpoint.url_validation` whose `plainToken` is given back with its HMAC.
    Zoom,
    /// POST with `validationToken` in the query.
    MicrosoftGraph,
    /// A signed PING.
    Discord,
    /// POST of `webhook_id=<number>`, which is never signed and wants no more than a 200.
    Woocommerce,
    /// GET with a parameter that the source names, where it names one.
    Custom,
}

/// An event as the provider sends it.
#[derive(Debug, PartialEq, Eq)]
pub struct Sample {
    pub event_type: &'static str,
    pub content_type: &'static str,
    pub body: &'static str,
}

impl Sample {
    const fn json(event_type: &'static str, body: &'static str) -> Self {
        Self { event_type, content_type: "application/json", body }
    }

    const fn form(event_type: &'static str, body: &'static str) -> Self {
        Self { event_type, content_type: "application/x-www-form-urlencoded", body }
    }
}

impl Template {
    /// What most have: a JSON body, no handshake. Each file says what is different.
    const DEFAULT: Self = Self {
        setup: &[],
        secret_label: "Signing secret",
        secret_placeholder: "",
        schemes: &[],
        tolerance_seconds: None,
        event_type: &[],
        event_id: &[],
        dedup: Dedup::PayloadHash,
        handshake: None,
        addresses: None,
        samples: &[],
    };

    /// The scheme of a kind of verification, when the provider has it.
    #[must_use]
    pub fn scheme(&self, kind: crate::verification::VerificationKind) -> Option<&'static Scheme> {
        self.schemes.iter().find(|scheme| scheme.kind() == Some(kind))
    }
}

/// Makes [`TemplateId`] of one line for each provider: its name, and its file, which is also the word for it.
macro_rules! templates {
    ($($id:ident $file:ident,)+) => {
        $(mod $file;)+

        /// A provider that hookstream knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum TemplateId {
            $($id,)+
        }

        impl TemplateId {
            /// In the order in which they are shown.
            pub const ALL: [Self; [$(stringify!($id)),+].len()] = [$(Self::$id),+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$id => stringify!($file),)+ }
            }

            /// What the gallery shows.
            #[must_use]
            pub const fn about(self) -> &'static About {
                match self { $(Self::$id => &$file::ABOUT,)+ }
            }

            /// Everything: for the server.
            #[must_use]
            pub const fn template(self) -> &'static Template {
                match self { $(Self::$id => &$file::TEMPLATE,)+ }
            }
        }
    };
}

templates! {
    Stripe stripe,
    Github github,
    Gitlab gitlab,
    Bitbucket bitbucket,
    Shopify shopify,
    Slack slack,
    Twilio twilio,
    Sendgrid sendgrid,
    Discord discord,
    Square square,
    Paddle paddle,
    Zendesk zendesk,
    Intercom intercom,
    Hubspot hubspot,
    Linear linear,
    Mailgun mailgun,
    Clerk clerk,
    Resend resend,
    Svix svix,
    Typeform typeform,
    Calendly calendly,
    Woocommerce woocommerce,
    Adyen adyen,
    Razorpay razorpay,
    Workos workos,
    Postmark postmark,
    Meta meta,
    X x,
    Zoom zoom,
    MicrosoftGraph microsoft_graph,
    StandardWebhooks standard_webhooks,
    Custom custom,
}

impl std::str::FromStr for TemplateId {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|id| id.as_str() == text).ok_or("must be the word of a template, such as stripe")
    }
}

#[cfg(test)]
mod tests;
