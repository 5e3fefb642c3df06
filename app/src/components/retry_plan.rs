//! When the tries of a delivery come: a drawing to scale, with each try's jitter as a band, and the same as a list.

use std::time::Duration;

use domain::retry::{RetryPolicy, Try};
use leptos::prelude::*;

use super::{
    time::Timestamp,
    timeline::{Scale, length},
};

/// The tries of a policy. Nothing is drawn while there is none, as when what is typed is not valid yet.
#[component]
pub fn RetryPlan(#[prop(into)] policy: Signal<Option<RetryPolicy>>) -> impl IntoView {
    let plan = move || match policy.get() {
        None => view! { <p class="retry-plan-words">"What stands here makes no schedule yet."</p> }.into_any(),
        Some(policy) => drawing(&policy),
    };
    view! { <figure class="retry-plan">{plan}</figure> }.into_any()
}

/// Where the line of time is, and how high bands and marks reach, in pixels from above.
const BASE: u32 = 44;
const TOP: u32 = 18;

fn drawing(policy: &RetryPolicy) -> AnyView {
    let tries = policy.tries();
    let words = summary(policy, &tries);
    let last = tries.last().copied().unwrap_or_default();
    if last.latest.is_zero() {
        return view! { <figcaption class="retry-plan-words">{words}</figcaption> }.into_any();
    }
    let start = Timestamp::from_micros(0);
    let scale = Scale::new(start, start.plus(last.latest));
    let place = |at: Duration| scale.place(at.as_secs_f64());
    let ticks: Vec<_> = scale.ticks().into_iter().map(|(x, label)| tick(x, &label)).collect();
    let numbered = numbered(&tries.iter().map(|it| place(it.usual)).collect::<Vec<_>>());
    let count = tries.len();
    let marks: Vec<_> = tries
        .iter()
        .zip(numbered)
        .enumerate()
        .map(|(n, (one, is_numbered))| {
            let (from, at, to) = (place(one.earliest), place(one.usual), place(one.latest));
            let band = (to > from).then(|| {
                view! {
                    <rect class="retry-plan-band" x=length(from) y=TOP + 4 width=length(to - from) height=BASE - TOP - 4></rect>
                }
            });
            let label = is_numbered.then(|| {
                view! { <text class="retry-plan-number" x=length(at) y=TOP - 4 text-anchor="middle">{n + 1}</text> }
            });
            view! {
                <g class="retry-plan-try" class:last=n + 1 == count>
                    <title>{in_words(n, one)}</title>
                    {band}
                    <line class="retry-plan-stem" x1=length(at) x2=length(at) y1=TOP y2=BASE></line>
                    {label}
                </g>
            }
        })
        .collect();
    let list: Vec<_> = tries.iter().enumerate().map(|(n, one)| view! { <li>{in_words(n, one)}</li> }).collect();
    view! {
        <svg width="100%" height="66" aria-hidden="true">
            {ticks}
            <line class="retry-plan-base" x1="0" x2="100%" y1=BASE y2=BASE></line>
            {marks}
        </svg>
        <figcaption class="retry-plan-words">{words}</figcaption>
        <ol class="visually-hidden">{list}</ol>
    }
    .into_any()
}

fn tick(x: String, label: &str) -> impl IntoView + use<> {
    view! {
        <line class="retry-plan-tick" x1=x.clone() x2=x.clone() y1=TOP y2=BASE></line>
        <text class="retry-plan-label" x=x y=BASE + 16 text-anchor="middle">{label.to_owned()}</text>
    }
}

/// Which tries have room for their number: those at a distance from the numbered one before them, and the last.
fn numbered(places: &[f64]) -> Vec<bool> {
    const APART: f64 = 0.035;
    let end = places.last().copied().unwrap_or_default();
    let mut taken = f64::NEG_INFINITY;
    let count = places.len();
    places
        .iter()
        .enumerate()
        .map(|(n, place)| {
            let has_room = n + 1 == count || (place - taken >= APART && end - place >= APART);
            if has_room {
                taken = *place;
            }
            has_room
        })
        .collect()
}

fn summary(policy: &RetryPolicy, tries: &[Try]) -> String {
    let last = tries.last().copied().unwrap_or_default();
    if tries.len() < 2 {
        return "One attempt; a delivery that fails is given up at once.".to_owned();
    }
    let jitter = if policy.jitter > 0.0 {
        format!(", or {} to {} with jitter", lasting(last.earliest), lasting(last.latest))
    } else {
        String::new()
    };
    format!("{} attempts; given up after {}{jitter}.", tries.len(), lasting(last.usual))
}

fn in_words(n: usize, one: &Try) -> String {
    let number = n + 1;
    if one.latest.is_zero() {
        return format!("Attempt {number}: at once");
    }
    let usual = lasting(one.usual);
    if one.earliest == one.latest {
        format!("Attempt {number}: after {usual}")
    } else {
        format!("Attempt {number}: after {usual} ({} to {})", lasting(one.earliest), lasting(one.latest))
    }
}

/// The two largest units of a length of time: `1 d 2 h`, `35 min 30 s`.
fn lasting(time: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = time.as_secs();
    let Some(first) = UNITS.iter().position(|(unit, _)| seconds >= *unit) else {
        return format!("{} ms", time.as_millis());
    };
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, name) in UNITS.iter().skip(first).take(2) {
        if left / unit > 0 {
            parts.push(format!("{} {name}", left / unit));
        }
        left %= unit;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_two_units() {
        let words = |seconds| lasting(Duration::from_secs(seconds));
        assert_eq!(words(30), "30 s");
        assert_eq!(words(2_130), "35 min 30 s");
        assert_eq!(words(95_730), "1 d 2 h");
        assert_eq!(words(86_400), "1 d");
        assert_eq!(words(86_430), "1 d");
        assert_eq!(lasting(Duration::from_millis(900)), "900 ms");
    }

    #[test]
    fn a_policy_is_told_in_a_sentence() {
        let policy = RetryPolicy::default();
        let words = summary(&policy, &policy.tries());
        assert_eq!(words, "6 attempts; given up after 1 d 2 h, or 23 h 55 min to 1 d 5 h with jitter.");
        let once = RetryPolicy { max_attempts: 1, ..policy };
        assert!(summary(&once, &once.tries()).starts_with("One attempt"));
    }

    #[test]
    fn numbers_do_not_stand_over_one_another() {
        assert_eq!(numbered(&[0.05, 0.06, 0.2, 0.88, 0.9]), [true, false, true, false, true]);
        assert_eq!(numbered(&[0.05]), [true]);
    }
}
