//! A new connection.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api::{
        connections::CreateConnection,
        names::{Named, Names, known_names},
    },
    components::*,
    pages::{
        forms::{FormState, Hidden, TypedBefore, use_form},
        loaded::Loaded,
        project::use_project,
    },
    paths,
};

#[component]
pub fn NewConnectionPage() -> impl IntoView {
    let project = use_project();
    let known = Resource::new(|| (), move |()| known_names(project.id()));
    view! {
        <Loaded load=move || async move { known.await } children={|names: Names| view! { <NewConnection names=names/> }.into_any()}/>
    }
    .into_any()
}

#[component]
fn NewConnection(names: Names) -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<CreateConnection>();
    let list = paths::connections(project.id());
    let env = project.id();
    view! {
        <PageHeader
            title="New connection"
            subtitle="From now on, events of the source are delivered to the destination."
            crumbs=vec![Crumb::new("Connections", list.clone())]
        />
        <Card>
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="env" value=env.clone()/>
                    <FieldRow>
                        <EndField name="source_id" asked="source" label="Source" make=paths::new_source(&env) options=names.sources typed=typed/>
                        <EndField name="destination_id" asked="destination" label="Destination" make=paths::new_destination(&env) options=names.destinations typed=typed/>
                    </FieldRow>
                    <Field name="name" label="Name" help="Without one it is called after its two ends." optional_mark=true>
                        <TextInput value=typed.text("name", "")/>
                    </Field>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Create connection"</Button>
                        <ButtonLink href=list kind=ButtonKind::Ghost>"Cancel"</ButtonLink>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}

/// One end: chosen from a list, or made first where there is none.
#[component]
fn EndField(
    name: &'static str,
    /// The part of the address that chooses it.
    asked: &'static str,
    label: &'static str,
    #[prop(into)] make: String,
    options: Vec<Named>,
    typed: TypedBefore,
) -> impl IntoView {
    let asked = use_query_map().with_untracked(|query| query.get(asked));
    let only = if options.len() == 1 { options.first().map(|named| named.id.clone()) } else { None };
    let chosen = typed.text(name, asked.or(only).unwrap_or_default());
    let none = options.is_empty();
    let choices: Vec<_> = std::iter::once(Choice::new("", "Choose one"))
        .chain(options.into_iter().map(|named| Choice::new(named.id, named.name)))
        .collect();
    view! {
        <div>
            <Field name=name label=label required=true>
                <Select options=choices value=chosen/>
            </Field>
            {none
                .then(|| {
                    view! {
                        <p class="field-help">
                            "There is none yet. " <a href=make>{format!("Make a {}", label.to_lowercase())}</a>
                        </p>
                    }
                })}
        </div>
    }
    .into_any()
}
