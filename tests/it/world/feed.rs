//! A client at `/v1/ws`, by a WebSocket library.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
pub use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use super::{Server, within};

/// A client; dropping it closes its connection.
pub struct Feed(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

const PATIENCE: Duration = Duration::from_secs(20);

impl Feed {
    pub async fn open(server: &Server, key: &str) -> Self {
        Self::try_open(server, "/v1/ws", &[("x-api-key", key)]).await.expect("it connects")
    }

    /// One for which little waits on its way.
    pub async fn open_narrow(server: &Server, key: &str) -> Self {
        let mut request = format!("ws://{}/v1/ws", server.address()).into_client_request().expect("a request");
        request.headers_mut().insert("x-api-key", key.parse().expect("a header"));
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(256 << 10).expect("a size");
        let address = server.address().parse().expect("an address");
        let stream = socket.connect(address).await.expect("it connects");
        let (socket, _) = client_async(request, MaybeTlsStream::Plain(stream)).await.expect("it is let in");
        Self(socket)
    }

    /// With these headers; fails with the status by which it is refused.
    pub async fn try_open(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{}{path}", server.address()).into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no answer: {error}"),
        }
    }

    pub async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("it is taken");
    }

    /// Follows a topic from now on. Returns the cursor that it begins with.
    pub async fn follow(&mut self, topic: &str) -> String {
        let (missed, cursor) = self.resume(json!({ "type": "subscribe", "topic": topic })).await;
        assert!(missed.is_empty(), "{missed:?}");
        cursor
    }

    /// Follows a topic as the message says. Returns what comes before it is subscribed to, and the cursor that it begins with.
    pub async fn resume(&mut self, message: Value) -> (Vec<Value>, String) {
        self.say(message).await;
        let mut missed = Vec::new();
        loop {
            let told = self.hear().await;
            match told["type"].as_str() {
                Some("subscribed") => return (missed, told["cursor"].as_str().expect("a cursor").to_owned()),
                Some("error") => panic!("{told}"),
                _ => missed.push(told),
            }
        }
    }

    /// The next message.
    pub async fn hear(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("a text is awaited, and not {other:?}"),
        }
    }

    /// Whatever comes within this time.
    pub async fn hear_for(&mut self, time: Duration) -> Vec<Value> {
        let mut heard = Vec::new();
        let _ = tokio::time::timeout(time, async {
            loop {
                heard.push(self.hear().await);
            }
        })
        .await;
        heard
    }

    /// That nothing came before: a question is answered at once.
    pub async fn is_quiet(&mut self) {
        self.say(json!({ "type": "ping" })).await;
        assert_eq!(self.hear().await, json!({ "type": "pong" }));
    }

    /// The code by which the server ends it, once everything was taken; what came before that is in the list.
    pub async fn is_closed(&mut self) -> (Vec<Value>, CloseCode) {
        let mut heard = Vec::new();
        loop {
            match self.hear_or_end().await {
                Ok(message) => heard.push(message),
                Err(code) => return (heard, code),
            }
        }
    }

    /// The next message, or the code by which the server ends it.
    pub async fn hear_or_end(&mut self) -> Result<Value, CloseCode> {
        match self.next().await {
            Message::Text(text) => Ok(serde_json::from_str(&text).expect("JSON")),
            Message::Close(Some(frame)) => Err(frame.code),
            other => panic!("a text or an end is awaited, and not {other:?}"),
        }
    }

    async fn next(&mut self) -> Message {
        loop {
            let next = within(PATIENCE, "something comes", self.0.next()).await;
            match next.expect("it is open").expect("a message") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }
}
