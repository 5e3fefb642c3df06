//! The engine held against another one, written by somebody else: expressions that people write, made by chance, come to the
//! same in both. The other one panics on some of what is not tame, and knows no bounds; it is for tests alone.

use domain::filter::same;
use jsonata_core::{evaluator::Evaluator, parser, value::JValue};
use proptest::{prelude::*, strategy::ValueTree};
use serde_json::{Value, json};

use super::*;

fn payload() -> Value {
    json!({
        "id": "evt_1", "type": "order.paid", "total": 12.5, "count": 3, "vip": true, "note": null,
        "customer": {"name": "Ada", "email": "ada@example.com", "address": {"city": "Berlin"}},
        "items": [
            {"sku": "a", "qty": 2, "price": 3, "tags": ["x", "y"]},
            {"sku": "b", "qty": 1, "price": 6.5, "tags": []},
            {"sku": "c", "qty": 5, "price": 0.25, "tags": ["y"]}
        ],
        "empty": [], "numbers": [5, 3, 9, 1]
    })
}

fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0..20_i32).prop_map(|number| number.to_string()),
        Just("total".to_owned()),
        Just("count".to_owned()),
        Just("$sum(items.qty)".to_owned()),
        Just("$count(items)".to_owned()),
        Just("$max(numbers)".to_owned()),
        Just("$length(customer.name)".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), proptest::sample::select(vec!["+", "-", "*"]), inner.clone())
                .prop_map(|(one, op, other)| format!("({one} {op} {other})")),
            inner.clone().prop_map(|one| format!("$floor({one})")),
            inner.clone().prop_map(|one| format!("$abs({one})")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("(vip ? {one} : {other})")),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z]{0,4}".prop_map(|text| format!("\"{text}\"")),
        Just("id".to_owned()),
        Just("type".to_owned()),
        Just("customer.name".to_owned()),
        Just("customer.address.city".to_owned()),
        Just("items[0].sku".to_owned()),
        Just("$join(items.sku, \"-\")".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} & {other})")),
            inner.clone().prop_map(|one| format!("$uppercase({one})")),
            inner.clone().prop_map(|one| format!("$substringBefore({one}, \".\")")),
            (inner.clone(), 0..3_i32).prop_map(|(one, at)| format!("$substring({one}, {at})")),
            inner.prop_map(|one| format!("$trim({one})")),
        ]
    })
}

fn truth() -> impl Strategy<Value = String> {
    let compared = (number(), proptest::sample::select(vec!["<", "<=", ">", ">=", "=", "!="]), number())
        .prop_map(|(one, op, other)| format!("{one} {op} {other}"));
    let leaf = prop_oneof![
        compared,
        (text(), text()).prop_map(|(one, other)| format!("{one} = {other}")),
        text().prop_map(|one| format!("$contains({one}, \"a\")")),
        Just("$exists(customer.phone)".to_owned()),
        Just("\"y\" in items[0].tags".to_owned()),
        Just("vip".to_owned()),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), proptest::sample::select(vec!["and", "or"]), inner.clone())
                .prop_map(|(one, op, other)| format!("(({one}) {op} ({other}))")),
            inner.prop_map(|one| format!("$not({one})")),
        ]
    })
}

/// What people write: an object of parts.
fn expression() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        number(),
        text(),
        truth(),
        truth().prop_map(|truth| format!("({truth}) ? \"yes\" : \"no\"")),
        (1..6_i32).prop_map(|most| format!("[items[qty > {most}].sku]")),
        (1..6_i32).prop_map(|most| format!("[items.(qty * price > {most} ? sku : \"-\")]")),
        Just("$map(items, function($item) { $item.sku & $string($item.qty) })".to_owned()),
        Just("[items.{\"sku\": sku, \"worth\": qty * price}]".to_owned()),
        Just("$sort(numbers)".to_owned()),
        Just("$reduce(numbers, function($a, $b) { $a + $b })".to_owned()),
        Just("[items^(price).sku]".to_owned()),
        Just("customer.address".to_owned()),
        Just("$distinct(items.tags)".to_owned()),
        Just("$merge([customer.address, {\"n\": count}])".to_owned()),
    ];
    proptest::collection::vec(part, 1..5).prop_map(|parts| {
        let fields = parts.iter().enumerate().map(|(index, part)| format!("\"f{index}\": {part}"));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
    })
}

/// What the other engine makes of it; `None` where it does not come to anything.
fn by_the_other(source: &str, payload: &Value) -> Option<Value> {
    let source = source.to_owned();
    let payload = payload.to_string();
    let made = std::panic::catch_unwind(move || {
        let ast = parser::parse(&source).ok()?;
        let payload = JValue::from_json_str(&payload).ok()?;
        let made = Evaluator::new().evaluate(&ast, &payload).ok()?;
        serde_json::to_value(&made).ok()
    });
    made.ok()?
}

fn nearly(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| nearly(value, other)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| nearly(one, other))
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap_or(f64::NAN), other.as_f64().unwrap_or(f64::NAN));
            (one - other).abs() <= 1e-9 * one.abs().max(1.0)
        }
        (one, other) => same(one, other),
    }
}

/// Expressions that are tried; so many of them at least come to something in both.
const TRIED: u32 = 500;
const COMPARED: u32 = 400;

#[test]
fn both_engines_come_to_the_same() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (payload, stop) = (payload(), Stop::default());
    let input = Input { project: EnvId::from_u128(1), payload: Some(payload.clone()), variables: vec![], now_ms: 0 };
    let mut compared = 0;
    for _ in 0..TRIED {
        let source = expression().new_tree(&mut runner).expect("an expression").current();
        let ours = Expression::compile(&source).and_then(|it| it.evaluate_here(&input, &stop.ended()));
        match (ours, by_the_other(&source, &payload)) {
            (Ok(Some(ours)), Some(theirs)) => {
                assert!(nearly(&ours, &theirs), "{source}\nours: {ours}\ntheirs: {theirs}");
                compared += 1;
            }
            (ours, Some(theirs)) => panic!("{source}: {ours:?} and {theirs}"),
            // The other one does not know all of the language.
            (_, None) => {}
        }
    }
    eprintln!("{compared} of {TRIED} expressions were compared");
    assert!(compared >= COMPARED, "only {compared}");
}
