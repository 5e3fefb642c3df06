//! Filters, ready to be held against events: patterns are compiled, and nothing is allocated while an event is judged.
//!
//! What rules mean stands in `docs/connections.md`; [`domain::filter`] has their form.

use std::{cmp::Ordering, collections::HashSet, ops::ControlFlow};

use domain::{
    field::FieldErrors,
    filter::{
        Field, Filter as Written, Node as WrittenNode, Op, Root, Rule as WrittenRule, Step, Why, is_empty, order, same,
        shortened,
    },
    patch::DOTS,
};
use regex::Regex;
use serde_json::Value;

use crate::event_view::{EventView, Payload};

/// A filter that events can be held against.
#[derive(Debug, Clone)]
pub struct Filter {
    root: Node,
    reads_payload: bool,
}

#[derive(Debug, Clone)]
enum Node {
    All(List),
    Any(List),
    Not(Box<Node>),
    Rule(Box<Rule>),
}

/// One at least.
#[derive(Debug, Clone)]
struct List {
    first: Box<Node>,
    others: Box<[Node]>,
}

#[derive(Debug, Clone)]
struct Rule {
    written: WrittenRule,
    place: String,
    test: Test,
    /// It holds where the test does not.
    is_negated: bool,
}

#[derive(Debug, Clone)]
enum Test {
    /// What the rule's value is.
    Same,
    Contains,
    Ordered(fn(Ordering) -> bool),
    OneOf {
        texts: HashSet<Box<str>>,
        others: Box<[Value]>,
    },
    StartsWith,
    EndsWith,
    Matches(Regex),
    /// Anything at all.
    Exists,
    Empty,
}

/// What stands at a field.
#[derive(Clone, Copy)]
enum Found<'a> {
    Json(&'a Value),
    Text(&'a str),
}

/// What a filter says of an event, and the rule after which that was certain.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'f> {
    pub matched: bool,
    rule: &'f Rule,
}

/// Bytes that a compiled pattern may take. It runs in linear time whatever it is.
const PATTERN_BYTES: usize = 512 << 10;
/// Characters of a value that a [`Why`] shows.
const SHOWN: usize = 200;

impl Filter {
    /// # Errors
    /// Patterns that are none, each with its place.
    pub fn compile(filter: &Written) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let rules = filter.rules();
        let reads_payload = rules.iter().any(|(_, rule)| rule.field.is_of_payload());
        let mut rules = rules.into_iter();
        let root = node(filter.root(), &mut rules, &mut errors);
        errors.into_result()?;
        root.map(|root| Self { root, reads_payload })
            .ok_or_else(|| FieldErrors::one("filter", "could not be understood"))
    }

    /// Whether the body has to be read as JSON.
    #[must_use]
    pub const fn reads_payload(&self) -> bool {
        self.reads_payload
    }

    #[must_use]
    pub fn judge(&self, event: &EventView<'_>, payload: &Payload) -> Decision<'_> {
        let (matched, rule) = self.root.judge(event, payload);
        Decision { matched, rule }
    }

    /// What each rule says by itself, in their order.
    #[must_use]
    pub fn each_rule(&self, event: &EventView<'_>, payload: &Payload) -> Vec<Why> {
        let mut all = Vec::new();
        self.root.each_rule(&mut |rule| all.push(rule.why(event, payload)));
        all
    }
}

impl Decision<'_> {
    /// The same in full, for those who ask.
    #[must_use]
    pub fn why(&self, event: &EventView<'_>, payload: &Payload) -> Why {
        self.rule.why(event, payload)
    }
}

/// Rules come in the order in which the nodes have them.
fn node<'a>(
    written: &WrittenNode,
    rules: &mut impl Iterator<Item = (String, &'a WrittenRule)>,
    errors: &mut FieldErrors,
) -> Option<Node> {
    match written {
        WrittenNode::All(nodes) => list(nodes, rules, errors).map(Node::All),
        WrittenNode::Any(nodes) => list(nodes, rules, errors).map(Node::Any),
        WrittenNode::Not(inner) => node(inner, rules, errors).map(Box::new).map(Node::Not),
        WrittenNode::Rule(_) => {
            let (place, written) = rules.next()?;
            match test(written) {
                Ok((test, is_negated)) => {
                    Some(Node::Rule(Box::new(Rule { written: written.clone(), place, test, is_negated })))
                }
                Err(why) => {
                    errors.push(format!("{place}.value"), why);
                    None
                }
            }
        }
    }
}

fn list<'a>(
    written: &[WrittenNode],
    rules: &mut impl Iterator<Item = (String, &'a WrittenRule)>,
    errors: &mut FieldErrors,
) -> Option<List> {
    // All of them, so that every error is found.
    let nodes: Vec<_> = written.iter().map(|written| node(written, rules, errors)).collect();
    let mut nodes = nodes.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
    Some(List { first: Box::new(nodes.next()?), others: nodes.collect() })
}

/// What a rule looks for, and whether it holds where that is not found.
fn test(rule: &WrittenRule) -> Result<(Test, bool), String> {
    let is_no = rule.value == Value::Bool(false);
    Ok(match rule.op {
        Op::Eq => (Test::Same, false),
        Op::Neq => (Test::Same, true),
        Op::Contains => (Test::Contains, false),
        Op::Gt => (Test::Ordered(Ordering::is_gt), false),
        Op::Gte => (Test::Ordered(Ordering::is_ge), false),
        Op::Lt => (Test::Ordered(Ordering::is_lt), false),
        Op::Lte => (Test::Ordered(Ordering::is_le), false),
        Op::In => (one_of(&rule.value), false),
        Op::NotIn => (one_of(&rule.value), true),
        Op::StartsWith => (Test::StartsWith, false),
        Op::EndsWith => (Test::EndsWith, false),
        Op::Matches => (Test::Matches(pattern(rule.value.as_str().unwrap_or_default())?), false),
        Op::Exists => (Test::Exists, is_no),
        Op::IsEmpty => (Test::Empty, is_no),
    })
}

fn one_of(values: &Value) -> Test {
    let (texts, others): (Vec<_>, Vec<_>) =
        values.as_array().into_iter().flatten().cloned().partition(|value| matches!(value, Value::String(_)));
    let texts = texts.iter().filter_map(Value::as_str).map(Box::from).collect();
    Test::OneOf { texts, others: others.into() }
}

fn pattern(pattern: &str) -> Result<Regex, String> {
    let built = regex::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "must be a simpler regular expression: this one takes too much memory".into()
        }
        // It shows the pattern with a mark below, over several lines; the last one says what is wrong.
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
            format!("must be a regular expression: {last}")
        }
    })
}

impl Node {
    /// The outcome and the rule after which it was certain.
    fn judge(&self, event: &EventView<'_>, payload: &Payload) -> (bool, &Rule) {
        match self {
            Self::All(list) => list.judge_until(false, event, payload),
            Self::Any(list) => list.judge_until(true, event, payload),
            Self::Not(node) => {
                let (held, rule) = node.judge(event, payload);
                (!held, rule)
            }
            Self::Rule(rule) => (rule.holds(event, payload), rule),
        }
    }

    fn each_rule<'n>(&'n self, visit: &mut impl FnMut(&'n Rule)) {
        match self {
            Self::All(list) | Self::Any(list) => {
                list.first.each_rule(visit);
                list.others.iter().for_each(|node| node.each_rule(visit));
            }
            Self::Not(node) => node.each_rule(visit),
            Self::Rule(rule) => visit(rule),
        }
    }
}

impl List {
    /// The first that comes out as `deciding`, or else the last.
    fn judge_until(&self, deciding: bool, event: &EventView<'_>, payload: &Payload) -> (bool, &Rule) {
        let mut judged = self.first.judge(event, payload);
        for node in &self.others {
            if judged.0 == deciding {
                break;
            }
            judged = node.judge(event, payload);
        }
        judged
    }
}

impl Rule {
    fn holds(&self, event: &EventView<'_>, payload: &Payload) -> bool {
        let (mut is_nothing_there, mut is_found) = (true, false);
        candidates(&self.written.field, event, payload, &mut |found| {
            is_nothing_there = false;
            is_found = self.test.fits(&self.written.value, found);
            if is_found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let is_found = is_found || (is_nothing_there && matches!(self.test, Test::Empty));
        is_found != self.is_negated
    }

    fn why(&self, event: &EventView<'_>, payload: &Payload) -> Why {
        let field = &self.written.field;
        let (mut first, mut fitting) = (None, None);
        candidates(field, event, payload, &mut |found| {
            let value = || match found {
                Found::Json(value) => shortened(value, SHOWN),
                Found::Text(text) => shortened(&Value::from(text), SHOWN),
            };
            first.get_or_insert_with(value);
            if self.test.fits(&self.written.value, found) {
                fitting = Some(value());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        let found = fitting.or(first);
        let held = self.holds(event, payload);
        Why {
            place: self.place.clone(),
            field: field.as_str().to_owned(),
            op: self.written.op,
            wanted: shortened(&self.written.value, SHOWN),
            is_missing: found.is_none(),
            found: found
                .map_or(Value::Null, |found| if is_secret(field) { masked(&found) } else { without_secrets(found) }),
            held,
        }
    }
}

impl Test {
    fn fits(&self, wanted: &Value, found: Found<'_>) -> bool {
        match self {
            Self::Exists => true,
            Self::Same => found.is(wanted),
            Self::Empty => match found {
                Found::Json(value) => is_empty(value),
                Found::Text(text) => text.is_empty(),
            },
            Self::Contains => match (found, wanted) {
                (Found::Json(Value::Array(items)), wanted) => items.iter().any(|item| same(item, wanted)),
                (found, Value::String(wanted)) => found.text().is_some_and(|text| text.contains(wanted.as_str())),
                _ => false,
            },
            Self::Ordered(fits) => match (found, wanted) {
                (Found::Json(value), wanted) => order(value, wanted).is_some_and(fits),
                (Found::Text(text), Value::String(wanted)) => fits(text.cmp(wanted)),
                (Found::Text(_), _) => false,
            },
            Self::OneOf { texts, others } => match found.text() {
                Some(text) => texts.contains(text),
                None => others.iter().any(|other| found.is(other)),
            },
            Self::StartsWith => found.text().zip(wanted.as_str()).is_some_and(|(text, start)| text.starts_with(start)),
            Self::EndsWith => found.text().zip(wanted.as_str()).is_some_and(|(text, end)| text.ends_with(end)),
            Self::Matches(pattern) => found.text().is_some_and(|text| pattern.is_match(text)),
        }
    }
}

impl<'a> Found<'a> {
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Json(value) => value.as_str(),
            Self::Text(text) => Some(text),
        }
    }

    fn is(self, wanted: &Value) -> bool {
        match self {
            Self::Json(value) => same(value, wanted),
            Self::Text(text) => wanted.as_str() == Some(text),
        }
    }
}

type Visit<'v> = dyn FnMut(Found<'_>) -> ControlFlow<()> + 'v;

/// Everything that stands at a field, until the visitor has seen enough.
fn candidates(field: &Field, event: &EventView<'_>, payload: &Payload, visit: &mut Visit<'_>) {
    let mut one = |text: Option<&str>| {
        if let Some(text) = text {
            let _ = visit(Found::Text(text));
        }
    };
    match field.root() {
        Root::Method => one(Some(event.method)),
        Root::Path => one(Some(event.path)),
        Root::ContentType => one(event.content_type),
        Root::SourceIp => one(event.source_ip),
        Root::Header(name) => {
            let mut values = event.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
            let _ = values.try_for_each(|(_, value)| visit(Found::Text(value)));
        }
        Root::Query(name) => {
            let mut values = event.parameters().filter(|(given, _)| given == name);
            let _ = values.try_for_each(|(_, value)| visit(Found::Text(&value)));
        }
        Root::Payload(steps) => {
            if let Ok(payload) = payload.json() {
                let _ = walk(payload, steps, visit);
            }
        }
    }
}

fn walk(value: &Value, steps: &[Step], visit: &mut Visit<'_>) -> ControlFlow<()> {
    let Some((step, rest)) = steps.split_first() else { return visit(Found::Json(value)) };
    match (step, value) {
        (Step::Each, Value::Array(items)) => items.iter().try_for_each(|item| walk(item, rest, visit)),
        (Step::Key(name), Value::Object(fields)) => {
            fields.get(name).map_or(ControlFlow::Continue(()), |value| walk(value, rest, visit))
        }
        (Step::Key(name), Value::Array(items)) => {
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
            let item = name.parse::<usize>().ok().filter(|_| is_number).and_then(|index| items.get(index));
            item.map_or(ControlFlow::Continue(()), |value| walk(value, rest, visit))
        }
        _ => ControlFlow::Continue(()),
    }
}

/// Parts of names whose values nobody is shown.
const SECRET_NAMES: [&str; 12] = [
    "authorization",
    "cookie",
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "credential",
    "private_key",
    "session",
];

/// Whether what stands at a name is likely to be a secret.
#[must_use]
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

fn is_secret(field: &Field) -> bool {
    match field.root() {
        Root::Header(name) | Root::Query(name) => is_secret_name(name),
        Root::Payload(steps) => {
            let last = steps.iter().rev().find_map(|step| match step {
                Step::Key(name) => Some(name),
                Step::Each => None,
            });
            last.is_some_and(|name| is_secret_name(name))
        }
        Root::Method | Root::Path | Root::ContentType | Root::SourceIp => false,
    }
}

/// Dots for texts and numbers, wherever they stand.
pub(crate) fn masked(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(_) | Value::String(_) => Value::from(DOTS),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), masked(value))).collect(),
    }
}

/// The same with dots for what stands under names of secrets.
pub(crate) fn without_secrets(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(without_secrets).collect(),
        Value::Object(fields) => {
            let shown = |(name, value): (String, Value)| {
                let value = if is_secret_name(&name) { masked(&value) } else { without_secrets(value) };
                (name, value)
            };
            fields.into_iter().map(shown).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
