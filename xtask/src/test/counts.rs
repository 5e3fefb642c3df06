//! How many tests passed and failed, read from what the runners say at their ends.

use std::{fmt, ops::AddAssign};

#[derive(Default, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub passed: u32,
    pub failed: u32,
}

impl Counts {
    /// Cargo ends each test binary with `test result: ok. 3 passed; 0 failed; …`.
    pub fn of_cargo_line(line: &str) -> Self {
        let mut counts = Self::default();
        let Some(result) = line.strip_prefix("test result: ") else {
            return counts;
        };
        let parts = result.split_once(". ").map_or("", |(_, parts)| parts);
        for part in parts.split(';') {
            counts.add_part(part);
        }
        counts
    }

    /// Playwright ends with lines such as `  2 failed` and `  7 passed (12.3s)`. Journeys that did
    /// not get their turn because of an earlier error count as failed.
    pub fn of_playwright_line(line: &str) -> Self {
        let mut counts = Self::default();
        let line = without_colours(line);
        if line.starts_with("  ") && !line.starts_with("   ") {
            counts.add_part(line.split(" (").next().unwrap_or_default());
        }
        counts
    }

    fn add_part(&mut self, part: &str) {
        let Some((number, what)) = part.trim().split_once(' ') else {
            return;
        };
        let Ok(number) = number.parse::<u32>() else {
            return;
        };
        match what {
            "passed" => self.passed += number,
            "failed" | "did not run" | "interrupted" | "flaky" => self.failed += number,
            _ => {}
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The line without terminal escape sequences.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, sequence)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        let end = sequence.find(|letter: char| letter.is_ascii_alphabetic());
        rest = end.map_or("", |end| &sequence[end + 1..]);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn cargo_reports_each_binary_in_one_line() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.52s";
        assert_eq!(Counts::of_cargo_line(line), Counts { passed: 12, failed: 3 });
        assert_eq!(Counts::of_cargo_line("test store::claims ... ok"), Counts::default());
    }

    #[test]
    fn playwright_reports_each_outcome_in_a_line() {
        let of = Counts::of_playwright_line;
        assert_eq!(of("  7 passed (12.3s)"), Counts { passed: 7, failed: 0 });
        assert_eq!(of("\u{1b}[31m\u{1b}[2A  2 failed\u{1b}[39m"), Counts { passed: 0, failed: 2 });
        assert_eq!(of("  1 did not run"), Counts { passed: 0, failed: 1 });
        assert_eq!(of("  ✓  1 journeys/sign-up.spec.ts:3:1 › 4 passed"), Counts::default());
        assert_eq!(of("Running 7 tests using 1 worker"), Counts::default());
    }
}
