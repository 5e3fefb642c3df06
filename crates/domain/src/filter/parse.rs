//! Reading filters, with errors that name the place.

use serde_json::{Map, Value};

use super::{Field, Filter, Node, Op, Place, Rule, Wants};
use crate::field::FieldErrors;

pub(super) fn filter(value: &Value) -> Result<Node, FieldErrors> {
    let mut reading = Reading { errors: FieldErrors::default(), rules: 0 };
    let node = reading.node(value, &Place::ROOT, 0);
    let Reading { mut errors, rules } = reading;
    if rules > Filter::MAX_RULES {
        errors.push("filter", format!("must have at most {} rules", Filter::MAX_RULES));
    }
    // What is too deep to be read was said already.
    if errors.is_empty() && value.to_string().len() > Filter::MAX_BYTES {
        errors.push("filter", format!("must be at most {} KiB", Filter::MAX_BYTES >> 10));
    }
    errors.into_result()?;
    node.ok_or_else(|| FieldErrors::one("filter", NODE))
}

const NODE: &str = "must be a rule with field, op and value, or one of all, any and not";

struct Reading {
    errors: FieldErrors,
    rules: usize,
}

impl Reading {
    /// `None` where anything is wrong, which was noted then.
    fn node(&mut self, value: &Value, place: &Place<'_>, depth: usize) -> Option<Node> {
        let Some(fields) = value.as_object() else { return self.wrong(place, NODE) };
        if depth > Filter::MAX_DEPTH {
            return self.wrong(place, &format!("must lie at most {} levels deep", Filter::MAX_DEPTH));
        }
        let join = ["all", "any", "not"].into_iter().find(|name| fields.contains_key(*name));
        let Some(join) = join else { return self.rule(fields, place) };
        if fields.len() > 1 {
            let other = fields.keys().find(|name| *name != join).map_or("", String::as_str);
            self.errors.push(format!("{place}.{other}"), format!("must not stand beside {join}"));
            return None;
        }
        let inside = &fields[join];
        match join {
            "not" => Some(Node::Not(Box::new(self.node(inside, &place.inside("not"), depth + 1)?))),
            "all" => self.list(inside, place, "all", depth).map(Node::All),
            _ => self.list(inside, place, "any", depth).map(Node::Any),
        }
    }

    fn list(&mut self, value: &Value, place: &Place<'_>, name: &'static str, depth: usize) -> Option<Vec<Node>> {
        let inside = place.inside(name);
        let Some(items) = value.as_array() else { return self.wrong(&inside, "must be a list of rules") };
        if items.is_empty() {
            return self.wrong(&inside, "must have at least one rule; without a filter everything is let through");
        }
        if items.len() > Filter::MAX_RULES {
            return self.wrong(&inside, &format!("must have at most {} rules", Filter::MAX_RULES));
        }
        let nodes = items.iter().enumerate();
        let nodes: Vec<_> = nodes.map(|(index, item)| self.node(item, &place.item(name, index), depth + 1)).collect();
        nodes.into_iter().collect()
    }

    fn rule(&mut self, fields: &Map<String, Value>, place: &Place<'_>) -> Option<Node> {
        self.rules += 1;
        if self.rules > Filter::MAX_RULES {
            return None;
        }
        if fields.is_empty() {
            return self.wrong(place, NODE);
        }
        for name in fields.keys().filter(|name| !matches!(name.as_str(), "field" | "op" | "value")) {
            let name = super::shortened(&Value::String(name.clone()), 40);
            let name = name.as_str().unwrap_or_default().to_owned();
            self.errors.push(format!("{place}.{name}"), "is not known: a rule has field, op and value");
        }
        let field: Option<Field> = self.word(fields, place, "field");
        let op: Option<Op> = self.word(fields, place, "op");
        let value = op.and_then(|op| self.value(fields.get("value"), op, &place.inside("value")));
        let is_known = fields.keys().all(|name| matches!(name.as_str(), "field" | "op" | "value"));
        let (Some(field), Some(op), Some(value), true) = (field, op, value, is_known) else { return None };
        Some(Node::Rule(Rule { field, op, value }))
    }

    fn word<T: std::str::FromStr>(
        &mut self,
        fields: &Map<String, Value>,
        place: &Place<'_>,
        name: &'static str,
    ) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let place = place.inside(name);
        match fields.get(name) {
            Some(Value::String(text)) => match text.parse() {
                Ok(word) => Some(word),
                Err(error) => self.wrong(&place, &error.to_string()),
            },
            Some(_) => self.wrong(&place, "must be a text"),
            None => self.wrong(&place, "must be given"),
        }
    }

    fn value(&mut self, value: Option<&Value>, op: Op, place: &Place<'_>) -> Option<Value> {
        let Some(value) = value else {
            return match op.wants() {
                Wants::Flag => Some(Value::Bool(true)),
                _ => self.wrong(place, "must be given"),
            };
        };
        let problem = match (op.wants(), value) {
            (Wants::Any, _) | (Wants::Ordered, Value::Number(_) | Value::String(_)) | (Wants::Flag, Value::Bool(_)) => {
                None
            }
            (Wants::Ordered, _) => Some(format!("must be a number or a text, to be compared with {op}")),
            (Wants::List, Value::Array(items)) if items.is_empty() => Some("must list at least one value".to_owned()),
            (Wants::List, Value::Array(items)) if items.len() > Filter::MAX_ITEMS => {
                Some(format!("must list at most {} values", Filter::MAX_ITEMS))
            }
            (Wants::List, Value::Array(_)) | (Wants::Text, Value::String(_)) => None,
            (Wants::List, _) => Some("must be a list of values".to_owned()),
            (Wants::Pattern, Value::String(pattern)) if pattern.len() > Filter::MAX_PATTERN => {
                Some(format!("must be at most {} bytes", Filter::MAX_PATTERN))
            }
            (Wants::Pattern, Value::String(_)) => None,
            (Wants::Pattern, _) => Some("must be a regular expression, as a text".to_owned()),
            (Wants::Text, _) => Some("must be a text".to_owned()),
            (Wants::Flag, _) => Some("must be true or false".to_owned()),
        };
        match problem {
            None => Some(value.clone()),
            Some(problem) => self.wrong(place, &problem),
        }
    }

    fn wrong<T>(&mut self, place: &Place<'_>, message: &str) -> Option<T> {
        self.errors.push(place.to_string(), message);
        None
    }
}
