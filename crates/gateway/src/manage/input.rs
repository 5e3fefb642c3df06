//! Reading what callers send, with errors that name the field.

use domain::field::FieldErrors;
use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error as _, IntoDeserializer, Unexpected, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

/// Reads a value into the form that is wanted.
///
/// # Errors
/// Names the field that is missing, unknown or of the wrong type.
pub fn parse_input<T: DeserializeOwned>(value: Value) -> Result<T, FieldErrors> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        FieldErrors::one(path_of(&path, &message), message)
    })
}

/// Takes no list where an object is wanted, although serde reads a struct from either.
struct Strict(Value);

impl<'de> Deserializer<'de> for Strict {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Strict));
                let read = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(read)
            }
            Value::Object(fields) => {
                let mut fields = MapDeserializer::new(fields.into_iter().map(|(name, value)| (name, Strict(value))));
                let read = visitor.visit_map(&mut fields)?;
                fields.end()?;
                Ok(read)
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        if self.0.is_array() {
            return Err(serde_json::Error::invalid_type(Unexpected::Seq, &"an object"));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl IntoDeserializer<'_, serde_json::Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Of a missing or unknown field the path names the parent only; the field itself stands in the message.
fn path_of(path: &str, message: &str) -> String {
    let parent = if path == "." { "" } else { path };
    let named = ["missing field `", "unknown field `"].iter().find_map(|start| message.strip_prefix(start));
    let Some(field) = named.and_then(|rest| rest.split('`').next()) else { return parent.to_owned() };
    match parent {
        "" => field.to_owned(),
        _ if parent == field || parent.ends_with(&format!(".{field}")) => parent.to_owned(),
        _ => format!("{parent}.{field}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_no_object() {
        use domain::destination::DestinationInput;
        use serde_json::json;
        let of = |retry: Value| json!({ "name": "x", "type": "http", "config": { "url": "https://x.test/" }, "retry": retry });
        parse_input::<DestinationInput>(of(json!({ "jitter": 0, "give_up_on": [410] }))).expect("is taken");
        for list in [json!([]), json!(["fixed"])] {
            let errors = parse_input::<DestinationInput>(of(list)).expect_err("is refused");
            assert_eq!(errors.at("retry"), Some("invalid type: sequence, expected an object"));
        }
    }

    #[test]
    fn the_field_itself_is_named() {
        assert_eq!(path_of(".", "missing field `name`"), "name");
        assert_eq!(path_of("config", "missing field `url`"), "config.url");
        assert_eq!(path_of("config.colour", "unknown field `colour`, expected `url`"), "config.colour");
        assert_eq!(path_of("retry.max_attempts", "invalid type: string"), "retry.max_attempts");
    }
}
