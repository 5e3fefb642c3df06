//! The fields of a type or of a kind of authentication, drawn from what the domain says of them.

use domain::destination::{Setting, SettingKind};
use leptos::prelude::*;
use serde_json::Value;

use crate::{components::*, pages::forms::TypedBefore};

/// A field for each of the settings below `path`.
#[component]
pub fn SettingFields(
    path: &'static str,
    settings: &'static [Setting],
    /// As they are now, secrets masked; null for new ones.
    mut former: Value,
    /// Whether the browser asks for what is required: not where the fields may be hidden.
    asks: bool,
    typed: TypedBefore,
) -> impl IntoView {
    let field = |setting: &'static Setting| {
        let former = former.get_mut(setting.name).map(Value::take).unwrap_or_default();
        setting_field(path, setting, former, asks, typed)
    };
    let fields: Vec<_> = settings.iter().map(field).collect();
    view! { {fields} }.into_any()
}

fn setting_field(path: &str, setting: &'static Setting, former: Value, asks: bool, typed: TypedBefore) -> AnyView {
    let name = format!("{path}.{}", setting.name);
    let is_on = former == Value::Bool(true);
    let text = if let Value::String(text) = former { text } else { String::new() };
    let is_kept = setting.is_secret() && !text.is_empty();
    let help = if setting.template {
        format!("{} May hold {{{{ JSONata }}}} parts that are filled from the event.", setting.help).trim().to_owned()
    } else {
        setting.help.to_owned()
    };
    let hint = if is_kept { format!("{text} (leave empty to keep)") } else { setting.placeholder.to_owned() };
    if setting.kind == SettingKind::Bool {
        let checked = typed.checked(&name, "true", is_on);
        return view! { <Checkbox name=name label=setting.label help=help checked=checked/> }.into_any();
    }
    let value = typed.text(&name, text);
    // Within the field, from which it has its name.
    let control = move || match setting.kind {
        SettingKind::Select(options) => {
            let usual = options.first().map_or("", |(word, _)| word);
            let value = if value.is_empty() { usual.to_owned() } else { value };
            let options: Vec<_> = options.iter().map(|(word, label)| Choice::new(*word, *label)).collect();
            view! { <Select options=options value=value/> }.into_any()
        }
        SettingKind::Text | SettingKind::Bool => {
            view! { <TextInput mono=true value=value placeholder=hint/> }.into_any()
        }
        SettingKind::Secret => view! { <TextInput mono=true placeholder=hint/> }.into_any(),
        SettingKind::SecretText => view! { <TextArea mono=true rows=6 placeholder=hint/> }.into_any(),
    };
    let is_choice = matches!(setting.kind, SettingKind::Select(_));
    let help = (!help.is_empty()).then_some(help);
    view! {
        <Field
            name=name
            label=setting.label
            help=help
            required=asks && setting.required && !is_kept
            optional_mark=!setting.required && !is_choice
        >
            {control()}
        </Field>
    }
    .into_any()
}
