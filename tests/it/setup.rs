//! Setting up: the first account, the schema, the settings, and the secret key.

use std::time::Duration;

use serde_json::Value;

use crate::world::{On, World, eventually};

on_both_databases!(
    bootstrap_makes_the_first_account,
    bootstrap_takes_a_password_and_refuses_bad_ones,
    migrate_brings_the_schema_up_to_date,
    settings_that_are_wrong_are_named,
    a_server_tells_its_health,
    statements_are_logged_on_demand_without_values,
);

mod sqlite_alone {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_secret_key_is_made_for_its_owner_alone() {
        super::a_secret_key_is_made_for_its_owner_alone().await;
    }
}

mod postgres_alone {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_secret_key_must_be_given() {
        super::a_secret_key_must_be_given().await;
    }
}

const BOOTSTRAP: [&str; 7] =
    ["bootstrap", "--email", "First@Example.com", "--org", "Acme", "--project", "Main project"];

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn bootstrap_makes_the_first_account(on: On) {
    let world = World::empty(on).await;
    let output = world.run(&BOOTSTRAP, "");
    assert!(output.status.success(), "{}", said(&output));
    let made: Value = serde_json::from_slice(&output.stdout).expect("one JSON object and nothing else");
    let fields: Vec<_> = made.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(fields, ["org_id", "env_id", "user_id", "api_key", "password"]);
    assert!(made["password"].as_str().expect("it was generated").len() >= 12);

    // Once there are users, only --add makes another.
    let again = world.run(&BOOTSTRAP, "");
    assert!(!again.status.success() && again.stdout.is_empty());
    assert!(said(&again).contains("--add"), "{}", said(&again));
    let same = world.run(&[&BOOTSTRAP[..], &["--add"]].concat(), "");
    assert!(!same.status.success(), "one e-mail address, one account");
    assert!(said(&same).contains("email"), "{}", said(&same));
    let other = world.add_account("second@example.com", "Other");
    assert_ne!(other.env_id, made["env_id"].as_str().expect("an id"));

    let server = world.serve().await;
    let client = server.client_with(made["api_key"].as_str().expect("a key"));
    let environment = &client.get("/v1/environments").await.list()[0];
    assert_eq!(
        (environment["id"].clone(), environment["org_id"].clone()),
        (made["env_id"].clone(), made["org_id"].clone())
    );
    assert_eq!(
        (&environment["name"], &environment["slug"]),
        (&Value::from("Main project"), &Value::from("main-project"))
    );
    let keys = client.get("/v1/api-keys").await.list();
    assert_eq!(keys[0]["scopes"], serde_json::json!(["read", "write", "admin"]));
}

async fn bootstrap_takes_a_password_and_refuses_bad_ones(on: On) {
    let world = World::empty(on).await;
    let short = world.run(&BOOTSTRAP, "short\n");
    assert!(!short.status.success());
    assert!(said(&short).contains("password"), "{}", said(&short));
    let bad_address = world.run(&["bootstrap", "--email", "nobody", "--org", "Acme"], "");
    assert!(!bad_address.status.success());
    assert!(said(&bad_address).contains("email"), "{}", said(&bad_address));

    let output = world.run(&BOOTSTRAP, "a long password 1\n");
    assert!(output.status.success(), "{}", said(&output));
    let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(made.get("password").is_none(), "what was given is not repeated");
    let server = world.serve().await;
    for (email, password, is_right) in [
        ("first@example.com", "a long password 1", true),
        ("FIRST@example.com", "a long password 1", true),
        ("first@example.com", "a long password 2", false),
        ("nobody@example.com", "a long password 1", false),
    ] {
        let form = [("email", email), ("password", password), ("next", "")];
        let request = server.client_with("").form("/api/account/sign_in", &form);
        let answer = crate::world::Answer::of(request.header("accept", "application/json")).await;
        assert_eq!(answer.header("set-cookie").is_some(), is_right, "{email} {password}: {}", answer.text());
        if !is_right {
            assert_eq!(answer.status, 422);
        }
    }
}

async fn migrate_brings_the_schema_up_to_date(on: On) {
    let world = World::empty(on).await;
    let first = world.run(&["migrate"], "");
    assert!(first.status.success(), "{}", said(&first));
    let second = world.run(&["migrate"], "");
    assert!(second.status.success(), "{}", said(&second));
    assert!(String::from_utf8_lossy(&second.stdout).starts_with("0 steps"));
    assert_eq!(world.database().numbers("SELECT version FROM config_version").await, [0]);
}

async fn settings_that_are_wrong_are_named(on: On) {
    let world = World::empty(on).await;
    for (name, value, names) in [
        ("HOOKSTREAM_ADDR", "everywhere", "addr"),
        ("HOOKSTREAM_ALLOW_TARGETS", "10.0.0.0/99", "10.0.0.0/99"),
        ("HOOKSTREAM_MAX_BODY", "a lot", "a lot"),
        ("HOOKSTREAM_SECRET_KEY", "abc", "HOOKSTREAM_SECRET_KEY"),
        ("HOOKSTREAM_PUBLIC_URL", "hooks.test", "HOOKSTREAM_PUBLIC_URL"),
        ("HOOKSTREAM_DATABASE_URL", "mysql://x", "postgres://"),
        ("HOOKSTREAM_SIGNUP", "sometimes", "signup"),
        ("HOOKSTREAM_SMTP_URL", "smtp://mail.test", "HOOKSTREAM_MAIL_FROM"),
        ("HOOKSTREAM_MAIL_FROM", "hooks@example.com", "HOOKSTREAM_SMTP_URL"),
        ("HOOKSTREAM_OIDC_ISSUER", "https://login.test", "HOOKSTREAM_OIDC_CLIENT_ID"),
        ("HOOKSTREAM_OIDC_NAME", "Acme", "HOOKSTREAM_OIDC_ISSUER"),
        ("HOOKSTREAM_LOG", "gateway=loudly", "HOOKSTREAM_LOG"),
    ] {
        let output = world.run_with(&["serve"], &[(name, value)], "");
        assert!(!output.status.success(), "{name}={value}");
        assert!(said(&output).contains(names), "{name}={value}: {}", said(&output));
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    let output = world.run_with(&["serve"], &[("HOOKSTREAM_ADDR", &address)], "");
    assert!(!output.status.success() && said(&output).contains(&address), "{}", said(&output));
}

async fn a_server_tells_its_health(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let nobody = server.client_with("");
    assert_eq!(nobody.get("/healthz").await.status, 200);
    assert_eq!(nobody.get("/readyz").await.status, 200);
    let page = nobody.get("/").await;
    assert!(matches!(page.status, 200 | 302 | 303), "{}", page.status);
}

async fn a_secret_key_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::empty(On::Sqlite).await;
    let without_key = [("HOOKSTREAM_SECRET_KEY", "")];
    let output = world.run_with(&BOOTSTRAP, &without_key, "");
    assert!(output.status.success(), "{}", said(&output));
    let file = world.folder().join("secret.key");
    let key = std::fs::read_to_string(&file).expect("it is there");
    assert!(key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(std::fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    let again = world.run_with(&["migrate"], &without_key, "");
    assert!(again.status.success());
    let server = world.serve_with(&without_key).await;
    assert_eq!(server.client_with("").get("/readyz").await.status, 200);
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), key, "it stays the same");
}

async fn a_secret_key_must_be_given() {
    let world = World::empty(On::Postgres).await;
    let output = world.run_with(&["serve"], &[("HOOKSTREAM_SECRET_KEY", "")], "");
    assert!(!output.status.success());
    assert!(said(&output).contains("HOOKSTREAM_SECRET_KEY"), "{}", said(&output));
}

async fn statements_are_logged_on_demand_without_values(on: On) {
    const STATEMENT: &str = "\"target\":\"sqlx::query\"";
    let world = World::new(on).await;
    let quiet = world.serve().await;
    quiet.api().source("a name to be found").await;
    assert!(!quiet.log().contains(STATEMENT), "{}", quiet.log());
    drop(quiet);
    let telling = world.serve_with(&[("HOOKSTREAM_LOG", "info,sqlx::query=trace")]).await;
    telling.api().source("another to be found").await;
    eventually(Duration::from_secs(10), "the statement is logged", async || {
        telling.log().lines().any(|line| line.contains(STATEMENT) && line.contains("sources")).then_some(())
    })
    .await;
    assert!(telling.log().contains("elapsed_secs"));
    assert!(!telling.log().contains("to be found"), "{}", telling.log());
}
