//! PATCH is a JSON merge patch (RFC 7396) over the input form of a resource.

use serde_json::Value;

/// Lays `patch` over `target`: objects merge key by key, `null` removes, anything else replaces.
pub fn merge(target: &mut Value, patch: Value) {
    match patch {
        Value::Object(patch) => {
            if !target.is_object() {
                *target = Value::Object(serde_json::Map::new());
            }
            if let Value::Object(target) = target {
                for (key, value) in patch {
                    if value.is_null() {
                        target.shift_remove(&key);
                    } else {
                        merge(target.entry(key).or_insert(Value::Null), value);
                    }
                }
            }
        }
        other => *target = other,
    }
}

/// Replaces masked secrets that came back from an answer by the secrets they stand for, so that what was read can be
/// sent again unchanged. `given` keeps its order.
#[must_use]
pub fn unmask_secrets(given: Vec<String>, known: &[String]) -> Vec<String> {
    let mut left: Vec<&String> = known.iter().collect();
    given
        .into_iter()
        .map(|text| match left.iter().position(|secret| mask(secret) == text) {
            // Two that look alike masked are told apart by their order.
            Some(at) => left.remove(at).clone(),
            None => text,
        })
        .collect()
}

/// Stands for a secret of which nothing is shown.
pub const DOTS: &str = "••••••••";

/// What an answer shows of a secret: dots and its last four characters; dots alone when it is short.
#[must_use]
pub fn mask(secret: &str) -> String {
    let shown: String = if secret.chars().count() >= 12 {
        secret.chars().skip(secret.chars().count() - 4).collect()
    } else {
        String::new()
    };
    format!("{DOTS}{shown}")
}

/// Whether a text is a secret as answers show it.
#[must_use]
pub fn is_masked(text: &str) -> bool {
    text.starts_with(DOTS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merges_as_the_rfc_says() {
        let mut target = json!({"a": "b", "c": {"d": "e", "f": "g"}});
        merge(&mut target, json!({"a": "z", "c": {"f": null}, "n": {"m": null, "k": [1]}}));
        assert_eq!(target, json!({"a": "z", "c": {"d": "e"}, "n": {"k": [1]}}));
    }

    #[test]
    fn a_masked_secret_stands_for_itself() {
        let known = vec!["whsec_0123456789abcdef".to_owned()];
        let given = vec![mask(&known[0]), "another".to_owned()];
        assert_eq!(unmask_secrets(given, &known), [known[0].clone(), "another".to_owned()]);
        assert!(!mask("short").contains("short"));
    }
}
