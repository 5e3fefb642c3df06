//! JSONata, bounded: an expression that is compiled when it is saved, and evaluated over an event when that is sent. Also
//! texts that hold expressions in double braces.
//!
//! The engine stands behind this boundary; nothing else names it.

use std::time::Duration;

use jlens_core::{Bindings, Options};
use serde_json::Value;
use tokio::sync::Semaphore;

/// A compiled expression.
#[derive(Clone)]
pub struct Expression(std::sync::Arc<jlens_core::Expression>);

/// What expressions see of an event.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The root: the body as JSON, nothing where it is none.
    pub payload: Option<Value>,
    /// `$headers`, `$event`, … without the dollar sign.
    pub variables: Vec<(&'static str, Value)>,
    /// What `$now()` says, in milliseconds.
    pub now_ms: i64,
}

/// What is wrong with an expression, or became of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code}{})", position.map(|at| format!(", at character {at}")).unwrap_or_default())]
pub struct TransformError {
    /// JSONata's own: `S0201`.
    pub code: String,
    pub message: String,
    /// Where in the expression, in characters.
    pub position: Option<usize>,
}

/// A longer expression is refused when it is saved.
pub const MAX_EXPRESSION: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_millis(500);
const MAX_DEPTH: usize = 500;
const MAX_STEPS: u64 = 5_000_000;
const MAX_STRING: usize = 8 << 20;
const MAX_ARRAY: usize = 1_000_000;
const MAX_RESULT: usize = 8 << 20;
/// A range is built before its length is checked, and takes 230 MiB at most: no more than these at once.
static EVALUATIONS: Semaphore = Semaphore::const_new(2);

impl Expression {
    /// # Errors
    /// Says where it does not parse.
    pub fn compile(source: &str) -> Result<Self, TransformError> {
        if source.len() > MAX_EXPRESSION {
            let message = format!("The expression is longer than {MAX_EXPRESSION} bytes");
            return Err(TransformError { code: "too_long".to_owned(), message, position: None });
        }
        Ok(Self(std::sync::Arc::new(jlens_core::Expression::compile(source).map_err(|error| explain(&error))?)))
    }

    /// What it makes of the input; `None` where that has nothing of the kind.
    ///
    /// # Errors
    /// When it fails, or takes more than it may.
    pub async fn evaluate(&self, input: &Input) -> Result<Option<Value>, TransformError> {
        let (expression, input) = (std::sync::Arc::clone(&self.0), input.clone());
        // The semaphore is never closed.
        let permit = EVALUATIONS.acquire().await.ok();
        let evaluation = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let variables = input.variables.into_iter();
            let bindings = variables.fold(Bindings::new(), |bindings, (name, value)| bindings.var(name, value));
            expression.evaluate_with(input.payload.as_ref(), &bindings, &bounds(input.now_ms))
        });
        match evaluation.await {
            Ok(result) => result.map_err(|error| explain(&error)),
            Err(_) => Err(TransformError {
                code: "internal".to_owned(),
                message: "The evaluation broke off".to_owned(),
                position: None,
            }),
        }
    }
}

fn bounds(now_ms: i64) -> Options {
    Options::new()
        .now(now_ms)
        .timeout(TIMEOUT)
        .max_depth(MAX_DEPTH)
        .max_steps(MAX_STEPS)
        .max_string_length(MAX_STRING)
        .max_array_length(MAX_ARRAY)
        .max_result_size(MAX_RESULT)
}

fn explain(error: &jlens_core::Error) -> TransformError {
    TransformError { code: error.code().to_owned(), message: error.message(), position: error.position() }
}

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
        let input = if self.is_computed() { input() } else { Input::default() };
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Computed { source, expression } => {
                    let value = expression.evaluate(&input).await;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input() -> Input {
        Input {
            payload: Some(json!({ "type": "paid", "customer": { "id": 42 }, "items": [{ "n": 1 }, { "n": 2 }] })),
            variables: vec![("headers", json!({ "x-a": "b" }))],
            now_ms: 0,
        }
    }

    #[tokio::test]
    async fn templates_are_filled_from_the_event() {
        for (text, filled) in [
            ("plain", "plain"),
            ("{{ type }}", "paid"),
            ("a/{{customer.id}}/{{ $sum(items.n) }}.json", "a/42/3.json"),
            ("{{ $headers.\"x-a\" }}", "b"),
            ("{{ '}}' }}", "}}"),
            ("{{ {'a': {'b': 'c'}}.a.b }}", "c"),
            ("", ""),
        ] {
            let template = Template::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(template.fill(input).await.as_deref(), Ok(filled), "{text}");
            assert_eq!(template.is_computed(), text.contains("{{"));
        }
    }

    #[tokio::test]
    async fn a_part_without_a_value_is_named() {
        for (text, wanted) in [("{{ nothing }}", "{{ nothing }} has no value"), ("{{ items }}", "is no text")] {
            let error = Template::compile(text).expect("parses").fill(input).await.expect_err(text);
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn what_does_not_parse_is_refused() {
        for text in ["{{ type", "{{ }}", "{{ a + }}", "x {{ 'open }}"] {
            assert!(Template::compile(text).is_err(), "{text}");
        }
        let error = Expression::compile("a + ").err().expect("it ends too early");
        assert!(error.position.is_some() && !error.code.is_empty());
    }

    #[tokio::test]
    async fn an_evaluation_has_bounds() {
        let endless = "($f := function($n) { $f($n + 1) }; $f(0))";
        for source in [endless, "[1..9999999]", "$join([1..900000].('xxxxxxxxxxxx'))"] {
            let expression = Expression::compile(source).expect("it parses");
            let started = std::time::Instant::now();
            expression.evaluate(&Input::default()).await.expect_err(source);
            assert!(started.elapsed() < Duration::from_secs(20), "{source}");
        }
    }
}
