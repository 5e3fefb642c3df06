//! The attempts of a delivery: a drawing to scale, and a row for each that opens to what was sent and answered.

use leptos::prelude::*;

use super::{
    figures::duration_ms,
    icon::{Glyph, Icon},
    status::{HttpCode, Tag},
    time::{RelativeTime, Timestamp, exact, relative, use_now},
};

/// One attempt, as much of it as the drawing needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptMark {
    pub number: u32,
    /// `initial`, `retry`, `manual` or `replay`.
    pub trigger: String,
    pub started_at: Timestamp,
    pub latency_ms: Option<u64>,
    pub succeeded: bool,
    pub response_status: Option<u16>,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// The attempts over time: where each stands says when it began, how high it is says how long it took.
#[component]
pub fn AttemptTimeline(
    #[prop(into)] attempts: Signal<Vec<AttemptMark>>,
    #[prop(optional, into)] next_retry_at: Signal<Option<Timestamp>>,
) -> impl IntoView {
    let now = use_now();
    move || {
        // The clock may tick while the page is being replaced: then its signals are gone already.
        let attempts = attempts.try_get()?;
        let first = attempts.first()?.started_at;
        let next = next_retry_at.try_get()?;
        if attempts.len() == 1 && next.is_none() {
            // One point has no scale; its row says it all.
            return None;
        }
        let last = attempts.iter().map(|attempt| attempt.started_at).chain(next).max()?;
        let scale = Scale::new(first, last);
        let slowest = attempts.iter().filter_map(|attempt| attempt.latency_ms).max().unwrap_or(0).max(1);
        let label = in_words(&attempts, next);
        let ticks: Vec<_> = scale.ticks().into_iter().map(|(x, label)| tick(x, &label)).collect();
        let coded = scale.apart(&attempts, next);
        let marks: Vec<_> = attempts
            .iter()
            .zip(coded)
            .map(|(attempt, coded)| mark(attempt, scale.x(attempt.started_at), slowest, coded))
            .collect();
        let planned = next.map(|at| planned(scale.x(at), at, now.get()));
        Some(view! {
            <figure class="timeline">
                <svg width="100%" height="132" role="img" aria-label=label>
                    <line class="timeline-limit" x1="0" x2="100%" y1=TOP y2=TOP></line>
                    <text class="timeline-label" x="100%" y=TOP + 14 text-anchor="end">{duration_ms(slowest)}</text>
                    {ticks}
                    <line class="timeline-base" x1="0" x2="100%" y1=BASE y2=BASE></line>
                    {planned}
                    {marks}
                </svg>
            </figure>
        })
    }
}

/// A row for an attempt; opens to the children, usually an [`Exchange`].
#[component]
pub fn AttemptRow(
    attempt: AttemptMark,
    #[prop(optional)] open: bool,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let AttemptMark { number, trigger, started_at, latency_ms, succeeded, response_status, error } = attempt;
    let outcome = if succeeded { "succeeded" } else { "failed" };
    let said = error.or_else(|| succeeded.then(|| "Delivered".to_owned()));
    view! {
        <details class="attempt" open=open data-tone=if succeeded { "delivered" } else { "failed" }>
            <summary>
                <span class="attempt-arrow"><Glyph icon=Icon::ChevronRight size=14/></span>
                <span class="attempt-number num">
                    "#" {number} <span class="visually-hidden">{format!(" {outcome}")}</span>
                </span>
                {response_status.map(|code| view! { <HttpCode code=code/> })}
                <span class="attempt-said">{said}</span>
                {(trigger != "initial").then(|| view! { <Tag>{trigger}</Tag> })}
                <span class="attempt-latency num">{latency_ms.map(duration_ms)}</span>
                <span class="attempt-time"><RelativeTime at=started_at quiet=true/></span>
            </summary>
            {children.map(|children| view! { <div class="attempt-body">{children()}</div> })}
        </details>
    }
    .into_any()
}

/// What was sent and what came back, side by side.
#[component]
pub fn Exchange(#[prop(into)] request: ViewFnOnce, #[prop(into)] answer: ViewFnOnce) -> impl IntoView {
    view! {
        <div class="exchange">
            <section>
                <h3>"Request"</h3>
                {request.run()}
            </section>
            <section>
                <h3>"Response"</h3>
                {answer.run()}
            </section>
        </div>
    }
    .into_any()
}

/// Where the slowest attempt reaches to, and where all of them stand, in pixels from above.
const TOP: u32 = 40;
const BASE: u32 = 104;

/// Time since the first attempt along the width, logarithmic: waits grow from seconds to a day.
pub(super) struct Scale {
    first: Timestamp,
    /// The whole span, in seconds.
    span: f64,
}

/// Below this many seconds the scale is close to linear.
const LINEAR_SECONDS: f64 = 10.0;
/// Room at the edges for what is centred on a point, as shares of the width.
const MARGIN_LEFT: f64 = 0.05;
const MARGIN_RIGHT: f64 = 0.1;

impl Scale {
    pub(super) fn new(first: Timestamp, last: Timestamp) -> Self {
        Self { first, span: last.since(first).as_secs_f64() }
    }

    fn x(&self, at: Timestamp) -> String {
        length(self.place(at.since(self.first).as_secs_f64()))
    }

    pub(super) fn place(&self, seconds: f64) -> f64 {
        let share = if self.span > 0.0 {
            (seconds / LINEAR_SECONDS).ln_1p() / (self.span / LINEAR_SECONDS).ln_1p()
        } else {
            0.0
        };
        MARGIN_LEFT + share * (1.0 - MARGIN_LEFT - MARGIN_RIGHT)
    }

    /// Which attempts have room for a code above them: of some that stand close together, the latest.
    fn apart(&self, attempts: &[AttemptMark], next: Option<Timestamp>) -> Vec<bool> {
        const APART: f64 = 0.07;
        let place = |at: Timestamp| self.place(at.since(self.first).as_secs_f64());
        let mut taken = next.map_or(f64::INFINITY, place);
        let mut apart: Vec<bool> = attempts
            .iter()
            .rev()
            .map(|attempt| {
                let here = place(attempt.started_at);
                let has_room = taken - here >= APART;
                if has_room {
                    taken = here;
                }
                has_room
            })
            .collect();
        apart.reverse();
        apart
    }

    /// Round times that lie within the span and far enough from one another to be labelled.
    pub(super) fn ticks(&self) -> Vec<(String, String)> {
        const ROUND: [(f64, &str); 10] = [
            (1.0, "+1 s"),
            (10.0, "+10 s"),
            (60.0, "+1 min"),
            (600.0, "+10 min"),
            (3_600.0, "+1 h"),
            (21_600.0, "+6 h"),
            (86_400.0, "+1 d"),
            (259_200.0, "+3 d"),
            (604_800.0, "+7 d"),
            (2_592_000.0, "+30 d"),
        ];
        const APART: f64 = 0.11;
        let mut ticks = vec![(length(self.place(0.0)), "0".to_owned())];
        let mut taken = self.place(0.0);
        for (seconds, label) in ROUND.into_iter().filter(|(seconds, _)| *seconds <= self.span) {
            let place = self.place(seconds);
            if place - taken >= APART {
                ticks.push((length(place), label.to_owned()));
                taken = place;
            }
        }
        ticks
    }
}

fn tick(x: String, label: &str) -> impl IntoView + use<> {
    view! {
        <line class="timeline-tick" x1=x.clone() x2=x.clone() y1=TOP y2=BASE></line>
        <text class="timeline-label" x=x y=BASE + 18 text-anchor="middle">{label.to_owned()}</text>
    }
}

fn mark(attempt: &AttemptMark, x: String, slowest: u64, coded: bool) -> impl IntoView + use<> {
    let height = u64::from(BASE - TOP) * attempt.latency_ms.unwrap_or(0) / slowest;
    // Short ones still stand clear of the base line.
    let top = u64::from(BASE) - height.max(10);
    let tone = if attempt.succeeded { "delivered" } else { "failed" };
    let shape = if attempt.succeeded { DISC } else { DIAMOND };
    let code = attempt.response_status.map_or_else(|| "error".to_owned(), |code| code.to_string());
    view! {
        <g class="timeline-mark" data-tone=tone>
            <title>{title(attempt)}</title>
            <line class="timeline-stem" x1=x.clone() x2=x.clone() y1=top y2=BASE></line>
            <svg class="timeline-shape" x=x.clone() y=top inner_html=shape></svg>
            {coded.then(|| view! { <text class="timeline-code" x=x y=top - 12 text-anchor="middle">{code}</text> })}
        </g>
    }
}

fn planned(x: String, at: Timestamp, now: Option<Timestamp>) -> impl IntoView + use<> {
    let when = now.map_or_else(|| "next".to_owned(), |now| relative(at, now));
    view! {
        <g class="timeline-mark planned" data-tone="waiting">
            <title>{format!("Next attempt {}", exact(at))}</title>
            <line class="timeline-stem" x1=x.clone() x2=x.clone() y1=BASE - 24 y2=BASE></line>
            <svg class="timeline-shape" x=x.clone() y=BASE - 24 inner_html=RING></svg>
            <text class="timeline-code" x=x y=BASE - 36 text-anchor="middle">{when}</text>
        </g>
    }
}

const DISC: &str = r#"<circle r="5.5"/>"#;
const DIAMOND: &str = r#"<rect x="-5" y="-5" width="10" height="10" rx="1.5" transform="rotate(45)"/>"#;
const RING: &str = r#"<circle class="timeline-ring" r="5"/>"#;

fn title(attempt: &AttemptMark) -> String {
    let outcome = match (&attempt.error, attempt.response_status) {
        (Some(error), _) => error.clone(),
        (None, Some(code)) => code.to_string(),
        (None, None) => "no answer".to_owned(),
    };
    let latency = attempt.latency_ms.map(|millis| format!(" after {}", duration_ms(millis))).unwrap_or_default();
    format!("Attempt {}: {outcome}{latency}, {}", attempt.number, exact(attempt.started_at))
}

fn in_words(attempts: &[AttemptMark], next: Option<Timestamp>) -> String {
    let mut sentences: Vec<String> = attempts.iter().map(title).collect();
    sentences.extend(next.map(|next| format!("Next attempt {}", exact(next))));
    sentences.join(". ")
}

/// A length that an SVG attribute understands.
pub(super) fn length(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_default_schedule_spreads_over_the_width() {
        let first = Timestamp::from_micros(0);
        let after = |seconds| first.plus(Duration::from_secs(seconds));
        let scale = Scale::new(first, after(95_730));
        let places: Vec<f64> = [0, 30, 330, 2_130, 9_330, 95_730]
            .into_iter()
            .map(|seconds| scale.place(Duration::from_secs(seconds).as_secs_f64()))
            .collect();
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] > 0.1), "{places:?}");
        assert_eq!(scale.x(after(95_730)), "90.00%");
    }

    #[test]
    fn codes_do_not_stand_over_one_another() {
        let first = Timestamp::from_micros(0);
        let at = |millis| first.plus(Duration::from_millis(millis));
        let attempt = |millis| AttemptMark {
            number: 1,
            trigger: "retry".into(),
            started_at: at(millis),
            latency_ms: None,
            succeeded: false,
            response_status: Some(500),
            error: None,
        };
        let attempts = [0, 200, 400, 60_000].map(attempt);
        let scale = Scale::new(first, at(60_000));
        assert_eq!(scale.apart(&attempts, None), [false, false, true, true]);
        assert_eq!(scale.apart(&attempts, Some(at(61_000))), [false, false, true, false]);
    }
}
