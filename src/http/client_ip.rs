//! Whose request it is: the peer's address, or what trusted proxies say of it.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The address of the client. `Forwarded` (RFC 7239), or `X-Forwarded-For` where there is none, counts from its end, as
/// far as trusted proxies have written it.
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let peer = peer.to_canonical();
    if !is_trusted(&peer) {
        return peer;
    }
    let values = |name: &str| {
        let all = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        all.flat_map(|value| value.split(',')).map(str::to_owned).collect::<Vec<_>>()
    };
    let forwarded = if headers.contains_key("forwarded") { values("forwarded") } else { values("x-forwarded-for") };
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

    #[test]
    fn only_trusted_proxies_are_believed() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        let headers = HeaderMap::from_iter([(
            "x-forwarded-for".parse().expect("a name"),
            "1.1.1.1, 2.2.2.2, 10.0.0.9".parse().expect("a value"),
        )]);
        assert_eq!(client_ip(ip("3.3.3.3"), &headers, &trusted), ip("3.3.3.3"));
        assert_eq!(client_ip(ip("10.0.0.1"), &headers, &trusted), ip("2.2.2.2"));
        assert_eq!(client_ip(ip("::ffff:10.0.0.1"), &headers, &trusted), ip("2.2.2.2"));
        assert_eq!(client_ip(ip("10.0.0.1"), &HeaderMap::new(), &trusted), ip("10.0.0.1"));
    }
    #[test]
    fn addresses_stand_in_many_forms() {
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        for (name, value, client) in [
            ("forwarded", "for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("forwarded", r#"for=1.1.1.1, For="[2001:db8:cafe::17]:4711""#, "2001:db8:cafe::17"),
            ("forwarded", r#"for="[2001:db8::1]""#, "2001:db8::1"),
            ("forwarded", "for=1.1.1.1, for=_hidden", "10.0.0.1"),
            ("forwarded", "for=1.1.1.1, for=unknown", "10.0.0.1"),
            ("forwarded", "proto=https", "10.0.0.1"),
            ("x-forwarded-for", "192.0.2.60:5000", "192.0.2.60"),
            ("x-forwarded-for", "", "10.0.0.1"),
            ("x-forwarded-for", "nonsense, 10.0.0.2", "10.0.0.2"),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().expect("a name"), value.parse().expect("a value"))]);
            let found = client_ip("10.0.0.1".parse().expect("an address"), &headers, &trusted);
            assert_eq!(found.to_string(), client, "{name}: {value}");
        }
    }
}
