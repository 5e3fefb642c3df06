//! A new source: first the gallery of templates, then the form.

use domain::template::{Category, TemplateId};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{fields::SourceFields, provider_of, template_icon};
use crate::{
    api::sources::CreateSource,
    components::*,
    pages::{
        forms::{FormState, Hidden, use_form},
        project::use_project,
    },
    paths,
};

#[component]
pub fn NewSourcePage() -> impl IntoView {
    let chosen = use_query_map();
    let chosen = Memo::new(move |_| chosen.with(|query| query.get("template")));
    move || match chosen.get().as_deref() {
        None => view! { <Gallery/> }.into_any(),
        Some(word) => view! { <NewSource template=provider_of(word.parse().ok())/> }.into_any(),
    }
}

#[component]
fn Gallery() -> impl IntoView {
    let project = use_project();
    let query = use_query_map();
    // Without JavaScript the search is sent, and comes back in the address.
    let search = RwSignal::new(query.with_untracked(|query| query.get("q").unwrap_or_default()));
    let found = move || {
        let words = search.get().to_lowercase();
        let sections: Vec<_> = Category::ALL
            .into_iter()
            .filter_map(|category| {
                let of_category = |id: &TemplateId| id.about().category == category && id.about().is_found_by(&words);
                let ids: Vec<_> = TemplateId::ALL.into_iter().filter(of_category).collect();
                (!ids.is_empty()).then(|| view! { <GallerySection env=project.id() category=category ids=ids/> })
            })
            .collect();
        if sections.is_empty() {
            let custom = paths::new_source_from(project.id(), TemplateId::Custom.as_str());
            return view! {
                <EmptyState
                    icon=Icon::Webhook
                    title="No template by that name"
                    text="Any sender will do: say yourself how its requests are verified."
                >
                    <ButtonLink href=custom>"Another sender"</ButtonLink>
                </EmptyState>
            }
            .into_any();
        }
        sections.into_any()
    };
    view! {
        <PageHeader
            title="New source"
            subtitle="Where do the webhooks come from?"
            crumbs=vec![Crumb::new("Sources", paths::sources(project.id()))]
        />
        <form method="get" role="search" class="gallery-search" on:submit=|event| event.prevent_default()>
            <Field name="q" label="Search">
                <TextInput kind="search" placeholder="Stripe, e-mail, orders…" bind=search/>
            </Field>
        </form>
        {found}
    }
    .into_any()
}

#[component]
fn GallerySection(env: String, category: Category, ids: Vec<TemplateId>) -> impl IntoView {
    let cards: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let about = id.about();
            let href = paths::new_source_from(&env, id.as_str());
            let icon = template_icon(id != TemplateId::Custom);
            view! { <GalleryCard href=href icon=icon title=about.label text=about.summary/> }
        })
        .collect();
    view! {
        <section class="gallery-section">
            <h2>{category.label()}</h2>
            <ul class="gallery">{cards}</ul>
        </section>
    }
    .into_any()
}

#[component]
fn NewSource(template: Option<TemplateId>) -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<CreateSource>();
    let title = template.map_or_else(|| "New source".to_owned(), |id| format!("New {} source", id.about().label));
    let crumbs = vec![
        Crumb::new("Sources", paths::sources(project.id())),
        Crumb::new("New source", paths::new_source(project.id())),
    ];
    view! {
        <PageHeader title=title crumbs=crumbs/>
        <ActionForm action=action>
            <FormBody problem=problem>
                <Hidden name="env" value=project.id()/>
                <SourceFields template=template typed=typed/>
                <FormActions>
                    <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Create source"</Button>
                    <ButtonLink href=paths::new_source(project.id()) kind=ButtonKind::Ghost>"Back"</ButtonLink>
                </FormActions>
            </FormBody>
        </ActionForm>
    }
    .into_any()
}
