//! Trying a connection's rules out before they are saved: on one event here, on many in [`super::preview`].

use std::sync::Arc;

use domain::{
    connection::RulesInput,
    field::FieldErrors,
    id::{EnvId, SourceId},
    permission::Permission,
    rehearsal::{InferredSchema, SampleEvent, SeenFields, TestError, TestInput, TestPart, TestResult},
    time::Timestamp,
};
use store::StoredEvent;

use super::{Access, Error, Result};
use crate::{
    Gateway, clock,
    event_view::{EventView, Payload},
    infer,
    rules::{NO_RESULT, Rules, Verdict},
    seen_fields,
    transform::Input,
};

/// Events that a schema is made from when it is not said how many, and at most.
const INFERRED_FROM: u32 = 100;
const MOST_INFERRED_FROM: u32 = 1000;
/// Events that are looked through for fields.
const LOOKED_THROUGH: u32 = 100;
/// Longer bodies are passed over.
pub(super) const MAX_BODY: usize = 256 << 10;

/// The event that rules are tried on.
enum Subject {
    Stored(Box<StoredEvent>),
    Sample(Box<SampleEvent>, Vec<(String, String)>),
}

impl Gateway {
    /// What rules make of one event, stored or given. Rules that could not be saved are refused as they would be then.
    pub async fn test_connection(&self, access: &Access, input: TestInput) -> Result<TestResult> {
        access.require(Permission::Read)?;
        let TestInput { event_id, event, filter, transform, schema, schema_action } = input;
        let rules = compiled(RulesInput { filter, transform, schema, schema_action })?;
        let subject = match (event_id, event) {
            (Some(id), None) => {
                let stored = access.rows.event(id).await?;
                Subject::Stored(Box::new(
                    stored.ok_or_else(|| Error::invalid("event_id", "must be an event of this project"))?,
                ))
            }
            (None, Some(mut event)) => {
                let headers = event.headers.take().map(domain::rehearsal::Headers::into_list).unwrap_or_default();
                Subject::Sample(Box::new(event), headers)
            }
            (Some(_), Some(_)) => return Err(Error::invalid("event", "must not stand beside event_id")),
            (None, None) => return Err(Error::invalid("event_id", "must be given, or an event")),
        };
        let (now, project) = (clock::now(), access.env_id());
        let rules = Arc::new(rules);
        let judging = Arc::clone(&rules);
        let judged = tokio::task::spawn_blocking(move || judge(&judging, &subject, project, now));
        let (result, input) = judged.await.map_err(|_| Error::Internal)?;
        Ok(transformed(&rules, result, input).await)
    }

    /// A schema that the last `limit` events of a source fit, of one type or of all.
    pub async fn infer_schema(
        &self,
        access: &Access,
        source: SourceId,
        event_type: Option<&str>,
        limit: Option<u32>,
    ) -> Result<InferredSchema> {
        access.require(Permission::Read)?;
        let limit = limit.unwrap_or(INFERRED_FROM);
        if !(1..=MOST_INFERRED_FROM).contains(&limit) {
            return Err(Error::invalid("limit", "must be 1 to 1000"));
        }
        access.rows.source(source).await?.ok_or(Error::NotFound)?;
        let mut inference = infer::Inference::default();
        let mut before = None;
        let mut left = limit;
        while left > 0 {
            let batch = left.min(LOOKED_THROUGH);
            let contents = access.rows.last_contents(source, event_type, before, MAX_BODY, batch).await?;
            let is_last = contents.len() < batch as usize;
            before = contents.last().map(|(id, _)| *id);
            left -= batch;
            let adding = tokio::task::spawn_blocking(move || {
                for (_, content) in &contents {
                    if let Some(payload) = Payload::of_body(&content.headers, &content.body).into_json() {
                        inference.add(&payload);
                    }
                }
                inference
            });
            inference = adding.await.map_err(|_| Error::Internal)?;
            if is_last {
                break;
            }
        }
        Ok(inference.schema())
    }

    /// Places in the last events of a source, of one type or of all, with examples of what stood there.
    pub async fn seen_fields(&self, access: &Access, source: SourceId, event_type: Option<&str>) -> Result<SeenFields> {
        access.require(Permission::Read)?;
        access.rows.source(source).await?.ok_or(Error::NotFound)?;
        let contents = access.rows.last_contents(source, event_type, None, MAX_BODY, LOOKED_THROUGH).await?;
        let gathered = tokio::task::spawn_blocking(move || {
            let mut seen = seen_fields::Seen::default();
            for (id, content) in &contents {
                let payload = Payload::of_body(&content.headers, &content.body);
                seen.add(&EventView::of_content(*id, content), &payload);
            }
            seen.fields()
        });
        gathered.await.map_err(|_| Error::Internal)
    }
}

/// Rules as they would be saved.
pub(super) fn compiled(input: RulesInput) -> Result<Rules> {
    let mut errors = FieldErrors::default();
    let rules = input.parse(&mut errors);
    // What is no filter has been said; whether the rest is what it should be is said as well.
    let compiled = Rules::compile(&rules);
    match compiled {
        Ok(rules) if errors.is_empty() => Ok(rules),
        Ok(_) => Err(errors.into()),
        Err(others) => {
            errors.extend(others);
            Err(errors.into())
        }
    }
}

/// What can be said before the transform, and what that is to be evaluated over.
fn judge(rules: &Rules, subject: &Subject, project: EnvId, now: Timestamp) -> (TestResult, Input) {
    let (view, payload) = match subject {
        Subject::Stored(event) => (EventView::of_stored(event), Payload::of_body(&event.headers, &event.body)),
        Subject::Sample(event, headers) => {
            let payload = event.payload.clone().map_or_else(|| Payload::new(bytes::Bytes::new()), Payload::of_json);
            (EventView::of_sample(event, headers, now), payload)
        }
    };
    let mut result =
        TestResult { matched: true, why: None, rules: Vec::new(), delivered: true, output: None, errors: Vec::new() };
    if let Some(filter) = rules.filter() {
        let decision = filter.judge(&view, &payload);
        result.matched = decision.matched;
        result.why = Some(decision.why(&view, &payload));
        result.rules = filter.each_rule(&view, &payload);
    }
    let (invalid, is_rejected) = match rules.hold_against_schema(&payload) {
        Verdict::Rejected(errors) => (errors, true),
        Verdict::Through(errors) => (errors, false),
        Verdict::NotMatched(_) => (Vec::new(), false),
    };
    result.delivered = result.matched && !is_rejected;
    result.errors = invalid
        .into_iter()
        .map(|error| TestError {
            part: TestPart::Schema,
            message: error.message,
            code: None,
            position: None,
            pointer: Some(error.pointer),
        })
        .collect();
    let input = view.input(project, None, now);
    (result, Input { payload: payload.into_json(), ..input })
}

/// The same with what the transform makes of it, whether or not it would come so far.
async fn transformed(rules: &Rules, mut result: TestResult, input: Input) -> TestResult {
    let Some(transform) = rules.transform() else {
        result.output = input.payload;
        return result;
    };
    let failed =
        |message, code, position| TestError { part: TestPart::Transform, message, code, position, pointer: None };
    match transform.evaluate(&Arc::new(input)).await {
        Ok(Some(output)) => result.output = Some(output),
        Ok(None) => {
            result.delivered = false;
            result.errors.push(failed(NO_RESULT.to_owned(), None, None));
        }
        Err(error) => {
            result.delivered = false;
            result.errors.push(failed(error.message, Some(error.code), error.position));
        }
    }
    result
}
