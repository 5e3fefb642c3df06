//! Sessions: who sees them, what ends them, and when their ids change.

use super::{Browser, PASSWORD, inhabited};
use crate::world::On;

on_both_databases!(
    sessions_are_listed_and_ended,
    signing_out_everywhere_ends_all,
    a_new_password_ends_all_other_sessions,
    a_session_gets_a_new_id_at_the_sign_in,
    the_use_of_a_session_is_noted,
    nobody_ends_the_sessions_of_others,
);

const ANA: &str = "ana@example.com";

async fn sessions_are_listed_and_ended(on: On) {
    let (_world, server) = inhabited(on).await;
    let mut home = Browser::at(&server, "203.0.113.5");
    home.sign_in(ANA, PASSWORD).await;
    let mut work = Browser::at(&server, "2001:db8::17");
    work.sign_in(ANA, PASSWORD).await;
    let sessions = work.sessions().await;
    assert_eq!(sessions.len(), 3, "and the one of the sign-up: {sessions:?}");
    let these: Vec<_> = sessions.iter().filter(|session| session["is_this"] == true).collect();
    assert_eq!(these.len(), 1);
    assert_eq!(these[0]["signed_in"]["address"], "2001:db8::17");
    assert_eq!(these[0]["signed_in"]["device"], "Firefox on Linux");
    let page = work.page("/account").await;
    for text in ["Firefox on Linux", "203.0.113.5", "this one", "Sign out everywhere"] {
        assert!(page.text().contains(text), "{text}");
    }
    let other = sessions.iter().find(|session| session["signed_in"]["address"] == "203.0.113.5").expect("it is listed");
    let id = other["id"].as_str().expect("an id");
    assert!(home.is_in().await);
    assert_eq!(work.call("account/end_session", &[("session", id)]).await.status, 200);
    assert!(!home.is_in().await && work.is_in().await);
    assert_eq!(work.call("account/end_session", &[("session", id)]).await.status, 404, "it has ended");
    assert_eq!(work.call("account/end_session", &[("session", "nonsense")]).await.status, 404);
    assert_eq!(work.sessions().await.len(), 2);
}

async fn signing_out_everywhere_ends_all(on: On) {
    let (_world, server) = inhabited(on).await;
    let (mut one, mut two) = (Browser::new(&server), Browser::new(&server));
    one.sign_in(ANA, PASSWORD).await;
    two.sign_in(ANA, PASSWORD).await;
    let kept = one.session().expect("a cookie").to_owned();
    assert_eq!(one.call("account/end_sessions", &[]).await.status, 200);
    assert!(!one.is_in().await && !two.is_in().await);
    one.set_session(&kept);
    assert!(!one.is_in().await, "what was kept opens nothing");
    one.sign_in(ANA, PASSWORD).await;
    assert_eq!(one.sessions().await.len(), 1);
}

async fn a_new_password_ends_all_other_sessions(on: On) {
    let (_world, server) = inhabited(on).await;
    let (mut one, mut two) = (Browser::new(&server), Browser::new(&server));
    one.sign_in(ANA, PASSWORD).await;
    two.sign_in(ANA, PASSWORD).await;
    let before = one.session().expect("a cookie").to_owned();
    let wrong = one
        .call("account/change_password", &[("password", "not it at all"), ("new_password", "another word 22")])
        .await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("\"password\""), "{}", wrong.text());
    assert!(two.is_in().await);
    let fields = [("password", PASSWORD), ("new_password", "another word 22")];
    let changed = one.call("account/change_password", &fields).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert!(one.is_in().await && !two.is_in().await);
    assert_ne!(one.session(), Some(before.as_str()), "the id is another one");
    two.set_session(&before);
    assert!(!two.is_in().await, "the one before opens nothing");
    assert_eq!(two.try_sign_in(ANA, PASSWORD).await.status, 422);
    two.sign_in(ANA, "another word 22").await;
}

async fn a_session_gets_a_new_id_at_the_sign_in(on: On) {
    let (_world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    let planted = "AAAAAAAAAAAAAAAAAAAAAA";
    browser.set_session(planted);
    browser.sign_in(ANA, PASSWORD).await;
    let first = browser.session().expect("a cookie").to_owned();
    assert_ne!(first, planted);
    browser.sign_in(ANA, PASSWORD).await;
    assert_ne!(browser.session(), Some(first.as_str()));
    let mut thief = Browser::new(&server);
    for id in [planted, &first] {
        thief.set_session(id);
        assert!(!thief.is_in().await, "{id}");
    }
}

async fn the_use_of_a_session_is_noted(on: On) {
    let (world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in(ANA, PASSWORD).await;
    // As if it had not been used for a thousand years.
    let long_ago =
        r#"UPDATE sessions SET expires_at = expires_at - 1000, data = replace(data, '"seen_at":"2', '"seen_at":"1')"#;
    world.database().execute(long_ago).await;
    let expiry = "SELECT MAX(expires_at) FROM sessions";
    let before = world.database().numbers(expiry).await[0];
    let answer = browser.page("/account").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("set-cookie").is_some(), "the cookie lasts longer as well");
    assert!(world.database().numbers(expiry).await[0] > before);
    let this = browser.sessions().await.into_iter().find(|session| session["is_this"] == true).expect("it is there");
    assert!(this["signed_in"]["seen_at"].as_str().expect("a time").starts_with('2'), "{this}");
    let answer = browser.page("/account").await;
    assert!(answer.header("set-cookie").is_none(), "it is not written at every request");
}

async fn nobody_ends_the_sessions_of_others(on: On) {
    let (_world, server) = inhabited(on).await;
    let (mut ana, mut ben) = (Browser::new(&server), Browser::new(&server));
    ana.sign_in(ANA, PASSWORD).await;
    ben.sign_up("ben@example.com").await;
    let id = ana.sessions().await[0]["id"].as_str().expect("an id").to_owned();
    assert!(ben.sessions().await.iter().all(|session| session["id"] != id.as_str()));
    assert_eq!(ben.call("account/end_session", &[("session", &id)]).await.status, 404);
    assert_eq!(ben.call("account/end_sessions", &[]).await.status, 200);
    assert!(ana.is_in().await && !ben.is_in().await);
}
