//! What cookies and headers promise.

use super::{Browser, PASSWORD, inhabited};
use crate::world::{Answer, On, World};

on_both_databases!(
    cookies_are_kept_from_others_over_tls,
    pages_run_no_scripts_but_their_own,
    a_session_of_another_site_is_not_used,
);

/// The parts of the cookie that sets the session.
fn session_cookie(answer: &Answer) -> (String, Vec<String>) {
    let cookies = answer.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let cookie = cookies.into_iter().find(|cookie| cookie.contains("hookstream=")).expect("a session");
    let mut parts = cookie.split("; ").map(str::to_owned);
    let name = parts.next().expect("a pair").split('=').next().expect("a name").to_owned();
    (name, parts.collect())
}

async fn signed_up(world: &World, public_url: &str) -> Answer {
    let server = world.serve_with(&[("HOOKSTREAM_PUBLIC_URL", public_url)]).await;
    let email = format!("{}@example.com", public_url.split(':').next().expect("a scheme"));
    let fields = [("name", "Ben"), ("email", email.as_str()), ("organization", "Bens"), ("password", PASSWORD)];
    Browser::new(&server).call("account/sign_up", &fields).await
}

async fn cookies_are_kept_from_others_over_tls(on: On) {
    let world = World::new(on).await;
    let over_tls = signed_up(&world, "https://hooks.test").await;
    let (name, parts) = session_cookie(&over_tls);
    assert_eq!(name, "__Host-hookstream");
    for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(parts.iter().any(|found| found == part), "{part}: {parts:?}");
    }
    assert!(parts.iter().all(|part| !part.starts_with("Domain")), "{parts:?}");
    assert_eq!(over_tls.header("strict-transport-security"), Some("max-age=31536000"));
    let plain = signed_up(&world, "http://hooks.test").await;
    let (name, parts) = session_cookie(&plain);
    assert_eq!(name, "hookstream");
    assert!(
        parts.iter().any(|part| part == "HttpOnly") && parts.iter().any(|part| part == "SameSite=Lax"),
        "{parts:?}"
    );
    assert_eq!(plain.header("strict-transport-security"), None);
}

async fn pages_run_no_scripts_but_their_own(on: On) {
    let (_world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in("ana@example.com", PASSWORD).await;
    let mut nonces = Vec::new();
    for path in [
        "/sign-in",
        "/sign-in/code",
        "/sign-up",
        "/forgot-password",
        "/reset-password?token=x",
        "/confirm?token=x",
        "/account",
    ] {
        let page = browser.page(path).await;
        assert_eq!(page.status, 200, "{path}");
        let policy = page.header("content-security-policy").expect("a policy").to_owned();
        let directive = |name: &str| {
            let found = policy.split(';').map(str::trim).find(|part| part.split(' ').next() == Some(name));
            found.unwrap_or_else(|| panic!("{path}: no {name} in {policy}")).to_owned()
        };
        assert_eq!(directive("frame-ancestors"), "frame-ancestors 'none'");
        assert_eq!(directive("object-src"), "object-src 'none'");
        assert_eq!(directive("base-uri"), "base-uri 'none'");
        assert_eq!(directive("form-action"), "form-action 'self'");
        let scripts = directive("script-src");
        assert!(!scripts.contains("'unsafe-inline'") && !scripts.contains(" 'unsafe-eval'"), "{scripts}");
        let nonce =
            scripts.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce").to_owned();
        for tag in page.text().split("<script").skip(1) {
            let tag = tag.split('>').next().expect("its end");
            let is_ours = tag.contains(" src=\"/pkg/") || tag.contains(&format!("nonce=\"{nonce}\""));
            assert!(is_ours, "{path}: <script{tag}>");
        }
        assert!(!page.text().contains(" onclick=") && !page.text().contains("javascript:"), "{path}");
        nonces.push(nonce);
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("same-origin"), "a link's token goes to no other site");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 7, "each page has a nonce of its own");
}

async fn a_session_of_another_site_is_not_used(on: On) {
    let (_world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in("ana@example.com", PASSWORD).await;
    let cookie = format!("hookstream={}", browser.session().expect("a cookie"));
    let nobody = server.client_with("");
    for endpoint in ["account/end_sessions", "account/rename", "account/change_password", "account/sign_out"] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let request = nobody.form(&format!("/api/{endpoint}"), &[("name", "Eve")]);
            let request = request.header("cookie", &cookie).header("accept", "application/json").header(name, value);
            Answer::of(request).await.problem(403, "cross_origin");
        }
    }
    assert!(browser.is_in().await);
}
