//! The fields of a source, the same for a new one and for a change.

use domain::{
    source::{Encoding, Source, TimestampUnit, Verification, VerificationKind},
    template::{Handshake, TemplateId, scheme::Scheme},
};
use leptos::prelude::*;

use super::{check_fields::CheckFields, kind_words, provider_of};
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
    let checks = checks.map(|former| view! { <CheckFields template=template former=former typed=typed/> });
    let verification = former.map_or_else(Verification::none, |source| source.verification);
    let suggested = template.map_or("billing", TemplateId::as_str);
    let fields = match provider_of(template) {
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
    let (label, summary) = (template.about().label, template.about().summary);
    let about = template.template();
    let is_new = former.secrets.is_empty();
    let steps: Vec<_> = about.setup.iter().map(|step| view! { <li>{*step}</li> }).collect();
    // Where there are two ways, the one that a new source goes follows from its secret.
    let has_one_way = about.schemes.len() == 1;
    let kind = (!is_new && !has_one_way).then(|| former.kind.as_str());
    let tolerance =
        about.tolerance_seconds.filter(|_| has_one_way || former.tolerance_seconds.is_some()).map(|default| {
            let former = former.tolerance_seconds.unwrap_or(default);
            view! { <ToleranceField former=former typed=typed/> }
        });
    let is_basic = about.schemes.first() == Some(&Scheme::Basic) && former.kind != VerificationKind::SharedToken;
    let username = is_basic.then(|| view! { <UsernameField former=former.username.unwrap_or_default() typed=typed/> });
    let verify_token = (about.handshake == Some(Handshake::Meta)).then(|| {
        let former = former.verify_token.unwrap_or_default();
        view! {
            <Field
                name="verification.verify_token"
                label="Verify token"
                help=format!("The same text as at {label}, which asks for it before it sends. It is kept encrypted.")
                optional_mark=true
            >
                <TextInput mono=true value=former/>
            </Field>
        }
    });
    let help = format!("The one of {label}. It is kept encrypted.");
    view! {
        <FormSection title="Verification" text=summary>
            <Hidden name="template" value=template.as_str()/>
            {kind.map(|kind| view! { <Hidden name="verification.type" value=kind/> })}
            {is_new
                .then(|| {
                    view! {
                        <div class="setup">
                            <h3>{format!("At {label}")}</h3>
                            <ol>{steps}</ol>
                            <p class="muted">"The ingest URL is on the page of the source, as soon as it exists. The secret can be changed there too."</p>
                        </div>
                    }
                })}
            {username}
            <SecretsFields
                name="verification.secrets"
                label=about.secret_label
                placeholder=about.secret_placeholder
                help=help
                kept=former.secrets
                typed=typed
            />
            {verify_token}
            {tolerance}
        </FormSection>
    }
    .into_any()
}

/// Which of these fields show follows from what is chosen, in the style sheet: it has to work without JavaScript.
#[component]
fn CustomFields(former: Verification, typed: TypedBefore) -> impl IntoView {
    let kinds = [
        (VerificationKind::None, "Whoever knows the URL may post."),
        (VerificationKind::HmacSha256, "A header holds an HMAC of the body."),
        (VerificationKind::HmacSha1, "The same, with SHA-1, for older senders."),
        (VerificationKind::HmacSha512, "The same, with SHA-512."),
        (VerificationKind::StandardWebhooks, "webhook-id, webhook-timestamp and webhook-signature."),
        (VerificationKind::Ed25519, "A header holds a signature; you have the public key."),
        (VerificationKind::EcdsaP256, "The same, by ECDSA with SHA-256."),
        (VerificationKind::SharedToken, "A header holds the secret itself."),
        (VerificationKind::Basic, "The sender signs in to the URL."),
    ];
    let kind = former.kind.as_str();
    let cards = kinds.iter().map(|(kind, text)| RadioCard::new(kind.as_str(), kind_words(*kind)).text(*text)).collect();
    let encoding = match former.encoding {
        Some(Encoding::Base64) => "base64",
        Some(Encoding::Base64url) => "base64url",
        Some(Encoding::Hex) | None => "hex",
    };
    let unit = former.timestamp_unit.map(|unit| match unit {
        TimestampUnit::Seconds => "seconds",
        TimestampUnit::Milliseconds => "milliseconds",
        TimestampUnit::Rfc3339 => "rfc3339",
    });
    // What the API can set and this form does not show stays as it is.
    let carried: Vec<_> = [
        ("verification.timestamp_unit", unit.map(str::to_owned)),
        ("verification.id_header", former.id_header),
        ("verification.query_parameter", former.query_parameter),
        ("verification.verify_token", former.verify_token),
        ("verification.challenge_parameter", former.challenge_parameter),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| view! { <Hidden name=name value=value/> }))
    .collect();
    view! {
        <FormSection title="Verification" text="How a request proves that it comes from the sender.">
            <RadioCards name="verification.type" label="Method" options=cards value=typed.text("verification.type", kind)/>
            {carried}
            <div data-when="basic">
                <UsernameField former=former.username.unwrap_or_default() typed=typed/>
            </div>
            <div class="stack" data-when="signed">
                <SecretsFields
                    name="verification.secrets"
                    label="Secret"
                    placeholder=""
                    help="The one that the sender signs with (with Standard Webhooks it begins with whsec_), its public key, token or password. It is kept encrypted."
                    kept=former.secrets
                    typed=typed
                />
            </div>
            <div class="stack" data-when="by-header">
                <Field name="verification.header" label="Header" help="The header that carries the signature or the token.">
                    <TextInput mono=true value=typed.text("verification.header", former.header.unwrap_or_default()) placeholder="X-Signature"/>
                </Field>
                <FieldRow>
                    <Field name="verification.prefix" label="Prefix" help="What stands before the signature, such as sha256=." optional_mark=true>
                        <TextInput mono=true value=typed.text("verification.prefix", former.prefix.unwrap_or_default())/>
                    </Field>
                    <Field name="verification.encoding" label="Encoding">
                        <Select
                            options=vec![
                                Choice::new("hex", "Hexadecimal"),
                                Choice::new("base64", "Base64"),
                                Choice::new("base64url", "Base64 for URLs"),
                            ]
                            value=typed.text("verification.encoding", encoding)
                        />
                    </Field>
                </FieldRow>
            </div>
            <div class="stack" data-when="signed-by-header">
                <Field name="verification.timestamp_header" label="Time header" help="The header that carries the signed time, if any." optional_mark=true>
                    <TextInput mono=true value=typed.text("verification.timestamp_header", former.timestamp_header.unwrap_or_default())/>
                </Field>
                <Field
                    name="verification.signed_content"
                    label="Signed content"
                    help="The body, unless something else is said: {timestamp}.{body}, {method}{url}{body}, …"
                    optional_mark=true
                >
                    <TextInput mono=true value=typed.text("verification.signed_content", former.signed_content.unwrap_or_default()) placeholder="{body}"/>
                </Field>
            </div>
            <div data-when="signed-with-time">
                <ToleranceField former=former.tolerance_seconds.unwrap_or(300) typed=typed/>
            </div>
        </FormSection>
    }
    .into_any()
}

#[component]
fn UsernameField(former: String, typed: TypedBefore) -> impl IntoView {
    view! {
        <Field name="verification.username" label="User name" help="What the sender signs in with, beside the password.">
            <TextInput mono=true value=typed.text("verification.username", former)/>
        </Field>
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
