//! Whose request it is: the peer's address, or what trusted proxies say of it.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The address of the client. `X-Forwarded-For` counts from its end, as far as trusted proxies have written it.
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let peer = peer.to_canonical();
    if !is_trusted(&peer) {
        return peer;
    }
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut client = peer;
    for text in forwarded.iter().rev() {
        // Beyond what is no address nothing can be believed.
        let Ok(ip) = text.trim().parse::<IpAddr>() else { break };
        client = ip.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    client
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
}
