//! The boundary: what is refused, what ends, and who waits for whom.

use serde_json::json;

use super::*;

const PROJECT: EnvId = EnvId::from_u128(1);

fn input() -> Input {
    Input {
        project: PROJECT,
        payload: Some(json!({ "type": "paid", "customer": { "id": 42 }, "items": [{ "n": 1 }, { "n": 2 }] })),
        variables: vec![("headers", json!({ "x-a": "b" }))],
        now_ms: 0,
    }
}

#[tokio::test]
async fn templates_are_filled_from_the_event() {
    for (text, filled) in [
        ("plain", "plain"),
        ("{{ type }}", "paid"),
        ("a/{{customer.id}}/{{ $sum(items.n) }}.json", "a/42/3.json"),
        ("{{ $headers.\"x-a\" }}", "b"),
        ("{{ '}}' }}", "}}"),
        ("{{ {'a': {'b': 'c'}}.a.b }}", "c"),
        ("", ""),
    ] {
        let template = Template::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(template.fill(input).await.as_deref(), Ok(filled), "{text}");
        assert_eq!(template.is_computed(), text.contains("{{"));
    }
}

#[tokio::test]
async fn a_part_without_a_value_is_named() {
    for (text, wanted) in [("{{ nothing }}", "{{ nothing }} has no value"), ("{{ items }}", "is no text")] {
        let error = Template::compile(text).expect("parses").fill(input).await.expect_err(text);
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn what_does_not_parse_is_refused() {
    for text in ["{{ type", "{{ }}", "{{ a + }}", "x {{ 'open }}"] {
        assert!(Template::compile(text).is_err(), "{text}");
    }
    let error = Expression::compile("a + ").err().expect("it ends too early");
    assert!(error.position.is_some() && !error.code.is_empty());
}

fn nothing(project: EnvId) -> Arc<Input> {
    Arc::new(Input { project, payload: None, variables: vec![], now_ms: 0 })
}

fn compiled(source: &str) -> Expression {
    Expression::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

#[test]
fn what_is_not_to_be_had_is_refused_when_it_is_saved() {
    for (source, code) in [
        ("$eval('1')", "not_allowed"),
        ("($f := $eval; $f('1'))", "not_allowed"),
        ("$map(items, $eval)", "not_allowed"),
        ("[1..9999999]", "not_allowed"),
        ("$sum([-1000000..1000000])", "not_allowed"),
        ("items[[1..2000000]]", "not_allowed"),
        (&"(".repeat(60_000), "U1001"),
        (&"[".repeat(60_000), "U1001"),
        (&format!("{}1", "-".repeat(60_000)), "U1001"),
        (&format!("1{}", "+1".repeat(30_000)), "U1001"),
        (&"x".repeat(MAX_EXPRESSION + 1), "too_long"),
        ("a[", "S0203"),
    ] {
        let error = Expression::compile(source).err().unwrap_or_else(|| panic!("{}", &source[..source.len().min(40)]));
        assert_eq!(error.code, code, "{error}");
    }
    let error = Expression::compile("{\"a\": b +}").err().expect("it does not parse");
    assert!(error.position.is_some(), "{error}");
    for source in ["[1..1000000]", "[0..$count(items)-1]", "$evaluate", "{\"eval\": eval}"] {
        compiled(source);
    }
}

/// Each of them would take for ever, or all the memory there is.
const HOSTILE: [&str; 12] = [
    "($f := function($n) { $f($n + 1) }; $f(0))",
    "($f := function($n) { 1 + $f($n + 1) }; $f(0))",
    "($f := function($n) { [$f($n + 1), $f($n + 1)] }; $f(0))",
    "($n := 9999999; [1..$n])",
    "($n := 900000; $join([1..$n].('xxxxxxxxxxxx')))",
    "$pad('x', 2000000000)",
    "($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $f('xxxxxxxx', 40))",
    "($n := 900000; $reduce([1..$n], function($a, $b) { [$a] }))",
    "($n := 3000; [1..$n].($x := $; [1..$n].($x * $)))",
    "$match($pad('', 40, 'a') & 'b', /^(a+)+$/)",
    "$replace($pad('', 100000, 'a'), /(a*)*b/, '')",
    "($n := 900000; $sort([1..$n], function($a, $b) { $a < $b }))",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_ends_within_its_bounds() {
    for source in HOSTILE {
        let started = std::time::Instant::now();
        let ended = compiled(source).evaluate(&nothing(PROJECT)).await;
        let took = started.elapsed();
        // Debug builds and a machine that others use as well.
        assert!(took < Duration::from_secs(10), "{source} took {took:?}");
        assert!(ended.is_err() || source.contains("$match"), "{source}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_project_does_not_hold_up_another() {
    let hostile = compiled(HOSTILE[0]);
    let many: Vec<_> = (0..40)
        .map(|_| {
            let hostile = hostile.clone();
            tokio::spawn(async move { hostile.evaluate(&nothing(PROJECT)).await })
        })
        .collect();
    let tame = compiled("{ 'n': 1 + 1 }");
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let started = std::time::Instant::now();
        let made = tame.evaluate(&nothing(EnvId::from_u128(2))).await;
        assert_eq!(made, Ok(Some(json!({ "n": 2 }))));
        slowest = slowest.max(started.elapsed());
    }
    // Forty of half a second each, one after the other, would take twenty seconds.
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let is_busy = many.iter().any(|evaluation| !evaluation.is_finished());
    many.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(is_busy, "the others were at it all the while");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_evaluates_for_who_has_gone_away() {
    // Of its own, since other tests take turns as well.
    let turns = Quota::new(2);
    let long = compiled("($f := function($n) { $f($n + 1) }; $f(0))");
    let input: MakeInput = Arc::new(|| nothing(PROJECT));
    let waiting = long.evaluate_within(WIDE, &turns, PROJECT, &input);
    let waiting = tokio::time::timeout(Duration::from_millis(50), waiting);
    assert!(waiting.await.is_err(), "it goes on");
    // Its turn is given back long before its time is over.
    let started = std::time::Instant::now();
    let _ = compiled("1").evaluate_within(WIDE, &turns, PROJECT, &input).await;
    assert!(started.elapsed() < Duration::from_millis(400), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_needs_more_than_little_gets_it() {
    let long = compiled("$sum([1..50000].($ * 2))");
    let narrow = long.0.evaluate(NARROW, &nothing(PROJECT), CancelToken::new());
    assert!(narrow.is_err_and(|error| error.is_of_bounds()));
    assert_eq!(long.evaluate(&nothing(PROJECT)).await, Ok(Some(json!(2_500_050_000_i64))));
}

#[tokio::test]
async fn a_failure_says_what_and_where() {
    let input = Arc::new(input());
    for (source, code) in [("type + 1", "T2001"), ("$error('no')", "D3137"), ("$nothing()", "T1006")] {
        let error = compiled(source).evaluate(&input).await.expect_err(source);
        assert_eq!((error.code.as_str(), error.position.is_some()), (code, true), "{error}");
    }
    assert_eq!(compiled("missing").evaluate(&input).await, Ok(None));
}
