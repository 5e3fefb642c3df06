//! The fields of a destination, the same for a new one and for a change.
//!
//! Which of them show follows from what is chosen, in the style sheet: it has to work without JavaScript.

use domain::{
    destination::{Auth, DEFAULT_TIMEOUT_MS, Destination, Method, Signing, SigningScheme},
    retry::{RetryPolicy, RetryStrategy},
};
use leptos::prelude::*;

use super::{
    AUTHENTICATIONS, auth_word,
    gate_fields::{BreakerFields, LimitFields, OrderFields},
    schedule_words,
};
use crate::{
    components::*,
    pages::forms::{SecretsFields, TypedBefore},
};

#[component]
pub fn DestinationFields(
    /// As it is now, when it is changed.
    #[prop(optional)]
    former: Option<Destination>,
    typed: TypedBefore,
) -> impl IntoView {
    let methods: Vec<_> = Method::ALL.iter().map(|method| Choice::new(method.as_str(), method.as_str())).collect();
    let signing = former.as_ref().map(|it| it.signing.clone());
    let (auth, retry) = former.as_ref().map(|it| (it.auth.clone(), it.retry.clone())).unwrap_or_default();
    let breaker = former.as_ref().map(|it| it.circuit_breaker).unwrap_or_default();
    let limit = former.as_ref().and_then(|it| it.rate_limit);
    let ordering = former.as_ref().map(|it| it.ordering.clone()).unwrap_or_default();
    let (name, url, method, timeout, headers) = former.map_or_else(
        || (String::new(), String::new(), Method::Post, DEFAULT_TIMEOUT_MS, String::new()),
        |it| (it.name, it.config.url, it.config.method, it.timeout_ms, header_lines(&it.headers)),
    );
    view! {
        <FormSection title="Receiver" text="Where events are sent.">
            <Field name="name" label="Name" required=true>
                <TextInput value=typed.text("name", name) placeholder="orders-service"/>
            </Field>
            <Field
                name="config.url"
                label="URL"
                help="Private and loopback addresses are refused unless whoever runs this server allows them."
                required=true
            >
                <TextInput kind="url" mono=true value=typed.text("config.url", url) placeholder="https://example.com/webhooks"/>
            </Field>
            <FieldRow>
                <Field name="config.method" label="Method">
                    <Select options=methods value=typed.text("config.method", method.as_str())/>
                </Field>
                <Field name="timeout_ms" label="Timeout" help="From 100 to 120000.">
                    <NumberInput value=typed.number("timeout_ms", timeout.to_string()) min=100 max=120_000 unit="ms"/>
                </Field>
            </FieldRow>
            <Field name="headers" label="Headers" help="One a line, sent with every delivery. The event's content type is sent anyway." optional_mark=true>
                <TextArea mono=true rows=3 value=typed.text("headers", headers) placeholder="X-Team: billing"/>
            </Field>
        </FormSection>
        <AuthFields former=auth typed=typed/>
        <RetryFields former=retry typed=typed/>
        <BreakerFields former=breaker typed=typed/>
        <LimitFields former=limit typed=typed/>
        <OrderFields former=ordering typed=typed/>
        <SigningFields former=signing typed=typed/>
    }
    .into_any()
}

#[component]
fn AuthFields(former: Auth, typed: TypedBefore) -> impl IntoView {
    let cards = AUTHENTICATIONS.iter().map(|(word, title)| RadioCard::new(*word, *title)).collect::<Vec<_>>();
    let kind = auth_word(&former);
    let masked = former.secrets().into_iter().next();
    let placeholder = |of: &str| {
        masked
            .clone()
            .filter(|_| of == kind)
            .map(|masked| format!("{masked} (leave empty to keep)"))
            .unwrap_or_default()
    };
    let [password_hint, token_hint, key_hint] = ["basic", "bearer", "api_key"].map(placeholder);
    let username = if let Auth::Basic { username, .. } = &former { username.clone() } else { String::new() };
    let header = if let Auth::ApiKey { header, .. } = &former { header.clone() } else { String::new() };
    view! {
        <FormSection title="Authentication" text="What the receiver asks for before it looks at the event.">
            <RadioCards name="auth.type" label="Kind" options=cards value=typed.text("auth.type", kind) compact=true/>
            <div data-when="auth-basic">
                <FieldRow>
                    <Field name="auth.username" label="User name">
                        <TextInput value=typed.text("auth.username", username)/>
                    </Field>
                    <Field name="auth.password" label="Password">
                        <TextInput mono=true placeholder=password_hint/>
                    </Field>
                </FieldRow>
            </div>
            <div data-when="auth-bearer">
                <Field name="auth.token" label="Token" help="Sent as Authorization: Bearer …">
                    <TextInput mono=true placeholder=token_hint/>
                </Field>
            </div>
            <div data-when="auth-api-key">
                <FieldRow>
                    <Field name="auth.header" label="Header">
                        <TextInput mono=true value=typed.text("auth.header", header) placeholder="X-API-Key"/>
                    </Field>
                    <Field name="auth.value" label="Key">
                        <TextInput mono=true placeholder=key_hint/>
                    </Field>
                </FieldRow>
            </div>
        </FormSection>
    }
    .into_any()
}

#[component]
fn RetryFields(former: RetryPolicy, typed: TypedBefore) -> impl IntoView {
    let strategies = [
        (RetryStrategy::Schedule, "schedule", "Schedule: after the waits listed"),
        (RetryStrategy::Exponential, "exponential", "Exponential: each wait twice as long"),
        (RetryStrategy::Linear, "linear", "Linear: each wait longer by the first"),
        (RetryStrategy::Fixed, "fixed", "Fixed: always the same wait"),
    ];
    let strategy = strategies.iter().find(|(it, ..)| *it == former.strategy).map_or("schedule", |(_, word, _)| word);
    let options: Vec<_> = strategies.iter().map(|(_, word, label)| Choice::new(*word, *label)).collect();
    let schedule = match former.strategy {
        RetryStrategy::Schedule => schedule_words(&former),
        _ => schedule_words(&RetryPolicy::default()),
    };
    let base = former.base_seconds.unwrap_or(30).to_string();
    let give_up = former.give_up_on.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    view! {
        <FormSection title="Retries" text="A delivery that fails is tried again. Each wait varies by 10 %, so that a receiver that comes back is not run over.">
            <Field name="retry.strategy" label="Strategy">
                <Select options=options value=typed.text("retry.strategy", strategy)/>
            </Field>
            <div data-when="retry-schedule">
                <Field name="retry.intervals_seconds" label="Waits" help="Before the second, third, … attempt. The last one repeats.">
                    <TextInput mono=true value=typed.text("retry.intervals_seconds", schedule)/>
                </Field>
            </div>
            <div data-when="retry-base">
                <Field name="retry.base_seconds" label="First wait">
                    <NumberInput value=typed.number("retry.base_seconds", base) min=1 max=604_800 unit="seconds"/>
                </Field>
            </div>
            <FieldRow>
                <Field name="retry.max_attempts" label="Attempts" help="Every try counts, the first included. 1 to 50.">
                    <NumberInput value=typed.number("retry.max_attempts", former.max_attempts.to_string()) min=1 max=50/>
                </Field>
                <Field name="retry.give_up_on" label="Give up on" help="Statuses after which there is no retry.">
                    <TextInput mono=true value=typed.text("retry.give_up_on", give_up)/>
                </Field>
            </FieldRow>
        </FormSection>
    }
    .into_any()
}

#[component]
fn SigningFields(former: Option<Signing>, typed: TypedBefore) -> impl IntoView {
    let cards = vec![
        RadioCard::new("standard_webhooks", "Standard Webhooks").text(
            "webhook-id, webhook-timestamp and webhook-signature, for which there are libraries in most languages.",
        ),
        RadioCard::new("none", "None").text("The receiver cannot tell who sent a request."),
    ];
    let is_new = former.is_none();
    let (scheme, kept) =
        former.map_or((SigningScheme::StandardWebhooks, vec![]), |signing| (signing.scheme, signing.secrets));
    let scheme = if scheme == SigningScheme::None { "none" } else { "standard_webhooks" };
    let help = if is_new {
        "Leave it empty to have one made, which is shown once. Your own begins with whsec_, followed by 24 to 64 bytes in base64."
    } else {
        "It begins with whsec_, followed by 24 to 64 bytes in base64. While there are several, each request is signed with all of them."
    };
    view! {
        <FormSection title="Signature" text="How the receiver can tell that a request comes from here, unchanged.">
            <RadioCards name="signing.scheme" label="Scheme" options=cards value=typed.text("signing.scheme", scheme)/>
            <div class="stack" data-when="signing">
                <SecretsFields name="signing.secrets" label="Signing secret" placeholder="whsec_…" help=help kept=kept typed=typed/>
            </div>
        </FormSection>
    }
    .into_any()
}

fn header_lines(headers: &std::collections::BTreeMap<String, String>) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
}
