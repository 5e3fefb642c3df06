//! Sources without a provider: whatever their settings say, and nothing else.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    },
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use domain::verification::{Encoding, TimestampUnit};

use super::*;

fn input(kind: VerificationKind, secret: &str) -> VerificationInput {
    VerificationInput { kind: Some(kind), secrets: vec![secret.to_owned()], ..VerificationInput::default() }
}

fn request(input: VerificationInput) -> Request {
    Request::unsigned(None, verification(None, input), r#"{"type":"order.paid","id":"o_1"}"#)
}

fn reason(request: &Request) -> &'static str {
    request.verify().map_or_else(|why| why.reason(), |_| "accepted")
}

#[test]
fn the_settings_are_what_is_verified() {
    let patterns = [
        (None, false, false),
        (None, true, false),
        (Some("v0:{timestamp}:{body}"), true, false),
        (Some("{method}{url}{body}"), false, false),
        (Some("{id}.{timestamp}.{body}"), true, true),
        (Some("{body}{id}"), false, true),
    ];
    let mut count = 0;
    for kind in [VerificationKind::HmacSha256, VerificationKind::HmacSha1, VerificationKind::HmacSha512] {
        for encoding in [Encoding::Hex, Encoding::Base64, Encoding::Base64url] {
            for prefix in [None, Some("mac="), Some("v1,"), Some("HMAC ")] {
                for (content, has_time, has_id) in patterns {
                    for unit in [TimestampUnit::Seconds, TimestampUnit::Milliseconds, TimestampUnit::Rfc3339] {
                        let settings = VerificationInput {
                            header: Some("X-Sig".into()),
                            prefix: prefix.map(str::to_owned),
                            encoding: Some(encoding),
                            signed_content: content.map(str::to_owned),
                            timestamp_header: has_time.then(|| "X-Time".to_owned()),
                            timestamp_unit: has_time.then_some(unit),
                            id_header: has_id.then(|| "X-Id".to_owned()),
                            ..input(kind, "secret")
                        };
                        let name = format!("{settings:?}");
                        let signed = request(settings).signed("application/json", "").expect("signs");
                        assert_eq!(reason(&signed), "accepted", "{name}");
                        // A custom source and one without a template are the same.
                        let custom = Request { template: Some(TemplateId::Custom), ..signed.clone() };
                        assert_eq!(reason(&custom), "accepted", "{name}");
                        assert_eq!(reason(&signed.clone().with_body("{}")), "wrong_signature", "{name}");
                        assert_eq!(reason(&signed.clone().with_secrets(&["other"])), "wrong_signature", "{name}");
                        assert_eq!(reason(&signed.clone().without_header("x-sig")), "missing_header", "{name}");
                        assert_eq!(reason(&signed.clone().with_header("x-sig", "")), "malformed_header", "{name}");
                        let bare = signed.header("x-sig").strip_prefix(prefix.unwrap_or_default()).expect("a prefix");
                        if prefix.is_some() {
                            let bare = signed.clone().with_header("x-sig", bare);
                            assert_eq!(reason(&bare), "malformed_header", "{name}");
                        }
                        if has_time {
                            assert_eq!(reason(&signed.clone().later(301)), "stale", "{name}");
                            assert_eq!(reason(&signed.clone().later(-301)), "future", "{name}");
                            assert_eq!(reason(&signed.clone().without_header("x-time")), "missing_header", "{name}");
                        }
                        if has_id {
                            assert_eq!(reason(&signed.clone().with_header("x-id", "2")), "wrong_signature", "{name}");
                        }
                        count += 1;
                    }
                }
            }
        }
    }
    assert_eq!(count, 648);
}

#[test]
fn signatures_by_public_key_are_verified_in_every_writing_of_key_and_signature() {
    let random = SystemRandom::new();
    let body = br#"{"type":"order.paid","id":"o_1"}"#;
    let settings = |kind, key: &str, encoding| VerificationInput {
        header: Some("X-Sig".into()),
        encoding: Some(encoding),
        ..input(kind, key)
    };
    let with = |settings: VerificationInput, signature: &[u8]| {
        let written = match settings.encoding.unwrap_or_default() {
            Encoding::Hex => hex::encode(signature),
            Encoding::Base64 => BASE64_STANDARD.encode(signature),
            Encoding::Base64url => BASE64_URL_SAFE_NO_PAD.encode(signature),
        };
        request(settings).with_header("x-sig", &written)
    };

    let pair = Ed25519KeyPair::generate().expect("a key");
    let raw = pair.public_key().as_ref();
    let spki = [&hex::decode("302a300506032b6570032100").expect("hex")[..], raw].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64_STANDARD.encode(&spki));
    let keys = [hex::encode(raw), BASE64_STANDARD.encode(raw), BASE64_STANDARD.encode(&spki), pem];
    let signature = pair.sign(body);
    for key in &keys[..3] {
        for encoding in [Encoding::Hex, Encoding::Base64, Encoding::Base64url] {
            let signed = with(settings(VerificationKind::Ed25519, key, encoding), signature.as_ref());
            assert_eq!(reason(&signed), "accepted", "{key}");
            assert_eq!(reason(&signed.clone().with_body("x")), "wrong_signature");
            let short = with(settings(VerificationKind::Ed25519, key, encoding), &signature.as_ref()[..63]);
            assert_eq!(reason(&short), "malformed_header");
        }
    }

    let head = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").expect("hex");
    for algorithm in [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P256_SHA256_FIXED_SIGNING] {
        let pair = EcdsaKeyPair::generate(algorithm).expect("a key");
        let spki = BASE64_STANDARD.encode([&head[..], pair.public_key().as_ref()].concat());
        let signature = pair.sign(&random, body).expect("signs");
        let signed = with(settings(VerificationKind::EcdsaP256, &spki, Encoding::Base64), signature.as_ref());
        assert_eq!(reason(&signed), "accepted");
        assert_eq!(reason(&signed.with_body("x")), "wrong_signature");
        let mut flipped = signature.as_ref().to_vec();
        flipped[40] ^= 1;
        let flipped = with(settings(VerificationKind::EcdsaP256, &spki, Encoding::Base64), &flipped);
        assert_eq!(reason(&flipped), "wrong_signature");
        // A test event cannot be signed with it.
        assert_eq!(flipped.signed("application/json", "").err(), Some(CannotSign::PublicKey));
    }
}

#[test]
fn a_token_stands_where_the_settings_say() {
    let header = VerificationInput {
        header: Some("Authorization".into()),
        prefix: Some("Bearer ".into()),
        ..input(VerificationKind::SharedToken, "a Token")
    };
    let signed = request(header).signed("application/json", "").expect("signs");
    assert_eq!(reason(&signed), "accepted");
    for (value, why) in [
        ("Bearer a token", "wrong_token"),
        ("Bearer a Toke", "wrong_token"),
        ("Bearer ", "malformed_header"),
        ("Bearer", "malformed_header"),
        ("a Token", "malformed_header"),
        ("", "malformed_header"),
    ] {
        assert_eq!(reason(&signed.clone().with_header("authorization", value)), why, "{value:?}");
    }
    let query =
        VerificationInput { query_parameter: Some("key".into()), ..input(VerificationKind::SharedToken, "a+b c") };
    let signed = request(query).signed("application/json", "").expect("signs");
    assert_eq!(signed.query.as_deref(), Some("key=a%2Bb+c"));
    assert_eq!(reason(&signed), "accepted");
    assert_eq!(reason(&signed.clone().with_query("x=1&key=a%2Bb%20c")), "accepted");
    for (query, why) in
        [("", "missing_field"), ("key=", "wrong_token"), ("key=a+b+c", "wrong_token"), ("KEY=a%2Bb+c", "missing_field")]
    {
        assert_eq!(reason(&signed.clone().with_query(query)), why, "{query:?}");
    }
}

#[test]
fn a_name_and_a_password() {
    let settings =
        VerificationInput { username: Some("hooks".into()), ..input(VerificationKind::Basic, "pass:word ü") };
    let signed = request(settings).signed("application/json", "").expect("signs");
    assert_eq!(reason(&signed), "accepted");
    let with = |pair: &str| {
        let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
        reason(&signed.clone().with_header("authorization", &value))
    };
    assert_eq!(with("hooks:pass:word ü"), "accepted");
    assert_eq!(with("hooks:pass:word"), "wrong_token");
    assert_eq!(with("hooks:"), "wrong_token");
    assert_eq!(with("Hooks:pass:word ü"), "wrong_username");
    assert_eq!(with(":pass:word ü"), "wrong_username");
    assert_eq!(with("hooks"), "malformed_header");
    let lower = signed.header("authorization").replace("Basic", "basic");
    assert_eq!(reason(&signed.clone().with_header("authorization", &lower)), "accepted");
    assert_eq!(reason(&signed.clone().with_header("authorization", "Basic ==")), "malformed_header");
    assert_eq!(reason(&signed.without_header("authorization")), "missing_header");
}

#[test]
fn without_verification_everything_is_taken() {
    let request = Request::unsigned(None, Verification::none(), "anything");
    assert_eq!(reason(&request), "accepted");
    assert_eq!(reason(&Request { template: Some(TemplateId::Custom), ..request.clone() }), "accepted");
    // A template is never without.
    for id in TemplateId::ALL.into_iter().filter(|id| *id != TemplateId::Custom) {
        let request = Request { template: Some(id), ..request.clone() };
        assert_eq!(reason(&request), "misconfigured", "{}", id.as_str());
    }
}

#[test]
fn settings_that_were_not_checked_refuse() {
    for kind in VerificationKind::ALL.into_iter().filter(|kind| *kind != VerificationKind::None) {
        let bare = Verification { kind, secrets: vec!["x".into()], ..Verification::default() };
        let request = Request::unsigned(None, bare, "{}").with_header("x-sig", "x").with_header("authorization", "x");
        assert_ne!(reason(&request), "accepted", "{}", kind.as_str());
    }
    let nonsense = Verification {
        kind: VerificationKind::HmacSha256,
        secrets: vec!["x".into()],
        header: Some("x-sig".into()),
        signed_content: Some("{nothing}".into()),
        ..Verification::default()
    };
    let request = Request::unsigned(None, nonsense, "{}").with_header("x-sig", &"0".repeat(64));
    assert_eq!(reason(&request), "misconfigured");
}

#[test]
fn places_of_secrets_are_known() {
    let of = |id, input| {
        let verification = verification(id, input);
        reveals(id, &verification).map(|place| format!("{place:?}"))
    };
    let named = |input: VerificationInput| VerificationInput { username: Some("u".into()), ..input };
    let plain = || VerificationInput { secrets: vec!["x".into()], ..VerificationInput::default() };
    assert_eq!(of(Some(TemplateId::Gitlab), plain()).as_deref(), Some("Header(\"X-Gitlab-Token\")"));
    assert_eq!(of(Some(TemplateId::Postmark), named(plain())).as_deref(), Some("Header(\"authorization\")"));
    let token = input(VerificationKind::SharedToken, "x");
    assert_eq!(of(Some(TemplateId::Postmark), token.clone()).as_deref(), Some("Query(\"token\")"));
    let own = VerificationInput { header: Some("X-T".into()), ..token };
    assert_eq!(of(None, own).as_deref(), Some("Header(\"X-T\")"));
    assert_eq!(of(Some(TemplateId::Github), plain()), None);
}
