//! JSON Schemas of sources and connections. Nothing outside of a schema is read: a `$ref` leads into the schema itself, or
//! is an error when it is saved.

use domain::event::SchemaError;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::event_view::Payload;

/// What is said of one payload.
const MAX_ERRORS: usize = 10;
/// A message may repeat what stood in the payload.
const MAX_MESSAGE: usize = 300;
/// Patterns run in linear time; this bounds what one takes when it is compiled.
const PATTERN_BYTES: usize = 1 << 20;

/// A schema that payloads can be held against.
#[derive(Debug, Clone)]
pub struct Schema(std::sync::Arc<Validator>);

impl Schema {
    /// # Errors
    /// What is wrong with it, and where.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
        let built = jsonschema::options().offline().with_pattern_options(patterns).build(schema);
        built.map(|validator| Self(std::sync::Arc::new(validator))).map_err(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { String::new() } else { format!(" (at {place})") };
            shortened(&format!("is no valid JSON Schema: {error}{place}"))
        })
    }

    /// What the schema does not allow of a body: that it is no JSON, or the first few errors.
    #[must_use]
    pub fn errors_of(&self, payload: &Payload) -> Vec<SchemaError> {
        match payload.json() {
            Ok(payload) => self.errors(payload),
            Err(why) => {
                vec![SchemaError { pointer: String::new(), message: format!("the body is not JSON: {why}") }]
            }
        }
    }

    /// What the schema does not allow of a payload; the first few.
    #[must_use]
    pub fn errors(&self, payload: &Value) -> Vec<SchemaError> {
        let found = self.0.iter_errors(payload).take(MAX_ERRORS);
        found
            .map(|error| SchemaError {
                pointer: error.instance_path().to_string(),
                message: shortened(&error.to_string()),
            })
            .collect()
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MAX_MESSAGE {
        return text.to_owned();
    }
    text.chars().take(MAX_MESSAGE).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(schema: &Value) -> Schema {
        Schema::compile(schema).expect("a schema")
    }

    #[test]
    fn errors_say_where() {
        let schema = schema(&json!({
            "type": "object", "required": ["id"], "properties": {"data": {"properties": {"amount": {"type": "integer"}}}}
        }));
        assert!(schema.errors(&json!({"id": 1, "data": {"amount": 5}})).is_empty());
        let errors = schema.errors(&json!({"data": {"amount": "5"}}));
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert!(pointers.contains(&"") && pointers.contains(&"/data/amount"), "{errors:?}");
        assert!(errors.iter().any(|error| error.message.contains("integer")), "{errors:?}");
    }

    #[test]
    fn every_draft_is_known() {
        for (draft, keyword) in [
            ("http://json-schema.org/draft-04/schema#", json!({"minimum": 5, "exclusiveMinimum": true})),
            ("http://json-schema.org/draft-06/schema#", json!({"exclusiveMinimum": 5})),
            ("http://json-schema.org/draft-07/schema#", json!({"if": {"type": "integer"}, "then": {"minimum": 6}})),
            ("https://json-schema.org/draft/2019-09/schema", json!({"exclusiveMinimum": 5})),
            ("https://json-schema.org/draft/2020-12/schema", json!({"exclusiveMinimum": 5})),
        ] {
            let mut text = keyword;
            text["$schema"] = draft.into();
            let schema = schema(&text);
            assert_eq!((schema.errors(&json!(5)).len(), schema.errors(&json!(6)).len()), (1, 0), "{draft}");
        }
    }

    #[test]
    fn what_is_no_schema_is_refused_when_it_is_saved() {
        for (wrong, words) in [
            (json!({"type": "strnig"}), "strnig"),
            (json!({"$ref": "http://example.com/schema.json"}), "example.com"),
            (json!({"$ref": "file:///etc/passwd"}), "passwd"),
            (json!({"$ref": "#/nowhere"}), "nowhere"),
            (json!({"pattern": "(?<=a)b"}), "pattern"),
            (json!({"pattern": "(a{1000}){1000}"}), "pattern"),
        ] {
            let error = Schema::compile(&wrong).expect_err("is refused");
            assert!(error.contains(words), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_pattern_takes_linear_time() {
        let schema = schema(&json!({"pattern": "^(a+)+$"}));
        let text = format!("{}b", "a".repeat(100_000));
        assert_eq!(schema.errors(&json!(text)).len(), 1);
    }

    #[test]
    fn a_schema_may_refer_to_itself() {
        let schema = schema(&json!({"properties": {"child": {"$ref": "#"}}, "required": ["id"]}));
        assert_eq!(schema.errors(&json!({"id": 1, "child": {"child": {"id": 2}}})).len(), 1);
    }
}
