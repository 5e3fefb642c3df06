//! A command that posts an event to a source, signed as the source wants it, for pasting into a terminal.

use domain::{
    signed_content::{Piece, pieces},
    source::{Encoding, Source, TimestampUnit, Verification, VerificationKind},
    template::{
        TemplateId,
        place::Place,
        scheme::{Algorithm, Form, Scheme, Signed, StandardHeaders, TimePlace, TokenPlace},
    },
};

use super::provider_of;

const BODY: &str = r#"{"type":"test.event","data":{"amount":4200}}"#;

/// The command; `None` for what a shell cannot sign. The secret is not known here: the person who pastes it puts it in the
/// first line.
#[must_use]
pub fn example_command(source: &Source) -> Option<String> {
    let url = &source.ingest_url;
    let verification = &source.verification;
    let Some(id) = provider_of(source.template) else { return by_settings(verification, url) };
    match id.template().scheme(verification.kind)? {
        Scheme::Signed(signed) => by_signature(signed, named_in_header(id), url),
        Scheme::StandardWebhooks(headers) => Some(by_standard_webhooks(*headers, url)),
        Scheme::SharedToken(place) => Some(by_token(*place, url)),
        Scheme::Basic => Some(by_password(verification, url)),
        Scheme::Special(_) | Scheme::Custom => None,
    }
}

fn by_settings(verification: &Verification, url: &str) -> Option<String> {
    match verification.kind {
        VerificationKind::None => {
            Some(format!("curl {url} \\\n  -H 'content-type: application/json' \\\n  -d '{BODY}'"))
        }
        VerificationKind::StandardWebhooks => Some(by_standard_webhooks(StandardHeaders::Webhook, url)),
        VerificationKind::SharedToken => Some(by_token(verification.token_place()?, url)),
        VerificationKind::Basic => Some(by_password(verification, url)),
        VerificationKind::HmacSha256
        | VerificationKind::HmacSha1
        | VerificationKind::HmacSha512
        | VerificationKind::Ed25519
        | VerificationKind::EcdsaP256 => by_signature(&verification.signed()?, None, url),
    }
}

/// The header that names the event, with the name of a sample.
fn named_in_header(id: TemplateId) -> Option<String> {
    let template = id.template();
    match (template.event_type.first()?, template.samples.first()?) {
        (Place::Header(name), sample) => Some(format!("{}: {}", name.to_ascii_lowercase(), sample.event_type)),
        _ => None,
    }
}

fn by_signature(signed: &Signed<'_>, event: Option<String>, url: &str) -> Option<String> {
    let digest = match signed.algorithm {
        Algorithm::HmacSha256 => "sha256",
        Algorithm::HmacSha1 => "sha1",
        Algorithm::HmacSha512 => "sha512",
        Algorithm::Ed25519 | Algorithm::EcdsaP256 => return None,
    };
    let mut steps = Vec::new();
    let mut headers: Vec<_> = event.into_iter().collect();
    if let Some(time) = signed.time {
        let now = match time.unit {
            TimestampUnit::Seconds => "$(date +%s)",
            TimestampUnit::Milliseconds => "$(date +%s)000",
            TimestampUnit::Rfc3339 => "$(date -u +%Y-%m-%dT%H:%M:%SZ)",
        };
        steps.push(format!("t={now}"));
        match time.place {
            TimePlace::Header(name) => headers.push(format!("{}: $t", name.to_ascii_lowercase())),
            TimePlace::Pair(_) => {}
            TimePlace::Body(_) => return None,
        }
    }
    if let Some(name) = signed.id_header {
        steps.push("id=msg_$(date +%s)".to_owned());
        headers.push(format!("{}: $id", name.to_ascii_lowercase()));
    }
    let mut content = String::new();
    for piece in pieces(signed.content) {
        match piece.ok()? {
            Piece::Text(text) => content.push_str(&in_quotes(text)),
            Piece::Body => content.push_str("${body}"),
            Piece::Timestamp => content.push_str("${t}"),
            Piece::Id => content.push_str("${id}"),
            Piece::Method => content.push_str("POST"),
            Piece::Url | Piece::DecodedUrl => content.push_str(&in_quotes(url)),
        }
    }
    let written = match signed.encoding {
        Encoding::Hex => format!("openssl dgst -{digest} -hmac \"$secret\" | sed 's/^.* //'"),
        // The SHA-512 in base64 is longer than a line.
        Encoding::Base64 => format!("openssl dgst -{digest} -hmac \"$secret\" -binary | base64 | tr -d '\\n'"),
        Encoding::Base64url => {
            format!("openssl dgst -{digest} -hmac \"$secret\" -binary | base64 | tr -d '=\\n' | tr '+/' '-_'")
        }
    };
    steps.push(format!("sig=$(printf %s \"{content}\" | {written})"));
    let value = match (signed.form, signed.time.map(|time| time.place)) {
        (Form::Plain { prefix }, _) => format!("{}$sig", in_quotes(prefix)),
        (Form::Pairs { separator, signature }, Some(TimePlace::Pair(time))) => {
            format!("{time}=$t{separator}{signature}=$sig")
        }
        (Form::Pairs { signature, .. }, _) => format!("{signature}=$sig"),
    };
    headers.push(format!("{}: {value}", signed.header.to_ascii_lowercase()));
    Some(script("the secret", &steps, url, &headers))
}

fn by_standard_webhooks(headers: StandardHeaders, url: &str) -> String {
    let prefix = match headers {
        StandardHeaders::Webhook => "webhook",
        StandardHeaders::Svix => "svix",
    };
    script(
        "whsec_…",
        &[
            "id=msg_$(date +%s) t=$(date +%s)".to_owned(),
            "key=$(printf %s \"${secret#whsec_}\" | base64 -d | xxd -p -c 256)".to_owned(),
            "sig=$(printf %s \"$id.$t.$body\" | openssl dgst -sha256 -mac HMAC -macopt \"hexkey:$key\" -binary | base64)"
                .to_owned(),
        ],
        url,
        &[format!("{prefix}-id: $id"), format!("{prefix}-timestamp: $t"), format!("{prefix}-signature: v1,$sig")],
    )
}

fn by_token(place: TokenPlace<'_>, url: &str) -> String {
    match place {
        TokenPlace::Header { name, prefix } => {
            let header = format!("{}: {}$secret", name.to_ascii_lowercase(), in_quotes(prefix));
            script("the token", &[], url, &[header])
        }
        TokenPlace::Query(name) => script("the token", &[], &format!("{url}?{name}=$secret"), &[]),
    }
}

fn by_password(verification: &Verification, url: &str) -> String {
    let name = in_quotes(verification.username.as_deref().unwrap_or_default());
    let steps = [format!("pair=$(printf %s \"{name}:$secret\" | base64 | tr -d '\\n')")];
    script("the password", &steps, url, &["authorization: Basic $pair".to_owned()])
}

/// A text as it stands between double quotes.
fn in_quotes(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

fn script(secret: &str, steps: &[String], url: &str, headers: &[String]) -> String {
    let mut lines = vec![format!("secret='{secret}'"), format!("body='{BODY}'")];
    lines.extend_from_slice(steps);
    let mut options = vec!["-H 'content-type: application/json'".to_owned()];
    options.extend(headers.iter().map(|header| format!("-H \"{header}\"")));
    options.push("-d \"$body\"".to_owned());
    lines.push(format!("curl \"{url}\" \\\n  {}", options.join(" \\\n  ")));
    lines.join("\n")
}
