//! The frame of a project's pages, and what they know of the project and of the visitor.

use domain::{
    org::Viewer,
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
    live::{Fresh, use_fresh},
    loaded::Loaded,
    no_such_page::NoSuchPage,
};
use crate::{
    api::account::{SignOut, current_viewer},
    components::*,
    layout::*,
    paths,
};

/// The project that is shown. `Copy`; pages take it from the context by [`use_project`].
#[derive(Clone, Copy)]
pub struct Project {
    id: Memo<String>,
    viewer: Fresh<Viewer>,
    environment: Memo<Option<Environment>>,
}

/// The project around this page.
#[must_use]
pub fn use_project() -> Project {
    expect_context()
}

/// A part of the address, which names what a page shows. Keeps its value while the visitor leaves.
#[must_use]
pub fn use_param(name: &'static str) -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |former: Option<&String>| {
        params.with(|params| params.get(name)).or_else(|| former.cloned()).unwrap_or_default()
    })
}

impl Project {
    /// The id, as addresses have it. It stays the same for as long as a page lives.
    #[must_use]
    pub fn id(self) -> String {
        self.id.get_untracked()
    }

    /// The project itself; `None` where the address names none that the visitor may see. Tracked.
    #[must_use]
    pub fn environment(self) -> Option<Environment> {
        self.environment.get()
    }

    /// Whether the visitor may do something here. Tracked.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        let role = self.environment.with(|environment| {
            environment.as_ref().and_then(|environment| self.viewer.data().with(|viewer| viewer.role_in(environment)))
        });
        role.is_some_and(|role: Role| role.may(permission))
    }

    /// Whether the visitor may change sources, destinations and connections, and retry.
    #[must_use]
    pub fn may_write(self) -> Signal<bool> {
        Signal::derive(move || self.may(Permission::Write))
    }

    /// The visitor with their projects, to be fetched again when one of them changes.
    #[must_use]
    pub const fn viewer(self) -> Fresh<Viewer> {
        self.viewer
    }
}

/// The frame around the pages of a project.
#[component]
pub fn ProjectFrame() -> impl IntoView {
    view! {
        <SignedInFrame id=use_param("env_id")>
            <Outlet/>
        </SignedInFrame>
    }
}

/// The frame for somebody signed in, around the page of the project `id`, or around a page of no project.
#[component]
pub fn SignedInFrame(
    #[prop(into)] id: Memo<String>,
    /// A page that belongs to no project.
    #[prop(optional)]
    outside: bool,
    children: ChildrenFn,
) -> impl IntoView {
    let visitor = Resource::new(|| (), |()| current_viewer());
    let children = StoredValue::new(children);
    view! {
        <Loaded
            load=move || async move { visitor.await }
            children={move |first: Viewer| {
                let project = provide_project(id, first);
                // Pages are built anew for another project, and need not watch for it.
                let shown = Memo::new(move |_| project.environment.with(|it| it.as_ref().map(|it| it.id)));
                view! {
                    <Frame project=project>
                        {move || {
                            if outside || shown.get().is_some() {
                                children.with_value(|children| children()).into_any()
                            } else {
                                view! { <NoSuchPage/> }.into_any()
                            }
                        }}
                    </Frame>
                }
                .into_any()
            }}
        />
    }
}

fn provide_project(id: Memo<String>, first: Viewer) -> Project {
    let viewer = use_fresh(first, current_viewer);
    let environment = Memo::new(move |_| {
        let id = id.get();
        viewer.data().with(|viewer| viewer.projects.iter().find(|project| project.id.to_string() == id).cloned())
    });
    let project = Project { id, viewer, environment };
    provide_context(project);
    project
}

#[component]
fn Frame(project: Project, children: Children) -> impl IntoView {
    let viewer = project.viewer.data();
    let projects =
        Signal::derive(move || viewer.with(|viewer| viewer.projects.iter().map(project_link).collect::<Vec<_>>()));
    let organization = Signal::derive(move || {
        let org = project.environment.with(|environment| environment.as_ref().map(|environment| environment.org_id));
        viewer.with(|viewer| {
            let membership =
                viewer.memberships.iter().find(|membership| org.is_none_or(|org| org == membership.org_id));
            membership.map(|membership| membership.org_name.clone()).unwrap_or_default()
        })
    });
    let person = Signal::derive(move || {
        viewer.with(|viewer| Person { name: viewer.user.name.clone(), email: viewer.user.email.clone() })
    });
    let new_project = Signal::derive(move || {
        let environment = project.environment()?;
        project.may(Permission::ManageProjects).then(|| paths::new_project(environment.org_id))
    });
    let sections =
        Signal::derive(move || project.environment().map(|it| sections(&it.id.to_string())).unwrap_or_default());
    let sign_out = use_action::<SignOut>();
    view! {
        <AppFrame
            projects=projects
            current=project.id
            sections=sections
            path=use_location().pathname
            organization=organization
            person=person
            new_project=new_project
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
}

fn project_link(project: &Environment) -> ProjectLink {
    ProjectLink {
        id: project.id.to_string(),
        name: project.name.clone(),
        test: project.mode == Mode::Test,
        href: paths::overview(project.id),
    }
}

fn sections(id: &str) -> Vec<NavSection> {
    let item = |label: &str, icon, href| NavItem::new(label, icon, href);
    vec![
        NavSection {
            items: vec![
                item("Overview", Icon::House, paths::overview(id)).exact(),
                item("Events", Icon::Activity, paths::events(id)),
            ],
        },
        NavSection {
            items: vec![
                item("Sources", Icon::Webhook, paths::sources(id)),
                item("Destinations", Icon::Send, paths::destinations(id)),
                item("Connections", Icon::Cable, paths::connections(id)),
            ],
        },
        NavSection { items: vec![item("Settings", Icon::Settings, paths::settings(id))] },
    ]
}
