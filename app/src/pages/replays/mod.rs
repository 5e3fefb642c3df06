//! Replays: stored events sent again.

mod detail;
mod list;
mod new;

use domain::replay::Replay;
use leptos::prelude::*;

pub use self::{detail::ReplayPage, list::ReplaysPage, new::NewReplayPage};
use super::project::Project;
use crate::{api::replays::ReplayForm, components::*};

/// The link to the form, filled in with what is looked at, for those who may start a replay.
#[component]
pub fn ReplayLink(
    project: Project,
    /// The id of a source or a connection; empty for everything.
    #[prop(optional, into)]
    through: String,
    /// The word of a range of time.
    #[prop(optional, into)]
    range: String,
) -> impl IntoView {
    let may_write = project.may_write();
    let href = Signal::stored(ReplayForm { through, range, ..ReplayForm::default() }.address(project.id()));
    move || may_write.then(|| view! { <ButtonLink href=href.get() icon=Icon::RotateCcw>"Replay…"</ButtonLink> })
}

/// How far a replay is, in words beside the bar.
fn progress_words(replay: &Replay) -> String {
    let looked = super::counted(replay.counts.events, "event");
    match replay.total_events {
        Some(total) if !replay.status.is_final() => {
            format!("{} of {looked_of}", count(replay.counts.events), looked_of = super::counted(total, "event"))
        }
        _ => looked,
    }
}
