//! A client that takes less than comes.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{cursor_of, id_of};
use crate::world::{CloseCode, Feed, On, World, eventually};

on_both_databases!(a_slow_client_is_told_and_senders_do_not_wait);

async fn a_slow_client_is_told_and_senders_do_not_wait(on: On) {
    const SENDERS: usize = 16;
    /// More than wait for it at the server and on their way.
    const TOO_MANY: usize = 10_000;
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("shop").await;
    let mut slow = Feed::open_narrow(&server, &world.account.api_key).await;
    slow.follow("events").await;
    let is_let_go = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn({
        let is_let_go = Arc::clone(&is_let_go);
        async move {
            let mut heard = Vec::new();
            loop {
                // It takes less than comes, but so much that the server can go on sending: the system wakes a sender only once
                // a third of its buffer is free.
                if !is_let_go.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                match slow.hear_or_end().await {
                    Ok(message) => heard.push(message),
                    Err(code) => return (heard, code),
                }
            }
        }
    });
    // A message of it fills what is on its way.
    let query = "x".repeat(12_000);
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let request = server.ingest(&format!("{source}?{query}")).body("{}");
        let is_let_go = Arc::clone(&is_let_go);
        senders.spawn(async move {
            let (mut posted, mut slowest) = (Vec::new(), Duration::ZERO);
            while !is_let_go.load(Ordering::Relaxed) && posted.len() < TOO_MANY / SENDERS {
                let began = Instant::now();
                let answer = request.try_clone().expect("a request").send().await.expect("an answer");
                slowest = slowest.max(began.elapsed());
                assert_eq!(answer.status(), 200);
                let accepted: Value = answer.json().await.expect("JSON");
                posted.push(accepted["event_id"].as_str().expect("an id").to_owned());
            }
            (posted, slowest)
        });
    }
    eventually(Duration::from_mins(2), "it is let go", async || {
        server.log().contains("takes messages too slowly").then_some(())
    })
    .await;
    is_let_go.store(true, Ordering::Relaxed);
    let mut posted = BTreeSet::new();
    while let Some(sent) = senders.join_next().await {
        let (ids, slowest) = sent.expect("it sent");
        posted.extend(ids);
        // A sender never waits for who listens, who has ten seconds for a message.
        assert!(slowest < Duration::from_secs(8), "{slowest:?}");
    }
    let (heard, code) = reading.await.expect("it ends");
    assert_eq!(code, CloseCode::Again);
    assert_eq!(heard.last().expect("it is told")["error"], "too_slow");
    // It goes on from where it was.
    let events: Vec<&Value> = heard.iter().filter(|message| message["type"] == "event").collect();
    let cursor = cursor_of(events.last().expect("some came"));
    let mut again = Feed::open(&server, &world.account.api_key).await;
    let (missed, _) = again.resume(json!({ "type": "subscribe", "topic": "events", "after": cursor })).await;
    let all: Vec<_> = events.into_iter().chain(&missed).map(id_of).collect();
    assert_eq!(all.len(), posted.len(), "each comes once");
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), posted);
}
