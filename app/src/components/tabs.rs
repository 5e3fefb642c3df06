//! Tabs whose state is in the address, so that they work without JavaScript and can be linked to.

use leptos::{attr::custom::custom_attribute, prelude::*};
use leptos_router::hooks::{use_location, use_query_map};

/// A tab that is a page of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabLink {
    id: String,
    label: String,
    href: String,
    count: Option<String>,
}

/// A tab with its panel.
#[derive(Clone)]
pub struct Tab {
    id: String,
    label: String,
    count: Option<String>,
    panel: ViewFn,
}

/// A row of links to the parts of a thing, such as the pages of the settings.
#[component]
pub fn TabLinks(
    #[prop(into)] label: Signal<String>,
    #[prop(into)] items: Signal<Vec<TabLink>>,
    /// The id of the page that is shown.
    #[prop(into)]
    current: Signal<String>,
) -> impl IntoView {
    let links = move || {
        items
            .get()
            .into_iter()
            .map(|item| {
                let here = current.with(|current| *current == item.id);
                view! {
                    <a class="tab" href=item.href aria-current=here.then_some("page")>
                        {item.label}
                        {item.count.map(|count| view! { <span class="tab-count num">{count}</span> })}
                    </a>
                }
            })
            .collect_view()
    };
    view! {
        <nav class="tabs" aria-label=move || label.get()>
            {links}
        </nav>
    }
    .into_any()
}

/// Panels of which one is shown. The query parameter `param` says which; arrow keys walk over the tabs.
#[component]
pub fn Tabs(
    #[prop(into)] label: Signal<String>,
    tabs: Vec<Tab>,
    #[prop(default = "tab")] param: &'static str,
) -> impl IntoView {
    let query = use_query_map();
    let path = use_location().pathname;
    let ids: Vec<String> = tabs.iter().map(|tab| tab.id.clone()).collect();
    let current = Memo::new(move |_| {
        let asked = query.with(|query| query.get(param));
        asked.filter(|asked| ids.contains(asked)).or_else(|| ids.first().cloned()).unwrap_or_default()
    });
    let links: Vec<_> = tabs
        .iter()
        .map(|tab| {
            let Tab { id, label, count, .. } = tab.clone();
            let shown = {
                let id = id.clone();
                Signal::derive(move || current.with(|current| *current == id))
            };
            let href = {
                let id = id.clone();
                move || {
                    let mut query = query.get();
                    query.replace(param, id.clone());
                    format!("{}{}", path.get(), query.to_query_string())
                }
            };
            view! {
                <a
                    class="tab"
                    role="tab"
                    id=format!("{param}-{id}")
                    href=href
                    aria-selected=move || if shown.get() { "true" } else { "false" }
                    aria-controls=format!("{param}-panel")
                    tabindex=move || if shown.get() { "0" } else { "-1" }
                    {..custom_attribute("noscroll", "true")}
                    {..custom_attribute("replace", "true")}
                >
                    {label}
                    {count.map(|count| view! { <span class="tab-count num">{count}</span> })}
                </a>
            }
        })
        .collect();
    let panel = move || tabs.iter().find(|tab| current.with(|current| *current == tab.id)).map(|tab| tab.panel.run());
    view! {
        <div class="tab-set">
            <div class="tabs" role="tablist" aria-label=move || label.get()>
                {links}
            </div>
            <div class="tab-panel" role="tabpanel" id=format!("{param}-panel") aria-labelledby=move || format!("{param}-{}", current.get())>
                {panel}
            </div>
        </div>
    }
    .into_any()
}

impl TabLink {
    pub fn new(id: impl Into<String>, label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { id: id.into(), label: label.into(), href: href.into(), count: None }
    }

    /// A figure beside the label.
    #[must_use]
    pub fn count(mut self, count: impl Into<String>) -> Self {
        self.count = Some(count.into());
        self
    }
}

impl Tab {
    pub fn new(id: impl Into<String>, label: impl Into<String>, panel: impl Into<ViewFn>) -> Self {
        Self { id: id.into(), label: label.into(), count: None, panel: panel.into() }
    }

    /// A figure beside the label.
    #[must_use]
    pub fn count(mut self, count: impl Into<String>) -> Self {
        self.count = Some(count.into());
        self
    }
}
