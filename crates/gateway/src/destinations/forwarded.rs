//! Which headers of the request that came may go to where its event goes.

use domain::patch::is_masked;

/// Headers of the original request that are not forwarded: they speak of another connection, of another credential,
/// or of a way through proxies that the receiver would mistake for its own.
const NOT_FORWARDED: [&str; 20] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "priority",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-api-key",
    "x-real-ip",
];
const NOT_FORWARDED_PREFIXES: [&str; 4] = ["x-forwarded-", "x-hookstream-", "webhook-", "cf-"];

/// A value that is masked was a secret between the sender and us.
pub(crate) fn is_forwarded(name: &str, value: &str) -> bool {
    if is_masked(value) {
        return false;
    }
    let name = name.to_ascii_lowercase();
    !NOT_FORWARDED.contains(&name.as_str()) && !NOT_FORWARDED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use domain::patch::mask;

    use super::*;

    #[test]
    fn what_belongs_to_another_connection_is_not_forwarded() {
        for name in ["Host", "content-length", "Cookie", "Authorization", "X-Forwarded-For", "Webhook-Id", "Via"] {
            assert!(!is_forwarded(name, "x"), "{name}");
        }
        for name in ["Content-Type", "Stripe-Signature", "X-GitHub-Event", "Content-Encoding"] {
            assert!(is_forwarded(name, "x"), "{name}");
            assert!(!is_forwarded(name, &mask("a secret")), "{name}");
        }
    }
}
