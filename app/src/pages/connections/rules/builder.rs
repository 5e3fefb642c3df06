//! Groups of rules.

use std::time::Duration;

use domain::{field::FieldErrors, filter::Why, rehearsal::SeenField};
use leptos::{context::Provider, prelude::*};

use super::{
    row::RuleRow,
    tree::{Group, Join, MAX_DEPTH, Node, Rule, Tree, Unshown},
};
use crate::{browser, components::*};

/// What the parts of the builder share.
#[derive(Clone, Copy)]
pub(super) struct Builder {
    text: RwSignal<String>,
    pub tree: Memo<Result<Tree, Unshown>>,
    problems: Signal<FieldErrors>,
    pub judged: Signal<Vec<Why>>,
    /// Said to screen readers when something moves.
    said: RwSignal<String>,
}

/// Where a rule or group stands: the numbers of the groups above it, and its own.
pub(super) type Address = Vec<usize>;

/// The list of fields that inputs suggest.
pub(super) const FIELDS: &str = "filter-fields";

impl Builder {
    /// Changes the filter. The text follows, and by it all that is shown.
    pub fn edit<T>(self, change: impl FnOnce(&mut Tree) -> T) -> Option<T> {
        let mut tree = self.tree.get_untracked().ok()?;
        let done = change(&mut tree);
        self.text.set(tree.to_text());
        Some(done)
    }

    /// Adds to a group and goes there.
    fn add(self, group: &[usize], node: Node) {
        if let Some(Some(at)) = self.edit(|tree| tree.add(group, node)) {
            focus(&at, "field");
        }
    }

    /// Takes something out and goes to what stands beside it.
    pub fn remove(self, address: &[usize]) {
        let Some(Some(next)) = self.edit(|tree| tree.remove(address)) else { return };
        self.said.set("Removed".to_owned());
        let is_rule = self.tree.with_untracked(|tree| tree.as_ref().is_ok_and(|tree| tree.rule(&next).is_some()));
        focus(&next, if is_rule { "field" } else { "join" });
    }

    /// Moves something and goes along.
    pub fn shift(self, address: &[usize], up: bool, part: &'static str) {
        let Some(Some(next)) = self.edit(|tree| tree.shift(address, up)) else { return };
        let place = next.iter().map(|at| (at + 1).to_string()).collect::<Vec<_>>().join(".");
        self.said.set(format!("Moved to {place}"));
        focus(&next, part);
    }

    /// What is wrong at a place or with a part of it that has no control of its own.
    pub fn problem(self, place: &str, parts: &[&str]) -> Option<String> {
        self.problems.with(|problems| {
            problems
                .iter()
                .find(|error| {
                    error.path.strip_prefix(place).is_some_and(|rest| {
                        rest.is_empty() || rest.strip_prefix('.').is_some_and(|part| parts.contains(&part))
                    })
                })
                .map(|error| error.message.clone())
        })
    }
}

/// The id of a control of a rule or group.
pub(super) fn id_of(address: &[usize], part: &str) -> String {
    address.iter().fold("rule".to_owned(), |id, at| format!("{id}-{at}")) + "-" + part
}

/// Goes to a control once what was changed is drawn.
fn focus(address: &[usize], part: &str) {
    let id = id_of(address, part);
    browser::after(Duration::ZERO, move || browser::focus(&id));
}

/// The filter in `text` as rules.
#[component]
pub fn RuleBuilder(
    text: RwSignal<String>,
    /// Fields that events had.
    #[prop(into)]
    fields: Signal<Vec<SeenField>>,
    /// What is wrong with the filter.
    #[prop(into)]
    problems: Signal<FieldErrors>,
    /// What each rule says of the event that is looked at.
    #[prop(into)]
    judged: Signal<Vec<Why>>,
) -> impl IntoView {
    let tree = Memo::new(move |_| text.with(|text| Tree::parse(text)));
    let builder = Builder { text, tree, problems, judged, said: RwSignal::default() };
    let shown = Memo::new(move |_| tree.with(Result::is_ok));
    let options = move || {
        let mut options: Vec<(String, String)> =
            fields.with(|fields| fields.iter().map(|seen| (seen.field.clone(), hint(seen))).collect());
        for own in ["method", "path", "content_type", "source_ip"] {
            if !options.iter().any(|(field, _)| field == own) {
                options.push((own.to_owned(), String::new()));
            }
        }
        options.into_iter().map(|(field, hint)| view! { <option value=field>{hint}</option> }).collect_view()
    };
    view! {
        <Provider value=builder>
            <div class="rules">
                <datalist id=FIELDS>{options}</datalist>
                {move || {
                    if shown.get() {
                        group_view(builder, Vec::new())
                    } else {
                        view! { <NotShown tree=tree/> }.into_any()
                    }
                }}
                <p class="visually-hidden" role="status">{move || builder.said.get()}</p>
            </div>
        </Provider>
    }
    .into_any()
}

/// What stood in a field: `"paid", "open"`.
fn hint(seen: &SeenField) -> String {
    let examples: Vec<_> = seen.examples.iter().take(3).map(ToString::to_string).collect();
    if examples.is_empty() {
        seen.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ")
    } else {
        examples.join(", ")
    }
}

/// Says why there are no rules to be seen. The JSON stays as it is.
#[component]
fn NotShown(tree: Memo<Result<Tree, Unshown>>) -> impl IntoView {
    move || {
        let why = tree.with(|tree| match tree {
            Ok(_) => String::new(),
            Err(Unshown::NotJson(wrong)) => format!("The JSON cannot be read: {}.", wrong.message),
            Err(Unshown::Special { place, why }) => format!("At {place}: {why}."),
        });
        view! {
            <Alert tone=AlertTone::Info title="This filter is not shown as rules">
                {why} " It stays as it is in the JSON, where it can be changed."
            </Alert>
        }
    }
}

fn group_view(builder: Builder, address: Address) -> AnyView {
    let here = StoredValue::new(address.clone());
    let is_root = address.is_empty();
    let may_nest = address.len() + 1 < MAX_DEPTH;
    let with = move |read: &dyn Fn(&Group) -> String| {
        builder.tree.with(|tree| tree.as_ref().ok().and_then(|tree| tree.group(&here.read_value()).map(read)))
    };
    let join = Memo::new(move |_| {
        builder.tree.with(|tree| tree.as_ref().ok().and_then(|tree| Some(tree.group(&here.read_value())?.join)))
    });
    let place = Memo::new(move |_| with(&|group| group.place.clone()).unwrap_or_default());
    let problem = move || builder.problem(&place.get(), &["all", "any", "not", "not.any"]);
    // What stands where, and whether it is a group: neither typing nor moving draws a row anew.
    let keys = Memo::new(move |_| {
        builder.tree.with(|tree| {
            let group = tree.as_ref().ok().and_then(|tree| tree.group(&here.read_value()));
            let nodes = group.map(|group| group.nodes.as_slice()).unwrap_or_default();
            nodes.iter().map(|node| matches!(node, Node::Group(_))).enumerate().collect::<Vec<_>>()
        })
    });
    let empty = Memo::new(move |_| keys.with(Vec::is_empty));
    let joins = move || {
        let chosen = join.get_untracked();
        Join::ALL
            .map(|join| view! { <option value=join.as_str() selected=chosen == Some(join)>{join.label()}</option> })
            .collect_view()
    };
    let word = move || match join.get() {
        Some(Join::All) | None => "and",
        Some(Join::Any) => "or",
        Some(Join::None) => "nor",
    };
    let set_join = move |word: String| {
        let join = Join::ALL.into_iter().find(|join| join.as_str() == word);
        builder.edit(|tree| {
            if let Some((group, join)) = tree.group_mut(&here.read_value()).zip(join) {
                group.join = join;
            }
        });
    };
    let add_rule = move |_| builder.add(&here.get_value(), Node::Rule(Rule::blank()));
    let add_group = move |_| {
        let rule = Node::Rule(Rule::blank());
        let at = here.get_value();
        // A group without rules is refused, so that it comes with one, where the focus goes.
        let group = Node::Group(Group { join: Join::Any, nodes: vec![rule], place: String::new() });
        if let Some(Some(at)) = builder.edit(|tree| tree.add(&at, group)) {
            focus(&[at.as_slice(), &[0]].concat(), "field");
        }
    };
    view! {
        <div class="rule-group" role="group" aria-label=move || join.get().map(Join::label) data-join=move || join.get().map(Join::as_str) class:root=is_root>
            <div class="rule-group-head" class:quiet=move || is_root && empty.get()>
                <select
                    class="input rule-join"
                    id=id_of(&address, "join")
                    aria-label="How these rules go together"
                    prop:value=move || join.get().map(Join::as_str)
                    on:change:target=move |event| set_join(event.target().value())
                >
                    {joins}
                </select>
                {(!is_root).then(|| view! { <NodeActions builder=builder address=address part="join" what="group"/> })}
            </div>
            {move || problem().map(|problem| view! { <RuleProblem text=problem/> })}
            <ol class="rule-list">
                <For each=move || keys.get() key=|key| *key let:key>
                    {
                        let (at, is_group) = key;
                        let address = [here.get_value().as_slice(), &[at]].concat();
                        view! {
                            <li class="rule-item">
                                {(at > 0).then(|| view! { <span class="rule-word">{word}</span> })}
                                {if is_group {
                                    group_view(builder, address)
                                } else {
                                    view! { <RuleRow address=address/> }.into_any()
                                }}
                            </li>
                        }
                    }
                </For>
            </ol>
            {move || {
                (is_root && empty.get())
                    .then(|| view! { <p class="rule-none">"Without rules every event of the source goes through."</p> })
            }}
            <div class="rule-add">
                <Button size=ButtonSize::Small icon=Icon::Plus on:click=add_rule>"Rule"</Button>
                {may_nest
                    .then(|| {
                        view! { <Button size=ButtonSize::Small kind=ButtonKind::Ghost icon=Icon::ListTree on:click=add_group>"Group"</Button> }
                    })}
            </div>
        </div>
    }
    .into_any()
}

/// What is wrong with a rule or group, in place.
#[component]
pub(super) fn RuleProblem(text: String) -> impl IntoView {
    view! {
        <p class="field-error">
            <Glyph icon=Icon::CircleAlert size=14/>
            <span>{text}</span>
        </p>
    }
    .into_any()
}

/// Up, down, away.
#[component]
pub(super) fn NodeActions(
    builder: Builder,
    address: Address,
    /// The control that the focus follows to.
    part: &'static str,
    what: &'static str,
) -> impl IntoView {
    let here = StoredValue::new(address);
    let small = ButtonSize::Small;
    let ghost = ButtonKind::Ghost;
    let parts = (if part == "field" { "up" } else { "join" }, if part == "field" { "down" } else { "join" });
    view! {
        <div class="rule-actions">
            <Button
                kind=ghost
                size=small
                icon=Icon::ArrowUp
                label=format!("Move this {what} up")
                attr:id=id_of(&here.read_value(), "up")
                on:click=move |_| builder.shift(&here.get_value(), true, parts.0)
            />
            <Button
                kind=ghost
                size=small
                icon=Icon::ArrowDown
                label=format!("Move this {what} down")
                attr:id=id_of(&here.read_value(), "down")
                on:click=move |_| builder.shift(&here.get_value(), false, parts.1)
            />
            <Button kind=ghost size=small icon=Icon::X label=format!("Remove this {what}") on:click=move |_| builder.remove(&here.get_value())/>
        </div>
    }
    .into_any()
}
