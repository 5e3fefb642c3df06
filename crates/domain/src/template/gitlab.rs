//! GitLab: `X-Gitlab-Token`, or the three headers of Standard Webhooks where the hook has a signing token.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, StandardHeaders, TokenPlace},
};

pub(super) const ABOUT: About = About {
    label: "GitLab",
    category: Category::Code,
    summary: "Verifies webhook-signature with a signing token (whsec_…), or compares X-Gitlab-Token with a secret token.",
    search: &["git", "repository", "merge requests", "pipelines"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the project or group open Settings, then Webhooks, and choose Add new webhook.",
        "Paste the ingest URL of this source as the URL, and choose what triggers it.",
        "Where your GitLab offers a signing token, generate one (it begins with whsec_) and paste it here: then the body is signed.",
        "Otherwise make up a long random secret token, and enter the same one there and here. GitLab sends it along as it is.",
    ],
    secret_label: "Signing token or secret token",
    secret_placeholder: "whsec_… or the secret token entered at GitLab",
    schemes: &[
        Scheme::SharedToken(TokenPlace::Header { name: "X-Gitlab-Token", prefix: "" }),
        Scheme::StandardWebhooks(StandardHeaders::Webhook),
    ],
    tolerance_seconds: Some(300),
    event_type: &[Place::Header("X-Gitlab-Event"), Place::Json("object_kind")],
    event_id: &[Place::Header("X-Gitlab-Event-UUID"), Place::Header("webhook-id")],
    dedup: Dedup::Header("X-Gitlab-Event-UUID"),
    samples: &[Sample::json("Push Hook", PUSH), Sample::json("Merge Request Hook", MERGE_REQUEST)],
    ..Template::DEFAULT
};

const PUSH: &str = r#"{
  "object_kind": "push",
  "event_name": "push",
  "before": "95790bf891e76fee5e1747ab589903a6a1f80f22",
  "after": "da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
  "ref": "refs/heads/main",
  "user_username": "jsmith",
  "project": {"id": 15, "name": "Diaspora", "path_with_namespace": "mike/diaspora", "default_branch": "main"},
  "commits": [
    {"id": "da1560886d4f094c3e6c9ef40349f7d38b5d27d7", "message": "A test event from hookstream", "added": ["CHANGELOG"], "modified": [], "removed": []}
  ],
  "total_commits_count": 1
}"#;

const MERGE_REQUEST: &str = r#"{
  "object_kind": "merge_request",
  "event_type": "merge_request",
  "user": {"id": 1, "username": "jsmith"},
  "project": {"id": 15, "path_with_namespace": "mike/diaspora"},
  "object_attributes": {"iid": 1, "title": "A test event from hookstream", "state": "opened", "action": "open", "source_branch": "topic", "target_branch": "main"}
}"#;
