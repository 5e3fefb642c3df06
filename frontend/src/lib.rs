//! Brings the pages that the server drew to life in the browser.

use wasm_bindgen::prelude::wasm_bindgen;

/// Called once by the page's boot module.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
