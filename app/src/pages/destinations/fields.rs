//! The fields of a destination, the same for a new one and for a change.
//!
//! Which of them show follows from what is chosen, in the style sheet: it has to work without JavaScript.

use domain::{
    destination::{
        Auth, AuthType, DEFAULT_TIMEOUT_MS, Destination, DestinationType, HmacAlgorithm, Signing, SigningScheme,
    },
    field::FieldErrors,
    retry::{RetryInput, RetryPolicy, RetryStrategy, parse_waits},
};
use leptos::prelude::*;
use serde_json::Value;

use super::{
    gate_fields::{BreakerFields, LimitFields, OrderFields},
    schedule_words,
    setting_fields::SettingFields,
};
use crate::{
    components::*,
    pages::forms::{Hidden, SecretsFields, TypedBefore},
};

#[component]
pub fn DestinationFields(
    kind: DestinationType,
    /// As it is now, when it is changed.
    #[prop(optional)]
    former: Option<Destination>,
    typed: TypedBefore,
) -> impl IntoView {
    let is_http = kind == DestinationType::Http;
    let signing = former.as_ref().map(|it| it.signing.clone());
    let (auth, retry) = former.as_ref().map(|it| (it.auth.clone(), it.retry.clone())).unwrap_or_default();
    let breaker = former.as_ref().map(|it| it.circuit_breaker).unwrap_or_default();
    let limit = former.as_ref().and_then(|it| it.rate_limit);
    let ordering = former.as_ref().map(|it| it.ordering.clone()).unwrap_or_default();
    let (name, settings, timeout, headers) = former.map_or_else(
        || (String::new(), Value::Null, DEFAULT_TIMEOUT_MS, String::new()),
        |it| (it.name, it.config.settings(), it.timeout_ms, header_lines(&it.headers)),
    );
    view! {
        <Hidden name="type" value=kind.as_str().to_owned()/>
        <FormSection title=kind.label() text=kind.summary()>
            <Field name="name" label="Name" required=true>
                <TextInput value=typed.text("name", name) placeholder="orders-service"/>
            </Field>
            <SettingFields path="config" settings=kind.settings() former=settings asks=true typed=typed/>
            <Field name="timeout_ms" label="Timeout" help="From 100 to 120000.">
                <NumberInput value=typed.number("timeout_ms", timeout.to_string()) min=100 max=120_000 unit="ms"/>
            </Field>
            {is_http
                .then(|| {
                    view! {
                        <Field name="headers" label="Headers" help="One a line, sent with every delivery. The event's content type is sent anyway." optional_mark=true>
                            <TextArea mono=true rows=3 value=typed.text("headers", headers) placeholder="X-Team: billing"/>
                        </Field>
                    }
                })}
        </FormSection>
        {is_http.then(|| view! { <AuthFields former=auth typed=typed/> })}
        <RetryFields former=retry typed=typed/>
        <BreakerFields former=breaker typed=typed/>
        <LimitFields former=limit typed=typed/>
        <OrderFields former=ordering typed=typed/>
        {is_http.then(|| view! { <SigningFields former=signing typed=typed/> })}
    }
    .into_any()
}

#[component]
fn AuthFields(former: Auth, typed: TypedBefore) -> impl IntoView {
    let cards = AuthType::ALL.iter().map(|kind| RadioCard::new(kind.as_str(), kind.label())).collect::<Vec<_>>();
    let chosen = former.kind();
    let settings = serde_json::to_value(&former).unwrap_or_default();
    let kinds: Vec<_> = AuthType::ALL
        .into_iter()
        .filter(|kind| !kind.settings().is_empty())
        .map(|kind| {
            let former = if kind == chosen { settings.clone() } else { Value::Null };
            view! {
                <div class="stack" data-when=format!("auth-{}", kind.as_str())>
                    <SettingFields path="auth" settings=kind.settings() former=former asks=false typed=typed/>
                </div>
            }
        })
        .collect();
    view! {
        <FormSection title="Authentication" text="What the receiver asks for before it looks at the event.">
            <RadioCards
                name="auth.type"
                label="Kind"
                options=cards
                value=typed.text("auth.type", chosen.as_str())
                compact=true
            />
            {kinds}
        </FormSection>
    }
    .into_any()
}

const STRATEGIES: [(RetryStrategy, &str, &str); 4] = [
    (RetryStrategy::Schedule, "schedule", "Schedule: after the waits listed"),
    (RetryStrategy::Exponential, "exponential", "Exponential: each wait twice as long"),
    (RetryStrategy::Linear, "linear", "Linear: each wait longer by the first"),
    (RetryStrategy::Fixed, "fixed", "Fixed: always the same wait"),
];

#[component]
fn RetryFields(former: RetryPolicy, typed: TypedBefore) -> impl IntoView {
    let strategy = STRATEGIES.iter().find(|(it, ..)| *it == former.strategy).map_or("schedule", |(_, word, _)| word);
    let options: Vec<_> = STRATEGIES.iter().map(|(_, word, label)| Choice::new(*word, *label)).collect();
    let schedule = match former.strategy {
        RetryStrategy::Schedule => schedule_words(&former),
        _ => schedule_words(&RetryPolicy::default()),
    };
    let base = former.base_seconds.unwrap_or(30).to_string();
    let jitter = former.jitter;
    let strategy = RwSignal::new(typed.text("retry.strategy", strategy));
    let schedule = RwSignal::new(typed.text("retry.intervals_seconds", schedule));
    let base = RwSignal::new(typed.text("retry.base_seconds", base));
    let attempts = RwSignal::new(typed.text("retry.max_attempts", former.max_attempts.to_string()));
    let plan = Signal::derive(move || {
        strategy.with(|strategy| {
            schedule
                .with(|schedule| base.with(|base| attempts.with(|it| policy_of(strategy, schedule, base, it, jitter))))
        })
    });
    let text = format!(
        "A delivery that fails is tried again. Each wait varies by {:.0} %, so that a receiver that comes back is not run over.",
        jitter * 100.0
    );
    let give_up = former.give_up_on.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    view! {
        <FormSection title="Retries" text=text>
            <Field name="retry.strategy" label="Strategy">
                <Select options=options bind=strategy/>
            </Field>
            <div data-when="retry-schedule">
                <Field name="retry.intervals_seconds" label="Waits" help="Before the second, third, … attempt. The last one repeats.">
                    <TextInput mono=true bind=schedule/>
                </Field>
            </div>
            <div data-when="retry-base">
                <Field name="retry.base_seconds" label="First wait">
                    <NumberInput bind=base min=1 max=604_800 unit="seconds"/>
                </Field>
            </div>
            <FieldRow>
                <Field name="retry.max_attempts" label="Attempts" help="Every try counts, the first included. 1 to 50.">
                    <NumberInput bind=attempts min=1 max=50/>
                </Field>
                <Field name="retry.give_up_on" label="Give up on" help="Statuses after which there is no retry.">
                    <TextInput mono=true value=typed.text("retry.give_up_on", give_up)/>
                </Field>
            </FieldRow>
            <RetryPlan policy=plan/>
        </FormSection>
    }
    .into_any()
}

/// What the fields say by now; `None` where that is not valid.
fn policy_of(strategy: &str, schedule: &str, base: &str, attempts: &str, jitter: f64) -> Option<RetryPolicy> {
    let strategy = STRATEGIES.iter().find(|(_, word, _)| *word == strategy)?.0;
    let is_schedule = strategy == RetryStrategy::Schedule;
    let input = RetryInput {
        strategy: Some(strategy),
        intervals_seconds: if is_schedule { Some(parse_waits(schedule).ok()?) } else { None },
        base_seconds: if is_schedule { None } else { Some(base.trim().parse().ok()?) },
        max_attempts: Some(attempts.trim().parse().ok()?),
        jitter: Some(jitter),
        give_up_on: None,
    };
    let mut errors = FieldErrors::default();
    let policy = input.parse(&mut errors);
    errors.is_empty().then_some(policy)
}

#[component]
fn SigningFields(former: Option<Signing>, typed: TypedBefore) -> impl IntoView {
    let cards = vec![
        RadioCard::new("standard_webhooks", "Standard Webhooks").text(
            "webhook-id, webhook-timestamp and webhook-signature, for which there are libraries in most languages.",
        ),
        RadioCard::new("hmac", "HMAC").text("Of the body, in hexadecimal digits, in a header of your choice."),
        RadioCard::new("none", "None").text("The receiver cannot tell who sent a request."),
    ];
    let is_new = former.is_none();
    let signing = former.unwrap_or(Signing {
        scheme: SigningScheme::StandardWebhooks,
        secrets: vec![],
        header: None,
        prefix: None,
        algorithm: None,
    });
    let scheme = match signing.scheme {
        SigningScheme::StandardWebhooks => "standard_webhooks",
        SigningScheme::Hmac => "hmac",
        SigningScheme::None => "none",
    };
    let help = if is_new {
        "Leave it empty to have one made, which is shown once. For Standard Webhooks your own begins with whsec_, followed by 24 to 64 bytes in base64."
    } else {
        "For Standard Webhooks it begins with whsec_, followed by 24 to 64 bytes in base64. While there are several, each request is signed with all of them."
    };
    let algorithms: Vec<_> = HmacAlgorithm::ALL.iter().map(|it| Choice::new(it.as_str(), it.as_str())).collect();
    let algorithm = signing.algorithm.unwrap_or_default().as_str();
    view! {
        <FormSection title="Signature" text="How the receiver can tell that a request comes from here, unchanged.">
            <RadioCards name="signing.scheme" label="Scheme" options=cards value=typed.text("signing.scheme", scheme)/>
            <div class="stack" data-when="signing-hmac">
                <FieldRow>
                    <Field name="signing.header" label="Header of the signature">
                        <TextInput mono=true value=typed.text("signing.header", signing.header.unwrap_or_default()) placeholder="X-Signature"/>
                    </Field>
                    <Field name="signing.prefix" label="Prefix" optional_mark=true>
                        <TextInput mono=true value=typed.text("signing.prefix", signing.prefix.unwrap_or_default()) placeholder="sha256="/>
                    </Field>
                    <Field name="signing.algorithm" label="Algorithm">
                        <Select options=algorithms value=typed.text("signing.algorithm", algorithm)/>
                    </Field>
                </FieldRow>
            </div>
            <div class="stack" data-when="signing">
                <SecretsFields name="signing.secrets" label="Signing secret" placeholder="whsec_…" help=help kept=signing.secrets typed=typed/>
            </div>
        </FormSection>
    }
    .into_any()
}

fn header_lines(headers: &std::collections::BTreeMap<String, String>) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
}
