//! Lists of things: a table on wide screens, cards on phones. A row is a link; `j`, `k` and Enter walk over the rows.

use std::collections::BTreeSet;

use leptos::prelude::*;

use super::{
    button::{ButtonKind, ButtonLink},
    skeleton::Bone,
};

/// A column's head.
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own that is there or not")]
#[derive(Clone, Debug)]
pub struct Column {
    label: String,
    fit: bool,
    end: bool,
    grow: bool,
    wide_only: bool,
    unlabelled: bool,
}

/// A table. Rows are [`TableRow`]s of [`Cell`]s, in the order of the columns.
#[component]
pub fn Table(
    /// What the table lists, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    columns: Vec<Column>,
    /// Shows skeleton rows in place of what is not there yet.
    #[prop(optional, into)]
    loading: Signal<bool>,
    #[prop(default = 8)] skeleton_rows: usize,
    /// Whether `j` and `k` walk over the rows of this table: of one on a page.
    #[prop(default = true)]
    keys: bool,
    children: Children,
) -> impl IntoView {
    let width = columns.len();
    let heads = columns
        .into_iter()
        .map(|column| {
            view! {
                <th
                    scope="col"
                    role="columnheader"
                    class:fit=column.fit
                    class:end=column.end
                    class:grow=column.grow
                    class:wide-only=column.wide_only
                >
                    <span class:visually-hidden=column.unlabelled>{column.label}</span>
                </th>
            }
        })
        .collect_view();
    view! {
        <table class="table" role="table" aria-label=move || label.get() data-keys=keys.then_some("true") aria-busy=move || loading.get().then_some("true")>
            <thead role="rowgroup">
                <tr role="row">{heads}</tr>
            </thead>
            <tbody role="rowgroup">{children()}</tbody>
            {move || loading.get().then(|| view! { <tbody class="table-skeleton" aria-hidden="true">{skeleton(skeleton_rows, width)}</tbody> })}
        </table>
    }
    .into_any()
}

/// One row.
#[component]
pub fn TableRow(
    /// The row that is open beside the table.
    #[prop(optional, into)]
    selected: Signal<bool>,
    children: Children,
) -> impl IntoView {
    view! {
        <tr role="row" aria-current=move || selected.get().then_some("true")>
            {children()}
        </tr>
    }
    .into_any()
}

/// One cell.
#[expect(clippy::fn_params_excessive_bools, reason = "as in HTML, most of a cell's properties are there or not")]
#[component]
pub fn Cell(
    /// The column's name, which cards show beside the value.
    #[prop(optional, into)]
    label: MaybeProp<String>,
    #[prop(optional)] fit: bool,
    /// Figures: to the right, digits of one width.
    #[prop(optional)]
    end: bool,
    /// Takes what the other columns leave and cuts off what is too long.
    #[prop(optional)]
    grow: bool,
    #[prop(optional)] wide_only: bool,
    #[prop(optional)] mono: bool,
    /// The title of the card that the row becomes on phones.
    #[prop(optional)]
    lead: bool,
    /// Beside that title: the state.
    #[prop(optional)]
    beside: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <td
            role="cell"
            data-label=move || label.get()
            class:fit=fit
            class:end=end
            class:grow=grow
            class:wide-only=wide_only
            class:mono=mono
            class:lead=lead
            class:beside=beside
        >
            {children()}
        </td>
    }
    .into_any()
}

/// The link that the whole row is. In one cell of the row; what else can be pressed in the row stays above it.
#[component]
pub fn RowLink(#[prop(into)] href: Signal<String>, children: Children) -> impl IntoView {
    view! {
        <a class="row-link" href=move || href.get()>
            {children()}
        </a>
    }
    .into_any()
}

/// Selects the row, for the [`BulkBar`] of the same form.
#[component]
pub fn RowCheck(
    #[prop(into)] name: String,
    #[prop(into)] value: Signal<String>,
    /// What is selected: "Select evt_0192…".
    #[prop(into)]
    label: Signal<String>,
    /// The values that are selected, where the page wants to know them.
    #[prop(optional)]
    among: Option<RwSignal<BTreeSet<String>>>,
) -> impl IntoView {
    let checked = move || among.is_some_and(|among| among.with(|among| value.with(|value| among.contains(value))));
    view! {
        <input
            class="row-check"
            type="checkbox"
            name=name
            value=move || value.get()
            aria-label=move || label.get()
            prop:checked=checked
            on:change:target=move |event| {
                if let Some(among) = among {
                    let is_checked = event.target().checked();
                    among.update(|among| {
                        if is_checked { among.insert(value.get_untracked()) } else { among.remove(&value.get_untracked()) };
                    });
                }
            }
        />
    }
    .into_any()
}

/// What can be done to the selected rows. Shows itself when a row of its form is selected, with CSS alone.
#[component]
pub fn BulkBar(
    /// How many are selected, where the page knows.
    #[prop(optional, into)]
    count: MaybeProp<usize>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="bulk-bar" role="region" aria-label="Selected rows">
            <span class="bulk-count num">
                {move || count.get().map_or_else(|| "Selected".to_owned(), |count| format!("{count} selected"))}
            </span>
            {children()}
        </div>
    }
    .into_any()
}

/// The next page of a list: a link, so that it works in any browser; `on:click` may fetch it in place.
#[component]
pub fn LoadMore(
    #[prop(into)] href: Signal<String>,
    #[prop(into)] has_more: Signal<bool>,
    #[prop(optional, into)] pending: Signal<bool>,
    /// How much is shown: "50 events".
    #[prop(optional, into)]
    shown: MaybeProp<String>,
) -> impl IntoView {
    view! {
        <nav class="load-more" aria-label="More rows" aria-busy=move || pending.get().then_some("true")>
            <span class="muted num">{move || shown.get()}</span>
            {move || {
                has_more.get().then(|| view! { <ButtonLink href=href kind=ButtonKind::Secondary>"Load more"</ButtonLink> })
            }}
        </nav>
    }
    .into_any()
}

fn skeleton(rows: usize, width: usize) -> impl IntoView + use<> {
    (0..rows)
        .map(|_| {
            let cells = (0..width).map(|_| view! { <td><Bone/></td> }).collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view()
}

impl Column {
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), fit: false, end: false, grow: false, wide_only: false, unlabelled: false }
    }

    /// As narrow as its contents.
    #[must_use]
    pub const fn fit(mut self) -> Self {
        self.fit = true;
        self
    }

    /// Figures, to the right.
    #[must_use]
    pub const fn end(mut self) -> Self {
        self.end = true;
        self
    }

    /// Takes what the other columns leave.
    #[must_use]
    pub const fn grow(mut self) -> Self {
        self.grow = true;
        self
    }

    /// Left out below 900 pixels.
    #[must_use]
    pub const fn wide_only(mut self) -> Self {
        self.wide_only = true;
        self
    }

    /// Named for screen readers alone.
    #[must_use]
    pub const fn unlabelled(mut self) -> Self {
        self.unlabelled = true;
        self
    }
}
