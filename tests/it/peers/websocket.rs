//! `websocket`: clients by a WebSocket library, at one node and at several.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};

use super::trip::Trip;
use crate::world::{On, Server, World, eventually};

on_sqlite!(
    websocket_wrong_credentials,
    websocket_when_nobody_listens,
    websocket_too_large,
    websocket_a_client_that_takes_nothing_loses_its_place,
    websocket_channels_have_names,
);

mod everywhere {
    use super::{websocket_is_delivered_to_every_client, websocket_test_events_come_as_well};

    on_both_databases!(websocket_is_delivered_to_every_client, websocket_test_events_come_as_well);
}

on_postgres!(websocket_clients_of_every_node_are_reached, websocket_a_silent_node_makes_it_try_again);

/// A client; dropping it closes its connection.
struct Client(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

const PATIENCE: Duration = Duration::from_secs(15);

impl Client {
    async fn connect(server: &Server, key: Option<&str>) -> Self {
        let mut request = format!("ws://{}/v1/ws", server.address()).into_client_request().expect("a request");
        if let Some(key) = key {
            request.headers_mut().insert("x-api-key", key.parse().expect("a header"));
        }
        Self(connect_async(request).await.expect("it connects").0)
    }

    /// One that listens to a channel.
    async fn listening(server: &Server, key: &str, channel: &str) -> Self {
        let mut client = Self::connect(server, Some(key)).await;
        client.subscribe(channel).await;
        client
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("it is taken");
    }

    async fn subscribe(&mut self, channel: &str) {
        self.say(json!({ "type": "subscribe", "channel": channel })).await;
        let told = self.hear().await;
        assert_eq!((&told["type"], &told["channel"]), (&json!("subscribed"), &json!(channel)));
    }

    /// The next message.
    async fn hear(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("a text is awaited, and not {other:?}"),
        }
    }

    /// The code by which the server ends it.
    async fn is_closed(&mut self) -> CloseCode {
        match self.next().await {
            Message::Close(Some(frame)) => frame.code,
            other => panic!("an end is awaited, and not {other:?}"),
        }
    }

    async fn next(&mut self) -> Message {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes");
            match next.expect("it is open").expect("a message") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }
}

fn reached(attempt: &Value) -> Value {
    serde_json::from_str(attempt["response_body"].as_str().expect("an answer")).expect("JSON")
}

async fn websocket_is_delivered_to_every_client(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Other").api_key;
    let server = world.serve().await;
    let trip = Trip { world, server };
    let key = &trip.world.account.api_key;
    let mut first = Client::listening(&trip.server, key, "orders").await;
    let mut by_message = Client::connect(&trip.server, None).await;
    by_message.say(json!({ "type": "auth", "api_key": key })).await;
    assert_eq!(by_message.hear().await["type"], "authenticated");
    by_message.subscribe("orders").await;
    let mut other_channel = Client::listening(&trip.server, key, "invoices").await;
    let mut foreign = Client::listening(&trip.server, &stranger, "orders").await;

    let seen = trip.deliver("websocket", json!({ "channel": "orders" }), r#"{"n":1}"#).await;
    seen.is_delivered();
    assert_eq!(reached(&seen.attempt), json!({ "clients": 2, "nodes": 1 }));
    for client in [&mut first, &mut by_message] {
        let got = client.hear().await;
        assert_eq!((&got["type"], &got["payload"]), (&json!("event"), &json!({ "n": 1 })));
        assert_eq!((&got["event_id"], &got["delivery_id"]), (&json!(seen.event), &seen.delivery["id"]));
    }
    for client in [&mut other_channel, &mut foreign] {
        client.say(json!({ "type": "ping" })).await;
        assert_eq!(client.hear().await["type"], "pong", "nothing came before");
    }
    first.say(json!({ "type": "unsubscribe", "channel": "orders" })).await;
    assert_eq!(first.hear().await["type"], "unsubscribed");
    drop(by_message);
    eventually(PATIENCE, "both have gone", async || {
        let seen = trip.deliver("websocket", json!({ "channel": "orders" }), "not JSON").await;
        (reached(&seen.attempt)["clients"] == 0).then_some(())
    })
    .await;
}

async fn websocket_test_events_come_as_well(on: On) {
    let trip = Trip::on(on).await;
    let mut client = Client::listening(&trip.server, &trip.world.account.api_key, "orders").await;
    let (_, id) = trip.route("websocket", json!({ "channel": "orders" }), json!({})).await;
    let told = trip.server.api().post(&format!("/v1/destinations/{id}/test"), json!({})).await.expect(200);
    assert_eq!((&told["succeeded"], &reached(&told)["clients"]), (&json!(true), &json!(1)));
    assert_eq!(client.hear().await["payload"]["type"], "hookstream.test");
}

async fn websocket_wrong_credentials() {
    let trip = Trip::new().await;
    let wrong = format!("hs_live_{}", "0".repeat(64));
    let mut request = format!("ws://{}/v1/ws", trip.server.address()).into_client_request().expect("a request");
    request.headers_mut().insert("x-api-key", wrong.parse().expect("a header"));
    let refused = connect_async(request).await.expect_err("refused");
    assert!(refused.to_string().contains("401"), "{refused}");
    for first in [json!({ "type": "auth", "api_key": wrong }), json!({ "type": "subscribe", "channel": "orders" })] {
        let mut client = Client::connect(&trip.server, None).await;
        client.say(first).await;
        assert_eq!(client.is_closed().await, CloseCode::Policy);
    }
    let mut silent = Client::connect(&trip.server, None).await;
    assert_eq!(silent.is_closed().await, CloseCode::Policy, "no key came in time");
}

async fn websocket_when_nobody_listens() {
    let trip = Trip::new().await;
    let seen = trip.deliver("websocket", json!({ "channel": "orders" }), "{}").await;
    seen.is_delivered();
    assert_eq!(reached(&seen.attempt)["clients"], 0);
    let config = json!({ "channel": "orders", "when_nobody_listens": "retry" });
    let seen = trip.deliver("websocket", config, r#"{"n":2}"#).await;
    seen.waits("status", &["nobody listens to the channel orders"]);
    let mut client = Client::listening(&trip.server, &trip.world.account.api_key, "orders").await;
    trip.again(&seen).await.is_delivered();
    assert_eq!(client.hear().await["payload"], json!({ "n": 2 }));
}

async fn websocket_too_large() {
    let trip = Trip::new().await;
    let seen = trip.deliver("websocket", json!({ "channel": "orders" }), "x".repeat(1 << 20)).await;
    seen.is_given_up("status", &["1 MiB"]);
}

async fn websocket_a_client_that_takes_nothing_loses_its_place() {
    let trip = Trip::new().await;
    let mut slow = Client::listening(&trip.server, &trip.world.account.api_key, "orders").await;
    let (source, _) = trip.route("websocket", json!({ "channel": "orders" }), json!({})).await;
    // More than sockets and queues hold.
    let body = format!("\"{}\"", "x".repeat(500_000));
    let mut last = String::new();
    for _ in 0..60 {
        last = trip.server.event(&source, body.clone()).await;
    }
    trip.server.api().event_becomes(&last, "delivered").await;
    // It is told once it has taken what was on the way.
    let code = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Message::Close(Some(frame)) = slow.next().await {
                return frame.code;
            }
        }
    });
    assert_eq!(code.await.expect("it ends"), CloseCode::Again);
    let seen = trip.deliver("websocket", json!({ "channel": "orders" }), "{}").await;
    assert_eq!(reached(&seen.attempt)["clients"], 0);
}

async fn websocket_channels_have_names() {
    let trip = Trip::new().await;
    let mut client = Client::connect(&trip.server, Some(&trip.world.account.api_key)).await;
    for bad in ["", "events", "two words", &"x".repeat(101)] {
        client.say(json!({ "type": "subscribe", "channel": bad })).await;
        assert_eq!(client.hear().await["type"], "error", "{bad}");
        let input = json!({ "name": "x", "type": "websocket", "config": { "channel": bad } });
        trip.server.api().post("/v1/destinations", input).await.field_error("config.channel");
    }
    for nonsense in ["{", "[]", r#"{"type":"subscribe"}"#, r#"{"type":"dance"}"#] {
        client.0.send(Message::text(nonsense)).await.expect("it is taken");
        assert_eq!(client.hear().await["type"], "error", "{nonsense}");
    }
    client.subscribe("orders/eu.1-a_b").await;
}

async fn websocket_clients_of_every_node_are_reached(on: On) {
    let world = World::new(on).await;
    let [one, two] = [world.serve().await, world.serve().await];
    let key = world.account.api_key.clone();
    let mut clients = vec![
        Client::listening(&one, &key, "orders").await,
        Client::listening(&two, &key, "orders").await,
        Client::listening(&two, &key, "orders").await,
    ];
    let trip = Trip { world, server: one };
    let (source, id) = trip.route("websocket", json!({ "channel": "orders" }), json!({})).await;
    for round in 0..3 {
        let seen = trip.post(&source, json!({ "round": round }).to_string()).await;
        seen.is_delivered();
        assert_eq!(reached(&seen.attempt), json!({ "clients": 3, "nodes": 2 }));
        for client in &mut clients {
            let got = client.hear().await;
            assert_eq!((&got["payload"]["round"], &got["event_id"]), (&json!(round), &json!(seen.event)));
        }
    }
    let told = trip.server.api().post(&format!("/v1/destinations/{id}/test"), json!({})).await.expect(200);
    assert_eq!(reached(&told), json!({ "clients": 3, "nodes": 2 }));
    for client in &mut clients {
        assert_eq!(client.hear().await["payload"]["type"], "hookstream.test");
    }
}

async fn websocket_a_silent_node_makes_it_try_again(on: On) {
    let world = World::new(on).await;
    let [one, two] = [world.serve().await, world.serve().await];
    let key = world.account.api_key.clone();
    let mut near = Client::listening(&one, &key, "orders").await;
    let mut far = Client::listening(&two, &key, "orders").await;
    let trip = Trip { world, server: one };
    let more =
        json!({ "retry": { "strategy": "schedule", "intervals_seconds": [1], "max_attempts": 20, "jitter": 0 } });
    let (source, _) = trip.route("websocket", json!({ "channel": "orders" }), more).await;
    two.signal("STOP");
    let seen = trip.post(&source, r#"{"n":1}"#).await;
    assert_eq!(seen.attempt["status"], "failed", "{seen:#?}");
    assert!(seen.attempt["error"].as_str().is_some_and(|error| error.contains("did not say in time")), "{seen:#?}");
    two.signal("CONT");
    trip.server.api().event_becomes(&seen.event, "delivered").await;
    for client in [&mut near, &mut far] {
        assert_eq!(client.hear().await["event_id"], json!(seen.event));
    }
}
