//! Where a client is in a topic.

use std::{fmt, str::FromStr};

use domain::{id::DeliveryId, time::Timestamp};
use store::arrivals::Place;

use super::Topic;

/// A place in a topic. For clients it is a text without a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cursor {
    Events(Place),
    /// When the delivery changed, and which it was of those that changed then.
    Deliveries(Timestamp, DeliveryId),
    /// When the issue changed.
    Issues(Timestamp),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the `cursor` of an earlier message of this topic")]
pub struct InvalidCursor;

/// Longer ones come from nobody here.
const MAX_LENGTH: usize = 8 << 10;

impl Cursor {
    /// Whether it is a place in this topic.
    #[must_use]
    pub const fn fits(&self, topic: Topic) -> bool {
        matches!(
            (self, topic),
            (Self::Events(_), Topic::Events(_))
                | (Self::Deliveries(..), Topic::Deliveries(_))
                | (Self::Issues(_), Topic::Issues)
        )
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(place) => write!(f, "e{place}"),
            Self::Deliveries(at, id) => write!(f, "d{}.{:032x}", at.as_micros(), id.as_u128()),
            Self::Issues(at) => write!(f, "i{}", at.as_micros()),
        }
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let at = |text: &str| text.parse().map(Timestamp::from_micros).map_err(|_| InvalidCursor);
        if text.len() > MAX_LENGTH {
            return Err(InvalidCursor);
        }
        match (text.get(..1), text.get(1..)) {
            (Some("e"), Some(place)) => place.parse().map(Self::Events).map_err(|_| InvalidCursor),
            (Some("d"), Some(rest)) => {
                let (micros, id) = rest.split_once('.').ok_or(InvalidCursor)?;
                let id = u128::from_str_radix(id, 16).map_err(|_| InvalidCursor)?;
                Ok(Self::Deliveries(at(micros)?, DeliveryId::from_u128(id)))
            }
            (Some("i"), Some(micros)) => at(micros).map(Self::Issues),
            _ => Err(InvalidCursor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back() {
        for text in ["er5", "d-7.0000000000000000000000000000000a", "i1760000000000000"] {
            let cursor: Cursor = text.parse().expect("a cursor");
            assert_eq!(cursor.to_string(), text);
        }
        let events: Cursor = "er5".parse().expect("a cursor");
        assert!(events.fits(Topic::Events(None)) && !events.fits(Topic::Issues));
        for wrong in ["", "e", "ex", "d7", "i", "é", &format!("er{}", "1".repeat(9000))] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
    }
}
