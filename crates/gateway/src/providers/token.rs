//! A secret that is sent along: in a header, in the URL, or as a password. It says who sends, and nothing of the body.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    patch::mask,
    template::{
        TemplateId,
        scheme::{Scheme, TokenPlace},
    },
    verification::{Verification, VerificationKind},
};
use http::header::AUTHORIZATION;

use super::{Check, Mismatch, digest::is_equal, given, mismatch::masked, provider};

/// Where requests carry a secret as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revealing<'a> {
    Header(&'a str),
    /// A parameter in the URL.
    Query(&'a str),
}

pub(super) fn verify(check: &Check<'_>, place: TokenPlace<'_>) -> Result<(), Mismatch> {
    let (given, place): (Vec<String>, String) = match place {
        TokenPlace::Header { name, prefix } => {
            let expected = || format!("{prefix}<token>");
            let lines = given::lines(check.headers, name, expected)?;
            let tokens: Vec<_> = lines.iter().filter_map(|line| line.trim().strip_prefix(prefix)).collect();
            if tokens.iter().all(|token| token.trim().is_empty()) {
                let seen = format!("a text of {} characters", lines.first().map_or(0, |line| line.len()));
                return Err(Mismatch::MalformedHeader { header: name.to_owned(), expected: expected(), seen });
            }
            (tokens.into_iter().map(|token| token.trim().to_owned()).collect(), name.to_owned())
        }
        TokenPlace::Query(name) => (check.url.parameters(name).collect(), format!("the parameter {name} in the URL")),
    };
    let Some(first) = given.first() else { return Err(Mismatch::MissingField { place }) };
    let seen_length = first.chars().count();
    let mut found = false;
    for token in &given {
        found |= is_a_secret(check.verification, token);
    }
    if found { Ok(()) } else { Err(Mismatch::WrongToken { place, seen_length }) }
}

pub(super) fn verify_basic(check: &Check<'_>) -> Result<(), Mismatch> {
    const EXPECTED: &str = "Basic <name and password in base64>";
    let header = AUTHORIZATION.as_str();
    let line = given::line(check.headers, header, EXPECTED)?;
    let (scheme, rest) = line.split_once(' ').unwrap_or((line, ""));
    // What stands there may be another secret, and is not shown.
    let malformed = |seen: &str| given::malformed(header, EXPECTED.to_owned(), seen);
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed("another way to sign in"));
    }
    let decoded = BASE64_STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(|| malformed("no base64"))?;
    let (name, password) = decoded.split_once(':').ok_or_else(|| malformed("no password"))?;
    let username = check.verification.username.as_deref().ok_or(Mismatch::Misconfigured)?;
    // Both are compared, so that the time does not tell which was wrong.
    let is_name = is_equal(username.as_bytes(), name.as_bytes());
    let is_password = is_a_secret(check.verification, password);
    match (is_name, is_password) {
        (true, true) => Ok(()),
        (false, _) => Err(Mismatch::WrongUsername { expected: username.to_owned(), seen: masked(name) }),
        (true, false) => {
            Err(Mismatch::WrongToken { place: "the password".to_owned(), seen_length: password.chars().count() })
        }
    }
}

/// Whether a text is one of the secrets. All are compared, whatever fits.
pub(super) fn is_a_secret(verification: &Verification, text: &str) -> bool {
    let mut found = false;
    for secret in &verification.secrets {
        found |= is_equal(secret.as_bytes(), text.as_bytes());
    }
    found
}

/// A query whose parameter of that name shows dots.
#[must_use]
pub fn without_value(query: &str, name: &str) -> String {
    let shown = query.split('&').map(|pair| {
        let given = url::form_urlencoded::parse(pair.as_bytes()).next();
        match (given, pair.split_once('=')) {
            (Some((given, value)), Some((as_written, _))) if given == name => format!("{as_written}={}", mask(&value)),
            _ => pair.to_owned(),
        }
    });
    shown.collect::<Vec<_>>().join("&")
}

pub(super) fn reveals(template: Option<TemplateId>, verification: &Verification) -> Option<Revealing<'_>> {
    let place = match provider(template) {
        Some(id) => match id.template().scheme(verification.kind)? {
            Scheme::SharedToken(place) => Some(*place),
            _ => None,
        },
        None => verification.token_place(),
    };
    match place {
        Some(TokenPlace::Header { name, .. }) => Some(Revealing::Header(name)),
        Some(TokenPlace::Query(name)) => Some(Revealing::Query(name)),
        None if verification.kind == VerificationKind::Basic => Some(Revealing::Header("authorization")),
        None => None,
    }
}
