//! What `auto_explain` writes into PostgreSQL's log.

use super::Explained;

/// One of ten statements is looked at, so that looking changes little.
pub const SETTINGS: &[&str] = &[
    "session_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.sample_rate=0.1",
    "auto_explain.log_analyze=on",
    "auto_explain.log_buffers=on",
];

/// An entry is a line with the duration, and then, indented by a tab, the statement and its plan.
pub fn read(log: &str) -> Vec<Explained> {
    const STATEMENT: &str = "Query Text: ";
    let mut found: Vec<Explained> = Vec::new();
    let mut is_open = false;
    for line in log.lines() {
        if let Some(indented) = line.strip_prefix('\t') {
            let Some(last) = found.last_mut().filter(|_| is_open) else { continue };
            match indented.strip_prefix(STATEMENT) {
                Some(statement) => statement.clone_into(&mut last.statement),
                None => last.plan.extend([indented, "\n"]),
            }
            continue;
        }
        let duration = line.strip_suffix(" ms  plan:").and_then(|line| line.rsplit_once("duration: "));
        let milliseconds = duration.and_then(|(_, number)| number.parse().ok());
        is_open = milliseconds.is_some();
        found.extend(milliseconds.map(|milliseconds| Explained {
            milliseconds,
            statement: String::new(),
            plan: String::new(),
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_the_log_are_told_apart() {
        let log = "2026-01-01 00:00:00.000 UTC [1] LOG:  duration: 0.250 ms  plan:\n\tQuery Text: SELECT 1\n\tResult\n\t  \
            Buffers: shared hit=1\n2026-01-01 00:00:00.000 UTC [1] LOG:  checkpoint starting: time\n\tnot of a plan\n\
            2026-01-01 00:00:00.000 UTC [2] LOG:  duration: 1.500 ms  plan:\n\tQuery Text: SELECT 2\n\tResult\n";
        let found = read(log);
        let seen: Vec<_> = found.iter().map(|one| (one.statement.as_str(), one.plan.as_str())).collect();
        assert_eq!(seen, [("SELECT 1", "Result\n  Buffers: shared hit=1\n"), ("SELECT 2", "Result\n")]);
        assert!((found[1].milliseconds - 1.5).abs() < 1e-9);
    }
}
