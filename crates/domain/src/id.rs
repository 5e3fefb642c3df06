//! Typed ids: `<prefix>_<32 lowercase hex>`, where the hex is a UUIDv7, so that ids sort by the time they were made.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::Timestamp;

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be `{prefix}_` and 32 lowercase hexadecimal digits")]
pub struct InvalidId {
    prefix: &'static str,
}

/// Builds the 128 bits of a UUIDv7 from a time and 74 random bits (of the 128 given).
#[must_use]
pub const fn uuid_v7(now: Timestamp, random: u128) -> u128 {
    const RANDOM: u128 = (0x0fff << 64) | 0x3fff_ffff_ffff_ffff;
    let millis = (now.as_micros() / 1000).cast_unsigned() as u128 & 0xffff_ffff_ffff;
    (millis << 80) | (0x7 << 76) | (0b10 << 62) | (random & RANDOM)
}

fn parse_hex(text: &str, prefix: &'static str) -> Result<u128, InvalidId> {
    let invalid = InvalidId { prefix };
    let Some(hex) = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else {
        return Err(invalid);
    };
    if hex.len() != 32 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(invalid);
    }
    u128::from_str_radix(hex, 16).map_err(|_| invalid)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id of this moment. `random` comes from the caller's source of randomness.
            #[must_use]
            pub const fn new(now: Timestamp, random: u128) -> Self {
                Self(uuid_v7(now, random))
            }

            /// The bits, as the database keeps them.
            #[must_use]
            pub const fn as_u128(self) -> u128 {
                self.0
            }

            /// The moment it was made, to the millisecond.
            #[must_use]
            pub const fn made_at(self) -> Timestamp {
                Timestamp::from_micros(((self.0 >> 80) as i64) * 1000)
            }

            /// From the bits that the database kept.
            #[must_use]
            pub const fn from_u128(bits: u128) -> Self {
                Self(bits)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::schema::id($prefix)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{:032x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hex(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// An organization.
    OrgId = "org";
    /// A project; the API says *environment*.
    EnvId = "env";
    /// A person.
    UserId = "usr";
    /// A source.
    SourceId = "src";
    /// A destination.
    DestinationId = "dst";
    /// A connection.
    ConnectionId = "conn";
    /// An event.
    EventId = "evt";
    /// A delivery.
    DeliveryId = "dlv";
    /// A delivery attempt.
    AttemptId = "da";
    /// An issue.
    IssueId = "iss";
    /// A bulk operation.
    BulkOperationId = "blk";
    /// An API key.
    ApiKeyId = "ak";
    /// An invitation into an organization.
    InvitationId = "inv";
    /// An entry of the audit log.
    AuditEntryId = "aud";
    /// A replay.
    ReplayId = "rpl";
    /// An event that a listener forwarded.
    ForwardId = "fwd";
    /// A request, in logs and errors.
    RequestId = "req";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_sorts_by_time() {
        let early = EventId::new(Timestamp::from_micros(1_700_000_000_000_000), u128::MAX);
        let late = EventId::new(Timestamp::from_micros(1_700_000_000_001_000), 0);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_eq!(early.to_string().len(), "evt_".len() + 32);
    }

    #[test]
    fn the_version_and_variant_are_those_of_uuid_v7() {
        let hex = SourceId::new(Timestamp::from_micros(1), u128::MAX).to_string();
        assert_eq!(&hex[4 + 12..4 + 13], "7");
        assert!(matches!(&hex[4 + 16..4 + 17], "8" | "9" | "a" | "b"));
    }

    #[test]
    fn foreign_prefixes_and_sloppy_hex_are_refused() {
        let id = SourceId::new(Timestamp::from_micros(1), 5).to_string();
        assert!(id.parse::<DestinationId>().is_err());
        assert!(id.to_uppercase().parse::<SourceId>().is_err());
        assert!(format!("{id}0").parse::<SourceId>().is_err());
        assert!("src_+0000000000000000000000000000000".parse::<SourceId>().is_err());
        assert!("".parse::<SourceId>().is_err());
    }
}
