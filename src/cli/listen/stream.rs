//! The events of a project as they come, over the WebSocket: whatever becomes of the connection, each once, in order.

use std::{collections::HashMap, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{event::EventSummary, time::Timestamp};
use futures::{SinkExt, StreamExt};
use gateway::clock;
use reqwest::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, interval, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

use crate::cli::{
    Failure,
    client::{Api, reason},
    is_unreachable,
};

/// What there is to know.
pub enum News {
    Event(Box<EventSummary>),
    Connected,
    /// It is tried again after a while.
    Lost {
        why: String,
        wait: Duration,
    },
    /// More was missed than was told.
    Gap,
    /// It is of no use to try again.
    Ended(anyhow::Error),
}

/// What the server says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Subscribed {
        topic: String,
        cursor: String,
    },
    Event {
        topic: String,
        cursor: String,
        event: Box<EventSummary>,
    },
    Gap {
        topic: String,
        cursor: Option<String>,
    },
    Error {
        error: String,
        topic: Option<String>,
    },
    #[serde(other)]
    Other,
}

/// Why a connection ended.
enum Trouble {
    Lost(String),
    Final(anyhow::Error),
    /// Nobody wants to hear any more.
    Over,
}

type Socket = WebSocketStream<reqwest::Upgraded>;

/// How long a connection may take to be there, and to take a message.
const LIMIT: Duration = Duration::from_secs(10);
/// How often the server is asked whether it is there, and how long it may be silent.
const PING: Duration = Duration::from_secs(5);
const SILENCE_LIMIT: Duration = Duration::from_secs(15);
/// A clock that went on so much further than this program has slept with the machine: whatever was connected is no more.
const SLEPT: Duration = Duration::from_secs(10);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A connection that lasted so long was a good one.
const GOOD: Duration = Duration::from_secs(2);

/// Where the stream is in each topic.
struct Places {
    topics: Vec<String>,
    cursors: HashMap<String, String>,
    since: Option<Timestamp>,
}

/// Follows the topics until nobody hears of it any more, or it is of no use.
pub async fn follow(api: Api, topics: Vec<String>, since: Option<Timestamp>, news: mpsc::Sender<News>) {
    let mut places = Places { topics, cursors: HashMap::new(), since };
    let mut wait = FIRST_WAIT;
    loop {
        // While nobody takes what there is, nothing is asked for.
        if news.reserve().await.is_err() {
            return;
        }
        let began = Instant::now();
        let why = match listen(&api, &mut places, &news).await {
            Trouble::Over => return,
            Trouble::Final(error) => {
                let _ = news.send(News::Ended(error)).await;
                return;
            }
            Trouble::Lost(why) => why,
        };
        if began.elapsed() > GOOD {
            wait = FIRST_WAIT;
        }
        // Many listeners that lost the same server do not come back at the same moment.
        let now = wait.mul_f64(1.0 + clock::spread() / 4.0);
        if news.send(News::Lost { why, wait: now }).await.is_err() {
            return;
        }
        tokio::time::sleep(now).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn listen(api: &Api, places: &mut Places, news: &mpsc::Sender<News>) -> Trouble {
    let mut socket = match open(api).await {
        Ok(socket) => socket,
        Err(trouble) => return trouble,
    };
    for topic in &places.topics {
        let mut message = json!({ "type": "subscribe", "topic": topic });
        match (places.cursors.get(topic), places.since) {
            (Some(cursor), _) => message["after"] = json!(cursor),
            (None, Some(since)) => message["since"] = json!(since),
            (None, None) => {}
        }
        if let Err(trouble) = say(&mut socket, Message::text(message.to_string())).await {
            return trouble;
        }
    }
    let mut waiting = places.topics.len();
    let mut ping = interval(PING);
    let (mut heard, mut looked, mut wall) = (Instant::now(), Instant::now(), clock::now());
    loop {
        tokio::select! {
            message = socket.next() => {
                heard = Instant::now();
                let text = match message {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Close(frame))) => {
                        let why = frame.map(|frame| frame.reason.to_string()).filter(|reason| !reason.is_empty());
                        return Trouble::Lost(why.unwrap_or_else(|| "the server closed it".to_owned()));
                    }
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => return Trouble::Lost(error.to_string()),
                    None => return Trouble::Lost("the server is gone".to_owned()),
                };
                let Ok(said) = serde_json::from_str(text.as_str()) else { continue };
                match places.take(said, news).await {
                    Ok(is_subscribed) => {
                        waiting -= usize::from(is_subscribed).min(waiting);
                        if is_subscribed && waiting == 0 && news.send(News::Connected).await.is_err() {
                            return Trouble::Over;
                        }
                    }
                    Err(trouble) => return trouble,
                }
                // The time that others took to make room is not the server's silence.
                heard = heard.max(Instant::now());
            }
            _ = ping.tick() => {
                let went_on = clock::now().since(wall).saturating_sub(looked.elapsed());
                (looked, wall) = (Instant::now(), clock::now());
                if went_on > SLEPT {
                    return Trouble::Lost("this machine was asleep".to_owned());
                }
                if heard.elapsed() > SILENCE_LIMIT {
                    return Trouble::Lost("the server does not answer".to_owned());
                }
                if let Err(trouble) = say(&mut socket, Message::text(r#"{"type":"ping"}"#)).await {
                    return trouble;
                }
            }
        }
    }
}

impl Places {
    /// Takes what the server said. Returns whether a topic is subscribed to now.
    async fn take(&mut self, said: Said, news: &mpsc::Sender<News>) -> Result<bool, Trouble> {
        match said {
            Said::Subscribed { topic, cursor } => {
                self.cursors.insert(topic, cursor);
                Ok(true)
            }
            Said::Event { topic, cursor, event } => {
                // Only what was handed on counts as had.
                news.send(News::Event(event)).await.map_err(|_| Trouble::Over)?;
                self.cursors.insert(topic, cursor);
                Ok(false)
            }
            Said::Gap { topic, cursor } => {
                if let Some(cursor) = cursor {
                    self.cursors.insert(topic, cursor);
                }
                news.send(News::Gap).await.map_err(|_| Trouble::Over)?;
                Ok(false)
            }
            Said::Error { error, topic: Some(_) } => Err(Trouble::Final(Failure::refused(error).into())),
            Said::Error { error, topic: None } => Err(Trouble::Lost(error)),
            Said::Other => Ok(false),
        }
    }
}

async fn say(socket: &mut Socket, message: Message) -> Result<(), Trouble> {
    match timeout(LIMIT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Trouble::Lost(error.to_string())),
        Err(_) => Err(Trouble::Lost("the server takes nothing".to_owned())),
    }
}

async fn open(api: &Api) -> Result<Socket, Trouble> {
    timeout(LIMIT, connect(api)).await.unwrap_or_else(|_| Err(Trouble::Lost("the server does not answer".to_owned())))
}

/// Opens a WebSocket by the client that everything else goes through, with its proxies and certificates.
pub async fn handshake(api: &Api) -> anyhow::Result<reqwest::Response> {
    let http = reqwest::Client::builder().http1_only().redirect(reqwest::redirect::Policy::none()).build()?;
    let key = BASE64_STANDARD.encode(clock::secret_bytes::<16>());
    let request = http
        .get(format!("{}/v1/ws", api.base()))
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key)
        .header("x-api-key", api.key()?);
    let unreachable = |error: reqwest::Error| {
        Failure::unreachable(format!("the server at {} could not be reached: {}", api.base(), reason(&error)))
    };
    let response = request.send().await.map_err(unreachable)?;
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => {
            let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT).map(|value| value.as_bytes().to_vec());
            if accepted.as_deref() == Some(derive_accept_key(key.as_bytes()).as_bytes()) {
                Ok(response)
            } else {
                Err(Failure::unreachable("what answers takes no WebSocket").into())
            }
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(Failure::key(format!("the server at {} does not take this API key", api.base())).into())
        }
        status => Err(Failure::unreachable(format!("the server answers {status} in the place of a WebSocket")).into()),
    }
}

async fn connect(api: &Api) -> Result<Socket, Trouble> {
    let response = match handshake(api).await {
        Ok(response) => response,
        Err(error) if is_unreachable(&error) => return Err(Trouble::Lost(error.to_string())),
        Err(error) => return Err(Trouble::Final(error)),
    };
    let upgraded = response.upgrade().await.map_err(|error| Trouble::Lost(reason(&error)))?;
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await)
}
