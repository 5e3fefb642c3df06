//! What the editor works on: the rules as they are written, the event that they are tried on, and the answers of the
//! server. Everything else of the page is derived from these.

use std::time::Duration;

use domain::{
    connection::Connection,
    event::EventSummary,
    field::{FieldError, FieldErrors},
    page::Page,
    rehearsal::{Preview, PreviewInput, SeenFields},
};
use leptos::prelude::*;

use crate::{
    api::{
        ApiError,
        events::{EventContent, EventQuery, events, read_event_content},
        json_text::parse_json,
        rehearsal::{Draft, Trial, fields_seen, preview_rules, try_rules},
    },
    pages::{
        answers::{Answers, use_answers},
        forms::TypedBefore,
        live::{Fresh, use_changes, use_fresh},
        project::{Project, use_project},
    },
};

/// How long the rules have to rest before they are tried, and before they are held against many events.
const TRY_AFTER: Duration = Duration::from_millis(250);
const PREVIEW_AFTER: Duration = Duration::from_millis(600);

/// The last events of a source, of which one is tried.
const RECENT: usize = 30;

/// What the rules are tried on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// The newest event of the source when it was first looked at.
    #[default]
    Newest,
    Stored(String),
    /// A body that was written down.
    Written,
}

/// What is asked about one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub draft: Draft,
    /// Empty for what was written.
    event: String,
    body: String,
    headers: String,
}

/// What is asked about the last events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindsight {
    draft: Draft,
    source: String,
    limit: u32,
}

/// A part of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Filter,
    Transform,
    Schema,
}

#[derive(Clone, Copy)]
pub struct Bench {
    pub project: Project,
    /// The connection as it is saved; none while it is made.
    pub saved: StoredValue<Option<Connection>>,
    pub source: RwSignal<String>,
    pub filter: RwSignal<String>,
    pub transform: RwSignal<String>,
    pub schema: RwSignal<String>,
    pub schema_action: RwSignal<String>,
    pub subject: RwSignal<Subject>,
    pub body: RwSignal<String>,
    pub headers: RwSignal<String>,
    pub limit: RwSignal<u32>,
    pub recent: Fresh<Page<EventSummary>>,
    pub fields: Fresh<SeenFields>,
    /// The id of the stored event that is tried.
    pub event: Memo<Option<String>>,
    pub content: Answers<String, EventContent>,
    pub trial: Answers<Question, Trial>,
    pub preview: Answers<Hindsight, Option<Preview>>,
    /// What a refused form said, while the rules are those that it was sent with.
    pub refused: Signal<FieldErrors>,
}

/// What the page brings along.
pub struct First {
    pub saved: Option<Connection>,
    pub source: String,
    pub recent: Page<EventSummary>,
    pub fields: SeenFields,
    /// The event that the address names.
    pub event: Option<String>,
}

pub fn nothing_seen() -> SeenFields {
    SeenFields { fields: Vec::new(), events: 0 }
}

pub async fn recent_events(env: String, source: String) -> Result<Page<EventSummary>, ApiError> {
    if source.is_empty() {
        return Ok(Page { data: Vec::new(), next_cursor: None, has_more: false });
    }
    let mut page = events(env, EventQuery { source, ..EventQuery::default() }, None).await?;
    page.data.truncate(RECENT);
    Ok(page)
}

pub async fn fields_of(env: String, source: String) -> Result<SeenFields, ApiError> {
    if source.is_empty() { Ok(nothing_seen()) } else { fields_seen(env, source).await }
}

pub fn use_bench(first: First, typed: TypedBefore, refused: Signal<FieldErrors>) -> Bench {
    let project = use_project();
    let First { saved, source, recent, fields, event } = first;
    let rules = saved.as_ref().map(|saved| saved.rules.clone()).unwrap_or_default();
    let pretty = |value: Option<serde_json::Value>| {
        value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_default()
    };
    let text = |field, former: String| RwSignal::new(typed.text(field, former));
    let connection = saved.as_ref().map(|saved| saved.id.to_string()).unwrap_or_default();
    let source = RwSignal::new(source);
    let filter = text("filter", pretty(rules.filter));
    let transform = text("transform", rules.transform.unwrap_or_default());
    let schema = text("schema", pretty(rules.schema));
    let schema_action = text("schema_action", rules.schema_action.as_str().to_owned());
    let draft = Memo::new(move |_| Draft {
        filter: filter.get(),
        transform: transform.get(),
        schema: schema.get(),
        schema_action: schema_action.get(),
    });

    let changes = use_changes(|| true);
    let recent = use_fresh(recent, move || recent_events(project.id(), source.get_untracked()));
    recent.when(move || (source.get(), changes.get()));
    let fields = use_fresh(fields, move || fields_of(project.id(), source.get_untracked()));
    let is_empty = Memo::new(move |_| recent.data().with(|page| page.data.is_empty()));
    fields.when(move || (source.get(), is_empty.get()));

    let subject = RwSignal::new(event.map_or(Subject::Newest, Subject::Stored));
    let event = Memo::new(move |before: Option<&Option<String>>| match subject.get() {
        Subject::Stored(id) => Some(id),
        Subject::Written => None,
        Subject::Newest => {
            let ids = recent.data().with(|page| page.data.iter().map(|event| event.id.to_string()).collect::<Vec<_>>());
            let before = before.cloned().flatten();
            before.filter(|before| ids.contains(before)).or_else(|| ids.into_iter().next())
        }
    });
    let content = use_answers(event, Duration::ZERO, move |event| read_event_content(project.id(), event));

    let (body, headers) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let question = Memo::new(move |_| {
        let draft = draft.get();
        match event.get() {
            Some(event) => Some(Question { draft, event, body: String::new(), headers: String::new() }),
            None if subject.get() == Subject::Written => {
                Some(Question { draft, event: String::new(), body: body.get(), headers: headers.get() })
            }
            None => None,
        }
    });
    let trial = use_answers(question, TRY_AFTER, move |Question { draft, event, body, headers }| {
        try_rules(project.id(), draft, event, body, headers)
    });

    let limit = RwSignal::new(PreviewInput::DEFAULT_LIMIT);
    let hindsight = Memo::new(move |_| {
        let asked = Hindsight { draft: draft.get(), source: source.get(), limit: limit.get() };
        (!is_empty.get()).then_some(asked)
    });
    let preview = use_answers(hindsight, PREVIEW_AFTER, move |Hindsight { draft, source, limit }| {
        preview_rules(project.id(), draft, source, connection.clone(), Some(limit))
    });
    Bench {
        project,
        saved: StoredValue::new(saved),
        source,
        filter,
        transform,
        schema,
        schema_action,
        subject,
        body,
        headers,
        limit,
        recent,
        fields,
        event,
        content,
        trial,
        preview,
        refused,
    }
}

impl Part {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Transform => "transform",
            Self::Schema => "schema",
        }
    }

    /// Whether an error is about this part: `filter.all[0].value` is about the filter.
    fn is_of(self, error: &FieldError) -> bool {
        error.path.split(['.', '[']).next() == Some(self.as_str())
    }

    fn of(self, draft: &Draft) -> &str {
        match self {
            Self::Filter => &draft.filter,
            Self::Transform => &draft.transform,
            Self::Schema => &draft.schema,
        }
    }
}

impl Bench {
    pub fn text(self, part: Part) -> RwSignal<String> {
        match part {
            Part::Filter => self.filter,
            Part::Transform => self.transform,
            Part::Schema => self.schema,
        }
    }

    /// What is wrong with a part as it stands now: the place of broken JSON at once, the rest as soon as the server has
    /// said it.
    pub fn problems(self, part: Part) -> Memo<FieldErrors> {
        Memo::new(move |_| {
            let mut problems = FieldErrors::default();
            let text = self.text(part).get();
            if part != Part::Transform
                && !text.trim().is_empty()
                && let Err(wrong) = parse_json(&text)
            {
                problems.push_at(part.as_str(), format!("is not JSON: {}", wrong.message), Some(wrong.at));
                return problems;
            }
            let of_part = |errors: &FieldErrors, problems: &mut FieldErrors| {
                for error in errors.iter().filter(|error| part.is_of(error)) {
                    problems.push_at(error.path.clone(), error.message.clone(), error.position);
                }
            };
            let known = self.trial.last.with(|last| {
                let Some((question, Ok(trial))) = last else { return false };
                // What was said of another text is not about this one.
                let is_same = part.of(&question.draft) == text;
                if is_same {
                    of_part(&trial.problems, &mut problems);
                }
                is_same
            });
            if !known {
                self.refused.with(|refused| of_part(refused, &mut problems));
            }
            problems
        })
    }

    /// The last answer about the one event, while it is about the rules and the event as they are.
    pub fn trial_now(self) -> Memo<Option<Trial>> {
        Memo::new(move |_| self.trial.answer().with(|answer| answer.as_ref()?.as_ref().ok().cloned()))
    }
}

/// One sentence for a field of the form: rules within the filter are named by their place.
pub fn sentence_at(part: Part, error: &FieldError) -> String {
    match error.path.strip_prefix(part.as_str()).map(|rest| rest.trim_start_matches('.')) {
        Some(place) if !place.is_empty() => format!("at {place}: {}", error.message),
        _ => error.message.clone(),
    }
}

/// The errors of a refused form, with those inside of the rules gathered at the fields that hold them.
pub fn gathered(errors: &FieldErrors) -> FieldErrors {
    let mut gathered = FieldErrors::default();
    for error in errors.iter() {
        match [Part::Filter, Part::Transform, Part::Schema].into_iter().find(|part| part.is_of(error)) {
            Some(part) => gathered.push_at(part.as_str(), sentence_at(part, error), error.position),
            None => gathered.push_at(error.path.clone(), error.message.clone(), error.position),
        }
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_inside_of_rules_stands_at_their_field() {
        let mut errors = FieldErrors::default();
        errors.push("filter.all[1].value", "must be a number");
        errors.push_at("transform", "does not parse", Some(7));
        errors.push("name", "must not be empty");
        let gathered = gathered(&errors);
        assert_eq!(gathered.at("filter"), Some("at all[1].value: must be a number"));
        assert_eq!(gathered.at("transform"), Some("does not parse"));
        assert_eq!(gathered.at("name"), Some("must not be empty"));
    }
}
