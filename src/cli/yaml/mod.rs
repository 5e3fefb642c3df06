//! YAML with the place of everything in it, so that what a server says of a document can be told by lines.
//!
//! [`parse`] reads one document of the YAML that configuration is written in: mappings with names, lists and scalars of the core
//! schema. Anchors, aliases, tags and several documents are refused; what is written twice is an error and not an override.

mod write;

use std::{collections::HashMap, fmt};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Number, Value};

pub use self::write::to_yaml;

/// How deeply mappings and lists may lie within one another.
const MAX_DEPTH: usize = 100;

/// A value and where each part of it stands.
#[derive(Debug)]
pub struct Document {
    pub value: Value,
    places: HashMap<String, Place>,
}

/// Both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// What is wrong with a document, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct YamlError {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl Document {
    /// Where `path` stands (`sources[0].name`); of what is not there, where it should be.
    pub fn place(&self, path: &str) -> Place {
        let mut path = path.replace('[', ".").replace(']', "");
        loop {
            if let Some(place) = self.places.get(&path) {
                return *place;
            }
            match path.rfind('.') {
                Some(end) => path.truncate(end),
                None => return Place { line: 1, column: 1 },
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// # Errors
/// The first thing that is wrong.
pub fn parse(text: &str) -> Result<Document, YamlError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), places: HashMap::new() };
    let mut value = None;
    loop {
        let (event, at) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::DocumentStart(_) if value.is_some() => return Err(wrong(at, "is a second document; one is read")),
            Event::DocumentStart(_) => {
                let (event, at) = reader.next()?;
                value = Some(reader.value(event, at, "", 0)?);
            }
            _ => return Err(wrong(at, "cannot be read here")),
        }
    }
    Ok(Document { value: value.unwrap_or_default(), places: reader.places })
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    places: HashMap<String, Place>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Place), YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place_of(span.start))),
            Some(Err(error)) => Err(wrong(place_of(*error.marker()), error.info())),
            None => Ok((Event::StreamEnd, Place { line: 1, column: 1 })),
        }
    }

    fn value(&mut self, event: Event<'a>, at: Place, path: &str, depth: usize) -> Result<Value, YamlError> {
        if depth > MAX_DEPTH {
            return Err(wrong(at, "lies too deep"));
        }
        self.places.entry(path.to_owned()).or_insert(at);
        match event {
            Event::Scalar(text, style, 0, None) => Ok(scalar(&text, style)),
            Event::SequenceStart(0, None) => {
                let mut items = Vec::new();
                loop {
                    let (event, at) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        return Ok(Value::Array(items));
                    }
                    items.push(self.value(event, at, &below(path, &items.len().to_string()), depth + 1)?);
                }
            }
            Event::MappingStart(0, None) => {
                let mut fields = Map::new();
                loop {
                    let (event, at) = self.next()?;
                    let name = match event {
                        Event::MappingEnd => return Ok(Value::Object(fields)),
                        Event::Scalar(name, _, 0, None) => name.into_owned(),
                        _ => return Err(wrong(at, "must be a plain name, since it is one of a mapping")),
                    };
                    if fields.contains_key(&name) {
                        return Err(wrong(at, format!("{name} is written twice")));
                    }
                    let path = below(path, &name);
                    self.places.insert(path.clone(), at);
                    let (event, at) = self.next()?;
                    let value = self.value(event, at, &path, depth + 1)?;
                    fields.insert(name, value);
                }
            }
            Event::Alias(_) => Err(wrong(at, "is an alias, which is not read here")),
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                Err(wrong(at, "has an anchor or a tag, which are not read here"))
            }
            _ => Err(wrong(at, "must be a value")),
        }
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A scalar of the core schema.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::from(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::from(text), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_decimal = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
    if !is_decimal {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let whole = text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from));
    whole.ok().or_else(|| text.parse().ok().and_then(Number::from_f64))
}

fn place_of(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

fn wrong(at: Place, message: impl Into<String>) -> YamlError {
    YamlError { line: at.line, column: at.column, message: message.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "\
# a comment
version: 1
sources:
  - slug: shop
    name: \"Shop: live\"
    secrets: [\"${SHOP}\", 'two']
  - name: other
    filter:
      all:
        - field: payload.n
          value: -1.5
empty:
";

    #[test]
    fn everything_has_its_place() {
        let document = parse(TEXT).expect("it reads");
        assert_eq!(
            document.value,
            json!({
                "version": 1,
                "sources": [
                    { "slug": "shop", "name": "Shop: live", "secrets": ["${SHOP}", "two"] },
                    { "name": "other", "filter": { "all": [{ "field": "payload.n", "value": -1.5 }] } },
                ],
                "empty": null,
            })
        );
        let at = |path: &str| document.place(path).to_string();
        assert_eq!(at("version"), "2:1");
        assert_eq!(at("sources[0].name"), "5:5");
        assert_eq!(at("sources[0].secrets.1"), "6:26");
        assert_eq!(at("sources[1].filter.all[0].value"), "11:11");
        // What is missing is told by what it is missing in.
        assert_eq!(at("sources[1].slug"), "7:5");
        assert_eq!(at("nothing"), "1:1");
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line() {
        for (text, line, part) in [
            ("a: 1\na: 2\n", 2, "twice"),
            ("a: &x 1\n", 1, "anchor"),
            ("a: 1\nb: *x\n", 2, ""),
            ("a: !!str 1\n", 1, "tag"),
            ("a: 1\n---\nb: 2\n", 2, "second"),
            ("a: [1, 2\n", 2, ""),
            ("a: 1\n b: 2\n", 2, ""),
            ("? [1]\n: 2\n", 1, "plain name"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.message.contains(part), "{text:?}: {error:?}");
            assert!((1..=line + 1).contains(&error.line), "{text:?}: {error:?}");
        }
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert!(parse(&deep).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({
            "version": 1,
            "texts": [
                "plain", "", " space", "a: b", "ends:", "# no comment", "true", "null", "1", "1.5", "-", "- x", "ü • →", "${A_B}", "x # y",
                "quote \" and \\", "tab\there", "line one\nline two\n", "no end\nhere", "three\n\nwith a gap", "two ends\n\n", "trailing \nspace",
                "\nbegins", "{braces}", "[brackets]", "*star", "&and", "!bang", "%", "@at", "`tick`", "yes", "No", "~", "a\u{0}b",
            ],
            "numbers": [0, -1, 1.5, 18_446_744_073_709_551_615_u64, 1e300],
            "nothing": null,
            "yes": true,
            "empty": { "list": [], "mapping": {} },
            "nested": [[1, 2], [], { "a": [{ "b": "c\nd" }] }],
            "odd: name": { "1": 2, "": 3 },
        });
        let text = to_yaml(&value);
        let read = parse(&text).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        assert_eq!(read.value, value, "{text}");
    }
}
