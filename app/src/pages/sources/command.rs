//! A command that posts an event to a source, signed as the source wants it, for pasting into a terminal.

use domain::{
    source::{Encoding, Source, VerificationKind},
    template::TemplateId,
};

const BODY: &str = r#"{"type":"test.event","data":{"amount":4200}}"#;

/// The command. The secret is not known here: the person who pastes it puts it in the first line.
#[must_use]
pub fn example_command(source: &Source) -> String {
    let url = &source.ingest_url;
    let verification = &source.verification;
    match (source.template, verification.kind) {
        (Some(TemplateId::Stripe), _) => script(
            "whsec_…",
            &["t=$(date +%s)".to_owned(), hmac("sha256", "$t.$body", Encoding::Hex)],
            url,
            &["stripe-signature: t=$t,v1=$sig".to_owned()],
        ),
        (Some(TemplateId::Github), _) => script(
            "the secret",
            &[hmac("sha256", "$body", Encoding::Hex)],
            url,
            &["x-github-event: push".to_owned(), "x-hub-signature-256: sha256=$sig".to_owned()],
        ),
        (None, VerificationKind::None) => {
            format!("curl {url} \\\n  -H 'content-type: application/json' \\\n  -d '{BODY}'")
        }
        (None, VerificationKind::StandardWebhooks) => script(
            "whsec_…",
            &[
                "id=msg_$(date +%s) t=$(date +%s)".to_owned(),
                "key=$(printf %s \"${secret#whsec_}\" | base64 -d | xxd -p -c 256)".to_owned(),
                "sig=$(printf %s \"$id.$t.$body\" | openssl dgst -sha256 -mac HMAC -macopt \"hexkey:$key\" -binary | base64)"
                    .to_owned(),
            ],
            url,
            &[
                "webhook-id: $id".to_owned(),
                "webhook-timestamp: $t".to_owned(),
                "webhook-signature: v1,$sig".to_owned(),
            ],
        ),
        (None, kind @ (VerificationKind::HmacSha256 | VerificationKind::HmacSha1)) => {
            let digest = if kind == VerificationKind::HmacSha1 { "sha1" } else { "sha256" };
            let header = verification.header.as_deref().unwrap_or("x-signature");
            let prefix = verification.prefix.as_deref().unwrap_or_default();
            script(
                "the secret",
                &[hmac(digest, "$body", verification.encoding.unwrap_or_default())],
                url,
                &[format!("{header}: {prefix}$sig")],
            )
        }
    }
}

fn hmac(digest: &str, signed: &str, encoding: Encoding) -> String {
    let written = match encoding {
        Encoding::Hex => format!("openssl dgst -{digest} -hmac \"$secret\" | sed 's/^.* //'"),
        Encoding::Base64 => format!("openssl dgst -{digest} -hmac \"$secret\" -binary | base64"),
    };
    format!("sig=$(printf %s \"{signed}\" | {written})")
}

fn script(secret: &str, steps: &[String], url: &str, headers: &[String]) -> String {
    let steps = steps.join("\n");
    let mut options = vec!["-H 'content-type: application/json'".to_owned()];
    options.extend(headers.iter().map(|header| format!("-H \"{header}\"")));
    options.push("-d \"$body\"".to_owned());
    format!("secret='{secret}'\nbody='{BODY}'\n{steps}\ncurl {url} \\\n  {}", options.join(" \\\n  "))
}
