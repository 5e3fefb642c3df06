//! How often a sign-in may be tried: growing waits, that keep no owner out, and that all nodes share.

use super::{Browser, PASSWORD, inhabited};
use crate::world::{Answer, On};

on_both_databases!(
    guessing_gets_slow,
    an_address_does_not_try_everybody,
    many_addresses_guess_no_faster_and_keep_no_owner_out,
    a_refusal_is_said_in_the_form,
);

mod nodes {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nodes_count_together() {
        super::nodes_count_together().await;
    }
}

const ANA: &str = "ana@example.com";
const WRONG: &str = "not the password";

/// Seconds to wait, of an answer that refuses.
#[track_caller]
fn wait_of(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 429, "{}", answer.text());
    answer.header("retry-after").expect("Retry-After").parse().expect("seconds")
}

async fn guessing_gets_slow(on: On) {
    let (world, server) = inhabited(on).await;
    let mut guesser = Browser::at(&server, "203.0.113.66");
    for _ in 0..5 {
        assert_eq!(guesser.try_sign_in(ANA, WRONG).await.status, 422);
    }
    let answer = guesser.try_sign_in(ANA, PASSWORD).await;
    let first = wait_of(&answer);
    assert!((1..=5).contains(&first), "{first}");
    assert!(answer.text().contains("too_many"), "{}", answer.text());
    assert!(guesser.session().is_none());
    // As if the wait were over, and the next guess were wrong too: it gets longer.
    world.database().execute("UPDATE counted_tries SET last_at = last_at - 6000000").await;
    assert_eq!(guesser.try_sign_in(ANA, WRONG).await.status, 422);
    let second = wait_of(&guesser.try_sign_in(ANA, WRONG).await);
    assert!((6..=10).contains(&second), "{second}");
    // Unknown accounts are no different.
    let mut other = Browser::at(&server, "203.0.113.67");
    for _ in 0..5 {
        assert_eq!(other.try_sign_in("nobody@example.com", WRONG).await.status, 422);
    }
    wait_of(&other.try_sign_in("nobody@example.com", WRONG).await);
    // Whoever is right in time begins anew.
    let mut owner = Browser::new(&server);
    for _ in 0..4 {
        for _ in 0..4 {
            assert_eq!(owner.try_sign_in(ANA, WRONG).await.status, 422);
        }
        owner.sign_in(ANA, PASSWORD).await;
    }
}

async fn an_address_does_not_try_everybody(on: On) {
    let (_world, server) = inhabited(on).await;
    let mut guesser = Browser::at(&server, "203.0.113.66");
    for n in 0..30 {
        let answer = guesser.try_sign_in(&format!("person{n}@example.com"), WRONG).await;
        assert_eq!(answer.status, 422, "{n}: {}", answer.text());
    }
    wait_of(&guesser.try_sign_in("person30@example.com", WRONG).await);
    let mut neighbour = Browser::at(&server, "203.0.113.65");
    assert_eq!(neighbour.try_sign_in("person30@example.com", WRONG).await.status, 422);
    // The addresses of one IPv6 host are one.
    for n in 0..30 {
        let mut guesser = Browser::at(&server, &format!("2001:db8:1:2::{n:x}"));
        assert_eq!(guesser.try_sign_in(&format!("person{n}@example.com"), WRONG).await.status, 422);
    }
    wait_of(&Browser::at(&server, "2001:db8:1:2:ffff::1").try_sign_in("person30@example.com", WRONG).await);
}

async fn many_addresses_guess_no_faster_and_keep_no_owner_out(on: On) {
    let (_world, server) = inhabited(on).await;
    for n in 0..50 {
        let mut guesser = Browser::at(&server, &format!("203.0.{n}.66"));
        assert_eq!(guesser.try_sign_in(ANA, WRONG).await.status, 422);
    }
    wait_of(&Browser::at(&server, "203.0.200.66").try_sign_in(ANA, WRONG).await);
    wait_of(&Browser::at(&server, "192.0.2.1").try_sign_in(ANA, PASSWORD).await);
    // Where the owner has signed in before, or next to it, they still do.
    Browser::new(&server).sign_in(ANA, PASSWORD).await;
    Browser::at(&server, "198.51.100.200").sign_in(ANA, PASSWORD).await;
}

async fn a_refusal_is_said_in_the_form(on: On) {
    let (_world, server) = inhabited(on).await;
    let mut browser = Browser::at(&server, "203.0.113.66");
    for _ in 0..5 {
        browser.try_sign_in(ANA, WRONG).await;
    }
    let fields = [("email", ANA), ("password", PASSWORD), ("next", "")];
    let back = browser.post_from("/sign-in", "account/sign_in", &fields).await;
    assert_eq!(back.status, 303);
    let location = back.header("location").expect("a location").to_owned();
    let page = browser.page(&location).await.text();
    assert!(page.contains("This was tried too often. Try again in"), "{page}");
    assert!(page.contains(ANA) && !page.contains(PASSWORD));
}

async fn nodes_count_together() {
    let (world, first) = inhabited(On::Postgres).await;
    let second = world.serve().await;
    let mut guesser = Browser::at(&first, "203.0.113.66");
    for _ in 0..5 {
        assert_eq!(guesser.try_sign_in(ANA, WRONG).await.status, 422);
    }
    let mut guesser = guesser.moved_to(&second);
    wait_of(&guesser.try_sign_in(ANA, WRONG).await);
    // Guesses at the same moment are judged one after the other.
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..20 {
        let mut guesser = Browser::at(if n % 2 == 0 { &first } else { &second }, "203.0.113.77");
        tries.spawn(async move { guesser.try_sign_in(ANA, WRONG).await.status });
    }
    let answers = tries.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 422).count(), 5, "{answers:?}");
}
