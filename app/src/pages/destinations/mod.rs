//! Destinations: the list, the form, one destination with what was sent to it.

mod circuit;
mod deliveries;
mod detail;
mod edit;
mod fields;
mod gate_fields;
mod health;
mod list;
mod new;
mod setting_fields;
mod trial;

pub use deliveries::DeliveryTable;
pub use detail::DestinationPage;
pub use edit::EditDestinationPage;
pub use list::DestinationsPage;
pub use new::NewDestinationPage;

use domain::{
    destination::DestinationType,
    ordering::{Ordering, OrderingMode},
    rate_limit::RateLimit,
    retry::{RetryPolicy, RetryStrategy},
};

use crate::components::Icon;

const fn icon_of(kind: DestinationType) -> Icon {
    match kind {
        DestinationType::Http => Icon::Globe,
        DestinationType::AwsSqs => Icon::Menu,
        DestinationType::AwsS3 => Icon::Box,
        DestinationType::AwsEventbridge => Icon::Route,
        DestinationType::GcpPubsub => Icon::Cable,
        DestinationType::Kafka => Icon::Activity,
        DestinationType::Rabbitmq => Icon::MessageSquare,
        DestinationType::Websocket => Icon::Radio,
    }
}

/// Seconds as people say them: `30 s`, `5 min`, `2 h`.
fn wait_words(seconds: u32) -> String {
    match seconds {
        0 => "0 s".to_owned(),
        s if s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s % 3_600 == 0 => format!("{} h", s / 3_600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

fn schedule_words(policy: &RetryPolicy) -> String {
    let intervals = policy.intervals_seconds.as_deref().unwrap_or_default();
    intervals.iter().map(|seconds| wait_words(*seconds)).collect::<Vec<_>>().join(", ")
}

/// When a delivery is tried again, in a sentence.
fn retry_words(policy: &RetryPolicy) -> String {
    let base = wait_words(policy.base_seconds.unwrap_or_default());
    let waits = match policy.strategy {
        RetryStrategy::Schedule => format!("after {}", schedule_words(policy)),
        RetryStrategy::Fixed => format!("every {base}"),
        RetryStrategy::Linear => format!("after {base}, and {base} longer each time"),
        RetryStrategy::Exponential => format!("after {base}, and twice as long each time"),
    };
    match policy.max_attempts {
        1 => "One attempt, no retry".to_owned(),
        attempts => format!("Up to {attempts} attempts, {waits}"),
    }
}

/// How much it is sent, in a sentence.
fn limit_words(limit: Option<RateLimit>) -> String {
    let rate = limit.and_then(|it| Some(format!("{} per {}", it.limit?, it.per?.as_str())));
    let at_once = limit.and_then(|it| it.max_in_flight).map(|most| format!("{most} at once"));
    let words: Vec<_> = rate.into_iter().chain(at_once).collect();
    if words.is_empty() { "none".to_owned() } else { format!("at most {}", words.join(", ")) }
}

/// What waits for what, in a sentence.
fn order_words(ordering: &Ordering) -> String {
    match (ordering.mode, &ordering.key) {
        (OrderingMode::Parallel, _) => "in parallel".to_owned(),
        (OrderingMode::Ordered, None) => "one after the other".to_owned(),
        (OrderingMode::Ordered, Some(key)) => format!("one after the other by {key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_well() {
        use domain::rate_limit::Per;
        let words = |limit, per, max_in_flight| limit_words(Some(RateLimit { limit, per, max_in_flight }));
        assert_eq!(limit_words(None), "none");
        assert_eq!(words(Some(10), Some(Per::Minute), Some(2)), "at most 10 per minute, 2 at once");
        assert_eq!(words(None, None, Some(2)), "at most 2 at once");
    }

    #[test]
    fn the_default_schedule_reads_well() {
        let words = retry_words(&RetryPolicy::default());
        assert_eq!(words, "Up to 6 attempts, after 30 s, 5 min, 30 min, 2 h, 1 d");
    }
}
