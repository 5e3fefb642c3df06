//! What the providers' own code signed or verified is accepted, and what we sign is the same.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

#[test]
fn what_the_sdks_signed_or_verified_is_accepted() {
    let mut count = 0;
    for fixture in Fixture::all() {
        assert_eq!(fixture.how == How::Documented, fixture.made_with.is_empty(), "{}", fixture.template);
        for (name, request) in fixture.requests() {
            let proof =
                request.verify().unwrap_or_else(|why| panic!("{name}: {why}: {} / {}", why.expected(), why.seen()));
            assert_eq!(proof.nonce.is_some(), fixture.id() == TemplateId::Mailgun, "{name}");
            count += 1;
        }
    }
    assert!(count >= 150, "{count} requests");
}

#[test]
fn every_provider_has_fixtures() {
    let have: BTreeSet<_> = Fixture::all().iter().map(|fixture| fixture.id().as_str()).collect();
    let all = TemplateId::ALL.into_iter().filter(|id| *id != TemplateId::Custom);
    assert_eq!(have, all.map(TemplateId::as_str).collect());
}

/// Our signatures are those that the SDKs made or accepted, byte for byte, wherever nothing but the time is chosen.
#[test]
fn we_sign_as_the_sdks_do() {
    let mut compared = BTreeSet::new();
    for fixture in Fixture::all() {
        let id = fixture.id();
        for (name, request) in fixture.requests() {
            let mut own = request.clone();
            // Two providers sign milliseconds, and the fixtures have some beside the second.
            let millis = match id {
                TemplateId::Hubspot => 123,
                TemplateId::Workos => 500,
                TemplateId::Linear => 250,
                _ => 0,
            };
            own.now = Timestamp::from_micros(own.now.as_micros() + millis * 1000);
            let content_type = request.header("content-type").to_owned();
            let Ok(own) = own.signed(&content_type, "") else {
                let is_by_key = matches!(id, TemplateId::Discord | TemplateId::Sendgrid);
                let is_form = id == TemplateId::Mailgun && content_type.contains("form");
                assert!(is_by_key || is_form || fixture.template.ends_with("v1a"), "{name}");
                continue;
            };
            let header = match id {
                // These have an id or a token of their own in what is signed, and of the last the body is printed anew.
                TemplateId::StandardWebhooks
                | TemplateId::Svix
                | TemplateId::Clerk
                | TemplateId::Resend
                | TemplateId::Gitlab
                | TemplateId::Mailgun
                | TemplateId::Linear => continue,
                // What is signed here stands in the body.
                TemplateId::Adyen | TemplateId::MicrosoftGraph => {
                    let parse = |body: &[u8]| serde_json::from_slice::<Value>(body).expect("JSON");
                    assert_eq!(parse(&own.body), parse(&request.body), "{name}");
                    compared.insert(id.as_str());
                    continue;
                }
                // Its URL is written with the port in one case, and has the hash of the body already in others.
                TemplateId::Twilio if name.contains("port") || !content_type.contains("form") => continue,
                _ => signature_header(id),
            };
            let plain = |request: &Request| request.header(header).replace(", ", ",");
            assert_eq!(plain(&own), plain(&request), "{name}");
            compared.insert(id.as_str());
        }
    }
    assert!(compared.len() >= 22, "{compared:?}");
}

#[test]
fn standard_webhooks_are_signed_as_their_libraries_do() {
    for fixture in Fixture::all().iter().filter(|it| it.template == "standard_webhooks" || it.template == "svix") {
        let key = standard_webhooks::key_of(&fixture.verification.secrets[0]).expect("a key");
        for (name, request) in fixture.requests() {
            let prefix = if fixture.template == "svix" { "svix" } else { "webhook" };
            let header = |which: &str| request.header(&format!("{prefix}-{which}"));
            let own = standard_webhooks::signature(
                std::slice::from_ref(&key),
                header("id"),
                header("timestamp"),
                &request.body,
            );
            assert_eq!(own, header("signature"), "{name}");
        }
    }
}

/// Where the signature of a provider stands that signs in a header.
pub(super) fn signature_header(id: TemplateId) -> &'static str {
    match id.template().schemes {
        [Scheme::Signed(signed)] => signed.header,
        [Scheme::StandardWebhooks(StandardHeaders::Svix)] => "svix-signature",
        [Scheme::Basic, ..] => "authorization",
        [Scheme::Special(Special::Twilio)] => "X-Twilio-Signature",
        _ => "webhook-signature",
    }
}

#[test]
fn test_events_are_accepted_or_said_to_be_impossible() {
    for id in TemplateId::ALL {
        let verification = settings(id);
        for sample in id.template().samples {
            let name = format!("{} {}", id.as_str(), sample.event_type);
            let request = Request::unsigned(Some(id), verification.clone(), sample.body);
            let signed = match request.signed(sample.content_type, sample.event_type) {
                Ok(signed) => signed,
                Err(why) => {
                    assert_eq!(why, CannotSign::PublicKey, "{name}");
                    assert!(matches!(id, TemplateId::Discord | TemplateId::Sendgrid), "{name}");
                    continue;
                }
            };
            signed.verify().unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(signed.handshake(), Ok(None), "{name}: an event is no handshake");
            let described = describe(Some(id), &signed.headers, &signed.body);
            assert_eq!(described.event_type.as_deref(), Some(sample.event_type), "{name}");
            let has_id = !matches!(id, TemplateId::Custom);
            let has_id = has_id && !(id == TemplateId::Meta && sample.event_type == "page.feed");
            assert_eq!(described.provider_event_id.is_some(), has_id, "{name}: an id");
        }
    }
}

/// The table of the documentation says what the fixtures show, and nothing else.
#[test]
fn the_documentation_lists_what_is_shown_here() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/receiving.md");
    let documentation = std::fs::read_to_string(path).expect("the page is there");
    let fixtures = Fixture::all();
    let mut missing = Vec::new();
    for id in TemplateId::ALL.into_iter().filter(|id| *id != TemplateId::Custom) {
        let row = documentation.lines().find(|line| line.starts_with(&format!("| `{}` |", id.as_str())));
        for fixture in fixtures.iter().filter(|fixture| fixture.id() == id) {
            let shown = match fixture.how {
                How::Signed => "signed by",
                How::Verified => "verified by",
                How::Documented => "documentation only",
            };
            let words = fixture.made_with.iter().chain(&fixture.agreed).map(String::as_str).chain([shown]);
            let absent: Vec<_> = words.filter(|word| !row.is_some_and(|row| row.contains(*word))).collect();
            if !absent.is_empty() {
                missing.push(format!("{}: {absent:?}", id.as_str()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
