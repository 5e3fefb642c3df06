//! A new source: first the gallery of templates, then the form.

use domain::template::TemplateId;
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
    let cards: Vec<_> = TemplateId::ALL
        .into_iter()
        .map(|id| {
            let about = id.about();
            let href = paths::new_source_from(project.id(), id.as_str());
            let icon = template_icon(id != TemplateId::Custom);
            view! { <GalleryCard href=href icon=icon title=about.label text=about.summary/> }
        })
        .collect();
    view! {
        <PageHeader
            title="New source"
            subtitle="Where do the webhooks come from?"
            crumbs=vec![Crumb::new("Sources", paths::sources(project.id()))]
        />
        <ul class="gallery">
            {cards}
        </ul>
    }
    .into_any()
}

#[component]
fn GalleryCard(#[prop(into)] href: String, icon: Icon, title: &'static str, text: &'static str) -> impl IntoView {
    view! {
        <li class="gallery-card">
            <Glyph icon=icon size=20/>
            <h2>
                <a href=href>{title}</a>
            </h2>
            <p>{text}</p>
        </li>
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
