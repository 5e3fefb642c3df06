//! The dashboard's frame: the sidebar, which is a drawer on narrow screens, and the page beside it.

use leptos::prelude::*;

use super::{logo::Mark, theme_switch::ThemeSwitch};
use crate::{
    browser,
    components::{Glyph, Icon, Tag, Tone},
};

/// A project to switch to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectLink {
    pub id: String,
    pub name: String,
    /// Its organization: id and name.
    pub organization: (String, String),
    /// Whether it is a test project, which is marked.
    pub test: bool,
    pub href: String,
}

/// A page in the sidebar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavItem {
    label: String,
    icon: Icon,
    href: String,
    count: Option<String>,
    exact: bool,
}

/// Pages that belong together; a line stands between sections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NavSection {
    pub items: Vec<NavItem>,
}

/// Who is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub email: String,
}

/// The sidebar's id: the button of the top bar opens it as a popover.
const SIDEBAR: &str = "sidebar";

/// The frame around every page of the dashboard.
#[component]
pub fn AppFrame(
    #[prop(into)] projects: Signal<Vec<ProjectLink>>,
    /// The id of the project that is shown.
    #[prop(into)]
    current: Signal<String>,
    #[prop(into)] sections: Signal<Vec<NavSection>>,
    /// The path of the page that is shown, which decides the active item.
    #[prop(into)]
    path: Signal<String>,
    #[prop(into)] organization: Signal<String>,
    #[prop(into)] person: Signal<Person>,
    /// Where a new project is made, for those who may.
    #[prop(optional, into)]
    new_project: MaybeProp<String>,
    /// Where another organization is made.
    #[prop(optional, into)]
    new_organization: MaybeProp<String>,
    /// `MenuLink`s of the account menu.
    #[prop(optional, into)]
    account: Option<ViewFnOnce>,
    /// The form that signs out, with a `MenuButton`.
    #[prop(optional, into)]
    sign_out: Option<ViewFnOnce>,
    children: Children,
) -> impl IntoView {
    Effect::new(|_| browser::install_page_keys());
    let project = Memo::new(move |_| {
        projects.with(|projects| projects.iter().find(|project| current.with(|id| *id == project.id)).cloned())
    });
    view! {
        <a class="skip-link" href="#content" rel="external">
            "Skip to the content"
        </a>
        <div class="frame">
            <Topbar project=project/>
            <div class="sidebar" id=SIDEBAR popover="auto">
                <ProjectSwitcher projects=projects project=project new_project=new_project new_organization=new_organization/>
                <nav class="nav" aria-label="Pages" on:click=|_| browser::hide_popover(SIDEBAR)>
                    {move || sections.get().into_iter().map(|section| nav_section(section, path)).collect_view()}
                </nav>
                <footer class="sidebar-foot">
                    <AccountMenu organization=organization person=person account=account sign_out=sign_out/>
                </footer>
            </div>
            <main class="content" id="content" tabindex="-1">
                <div class="page">{children()}</div>
            </main>
        </div>
    }
    .into_any()
}

/// The bar above the page on narrow screens, with the button that opens the sidebar.
#[component]
fn Topbar(#[prop(into)] project: Signal<Option<ProjectLink>>) -> impl IntoView {
    view! {
        <header class="topbar">
            <button class="button icon-only" data-kind="ghost" data-size="medium" type="button" popovertarget=SIDEBAR aria-label="Menu">
                <Glyph icon=Icon::Menu size=20/>
            </button>
            <Mark size=20/>
            <span class="topbar-project">{move || project.get().map(|project| project.name)}</span>
            {move || test_tag(project.get().as_ref())}
        </header>
    }
    .into_any()
}

/// Who is signed in, with what concerns them.
#[component]
fn AccountMenu(
    organization: Signal<String>,
    person: Signal<Person>,
    account: Option<ViewFnOnce>,
    sign_out: Option<ViewFnOnce>,
) -> impl IntoView {
    view! {
        <details class="menu upward wide">
            <summary class="person">
                <span class="avatar" aria-hidden="true">{move || person.with(|person| initial(&person.name))}</span>
                <span class="person-text">
                    <span class="person-name">{move || person.get().name}</span>
                    <span class="person-org">{move || organization.get()}</span>
                </span>
                <Glyph icon=Icon::ChevronsUpDown size=14/>
            </summary>
            <div class="menu-list">
                <p class="menu-label">{move || person.get().email}</p>
                {account.map(ViewFnOnce::run)}
                <div class="menu-row">"Colours" <ThemeSwitch/></div>
                {sign_out.map(|sign_out| view! { <hr class="menu-separator"/> {sign_out.run()} })}
            </div>
        </details>
    }
    .into_any()
}

/// The project at the top of the sidebar, with a list of the others.
#[component]
fn ProjectSwitcher(
    #[prop(into)] projects: Signal<Vec<ProjectLink>>,
    #[prop(into)] project: Signal<Option<ProjectLink>>,
    new_project: MaybeProp<String>,
    new_organization: MaybeProp<String>,
) -> impl IntoView {
    let project_link = move |link: ProjectLink| {
        let here = project.with(|project| project.as_ref().is_some_and(|project| project.id == link.id));
        let tag = test_tag(Some(&link));
        view! {
            <a class="menu-item" href=link.href aria-current=here.then_some("true")>
                <span class="project-mark" data-test=link.test.then_some("true") aria-hidden="true">{initial(&link.name)}</span>
                <span class="menu-item-text">{link.name}</span>
                {tag}
                <span class="menu-check"><Glyph icon=Icon::Check/></span>
            </a>
        }
    };
    let several = Memo::new(move |_| projects.with(|projects| in_groups(projects).nth(1).is_some()));
    let links = move || {
        let mut groups = Vec::new();
        for group in projects.with(|projects| in_groups(projects).map(<[ProjectLink]>::to_vec).collect::<Vec<_>>()) {
            let title = group.first().map(|link| link.organization.1.clone()).filter(|_| several.get());
            let links: Vec<_> = group.into_iter().map(project_link).collect();
            groups.push(view! {
                <p class="menu-label">{title.unwrap_or_else(|| "Projects".to_owned())}</p>
                {links}
            });
        }
        groups
    };
    let more = move || {
        let project = new_project.get().map(|href| (href, "New project"));
        let organization = new_organization.get().map(|href| (href, "New organization"));
        let links: Vec<_> = project
            .into_iter()
            .chain(organization)
            .map(|(href, words)| {
                view! {
                    <a class="menu-item" href=href>
                        <Glyph icon=Icon::Plus/>
                        <span class="menu-item-text">{words}</span>
                    </a>
                }
            })
            .collect();
        (!links.is_empty()).then(|| view! { <hr class="menu-separator"/> {links} })
    };
    view! {
        <details class="menu wide">
            <summary class="switcher" aria-label="Switch the project">
                {move || project.get().map(|project| {
                    view! {
                        <span class="project-mark" data-test=project.test.then_some("true") aria-hidden="true">{initial(&project.name)}</span>
                    }
                })}
                <span class="switcher-name">{move || project.get().map_or_else(|| "Choose a project".to_owned(), |project| project.name)}</span>
                {move || test_tag(project.get().as_ref())}
                <Glyph icon=Icon::ChevronsUpDown size=14/>
            </summary>
            <div class="menu-list">
                {links}
                {more}
            </div>
        </details>
    }
    .into_any()
}

/// The projects of each organization, which stand beside one another.
fn in_groups(projects: &[ProjectLink]) -> impl Iterator<Item = &[ProjectLink]> {
    projects.chunk_by(|one, next| one.organization == next.organization)
}

fn nav_section(section: NavSection, path: Signal<String>) -> impl IntoView {
    let items: Vec<_> = section
        .items
        .into_iter()
        .map(|item| {
            let NavItem { label, icon, href, count, exact } = item;
            let here = {
                let href = href.clone();
                move || path.with(|path| leads_to(&href, path, exact)).then_some("page")
            };
            view! {
                <li>
                    <a class="nav-item" href=href aria-current=here>
                        <Glyph icon=icon/>
                        <span>{label}</span>
                        {count.map(|count| view! { <span class="nav-count num">{count}</span> })}
                    </a>
                </li>
            }
        })
        .collect();
    view! { <ul class="nav-section">{items}</ul> }
}

fn test_tag(project: Option<&ProjectLink>) -> Option<impl IntoView + use<>> {
    project.filter(|project| project.test).map(|_| view! { <Tag tone=Tone::Waiting>"test"</Tag> })
}

/// Whether the page at `path` is the one at `href` or lies below it.
fn leads_to(href: &str, path: &str, exact: bool) -> bool {
    let (href, path) = (href.trim_end_matches('/'), path.trim_end_matches('/'));
    path == href || (!exact && path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')))
}

fn initial(name: &str) -> String {
    name.chars().next().map(|first| first.to_uppercase().to_string()).unwrap_or_default()
}

impl NavItem {
    pub fn new(label: impl Into<String>, icon: Icon, href: impl Into<String>) -> Self {
        Self { label: label.into(), icon, href: href.into(), count: None, exact: false }
    }

    /// A figure beside the label: open issues.
    #[must_use]
    pub fn count(mut self, count: impl Into<String>) -> Self {
        self.count = Some(count.into());
        self
    }

    /// Active on its own page only, not on the ones below it.
    #[must_use]
    pub const fn exact(mut self) -> Self {
        self.exact = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::leads_to;

    #[test]
    fn an_item_is_active_on_its_pages() {
        assert!(leads_to("/p/x/events", "/p/x/events/evt_1", false));
        assert!(leads_to("/p/x", "/p/x/", true));
        assert!(!leads_to("/p/x", "/p/x/events", true));
        assert!(!leads_to("/p/x/event", "/p/x/events", false));
    }
}
