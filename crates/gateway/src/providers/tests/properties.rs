//! Whatever comes, nothing panics, and nothing that is not signed is accepted.

use proptest::{collection, option, prelude::*};

use super::*;

/// Every header that any template looks at.
fn header_names() -> Vec<String> {
    use domain::template::{place::Place, scheme::TimePlace};
    let mut names: Vec<String> =
        ["authorization", "content-type", "webhook-id", "webhook-timestamp", "webhook-signature"]
            .into_iter()
            .chain([
                "svix-id",
                "svix-timestamp",
                "svix-signature",
                "x-twilio-signature",
                "x-gitlab-token",
                "x-sig",
                "x-time",
                "x-id",
            ])
            .map(str::to_owned)
            .collect();
    for id in TemplateId::ALL {
        for scheme in id.template().schemes {
            let Scheme::Signed(signed) = scheme else { continue };
            names.push(signed.header.to_ascii_lowercase());
            if let Some(TimePlace::Header(name)) = signed.time.map(|time| time.place) {
                names.push(name.to_ascii_lowercase());
            }
        }
        for place in id.template().event_type.iter().chain(id.template().event_id) {
            if let Place::Header(name) = place {
                names.push(name.to_ascii_lowercase());
            }
        }
    }
    names
}

/// Values from nonsense to what differs from a right one in its bytes only.
fn values() -> impl Strategy<Value = Vec<u8>> {
    let hex = |digits: usize| format!("[0-9a-fA-F]{{{digits}}}");
    prop_oneof![
        collection::vec(prop_oneof![0x20_u8..=0x7e, 0x80_u8..=0xff, Just(b'\t')], 0..80),
        "(sha256=|sha1=|v0=|v1,|v1a,|Basic |t=|)[ -~]{0,60}".prop_map(String::into_bytes),
        format!("(sha256=|v0=|){}", hex(64)).prop_map_into(),
        format!("(sha1=|){}", hex(40)).prop_map_into(),
        hex(128).prop_map_into(),
        format!("(t|ts)=1760000000[,;] ?(v1|h1)={}", hex(64)).prop_map_into(),
        "(sha256=|v1,|)[A-Za-z0-9+/]{43}=".prop_map(String::into_bytes),
        "(v1a,|)[A-Za-z0-9+/]{86}==".prop_map(String::into_bytes),
        "[A-Za-z0-9+/]{27}=".prop_map(String::into_bytes),
        Just(b"1760000000".to_vec()),
        Just(b"1760000000000".to_vec()),
        Just(b"2025-10-09T08:53:20Z".to_vec()),
        Just(b"application/x-www-form-urlencoded".to_vec()),
        Just(b"application/json".to_vec()),
    ]
}

/// Makes a strategy of a regular expression, for bytes.
trait IntoBytes {
    fn prop_map_into(self) -> proptest::strategy::BoxedStrategy<Vec<u8>>;
}

impl IntoBytes for String {
    fn prop_map_into(self) -> proptest::strategy::BoxedStrategy<Vec<u8>> {
        proptest::string::string_regex(&self).expect("an expression").prop_map(String::into_bytes).boxed()
    }
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let word = || "[ -~]{0,20}";
    let bracket =
        prop_oneof![Just("["), Just("{"), Just("\""), Just("}"), Just("]"), Just(":"), Just(","), Just("1e999")];
    prop_oneof![
        collection::vec(any::<u8>(), 0..200),
        collection::vec(bracket, 0..40).prop_map(|parts| parts.concat().into_bytes()),
        (word(), word(), word()).prop_map(|(a, b, c)| {
            let value = serde_json::json!({
                "type": a, "challenge": b, "event": { "type": c }, "webhookTimestamp": 1_760_000_000_000_i64,
                "signature": { "timestamp": "1760000000", "token": a, "signature": "0".repeat(64) },
                "value": [{ "clientState": b }],
                "notificationItems": [{ "NotificationRequestItem": { "success": c, "additionalData": { "hmacSignature": b } } }],
            });
            value.to_string().into_bytes()
        }),
        Just(br#"{"type":"url_verification","challenge":"x"}"#.to_vec()),
        Just(br#"{"event":"endpoint.url_validation","payload":{"plainToken":"x"}}"#.to_vec()),
        Just(br#"{"type":1}"#.to_vec()),
        "[a-zA-Z]{0,9}=[ -~]{0,40}(&[a-zA-Z]{0,9}=[%0-9A-F]{0,20}){0,4}".prop_map(String::into_bytes),
    ]
}

fn queries() -> impl Strategy<Value = Option<String>> {
    let names = "(hub.mode|hub.challenge|hub.verify_token|crc_token|validationToken|bodySHA256|token|challenge|key)";
    option::of(proptest::string::string_regex(&format!("({names}=[ -~]{{0,12}}&?){{0,4}}")).expect("an expression"))
}

/// Sources of every template, and of every kind of settings.
fn sources() -> Vec<(Option<TemplateId>, Verification)> {
    let mut sources: Vec<_> =
        TemplateId::ALL.into_iter().filter(|id| *id != TemplateId::Custom).map(|id| (Some(id), settings(id))).collect();
    for id in [TemplateId::Gitlab, TemplateId::Postmark] {
        for kind in [VerificationKind::StandardWebhooks, VerificationKind::SharedToken] {
            let secret =
                if kind == VerificationKind::StandardWebhooks { &secrets_of(TemplateId::Svix)[0] } else { "a secret" };
            if id.template().scheme(kind).is_some() {
                let input = VerificationInput {
                    kind: Some(kind),
                    secrets: vec![secret.to_owned()],
                    ..VerificationInput::default()
                };
                sources.push((Some(id), verification(Some(id), input)));
            }
        }
    }
    for kind in VerificationKind::ALL.into_iter().filter(|kind| *kind != VerificationKind::None) {
        let is_signed = domain::template::scheme::Algorithm::of(kind).is_some();
        let secret = match kind {
            VerificationKind::StandardWebhooks => secrets_of(TemplateId::Svix)[0].clone(),
            VerificationKind::Ed25519 => secrets_of(TemplateId::Discord)[0].clone(),
            VerificationKind::EcdsaP256 => secrets_of(TemplateId::Sendgrid)[0].clone(),
            _ => "a secret".to_owned(),
        };
        let input = VerificationInput {
            kind: Some(kind),
            secrets: vec![secret],
            header: (is_signed || kind == VerificationKind::SharedToken).then(|| "x-sig".to_owned()),
            timestamp_header: is_signed.then(|| "x-time".to_owned()),
            id_header: is_signed.then(|| "x-id".to_owned()),
            signed_content: is_signed.then(|| "{id}{timestamp}{method}{url}{body}".to_owned()),
            username: (kind == VerificationKind::Basic).then(|| "name".to_owned()),
            challenge_parameter: Some("challenge".to_owned()),
            ..VerificationInput::default()
        };
        sources.push((None, verification(None, input)));
    }
    sources
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_nothing_unsigned_is_accepted(
        headers in collection::vec((proptest::sample::select(header_names()), values()), 0..40),
        everywhere in option::of(values()),
        method in proptest::sample::select(vec!["GET", "POST", "PUT", "TRACE"]),
        query in queries(),
        body in bodies(),
        skew in -1000_i64..1000,
    ) {
        let mut map = HeaderMap::new();
        // Sometimes every header there is has a value, so that none is missing.
        for name in everywhere.iter().flat_map(|_| header_names()) {
            map.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(everywhere.as_deref().unwrap()).unwrap());
        }
        for (name, value) in headers {
            let (name, value) = (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(&value).unwrap());
            map.append(name, value);
        }
        for (template, verification) in sources() {
            let mut request = Request::unsigned(template, verification, "").with_body(&body).with_method(method).later(skew);
            request.headers.clone_from(&map);
            request.query.clone_from(&query);
            let name = template.map_or("custom", TemplateId::as_str);
            let verified = request.verify();
            prop_assert!(verified.is_err(), "{name} accepted {request:?}");
            let why = verified.unwrap_err();
            let said = format!("{why} {} {} {}", why.reason(), why.expected(), why.seen());
            prop_assert!(said.len() < 2000, "{name}: {said}");
            let described = describe(template, &request.headers, &request.body);
            for word in [described.event_type, described.provider_event_id].into_iter().flatten() {
                prop_assert!((1..=200).contains(&word.len()) && !word.contains(char::is_control));
            }
            if let Ok(Some(reply)) = request.handshake() {
                let is_unsigned = matches!(
                    template,
                    None | Some(TemplateId::X | TemplateId::MicrosoftGraph | TemplateId::Woocommerce)
                );
                prop_assert!(is_unsigned, "{name} answered {reply:?}");
                prop_assert!(reply.body.len() <= 4096 && !reply.content_type.contains("html"));
            }
        }
    }

    #[test]
    fn what_is_signed_is_accepted_whatever_it_is(body in collection::vec(any::<u8>(), 0..300), query in queries()) {
        for (template, verification) in sources() {
            let mut request = Request::unsigned(template, verification, "").with_body(&body);
            request.query.clone_from(&query);
            let is_for_x = template == Some(TemplateId::X) && handshake::may_be_crc_token(&body);
            // Those that sign in the body want a body of their own.
            if let Ok(signed) = request.signed("application/octet-stream", "an event") {
                let name = template.map_or("custom", TemplateId::as_str);
                let hashed = template == Some(TemplateId::Twilio) && query.as_deref().is_some_and(|it| it.contains("bodySHA256"));
                prop_assert!(signed.verify().is_ok() || is_for_x || hashed, "{name}: {:?}", signed.verify());
            }
        }
    }
}
