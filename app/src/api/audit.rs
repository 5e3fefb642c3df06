//! The audit log.

use domain::{audit::AuditEntry, page::Page};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

use super::ApiError;
#[cfg(feature = "ssr")]
use super::caller::{in_org, now, page_after};
use crate::paths;

/// Which entries are shown, as the address says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditQuery {
    /// An action, or the kind of thing that it is done to.
    pub action: String,
    /// The id of a person or a key.
    pub actor: String,
    /// The id of what was changed.
    pub target: String,
    /// The id of a project.
    pub project: String,
    /// One of [`super::events::RANGES`].
    pub range: String,
    /// Days or times, the second one not included.
    pub after: String,
    pub before: String,
}

impl AuditQuery {
    #[must_use]
    pub fn from_params(params: &ParamsMap) -> Self {
        let text = |name| params.get(name).unwrap_or_default();
        Self {
            action: text("action"),
            actor: text("actor"),
            target: text("target"),
            project: text("project"),
            range: text("range"),
            after: text("after"),
            before: text("before"),
        }
    }

    #[must_use]
    pub fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("action", &self.action),
            ("actor", &self.actor),
            ("target", &self.target),
            ("project", &self.project),
            ("range", &self.range),
            ("after", &self.after),
            ("before", &self.before),
        ]
    }

    /// The list's address.
    #[must_use]
    pub fn list(&self, env: &str) -> String {
        paths::with_query(&paths::audit_log(env), self.pairs())
    }

    /// The address of the same entries as a file.
    #[must_use]
    pub fn export(&self, org: &str) -> String {
        paths::with_query(&paths::audit_export(org), self.pairs())
    }

    /// The same with something changed.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(feature = "ssr")]
impl AuditQuery {
    /// What is looked for.
    ///
    /// # Errors
    /// Every part that is wrong.
    pub fn filter(
        &self,
        now: domain::time::Timestamp,
    ) -> Result<domain::audit::AuditFilter, domain::field::FieldErrors> {
        use domain::{field::FieldErrors, time::Timestamp};

        use super::{events::RANGES, form::read::optional};
        let mut errors = FieldErrors::default();
        let time = |errors: &mut FieldErrors, name: &str, text: &str| {
            let text = optional(text)?;
            let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text };
            let wrong = "must be a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z";
            errors.check(name, Timestamp::parse_rfc3339(&whole).map_err(|_| wrong))
        };
        let action =
            optional(&self.action).and_then(|text| errors.check("action", text.parse::<domain::audit::ActionFilter>()));
        let env_id =
            optional(&self.project).and_then(|text| errors.check("project", text.parse::<domain::id::EnvId>()));
        let range = optional(&self.range).and_then(|word| {
            let known = RANGES.iter().find(|(known, ..)| *known == word);
            let known = known.map(|(_, _, seconds)| now.minus(std::time::Duration::from_secs(*seconds)));
            errors.check("range", known.ok_or("is not one of those that the page has"))
        });
        let after = time(&mut errors, "after", &self.after);
        let before = time(&mut errors, "before", &self.before);
        errors.into_result()?;
        Ok(domain::audit::AuditFilter {
            env_id,
            action,
            actor: optional(&self.actor),
            target: optional(&self.target),
            after: after.max(range),
            before,
        })
    }
}

#[server(endpoint = "audit/list")]
pub async fn audit_entries(
    org: String,
    query: AuditQuery,
    cursor: Option<String>,
) -> Result<Page<AuditEntry>, ApiError> {
    in_org(&org, async |org| {
        org.access.require(domain::permission::Permission::ReadAuditLog)?;
        let filter = query.filter(now())?;
        Ok(org.gateway.audit_log(&org.access, &filter, page_after(cursor.as_deref())?).await?)
    })
    .await
}
