//! What follows a failure: waits, tries, giving up, and what people can do about it.

use std::time::Duration;

use domain::time::Timestamp;
use serde_json::{Value, json};

use crate::world::{On, Reply, Sink, World, eventually};

on_both_databases!(
    a_failure_is_tried_again_and_both_tries_are_recorded,
    the_waits_are_those_of_the_policy,
    a_receiver_may_ask_for_a_longer_wait,
    some_statuses_are_never_tried_again,
    out_of_attempts_a_delivery_is_dead_and_can_be_raised,
    an_event_is_retried_with_all_of_its_deliveries,
    a_retry_by_hand_does_not_wait,
    a_waiting_delivery_can_be_cancelled,
    what_is_under_way_cannot_be_retried_or_cancelled,
);

fn time(value: &Value) -> Timestamp {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    Timestamp::parse_rfc3339(text).expect("a time")
}

/// From the end of an attempt to the next one, as it was recorded.
fn recorded_wait(attempt: &Value) -> Duration {
    let latency = Duration::from_millis(attempt["latency_ms"].as_u64().expect("a number"));
    time(&attempt["next_retry_at"]).since(time(&attempt["started_at"]).plus(latency))
}

fn assert_about(wait: Duration, seconds: f64) {
    assert!((wait.as_secs_f64() - seconds).abs() < 0.2, "{wait:?} instead of {seconds} s");
}

fn schedule(seconds: &[u32], max_attempts: u32) -> Value {
    json!({ "strategy": "schedule", "intervals_seconds": seconds, "max_attempts": max_attempts, "jitter": 0 })
}

async fn a_failure_is_tried_again_and_both_tries_are_recorded(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let excuse = Reply::Full { status: 500, headers: vec![("x-why", "tired".into())], body: b"not now".into() };
    let sink = Sink::in_turn([excuse, Reply::Status(200)]).await;
    let (source, _) = server.api().route("again", &sink.url(), json!({ "retry": schedule(&[1], 5) })).await;
    let event = server.event(&source, "x").await;

    let waiting = server.api().delivery_becomes(&event, "waiting").await;
    assert_eq!((&waiting["attempt_count"], &waiting["is_dlq"]), (&json!(1), &json!(false)));
    assert!(waiting["last_error"].as_str().expect("words").contains("500"), "{waiting}");
    assert_eq!(server.api().event(&event).await["status"], "processing");

    let delivery = server.api().delivery_becomes(&event, "succeeded").await;
    assert_eq!((&delivery["attempt_count"], &delivery["last_error"]), (&json!(2), &Value::Null));
    assert_eq!(server.api().event(&event).await["status"], "delivered");
    let attempts = server.api().attempts(delivery["id"].as_str().expect("an id")).await;
    let [first, second] = attempts.as_slice() else { panic!("{attempts:?}") };

    assert_eq!((&first["attempt_number"], &first["trigger"]), (&json!(1), &json!("initial")));
    assert_eq!((&first["status"], &first["response_status"]), (&json!("failed"), &json!(500)));
    assert_eq!((&first["error_class"], &first["response_body"]), (&json!("status"), &json!("not now")));
    assert!(first["error"].as_str().expect("words").contains("500 Internal Server Error"), "{first}");
    assert!(first["response_headers"].as_array().expect("headers").contains(&json!(["x-why", "tired"])));
    assert_eq!(first["next_retry_at"], waiting["next_attempt_at"]);
    assert_about(recorded_wait(first), 1.0);

    assert_eq!((&second["attempt_number"], &second["trigger"]), (&json!(2), &json!("retry")));
    assert_eq!((&second["status"], &second["response_status"]), (&json!("succeeded"), &json!(200)));
    assert_eq!((&second["error"], &second["next_retry_at"]), (&Value::Null, &Value::Null));
    let late = time(&second["started_at"]).since(time(&first["next_retry_at"]));
    assert!(late < Duration::from_secs(1), "{late:?} after its time");

    let received = sink.received();
    assert_eq!(received.len(), 2);
    assert!(received[1].at - received[0].at >= Duration::from_secs(1));
    assert_eq!(received[0].body, received[1].body);
    let attempt_headers: Vec<_> = received.iter().map(|request| request.header("x-hookstream-attempt")).collect();
    assert_eq!(attempt_headers, [Some("1"), Some("2")]);
}

async fn the_waits_are_those_of_the_policy(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::replying(Reply::Status(503)).await;
    for (retry, seconds) in [
        (schedule(&[20, 30], 3), 20.0),
        (json!({ "strategy": "exponential", "base_seconds": 40, "jitter": 0 }), 40.0),
        (json!({ "strategy": "linear", "base_seconds": 50, "jitter": 0 }), 50.0),
        (json!({ "strategy": "fixed", "base_seconds": 60, "jitter": 0 }), 60.0),
        (json!({ "jitter": 0 }), 30.0),
    ] {
        let name = retry.to_string().chars().take(60).collect::<String>();
        let (source, _) = server.api().route(&name, &sink.url(), json!({ "retry": retry })).await;
        let event = server.event(&source, "x").await;
        let attempt = server.api().attempts_become(&event, 1).await.remove(0);
        assert_about(recorded_wait(&attempt), seconds);
    }
    // The default is 30 s, and a tenth more or less.
    let (source, _) = server.api().route("spread", &sink.url(), json!({ "retry": {} })).await;
    let event = server.event(&source, "x").await;
    let wait = recorded_wait(&server.api().attempts_become(&event, 1).await[0]);
    assert!((26.9..33.1).contains(&wait.as_secs_f64()), "{wait:?}");
}

async fn a_receiver_may_ask_for_a_longer_wait(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let date =
        (Timestamp::from_micros(crate::world::signature::now() * 1_000_000).plus(Duration::from_secs(50))).to_offset();
    let weekday = &date.weekday().to_string()[..3];
    let month = &date.month().to_string()[..3];
    let http_date = format!(
        "{weekday}, {:02} {month} {} {:02}:{:02}:{:02} GMT",
        date.day(),
        date.year(),
        date.hour(),
        date.minute(),
        date.second()
    );
    for (status, asked, low, high) in [
        (429, "45", 44.8, 45.2),
        (503, "45", 44.8, 45.2),
        // A date has whole seconds.
        (503, http_date.as_str(), 47.0, 50.2),
        // Less than the policy's wait, more than the next two, and nonsense.
        (503, "1", 19.8, 20.2),
        (429, "100000", 59.8, 60.2),
        (503, "soon", 19.8, 20.2),
        // Only those two statuses ask for it.
        (500, "45", 19.8, 20.2),
    ] {
        let reply = Reply::Full { status, headers: vec![("retry-after", asked.to_owned())], body: vec![] };
        let sink = Sink::replying(reply).await;
        let more = json!({ "retry": schedule(&[20, 40], 3) });
        let (source, _) = server.api().route(&format!("{status} {asked}"), &sink.url(), more).await;
        let event = server.event(&source, "x").await;
        let wait = recorded_wait(&server.api().attempts_become(&event, 1).await[0]).as_secs_f64();
        assert!((low..high).contains(&wait), "{status}, {asked}: {wait} s");
    }
}

async fn some_statuses_are_never_tried_again(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let mut never = schedule(&[60], 5);
    never["give_up_on"] = json!([400, 422]);
    for (status, retry, ends) in [
        // 410 by default, and no other.
        (410, schedule(&[60], 5), true),
        (400, schedule(&[60], 5), false),
        (422, never.clone(), true),
        (410, never, false),
    ] {
        let sink = Sink::replying(Reply::Status(status)).await;
        let name = format!("{status} {ends}");
        let (source, _) = server.api().route(&name, &sink.url(), json!({ "retry": retry })).await;
        let event = server.event(&source, "x").await;
        let delivery = server.api().delivery_becomes(&event, if ends { "failed" } else { "waiting" }).await;
        assert_eq!((&delivery["is_dlq"], &delivery["attempt_count"]), (&json!(ends), &json!(1)), "{name}");
        let attempt = server.api().attempts_become(&event, 1).await.remove(0);
        assert_eq!(attempt["next_retry_at"].is_null(), ends, "{name}");
    }
}

async fn out_of_attempts_a_delivery_is_dead_and_can_be_raised(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    let (source, destination) = api.route("dead", &sink.url(), json!({ "retry": schedule(&[0], 3) })).await;
    let event = server.event(&source, "x").await;
    let dead = api.delivery_becomes(&event, "failed").await;
    assert_eq!((&dead["is_dlq"], &dead["attempt_count"]), (&json!(true), &json!(3)));
    assert_eq!(dead["next_attempt_at"], Value::Null);
    assert_eq!(api.event(&event).await["status"], "failed");
    assert_eq!(sink.count(), 3);
    for list in ["is_dlq=true", "status=failed", &format!("is_dlq=true&destination_id={destination}")] {
        let found = api.get(&format!("/v1/deliveries?{list}")).await.list();
        assert_eq!(found.len(), 1, "{list}");
        assert_eq!(found[0]["id"], dead["id"]);
    }

    let retry = format!("/v1/deliveries/{}/retry", dead["id"].as_str().expect("an id"));
    // It fails once more, and is dead at once: there are no attempts left for it to wait for.
    let raised = api.post(&retry, json!({})).await.expect(200);
    assert_eq!((&raised["id"], &raised["is_dlq"]), (&dead["id"], &json!(false)));
    api.attempts_become(&event, 4).await;
    api.delivery_becomes(&event, "failed").await;

    sink.now_replies(Reply::Status(200));
    api.post(&retry, json!({})).await.expect(200);
    let delivery = api.delivery_becomes(&event, "succeeded").await;
    assert_eq!((&delivery["is_dlq"], &delivery["attempt_count"]), (&json!(false), &json!(5)));
    assert_eq!(api.event(&event).await["status"], "delivered");
    let triggers: Vec<_> = api.attempts_become(&event, 5).await.iter().map(|a| a["trigger"].clone()).collect();
    assert_eq!(triggers, ["initial", "retry", "retry", "manual", "manual"]);
    assert!(api.get("/v1/deliveries?is_dlq=true").await.list().is_empty());
}

async fn an_event_is_retried_with_all_of_its_deliveries(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (well, ill) = (Sink::start().await, Sink::replying(Reply::Status(500)).await);
    let (source, _) = api.route("both", &well.url(), json!({})).await;
    let destination = api.destination("ill", &ill.url(), json!({})).await;
    api.connect(&source, &destination).await;
    let event = server.event(&source, "x").await;
    api.event_becomes(&event, "failed").await;
    ill.now_replies(Reply::Status(200));
    let retried = api.post(&format!("/v1/events/{event}/retry"), json!({})).await.expect(200);
    assert_eq!(retried, json!({ "retried": 2 }));
    ill.receives(2).await;
    well.receives(2).await;
    api.event_becomes(&event, "delivered").await;
}

async fn a_retry_by_hand_does_not_wait(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::in_turn([Reply::Status(500), Reply::Status(200)]).await;
    let (source, _) = api.route("patience", &sink.url(), json!({ "retry": schedule(&[3600], 5) })).await;
    let event = server.event(&source, "x").await;
    let waiting = api.delivery_becomes(&event, "waiting").await;
    let raised = api.post(&format!("/v1/deliveries/{}/retry", waiting["id"].as_str().expect("an id")), json!({})).await;
    raised.expect(200);
    api.delivery_becomes(&event, "succeeded").await;
    let attempts = api.attempts_become(&event, 2).await;
    assert_eq!((&attempts[1]["trigger"], &attempts[1]["attempt_number"]), (&json!("manual"), &json!(2)));
    assert_eq!(sink.count(), 2);
}

async fn a_waiting_delivery_can_be_cancelled(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    let (source, _) = api.route("cancelled", &sink.url(), json!({ "retry": schedule(&[1], 5) })).await;
    let event = server.event(&source, "x").await;
    let waiting = api.delivery_becomes(&event, "waiting").await;
    let path = format!("/v1/deliveries/{}", waiting["id"].as_str().expect("an id"));
    let cancelled = api.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["next_attempt_at"]), (&json!("cancelled"), &Value::Null));
    api.post(&format!("{path}/cancel"), json!({})).await.problem(409, "conflict");
    // Beyond the time at which it would have been tried.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(sink.count(), 1);
    assert_eq!(api.get(&path).await.expect(200)["status"], "cancelled");
    // A person who cancelled it may change their mind.
    sink.now_replies(Reply::Status(200));
    api.post(&format!("{path}/retry"), json!({})).await.expect(200);
    api.event_becomes(&event, "delivered").await;
}

async fn what_is_under_way_cannot_be_retried_or_cancelled(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::After(Duration::from_secs(1), Box::new(Reply::Status(200)))).await;
    let (source, _) = api.route("slow", &sink.url(), json!({})).await;
    let event = server.event(&source, "x").await;
    sink.receives(1).await;
    let flying = api.delivery_becomes(&event, "in_flight").await;
    let path = format!("/v1/deliveries/{}", flying["id"].as_str().expect("an id"));
    api.post(&format!("{path}/retry"), json!({})).await.problem(409, "conflict");
    api.post(&format!("{path}/cancel"), json!({})).await.problem(409, "conflict");
    api.delivery_becomes(&event, "succeeded").await;
    api.post(&format!("{path}/cancel"), json!({})).await.problem(409, "conflict");
    eventually(Duration::from_secs(1), "it was sent once", async || (sink.count() == 1).then_some(())).await;
}
