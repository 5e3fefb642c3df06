//! Trying rules out while they are written: on one event, and on the last ones of a source. Nothing of it is kept.
//!
//! Rules that could not be saved are nothing unusual here, and no refusal: the answer says what is wrong with them.

use domain::{
    field::FieldErrors,
    rehearsal::{Preview, SeenFields, TestError, TestPart, TestResult},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::ApiError;
#[cfg(feature = "ssr")]
use super::{
    caller::{ProjectCall, id, in_project},
    events::SHOWN_BYTES,
    form::read,
    json_text::parse_json,
};

/// What stands in the editor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub filter: String,
    pub transform: String,
    pub schema: String,
    pub schema_action: String,
}

/// What became of the one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Why the rules could not be saved. What is wrong takes no part in the result.
    pub problems: FieldErrors,
    /// Without its output, which is in `output` as far as it is shown.
    pub result: TestResult,
    pub output: Option<Shown>,
}

impl Trial {
    /// Why the transform failed with this event, where it did.
    #[must_use]
    pub fn failure(&self) -> Option<&TestError> {
        self.result.errors.iter().find(|error| error.part == TestPart::Transform)
    }
}

/// JSON as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub text: String,
    /// There is more of it.
    pub cut: bool,
}

/// A schema that was made from events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inferred {
    pub schema: String,
    pub events: u32,
}

/// Bytes of a body that somebody writes or pastes, and of its headers.
pub const MAX_WRITTEN: usize = 256 * 1024;

/// Tries the draft on a stored event, or on what was written where `event` is empty: a body, and headers a line each.
#[server(endpoint = "connections/try")]
pub async fn try_rules(
    env: String,
    #[server(default)] draft: Draft,
    #[server(default)] event: String,
    #[server(default)] body: String,
    #[server(default)] headers: String,
) -> Result<Trial, ApiError> {
    in_project(&env, async |project| {
        let mut problems = FieldErrors::default();
        let mut input = draft.read(&mut problems);
        if event.is_empty() {
            input.event = Some(written(&body, &headers)?);
        } else {
            input.event_id = Some(id(&event)?);
        }
        let mut result = tried(&project, input, &mut problems).await?;
        let output = result.output.take().map(|output| {
            let text = serde_json::to_string_pretty(&output).unwrap_or_default();
            let end = text.floor_char_boundary(SHOWN_BYTES);
            Shown { cut: end < text.len(), text: text[..end].to_owned() }
        });
        Ok(Trial { problems, result, output })
    })
    .await
}

/// Leaves out what is wrong and says so, until the rest can be tried.
#[cfg(feature = "ssr")]
async fn tried(
    project: &ProjectCall,
    mut input: domain::rehearsal::TestInput,
    problems: &mut FieldErrors,
) -> Result<TestResult, ApiError> {
    loop {
        let errors = match project.gateway.test_connection(&project.access, input.clone()).await {
            Ok(result) => return Ok(result),
            Err(gateway::manage::Error::Invalid(errors)) => errors,
            Err(error) => return Err(error.into()),
        };
        let wrong = |part: &str| errors.iter().any(|error| error.path.split(['.', '[']).next() == Some(part));
        let before = (input.filter.is_some(), input.transform.is_some(), input.schema.is_some());
        input.filter = input.filter.filter(|_| !wrong("filter"));
        input.transform = input.transform.filter(|_| !wrong("transform"));
        input.schema = input.schema.filter(|_| !wrong("schema"));
        if before == (input.filter.is_some(), input.transform.is_some(), input.schema.is_some()) {
            return Err(errors.into());
        }
        problems.extend(errors);
    }
}

#[cfg(feature = "ssr")]
impl Draft {
    /// The rules, as far as the texts can be read.
    fn read(&self, problems: &mut FieldErrors) -> domain::rehearsal::TestInput {
        domain::rehearsal::TestInput {
            filter: json_field(problems, "filter", &self.filter),
            transform: transform_field(&self.transform),
            schema: json_field(problems, "schema", &self.schema),
            schema_action: read::word(problems, "schema_action", &self.schema_action),
            ..Default::default()
        }
    }
}

/// JSON in a field, unless nothing was typed.
#[cfg(feature = "ssr")]
pub(super) fn json_field(problems: &mut FieldErrors, field: &str, text: &str) -> Option<serde_json::Value> {
    read::optional(text)?;
    match parse_json(text) {
        Ok(value) => Some(value),
        Err(wrong) => {
            problems.push_at(field, format!("is not JSON: {}", wrong.message), Some(wrong.at));
            None
        }
    }
}

/// An expression, with the space around it: places are counted from its start.
#[cfg(feature = "ssr")]
pub(super) fn transform_field(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.replace("\r\n", "\n"))
}

/// The event that was written down.
#[cfg(feature = "ssr")]
fn written(body: &str, headers: &str) -> Result<domain::rehearsal::SampleEvent, ApiError> {
    use domain::rehearsal::{Headers, SampleEvent};
    if body.len() > MAX_WRITTEN || headers.len() > MAX_WRITTEN {
        return Err(ApiError::field("body", "must be at most 256 KiB"));
    }
    let lines = headers.lines().filter_map(|line| line.split_once(':'));
    let list: Vec<_> = lines.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
    Ok(SampleEvent {
        payload: serde_json::from_str(body).ok(),
        headers: (!list.is_empty()).then_some(Headers::List(list)),
        content_type: Some("application/json".to_owned()),
        ..SampleEvent::default()
    })
}

/// What the draft would have made of the last events, compared with the connection as it is. `None` while the draft could
/// not be saved.
#[server(endpoint = "connections/preview")]
pub async fn preview_rules(
    env: String,
    #[server(default)] draft: Draft,
    #[server(default)] source: String,
    #[server(default)] connection: String,
    #[server(default)] limit: Option<u32>,
) -> Result<Option<Preview>, ApiError> {
    in_project(&env, async |project| {
        let mut problems = FieldErrors::default();
        let rules = draft.read(&mut problems);
        let input = domain::rehearsal::PreviewInput {
            source_id: if source.is_empty() { None } else { Some(id(&source)?) },
            connection_id: if connection.is_empty() { None } else { Some(id(&connection)?) },
            filter: rules.filter,
            transform: rules.transform,
            schema: rules.schema,
            schema_action: rules.schema_action,
            limit,
        };
        if !problems.is_empty() {
            return Ok(None);
        }
        match project.gateway.preview_connection(&project.access, input).await {
            Ok(preview) => Ok(Some(preview)),
            Err(gateway::manage::Error::Invalid(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// A schema that the last events of a source fit.
#[server(endpoint = "connections/infer")]
pub async fn infer_schema(env: String, source: String) -> Result<Inferred, ApiError> {
    in_project(&env, async |project| {
        let inferred = project.gateway.infer_schema(&project.access, id(&source)?, None, None).await?;
        let schema = serde_json::to_string_pretty(&inferred.schema).unwrap_or_default();
        Ok(Inferred { schema, events: inferred.events })
    })
    .await
}

/// Fields that the last events of a source had, with examples.
#[server(endpoint = "connections/fields")]
pub async fn fields_seen(env: String, source: String) -> Result<SeenFields, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.seen_fields(&project.access, id(&source)?, None).await?)).await
}
