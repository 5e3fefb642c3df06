//! Links within the dashboard. Every address is written here, and nowhere else.

use std::fmt::Display;

use leptos_router::location::Url;

pub const HOME: &str = "/";
pub const SIGN_IN: &str = "/sign-in";
pub const SIGN_UP: &str = "/sign-up";
pub const NEW_ORGANIZATION: &str = "/organizations/new";
/// After a sign-up whose address is to be confirmed.
pub const SIGN_UP_SENT: &str = "/sign-up?sent=yes";
pub const FORGOT_PASSWORD: &str = "/forgot-password";
pub const FORGOT_PASSWORD_SENT: &str = "/forgot-password?sent=yes";
/// The sign-in page after a new password was chosen.
pub const PASSWORD_CHOSEN: &str = "/sign-in?done=password";
/// After an address was confirmed.
pub const CONFIRMED: &str = "/confirm?done=yes";
/// The person's own account, beside the projects.
pub const ACCOUNT: &str = "/account";
pub const SECOND_FACTOR: &str = "/account/second-factor";

/// To the provider, and on to `next` after it.
#[must_use]
pub fn provider_sign_in(next: &str) -> String {
    with_query("/oidc/start", [("next", next)])
}

/// To the provider, to connect the account of whoever is signed in.
pub const CONNECT_PROVIDER: &str = "/oidc/start?connect=yes";

/// The second step of a sign-in that leads on to `next`.
#[must_use]
pub fn sign_in_code(next: &str) -> String {
    with_query("/sign-in/code", [("next", next)])
}

/// The person's own account among the settings of a project.
#[must_use]
pub fn account_in(env: impl Display) -> String {
    format!("/p/{env}/settings/account")
}

/// The recovery codes that were just made for a person, shown once.
#[must_use]
pub fn recovery_codes(user: impl Display) -> String {
    format!("{SECOND_FACTOR}?codes={user}")
}

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

/// The WebSocket that tells of the project, to whoever has a session.
#[must_use]
pub fn live(env: impl Display) -> String {
    format!("/v1/ws?project={env}")
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

/// Who belongs to the organization of the project.
#[must_use]
pub fn team(env: impl Display) -> String {
    format!("/p/{env}/settings/team")
}

/// The same, with the link of the invitation that was just sent shown once.
#[must_use]
pub fn new_invitation(env: impl Display, id: impl Display) -> String {
    format!("/p/{env}/settings/team?new={id}")
}

#[must_use]
pub fn audit_log(env: impl Display) -> String {
    format!("/p/{env}/settings/audit-log")
}

/// The audit log of an organization as a CSV file.
#[must_use]
pub fn audit_export(org: impl Display) -> String {
    format!("/audit-log/{org}")
}

/// The organization of the project.
#[must_use]
pub fn organization(env: impl Display) -> String {
    format!("/p/{env}/settings/organization")
}

#[must_use]
pub fn invitation(token: impl Display) -> String {
    format!("/invitation/{token}")
}

/// The page of the project `env` that is most like the one at `path`, of any project: the same list or settings, or the overview.
#[must_use]
pub fn same_page(env: impl Display, path: &str) -> String {
    let mut parts = path.trim_matches('/').split('/').skip(2);
    match (parts.next(), parts.next()) {
        (Some("settings"), Some(tab)) => format!("/p/{env}/settings/{tab}"),
        (Some(list), _) if path.starts_with("/p/") && !list.is_empty() => format!("/p/{env}/{list}"),
        _ => overview(env),
    }
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
    use super::{local_or_home, same_page};

    #[test]
    fn another_project_opens_at_the_same_page() {
        for (here, there) in [
            ("/p/env_1", "/p/env_2"),
            ("/p/env_1/", "/p/env_2"),
            ("/p/env_1/events", "/p/env_2/events"),
            ("/p/env_1/events/evt_1", "/p/env_2/events"),
            ("/p/env_1/settings/team", "/p/env_2/settings/team"),
            ("/projects/new", "/p/env_2"),
            ("/organizations/new", "/p/env_2"),
        ] {
            assert_eq!(same_page("env_2", here), there);
        }
    }

    #[test]
    fn a_sign_in_leads_nowhere_else() {
        assert_eq!(local_or_home("/p/env_1/events?status=failed"), "/p/env_1/events?status=failed");
        for foreign in ["https://example.com", "//example.com", "/\\example.com", "", "javascript:alert(1)", "/a\nb"] {
            assert_eq!(local_or_home(foreign), "/", "{foreign:?}");
        }
    }
}
