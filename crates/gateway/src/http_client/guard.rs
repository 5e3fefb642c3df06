//! Which addresses may be reached: those of the open internet, and those in networks that the operator names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::delivery::ErrorClass;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::SendError;

/// Judges addresses.
pub(super) struct Guard {
    allowed: Vec<IpNet>,
}

/// Addresses that nobody on the internet has, and what they are.
struct Range<N> {
    net: N,
    what: &'static str,
}

/// Why an address is not one of the open internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Closed {
    what: &'static str,
    /// The IPv4 address that the IPv6 one leads to.
    inner: Option<Ipv4Addr>,
}

const METADATA: &str = "an address of cloud metadata";
const LOOPBACK: &str = "a loopback address";
const PRIVATE: &str = "a private address";
const LINK_LOCAL: &str = "a link-local address";
const MULTICAST: &str = "a multicast address";
const DOCUMENTATION: &str = "an address for documentation";
const BENCHMARKS: &str = "an address for benchmarks";
const RESERVED: &str = "a reserved address";
const TUNNEL: &str = "an address of a tunnel, which may lead anywhere";

/// The first that holds an address says what it is.
const V4: &[Range<Ipv4Net>] = &[
    v4([169, 254, 169, 254], 32, METADATA),
    v4([169, 254, 170, 2], 32, METADATA),
    v4([100, 100, 100, 200], 32, METADATA),
    v4([192, 0, 0, 192], 32, METADATA),
    // A public address that is Azure's own inside of Azure.
    v4([168, 63, 129, 16], 32, METADATA),
    v4([0, 0, 0, 0], 8, "an address of this host"),
    v4([10, 0, 0, 0], 8, PRIVATE),
    v4([100, 64, 0, 0], 10, "a carrier's shared address"),
    v4([127, 0, 0, 0], 8, LOOPBACK),
    v4([169, 254, 0, 0], 16, LINK_LOCAL),
    v4([172, 16, 0, 0], 12, PRIVATE),
    v4([192, 0, 0, 0], 24, RESERVED),
    v4([192, 0, 2, 0], 24, DOCUMENTATION),
    v4([192, 88, 99, 0], 24, TUNNEL),
    v4([192, 168, 0, 0], 16, PRIVATE),
    v4([198, 18, 0, 0], 15, BENCHMARKS),
    v4([198, 51, 100, 0], 24, DOCUMENTATION),
    v4([203, 0, 113, 0], 24, DOCUMENTATION),
    v4([224, 0, 0, 0], 4, MULTICAST),
    v4([255, 255, 255, 255], 32, "the broadcast address"),
    v4([240, 0, 0, 0], 4, RESERVED),
];

const V6: &[Range<Ipv6Net>] = &[
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, METADATA),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, METADATA),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, LOOPBACK),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "an address of this host"),
    // Compatible with IPv4, as was once thought of.
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, RESERVED),
    // NAT64 of one's own, where nobody outside knows which part is the IPv4 address.
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, TUNNEL),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "an address that discards"),
    // Teredo; the rest of the block is for protocols, among them benchmarks and ORCHID.
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, TUNNEL),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, BENCHMARKS),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, RESERVED),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, DOCUMENTATION),
    // 6to4.
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, TUNNEL),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, DOCUMENTATION),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, PRIVATE),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, LINK_LOCAL),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "a site-local address"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, MULTICAST),
];

/// What is given out to anybody.
const GIVEN_OUT: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// NAT64 as everybody knows it: a network without IPv4 reaches IPv4 by it.
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

const fn v4(ip: [u8; 4], length: u8, what: &'static str) -> Range<Ipv4Net> {
    Range { net: Ipv4Net::new_assert(Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3]), length), what }
}

const fn v6(ip: [u16; 8], length: u8, what: &'static str) -> Range<Ipv6Net> {
    let address = Ipv6Addr::new(ip[0], ip[1], ip[2], ip[3], ip[4], ip[5], ip[6], ip[7]);
    Range { net: Ipv6Net::new_assert(address, length), what }
}

impl Guard {
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// # Errors
    /// Says what the address is, and how it can be allowed. `name` is what stands for it, where it is not itself.
    pub fn check(&self, name: Option<&str>, ip: IpAddr) -> Result<(), SendError> {
        // An IPv4 address that is mapped is that address, also where an operator allows networks.
        let ip = ip.to_canonical();
        let Some(closed) = closed(ip) else { return Ok(()) };
        if self.allowed.iter().any(|net| net.contains(&ip)) {
            return Ok(());
        }
        let Closed { what, inner } = closed;
        let what = inner.map_or_else(|| what.to_owned(), |inner| format!("the way to {inner}, {what}"));
        let what = match name {
            Some(name) => format!("{name} resolves to {ip}, {what}"),
            None => format!("{ip} is {what}"),
        };
        let message = format!(
            "{what}, which is not reached by itself; whoever runs this server can allow it by \
             HOOKSTREAM_ALLOW_TARGETS={} or a network around it",
            IpNet::from(ip)
        );
        Err(SendError::new(ErrorClass::Blocked, message))
    }
}

/// What keeps an address from being one of the open internet.
fn closed(ip: IpAddr) -> Option<Closed> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => closed_v4(ip).map(|what| Closed { what, inner: None }),
        IpAddr::V6(ip) => closed_v6(ip),
    }
}

fn closed_v4(ip: Ipv4Addr) -> Option<&'static str> {
    V4.iter().find(|range| range.net.contains(&ip)).map(|range| range.what)
}

fn closed_v6(ip: Ipv6Addr) -> Option<Closed> {
    if let Some(inner) = inner_v4(ip) {
        return closed_v4(inner).map(|what| Closed { what, inner: Some(inner) });
    }
    let known = V6.iter().find(|range| range.net.contains(&ip)).map(|range| range.what);
    let what = known.or_else(|| (!GIVEN_OUT.contains(&ip)).then_some("an address that nobody was given"));
    what.map(|what| Closed { what, inner: None })
}

/// The IPv4 address at the end of an IPv6 one that a gateway takes it to, or a tunnel of a site (ISATAP).
fn inner_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., middle, ends, high, low] = ip.segments();
    let is_isatap = matches!((middle, ends), (0 | 0x200, 0x5efe)) && GIVEN_OUT.contains(&ip);
    if !NAT64.contains(&ip) && !is_isatap {
        return None;
    }
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each range its first and its last address, and what is next to it on both sides where that is open.
    const CLOSED: &[&str] = &[
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.0",
        "127.0.0.1",
        "127.255.255.255",
        "168.63.129.16",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.192",
        "192.0.0.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.254",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b::10.0.0.1",
        // What leads where no part of it says.
        "64:ff9b:1::10.0.0.1",
        "64:ff9b:1:a00:0:100:8.8.8.8",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:0:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2002:101:101::",
        "3fff::1",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:192.168.0.1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "feff::1",
        "ff00::1",
        "ff02::1",
    ];
    const OPEN: &[&str] = &[
        "1.0.0.0",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "93.184.216.34",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2001:200::1",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "2606:4700:4700::1111",
        "2606:4700::5efe:8.8.8.8",
        "3fff:1000::1",
        "2a00:1450::1",
    ];

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap_or_else(|_| panic!("{text} is no address"))
    }

    #[test]
    fn what_is_not_of_the_open_internet_is_closed() {
        for text in CLOSED {
            assert!(closed(ip(text)).is_some(), "{text} is open");
        }
        for text in OPEN {
            assert_eq!(closed(ip(text)), None, "{text} is closed");
        }
    }

    #[test]
    fn every_range_is_tried() {
        let tried: Vec<IpAddr> = CLOSED.iter().map(|text| ip(text)).collect();
        let nets = V4.iter().map(|it| IpNet::from(it.net)).chain(V6.iter().map(|it| IpNet::from(it.net)));
        for net in nets {
            assert!(tried.iter().any(|ip| net.contains(ip)), "{net}");
        }
    }

    #[test]
    fn the_documentation_lists_every_range() {
        let page = include_str!("../../../../docs/security.md");
        let nets = V4.iter().map(|it| IpNet::from(it.net)).chain(V6.iter().map(|it| IpNet::from(it.net)));
        for net in nets {
            let is_one = net.prefix_len() == net.max_prefix_len();
            let text = if is_one { format!("`{}`", net.addr()) } else { format!("`{net}`") };
            assert!(page.contains(&text), "docs/security.md does not mention {text}");
        }
    }

    #[test]
    fn an_operator_opens_the_networks_that_are_named_and_no_others() {
        let guard = |nets: &[&str]| Guard::new(nets.iter().map(|net| net.parse().expect("a network")).collect());
        let reaches = |guard: &Guard, text: &str| guard.check(None, ip(text)).is_ok();
        let ten = guard(&["10.1.0.0/16", "fd00:1::/32"]);
        for text in ["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "fd00:1::7", "8.8.8.8"] {
            assert!(reaches(&ten, text), "{text}");
        }
        for text in ["10.0.255.255", "10.2.0.0", "127.0.0.1", "fd00:2::7", "64:ff9b::10.1.2.3", "2002:a01:203::1"] {
            assert!(!reaches(&ten, text), "{text}");
        }
        // All of IPv6 is none of IPv4, in whatever form that comes.
        let all_v6 = guard(&["::/0"]);
        assert!(reaches(&all_v6, "fd00::1") && !reaches(&all_v6, "::ffff:127.0.0.1") && !reaches(&all_v6, "10.0.0.1"));
        let gateway = guard(&["64:ff9b::/96"]);
        assert!(reaches(&gateway, "64:ff9b::10.1.2.3") && !reaches(&gateway, "10.1.2.3"));
    }

    #[test]
    fn a_refusal_says_which_address_and_what_to_allow() {
        let refusal = |name, text| Guard::new(vec![]).check(name, ip(text)).expect_err("closed");
        let literal = refusal(None, "10.1.2.3");
        assert_eq!(literal.class, ErrorClass::Blocked);
        assert!(literal.message.starts_with("10.1.2.3 is a private address"), "{literal}");
        assert!(literal.message.contains("HOOKSTREAM_ALLOW_TARGETS=10.1.2.3/32"), "{literal}");
        let named = refusal(Some("orders.internal"), "::ffff:169.254.169.254");
        assert!(named.message.starts_with("orders.internal resolves to 169.254.169.254, an address of cloud metadata"));
        let gateway = refusal(None, "64:ff9b::a00:1");
        assert!(gateway.message.starts_with("64:ff9b::a00:1 is the way to 10.0.0.1, a private address"), "{gateway}");
        assert!(gateway.message.contains("=64:ff9b::a00:1/128"), "{gateway}");
    }
}
