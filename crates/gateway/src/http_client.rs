//! The one way out: an HTTP client that does not reach private addresses, follows no redirects, uses no proxies, and
//! reads no more of an answer than it was told to.
//!
//! The check is made on the addresses that a name resolved to, and the connection goes to those very addresses, so
//! that a name cannot say one thing to the check and another to the connection.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use domain::delivery::ErrorClass;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;
use url::{Host, Url};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// Sends requests to destinations.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    guard: Arc<Guard>,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    pub class: ErrorClass,
    pub message: String,
}

impl SendError {
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

impl HttpClient {
    pub fn new(allowed: Vec<IpNet>) -> Result<Self, reqwest::Error> {
        let guard = Arc::new(Guard { allowed });
        Ok(Self { client: builder(&guard).build()?, guard })
    }

    /// The same with a certificate of its own, from a key and certificates in PEM. Its connections are no others'.
    pub fn with_certificate(&self, pem: &[u8]) -> Result<Self, reqwest::Error> {
        let identity = reqwest::Identity::from_pem(pem)?;
        let client = builder(&self.guard).identity(identity).build()?;
        Ok(Self { client, guard: Arc::clone(&self.guard) })
    }

    /// Begins a request, unless its URL names an address that may not be reached.
    pub fn request(&self, method: reqwest::Method, url: &Url) -> Result<reqwest::RequestBuilder, SendError> {
        // A literal address never asks the resolver.
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
            None => return Err(SendError::new(ErrorClass::Config, "the URL names no host")),
        };
        if let Some(ip) = literal.filter(|ip| !self.guard.allows(*ip)) {
            return Err(blocked(&ip.to_string()));
        }
        Ok(self.client.request(method, url.clone()))
    }
}

fn builder(guard: &Arc<Guard>) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .dns_resolver(Arc::new(GuardedResolver(Arc::clone(guard))))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .referer(false)
        .user_agent(concat!("hookstream/", env!("CARGO_PKG_VERSION")))
}

fn blocked(address: &str) -> SendError {
    SendError::new(
        ErrorClass::Blocked,
        format!("{address} is not a public address; the operator can allow its network by HOOKSTREAM_ALLOW_TARGETS"),
    )
}

/// Reads up to `limit` bytes of an answer, and no more, until `deadline`. What has come when it breaks off is kept.
pub async fn read_capped(response: &mut reqwest::Response, limit: usize, deadline: Instant) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < limit {
        let Ok(Ok(Some(chunk))) = tokio::time::timeout_at(deadline, response.chunk()).await else { break };
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    body
}

/// Says in words what went wrong with a request.
#[must_use]
pub fn explain(error: &reqwest::Error) -> SendError {
    let mut source = std::error::Error::source(error);
    let mut deepest = error.to_string();
    let mut is_tls = false;
    while let Some(cause) = source {
        let innermost = innermost(cause);
        if let Some(refusal) = innermost.downcast_ref::<SendError>() {
            return refusal.clone();
        }
        if innermost.is::<rustls::Error>() {
            is_tls = true;
            deepest = innermost.to_string();
            break;
        }
        deepest = cause.to_string();
        source = cause.source();
    }
    let class = if error.is_timeout() {
        ErrorClass::Timeout
    } else if is_tls {
        ErrorClass::Tls
    } else if error.is_connect() {
        ErrorClass::Connect
    } else if error.is_builder() {
        ErrorClass::Config
    } else {
        ErrorClass::Protocol
    };
    let message = match class {
        ErrorClass::Timeout if error.is_connect() => "no connection within the time allowed".to_owned(),
        ErrorClass::Timeout => "no answer within the time allowed".to_owned(),
        ErrorClass::Tls => format!("the TLS connection failed: {deepest}"),
        ErrorClass::Connect => format!("the connection failed: {deepest}"),
        ErrorClass::Config => format!("the request could not be made: {deepest}"),
        _ => format!("the exchange broke off: {deepest}"),
    };
    SendError { class, message }
}

/// What an I/O error was made of: as a source it passes over that, and one may be made of another.
fn innermost<'a>(mut error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    while let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        error = inner;
    }
    error
}

/// Which addresses may be reached.
struct Guard {
    allowed: Vec<IpNet>,
}

impl Guard {
    fn allows(&self, ip: IpAddr) -> bool {
        is_public(ip) || self.allowed.iter().any(|net| net.contains(&ip))
    }
}

struct GuardedResolver(Arc<Guard>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|error| {
                SendError::new(ErrorClass::Dns, format!("the name {name} could not be resolved: {error}"))
            })?;
            let found: Vec<SocketAddr> = found.collect();
            let allowed: Vec<SocketAddr> = found.iter().copied().filter(|at| guard.allows(at.ip())).collect();
            match (allowed.is_empty(), found.first()) {
                (false, _) => Ok(Box::new(allowed.into_iter()) as Addrs),
                (true, Some(first)) => Err(blocked(&format!("{name} ({})", first.ip())).into()),
                (true, None) => Err(SendError::new(ErrorClass::Dns, format!("the name {name} has no address")).into()),
            }
        })
    }
}

/// Whether an address is one of the open internet. IPv4 addresses inside of IPv6 ones count as what they are.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match embedded_v4(ip) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || ip.is_broadcast()
        || a == 0
        // Shared address space of carriers.
        || (a == 100 && (64..=127).contains(&b))
        // Protocol assignments, and the old relays of 6to4.
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        // Benchmarks.
        || (a == 198 && (b == 18 || b == 19))
        // Reserved.
        || a >= 240)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    // Only 2000::/3 is given out; of it, not documentation, benchmarks, ORCHID.
    segments[0] & 0xe000 == 0x2000
        && !(segments[0] == 0x2001 && segments[1] == 0x0db8)
        && !(segments[0] == 0x2001 && segments[1] == 0x0002)
        && !(segments[0] == 0x2001 && (segments[1] & 0xfff0 == 0x0010 || segments[1] & 0xfff0 == 0x0020))
        && !(segments[0] == 0x3fff && segments[1] < 0x1000)
}

/// The IPv4 address that an IPv6 one stands for: mapped, compatible, NAT64, 6to4, Teredo.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = ip.segments();
    let from = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        // ::ffff:a.b.c.d and ::a.b.c.d, which holds :: and ::1 as well.
        // 64:ff9b::/96 and 64:ff9b:1::/48.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0x64, 0xff9b, 0 | 1, _, _, _, high, low]
        // 6to4.
        | [0x2002, high, low, ..] => Some(from(high, low)),
        [0x2001, 0, _, _, _, _, high, low] => Some(from(!high, !low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_not_public_in_any_spelling() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "2001:0:0:0:0:0:80ff:fffe",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            let ip: IpAddr = text.parse().expect("an address");
            assert!(!is_public(ip), "{text}");
        }
        for text in ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2002:101:101::", "::ffff:8.8.8.8"] {
            let ip: IpAddr = text.parse().expect("an address");
            assert!(is_public(ip), "{text}");
        }
    }

    #[test]
    fn literals_are_refused_however_they_are_written() {
        let client = HttpClient::new(vec![]).expect("a client");
        for text in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://0/",
        ] {
            let url = Url::parse(text).expect("a URL");
            let error = client.request(reqwest::Method::POST, &url).expect_err(text);
            assert_eq!(error.class, ErrorClass::Blocked, "{text}");
        }
    }

    #[tokio::test]
    async fn names_are_judged_by_what_they_resolve_to() {
        let client = HttpClient::new(vec![]).expect("a client");
        let url = Url::parse("http://localhost:9/").expect("a URL");
        let request = client.request(reqwest::Method::POST, &url).expect("a name passes the first check");
        let error = explain(&request.send().await.expect_err("blocked"));
        assert_eq!(error.class, ErrorClass::Blocked);
        assert!(error.message.contains("localhost"), "{}", error.message);
    }

    #[test]
    fn an_operator_may_open_a_network() {
        let guard = Guard { allowed: vec!["10.1.0.0/16".parse().expect("a network")] };
        assert!(guard.allows("10.1.2.3".parse().expect("an address")));
        assert!(!guard.allows("10.2.2.3".parse().expect("an address")));
    }
}
