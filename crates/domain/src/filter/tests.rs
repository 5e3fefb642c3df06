use proptest::prelude::*;
use serde_json::json;

use super::*;

fn errors_of(filter: &Value) -> Vec<(String, String)> {
    let errors = Filter::parse(filter).expect_err("is refused");
    errors.iter().map(|error| (error.path.clone(), error.message.clone())).collect()
}

fn paths_of(filter: &Value) -> Vec<String> {
    errors_of(filter).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn a_filter_is_read_and_written() {
    let written = json!({"all": [
        {"field": "payload.data.amount", "op": "gte", "value": 100},
        {"any": [
            {"field": "headers.X-Tenant", "op": "in", "value": ["a", "b"]},
            {"not": {"field": "payload.items[].sku", "op": "matches", "value": "^x-"}}
        ]},
        {"field": "query.dry", "op": "exists", "value": false}
    ]});
    let filter = Filter::parse(&written).expect("a filter");
    assert_eq!(filter.to_json(), written);
    let places: Vec<_> = filter.rules().into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["filter.all[0]", "filter.all[1].any[0]", "filter.all[1].any[1].not", "filter.all[2]"]);
    let text = serde_json::to_string(&filter).expect("JSON");
    assert_eq!(serde_json::from_str::<Filter>(&text).expect("the same"), filter);
}

#[test]
fn one_rule_is_a_filter_and_flags_may_be_left_out() {
    let filter = Filter::parse(&json!({"field": "payload", "op": "exists"})).expect("a filter");
    assert_eq!(filter.to_json(), json!({"field": "payload", "op": "exists", "value": true}));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let rule = |field: &str, op: &str, value: Value| json!({"field": field, "op": op, "value": value});
    for (filter, path) in [
        (json!(1), "filter"),
        (json!({}), "filter"),
        (json!([]), "filter"),
        (json!({"all": []}), "filter.all"),
        (json!({"all": {}}), "filter.all"),
        (json!({"all": [1]}), "filter.all[0]"),
        (json!({"not": []}), "filter.not"),
        (json!({"all": [rule("method", "eq", json!("GET"))], "any": []}), "filter.any"),
        (json!({"all": [rule("method", "eq", json!("GET"))], "colour": 1}), "filter.colour"),
        (json!({"all": [{"op": "eq", "value": 1}]}), "filter.all[0].field"),
        (json!({"all": [{"field": 7, "op": "eq", "value": 1}]}), "filter.all[0].field"),
        (json!({"all": [{"field": "payload.a", "value": 1}]}), "filter.all[0].op"),
        (json!({"all": [{"field": "payload.a", "op": "eq"}]}), "filter.all[0].value"),
        (json!({"any": [{"not": rule("body.a", "eq", json!(1))}]}), "filter.any[0].not.field"),
        (json!({"any": [{"not": rule("payload.a", "equals", json!(1))}]}), "filter.any[0].not.op"),
        (rule("payload.a", "gt", json!(true)), "filter.value"),
        (rule("payload.a", "gt", Value::Null), "filter.value"),
        (rule("payload.a", "in", json!("a")), "filter.value"),
        (rule("payload.a", "in", json!([])), "filter.value"),
        (rule("payload.a", "starts_with", json!(1)), "filter.value"),
        (rule("payload.a", "matches", json!(1)), "filter.value"),
        (rule("payload.a", "matches", json!("x".repeat(Filter::MAX_PATTERN + 1))), "filter.value"),
        (rule("payload.a", "exists", json!("yes")), "filter.value"),
        (rule("payload.a", "in", json!(vec![1; Filter::MAX_ITEMS + 1])), "filter.value"),
        (json!({"field": "payload.a", "op": "eq", "value": 1, "values": 1}), "filter.values"),
    ] {
        assert_eq!(paths_of(&filter), [path], "{filter}");
    }
    let two = json!({"all": [rule("a", "eq", json!(1)), rule("payload.a", "b", json!(1))]});
    assert_eq!(paths_of(&two), ["filter.all[0].field", "filter.all[1].op"]);
}

#[test]
fn a_filter_has_bounds() {
    let rule = json!({"field": "payload.a", "op": "eq", "value": 1});
    let deep = |levels: usize| (0..levels).fold(rule.clone(), |inner, _| json!({ "not": inner }));
    assert!(Filter::parse(&deep(Filter::MAX_DEPTH)).is_ok());
    assert_eq!(paths_of(&deep(Filter::MAX_DEPTH + 1)).len(), 1);
    assert!(Filter::parse(&json!({"all": vec![rule.clone(); Filter::MAX_RULES]})).is_ok());
    assert_eq!(paths_of(&json!({"all": vec![rule.clone(); Filter::MAX_RULES + 1]})), ["filter.all"]);
    let half = json!({"all": vec![rule; Filter::MAX_RULES / 2 + 1]});
    assert_eq!(paths_of(&json!({"any": [half.clone(), half]})), ["filter"]);
    let long = json!({"field": "payload.a", "op": "eq", "value": "x".repeat(Filter::MAX_BYTES)});
    assert_eq!(paths_of(&long), ["filter"]);
}

#[test]
fn fields_lead_somewhere() {
    let root = |text: &str| text.parse::<Field>().map(|field| field.root().clone());
    let key = |name: &str| Step::Key(name.to_owned());
    assert_eq!(root("payload"), Ok(Root::Payload(vec![])));
    assert_eq!(root("payload.items[].a.0"), Ok(Root::Payload(vec![key("items"), Step::Each, key("a"), key("0")])));
    assert_eq!(root("payload[]"), Ok(Root::Payload(vec![Step::Each])));
    assert_eq!(root(r"payload.a\.b\[\\"), Ok(Root::Payload(vec![key(r"a.b[\")])));
    assert_eq!(root("headers.X-A.B"), Ok(Root::Header("x-a.b".to_owned())));
    assert_eq!(root("query.a.B"), Ok(Root::Query("a.B".to_owned())));
    assert_eq!(root("content_type"), Ok(Root::ContentType));
    for wrong in [
        "",
        "body",
        "payload.",
        "payload..a",
        "payload.a.",
        "payload[0]",
        "payload.a[0]",
        "payload.a[]b",
        "payloads",
        "headers",
        "headers.",
        "query",
        "method.a",
        "path[]",
        r"payload.a\",
        "payload.a\n",
    ] {
        assert!(root(wrong).is_err(), "{wrong}");
    }
    assert!(root(&format!("payload{}", ".a".repeat(Field::MAX_STEPS))).is_ok());
    assert!(root(&format!("payload{}", ".a".repeat(Field::MAX_STEPS + 1))).is_err());
    assert!(root(&format!("payload.{}", "a".repeat(Field::MAX_BYTES))).is_err());
}

#[test]
fn numbers_compare_by_what_they_amount_to() {
    use std::cmp::Ordering::{Equal, Greater, Less};
    for (one, other, wanted) in [
        (json!(1), json!(1.0), Some(Equal)),
        (json!(0), json!(-0.0), Some(Equal)),
        (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0), Some(Greater)),
        (json!(u64::MAX), json!(i64::MIN), Some(Greater)),
        (json!(u64::MAX), json!(1e300), Some(Less)),
        (json!(i64::MIN), json!(-1e300), Some(Greater)),
        (json!(2), json!(1.5), Some(Greater)),
        (json!(-2), json!(-1.5), Some(Less)),
        (json!(-1), json!(-1.5), Some(Greater)),
        (json!("b"), json!("a"), Some(Greater)),
        (json!("1"), json!(1), None),
        (json!(null), json!(null), None),
        (json!(true), json!(false), None),
    ] {
        assert_eq!(order(&one, &other), wanted, "{one} {other}");
        assert_eq!(order(&other, &one), wanted.map(std::cmp::Ordering::reverse), "{other} {one}");
    }
    assert!(same(&json!({"a": [1, null], "b": 2}), &json!({"b": 2.0, "a": [1.0, null]})));
    for (one, other) in [(json!([1]), json!([1, 1])), (json!({"a": 1}), json!({"b": 1})), (json!("1"), json!(1))] {
        assert!(!same(&one, &other));
    }
}

#[test]
fn long_values_are_cut() {
    assert_eq!(shortened(&json!("abcdef"), 3), json!("abc…"));
    assert_eq!(shortened(&json!("äöü"), 3), json!("äöü"));
    let long = json!((0..1000).map(|n| json!({"name": "x".repeat(1000), "n": n})).collect::<Vec<_>>());
    assert!(shortened(&long, 100).to_string().len() < 1000, "{}", shortened(&long, 100));
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(shortened(&deep, 100), json!([[[["…"]]]]));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~äß]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-c.]{0,2}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_rule() -> impl Strategy<Value = Node> {
    let field = prop_oneof![
        "payload(\\.[a-z0-9]{1,3}|\\[\\]){0,4}",
        "headers\\.[a-zA-Z-]{1,8}",
        "query\\.[a-z.]{1,8}",
        Just("method".to_owned()),
        Just("source_ip".to_owned()),
    ];
    let ordered = prop_oneof![any::<i64>().prop_map(Value::from), "[a-z]{0,4}".prop_map(Value::from)];
    let text = "[a-z]{0,4}".prop_map(Value::from);
    (field, proptest::sample::select(&Op::ALL[..]), any_json(), ordered, text, any::<bool>()).prop_map(
        |(field, op, any, ordered, text, flag)| {
            let value = match op.wants() {
                Wants::Any => any,
                Wants::Ordered => ordered,
                Wants::List => json!([any, text]),
                Wants::Text | Wants::Pattern => text,
                Wants::Flag => json!(flag),
            };
            Node::Rule(Rule { field: field.parse().expect("a field"), op, value })
        },
    )
}

fn any_node() -> impl Strategy<Value = Node> {
    any_rule().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Node::All),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Node::Any),
            inner.prop_map(|node| Node::Not(Box::new(node))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(node in any_node()) {
        let filter = Filter::of(&node).expect("a filter");
        prop_assert_eq!(filter.root(), &node);
        let again: Filter = serde_json::from_value(filter.to_json()).expect("the same");
        prop_assert_eq!(again, filter);
    }

    #[test]
    fn any_json_is_read_or_refused_with_a_place(value in any_json()) {
        if let Err(errors) = Filter::parse(&value) {
            prop_assert!(errors.iter().all(|error| error.path.starts_with("filter")));
        }
    }

    #[test]
    fn sameness_and_order_agree(one in any_json(), other in any_json()) {
        prop_assert!(same(&one, &one));
        prop_assert_eq!(same(&one, &other), same(&other, &one));
        if let Some(order) = order(&one, &other) {
            prop_assert_eq!(order == std::cmp::Ordering::Equal, same(&one, &other));
        }
    }

    #[test]
    fn any_name_can_be_led_to(name in "[^\\p{Cc}]{1,20}") {
        let field: Field = format!("payload.{}", escaped(&name)).parse().expect("a field");
        prop_assert_eq!(field.root(), &Root::Payload(vec![Step::Key(name)]));
    }
}
