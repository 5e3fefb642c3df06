//! Names, addresses, and sign-ups that are confirmed by mail; who may sign up at all.

use super::{Browser, PASSWORD, inhabited, with_mail};
use crate::world::{On, World};

on_both_databases!(
    a_name_is_changed,
    without_mail_an_address_counts_at_once,
    a_new_address_counts_once_it_is_confirmed,
    a_sign_up_is_confirmed_by_mail,
    who_may_sign_up_is_said,
);

const ANA: &str = "ana@example.com";

async fn a_name_is_changed(on: On) {
    let (_world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in(ANA, PASSWORD).await;
    assert_eq!(browser.call("account/rename", &[("name", "  Ana Gómez ")]).await.status, 200);
    assert_eq!(browser.account().await["user"]["name"], "Ana Gómez");
    assert_eq!(browser.call("account/viewer", &[]).await.expect(200)["user"]["name"], "Ana Gómez");
    let refused = browser.call("account/rename", &[("name", "  ")]).await;
    assert!(refused.status == 422 && refused.text().contains("\"name\""), "{}", refused.text());
    let page = browser.page("/account").await;
    assert!(page.status == 200 && page.text().contains("Ana Gómez"));
}

async fn without_mail_an_address_counts_at_once(on: On) {
    let (_world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in(ANA, PASSWORD).await;
    let change = async |browser: &mut Browser, email: &str, password: &str| {
        browser.call("account/change_email", &[("email", email), ("password", password), ("page", "/account")]).await
    };
    let wrong = change(&mut browser, "new@example.com", "not it at all").await;
    assert!(wrong.status == 422 && wrong.text().contains("\"password\""), "{}", wrong.text());
    for (bad, says) in [("nobody", "e-mail"), (ANA, "already"), ("owner@example.com", "another account")] {
        let answer = change(&mut browser, bad, PASSWORD).await;
        assert!(answer.status == 422 && answer.text().contains(says), "{bad}: {}", answer.text());
    }
    let done = change(&mut browser, "New@Example.com", PASSWORD).await;
    assert_eq!((done.status, done.header("location")), (200, Some("/account?email=changed")));
    assert_eq!(browser.account().await["user"]["email"], "new@example.com");
    assert_eq!(Browser::new(&server).try_sign_in(ANA, PASSWORD).await.status, 422);
    Browser::new(&server).sign_in("new@example.com", PASSWORD).await;
}

async fn a_new_address_counts_once_it_is_confirmed(on: On) {
    let (world, server, office) = with_mail(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in(ANA, PASSWORD).await;
    let fields = [("email", "new@example.com"), ("password", PASSWORD), ("page", "/account")];
    let asked = browser.call("account/change_email", &fields).await;
    assert_eq!(asked.header("location"), Some("/account?email=letter"), "{}", asked.text());
    assert_eq!(browser.account().await["user"]["email"], ANA);
    let warning = office.letter(ANA, 0).await;
    assert!(warning.text.contains("new@example.com") && !warning.text.contains("token="), "{}", warning.text);
    let link = office.letter("new@example.com", 0).await.link();
    let (_, token) = link.split_once("token=").expect("a token");
    // Whoever has the letter need not be signed in; looking at the page does nothing.
    let mut reader = Browser::at(&server, "203.0.113.1");
    let page = reader.page(&format!("/confirm?token={token}")).await;
    assert!(page.status == 200 && page.text().contains("new@example.com"));
    assert_eq!(browser.account().await["user"]["email"], ANA);
    let confirmed = reader.post_from(&format!("/confirm?token={token}"), "account/confirm", &[("token", token)]).await;
    assert_eq!((confirmed.status, confirmed.header("location")), (303, Some("/confirm?done=yes")));
    assert!(reader.session().is_none());
    let account = browser.account().await;
    assert_eq!((&account["user"]["email"], &account["email_verified"]), (&"new@example.com".into(), &true.into()));
    office.letter(ANA, 1).await;
    assert_eq!(reader.call("account/confirm", &[("token", token)]).await.status, 409, "it works once");
    assert!(reader.page(&format!("/confirm?token={token}")).await.text().contains("This link does not work"));

    // An address that somebody else has meanwhile is not taken from them.
    let fields = [("email", "later@example.com"), ("password", PASSWORD), ("page", "/account")];
    browser.call("account/change_email", &fields).await;
    let link = office.letter("later@example.com", 0).await.link();
    let (_, token) = link.split_once("token=").expect("a token");
    let sql = "UPDATE users SET email = 'later@example.com' WHERE email = 'owner@example.com'";
    world.database().execute(sql).await;
    assert_eq!(browser.call("account/confirm", &[("token", token)]).await.status, 422);
    assert_eq!(browser.account().await["user"]["email"], "new@example.com");
}

async fn a_sign_up_is_confirmed_by_mail(on: On) {
    let (world, server, office) = with_mail(on).await;
    let mut browser = Browser::new(&server);
    let sign_up = async |browser: &mut Browser, email: &str| {
        let fields = [("name", "Ben"), ("email", email), ("organization", "Bens"), ("password", PASSWORD)];
        browser.post_from("/sign-up", "account/sign_up", &fields).await
    };
    let people = "SELECT COUNT(*) FROM users";
    let before = world.database().numbers(people).await;
    let asked = sign_up(&mut browser, "ben@example.com").await;
    assert_eq!((asked.status, asked.header("location")), (303, Some("/sign-up?sent=yes")));
    // An address that has an account is answered the same, and told.
    let known = sign_up(&mut browser, ANA).await;
    assert_eq!((known.status, known.header("location")), (asked.status, asked.header("location")));
    assert!(office.letter(ANA, 0).await.text.contains("has an account already"));
    assert!(browser.session().is_none());
    let link = office.letter("ben@example.com", 0).await.link();
    assert_eq!(world.database().numbers(people).await, before, "nobody is made before the link is followed");
    assert_eq!(browser.try_sign_in("ben@example.com", PASSWORD).await.status, 422);
    let (_, token) = link.split_once("token=").expect("a token");
    let confirmed = browser.call("account/confirm", &[("token", token)]).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    assert!(confirmed.header("location").expect("a page").starts_with("/p/env_"));
    assert!(browser.is_in().await);
    assert_eq!(browser.account().await["email_verified"], true);
    assert_eq!(Browser::new(&server).call("account/confirm", &[("token", token)]).await.status, 409);
    Browser::new(&server).sign_in("ben@example.com", PASSWORD).await;
}

async fn who_may_sign_up_is_said(on: On) {
    let world = World::new(on).await;
    for (policy, says) in
        [("open", "Your name"), ("invite", "by invitation"), ("closed", "Sign-up is closed"), ("", "by invitation")]
    {
        let server = world.serve_with(&[("HOOKSTREAM_SIGNUP", policy)]).await;
        let mut browser = Browser::new(&server);
        let page = browser.page("/sign-up").await.text();
        assert!(page.contains(says), "{policy}: {page}");
        let fields = [("name", "Ben"), ("email", "ben@example.com"), ("organization", "Bens"), ("password", PASSWORD)];
        let answer = browser.call("account/sign_up", &fields).await;
        let expected = if policy == "open" { 200 } else { 403 };
        assert_eq!(answer.status, expected, "{policy}: {}", answer.text());
        assert_eq!(browser.page("/sign-in").await.text().contains("No account yet?"), policy == "open", "{policy}");
    }
}
