//! Ordered delivery: which of a destination's deliveries go one after the other.

use serde::{Deserialize, Serialize};

use crate::{
    event_path::{EventParts, EventPath},
    field::FieldErrors,
};

/// Whether deliveries wait for those before them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ordering {
    pub mode: OrderingMode,
    /// What deliveries must have in common to go one after the other, such as `payload.customer`. Without it all do.
    pub key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderingMode {
    #[default]
    Parallel,
    Ordered,
}

impl OrderingMode {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parallel => "parallel",
            Self::Ordered => "ordered",
        }
    }
}

impl std::str::FromStr for OrderingMode {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "parallel" => Ok(Self::Parallel),
            "ordered" => Ok(Self::Ordered),
            _ => Err("must be parallel or ordered"),
        }
    }
}

/// What sets the ordering; what is absent has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderingInput {
    #[serde(default)]
    pub mode: Option<OrderingMode>,
    #[serde(default)]
    pub key: Option<String>,
}

impl OrderingInput {
    /// Notes what is wrong under `ordering.…`.
    pub fn parse(self, errors: &mut FieldErrors) -> Ordering {
        let key = self.key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        let mode = self.mode.unwrap_or(if key.is_some() { OrderingMode::Ordered } else { OrderingMode::Parallel });
        if let Some(key) = &key {
            if mode == OrderingMode::Parallel {
                errors.push("ordering.key", "needs the mode ordered");
            } else {
                errors.check("ordering.key", key.parse::<EventPath>());
            }
        }
        Ordering { mode, key }
    }
}

impl From<&Ordering> for OrderingInput {
    fn from(ordering: &Ordering) -> Self {
        Self { mode: Some(ordering.mode), key: ordering.key.clone() }
    }
}

impl Ordering {
    /// How the key of an event is found; `None` when deliveries do not wait for one another. A stored path that can
    /// no longer be read makes all of the destination one key: too much order rather than too little.
    #[must_use]
    pub fn order(&self) -> Option<Order> {
        if self.mode == OrderingMode::Parallel {
            return None;
        }
        Some(self.key.as_ref().and_then(|key| key.parse().ok()).map_or(Order::Whole, Order::ByKey))
    }
}

/// Which deliveries go one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// All of the destination.
    Whole,
    /// Those whose events have the same there.
    ByKey(EventPath),
}

impl Order {
    /// Whether the key stands in the body, which has to be read as JSON for it.
    #[must_use]
    pub const fn is_of_payload(&self) -> bool {
        match self {
            Self::Whole => false,
            Self::ByKey(path) => path.is_of_payload(),
        }
    }

    /// A number that events of the same key have in common. It is stored, and must stay what it is. Those that have
    /// nothing there have one of their own in common.
    #[must_use]
    pub fn key_of(&self, event: EventParts<'_>) -> i64 {
        match self {
            Self::Whole => 0,
            Self::ByKey(path) => path.find(&event).map_or(1, |found| hash(found.as_bytes())),
        }
    }
}

/// FNV-1a. Two keys that come out the same only wait for one another.
fn hash(bytes: &[u8]) -> i64 {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    hash.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(path: &str, headers: &[(&str, &str)], query: Option<&str>, body: &str) -> i64 {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let order = Order::ByKey(path.parse().expect("a path"));
        order.key_of(EventParts { headers: &headers, query, body: body.as_bytes(), json: None })
    }

    #[test]
    fn events_of_a_key_have_a_number_in_common() {
        let of = |body| key("payload.customer.id", &[], None, body);
        assert_eq!(of(r#"{"customer": {"id": "a"}, "n": 1}"#), of(r#"{"n": 2, "customer": {"id": "a"}}"#));
        assert_ne!(of(r#"{"customer": {"id": "a"}}"#), of(r#"{"customer": {"id": "b"}}"#));
        assert_ne!(of(r#"{"customer": {"id": 1}}"#), of(r#"{"customer": {"id": "1"}}"#));
        let nothing = of("no JSON");
        for missing in ["{}", r#"{"customer": "a"}"#, r#"{"customer": {"id": null}}"#, "[1]"] {
            assert_eq!(of(missing), nothing, "{missing}");
        }
        assert_eq!(
            key("payload.items.1", &[], None, r#"{"items": [1, 2]}"#),
            key("payload.n", &[], None, r#"{"n": 2}"#)
        );
    }

    #[test]
    fn a_number_stays_what_it_is() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325_u64.cast_signed());
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8_u64.cast_signed());
        assert_eq!(Order::Whole.key_of(EventParts { headers: &[], query: None, body: b"{}", json: None }), 0);
    }

    #[test]
    fn headers_and_queries_have_keys_as_well() {
        let of = |path: &str| key(path, &[("X-Tenant", "one"), ("x.y", "one")], Some("a=1&account=on%65"), "");
        assert_eq!(of("headers.x-tenant"), of("headers.X-TENANT"));
        assert_eq!(of("headers.x-tenant"), of("headers.x.y"));
        assert_eq!(of("headers.x-tenant"), of("query.account"));
        assert_eq!(of("headers.absent"), of("query.absent"));
        assert_ne!(of("headers.x-tenant"), of("headers.absent"));
    }

    #[test]
    fn a_key_needs_an_order() {
        let parse = |mode, key: Option<&str>| {
            let mut errors = FieldErrors::default();
            let ordering = OrderingInput { mode, key: key.map(str::to_owned) }.parse(&mut errors);
            errors.into_result().map(|()| ordering)
        };
        assert_eq!(parse(None, None), Ok(Ordering::default()));
        assert_eq!(parse(None, Some("payload.a")).map(|it| it.mode), Ok(OrderingMode::Ordered));
        assert_eq!(parse(Some(OrderingMode::Ordered), None).map(|it| it.order()), Ok(Some(Order::Whole)));
        for (mode, key) in [(OrderingMode::Parallel, "payload.a"), (OrderingMode::Ordered, "a")] {
            assert!(parse(Some(mode), Some(key)).expect_err("is refused").at("ordering.key").is_some());
        }
    }
}
