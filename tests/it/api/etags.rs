//! `ETag`, `If-Match` and `If-None-Match`: nobody overwrites what somebody else has changed meanwhile.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Client, On, Reply, Sink, World, eventually};

on_both_databases!(a_stale_change_is_refused, of_several_at_once_one_wins, what_is_known_is_not_sent_again);
on_postgres_too!(of_several_on_two_nodes_one_wins);

async fn tag_of(api: &Client, path: &str) -> String {
    let answer = api.get(path).await;
    answer.expect(200);
    answer.header("etag").expect("a tag").to_owned()
}

async fn change(api: &Client, path: &str, tag: &str, patch: &Value) -> Answer {
    Answer::of(api.request(Method::PATCH, path).header("if-match", tag).json(patch)).await
}

/// Everything that has a tag, with two changes of it.
async fn things(world: &World, api: &Client, url: &str) -> Vec<(String, Value, Value)> {
    let (source, destination) = api.route("there", url, json!({ "retry": { "max_attempts": 1 } })).await;
    let connection = api.all("/v1/connections").await[0]["id"].as_str().expect("an id").to_owned();
    let name = |name: &str| json!({ "name": name });
    vec![
        (format!("/v1/sources/{source}"), name("one"), name("two")),
        (format!("/v1/destinations/{destination}"), name("one"), name("two")),
        (format!("/v1/connections/{connection}"), name("one"), name("two")),
        (format!("/v1/environments/{}", world.account.env_id), name("one"), name("two")),
    ]
}

async fn a_stale_change_is_refused(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::in_turn([Reply::Status(500)]).await;
    let mut things = things(&world, api, &sink.url()).await;
    let source = things[0].0.rsplit('/').next().expect("an id").to_owned();
    let event = server.event(&source, "x").await;
    api.delivery_becomes(&event, "failed").await;
    let issue = eventually(Duration::from_secs(15), "there is an issue", async || {
        api.get("/v1/issues").await.list().first().and_then(|issue| issue["id"].as_str().map(str::to_owned))
    })
    .await;
    things.push((format!("/v1/issues/{issue}"), json!({ "status": "acknowledged" }), json!({ "status": "open" })));
    for (path, first, second) in &things {
        let tag = tag_of(api, path).await;
        let changed = change(api, path, &tag, first).await;
        changed.expect(200);
        let next = changed.header("etag").expect("the tag of what it is now").to_owned();
        assert_ne!(tag, next, "{path}");
        for stale in [tag.as_str(), "\"nonsense\"", &format!("W/{next}")] {
            change(api, path, stale, second).await.problem(412, "precondition_failed");
        }
        let shown = api.get(path).await.expect(200);
        for (field, value) in first.as_object().expect("an object") {
            assert_eq!(shown[field], *value, "{path}: nothing was changed");
        }
        // One of several, or whatever there is.
        change(api, path, &format!("\"nonsense\", {next}"), second).await.expect(200);
        change(api, path, "*", first).await.expect(200);
        if !path.contains("issues") && !path.contains("environments") {
            let stale = Answer::of(api.request(Method::DELETE, path).header("if-match", &next)).await;
            stale.problem(412, "precondition_failed");
        }
    }
    // What comes in by itself makes no change of a source stale.
    let (path, first, _) = &things[0];
    let tag = tag_of(api, path).await;
    server.event(&source, "y").await;
    eventually(Duration::from_secs(10), "it is counted", async || (tag_of(api, path).await != tag).then_some(())).await;
    change(api, path, &tag, first).await.expect(200);
    for (path, ..) in things[..3].iter().rev() {
        let tag = tag_of(api, path).await;
        Answer::of(api.request(Method::DELETE, path).header("if-match", &tag)).await.expect(204);
        Answer::of(api.request(Method::DELETE, path).header("if-match", &tag)).await.problem(404, "not_found");
    }
}

async fn race(world: &World, nodes: &[&Client]) {
    let api = nodes[0];
    for (path, ..) in things(world, api, "http://127.0.0.1:9/").await {
        let tag = tag_of(api, &path).await;
        let changes = (0..8).map(|at| {
            let (path, tag) = (path.clone(), tag.clone());
            async move { change(nodes[at % nodes.len()], &path, &tag, &json!({ "name": format!("by {at}") })).await }
        });
        let answers = futures::future::join_all(changes).await;
        let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{path}: {:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        answers.iter().filter(|answer| answer.status != 200).for_each(|answer| {
            answer.problem(412, "precondition_failed");
        });
        assert_eq!(api.get(&path).await.expect(200)["name"], won[0].json()["name"]);
    }
}

async fn of_several_at_once_one_wins(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    race(&world, &[server.api()]).await;
}

async fn of_several_on_two_nodes_one_wins(on: On) {
    let world = World::new(on).await;
    let (one, two) = (world.serve().await, world.serve().await);
    race(&world, &[one.api(), two.api()]).await;
}

async fn what_is_known_is_not_sent_again(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    for (path, first, _) in things(&world, api, "http://127.0.0.1:9/").await {
        let tag = tag_of(api, &path).await;
        let ask = async |tag: &str| Answer::of(api.request(Method::GET, &path).header("if-none-match", tag)).await;
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}")] {
            let answer = ask(&known).await;
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{path}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
        }
        api.patch(&path, first).await.expect(200);
        assert_eq!(ask(&tag).await.status, 200, "{path} is another now");
    }
}
