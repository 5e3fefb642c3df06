//! Tokens that are asked for once and used until shortly before they end.

use std::time::Duration;

use domain::delivery::ErrorClass;
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use super::exchange::{Post, Request, said};
use crate::{http_client::SendError, pipeline::deliver::Answer};

/// The token of one destination.
#[derive(Default)]
pub(crate) struct TokenCache(Mutex<Option<Token>>);

struct Token {
    value: String,
    good_until: Instant,
}

/// A token to send.
pub(crate) struct Got {
    pub value: String,
    /// It had been asked for before, so that one that is refused may be just too old.
    pub is_kept: bool,
}

/// A token is not used in the last part of its time, in which it may end on the way.
const MARGIN: Duration = Duration::from_mins(1);
/// How long a token is used that does not say how long it is good.
const UNSAID: Duration = Duration::from_mins(5);
const LONGEST: Duration = Duration::from_hours(12);

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Option<f64>,
}

#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl TokenCache {
    /// The token that is kept, or a new one by this request. Whoever comes meanwhile waits for it.
    pub async fn get(
        &self,
        post: &Post<'_>,
        request: impl FnOnce() -> Result<Request, SendError>,
    ) -> Result<Got, SendError> {
        let fetch = async {
            let mut kept = self.0.lock().await;
            if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.good_until) {
                return Ok(Got { value: token.value.clone(), is_kept: true });
            }
            *kept = None;
            let asked_at = Instant::now();
            let answer = post.ask(post.client, request()?).await?;
            let (value, lifetime) = read(&answer)?;
            let margin = MARGIN.min(lifetime / 4);
            *kept = Some(Token { value: value.clone(), good_until: asked_at + lifetime.saturating_sub(margin) });
            Ok(Got { value, is_kept: false })
        };
        tokio::time::timeout_at(post.deadline, fetch).await.unwrap_or_else(|_| Err(post.timeout()))
    }

    /// The token was refused: the next one is asked for anew.
    pub async fn forget(&self, refused: &str) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|token| token.value == refused) {
            *kept = None;
        }
    }
}

fn read(answer: &Answer) -> Result<(String, Duration), SendError> {
    let status = answer.status.unwrap_or_default();
    if !(200..300).contains(&status) {
        let Refused { error, error_description } = serde_json::from_str(&answer.body).unwrap_or_default();
        let why = match (error.is_empty(), error_description.is_empty()) {
            (true, _) => format!("it answered {status}"),
            (false, true) => format!("{status} {error}"),
            (false, false) => format!("{status} {error}: {}", said(&error_description)),
        };
        return Err(SendError::new(ErrorClass::Status, format!("the token endpoint gave no token: {why}")));
    }
    let granted: Granted = serde_json::from_str(&answer.body).map_err(|_| {
        SendError::new(ErrorClass::Protocol, "the token endpoint answered without an access_token in JSON")
    })?;
    let seconds = granted.expires_in.filter(|seconds| seconds.is_finite() && *seconds > 0.0);
    let lifetime = seconds.map_or(UNSAID, |seconds| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())));
    Ok((granted.access_token, lifetime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_token_or_says_why_not() {
        let answer =
            |status, body: &str| Answer { status: Some(status), headers: vec![], body: body.into(), retry_after: None };
        let token = read(&answer(200, r#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#));
        assert_eq!(token, Ok(("t".to_owned(), Duration::from_hours(1))));
        assert_eq!(read(&answer(200, r#"{"access_token":"t"}"#)).map(|it| it.1), Ok(UNSAID));
        let refused = read(&answer(401, r#"{"error":"invalid_client","error_description":"no such client."}"#));
        let message = refused.expect_err("refused").message;
        assert_eq!(message, "the token endpoint gave no token: 401 invalid_client: no such client");
        assert!(read(&answer(200, "<html>")).is_err());
    }
}
