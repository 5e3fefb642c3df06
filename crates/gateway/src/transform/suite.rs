//! The official test suite of JSONata, where it is at hand: `HOOKSTREAM_JSONATA_SUITE` names the file, or it lies beside the
//! project in `../shared/data`. It is data, a case a line, and no part of this repository.

use std::path::PathBuf;

use domain::filter::same;
use jlens_core::{Bindings, Options};
use serde_json::Value;

use super::*;

/// How many of the cases of version 2.2.2 come out as they should. What does not: lone halves of surrogate pairs, which no
/// Rust string holds, and one error with another code.
const PASSED: usize = 1683;
const FILE: &str = "jsonata-suite-2.2.2.jsonl";

fn suite() -> Option<String> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(FILE);
    let path = std::env::var_os("HOOKSTREAM_JSONATA_SUITE").map_or_else(beside, PathBuf::from);
    let text = std::fs::read_to_string(&path);
    if text.is_err() {
        eprintln!("skipped: the official suite of JSONata is not at {}", path.display());
    }
    text.ok()
}

#[test]
fn official_suite() {
    let Some(text) = suite() else { return };
    let (mut passed, mut failed) = (0, Vec::new());
    for line in text.lines() {
        let Ok(case) = serde_json::from_str::<Value>(line) else {
            failed.push(format!("no Rust string holds {line}"));
            continue;
        };
        match check(&case) {
            Ok(()) => passed += 1,
            Err(why) => failed.push(format!("{}: {} {why}", case["file"], case["expr"])),
        }
    }
    eprintln!("{passed} of {} cases of the official suite pass", passed + failed.len());
    for failure in &failed {
        eprintln!("fails: {}", failure.chars().take(300).collect::<String>());
    }
    assert!(passed >= PASSED, "fewer than the {PASSED} that have passed before");
}

/// Without the bounds of this product, with `$eval`.
fn evaluated(case: &Value) -> Result<Option<Value>, TransformError> {
    let expression = case["expr"].as_str().unwrap_or_default();
    let expression = jlens_core::Expression::compile(expression).map_err(|error| explain(&error))?;
    let variables = case["bindings"].as_object().into_iter().flatten();
    let bindings =
        variables.fold(Bindings::new(), |bindings, (name, value)| bindings.var(name.as_str(), value.clone()));
    let limit = case["timelimit"].as_u64().unwrap_or(10_000).min(10_000);
    // A case that is to run out of its depth is to do so soon.
    let depth = if case["code"] == "U1001" { 300 } else { 50_000 };
    let options = Options::new().timeout(Duration::from_millis(limit)).max_depth(depth);
    expression.evaluate_with(case.get("input"), &bindings, &options).map_err(|error| explain(&error))
}

fn check(case: &Value) -> Result<(), String> {
    let code = case["code"].as_str().or_else(|| case["error"]["code"].as_str());
    let result = evaluated(case);
    match (code, result) {
        (Some(code), Err(error)) if error.code == code => Ok(()),
        // What runs out of time or depth is said in one way there, and in several here.
        (Some("U1001"), Err(error)) if matches!(error.code.as_str(), "D1011" | "D1012" | "U1006") => Ok(()),
        (Some(code), got) => Err(format!("is to fail with {code}: {got:?}")),
        (None, Err(error)) => Err(format!("fails: {error}")),
        (None, Ok(None)) if case["undefinedResult"] == true => Ok(()),
        (None, Ok(Some(got))) if fits(case, &got) => Ok(()),
        (None, Ok(got)) => Err(format!("comes to {got:?}")),
    }
}

fn fits(case: &Value, got: &Value) -> bool {
    let Some(wanted) = case.get("result") else { return false };
    match (wanted, got) {
        (Value::Array(wanted), Value::Array(got)) if case["unordered"] == true => {
            wanted.len() == got.len() && wanted.iter().all(|one| got.iter().any(|other| same(one, other)))
        }
        _ => same(wanted, got) || nearly(wanted, got),
    }
}

/// Floats that differ in their last digit, as they do between two mathematical libraries.
fn nearly(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-12 * one.abs(),
        _ => false,
    }
}
