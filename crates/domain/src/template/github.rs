//! GitHub: `X-Hub-Signature-256: sha256=…`.

use super::{
    About, Addresses, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};

pub(super) const ABOUT: About = About {
    label: "GitHub",
    category: Category::Code,
    summary: "Verifies X-Hub-Signature-256: HMAC-SHA256 over the body.",
    search: &["git", "repository", "pull requests", "actions", "gitea", "forgejo"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the repository or organization open Settings, then Webhooks, and choose Add webhook.",
        "Paste the ingest URL of this source as the payload URL, and choose application/json as the content type.",
        "Make up a long random secret, and enter the same one there and here.",
    ],
    secret_label: "Secret",
    secret_placeholder: "the secret entered at GitHub",
    schemes: &[Scheme::Signed(Signed::new("X-Hub-Signature-256").prefix("sha256="))],
    event_type: &[Place::Header("X-GitHub-Event")],
    event_id: &[Place::Header("X-GitHub-Delivery")],
    dedup: Dedup::Header("X-GitHub-Delivery"),
    addresses: Some(Addresses {
        ranges: &[
            "192.30.252.0/22",
            "185.199.108.0/22",
            "140.82.112.0/20",
            "143.55.64.0/20",
            "2a0a:a440::/29",
            "2606:50c0::/32",
        ],
        page: "https://api.github.com/meta",
    }),
    samples: &[Sample::json("push", PUSH), Sample::json("issues", ISSUES)],
    ..Template::DEFAULT
};

const PUSH: &str = r#"{
  "ref": "refs/heads/main",
  "before": "0000000000000000000000000000000000000000",
  "after": "5e2f1c9d8b7a69584736251403f2e1d0c9b8a796",
  "repository": {"id": 1, "name": "hello-world", "full_name": "octocat/hello-world", "private": false},
  "pusher": {"name": "octocat", "email": "octocat@example.com"},
  "commits": [
    {"id": "5e2f1c9d8b7a69584736251403f2e1d0c9b8a796", "message": "A test event from hookstream", "added": [], "modified": ["README.md"], "removed": []}
  ]
}"#;

const ISSUES: &str = r#"{
  "action": "opened",
  "issue": {"number": 7, "title": "A test event from hookstream", "state": "open", "user": {"login": "octocat"}, "labels": []},
  "repository": {"id": 1, "name": "hello-world", "full_name": "octocat/hello-world", "private": false},
  "sender": {"login": "octocat", "type": "User"}
}"#;
