//! The frame of a project's pages, and what they know of the project and of the visitor.

use domain::{
    id::{EnvId, OrgId},
    org::{Membership, Viewer},
    permission::{Permission, Role},
    project::{Environment, Mode},
};
use leptos::prelude::*;
use leptos_router::{
    components::Outlet,
    hooks::{use_location, use_params_map},
};

use super::{
    forms::use_action,
    live::{Fresh, provide_live, use_fresh, use_open_issues},
    loaded::Failure,
    no_such_page::NoSuchPage,
    visitor::WithViewer,
};
use crate::{
    api::{
        ApiError,
        account::{SignOut, current_viewer},
        issues::COUNTED,
    },
    components::*,
    layout::*,
    paths,
};

/// The project that is shown. Pages take it from the context by [`use_project`], and are built anew for another project
/// or role: none of it changes while a page lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Project {
    id: EnvId,
    org: OrgId,
    role: Role,
}

/// The project around this page.
#[must_use]
pub fn use_project() -> Project {
    expect_context()
}

/// The visitor with their projects, to be fetched again when one of them changes.
#[must_use]
pub fn use_viewer() -> Fresh<Viewer> {
    expect_context()
}

/// A part of the address, which names what a page shows.
#[must_use]
pub fn use_param(name: &'static str) -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get(name)).unwrap_or_default())
}

impl Project {
    /// The project that `id` names, where the viewer may see it.
    fn of(viewer: &Viewer, id: &str) -> Option<Self> {
        let project = viewer.projects.iter().find(|project| project.id.to_string() == id)?;
        Some(Self { id: project.id, org: project.org_id, role: viewer.role_in(project)? })
    }

    /// The id, as addresses and server functions have it.
    #[must_use]
    pub fn id(self) -> String {
        self.id.to_string()
    }

    /// The organization that it belongs to.
    #[must_use]
    pub fn org(self) -> String {
        self.org.to_string()
    }

    /// What the visitor is in its organization.
    #[must_use]
    pub const fn role(self) -> Role {
        self.role
    }

    /// Whether the visitor may do something here.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        self.role.may(permission)
    }

    /// Whether the visitor may change sources, destinations and connections, and retry.
    #[must_use]
    pub const fn may_write(self) -> bool {
        self.may(Permission::Write)
    }

    /// The project itself. Tracked.
    #[must_use]
    pub fn environment(self, viewer: Fresh<Viewer>) -> Option<Environment> {
        viewer.data().with(|viewer| viewer.projects.iter().find(|project| project.id == self.id).cloned())
    }
}

/// The frame around the pages of a project.
#[component]
pub fn ProjectFrame() -> impl IntoView {
    let id = use_param("env_id");
    view! {
        <WithViewer children={move |viewer: Viewer| {
            let viewer = use_fresh(viewer, current_viewer);
            provide_context(viewer);
            let shown = Memo::new(move |_| id.with(|id| viewer.data().with(|viewer| Project::of(viewer, id))));
            view! { <Frame viewer=viewer project=shown>{move || page(shown.get())}</Frame> }.into_any()
        }}/>
    }
    .into_any()
}

fn page(project: Option<Project>) -> AnyView {
    match project {
        Some(project) => {
            provide_context(project);
            view! { <Outlet/> }.into_any()
        }
        None => view! { <NoSuchPage/> }.into_any(),
    }
}

/// A page that changes something: those who may not are told so before they fill in a form.
#[component]
pub fn ForWriters(children: Children) -> impl IntoView {
    if use_project().may_write() { children() } else { view! { <Failure error=ApiError::Forbidden/> }.into_any() }
}

/// The frame around a page that belongs to no project.
#[component]
pub fn FrameWithoutProject(children: ChildrenFn) -> impl IntoView {
    view! {
        <WithViewer children={move |viewer: Viewer| {
            let (viewer, page) = (use_fresh(viewer, current_viewer), children());
            view! { <Frame viewer=viewer project=Memo::new(|_| None)>{page}</Frame> }.into_any()
        }}/>
    }
    .into_any()
}

#[component]
fn Frame(viewer: Fresh<Viewer>, project: Memo<Option<Project>>, children: Children) -> impl IntoView {
    let viewer = viewer.data();
    let path = use_location().pathname;
    let projects = Signal::derive(move || viewer.with(|viewer| path.with(|path| links(viewer, path))));
    let current = Signal::derive(move || project.get().map(Project::id).unwrap_or_default());
    let organization = Signal::derive(move || viewer.with(|viewer| organization(viewer, project.get())));
    let person = Signal::derive(move || {
        viewer.with(|viewer| Person { name: viewer.user.name.clone(), email: viewer.user.email.clone() })
    });
    let new_project = Signal::derive(move || {
        let project = project.get().filter(|project| project.may(Permission::ManageProjects))?;
        Some(paths::new_project(project.org))
    });
    let open_issues = use_open_issues(project, provide_live(project));
    let sections = Signal::derive(move || {
        project.get().map(|project| sections(&project.id(), open_issues.get().unwrap_or(0))).unwrap_or_default()
    });
    let sign_out = use_action::<SignOut>();
    view! {
        <AppFrame
            projects=projects
            current=current
            sections=sections
            path=path
            organization=organization
            person=person
            new_project=new_project
            new_organization=paths::NEW_ORGANIZATION
            account=move || {
                let href = Signal::derive(move || {
                    project.get().map_or_else(|| paths::ACCOUNT.to_owned(), |project| paths::account_in(project.id()))
                });
                view! { <MenuLink href=href icon=Icon::User>"Your account"</MenuLink> }
            }
            sign_out=move || {
                view! {
                    <ActionForm action=sign_out>
                        <MenuButton icon=Icon::LogOut submit=true>"Sign out"</MenuButton>
                    </ActionForm>
                }
            }
        >
            {children()}
        </AppFrame>
    }
    .into_any()
}

/// The name of the organization of `project`, or of the first where there is no project.
fn organization(viewer: &Viewer, project: Option<Project>) -> String {
    let of_project = |org: OrgId| project.is_none_or(|project| project.org == org);
    let membership = viewer.memberships.iter().find(|membership| of_project(membership.org_id));
    membership.map(|membership| membership.org_name.clone()).unwrap_or_default()
}

/// The projects by organization, each at the page that is most like the one at `path`.
fn links(viewer: &Viewer, path: &str) -> Vec<ProjectLink> {
    let of_org = |membership: &Membership| {
        let (org, organization) = (membership.org_id, (membership.org_id.to_string(), membership.org_name.clone()));
        let projects = viewer.projects.iter().filter(move |project| project.org_id == org);
        projects.map(move |project| link(project, &organization, path)).collect::<Vec<_>>()
    };
    viewer.memberships.iter().flat_map(of_org).collect()
}

fn link(project: &Environment, organization: &(String, String), path: &str) -> ProjectLink {
    ProjectLink {
        id: project.id.to_string(),
        name: project.name.clone(),
        organization: organization.clone(),
        test: project.mode == Mode::Test,
        href: paths::same_page(project.id, path),
    }
}

fn sections(id: &str, open_issues: u32) -> Vec<NavSection> {
    let overview = NavItem::new("Overview", Icon::House, paths::overview(id)).exact();
    let events = NavItem::new("Events", Icon::Activity, paths::events(id));
    let issues = NavItem::new("Issues", Icon::TriangleAlert, paths::issues(id));
    let issues = match open_issues {
        0 => issues,
        count if count > COUNTED => issues.count(format!("{COUNTED}+")),
        count => issues.count(count.to_string()),
    };
    let dead_letters = NavItem::new("Dead letters", Icon::Box, paths::dead_letters(id));
    let sources = NavItem::new("Sources", Icon::Webhook, paths::sources(id));
    let destinations = NavItem::new("Destinations", Icon::Send, paths::destinations(id));
    let connections = NavItem::new("Connections", Icon::Cable, paths::connections(id));
    let replays = NavItem::new("Replays", Icon::RotateCcw, paths::replays(id));
    let settings = NavItem::new("Settings", Icon::Settings, paths::settings(id));
    vec![
        NavSection { items: vec![overview, events, issues, dead_letters] },
        NavSection { items: vec![sources, destinations, connections] },
        NavSection { items: vec![replays] },
        NavSection { items: vec![settings] },
    ]
}
