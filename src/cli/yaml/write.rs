//! Writing values as YAML that people read and edit.

use serde_json::Value;

/// The value in block style.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0);
    out
}

/// Writes what stands on lines of its own, indented by `depth` steps.
fn block(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                indent(out, depth);
                entry(out, name, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(out, depth);
                out.push_str("- ");
                match item {
                    Value::Object(fields) if !fields.is_empty() => {
                        // The first field stands beside the dash.
                        for (index, (name, value)) in fields.iter().enumerate() {
                            if index > 0 {
                                indent(out, depth + 1);
                            }
                            entry(out, name, value, depth + 1);
                        }
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        out.push('\n');
                        block(out, item, depth + 1);
                    }
                    scalar => {
                        inline(out, scalar, depth + 1);
                        out.push('\n');
                    }
                }
            }
        }
        scalar => {
            indent(out, depth);
            inline(out, scalar, depth);
            out.push('\n');
        }
    }
}

fn entry(out: &mut String, name: &str, value: &Value, depth: usize) {
    out.push_str(&text(name));
    out.push(':');
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            block(out, value, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            block(out, value, depth + 1);
        }
        scalar => {
            out.push(' ');
            inline(out, scalar, depth + 1);
            out.push('\n');
        }
    }
}

fn inline(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::String(text) if is_block(text) => literal(out, text, depth),
        Value::String(string) => out.push_str(&text(string)),
        other => out.push_str(&other.to_string()),
    }
}

/// Several lines as they are.
fn literal(out: &mut String, text: &str, depth: usize) {
    out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
    for line in text.lines() {
        out.push('\n');
        if !line.is_empty() {
            indent(out, depth);
            out.push_str(line);
        }
    }
}

/// Whether a text can stand as a literal block: several lines, of which none would be read differently.
fn is_block(text: &str) -> bool {
    let is_plain = |line: &str| !line.ends_with(' ') && line.chars().all(|c| !c.is_control());
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n') && !text.starts_with([' ', '\n']) && !body.ends_with('\n') && body.split('\n').all(is_plain)
}

/// A text on one line: plain where that is read as the same text, else in quotes.
fn text(text: &str) -> String {
    let is_safe = |c: char| c.is_alphanumeric() || " _-./:@+,()${}=<>→•".contains(c);
    let begins = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '/' || c == '$');
    let is_plain = begins
        && text.chars().all(is_safe)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    // A JSON text is one of YAML's texts in double quotes.
    if is_plain { text.to_owned() } else { Value::from(text).to_string() }
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}
