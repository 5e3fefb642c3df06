//! JSON Schemas of what does not derive its own: ids, times, filters, and the settings of destinations, which follow from
//! the same data as their forms ([`Setting`]).
//!
//! Only the server's half has these (the feature `schema`). A schema is asked for under a contract: what is sent may leave
//! out what has a default, what is answered holds everything.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::{
    destination::{Auth, AuthType, Config, DestinationType, Setting, SettingKind},
    filter::{Filter, Op},
    time::Timestamp,
};

/// A JSON Schema that somebody gives for bodies or payloads.
pub struct JsonSchemaDocument;

impl JsonSchema for JsonSchemaDocument {
    fn schema_name() -> Cow<'static, str> {
        "JsonSchemaDocument".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A JSON Schema. References lead within it alone; at most 256 KiB.",
        })
    }
}

/// The schema of an id with this prefix.
pub(crate) fn id(prefix: &str) -> Schema {
    let example = format!("{prefix}_0198c0de5e1f7d3a9b2c4d5e6f708192");
    json_schema!({ "type": "string", "pattern": format!("^{prefix}_[0-9a-f]{{32}}$"), "examples": [example] })
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00.000Z"] })
    }
}

impl JsonSchema for Filter {
    fn schema_name() -> Cow<'static, str> {
        "Filter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rule = generator.subschema_for::<Rule>();
        let inside = generator.subschema_for::<Self>();
        let list = json!({ "type": "array", "items": inside, "minItems": 1, "maxItems": Self::MAX_RULES });
        let joined = |name: &str, inside: &Value| json!({ "type": "object", "properties": { name: inside }, "required": [name], "additionalProperties": false });
        json_schema!({
            "description": format!(
                "Which events pass: a rule, or several joined by `all`, `any` and `not`. At most {} rules, {} levels deep.",
                Self::MAX_RULES, Self::MAX_DEPTH
            ),
            "oneOf": [rule, joined("all", &list), joined("any", &list), joined("not", &inside.to_value())],
            "examples": [{ "all": [{ "field": "payload.amount", "op": "gte", "value": 100 }] }],
        })
    }
}

/// A rule of a filter.
struct Rule;

impl JsonSchema for Rule {
    fn schema_name() -> Cow<'static, str> {
        "FilterRule".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "field": {
                    "type": "string",
                    "maxLength": 200,
                    "description": "Where to look: `payload.data.amount`, `headers.x-tenant`, `query.account`, `method`, `path`…",
                    "examples": ["payload.type"],
                },
                "op": generator.subschema_for::<Op>(),
                "value": { "description": "Of the kind that the operator wants; `exists` and `is_empty` go without." },
            },
            "required": ["field", "op"],
            "additionalProperties": false,
        })
    }
}

impl JsonSchema for Config {
    fn schema_name() -> Cow<'static, str> {
        "DestinationConfig".into()
    }

    /// What is sent is the `config` alone, since its `type` stands beside it; what is answered is flattened with the `type`.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let is_answer = generator.contract().is_serialize();
        let of = |kind: DestinationType| {
            let mut config = settings(kind.settings(), is_answer, None);
            config["title"] = kind.label().into();
            config["description"] = format!("With the type `{}`. {}", kind.as_str(), kind.summary()).into();
            if !is_answer {
                return config;
            }
            json!({
                "type": "object",
                "properties": { "type": { "type": "string", "const": kind.as_str() }, "config": config },
                "required": ["type", "config"],
            })
        };
        let types: Vec<Value> = DestinationType::ALL.into_iter().map(of).collect();
        // The settings of two types may look alike, so that what is sent can fit both.
        let word = if is_answer { "oneOf" } else { "anyOf" };
        let mut schema = Map::new();
        schema.insert(word.to_owned(), types.into());
        schema.into()
    }
}

impl JsonSchema for Auth {
    fn schema_name() -> Cow<'static, str> {
        "DestinationAuth".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let is_answer = generator.contract().is_serialize();
        let of = |kind: AuthType| {
            let mut schema = settings(kind.settings(), is_answer, Some(kind.as_str()));
            schema["title"] = kind.label().into();
            schema
        };
        let kinds: Vec<Value> = AuthType::ALL.into_iter().map(of).collect();
        json_schema!({
            "description": "How a destination of the type `http` is shown who asks. Secrets come back masked.",
            "oneOf": kinds,
        })
    }
}

/// An object of settings, with a `type` before them where they have one.
fn settings(settings: &[Setting], is_answer: bool, kind: Option<&str>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    if let Some(kind) = kind {
        properties.insert("type".to_owned(), json!({ "type": "string", "const": kind }));
        required.push("type");
    }
    for setting in settings {
        properties.insert(setting.name.to_owned(), of_setting(setting, is_answer));
        if setting.required || is_answer {
            required.push(setting.name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties, "required": required });
    if !is_answer {
        schema["additionalProperties"] = false.into();
    }
    schema
}

fn of_setting(setting: &Setting, is_answer: bool) -> Value {
    let mut schema = Map::new();
    let (kind, is_bounded) = match setting.kind {
        SettingKind::Bool => ("boolean", false),
        SettingKind::Text | SettingKind::Secret | SettingKind::SecretText => ("string", true),
        SettingKind::Select(_) => ("string", false),
    };
    // A choice has a value in every answer: the first one when none was made.
    let may_be_null = if is_answer { !setting.required && is_bounded } else { !setting.required };
    schema.insert("type".to_owned(), if may_be_null { json!([kind, "null"]) } else { kind.into() });
    schema.insert("title".to_owned(), setting.label.into());
    match setting.kind {
        SettingKind::Select(options) => {
            let mut words: Vec<Value> = options.iter().map(|(word, _)| (*word).into()).collect();
            if may_be_null {
                words.push(Value::Null);
            }
            schema.insert("enum".to_owned(), words.into());
            if let Some((first, _)) = options.first() {
                schema.insert("default".to_owned(), (*first).into());
            }
        }
        SettingKind::Bool => {
            schema.insert("default".to_owned(), false.into());
        }
        SettingKind::Text | SettingKind::Secret | SettingKind::SecretText if !is_answer => {
            if setting.required {
                schema.insert("minLength".to_owned(), 1.into());
            }
            schema.insert("maxLength".to_owned(), setting.longest().into());
        }
        _ => {}
    }
    let mut says: Vec<&str> = Vec::new();
    says.extend(Some(setting.help).filter(|help| !help.is_empty()));
    says.extend(setting.template.then_some("May hold `{{ JSONata }}` parts that are filled from the event."));
    says.extend((setting.is_secret() && is_answer).then_some("Masked."));
    if !says.is_empty() {
        schema.insert("description".to_owned(), says.join(" ").into());
    }
    if setting.is_secret() && !is_answer {
        schema.insert("writeOnly".to_owned(), true.into());
    } else if !setting.placeholder.is_empty() && !is_answer {
        schema.insert("examples".to_owned(), json!([setting.placeholder]));
    }
    schema.into()
}

#[cfg(test)]
mod tests {
    use schemars::generate::SchemaSettings;

    use super::*;
    use crate::{destination::DestinationInput, source::Source};

    #[test]
    fn what_is_sent_may_leave_out_what_an_answer_holds() {
        let sent = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let sent = sent.into_root_schema_for::<DestinationInput>().to_value();
        assert_eq!(sent["required"], json!(["name", "type", "config"]));
        assert_eq!(sent["additionalProperties"], json!(false));
        assert_eq!(sent["properties"]["timeout_ms"]["maximum"], 120_000);
        let answered = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let answered = answered.into_root_schema_for::<Source>().to_value();
        let required = answered["required"].as_array().expect("a list");
        for name in ["description", "last_event_at", "ip_allowlist", "dedup"] {
            assert!(
                required.iter().any(|it| it == name),
                "{name} is null where there is none, not absent: {required:?}"
            );
        }
    }

    #[test]
    fn the_settings_of_a_destination_follow_from_their_data() {
        let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let schema = generator.into_root_schema_for::<Config>().to_value();
        let types = schema["anyOf"].as_array().expect("a list");
        assert_eq!(types.len(), DestinationType::ALL.len());
        for (kind, schema) in DestinationType::ALL.into_iter().zip(types) {
            let names: Vec<_> = schema["properties"].as_object().expect("an object").keys().cloned().collect();
            let settings: Vec<_> = kind.settings().iter().map(|setting| setting.name.to_owned()).collect();
            assert_eq!(names, settings, "{kind:?}");
        }
    }
}
