//! The dashboard's server functions are public endpoints: every one of them, as the source lists them, refuses whoever
//! has not signed in, whoever has no part in the project, and whoever may only look.

use std::{collections::BTreeMap, fs, path::Path};

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Client, Feed, On, Person, Server, Sink, World, path_of};

on_both_databases!(
    nobody_is_refused_everywhere,
    a_stranger_finds_nothing,
    a_viewer_changes_nothing,
    an_owner_sets_how_long_events_are_kept,
    other_sites_are_refused,
    a_malformed_call_says_nothing_internal,
    a_call_is_bounded,
);

/// What anybody may call: they are the way in, or answer with what the caller's own browser keeps.
const PUBLIC: &[&str] = &[
    "account/who_may_sign_up",
    "account/sign_up",
    "account/sign_in",
    "account/sign_in_code",
    "account/sends_mail",
    "account/forgot_password",
    "account/reset_link",
    "account/reset_password",
    "account/confirmation",
    "account/confirm",
    "account/provider",
    "invitations/offer",
    "invitations/sign_up",
    "once",
];
/// What a person who has signed in may call on their own account, without a project.
const OWN: &[&str] = &[
    "account/sign_out",
    "account/viewer",
    "account/get",
    "account/rename",
    "account/change_email",
    "account/verify_email",
    "account/change_password",
    "account/sessions",
    "account/end_session",
    "account/end_sessions",
    "account/second_factor_to_set_up",
    "account/enable_second_factor",
    "account/disable_second_factor",
    "account/disconnect_provider",
    "invitations/accept",
    "invitations/other_account",
    "organizations/create",
    "device/get",
    "device/approve",
    "device/deny",
];
/// What every member may do, once.
const LEAVING: &str = "team/leave";
/// What anybody in the organization may read.
const READING: &[&str] = &[
    "sources/event_types",
    "sources/list",
    "sources/newest",
    "sources/get",
    "sources/rejected",
    "destinations/list",
    "destinations/get",
    "destinations/deliveries",
    "destinations/circuit",
    "destinations/health",
    "destinations/healths",
    "connections/list",
    "connections/of",
    "connections/get",
    "connections/try",
    "connections/preview",
    "connections/infer",
    "connections/fields",
    "connections/picture",
    "events/list",
    "events/content",
    "events/progress",
    "events/forwards",
    "issues/list",
    "issues/get",
    "issues/left",
    "issues/open",
    "issues/of_destination",
    "dead_letters/list",
    "dead_letters/operations",
    "events/routes",
    "replays/list",
    "replays/get",
    "replays/choices",
    "replays/deliveries",
    "projects/overview",
    "team/list",
    "names",
];

/// Every endpoint that the source declares.
fn endpoints() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("app/src");
    let mut found = Vec::new();
    let mut functions = 0;
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap_or_default();
            functions += source
                .lines()
                .filter(|line| line.trim_start().starts_with("#[server"))
                // Attributes of arguments.
                .filter(|line| !line.contains("flatten") && !line.contains("#[server(default)]"))
                .count();
            for part in source.split("endpoint = \"").skip(1) {
                found.push(part.split('"').next().expect("it ends").to_owned());
            }
        }
    }
    assert_eq!(found.len(), functions, "every server function names its endpoint");
    assert!(found.len() > 30, "{found:?}");
    for known in PUBLIC.iter().chain(OWN).chain(READING) {
        assert!(found.iter().any(|endpoint| endpoint == known), "{known} is not there any more");
    }
    found.sort_unstable();
    found
}

/// Arguments that fit any of them, with ids that exist.
fn arguments(world: &World, ids: &BTreeMap<&'static str, String>) -> Vec<(String, String)> {
    let mut arguments: Vec<(&str, &str)> = vec![
        ("env", &world.account.env_id),
        ("org", &world.account.org_id),
        ("name", "Theirs"),
        ("organization", "Theirs"),
        ("email", "theirs@example.com"),
        ("role", "viewer"),
        ("token", "made-up"),
        ("status", "paused"),
        ("mode", "test"),
        ("retention_days", "7"),
        ("request", "req_019a0000000070008000000000000000"),
        ("scopes[]", "read"),
        ("expires_at", ""),
        ("new_name", "Theirs"),
        ("overlap_hours", "24"),
        // Of the project, the source and the destination alike.
        ("confirm_name", "production"),
        ("url", "http://127.0.0.1:9/theirs"),
        ("method", "POST"),
        ("type", "none"),
        ("kind", "none"),
        ("query[search]", ""),
        ("action", "resolve"),
        ("all", "true"),
        ("through", ""),
        ("range", "1h"),
        ("session", "00"),
        ("form[range]", "1h"),
        ("code", "BCDF-GHJK"),
        ("scope", "write"),
    ];
    arguments.extend(ids.iter().map(|(name, id)| (*name, id.as_str())));
    for empty in [
        "description",
        "template",
        "secret",
        "header",
        "prefix",
        "encoding",
        "tolerance_seconds",
        "auth",
        "username",
        "password",
        "token",
        "auth_header",
        "auth_value",
        "headers",
        "timeout_ms",
        "strategy",
        "intervals",
        "base_seconds",
        "max_attempts",
        "jitter",
        "give_up_on",
        "signing",
        "from",
        "to",
        "filter",
        "rate_per_second",
        "limit",
        "include_duplicates",
    ] {
        // A name that comes twice is refused.
        if !arguments.iter().any(|(name, _)| *name == empty) {
            arguments.push((empty, ""));
        }
    }
    arguments.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A server with one of everything, and the ids of all of it by the names that arguments have.
async fn furnished(world: &World, sink: &Sink) -> (Server, BTreeMap<&'static str, String>) {
    let server = world.serve().await;
    let api = server.api();
    let (source, destination) = api.route("production", &sink.url(), json!({})).await;
    let event = server.event(&source, "ours").await;
    let delivery = api.delivery_becomes(&event, "succeeded").await["id"].as_str().expect("an id").to_owned();
    let connection = api.all("/v1/connections").await[0]["id"].as_str().expect("an id").to_owned();
    let key = api.all("/v1/api-keys").await[0]["id"].as_str().expect("an id").to_owned();
    let (issue, operation) = failed_once(&server).await;
    // It sends nothing, and stays as it is.
    let replay = json!({ "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z", "source_id": source });
    let replay = api.make("replays", replay).await;
    api.post(&format!("/v1/replays/{replay}/pause"), json!({})).await;
    let owner = Person::owner(&server, world).await;
    let place = (world.account.org_id.as_str(), world.account.env_id.as_str());
    let (invitation, _) = owner.invites(place, "guest@example.com", "viewer").await;
    let ids = BTreeMap::from([
        ("invitation", invitation),
        ("member", owner.id().await),
        ("issue", issue),
        ("operation", operation),
        ("replay", replay),
        ("source", source.clone()),
        ("source_id", source.clone()),
        ("end", source),
        ("destination", destination.clone()),
        ("destination_id", destination),
        ("connection", connection),
        ("event", event),
        ("delivery", delivery),
        ("key", key.clone()),
        ("id", key),
    ]);
    (server, ids)
}

/// Lets a delivery fail and be purged: the issue and the operation.
async fn failed_once(server: &Server) -> (String, String) {
    let api = server.api();
    // Nobody listens there.
    let (source, _) = api.route("failing", "http://127.0.0.1:9/", json!({})).await;
    let event = server.event(&source, "failed").await;
    api.event_becomes(&event, "failed").await;
    let issue = api.all("/v1/issues").await[0]["id"].as_str().expect("an id").to_owned();
    (issue, api.make("deliveries/purge", json!({ "filter": {} })).await)
}

/// Calls a server function as our own code in a browser does.
async fn call(client: &Client, endpoint: &str, arguments: &[(String, String)], cookie: &str) -> Answer {
    let request = client.form(&format!("/api/{endpoint}"), arguments);
    let request = request.header("accept", "application/json").header("cookie", cookie);
    Answer::of(request.header("sec-fetch-site", "same-origin")).await
}

/// Signs up; says the cookie.
async fn sign_up(server: &Server, email: &str) -> String {
    let form = [("name", "Somebody"), ("email", email), ("organization", "Theirs"), ("password", "a long password 1")];
    let form: Vec<_> = form.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let answer = call(&server.client_with(""), "account/sign_up", &form, "").await;
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()));
    cookie.split(';').next().expect("a cookie").to_owned()
}

/// What of the project a caller could have changed or seen.
async fn state_of(server: &Server) -> Vec<Vec<Value>> {
    let mut state = Vec::new();
    for list in [
        "environments",
        "sources",
        "destinations",
        "connections",
        "events",
        "deliveries",
        "issues",
        "bulk-operations",
        "replays",
        "api-keys",
        "audit-log",
    ] {
        let mut rows = if list == "environments" {
            server.api().get("/v1/environments").await.list()
        } else {
            server.api().all(&format!("/v1/{list}")).await
        };
        for row in &mut rows {
            row.as_object_mut().expect("an object").remove("last_used_at");
        }
        state.push(rows);
    }
    state
}

fn assert_shows_nothing(world: &World, endpoint: &str, answer: &Answer) {
    for secret in ["ours", &world.account.org_id, &world.account.api_key[..12]] {
        assert!(!answer.text().contains(secret), "{endpoint} shows {secret}: {}", answer.text());
    }
}

async fn nobody_is_refused_everywhere(on: On) {
    let world = World::new(on).await;
    let sink = Sink::start().await;
    let (server, ids) = furnished(&world, &sink).await;
    let before = state_of(&server).await;
    let arguments = arguments(&world, &ids);
    let nobody = server.client_with("");
    for endpoint in endpoints().iter().filter(|endpoint| !PUBLIC.contains(&endpoint.as_str())) {
        for cookie in ["", "hookstream=made-up", "hookstream=AAAAAAAAAAAAAAAAAAAAAA"] {
            let answer = call(&nobody, endpoint, &arguments, cookie).await;
            assert_eq!(answer.status, 401, "{endpoint}: {}", answer.text());
            assert_shows_nothing(&world, endpoint, &answer);
        }
        // A key of the API opens the API alone.
        assert_eq!(call(server.api(), endpoint, &arguments, "").await.status, 401, "{endpoint}");
    }
    assert_eq!(state_of(&server).await, before);
    assert_eq!(sink.count(), 1);
    // Nor does anybody hear of changes.
    assert_eq!(Feed::try_open(&server, &path_of(&world.account.env_id), &[]).await.err(), Some(401));
}

async fn a_stranger_finds_nothing(on: On) {
    let world = World::new(on).await;
    let sink = Sink::start().await;
    let (server, ids) = furnished(&world, &sink).await;
    let before = state_of(&server).await;
    let arguments = arguments(&world, &ids);
    let cookie = sign_up(&server, "stranger@example.com").await;
    let client = server.client_with("");
    let viewer = call(&client, "account/viewer", &[], &cookie).await;
    assert_eq!(viewer.status, 200, "{}", viewer.text());
    for endpoint in endpoints() {
        if PUBLIC.contains(&endpoint.as_str()) || OWN.contains(&endpoint.as_str()) {
            continue;
        }
        let answer = call(&client, &endpoint, &arguments, &cookie).await;
        assert_eq!(answer.status, 404, "{endpoint}: {}", answer.text());
        assert_shows_nothing(&world, &endpoint, &answer);
    }
    assert_eq!(state_of(&server).await, before);
    let live = Feed::try_open(&server, &path_of(&world.account.env_id), &[("cookie", &cookie)]).await;
    assert_eq!(live.err(), Some(404));
    assert_eq!(call(&client, "account/sign_out", &[], &cookie).await.status, 200);
    assert_eq!(
        call(&client, "account/viewer", &[], &cookie).await.status,
        401,
        "a session that has ended opens nothing"
    );
}

async fn a_viewer_changes_nothing(on: On) {
    let world = World::new(on).await;
    let sink = Sink::start().await;
    let (server, ids) = furnished(&world, &sink).await;
    let before = state_of(&server).await;
    let arguments = arguments(&world, &ids);
    let cookie = sign_up(&server, "viewer@example.com").await;
    // There is no invitation yet that would do it.
    let sql = "INSERT INTO memberships (org_id, user_id, role, created_at) SELECT o.id, u.id, 'viewer', 0 \
        FROM orgs o, users u WHERE o.name = 'Acme' AND u.email = 'viewer@example.com'";
    world.database().execute(sql).await;
    let client = server.client_with("");
    for endpoint in endpoints() {
        if PUBLIC.contains(&endpoint.as_str()) || OWN.contains(&endpoint.as_str()) || endpoint == LEAVING {
            continue;
        }
        let answer = call(&client, &endpoint, &arguments, &cookie).await;
        let expected = if READING.contains(&endpoint.as_str()) { 200 } else { 403 };
        assert_eq!(answer.status, expected, "{endpoint}: {}", answer.text());
    }
    assert_eq!(state_of(&server).await, before);
    assert_eq!(sink.count(), 1);
    let left = call(&client, LEAVING, &arguments, &cookie).await;
    assert_eq!(left.status, 200, "{}", left.text());
    let gone = call(&client, "team/list", &arguments, &cookie).await;
    assert_eq!(gone.status, 404, "{}", gone.text());
}

async fn an_owner_sets_how_long_events_are_kept(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let client = server.client_with("");
    let password = world.account.password.clone().expect("one was generated");
    let form = [("email".to_owned(), "owner@example.com".to_owned()), ("password".to_owned(), password)];
    let answer = call(&client, "account/sign_in", &form, "").await;
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()));
    let cookie = cookie.split(';').next().expect("a cookie").to_owned();
    let set = async |days: &str| {
        let form = [("env", world.account.env_id.as_str()), ("retention_days", days)];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        call(&client, "projects/retention", &form, &cookie).await
    };
    let own = format!("/v1/environments/{}", world.account.env_id);
    assert_eq!(set("7").await.status, 200);
    assert_eq!(server.api().get(&own).await.expect(200)["retention_days"], 7);
    for wrong in ["0", "366", "soon", "1.5"] {
        let refused = set(wrong).await;
        assert!((400..500).contains(&refused.status), "{wrong}: {} {}", refused.status, refused.text());
        assert!(refused.text().contains("retention_days"), "{wrong}: {}", refused.text());
    }
    let page = client.request(Method::GET, &format!("/p/{}/settings", world.account.env_id)).header("cookie", &cookie);
    let page = Answer::of(page).await;
    assert!(page.text().contains("7 days"), "{} {}", page.status, page.text());
    assert_eq!(set("").await.status, 200, "nothing typed stands for the default");
    assert_eq!(server.api().get(&own).await.expect(200)["retention_days"], 30);
}

async fn other_sites_are_refused(on: On) {
    let world = World::new(on).await;
    let sink = Sink::start().await;
    let (server, ids) = furnished(&world, &sink).await;
    let arguments = arguments(&world, &ids);
    let cookie = sign_up(&server, "victim@example.com").await;
    let host = server.address().to_owned();
    let nobody = server.client_with("");
    let same = format!("http://{host}");
    let cases: [(&[(&str, &str)], bool); 9] = [
        (&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], false),
        (&[("sec-fetch-site", "same-site"), ("origin", "https://evil.hooks.test")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "null")], false),
        (&[("origin", "http://127.0.0.1:1")], false),
        (&[("origin", "nonsense")], false),
        (&[("origin", &same)], true),
        (&[("sec-fetch-site", "same-origin"), ("origin", &same)], true),
    ];
    for endpoint in endpoints() {
        for (headers, is_ours) in cases {
            let mut request = nobody.form(&format!("/api/{endpoint}"), &arguments);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            // Ours are sent by nobody, so that they change nothing.
            if !is_ours {
                request = request.header("cookie", &cookie);
            }
            let answer = Answer::of(request.header("accept", "application/json")).await;
            if is_ours {
                assert_ne!(answer.status, 403, "{endpoint} {headers:?}: {}", answer.text());
            } else {
                answer.problem(403, "cross_origin");
            }
        }
    }
    // The API has keys, which no browser sends by itself: it takes requests from anywhere.
    let request = server.api().request(Method::GET, "/v1/sources").header("origin", "https://evil.example");
    Answer::of(request).await.expect(200);
    let source = ids["source"].as_str();
    Answer::of(server.ingest(source).header("origin", "https://evil.example").body("x")).await.expect(200);
}

async fn a_malformed_call_says_nothing_internal(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let nobody = server.client_with("");
    for endpoint in endpoints() {
        for body in ["", "%ff=%ff", "env[=x", "{\"env\":", "env=a&env=b&=&&"] {
            let request = nobody.request(Method::POST, &format!("/api/{endpoint}")).body(body);
            let request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("accept", "application/json");
            let answer = Answer::of(request).await;
            assert!((200..500).contains(&answer.status), "{endpoint} {body:?}: {} {}", answer.status, answer.text());
            assert!(!answer.text().to_lowercase().contains("panick"), "{endpoint}: {}", answer.text());
        }
    }
    for path in ["/api/nothing", "/api/", "/api/sources", "/api/sources/list/more"] {
        let answer = Answer::of(nobody.request(Method::POST, path).body("")).await;
        assert!((400..500).contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
    }
}

async fn a_call_is_bounded(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let nobody = server.client_with("");
    let call = async |length: usize| {
        let request = nobody.request(Method::POST, "/api/connections/try").body(format!("body={}", "x".repeat(length)));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Answer::of(request.header("accept", "application/json")).await
    };
    call(5 << 20).await.problem(413, "too_large");
    assert!((400..500).contains(&call(1 << 20).await.status));
}
