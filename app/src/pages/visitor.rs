//! Who is signed in, for the pages that need to know before anything else.

use domain::org::Viewer;
use leptos::prelude::*;

use super::loaded::{Failure, Loaded};
use crate::api::account::{KnownViewer, current_viewer};

/// Shows `children` to somebody who is signed in; everybody else is led to the sign-in.
///
/// The server knows the visitor before it draws. So nothing below has to wait for it, and the resources of the page
/// are made once.
#[component]
pub fn WithViewer<View>(children: View) -> impl IntoView
where
    View: Fn(Viewer) -> AnyView + Send + Sync + 'static,
{
    let known = SharedValue::new(use_context::<KnownViewer>).into_inner();
    match known {
        Some(KnownViewer(Ok(viewer))) => children(viewer),
        Some(KnownViewer(Err(error))) => view! { <Failure error=error/> }.into_any(),
        None => {
            let viewer = Resource::new(|| (), |()| current_viewer());
            view! { <Loaded load=move || async move { viewer.await } children=children/> }.into_any()
        }
    }
}
