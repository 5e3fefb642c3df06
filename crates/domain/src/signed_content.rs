//! What a signature covers, as a pattern: `{timestamp}.{body}`.
//!
//! The engine that verifies walks through the pieces and never builds the whole text.

/// A part of what is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Stands there as it is.
    Text(&'a str),
    /// The raw bytes of the body.
    Body,
    /// The time as it was written in the request.
    Timestamp,
    /// The public URL that the request was sent to, with its query.
    Url,
    /// The same with the characters that HubSpot does not encode decoded.
    DecodedUrl,
    /// The method in capital letters.
    Method,
    /// The request's id, from a header.
    Id,
}

/// The pieces of a pattern, one after the other. Where it cannot be read, the last item is an error.
#[derive(Debug, Clone)]
pub struct Pieces<'a>(&'a str);

/// The longest pattern.
const MAX_PATTERN: usize = 200;
const UNKNOWN: &str = "may name {body}, {timestamp}, {url}, {method} and {id}, and nothing else in braces";

#[must_use]
pub const fn pieces(pattern: &str) -> Pieces<'_> {
    Pieces(pattern)
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let Some(inner) = self.0.strip_prefix('{') else {
            let (text, rest) = self.0.split_at(self.0.find('{').unwrap_or(self.0.len()));
            self.0 = rest;
            return Some(if text.contains('}') { Err(UNKNOWN) } else { Ok(Piece::Text(text)) });
        };
        let (name, rest) = inner.split_once('}').unwrap_or(("", ""));
        self.0 = rest;
        Some(match name {
            "body" => Ok(Piece::Body),
            "timestamp" => Ok(Piece::Timestamp),
            "url" => Ok(Piece::Url),
            "decoded_url" => Ok(Piece::DecodedUrl),
            "method" => Ok(Piece::Method),
            "id" => Ok(Piece::Id),
            _ => Err(UNKNOWN),
        })
    }
}

/// What a pattern makes use of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uses {
    pub timestamp: bool,
    pub id: bool,
}

/// Reads a pattern that somebody wrote.
///
/// # Errors
/// Says what is wrong: a name that is not known, a body that would not be covered.
pub fn check(pattern: &str) -> Result<Uses, &'static str> {
    if pattern.len() > MAX_PATTERN || pattern.chars().any(char::is_control) {
        return Err("must be at most 200 bytes without control characters");
    }
    let (mut uses, mut covers_body) = (Uses::default(), false);
    for piece in pieces(pattern) {
        match piece? {
            Piece::Body => covers_body = true,
            Piece::Timestamp => uses.timestamp = true,
            Piece::Id => uses.id = true,
            Piece::Text(_) | Piece::Url | Piece::DecodedUrl | Piece::Method => {}
        }
    }
    if covers_body { Ok(uses) } else { Err("must contain {body}, or anybody could change it") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_read_piece_by_piece() {
        let read: Result<Vec<_>, _> = pieces("v0:{timestamp}:{body}").collect();
        let wanted = [Piece::Text("v0:"), Piece::Timestamp, Piece::Text(":"), Piece::Body];
        assert_eq!(read.as_deref(), Ok(wanted.as_slice()));
        assert_eq!(check("{id}.{timestamp}.{body}"), Ok(Uses { timestamp: true, id: true }));
        assert_eq!(check("{body}"), Ok(Uses::default()));
    }

    #[test]
    fn what_cannot_be_read_or_covers_no_body_is_refused() {
        for bad in
            ["", "{timestamp}", "body", "{body", "{body}}", "{Body}", "{}", "}{body}", "{body}{secret}", "{{body}}"]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check(&format!("{{body}}{}", "x".repeat(200))).is_err());
        assert!(check("{body}\n").is_err());
    }
}
