//! Forgotten passwords, links that set one, and passwords that nobody may have.

use serde_json::Value;

use super::{Browser, PASSWORD, inhabited, with_mail};
use crate::world::On;

on_both_databases!(
    a_forgotten_password_is_replaced_by_mail,
    nobody_learns_whether_an_address_is_known,
    links_end,
    without_mail_the_operator_makes_a_link,
    passwords_that_are_guessed_first_are_refused,
);

const ANA: &str = "ana@example.com";
const NEW: &str = "another word 22";

fn token_in(link: &str) -> String {
    link.split_once("token=").expect("a token").1.trim().to_owned()
}

async fn a_forgotten_password_is_replaced_by_mail(on: On) {
    let (world, server, office) = with_mail(on).await;
    let mut signed_in = Browser::new(&server);
    signed_in.sign_in(ANA, PASSWORD).await;
    let mut browser = Browser::at(&server, "203.0.113.9");
    let asked =
        browser.post_from("/forgot-password", "account/forgot_password", &[("email", " ANA@example.com ")]).await;
    assert_eq!((asked.status, asked.header("location")), (303, Some("/forgot-password?sent=yes")));
    let token = token_in(&office.letter(ANA, 0).await.link());
    let digest = "SELECT COUNT(*) FROM account_tokens WHERE purpose = 'reset_password'";
    assert_eq!(world.database().numbers(digest).await, [1]);
    let bytes = world.database().bytes().await;
    assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "the token is kept as a hash alone");

    let page = browser.page(&format!("/reset-password?token={token}")).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains(ANA) && page.text().contains("Change password"));
    assert!(signed_in.is_in().await, "looking at it changes nothing");
    let weak = browser.call("account/reset_password", &[("token", &token), ("new_password", "short")]).await;
    assert_eq!(weak.status, 422);
    assert!(weak.text().contains("new_password"), "{}", weak.text());
    let set = browser.call("account/reset_password", &[("token", &token), ("new_password", NEW)]).await;
    assert_eq!(set.status, 200, "{}", set.text());
    assert!(!signed_in.is_in().await, "all sessions have ended");
    assert!(browser.session().is_none(), "and nobody is signed in by a link");
    assert_eq!(browser.try_sign_in(ANA, PASSWORD).await.status, 422);
    browser.sign_in(ANA, NEW).await;
    assert_eq!(browser.account().await["email_verified"], true, "the letter was read");

    let again = browser.call("account/reset_password", &[("token", &token), ("new_password", "third word 333")]).await;
    assert_eq!(again.status, 409, "it works once");
    assert!(browser.page(&format!("/reset-password?token={token}")).await.text().contains("This link does not work"));
    let told = office.letter(ANA, 1).await;
    assert_eq!(told.header("subject"), "Your hookstream password was changed");
    assert!(told.text.contains("203.0.113.9"));
}

async fn nobody_learns_whether_an_address_is_known(on: On) {
    let (_world, server, office) = with_mail(on).await;
    let mut browser = Browser::new(&server);
    let known = browser.call("account/forgot_password", &[("email", ANA)]).await;
    let unknown = browser.call("account/forgot_password", &[("email", "nobody@example.com")]).await;
    assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
    assert_eq!(known.header("location"), unknown.header("location"));
    office.letter(ANA, 0).await;
    let letter = office.letter("nobody@example.com", 0).await;
    assert!(letter.text.contains("no account") && !letter.text.contains("token="), "{}", letter.text);
    assert_eq!(browser.call("account/forgot_password", &[("email", "nobody")]).await.status, 422);
    // An address gets a few letters and no more, and whoever asks does not see that either.
    for _ in 0..4 {
        assert_eq!(browser.call("account/forgot_password", &[("email", ANA)]).await.status, 200);
    }
    assert_eq!(browser.call("account/forgot_password", &[("email", "last@example.com")]).await.status, 200);
    office.letter("last@example.com", 0).await;
    assert!(office.letters_to(ANA).len() <= 3, "{}", office.letters_to(ANA).len());
}

async fn links_end(on: On) {
    let (world, server, office) = with_mail(on).await;
    let mut browser = Browser::new(&server);
    browser.call("account/forgot_password", &[("email", ANA)]).await;
    let first = token_in(&office.letter(ANA, 0).await.link());
    browser.call("account/forgot_password", &[("email", ANA)]).await;
    let second = token_in(&office.letter(ANA, 1).await.link());
    let set = async |browser: &mut Browser, token: &str| {
        browser.call("account/reset_password", &[("token", token), ("new_password", NEW)]).await.status
    };
    assert_eq!(set(&mut browser, &"0".repeat(64)).await, 409);
    assert_eq!(set(&mut browser, "").await, 409);
    assert_eq!(set(&mut browser, "op.nonsense").await, 409);
    assert_eq!(set(&mut browser, &first).await, 200);
    assert_eq!(set(&mut browser, &second).await, 409, "a new password ends all links to choose one");
    // The third letter is that of the change.
    office.letter(ANA, 2).await;
    browser.call("account/forgot_password", &[("email", ANA)]).await;
    let third = token_in(&office.letter(ANA, 3).await.link());
    world.database().execute("UPDATE account_tokens SET expires_at = expires_at - 3600000000").await;
    assert_eq!(set(&mut browser, &third).await, 409, "an hour has passed");
}

async fn without_mail_the_operator_makes_a_link(on: On) {
    let (world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    let page = browser.page("/forgot-password").await.text();
    assert!(page.contains("This server sends no mail") && page.contains("reset-password"), "{page}");
    assert_eq!(browser.call("account/forgot_password", &[("email", ANA)]).await.status, 409);
    let said = |arguments: &[&str]| {
        let output = world.run(&[&["reset-password"][..], arguments].concat(), "");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (done, _, error) = said(&["--email", "nobody@example.com"]);
    assert!(!done && error.contains("nobody@example.com"), "{error}");
    let (done, _, error) = said(&["--email", "nobody"]);
    assert!(!done && error.contains("--email"), "{error}");

    // While the server runs.
    let (done, link, error) = said(&["--email", ANA]);
    assert!(done, "{error}");
    assert!(link.starts_with("http://hooks.test/reset-password?token=op."), "{link}");
    let token = token_in(&link);
    assert!(browser.page(&format!("/reset-password?token={token}")).await.text().contains(ANA));
    let mut other = Browser::new(&server);
    other.sign_in(ANA, PASSWORD).await;
    let set = browser.call("account/reset_password", &[("token", &token), ("new_password", NEW)]).await;
    assert_eq!(set.status, 200, "{}", set.text());
    assert!(!other.is_in().await);
    browser.sign_in(ANA, NEW).await;
    let again = browser.call("account/reset_password", &[("token", &token), ("new_password", "third word 333")]).await;
    assert_eq!(again.status, 409, "it replaces one password, once");
}

async fn passwords_that_are_guessed_first_are_refused(on: On) {
    let (world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    for (password, says) in [
        ("1234567890", "common"),
        ("Password123!", "common"),
        ("aaaaaaaaaaaaaa", "simple"),
        ("abcdefghijklm", "simple"),
        ("I am gomez 2026", "name or e-mail"),
        ("the.traveller99", "name or e-mail"),
        ("short", "10 characters"),
    ] {
        let fields = [
            ("name", "Ines Gomez"),
            ("email", "traveller@example.com"),
            ("organization", "Theirs"),
            ("password", password),
        ];
        let answer = browser.call("account/sign_up", &fields).await;
        assert_eq!(answer.status, 422, "{password}");
        let error: Value = answer.json();
        assert_eq!(error["detail"][0]["path"], "password", "{error}");
        assert!(error["detail"][0]["message"].as_str().expect("a message").contains(says), "{password}: {error}");
    }
    browser.sign_in(ANA, PASSWORD).await;
    let answer =
        browser.call("account/change_password", &[("password", PASSWORD), ("new_password", "qwertyuiop")]).await;
    assert!(answer.status == 422 && answer.text().contains("new_password"), "{}", answer.text());
    drop(server);
    let output = world.run(&["bootstrap", "--add", "--email", "x@example.com", "--org", "X"], "1234567890\n");
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("common"));
}
