//! The audit log: who changed what of an organization, when, and from where.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    configuration::FieldChange,
    id::{ApiKeyId, AuditEntryId, EnvId, OrgId, UserId},
    time::Timestamp,
};

/// For how long an entry is kept.
pub const KEPT: Duration = Duration::from_hours(365 * 24);
/// Fields that an entry tells of; of more it says how many.
pub const MAX_FIELDS: usize = 40;
/// Characters that an entry has of a value's text; of a longer one it has the beginning.
pub const MAX_VALUE: usize = 1000;
/// Characters that an entry has of a name.
pub const MAX_NAME: usize = 200;

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    pub id: AuditEntryId,
    pub org_id: OrgId,
    /// The project, where it was a change of one.
    pub env_id: Option<EnvId>,
    pub actor: Actor,
    /// Where the actor asked from, as far as it is known.
    pub address: Option<IpAddr>,
    /// One of [`Action`]; a text, since a newer version may have written it.
    pub action: String,
    pub target: Target,
    /// The fields that changed, as they were and as they are. Secrets are masked.
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub at: Timestamp,
}

/// Who did it, with the name that they had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Actor {
    #[serde(rename = "type")]
    pub kind: ActorKind,
    /// Of a person or a key.
    pub id: Option<String>,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    User,
    ApiKey,
    System,
}

impl ActorKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ApiKey => "api_key",
            Self::System => "system",
        }
    }
}

impl std::str::FromStr for ActorKind {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::User, Self::ApiKey, Self::System]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or("must be user, api_key or system")
    }
}

impl Actor {
    #[must_use]
    pub fn user(id: UserId, name: &str, email: &str) -> Self {
        Self { kind: ActorKind::User, id: Some(id.to_string()), name: bounded(&format!("{name} <{email}>")) }
    }

    #[must_use]
    pub fn api_key(id: ApiKeyId, name: &str) -> Self {
        Self { kind: ActorKind::ApiKey, id: Some(id.to_string()), name: bounded(name) }
    }

    #[must_use]
    pub fn system() -> Self {
        Self { kind: ActorKind::System, id: None, name: "hookstream".to_owned() }
    }
}

/// What was changed, with the name that it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Target {
    /// What kind of thing: `source`, `member`, `organization`.
    #[serde(rename = "type")]
    pub kind: String,
    pub id: Option<String>,
    pub name: String,
}

impl Target {
    pub fn new(kind: &'static str, id: impl std::fmt::Display, name: &str) -> Self {
        Self { kind: kind.to_owned(), id: Some(id.to_string()), name: bounded(name) }
    }
}

macro_rules! actions {
    ($($name:ident = $word:literal,)*) => {
        /// What can be done, by its name in the log: what it is done to, and what.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($name,)*
        }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

actions! {
    SourceCreate = "source.create",
    SourceUpdate = "source.update",
    SourceDelete = "source.delete",
    SourceTest = "source.test",
    SourceReplayRejected = "source.replay_rejected",
    DestinationCreate = "destination.create",
    DestinationUpdate = "destination.update",
    DestinationPause = "destination.pause",
    DestinationResume = "destination.resume",
    DestinationDelete = "destination.delete",
    DestinationTest = "destination.test",
    DestinationResetCircuit = "destination.reset_circuit",
    ConnectionCreate = "connection.create",
    ConnectionUpdate = "connection.update",
    ConnectionDelete = "connection.delete",
    ConfigurationApply = "configuration.apply",
    ApiKeyCreate = "api_key.create",
    ApiKeyUpdate = "api_key.update",
    ApiKeyRotate = "api_key.rotate",
    ApiKeyRevoke = "api_key.revoke",
    EventRetry = "event.retry",
    DeliveryRetry = "delivery.retry",
    DeliveryCancel = "delivery.cancel",
    BulkOperationStart = "bulk_operation.start",
    BulkOperationCancel = "bulk_operation.cancel",
    IssueUpdate = "issue.update",
    IssueRetry = "issue.retry",
    ReplayCreate = "replay.create",
    ReplayPause = "replay.pause",
    ReplayResume = "replay.resume",
    ReplayCancel = "replay.cancel",
    ProjectCreate = "project.create",
    ProjectUpdate = "project.update",
    ProjectDelete = "project.delete",
    OrganizationCreate = "organization.create",
    OrganizationUpdate = "organization.update",
    OrganizationDelete = "organization.delete",
    MemberJoin = "member.join",
    MemberUpdate = "member.update",
    MemberRemove = "member.remove",
    MemberLeave = "member.leave",
    InvitationCreate = "invitation.create",
    InvitationResend = "invitation.resend",
    InvitationRevoke = "invitation.revoke",
    AccountSignIn = "account.sign_in",
    AccountUpdate = "account.update",
    AccountVerifyEmail = "account.verify_email",
    AccountChangePassword = "account.change_password",
    AccountResetPassword = "account.reset_password",
    AccountEnableTotp = "account.enable_totp",
    AccountDisableTotp = "account.disable_totp",
    AccountConnectProvider = "account.connect_provider",
    AccountDisconnectProvider = "account.disconnect_provider",
    AccountEndSession = "account.end_session",
}

/// Which entries a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub env_id: Option<EnvId>,
    pub action: Option<ActionFilter>,
    /// The id of a person or a key, or `system`.
    pub actor: Option<String>,
    /// The id of what was changed.
    pub target: Option<String>,
    /// Entries of this time and later.
    pub after: Option<Timestamp>,
    /// Entries before this time.
    pub before: Option<Timestamp>,
}

/// An action, or all that are done to one kind of thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionFilter {
    One(&'static str),
    /// All that begin so: `source.`
    Of(String),
}

impl std::str::FromStr for ActionFilter {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(action) = Action::ALL.iter().find(|action| action.as_str() == text) {
            return Ok(Self::One(action.as_str()));
        }
        let begin = format!("{text}.");
        let is_kind = Action::ALL.iter().any(|action| action.as_str().starts_with(&begin));
        if is_kind {
            Ok(Self::Of(begin))
        } else {
            Err("must be an action such as source.create, or a kind such as source")
        }
    }
}

/// What of a change is kept: the fields as they were, and as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Changes {
    /// Of fields whose secrets are masked.
    #[must_use]
    pub fn of(fields: Vec<FieldChange>) -> Self {
        let more = fields.len().saturating_sub(MAX_FIELDS);
        let (mut before, mut after) = (Map::new(), Map::new());
        for FieldChange { path, from, to } in fields.into_iter().take(MAX_FIELDS) {
            let path = bounded(&path);
            for (value, side) in [(from, &mut before), (to, &mut after)] {
                if !value.is_null() {
                    side.insert(path.clone(), shortened(value));
                }
            }
        }
        if more > 0 {
            after.insert("…".to_owned(), Value::String(format!("{more} more fields")));
        }
        let some = |fields: Map<String, Value>| (!fields.is_empty()).then_some(Value::Object(fields));
        Self { before: some(before), after: some(after) }
    }

    /// Something that came to be, or what was asked for, without secrets.
    #[must_use]
    pub fn to(after: Value) -> Self {
        Self::between(&Value::Null, after)
    }

    /// Two objects, of which the fields are kept that differ.
    #[must_use]
    pub fn between(before: &Value, after: Value) -> Self {
        let mut fields = Vec::new();
        if let Some(before) = before.as_object() {
            let gone = before.iter().filter(|(name, _)| after.get(name.as_str()).is_none());
            fields.extend(gone.map(|(name, from)| field(name, from.clone(), Value::Null)));
        }
        if let Value::Object(after) = after {
            for (name, to) in after {
                let from = before.get(&name).cloned().unwrap_or_default();
                if from != to {
                    fields.push(field(&name, from, to));
                }
            }
        }
        Self::of(fields)
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.before.is_none() && self.after.is_none()
    }
}

fn field(path: &str, from: Value, to: Value) -> FieldChange {
    FieldChange { path: path.to_owned(), from, to }
}

fn bounded(name: &str) -> String {
    if name.chars().count() <= MAX_NAME {
        return name.to_owned();
    }
    name.chars().take(MAX_NAME - 1).chain(['…']).collect()
}

fn shortened(value: Value) -> Value {
    let text = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let length = text.chars().count();
    if length <= MAX_VALUE {
        return value;
    }
    let begin: String = text.chars().take(MAX_VALUE).collect();
    Value::String(format!("{begin}… ({length} characters)"))
}

/// A field of a CSV file (RFC 4180). Spreadsheets take what begins with some characters for a formula, and run it: before these
/// stands an apostrophe.
#[must_use]
pub fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changed_is_kept_and_long_values_are_cut() {
        let before = json!({ "name": "a", "same": 1, "gone": true });
        let changes = Changes::between(&before, json!({ "name": "b", "same": 1, "long": "x".repeat(5000) }));
        assert_eq!(changes.before, Some(json!({ "gone": true, "name": "a" })));
        let after = changes.after.expect("there is one");
        assert_eq!(after["name"], "b");
        let long = after["long"].as_str().expect("a text");
        assert!(long.len() < MAX_VALUE + 40 && long.ends_with("(5000 characters)"), "{long}");
        assert!(Changes::between(&before, before.clone()).is_empty());
    }

    #[test]
    fn an_entry_has_a_bound() {
        let many = (0..500).map(|n| (n.to_string(), json!("y".repeat(9000)))).collect::<Map<_, _>>();
        let after = Changes::to(Value::Object(many)).after.expect("there is one");
        assert_eq!(after["…"], "460 more fields");
        assert!(after.to_string().len() < 2 * MAX_FIELDS * MAX_VALUE);
    }

    #[test]
    fn formulas_are_texts_in_a_spreadsheet() {
        for (text, cell) in [
            ("plain", "\"plain\""),
            ("a \"b\", c", "\"a \"\"b\"\", c\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@sum", "\"'@sum\""),
            ("\tx", "\"'\tx\""),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }

    #[test]
    fn a_filter_is_an_action_or_a_kind() {
        assert_eq!("source.create".parse(), Ok(ActionFilter::One("source.create")));
        assert_eq!("source".parse(), Ok(ActionFilter::Of("source.".to_owned())));
        assert!("sourc".parse::<ActionFilter>().is_err() && "source.".parse::<ActionFilter>().is_err());
    }
}
