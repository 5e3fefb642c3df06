//! How many events a second one thread holds against a filter, and shapes by a transform, from bytes to bytes:
//! `rules_speed <payload file> <filter file> <expression file> <seconds>`. `cargo xtask bench rules` runs it beside Node.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use domain::{
    connection,
    id::{EnvId, EventId, SourceId},
    rehearsal::SampleEvent,
    time::Timestamp,
};
use gateway::{
    event_view::{EventView, Payload},
    rules::{Rules, Verdict},
};

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [payload, filter, expression, seconds] = arguments.as_slice() else {
        panic!("rules_speed <payload file> <filter file> <expression file> <seconds>")
    };
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let time = Duration::from_secs(seconds.parse().expect("a number of seconds"));
    let body = bytes::Bytes::from(read(payload));
    let filter = serde_json::from_str(&read(filter)).expect("a filter");
    let rules =
        connection::Rules { filter: Some(filter), transform: Some(read(expression)), ..connection::Rules::default() };
    let rules = Rules::compile(&rules).expect("rules");
    let sample = SampleEvent::default();
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    let event = EventView {
        id: Some(EventId::new(NOW, 1)),
        source_id: Some(SourceId::new(NOW, 1)),
        ..EventView::of_sample(&sample, &headers, NOW)
    };
    let parsed = Payload::new(body.clone());
    let judged = per_second(time, || {
        assert!(matches!(rules.judge(black_box(&event), black_box(&parsed)), Verdict::Through(_)), "it matches");
    });
    let read_and_judged = per_second(time, || {
        let payload = Payload::new(body.clone());
        assert!(matches!(rules.judge(black_box(&event), &payload), Verdict::Through(_)), "it matches");
    });
    let begun = Instant::now();
    let mut shaped = 0_u32;
    while begun.elapsed() < time {
        let made = rules.shape(EnvId::new(NOW, 1), &event, black_box(&body), NOW).await;
        assert!(black_box(made).is_ok_and(|made| made.is_some()), "it comes to something");
        shaped += 1;
    }
    let shaped = f64::from(shaped) / begun.elapsed().as_secs_f64();
    println!("{}", serde_json::json!({ "judged": judged, "read_and_judged": read_and_judged, "shaped": shaped }));
}

fn per_second(time: Duration, mut work: impl FnMut()) -> f64 {
    const AT_ONCE: u32 = 100;
    let begun = Instant::now();
    let mut times = 0_u32;
    while begun.elapsed() < time {
        for _ in 0..AT_ONCE {
            work();
        }
        times += AT_ONCE;
    }
    f64::from(times) / begun.elapsed().as_secs_f64()
}
