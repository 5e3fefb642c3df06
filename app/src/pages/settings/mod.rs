//! The settings of a project, and of the organization that it belongs to.

mod audit;
mod keys;
mod organization;
mod project;
mod team;

pub use audit::AuditLogPage;
pub use keys::ApiKeysPage;
pub use organization::OrganizationPage;
pub use project::SettingsPage;
pub use team::TeamPage;

use domain::permission::Permission;
use leptos::prelude::*;

use crate::{components::*, pages::project::use_project, paths};

/// The head that the pages of the settings share.
#[component]
pub fn SettingsHeader(
    /// The id of the tab.
    current: &'static str,
) -> impl IntoView {
    let project = use_project();
    let env = project.id();
    let mut tabs = vec![
        TabLink::new("project", "Project", paths::settings(&env)),
        TabLink::new("keys", "API keys", paths::api_keys(&env)),
        TabLink::new("team", "Team", paths::team(&env)),
    ];
    if project.may(Permission::ReadAuditLog) {
        tabs.push(TabLink::new("audit-log", "Audit log", paths::audit_log(&env)));
    }
    tabs.push(TabLink::new("organization", "Organization", paths::organization(&env)));
    tabs.push(TabLink::new("account", "Account", paths::account_in(&env)));
    view! {
        <PageHeader title="Settings"/>
        <TabLinks label="Settings" items=tabs current=current/>
    }
    .into_any()
}
