//! Sessions of people who have signed in, as they see them.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What is known of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    pub at: Timestamp,
    /// Not more exact than a few minutes.
    pub seen_at: Timestamp,
    /// The address that the sign-in came from.
    pub address: String,
    /// As [`device_of`] says it.
    pub device: String,
}

/// One of somebody's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// By which it can be ended; nobody gets in by it.
    pub id: String,
    pub signed_in: SignedIn,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// Characters of a device's name that are kept.
const MAX_DEVICE: usize = 60;

/// What a browser is, as far as a person wants to know: `Firefox on Linux`. Of other programs the name.
#[must_use]
pub fn device_of(user_agent: &str) -> String {
    let has = |word: &str| user_agent.contains(word);
    // Each says that it is the ones before it as well.
    let browsers = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let find = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| has(mark)).map(|(_, name)| *name);
    match (find(&browsers), find(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ => {
            let name = user_agent.split([' ', '/']).next().unwrap_or_default();
            let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_DEVICE).collect();
            if name.is_empty() { "Unknown device".to_owned() } else { name }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_for_people() {
        for (agent, device) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
                "Chrome on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.5.0", "curl"),
            ("", "Unknown device"),
        ] {
            assert_eq!(device_of(agent), device, "{agent}");
        }
        assert!(device_of(&"x".repeat(1000)).len() <= MAX_DEVICE);
    }
}
