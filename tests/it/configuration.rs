//! `hookstream export` and `hookstream apply`, as people and scripts run them.

use std::{path::PathBuf, process::Output};

use serde_json::{Value, json};

use crate::world::{On, Server, World, destination};

on_both_databases!(
    what_is_exported_makes_an_empty_project_the_same,
    edits_are_planned_confirmed_and_applied_once,
    errors_name_the_line,
    only_pruning_deletes,
    secrets_are_kept_replaced_and_never_shown,
    whoever_may_not_is_told_so,
    a_plan_that_is_no_longer_true_is_refused,
);

/// The environment of a command, beside where the server is and who asks.
type Environment<'a> = &'a [(&'a str, &'a str)];

struct Shell<'a> {
    world: &'a World,
    server: &'a Server,
    key: String,
}

impl<'a> Shell<'a> {
    fn new(world: &'a World, server: &'a Server) -> Self {
        Self { world, server, key: world.account.api_key.clone() }
    }

    fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..*self }
    }

    fn run(&self, arguments: &[&str], environment: Environment<'_>) -> Output {
        let mut command = self.world.command(arguments, &[]);
        command
            .env("HOOKSTREAM_SERVER", format!("http://{}", self.server.address()))
            .env("HOOKSTREAM_API_KEY", &self.key);
        command.envs(environment.iter().copied()).stdin(std::process::Stdio::null());
        command.output().expect("the command runs")
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.world.folder().join(name);
        std::fs::write(&path, text).expect("writes");
        path
    }

    /// Applies a text, with further options; says the code, and what was said.
    fn apply(&self, text: &str, options: &[&str], environment: Environment<'_>) -> (i32, String, String) {
        let path = self.file("hooks.yaml", text);
        let path = path.to_str().expect("UTF-8");
        let arguments: Vec<&str> = ["apply", "-f", path].into_iter().chain(options.iter().copied()).collect();
        said(&self.run(&arguments, environment))
    }

    fn export(&self) -> String {
        let (code, out, err) = said(&self.run(&["export"], &[]));
        assert_eq!(code, 0, "{err}");
        out
    }
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("it ends by itself"), text(&output.stdout), text(&output.stderr))
}

const SECRET: &str = "a secret of the shop";

/// A project with something of every kind.
async fn furnish(server: &Server) {
    let api = server.api();
    let source = json!({
        "name": "Shop", "slug": "shop", "description": "Orders & refunds: all of them",
        "verification": { "type": "hmac_sha256", "secrets": [SECRET], "header": "x-signature" },
        "ip_allowlist": ["127.0.0.1", "10.0.0.0/8"],
        "dedup": { "strategy": "header", "header": "x-id", "window_seconds": 60 },
        "schema": { "type": "object", "properties": { "id": { "default": null } } }, "schema_action": "warn",
        "response": { "status": 202, "content_type": "text/plain", "body": "thanks\nfor that\n" },
        "rate_limit": { "limit": 100, "per": "minute" },
    });
    let source = api.make("sources", source).await;
    let other = api.source("Other").await;
    let more = json!({
        "slug": "billing",
        "auth": { "type": "basic", "username": "u", "password": "a long password" },
        "headers": { "x-team": "billing" },
        "ordering": { "mode": "ordered", "key": "payload.customer" },
        "rate_limit": { "limit": 5, "per": "second", "max_in_flight": 2 },
    });
    let billing = api.make("destinations", destination("Billing", "https://billing.example.com/hooks", more)).await;
    let queue = json!({
        "name": "Queue", "type": "aws_sqs",
        "config": {
            "queue_url": "https://sqs.eu-central-1.amazonaws.com/1/q", "region": "eu-central-1",
            "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "a secret access key",
        },
    });
    let queue = api.make("destinations", queue).await;
    let rules = json!({
        "source_id": source, "destination_id": billing, "name": "Paid", "delay_seconds": 30,
        "filter": { "all": [{ "field": "payload.kind", "op": "eq", "value": "paid" }] },
        "transform": "{\n  \"id\": id\n}",
        "schema": { "type": "object" }, "schema_action": "warn",
    });
    api.make("connections", rules).await;
    api.make("connections", json!({ "source_id": other, "destination_id": queue, "status": "paused" })).await;
}

/// What the references of an export stand for.
const FILLED_IN: [(&str, &str); 4] = [
    ("SOURCE_SHOP_VERIFICATION_SECRETS_0", SECRET),
    ("DESTINATION_BILLING_AUTH_PASSWORD", "a long password"),
    ("DESTINATION_BILLING_SIGNING_SECRETS_0", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("DESTINATION_QUEUE_CONFIG_SECRET_ACCESS_KEY", "a secret access key"),
];

async fn what_is_exported_makes_an_empty_project_the_same(on: On) {
    let world = World::new(on).await;
    let other = world.add_account("other@example.com", "Other");
    let server = world.serve().await;
    furnish(&server).await;
    let ours = Shell::new(&world, &server);
    let exported = ours.export();
    for (name, secret) in FILLED_IN {
        assert!(exported.contains(&format!("${{{name}}}")), "{name} in {exported}");
        assert!(!exported.contains(secret), "{secret} in {exported}");
    }
    assert!(!exported.contains('•'), "nothing is masked: {exported}");

    // What is there is what it says.
    let (code, out, err) = ours.apply(&exported, &["--yes"], &[]);
    assert_eq!((code, out.as_str()), (0, "Nothing to change.\n"), "{err}");

    let theirs = ours.with_key(&other.api_key);
    let (code, _, err) = theirs.apply(&exported, &["--yes"], &[]);
    assert_eq!(code, 1);
    assert!(err.contains("refers to DESTINATION_QUEUE_CONFIG_SECRET_ACCESS_KEY, which is not set"), "{err}");
    let (code, out, err) = theirs.apply(&exported, &["--yes"], &FILLED_IN);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("6 to create, 0 to update, 0 to delete; 0 unchanged"), "{out}");
    for (_, secret) in FILLED_IN {
        assert!(!out.contains(secret), "{out}");
    }
    assert_eq!(theirs.export(), exported);
    let (code, out, _) = theirs.apply(&exported, &["--yes"], &FILLED_IN);
    assert_eq!((code, out.as_str()), (0, "Nothing to change.\n"));

    // As a file, and as the API has it.
    let path = world.folder().join("written.yaml");
    let (code, out, err) = said(&ours.run(&["export", "-o", path.to_str().expect("UTF-8")], &[]));
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), exported);
    let (_, out, _) = said(&ours.run(&["export", "--output", "json"], &[]));
    let document: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(document, server.api().get("/v1/export").await.expect(200));
    assert_eq!(document["connections"][0]["source"], "shop");
}

const SMALL: &str = "\
version: 1
sources:
  - slug: shop
    name: Shop
destinations:
  - slug: billing
    name: Billing
    type: http
    config:
      url: https://billing.example.com/
connections:
  - source: shop
    destination: billing
";

async fn edits_are_planned_confirmed_and_applied_once(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let shell = Shell::new(&world, &server);
    // Nobody can be asked.
    let (code, out, err) = shell.apply(SMALL, &[], &[]);
    assert_eq!(code, 4, "{err}");
    assert!(out.contains("3 to create") && err.contains("use --yes"), "{out}{err}");
    let (code, out, _) = shell.apply(SMALL, &["--dry-run"], &[]);
    assert_eq!(code, 3);
    assert!(out.contains("create    destination  billing"), "{out}");
    assert!(server.api().get("/v1/sources").await.list().is_empty());
    let (code, out, err) = shell.apply(SMALL, &["--yes"], &[]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("The signing secret of the destination billing, shown this once: whsec_"), "{out}");
    let (code, out, _) = shell.apply(SMALL, &["--dry-run"], &[]);
    assert_eq!((code, out.as_str()), (0, "Nothing to change.\n"));
    let before = server.api().all("/v1/destinations").await;

    let edited = SMALL
        .replace("https://billing.example.com/", "https://new.example.com/")
        .replace("name: Shop", "name: The shop")
        + "    delay_seconds: 5\n";
    let (code, out, _) = shell.apply(&edited, &["--dry-run", "--output", "json"], &[]);
    assert_eq!(code, 3);
    let plan: Value = serde_json::from_str(&out).expect("JSON");
    let changes = plan["changes"].as_array().expect("a list");
    let field = |change: usize, path: &str, from: Value, to: Value| {
        assert_eq!(changes[change]["action"], "update");
        assert_eq!(changes[change]["fields"], json!([{ "path": path, "from": from, "to": to }]));
    };
    field(0, "name", json!("Shop"), json!("The shop"));
    field(1, "config.url", json!("https://billing.example.com/"), json!("https://new.example.com/"));
    field(2, "delay_seconds", json!(0), json!(5));
    let (code, out, _) = shell.apply(&edited, &["--yes"], &[]);
    assert_eq!(code, 0);
    assert!(out.contains("config.url: \"https://billing.example.com/\" → \"https://new.example.com/\""), "{out}");
    let after = server.api().all("/v1/destinations").await;
    assert_eq!(after[0]["id"], before[0]["id"]);
    assert_eq!(after[0]["signing"], before[0]["signing"], "its signing secret stays");
    assert_eq!(shell.apply(&edited, &["--yes"], &[]).0, 0);

    // From the standard input, where nobody can be asked either.
    let output = shell.world.run_with(
        &[
            "apply",
            "-f",
            "-",
            "--dry-run",
            "--server",
            &format!("http://{}", server.address()),
            "--api-key",
            &shell.key,
        ],
        &[],
        &edited,
    );
    assert_eq!(said(&output).0, 0);
}

async fn errors_name_the_line(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let shell = Shell::new(&world, &server);
    for (from, to, line, message) in [
        ("url: https://billing.example.com/", "url: ftp://x/", 10, "config.url must begin with"),
        ("type: http", "type: smoke", 8, "destinations[0].type"),
        ("    name: Billing\n", "", 6, "destinations[0].name"),
        ("    name: Shop\n", "    name: Shop\n    colour: red\n", 5, "sources[0].colour"),
        ("    destination: billing\n", "    destination: bills\n", 13, "connections[0].destination must be the slug"),
        ("  - source: shop", "  - sauce: shop", 12, "connections[0].source"),
        (
            "    destination: billing\n",
            "    destination: billing\n    filter:\n      field: payload.x\n      op: like\n      value: 1\n",
            16,
            "filter.op",
        ),
        ("    destination: billing\n", "    destination: billing\n    transform: \"{\"\n", 14, "transform"),
        ("version: 1", "version: 2", 1, "version must be 1"),
        ("version: 1", "version: 1\ncolour: red", 2, "colour"),
        ("version: 1", "version: 1\nprune: true", 2, "option of the command"),
        ("    name: Shop\n", "    name: Shop\n    name: Shop\n", 5, "written twice"),
        ("    name: Shop\n", "    name: *shop\n", 4, ""),
        ("    name: Shop\n", "    name: Shop\n  - slug: shop\n    name: Again\n", 5, "another source of this document"),
        (
            "    name: Shop\n",
            "    name: Shop\n    verification:\n      type: hmac_sha256\n      header: x-s\n      secrets: [\"${UNSET}\"]\n",
            8,
            "refers to UNSET",
        ),
    ] {
        assert!(SMALL.contains(from), "{from}");
        let text = SMALL.replacen(from, to, 1);
        let (code, out, err) = shell.apply(&text, &["--yes"], &[]);
        assert_eq!((code, out.as_str()), (1, ""), "{to}: {err}");
        assert!(err.contains(&format!("hooks.yaml:{line}:")) && err.contains(message), "{to:?} at {line}: {err}");
    }
    // Everything that is wrong is told at once, and nothing is done.
    let text = SMALL.replace("https://billing.example.com/", "nothing").replace("source: shop\n", "source: other\n");
    let (_, _, err) = shell.apply(&text, &["--yes"], &[]);
    assert!(err.contains("hooks.yaml:10:") && err.contains("hooks.yaml:12:"), "{err}");
    assert!(server.api().get("/v1/sources").await.list().is_empty());
    // The API tells the same by paths.
    let input = json!({ "destinations": [{ "name": "x", "type": "http", "config": { "url": "nothing" } }] });
    server.api().post("/v1/apply", input).await.field_error("destinations[0].config.url");
    server.api().post("/v1/apply", json!({ "colour": 1 })).await.field_error("colour");
    let missing = shell.run(&["apply", "-f", "/nowhere/at/all.yaml"], &[]);
    assert_eq!(said(&missing).0, 1);
}

async fn only_pruning_deletes(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    furnish(&server).await;
    let shell = Shell::new(&world, &server);
    let (code, out, _) = shell.apply(SMALL, &["--dry-run"], &[]);
    assert_eq!(code, 3);
    assert!(out.contains("0 to delete") && out.contains("more in the project that the file does not name"), "{out}");
    let (code, out, err) = shell.apply(SMALL, &["--yes", "--prune"], &[]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("delete    source       other"), "{out}");
    assert!(out.contains("delete    connection   other → queue"), "{out}");
    let slugs = async |list: &str| -> Vec<Value> {
        server.api().all(list).await.iter().map(|thing| thing["slug"].clone()).collect()
    };
    assert_eq!(slugs("/v1/sources").await, ["shop"]);
    assert_eq!(slugs("/v1/destinations").await, ["billing"]);
    assert_eq!(server.api().all("/v1/connections").await.len(), 1);
    let (code, out, _) = shell.apply(SMALL, &["--yes", "--prune"], &[]);
    assert_eq!((code, out.as_str()), (0, "Nothing to change.\n"));
}

async fn secrets_are_kept_replaced_and_never_shown(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    furnish(&server).await;
    let shell = Shell::new(&world, &server);
    let exported = shell.export();
    let replaced = [("SOURCE_SHOP_VERIFICATION_SECRETS_0", "another secret of the shop")];
    let (code, out, err) = shell.apply(&exported, &["--dry-run"], &replaced);
    assert_eq!(code, 3, "{err}");
    assert!(out.contains("verification.secrets: [\"••••••••\"] → [\"••••••••\"]"), "{out}");
    let (code, out, _) = shell.apply(&exported, &["--yes", "--output", "json"], &replaced);
    assert_eq!(code, 0);
    for secret in [SECRET, "another secret of the shop"] {
        assert!(!out.contains(secret), "{out}");
    }
    // It is the new one that is stored.
    let (code, out, _) = shell.apply(&exported, &["--dry-run"], &replaced);
    assert_eq!((code, out.as_str()), (0, "Nothing to change.\n"));
    assert_eq!(shell.apply(&exported, &["--dry-run"], &FILLED_IN).0, 3);
    // An empty one is as good as none.
    let (code, _, err) = shell.apply(&exported, &["--dry-run"], &[("SOURCE_SHOP_VERIFICATION_SECRETS_0", "")]);
    assert_eq!(code, 0, "{err}");
}

async fn whoever_may_not_is_told_so(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let shell = Shell::new(&world, &server);
    let key = server.api().post("/v1/api-keys", json!({ "name": "reads", "scopes": ["read"] })).await.expect(201);
    let reader = shell.with_key(key["key"].as_str().expect("a key"));
    reader.export();
    let (code, _, err) = reader.apply(SMALL, &["--dry-run"], &[]);
    assert_eq!(code, 6);
    assert!(err.contains("the API key may not do this"), "{err}");
    let (code, _, err) = said(&shell.with_key("hs_live_nonsense").run(&["export"], &[]));
    assert_eq!(code, 6);
    assert!(err.contains("does not know this API key"), "{err}");
    let (code, _, err) = said(&shell.with_key("").run(&["export"], &[]));
    assert_eq!(code, 6);
    assert!(err.contains("HOOKSTREAM_API_KEY"), "{err}");
    let nowhere = ["export", "--server", "http://127.0.0.1:9"];
    let (code, _, err) = said(&shell.run(&nowhere, &[]));
    assert_eq!(code, 5);
    assert!(err.contains("http://127.0.0.1:9 could not be reached"), "{err}");
    assert_eq!(said(&shell.run(&["apply"], &[])).0, 2);
    let health = format!("http://{}/healthz?", server.address());
    assert_eq!(said(&shell.run(&["export", "--server", &health], &[])).0, 5);
}

async fn a_plan_that_is_no_longer_true_is_refused(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let mut input = json!({ "sources": [{ "slug": "shop", "name": "Shop" }], "dry_run": true });
    let plan = api.post("/v1/apply", input.clone()).await.expect(200);
    assert_eq!((&plan["applied"], &plan["changes"][0]["action"]), (&json!(false), &json!("create")));
    input["dry_run"] = json!(false);
    input["plan_id"] = plan["plan_id"].clone();
    api.make("sources", json!({ "slug": "shop", "name": "Made meanwhile" })).await;
    api.post("/v1/apply", input.clone()).await.problem(409, "conflict");
    assert_eq!(api.all("/v1/sources").await[0]["name"], "Made meanwhile");
    input["plan_id"] = Value::Null;
    let done = api.post("/v1/apply", input).await.expect(200);
    assert_eq!((&done["applied"], &done["changes"][0]["action"]), (&json!(true), &json!("update")));
    assert_eq!(api.all("/v1/sources").await[0]["name"], "Shop");
}
