use domain::{rehearsal::SampleEvent, time::Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn sample() -> (SampleEvent, Vec<(String, String)>, Payload) {
    let event = SampleEvent {
        query: Some("account=a%20b&tag=1&tag=2".to_owned()),
        method: Some("PUT".to_owned()),
        path: Some("/v1/ingest/x".to_owned()),
        source_ip: Some("203.0.113.7".to_owned()),
        ..SampleEvent::default()
    };
    let headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("X-Tenant", "one"),
        ("x-tenant", "two"),
        ("X-Api-Key", "very secret"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let payload = json!({
        "amount": 100, "price": 1.5, "big": 9_007_199_254_740_993_i64, "name": "Größe", "empty": "", "no": null, "yes": true,
        "tags": ["a", 1, {"k": "v"}], "none": [], "blank": {}, "text_number": "100",
        "items": [{"sku": "x-1", "qty": 1}, {"sku": "y-2"}, {"sku": null}],
        "nested": [[1, 2], [3]], "a.b": {"c[0]": 1}
    });
    (event, headers, Payload::of_json(payload))
}

fn compile(filter: &Value) -> Filter {
    let written = Written::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    Filter::compile(&written).unwrap_or_else(|error| panic!("{filter}: {error}"))
}

fn judged(filter: &Value) -> (bool, Why) {
    let (event, headers, payload) = sample();
    let view = EventView::of_sample(&event, &headers, Timestamp::from_micros(0));
    let filter = compile(filter);
    let decision = filter.judge(&view, &payload);
    (decision.matched, decision.why(&view, &payload))
}

fn holds(field: &str, op: &str, value: &Value) -> bool {
    judged(&json!({"field": field, "op": op, "value": value})).0
}

#[test]
fn each_operator_means_one_thing() {
    for (field, op, value, wanted) in [
        // Equality is by kind and amount.
        ("payload.amount", "eq", json!(100), true),
        ("payload.amount", "eq", json!(100.0), true),
        ("payload.amount", "eq", json!("100"), false),
        ("payload.text_number", "eq", json!(100), false),
        ("payload.big", "eq", json!(9_007_199_254_740_992.0), false),
        ("payload.no", "eq", Value::Null, true),
        ("payload.missing", "eq", Value::Null, false),
        ("payload.tags", "eq", json!(["a", 1.0, {"k": "v"}]), true),
        ("payload.blank", "eq", json!({}), true),
        ("payload.amount", "neq", json!(100), false),
        ("payload.amount", "neq", json!("100"), true),
        ("payload.missing", "neq", json!(100), true),
        // Order is among numbers and among texts.
        ("payload.amount", "gt", json!(99.5), true),
        ("payload.amount", "gt", json!(100), false),
        ("payload.amount", "gte", json!(100), true),
        ("payload.amount", "lt", json!(1000), true),
        ("payload.amount", "lte", json!(100), true),
        ("payload.big", "gt", json!(9_007_199_254_740_992.0), true),
        ("payload.text_number", "gt", json!(1), false),
        ("payload.amount", "gt", json!("1"), false),
        ("payload.name", "gt", json!("Gra"), true),
        ("payload.no", "lt", json!(1), false),
        ("payload.yes", "gt", json!(0), false),
        ("payload.missing", "lt", json!(1), false),
        ("query.tag", "gt", json!(0), false),
        ("query.tag", "gt", json!("1"), true),
        // A part of a text, or an item of an array.
        ("payload.name", "contains", json!("röß"), true),
        ("payload.name", "contains", json!("RÖSS"), false),
        ("payload.tags", "contains", json!("a"), true),
        ("payload.tags", "contains", json!(1.0), true),
        ("payload.tags", "contains", json!("1"), false),
        ("payload.tags", "contains", json!({"k": "v"}), true),
        ("payload.blank", "contains", json!("a"), false),
        ("payload.amount", "contains", json!(1), false),
        ("payload.text_number", "contains", json!(1), false),
        // Whether there is anything; null is something.
        ("payload.no", "exists", json!(true), true),
        ("payload.missing", "exists", json!(true), false),
        ("payload.missing", "exists", json!(false), true),
        ("payload.missing.deeper", "exists", json!(false), true),
        ("payload.amount.deeper", "exists", json!(true), false),
        ("payload", "exists", json!(true), true),
        // Lists.
        ("payload.amount", "in", json!([1, 100.0]), true),
        ("payload.amount", "in", json!(["100"]), false),
        ("payload.missing", "in", json!([null]), false),
        ("payload.no", "in", json!([null]), true),
        ("payload.missing", "not_in", json!([1]), true),
        ("payload.amount", "not_in", json!([100]), false),
        // Texts.
        ("payload.name", "starts_with", json!("Gr"), true),
        ("payload.name", "ends_with", json!("ße"), true),
        ("payload.amount", "starts_with", json!("1"), false),
        ("payload.name", "matches", json!("^Gr.*e$"), true),
        ("payload.name", "matches", json!("ö"), true),
        ("payload.name", "matches", json!("(?i)GRÖ"), true),
        ("payload.amount", "matches", json!("1"), false),
        // Nothing in it: missing, null, and empty texts, arrays and objects.
        ("payload.empty", "is_empty", json!(true), true),
        ("payload.none", "is_empty", json!(true), true),
        ("payload.blank", "is_empty", json!(true), true),
        ("payload.no", "is_empty", json!(true), true),
        ("payload.missing", "is_empty", json!(true), true),
        ("payload.amount", "is_empty", json!(true), false),
        ("payload.yes", "is_empty", json!(false), true),
        ("payload.missing", "is_empty", json!(false), false),
        ("headers.x-none", "is_empty", json!(true), true),
        // Paths.
        ("payload.tags.0", "eq", json!("a"), true),
        ("payload.tags.3", "exists", json!(true), false),
        ("payload.tags.-1", "exists", json!(true), false),
        ("payload.tags.+1", "exists", json!(true), false),
        ("payload.tags.2.k", "eq", json!("v"), true),
        (r"payload.a\.b.c\[0]", "eq", json!(1), true),
        ("payload.items[].sku", "eq", json!("y-2"), true),
        ("payload.items[].sku", "neq", json!("y-2"), false),
        ("payload.items[].sku", "neq", json!("z"), true),
        ("payload.items[].qty", "exists", json!(true), true),
        ("payload.items[].price", "exists", json!(false), true),
        ("payload.items[].sku", "starts_with", json!("y"), true),
        ("payload.items[].sku", "is_empty", json!(true), true),
        ("payload.items[].sku", "is_empty", json!(false), false),
        ("payload.items[].sku", "not_in", json!(["a", "b"]), true),
        ("payload.nested[][]", "eq", json!(3), true),
        ("payload.nested[]", "contains", json!(2), true),
        ("payload.amount[]", "exists", json!(true), false),
        // Everything else is text.
        ("headers.x-tenant", "eq", json!("two"), true),
        ("headers.X-TENANT", "in", json!(["one"]), true),
        ("headers.x-tenant", "neq", json!("one"), false),
        ("headers.x-none", "exists", json!(false), true),
        ("query.account", "eq", json!("a b"), true),
        ("query.tag", "eq", json!("2"), true),
        ("query.tag", "eq", json!(2), false),
        ("query.Tag", "exists", json!(true), false),
        ("method", "eq", json!("PUT"), true),
        ("path", "ends_with", json!("/x"), true),
        ("content_type", "starts_with", json!("application/json"), true),
        ("source_ip", "starts_with", json!("203.0.113."), true),
    ] {
        assert_eq!(holds(field, op, &value), wanted, "{field} {op} {value}");
    }
}

#[test]
fn the_rule_that_decided_is_named() {
    let yes = |n: u32| json!({"field": "payload.amount", "op": "gte", "value": n});
    let no = |n: u32| json!({"field": "payload.amount", "op": "gt", "value": 100 + n});
    for (filter, matched, place) in [
        (json!({"all": [yes(1), no(2), no(3)]}), false, "filter.all[1]"),
        (json!({"all": [yes(1), yes(2)]}), true, "filter.all[1]"),
        (json!({"any": [no(1), yes(2), yes(3)]}), true, "filter.any[1]"),
        (json!({"any": [no(1), no(2)]}), false, "filter.any[1]"),
        (json!({"not": {"any": [no(1), yes(2)]}}), false, "filter.not.any[1]"),
        (json!({"all": [{"any": [no(1), yes(1)]}, {"not": yes(1)}, yes(1)]}), false, "filter.all[1].not"),
        (yes(1), true, "filter"),
    ] {
        let (did, why) = judged(&filter);
        assert_eq!((did, why.place.as_str()), (matched, place), "{filter}");
    }
    let (_, why) = judged(&no(5));
    assert_eq!((why.wanted.clone(), why.found.clone(), why.held), (json!(105), json!(100), false));
    assert_eq!(why.sentence(), "payload.amount is greater than 105: found 100");
    let (_, why) = judged(&json!({"field": "payload.missing", "op": "eq", "value": 1}));
    assert!(why.is_missing && why.sentence().ends_with("nothing stands there"), "{}", why.sentence());
    let (_, why) = judged(&json!({"field": "payload.items[].sku", "op": "eq", "value": "y-2"}));
    assert_eq!(why.found, json!("y-2"), "that which fits");
}

#[test]
fn secrets_are_not_shown() {
    for field in ["headers.x-api-key", "payload.password", "payload.user.api_key", "query.token", "payload.secrets[].x"]
    {
        let field: Field = field.parse().expect("a field");
        let shown = is_secret(&field) || field.as_str() == "payload.secrets[].x";
        assert!(shown, "{field}");
    }
    let (_, why) = judged(&json!({"field": "headers.x-api-key", "op": "eq", "value": "guess"}));
    assert!(!why.found.to_string().contains("very secret"), "{}", why.found);
    assert_eq!(
        without_secrets(json!({"token": "abc", "list": [{"password": ["x"]}], "n": 1})),
        json!({"token": "••••••••", "list": [{"password": ["••••••••"]}], "n": 1})
    );
}

#[test]
fn patterns_are_looked_at_when_they_are_saved() {
    for (pattern, words) in [("(", "unclosed"), ("(?<=a)b", "look-around"), ("(a{1000}){1000}", "too much memory")] {
        let filter = json!({"all": [{"field": "method", "op": "exists"}, {"not": {"field": "path", "op": "matches", "value": pattern}}]});
        let written = Written::parse(&filter).expect("its form is right");
        let errors = Filter::compile(&written).expect_err("is refused");
        let message = errors.at("filter.all[1].not.value").unwrap_or_else(|| panic!("{errors}"));
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_pattern_takes_linear_time() {
    let filter = compile(&json!({"field": "payload", "op": "matches", "value": "^(a+)+$"}));
    let payload = Payload::of_json(json!(format!("{}b", "a".repeat(200_000))));
    let event = SampleEvent::default();
    let view = EventView::of_sample(&event, &[], Timestamp::from_micros(0));
    let started = std::time::Instant::now();
    assert!(!filter.judge(&view, &payload).matched);
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn a_body_that_is_no_json_has_nothing_in_it() {
    let payload = Payload::new(bytes::Bytes::from_static(b"a=1&b=2"));
    let event = SampleEvent::default();
    let view = EventView::of_sample(&event, &[], Timestamp::from_micros(0));
    for (filter, wanted) in [
        (json!({"field": "payload", "op": "exists"}), false),
        (json!({"field": "payload.a", "op": "neq", "value": 1}), true),
        (json!({"field": "method", "op": "eq", "value": "POST"}), true),
    ] {
        assert_eq!(compile(&filter).judge(&view, &payload).matched, wanted, "{filter}");
    }
    assert!(!compile(&json!({"field": "method", "op": "exists"})).reads_payload());
    assert!(compile(&json!({"not": {"field": "payload.a", "op": "exists"}})).reads_payload());
}

/// What a filter means, said another way: over everything that a rule looks at, gathered first.
mod model {
    use super::*;

    pub fn holds(node: &WrittenNode, payload: &Value) -> bool {
        match node {
            WrittenNode::All(nodes) => !nodes.iter().any(|node| !holds(node, payload)),
            WrittenNode::Any(nodes) => nodes.iter().any(|node| holds(node, payload)),
            WrittenNode::Not(node) => !holds(node, payload),
            WrittenNode::Rule(rule) => rule_holds(rule, payload),
        }
    }

    fn rule_holds(rule: &WrittenRule, payload: &Value) -> bool {
        let Root::Payload(steps) = rule.field.root() else { return false };
        let mut there = vec![payload];
        for step in steps {
            there = there.into_iter().flat_map(|value| next(value, step)).collect();
        }
        let any = |test: &dyn Fn(&Value) -> bool| there.iter().any(|value| test(value));
        let wanted = &rule.value;
        match rule.op {
            Op::Eq => any(&|value| same(value, wanted)),
            Op::Neq => !any(&|value| same(value, wanted)),
            Op::Exists => wanted == &json!(!there.is_empty()),
            Op::IsEmpty => wanted == &json!(there.is_empty() || any(&is_empty)),
            Op::Gt => any(&|value| order(value, wanted) == Some(Ordering::Greater)),
            Op::Lte => any(&|value| matches!(order(value, wanted), Some(Ordering::Less | Ordering::Equal))),
            Op::In => any(&|value| wanted.as_array().is_some_and(|list| list.iter().any(|one| same(one, value)))),
            _ => unreachable!("is not made"),
        }
    }

    fn next<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
        match (step, value) {
            (Step::Each, Value::Array(items)) => items.iter().collect(),
            (Step::Key(name), Value::Array(items)) => {
                (0..items.len()).filter(|index| index.to_string() == *name).map(|index| &items[index]).collect()
            }
            (Step::Key(name), other) => other.get(name).into_iter().collect(),
            _ => vec![],
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(json!(true)),
        (0..3_i32).prop_map(Value::from),
        Just(json!(1.0)),
        "[ab]{0,2}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_filter() -> impl Strategy<Value = Value> {
    let field =
        proptest::collection::vec(prop_oneof![Just(".a"), Just(".b"), Just(".0"), Just(".1"), Just("[]")], 0..4)
            .prop_map(|steps| format!("payload{}", steps.concat()));
    let rule = (field, 0..7_usize, any_json(), any::<bool>(), 0..3_i32).prop_map(|(field, op, any, flag, number)| {
        let (op, value) = match op {
            0 => ("eq", any),
            1 => ("neq", any),
            2 => ("exists", json!(flag)),
            3 => ("is_empty", json!(flag)),
            4 => ("gt", json!(number)),
            5 => ("lte", json!("ab")),
            _ => ("in", json!([any, number])),
        };
        json!({"field": field, "op": op, "value": value})
    });
    rule.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|nodes| json!({ "all": nodes })),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|nodes| json!({ "any": nodes })),
            inner.prop_map(|node| json!({ "not": node })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_filter_does_as_its_model(filter in any_filter(), payload in any_json()) {
        let written = Written::parse(&filter).expect("a filter");
        let wanted = model::holds(written.root(), &payload);
        let (event, payload) = (SampleEvent::default(), Payload::of_json(payload));
        let view = EventView::of_sample(&event, &[], Timestamp::from_micros(0));
        let compiled = Filter::compile(&written).expect("it compiles");
        let decision = compiled.judge(&view, &payload);
        prop_assert_eq!(decision.matched, wanted);
        // The rule that decided says of itself what it did.
        let why = decision.why(&view, &payload);
        let each = compiled.each_rule(&view, &payload);
        prop_assert_eq!(each.iter().find(|rule| rule.place == why.place).map(|rule| rule.held), Some(why.held));
    }
}
