//! How values compare. Nothing is made of another kind first: a number is no text, and `1` is not `"1"`.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Whether two values are the same. Numbers are by what they amount to, so that `1` is `1.0`; objects whatever the order
/// of their fields.
#[must_use]
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => order_of_numbers(one, other) == Some(Ordering::Equal),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        (one, other) => one == other,
    }
}

/// How two numbers, or two texts by their code points, follow one another; `None` for anything else.
#[must_use]
pub fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => order_of_numbers(one, other),
        (Value::String(one), Value::String(other)) => Some(one.as_str().cmp(other)),
        _ => None,
    }
}

/// Exactly, however large they are: an integer of 64 bits has digits that a float has not.
fn order_of_numbers(one: &Number, other: &Number) -> Option<Ordering> {
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        (Some(one), None) => order_of_mixed(one, other.as_f64()?),
        (None, Some(other)) => order_of_mixed(other, one.as_f64()?).map(Ordering::reverse),
        (None, None) => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Beyond this every float is larger than an integer of 64 bits.
const BEYOND_INTEGERS: f64 = 1e20;

#[expect(clippy::cast_possible_truncation, reason = "it is within the bounds that were looked at before")]
fn order_of_mixed(integer: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND_INTEGERS {
        return Some(Ordering::Less);
    }
    if float <= -BEYOND_INTEGERS {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    let by_whole = integer.cmp(&(whole as i128));
    // What is left behind the point lies on one side of the whole.
    by_whole.then(whole.partial_cmp(&float)?).into()
}

/// Whether nothing is in it: null, an empty text, array or object.
#[must_use]
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
