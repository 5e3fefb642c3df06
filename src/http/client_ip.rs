//! Whose request it is: the peer's address, or what trusted proxies say of it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, request::Parts},
};
use ipnet::IpNet;

use crate::config::ForwardedHeader;

/// Whom to believe.
#[derive(Clone)]
pub struct Proxies {
    trusted: Arc<[IpNet]>,
    header: &'static str,
}

impl Proxies {
    pub fn new(trusted: &[IpNet], header: ForwardedHeader) -> Self {
        let header = match header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        Self { trusted: trusted.into(), header }
    }

    /// The address of the client that sent a request.
    pub fn client_behind(&self, parts: &Parts) -> Option<IpAddr> {
        let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(self.client_of(peer.ip(), &parts.headers))
    }

    /// The address of the client. The header counts from its end, as far as trusted proxies have written it.
    pub fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let is_trusted = |ip: &IpAddr| self.trusted.iter().any(|net| net.contains(ip));
        let peer = peer.to_canonical();
        if !is_trusted(&peer) {
            return peer;
        }
        let values = headers.get_all(self.header).iter().filter_map(|value| value.to_str().ok());
        let forwarded: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
        let mut client = peer;
        for text in forwarded.iter().rev() {
            // Beyond what is no address nothing can be believed.
            let Some(ip) = address_in(text) else { break };
            client = ip.to_canonical();
            if !is_trusted(&client) {
                break;
            }
        }
        client
    }
}

/// The address in one part of either header: `192.0.2.7`, `for=192.0.2.7;proto=https`, `for="[2001:db8::1]:4711"`.
fn address_in(part: &str) -> Option<IpAddr> {
    let names_for = |pair: &&str| pair.trim_start().get(..4).is_some_and(|name| name.eq_ignore_ascii_case("for="));
    let node = match part.split(';').find(names_for) {
        Some(pair) => pair.trim().get(4..)?.trim_matches('"'),
        None => part.trim(),
    };
    let with_port = || node.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    node.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, believed: ForwardedHeader, headers: &[(&'static str, &str)]) -> String {
        let pairs =
            headers.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
        let proxies = Proxies::new(&["10.0.0.0/8".parse().expect("a network")], believed);
        let peer = peer.parse().expect("an address");
        proxies.client_of(peer, &pairs.collect::<HeaderMap>()).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let headers = [("x-forwarded-for", "1.1.1.1, 2.2.2.2, 10.0.0.9")];
        let client = |peer, headers| client(peer, ForwardedHeader::XForwardedFor, headers);
        assert_eq!(client("3.3.3.3", &headers), "3.3.3.3");
        assert_eq!(client("10.0.0.1", &headers), "2.2.2.2");
        assert_eq!(client("::ffff:10.0.0.1", &headers), "2.2.2.2");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn only_the_header_that_proxies_write_is_believed() {
        let headers = [("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=2.2.2.2")];
        assert_eq!(client("10.0.0.1", ForwardedHeader::XForwardedFor, &headers), "1.1.1.1");
        assert_eq!(client("10.0.0.1", ForwardedHeader::Forwarded, &headers), "2.2.2.2");
        assert_eq!(client("10.0.0.1", ForwardedHeader::Forwarded, &headers[..1]), "10.0.0.1");
    }

    #[test]
    fn addresses_stand_in_many_forms() {
        use ForwardedHeader::{Forwarded, XForwardedFor};
        for (believed, value, found) in [
            (Forwarded, "for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            (Forwarded, r#"for=1.1.1.1, For="[2001:db8:cafe::17]:4711""#, "2001:db8:cafe::17"),
            (Forwarded, r#"for="[2001:db8::1]""#, "2001:db8::1"),
            (Forwarded, "for=1.1.1.1, for=_hidden", "10.0.0.1"),
            (Forwarded, "for=1.1.1.1, for=unknown", "10.0.0.1"),
            (Forwarded, "proto=https", "10.0.0.1"),
            (XForwardedFor, "192.0.2.60:5000", "192.0.2.60"),
            (XForwardedFor, "", "10.0.0.1"),
            (XForwardedFor, "nonsense, 10.0.0.2", "10.0.0.2"),
        ] {
            let name = if believed == Forwarded { "forwarded" } else { "x-forwarded-for" };
            assert_eq!(client("10.0.0.1", believed, &[(name, value)]), found, "{value}");
        }
    }
}
