//! The document around the app: everything that the server writes and the browser never draws again.
//!
//! There are no inline scripts or styles of ours in it, so that the content security policy can forbid them; the ones
//! that stream the app's data carry the nonce that the server integration makes.

use leptos::prelude::*;
use leptos_meta::MetaTags;
use serde::{Deserialize, Serialize};

/// The paths of the built files, with their hashes, from the bundler's manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assets {
    /// The module that loads `js` and `wasm` and starts the app.
    pub boot: String,
    pub js: String,
    pub wasm: String,
    pub css: String,
}

/// Which colours a visitor wants; the cookie `theme` keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    Light,
    Dark,
}

const FONTS: [&str; 2] = ["/fonts/inter-latin-wght-normal.woff2", "/fonts/jetbrains-mono-latin-wght-normal.woff2"];

/// The whole document around `app`, which is all that the body holds: hydration begins there.
pub fn shell<V: IntoView>(assets: &Assets, theme: Theme, app: V) -> impl IntoView + use<V> {
    let Assets { boot, js, wasm, css } = assets.clone();
    let fonts = FONTS
        .map(|font| view! { <link rel="preload" href=font r#as="font" r#type="font/woff2" crossorigin="anonymous"/> });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.as_str()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="stylesheet" href=css/>
                {fonts.into_iter().collect_view()}
                <link rel="modulepreload" href=js/>
                <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
                <script type="module" src=boot></script>
                <link rel="icon" href="/favicon.svg" r#type="image/svg+xml"/>
                <MetaTags/>
            </head>
            <body>{app}</body>
        </html>
    }
}

impl Theme {
    /// The word that the cookie and the document's `data-theme` have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.as_str() == word)
    }

    /// The theme that a request's `Cookie` header asks for.
    #[must_use]
    pub fn from_cookie_header(header: &str) -> Self {
        header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == "theme")
            .and_then(|(_, word)| Self::parse(word))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Theme;

    #[test]
    fn the_cookie_says_the_theme() {
        assert_eq!(Theme::from_cookie_header("id=1; theme=dark"), Theme::Dark);
        assert_eq!(Theme::from_cookie_header("theme=purple"), Theme::System);
        assert_eq!(Theme::from_cookie_header(""), Theme::System);
    }
}
