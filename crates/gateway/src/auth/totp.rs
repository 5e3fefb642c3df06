//! One-time codes by the time of day (RFC 6238: SHA-1, 30 seconds, 6 digits), as every authenticator app makes them.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use qrcode::{Color, EcLevel, QrCode};
use sha1::Sha1;

/// How long a code is the one.
const STEP_SECONDS: i64 = 30;
/// How many steps a clock may be off.
const SKEW: i64 = 1;
const DIGITS: usize = 6;
/// The modules around a QR code that have to be empty.
const QUIET: usize = 4;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The step whose code this is, near `now` and after `last`: a code that was taken, or one before it, is worth nothing.
#[must_use]
pub fn step_of(secret: &[u8], code: &str, now: Timestamp, last: i64) -> Option<i64> {
    if code.len() != DIGITS || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let current = now.as_secs().div_euclid(STEP_SECONDS);
    let mut found = None;
    for step in current - SKEW..=current + SKEW {
        let is_equal = verify_slices_are_equal(code_at(secret, step).as_bytes(), code.as_bytes()).is_ok();
        if is_equal && step > last {
            found = Some(step);
        }
    }
    found
}

fn code_at(secret: &[u8], step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[digest.len() - 1] & 0xf);
    let number = digest[offset..offset + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:0DIGITS$}", (number & 0x7fff_ffff) % 1_000_000)
}

/// Bytes as people and authenticator apps write them (RFC 4648, without padding).
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut bits = [0_u8; 8];
        bits[3..3 + chunk.len()].copy_from_slice(chunk);
        let number = u64::from_be_bytes(bits);
        for place in 0..(chunk.len() * 8).div_ceil(5) {
            let index = usize::try_from(number >> (35 - 5 * place) & 31).unwrap_or(0);
            text.push(char::from(ALPHABET[index]));
        }
    }
    text
}

/// What an app reads from the picture.
#[must_use]
pub fn uri(secret: &[u8], issuer: &str, account: &str) -> String {
    let escape =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let (issuer, account) = (escape(issuer), escape(account));
    format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", base32(secret))
}

/// A QR code as the path of its dark modules, and how many modules wide it is.
#[must_use]
pub fn qr_path(text: &str) -> Option<(String, usize)> {
    use std::fmt::Write;
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let length = row[x..].iter().take_while(|module| **module == Color::Dark).count();
            if length > 0 {
                let _ = write!(path, "M{} {}h{length}v1h-{length}z", x + QUIET, y + QUIET);
            }
            x += length.max(1);
        }
    }
    Some((path, width + 2 * QUIET))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // The last six of the eight digits in RFC 6238, appendix B.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(SECRET, seconds / 30), code);
            assert_eq!(step_of(SECRET, code, at(seconds), 0), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_works_a_step_early_and_late_and_once() {
        let code = code_at(SECRET, 100);
        for seconds in [99 * 30, 100 * 30, 101 * 30 + 29] {
            assert_eq!(step_of(SECRET, &code, at(seconds), 0), Some(100), "{seconds}");
        }
        for seconds in [98 * 30, 102 * 30] {
            assert_eq!(step_of(SECRET, &code, at(seconds), 0), None, "{seconds}");
        }
        assert_eq!(step_of(SECRET, &code, at(3000), 100), None, "it was taken");
        assert_eq!(step_of(SECRET, &code, at(3000), 101), None, "a later one was");
        for bad in ["", "28708", "2870820", "28708a", "２８７０８２"] {
            assert_eq!(step_of(SECRET, bad, at(59), 0), None, "{bad}");
        }
    }

    #[test]
    fn base32_is_that_of_the_rfc() {
        for (text, encoded) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_picture_says_what_the_text_says() {
        let uri = uri(SECRET, "hookstream", "ana gómez@example.com");
        assert_eq!(
            uri,
            "otpauth://totp/hookstream:ana%20g%C3%B3mez%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=hookstream"
        );
        let (path, size) = qr_path(&uri).expect("it fits");
        assert!(size > 40 && path.starts_with("M4 4h7"), "{size} {path}");
    }
}
