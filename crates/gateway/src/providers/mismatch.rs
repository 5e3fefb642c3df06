//! Why a request was not accepted, in words for the owner of the source. The sender learns nothing of it.

use domain::patch::mask;

/// What was expected and what was seen. It holds no secret, and of what was seen only as much as helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("the header {header} is missing")]
    MissingHeader { header: String, expected: String },
    #[error("the header {header} is malformed")]
    MalformedHeader { header: String, expected: String, seen: String },
    #[error("the header {header} stands there more than once")]
    RepeatedHeader { header: String },
    #[error("{place} is missing")]
    MissingField { place: String },
    #[error("{place} is malformed")]
    MalformedField { place: String, expected: &'static str, seen: String },
    #[error("the body is not {expected}")]
    MalformedBody { expected: &'static str },
    #[error("the signature is {seconds} s old, more than the {tolerance} s allowed")]
    Stale { seconds: i64, tolerance: u32 },
    #[error("the signature's time is {seconds} s ahead, more than the {tolerance} s allowed")]
    Future { seconds: i64, tolerance: u32 },
    #[error("no signature in {place} matches any of the source's secrets")]
    WrongSignature { place: String, expected: String, seen: String },
    #[error("{place} matches none of the source's secrets")]
    WrongToken { place: String, seen_length: usize },
    #[error("the user name in Authorization is not the one of the source")]
    WrongUsername { expected: String, seen: String },
    #[error("the body does not match its hash in the URL")]
    WrongBodyHash { expected: String, seen: String },
    #[error("the signature does not cover the body")]
    UncoveredBody { expected: &'static str },
    #[error("a secret of the source is malformed")]
    BadSecret,
    #[error("the source's verification is not one that its template has")]
    Misconfigured,
}

/// How much of a text from outside is shown.
const MAX_SHOWN: usize = 60;
/// How much of a signature is shown: enough to compare, too little to use.
const SIGNATURE_SHOWN: usize = 8;

impl Mismatch {
    /// The reason as a word.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::MissingHeader { .. } => "missing_header",
            Self::MalformedHeader { .. } => "malformed_header",
            Self::RepeatedHeader { .. } => "repeated_header",
            Self::MissingField { .. } => "missing_field",
            Self::MalformedField { .. } => "malformed_field",
            Self::MalformedBody { .. } => "malformed_body",
            Self::Stale { .. } => "stale",
            Self::Future { .. } => "future",
            Self::WrongSignature { .. } => "wrong_signature",
            Self::WrongToken { .. } => "wrong_token",
            Self::WrongUsername { .. } => "wrong_username",
            Self::WrongBodyHash { .. } => "wrong_body_hash",
            Self::UncoveredBody { .. } => "uncovered_body",
            Self::BadSecret => "bad_secret",
            Self::Misconfigured => "misconfigured",
        }
    }

    /// What would have been right.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::MissingHeader { header, expected } | Self::MalformedHeader { header, expected, .. } => {
                format!("{header}: {expected}")
            }
            Self::RepeatedHeader { header } => format!("{header} once"),
            Self::MissingField { place } => place.clone(),
            Self::MalformedField { place, expected, .. } => format!("{expected} in {place}"),
            Self::MalformedBody { expected } | Self::UncoveredBody { expected } => (*expected).to_owned(),
            Self::Stale { tolerance, .. } => format!("a signature at most {tolerance} s old"),
            Self::Future { tolerance, .. } => format!("a signature at most {tolerance} s ahead of this server's clock"),
            Self::WrongSignature { expected, .. }
            | Self::WrongUsername { expected, .. }
            | Self::WrongBodyHash { expected, .. } => expected.clone(),
            Self::WrongToken { place, .. } => format!("one of the source's secrets in {place}"),
            Self::BadSecret => "secrets in the form that the provider gives them".to_owned(),
            Self::Misconfigured => "a type of verification that the source's template has".to_owned(),
        }
    }

    /// What stood there instead.
    #[must_use]
    pub fn seen(&self) -> String {
        match self {
            Self::MissingHeader { .. } | Self::MissingField { .. } => "nothing".to_owned(),
            Self::MalformedHeader { seen, .. }
            | Self::MalformedField { seen, .. }
            | Self::WrongSignature { seen, .. }
            | Self::WrongUsername { seen, .. }
            | Self::WrongBodyHash { seen, .. } => seen.clone(),
            Self::RepeatedHeader { .. } => "the header more than once".to_owned(),
            Self::MalformedBody { .. } => "a body of another form".to_owned(),
            Self::Stale { seconds, .. } => format!("a signature {seconds} s old"),
            Self::Future { seconds, .. } => format!("a signature {seconds} s ahead"),
            Self::WrongToken { seen_length, .. } => format!("a text of {seen_length} characters"),
            Self::UncoveredBody { .. } => "a body that anybody could have changed".to_owned(),
            Self::BadSecret | Self::Misconfigured => "a setting of this source that is not right".to_owned(),
        }
    }
}

/// What is shown of a text that is no secret, such as a malformed header.
pub(super) fn shown(text: &str) -> String {
    if text.is_empty() {
        return "nothing".to_owned();
    }
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
    if text.chars().count() > MAX_SHOWN {
        shown.push('…');
    }
    shown
}

/// What is shown of a signature.
pub(super) fn shortened(signature: &str) -> String {
    let length = signature.chars().count();
    if length <= SIGNATURE_SHOWN {
        return shown(signature);
    }
    let start: String = signature.chars().filter(|c| !c.is_control()).take(SIGNATURE_SHOWN).collect();
    format!("{start}… ({length} characters)")
}

/// What is shown of a name that may have been a secret put into the wrong field.
pub(super) fn masked(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { mask(text) }
}
