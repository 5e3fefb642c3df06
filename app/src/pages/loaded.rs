//! Data of a page: a skeleton until it is there, the page with it, or why there is none.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::{components::Redirect, hooks::use_location};

use super::project::Project;
use crate::{
    api::{ApiError, page_status},
    components::*,
    layout::*,
    paths,
};

/// Shows `children` with what `load` brings. Drawn anew when the resources that `load` awaits change; until then what was
/// there stays.
#[component]
pub fn Loaded<T, Load, Loading, View>(
    load: Load,
    #[prop(optional, into)] skeleton: Option<ViewFnOnce>,
    /// Only a part of the page: when it fails, the page stays.
    #[prop(optional)]
    part: bool,
    children: View,
) -> impl IntoView
where
    T: Send + 'static,
    Load: Fn() -> Loading + Send + Sync + 'static,
    Loading: Future<Output = Result<T, ApiError>> + Send + 'static,
    View: Fn(T) -> AnyView + Send + Sync + 'static,
{
    let children = Arc::new(children);
    let skeleton = skeleton.unwrap_or_else(|| (|| view! { <Skeleton lines=8/> }).into());
    view! {
        <Transition fallback=skeleton>
            {move || {
                let (loading, children) = (load(), Arc::clone(&children));
                Suspend::new(async move {
                    match loading.await {
                        Ok(data) => children(data),
                        Err(error) if part => view! { <FailedPart error=error/> }.into_any(),
                        Err(error) => view! { <Failure error=error/> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}

/// Stands in place of a page that could not be had.
#[component]
pub fn Failure(error: ApiError) -> impl IntoView {
    page_status::set(&error);
    let here = use_location();
    let here = move || format!("{}{}", here.pathname.get_untracked(), query(&here.search.get_untracked()));
    let home = use_context::<Project>().map_or_else(|| paths::HOME.to_owned(), |project| paths::overview(project.id()));
    match error {
        ApiError::Unauthenticated => view! { <Redirect path=paths::sign_in_then(&here())/> }.into_any(),
        ApiError::NotFound => view! { <NotFound home=home/> }.into_any(),
        ApiError::Forbidden => view! {
            <ErrorPage title="Your role does not allow this" text="An owner or admin of the organization can give you another role." icon=Icon::Lock>
                <ButtonLink href=home kind=ButtonKind::Primary>"Go to the overview"</ButtonLink>
            </ErrorPage>
        }
        .into_any(),
        error => view! {
            <ErrorPage title="This page could not be loaded" text=error.to_string()>
                <ButtonLink href=here() kind=ButtonKind::Primary icon=Icon::RefreshCw attr:rel="external">"Try again"</ButtonLink>
            </ErrorPage>
        }
        .into_any(),
    }
}

/// Stands in place of a part of a page that could not be had.
#[component]
fn FailedPart(error: ApiError) -> impl IntoView {
    view! { <Alert tone=AlertTone::Danger title="This part could not be loaded">{error.to_string()}</Alert> }.into_any()
}

fn query(search: &str) -> String {
    let search = search.trim_start_matches('?');
    if search.is_empty() { String::new() } else { format!("?{search}") }
}
