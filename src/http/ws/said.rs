//! What clients say.

use domain::time::Timestamp;
use gateway::{manage::Begin, streams::Topic};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Said {
    Auth {
        api_key: String,
    },
    Subscribe {
        channel: Option<String>,
        topic: Option<String>,
        /// The cursor of an earlier message.
        after: Option<String>,
        since: Option<Timestamp>,
    },
    Unsubscribe {
        channel: Option<String>,
        topic: Option<String>,
    },
    Ping {},
}

/// What is subscribed to, or no more.
pub enum Named {
    Channel(String),
    Topic(Topic),
    /// Whether anything changes, and not what.
    Changes,
}

/// By this name.
pub const CHANGES: &str = "changes";

impl Named {
    /// # Errors
    /// Says what is wrong.
    pub fn of(channel: Option<String>, topic: Option<&str>) -> Result<Self, String> {
        match (channel, topic) {
            (Some(channel), None) => Ok(Self::Channel(channel)),
            (None, Some(CHANGES)) => Ok(Self::Changes),
            (None, Some(topic)) => topic
                .parse()
                .map(Self::Topic)
                .map_err(|wanted| format!("the topic {wanted}, or {CHANGES}, and not {topic:?}")),
            _ => Err("either a topic or a channel is to be named".to_owned()),
        }
    }
}

/// From where on a topic is wanted, where that is said.
///
/// # Errors
/// Says what is wrong.
pub fn begin(topic: Topic, after: Option<&str>, since: Option<Timestamp>) -> Result<Option<Begin>, String> {
    match (after, since) {
        (None, None) => Ok(None),
        (None, Some(since)) => Ok(Some(Begin::Since(since))),
        (Some(after), None) => {
            let cursor: gateway::streams::Cursor = after.parse().map_err(|error| format!("after {error}"))?;
            if cursor.fits(topic) {
                Ok(Some(Begin::After(cursor)))
            } else {
                Err("after must be the `cursor` of an earlier message of this topic".to_owned())
            }
        }
        (Some(_), Some(_)) => Err("either after or since may be given".to_owned()),
    }
}
