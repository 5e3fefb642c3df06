//! The settings of a project: its name, its end, its API keys.

mod keys;
mod project;

pub use keys::ApiKeysPage;
pub use project::SettingsPage;

use leptos::prelude::*;

use crate::{components::*, pages::project::use_project, paths};

/// The head that the pages of the settings share.
#[component]
pub fn SettingsHeader(
    /// The id of the tab.
    current: &'static str,
) -> impl IntoView {
    let env = use_project().id();
    let tabs = vec![
        TabLink::new("project", "Project", paths::settings(&env)),
        TabLink::new("keys", "API keys", paths::api_keys(&env)),
        TabLink::new("account", "Account", paths::account_in(&env)),
    ];
    view! {
        <PageHeader title="Settings"/>
        <TabLinks label="Settings" items=tabs current=current/>
    }
    .into_any()
}
