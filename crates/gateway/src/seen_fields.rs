//! Places in events that filters can look at, with examples of what stood there.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::{
    event_type::Kind,
    filter::{Field, escaped, shortened},
    rehearsal::{SeenField, SeenFields},
};
use serde_json::Value;

use crate::{
    event_view::{EventView, Payload},
    filter::{is_secret_name, masked},
};

/// Places that are kept, how deep they are looked for, and items of an array that are looked at.
const MAX_FIELDS: usize = 500;
const MAX_DEPTH: usize = 8;
const MAX_ITEMS: usize = 5;
/// Different values of one place that are shown, and characters of each.
const MAX_EXAMPLES: usize = 5;
const MAX_EXAMPLE: usize = 80;

/// What was seen so far, in the order in which it was.
#[derive(Default)]
pub(crate) struct Seen {
    places: Vec<Place>,
    by_field: HashMap<String, usize>,
    events: u32,
}

struct Place {
    field: String,
    kinds: BTreeSet<Kind>,
    examples: Vec<Value>,
    events: u32,
}

impl Seen {
    pub fn add(&mut self, event: &EventView<'_>, payload: &Payload) {
        self.events += 1;
        // Of several in one array only the first counts.
        let mut counted = HashSet::new();
        let mut texts = vec![("method".to_owned(), event.method.to_owned(), false)];
        texts.extend(event.content_type.map(|text| ("content_type".to_owned(), text.to_owned(), false)));
        texts.extend(event.source_ip.map(|text| ("source_ip".to_owned(), text.to_owned(), false)));
        for (name, value) in event.headers {
            let name = name.to_ascii_lowercase();
            texts.push((format!("headers.{name}"), value.clone(), is_secret_name(&name)));
        }
        for (name, value) in event.parameters() {
            texts.push((format!("query.{name}"), value.clone().into_owned(), is_secret_name(&name)));
        }
        if let Ok(payload) = payload.json() {
            self.add_value("payload", payload, false, 0, &mut counted);
        }
        for (field, text, is_secret) in texts {
            self.note(&field, &Value::from(text), is_secret, &mut counted);
        }
    }

    fn add_value(&mut self, path: &str, value: &Value, is_secret: bool, depth: usize, counted: &mut HashSet<usize>) {
        self.note(path, value, is_secret, counted);
        if depth == MAX_DEPTH {
            return;
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let is_secret = is_secret || is_secret_name(name);
                    self.add_value(&format!("{path}.{}", escaped(name)), value, is_secret, depth + 1, counted);
                }
            }
            Value::Array(items) => {
                for item in items.iter().take(MAX_ITEMS) {
                    self.add_value(&format!("{path}[]"), item, is_secret, depth + 1, counted);
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, field: &str, value: &Value, is_secret: bool, counted: &mut HashSet<usize>) {
        let index = match self.by_field.get(field) {
            Some(index) => *index,
            // A path that no filter could name is of no use.
            None if self.places.len() < MAX_FIELDS && field.parse::<Field>().is_ok() => {
                self.by_field.insert(field.to_owned(), self.places.len());
                self.places.push(Place {
                    field: field.to_owned(),
                    kinds: BTreeSet::new(),
                    examples: Vec::new(),
                    events: 0,
                });
                self.places.len() - 1
            }
            None => return,
        };
        let place = &mut self.places[index];
        place.kinds.insert(Kind::of(value));
        place.events += u32::from(counted.insert(index));
        // What is in an object or array stands at its own place.
        let is_example = !matches!(value, Value::Object(_) | Value::Array(_));
        if is_example && place.examples.len() < MAX_EXAMPLES {
            let example = if is_secret { masked(value) } else { shortened(value, MAX_EXAMPLE) };
            if !place.examples.contains(&example) {
                place.examples.push(example);
            }
        }
    }

    pub fn fields(self) -> SeenFields {
        let fields = self.places.into_iter().map(|place| SeenField {
            field: place.field,
            kinds: place.kinds.into_iter().collect(),
            examples: place.examples,
            events: place.events,
        });
        SeenFields { fields: fields.collect(), events: self.events }
    }
}

#[cfg(test)]
mod tests {
    use domain::{rehearsal::SampleEvent, time::Timestamp};
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_those_that_filters_name() {
        let sample = SampleEvent { query: Some("a=1".to_owned()), ..SampleEvent::default() };
        let headers = [("X-Tenant".to_owned(), "one".to_owned()), ("Authorization".to_owned(), "Bearer x".to_owned())];
        let view = EventView::of_sample(&sample, &headers, Timestamp::from_micros(0));
        let mut seen = Seen::default();
        for sku in ["a", "b", "a"] {
            let payload = json!({"items": [{"sku": sku}, {"sku": "c"}], "a.b": 1, "user": {"password": "hunter2"}});
            seen.add(&view, &Payload::of_json(payload));
        }
        let SeenFields { fields, events } = seen.fields();
        assert_eq!(events, 3);
        let find = |name: &str| fields.iter().find(|field| field.field == name).unwrap_or_else(|| panic!("{name}"));
        let sku = find("payload.items[].sku");
        assert_eq!((sku.examples.clone(), sku.events), (vec![json!("a"), json!("c"), json!("b")], 3));
        assert_eq!(find(r"payload.a\.b").kinds, [Kind::Number]);
        assert_eq!(find("headers.x-tenant").examples, [json!("one")]);
        assert_eq!(find("query.a").examples, [json!("1")]);
        assert!(!serde_json::to_string(&fields).expect("JSON").contains("hunter2"));
        assert!(!serde_json::to_string(&fields).expect("JSON").contains("Bearer"));
        for field in &fields {
            assert!(field.field.parse::<Field>().is_ok(), "{}", field.field);
        }
    }
}
