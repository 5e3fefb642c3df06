//! The last stage: what follows from an attempt? A pure verdict, and the record that is stored with it.

use std::time::Duration;

use domain::{
    delivery::{Attempt, AttemptStatus, ErrorClass, Trigger},
    id::{AttemptId, DeliveryId},
    retry::RetryPolicy,
    time::Timestamp,
};
use store::writer::Verdict;

use crate::pipeline::deliver::{Outcome, Sent};

/// What the attempt was one of.
#[derive(Debug, Clone, Copy)]
pub struct Tried {
    pub delivery_id: DeliveryId,
    /// 1 is the first.
    pub attempt_number: u32,
    pub trigger: Trigger,
    pub started_at: Timestamp,
}

/// Chance and time, as the verdict needs them.
#[derive(Debug, Clone, Copy)]
pub struct Dice {
    pub now: Timestamp,
    /// Evenly between -1 and 1.
    pub spread: f64,
    pub id_bits: u128,
}

/// Decides what becomes of the delivery, and writes the attempt down.
#[must_use]
pub fn settle(tried: Tried, sent: Sent, policy: &RetryPolicy, dice: Dice) -> (Attempt, Verdict) {
    let verdict = verdict(tried.attempt_number, &sent, policy, dice);
    let next_retry_at = match verdict {
        Verdict::Retry(at) => Some(at),
        Verdict::Succeeded | Verdict::GiveUp => None,
    };
    let succeeded = verdict == Verdict::Succeeded;
    let attempt = Attempt {
        id: AttemptId::new(tried.started_at, dice.id_bits),
        delivery_id: tried.delivery_id,
        attempt_number: tried.attempt_number,
        trigger: tried.trigger,
        status: if succeeded { AttemptStatus::Succeeded } else { AttemptStatus::Failed },
        started_at: tried.started_at,
        latency_ms: sent.latency_ms,
        response_status: sent.answer.as_ref().and_then(|answer| answer.status),
        error: sent.error().map(|error| error.message.clone()),
        error_class: sent.error().map(|error| error.class),
        request: sent.request,
        next_retry_at,
        response_headers: sent.answer.as_ref().map(|answer| answer.headers.clone()),
        response_body: sent.answer.map(|answer| answer.body),
    };
    (attempt, verdict)
}

fn verdict(attempt_number: u32, sent: &Sent, policy: &RetryPolicy, dice: Dice) -> Verdict {
    let error = match &sent.outcome {
        Outcome::Delivered => return Verdict::Succeeded,
        Outcome::GiveUp(_) => return Verdict::GiveUp,
        Outcome::Retry(error) => error,
    };
    let status = sent.answer.as_ref().and_then(|answer| answer.status);
    if error.class == ErrorClass::Status && status.is_some_and(|status| policy.give_up_on.contains(&status)) {
        return Verdict::GiveUp;
    }
    let Some(wait) = policy.wait_after(attempt_number, dice.spread) else { return Verdict::GiveUp };
    let asked = sent.answer.as_ref().and_then(|answer| answer.retry_after).unwrap_or(Duration::ZERO);
    let wait = wait.max(asked.min(policy.longest_asked_wait(attempt_number)));
    Verdict::Retry(dice.now.plus(wait))
}

#[cfg(test)]
mod tests {
    use domain::delivery::SentRequest;

    use super::*;
    use crate::{http_client::SendError, pipeline::deliver::Answer};

    const DICE: Dice = Dice { now: Timestamp::from_micros(0), spread: 0.0, id_bits: 0 };

    fn sent(status: u16, retry_after: Option<u64>) -> Sent {
        let answer = Answer {
            status: Some(status),
            headers: vec![],
            body: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        };
        let failed = !(200..300).contains(&status);
        Sent {
            request: SentRequest { method: "POST".into(), url: "https://example.com/".into(), headers: vec![] },
            answer: Some(answer),
            outcome: if failed {
                Outcome::Retry(SendError::new(ErrorClass::Status, "the receiver answered so"))
            } else {
                Outcome::Delivered
            },
            latency_ms: 1,
        }
    }

    fn seconds(number: u32, sent: &Sent) -> Option<i64> {
        match verdict(number, sent, &RetryPolicy::default(), DICE) {
            Verdict::Retry(at) => Some(at.as_secs()),
            Verdict::Succeeded | Verdict::GiveUp => None,
        }
    }

    #[test]
    fn success_ends_it_and_failure_has_its_schedule() {
        assert_eq!(verdict(1, &sent(204, None), &RetryPolicy::default(), DICE), Verdict::Succeeded);
        assert_eq!(seconds(1, &sent(500, None)), Some(30));
        assert_eq!(seconds(5, &sent(301, None)), Some(86_400));
        assert_eq!(verdict(6, &sent(500, None), &RetryPolicy::default(), DICE), Verdict::GiveUp);
        assert_eq!(verdict(1, &sent(410, None), &RetryPolicy::default(), DICE), Verdict::GiveUp);
    }

    #[test]
    fn what_will_never_be_taken_is_not_tried_again() {
        let mut sent = sent(400, None);
        sent.outcome = Outcome::GiveUp(SendError::new(ErrorClass::Status, "too large"));
        assert_eq!(verdict(1, &sent, &RetryPolicy::default(), DICE), Verdict::GiveUp);
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_but_not_for_ever() {
        assert_eq!(seconds(1, &sent(503, Some(100))), Some(100));
        assert_eq!(seconds(1, &sent(503, Some(5))), Some(30));
        assert_eq!(seconds(1, &sent(429, Some(1_000_000))), Some(330));
    }
}
