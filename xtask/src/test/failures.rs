//! What failed tests of Rust say, to be told again at the end: it stands far above by then.

use std::fmt;

/// Lines of one test that are told again.
const MOST_LINES: usize = 60;

#[derive(Default)]
pub struct Failures {
    sections: Vec<Vec<String>>,
    is_within: bool,
}

impl Failures {
    /// The runner shows what each failed test wrote under `---- <name> stdout ----`, and ends that with a list under `failures:`.
    pub fn read(&mut self, line: &str) {
        if line.starts_with("---- ") && line.ends_with(" ----") {
            self.is_within = true;
            self.sections.push(Vec::new());
        } else if line == "failures:" {
            self.is_within = false;
        }
        if let Some(section) = self.sections.last_mut().filter(|section| self.is_within && section.len() < MOST_LINES) {
            section.push(line.to_owned());
        }
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            writeln!(out, "\n{}", section.join("\n").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_test_wrote_is_kept() {
        let mut failures = Failures::default();
        let output = "test a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\nthread 'b' panicked:\nleft: 1\n\n\nfailures:\n    b\n\ntest result: FAILED";
        output.lines().for_each(|line| failures.read(line));
        assert_eq!(failures.to_string(), "\n---- b stdout ----\nthread 'b' panicked:\nleft: 1\n");
        let mut none = Failures::default();
        none.read("test a ... ok");
        assert_eq!(none.to_string(), "");
    }

    #[test]
    fn a_test_that_wrote_much_is_cut() {
        let mut failures = Failures::default();
        failures.read("---- b stdout ----");
        (0..1_000).for_each(|_| failures.read("x"));
        assert_eq!(failures.to_string().lines().count(), MOST_LINES + 1);
    }
}
