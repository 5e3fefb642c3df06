//! Changing a source.

use domain::source::Source;
use leptos::prelude::*;

use super::fields::SourceFields;
use crate::{
    api::sources::{UpdateSource, find_source},
    components::*,
    pages::{
        forms::{FormState, Hidden, use_form},
        loaded::Loaded,
        project::{use_param, use_project},
    },
    paths,
};

#[component]
pub fn EditSourcePage() -> impl IntoView {
    let project = use_project();
    let id = use_param("source_id");
    let found = Resource::new(move || (project.id(), id.get()), |(env, id)| find_source(env, id));
    view! {
        <Loaded load=move || async move { found.await } children={|source: Source| view! { <EditSource source=source/> }.into_any()}/>
    }
    .into_any()
}

#[component]
fn EditSource(source: Source) -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<UpdateSource>();
    let (env, id) = (project.id(), source.id.to_string());
    let back = paths::source(&env, &id);
    let crumbs = vec![Crumb::new("Sources", paths::sources(&env)), Crumb::new(source.name.clone(), back.clone())];
    view! {
        <PageHeader title=format!("Edit {}", source.name) crumbs=crumbs/>
        <ActionForm action=action>
            <FormBody problem=problem>
                <Hidden name="env" value=env/>
                <Hidden name="source" value=id/>
                <SourceFields template=source.template former=source typed=typed/>
                <FormActions>
                    <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Save changes"</Button>
                    <ButtonLink href=back kind=ButtonKind::Ghost>"Cancel"</ButtonLink>
                </FormActions>
            </FormBody>
        </ActionForm>
    }
    .into_any()
}
