//! The second factor: set up, asked for, used once, guessed at, got around with recovery codes, and turned off.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;

use super::{Browser, PASSWORD, inhabited};
use crate::world::{Answer, On, Server};

on_both_databases!(
    a_sign_in_asks_for_a_code,
    a_code_works_once,
    recovery_codes_work_once_each,
    codes_are_not_guessed,
    it_is_turned_off_with_both,
    its_secret_is_sealed_and_sealed_anew,
);

const ANA: &str = "ana@example.com";

/// A one-time code by RFC 6238, made anew here.
fn code_at(key: &str, step: u64) -> String {
    let mut bits = 0_u64;
    let mut held = 0;
    let mut secret = Vec::new();
    for letter in key.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            other => panic!("{other} is not base32"),
        };
        bits = bits << 5 | u64::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            secret.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
        }
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(&secret).expect("a key");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes(digest[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

fn step_now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    since.as_secs() / 30
}

/// What an app has, and what was written down.
struct Factor {
    key: String,
    /// The step whose code turned it on.
    step: u64,
    recovery: Vec<String>,
}

/// Turns it on for Ana, who is signed in with `browser`.
async fn turned_on(browser: &mut Browser) -> Factor {
    let setup = browser.call("account/second_factor_to_set_up", &[]).await.expect(200);
    let key = setup["key"].as_str().expect("a key").to_owned();
    assert_eq!(key.len(), 32);
    assert!(setup["uri"].as_str().expect("a URI").starts_with("otpauth://totp/hookstream:ana%40example.com?secret="));
    let again = browser.call("account/second_factor_to_set_up", &[]).await.expect(200);
    assert_eq!(again["key"], setup["key"], "a page that is loaded again shows the same");
    let step = step_now();
    let code = code_at(&key, step);
    let turn_on = async |browser: &mut Browser, code: &str, password: &str| {
        browser.call("account/enable_second_factor", &[("code", code), ("password", password)]).await
    };
    let wrong = turn_on(browser, "000000", PASSWORD).await;
    assert!(wrong.status == 422 && wrong.text().contains("\"code\""), "{}", wrong.text());
    let wrong = turn_on(browser, &code, "not it at all").await;
    assert!(wrong.status == 422 && wrong.text().contains("\"password\""), "{}", wrong.text());
    let on = turn_on(browser, &code, PASSWORD).await;
    assert_eq!(on.status, 200, "{}", on.text());
    let page = on.header("location").expect("a page").to_owned();
    let shown = browser.page(&page).await.text();
    assert!(shown.contains("The second factor is on"), "{shown}");
    assert!(browser.page(&page).await.text().contains("were shown already"), "they are shown once");
    let recovery = codes_on(&shown);
    assert_eq!(recovery.len(), 10, "{shown}");
    Factor { key, step, recovery }
}

/// The recovery codes on a page: four times four letters.
fn codes_on(page: &str) -> Vec<String> {
    let is_part = |part: &str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let words = page.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    let mut found: Vec<String> = words
        .filter(|word| word.len() == 19 && word.split('-').count() == 4 && word.split('-').all(is_part))
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}

async fn code(browser: &mut Browser, code: &str) -> Answer {
    browser.call("account/sign_in_code", &[("code", code), ("next", "/account")]).await
}

/// A browser that has given the password.
async fn half_way(server: &Server, address: &str) -> Browser {
    let mut browser = Browser::at(server, address);
    let answer = browser.try_sign_in(ANA, PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (200, Some("/sign-in/code")), "{}", answer.text());
    assert!(!browser.is_in().await, "the password alone opens nothing");
    browser
}

async fn a_sign_in_asks_for_a_code(on: On) {
    let (_world, server) = inhabited(on).await;
    let (mut browser, mut other) = (Browser::new(&server), Browser::new(&server));
    browser.sign_in(ANA, PASSWORD).await;
    other.sign_in(ANA, PASSWORD).await;
    let before = browser.session().expect("a cookie").to_owned();
    let page = browser.page("/account/second-factor").await.text();
    assert!(page.contains("qr-code") && page.contains("M4 4h7v1h-7z"), "{page}");
    let factor = turned_on(&mut browser).await;
    assert_ne!(browser.session(), Some(before.as_str()), "the session has another id");
    assert!(browser.is_in().await && !other.is_in().await, "all others have ended");
    assert_eq!(browser.account().await["recovery_codes"], 10);
    assert_eq!(browser.call("account/second_factor_to_set_up", &[]).await.status, 409, "one is enough");

    let mut browser = half_way(&server, "198.51.100.7").await;
    let waiting = browser.session().expect("a cookie").to_owned();
    assert_eq!(browser.page("/account").await.status, 302, "to the sign-in");
    let wrong = code(&mut browser, "123").await;
    assert!(wrong.status == 422 && wrong.text().contains("\"code\""), "{}", wrong.text());
    // With a clock that is a little ahead, and the blank that apps show.
    let ahead = code_at(&factor.key, factor.step + 1);
    let answer = code(&mut browser, &format!(" {} {}", &ahead[..3], &ahead[3..])).await;
    assert_eq!((answer.status, answer.header("location")), (200, Some("/account")), "{}", answer.text());
    assert!(browser.is_in().await);
    assert_ne!(browser.session(), Some(waiting.as_str()));
    assert_eq!(code(&mut Browser::new(&server), &ahead).await.status, 409, "nobody gives a code without a password");
}

async fn a_code_works_once(on: On) {
    let (_world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in(ANA, PASSWORD).await;
    let factor = turned_on(&mut browser).await;
    let mut second = half_way(&server, "198.51.100.7").await;
    assert_eq!(code(&mut second, &code_at(&factor.key, factor.step)).await.status, 422, "it turned the factor on");
    assert_eq!(code(&mut second, &code_at(&factor.key, factor.step + 1)).await.status, 200);
    let mut third = half_way(&server, "198.51.100.7").await;
    for step in [factor.step - 1, factor.step, factor.step + 1] {
        assert_eq!(code(&mut third, &code_at(&factor.key, step)).await.status, 422, "{step}");
    }
    // Two at the same moment, with the same code.
    let (mut one, mut two) = (half_way(&server, "198.51.100.7").await, half_way(&server, "198.51.100.7").await);
    let recovery = factor.recovery[0].clone();
    let (a, b) = tokio::join!(code(&mut one, &recovery), code(&mut two, &recovery));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422]);
}

async fn recovery_codes_work_once_each(on: On) {
    let (world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in(ANA, PASSWORD).await;
    let factor = turned_on(&mut browser).await;
    let bytes = world.database().bytes().await;
    for code in &factor.recovery {
        let plain = code.replace('-', "");
        let stands = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!stands(code) && !stands(&plain), "they are kept as hashes");
    }
    let mut browser = half_way(&server, "198.51.100.7").await;
    assert_eq!(code(&mut browser, &factor.recovery[3].to_uppercase().replace('-', " ")).await.status, 200);
    assert_eq!(browser.account().await["recovery_codes"], 9);
    let mut browser = half_way(&server, "198.51.100.7").await;
    assert_eq!(code(&mut browser, &factor.recovery[3]).await.status, 422);
    assert_eq!(code(&mut browser, &factor.recovery[4]).await.status, 200);
    assert_eq!(browser.account().await["recovery_codes"], 8);
}

async fn codes_are_not_guessed(on: On) {
    let (world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in(ANA, PASSWORD).await;
    let factor = turned_on(&mut browser).await;
    let mut guesser = half_way(&server, "203.0.113.66").await;
    for _ in 0..5 {
        assert_eq!(code(&mut guesser, "000000").await.status, 422);
    }
    assert_eq!(code(&mut guesser, "000000").await.status, 409, "the sign-in begins anew");
    let mut guesser = half_way(&server, "203.0.113.66").await;
    // As if there had been more, so that the wait is longer than a slow machine takes.
    world.database().execute("UPDATE counted_tries SET tries = tries + 3").await;
    let refused = code(&mut guesser, &code_at(&factor.key, factor.step + 1)).await;
    assert!(refused.status == 429 && refused.header("retry-after").is_some(), "{}", refused.text());
    // The owner, elsewhere, is not kept out.
    let mut owner = half_way(&server, "198.51.100.7").await;
    assert_eq!(code(&mut owner, &code_at(&factor.key, factor.step + 1)).await.status, 200);
}

async fn it_is_turned_off_with_both(on: On) {
    let (world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in(ANA, PASSWORD).await;
    let factor = turned_on(&mut browser).await;
    let turn_off = async |browser: &mut Browser, code: &str, password: &str| {
        browser.call("account/disable_second_factor", &[("code", code), ("password", password)]).await.status
    };
    assert_eq!(turn_off(&mut browser, &factor.recovery[0], "not it at all").await, 422);
    assert_eq!(turn_off(&mut browser, "000000", PASSWORD).await, 422);
    assert_eq!(browser.account().await["recovery_codes"], 10);
    assert_eq!(turn_off(&mut browser, &factor.recovery[0], PASSWORD).await, 200);
    assert_eq!(browser.account().await["recovery_codes"], Value::Null);
    assert_eq!(turn_off(&mut browser, &factor.recovery[1], PASSWORD).await, 409);
    Browser::new(&server).sign_in(ANA, PASSWORD).await;
    for table in ["second_factors", "recovery_codes"] {
        assert_eq!(world.database().numbers(&format!("SELECT COUNT(*) FROM {table}")).await, [0], "{table}");
    }

    // Who has lost both the app and the codes asks the operator.
    turned_on(&mut browser).await;
    let output = world.run(&["reset-password", "--email", ANA, "--without-second-factor"], "");
    let link = String::from_utf8_lossy(&output.stdout).into_owned();
    let token = link.split_once("token=").expect("a link").1.trim().to_owned();
    let fields = [("token", token.as_str()), ("new_password", "another word 22")];
    assert_eq!(browser.call("account/reset_password", &fields).await.status, 200);
    Browser::new(&server).sign_in(ANA, "another word 22").await;
}

async fn its_secret_is_sealed_and_sealed_anew(on: On) {
    const OLD: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const NEW: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f";
    let (world, server) = inhabited(on).await;
    let mut browser = Browser::new(&server);
    browser.sign_in(ANA, PASSWORD).await;
    let factor = turned_on(&mut browser).await;
    let bytes = world.database().bytes().await;
    assert!(!bytes.windows(32).any(|window| window == factor.key.as_bytes()));
    let sealed = "SELECT COUNT(*) FROM second_factors WHERE secret LIKE 'v1:%'";
    assert_eq!(world.database().numbers(sealed).await, [1]);
    drop(server);
    let both = format!("{NEW},{OLD}");
    let output = world.run_with(&["secrets", "rotate"], &[("HOOKSTREAM_SECRET_KEY", &both)], "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let status = world.run_with(&["secrets", "status"], &[("HOOKSTREAM_SECRET_KEY", NEW)], "");
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.status.success() && said.contains("1 of people"), "{said}");
    let server = world.serve_with(&[("HOOKSTREAM_SECRET_KEY", NEW)]).await;
    let mut browser = half_way(&server, "198.51.100.7").await;
    assert_eq!(code(&mut browser, &code_at(&factor.key, factor.step + 1)).await.status, 200);
}
