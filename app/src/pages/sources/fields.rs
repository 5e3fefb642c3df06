//! The fields of a source, the same for a new one and for a change.

use domain::{
    source::{Encoding, Source, Verification, VerificationKind},
    template::TemplateId,
};
use leptos::prelude::*;

use super::{check_fields::CheckFields, kind_words};
use crate::{
    components::*,
    pages::forms::{Hidden, SecretsFields, TypedBefore},
};

#[component]
pub fn SourceFields(
    template: Option<TemplateId>,
    /// As it is now, when it is changed.
    #[prop(optional)]
    former: Option<Source>,
    typed: TypedBefore,
) -> impl IntoView {
    let (name, description) =
        former.as_ref().map(|source| (source.name.clone(), source.description.clone())).unwrap_or_default();
    // What is seldom needed is not asked for before there is a source.
    let checks = former.as_ref().map(|source| source.checks.clone());
    let checks = checks.map(|former| view! { <CheckFields former=former typed=typed/> });
    let verification = former.map_or_else(Verification::none, |source| source.verification);
    let suggested = template.map_or("billing", TemplateId::as_str);
    let fields = match template {
        Some(template) => view! { <TemplateFields template=template former=verification typed=typed/> }.into_any(),
        None => view! { <CustomFields former=verification typed=typed/> }.into_any(),
    };
    view! {
        <FormSection title="Source" text="How it is called in lists.">
            <Field name="name" label="Name" required=true>
                <TextInput value=typed.text("name", name) placeholder=format!("{suggested}-production")/>
            </Field>
            <Field name="description" label="Description" optional_mark=true>
                <TextInput value=typed.text("description", description.unwrap_or_default())/>
            </Field>
        </FormSection>
        {fields}
        {checks}
    }
    .into_any()
}

#[component]
fn TemplateFields(template: TemplateId, former: Verification, typed: TypedBefore) -> impl IntoView {
    let about = template.template();
    let is_new = former.secrets.is_empty();
    let steps: Vec<_> = about.setup.iter().map(|step| view! { <li>{*step}</li> }).collect();
    let tolerance = about.tolerance_seconds.map(|default| {
        let former = former.tolerance_seconds.unwrap_or(default);
        view! { <ToleranceField former=former typed=typed/> }
    });
    let help = format!("{} gives it to you. It is kept encrypted.", about.label);
    view! {
        <FormSection title="Verification" text=about.summary>
            <Hidden name="template" value=template.as_str()/>
            {is_new
                .then(|| {
                    view! {
                        <div class="setup">
                            <h3>{format!("At {}", about.label)}</h3>
                            <ol>{steps}</ol>
                            <p class="muted">"The ingest URL is on the page of the source, as soon as it exists. The secret can be changed there too."</p>
                        </div>
                    }
                })}
            <SecretsFields
                name="verification.secrets"
                label=about.secret_label
                placeholder=about.secret_placeholder
                help=help
                kept=former.secrets
                typed=typed
            />
            {tolerance}
        </FormSection>
    }
    .into_any()
}

/// Which of these fields show follows from what is chosen, in the style sheet: it has to work without JavaScript.
#[component]
fn CustomFields(former: Verification, typed: TypedBefore) -> impl IntoView {
    let kinds = [
        (VerificationKind::None, "none", "Whoever knows the URL may post."),
        (VerificationKind::HmacSha256, "hmac_sha256", "A header holds an HMAC of the body."),
        (VerificationKind::HmacSha1, "hmac_sha1", "The same, with SHA-1, for older senders."),
        (
            VerificationKind::StandardWebhooks,
            "standard_webhooks",
            "webhook-id, webhook-timestamp and webhook-signature.",
        ),
    ];
    let kind = kinds.iter().find(|(kind, ..)| *kind == former.kind).map_or("none", |(_, word, _)| word);
    let cards = kinds.iter().map(|(kind, word, text)| RadioCard::new(*word, kind_words(*kind)).text(*text)).collect();
    let encoding = if former.encoding == Some(Encoding::Base64) { "base64" } else { "hex" };
    view! {
        <FormSection title="Verification" text="How a request proves that it comes from the sender.">
            <RadioCards name="verification.type" label="Method" options=cards value=typed.text("verification.type", kind)/>
            <div class="stack" data-when="signed">
                <SecretsFields
                    name="verification.secrets"
                    label="Secret"
                    placeholder=""
                    help="The one that the sender signs with; with Standard Webhooks it begins with whsec_. It is kept encrypted."
                    kept=former.secrets
                    typed=typed
                />
            </div>
            <div class="stack" data-when="signed-by-header">
                <Field name="verification.header" label="Header" help="The header that carries the signature.">
                    <TextInput mono=true value=typed.text("verification.header", former.header.unwrap_or_default()) placeholder="X-Signature"/>
                </Field>
                <FieldRow>
                    <Field name="verification.prefix" label="Prefix" help="What stands before the signature, such as sha256=." optional_mark=true>
                        <TextInput mono=true value=typed.text("verification.prefix", former.prefix.unwrap_or_default())/>
                    </Field>
                    <Field name="verification.encoding" label="Encoding">
                        <Select
                            options=vec![Choice::new("hex", "Hexadecimal"), Choice::new("base64", "Base64")]
                            value=typed.text("verification.encoding", encoding)
                        />
                    </Field>
                </FieldRow>
            </div>
            <div data-when="signed-with-time">
                <ToleranceField former=former.tolerance_seconds.unwrap_or(300) typed=typed/>
            </div>
        </FormSection>
    }
    .into_any()
}

#[component]
fn ToleranceField(former: u32, typed: TypedBefore) -> impl IntoView {
    let value = typed.number("verification.tolerance_seconds", former.to_string());
    view! {
        <Field
            name="verification.tolerance_seconds"
            label="Tolerance"
            help="How old, or how far ahead, a signature may be. It keeps recorded requests from being sent again later."
        >
            <NumberInput value=value min=1 max=86_400 unit="seconds"/>
        </Field>
    }
    .into_any()
}
