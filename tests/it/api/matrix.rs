//! Every operation of the document, called by everybody who might: each gets what its scope allows in its own project, and
//! nothing else. `docs/permissions.md` is the table of it.

use std::{collections::BTreeMap, env, fmt::Write, fs, path::Path, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use super::document::operations;
use crate::world::{Answer, Client, On, Server, Sink, World, eventually};

on_both_databases!(everybody_gets_what_is_theirs);

/// Set, it makes the committed table what it should be.
const WRITE: &str = "HOOKSTREAM_WRITE_DOCS";
const SCOPES: [&str; 3] = ["read", "write", "admin"];

/// Whoever shows no live key.
fn without_key(server: &Server, world: &World, made: &BTreeMap<&str, Value>) -> Vec<(&'static str, Client)> {
    let of = |name: &str| server.client_with(made[name]["key"].as_str().expect("a key"));
    let good = &world.account.api_key;
    let wrong = format!("{}{}", &good[..good.len() - 1], if good.ends_with('0') { "1" } else { "0" });
    vec![
        ("anonymous", server.client_with("")),
        ("malformed key", server.client_with("hs_live_x")),
        ("wrong key", server.client_with(&wrong)),
        ("revoked key", of("revoked")),
        ("expired key", of("expired")),
    ]
}

/// What is in the project, by the names of the paths.
async fn furnish(server: &Server, sink: &Sink) -> BTreeMap<String, String> {
    let api = server.api();
    let (source, destination) = api.route("ours", &sink.url(), json!({ "retry": { "max_attempts": 1 } })).await;
    let event = server.event(&source, "{\"ours\": 1}").await;
    let delivery = api.delivery_becomes(&event, "failed").await;
    let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    let range = json!({ "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z" });
    let replay = api.make("replays", range).await;
    eventually(Duration::from_secs(15), "the replay ends", async || {
        (api.get(&format!("/v1/replays/{replay}")).await.expect(200)["status"] == "completed").then_some(())
    })
    .await;
    let bulk =
        api.post("/v1/deliveries/purge", json!({ "filter": { "before": "2020-01-02T00:00:00Z" } })).await.expect(201);
    eventually(Duration::from_secs(15), "the operation ends", async || {
        let bulk = api.get(&format!("/v1/bulk-operations/{}", id(&bulk))).await.expect(200);
        (bulk["status"] == "completed").then_some(())
    })
    .await;
    let issue = eventually(Duration::from_secs(15), "there is an issue", async || {
        api.get("/v1/issues").await.list().first().map(id)
    })
    .await;
    BTreeMap::from([
        ("sources".to_owned(), source),
        ("destinations".to_owned(), destination),
        ("connections".to_owned(), id(&api.all("/v1/connections").await[0])),
        ("events".to_owned(), event),
        ("deliveries".to_owned(), id(&delivery)),
        ("replays".to_owned(), replay),
        ("bulk-operations".to_owned(), id(&bulk)),
        ("issues".to_owned(), issue),
        ("environments".to_owned(), id(&api.all("/v1/environments").await[0])),
    ])
}

/// The path with ids that exist, or that do not.
fn filled(path: &str, ids: Option<&BTreeMap<String, String>>) -> String {
    let resource = path.split('/').nth(2).unwrap_or_default();
    let prefix = match resource {
        "environments" => "env",
        "sources" => "src",
        "destinations" => "dst",
        "connections" => "conn",
        "events" => "evt",
        "deliveries" => "dlv",
        "bulk-operations" => "blk",
        "issues" => "iss",
        "replays" => "rpl",
        "api-keys" => "ak",
        _ => "",
    };
    let nothing = format!("{prefix}_{}", "0".repeat(32));
    let id = ids.and_then(|ids| ids.get(resource)).unwrap_or(&nothing);
    path.replace("{id}", id).replace("{request}", &format!("req_{}", "0".repeat(32)))
}

/// Everything of the project that anybody could change.
async fn everything(api: &Client) -> Vec<Value> {
    let mut all = Vec::new();
    for list in [
        "environments",
        "sources",
        "destinations",
        "connections",
        "events",
        "deliveries",
        "issues",
        "replays",
        "bulk-operations",
        "api-keys",
    ] {
        let mut rows = api.all(&format!("/v1/{list}")).await;
        for row in &mut rows {
            row.as_object_mut().expect("an object").remove("last_used_at");
        }
        all.push(Value::Array(rows));
    }
    all.push(api.get("/v1/export").await.json());
    all
}

async fn everybody_gets_what_is_theirs(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::in_turn([crate::world::Reply::Status(500)]).await;
    let mut ids = furnish(&server, &sink).await;
    let mut made = BTreeMap::new();
    for (name, scope) in [
        ("revoked", "admin"),
        ("expired", "admin"),
        ("second", "admin"),
        ("read", "read"),
        ("write", "write"),
        ("admin", "admin"),
    ] {
        let input = json!({ "name": name, "scopes": [scope] });
        made.insert(name, api.post("/v1/api-keys", input).await.expect(201));
    }
    let id = |name: &str| made[name]["id"].as_str().expect("an id").to_owned();
    ids.insert("api-keys".to_owned(), id("admin"));
    api.delete(&format!("/v1/api-keys/{}", id("revoked"))).await.expect(204);
    api.post("/v1/environments", json!({ "name": "Second", "mode": "live" })).await.expect(201);
    let database = world.database();
    database.execute("UPDATE api_keys SET expires_at = 1 WHERE name = 'expired'").await;
    let moved =
        "UPDATE api_keys SET env_id = (SELECT id FROM environments WHERE slug = 'second') WHERE name = 'second'";
    database.execute(moved).await;

    let of = |name: &str| server.client_with(made[name]["key"].as_str().expect("a key"));
    let own: Vec<(&str, Client)> = SCOPES.into_iter().map(|scope| (scope, of(scope))).collect();
    let foreign =
        [("another project's", of("second")), ("another organization's", server.client_with(&stranger.api_key))];
    let nobody = without_key(&server, &world, &made);
    let document = api.get("/v1/openapi.json").await.expect(200);
    let before = everything(api).await;
    let names_ours = |text: &str| ids.values().any(|id| text.contains(id.as_str())) || text.contains("ours");
    for (method, path, operation) in operations(&document) {
        let Some(needed) = operation["x-required-scope"].as_str() else { continue };
        let at = format!("{method} {path}");
        let (there, nowhere) = (filled(&path, Some(&ids)), filled(&path, None));
        for (who, client) in &nobody {
            let answer = Answer::of(client.request(method.clone(), &there).body("{}")).await;
            assert_eq!(answer.status, 401, "{at}: {who}: {}", answer.text());
            assert!(!names_ours(&answer.text()), "{at}: {who}: {}", answer.text());
        }
        let place = |scope: &str| SCOPES.iter().position(|it| *it == scope).expect("a scope");
        for (scope, client) in &own {
            let may = place(scope) >= place(needed);
            // What is allowed is asked for where it does nothing: with no JSON, or of what is not there.
            let (path, body) = match (may, method == Method::GET) {
                (false, _) => (&there, "{}"),
                (true, true) => (&there, ""),
                (true, false) => (&nowhere, "no JSON"),
            };
            let answer = Answer::of(client.request(method.clone(), path).body(body)).await;
            if may {
                assert!(matches!(answer.status, 200 | 400 | 404), "{at}: {scope}: {} {}", answer.status, answer.text());
                assert!(
                    method != Method::GET || answer.status == 200 || path.contains("/rejected/"),
                    "{at}: {}",
                    answer.text()
                );
            } else {
                answer.problem(403, "forbidden");
            }
        }
        for (who, client) in &foreign {
            let body = if path.contains('{') { "{}" } else { "no JSON" };
            let answer = Answer::of(client.request(method.clone(), &there).body(body)).await;
            // An unknown body is refused before the thing is looked for, whosever it is.
            let is_right = if path.contains('{') {
                matches!(answer.status, 404 | 422)
            } else {
                matches!(answer.status, 200 | 400)
            };
            assert!(is_right, "{at}: {who}: {} {}", answer.status, answer.text());
            assert!(!names_ours(&answer.text()), "{at}: {who}: {}", answer.text());
        }
    }
    for (before, after) in before.iter().zip(everything(api).await) {
        assert_eq!(*before, after, "nobody has changed anything");
    }
    if on == On::Sqlite {
        hold_against_table(&document);
    }
}

fn hold_against_table(document: &Value) {
    let mut table = String::from(
        "# Who may do what\n\nMade by the test `everybody_gets_what_is_theirs`, which calls every operation as everybody here.\n\n\
         Without a live key (none, a malformed one, a wrong one, one that was revoked or has expired) every operation with a scope\n\
         answers 401. A key of another project, of the same organization or of another, gets 404 for every id of this one.\n\n\
         | operation | | `read` | `write` | `admin` |\n|---|---|---|---|---|\n",
    );
    for (method, path, operation) in operations(document) {
        let id = operation["operationId"].as_str().expect("an id");
        let cells = match operation["x-required-scope"].as_str() {
            None => ["no key needed"; 3],
            Some("read") => ["yes", "yes", "yes"],
            Some("write") => ["403", "yes", "yes"],
            Some(_) => ["403", "403", "yes"],
        };
        writeln!(table, "| `{method} {path}` | {id} | {} |", cells.join(" | ")).expect("a text");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/permissions.md");
    if env::var_os(WRITE).is_some() {
        fs::write(&file, &table).expect("it can be written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == table,
        "docs/permissions.md is old; write it anew with {WRITE}=1 cargo test --test it everybody_gets"
    );
}
