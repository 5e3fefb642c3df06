//! Bitbucket: `X-Hub-Signature: sha256=…`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};

pub(super) const ABOUT: About = About {
    label: "Bitbucket",
    category: Category::Code,
    summary: "Verifies X-Hub-Signature: HMAC-SHA256 over the body.",
    search: &["atlassian", "git", "repository", "pull requests"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the repository open Repository settings, then Webhooks, and choose Add webhook.",
        "Paste the ingest URL of this source as the URL, and choose the triggers.",
        "Let Bitbucket generate a secret (or make up a long random one), and paste the same one here.",
    ],
    secret_label: "Secret",
    secret_placeholder: "the secret entered at Bitbucket",
    schemes: &[Scheme::Signed(Signed::new("X-Hub-Signature").prefix("sha256="))],
    event_type: &[Place::Header("X-Event-Key")],
    event_id: &[Place::Header("X-Request-UUID")],
    dedup: Dedup::Header("X-Request-UUID"),
    samples: &[Sample::json("repo:push", PUSH)],
    ..Template::DEFAULT
};

const PUSH: &str = r#"{
  "actor": {"type": "user", "display_name": "Emma", "nickname": "emmap1"},
  "repository": {"type": "repository", "name": "hello-world", "full_name": "team/hello-world", "uuid": "{673a6070-3421-46c9-9d48-90745f7bfe8e}"},
  "push": {
    "changes": [
      {
        "created": false,
        "forced": false,
        "closed": false,
        "new": {"type": "branch", "name": "main", "target": {"type": "commit", "hash": "709d658dc5b6d6afcd46049c2f332ee3f515a67d", "message": "A test event from hookstream\n"}}
      }
    ]
  }
}"#;
