//! The fields that say when a destination is spared: its circuit breaker, its limits, its order.

use domain::{
    circuit::CircuitBreaker,
    ordering::{Ordering, OrderingMode},
    rate_limit::{Per, RateLimit},
};
use leptos::prelude::*;

use crate::{components::*, pages::forms::TypedBefore};

#[component]
pub fn BreakerFields(former: CircuitBreaker, typed: TypedBefore) -> impl IntoView {
    let cards = vec![
        RadioCard::new("on", "On").text("Deliveries wait while the receiver is down, and lose no attempts."),
        RadioCard::new("off", "Off").text("Every delivery is tried, whatever became of those before it."),
    ];
    let word = if former.enabled { "on" } else { "off" };
    let threshold = typed.number("circuit_breaker.failure_threshold", former.failure_threshold.to_string());
    let reset = typed.number("circuit_breaker.reset_seconds", former.reset_seconds.to_string());
    let (most, longest) = (CircuitBreaker::MAX_THRESHOLD.into(), CircuitBreaker::MAX_RESET_SECONDS.into());
    view! {
        <FormSection
            title="Circuit breaker"
            text="A receiver that fails again and again is left alone for a while. Then one delivery is tried, and when it succeeds all others follow."
        >
            <RadioCards
                name="circuit_breaker.enabled"
                label="Circuit breaker"
                options=cards
                value=typed.text("circuit_breaker.enabled", word)
            />
            <div data-when="breaker">
                <FieldRow>
                    <Field name="circuit_breaker.failure_threshold" label="Opens after" help="Failures in a row. 1 to 1000.">
                        <NumberInput value=threshold min=1 max=most unit="failures"/>
                    </Field>
                    <Field name="circuit_breaker.reset_seconds" label="Tries again after" help="1 to 86400.">
                        <NumberInput value=reset min=1 max=longest unit="seconds"/>
                    </Field>
                </FieldRow>
            </div>
        </FormSection>
    }
    .into_any()
}

#[component]
pub fn LimitFields(former: Option<RateLimit>, typed: TypedBefore) -> impl IntoView {
    let text = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let limit = typed.number("rate_limit.limit", text(former.and_then(|it| it.limit)));
    let in_flight = typed.number("rate_limit.max_in_flight", text(former.and_then(|it| it.max_in_flight)));
    let per = former.and_then(|it| it.per).unwrap_or(Per::Second);
    let units: Vec<_> = Per::ALL.iter().map(|per| Choice::new(per.as_str(), format!("per {}", per.as_str()))).collect();
    let (most, most_in_flight) = (RateLimit::MAX_LIMIT.into(), RateLimit::MAX_IN_FLIGHT.into());
    view! {
        <FormSection title="Limits" text="What goes beyond them waits, and that is no failure. Empty means no limit.">
            <FieldRow>
                <Field name="rate_limit.limit" label="Deliveries" help="Retries count as well." optional_mark=true>
                    <NumberInput value=limit min=1 max=most/>
                </Field>
                <Field name="rate_limit.per" label="In each">
                    <Select options=units value=typed.text("rate_limit.per", per.as_str())/>
                </Field>
                <Field name="rate_limit.max_in_flight" label="At once" help="From all processes together." optional_mark=true>
                    <NumberInput value=in_flight min=1 max=most_in_flight/>
                </Field>
            </FieldRow>
        </FormSection>
    }
    .into_any()
}

#[component]
pub fn OrderFields(former: Ordering, typed: TypedBefore) -> impl IntoView {
    let cards = vec![
        RadioCard::new("parallel", "Parallel").text("Deliveries do not wait for one another."),
        RadioCard::new("ordered", "Ordered")
            .text("The next event is not sent before the one ahead is delivered or dead-lettered."),
    ];
    let mode = if former.mode == OrderingMode::Ordered { "ordered" } else { "parallel" };
    view! {
        <FormSection title="Order" text="Whether events arrive in the order in which they came.">
            <RadioCards name="ordering.mode" label="Order" options=cards value=typed.text("ordering.mode", mode)/>
            <div data-when="ordered">
                <Field
                    name="ordering.key"
                    label="Key"
                    help="Only events that have the same there wait for one another. Empty: all of this destination."
                    optional_mark=true
                >
                    <TextInput
                        mono=true
                        value=typed.text("ordering.key", former.key.unwrap_or_default())
                        placeholder="payload.customer"
                    />
                </Field>
            </div>
        </FormSection>
    }
    .into_any()
}
