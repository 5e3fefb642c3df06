//! The catalogue of provider templates, as data: what the gallery shows and what a new source needs.
//!
//! How a provider's signature is checked stands in the gateway, in the file of that provider.

use serde::{Deserialize, Serialize};

/// A provider that hookstream knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateId {
    Stripe,
    Github,
}

/// What there is to say of a provider.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    pub id: TemplateId,
    /// As the provider writes its own name.
    pub label: &'static str,
    /// How requests are verified, in a sentence.
    pub summary: &'static str,
    /// Where in the provider's console to go, one step an item.
    pub setup: &'static [&'static str],
    /// What the provider calls the secret.
    pub secret_label: &'static str,
    /// How such a secret looks.
    pub secret_placeholder: &'static str,
    /// How old or how far ahead a signature may be; `None` where the provider signs no time.
    pub tolerance_seconds: Option<u32>,
    /// The type and the body of the test event.
    pub sample_type: &'static str,
    pub sample_body: &'static str,
}

impl TemplateId {
    pub const ALL: [Self; 2] = [Self::Stripe, Self::Github];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Github => "github",
        }
    }

    #[must_use]
    pub const fn template(self) -> &'static Template {
        match self {
            Self::Stripe => &STRIPE,
            Self::Github => &GITHUB,
        }
    }
}

impl std::str::FromStr for TemplateId {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|id| id.as_str() == text).ok_or("must be stripe or github")
    }
}

/// The body of the test event of a source without a template.
pub const GENERIC_SAMPLE_BODY: &str = "{\n  \"type\": \"test.event\",\n  \"message\": \"A test event from hookstream\",\n  \"data\": {\"amount\": 4200, \"currency\": \"eur\"}\n}";

const STRIPE: Template = Template {
    id: TemplateId::Stripe,
    label: "Stripe",
    summary: "Verifies Stripe-Signature: HMAC-SHA256 over the time and the body, at most 5 minutes old.",
    setup: &[
        "In the Stripe Dashboard open Developers, then Webhooks, and choose Add destination (or Add endpoint).",
        "Choose the events to send, and paste the ingest URL of this source as the endpoint URL.",
        "Open the new endpoint, reveal its signing secret (it begins with whsec_), and paste it here.",
    ],
    secret_label: "Signing secret",
    secret_placeholder: "whsec_…",
    tolerance_seconds: Some(300),
    sample_type: "payment_intent.succeeded",
    sample_body: r#"{
  "id": "evt_1PtestHookstream0000001",
  "object": "event",
  "api_version": "2025-08-27.basil",
  "created": 1760000000,
  "type": "payment_intent.succeeded",
  "livemode": false,
  "data": {
    "object": {
      "id": "pi_3PtestHookstream0000001",
      "object": "payment_intent",
      "amount": 4200,
      "amount_received": 4200,
      "currency": "eur",
      "status": "succeeded",
      "customer": "cus_test_hookstream",
      "description": "A test event from hookstream"
    }
  }
}"#,
};

const GITHUB: Template = Template {
    id: TemplateId::Github,
    label: "GitHub",
    summary: "Verifies X-Hub-Signature-256: HMAC-SHA256 over the body.",
    setup: &[
        "In the repository or organization open Settings, then Webhooks, and choose Add webhook.",
        "Paste the ingest URL of this source as the payload URL, and choose application/json as the content type.",
        "Make up a long random secret, and enter the same one there and here.",
    ],
    secret_label: "Secret",
    secret_placeholder: "the secret entered at GitHub",
    tolerance_seconds: None,
    sample_type: "push",
    sample_body: r#"{
  "ref": "refs/heads/main",
  "before": "0000000000000000000000000000000000000000",
  "after": "5e2f1c9d8b7a69584736251403f2e1d0c9b8a796",
  "repository": {"id": 1, "name": "hello-world", "full_name": "octocat/hello-world", "private": false},
  "pusher": {"name": "octocat", "email": "octocat@example.com"},
  "commits": [
    {"id": "5e2f1c9d8b7a69584736251403f2e1d0c9b8a796", "message": "A test event from hookstream", "added": [], "modified": ["README.md"], "removed": []}
  ]
}"#,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_whole() {
        for id in TemplateId::ALL {
            let template = id.template();
            assert_eq!(template.id, id);
            assert_eq!(id.as_str().parse(), Ok(id));
            assert!(!template.setup.is_empty());
            serde_json::from_str::<serde_json::Value>(template.sample_body).expect("the sample is JSON");
        }
    }
}
