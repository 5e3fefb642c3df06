//! One rule: a field, how it is compared, with what, and what it says of the event that is looked at.

use domain::filter::{Op, Why};
use leptos::{ev, prelude::*};
use serde_json::Value;

use super::{
    builder::{Address, Builder, FIELDS, NodeActions, RuleProblem, id_of},
    operand::{Kind, shown},
    tree::Rule,
};
use crate::components::*;

#[component]
pub(super) fn RuleRow(address: Address) -> impl IntoView {
    let builder: Builder = expect_context();
    let here = StoredValue::new(address.clone());
    let rule = Memo::new(move |_| {
        builder.tree.with(|tree| tree.as_ref().ok().and_then(|tree| tree.rule(&here.read_value()).cloned()))
    });
    let edit = move |change: &dyn Fn(&mut Rule)| {
        builder.edit(|tree| {
            if let Some(rule) = tree.rule_mut(&here.read_value()) {
                change(rule);
            }
        });
    };
    let place = Memo::new(move |_| rule.with(|rule| rule.as_ref().map(|rule| rule.place.clone()).unwrap_or_default()));
    let op = Memo::new(move |_| rule.with(|rule| rule.as_ref().map_or(Op::Eq, |rule| rule.op)));
    let field = move || rule.with(|rule| rule.as_ref().map(|rule| rule.field.clone()).unwrap_or_default());
    let problem = Memo::new(move |_| builder.problem(&place.get(), &["field", "op", "value"]));
    let judged = Memo::new(move |_| {
        let place = place.get();
        builder.judged.with(|judged| judged.iter().find(|why| why.place == place).cloned())
    });
    let ops = move || {
        let chosen = op.get_untracked();
        Op::ALL.map(|op| view! { <option value=op.as_str() selected=chosen == op>{op.words()}</option> }).collect_view()
    };
    let set_op = move |word: String| {
        let Ok(op) = word.parse::<Op>() else { return };
        edit(&|rule| {
            rule.op = op;
            let kind = rule.value.as_ref().map(Kind::of);
            if !kind.is_some_and(|kind| Kind::taken_by(op).contains(&kind)) {
                let kind = Kind::taken_by(op)[0];
                rule.value = Some(kind.from(rule.value.as_ref()));
            }
        });
    };
    let keys = move |event: ev::KeyboardEvent| {
        let up = event.key() == "ArrowUp";
        if event.alt_key() && (up || event.key() == "ArrowDown") {
            event.prevent_default();
            builder.shift(&here.get_value(), up, "field");
        }
    };
    let invalid = move || problem.with(Option::is_some).then_some("true");
    let problem_id = id_of(&address, "problem");
    let described = {
        let id = problem_id.clone();
        move || problem.with(Option::is_some).then(|| id.clone())
    };
    view! {
        <div class="rule" data-verdict=move || judged.with(|why| why.as_ref().map(|why| if why.held { "held" } else { "failed" }))>
            <input
                class="input mono rule-field"
                id=id_of(&address, "field")
                list=FIELDS
                aria-label="Field"
                aria-invalid=invalid
                aria-describedby=described
                placeholder="payload.type"
                spellcheck="false"
                autocapitalize="off"
                autocomplete="off"
                prop:value=field
                value=untrack(field)
                on:keydown=keys
                on:input:target=move |event| {
                    let text = event.target().value();
                    edit(&|rule| rule.field.clone_from(&text));
                }
            />
            <select
                class="input rule-op"
                id=id_of(&address, "op")
                aria-label="Comparison"
                prop:value=move || op.get().as_str()
                on:change:target=move |event| set_op(event.target().value())
            >
                {ops}
            </select>
            <ValueInput rule=rule op=op id=id_of(&address, "value") edit=Callback::new(move |value: Value| edit(&|rule| rule.value = Some(value.clone())))/>
            <NodeActions builder=builder address=address part="field" what="rule"/>
            <div class="rule-notes">
                {move || problem.get().map(|text| view! { <div id=problem_id.clone()><RuleProblem text=text/></div> })}
                {move || judged.get().map(|why| view! { <Verdict why=why/> })}
            </div>
        </div>
    }
    .into_any()
}

/// What the rule compares with.
#[component]
fn ValueInput(rule: Memo<Option<Rule>>, op: Memo<Op>, id: String, edit: Callback<Value>) -> impl IntoView {
    let value = Memo::new(move |_| rule.with(|rule| rule.as_ref().and_then(|rule| rule.value.clone())));
    // The kind that was chosen stays while there is a value of several: an empty list is one of texts and of numbers.
    let chosen = RwSignal::new(None::<Kind>);
    let kind = Memo::new(move |_| {
        let taken = Kind::taken_by(op.get());
        value.with(|value| {
            let of_value = value.as_ref().map_or(taken[0], Kind::of);
            chosen
                .get()
                .filter(|kind| {
                    taken.contains(kind) && value.as_ref().is_some_and(|value| kind.read(&shown(value)).is_some())
                })
                .unwrap_or(of_value)
        })
    });
    let kinds = move || {
        let taken = Kind::taken_by(op.get());
        let now = kind.get_untracked();
        (taken.len() > 1).then(|| {
            let options = taken
                .iter()
                .map(|kind| view! { <option value=kind.as_str() selected=*kind == now>{kind.label()}</option> })
                .collect_view();
            view! {
                <select
                    class="input rule-kind"
                    aria-label="Kind of value"
                    prop:value=move || kind.get().as_str()
                    on:change:target=move |event| {
                        if let Some(kind) = Kind::parse(&event.target().value()) {
                            edit.run(kind.from(value.get_untracked().as_ref()));
                            chosen.set(Some(kind));
                        }
                    }
                >
                    {options}
                </select>
            }
        })
    };
    // What is half typed is no value yet, and stays in the control.
    let draft = RwSignal::new(None::<String>);
    let text = move || draft.get().unwrap_or_else(|| value.with(|value| value.as_ref().map(shown).unwrap_or_default()));
    let wrong =
        Memo::new(move |_| draft.with(|draft| draft.as_ref().is_some_and(|text| kind.get().read(text).is_none())));
    let control = move || match kind.get() {
        Kind::Flag => {
            let (yes, no) = match op.get() {
                Op::Exists => ("yes, it is there", "no, it is missing"),
                Op::IsEmpty => ("yes", "no"),
                _ => ("true", "false"),
            };
            let now = move || if value.with(|value| *value == Some(Value::Bool(false))) { "false" } else { "true" };
            let is_false = untrack(now) == "false";
            view! {
                <select
                    class="input rule-value"
                    id=id.clone()
                    aria-label="Value"
                    prop:value=now
                    on:change:target=move |event| edit.run(Value::Bool(event.target().value() == "true"))
                >
                    <option value="true" selected=!is_false>{yes}</option>
                    <option value="false" selected=is_false>{no}</option>
                </select>
            }
            .into_any()
        }
        Kind::Null => view! { <span class="rule-value rule-null mono">"null"</span> }.into_any(),
        kind => view! {
            <input
                class="input mono rule-value"
                id=id.clone()
                aria-label="Value"
                aria-invalid=move || wrong.get().then_some("true")
                inputmode=(kind == Kind::Number).then_some("decimal")
                placeholder=kind.placeholder()
                spellcheck="false"
                autocapitalize="off"
                autocomplete="off"
                prop:value=text
                value=untrack(text)
                on:blur=move |_| draft.set(None)
                on:input:target=move |event| {
                    let text = event.target().value();
                    let read = kind.read(&text);
                    draft.set(Some(text));
                    if let Some(value) = read {
                        chosen.set(Some(kind));
                        edit.run(value);
                    }
                }
            />
        }
        .into_any(),
    };
    view! {
        <div class="rule-operand">
            {kinds}
            {control}
        </div>
    }
    .into_any()
}

/// Whether the rule holds for the event, and what stood there.
#[component]
fn Verdict(why: Why) -> impl IntoView {
    let (icon, word) = if why.held { (Icon::Check, "holds") } else { (Icon::X, "does not hold") };
    let found = if why.is_missing { "nothing stands there".to_owned() } else { format!("found {}", why.found) };
    view! {
        <p class="rule-verdict">
            <Glyph icon=icon size=12/>
            <span class="visually-hidden">{word} ": "</span>
            <span class="rule-found">{found}</span>
        </p>
    }
    .into_any()
}
