//! The fields of what a source checks beside the signature, and of how it answers.

use domain::{
    checks::{Checks, FixedResponse, SchemaAction},
    dedup::{Dedup, DedupStrategy},
    ip_rules::IpRange,
    rate_limit::{Per, RateLimit},
    template::TemplateId,
};
use leptos::prelude::*;

use crate::{components::*, pages::forms::TypedBefore};

#[component]
pub fn CheckFields(template: Option<TemplateId>, former: Checks, typed: TypedBefore) -> impl IntoView {
    view! {
        <AddressFields template=template allow=former.ip.allow deny=former.ip.deny typed=typed/>
        <DedupFields template=template former=former.dedup typed=typed/>
        <SchemaFields former=former.schema.map(|schema| format!("{schema:#}")) action=former.schema_action typed=typed/>
        <RateFields former=former.rate_limit.map(|rate| (rate.limit, rate.per)) typed=typed/>
        <ResponseFields former=former.response typed=typed/>
    }
    .into_any()
}

#[component]
fn AddressFields(
    template: Option<TemplateId>,
    allow: Vec<IpRange>,
    deny: Vec<IpRange>,
    typed: TypedBefore,
) -> impl IntoView {
    let published = template.and_then(|id| Some((id.about().label, id.template().addresses?)));
    let published = published.map(|(label, addresses)| {
        let checked = typed.checked("ip_published", "true", false);
        let help = format!("{} addresses and ranges. They may change: {}", addresses.ranges.len(), addresses.page);
        view! { <Checkbox name="ip_published" label=format!("Also allow those that {label} publishes") help=help checked=checked/> }
    });
    let lines = |ranges: &[IpRange]| ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    view! {
        <FormSection title="Addresses" text="Who may post. Addresses and ranges, IPv4 or IPv6, a line each.">
            <FieldRow>
                <Field name="ip_allowlist" label="Allowed" help="Empty: everybody." optional_mark=true>
                    <TextArea mono=true rows=4 value=typed.text("ip_allowlist", lines(&allow)) placeholder="192.0.2.0/24"/>
                </Field>
                <Field name="ip_denylist" label="Refused" help="Also where they are allowed." optional_mark=true>
                    <TextArea mono=true rows=4 value=typed.text("ip_denylist", lines(&deny)) placeholder="2001:db8::/32"/>
                </Field>
            </FieldRow>
            {published}
        </FormSection>
    }
    .into_any()
}

#[component]
fn DedupFields(template: Option<TemplateId>, former: Option<Dedup>, typed: TypedBefore) -> impl IntoView {
    let hint = template.and_then(|id| {
        let by = id.template().dedup.input();
        let by = match (by.header, by.field) {
            (Some(header), _) => format!("the header {header}"),
            (_, Some(field)) => format!("the field {field}"),
            (None, None) => return None,
        };
        let words = format!("What {} sends is best told apart by {by}.", id.about().label);
        Some(view! { <p class="field-help">{words}</p> })
    });
    let cards = vec![
        RadioCard::new("", "Off").text("Every request makes an event that is delivered."),
        RadioCard::new("payload_hash", "Same body").text("Two requests with the same bytes."),
        RadioCard::new("header", "Same header").text("Two requests with the same value of a header."),
        RadioCard::new("body_field", "Same field").text("Two JSON bodies with the same value at a place."),
    ];
    let word = former.as_ref().map_or("", |dedup| DedupStrategy::as_str(dedup.strategy));
    let window = former.as_ref().map_or(Dedup::DEFAULT_WINDOW, |dedup| dedup.window_seconds);
    let (header, field) = former.map(|dedup| (dedup.header, dedup.field)).unwrap_or_default();
    let window = typed.number("dedup.window_seconds", window.to_string());
    view! {
        <FormSection
            title="Duplicates"
            text="Providers send some webhooks twice. A duplicate is stored and marked, and not delivered; its sender gets the id of the first."
        >
            <RadioCards name="dedup.strategy" label="Duplicates" options=cards value=typed.text("dedup.strategy", word)/>
            {hint}
            <div data-when="dedup-header">
                <Field name="dedup.header" label="Header">
                    <TextInput mono=true value=typed.text("dedup.header", header.unwrap_or_default()) placeholder="webhook-id"/>
                </Field>
            </div>
            <div data-when="dedup-field">
                <Field name="dedup.field" label="Field" help="A path into the body.">
                    <TextInput mono=true value=typed.text("dedup.field", field.unwrap_or_default()) placeholder="data.object.id"/>
                </Field>
            </div>
            <div data-when="dedup">
                <Field name="dedup.window_seconds" label="Within" help="From the first one on; at most 7 days.">
                    <NumberInput value=window min=1 max=i64::from(Dedup::MAX_WINDOW) unit="seconds"/>
                </Field>
            </div>
        </FormSection>
    }
    .into_any()
}

#[component]
fn SchemaFields(former: Option<String>, action: SchemaAction, typed: TypedBefore) -> impl IntoView {
    let actions =
        vec![Choice::new("reject", "Refuse the request with 422"), Choice::new("warn", "Take it, and mark the event")];
    view! {
        <FormSection title="Schema" text="A JSON Schema (draft 4 to 2020-12) that bodies have to satisfy.">
            <Field name="schema" label="JSON Schema" optional_mark=true>
                <TextArea
                    mono=true
                    rows=8
                    value=typed.text("schema", former.unwrap_or_default())
                    placeholder="{\"type\": \"object\", \"required\": [\"id\"]}"
                />
            </Field>
            <Field name="schema_action" label="When a body does not">
                <Select options=actions value=typed.text("schema_action", action.as_str())/>
            </Field>
        </FormSection>
    }
    .into_any()
}

#[component]
fn RateFields(former: Option<(u32, Per)>, typed: TypedBefore) -> impl IntoView {
    let units: Vec<_> = Per::ALL.iter().map(|per| Choice::new(per.as_str(), format!("per {}", per.as_str()))).collect();
    let limit = typed.number("rate_limit.limit", former.map(|(limit, _)| limit.to_string()).unwrap_or_default());
    let per = former.map_or(Per::Second, |(_, per)| per);
    view! {
        <FormSection title="Rate limit" text="Requests beyond it get 429 with the time after which to try again.">
            <FieldRow>
                <Field name="rate_limit.limit" label="Requests" help="Empty: no limit." optional_mark=true>
                    <NumberInput value=limit min=1 max=i64::from(RateLimit::MAX_LIMIT)/>
                </Field>
                <Field name="rate_limit.per" label="In each">
                    <Select options=units value=typed.text("rate_limit.per", per.as_str())/>
                </Field>
            </FieldRow>
        </FormSection>
    }
    .into_any()
}

#[component]
fn ResponseFields(former: Option<FixedResponse>, typed: TypedBefore) -> impl IntoView {
    let cards = vec![
        RadioCard::new("", "hookstream's").text("200, with the event's id as JSON."),
        RadioCard::new("fixed", "Your own").text("For senders that insist on one."),
    ];
    let word = if former.is_some() { "fixed" } else { "" };
    let former =
        former.unwrap_or(FixedResponse { status: 200, content_type: "text/plain".into(), body: String::new() });
    let status = typed.number("response.status", former.status.to_string());
    view! {
        <FormSection title="Answer" text="What the sender of an accepted request gets.">
            <RadioCards name="response" label="Answer" options=cards value=typed.text("response", word)/>
            <div class="stack" data-when="response">
                <FieldRow>
                    <Field name="response.status" label="Status" help="200 to 299.">
                        <NumberInput value=status min=200 max=299/>
                    </Field>
                    <Field name="response.content_type" label="Content type">
                        <TextInput mono=true value=typed.text("response.content_type", former.content_type)/>
                    </Field>
                </FieldRow>
                <Field name="response.body" label="Body" help="At most 4096 bytes." optional_mark=true>
                    <TextArea mono=true rows=3 value=typed.text("response.body", former.body)/>
                </Field>
            </div>
        </FormSection>
    }
    .into_any()
}
