//! `/v1/ws`: what happens in a project, for those who follow it.

mod slow;

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use serde_json::{Value, json};
use sqlx::Executor;
use tokio::task::JoinSet;

use crate::world::{CloseCode, Feed, Live, On, Reply, Server, Sink, World, eventually, path_of, sign_in};

on_both_databases!(
    events_come_as_they_are_stored,
    what_was_missed_comes_once_and_goes_on,
    more_than_is_told_is_a_gap,
    deliveries_and_issues_say_how_they_stand,
    what_is_wrong_is_named,
    pages_of_other_sites_are_refused_and_sessions_let_in,
    whoever_may_not_any_more_is_sent_away,
    a_page_hears_of_every_change_while_it_may,
    a_project_has_so_many_clients,
);

on_postgres_too!(an_event_that_is_committed_late_is_not_lost, events_of_all_nodes_come_once_each_under_load);

const PATIENCE: Duration = Duration::from_secs(20);

fn id_of(message: &Value) -> String {
    assert_eq!(message["type"], "event", "{message}");
    message["event"]["id"].as_str().expect("an id").to_owned()
}

fn cursor_of(message: &Value) -> String {
    message["cursor"].as_str().expect("a cursor").to_owned()
}

/// Posts so many events, one after the other. Returns their ids.
async fn post(server: &Server, source: &str, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(server.event(source, json!({ "number": number }).to_string()).await);
    }
    ids
}

/// That these are the events that were posted, each once. Those of one millisecond have an order of their own.
#[track_caller]
fn assert_same(messages: &[Value], posted: &[String]) {
    let mut told: Vec<_> = messages.iter().map(id_of).collect();
    let mut posted = posted.to_vec();
    told.sort();
    posted.sort();
    assert_eq!(told, posted);
}

/// The next so many events.
async fn hear(feed: &mut Feed, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < count {
        ids.push(id_of(&feed.hear().await));
    }
    ids
}

async fn events_come_as_they_are_stored(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Other").api_key;
    let server = world.serve().await;
    let (shop, bank) = (server.api().source("shop").await, server.api().source("bank").await);
    let key = &world.account.api_key;
    let mut all = Feed::open(&server, key).await;
    all.follow("events").await;
    let mut of_bank = Feed::try_open(&server, "/v1/ws", &[]).await.expect("it connects");
    of_bank.say(json!({ "type": "auth", "api_key": key })).await;
    assert_eq!(of_bank.hear().await["type"], "authenticated");
    of_bank.follow(&format!("events:{bank}")).await;
    let mut foreign = Feed::open(&server, &stranger).await;
    foreign.follow("events").await;
    foreign.follow(&format!("events:{bank}")).await;

    let first = server.event(&shop, r#"{"n":1}"#).await;
    let message = all.hear().await;
    assert_eq!((id_of(&message), &message["topic"]), (first.clone(), &json!("events")));
    // As the list has it.
    let listed = &server.api().get("/v1/events").await.list()[0];
    let fields = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!((fields(&message["event"]), &message["event"]["id"]), (fields(listed), &listed["id"]));
    let second = server.event(&bank, "{}").await;
    assert_eq!(hear(&mut all, 1).await, std::slice::from_ref(&second));
    assert_eq!(hear(&mut of_bank, 1).await, [second]);
    of_bank.is_quiet().await;
    foreign.is_quiet().await;
    all.say(json!({ "type": "unsubscribe", "topic": "events" })).await;
    assert_eq!(all.hear().await, json!({ "type": "unsubscribed", "topic": "events" }));
    let third = server.event(&bank, "{}").await;
    assert_eq!(hear(&mut of_bank, 1).await, [third]);
    all.is_quiet().await;
}

async fn what_was_missed_comes_once_and_goes_on(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let (shop, bank) = (server.api().source("shop").await, server.api().source("bank").await);
    let key = world.account.api_key.clone();
    let mut feed = Feed::open(&server, &key).await;
    let begun = feed.follow("events").await;
    let mut posted = post(&server, &shop, 3).await;
    let mut heard = Vec::new();
    let mut cursors = vec![begun];
    for _ in 0..3 {
        let message = feed.hear().await;
        heard.push(id_of(&message));
        cursors.push(cursor_of(&message));
    }
    assert_eq!(heard, posted);
    drop(feed);
    // Missed while nobody listened, and while the server was restarted.
    posted.extend(post(&server, &shop, 2).await);
    assert!(server.terminate(PATIENCE).await.success());
    let server = world.serve().await;
    posted.extend(post(&server, &bank, 300).await);
    for (had, cursor) in cursors.iter().enumerate() {
        let mut feed = Feed::open(&server, &key).await;
        let (missed, at) = feed.resume(json!({ "type": "subscribe", "topic": "events", "after": cursor })).await;
        assert_same(&missed, &posted[had..]);
        let next = server.event(&shop, "{}").await;
        assert_eq!(hear(&mut feed, 1).await, std::slice::from_ref(&next));
        posted.push(next);
        feed.is_quiet().await;
        // The place where it was subscribed to is one to go on from as well.
        let mut again = Feed::open(&server, &key).await;
        let (missed, _) = again.resume(json!({ "type": "subscribe", "topic": "events", "after": at })).await;
        assert_eq!(missed.iter().map(id_of).collect::<Vec<_>>(), posted[posted.len() - 1..]);
    }
    // From a place in the middle of what was missed, and of one source.
    let mut feed = Feed::open(&server, &key).await;
    let (missed, _) = feed.resume(json!({ "type": "subscribe", "topic": "events", "after": cursors[0] })).await;
    let (middle, behind): (_, Vec<_>) = (cursor_of(&missed[100]), missed[101..].iter().map(id_of).collect());
    let mut feed = Feed::open(&server, &key).await;
    let (rest, _) = feed.resume(json!({ "type": "subscribe", "topic": "events", "after": middle })).await;
    assert_eq!(rest.iter().map(id_of).collect::<Vec<_>>(), behind, "in the same order");
    let mut feed = Feed::open(&server, &key).await;
    let topic = format!("events:{bank}");
    let (of_bank, _) = feed.resume(json!({ "type": "subscribe", "topic": topic, "after": cursors[0] })).await;
    assert_same(&of_bank, &posted[5..305]);
    // By the time.
    let received_at = server.api().event(&posted[2]).await["received_at"].clone();
    let mut feed = Feed::open(&server, &key).await;
    let (since, _) = feed.resume(json!({ "type": "subscribe", "topic": "events", "since": received_at })).await;
    assert_same(&since, &posted[posted.len() - since.len()..]);
    assert!((posted.len() - 2..=posted.len()).contains(&since.len()), "{}", since.len());
}

async fn more_than_is_told_is_a_gap(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("shop").await;
    let key = world.account.api_key.clone();
    let foreign = if on == On::Sqlite { "es00000000000000000000000000000001.9:" } else { "er1" };
    // A cursor of another database, and one of what has not happened yet.
    for lost in
        [foreign, if on == On::Sqlite { "er999999999" } else { "es00000000000000000000000000000001.99999999999:" }]
    {
        let mut feed = Feed::open(&server, &key).await;
        let (missed, _) = feed.resume(json!({ "type": "subscribe", "topic": "events", "after": lost })).await;
        assert_eq!((missed.len(), &missed[0]["type"], &missed[0]["topic"]), (1, &json!("gap"), &json!("events")));
        let next = server.event(&source, "{}").await;
        assert_eq!(hear(&mut feed, 1).await, [next]);
    }
    // Deliveries of long ago.
    let mut feed = Feed::open(&server, &key).await;
    feed.say(json!({ "type": "subscribe", "topic": "deliveries", "since": "2020-01-01T00:00:00Z" })).await;
    assert_eq!(feed.hear().await["type"], "subscribed");
    assert_eq!(feed.hear().await["type"], "gap");
}

async fn deliveries_and_issues_say_how_they_stand(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let key = &world.account.api_key;
    let sink = Sink::in_turn([Reply::Status(200), Reply::Status(500), Reply::Status(200)]).await;
    let (source, destination) = server.api().route("shop", &sink.url(), json!({})).await;
    let mut deliveries = Feed::open(&server, key).await;
    let begun = deliveries.follow(&format!("deliveries:{destination}")).await;
    let mut issues = Feed::open(&server, key).await;
    let issues_begun = issues.follow("issues").await;

    let good = server.event(&source, "{}").await;
    let becomes = async |feed: &mut Feed, event: &str, status: &str| loop {
        let message = feed.hear().await;
        assert_eq!((&message["type"], &message["delivery"]["event_id"]), (&json!("delivery"), &json!(event)));
        if message["delivery"]["status"] == status {
            return message;
        }
    };
    becomes(&mut deliveries, &good, "succeeded").await;
    let bad = server.event(&source, "{}").await;
    let failed = becomes(&mut deliveries, &bad, "failed").await;
    assert_eq!((&failed["delivery"]["is_dlq"], &failed["delivery"]["attempt_count"]), (&json!(true), &json!(1)));
    let issue = issues.hear().await;
    assert_eq!((&issue["type"], &issue["issue"]["status"]), (&json!("issue"), &json!("open")));
    let id = issue["issue"]["id"].as_str().expect("an id").to_owned();
    server.api().patch(&format!("/v1/issues/{id}"), json!({ "status": "acknowledged" })).await.expect(200);
    eventually(PATIENCE, "it is acknowledged", async || {
        (issues.hear().await["issue"]["status"] == "acknowledged").then_some(())
    })
    .await;
    let delivery = failed["delivery"]["id"].as_str().expect("an id");
    server.api().post(&format!("/v1/deliveries/{delivery}/retry"), json!({})).await.expect(200);
    becomes(&mut deliveries, &bad, "succeeded").await;

    // Whoever was away learns how things stand now.
    let mut late = Feed::open(&server, key).await;
    late.say(json!({ "type": "subscribe", "topic": "deliveries", "after": begun })).await;
    assert_eq!(late.hear().await["type"], "subscribed");
    let mut ends = HashSet::new();
    while ends.len() < 2 {
        let message = late.hear().await;
        assert_eq!(message["delivery"]["status"], "succeeded", "{message}");
        ends.insert(message["delivery"]["event_id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(ends, HashSet::from([good, bad]));
    let mut late = Feed::open(&server, key).await;
    late.say(json!({ "type": "subscribe", "topic": "issues", "after": issues_begun })).await;
    assert_eq!(late.hear().await["type"], "subscribed");
    assert_eq!(late.hear().await["issue"]["status"], "acknowledged");
}

async fn what_is_wrong_is_named(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let mut feed = Feed::open(&server, &world.account.api_key).await;
    for (message, part) in [
        (json!({ "type": "subscribe" }), "either a topic or a channel"),
        (json!({ "type": "subscribe", "topic": "events", "channel": "orders" }), "either a topic or a channel"),
        (json!({ "type": "subscribe", "topic": "weather" }), "the topic must be events"),
        (json!({ "type": "subscribe", "topic": "events:dst_1" }), "the topic must be events"),
        (json!({ "type": "subscribe", "topic": "events", "after": "yesterday" }), "after must be the `cursor`"),
        (json!({ "type": "subscribe", "topic": "issues", "after": "er1" }), "after must be the `cursor`"),
        (json!({ "type": "subscribe", "topic": "events", "since": "yesterday" }), "RFC 3339"),
        (
            json!({ "type": "subscribe", "topic": "events", "since": "2026-01-01T00:00:00Z", "after": "er1" }),
            "either after or since",
        ),
        (json!({ "type": "subscribe", "channel": "orders", "after": "er1" }), "a channel keeps nothing"),
        (json!({ "type": "subscribe", "topic": "events", "colour": "red" }), "colour"),
        (json!({ "type": "auth", "api_key": world.account.api_key }), "shown already"),
    ] {
        feed.say(message.clone()).await;
        let told = feed.hear().await;
        assert!(told["error"].as_str().is_some_and(|error| error.contains(part)), "{message}: {told}");
    }
    feed.follow("events").await;
    feed.say(json!({ "type": "subscribe", "topic": "events" })).await;
    assert!(feed.hear().await["error"].as_str().is_some_and(|error| error.contains("already")));
    server.api().post("/v1/ws", json!({})).await.problem(405, "method_not_allowed");
}

async fn pages_of_other_sites_are_refused_and_sessions_let_in(on: On) {
    let world = World::new(on).await;
    let other = world.add_account("stranger@example.com", "Other");
    let server = world.serve().await;
    let source = server.api().source("shop").await;
    let key = world.account.api_key.as_str();
    for headers in [
        vec![("x-api-key", key), ("origin", "https://elsewhere.example.com")],
        vec![("x-api-key", key), ("origin", "null")],
        vec![("origin", "https://elsewhere.example.com")],
        vec![("x-api-key", key), ("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(Feed::try_open(&server, "/v1/ws", &headers).await.err(), Some(403), "{headers:?}");
    }
    let here = format!("http://{}", server.address());
    let cookie = sign_in(&server, &world.account).await;
    let path = path_of(&world.account.env_id);
    let headers = [("cookie", cookie.as_str()), ("origin", here.as_str())];
    let mut feed = Feed::try_open(&server, &path, &headers).await.expect("it is let in");
    feed.follow("events").await;
    let event = server.event(&source, "{}").await;
    assert_eq!(hear(&mut feed, 1).await, [event]);
    // Into its own projects alone, and only while it lasts.
    assert_eq!(Feed::try_open(&server, &path_of(&other.env_id), &headers).await.err(), Some(404));
    assert_eq!(Feed::try_open(&server, "/v1/ws?project=env_1", &headers).await.err(), Some(404));
    assert_eq!(Feed::try_open(&server, &path, &[("origin", here.as_str())]).await.err(), Some(401));
    world.database().execute("DELETE FROM sessions").await;
    assert_eq!(feed.is_closed().await.1, CloseCode::Policy);
}

async fn whoever_may_not_any_more_is_sent_away(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let made = server.api().post("/v1/api-keys", json!({ "name": "follows", "scopes": ["read"] })).await.expect(201);
    let mut feed = Feed::open(&server, made["key"].as_str().expect("a key")).await;
    feed.follow("events").await;
    server.api().delete(&format!("/v1/api-keys/{}", made["id"].as_str().expect("an id"))).await;
    assert_eq!(feed.is_closed().await, (vec![], CloseCode::Policy));
}

async fn a_page_hears_of_every_change_while_it_may(on: On) {
    /// Whoever may not listen is found out when there is something to tell, and it was not looked for so long.
    const LOOK_AGAIN: Duration = Duration::from_secs(2);
    const QUIET: Duration = Duration::from_millis(700);
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Other");
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("shop", &sink.url(), json!({})).await;
    let elsewhere = server.client_with(&stranger.api_key).source("elsewhere").await;
    let mut page = Live::open(&server, &world.account).await;
    page.settles(QUIET).await;
    // Another project's events are not its own.
    server.event(&elsewhere, "{}").await;
    assert!(page.feed().hear_for(QUIET).await.is_empty());
    let event = server.event(&source, "{}").await;
    page.hears(PATIENCE).await;
    server.api().event_becomes(&event, "delivered").await;
    // With a key as well; and nothing is kept of it.
    let mut program = Feed::open(&server, &world.account.api_key).await;
    program.say(json!({ "type": "subscribe", "topic": "changes", "after": "er1" })).await;
    let refused = program.hear().await;
    assert!(refused["error"].as_str().expect("words").contains("after and since are of other topics"), "{refused}");
    assert_eq!(refused["topic"], "changes");
    program.say(json!({ "type": "subscribe", "topic": "changes" })).await;
    assert_eq!(program.hear().await["type"], "subscribed");
    program.say(json!({ "type": "subscribe", "topic": "changes" })).await;
    let twice = program.hear().await;
    assert!(twice["error"].as_str().expect("words").contains("already"), "{twice}");
    server.event(&source, "{}").await;
    assert_eq!(program.hear().await, json!({ "type": "change", "topic": "changes" }));
    program.say(json!({ "type": "unsubscribe", "topic": "changes" })).await;
    while program.hear().await["type"] != "unsubscribed" {}
    server.event(&source, "{}").await;
    page.hears(PATIENCE).await;
    page.settles(LOOK_AGAIN).await;
    program.is_quiet().await;
    // The session ends: the next change is not told.
    world.database().execute("DELETE FROM sessions").await;
    server.event(&source, "{}").await;
    assert_eq!(page.feed().is_closed().await, (vec![], CloseCode::Policy));
}

async fn a_project_has_so_many_clients(on: On) {
    let world = World::new(on).await;
    let other = world.add_account("stranger@example.com", "Other").api_key;
    let server = world.serve().await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        let mut feed = Feed::open(&server, &world.account.api_key).await;
        feed.is_quiet().await;
        clients.push(feed);
    }
    let (told, code) = Feed::open(&server, &world.account.api_key).await.is_closed().await;
    assert_eq!((&told[0]["error"], code), (&json!("too_many_clients"), CloseCode::Again));
    Feed::open(&server, &other).await.is_quiet().await;
    clients.pop();
    eventually(PATIENCE, "there is room again", async || {
        let mut feed = Feed::open(&server, &world.account.api_key).await;
        feed.say(json!({ "type": "ping" })).await;
        matches!(feed.hear_or_end().await, Ok(message) if message["type"] == "pong").then_some(())
    })
    .await;
}

async fn an_event_that_is_committed_late_is_not_lost(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("shop").await;
    let key = &world.account.api_key;
    let first = server.event(&source, "{}").await;
    let mut feed = Feed::open(&server, key).await;
    feed.follow("events").await;
    // A writer that has made its ids and does not come to its end: one is lower than any that others have told of by then.
    let expected = format!("{}{}", &first[..first.len() - 1], other_digit(&first));
    let (from, to) = (uuid_of(&first), uuid_of(&expected));
    let mut late = world.database().connect_postgres().await;
    let copy = format!(
        "BEGIN; INSERT INTO events SELECT (jsonb_populate_record(e, jsonb_build_object('id', '{to}'))).* FROM events e \
         WHERE id = '{from}'; INSERT INTO event_bodies SELECT (jsonb_populate_record(b, jsonb_build_object('event_id', '{to}'))).* \
         FROM event_bodies b WHERE event_id = '{from}'"
    );
    late.execute(sqlx::AssertSqlSafe(copy)).await.expect("it is written");
    let between = server.event(&source, "{}").await;
    let message = feed.hear().await;
    assert_eq!(id_of(&message), between);
    let before = cursor_of(&message);
    feed.is_quiet().await;
    late.execute("COMMIT").await.expect("it is committed");
    let message = feed.hear().await;
    assert_eq!(id_of(&message), expected);
    // Whoever was away when it was committed gets it, and whoever has had it does not.
    let next = server.event(&source, "{}").await;
    assert_eq!(hear(&mut feed, 1).await, std::slice::from_ref(&next));
    let mut away = Feed::open(&server, key).await;
    let (missed, _) = away.resume(json!({ "type": "subscribe", "topic": "events", "after": before })).await;
    assert_eq!(missed.iter().map(id_of).collect::<Vec<_>>(), [expected, next.clone()]);
    let mut had = Feed::open(&server, key).await;
    let after = cursor_of(&message);
    let (missed, _) = had.resume(json!({ "type": "subscribe", "topic": "events", "after": after })).await;
    assert_eq!(missed.iter().map(id_of).collect::<Vec<_>>(), [next]);
}

fn uuid_of(id: &str) -> &str {
    id.split_once('_').expect("an id").1
}

fn other_digit(id: &str) -> char {
    if id.ends_with('0') { '1' } else { '0' }
}

async fn events_of_all_nodes_come_once_each_under_load(on: On) {
    const ROUNDS: usize = 6;
    const SENDERS: usize = 8;
    const EACH: usize = 60;
    let world = World::new(on).await;
    let [one, two] = [world.serve().await, world.serve().await];
    let source = one.api().source("shop").await;
    let key = world.account.api_key.clone();
    // Both know the source.
    for node in [&one, &two] {
        eventually(PATIENCE, "the source is known", async || {
            (node.post(&source, "{}").await.status == 200).then_some(())
        })
        .await;
    }
    let mut steady = Feed::open(&two, &key).await;
    let begun = steady.follow("events").await;
    let mut posting = JoinSet::new();
    for sender in 0..SENDERS {
        let request = [&one, &two][sender % 2].ingest(&source).body("{}");
        posting.spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..EACH {
                let answer = request.try_clone().expect("a request").send().await.expect("an answer");
                let answer: Value = answer.json().await.expect("JSON");
                ids.push(answer["event_id"].as_str().expect("an id").to_owned());
            }
            ids
        });
    }
    // One that comes and goes, now at this node and now at the other, while events are on their way.
    let mut restless = Vec::new();
    let mut cursor = begun;
    for round in 0..ROUNDS {
        let mut feed = Feed::open([&one, &two][round % 2], &key).await;
        let (missed, at) = feed.resume(json!({ "type": "subscribe", "topic": "events", "after": cursor })).await;
        cursor = at;
        let heard = feed.hear_for(Duration::from_millis(200)).await;
        for message in missed.iter().chain(&heard) {
            restless.push(id_of(message));
            cursor = cursor_of(message);
        }
    }
    let mut posted = BTreeSet::new();
    while let Some(ids) = posting.join_next().await {
        posted.extend(ids.expect("they are posted"));
    }
    assert_eq!(posted.len(), SENDERS * EACH);
    let mut feed = Feed::open(&one, &key).await;
    let (missed, _) = feed.resume(json!({ "type": "subscribe", "topic": "events", "after": cursor })).await;
    restless.extend(missed.iter().map(id_of));
    while restless.len() < posted.len() {
        restless.push(id_of(&feed.hear().await));
    }
    let heard = hear(&mut steady, posted.len()).await;
    for (who, heard) in [("steady", heard), ("restless", restless)] {
        assert_eq!(heard.len(), posted.len(), "{who}");
        assert_eq!(heard.into_iter().collect::<BTreeSet<_>>(), posted, "{who}: each once");
    }
    steady.is_quiet().await;
    feed.is_quiet().await;
}
