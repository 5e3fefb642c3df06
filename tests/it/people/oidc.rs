//! Signing in by an OpenID provider: a real one (`oidc-provider`), and one that does wrong.

use std::{fs, process::Command};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Browser, PASSWORD, mail::logs};
use crate::{
    peers::process::{Program, free_port, installed, own},
    world::{Answer, On, PostOffice, Reply, Server, Sink, World},
};

on_both_databases!(
    somebody_new_gets_an_account,
    a_secret_may_have_to_stand_in_the_body,
    an_address_leads_to_no_account,
    an_account_is_connected_by_its_owner,
    the_sign_up_policy_holds,
    a_second_factor_is_asked_for,
    an_answer_that_was_not_asked_for_is_refused,
    another_site_connects_nobody,
    what_was_done_is_told,
    a_forgotten_password_disconnects,
    a_provider_that_is_gone_is_said,
);

/// The provider. Whoever signs in there says who they are.
struct Provider {
    _program: Program,
    issuer: String,
}

static PROVIDER: OnceCell<Provider> = OnceCell::const_new();

impl Provider {
    async fn shared() -> &'static Self {
        PROVIDER.get_or_init(|| Self::start("client_secret_basic")).await
    }

    /// One at which clients show their secret in this way alone.
    async fn start(method: &str) -> Self {
        let port = free_port();
        let issuer = format!("http://127.0.0.1:{port}");
        let folder = Program::folder();
        fs::copy(own("sign_in.mjs"), folder.join("sign_in.mjs")).expect("a file can be copied");
        std::os::unix::fs::symlink(installed().join("node/node_modules"), folder.join("node_modules")).expect("a link");
        let mut command = Command::new("node");
        command.arg(folder.join("sign_in.mjs")).arg(port.to_string()).arg(method);
        let program = Program::start(&command, folder, &issuer).await;
        Self { _program: program, issuer }
    }
}

async fn served(world: &mut World, issuer: &str) -> Server {
    world.set(&[
        ("HOOKSTREAM_TRUSTED_PROXIES", "127.0.0.0/8"),
        ("HOOKSTREAM_OIDC_ISSUER", issuer),
        ("HOOKSTREAM_OIDC_CLIENT_ID", "dashboard"),
        ("HOOKSTREAM_OIDC_CLIENT_SECRET", "a secret: with +/% in it"),
        ("HOOKSTREAM_OIDC_NAME", "Acme"),
        // The issuer is reached because it was named, not because anything may reach it.
        ("HOOKSTREAM_ALLOW_TARGETS", ""),
    ]);
    world.serve().await
}

#[track_caller]
fn location(answer: &Answer) -> String {
    assert!((300..400).contains(&answer.status), "{} {}", answer.status, answer.text());
    answer.header("location").expect("a location").replace("%5F", "_")
}

/// Goes to the provider as somebody, and says the path that the browser is sent back to.
async fn away(at: &str, person: &str) -> String {
    let http =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let mut cookies: Vec<(String, String)> = Vec::new();
    let mut url = at.to_owned();
    for _ in 0..6 {
        if url.contains("/interaction/") {
            url = format!("{url}?as={person}");
        }
        let header: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = Answer::of(http.request(Method::GET, &url).header("cookie", header.join("; "))).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().expect("text").split(';').next().expect("a pair").to_owned();
            let (name, value) = pair.split_once('=').expect("a name");
            cookies.retain(|(known, _)| known != name);
            cookies.push((name.to_owned(), value.to_owned()));
        }
        let next = location(&answer);
        if let Some(path) = next.strip_prefix("http://hooks.test") {
            return path.to_owned();
        }
        url = if next.starts_with('/') {
            format!("{}{next}", url.split('/').take(3).collect::<Vec<_>>().join("/"))
        } else {
            next
        };
    }
    panic!("the provider leads nowhere: {url}")
}

/// The whole way: where the browser ends up.
async fn by_provider(browser: &mut Browser, start: &str, person: &str) -> String {
    let at = location(&browser.page(start).await);
    let back = away(&at, person).await;
    location(&browser.page(&back).await)
}

async fn somebody_new_gets_an_account(on: On) {
    let mut world = World::new(on).await;
    let server = served(&mut world, &Provider::shared().await.issuer).await;
    let mut browser = Browser::new(&server);
    let page = browser.page("/sign-in").await.text();
    assert!(page.contains("Sign in with Acme") && page.contains("/oidc/start"), "{page}");
    // As if somebody had planted a session that they know.
    let mut mallory = Browser::new(&server);
    mallory.sign_up("mallory@example.com").await;
    let planted = mallory.session().expect("a session").to_owned();
    browser.set_session(&planted);
    let start = browser.page("/oidc/start?next=/account").await;
    let cookie = start.header("set-cookie").expect("a cookie");
    assert!(
        cookie.starts_with("hookstream-oidc=") && cookie.contains("; HttpOnly; SameSite=Lax; Max-Age=600"),
        "{cookie}"
    );
    let at = location(&start);
    for part in ["response_type=code", "code_challenge_method=S256", "state=", "nonce=", "client_id=dashboard"] {
        assert!(at.contains(part), "{part}: {at}");
    }
    let back = away(&at, "carla").await;
    assert!(location(&browser.page(&back).await).starts_with("/p/env_"));
    assert_ne!(browser.session(), Some(planted.as_str()), "the session has another id");
    assert!(!mallory.is_in().await, "the planted one is nobody's any more");
    let account = browser.account().await;
    assert_eq!((&account["user"]["email"], &account["user"]["name"]), (&json!("carla@example.com"), &json!("Carla")));
    assert_eq!((&account["email_verified"], &account["provider"]["is_connected"]), (&json!(true), &json!(true)));
    // The same answer once more is worth nothing.
    let mut thief = Browser::new(&server);
    assert_eq!(location(&thief.page(&back).await), "/sign-in?provider=failed");
    assert_eq!(location(&browser.page(&back).await), "/account?provider=failed");
    // And the next time it is the same account.
    let mut again = Browser::new(&server);
    assert_eq!(by_provider(&mut again, "/oidc/start?next=/account", "carla").await, "/account");
    assert_eq!(again.account().await["user"]["id"], account["user"]["id"]);
    assert_eq!(by_provider(&mut Browser::new(&server), "/oidc/start?next=//evil.example", "carla").await, "/");
}

async fn a_secret_may_have_to_stand_in_the_body(on: On) {
    let mut world = World::new(on).await;
    let provider = Provider::start("client_secret_post").await;
    let server = served(&mut world, &provider.issuer).await;
    let mut browser = Browser::new(&server);
    assert!(by_provider(&mut browser, "/oidc/start", "carla").await.starts_with("/p/env_"));
    assert_eq!(browser.account().await["user"]["email"], "carla@example.com");
}

async fn an_address_leads_to_no_account(on: On) {
    let mut world = World::new(on).await;
    let server = served(&mut world, &Provider::shared().await.issuer).await;
    Browser::new(&server).sign_up("carla@example.com").await;
    Browser::new(&server).sign_up("unverified@example.com").await;
    let people = "SELECT COUNT(*) FROM users";
    let before = world.database().numbers(people).await;
    for (person, outcome) in [("carla", "address_taken"), ("unverified", "no_address"), ("nameless", "no_address")] {
        let mut browser = Browser::new(&server);
        let end = by_provider(&mut browser, "/oidc/start", person).await;
        assert_eq!(end, format!("/sign-in?provider={outcome}"), "{person}");
        assert!(!browser.is_in().await, "{person}");
        assert_eq!(browser.page(&end).await.status, 200);
    }
    assert_eq!(world.database().numbers(people).await, before);
}

async fn an_account_is_connected_by_its_owner(on: On) {
    let mut world = World::new(on).await;
    let server = served(&mut world, &Provider::shared().await.issuer).await;
    let mut ana = Browser::new(&server);
    ana.sign_up("ana@example.com").await;
    assert_eq!(ana.account().await["provider"], json!({ "name": "Acme", "is_connected": false }));
    assert_eq!(location(&Browser::new(&server).page("/oidc/start?connect=yes").await), "/sign-in?next=%2Faccount");
    // Whatever address the provider knows.
    assert_eq!(by_provider(&mut ana, "/oidc/start?connect=yes", "unverified").await, "/account?provider=connected");
    assert_eq!(ana.account().await["provider"]["is_connected"], true);
    let mut again = Browser::new(&server);
    assert_eq!(by_provider(&mut again, "/oidc/start?next=/account", "unverified").await, "/account");
    assert_eq!(again.account().await["user"]["email"], "ana@example.com");
    // Who is somebody here is nobody else.
    let mut ben = Browser::new(&server);
    ben.sign_up("ben@example.com").await;
    let end = by_provider(&mut ben, "/oidc/start?connect=yes", "unverified").await;
    assert_eq!(end, "/account?provider=other_account");
    assert_eq!(ben.account().await["provider"]["is_connected"], false);
    // What was begun for one is not finished by another.
    let at = location(&ben.page("/oidc/start?connect=yes").await);
    let back = away(&at, "carla").await;
    ben.call("account/sign_out", &[]).await;
    assert_eq!(location(&ben.page(&back).await), "/sign-in?provider=failed");
    // Disconnected, with the password.
    let wrong = ana.call("account/disconnect_provider", &[("password", "not it at all")]).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(ana.call("account/disconnect_provider", &[("password", PASSWORD)]).await.status, 200);
    assert_eq!(ana.account().await["provider"]["is_connected"], false);
    assert_eq!(
        by_provider(&mut Browser::new(&server), "/oidc/start", "unverified").await,
        "/sign-in?provider=no_address"
    );
}

async fn a_forgotten_password_disconnects(on: On) {
    let mut world = World::new(on).await;
    let server = served(&mut world, &Provider::shared().await.issuer).await;
    let mut carla = Browser::new(&server);
    by_provider(&mut carla, "/oidc/start", "carla").await;
    // An account that was made by the provider has no password that anybody knows; so it gets one.
    let output = world.run(&["reset-password", "--email", "carla@example.com"], "");
    let link = String::from_utf8_lossy(&output.stdout).into_owned();
    let token = link.trim().split_once("token=").expect("a link").1.to_owned();
    let set = [("token", token.as_str()), ("new_password", PASSWORD)];
    assert_eq!(Browser::new(&server).call("account/reset_password", &set).await.status, 200);
    assert!(!carla.is_in().await);
    let end = by_provider(&mut Browser::new(&server), "/oidc/start", "carla").await;
    assert_eq!(end, "/sign-in?provider=address_taken");
    carla.sign_in("carla@example.com", PASSWORD).await;
    assert_eq!(by_provider(&mut carla, "/oidc/start?connect=yes", "carla").await, "/account?provider=connected");
    // Whoever changes it is there, and stays connected.
    let change = [("password", PASSWORD), ("new_password", "another word 22")];
    assert_eq!(carla.call("account/change_password", &change).await.status, 200);
    assert_eq!(carla.account().await["provider"]["is_connected"], true);
}

async fn the_sign_up_policy_holds(on: On) {
    let mut world = World::new(on).await;
    world.set(&[("HOOKSTREAM_SIGNUP", "invite")]);
    let server = served(&mut world, &Provider::shared().await.issuer).await;
    let end = by_provider(&mut Browser::new(&server), "/oidc/start", "carla").await;
    assert_eq!(end, "/sign-in?provider=not_invited");
    assert_eq!(world.database().numbers("SELECT COUNT(*) FROM users").await, [1]);
}

async fn a_second_factor_is_asked_for(on: On) {
    let mut world = World::new(on).await;
    let server = served(&mut world, &Provider::shared().await.issuer).await;
    let mut browser = Browser::new(&server);
    by_provider(&mut browser, "/oidc/start", "carla").await;
    let sql = "INSERT INTO second_factors (user_id, secret, enabled_at, last_step) SELECT id, 'v1:none:', 1, 0 \
        FROM users WHERE email = 'carla@example.com'";
    world.database().execute(sql).await;
    let mut browser = Browser::new(&server);
    assert_eq!(by_provider(&mut browser, "/oidc/start?next=/account", "carla").await, "/sign-in/code?next=%2Faccount");
    assert!(!browser.is_in().await);
}

async fn an_answer_that_was_not_asked_for_is_refused(on: On) {
    let mut world = World::new(on).await;
    let server = served(&mut world, &Provider::shared().await.issuer).await;
    let mut browser = Browser::new(&server);
    for path in ["/oidc/callback", "/oidc/callback?code=x&state=y", "/oidc/callback?error=access_denied&state=y"] {
        assert_eq!(location(&browser.page(path).await), "/sign-in?provider=failed", "{path}");
    }
    // A sign-in that another has begun, which would sign somebody in as that other.
    let mut mallory = Browser::new(&server);
    let at = location(&mallory.page("/oidc/start").await);
    let back = away(&at, "carla").await;
    browser.page("/oidc/start").await;
    assert_eq!(location(&browser.page(&back).await), "/sign-in?provider=failed");
    assert!(!browser.is_in().await);
    // Mixed up with another provider.
    let at = location(&mallory.page("/oidc/start").await);
    let back = away(&at, "carla").await;
    let (path, _) = back.split_once("iss=").expect("it says who it is");
    let end = location(&mallory.page(&format!("{path}iss=https%3A%2F%2Fother.example")).await);
    assert_eq!(end, "/sign-in?provider=failed");
    // Without a provider there is nothing.
    drop(server);
    let server = world
        .serve_with(&[
            ("HOOKSTREAM_OIDC_ISSUER", ""),
            ("HOOKSTREAM_OIDC_CLIENT_ID", ""),
            ("HOOKSTREAM_OIDC_CLIENT_SECRET", ""),
            ("HOOKSTREAM_OIDC_NAME", ""),
        ])
        .await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.page("/oidc/start").await.status, 404);
    assert!(!browser.page("/sign-in").await.text().contains("/oidc/start"));
}

async fn another_site_connects_nobody(on: On) {
    let mut world = World::new(on).await;
    let server = served(&mut world, &Provider::shared().await.issuer).await;
    let mut ana = Browser::new(&server);
    ana.sign_up("ana@example.com").await;
    let session = format!("hookstream={}", ana.session().expect("a session"));
    let (ours, theirs) = ("http://hooks.test/account", "http://evil.example/hooks.test/");
    for (name, value, is_ours) in [
        ("sec-fetch-site", "same-origin", true),
        ("sec-fetch-site", "cross-site", false),
        ("sec-fetch-site", "same-site", false),
        ("sec-fetch-site", "none", false),
        ("referer", ours, true),
        ("referer", theirs, false),
        ("x-nothing", "", false),
    ] {
        let request = server.client_with("").request(Method::GET, "/oidc/start?connect=yes");
        let request = request.header("cookie", &session).header("host", "hooks.test").header(name, value);
        let answer = Answer::of(request).await;
        assert_eq!(location(&answer).contains("/auth?response_type=code"), is_ours, "{name}: {value}");
        assert_eq!(location(&answer) == "/account?provider=failed", !is_ours, "{name}: {value}");
        assert_eq!(answer.header("set-cookie").is_some_and(|cookie| cookie.contains("-oidc=")), is_ours, "{name}");
    }
    // Over HTTPS the browser keeps it for this host alone.
    drop(server);
    let server = world.serve_with(&[("HOOKSTREAM_PUBLIC_URL", "https://hooks.test")]).await;
    let start = Browser::new(&server).page("/oidc/start").await;
    let cookie = start.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("__Host-hookstream-oidc=") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(location(&start).contains("redirect_uri=https%3A%2F%2Fhooks.test%2Foidc%2Fcallback"));
}

async fn what_was_done_is_told(on: On) {
    let mut world = World::new(on).await;
    let issuer = &Provider::shared().await.issuer;
    let server = served(&mut world, issuer).await;
    let mut ana = Browser::new(&server);
    ana.sign_up("ana@example.com").await;
    drop(server);
    let office = PostOffice::open().await;
    world.set(&[("HOOKSTREAM_SMTP_URL", &office.url()), ("HOOKSTREAM_MAIL_FROM", "hooks@example.com")]);
    let server = served(&mut world, issuer).await;
    let mut ana = ana.moved_to(&server);
    by_provider(&mut ana, "/oidc/start?connect=yes", "carla").await;
    let connected = office.letter("ana@example.com", 0).await;
    assert_eq!(connected.header("subject"), "Your hookstream account was connected with Acme");
    // Once more changes nothing.
    assert_eq!(by_provider(&mut ana, "/oidc/start?connect=yes", "carla").await, "/account?provider=connected");
    assert_eq!(by_provider(&mut Browser::new(&server), "/oidc/start", "carla").await, "/");
    ana.call("account/disconnect_provider", &[("password", PASSWORD)]).await.expect(200);
    let disconnected = office.letter("ana@example.com", 1).await;
    assert_eq!(disconnected.header("subject"), "Your hookstream account is no longer connected with Acme");
    let again = ana.call("account/disconnect_provider", &[("password", PASSWORD)]).await;
    assert_eq!(again.status, 409, "{}", again.text());
    for (action, times) in [("sign_in", 1), ("connect_provider", 1), ("disconnect_provider", 1)] {
        let sql =
            format!("SELECT COUNT(*) FROM audit_log WHERE action = 'account.{action}' AND address = '198.51.100.7'");
        assert_eq!(world.database().numbers(&sql).await, [times], "{action}");
    }
    assert_eq!(office.letters_to("ana@example.com").len(), 2);
    assert!(!server.log().contains("a secret: with"), "{}", server.log());
}

async fn a_provider_that_is_gone_is_said(on: On) {
    let mut world = World::new(on).await;
    let server = served(&mut world, &format!("http://127.0.0.1:{}", free_port())).await;
    assert_eq!(location(&Browser::new(&server).page("/oidc/start").await), "/sign-in?provider=failed");
    logs(&server, "the provider cannot be reached").await;
    drop(server);
    // One that says that it is another.
    let sink = Sink::scripted(|_| {
        let other: Value = json!({
            "issuer": "https://other.example", "authorization_endpoint": "https://other.example/a",
            "token_endpoint": "https://other.example/t", "jwks_uri": "https://other.example/k",
        });
        Reply::Full {
            status: 200,
            headers: vec![("content-type", "application/json".to_owned())],
            body: other.to_string().into_bytes(),
        }
    })
    .await;
    let server = served(&mut world, sink.url().trim_end_matches('/')).await;
    assert_eq!(location(&Browser::new(&server).page("/oidc/start").await), "/sign-in?provider=failed");
    logs(&server, "its issuer is https://other.example").await;
}
