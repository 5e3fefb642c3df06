use super::*;
use crate::{
    field::FieldErrors,
    source::{SourceInput, SourceSpec},
    template::TemplateId,
};

fn with(template: Option<TemplateId>, verification: VerificationInput) -> Result<SourceSpec, FieldErrors> {
    SourceInput { name: "s".into(), template, verification: Some(verification), ..SourceInput::default() }.parse()
}

fn of(kind: VerificationKind, secret: &str) -> VerificationInput {
    VerificationInput { kind: Some(kind), secrets: vec![secret.into()], ..VerificationInput::default() }
}

fn secret(secret: &str) -> VerificationInput {
    VerificationInput { secrets: vec![secret.into()], ..VerificationInput::default() }
}

fn refused(template: Option<TemplateId>, verification: VerificationInput, field: &str) -> String {
    let errors = with(template, verification).expect_err("is refused");
    errors.at(&format!("verification.{field}")).unwrap_or_else(|| panic!("{errors} names not {field}")).to_owned()
}

const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";

#[test]
fn a_template_needs_only_its_secret() {
    let spec = with(Some(TemplateId::Stripe), secret(" whsec_x ")).expect("enough");
    assert_eq!(spec.verification.secrets, ["whsec_x"]);
    assert_eq!(spec.verification.tolerance_seconds, Some(300));
    refused(Some(TemplateId::Github), VerificationInput::default(), "secrets");
}

#[test]
fn every_template_refuses_to_be_without_its_secret() {
    for id in TemplateId::ALL {
        if id == TemplateId::Custom {
            assert_eq!(
                with(Some(id), VerificationInput::default()).expect("anybody").verification,
                Verification::none()
            );
            continue;
        }
        refused(Some(id), VerificationInput::default(), "secrets");
        refused(Some(id), of(VerificationKind::None, "x"), "type");
    }
}

#[test]
fn what_has_no_effect_is_refused() {
    refused(None, secret("x"), "secrets");
    let github = VerificationInput {
        tolerance_seconds: Some(5),
        header: Some("X".into()),
        username: Some("u".into()),
        ..secret("x")
    };
    for field in ["tolerance_seconds", "header", "username"] {
        refused(Some(TemplateId::Github), github.clone(), field);
    }
    let idle = VerificationInput { username: Some("u".into()), ..of(VerificationKind::StandardWebhooks, WHSEC) };
    refused(None, idle, "username");
    let idle = VerificationInput {
        header: Some("X-Sig".into()),
        timestamp_unit: Some(TimestampUnit::Milliseconds),
        tolerance_seconds: Some(5),
        ..of(VerificationKind::HmacSha256, "x")
    };
    refused(None, idle.clone(), "timestamp_unit");
    refused(None, idle, "tolerance_seconds");
}

#[test]
fn a_plain_hmac_names_its_header() {
    refused(None, of(VerificationKind::HmacSha1, "x"), "header");
    let bad = VerificationInput { header: Some("not a name".into()), ..of(VerificationKind::HmacSha512, "x") };
    refused(None, bad, "header");
}

#[test]
fn what_is_signed_has_to_be_there_and_be_covered() {
    let input = |content: Option<&str>, time: Option<&str>, id: Option<&str>| VerificationInput {
        header: Some("X-Sig".into()),
        signed_content: content.map(str::to_owned),
        timestamp_header: time.map(str::to_owned),
        id_header: id.map(str::to_owned),
        ..of(VerificationKind::HmacSha256, "x")
    };
    let saved = |input| with(None, input).expect("is taken").verification;
    assert_eq!(saved(input(None, None, None)).signed().map(|it| it.content), Some("{body}"));
    let timed = saved(input(None, Some("X-Time"), None));
    assert_eq!(timed.signed().map(|it| it.content), Some("{timestamp}.{body}"));
    assert_eq!((timed.tolerance_seconds, timed.timestamp_unit), (Some(300), Some(TimestampUnit::Seconds)));
    saved(input(Some("{id}{url}{body}"), None, Some("X-Id")));
    refused(None, input(Some("{timestamp}"), Some("X-Time"), None), "signed_content");
    refused(None, input(Some("{body}"), Some("X-Time"), None), "signed_content");
    refused(None, input(Some("{body}{nothing}"), None, None), "signed_content");
    refused(None, input(Some("{body}"), None, Some("X-Id")), "signed_content");
    refused(None, input(Some("{timestamp}{body}"), None, None), "timestamp_header");
    refused(None, input(Some("{id}{body}"), None, None), "id_header");
}

#[test]
fn tokens_and_passwords_say_where_they_stand() {
    let token = of(VerificationKind::SharedToken, "t");
    refused(None, token.clone(), "header");
    let both = VerificationInput { header: Some("X-T".into()), query_parameter: Some("t".into()), ..token.clone() };
    refused(None, both, "query_parameter");
    let in_query = VerificationInput { query_parameter: Some("t".into()), ..token };
    let saved = with(None, in_query).expect("is taken").verification;
    assert_eq!(saved.token_place(), Some(TokenPlace::Query("t")));
    refused(None, of(VerificationKind::Basic, "p"), "username");
    let colon = VerificationInput { username: Some("a:b".into()), ..of(VerificationKind::Basic, "p") };
    refused(None, colon, "username");
    refused(Some(TemplateId::Postmark), secret("p"), "username");
    let named = VerificationInput { username: Some("u".into()), ..secret("p") };
    assert_eq!(with(Some(TemplateId::Postmark), named).expect("is taken").verification.kind, VerificationKind::Basic);
    let token = with(Some(TemplateId::Postmark), of(VerificationKind::SharedToken, "t")).expect("is taken");
    assert_eq!(token.verification.kind, VerificationKind::SharedToken);
}

#[test]
fn a_provider_with_two_ways_is_told_by_the_look_of_its_secret() {
    let kind = |text: &str| with(Some(TemplateId::Gitlab), secret(text)).expect("is taken").verification;
    assert_eq!(kind("whatever").kind, VerificationKind::SharedToken);
    assert_eq!(kind("whatever").tolerance_seconds, None);
    assert_eq!(kind(WHSEC).kind, VerificationKind::StandardWebhooks);
    assert_eq!(kind(WHSEC).tolerance_seconds, Some(300));
    let said = refused(Some(TemplateId::Gitlab), of(VerificationKind::HmacSha1, "x"), "type");
    assert!(said.contains("shared_token or standard_webhooks"), "{said}");
}

#[test]
fn keys_have_to_look_like_keys() {
    let hex_key = "ab".repeat(32);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----", &P256[..64], &P256[64..]);
    for good in [P256, &pem, &pem.replace('\n', "")] {
        with(Some(TemplateId::Sendgrid), secret(good)).expect("is taken");
    }
    with(Some(TemplateId::Discord), secret(&hex_key)).expect("is taken");
    with(Some(TemplateId::Adyen), secret(&hex_key)).expect("is taken");
    with(Some(TemplateId::StandardWebhooks), secret("whpk_Ml/n/o0dqT2aKQZAwNk3uKUZ2C6j4M7gqC2eSDSmx0o="))
        .expect("is taken");
    for (template, bad) in [
        (TemplateId::Sendgrid, "MFkw"),
        (TemplateId::Sendgrid, hex_key.as_str()),
        (TemplateId::Discord, "abc"),
        (TemplateId::Discord, P256),
        (TemplateId::Adyen, "xyz"),
        (TemplateId::Adyen, "abc"),
        (TemplateId::Clerk, "sk_live"),
        (TemplateId::Clerk, "whsec_"),
        (TemplateId::Clerk, "whsec_&&"),
        (TemplateId::StandardWebhooks, "whpk_AAAA"),
        (TemplateId::Svix, "whpk_Ml/n/o0dqT2aKQZAwNk3uKUZ2C6j4M7gqC2eSDSmx0o="),
        (TemplateId::Github, "a\u{7}b"),
    ] {
        refused(Some(template), secret(bad), "secrets.0");
    }
}

#[test]
fn a_verify_token_is_kept_as_a_secret() {
    let input = VerificationInput { verify_token: Some("a token of mine".into()), ..secret("app secret") };
    let saved = with(Some(TemplateId::Meta), input.clone()).expect("is taken").verification;
    let sealed = saved.clone().map_secrets(|text| Ok::<_, ()>(format!("sealed {text}"))).expect("seals");
    assert_eq!(sealed.verify_token.as_deref(), Some("sealed a token of mine"));
    assert!(!saved.masked().verify_token.expect("is shown").contains("token"));
    refused(Some(TemplateId::Github), input, "verify_token");
}

#[test]
fn what_was_saved_before_still_reads_and_saves() {
    let old = r#"{"type":"hmac_sha1","secrets":["s"],"header":"X-Sig","prefix":null,"encoding":"hex","tolerance_seconds":null}"#;
    let read: Verification = serde_json::from_str(old).expect("reads");
    assert_eq!((read.kind, read.signed_content.as_deref()), (VerificationKind::HmacSha1, None));
    let again = with(None, VerificationInput::of(&read, None)).expect("is taken").verification;
    assert_eq!(again, read);
}

#[test]
fn what_is_saved_can_be_saved_again() {
    for id in TemplateId::ALL {
        let text = match id.template().schemes[0].secret_form() {
            SecretForm::Whsec | SecretForm::WhsecOrWhpk => WHSEC.to_owned(),
            SecretForm::Hex | SecretForm::Ed25519Key => "ab".repeat(32),
            SecretForm::P256Key => P256.to_owned(),
            SecretForm::Text => "secret".to_owned(),
        };
        let mut input = secret(&text);
        match id {
            TemplateId::Custom => input = VerificationInput::default(),
            TemplateId::Postmark => input.username = Some("u".into()),
            _ => {}
        }
        let saved = with(Some(id), input).unwrap_or_else(|why| panic!("{}: {why}", id.as_str())).verification;
        let again = with(Some(id), VerificationInput::of(&saved, Some(id))).expect("is taken").verification;
        assert_eq!(again, saved, "{}", id.as_str());
    }
}
