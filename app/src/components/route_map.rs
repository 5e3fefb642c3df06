//! A picture of what leads where: starts at the left, ways in the middle, ends at the right, joined by lines.
//!
//! It is drawn in pixels from above and in shares of the width from the left, so that its texts keep their size.

mod arrange;

use leptos::prelude::*;

use self::arrange::{Arrangement, arrange};
use super::{
    icon::{Glyph, Icon},
    status::{Status, StatusBadge, Tone},
};

/// What a way leads from or to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapEnd {
    pub name: String,
    pub href: String,
    /// Below the name: how much, lately.
    pub note: String,
    /// Shown where it is not as usual.
    pub status: Option<Status>,
}

/// A way from a start to an end, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapWay {
    pub from: usize,
    pub to: usize,
    pub name: String,
    pub href: String,
    /// What screen readers call it.
    pub label: String,
    pub note: String,
    pub status: Option<Status>,
    /// What is done on the way.
    pub marks: Vec<(Icon, &'static str)>,
    /// How its lines look.
    pub flow: Flow,
    /// How much went over it: busier ways have stronger lines.
    pub volume: u64,
}

/// Whether anything goes over a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Open,
    /// What comes is held.
    Held,
    /// Nothing is made.
    Shut,
    /// Its end takes nothing at the moment.
    Failing,
}

/// With more ways than this, rows are lower.
const ROOMY: usize = 16;
const PADDING: f64 = 6.0;

/// What the pointer or the focus is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    From(usize),
    Way(usize),
    To(usize),
}

/// What there is to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    pub starts: Vec<MapEnd>,
    pub ends: Vec<MapEnd>,
    pub ways: Vec<MapWay>,
}

/// The picture.
#[component]
pub fn RouteMap(#[prop(into)] label: Signal<String>, #[prop(into)] drawing: Signal<Drawing>) -> impl IntoView {
    // It outlives each drawing: what is on the page keeps its handlers when it is drawn anew, and for a moment after the page was left.
    let over = RwSignal::new(None::<Over>);
    // What is drawn anew loses the focus, so it is only where there is something new to show.
    let (drawing, label) = (Memo::new(move |_| drawing.get()), Memo::new(move |_| label.get()));
    move || draw(drawing.get(), label.get(), over)
}

fn draw(Drawing { starts, ends, ways }: Drawing, label: String, over: RwSignal<Option<Over>>) -> AnyView {
    let is_dense = ways.len().max(starts.len()).max(ends.len()) > ROOMY;
    let row = if is_dense { 36.0 } else { 52.0 };
    let joined: Vec<_> = ways.iter().map(|way| (way.from, way.to)).collect();
    let Arrangement { starts: starts_y, ways: ways_y, ends: ends_y, height } =
        arrange(starts.len(), ends.len(), &joined, row);
    let height = height + 2.0 * PADDING;
    let far = move |from: usize, way: usize, to: usize| {
        let is_near = match over.try_get().flatten() {
            None => true,
            Some(Over::From(at)) => at == from,
            Some(Over::Way(at)) => at == way,
            Some(Over::To(at)) => at == to,
        };
        (!is_near).then_some("true")
    };
    let lines = |pick: fn(f64, f64, f64) -> (f64, f64)| {
        ways.iter()
            .enumerate()
            .map(|(at, way)| {
                let (from, to) = (way.from, way.to);
                let (left, right) = pick(starts_y[from], ways_y[at], ends_y[to]);
                let (left, right) = (left + row / 2.0 + PADDING, right + row / 2.0 + PADDING);
                let path = format!("M0 {left:.1}C50 {left:.1} 50 {right:.1} 100 {right:.1}");
                view! {
                    <path
                        class="map-line"
                        d=path
                        data-flow=way.flow.as_str()
                        data-strength=strength(way.volume)
                        data-far=move || far(from, at, to)
                    ></path>
                }
            })
            .collect_view()
    };
    let (into_ways, out_of_ways) = (lines(|start, way, _| (start, way)), lines(|_, way, end| (way, end)));
    let view_box = format!("0 0 100 {height}");
    let place = move |x: &'static str, width: &'static str, y: f64, node: AnyView| {
        view! {
            <foreignObject x=x y=format!("{:.1}", y + PADDING) width=width height=format!("{row:.0}")>
                {node}
            </foreignObject>
        }
    };
    let starts: Vec<_> = starts
        .into_iter()
        .enumerate()
        .map(|(at, end)| place("0%", "24%", starts_y[at], end_node(end, over, Over::From(at))))
        .collect();
    let ends: Vec<_> = ends
        .into_iter()
        .enumerate()
        .map(|(at, end)| place("75%", "25%", ends_y[at], end_node(end, over, Over::To(at))))
        .collect();
    let ways: Vec<_> = ways
        .into_iter()
        .enumerate()
        .map(|(at, way)| place("33%", "26%", ways_y[at], way_node(way, over, at)))
        .collect();
    let height = format!("{height:.0}");
    view! {
        <svg class="route-map" class:dense=is_dense role="group" aria-label=label width="100%" height=height.clone()>
            <svg x="24%" y="0" width="9%" height=height.clone() viewBox=view_box.clone() preserveAspectRatio="none" aria-hidden="true">
                {into_ways}
            </svg>
            <svg x="59%" y="0" width="16%" height=height.clone() viewBox=view_box preserveAspectRatio="none" aria-hidden="true">
                {out_of_ways}
            </svg>
            {starts}
            {ways}
            {ends}
        </svg>
    }
    .into_any()
}

fn end_node(end: MapEnd, over: RwSignal<Option<Over>>, here: Over) -> AnyView {
    view! {
        <div class="map-cell">
            <a
                class="map-node"
                href=end.href
                on:mouseenter=move |_| { let _ = over.try_set(Some(here)); }
                on:mouseleave=move |_| { let _ = over.try_set(None); }
                on:focus=move |_| { let _ = over.try_set(Some(here)); }
                on:blur=move |_| { let _ = over.try_set(None); }
            >
                <span class="map-name">{end.name}</span>
                {end.status.map(|status| view! { <StatusBadge status=status plain=true/> })}
                <span class="map-note num">{end.note}</span>
            </a>
        </div>
    }
    .into_any()
}

fn way_node(way: MapWay, over: RwSignal<Option<Over>>, at: usize) -> AnyView {
    let here = Over::Way(at);
    let marks: Vec<_> =
        way.marks.into_iter().map(|(icon, label)| view! { <Glyph icon=icon size=14 label=label/> }).collect();
    view! {
        <div class="map-cell">
            <a
                class="map-node way"
                href=way.href
                data-flow=way.flow.as_str()
                on:mouseenter=move |_| { let _ = over.try_set(Some(here)); }
                on:mouseleave=move |_| { let _ = over.try_set(None); }
                on:focus=move |_| { let _ = over.try_set(Some(here)); }
                on:blur=move |_| { let _ = over.try_set(None); }
            >
                <span class="visually-hidden">{way.label} ": "</span>
                <span class="map-name">{way.name}</span>
                <span class="map-marks">{marks}</span>
                {way.status.map(|status| view! { <StatusBadge status=status plain=true/> })}
                <span class="map-note num">{way.note}</span>
            </a>
        </div>
    }
    .into_any()
}

/// 0 for nothing, up to 4 for ten thousand and more.
fn strength(volume: u64) -> String {
    volume.checked_ilog10().map_or(0, |power| (power + 1).min(4)).to_string()
}

impl Flow {
    /// The word that the style sheet knows it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Held => "held",
            Self::Shut => "shut",
            Self::Failing => "failing",
        }
    }

    /// The colours of the same state.
    #[must_use]
    pub const fn tone(self) -> Tone {
        match self {
            Self::Open => Tone::Accent,
            Self::Held => Tone::Held,
            Self::Shut => Tone::Neutral,
            Self::Failing => Tone::Failed,
        }
    }
}
