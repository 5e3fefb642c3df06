//! The schemas of the document: one set of what is sent, one of what is answered. A type that looks the same in both stands
//! there once; one that does not is called `…Input` where it is sent.

use std::collections::BTreeSet;

use schemars::{
    JsonSchema, SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value, json};

const PLACE: &str = "#/components/schemas/";
/// Where schemas of what is sent point to until both sets are known.
const SENT: &str = "#/sent/";

pub struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
    /// Made of others.
    patches: Map<String, Value>,
}

impl Default for Schemas {
    fn default() -> Self {
        let generator = |place: &'static str, contract: Contract| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.meta_schema = None;
            settings.definitions_path = place.into();
            settings.contract = contract;
            settings.into_generator()
        };
        Self {
            sent: generator("/sent", Contract::Deserialize),
            answered: generator("/components/schemas", Contract::Serialize),
            patches: Map::new(),
        }
    }
}

impl Schemas {
    /// A reference to the schema of what is sent as `T`, or the schema itself where it is a short one.
    pub fn sent<T: JsonSchema>(&mut self) -> Value {
        self.sent.subschema_for::<T>().to_value()
    }

    /// The same of what is answered.
    pub fn answered<T: JsonSchema>(&mut self) -> Value {
        self.answered.subschema_for::<T>().to_value()
    }

    /// The schema of what is sent as `T`, and no reference to it.
    pub fn whole<T: JsonSchema>(&mut self) -> Value {
        T::json_schema(&mut self.sent).to_value()
    }

    /// A merge patch over `T`: everything may be absent, and what is optional may be null.
    pub fn patch<T: JsonSchema>(&mut self) -> Value {
        let name = T::schema_name().replace("Input", "") + "Patch";
        if !self.patches.contains_key(&name) {
            let mut schema = self.whole::<T>();
            let required = schema.as_object_mut().and_then(|schema| schema.shift_remove("required"));
            let is_required = |name: &str| required.as_ref().is_some_and(|names| holds(names, name));
            if let Some(fields) = schema["properties"].as_object_mut() {
                for (name, field) in fields {
                    if let Some(field) = field.as_object_mut() {
                        field.shift_remove("default");
                    }
                    if !is_required(name) {
                        *field = with_null(field.take());
                    }
                }
            }
            schema["description"] =
                "A JSON merge patch (RFC 7396): what is absent stays, and `null` resets to the default.".into();
            self.patches.insert(name.clone(), schema);
        }
        json!({ "$ref": format!("{PLACE}{name}") })
    }

    /// Puts all schemas into the document, and leads the references in it to them.
    pub fn finish(mut self, document: &mut Value) {
        let mut schemas = self.answered.take_definitions(true);
        let sent = self.sent.take_definitions(true);
        let same_text = |name: &str, schema: &Value| {
            let as_answered = schema.to_string().replace(SENT, PLACE);
            schemas.get(name).map(Value::to_string).is_some_and(|other| other == as_answered)
        };
        let mut others: BTreeSet<String> = sent
            .iter()
            .filter(|(name, schema)| schemas.contains_key(*name) && !same_text(name, schema))
            .map(|(name, _)| name.clone())
            .collect();
        // What points to another is another.
        loop {
            let points = |schema: &Value| {
                let text = schema.to_string();
                others.iter().any(|name| text.contains(&format!("\"{SENT}{name}\"")))
            };
            let more: Vec<String> = sent
                .iter()
                .filter(|(name, schema)| schemas.contains_key(*name) && !others.contains(*name) && points(schema))
                .map(|(name, _)| name.clone())
                .collect();
            if more.is_empty() {
                break;
            }
            others.extend(more);
        }
        let name_of = |name: &str| if others.contains(name) { format!("{name}Input") } else { name.to_owned() };
        let mut inputs: Vec<(String, Value)> =
            sent.into_iter().map(|(name, schema)| (name_of(&name), schema)).chain(self.patches).collect();
        for (_, schema) in &mut inputs {
            lead(schema, &name_of);
        }
        lead(document, &name_of);
        schemas.extend(inputs);
        schemas.sort_keys();
        document["components"]["schemas"] = schemas.into();
        plain_words(document);
        plain_pairs(document);
    }
}

/// Leads references to what is sent to where it stands.
fn lead(value: &mut Value, name_of: &impl Fn(&str) -> String) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) if key == "$ref" => {
                        if let Some(name) = text.strip_prefix(SENT) {
                            *text = format!("{PLACE}{}", name_of(name));
                        }
                    }
                    _ => lead(field, name_of),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| lead(item, name_of)),
        _ => {}
    }
}

/// Comments in the code link to the code; readers of the document have only the words.
fn plain_words(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) if key == "description" => {
                        *text = text.replace("[`", "`").replace("`]", "`").replace('\n', " ");
                    }
                    _ => plain_words(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain_words),
        _ => {}
    }
}

/// Pairs of the same are lists of two: it says no less, and is what most readers of such documents know.
fn plain_pairs(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(items)) = fields.get("prefixItems")
                && let Some(first) = items.first().cloned()
                && items.iter().all(|item| *item == first)
            {
                fields.shift_remove("prefixItems");
                fields.insert("items".to_owned(), first);
            }
            fields.values_mut().for_each(plain_pairs);
        }
        Value::Array(items) => items.iter_mut().for_each(plain_pairs),
        _ => {}
    }
}

fn holds(list: &Value, word: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|item| item == word))
}

/// The same, and null.
fn with_null(mut schema: Value) -> Value {
    let null = json!("null");
    match schema.get("type") {
        Some(Value::String(kind)) => schema["type"] = json!([kind, "null"]),
        Some(Value::Array(kinds)) if !kinds.contains(&null) => {
            schema["type"] = json!([kinds.as_slice(), &[null]].concat());
        }
        Some(_) => return schema,
        None if schema == json!({}) || schema == json!(true) => return schema,
        None => {
            let is_there = |word| schema[word].as_array().is_some_and(|list| list.contains(&json!({ "type": "null" })));
            return if is_there("anyOf") { schema } else { json!({ "anyOf": [schema, { "type": "null" }] }) };
        }
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut)
        && !words.contains(&Value::Null)
    {
        words.push(Value::Null);
    }
    schema
}

/// The same without null: a parameter is there or is not.
pub fn without_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema.get("type").and_then(Value::as_array) {
        let left: Vec<_> = kinds.iter().filter(|kind| *kind != "null").cloned().collect();
        if let [only] = left.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(fields) = schema.as_object_mut() {
        fields.shift_remove("default");
    }
    let description = schema.get("description").cloned();
    if let Some(kinds) = schema.get("anyOf").and_then(Value::as_array) {
        let left: Vec<_> = kinds.iter().filter(|kind| **kind != json!({ "type": "null" })).cloned().collect();
        if let [only] = left.as_slice() {
            schema = only.clone();
            if let Some(description) = description {
                schema["description"] = description;
            }
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_comes_and_goes() {
        assert_eq!(with_null(json!({ "type": "string" })), json!({ "type": ["string", "null"] }));
        let either = json!({ "anyOf": [{ "$ref": "#/x" }, { "type": "null" }] });
        assert_eq!(with_null(json!({ "$ref": "#/x" })), either);
        assert_eq!(with_null(either.clone()), either);
        assert_eq!(without_null(either), json!({ "$ref": "#/x" }));
        assert_eq!(without_null(json!({ "type": ["integer", "null"], "default": null })), json!({ "type": "integer" }));
    }
}
