//! A time in the past, as people write it.

use std::time::Duration;

use domain::time::Timestamp;
use gateway::clock;

use crate::cli::Failure;

/// `90s`, `10m`, `2h`, `7d`, or RFC 3339.
pub fn parse(text: &str) -> anyhow::Result<Timestamp> {
    if let Some(duration) = duration(text) {
        return Ok(clock::now().minus(duration));
    }
    let wrong = |_| Failure::invalid(format!("{text:?} is no time such as 10m, 2h, 7d or 2026-01-31T12:00:00Z"));
    Ok(Timestamp::parse_rfc3339(text).map_err(wrong)?)
}

fn duration(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    number.checked_mul(unit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_or_exact() {
        assert_eq!(duration("10m"), Some(Duration::from_mins(10)));
        assert_eq!(duration("7d"), Some(Duration::from_hours(7 * 24)));
        assert_eq!(parse("2026-01-31T12:00:00Z").expect("a time").to_rfc3339(), "2026-01-31T12:00:00.000Z");
        for wrong in ["", "m", "10", "yesterday", "é", "99999999999999999999d"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
