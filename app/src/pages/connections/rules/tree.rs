//! The rules of a filter as a tree to build with. It is read out of the JSON and written back into it: the JSON is what
//! there is, and a rule is known by its place in it.

use domain::filter::{Filter, Op};
use serde_json::{Map, Value, json};

use crate::api::json_text::{NotJson, parse_json};

/// A filter that the builder can show. Without rules it is no filter, and lets everything through.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub root: Group,
}

/// How the rules of a group go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    All,
    Any,
    /// `not`, of one rule or of any of several.
    None,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub join: Join,
    pub nodes: Vec<Node>,
    /// Where it stands in the JSON, as errors and explanations name it: `filter.all[1].not`.
    pub place: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub field: String,
    pub op: Op,
    pub value: Option<Value>,
    pub place: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Group(Group),
    Rule(Rule),
}

/// Why a text is not shown as rules. It stays what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unshown {
    NotJson(NotJson),
    /// Something that the builder has no form for: where, and what.
    Special {
        place: String,
        why: String,
    },
}

/// Deeper nesting is left to the JSON.
pub const MAX_DEPTH: usize = 6;
/// Where the filter as a whole stands.
const ROOT: &str = "filter";

impl Join {
    pub const ALL: [Self; 3] = [Self::All, Self::Any, Self::None];

    /// The word that a `<select>` knows it by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Any => "any",
            Self::None => "none",
        }
    }

    /// What the group asks of its rules.
    pub const fn label(self) -> &'static str {
        match self {
            Self::All => "All of these",
            Self::Any => "Any of these",
            Self::None => "None of these",
        }
    }
}

impl Rule {
    /// A rule to be filled in.
    pub fn blank() -> Self {
        Self { field: String::new(), op: Op::Eq, value: Some(json!("")), place: String::new() }
    }
}

impl Tree {
    /// Reads the JSON of a filter.
    pub fn parse(text: &str) -> Result<Self, Unshown> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let value: Value = parse_json(text).map_err(Unshown::NotJson)?;
        let mut left = 2 * Filter::MAX_RULES;
        let Value::Object(fields) = &value else {
            return Err(special(ROOT, "a filter is an object: {\"all\": […]}"));
        };
        if fields.is_empty() {
            return Ok(Self::default());
        }
        let root = match node(&value, ROOT, 1, &mut left)? {
            Node::Group(group) => group,
            rule @ Node::Rule(_) => Group { join: Join::All, nodes: vec![rule], place: ROOT.to_owned() },
        };
        Ok(Self { root })
    }

    /// The JSON, as people would write it; nothing when there is no rule.
    pub fn to_text(&self) -> String {
        if self.root.nodes.is_empty() {
            return String::new();
        }
        serde_json::to_string_pretty(&group_json(&self.root)).unwrap_or_default()
    }

    pub fn node(&self, address: &[usize]) -> Option<&Node> {
        let (last, parents) = address.split_last()?;
        self.group(parents)?.nodes.get(*last)
    }

    pub fn rule(&self, address: &[usize]) -> Option<&Rule> {
        match self.node(address)? {
            Node::Rule(rule) => Some(rule),
            Node::Group(_) => None,
        }
    }

    /// The group at the address; the root has an empty one.
    pub fn group(&self, address: &[usize]) -> Option<&Group> {
        address.iter().try_fold(&self.root, |group, at| match group.nodes.get(*at)? {
            Node::Group(group) => Some(group),
            Node::Rule(_) => None,
        })
    }

    pub fn group_mut(&mut self, address: &[usize]) -> Option<&mut Group> {
        address.iter().try_fold(&mut self.root, |group, at| match group.nodes.get_mut(*at)? {
            Node::Group(group) => Some(group),
            Node::Rule(_) => None,
        })
    }

    pub fn rule_mut(&mut self, address: &[usize]) -> Option<&mut Rule> {
        let (last, parents) = address.split_last()?;
        match self.group_mut(parents)?.nodes.get_mut(*last)? {
            Node::Rule(rule) => Some(rule),
            Node::Group(_) => None,
        }
    }

    /// Adds `node` at the end of a group, and says where it stands.
    pub fn add(&mut self, group: &[usize], node: Node) -> Option<Vec<usize>> {
        if group.len() + height(&node) > MAX_DEPTH {
            return None;
        }
        let nodes = &mut self.group_mut(group)?.nodes;
        nodes.push(node);
        Some([group, &[nodes.len() - 1]].concat())
    }

    /// Takes a rule or group out, and says what stands next to where it was: its follower, the one before, or its group.
    pub fn remove(&mut self, address: &[usize]) -> Option<Vec<usize>> {
        let (last, parents) = address.split_last()?;
        let nodes = &mut self.group_mut(parents)?.nodes;
        if *last >= nodes.len() {
            return None;
        }
        nodes.remove(*last);
        let next = (*last).min(nodes.len().saturating_sub(1));
        Some(if nodes.is_empty() { parents.to_vec() } else { [parents, &[next]].concat() })
    }

    /// Moves a rule or group one place up or down: into a group that stands there, and out of its own at its ends. Says
    /// where it stands then; `None` where there is nowhere to go.
    pub fn shift(&mut self, address: &[usize], up: bool) -> Option<Vec<usize>> {
        let (at, parents) = address.split_last()?;
        let siblings = self.group(parents)?.nodes.len();
        let moved = height(self.node(address)?);
        let beyond = if up { *at == 0 } else { at + 1 == siblings };
        if beyond {
            let (own, outer) = parents.split_last()?;
            let node = self.group_mut(parents)?.nodes.remove(*at);
            let at = if up { *own } else { own + 1 };
            self.group_mut(outer)?.nodes.insert(at, node);
            return Some([outer, &[at]].concat());
        }
        let other = if up { at - 1 } else { at + 1 };
        let nodes = &mut self.group_mut(parents)?.nodes;
        let enters = matches!(nodes.get(other), Some(Node::Group(_))) && parents.len() + 1 + moved <= MAX_DEPTH;
        if !enters {
            nodes.swap(*at, other);
            return Some([parents, &[other]].concat());
        }
        let node = nodes.remove(*at);
        // What stood behind it has moved up by one.
        let group = if up { other } else { *at };
        let Some(Node::Group(inner)) = nodes.get_mut(group) else { return None };
        let place = if up { inner.nodes.len() } else { 0 };
        inner.nodes.insert(place, node);
        Some([parents, &[group, place]].concat())
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self { root: Group { join: Join::All, nodes: Vec::new(), place: ROOT.to_owned() } }
    }
}

fn special(place: &str, why: impl Into<String>) -> Unshown {
    Unshown::Special { place: place.to_owned(), why: why.into() }
}

/// How many levels a node takes: a rule one, a group one more than what is in it.
fn height(node: &Node) -> usize {
    match node {
        Node::Rule(_) => 1,
        Node::Group(group) => 1 + group.nodes.iter().map(height).max().unwrap_or(0),
    }
}

fn node(value: &Value, place: &str, depth: usize, left: &mut usize) -> Result<Node, Unshown> {
    *left = left.checked_sub(1).ok_or_else(|| special(ROOT, "it has too many parts"))?;
    if depth > MAX_DEPTH + 1 {
        return Err(special(place, format!("it is nested deeper than {MAX_DEPTH} levels")));
    }
    let Value::Object(fields) = value else { return Err(special(place, "a rule is an object")) };
    let joins: Vec<_> = fields.keys().filter(|key| matches!(key.as_str(), "all" | "any" | "not")).collect();
    match joins.as_slice() {
        [] => rule(fields, place).map(Node::Rule),
        [join] if fields.len() == 1 => group(join, &fields[*join], place, depth, left).map(Node::Group),
        _ => Err(special(place, "it has several of all, any, not and field in one object")),
    }
}

fn group(join: &str, value: &Value, place: &str, depth: usize, left: &mut usize) -> Result<Group, Unshown> {
    let below = format!("{place}.{join}");
    if join == "not" {
        // `not` of `any` is shown as one group.
        let any = value.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("any"));
        let nodes = match any {
            Some(any) => nodes(any, &format!("{below}.any"), depth, left)?,
            None => vec![node(value, &below, depth + 1, left)?],
        };
        return Ok(Group { join: Join::None, nodes, place: place.to_owned() });
    }
    let join = if join == "all" { Join::All } else { Join::Any };
    Ok(Group { join, nodes: nodes(value, &below, depth, left)?, place: place.to_owned() })
}

fn nodes(value: &Value, place: &str, depth: usize, left: &mut usize) -> Result<Vec<Node>, Unshown> {
    let Value::Array(items) = value else { return Err(special(place, "it has to be a list of rules")) };
    items.iter().enumerate().map(|(at, item)| node(item, &format!("{place}[{at}]"), depth + 1, left)).collect()
}

fn rule(fields: &Map<String, Value>, place: &str) -> Result<Rule, Unshown> {
    if let Some(unknown) = fields.keys().find(|key| !matches!(key.as_str(), "field" | "op" | "value")) {
        return Err(special(place, format!("a rule has no \"{unknown}\"")));
    }
    let text = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(special(place, format!("a rule needs \"{name}\", as a text"))),
    };
    let op = text("op")?;
    let op = op.parse().map_err(|_| special(place, format!("there is no operator \"{op}\"")))?;
    Ok(Rule { field: text("field")?, op, value: fields.get("value").cloned(), place: place.to_owned() })
}

fn group_json(group: &Group) -> Value {
    let nodes = || Value::Array(group.nodes.iter().map(node_json).collect());
    match group.join {
        Join::All => json!({ "all": nodes() }),
        Join::Any => json!({ "any": nodes() }),
        Join::None => match group.nodes.as_slice() {
            [Node::Group(Group { join: Join::Any, .. })] => json!({ "not": { "any": nodes() } }),
            [only] => json!({ "not": node_json(only) }),
            _ => json!({ "not": { "any": nodes() } }),
        },
    }
}

fn node_json(node: &Node) -> Value {
    match node {
        Node::Group(group) => group_json(group),
        Node::Rule(rule) => {
            let mut fields = Map::new();
            fields.insert("field".to_owned(), json!(rule.field));
            fields.insert("op".to_owned(), json!(rule.op));
            if let Some(value) = &rule.value {
                fields.insert("value".to_owned(), value.clone());
            }
            Value::Object(fields)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: &str = r#"{"all": [
        {"field": "payload.type", "op": "eq", "value": "paid"},
        {"any": [{"field": "payload.a", "op": "gt", "value": 1}, {"not": {"field": "payload.b", "op": "exists", "value": true}}]},
        {"not": {"any": [{"field": "method", "op": "eq", "value": "GET"}, {"field": "path", "op": "eq", "value": "/"}]}}
    ]}"#;

    fn rule(field: &str) -> Node {
        Node::Rule(Rule { field: field.to_owned(), ..Rule::blank() })
    }

    fn fields(tree: &Tree) -> String {
        fn of(group: &Group) -> String {
            let parts: Vec<_> = group
                .nodes
                .iter()
                .map(|node| match node {
                    Node::Rule(rule) => rule.field.clone(),
                    Node::Group(group) => format!("({})", of(group)),
                })
                .collect();
            parts.join(" ")
        }
        of(&tree.root)
    }

    fn tree(nodes: Vec<Node>) -> Tree {
        Tree { root: Group { join: Join::All, nodes, place: String::new() } }
    }

    fn group(nodes: Vec<Node>) -> Node {
        Node::Group(Group { join: Join::Any, nodes, place: String::new() })
    }

    #[test]
    fn what_is_read_is_written_again() {
        let tree = Tree::parse(NESTED).expect("it can be shown");
        let written: Value = serde_json::from_str(&tree.to_text()).expect("JSON");
        assert_eq!(written, serde_json::from_str::<Value>(NESTED).expect("JSON"));
        assert_eq!(Tree::parse(&tree.to_text()), Ok(tree));
        assert_eq!(Tree::parse(" \n").map(|tree| tree.to_text()), Ok(String::new()));
    }

    #[test]
    fn rules_know_their_place() {
        let tree = Tree::parse(NESTED).expect("it can be shown");
        let place = |address: &[usize]| tree.rule(address).map(|rule| rule.place.as_str());
        assert_eq!(place(&[0]), Some("filter.all[0]"));
        assert_eq!(place(&[1, 1, 0]), Some("filter.all[1].any[1].not"));
        assert_eq!(place(&[2, 1]), Some("filter.all[2].not.any[1]"));
    }

    #[test]
    fn a_lone_rule_is_a_group_of_one() {
        let tree = Tree::parse(r#"{"field": "method", "op": "eq", "value": "POST"}"#).expect("it can be shown");
        assert_eq!(tree.rule(&[0]).map(|rule| rule.place.as_str()), Some("filter"));
        assert_eq!(fields(&tree), "method");
    }

    #[test]
    fn what_cannot_be_shown_says_why() {
        for (text, words) in [
            ("[]", "an object"),
            (r#"{"all": [], "any": []}"#, "several"),
            (r#"{"all": {}}"#, "a list"),
            (r#"{"all": [{"field": "a", "op": "eq", "value": 1, "note": ""}]}"#, "note"),
            (r#"{"all": [{"field": 1, "op": "eq"}]}"#, "field"),
            (r#"{"field": "method", "op": "equals"}"#, "operator"),
            (format!("{}{}", "{\"any\":[".repeat(9), "]}".repeat(9)).as_str(), "deeper"),
        ] {
            let Err(Unshown::Special { why, .. }) = Tree::parse(text) else { panic!("{text} is shown") };
            assert!(why.contains(words), "{text}: {why}");
        }
        assert!(matches!(Tree::parse("{\"all\": ["), Err(Unshown::NotJson(_))));
    }

    #[test]
    fn rules_move_through_groups() {
        let mut moved = tree(vec![rule("a"), group(vec![rule("b")]), rule("c")]);
        assert_eq!(moved.shift(&[0], false), Some(vec![0, 0]));
        assert_eq!(fields(&moved), "(a b) c");
        assert_eq!(moved.shift(&[0, 0], false), Some(vec![0, 1]));
        assert_eq!(moved.shift(&[0, 1], false), Some(vec![1]));
        assert_eq!(fields(&moved), "(b) a c");
        assert_eq!(moved.shift(&[1], true), Some(vec![0, 1]));
        assert_eq!(moved.shift(&[0, 0], true), Some(vec![0]));
        assert_eq!(fields(&moved), "b (a) c");
        assert_eq!(moved.shift(&[0], true), None);
        assert_eq!(moved.shift(&[2], false), None);
    }

    #[test]
    fn what_is_removed_leaves_the_focus_beside_it() {
        let mut left = tree(vec![rule("a"), group(vec![rule("b")]), rule("c")]);
        assert_eq!(left.remove(&[2]), Some(vec![1]));
        assert_eq!(left.remove(&[1, 0]), Some(vec![1]));
        assert_eq!(left.remove(&[0]), Some(vec![0]));
        assert_eq!(left.remove(&[0]), Some(vec![]));
        assert_eq!(left.to_text(), "");
    }

    #[test]
    fn nesting_is_bounded() {
        let mut deep = Tree::default();
        let mut at = Vec::new();
        while let Some(next) = deep.add(&at, group(vec![])) {
            at = next;
        }
        assert_eq!(at.len(), MAX_DEPTH);
        assert!(Tree::parse(&deep.to_text()).is_ok());
    }
}
