//! The root of the dashboard: what every page has around it, and which page stands at which address.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use crate::{
    components::{Toaster, provide_clock, provide_toasts},
    pages::{
        account::{
            SignInCodePage, SignInPage, SignUpPage,
            links::{ConfirmPage, ForgotPasswordPage, ResetPasswordPage},
            own::{AccountPage, AccountSettingsPage},
            second_factor::SecondFactorPage,
        },
        connections::{ConnectionPage, ConnectionsPage, NewConnectionPage},
        dead_letters::DeadLettersPage,
        destinations::{DestinationPage, DestinationsPage, EditDestinationPage, NewDestinationPage},
        device::DevicePage,
        events::{EventPage, EventsPage},
        home::HomePage,
        invitation::InvitationPage,
        issues::{IssuePage, IssuesPage},
        new_organization::NewOrganizationPage,
        new_project::NewProjectPage,
        no_such_page::NoSuchPage,
        overview::OverviewPage,
        project::{ForWriters, ProjectFrame},
        replays::{NewReplayPage, ReplayPage, ReplaysPage},
        settings::{ApiKeysPage, AuditLogPage, OrganizationPage, SettingsPage, TeamPage},
        sources::{EditSourcePage, NewSourcePage, RejectedRequestsPage, SourcePage, SourcesPage},
    },
};

/// The dashboard. Pages are drawn whole on the server, with their data and status, before the first byte is sent.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_clock();
    provide_toasts();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "hookstream".to_owned() } else { format!("{title} · hookstream") }/>
        <Router>
            <Routes fallback=|| view! { <NoSuchPage/> }>
                <Route path=path!("/") view=HomePage ssr=SsrMode::Async/>
                <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async/>
                <Route path=path!("/sign-in/code") view=SignInCodePage ssr=SsrMode::Async/>
                <Route path=path!("/sign-up") view=SignUpPage ssr=SsrMode::Async/>
                <Route path=path!("/invitation/:token") view=InvitationPage ssr=SsrMode::Async/>
                <Route path=path!("/organizations/new") view=NewOrganizationPage ssr=SsrMode::Async/>
                <Route path=path!("/forgot-password") view=ForgotPasswordPage ssr=SsrMode::Async/>
                <Route path=path!("/reset-password") view=ResetPasswordPage ssr=SsrMode::Async/>
                <Route path=path!("/confirm") view=ConfirmPage ssr=SsrMode::Async/>
                <Route path=path!("/account") view=AccountPage ssr=SsrMode::Async/>
                <Route path=path!("/account/second-factor") view=SecondFactorPage ssr=SsrMode::Async/>
                <Route path=path!("/device") view=DevicePage ssr=SsrMode::Async/>
                <Route path=path!("/projects/new") view=NewProjectPage ssr=SsrMode::Async/>
                <ParentRoute path=path!("/p/:env_id") view=ProjectFrame ssr=SsrMode::Async>
                    <Route path=path!("") view=OverviewPage/>
                    <Route path=path!("events") view=EventsPage/>
                    <Route path=path!("events/:event_id") view=EventPage/>
                    <Route path=path!("issues") view=IssuesPage/>
                    <Route path=path!("issues/:issue_id") view=IssuePage/>
                    <Route path=path!("dead-letters") view=DeadLettersPage/>
                    <Route path=path!("sources") view=SourcesPage/>
                    <Route path=path!("sources/new") view=|| view! { <ForWriters><NewSourcePage/></ForWriters> }/>
                    <Route path=path!("sources/:source_id") view=SourcePage/>
                    <Route path=path!("sources/:source_id/rejected") view=RejectedRequestsPage/>
                    <Route path=path!("sources/:source_id/edit") view=|| view! { <ForWriters><EditSourcePage/></ForWriters> }/>
                    <Route path=path!("destinations") view=DestinationsPage/>
                    <Route path=path!("destinations/new") view=|| view! { <ForWriters><NewDestinationPage/></ForWriters> }/>
                    <Route path=path!("destinations/:destination_id") view=DestinationPage/>
                    <Route path=path!("destinations/:destination_id/edit") view=|| view! { <ForWriters><EditDestinationPage/></ForWriters> }/>
                    <Route path=path!("connections") view=ConnectionsPage/>
                    <Route path=path!("connections/new") view=|| view! { <ForWriters><NewConnectionPage/></ForWriters> }/>
                    <Route path=path!("connections/:connection_id") view=ConnectionPage/>
                    <Route path=path!("replays") view=ReplaysPage/>
                    <Route path=path!("replays/new") view=|| view! { <ForWriters><NewReplayPage/></ForWriters> }/>
                    <Route path=path!("replays/:replay_id") view=ReplayPage/>
                    <Route path=path!("settings") view=SettingsPage/>
                    <Route path=path!("settings/keys") view=ApiKeysPage/>
                    <Route path=path!("settings/team") view=TeamPage/>
                    <Route path=path!("settings/audit-log") view=AuditLogPage/>
                    <Route path=path!("settings/organization") view=OrganizationPage/>
                    <Route path=path!("settings/account") view=AccountSettingsPage/>
                    <Route path=path!("*any") view=NoSuchPage/>
                </ParentRoute>
            </Routes>
        </Router>
        <Toaster/>
    }
    .into_any()
}
