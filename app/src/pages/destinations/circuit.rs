//! Where a destination's circuit stands, kept true while it is looked at, and the button that closes it.

use domain::circuit::{CircuitBreaker, CircuitState, CircuitStatus};
use leptos::prelude::*;

use super::wait_words;
use crate::{
    api::destinations::{ResetCircuit, destination_circuit},
    components::*,
    pages::{
        forms::{Hidden, Outcome, use_action},
        live::{use_changes, use_fresh},
        project::use_project,
    },
};

#[component]
pub fn CircuitCard(destination: String, breaker: CircuitBreaker, circuit: CircuitStatus) -> impl IntoView {
    let project = use_project();
    let may_write = project.may_write();
    let id = Signal::stored(destination.clone());
    let reset = use_action::<ResetCircuit>();
    let fresh = use_fresh(circuit, move || destination_circuit(project.id(), destination.clone()));
    let changes = use_changes(|| true);
    fresh.when(move || changes.get());
    fresh.after(reset);
    let data = fresh.data();
    let status = Signal::derive(move || match data.with(|it| it.state) {
        CircuitState::Closed => Status::BreakerClosed,
        CircuitState::Open => Status::BreakerOpen,
        CircuitState::HalfOpen => Status::BreakerHalfOpen,
    });
    let is_reset = Memo::new(move |_| data.with(|it| it.state == CircuitState::Closed && it.failure_count == 0));
    let button = move || {
        move || {
            (may_write && !is_reset.get()).then(|| {
                view! {
                    <ActionForm action=reset>
                        <Hidden name="env" value=project.id()/>
                        <Hidden name="destination" value=id/>
                        <Button submit=true size=ButtonSize::Small pending=reset.pending()>"Reset circuit"</Button>
                    </ActionForm>
                }
            })
        }
    };
    let settings = format!(
        "Opens after {} in a row, and tries again after {}",
        if breaker.failure_threshold == 1 {
            "a failure".to_owned()
        } else {
            format!("{} failures", breaker.failure_threshold)
        },
        wait_words(breaker.reset_seconds),
    );
    view! {
        <Card title="Circuit breaker" actions=button>
            <Outcome action=reset done="Circuit closed"/>
            <Facts>
                <Fact label="State"><StatusBadge status=status/></Fact>
                <Fact label="Failures in a row">{move || data.with(|it| it.failure_count)}</Fact>
                <Fact label="Last change">
                    {move || match data.with(|it| it.changed_at) {
                        Some(at) => view! { <RelativeTime at=at/> }.into_any(),
                        None => view! { <span class="muted">"never"</span> }.into_any(),
                    }}
                </Fact>
                <Fact label="Next try">
                    {move || match data.with(|it| (it.state, it.retry_at)) {
                        (CircuitState::Open, Some(at)) => {
                            view! { "one delivery " <RelativeTime at=at/> ", all others wait" }.into_any()
                        }
                        (CircuitState::HalfOpen, _) => view! { "one delivery is being tried" }.into_any(),
                        _ => view! { <span class="muted">"–"</span> }.into_any(),
                    }}
                </Fact>
                <Fact label="Settings">{settings}</Fact>
            </Facts>
        </Card>
    }
    .into_any()
}
