//! The address that a request was sent to, as the sender knows it.

use std::fmt;

/// A public URL in its parts, so that nothing has to be put together where no provider signs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestUrl<'a> {
    /// `https://hooks.example.com`, without a slash at the end.
    pub base: &'a str,
    pub path: &'a str,
    /// Without its question mark; as it came.
    pub query: Option<&'a str>,
}

impl<'a> RequestUrl<'a> {
    /// The parts, in their order.
    pub fn pieces(&self) -> impl Iterator<Item = &'a str> {
        let query = self.query.map(|query| ["?", query]).into_iter().flatten();
        [self.base, self.path].into_iter().chain(query)
    }

    /// The decoded values of a parameter in the query.
    pub fn parameters(&self, name: &str) -> impl Iterator<Item = String> {
        let pairs = ::url::form_urlencoded::parse(self.query.unwrap_or_default().as_bytes());
        pairs.filter(move |(given, _)| given == name).map(|(_, value)| value.into_owned())
    }

    /// With those characters decoded that HubSpot signs as they are.
    #[must_use]
    pub fn decoded(&self) -> String {
        let encoded = self.to_string();
        let mut decoded = String::with_capacity(encoded.len());
        let mut rest = encoded.as_str();
        while let Some(at) = rest.find('%') {
            let (before, from) = rest.split_at(at);
            decoded.push_str(before);
            let code = from.get(..3).unwrap_or_default();
            match HUBSPOT_DECODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)) {
                Some((_, character)) => decoded.push(*character),
                // What is no code of three characters is kept as it is, a percent sign at least.
                None => decoded.push('%'),
            }
            rest = if HUBSPOT_DECODES.iter().any(|(known, _)| known.eq_ignore_ascii_case(code)) {
                &from[3..]
            } else {
                &from[1..]
            };
        }
        decoded.push_str(rest);
        decoded
    }
}

/// As HubSpot documents it.
const HUBSPOT_DECODES: [(&str, char); 12] = [
    ("%3A", ':'),
    ("%2F", '/'),
    ("%3F", '?'),
    ("%40", '@'),
    ("%21", '!'),
    ("%24", '$'),
    ("%27", '\''),
    ("%28", '('),
    ("%29", ')'),
    ("%2A", '*'),
    ("%2C", ','),
    ("%3B", ';'),
];

impl fmt::Display for RequestUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().try_for_each(|piece| f.write_str(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_its_parts() {
        let url = RequestUrl { base: "https://h.test", path: "/v1/ingest/src_1", query: Some("a=1&b=%2Fx&a=2+3") };
        assert_eq!(url.to_string(), "https://h.test/v1/ingest/src_1?a=1&b=%2Fx&a=2+3");
        assert_eq!(url.parameters("a").collect::<Vec<_>>(), ["1", "2 3"]);
        assert_eq!(url.decoded(), "https://h.test/v1/ingest/src_1?a=1&b=/x&a=2+3");
        let odd = RequestUrl { query: Some("a=%3a%zz%4%"), ..url };
        assert_eq!(odd.decoded(), "https://h.test/v1/ingest/src_1?a=:%zz%4%");
        assert_eq!(RequestUrl { query: None, ..url }.to_string(), "https://h.test/v1/ingest/src_1");
    }
}
