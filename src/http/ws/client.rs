//! A client that is connected.

use std::{collections::HashMap, fmt::Display, future::pending, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use domain::id::EnvId;
use gateway::{
    Gateway,
    hub::{Inbox, Subscription},
    manage::{Access, Activity, Begin, Error},
    streams::{Cursor, Following, Letters, MAX_MISSED, Mail, Seat, Topic},
};
use serde_json::{Value, json};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, interval_at, timeout},
};

use super::{
    Who,
    said::{CHANGES, Named, Said, begin},
};

/// Channels and topics of one client.
const MAX_SUBSCRIPTIONS: usize = 100;
/// How long a client may take to show its key, and to take a message.
const AUTH_LIMIT: Duration = Duration::from_secs(10);
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// How often a client is asked whether it is there, and its key whether it is still good.
const PING: Duration = Duration::from_secs(15);
/// The same, where something of the project is told: no more often than so.
const CHECK: Duration = Duration::from_secs(2);
const TWICE: &str = "the topic is subscribed to already";
/// One that says nothing for so long is gone: it answers pings.
const SILENCE_LIMIT: Duration = Duration::from_secs(50);

pub struct Client {
    socket: WebSocket,
    gateway: Gateway,
    inbox: Inbox,
    mail: Mail,
    letters: Letters,
    admitted: Option<Admitted>,
    channels: HashMap<String, Subscription>,
    topics: HashMap<Topic, Following>,
    changes: Option<Changes>,
    heard_at: Instant,
}

/// That anything of the project has changed.
struct Changes {
    env: EnvId,
    activity: Receiver<Activity>,
}

struct Admitted {
    who: Who,
    access: Access,
    /// When it was last seen that the client may be here.
    checked_at: Instant,
    _seat: Seat,
}

/// Why a connection ends.
enum End {
    /// The client is gone.
    Gone,
    /// It is told so.
    Close(u16, &'static str),
    /// The same, with a message before.
    Told(&'static str, u16, &'static str),
}

impl Client {
    pub fn new(socket: WebSocket, gateway: Gateway) -> Self {
        let (mail, letters) = Mail::new();
        Self {
            socket,
            gateway,
            inbox: Inbox::new(),
            mail,
            letters,
            admitted: None,
            channels: HashMap::new(),
            topics: HashMap::new(),
            changes: None,
            heard_at: Instant::now(),
        }
    }

    pub async fn serve(mut self, admitted: Option<(Access, Who)>) {
        let ended = match admitted {
            Some((access, who)) => match self.admit(access, who) {
                Ok(()) => self.talk().await,
                Err(end) => Err(end),
            },
            None => self.talk().await,
        };
        let (code, reason) = match ended {
            Ok(()) | Err(End::Gone) => return,
            Err(End::Close(code, reason)) => (code, reason),
            Err(End::Told(error, code, reason)) => {
                if self.say(json!({ "type": "error", "error": error, "message": reason })).await.is_err() {
                    return;
                }
                (code, reason)
            }
        };
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // It may be gone by now.
        let _ = timeout(SEND_LIMIT, self.part(close)).await;
    }

    /// Says that it ends, and waits for the client to say so too: a connection that is dropped while something from the client
    /// is unread is reset, and what is on its way to the client is lost with it.
    async fn part(mut self, close: Message) -> Result<(), axum::Error> {
        self.topics.clear();
        self.channels.clear();
        self.changes = None;
        self.socket.send(close).await?;
        let stopping = self.gateway.stopping();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                received = self.socket.recv() => if !matches!(received, Some(Ok(_))) { return Ok(()) },
            }
        }
    }

    fn admit(&mut self, access: Access, who: Who) -> Result<(), End> {
        let full = "this process has as many clients of the project as it takes; try again later";
        let seat = self.gateway.seat(&access).map_err(|error| match error {
            Error::Conflict(_) => End::Told("too_many_clients", close_code::AGAIN, full),
            _ => End::Close(close_code::POLICY, "the key may not read"),
        })?;
        self.admitted = Some(Admitted { who, access, checked_at: Instant::now(), _seat: seat });
        Ok(())
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
                    None => return Err(too_slow()),
                },
                message = self.mail.next() => match message {
                    Some(text) => self.send(Message::Text(text.as_ref().into())).await?,
                    None => return Err(too_slow()),
                },
                () = next_of(&mut self.changes) => {
                    self.check_if_older(CHECK).await?;
                    self.say(json!({ "type": "change", "topic": CHANGES })).await?;
                }
                received = self.socket.recv() => {
                    self.heard_at = Instant::now();
                    match received {
                        Some(Ok(Message::Text(text))) => self.hear(text.as_str()).await?,
                        Some(Ok(Message::Binary(_))) => self.refuse("messages are texts").await?,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
                    }
                }
                _ = ping.tick() => {
                    if self.heard_at.elapsed() > SILENCE_LIMIT {
                        return Err(End::Gone);
                    }
                    self.check_if_older(Duration::ZERO).await?;
                    self.send(Message::Ping(Vec::new().into())).await?;
                }
            }
        }
    }

    async fn hear(&mut self, text: &str) -> Result<(), End> {
        let said = match serde_json::from_str(text) {
            Ok(said) => said,
            Err(error) => return self.refuse(&format!("the message is not understood: {error}")).await,
        };
        match said {
            Said::Ping {} => self.say(json!({ "type": "pong" })).await,
            Said::Auth { .. } if self.admitted.is_some() => self.refuse("the key was shown already").await,
            Said::Auth { api_key } => {
                let who = Who::Key(api_key);
                match who.access(&self.gateway).await {
                    Ok(access) => {
                        self.admit(access, who)?;
                        self.say(json!({ "type": "authenticated" })).await
                    }
                    Err(Error::Unavailable) => Err(End::Close(close_code::AGAIN, "the database is unavailable")),
                    Err(_) => Err(End::Close(close_code::POLICY, "the API key is not known")),
                }
            }
            _ if self.admitted.is_none() => {
                Err(End::Close(close_code::POLICY, "the first message must show an API key"))
            }
            Said::Subscribe { channel, topic, after, since } => match Named::of(channel, topic.as_deref()) {
                Ok(Named::Channel(channel)) if after.is_none() && since.is_none() => {
                    self.subscribe_to_channel(channel).await
                }
                Ok(Named::Channel(_)) => self.refuse("a channel keeps nothing; after and since are of topics").await,
                Ok(Named::Changes) if after.is_none() && since.is_none() => self.subscribe_to_changes().await,
                Ok(Named::Changes) => {
                    self.refuse_topic("nothing is kept of changes; after and since are of other topics", CHANGES).await
                }
                Ok(Named::Topic(topic)) => match begin(topic, after.as_deref(), since) {
                    Ok(begin) => self.subscribe_to_topic(topic, begin).await,
                    Err(error) => self.refuse_topic(&error, topic).await,
                },
                Err(error) => self.refuse(&error).await,
            },
            Said::Unsubscribe { channel, topic } => match Named::of(channel, topic.as_deref()) {
                Ok(Named::Channel(channel)) => {
                    self.channels.remove(&channel);
                    self.say(json!({ "type": "unsubscribed", "channel": channel })).await
                }
                Ok(Named::Topic(topic)) => {
                    self.topics.remove(&topic);
                    self.say(json!({ "type": "unsubscribed", "topic": topic.to_string() })).await
                }
                Ok(Named::Changes) => {
                    self.changes = None;
                    self.say(json!({ "type": "unsubscribed", "topic": CHANGES })).await
                }
                Err(error) => self.refuse(&error).await,
            },
        }
    }

    async fn subscribe_to_channel(&mut self, channel: String) -> Result<(), End> {
        let Some(admitted) = &self.admitted else { return Ok(()) };
        if !self.channels.contains_key(&channel) {
            let subscribed = if self.has_room() {
                self.gateway.subscribe(&admitted.access, &channel, &self.inbox).map_err(|error| error.to_string())
            } else {
                Err(too_many())
            };
            match subscribed {
                Ok(subscription) => self.channels.insert(channel.clone(), subscription),
                Err(error) => return self.say(json!({ "type": "error", "error": error, "channel": channel })).await,
            };
        }
        self.say(json!({ "type": "subscribed", "channel": channel })).await
    }

    async fn subscribe_to_changes(&mut self) -> Result<(), End> {
        let Some(admitted) = &self.admitted else { return Ok(()) };
        if self.changes.is_some() {
            return self.refuse_topic(TWICE, CHANGES).await;
        }
        self.changes = Some(Changes { env: admitted.access.env_id(), activity: self.gateway.activity() });
        self.say(json!({ "type": "subscribed", "topic": CHANGES, "cursor": null })).await
    }

    async fn subscribe_to_topic(&mut self, topic: Topic, begin: Option<Begin>) -> Result<(), End> {
        if self.topics.contains_key(&topic) {
            return self.refuse_topic(TWICE, topic).await;
        }
        if !self.has_room() {
            return self.refuse_topic(&too_many(), topic).await;
        }
        // Events come once each, so that what was missed goes before what is new; the state of other things may be told twice.
        if let Topic::Events(_) = topic {
            let from = match begin {
                Some(begin) => self.catch_up(topic, begin).await?,
                None => None,
            };
            self.follow(topic, from).await
        } else {
            self.follow(topic, None).await?;
            match begin {
                Some(begin) => self.catch_up(topic, begin).await.map(drop),
                None => Ok(()),
            }
        }
    }

    async fn follow(&mut self, topic: Topic, from: Option<Cursor>) -> Result<(), End> {
        let Some(admitted) = &self.admitted else { return Ok(()) };
        let following = self.gateway.follow(&admitted.access, topic, from, self.letters.clone()).await;
        let following = following.map_err(|error| unavailable(&error))?;
        let cursor = following.cursor.to_string();
        self.topics.insert(topic, following);
        self.say(json!({ "type": "subscribed", "topic": topic.to_string(), "cursor": cursor })).await
    }

    /// Sends what was missed. Returns where that ends, unless it is not known.
    async fn catch_up(&mut self, topic: Topic, begin: Begin) -> Result<Option<Cursor>, End> {
        let stopping = self.gateway.stopping();
        let mut begin = begin;
        let mut sent = 0;
        loop {
            let Some(admitted) = &self.admitted else { return Ok(None) };
            let missed =
                self.gateway.missed(&admitted.access, topic, begin).await.map_err(|error| unavailable(&error))?;
            sent += missed.messages.len();
            for text in missed.messages {
                self.send(Message::Text(text.into())).await?;
            }
            // Other topics go on meanwhile.
            while let Some(text) = self.mail.waiting() {
                self.send(Message::Text(text.as_ref().into())).await?;
            }
            begin = match missed.next {
                Some(next) if missed.has_more => Begin::Next(next),
                next => return Ok(next),
            };
            if sent >= MAX_MISSED {
                let gap = self.gateway.gap(topic);
                self.send(Message::Text(gap.into())).await?;
                return Ok(None);
            }
            if stopping.is_cancelled() {
                return Err(End::Close(close_code::AWAY, "the server stops"));
            }
        }
    }

    fn has_room(&self) -> bool {
        self.channels.len() + self.topics.len() < MAX_SUBSCRIPTIONS
    }

    /// A key that was revoked opens nothing any more, nor does a session that has ended. It is not looked again within `age`.
    async fn check_if_older(&mut self, age: Duration) -> Result<(), End> {
        let Some(admitted) = &mut self.admitted else { return Ok(()) };
        if admitted.checked_at.elapsed() < age {
            return Ok(());
        }
        admitted.checked_at = Instant::now();
        match admitted.who.access(&self.gateway).await {
            Ok(access) => admitted.access = access,
            // While the database is away nothing is known of the key, and nothing comes either.
            Err(Error::Unavailable) => {}
            Err(_) => return Err(End::Close(close_code::POLICY, "the key or the session is not good any more")),
        }
        Ok(())
    }

    async fn refuse(&mut self, error: &str) -> Result<(), End> {
        self.say(json!({ "type": "error", "error": error })).await
    }

    async fn refuse_topic(&mut self, error: &str, topic: impl Display) -> Result<(), End> {
        self.say(json!({ "type": "error", "error": error, "topic": topic.to_string() })).await
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

/// Waits until something has changed; for ever where nobody wants to know.
async fn next_of(changes: &mut Option<Changes>) {
    let Some(Changes { env, activity }) = changes else { return pending().await };
    loop {
        match activity.recv().await {
            Ok(changed) if !changed.concerns(*env) => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // The server stops, which is told in another way.
            Err(RecvError::Closed) => return pending().await,
        }
    }
}

fn too_slow() -> End {
    End::Told("too_slow", close_code::AGAIN, "messages came faster than they were taken")
}

fn too_many() -> String {
    format!("a connection has at most {MAX_SUBSCRIPTIONS} topics and channels")
}

fn unavailable(error: &Error) -> End {
    match error {
        Error::Unavailable => End::Close(close_code::AGAIN, "the database is unavailable"),
        Error::Forbidden | Error::Unauthenticated | Error::NotFound => {
            End::Close(close_code::POLICY, "the key or the session is not good any more")
        }
        _ => End::Close(close_code::ERROR, "what was missed could not be read"),
    }
}
