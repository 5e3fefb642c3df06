//! Replays: stored events sent again.

use std::time::{Duration, Instant};

use domain::{
    audit::{Action, Changes, Target},
    field::FieldErrors,
    id::{EventId, ReplayId},
    page::{Page, PageRequest},
    permission::Permission,
    replay::{DryRun, MAX_UNFINISHED, Replay, ReplayCounts, ReplayInput, ReplaySpec, ReplayStatus},
};
use serde_json::json;
use store::replays::COUNTED_EVENTS;

use super::{Access, Error, Result, audit::Note};
use crate::{
    Gateway, clock,
    pipeline::replay::{Course, Reached, counts_of},
};

/// Events that a dry run looks at, at most, and for how long.
const DRY_RUN_EVENTS: u64 = 20_000;
const DRY_RUN_TIME: Duration = Duration::from_secs(2);
/// Events that it looks at at once.
const DRY_RUN_STEP: u32 = 256;

impl Gateway {
    /// Newest first.
    pub async fn replays(&self, access: &Access, page: PageRequest) -> Result<Page<Replay>> {
        access.require(Permission::Read)?;
        Ok(access.rows.replays(page).await?)
    }

    /// A replay, with what became of its deliveries.
    pub async fn replay(&self, access: &Access, id: ReplayId) -> Result<Replay> {
        access.require(Permission::Read)?;
        let found = access.rows.replay(id).await?.ok_or(Error::NotFound)?;
        let outcome = Some(access.rows.replay_outcome(id).await?);
        Ok(Replay { outcome, ..found.replay })
    }

    /// What a replay would do. Looks at the first events of its range only when there are many.
    pub async fn dry_run_replay(&self, access: &Access, input: ReplayInput) -> Result<DryRun> {
        access.require(Permission::Write)?;
        let (spec, course) = self.course(access, input).await?;
        let begun = Instant::now();
        let snapshot = self.inner.registry.snapshot();
        let (mut counts, mut reached, mut is_complete) = (ReplayCounts::default(), Reached::default(), false);
        while !is_complete && counts.events < DRY_RUN_EVENTS && begun.elapsed() < DRY_RUN_TIME {
            let looked = course.look(&access.rows, &snapshot, reached, DRY_RUN_STEP).await?;
            let open = access.rows.still_open(&looked.planned).await?;
            let is_open =
                |planned: &&store::replays::PlannedReplay| open.contains(&(planned.event_id, planned.connection_id));
            let still_open = looked.planned.iter().filter(is_open).count();
            counts = counts.plus(counts_of(&looked, u64::try_from(still_open).unwrap_or(u64::MAX)));
            reached = Reached { last: looked.last.or(reached.last), matched: counts.matched };
            is_complete = looked.is_end;
        }
        let total_events = if is_complete { None } else { self.count_events(access, &course).await? };
        Ok(DryRun {
            dry_run: true,
            from: spec.from,
            to: spec.to,
            counts,
            is_complete,
            counted_until: reached.last.filter(|_| !is_complete).map(EventId::made_at),
            total_events,
        })
    }

    pub async fn create_replay(&self, access: &Access, input: ReplayInput) -> Result<Replay> {
        access.require(Permission::Write)?;
        let (spec, course) = self.course(access, input).await?;
        if access.rows.unfinished_replays().await? >= MAX_UNFINISHED {
            return Err(Error::Conflict(format!(
                "{MAX_UNFINISHED} replays of this project are not yet finished; wait for one, or cancel one"
            )));
        }
        let total = self.count_events(access, &course).await?;
        let now = clock::now();
        let id = ReplayId::new(now, clock::id_bits());
        access.rows.insert_replay(id, &spec, total, now).await?;
        let changes = Changes::to(json!({
            "source_id": spec.source_id,
            "connection_id": spec.connection_id,
            "from": spec.from,
            "to": spec.to,
            "total_events": total,
        }));
        self.note(access, Note::new(Action::ReplayCreate, replay_target(id), changes)).await;
        self.replay(access, id).await
    }

    /// Keeps a replay from going on.
    pub async fn pause_replay(&self, access: &Access, id: ReplayId) -> Result<Replay> {
        let from = [ReplayStatus::Pending, ReplayStatus::Running];
        self.move_replay(access, id, &from, ReplayStatus::Paused, "only a replay that is running can be paused").await
    }

    /// Lets a paused replay go on.
    pub async fn resume_replay(&self, access: &Access, id: ReplayId) -> Result<Replay> {
        let why_not = "only a paused replay can be resumed";
        self.move_replay(access, id, &[ReplayStatus::Paused], ReplayStatus::Running, why_not).await
    }

    /// Ends a replay, and withdraws what it has queued and nobody has begun to send.
    pub async fn cancel_replay(&self, access: &Access, id: ReplayId) -> Result<Replay> {
        let from = [ReplayStatus::Pending, ReplayStatus::Running, ReplayStatus::Paused];
        self.move_replay(access, id, &from, ReplayStatus::Cancelled, "the replay has ended already").await
    }

    async fn move_replay(
        &self,
        access: &Access,
        id: ReplayId,
        from: &[ReplayStatus],
        to: ReplayStatus,
        why_not: &str,
    ) -> Result<Replay> {
        access.require(Permission::Write)?;
        if !access.rows.move_replay(id, from, to, clock::now()).await? {
            self.replay(access, id).await?;
            return Err(Error::Conflict(why_not.to_owned()));
        }
        let action = match to {
            ReplayStatus::Paused => Action::ReplayPause,
            ReplayStatus::Cancelled => Action::ReplayCancel,
            _ => Action::ReplayResume,
        };
        self.note(access, Note::of(action, replay_target(id))).await;
        self.replay(access, id).await
    }

    /// Reads what is asked for, and finds its way.
    async fn course(&self, access: &Access, input: ReplayInput) -> Result<(ReplaySpec, Course)> {
        let spec = input.parse(clock::now())?;
        let mut errors = FieldErrors::default();
        let mut source = spec.source_id;
        if let Some(id) = spec.connection_id {
            match access.rows.connection(id).await? {
                None => errors.push("connection_id", "must be a connection of this project"),
                Some(connection) if source.is_some_and(|source| source != connection.source_id) => {
                    errors.push("source_id", "is not the source of the connection; leave it out");
                }
                Some(connection) => source = Some(connection.source_id),
            }
        } else if let Some(id) = spec.source_id
            && access.rows.source(id).await?.is_none()
        {
            errors.push("source_id", "must be a source of this project");
        }
        errors.into_result()?;
        self.inner.registry.refresh().await?;
        let course = Course::new(&spec, source)?;
        Ok((spec, course))
    }

    /// How many events the range holds, unless there are more than are counted.
    async fn count_events(&self, access: &Access, course: &Course) -> Result<Option<u64>> {
        let (from, before) = course.range();
        let counted = access.rows.count_events(course.source(), from, before).await?;
        Ok((counted <= u64::from(COUNTED_EVENTS)).then_some(counted))
    }
}

/// A replay has no name of its own.
fn replay_target(id: ReplayId) -> Target {
    Target::new("replay", id, &id.to_string())
}
