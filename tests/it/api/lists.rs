//! Lists: pages, their ends, and what they can be narrowed down to.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Answer, On, Reply, Sink, World, eventually};

on_both_databases!(
    pages_follow_one_another_to_the_end,
    a_bad_page_is_named,
    events_can_be_narrowed_down,
    deliveries_can_be_narrowed_down,
    what_arrives_meanwhile_does_not_move_a_page,
);

fn ids(list: &[Value]) -> Vec<String> {
    list.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

async fn pages_follow_one_another_to_the_end(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let mut made = Vec::new();
    for index in 0..7 {
        made.push(api.source(&format!("source {index}")).await);
    }
    let mut events = Vec::new();
    for index in 0..7 {
        events.push(server.event(&made[index % 2], "x").await);
    }
    made.reverse();
    events.reverse();
    for (list, expected) in [("sources", &made), ("events", &events)] {
        for limit in [1, 2, 3, 6, 7, 8, 250] {
            let mut found = Vec::new();
            let mut path = format!("/v1/{list}?limit={limit}");
            loop {
                let page = api.get(&path).await.expect(200);
                assert_eq!(page.as_object().expect("an object").len(), 3, "{page}");
                let data = page["data"].as_array().expect("a list");
                assert!(data.len() <= limit);
                found.extend(ids(data));
                assert_eq!(page["has_more"].as_bool(), Some(page["next_cursor"].is_string()), "{page}");
                let Some(cursor) = page["next_cursor"].as_str() else { break };
                assert_eq!(data.len(), limit, "only the last page is short");
                path = format!("/v1/{list}?limit={limit}&cursor={cursor}");
            }
            assert_eq!(&found, expected, "{list} by {limit}");
        }
        let all = api.get(&format!("/v1/{list}")).await.expect(200);
        assert_eq!((&all["has_more"], &all["next_cursor"]), (&json!(false), &Value::Null));
    }
    // A filter goes along from page to page: the even ones are of the first source.
    let of_one = format!("/v1/events?source_id={}&limit=2", made[6]);
    let first = api.get(&of_one).await.expect(200);
    let next = api.get(&format!("{of_one}&cursor={}", first["next_cursor"].as_str().expect("more"))).await.expect(200);
    assert_eq!(ids(first["data"].as_array().expect("a list")), [events[0].clone(), events[2].clone()]);
    assert_eq!(ids(next["data"].as_array().expect("a list")), [events[4].clone(), events[6].clone()]);
}

async fn a_bad_page_is_named(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    for list in ["environments", "sources", "destinations", "connections", "events", "deliveries", "api-keys"] {
        for limit in ["0", "251", "-1", "many", "1.5", "99999999999"] {
            api.get(&format!("/v1/{list}?limit={limit}")).await.field_error("limit");
        }
        for cursor in ["x", "c123", "%00", &"f".repeat(33)] {
            api.get(&format!("/v1/{list}?cursor={cursor}")).await.field_error("cursor");
        }
        api.get(&format!("/v1/{list}?colour=red")).await.field_error("colour");
        let answer = api.get(&format!("/v1/{list}?limit=0&cursor=x&colour=red")).await;
        for field in ["limit", "cursor", "colour"] {
            answer.field_error(field);
        }
        api.get(&format!("/v1/{list}?limit=&cursor=")).await.expect(200);
    }
}

async fn events_can_be_narrowed_down(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink =
        Sink::scripted(|request| Reply::Status(if request.body.starts_with(b"{\"bad") { 500 } else { 200 })).await;
    let (a, _) = api.route("a", &sink.url(), json!({})).await;
    let b = api.source("b").await;
    let connection = api.all("/v1/connections").await[0]["id"].as_str().expect("an id").to_owned();
    let json = |source: &str, body: &'static str| {
        server.ingest(source).header("content-type", "application/json").header("x-tag", "Needle-In-Header").body(body)
    };
    let sent = async |request: reqwest::RequestBuilder| {
        Answer::of(request).await.expect(200)["event_id"].as_str().expect("an id").to_owned()
    };
    let paid = sent(json(&a, r#"{"type":"invoice.paid","id":"in_1","text":"naïve 🪝 50%_"}"#)).await;
    let failed = sent(json(&a, r#"{"bad":1,"type":"invoice.failed"}"#)).await;
    let alone = server.event(&b, "nothing in particular").await;
    api.event_becomes(&paid, "delivered").await;
    api.event_becomes(&failed, "failed").await;
    let found = async |query: &str| ids(&api.get(&format!("/v1/events?{query}")).await.list());

    assert_eq!(found(&format!("source_id={a}")).await, [failed.clone(), paid.clone()]);
    assert_eq!(found(&format!("source_id={b}")).await, std::slice::from_ref(&alone));
    assert_eq!(found(&format!("connection_id={connection}")).await, [failed.clone(), paid.clone()]);
    assert_eq!(found("status=delivered").await, std::slice::from_ref(&paid));
    assert_eq!(found("status=failed").await, std::slice::from_ref(&failed));
    assert_eq!(found("status=received").await, std::slice::from_ref(&alone));
    assert!(found("status=processing").await.is_empty());
    assert_eq!(found("type=invoice.paid").await, std::slice::from_ref(&paid));
    assert_eq!(found("search=particular").await, std::slice::from_ref(&alone));
    assert_eq!(found("search=na%C3%AFve+%F0%9F%AA%9D+50%25_").await, std::slice::from_ref(&paid));
    assert!(found("search=50%25%25").await.is_empty(), "a search takes letters as they are");
    assert_eq!(found("search=Needle-In-Header").await, [failed.clone(), paid.clone()]);
    assert_eq!(found("search=in_1").await, std::slice::from_ref(&paid));
    assert_eq!(found(&format!("search={alone}")).await, std::slice::from_ref(&alone));
    assert_eq!(
        found(&format!("source_id={a}&status=failed&type=invoice.failed&search=bad")).await,
        std::slice::from_ref(&failed)
    );

    let received = api.event(&failed).await["received_at"].as_str().expect("a time").replace('+', "%2B");
    assert_eq!(found(&format!("after={received}&before=2999-01-01T00:00:00Z")).await, [alone, failed.clone()]);
    assert_eq!(found(&format!("before={received}")).await, [paid]);
    for (query, field) in [
        ("source_id=x", "source_id"),
        ("source_id=dst_00000000000000000000000000000000", "source_id"),
        ("status=lost", "status"),
        ("after=yesterday", "after"),
        ("before=1", "before"),
    ] {
        api.get(&format!("/v1/events?{query}")).await.field_error(field);
    }
}

async fn deliveries_can_be_narrowed_down(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (well, ill) = (Sink::start().await, Sink::replying(Reply::Status(500)).await);
    let (source, to_well) = api.route("well", &well.url(), json!({})).await;
    let to_ill = api.destination("ill", &ill.url(), json!({})).await;
    let connection = api.connect(&source, &to_ill).await;
    let event = server.event(&source, "x").await;
    api.event_becomes(&event, "failed").await;
    eventually(Duration::from_secs(5), "both end", async || {
        api.deliveries(&event).await.iter().all(|d| d["attempt_count"] == 1).then_some(())
    })
    .await;
    let found = async |query: &str| -> Vec<Value> {
        let list = api.get(&format!("/v1/deliveries?{query}")).await.list();
        list.iter().map(|delivery| delivery["destination_id"].clone()).collect()
    };
    assert_eq!(found("").await.len(), 2);
    assert_eq!(found(&format!("destination_id={to_well}")).await, [to_well.as_str()]);
    assert_eq!(found(&format!("connection_id={connection}")).await, [to_ill.as_str()]);
    assert_eq!(found("status=succeeded").await, [to_well.as_str()]);
    assert_eq!(found("is_dlq=true").await, [to_ill.as_str()]);
    assert_eq!(found("is_dlq=false").await, [to_well.as_str()]);
    assert!(found(&format!("is_dlq=true&destination_id={to_well}")).await.is_empty());
    for (query, field) in
        [("is_dlq=perhaps", "is_dlq"), ("status=lost", "status"), ("destination_id=x", "destination_id")]
    {
        api.get(&format!("/v1/deliveries?{query}")).await.field_error(field);
    }
}

async fn what_arrives_meanwhile_does_not_move_a_page(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("busy").await;
    let mut events = Vec::new();
    for _ in 0..4 {
        events.push(server.event(&source, "x").await);
    }
    let first = server.api().get("/v1/events?limit=2").await.expect(200);
    server.event(&source, "meanwhile").await;
    let cursor = first["next_cursor"].as_str().expect("more");
    let second = server.api().get(&format!("/v1/events?limit=2&cursor={cursor}")).await.list();
    assert_eq!(ids(&second), [events[1].clone(), events[0].clone()]);
}
