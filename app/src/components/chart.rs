//! Charts over time, drawn as SVG on the server: axes with units, a read-out for pointer and keyboard, and the numbers
//! as a table for screen readers.

use std::fmt::Write;

use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys::Element};

use super::{
    figures::{count, duration_ms, percent},
    status::Tone,
    time::{Timestamp, exact},
};

/// What the values are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartUnit {
    /// Whole things: events, deliveries.
    #[default]
    Count,
    /// Milliseconds.
    Millis,
    /// Shares of one, shown as per cent.
    Share,
}

/// How values are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartKind {
    /// Bars, series upon series.
    #[default]
    Bars,
    /// A line a series.
    Lines,
}

/// Values in the order of the chart's times. A value that is not a number is a gap.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub label: String,
    pub tone: Tone,
    pub values: Vec<f64>,
}

/// A chart over time. Without a pointer in it the legend shows sums (bars) or the newest values (lines).
#[component]
pub fn TimeChart(
    #[prop(into)] title: Signal<String>,
    #[prop(optional)] unit: ChartUnit,
    /// When each value begins, evenly spaced, oldest first.
    #[prop(into)]
    times: Signal<Vec<Timestamp>>,
    #[prop(into)] series: Signal<Vec<Series>>,
    #[prop(optional)] kind: ChartKind,
) -> impl IntoView {
    // The value under the pointer, or the one that the arrow keys went to.
    let at = RwSignal::new(None::<usize>);
    let length = move || times.with(Vec::len);
    let point = move |event: ev::PointerEvent| {
        let Some(plot) = event.current_target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
        let share = f64::from(event.offset_x()) / f64::from(plot.client_width().max(1));
        at.set(index_at(share, length()));
    };
    let walk = move |event: ev::KeyboardEvent| {
        let Some(last) = length().checked_sub(1) else { return };
        let next = match (event.key().as_str(), at.get_untracked()) {
            ("ArrowLeft", None) | ("End", _) => Some(last),
            ("ArrowLeft", Some(at)) => Some(at.saturating_sub(1)),
            ("ArrowRight", None) | ("Home", _) => Some(0),
            ("ArrowRight", Some(at)) => Some(last.min(at + 1)),
            ("Escape", _) => None,
            _ => return,
        };
        event.prevent_default();
        at.set(next);
    };
    let top = Memo::new(move |_| series.with(|series| highest(series, kind)));
    let legend = move || {
        let at = at.get();
        series.with(|series| {
            series
                .iter()
                .map(|series| {
                    let value = at.map_or_else(|| overall(&series.values, kind), |at| series.values.get(at).copied());
                    view! {
                        <li data-tone=series.tone.as_str()>
                            <span class="chart-swatch" aria-hidden="true"></span>
                            {series.label.clone()}
                            <span class="chart-value num">{value.map_or_else(|| "–".to_owned(), |value| unit.format(value))}</span>
                        </li>
                    }
                })
                .collect_view()
        })
    };
    let moment = move || at.get().and_then(|at| times.with(|times| times.get(at).copied())).map(minute);
    let drawing =
        move || series.with(|series| series.iter().rev().map(|one| draw(one, series, kind, top.get())).collect_view());
    let cursor = move || {
        at.get().map(|at| {
            let x = centre(at, length());
            view! { <line class="chart-cursor" x1=x x2=x y1="0" y2=HEIGHT></line> }
        })
    };
    let days = move || {
        times.with(|times| labels(times)).into_iter().map(|label| view! { <span>{label}</span> }).collect_view()
    };
    let scale = move || {
        [1.0, 0.5, 0.0].into_iter().map(|share| view! { <span>{unit.format(top.get() * share)}</span> }).collect_view()
    };
    view! {
        <figure class="chart" data-kind=kind.as_str()>
            <figcaption class="chart-head">
                <span class="chart-title">{move || title.get()}</span>
                <span class="chart-moment num" aria-live="polite">{moment}</span>
                <ul class="chart-legend">{legend}</ul>
            </figcaption>
            <div class="chart-body">
                <div class="chart-scale num" aria-hidden="true">{scale}</div>
                <div
                    class="chart-plot"
                    tabindex="0"
                    role="group"
                    aria-label=move || format!("{}; arrow keys read the values", title.get())
                    on:pointermove=point
                    on:pointerleave=move |_| at.set(None)
                    on:blur=move |_| at.set(None)
                    on:keydown=walk
                >
                    <svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
                        <line class="chart-grid" x1="0" x2=WIDTH y1="0" y2="0"></line>
                        <line class="chart-grid" x1="0" x2=WIDTH y1="50" y2="50"></line>
                        {drawing}
                        <line class="chart-base" x1="0" x2=WIDTH y1=HEIGHT y2=HEIGHT></line>
                        {cursor}
                    </svg>
                </div>
                <div class="chart-times num" aria-hidden="true">{days}</div>
            </div>
            {move || table(&title.get(), &times.get(), &series.get(), unit)}
        </figure>
    }
    .into_any()
}

/// A line without axes, beside a figure that says what it is.
#[component]
pub fn Sparkline(
    #[prop(into)] values: Signal<Vec<f64>>,
    /// What it shows, in words.
    #[prop(into)]
    label: Signal<String>,
    #[prop(optional)] tone: Tone,
) -> impl IntoView {
    let path = move || {
        values.with(|values| {
            let top = values.iter().copied().filter(|value| value.is_finite()).fold(1.0, f64::max);
            line(values, top)
        })
    };
    view! {
        <svg class="sparkline" data-tone=tone.as_str() viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label=move || label.get()>
            <path class="chart-line" d=path></path>
        </svg>
    }
    .into_any()
}

/// The plot's own units; the drawing is stretched to the room it has.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;

impl ChartUnit {
    fn format(self, value: f64) -> String {
        match self {
            Self::Count => count(whole(value)),
            Self::Millis => duration_ms(whole(value)),
            Self::Share => percent(value),
        }
    }
}

impl ChartKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bars => "bars",
            Self::Lines => "lines",
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and negatives become zero")]
fn whole(value: f64) -> u64 {
    value.round().max(0.0) as u64
}

#[expect(clippy::cast_precision_loss, reason = "a chart has some hundred values")]
fn number(index: usize) -> f64 {
    index as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length lies within it")]
fn index_at(share: f64, length: usize) -> Option<usize> {
    let last = length.checked_sub(1)?;
    Some(((share.clamp(0.0, 1.0) * number(length)).floor() as usize).min(last))
}

/// The middle of the place that the value at `index` has.
fn centre(index: usize, length: usize) -> f64 {
    (number(index) + 0.5) * WIDTH / number(length.max(1))
}

/// A round number at or above the highest value.
fn highest(series: &[Series], kind: ChartKind) -> f64 {
    let length = series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    let at = |index: usize| {
        let values =
            series.iter().filter_map(|series| series.values.get(index).copied()).filter(|value| value.is_finite());
        match kind {
            ChartKind::Bars => values.sum(),
            ChartKind::Lines => values.fold(0.0, f64::max),
        }
    };
    round_up((0..length).map(at).fold(0.0, f64::max))
}

/// 1, 2, 4, 5, 6, 8 or 10 times a power of ten, so that half of it is short as well.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let step = [1.0, 2.0, 4.0, 5.0, 6.0, 8.0, 10.0].into_iter().find(|step| step * power >= value).unwrap_or(10.0);
    step * power
}

fn overall(values: &[f64], kind: ChartKind) -> Option<f64> {
    let mut known = values.iter().copied().filter(|value| value.is_finite());
    match kind {
        ChartKind::Bars => Some(known.sum()),
        ChartKind::Lines => known.next_back(),
    }
}

fn draw(one: &Series, all: &[Series], kind: ChartKind, top: f64) -> impl IntoView + use<> {
    let tone = one.tone.as_str();
    match kind {
        ChartKind::Lines => {
            view! { <path class="chart-line" data-tone=tone d=line(&one.values, top)></path> }.into_any()
        }
        ChartKind::Bars => {
            // What is drawn below: every series before this one.
            let below: Vec<&Series> = all.iter().take_while(|other| !std::ptr::eq(*other, one)).collect();
            view! { <path class="chart-bars" data-tone=tone d=bars(one, &below, top)></path> }.into_any()
        }
    }
}

fn line(values: &[f64], top: f64) -> String {
    let mut path = String::new();
    let mut down = false;
    for (at, value) in values.iter().enumerate() {
        if value.is_finite() {
            let (x, y) = (centre(at, values.len()), HEIGHT - value / top * HEIGHT);
            let _ = write!(path, "{}{x:.1} {y:.1}", if down { 'L' } else { 'M' });
        }
        down = value.is_finite();
    }
    path
}

fn bars(one: &Series, below: &[&Series], top: f64) -> String {
    let length = one.values.len();
    let place = WIDTH / number(length.max(1));
    let (gap, mut path) = (place * 0.14, String::new());
    for (at, value) in one.values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
        let under: f64 =
            below.iter().filter_map(|series| series.values.get(at)).filter(|value| value.is_finite()).sum();
        let (left, right) = (number(at) * place + gap, (number(at) + 1.0) * place - gap);
        let (low, high) = (HEIGHT - under / top * HEIGHT, HEIGHT - (under + value) / top * HEIGHT);
        let _ = write!(path, "M{left:.1} {low:.2}V{high:.2}H{right:.1}V{low:.2}Z");
    }
    path
}

/// Up to five times along the axis: hours within two days, dates beyond.
fn labels(times: &[Timestamp]) -> Vec<String> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Vec::new() };
    let short = last.since(*first).as_secs() <= 2 * 86_400;
    let steps = times.len().saturating_sub(1).min(4);
    (0..=steps)
        .filter_map(|step| times.get(step * (times.len() - 1) / steps.max(1)))
        .map(|time| {
            let at = time.to_offset();
            if short {
                format!("{:02}:{:02}", at.hour(), at.minute())
            } else {
                format!("{} {}", &at.month().to_string()[..3], at.day())
            }
        })
        .collect()
}

/// `Nov 23, 18:30 UTC`.
fn minute(time: Timestamp) -> String {
    let at = time.to_offset();
    format!("{} {}, {:02}:{:02} UTC", &at.month().to_string()[..3], at.day(), at.hour(), at.minute())
}

fn table(title: &str, times: &[Timestamp], series: &[Series], unit: ChartUnit) -> impl IntoView + use<> {
    let heads: Vec<_> = series.iter().map(|series| view! { <th scope="col">{series.label.clone()}</th> }).collect();
    let rows: Vec<_> = times
        .iter()
        .enumerate()
        .map(|(at, time)| {
            let cells: Vec<_> = series
                .iter()
                .map(|series| {
                    let value = series.values.get(at).filter(|value| value.is_finite());
                    view! { <td>{value.map(|value| unit.format(*value))}</td> }
                })
                .collect();
            view! {
                <tr>
                    <th scope="row">{exact(*time)}</th>
                    {cells}
                </tr>
            }
        })
        .collect();
    view! {
        <table class="visually-hidden">
            <caption>{title.to_owned()}</caption>
            <thead><tr><th scope="col">"Time"</th>{heads}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        assert!((round_up(0.0) - 1.0).abs() < f64::EPSILON);
        assert!((round_up(37.0) - 40.0).abs() < 1e-9);
        assert!((round_up(1_234.0) - 2_000.0).abs() < 1e-9);
        assert!((round_up(0.07) - 0.08).abs() < 1e-9);
    }

    #[test]
    fn pointers_find_their_value() {
        assert_eq!(index_at(0.0, 24), Some(0));
        assert_eq!(index_at(0.999, 24), Some(23));
        assert_eq!(index_at(1.0, 24), Some(23));
        assert_eq!(index_at(0.5, 0), None);
    }

    #[test]
    fn gaps_break_lines() {
        assert_eq!(line(&[1.0, f64::NAN, 1.0], 1.0).matches('M').count(), 2);
    }
}
