//! `hookstream login`, `logout`, `whoami`: by code and by key.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use serde_json::{Value, json};

use super::Shell;
use crate::world::{Answer, On, Server, Terminal, World, eventually, sign_in};

on_both_databases!(
    a_code_is_confirmed_in_the_dashboard,
    a_code_is_refused_or_runs_out,
    codes_are_kept_as_hashes_and_guesses_are_bounded,
    nobody_gives_more_than_they_have,
    a_key_is_kept_for_its_server_alone,
);

const PATIENCE: Duration = Duration::from_secs(30);

/// Calls a server function as a page does.
async fn call(server: &Server, function: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let request = server.client_with("").form(&format!("/api/{function}"), fields);
    Answer::of(
        request.header("accept", "application/json").header("sec-fetch-site", "same-origin").header("cookie", cookie),
    )
    .await
}

async fn ask(server: &Server) -> Value {
    server.client_with("").post("/v1/device/code", json!({ "device_name": "a laptop" })).await.expect(201)
}

async fn poll(server: &Server, code: &Value) -> Answer {
    server.client_with("").post("/v1/device/token", json!({ "device_code": code["device_code"] })).await
}

/// The code that a terminal shows.
fn code_in(text: &str) -> Option<String> {
    let is_code = |word: &&str| word.len() == 9 && word.as_bytes()[4] == b'-' && word.is_ascii();
    text.split_whitespace().find(is_code).map(str::to_owned)
}

async fn a_code_is_confirmed_in_the_dashboard(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let mut shell = Shell::new(&world, &server);
    shell.key = String::new();
    let mut terminal = Terminal::run(&shell.command(&["login", "--name", "my laptop", "--no-browser"]));
    terminal.shows("Open http://hooks.test/device and enter the code").await;
    let code = eventually(PATIENCE, "a code", async || code_in(&terminal.text())).await;
    let cookie = sign_in(&server, &world.account).await;
    let typed = code.to_lowercase().replace('-', " ");
    let asked = call(&server, "device/get", &cookie, &[("code", &typed)]).await.expect(200);
    assert_eq!(asked["Ok"]["device_name"], "my laptop", "{asked}");
    assert_eq!(asked["Ok"]["device_ip"], "127.0.0.1");
    // The page says the same.
    let page = server.client_with("").request(reqwest::Method::GET, &format!("/device?code={code}"));
    let page = Answer::of(page.header("cookie", &cookie)).await;
    assert_eq!(page.status, 200);
    for part in [&code, "my laptop", "127.0.0.1", "production"] {
        assert!(page.text().contains(part), "{part}");
    }
    let nobody = server.client_with("").get(&format!("/device?code={code}")).await;
    assert!(matches!(nobody.status, 302 | 303), "{}", nobody.status);
    assert!(nobody.header("location").is_some_and(|to| to.starts_with("/sign-in")));
    let env = world.account.env_id.as_str();
    let fields = [("code", code.as_str()), ("env", env), ("scope", "write")];
    let approved = call(&server, "device/approve", &cookie, &fields).await;
    assert_eq!(approved.status, 200, "{}", approved.text());
    terminal.shows("Signed in to production").await;
    assert_eq!(terminal.ends().await, 0);
    let again = call(&server, "device/approve", &cookie, &fields).await;
    assert_eq!(again.status, 422, "{}", again.text());

    // From now on no key has to be given.
    let made = server.api().all("/v1/api-keys").await;
    let made = made.iter().find(|key| key["name"] == "my laptop").expect("it is there");
    assert_eq!(made["scopes"], json!(["read", "write"]));
    let mut bare = world.command(&["sources", "create", "--name", "Shop", "--output", "json"], &[]);
    let source: Value = serde_json::from_slice(&bare.output().expect("it runs").stdout).expect("JSON");
    assert_eq!(source["slug"], "shop");
    let who = super::Said::of(&world.command(&["whoami"], &[]).output().expect("it runs"));
    assert!(who.out.contains("production (live)") && who.out.contains(server.address()), "{who:?}");
    assert!(who.out.contains(made["key_prefix"].as_str().expect("a prefix")), "{who:?}");
    let path = world.folder().join("hookstream/credentials.toml");
    assert_eq!(std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777, 0o600);
    let out = super::Said::of(&world.command(&["logout"], &[]).output().expect("it runs"));
    assert_eq!(out.code, 0, "{out:?}");
    let who = super::Said::of(&world.command(&["whoami"], &[]).output().expect("it runs"));
    assert!(who.code == 6 && who.err.contains("hookstream login"), "{who:?}");
    assert_eq!(world.command(&["logout"], &[]).output().expect("it runs").status.code(), Some(1));
}

async fn a_code_is_refused_or_runs_out(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let cookie = sign_in(&server, &world.account).await;
    let code = ask(&server).await;
    assert_eq!((&code["expires_in"], &code["interval"]), (&json!(600), &json!(5)));
    let complete = code["verification_uri_complete"].as_str().expect("an address");
    assert_eq!(complete, format!("http://hooks.test/device?code={}", code["user_code"].as_str().expect("a code")));
    poll(&server, &code).await.problem(400, "authorization_pending");
    poll(&server, &code).await.problem(400, "slow_down");
    let user_code = code["user_code"].as_str().expect("a code");
    assert_eq!(call(&server, "device/deny", &cookie, &[("code", user_code)]).await.status, 200);
    poll(&server, &code).await.problem(400, "access_denied");
    let code = ask(&server).await;
    world.database().execute("UPDATE device_codes SET expires_at = 1000").await;
    poll(&server, &code).await.problem(400, "expired_token");
    let user_code = code["user_code"].as_str().expect("a code");
    let asked = call(&server, "device/get", &cookie, &[("code", user_code)]).await.expect(200);
    assert!(asked["Err"].as_str().is_some_and(|why| why.contains("has expired")), "{asked}");
    let nothing = json!({ "device_code": "nothing" });
    server.client_with("").post("/v1/device/token", nothing).await.problem(400, "expired_token");
    server.client_with("").post("/v1/device/code", json!({ "device_name": "" })).await.field_error("device_name");
    server.client_with("").post("/v1/device/code", json!({})).await.field_error("device_name");

    let mut shell = Shell::new(&world, &server);
    shell.key = String::new();
    let mut terminal = Terminal::run(&shell.command(&["login", "--no-browser"]));
    let code = eventually(PATIENCE, "a code", async || code_in(&terminal.text())).await;
    assert_eq!(call(&server, "device/deny", &cookie, &[("code", &code)]).await.status, 200);
    assert_eq!(terminal.ends().await, 6);
    assert!(terminal.text().contains("somebody refused it"), "{}", terminal.text());
}

async fn codes_are_kept_as_hashes_and_guesses_are_bounded(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let cookie = sign_in(&server, &world.account).await;
    let code = ask(&server).await;
    let stored = String::from_utf8_lossy(&world.database().bytes().await).into_owned();
    let user_code = code["user_code"].as_str().expect("a code");
    for secret in [user_code, &user_code.replace('-', ""), code["device_code"].as_str().expect("a code")] {
        assert!(!stored.contains(secret), "{secret}");
    }
    for guess in [
        "BBBB-BBBB",
        "CCCC-CCCC",
        "DDDD-DDDD",
        "FFFF-FFFF",
        "GGGG-GGGG",
        "HHHH-HHHH",
        "JJJJ-JJJJ",
        "KKKK-KKKK",
        "LLLL-LLLL",
        "MMMM-MMMM",
    ] {
        let asked = call(&server, "device/get", &cookie, &[("code", guess)]).await.expect(200);
        assert!(asked["Err"].as_str().is_some_and(|why| why.contains("not known")), "{asked}");
    }
    // Not even the right one from now on.
    let asked = call(&server, "device/get", &cookie, &[("code", user_code)]).await.expect(200);
    assert!(asked["Err"].as_str().is_some_and(|why| why.contains("Too many codes were wrong")), "{asked}");
    let fields = [("code", user_code), ("env", world.account.env_id.as_str()), ("scope", "write")];
    assert_eq!(call(&server, "device/approve", &cookie, &fields).await.status, 409);
    // One address has so many at a time.
    for _ in 0..19 {
        ask(&server).await;
    }
    server.client_with("").post("/v1/device/code", json!({ "device_name": "x" })).await.problem(409, "conflict");
}

async fn nobody_gives_more_than_they_have(on: On) {
    let world = World::new(on).await;
    let other = world.add_account("stranger@example.com", "Other");
    let server = world.serve().await;
    let cookie = sign_in(&server, &world.account).await;
    world.database().execute("UPDATE memberships SET role = 'viewer'").await;
    let env = world.account.env_id.as_str();
    let code = ask(&server).await;
    let user_code = code["user_code"].as_str().expect("a code");
    let approve = async |env: &str, scope: &str| {
        call(&server, "device/approve", &cookie, &[("code", user_code), ("env", env), ("scope", scope)]).await
    };
    assert_eq!(approve(&other.env_id, "read").await.status, 404);
    for more in ["write", "admin"] {
        assert_eq!(approve(env, more).await.status, 422, "{more}");
    }
    assert_eq!(approve(env, "everything").await.status, 422);
    assert_eq!(approve(env, "read").await.status, 200);
    let made = poll(&server, &code).await.expect(200);
    assert_eq!((&made["api_key"]["scopes"], &made["environment"]["id"]), (&json!(["read"]), &json!(env)));
    poll(&server, &code).await.problem(400, "expired_token");
    let key = server.client_with(made["api_key"]["key"].as_str().expect("a key"));
    assert_eq!(key.get("/v1/events").await.status, 200);
    assert_eq!(key.post("/v1/sources", json!({ "name": "x" })).await.status, 403);

    // Whoever has lost their place meanwhile has given nothing.
    let code = ask(&server).await;
    let user_code = code["user_code"].as_str().expect("a code").to_owned();
    let fields = [("code", user_code.as_str()), ("env", env), ("scope", "read")];
    assert_eq!(call(&server, "device/approve", &cookie, &fields).await.status, 200);
    world.database().execute("DELETE FROM memberships").await;
    poll(&server, &code).await.problem(400, "access_denied");
}

async fn a_key_is_kept_for_its_server_alone(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let (address, key) = (format!("http://{}", server.address()), world.account.api_key.clone());
    let run = |arguments: &[&str]| super::Said::of(&world.command(arguments, &[]).output().expect("it runs"));
    let wrong = format!("hs_live_{}", "0".repeat(64));
    let said = run(&["login", "--server", &address, "--api-key", &wrong]);
    assert!(said.code == 6 && said.err.contains("does not know this API key"), "{said:?}");
    let said = run(&["login", "--server", &address, "--api-key", &key, "--profile", "work"]);
    assert!(said.code == 0 && said.out.contains("Signed in to production"), "{said:?}");
    assert!(!said.out.contains(&key));
    assert_eq!(run(&["sources", "list", "--profile", "work"]).code, 0);
    let said = run(&["sources", "list", "--profile", "play"]);
    assert!(said.code == 6 && said.err.contains("there is no profile play"), "{said:?}");
    // Another server is not shown the key.
    let said = run(&["sources", "list", "--profile", "work", "--server", "http://127.0.0.1:9"]);
    assert!(said.code == 6 && said.err.contains("no API key is given"), "{said:?}");
    assert_eq!(run(&["sources", "list", "--profile", "work", "--server", &format!("{address}/")]).code, 0);
}
