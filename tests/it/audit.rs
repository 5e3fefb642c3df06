//! The audit log: every change is in it once, with who made it, from where, and what it changed, and without secrets.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Client, On, Person, Server, Sink, World, eventually};

on_both_databases!(
    every_change_of_the_api_is_written_once,
    what_people_do_is_written_once,
    only_what_changed_is_told,
    the_list_is_filtered_and_paged,
    a_project_sees_its_own_entries,
    the_export_runs_no_formulas,
);

/// What of the API changes nothing although it is no GET.
const CHANGE_NOTHING: [&str; 2] = ["post /connections/test", "post /connections/preview"];
/// What is no change of the configuration: events that come in, and what listeners tell of them. A machine that asks for a
/// key gets one as the person who says yes.
const NO_CHANGES: [&str; 4] =
    ["post /publish", "post /events/{id}/forwards", "post /device/code", "post /device/token"];

/// Every operation of the API that is no GET, as the document has them.
fn changing_routes(document: &Value) -> BTreeSet<String> {
    let operations = crate::api::document::operations(document).into_iter();
    let changing = operations.filter(|(method, path, _)| *method != Method::GET && !path.starts_with("/v1/ingest/"));
    let found: BTreeSet<_> = changing
        .map(|(method, path, _)| format!("{} {}", method.as_str().to_lowercase(), path.trim_start_matches("/v1")))
        .collect();
    assert!(found.len() > 30, "{found:?}");
    found
}

/// Calls routes, and looks at what each has written.
struct Walk<'a> {
    api: &'a Client,
    walked: BTreeSet<String>,
    known: usize,
    org: String,
    env: String,
}

const SECRET: &str = "planted-secret-0815-4711";

impl<'a> Walk<'a> {
    async fn new(api: &'a Client, world: &World) -> Self {
        let known = api.all("/v1/audit-log").await.len();
        let (org, env) = (world.account.org_id.clone(), world.account.env_id.clone());
        Self { api, walked: BTreeSet::new(), known, org, env }
    }

    /// Calls `path`, whose route is `route`; says the answer and the entry.
    async fn call(&mut self, route: &str, path: &str, body: Value, action: &str) -> (Value, Value) {
        let (method, _) = route.split_once(' ').expect("a method");
        let request = self.api.request(method.to_uppercase().parse().expect("a method"), &format!("/v1{path}"));
        let answer = crate::world::Answer::of(request.json(&body)).await;
        assert!((200..300).contains(&answer.status), "{route}: {} {}", answer.status, answer.text());
        self.walked.insert(route.to_owned());
        let entries = self.api.all("/v1/audit-log").await;
        assert_eq!(entries.len(), self.known + 1, "{route} writes one entry: {:?}", entries.first());
        self.known += 1;
        // Two of one millisecond stand in no order.
        let entry = entries.iter().take(3).find(|entry| entry["action"] == action);
        let entry = entry.unwrap_or_else(|| panic!("{route}: {:?}", &entries[0])).clone();
        assert_eq!(entry["actor"]["type"], "api_key", "{entry}");
        assert!(entry["actor"]["id"].as_str().is_some_and(|id| id.starts_with("ak_")), "{entry}");
        assert_eq!(entry["actor"]["name"], "bootstrap", "{entry}");
        assert_eq!(entry["address"], "127.0.0.1", "{entry}");
        assert_eq!(entry["org_id"], self.org.as_str(), "{entry}");
        assert_eq!(entry["env_id"], self.env.as_str(), "{entry}");
        assert!(entry["id"].as_str().is_some_and(|id| id.starts_with("aud_")), "{entry}");
        assert!(!entry["target"]["name"].as_str().expect("a name").is_empty(), "{entry}");
        assert!(!entry.to_string().contains(SECRET), "{route} shows a secret: {entry}");
        (answer.json(), entry)
    }

    /// The same for what has made something, whose id is the target.
    async fn makes(&mut self, route: &str, body: Value, action: &str) -> String {
        let path = route.split_once(' ').expect("a path").1.to_owned();
        let (made, entry) = self.call(route, &path, body, action).await;
        let id = made["id"].as_str().expect("an id").to_owned();
        assert_eq!(entry["target"]["id"], id.as_str(), "{entry}");
        id
    }

    /// The same for what was done to something.
    async fn does(&mut self, route: &str, id: &str, body: Value, action: &str) -> Value {
        let path = route.split_once(' ').expect("a path").1.replace("{id}", id);
        let (answer, entry) = self.call(route, &path, body, action).await;
        assert_eq!(entry["target"]["id"], id, "{entry}");
        assert!(entry["action"] == action, "{entry}");
        answer
    }
}

impl Walk<'_> {
    /// The same for what ends by itself, and has to be set going by a statement until it is there when it is asked for.
    async fn does_while(&mut self, world: &World, statement: &str, (route, id): (&str, &str), action: &str) {
        let path = route.split_once(' ').expect("a path").1.replace("{id}", id);
        let done = async || {
            world.database().execute(statement).await;
            let answer = self.api.post(&format!("/v1{path}"), json!({})).await;
            assert!(matches!(answer.status, 200 | 409), "{route}: {}", answer.text());
            (answer.status == 200).then_some(())
        };
        eventually(std::time::Duration::from_secs(20), &format!("{action} is done"), done).await;
        self.walked.insert(route.to_owned());
        self.known += 1;
        let entries = self.api.all("/v1/audit-log").await;
        assert_eq!(entries.len(), self.known, "{:?}", entries.first());
        let entry = entries.iter().take(3).find(|entry| entry["action"] == action);
        assert_eq!(entry.unwrap_or_else(|| panic!("{:?}", entries[0]))["target"]["id"], id);
    }
}

async fn every_change_of_the_api_is_written_once(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let api = server.api();
    let mut walk = Walk::new(api, &world).await;

    let verification = json!({ "type": "shared_token", "header": "x-token", "secrets": [SECRET] });
    let input = json!({ "name": "orders", "verification": verification });
    let source = walk.makes("post /sources", input, "source.create").await;
    let changed =
        json!({ "verification": { "type": "shared_token", "header": "x-token", "secrets": [format!("{SECRET}-2")] } });
    walk.does("patch /sources/{id}", &source, changed, "source.update").await;
    walk.does("post /sources/{id}/test", &source, json!({}), "source.test").await;
    let auth = json!({ "type": "bearer", "token": SECRET });
    let input = json!({
        "name": "shop", "type": "http", "config": { "url": sink.url() }, "auth": auth, "retry": { "max_attempts": 1 },
    });
    let destination = walk.makes("post /destinations", input, "destination.create").await;
    walk.does("patch /destinations/{id}", &destination, json!({ "timeout_ms": 5000 }), "destination.update").await;
    walk.does("post /destinations/{id}/pause", &destination, json!({}), "destination.pause").await;
    walk.does("post /destinations/{id}/resume", &destination, json!({}), "destination.resume").await;
    walk.does("post /destinations/{id}/test", &destination, json!({}), "destination.test").await;
    let reset = "post /destinations/{id}/circuit/reset";
    walk.does(reset, &destination, json!({}), "destination.reset_circuit").await;
    let ends = json!({ "source_id": source, "destination_id": destination });
    let connection = walk.makes("post /connections", ends, "connection.create").await;
    walk.does("patch /connections/{id}", &connection, json!({ "delay_seconds": 1 }), "connection.update").await;
    walk.does("patch /connections/{id}", &connection, json!({ "delay_seconds": 0 }), "connection.update").await;

    // What is refused is kept, and taken in after all once it may be.
    let refused = crate::world::Answer::of(server.ingest(&source).body("{}")).await;
    assert_eq!(refused.status, 401);
    api.patch(&format!("/v1/sources/{source}"), json!({ "verification": null })).await.expect(200);
    walk.known += 1;
    let rejected = eventually(std::time::Duration::from_secs(20), "the refused request is kept", async || {
        let rejected = api.get(&format!("/v1/sources/{source}/rejected")).await.list();
        rejected.first().and_then(|one| one["id"].as_str()).map(str::to_owned)
    })
    .await;
    let route = "post /sources/{id}/rejected/{request}/replay";
    let path = format!("/sources/{source}/rejected/{rejected}/replay");
    let (_, entry) = walk.call(route, &path, json!({}), "source.replay_rejected").await;
    assert_eq!(entry["target"]["id"], source.as_str());

    let event = server.event(&source, "{}").await;
    let delivery = api.delivery_becomes(&event, "succeeded").await["id"].as_str().expect("an id").to_owned();
    walk.does("post /events/{id}/retry", &event, json!({}), "event.retry").await;
    api.attempts_become(&event, 2).await;
    api.delivery_becomes(&event, "succeeded").await;
    walk.does("post /deliveries/{id}/retry", &delivery, json!({}), "delivery.retry").await;
    api.attempts_become(&event, 3).await;
    api.post(&format!("/v1/destinations/{destination}/pause"), json!({})).await.expect(200);
    walk.known += 1;
    let waiting = server.event(&source, "{}").await;
    let waiting = api.deliveries(&waiting).await[0]["id"].as_str().expect("an id").to_owned();
    walk.does("post /deliveries/{id}/cancel", &waiting, json!({}), "delivery.cancel").await;

    // Nobody listens there: an issue, and bulk operations on what it holds.
    let (failing, _) = api.route("failing", "http://127.0.0.1:9/", json!({})).await;
    walk.known += 3;
    let failed = server.event(&failing, "{}").await;
    api.event_becomes(&failed, "failed").await;
    let issue = api.all("/v1/issues").await[0]["id"].as_str().expect("an id").to_owned();
    walk.does("patch /issues/{id}", &issue, json!({ "status": "acknowledged" }), "issue.update").await;
    walk.does("post /issues/{id}/retry", &issue, json!({}), "issue.retry").await;
    walk.makes("post /deliveries/retry", json!({ "filter": {} }), "bulk_operation.start").await;
    let purge = walk.makes("post /deliveries/purge", json!({ "filter": {} }), "bulk_operation.start").await;
    let again = "UPDATE bulk_operations SET status = 'running', finished_at = NULL";
    let route = "post /bulk-operations/{id}/cancel";
    walk.does_while(&world, again, (route, &purge), "bulk_operation.cancel").await;

    // It sends nothing, and stays as it is.
    let range = json!({ "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z", "source_id": source });
    let mut dry = range.clone();
    dry["dry_run"] = json!(true);
    assert_eq!(api.post("/v1/replays", dry).await.status, 200);
    let replay = walk.makes("post /replays", range, "replay.create").await;
    let again = "UPDATE replays SET status = 'running', finished_at = NULL";
    walk.does_while(&world, again, ("post /replays/{id}/pause", &replay), "replay.pause").await;
    walk.does("post /replays/{id}/resume", &replay, json!({}), "replay.resume").await;
    walk.does_while(&world, again, ("post /replays/{id}/cancel", &replay), "replay.cancel").await;

    let document =
        json!({ "sources": [{ "slug": "applied", "name": "Applied" }], "destinations": [], "connections": [] });
    let (_, entry) = walk.call("post /apply", "/apply", document.clone(), "configuration.apply").await;
    assert_eq!(entry["after"]["source applied"]["action"], "create", "{entry}");
    // What changes nothing, and what is looked at only, writes nothing.
    assert_eq!(api.post("/v1/apply", document).await.status, 200);
    let dry = json!({ "sources": [{ "slug": "more", "name": "More" }], "dry_run": true });
    assert_eq!(api.post("/v1/apply", dry).await.status, 200);
    let same = api.patch(&format!("/v1/sources/{source}"), json!({ "name": "orders" })).await;
    assert_eq!(same.status, 200);

    let key = json!({ "name": "deploy", "scopes": ["read"] });
    let key = walk.makes("post /api-keys", key, "api_key.create").await;
    let made = walk.does("post /api-keys/{id}/rotate", &key, json!({}), "api_key.rotate").await;
    let text = api.all("/v1/audit-log").await;
    let whole = made["key"].as_str().expect("a key");
    assert!(!json!(text).to_string().contains(whole), "a key stands in the log");
    walk.does("patch /api-keys/{id}", &key, json!({ "name": "deploys" }), "api_key.update").await;
    walk.does("delete /api-keys/{id}", &key, json!({}), "api_key.revoke").await;

    walk.does("delete /connections/{id}", &connection, json!({}), "connection.delete").await;
    walk.does("delete /destinations/{id}", &destination, json!({}), "destination.delete").await;
    walk.does("delete /sources/{id}", &source, json!({}), "source.delete").await;
    let env = walk.env.clone();
    walk.does("patch /environments/{id}", &env, json!({ "retention_days": 7 }), "project.update").await;
    // Entries of another project are not seen here.
    let other = api.make("environments", json!({ "name": "other", "mode": "test" })).await;
    walk.walked.insert("post /environments".to_owned());
    assert_eq!(api.all("/v1/audit-log").await.len(), walk.known);
    let owner = Person::owner(&server, &world).await;
    let entries = owner.audit_log(&walk.org).await;
    let made = entries.iter().filter(|entry| entry["target"]["id"] == other.as_str()).collect::<Vec<_>>();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!((&made[0]["action"], &made[0]["env_id"]), (&json!("project.create"), &json!(other)));
    assert_eq!(api.delete(&format!("/v1/environments/{env}")).await.status, 204);
    walk.walked.insert("delete /environments/{id}".to_owned());
    let entries = owner.audit_log(&walk.org).await;
    let gone = entries.iter().filter(|entry| entry["action"] == "project.delete").collect::<Vec<_>>();
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert_eq!(gone[0]["target"]["name"], "production");

    let document = server.client_with("").get("/v1/openapi.json").await.expect(200);
    let mut left = changing_routes(&document);
    left.retain(|route| {
        let is_none = CHANGE_NOTHING.iter().chain(&NO_CHANGES).any(|none| none == route);
        !is_none && !walk.walked.contains(route)
    });
    assert!(left.is_empty(), "nobody has looked at what these write: {left:?}");
    let stored = world.database().bytes().await;
    let found = stored.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
    assert!(!found, "a secret lies in the database");
}

async fn what_people_do_is_written_once(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let owner = Person::owner(&server, &world).await;
    let (org, env) = (world.account.org_id.as_str(), world.account.env_id.as_str());
    let me = owner.id().await;
    let mut known = owner.audit_log(org).await.len();
    let mut written = async |action: &str, actor: &str, target: &str| {
        let entries = owner.audit_log(org).await;
        assert_eq!(entries.len(), known + 1, "{action}: {:?}", entries.first());
        known += 1;
        let entry = entries.iter().take(2).find(|entry| entry["action"] == action);
        let entry = entry.unwrap_or_else(|| panic!("{action}: {:?}", entries[0])).clone();
        assert_eq!(entry["actor"]["type"], "user", "{entry}");
        assert_eq!(entry["actor"]["id"], actor, "{entry}");
        assert_eq!(entry["target"]["id"], target, "{entry}");
        assert_eq!(entry["address"], "127.0.0.1", "{entry}");
        entry
    };
    let (invitation, _) = owner.invites((org, env), "ana@example.com", "member").await;
    let entry = written("invitation.create", &me, &invitation).await;
    assert_eq!(entry["after"]["email"], "ana@example.com");
    assert!(entry["actor"]["name"].as_str().is_some_and(|name| name.ends_with("<owner@example.com>")), "{entry}");
    let form = [("org", org), ("env", env), ("invitation", invitation.as_str())];
    let (_, token) = crate::world::shown_once(&owner.call("team/resend", &form).await);
    let entry = written("invitation.resend", &me, &invitation).await;
    assert!(!entry.to_string().contains(&token), "{entry}");
    let form = [("token", token.as_str()), ("name", "Ana"), ("password", "a long password 1")];
    let ana = Person::nobody(&server).becomes("ana@example.com", "invitations/sign_up", &form).await;
    let anas = ana.id().await;
    written("member.join", &anas, &anas).await;
    Person::done(&owner.call("team/role", &[("org", org), ("member", &anas), ("role", "admin")]).await);
    let entry = written("member.update", &me, &anas).await;
    assert_eq!((&entry["before"], &entry["after"]), (&json!({ "role": "member" }), &json!({ "role": "admin" })));
    let (second, _) = ana.invites((org, env), "ben@example.com", "viewer").await;
    written("invitation.create", &anas, &second).await;
    Person::done(&ana.call("team/revoke", &[("org", org), ("invitation", &second)]).await);
    written("invitation.revoke", &anas, &second).await;
    Person::done(&owner.call("organizations/rename", &[("org", org), ("organization", "Acme & Co")]).await);
    let entry = written("organization.update", &me, org).await;
    assert_eq!(entry["after"]["name"], "Acme & Co");
    Person::done(&owner.call("projects/retention", &[("env", env), ("retention_days", "9")]).await);
    let entry = written("project.update", &me, env).await;
    assert_eq!(entry["after"], json!({ "retention_days": 9 }));
    Person::done(&owner.call("team/remove", &[("org", org), ("member", &anas)]).await);
    let entry = written("member.remove", &me, &anas).await;
    assert_eq!(entry["before"], json!({ "role": "admin" }));
    // The names stay when the account and the key behind them are gone.
    world.database().execute("DELETE FROM sessions").await;
    world.database().execute("DELETE FROM users WHERE email = 'ana@example.com'").await;
    let owner = Person::owner(&server, &world).await;
    let entries = owner.audit_log(org).await;
    assert!(entries.iter().any(|entry| entry["actor"]["name"] == "Ana <ana@example.com>"), "{entries:?}");
    // An organization of one's own has a log of its own.
    Person::done(&owner.call("organizations/create", &[("organization", "Second")]).await);
    assert_eq!(owner.audit_log(org).await.len(), entries.len());
}

async fn only_what_changed_is_told(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let destination = api.destination("shop", "http://127.0.0.1:9/", json!({})).await;
    let patch = json!({
        "name": "store", "auth": { "type": "bearer", "token": SECRET }, "headers": { "x-long": "y".repeat(3000) },
    });
    api.patch(&format!("/v1/destinations/{destination}"), patch).await.expect(200);
    let entry = api.all("/v1/audit-log?action=destination.update").await;
    assert_eq!(entry.len(), 1);
    let (before, after) = (&entry[0]["before"], &entry[0]["after"]);
    assert_eq!((&before["name"], &after["name"]), (&json!("shop"), &json!("store")));
    assert_eq!(after["auth.token"], "••••••••", "{after}");
    assert!(after.get("timeout_ms").is_none() && after.get("config.url").is_none(), "{after}");
    let long = after["headers.x-long"].as_str().expect("a text");
    assert!(long.len() < 1100 && long.ends_with("(3000 characters)"), "{long}");
    // One secret for another is a change as well.
    let other = json!({ "auth": { "type": "bearer", "token": format!("{SECRET}-other") } });
    api.patch(&format!("/v1/destinations/{destination}"), other).await.expect(200);
    let entries = api.all("/v1/audit-log?action=destination.update").await;
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().any(|entry| entry["after"] == json!({ "auth.token": "••••••••" })), "{entries:?}");
}

async fn sources(server: &Server, names: &[&str]) -> Vec<String> {
    let mut made = Vec::new();
    for name in names {
        made.push(server.api().source(name).await);
    }
    made
}

async fn the_list_is_filtered_and_paged(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let made = sources(&server, &["a", "b", "c", "d", "e"]).await;
    api.delete(&format!("/v1/sources/{}", made[0])).await;
    let found = async |query: &str| api.all_with("/v1/audit-log", query).await;
    assert_eq!(found("action=source.create").await.len(), 5);
    assert_eq!(found("action=source").await.len(), 6);
    assert_eq!(found("action=connection").await.len(), 0);
    assert_eq!(found(&format!("target={}", made[0])).await.len(), 2);
    let actor = found("action=source.delete").await[0]["actor"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(found(&format!("actor={actor}&action=source")).await.len(), 6);
    assert_eq!(found("actor=system").await.len(), 0);
    assert_eq!(found("after=2999-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(found("before=2999-01-01T00:00:00Z&action=source").await.len(), 6);
    let page = api.get("/v1/audit-log?action=source&limit=4").await.expect(200);
    assert_eq!((page["data"].as_array().map(Vec::len), &page["has_more"]), (Some(4), &json!(true)));
    let next = page["next_cursor"].as_str().expect("a cursor");
    let rest = api.get(&format!("/v1/audit-log?action=source&limit=4&cursor={next}")).await.expect(200);
    assert_eq!((rest["data"].as_array().map(Vec::len), &rest["has_more"]), (Some(2), &json!(false)));
    for (query, field) in [
        ("action=source.explode", "action"),
        ("after=yesterday", "after"),
        ("before=1", "before"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("who=me", "who"),
    ] {
        api.get(&format!("/v1/audit-log?{query}")).await.field_error(field);
    }
    for scopes in [json!(["read"]), json!(["read", "write"])] {
        let key = api.post("/v1/api-keys", json!({ "name": "k", "scopes": scopes })).await.expect(201);
        let client = api.with_key(key["key"].as_str().expect("a key"));
        assert_eq!(client.get("/v1/audit-log").await.status, 403);
    }
    // The page shows the same, with its filters in the address.
    let owner = Person::owner(&server, &world).await;
    let page = owner.get(&format!("/p/{}/settings/audit-log?action=source.delete", world.account.env_id)).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("source.delete") && page.text().contains("127.0.0.1"), "{}", page.text());
    assert!(!page.text().contains(">source.create<"), "{}", page.text());
    let none = owner.get(&format!("/p/{}/settings/audit-log?actor=system", world.account.env_id)).await;
    assert!(none.text().contains("No entry matches"), "{}", none.text());
}

async fn a_project_sees_its_own_entries(on: On) {
    let mut world = World::new(on).await;
    let other = world.add_account("other@example.com", "Other");
    world.set(&[("HOOKSTREAM_TRUSTED_PROXIES", "127.0.0.0/8")]);
    let server = world.serve().await;
    let theirs = server.api().with_key(&other.api_key);
    let request = theirs.request(reqwest::Method::POST, "/v1/sources").header("x-forwarded-for", "203.0.113.9");
    crate::world::Answer::of(request.json(&json!({ "name": "theirs" }))).await.expect(201);
    let entries = theirs.all("/v1/audit-log?action=source").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["address"], "203.0.113.9", "behind a proxy that is trusted");
    assert!(server.api().all("/v1/audit-log?action=source").await.is_empty());
    // Neither does the other organization's owner see it.
    let owner = Person::owner(&server, &world).await;
    let foreign = owner.call("audit/list", &[("org", &other.org_id), ("query[range]", "")]).await;
    assert_eq!(foreign.status, 404);
    let mine = owner.audit_log(&world.account.org_id).await;
    assert!(mine.iter().all(|entry| entry["org_id"] == world.account.org_id.as_str()), "{mine:?}");
}

async fn the_export_runs_no_formulas(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let owner = Person::owner(&server, &world).await;
    let org = world.account.org_id.as_str();
    sources(&server, &["=HYPERLINK(\"http://evil.example\")", "+12", "-13", "@sum", "say \"hi\", twice"]).await;
    // More than are read at once.
    let copy = "INSERT INTO audit_log (org_id, id, env_id, actor_kind, actor_id, actor_name, address, action, target_kind, \
        target_id, target_name, value_before, value_after)";
    let rows = match on {
        On::Sqlite => {
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) \
            SELECT o.id, randomblob(16), NULL, 'system', NULL, 'filler', NULL, 'source.update', 'source', NULL, 'filler', \
            NULL, NULL FROM n, orgs o WHERE o.name = 'Acme'"
        }
        On::Postgres => {
            "SELECT o.id, gen_random_uuid(), NULL, 'system', NULL, 'filler', NULL, 'source.update', 'source', \
            NULL, 'filler', NULL, NULL FROM generate_series(1, 600), orgs o WHERE o.name = 'Acme'"
        }
    };
    world.database().execute(&format!("{copy} {rows}")).await;
    let file = owner.get(&format!("/audit-log/{org}")).await;
    assert_eq!(file.status, 200, "{}", file.text());
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(file.header("content-disposition").is_some_and(|value| value.contains("attachment")));
    let text = file.text();
    let lines: Vec<&str> = text.split("\r\n").filter(|line| !line.is_empty()).collect();
    assert_eq!(lines[0], "time,actor,actor_id,address,action,target_type,target,target_id,project,before,after");
    assert_eq!(lines.iter().filter(|line| line.contains("\"filler\"")).count(), 600);
    for cell in [
        "\"'=HYPERLINK(\"\"http://evil.example\"\")\"",
        "\"'+12\"",
        "\"'-13\"",
        "\"'@sum\"",
        "\"say \"\"hi\"\", twice\"",
    ] {
        assert!(text.contains(cell), "{cell}");
    }
    for cell in lines.iter().skip(1).flat_map(|line| line.split(',')) {
        let begin = cell.trim_start_matches('"').chars().next();
        assert!(!begin.is_some_and(|c| matches!(c, '=' | '+' | '@')) || cell.contains("twice"), "{cell}");
    }
    let filtered = owner.get(&format!("/audit-log/{org}?action=source.create")).await.text();
    assert_eq!(filtered.lines().filter(|line| line.contains("source.create")).count(), 5);
    assert_eq!(owner.get(&format!("/audit-log/{org}?action=nothing")).await.status, 422);
    assert_eq!(Person::nobody(&server).get(&format!("/audit-log/{org}")).await.status, 401);
    let stranger = Person::sign_up(&server, "stranger@example.com").await;
    assert_eq!(stranger.get(&format!("/audit-log/{org}")).await.status, 404);
    let sql = "INSERT INTO memberships (org_id, user_id, role, created_at) SELECT o.id, u.id, 'member', 0 \
        FROM orgs o, users u WHERE o.name = 'Acme' AND u.email = 'stranger@example.com'";
    world.database().execute(sql).await;
    assert_eq!(stranger.get(&format!("/audit-log/{org}")).await.status, 403);
}
