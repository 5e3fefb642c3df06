//! Bodies of requests, read within bounds.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Limited};

use super::error::Problem;

/// How much more than allowed is read of a body that is refused, and for how long.
pub const MAX_DISCARDED: usize = 16 << 20;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads all of a body, of at most `max` bytes.
///
/// # Errors
/// 413 when it is longer, 400 when it breaks off.
pub async fn whole(mut body: Body, max: usize) -> Result<Bytes, Problem> {
    let mut whole = BytesMut::with_capacity(announced(&body).min(max));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| broken_off())?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > max {
            drop(whole);
            discard(body).await;
            return Err(Problem::too_large(max));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

pub fn broken_off() -> Problem {
    Problem::malformed("The body ended before all of it had come.")
}

/// How long a body says it is.
pub fn announced(body: &Body) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}

/// Reads what is left of a body that is not taken, within limits: most senders write all of it before they read the
/// answer, and would see nothing but a broken connection. Returns how much that was.
pub async fn discard(body: Body) -> usize {
    let mut left = Limited::new(body, MAX_DISCARDED);
    let mut length = 0;
    let read = async {
        while let Some(Ok(frame)) = left.frame().await {
            length += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    // Whoever takes longer has no answer to lose that they would wait for.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, read).await;
    length
}
