//! The pane at the right: the one event, what the rules make of it, and the event before and after.

use leptos::prelude::*;

use super::{
    bench::{Bench, Subject},
    hindsight::Hindsight,
    subject::{ChooseSubject, NothingYet},
    verdict::{Verdicts, state},
};
use crate::{
    api::{events::Body, names::Names},
    components::*,
};

#[component]
pub fn TryIt(names: StoredValue<Names>) -> impl IntoView {
    let bench: Bench = expect_context();
    let has_subject = Memo::new(move |_| bench.event.with(Option::is_some) || bench.subject.get() == Subject::Written);
    let has_events = Memo::new(move |_| bench.recent.data().with(|page| !page.data.is_empty()));
    let state = state(bench);
    let actions = move || {
        view! {
            <span class="trial-state" role="status" data-tone=move || state.get().0.as_str()>
                {move || state.get().1}
            </span>
        }
    };
    view! {
        <aside class="tryit needs-script" aria-label="Try it">
            <Card title="Try it" actions=actions flush=true>
                {move || {
                    if has_subject.get() {
                        view! {
                            <div class="trial" data-open=move || bench.trial.is_open().then_some("true")>
                                <ChooseSubject/>
                                <Verdicts names=names/>
                                <BeforeAfter/>
                            </div>
                        }
                            .into_any()
                    } else {
                        view! { <NothingYet/> }.into_any()
                    }
                }}
            </Card>
            {move || has_events.get().then(|| view! { <Hindsight/> })}
        </aside>
        <p class="without-script muted">"Trying rules on events while you write them needs JavaScript."</p>
    }
    .into_any()
}

/// The payload and what is sent of it.
#[component]
fn BeforeAfter() -> impl IntoView {
    let bench: Bench = expect_context();
    let view = RwSignal::new("changes".to_owned());
    let before = Memo::new(move |_| bench.before());
    let trial = bench.trial_now();
    let after = Memo::new(move |_| trial.with(|trial| trial.as_ref().and_then(|trial| trial.output.clone())));
    let failed = Memo::new(move |_| trial.with(|trial| trial.as_ref().is_some_and(|trial| trial.failure().is_some())));
    let has_transform = Memo::new(move |_| bench.transform.with(|text| !text.trim().is_empty()));
    let shown = move || {
        let Some(before) = before.get() else { return ().into_any() };
        let (text, is_json) = match before {
            Before::Json(text) => (text, true),
            Before::Text(text) => (text, false),
            Before::Nothing(words) => return view! { <p class="trial-note">{words}</p> }.into_any(),
        };
        if failed.get() || !has_transform.get() || view.get() == "before" {
            return payload(text, is_json);
        }
        let Some(after) = after.get() else { return payload(text, is_json) };
        let note = after.cut.then(|| view! { <p class="trial-note">"The first 256 KiB of the result are shown."</p> });
        let body = if view.get() == "after" {
            view! { <JsonView source=after.text/> }.into_any()
        } else {
            view! { <DiffView before=text after=after.text/> }.into_any()
        };
        view! {
            {note}
            {body}
        }
        .into_any()
    };
    let head = move || {
        (has_transform.get() && !failed.get()).then(|| {
            view! {
                <Segmented
                    label="What is shown"
                    options=vec![
                        Choice::new("changes", "Before and after"),
                        Choice::new("after", "After"),
                        Choice::new("before", "Before"),
                    ]
                    bind=view
                />
            }
        })
    };
    view! {
        <div class="before-after">
            <div class="before-after-head">
                <h3>{move || if has_transform.get() && !failed.get() { "Payload, transformed" } else { "Payload, as it came" }}</h3>
                {head}
            </div>
            {shown}
        </div>
    }
    .into_any()
}

fn payload(text: String, is_json: bool) -> AnyView {
    if is_json {
        view! { <JsonView source=text/> }.into_any()
    } else {
        view! { <CodeBlock code=text bounded=true wrap=true/> }.into_any()
    }
}

/// The payload before anything is done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    Json(String),
    Text(String),
    Nothing(&'static str),
}

impl Bench {
    /// The body of the stored event, where it is text.
    pub fn content_text(self) -> Option<String> {
        match self.before_stored_untracked()? {
            Before::Json(text) | Before::Text(text) => Some(text),
            Before::Nothing(_) => None,
        }
    }

    fn before_stored_untracked(self) -> Option<Before> {
        untrack(|| self.before_stored())
    }

    fn before(self) -> Option<Before> {
        if self.subject.get() == Subject::Written {
            let text = self.body.get();
            return Some(match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(_) => Before::Json(text),
                Err(_) => Before::Nothing("The body is not JSON yet."),
            });
        }
        self.before_stored()
    }

    fn before_stored(self) -> Option<Before> {
        let answer = self.content.last.get();
        let (asked, answer) = answer?;
        let content = answer.ok()?;
        let is_asked =
            self.subject.get() == Subject::Written || self.event.with(|event| event.as_ref() == Some(&asked));
        if !is_asked {
            return None;
        }
        Some(match content.decoded.unwrap_or(content.body) {
            Body::Empty => Before::Nothing("The body is empty."),
            Body::Text { text, is_json: true, .. } => Before::Json(text),
            Body::Text { text, .. } => Before::Text(text),
            Body::Binary { .. } => Before::Nothing("The body is not text. Without a transform it is sent as it came."),
        })
    }
}
