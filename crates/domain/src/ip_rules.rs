//! Which addresses may post to a source.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::field::FieldErrors;

/// Addresses and ranges: those that are refused, and those that alone are let in, where there are any. What is refused is
/// refused although it is let in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IpRules {
    #[serde(default, rename = "ip_allowlist")]
    pub allow: Vec<IpRange>,
    #[serde(default, rename = "ip_denylist")]
    pub deny: Vec<IpRange>,
}

/// What the rules say of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVerdict {
    Allowed,
    Denied(IpRange),
    /// It stands in no range of the allow list.
    NotListed,
}

impl IpRules {
    pub const MAX_RANGES: usize = 200;

    #[must_use]
    pub fn judge(&self, address: IpAddr) -> IpVerdict {
        let address = address.to_canonical();
        if let Some(range) = self.deny.iter().find(|range| range.contains(address)) {
            return IpVerdict::Denied(*range);
        }
        if self.allow.is_empty() || self.allow.iter().any(|range| range.contains(address)) {
            IpVerdict::Allowed
        } else {
            IpVerdict::NotListed
        }
    }

    /// Notes what is wrong under `ip_allowlist.…` and `ip_denylist.…`.
    pub fn parse(errors: &mut FieldErrors, allow: &[String], deny: &[String]) -> Self {
        Self { allow: ranges(errors, "ip_allowlist", allow), deny: ranges(errors, "ip_denylist", deny) }
    }
}

fn ranges(errors: &mut FieldErrors, field: &str, given: &[String]) -> Vec<IpRange> {
    if given.len() > IpRules::MAX_RANGES {
        errors.push(field, format!("must be at most {} addresses and ranges", IpRules::MAX_RANGES));
        return Vec::new();
    }
    let parsed = given.iter().enumerate().filter_map(|(index, text)| {
        let path = format!("{field}.{index}");
        errors.check(&path, text.parse::<IpRange>())
    });
    let mut ranges: Vec<IpRange> = Vec::new();
    for range in parsed {
        if !ranges.contains(&range) {
            ranges.push(range);
        }
    }
    ranges
}

/// One address, or all that begin with the same bits: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct IpRange(IpNet);

impl IpRange {
    /// An IPv4 address that came in the form of an IPv6 one is to be given as itself ([`IpAddr::to_canonical`]).
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl std::str::FromStr for IpRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let wanted = || {
            let given: String = text.chars().take(60).collect();
            format!(
                "must be an address such as 192.0.2.7 or a range such as 192.0.2.0/24 or 2001:db8::/32, not {given:?}"
            )
        };
        let net = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => canonical(text.parse::<IpNet>().map_err(|_| wanted())?),
        };
        if net.addr() != net.network() {
            // Whoever writes 10.0.0.5/8 may have meant the one address.
            return Err(format!("{text} is not a range: did you mean {} or {}?", net.trunc(), net.addr()));
        }
        Ok(Self(net))
    }
}

/// `::ffff:192.0.2.0/120` is `192.0.2.0/24`.
fn canonical(net: IpNet) -> IpNet {
    match (net.addr().to_canonical(), net.prefix_len().checked_sub(96)) {
        (address @ IpAddr::V4(_), Some(bits)) if net.addr().is_ipv6() => IpNet::new(address, bits).unwrap_or(net),
        _ => net,
    }
}

impl std::fmt::Display for IpRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

impl TryFrom<String> for IpRange {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<IpRange> for String {
    fn from(range: IpRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow: &[&str], deny: &[&str]) -> Result<IpRules, FieldErrors> {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut errors = FieldErrors::default();
        let rules = IpRules::parse(&mut errors, &owned(allow), &owned(deny));
        errors.into_result().map(|()| rules)
    }

    fn judge(rules: &IpRules, address: &str) -> IpVerdict {
        rules.judge(address.parse().expect("an address"))
    }

    #[test]
    fn deny_wins_over_allow() {
        let rules = rules(&["192.0.2.0/24", "2001:db8::/32"], &["192.0.2.128/25"]).expect("rules");
        assert_eq!(judge(&rules, "192.0.2.7"), IpVerdict::Allowed);
        assert_eq!(judge(&rules, "::ffff:192.0.2.7"), IpVerdict::Allowed);
        assert_eq!(judge(&rules, "2001:db8::1"), IpVerdict::Allowed);
        assert_eq!(judge(&rules, "192.0.2.200"), IpVerdict::Denied(rules.deny[0]));
        assert_eq!(judge(&rules, "198.51.100.1"), IpVerdict::NotListed);
        assert_eq!(judge(&IpRules::default(), "198.51.100.1"), IpVerdict::Allowed);
    }

    #[test]
    fn an_address_has_one_form() {
        let rules = rules(&["::ffff:192.0.2.0/120", " 192.0.2.0/24 ", "2001:DB8:0::1"], &[]).expect("rules");
        let shown: Vec<_> = rules.allow.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["192.0.2.0/24", "2001:db8::1"]);
    }

    #[test]
    fn what_is_no_range_is_named() {
        for (text, words) in [
            ("10.0.0.5/8", "10.0.0.0/8"),
            ("example.com", "192.0.2.7"),
            ("10.0.0.0/33", "192.0.2.7"),
            ("", "192.0.2.7"),
        ] {
            let errors = rules(&["192.0.2.1", text], &[]).expect_err(text);
            assert!(errors.at("ip_allowlist.1").is_some_and(|why| why.contains(words)), "{text}: {errors}");
        }
        let many = vec!["192.0.2.1"; IpRules::MAX_RANGES + 1];
        assert!(rules(&[], &many).expect_err("too many").at("ip_denylist").is_some());
    }
}
