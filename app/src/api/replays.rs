//! Replays.

use domain::{
    delivery::Delivery,
    page::Page,
    replay::{DryRun, Replay},
};
use leptos::prelude::*;
use leptos_router::{location::Url, params::ParamsMap};
use serde::{Deserialize, Serialize};

use super::{ApiError, Form, events::RANGES, names::Named};
#[cfg(feature = "ssr")]
use super::{
    caller::{ProjectCall, form_in_project, id, in_project, now, page_after},
    form::read,
};
use crate::paths;

/// What a replay is asked for, as it is typed, and as the address of the form has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReplayForm {
    /// The id of a source or a connection; empty for everything.
    pub through: String,
    /// One of [`ranges`], or [`OTHER_RANGE`].
    pub range: String,
    /// The beginning and the end of another range, in UTC.
    pub from: String,
    pub to: String,
    pub filter: String,
    pub rate_per_second: String,
    pub limit: String,
    /// `true` for duplicates as well.
    pub include_duplicates: String,
}

impl Form for ReplayForm {}

/// A range that is typed.
pub const OTHER_RANGE: &str = "other";

/// The ranges to choose from: word, label, seconds.
pub fn ranges() -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    std::iter::once(("15m", "Last 15 minutes", 15 * 60)).chain(RANGES)
}

impl ReplayForm {
    #[must_use]
    pub fn from_params(params: &ParamsMap) -> Self {
        let text = |name| params.get(name).unwrap_or_default();
        let range = text("range");
        Self {
            through: text("through"),
            range: if range.is_empty() { "1h".to_owned() } else { range },
            from: text("from"),
            to: text("to"),
            filter: text("filter"),
            rate_per_second: text("rate_per_second"),
            limit: text("limit"),
            include_duplicates: text("include_duplicates"),
        }
    }

    /// The address of the form, filled in so.
    #[must_use]
    pub fn address(&self, env: impl std::fmt::Display) -> String {
        let fields = [("through", &self.through), ("range", &self.range)];
        let set = fields.iter().filter(|(_, value)| !value.is_empty());
        let query: Vec<String> = set.map(|(name, value)| format!("{name}={}", Url::escape(value))).collect();
        let path = paths::new_replay(env);
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }
}

/// What a replay can go through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayWays {
    pub sources: Vec<Named>,
    pub connections: Vec<Named>,
}

impl ReplayWays {
    /// In words, what a replay goes through.
    #[must_use]
    pub fn words(&self, replay: &Replay) -> String {
        let named = |list: &[Named], id: String| match list.iter().find(|named| named.id == id) {
            Some(named) => named.name.clone(),
            None => crate::components::shortened(&id),
        };
        match (replay.connection_id, replay.source_id) {
            (Some(connection), _) => named(&self.connections, connection.to_string()),
            (None, Some(source)) => format!("All of {}", named(&self.sources, source.to_string())),
            (None, None) => "All sources".to_owned(),
        }
    }
}

#[server(endpoint = "replays/list")]
pub async fn replays(env: String, cursor: Option<String>) -> Result<Page<Replay>, ApiError> {
    in_project(&env, async |project| {
        Ok(project.gateway.replays(&project.access, page_after(cursor.as_deref())?).await?)
    })
    .await
}

#[server(endpoint = "replays/get")]
pub async fn find_replay(env: String, replay: String) -> Result<Replay, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.replay(&project.access, id(&replay)?).await?)).await
}

/// The newest sources and connections.
#[server(endpoint = "replays/choices")]
pub async fn replay_choices(env: String) -> Result<ReplayWays, ApiError> {
    in_project(&env, async |project| {
        let all = domain::page::PageRequest::first(domain::page::PageRequest::MAX_LIMIT);
        let sources = project.gateway.sources(&project.access, all).await?.data;
        let destinations = project.gateway.destinations(&project.access, all).await?.data;
        let connections = project.gateway.connections(&project.access, all).await?.data;
        let source_of = |id| sources.iter().find(|source| source.id == id).map_or("?", |source| source.name.as_str());
        let destination_of = |id| destinations.iter().find(|it| it.id == id).map_or("?", |it| it.name.as_str());
        let connections = connections.iter().map(|it| Named {
            id: it.id.to_string(),
            name: it
                .name
                .clone()
                .unwrap_or_else(|| format!("{} → {}", source_of(it.source_id), destination_of(it.destination_id))),
        });
        let connections = connections.collect();
        let sources = sources.iter().map(|it| Named { id: it.id.to_string(), name: it.name.clone() }).collect();
        Ok(ReplayWays { sources, connections })
    })
    .await
}

/// The newest deliveries of a replay, of one status or of all.
#[server(endpoint = "replays/deliveries")]
pub async fn replay_deliveries(
    env: String,
    replay: String,
    status: String,
    cursor: Option<String>,
) -> Result<Page<Delivery>, ApiError> {
    in_project(&env, async |project| {
        let filter = domain::delivery::DeliveryFilter {
            replay_id: Some(id(&replay)?),
            status: status.parse().ok(),
            ..domain::delivery::DeliveryFilter::default()
        };
        let page = domain::page::PageRequest { limit: 20, ..page_after(cursor.as_deref())? };
        Ok(project.gateway.deliveries(&project.access, &filter, page).await?)
    })
    .await
}

/// What a replay would do.
#[server(endpoint = "replays/count")]
pub async fn count_replay(env: String, form: ReplayForm) -> Result<DryRun, ApiError> {
    in_project(&env, async |project| {
        let input = read_form(&project, &form)?;
        project.gateway.dry_run_replay(&project.access, input).await.map_err(of_fields)
    })
    .await
}

#[server(endpoint = "replays/start")]
pub async fn start_replay(env: String, #[server(flatten)] form: ReplayForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let input = read_form(&project, &form)?;
        let made = project.gateway.create_replay(&project.access, input).await.map_err(of_fields)?;
        project.reply.go_to(&paths::replay(&env, made.id));
        Ok(())
    })
    .await
}

/// Ends a replay.
#[server(endpoint = "replays/cancel")]
pub async fn cancel_replay(env: String, replay: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        project.gateway.cancel_replay(&project.access, id(&replay)?).await?;
        Ok(())
    })
    .await
}

/// Pauses a replay that runs, and lets a paused one go on.
#[server(endpoint = "replays/status")]
pub async fn set_replay_status(env: String, replay: String, status: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        let replay = id(&replay)?;
        if status == "paused" {
            project.gateway.pause_replay(&project.access, replay).await?;
        } else {
            project.gateway.resume_replay(&project.access, replay).await?;
        }
        Ok(())
    })
    .await
}

#[cfg(feature = "ssr")]
fn read_form(project: &ProjectCall, form: &ReplayForm) -> Result<domain::replay::ReplayInput, ApiError> {
    // Who may not do it is told that and nothing else.
    project.access.require(domain::permission::Permission::Write)?;
    let mut errors = domain::field::FieldErrors::default();
    let (mut source_id, mut connection_id) = (None, None);
    if form.through.starts_with("conn_") {
        connection_id = errors.check("through", form.through.parse());
    } else if !form.through.is_empty() {
        source_id = errors.check("through", form.through.parse().map_err(|_| "must be a source or a connection"));
    }
    let now = now();
    let (from, to) = match ranges().find(|(word, ..)| *word == form.range) {
        Some((_, _, seconds)) => (Some(now.minus(std::time::Duration::from_secs(seconds))), Some(now)),
        None => (read_time(&mut errors, "from", &form.from), read_time(&mut errors, "to", &form.to)),
    };
    let filter = read::optional(&form.filter).and_then(|text| {
        let parsed = serde_json::from_str(&text);
        errors.check("filter", parsed.map_err(|error| format!("must be JSON: {error}")))
    });
    let rate_per_second = read::number(&mut errors, "rate_per_second", &form.rate_per_second);
    let limit = read::number(&mut errors, "limit", &form.limit);
    errors.into_result()?;
    let (Some(from), Some(to)) = (from, to) else { return Err(ApiError::Internal) };
    Ok(domain::replay::ReplayInput {
        source_id,
        connection_id,
        from,
        to,
        filter,
        rate_per_second,
        limit,
        include_duplicates: Some(form.include_duplicates == "true"),
        dry_run: None,
    })
}

/// A time as browsers send it, which is without a zone, or in full.
#[cfg(feature = "ssr")]
fn read_time(errors: &mut domain::field::FieldErrors, field: &str, text: &str) -> Option<domain::time::Timestamp> {
    use domain::time::Timestamp;
    let text = text.trim();
    let seconds = if text.len() == "2026-11-29T22:10".len() { ":00" } else { "" };
    let parsed = Timestamp::parse_rfc3339(text).or_else(|_| Timestamp::parse_rfc3339(&format!("{text}{seconds}Z")));
    errors.check(field, parsed.map_err(|_| "must be a date and a time"))
}

/// The same errors at the fields of the form.
#[cfg(feature = "ssr")]
fn of_fields(error: gateway::manage::Error) -> ApiError {
    let errors = match ApiError::from(error) {
        ApiError::Invalid(errors) => errors,
        other => return other,
    };
    let mut moved = domain::field::FieldErrors::default();
    for error in read::gathered(&errors, "filter").iter() {
        let path = if matches!(error.path.as_str(), "source_id" | "connection_id") { "through" } else { &error.path };
        moved.push(path, error.message.clone());
    }
    ApiError::Invalid(moved)
}
