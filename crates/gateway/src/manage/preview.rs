//! What rules would have made of the last events of a source.
//!
//! Events are read by their index, a few at a time, while those before them are judged. It ends when its time is over or
//! nobody waits for it any more.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use domain::{
    connection::RulesInput,
    filter::same,
    id::{EnvId, EventId, SourceId},
    permission::Permission,
    rehearsal::{Preview, PreviewCounts, PreviewInput, PreviewLine, PreviewVerdict},
    time::Timestamp,
};
use serde_json::Value;
use store::{Content, quota::Quota};

use super::{
    Access, Error, Result,
    rehearsal::{MAX_BODY, compiled},
};
use crate::{
    Gateway, clock,
    event_view::{EventView, Payload},
    rules::{NO_RESULT, Rules, Verdict},
    transform::{Ended, Stop},
};

/// Events that are read and judged together.
const BATCH: u32 = 100;
/// How long it takes at most.
const TIME: Duration = Duration::from_secs(5);
/// Previews at once; a project has one.
static TURNS: LazyLock<Arc<Quota>> = LazyLock::new(|| Quota::new(2));

/// What events are held against.
struct Held {
    rules: Rules,
    compared: Option<Rules>,
    project: EnvId,
    now: Timestamp,
    until: Instant,
    ended: Ended,
}

/// What rules make of one event.
struct Outcome {
    verdict: PreviewVerdict,
    reason: Option<String>,
    schema_invalid: bool,
    /// What would be sent, where that is not what came.
    output: Option<Value>,
}

impl Gateway {
    /// What rules would have made of the last events of a source. Events with very large bodies are passed over, as are
    /// duplicates.
    pub async fn preview_connection(&self, access: &Access, input: PreviewInput) -> Result<Preview> {
        access.require(Permission::Read)?;
        let limit = input.limit.unwrap_or(PreviewInput::DEFAULT_LIMIT);
        if !(1..=PreviewInput::MAX_LIMIT).contains(&limit) {
            return Err(Error::invalid("limit", "must be 1 to 1000"));
        }
        let (source, compared) = self.previewed(access, &input).await?;
        let PreviewInput { filter, transform, schema, schema_action, .. } = input;
        let rules = compiled(RulesInput { filter, transform, schema, schema_action })?;
        let _turn = TURNS.acquire(access.env_id(), 1).await;
        let stop = Stop::default();
        let held = Arc::new(Held {
            rules,
            compared,
            project: access.env_id(),
            now: clock::now(),
            until: Instant::now() + TIME,
            ended: stop.ended(),
        });
        let mut preview = Preview { counts: PreviewCounts::default(), events: Vec::new(), is_complete: true };
        let mut left = limit;
        let mut batch = read(access, source, None, left).await?;
        while !batch.is_empty() {
            let is_last = batch.len() < left.min(BATCH) as usize;
            left -= left.min(BATCH);
            let before = batch.last().map(|(id, _)| *id);
            let wanted = batch.len();
            let judging = Arc::clone(&held);
            let judged = tokio::task::spawn_blocking(move || judging.judge_all(&batch));
            let following =
                async { if is_last || left == 0 { Ok(Vec::new()) } else { read(access, source, before, left).await } };
            let (judged, following) = tokio::join!(judged, following);
            let judged = judged.map_err(|_| Error::Internal)?;
            let is_whole = judged.len() == wanted;
            for (line, is_changed) in judged {
                preview.counts.add(&line, is_changed);
                preview.events.push(line);
            }
            batch = following?;
            if !is_whole || (Instant::now() >= held.until && !batch.is_empty()) {
                preview.is_complete = false;
                break;
            }
        }
        drop(stop);
        Ok(preview)
    }

    /// The source whose events are looked at, and the rules to compare with.
    async fn previewed(&self, access: &Access, input: &PreviewInput) -> Result<(SourceId, Option<Rules>)> {
        let connection = match input.connection_id {
            None => None,
            Some(id) => {
                let found = access.rows.connection(id).await?;
                Some(found.ok_or_else(|| Error::invalid("connection_id", "must be a connection of this project"))?)
            }
        };
        let source = match (input.source_id, &connection) {
            (Some(source), Some(connection)) if source != connection.source_id => {
                return Err(Error::invalid("source_id", "must be the source of the connection, or left out"));
            }
            (Some(source), _) => source,
            (None, Some(connection)) => connection.source_id,
            (None, None) => return Err(Error::invalid("source_id", "must be given, or a connection_id")),
        };
        if access.rows.source(source).await?.is_none() {
            return Err(Error::invalid("source_id", "must be a source of this project"));
        }
        Ok((source, connection.map(|connection| Rules::of_stored(&connection.rules))))
    }
}

async fn read(
    access: &Access,
    source: SourceId,
    before: Option<EventId>,
    left: u32,
) -> Result<Vec<(EventId, Content)>> {
    Ok(access.rows.last_contents(source, None, before, MAX_BODY, left.min(BATCH)).await?)
}

impl Held {
    /// With whether something else would have become of it. As many as there is time for.
    fn judge_all(&self, contents: &[(EventId, Content)]) -> Vec<(PreviewLine, bool)> {
        let in_time = |_: &&(EventId, Content)| !self.ended.is_so() && Instant::now() < self.until;
        contents.iter().take_while(in_time).map(|(id, content)| self.judge(*id, content)).collect()
    }

    fn judge(&self, id: EventId, content: &Content) -> (PreviewLine, bool) {
        let view = EventView::of_content(id, content);
        let payload = Payload::of_body(&content.headers, &content.body);
        let outcome = self.outcome(&self.rules, &view, &payload);
        let compared = self.compared.as_ref().map(|rules| self.outcome(rules, &view, &payload));
        let came = payload.json().ok();
        let sent = |outcome: &Outcome| outcome.output.as_ref().or(came).cloned();
        let output_differs = outcome.verdict == PreviewVerdict::Matched
            && match &compared {
                Some(was) => was.verdict == PreviewVerdict::Matched && !is_same(sent(&outcome), sent(was)),
                None => outcome.output.is_some() && !is_same(sent(&outcome), came.cloned()),
            };
        let was = compared.map(|was| was.verdict);
        let is_changed = output_differs || was.is_some_and(|was| was != outcome.verdict);
        let line = PreviewLine {
            event_id: id,
            received_at: view.received_at,
            event_type: content.event_type.clone(),
            verdict: outcome.verdict,
            reason: outcome.reason,
            schema_invalid: outcome.schema_invalid,
            was,
            output_differs,
        };
        (line, is_changed)
    }

    fn outcome(&self, rules: &Rules, view: &EventView<'_>, payload: &Payload) -> Outcome {
        let ended = |verdict, reason: String, schema_invalid| Outcome {
            verdict,
            reason: Some(reason),
            schema_invalid,
            output: None,
        };
        let errors = match rules.judge(view, payload) {
            Verdict::Through(errors) => errors,
            Verdict::NotMatched(decision) => {
                return ended(PreviewVerdict::NotMatched, decision.why(view, payload).sentence(), false);
            }
            Verdict::Rejected(errors) => {
                let first = errors.first().map(ToString::to_string).unwrap_or_default();
                return ended(PreviewVerdict::SchemaRejected, first, true);
            }
        };
        let schema_invalid = !errors.is_empty();
        if let Some(broken) = rules.broken() {
            return ended(PreviewVerdict::Failed, broken.to_string(), schema_invalid);
        }
        let warning = errors.first().map(ToString::to_string);
        let Some(transform) = rules.transform() else {
            return Outcome { verdict: PreviewVerdict::Matched, reason: warning, schema_invalid, output: None };
        };
        let input = view.input(self.project, payload.json().ok().cloned(), self.now);
        match transform.evaluate_here(&input, &self.ended) {
            Ok(Some(output)) => {
                Outcome { verdict: PreviewVerdict::Matched, reason: warning, schema_invalid, output: Some(output) }
            }
            Ok(None) => ended(PreviewVerdict::Failed, NO_RESULT.to_owned(), schema_invalid),
            Err(error) => ended(PreviewVerdict::Failed, error.to_string(), schema_invalid),
        }
    }
}

fn is_same(one: Option<Value>, other: Option<Value>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same(&one, &other),
        (one, other) => one.is_none() && other.is_none(),
    }
}
