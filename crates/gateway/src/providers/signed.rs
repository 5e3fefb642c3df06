//! A signature in a header, in whatever form the scheme says: what most providers do, and what a source's own settings
//! describe.

use std::borrow::Cow;

use domain::{
    signed_content::{Piece, pieces},
    template::scheme::{Algorithm, Form, Signed, TimePlace},
};

use super::{
    Check, Mismatch, RequestUrl,
    digest::{Hash, is_equal},
    extract,
    given::{self, MAX_SIGNATURES, check_time, decode, time_words},
    mismatch::shortened,
    public_key,
};

const DEFAULT_TOLERANCE: u32 = 300;

pub(super) fn verify(check: &Check<'_>, signed: &Signed<'_>) -> Result<(), Mismatch> {
    let given = Given::read(check, signed)?;
    let time = time_of(check, signed, &given)?;
    let id = match signed.id_header {
        Some(name) => Some(given::line(check.headers, name, "the id that is signed")?),
        None => None,
    };
    let covered = Covered {
        method: check.method,
        url: &check.url,
        body: check.body,
        timestamp: time.as_deref().unwrap_or_default(),
        id: id.unwrap_or_default(),
    };
    if is_by_any_secret(check, signed, &covered, &given.signatures)? {
        return Ok(());
    }
    Err(Mismatch::WrongSignature {
        place: signed.header.to_owned(),
        expected: in_words(signed),
        seen: shortened(given.first),
    })
}

/// What a signature covers.
pub(super) struct Covered<'a> {
    pub method: &'a str,
    pub url: &'a RequestUrl<'a>,
    pub body: &'a [u8],
    pub timestamp: &'a str,
    pub id: &'a str,
}

impl Covered<'_> {
    /// Hands over what the pattern names, piece by piece. A pattern that cannot be read covers nothing.
    pub fn each(&self, pattern: &str, mut take: impl FnMut(&[u8])) -> Result<(), Mismatch> {
        for piece in pieces(pattern) {
            match piece.map_err(|_| Mismatch::Misconfigured)? {
                Piece::Text(text) => take(text.as_bytes()),
                Piece::Body => take(self.body),
                Piece::Timestamp => take(self.timestamp.as_bytes()),
                Piece::Url => self.url.pieces().for_each(|part| take(part.as_bytes())),
                Piece::DecodedUrl => take(self.url.decoded().as_bytes()),
                Piece::Method => take(self.method.as_bytes()),
                Piece::Id => take(self.id.as_bytes()),
            }
        }
        Ok(())
    }

    pub fn hmac(&self, algorithm: Algorithm, key: &[u8], pattern: &str) -> Result<Vec<u8>, Mismatch> {
        let mut hash = Hash::new(algorithm, key).ok_or(Mismatch::Misconfigured)?;
        self.each(pattern, |piece| hash.update(piece))?;
        Ok(hash.finish())
    }
}

/// What the signature's header holds.
struct Given<'a> {
    time: Option<&'a str>,
    signatures: Vec<Vec<u8>>,
    /// The first signature as it was written.
    first: &'a str,
}

impl<'a> Given<'a> {
    fn read(check: &Check<'a>, signed: &Signed<'_>) -> Result<Self, Mismatch> {
        let lines = given::lines(check.headers, signed.header, || form_words(signed))?;
        let mut read = Self { time: None, signatures: Vec::new(), first: "" };
        for line in &lines {
            match signed.form {
                Form::Plain { prefix } => read.plain(line, prefix, signed),
                Form::Pairs { separator, signature } => read.pairs(line, separator, signature, signed)?,
            }
        }
        if read.signatures.is_empty() {
            let seen = lines.first().copied().unwrap_or_default();
            return Err(given::malformed(signed.header, form_words(signed), seen));
        }
        Ok(read)
    }

    /// One signature, or several with commas or spaces between them, as proxies join repeated headers.
    fn plain(&mut self, line: &'a str, prefix: &str, signed: &Signed<'_>) {
        let separates = |c: char| c == ',' || c.is_ascii_whitespace();
        let mut rest = line.trim_start_matches(separates);
        while !rest.is_empty() {
            let signature = rest.strip_prefix(prefix).map(str::trim_ascii_start);
            let part = signature.unwrap_or(rest);
            let (one, others) = part.split_at(part.find(separates).unwrap_or(part.len()));
            if signature.is_some() {
                self.take(one, signed);
            }
            rest = others.trim_start_matches(separates);
        }
    }

    fn pairs(&mut self, line: &'a str, separator: char, name: &str, signed: &Signed<'_>) -> Result<(), Mismatch> {
        let time_name = match signed.time.map(|time| time.place) {
            Some(TimePlace::Pair(name)) => Some(name),
            _ => None,
        };
        for part in line.split(separator) {
            match part.trim().split_once('=') {
                Some((given, value)) if Some(given) == time_name => {
                    if self.time.is_some_and(|before| before != value) {
                        // Which of them is signed would be anybody's choice.
                        return Err(given::malformed(signed.header, form_words(signed), line));
                    }
                    self.time = Some(value);
                }
                Some((given, value)) if given == name => self.take(value, signed),
                _ => {}
            }
        }
        Ok(())
    }

    /// Notes a signature, when it may be one.
    fn take(&mut self, text: &'a str, signed: &Signed<'_>) {
        let decoded = decode(text, signed.encoding).filter(|bytes| has_right_length(bytes.len(), signed.algorithm));
        if let Some(bytes) = decoded.filter(|_| self.signatures.len() < MAX_SIGNATURES) {
            if self.signatures.is_empty() {
                self.first = text;
            }
            self.signatures.push(bytes);
        }
    }
}

const fn has_right_length(length: usize, algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::HmacSha256 => length == 32,
        Algorithm::HmacSha1 => length == 20,
        Algorithm::HmacSha512 | Algorithm::Ed25519 => length == 64,
        // In DER it varies: two numbers of up to 33 bytes, and six bytes around them.
        Algorithm::EcdsaP256 => length >= 8 && length <= 72,
    }
}

/// The signed time as it was written, when it is right.
fn time_of<'a>(check: &Check<'a>, signed: &Signed<'_>, given: &Given<'a>) -> Result<Option<Cow<'a, str>>, Mismatch> {
    let Some(time) = signed.time else { return Ok(None) };
    let expected = time_words(time.unit);
    let text: Cow<'a, str> = match time.place {
        TimePlace::Header(name) => given::line(check.headers, name, expected)?.into(),
        TimePlace::Pair(_) => {
            let missing = || given::malformed(signed.header, form_words(signed), given.first);
            given.time.ok_or_else(missing)?.into()
        }
        TimePlace::Body(path) => {
            let missing = || Mismatch::MissingField { place: format!("{path} in the body") };
            extract::json(check.body, path).ok_or_else(missing)?.into()
        }
    };
    let malformed = || match time.place {
        TimePlace::Header(name) => given::malformed(name, expected.to_owned(), &text),
        TimePlace::Pair(_) => given::malformed(signed.header, form_words(signed), &text),
        TimePlace::Body(path) => Mismatch::MalformedField {
            place: format!("{path} in the body"),
            expected,
            seen: super::mismatch::shown(&text),
        },
    };
    let seconds = given::seconds(&text, time.unit).ok_or_else(malformed)?;
    check_time(seconds, check.now, check.verification.tolerance_seconds.unwrap_or(DEFAULT_TOLERANCE))?;
    Ok(Some(text))
}

/// Whether any of the signatures was made with any of the secrets. All are tried, whatever fits.
fn is_by_any_secret(
    check: &Check<'_>,
    signed: &Signed<'_>,
    covered: &Covered<'_>,
    signatures: &[Vec<u8>],
) -> Result<bool, Mismatch> {
    let mut found = false;
    let secrets = check.verification.secrets.iter().filter(|secret| !secret.is_empty());
    if signed.algorithm.is_public_key() {
        let mut message = Vec::with_capacity(covered.body.len() + 64);
        covered.each(signed.content, |piece| message.extend_from_slice(piece))?;
        for secret in secrets {
            let key = public_key::key_of(signed.algorithm, secret).ok_or(Mismatch::BadSecret)?;
            for signature in signatures {
                found |= public_key::is_signed(signed.algorithm, &key, &message, signature);
            }
        }
    } else {
        for secret in secrets {
            let tag = covered.hmac(signed.algorithm, secret.as_bytes(), signed.content)?;
            for signature in signatures {
                found |= is_equal(&tag, signature);
            }
        }
    }
    Ok(found)
}

/// How the header is written, in words.
fn form_words(signed: &Signed<'_>) -> String {
    let encoding = match signed.encoding {
        domain::verification::Encoding::Hex => "hexadecimal digits",
        domain::verification::Encoding::Base64 => "base64",
        domain::verification::Encoding::Base64url => "base64 for URLs",
    };
    match (signed.form, signed.time.map(|time| time.place)) {
        (Form::Pairs { separator, signature }, Some(TimePlace::Pair(time))) => {
            format!("{time}=<time>{separator}{signature}=<signature in {encoding}>")
        }
        (Form::Pairs { signature, .. }, _) => format!("{signature}=<signature in {encoding}>"),
        (Form::Plain { prefix }, _) => format!("{prefix}<signature in {encoding}>"),
    }
}

/// How the signature is made, in words.
fn in_words(signed: &Signed<'_>) -> String {
    let algorithm = match signed.algorithm {
        Algorithm::HmacSha256 => "HMAC-SHA256",
        Algorithm::HmacSha1 => "HMAC-SHA1",
        Algorithm::HmacSha512 => "HMAC-SHA512",
        Algorithm::Ed25519 => "Ed25519",
        Algorithm::EcdsaP256 => "ECDSA P-256 with SHA-256",
    };
    format!("{algorithm} over {} with a secret of this source, as {}", signed.content, form_words(signed))
}
