//! Times as people read them, and the numbers that stand beside them.

use std::time::Duration;

pub use domain::time::Timestamp;
use leptos::prelude::*;

use crate::browser;

/// The request's time, which the server gives by context: relative times are counted from it.
#[derive(Clone, Copy, Debug)]
pub struct ServerNow(pub Timestamp);

/// What relative times are counted from; absent where nobody said what time it is.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Signal<Option<Timestamp>>);

/// How often relative times are counted anew.
const TICK: Duration = Duration::from_secs(5);

/// Gives `RelativeTime` its clock. Called once, by the app.
///
/// The browser starts from the server's time, so that both draw the same words, and then adds what has passed on its
/// own clock: a laptop whose clock is wrong still says "3 s ago".
pub fn provide_clock() {
    let start = SharedValue::new(|| use_context::<ServerNow>().map(|now| now.0.as_micros())).into_inner();
    let now = RwSignal::new(start.map(Timestamp::from_micros));
    provide_context(Clock(now.into()));
    Effect::new(move |_: Option<Option<browser::Ticker>>| {
        let here = browser::now()?.as_micros();
        let ahead = start.map_or(0, |start| here.saturating_sub(start));
        browser::every(TICK, move || {
            now.set(browser::now().map(|here| Timestamp::from_micros(here.as_micros().saturating_sub(ahead))));
        })
    });
}

/// A time, relative to now; the exact one with its zone in the tooltip, and beside it on focus.
#[component]
pub fn RelativeTime(
    #[prop(into)] at: Signal<Timestamp>,
    /// Not a stop for the keyboard, where a row is full of them.
    #[prop(optional)]
    quiet: bool,
) -> impl IntoView {
    let now = use_now();
    // The clock outlives the page, and may tick while the page is being replaced: then its signals are gone already.
    let words = move || {
        let (now, at) = (now.get(), at.try_get()?);
        Some(now.map_or_else(|| exact(at), |now| relative(at, now)))
    };
    view! {
        <time
            class="time"
            datetime=move || at.get().to_rfc3339()
            title=move || exact(at.get())
            data-exact=move || exact(at.get())
            tabindex=(!quiet).then_some("0")
        >
            {words}
        </time>
    }
    .into_any()
}

/// The clock's time now, for words that depend on it.
#[must_use]
pub fn use_now() -> Signal<Option<Timestamp>> {
    use_context::<Clock>().map_or_else(|| Signal::from(None), |clock| clock.0)
}

/// `2026-11-23 18:30:00.123 UTC`.
#[must_use]
pub fn exact(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    format!("{} UTC", text.trim_end_matches('Z').replace('T', " "))
}

/// `just now`, `42 s ago`, `in 5 min`, `3 d ago`, and from a week on the date.
#[must_use]
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    const WEEK: u64 = 7 * DAY;

    let ahead = at > now;
    let seconds = if ahead { at.since(now) } else { now.since(at) }.as_secs();
    let amount = match seconds {
        0..5 => return if ahead { "now".to_owned() } else { "just now".to_owned() },
        5..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        DAY..WEEK => format!("{} d", seconds / DAY),
        _ => return date(at, now),
    };
    if ahead { format!("in {amount}") } else { format!("{amount} ago") }
}

/// `Nov 23`, with the year when it is another one.
fn date(at: Timestamp, now: Timestamp) -> String {
    let day = at.to_offset();
    let month = &day.month().to_string()[..3];
    if day.year() == now.to_offset().year() {
        format!("{month} {}", day.day())
    } else {
        format!("{month} {}, {}", day.day(), day.year())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_times_keep_to_one_unit() {
        let now = Timestamp::parse_rfc3339("2026-11-23T18:30:00Z").expect("a time");
        let ago = |seconds| relative(now.minus(Duration::from_secs(seconds)), now);
        assert_eq!(ago(3), "just now");
        assert_eq!(ago(42), "42 s ago");
        assert_eq!(ago(3599), "59 min ago");
        assert_eq!(ago(86_400), "1 d ago");
        assert_eq!(ago(30 * 86_400), "Oct 24");
        assert_eq!(ago(400 * 86_400), "Oct 19, 2025");
        assert_eq!(relative(now.plus(Duration::from_hours(2)), now), "in 2 h");
    }
}
