//! Texts that hold expressions in double braces: `orders/{{ customer.id }}.json`.

use std::sync::Arc;

use serde_json::Value;

use super::{Expression, Input};

/// A text with `{{ expressions }}` in it.
#[derive(Clone)]
pub struct Template(Vec<Part>);

#[derive(Clone)]
enum Part {
    Literal(String),
    Computed { source: String, expression: Expression },
}

impl Template {
    /// # Errors
    /// Says which part does not parse.
    pub fn compile(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            let (literal, inside) = (&rest[..start], &rest[start + 2..]);
            let end = end_of(inside).ok_or("must close {{ by }}")?;
            let source = inside[..end].trim();
            if source.is_empty() {
                return Err("must hold an expression between {{ and }}".to_owned());
            }
            let expression = Expression::compile(source)
                .map_err(|error| format!("must hold JSONata that parses: in {{{{ {source} }}}}: {error}"))?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(Part::Computed { source: source.to_owned(), expression });
            rest = &inside[end + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// Whether an event has anything to say in it.
    #[must_use]
    pub fn is_computed(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Computed { .. }))
    }

    /// The text for this event.
    ///
    /// # Errors
    /// Names the part that failed, or that the event has nothing for.
    pub async fn fill(&self, input: impl FnOnce() -> Input) -> Result<String, String> {
        let input = self.is_computed().then(|| Arc::new(input()));
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Computed { source, expression } => {
                    let Some(input) = &input else { continue };
                    let value = expression.evaluate(input).await;
                    match value.map_err(|error| format!("{{{{ {source} }}}} failed: {error}"))? {
                        Some(Value::String(value)) => text.push_str(&value),
                        Some(value @ (Value::Number(_) | Value::Bool(_))) => text.push_str(&value.to_string()),
                        None | Some(Value::Null) => {
                            return Err(format!("{{{{ {source} }}}} has no value in this event"));
                        }
                        Some(_) => {
                            return Err(format!("{{{{ {source} }}}} is no text, number or boolean in this event"));
                        }
                    }
                }
            }
        }
        Ok(text)
    }
}

/// Where the `}}` stands that ends an expression: outside of its texts, and of its own braces.
fn end_of(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut quote) = (0_usize, None);
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'' | b'`')) => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}
