//! Numbers as people read them: durations, sizes, counts, shares.

/// `84 ms`, `1.2 s`, `3 min`, `2 h`, `4 d`.
#[must_use]
pub fn duration_ms(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{} s", tenths(millis, 1_000)),
        60_000..3_600_000 => format!("{} min", tenths(millis, 60_000)),
        3_600_000..86_400_000 => format!("{} h", tenths(millis, 3_600_000)),
        _ => format!("{} d", tenths(millis, 86_400_000)),
    }
}

/// `312 B`, `1.4 kB`, `2.1 MB`.
#[must_use]
pub fn bytes(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} B"),
        1_000..1_000_000 => format!("{} kB", tenths(size, 1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(size, 1_000_000)),
        _ => format!("{} GB", tenths(size, 1_000_000_000)),
    }
}

/// `12,304`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `99.4 %` for 0.994. It never rounds up to a perfect 100.
#[must_use]
pub fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).floor() / 10.0;
    if share >= 1.0 || tenths.fract() == 0.0 { format!("{tenths:.0} %") } else { format!("{tenths:.1} %") }
}

/// `value / unit` with one decimal while it is below ten and has one.
fn tenths(value: u64, unit: u64) -> String {
    let (whole, tenth) = (value / unit, value % unit * 10 / unit);
    if whole < 10 && tenth > 0 { format!("{whole}.{tenth}") } else { whole.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(duration_ms(84), "84 ms");
        assert_eq!(duration_ms(1_250), "1.2 s");
        assert_eq!(duration_ms(300_000), "5 min");
        assert_eq!(duration_ms(9_000_000), "2.5 h");
        assert_eq!(bytes(1_432), "1.4 kB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(percent(0.99999), "99.9 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.5), "50 %");
    }
}
