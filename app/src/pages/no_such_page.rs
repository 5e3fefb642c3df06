//! An address with nothing at it.

use leptos::prelude::*;

use super::project::Project;
use crate::{
    api::{ApiError, page_status},
    layout::NotFound,
    paths,
};

#[component]
pub fn NoSuchPage() -> impl IntoView {
    page_status::set(&ApiError::NotFound);
    let home = use_context::<Project>().map_or_else(|| paths::HOME.to_owned(), |project| paths::overview(project.id()));
    view! { <NotFound home=home/> }.into_any()
}
