//! The browser's half. Whatever the browser refuses is left undone: none of it is worth breaking a page for.

mod socket;

use std::{cell::Cell, time::Duration};

use domain::time::Timestamp;
use leptos::{
    leptos_dom::helpers::{IntervalHandle, set_interval_with_handle, set_timeout},
    task::spawn_local,
};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{
    Document, Element, HtmlDialogElement, HtmlDocument, HtmlElement, HtmlInputElement, KeyboardEvent, Window,
    js_sys::Date,
};

pub use self::socket::{Socket, connect};
use crate::shell::Theme;

/// Runs until it is dropped.
#[derive(Debug)]
pub struct Ticker(IntervalHandle);

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// The visitor's clock.
#[must_use]
pub fn now() -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit, and fractions don't matter")]
    let millis = Date::now() as i64;
    Some(Timestamp::from_micros(millis.saturating_mul(1000)))
}

/// Puts `text` on the clipboard and says whether that worked.
#[expect(clippy::needless_pass_by_value, reason = "the server's half has the same signature")]
pub fn copy(text: String, done: impl FnOnce(bool) + 'static) {
    let Some(window) = web_sys::window() else { return done(false) };
    // Browsers offer the clipboard to secure pages only; a gateway in a private network is often reached over plain HTTP.
    if window.is_secure_context() {
        let promise = window.navigator().clipboard().write_text(&text);
        spawn_local(async move { done(promise.await.is_ok()) });
    } else {
        done(copy_by_selection(&window, &text).is_some());
    }
}

/// The way before the clipboard API: select the text in a field and ask the document to copy.
fn copy_by_selection(window: &Window, text: &str) -> Option<()> {
    let document = window.document()?;
    let body = document.body()?;
    let before = document.active_element().and_then(|element| element.dyn_into::<HtmlElement>().ok());
    let field = document.create_element("input").ok()?.dyn_into::<HtmlInputElement>().ok()?;
    field.set_class_name("visually-hidden");
    field.set_value(text);
    body.append_child(&field).ok()?;
    field.select();
    let copied = document.dyn_into::<HtmlDocument>().ok()?.exec_command("copy");
    field.remove();
    if let Some(before) = before {
        let _ = before.focus();
    }
    copied.ok()?.then_some(())
}

/// Shows the page in `theme` and keeps it in the cookie that the server reads.
pub fn set_theme(theme: Theme) {
    let Some(document) = document() else { return };
    if let Some(root) = document.document_element() {
        let _ = root.set_attribute("data-theme", theme.as_str());
    }
    let cookie = format!("theme={}; Path=/; Max-Age=31536000; SameSite=Lax", theme.as_str());
    if let Ok(document) = document.dyn_into::<HtmlDocument>() {
        let _ = document.set_cookie(&cookie);
    }
}

/// The theme that the page is shown in.
#[must_use]
pub fn theme() -> Option<Theme> {
    Theme::parse(&document()?.document_element()?.get_attribute("data-theme")?)
}

/// Calls `tick` each `period`.
pub fn every(period: Duration, tick: impl Fn() + 'static) -> Option<Ticker> {
    set_interval_with_handle(tick, period).ok().map(Ticker)
}

/// Calls `run` once after `delay`.
pub fn after(delay: Duration, run: impl FnOnce() + 'static) {
    set_timeout(run, delay);
}

/// Moves the focus to the element.
pub fn focus(id: &str) {
    if let Some(element) = by_id::<HtmlElement>(id) {
        let _ = element.focus();
    }
}

/// Opens a `<dialog>` as a modal one and goes to its first field, or to its first button where it has none.
pub fn open_dialog(id: &str) {
    let Some(dialog) = by_id::<HtmlDialogElement>(id).filter(|dialog| !dialog.open()) else { return };
    let _ = dialog.show_modal();
    let first = |selector| dialog.query_selector(selector).ok().flatten();
    let field = first("input:not([type=hidden]), textarea, select").or_else(|| first("button"));
    if let Some(field) = field.and_then(|field| field.dyn_into::<HtmlElement>().ok()) {
        let _ = field.focus();
    }
}

/// Closes a `<dialog>`; the focus goes back to where it was.
pub fn close_dialog(id: &str) {
    if let Some(dialog) = by_id::<HtmlDialogElement>(id) {
        dialog.close();
    }
}

/// Opens a `<details>`.
pub fn open_details(id: &str) {
    if let Some(details) = by_id::<HtmlElement>(id) {
        let _ = details.set_attribute("open", "");
    }
}

/// Closes a `<details>`.
pub fn close_details(id: &str) {
    if let Some(details) = by_id::<HtmlElement>(id) {
        let _ = details.remove_attribute("open");
    }
}

/// Closes a popover, if it is one and open.
pub fn hide_popover(id: &str) {
    if let Some(element) = by_id::<HtmlElement>(id) {
        let _ = element.hide_popover();
    }
}

/// The behaviour that the whole page shares: menus close on Escape and on clicks elsewhere, `j` and `k` walk over the
/// rows of a table, `/` goes to the search field, arrows walk over tabs. Installed once, however often it is called.
pub fn install_page_keys() {
    thread_local! { static INSTALLED: Cell<bool> = const { Cell::new(false) } }
    if INSTALLED.replace(true) {
        return;
    }
    let Some(document) = document() else { return };
    let click = Closure::<dyn FnMut(web_sys::Event)>::new(|event: web_sys::Event| close_menus_outside(&event));
    let key = Closure::<dyn FnMut(KeyboardEvent)>::new(|event: KeyboardEvent| handle_key(&event));
    let _ = document.add_event_listener_with_callback("click", click.as_ref().unchecked_ref());
    let _ = document.add_event_listener_with_callback("keydown", key.as_ref().unchecked_ref());
    // They listen for as long as the page lives.
    click.forget();
    key.forget();
}

const OPEN_MENUS: &str = "details.menu[open]";

fn close_menus_outside(event: &web_sys::Event) {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    for menu in select(OPEN_MENUS) {
        let within = target.as_ref().is_some_and(|target| menu.contains(Some(target)));
        // A choice within closes the menu too; its label (the summary) is handled by the browser.
        let chosen = target.as_ref().is_some_and(|target| target.closest(".menu-item").ok().flatten().is_some());
        if !within || chosen {
            let _ = menu.remove_attribute("open");
        }
    }
}

fn handle_key(event: &KeyboardEvent) {
    if event.default_prevented() || event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let matches = |selector: &str| target.as_ref().is_some_and(|target| target.matches(selector).unwrap_or(false));
    let done = match event.key().as_str() {
        "Escape" => close_menu_of(target.as_ref()),
        "ArrowRight" if matches("[role=tab]") => step("[role=tab]", target.as_ref(), 1),
        "ArrowLeft" if matches("[role=tab]") => step("[role=tab]", target.as_ref(), -1),
        "ArrowDown" if matches("details.menu[open] *") => step("details.menu[open] .menu-item", target.as_ref(), 1),
        "ArrowUp" if matches("details.menu[open] *") => step("details.menu[open] .menu-item", target.as_ref(), -1),
        _ if matches("input, textarea, select, [contenteditable], dialog *") => false,
        "j" => step(".table[data-keys] .row-link", target.as_ref(), 1),
        "k" => step(".table[data-keys] .row-link", target.as_ref(), -1),
        "/" => select("[data-search]")
            .first()
            .is_some_and(|search| search.dyn_ref::<HtmlElement>().is_some_and(|search| search.focus().is_ok())),
        _ => false,
    };
    if done {
        event.prevent_default();
    }
}

/// Closes the open menu and gives the focus back to its label.
fn close_menu_of(target: Option<&Element>) -> bool {
    let menus = select(OPEN_MENUS);
    for menu in &menus {
        let _ = menu.remove_attribute("open");
        if menu.contains(target.map(AsRef::as_ref)) {
            let label = menu.query_selector("summary").ok().flatten();
            if let Some(label) = label.and_then(|label| label.dyn_into::<HtmlElement>().ok()) {
                let _ = label.focus();
            }
        }
    }
    !menus.is_empty()
}

/// Moves the focus `by` places among the elements that match; from outside it goes to the first.
fn step(selector: &str, from: Option<&Element>, by: isize) -> bool {
    let elements = select(selector);
    let Some(last) = elements.len().checked_sub(1) else { return false };
    let at = elements.iter().position(|element| Some(element) == from);
    let next = at.map_or(0, |at| at.saturating_add_signed(by).min(last));
    let Some(element) = elements.get(next).and_then(|element| element.dyn_ref::<HtmlElement>()) else { return false };
    element.focus().is_ok()
}

fn select(selector: &str) -> Vec<Element> {
    let Some(list) = document().and_then(|document| document.query_selector_all(selector).ok()) else {
        return Vec::new();
    };
    (0..list.length()).filter_map(|at| list.item(at)).filter_map(|node| node.dyn_into::<Element>().ok()).collect()
}

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

fn by_id<T: JsCast>(id: &str) -> Option<T> {
    document()?.get_element_by_id(id)?.dyn_into::<T>().ok()
}
