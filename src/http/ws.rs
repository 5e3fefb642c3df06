//! `GET /v1/ws`: clients that listen to the channels of WebSocket destinations.
//!
//! The API key stands in the headers of the request, or in the first message: `{"type": "auth", "api_key": "hs_…"}`. Then
//! `{"type": "subscribe", "channel": "orders"}` is answered by `{"type": "subscribed", "channel": "orders"}`, and every
//! event that is sent to the channel comes as `{"type": "event", …}`. What is wrong is answered by `{"type": "error", …}`.

use std::{collections::HashMap, time::Duration};

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    http::HeaderMap,
    response::Response,
};
use gateway::{
    Gateway,
    hub::{Inbox, Subscription},
    manage::{Access, Error},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, interval_at, timeout};

use super::{AppState, api::key_of, error::Problem};

/// The longest message of a client.
const MAX_MESSAGE: usize = 16 << 10;
/// Channels of one client.
const MAX_CHANNELS: usize = 100;
/// How long a client may take to show its key, and to take a message.
const AUTH_LIMIT: Duration = Duration::from_secs(10);
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// How often a client is asked whether it is there, and its key whether it is still good.
const PING: Duration = Duration::from_secs(25);

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Auth { api_key: String },
    Subscribe { channel: String },
    Unsubscribe { channel: String },
    Ping {},
}

struct Client {
    socket: WebSocket,
    gateway: Gateway,
    inbox: Inbox,
    admitted: Option<Admitted>,
    channels: HashMap<String, Subscription>,
}

struct Admitted {
    key: String,
    access: Access,
}

/// Why a connection ends.
enum End {
    /// The client is gone.
    Gone,
    /// It is told so.
    Close(u16, &'static str),
}

pub async fn connect(
    State(state): State<AppState>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let gateway = state.gateway;
    let admitted = match key_of(&headers) {
        Some(key) => Some(admit(&gateway, key).await?),
        None => None,
    };
    Ok(upgrade.max_message_size(MAX_MESSAGE).on_upgrade(async move |socket| {
        let client = Client { socket, gateway, inbox: Inbox::new(), admitted, channels: HashMap::new() };
        client.serve().await;
    }))
}

async fn admit(gateway: &Gateway, key: &str) -> Result<Admitted, Error> {
    let caller = gateway.caller_of_key(key).await?;
    let env_id = caller.env_id().ok_or(Error::Unauthenticated)?;
    let access = gateway.access(&caller, env_id).await?;
    Ok(Admitted { key: key.to_owned(), access })
}

impl Client {
    async fn serve(mut self) {
        if let Err(End::Close(code, reason)) = self.talk().await {
            let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
            // It may be gone by now.
            let _ = timeout(SEND_LIMIT, self.socket.send(close)).await;
        }
    }

    async fn talk(&mut self) -> Result<(), End> {
        let stopping = self.gateway.stopping();
        let opened = Instant::now();
        let mut ping = interval_at(opened + PING, PING);
        loop {
            let has_to_show_key = self.admitted.is_none();
            tokio::select! {
                () = stopping.cancelled() => return Err(End::Close(close_code::AWAY, "the server stops")),
                () = tokio::time::sleep_until(opened + AUTH_LIMIT), if has_to_show_key => {
                    return Err(End::Close(close_code::POLICY, "no API key came in time"));
                }
                message = self.inbox.next() => match message {
                    Some(message) => {
                        self.send(Message::Text(message.text.as_ref().into())).await?;
                        message.received();
                    }
                    None => return Err(End::Close(close_code::AGAIN, "messages came faster than they were taken")),
                },
                received = self.socket.recv() => match received {
                    Some(Ok(Message::Text(text))) => self.hear(text.as_str()).await?,
                    Some(Ok(Message::Binary(_))) => self.refuse("messages are texts", None).await?,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
                },
                _ = ping.tick() => {
                    self.check_key().await?;
                    self.send(Message::Ping(Vec::new().into())).await?;
                }
            }
        }
    }

    async fn hear(&mut self, text: &str) -> Result<(), End> {
        let said = match serde_json::from_str(text) {
            Ok(said) => said,
            Err(error) => return self.refuse(&format!("the message is not understood: {error}"), None).await,
        };
        match (said, &self.admitted) {
            (Said::Auth { api_key }, None) => match admit(&self.gateway, &api_key).await {
                Ok(admitted) => {
                    self.admitted = Some(admitted);
                    self.say(json!({ "type": "authenticated" })).await
                }
                Err(Error::Unavailable) => Err(End::Close(close_code::AGAIN, "the database is unavailable")),
                Err(_) => Err(End::Close(close_code::POLICY, "the API key is not known")),
            },
            (Said::Auth { .. }, Some(_)) => self.refuse("the key was shown already", None).await,
            (Said::Ping {}, _) => self.say(json!({ "type": "pong" })).await,
            (_, None) => Err(End::Close(close_code::POLICY, "the first message must show an API key")),
            (Said::Subscribe { channel }, Some(admitted)) => {
                if self.channels.len() >= MAX_CHANNELS {
                    return self.refuse("a connection listens to at most 100 channels", Some(&channel)).await;
                }
                if !self.channels.contains_key(&channel) {
                    match self.gateway.subscribe(&admitted.access, &channel, &self.inbox) {
                        Ok(subscription) => self.channels.insert(channel.clone(), subscription),
                        Err(error) => return self.refuse(&error.to_string(), Some(&channel)).await,
                    };
                }
                self.say(json!({ "type": "subscribed", "channel": channel })).await
            }
            (Said::Unsubscribe { channel }, Some(_)) => {
                self.channels.remove(&channel);
                self.say(json!({ "type": "unsubscribed", "channel": channel })).await
            }
        }
    }

    /// A key that was revoked opens nothing any more.
    async fn check_key(&mut self) -> Result<(), End> {
        let Some(admitted) = &self.admitted else { return Ok(()) };
        match admit(&self.gateway, &admitted.key).await {
            // While the database is away nothing is known of the key, and nothing comes either.
            Ok(_) | Err(Error::Unavailable) => Ok(()),
            Err(_) => Err(End::Close(close_code::POLICY, "the API key is not good any more")),
        }
    }

    async fn refuse(&mut self, error: &str, channel: Option<&str>) -> Result<(), End> {
        self.say(json!({ "type": "error", "error": error, "channel": channel })).await
    }

    async fn say(&mut self, message: Value) -> Result<(), End> {
        self.send(Message::Text(message.to_string().into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_LIMIT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}
