//! Links within the dashboard. Every address is written here, and nowhere else.

use std::fmt::Display;

use leptos_router::location::Url;

pub const HOME: &str = "/";
pub const SIGN_IN: &str = "/sign-in";
pub const SIGN_UP: &str = "/sign-up";
/// Where a machine that runs `hookstream login` is let in.
pub const DEVICE: &str = "/device";

/// The same, once it was answered: `approved` or `denied`.
#[must_use]
pub fn device_answered(how: &str) -> String {
    format!("{DEVICE}?answered={how}")
}

/// The sign-in page that leads on to `next`.
#[must_use]
pub fn sign_in_then(next: &str) -> String {
    format!("{SIGN_IN}?next={}", Url::escape(next))
}

/// `path` when it is one of ours, the start otherwise: where a sign-in may lead is said in the address, by whoever
/// made the link.
#[must_use]
pub fn local_or_home(path: &str) -> &str {
    let local = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\n', '\r', '\t']);
    if local { path } else { HOME }
}

#[must_use]
pub fn new_project(org: impl Display) -> String {
    format!("/projects/new?org={org}")
}

/// The stream of server-sent events that says when something of the project changed.
#[must_use]
pub fn live(env: impl Display) -> String {
    format!("/live/{env}")
}

#[must_use]
pub fn overview(env: impl Display) -> String {
    format!("/p/{env}")
}

#[must_use]
pub fn events(env: impl Display) -> String {
    format!("/p/{env}/events")
}

#[must_use]
pub fn event(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/events/{id}")
}

#[must_use]
pub fn sources(env: impl Display) -> String {
    format!("/p/{env}/sources")
}

/// The gallery of templates.
#[must_use]
pub fn new_source(env: impl Display) -> String {
    format!("/p/{env}/sources/new")
}

/// The form for a source of `template`.
#[must_use]
pub fn new_source_from(env: impl Display, template: impl Display) -> String {
    format!("/p/{env}/sources/new?template={template}")
}

#[must_use]
pub fn source(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/sources/{id}")
}

#[must_use]
pub fn edit_source(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/sources/{id}/edit")
}

/// What the source refused.
#[must_use]
pub fn rejected_requests(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/sources/{id}/rejected")
}

#[must_use]
pub fn destinations(env: impl Display) -> String {
    format!("/p/{env}/destinations")
}

#[must_use]
pub fn new_destination(env: impl Display) -> String {
    format!("/p/{env}/destinations/new")
}

/// The form for a destination of a type.
#[must_use]
pub fn new_destination_of(env: impl Display, kind: impl Display) -> String {
    format!("/p/{env}/destinations/new?type={kind}")
}

#[must_use]
pub fn destination(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/destinations/{id}")
}

#[must_use]
pub fn edit_destination(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/destinations/{id}/edit")
}

#[must_use]
pub fn connections(env: impl Display) -> String {
    format!("/p/{env}/connections")
}

#[must_use]
pub fn new_connection(env: impl Display) -> String {
    format!("/p/{env}/connections/new")
}

/// The form for a connection, with the source chosen.
#[must_use]
pub fn new_connection_from(env: impl Display, source: impl Display) -> String {
    format!("/p/{env}/connections/new?source={source}")
}

/// The form for a connection, with the destination chosen.
#[must_use]
pub fn new_connection_to(env: impl Display, destination: impl Display) -> String {
    format!("/p/{env}/connections/new?destination={destination}")
}

#[must_use]
pub fn connection(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/connections/{id}")
}

/// The same, with an event to try its rules on.
#[must_use]
pub fn connection_with(env: impl Display, id: impl Display, event: impl Display) -> String {
    format!("/p/{env}/connections/{id}?event={event}")
}

#[must_use]
pub fn replays(env: impl Display) -> String {
    format!("/p/{env}/replays")
}

#[must_use]
pub fn new_replay(env: impl Display) -> String {
    format!("/p/{env}/replays/new")
}

#[must_use]
pub fn replay(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/replays/{id}")
}

#[must_use]
pub fn settings(env: impl Display) -> String {
    format!("/p/{env}/settings")
}

#[must_use]
pub fn api_keys(env: impl Display) -> String {
    format!("/p/{env}/settings/keys")
}

/// The same, with the key that was just made shown once.
#[must_use]
pub fn new_api_key(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/settings/keys?new={id}")
}

#[must_use]
pub fn issues(env: impl Display) -> String {
    format!("/p/{env}/issues")
}

#[must_use]
pub fn issue(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/issues/{id}")
}

#[must_use]
pub fn dead_letters(env: impl Display) -> String {
    format!("/p/{env}/dead-letters")
}

/// `path` with those parameters that are not empty.
#[must_use]
pub fn with_query<'a>(path: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let set = parameters.into_iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<String> = set.map(|(name, value)| format!("{name}={}", Url::escape(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// `path`, one page further on.
#[must_use]
pub fn after(path: &str, cursor: Option<&str>) -> String {
    match cursor {
        Some(cursor) if path.contains('?') => format!("{path}&cursor={cursor}"),
        Some(cursor) => format!("{path}?cursor={cursor}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::local_or_home;

    #[test]
    fn a_sign_in_leads_nowhere_else() {
        assert_eq!(local_or_home("/p/env_1/events?status=failed"), "/p/env_1/events?status=failed");
        for foreign in ["https://example.com", "//example.com", "/\\example.com", "", "javascript:alert(1)", "/a\nb"] {
            assert_eq!(local_or_home(foreign), "/", "{foreign:?}");
        }
    }
}
