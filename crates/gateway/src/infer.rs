//! A JSON Schema that payloads fit, made from some that were seen.

use std::collections::{BTreeMap, BTreeSet};

use domain::rehearsal::InferredSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// How deep payloads are looked into, and how many fields of an object and items of an array.
const MAX_DEPTH: usize = 16;
const MAX_FIELDS: usize = 200;
const MAX_ITEMS: usize = 100;
/// Nodes of the whole.
const MAX_NODES: usize = 5_000;

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Inference {
    root: Node,
    payloads: u32,
    nodes: usize,
}

/// What stood at one place.
#[derive(Default)]
struct Node {
    types: BTreeSet<Type>,
    /// Objects that stood there.
    objects: u32,
    /// How many of them had the field, and what stood in it.
    fields: BTreeMap<String, (u32, Node)>,
    items: Option<Box<Node>>,
}

/// As JSON Schema names them, in the order in which a schema lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Inference {
    pub fn add(&mut self, payload: &Value) {
        self.payloads += 1;
        self.root.add(payload, 0, &mut self.nodes);
    }

    pub fn schema(&self) -> InferredSchema {
        let mut schema = Map::new();
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.extend(self.root.schema());
        InferredSchema { schema: Value::Object(schema), events: self.payloads }
    }
}

impl Node {
    fn add(&mut self, value: &Value, depth: usize, nodes: &mut usize) {
        self.types.insert(match value {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Boolean,
            Value::Number(number) if number.is_f64() => Type::Number,
            Value::Number(_) => Type::Integer,
            Value::String(_) => Type::String,
            Value::Array(_) => Type::Array,
            Value::Object(_) => Type::Object,
        });
        match value {
            Value::Array(items) => {
                if depth == MAX_DEPTH {
                    return;
                }
                for item in items.iter().take(MAX_ITEMS) {
                    self.items.get_or_insert_default().add(item, depth + 1, nodes);
                }
            }
            Value::Object(fields) => {
                self.objects += 1;
                for (name, value) in fields {
                    let is_new = !self.fields.contains_key(name);
                    if depth == MAX_DEPTH || (is_new && (self.fields.len() >= MAX_FIELDS || *nodes >= MAX_NODES)) {
                        continue;
                    }
                    *nodes += usize::from(is_new);
                    let (seen, node) = self.fields.entry(name.clone()).or_default();
                    *seen += 1;
                    node.add(value, depth + 1, nodes);
                }
            }
            _ => {}
        }
    }

    fn schema(&self) -> Map<String, Value> {
        let mut schema = Map::new();
        // Every integer is a number.
        let is_said = |kind: &Type| *kind != Type::Integer || !self.types.contains(&Type::Number);
        let types: Vec<Type> = self.types.iter().copied().filter(is_said).collect();
        match types.as_slice() {
            [] => {}
            [one] => {
                schema.insert("type".to_owned(), json!(one));
            }
            several => {
                schema.insert("type".to_owned(), json!(several));
            }
        }
        if !self.fields.is_empty() {
            let properties = self.fields.iter().map(|(name, (_, node))| (name.clone(), Value::Object(node.schema())));
            schema.insert("properties".to_owned(), Value::Object(properties.collect()));
            let always: Vec<_> =
                self.fields.iter().filter(|(_, (seen, _))| *seen == self.objects).map(|(name, _)| name).collect();
            if !always.is_empty() {
                schema.insert("required".to_owned(), json!(always));
            }
        }
        if let Some(items) = &self.items {
            schema.insert("items".to_owned(), Value::Object(items.schema()));
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn what_was_seen_fits_and_what_differs_does_not() {
        let seen = [
            json!({"id": 1, "type": "paid", "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 1.5}], "note": null}),
            json!({"id": 2, "type": "paid", "items": [], "note": "x", "extra": true}),
        ];
        let mut inference = Inference::default();
        for payload in &seen {
            inference.add(payload);
        }
        let inferred = inference.schema();
        assert_eq!(inferred.events, 2);
        let schema = Schema::compile(&inferred.schema).expect("a schema");
        for payload in &seen {
            assert!(schema.errors(payload).is_empty(), "{payload}");
        }
        for (differing, pointer) in [
            (json!({"type": "paid", "items": [], "note": null}), ""),
            (json!({"id": "1", "type": "paid", "items": [], "note": null}), "/id"),
            (json!({"id": 1, "type": "paid", "items": [{"sku": 1, "n": 2}], "note": null}), "/items/0/sku"),
        ] {
            let errors = schema.errors(&differing);
            assert!(errors.iter().any(|error| error.pointer == pointer), "{differing}: {errors:?}");
        }
        assert!(schema.errors(&json!({"id": 1, "type": "x", "items": [], "note": "y", "new": 1})).is_empty());
    }

    #[test]
    fn what_is_kept_has_bounds() {
        let wide: Value = (0..10_000).map(|n| (format!("f{n}"), json!({ "a": n }))).collect::<Map<_, _>>().into();
        let deep = (0..100).fold(json!(1), |inner, _| json!({ "a": inner }));
        let mut inference = Inference::default();
        inference.add(&wide);
        inference.add(&deep);
        let inferred = inference.schema();
        assert!(inferred.schema.to_string().len() < 100_000);
        let schema = Schema::compile(&inferred.schema).expect("a schema");
        assert!(schema.errors(&wide).is_empty() && schema.errors(&deep).is_empty());
    }
}
