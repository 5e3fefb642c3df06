//! Requests that are known by an idempotency key, and are carried out once.

use std::time::Duration;

use store::idempotency::Found;
pub use store::idempotency::KeptAnswer;

use super::{Access, Result};
use crate::{Gateway, clock};

/// The longest answer that is kept, in bytes.
pub const MAX_KEPT: usize = 64 << 10;
/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_hours(24);
/// After this time whoever carries the request out is taken for dead.
const CLAIM: Duration = Duration::from_mins(5);
/// How long whoever comes second waits for the first one's answer.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);

/// A request that is the caller's to carry out.
pub struct Claimed {
    key: String,
    owner: i64,
}

/// What is known of a request.
pub enum Claim {
    /// Nothing: it is to be carried out, and what came of it told.
    Mine(Claimed),
    /// It was carried out.
    Done(KeptAnswer),
    /// Somebody else carries it out.
    Busy,
    /// Another request had this key.
    OtherRequest,
}

impl Gateway {
    /// Takes a request by its key and what makes it the same, on all nodes together.
    pub async fn claim_request(&self, access: &Access, key: &str, request: [u8; 32]) -> Result<Claim> {
        let owner = clock::node_number();
        let begun = tokio::time::Instant::now();
        loop {
            let now = clock::now();
            if access.rows.claim_request(key, &request, owner, now, now.plus(CLAIM), now.plus(KEPT_FOR)).await? {
                return Ok(Claim::Mine(Claimed { key: key.to_owned(), owner }));
            }
            match access.rows.claimed_request(key, &request).await? {
                Some(Found::OtherRequest) => return Ok(Claim::OtherRequest),
                Some(Found::Answered(answer)) => return Ok(Claim::Done(answer)),
                Some(Found::Open) if begun.elapsed() >= PATIENCE => return Ok(Claim::Busy),
                // It was given up in between when there is none.
                Some(Found::Open) | None => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Keeps what the request was answered with. Who asks again while that fails is told to wait.
    pub async fn keep_answer(&self, access: &Access, claimed: Claimed, answer: KeptAnswer) {
        if let Err(error) = access.rows.keep_answer(&claimed.key, claimed.owner, &answer).await {
            tracing::warn!(%error, "an answer could not be kept for its idempotency key");
        }
    }

    /// Lets the request be carried out once more.
    pub async fn give_up_claim(&self, access: &Access, claimed: Claimed) {
        if let Err(error) = access.rows.give_up_claim(&claimed.key, claimed.owner).await {
            tracing::warn!(%error, "an idempotency key could not be freed");
        }
    }
}
