//! Finds single values in a JSON body without making a tree of it: what is not asked for is passed over.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The longest value that is taken.
const MAX_VALUE: usize = 1024;

/// A path that is looked for, and what stood there.
#[derive(Debug)]
pub struct Wanted<'p> {
    pub path: &'p str,
    /// Any value will do, and stands as its own path.
    pub is_key: bool,
    /// Once every needed path is found, the rest of the body is not looked at.
    pub is_needed: bool,
    pub found: Option<String>,
}

impl<'p> Wanted<'p> {
    pub const fn new(path: &'p str) -> Self {
        Self { path, is_key: false, is_needed: true, found: None }
    }
}

/// The value at a path of a JSON body, when it is a text, a number or a boolean.
pub fn json(body: &[u8], path: &str) -> Option<String> {
    let mut wanted = [Wanted::new(path)];
    fill(body, &mut wanted);
    let [wanted] = wanted;
    wanted.found
}

/// Looks for all the paths at once. Of a key that stands there twice the first counts.
pub fn fill(body: &[u8], wanted: &mut [Wanted<'_>]) {
    if !looks_like_json(body) {
        return;
    }
    let here: Vec<_> = wanted.iter().enumerate().map(|(index, wanted)| (wanted.path, index)).collect();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    // An error is either broken JSON, of which what stood before it counts, or that all was found.
    let _ = Seed { here, wanted }.deserialize(&mut deserializer);
}

fn looks_like_json(body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    first.is_some_and(|byte| matches!(byte, b'{' | b'['))
}

/// The paths that lead through the value at hand, each with what is left of it.
struct Seed<'a, 'p> {
    here: Vec<(&'p str, usize)>,
    wanted: &'a mut [Wanted<'p>],
}

impl Seed<'_, '_> {
    fn note(&mut self, value: &str) {
        for (rest, index) in &self.here {
            let wanted = &mut self.wanted[*index];
            if rest.is_empty() && wanted.found.is_none() {
                let text = if wanted.is_key { wanted.path } else { value };
                wanted.found = Some(text).filter(|text| text.len() <= MAX_VALUE).map(str::to_owned);
            }
        }
    }

    /// Keys count whatever their value is.
    fn note_keys(&mut self) {
        self.here.retain(|(rest, index)| {
            let wanted = &mut self.wanted[*index];
            if rest.is_empty() && wanted.is_key && wanted.found.is_none() {
                wanted.found = Some(wanted.path.to_owned());
            }
            !rest.is_empty()
        });
    }

    fn has_all<E: Error>(&self) -> Result<(), E> {
        let is_done = self.wanted.iter().all(|wanted| !wanted.is_needed || wanted.found.is_some());
        if is_done { Err(E::custom("everything was found")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.note(text);
        Ok(())
    }

    fn visit_u64<E: Error>(mut self, number: u64) -> Result<(), E> {
        self.note(&number.to_string());
        Ok(())
    }

    fn visit_i64<E: Error>(mut self, number: i64) -> Result<(), E> {
        self.note(&number.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(mut self, number: f64) -> Result<(), E> {
        self.note(&number.to_string());
        Ok(())
    }

    fn visit_bool<E: Error>(mut self, is: bool) -> Result<(), E> {
        self.note(if is { "true" } else { "false" });
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.note_keys();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let here = step(&self.here, &key);
            if here.is_empty() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            map.next_value_seed(Seed { here, wanted: self.wanted })?;
            self.has_all()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.note_keys();
        for index in 0_usize.. {
            let here = step(&self.here, &index.to_string());
            let is_more = if here.is_empty() {
                list.next_element::<IgnoredAny>()?.is_some()
            } else {
                list.next_element_seed(Seed { here, wanted: self.wanted })?.is_some()
            };
            if !is_more {
                break;
            }
            self.has_all()?;
        }
        Ok(())
    }
}

/// The paths that go on behind `key`.
fn step<'p>(here: &[(&'p str, usize)], key: &str) -> Vec<(&'p str, usize)> {
    let behind = |(path, index): &(&'p str, usize)| {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        (first == key && !path.is_empty()).then_some((rest, *index))
    };
    here.iter().filter_map(behind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_they_stand() {
        let body = br#" {"a": {"b": [1, {"c": "x"}], "d": true}, "n": -2, "f": 1.5, "z": null} "#;
        let at = |path| json(body, path);
        assert_eq!(at("a.b.0").as_deref(), Some("1"));
        assert_eq!(at("a.b.1.c").as_deref(), Some("x"));
        assert_eq!(at("a.d").as_deref(), Some("true"));
        assert_eq!(at("n").as_deref(), Some("-2"));
        assert_eq!(at("f").as_deref(), Some("1.5"));
        for nothing in ["a", "a.b", "a.b.2", "z", "", "a.b.1.c.d", "x"] {
            assert_eq!(at(nothing), None, "{nothing}");
        }
        assert_eq!(json(br#"[{"event": "open"}]"#, "0.event").as_deref(), Some("open"));
        assert_eq!(json(br#"{"e\u0076ent": "open"}"#, "event").as_deref(), Some("open"));
        for bad in [&b""[..], b"{", b"\"x\"", b"a=b", b"\xff\xfe", br#"{"a"}"#] {
            assert_eq!(json(bad, "a"), None);
        }
    }

    #[test]
    fn what_comes_after_the_last_needed_value_is_not_looked_at() {
        assert_eq!(json(br#"{"a": 1, broken"#, "a").as_deref(), Some("1"));
        assert_eq!(json(br#"{"a": 1, "a": 2}"#, "a").as_deref(), Some("1"));
        let deep = format!("{{\"a\": {}", "[".repeat(100_000));
        assert_eq!(json(deep.as_bytes(), "a.0.0"), None);
    }

    #[test]
    fn keys_are_found_whatever_they_hold() {
        for value in ["[]", "{}", "1", "\"x\""] {
            let mut wanted = [Wanted { is_key: true, ..Wanted::new("k") }];
            fill(format!("{{\"a\": 0, \"k\": {value}}}").as_bytes(), &mut wanted);
            assert_eq!(wanted[0].found.as_deref(), Some("k"), "{value}");
        }
    }

    #[test]
    fn long_values_are_left_alone() {
        assert_eq!(json(format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_VALUE + 1)).as_bytes(), "a"), None);
    }
}
