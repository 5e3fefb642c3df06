//! The same list of refusals for every template, on every request of its fixtures.

use super::{accepts::signature_header, *};

/// Where a request carries its signature, its token or its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Header(&'static str),
    /// In the body, behind this name.
    Body(&'static str),
}

fn carrier(id: TemplateId) -> Carrier {
    match id {
        TemplateId::Mailgun => Carrier::Body("signature"),
        TemplateId::Adyen => Carrier::Body("hmacSignature"),
        TemplateId::MicrosoftGraph => Carrier::Body("clientState"),
        _ => Carrier::Header(signature_header(id)),
    }
}

impl Request {
    fn body_text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    /// What the carrier holds; in the body the last of its name.
    fn carried(&self, carrier: Carrier) -> String {
        match carrier {
            Carrier::Header(name) => self.header(name).to_owned(),
            Carrier::Body(name) => {
                let text = self.body_text();
                let json = format!("\"{name}\":\"");
                let (start, end) = match text.rfind(&json) {
                    Some(at) => (at + json.len(), '"'),
                    None => (text.rfind(&format!("{name}=")).expect("it is there") + name.len() + 1, '&'),
                };
                text[start..].split(end).next().unwrap_or_default().to_owned()
            }
        }
    }

    fn carrying(self, carrier: Carrier, value: &str) -> Self {
        let before = self.carried(carrier);
        match carrier {
            Carrier::Header(name) => self.with_header(name, value),
            Carrier::Body(_) => {
                let text = self.body_text();
                let at = text.rfind(&before).expect("it is there");
                let changed = format!("{}{value}{}", &text[..at], &text[at + before.len()..]);
                self.with_body(changed)
            }
        }
    }

    fn reason(&self) -> &'static str {
        self.verify().map_or_else(|why| why.reason(), |_| "accepted")
    }
}

/// Every request of every template, with its name and its template.
fn each(mut test: impl FnMut(&str, TemplateId, &Fixture, Request)) {
    for fixture in Fixture::all() {
        for (name, request) in fixture.requests() {
            assert_eq!(request.reason(), "accepted", "{name}");
            test(&name, fixture.id(), &fixture, request);
        }
    }
}

fn other_secret(fixture: &Fixture) -> String {
    let is_whsec = fixture.verification.secrets[0].starts_with("whsec_");
    let id = if is_whsec && fixture.id() != TemplateId::Stripe { TemplateId::Svix } else { fixture.id() };
    fixture.other_secret.clone().unwrap_or_else(|| secrets_of(id)[1].clone())
}

#[test]
fn another_secret() {
    each(|name, _, fixture, request| {
        let other = other_secret(fixture);
        let right = request.verification.secrets[0].clone();
        let reason = request.clone().with_secrets(&[&other]).reason();
        assert!(matches!(reason, "wrong_signature" | "wrong_token"), "{name}: {reason}");
        assert_ne!(request.clone().with_secrets(&[]).reason(), "accepted", "{name}: no secret at all");
        // While a secret is rotated both count, in either order.
        assert_eq!(request.clone().with_secrets(&[&other, &right]).reason(), "accepted", "{name}");
        assert_eq!(request.with_secrets(&[&right, &other]).reason(), "accepted", "{name}");
    });
}

#[test]
fn an_empty_secret_opens_nothing() {
    each(|name, id, _, request| {
        let empty = request.with_secrets(&[""]);
        assert_ne!(empty.reason(), "accepted", "{name}");
        if let Carrier::Header(header) = carrier(id) {
            assert_ne!(empty.with_header(header, "").reason(), "accepted", "{name}");
        }
    });
}

#[test]
fn another_body() {
    each(|name, id, _, request| {
        let text = request.body_text();
        let changes = match id {
            // Of these the signature covers some fields, and of the body nothing else.
            TemplateId::Adyen => vec![
                text.replacen("\"value\":", "\"value\":1", 1),
                text.replacen("\"success\":\"", "\"success\":\"x", 1),
                text.replacen("\"eventCode\":\"", "\"eventCode\":\"X", 1),
            ],
            TemplateId::Mailgun if text.starts_with('{') => vec![text.replacen("\"token\":\"", "\"token\":\"0", 1)],
            TemplateId::Mailgun => vec![text.replacen("token=", "token=0", 1)],
            TemplateId::MicrosoftGraph => vec![text.replacen("\"clientState\":\"", "\"clientState\":\"x", 1)],
            // These cover nothing.
            TemplateId::Postmark => return,
            TemplateId::Twilio if request.header("content-type").contains("form") => {
                vec![format!("{text}&x=1"), format!("{text}&Body=other")]
            }
            TemplateId::X => vec![format!("{text} "), text.replacen('e', "f", 1)],
            _ => vec![format!("{text} "), format!("{text}\n"), format!("x{text}"), text.replacen('e', "f", 1)],
        };
        for changed in changes.into_iter().filter(|changed| changed != text) {
            let reason = request.clone().with_body(&changed).reason();
            let expected = match id {
                TemplateId::Twilio => ["wrong_signature", "wrong_body_hash"].contains(&reason),
                TemplateId::MicrosoftGraph => reason == "wrong_token",
                // Its time stands in the body as well.
                TemplateId::Linear => ["wrong_signature", "missing_field"].contains(&reason),
                _ => reason == "wrong_signature",
            };
            assert!(expected, "{name}: {reason}: {changed}");
        }
    });
}

#[test]
fn what_a_provider_does_not_cover_may_be_anything() {
    // That this is so stands in the documentation, and in the words of the templates.
    each(|name, id, _, request| {
        let text = request.body_text().to_owned();
        let changed = match id {
            TemplateId::Postmark => request.with_body("anything"),
            TemplateId::Mailgun if text.starts_with('{') => {
                request.with_body(text.replacen("\"event-data\":{", "\"event-data\":{\"x\":1,", 1))
            }
            TemplateId::Adyen => {
                request.with_body(text.replacen("\"paymentMethod\":\"visa\"", "\"paymentMethod\":\"x\"", 1))
            }
            _ => return,
        };
        assert_ne!(changed.body_text(), text, "{name}");
        assert_eq!(changed.reason(), "accepted", "{name}");
    });
}

#[test]
fn nothing_an_empty_and_a_truncated_signature() {
    each(|name, id, _, request| {
        let carrier = carrier(id);
        let value = request.carried(carrier);
        match carrier {
            Carrier::Header(header) => {
                assert_eq!(request.clone().without_header(header).reason(), "missing_header", "{name}");
            }
            Carrier::Body(field) => {
                let renamed = request.body_text().replace(field, "other");
                let reason = request.clone().with_body(renamed).reason();
                assert_eq!(reason, "missing_field", "{name}");
            }
        }
        let empty = request.clone().carrying(carrier, "").reason();
        assert!(matches!(empty, "malformed_header" | "malformed_field" | "wrong_token"), "{name}: {empty}");
        let half = &value[..value.len() / 2];
        for truncated in [&value[..value.len() - 1], &value[..value.len() - 2], &value[..value.len() - 4], half] {
            assert_ne!(request.clone().carrying(carrier, truncated).reason(), "accepted", "{name}: {truncated:?}");
        }
        // Something behind it is not part of it either.
        for longer in [format!("{value}0"), format!("{value}00"), format!("{value}A=")] {
            assert_ne!(request.clone().carrying(carrier, &longer).reason(), "accepted", "{name}: {longer:?}");
        }
    });
}

#[test]
fn what_only_looks_like_a_signature() {
    each(|name, id, _, request| {
        let time = request.now.as_secs();
        for bad in [
            "garbage".to_owned(),
            "sha256=".to_owned(),
            "sha1=".to_owned(),
            "v0=".to_owned(),
            "v1,".to_owned(),
            "v1a,".to_owned(),
            format!("t={time},v1="),
            format!("ts={time};h1="),
            format!("t={time}"),
            "v1,AAAA".to_owned(),
            ",,, ,".to_owned(),
            "=".to_owned(),
            "0".repeat(64),
            format!("sha256={}", "0".repeat(64)),
            format!("sha1={}", "0".repeat(40)),
            format!("v0={}", "0".repeat(64)),
            format!("t={time},v1={}", "0".repeat(64)),
            format!("v1,{}=", "A".repeat(43)),
            format!("sha256={}=", "A".repeat(43)),
            format!("{}=", "A".repeat(43)),
            "Basic Og==".to_owned(),
            "Basic".to_owned(),
            "Bearer x".to_owned(),
        ] {
            assert_ne!(request.clone().carrying(carrier(id), &bad).reason(), "accepted", "{name}: {bad:?}");
        }
    });
}

#[test]
fn a_signature_is_neither_old_nor_ahead() {
    let mut timed = std::collections::BTreeSet::new();
    each(|name, id, _, request| {
        let tolerance = request.verification.tolerance_seconds;
        assert_eq!(tolerance.is_some(), id.template().tolerance_seconds.is_some(), "{name}");
        let Some(tolerance) = tolerance.map(i64::from) else {
            assert_eq!(request.later(10_000_000).reason(), "accepted", "{name}: no time is signed");
            return;
        };
        timed.insert(id.as_str());
        for (later, reason) in [
            (tolerance, "accepted"),
            (tolerance + 1, "stale"),
            (86_400 * 365, "stale"),
            (-tolerance, "accepted"),
            (-tolerance - 1, "future"),
            (-86_400 * 365, "future"),
        ] {
            assert_eq!(request.clone().later(later).reason(), reason, "{name}: {later} s later");
        }
        let mut wider = request.later(tolerance + 1);
        wider.verification.tolerance_seconds = Some(86_400);
        assert_eq!(wider.reason(), "accepted", "{name}: the tolerance is the source's");
    });
    assert_eq!(timed.len(), 17, "{timed:?}");
}

/// The header that a template takes the signed time from, where it has one of its own.
fn time_header(id: TemplateId) -> Option<&'static str> {
    use domain::template::scheme::TimePlace;
    match id.template().schemes.last()? {
        Scheme::Signed(signed) => match signed.time?.place {
            TimePlace::Header(name) => Some(name),
            TimePlace::Pair(_) | TimePlace::Body(_) => None,
        },
        Scheme::StandardWebhooks(StandardHeaders::Svix) => Some("svix-timestamp"),
        Scheme::StandardWebhooks(StandardHeaders::Webhook) => Some("webhook-timestamp"),
        _ => None,
    }
}

#[test]
fn another_time() {
    each(|name, id, _, request| {
        let Some(header) = time_header(id) else { return };
        let before = request.header(header).to_owned();
        assert_eq!(request.clone().without_header(header).reason(), "missing_header", "{name}");
        for bad in ["", "yesterday", "-1", "1e9", "99999999999999999999", "17500000OO", "0x68"] {
            assert_eq!(request.clone().with_header(header, bad).reason(), "malformed_header", "{name}: {bad:?}");
        }
        let shifted = match before.parse::<i64>() {
            Ok(number) => (number + 1).to_string(),
            Err(_) => before.replace(":20Z", ":21Z").replace(":40Z", ":41Z"),
        };
        assert_ne!(shifted, before, "{name}");
        assert_eq!(request.clone().with_header(header, &shifted).reason(), "wrong_signature", "{name}: it is signed");
        let mut twice = request;
        twice.headers.append(header.parse::<HeaderName>().expect("a name"), "1".parse().expect("a value"));
        assert_eq!(twice.reason(), "repeated_header", "{name}");
    });
}

#[test]
fn another_time_in_the_same_header() {
    each(|name, id, _, request| {
        let (header, time) = match id {
            TemplateId::Stripe | TemplateId::Calendly | TemplateId::Workos => (signature_header(id), "t="),
            TemplateId::Paddle => (signature_header(id), "ts="),
            _ => return,
        };
        let value = request.header(header).to_owned();
        let separator = if id == TemplateId::Paddle { ';' } else { ',' };
        let (given, rest) = value.split_once(separator).expect("a time and a signature");
        let number: i64 = given.strip_prefix(time).and_then(|text| text.parse().ok()).expect("a time");
        let with = |value: String| request.clone().with_header(header, &value).reason();
        assert_eq!(with(format!("{time}{}{separator}{rest}", number + 1)), "wrong_signature", "{name}");
        assert_eq!(with(rest.to_owned()), "malformed_header", "{name}: no time");
        assert_eq!(with(format!("{time}{separator}{rest}")), "malformed_header", "{name}: an empty time");
        assert_eq!(with(format!("{value}{separator}{time}{}", number + 1)), "malformed_header", "{name}: two times");
        assert_eq!(with(format!("{time}+{number}{separator}{rest}")), "malformed_header", "{name}: a sign");
    });
}

#[test]
fn the_id_is_signed_too() {
    each(|name, id, fixture, request| {
        let header = match id {
            TemplateId::Svix | TemplateId::Clerk | TemplateId::Resend => "svix-id",
            TemplateId::StandardWebhooks | TemplateId::Gitlab => "webhook-id",
            _ => return,
        };
        assert_eq!(request.clone().without_header(header).reason(), "missing_header", "{name}");
        assert_eq!(request.clone().with_header(header, "").reason(), "malformed_header", "{name}");
        assert_eq!(request.clone().with_header(header, "msg_other").reason(), "wrong_signature", "{name}");
        assert!(!fixture.cases.is_empty());
    });
}

/// A signature that is wrong and looks right.
fn wrong_one(id: TemplateId, value: &str) -> String {
    let flip = |text: &str| -> String {
        let swap = |c: char| match c {
            '0' => '1',
            'A' => 'B',
            'a'..='f' => '0',
            other if other.is_ascii_alphanumeric() => 'A',
            other => other,
        };
        match (id.template().schemes, text.split_once(['=', ','])) {
            ([Scheme::Signed(_)], Some((head, tail))) if !tail.is_empty() && tail != "=" => {
                format!("{head}={}", tail.chars().map(swap).collect::<String>())
            }
            ([Scheme::StandardWebhooks(_)] | [_, Scheme::StandardWebhooks(_)], Some((head, tail))) => {
                format!("{head},{}", tail.chars().map(swap).collect::<String>())
            }
            _ => text.chars().map(swap).collect(),
        }
    };
    flip(value)
}

#[test]
fn one_right_signature_among_several_is_enough() {
    each(|name, id, _, request| {
        let Carrier::Header(header) = carrier(id) else { return };
        let value = request.header(header).to_owned();
        if id == TemplateId::Postmark {
            let mut twice = request;
            twice.headers.append("authorization", "Basic eDp5".parse().expect("a value"));
            assert_eq!(twice.reason(), "repeated_header", "{name}: it is no signature");
            return;
        }
        let several = match id {
            TemplateId::Stripe | TemplateId::Calendly | TemplateId::Workos => {
                let (time, rest) = value.split_once(',').expect("a time and a signature");
                let wrong = "0".repeat(64);
                vec![format!("{time},v1={wrong},{rest}"), format!("{time},{rest},v1={wrong},v0=abc")]
            }
            TemplateId::Paddle => {
                let (time, rest) = value.split_once(';').expect("a time and a signature");
                let wrong = "0".repeat(64);
                vec![format!("{time};h1={wrong};{rest}"), format!("{time};{rest};h1={wrong}")]
            }
            TemplateId::Svix
            | TemplateId::Clerk
            | TemplateId::Resend
            | TemplateId::StandardWebhooks
            | TemplateId::Gitlab => {
                let wrong = wrong_one(id, &value);
                vec![format!("{wrong} {value}"), format!("v1,AAAA v2,x {value}"), format!("{value} {wrong}")]
            }
            _ => {
                let wrong = wrong_one(id, &value);
                vec![format!("{wrong},{value}"), format!("{value}, {wrong}")]
            }
        };
        for several in several {
            assert_eq!(request.clone().with_header(header, &several).reason(), "accepted", "{name}: {several}");
        }
        // The same as two lines of one name.
        let wrong = wrong_one(id, &value);
        let mut twice = request.clone().with_header(header, &wrong);
        if !matches!(id, TemplateId::Stripe | TemplateId::Calendly | TemplateId::Workos | TemplateId::Paddle) {
            assert_ne!(twice.reason(), "accepted", "{name}: {wrong}");
            twice.headers.append(header.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"));
            assert_eq!(twice.reason(), "accepted", "{name}: two lines");
        }
        // Not endlessly many are looked at.
        let many = vec![wrong; given::MAX_SIGNATURES * 2].join(" ");
        assert_ne!(request.with_header(header, &many).reason(), "accepted", "{name}");
    });
}

#[test]
fn white_space_and_case() {
    each(|name, id, _, request| {
        let Carrier::Header(header) = carrier(id) else { return };
        let value = request.header(header).to_owned();
        for around in [format!(" {value}"), format!("{value} "), format!("\t{value}  ")] {
            assert_eq!(request.clone().with_header(header, &around).reason(), "accepted", "{name}: {around:?}");
        }
        let middle = value.len() - 10;
        let within = format!("{} {}", &value[..middle], &value[middle..]);
        assert_ne!(request.clone().with_header(header, &within).reason(), "accepted", "{name}: {within:?}");
        // Names of headers have no case.
        let mut other_case = request.clone().without_header(header);
        let name_in_capitals = HeaderName::from_bytes(header.to_ascii_uppercase().as_bytes()).expect("a name");
        other_case.headers.insert(name_in_capitals, value.parse().expect("a value"));
        assert_eq!(other_case.reason(), "accepted", "{name}");
        // Hexadecimal digits have none either, base64 has.
        let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        let at = value.find(['=', ',']).filter(|at| at + 2 < value.len() && *at < 8).map_or(0, |at| at + 1);
        let in_other_case: String = value[at..].chars().map(swap).collect();
        let is_hex =
            matches!(id.template().schemes, [Scheme::Signed(it)] if it.encoding == domain::verification::Encoding::Hex);
        let is_pairs =
            matches!(id, TemplateId::Stripe | TemplateId::Calendly | TemplateId::Workos | TemplateId::Paddle);
        if !is_pairs {
            let changed = request.clone().with_header(header, &format!("{}{in_other_case}", &value[..at]));
            assert_eq!(changed.reason() == "accepted", is_hex, "{name}: {in_other_case}");
        }
        if at > 0 {
            let shouted = format!("{}{}", value[..at].to_ascii_uppercase(), &value[at..]);
            let reason = request.with_header(header, &shouted).reason();
            // A pair's name and a prefix are the provider's, to the letter.
            assert_ne!(reason, "accepted", "{name}: {shouted}");
        }
    });
}

#[test]
fn the_public_url_counts_and_not_the_one_in_the_request() {
    let mut signers = std::collections::BTreeSet::new();
    each(|name, id, _, request| {
        let signs_url = matches!(id, TemplateId::Twilio | TemplateId::Square | TemplateId::Hubspot);
        let host = request.clone().with_header("host", "evil.example");
        let host = host.with_header("x-forwarded-host", "evil.example");
        assert_eq!(host.reason(), "accepted", "{name}");
        let mut elsewhere = request.clone();
        elsewhere.base = "https://evil.example".to_owned();
        let mut other_path = request.clone();
        other_path.path.push('x');
        let queried = request.clone().with_query("x=1");
        for changed in [elsewhere, other_path, queried] {
            let reason = changed.reason();
            assert_eq!(reason != "accepted", signs_url, "{name}: {reason}");
        }
        let put = request.with_method("PUT");
        assert_eq!(put.reason() != "accepted", id == TemplateId::Hubspot, "{name}: another method");
        if signs_url {
            signers.insert(id.as_str());
        }
    });
    assert_eq!(signers.len(), 3);
}

#[test]
fn twilio_refuses_a_body_that_its_signature_does_not_cover() {
    let fixture = Fixture::all().into_iter().find(|fixture| fixture.template == "twilio").expect("is there");
    let empty = fixture.requests().find(|(name, _)| name.contains("no field")).expect("is there").1;
    assert_eq!(empty.reason(), "accepted");
    let smuggled = empty.clone().with_body("{}").with_header("content-type", "application/json");
    assert_eq!(smuggled.reason(), "uncovered_body");
    assert_eq!(empty.with_body("{}").without_header("content-type").reason(), "uncovered_body");
    let hashed =
        fixture.requests().find(|(_, request)| request.query.as_deref().is_some_and(|it| it.contains("bodySHA256")));
    let hashed = hashed.expect("is there").1;
    let query = hashed.query.clone().expect("a query");
    assert_eq!(hashed.clone().with_query(&format!("{query}&{query}")).reason(), "uncovered_body");
    assert_eq!(hashed.with_query("").reason(), "uncovered_body");
}

#[test]
fn a_kind_that_the_template_does_not_have_refuses_everything() {
    each(|name, id, _, request| {
        for kind in VerificationKind::ALL {
            if id.template().scheme(kind).is_none() {
                let mut other = request.clone();
                other.verification.kind = kind;
                assert_eq!(other.reason(), "misconfigured", "{name}: {}", kind.as_str());
            }
        }
    });
}

#[test]
fn gitlabs_secret_token_is_compared() {
    let input = VerificationInput { secrets: vec!["a Token".into()], ..VerificationInput::default() };
    let verification = verification(Some(TemplateId::Gitlab), input);
    let request = Request::unsigned(Some(TemplateId::Gitlab), verification, "{}");
    let reason = |value: &str| request.clone().with_header("x-gitlab-token", value).reason();
    assert_eq!(reason("a Token"), "accepted");
    assert_eq!(reason(" a Token "), "accepted");
    assert_eq!(request.reason(), "missing_header");
    assert_eq!(reason(""), "malformed_header");
    for wrong in ["a token", "a Toke", "a Tokenn", "aToken", "A TOKEN"] {
        assert_eq!(reason(wrong), "wrong_token", "{wrong}");
    }
}

#[test]
fn what_is_said_to_the_owner_holds_no_secret() {
    each(|name, id, _, request| {
        let secret = request.verification.secrets[0].clone();
        let other = request.clone().with_secrets(&["ab".repeat(32).as_str()]).verify();
        let missing = match carrier(id) {
            Carrier::Header(header) => request.clone().without_header(header).verify(),
            Carrier::Body(_) => request.clone().with_body("{}").verify(),
        };
        let stale = request.clone().later(86_400).verify();
        for why in [other, missing, stale].into_iter().filter_map(Result::err) {
            let said = format!("{} {why} {} {}", why.reason(), why.expected(), why.seen());
            assert!(!said.contains(&secret), "{name}: {said}");
            assert!(!why.expected().is_empty() && !why.seen().is_empty(), "{name}: {said}");
            let carried = request.carried(carrier(id));
            assert!(carried.len() < 20 || !said.contains(&carried), "{name}: the whole signature: {said}");
        }
    });
}
