//! Which panel sits where. A new panel is one line in a region, and one field in [`Views`].
//!
//! ```text
//! ┌──────────────── bar ────────────────┐
//! ├─────────────── banner ──────────────┤
//! │ left     │    center     │   right  │
//! │          ├───────────────┴──────────┤
//! │          │          bottom          │
//! ├──────────┴───────── strip ──────────┤
//! └─────────────────────────────────────┘
//! ```

use std::collections::BTreeMap;

use egui::{CentralPanel, Frame, Margin, Panel, Ui};

use super::canvas::{self, CanvasView};
use super::captions::{self, CaptionsView};
use super::context::Context;
use super::events::{self, EventsView};
use super::inspector::{self, InspectorView};
use super::overview::{self, OverviewView};
use super::palette::{self, PaletteView};
use super::resolution::{self, ResolutionView};
use super::sheet::Sheets;
use super::theme::size;
use super::timeline::{self, TimelineView};
use super::{findings, help};

/// What panels keep that is only about how they look: where they are scrolled to, how far they are zoomed.
#[derive(Debug, Default)]
pub struct Views {
    /// Which windows are open.
    pub windows: Windows,
    /// Rows and lanes.
    pub sheets: Sheets,
    /// The events.
    pub events: EventsView,
    /// The overview.
    pub overview: OverviewView,
    /// The graph.
    pub canvas: CanvasView,
    /// The timeline.
    pub timeline: TimelineView,
    pub(super) captions: CaptionsView,
    pub(super) inspector: InspectorView,
    pub(super) palette: PaletteView,
    pub(super) resolution: ResolutionView,
}

/// Which windows are open; whoever draws a window closes it.
#[derive(Debug, Default)]
pub struct Windows {
    /// The palette of commands.
    pub palette: bool,
    /// The shortcuts.
    pub keys: bool,
    /// The findings.
    pub findings: bool,
    /// The built-in rooms.
    pub tutorials: bool,
    /// The keyboard is to go into the filter, once.
    pub focus_filter: bool,
    /// The keyboard is to go into the search, once.
    pub focus_search: bool,
    /// The steps are being played.
    pub playing: bool,
}

/// A panel and its place.
#[derive(Debug)]
pub(super) struct Seat {
    /// The title on its tab.
    pub(super) title: &'static str,
    /// Draws it.
    pub(super) ui: fn(&mut Ui, &Context<'_>, &mut Views),
}

/// Below the bar; as high as they are.
pub(super) const BANNER: &[Seat] =
    &[Seat { title: "Captions", ui: |ui, cx, views| captions::captions_ui(ui, cx, &mut views.captions) }];

/// The events.
pub(super) const LEFT: &[Seat] = &[Seat {
    title: "Events",
    ui: |ui, cx, views| {
        events::events_ui(ui, cx, &mut views.events, &mut views.sheets, &mut views.windows);
    },
}];

/// The graph.
pub(super) const CENTER: &[Seat] = &[
    Seat {
        title: "Graph",
        ui: |ui, cx, views| canvas::canvas_ui(ui, cx, &mut views.canvas, &mut views.sheets),
    },
    Seat { title: "Overview", ui: |ui, cx, views| overview::overview_ui(ui, cx, &mut views.overview) },
];

/// The inspector.
pub(super) const RIGHT: &[Seat] = &[
    Seat {
        title: "State",
        ui: |ui, cx, views| inspector::state::state_ui(ui, cx, &mut views.inspector.state),
    },
    Seat {
        title: "Event",
        ui: |ui, cx, views| inspector::event::event_ui(ui, cx, &mut views.inspector.event),
    },
    Seat { title: "Auth", ui: |ui, cx, views| inspector::auth::auth_ui(ui, cx, &mut views.inspector.auth) },
    Seat { title: "Why", ui: |ui, cx, views| inspector::why::why_ui(ui, cx, &mut views.inspector.why) },
];

/// The resolution at the cursor.
pub(super) const BOTTOM: &[Seat] = &[Seat {
    title: "Resolution",
    ui: |ui, cx, views| {
        resolution::resolution_ui(ui, cx, &mut views.resolution, &mut views.windows);
    },
}];

/// The timeline, along the lower edge.
pub(super) const STRIP: &[Seat] =
    &[Seat { title: "Timeline", ui: |ui, cx, views| timeline::timeline_ui(ui, cx, &mut views.timeline) }];

/// What floats above all.
pub(super) const WINDOWS: &[Seat] = &[
    Seat {
        title: "Findings",
        ui: |ui, cx, views| findings::findings_ui(ui, cx, &mut views.windows.findings),
    },
    Seat { title: "Tutorials", ui: |ui, cx, views| help::tutorials_ui(ui, cx, &mut views.windows.tutorials) },
    Seat { title: "Shortcuts", ui: |ui, cx, views| help::keys_ui(ui, cx, &mut views.windows.keys) },
    Seat {
        title: "Commands",
        ui: |ui, cx, views| palette::palette_ui(ui, cx, &mut views.palette, &mut views.windows.palette),
    },
];

/// The title of the tab in front, by region.
pub(super) type Tabs = BTreeMap<String, String>;

/// Draws all regions but the bar. Those without a panel take no space.
pub(super) fn regions_ui(ui: &mut Ui, cx: &Context<'_>, views: &mut Views, tabs: &mut Tabs) {
    for seat in BANNER.iter().filter(|_| captions::has_captions(cx)) {
        Panel::top(seat.title).show(ui, |ui| (seat.ui)(ui, cx, views));
    }
    for seat in STRIP {
        Panel::bottom(seat.title).resizable(true).default_size(72.0).min_size(40.0).show(ui, |ui| {
            (seat.ui)(ui, cx, views);
        });
    }
    let framed = |margin| Frame::side_top_panel(ui.style()).inner_margin(margin);
    let (plain, list) = (framed(Margin::symmetric(8, 6)), framed(Margin::ZERO));
    if !LEFT.is_empty() {
        let panel = Panel::left("left").resizable(true).default_size(430.0).min_size(180.0).frame(list);
        panel.show(ui, |ui| region_ui(ui, "left", LEFT, cx, views, tabs));
    }
    if !BOTTOM.is_empty() {
        let panel = Panel::bottom("bottom").resizable(true).default_size(280.0).min_size(80.0).frame(plain);
        panel.show(ui, |ui| region_ui(ui, "bottom", BOTTOM, cx, views, tabs));
    }
    if !RIGHT.is_empty() {
        let panel = Panel::right("right").resizable(true).default_size(380.0).min_size(180.0).frame(plain);
        panel.show(ui, |ui| region_ui(ui, "right", RIGHT, cx, views, tabs));
    }
    let canvas = Frame::central_panel(ui.style()).fill(cx.tokens.background).inner_margin(Margin::ZERO);
    CentralPanel::no_frame().frame(canvas).show(ui, |ui| region_ui(ui, "center", CENTER, cx, views, tabs));
}

/// Draws what floats above all, whether a room is open or not.
pub(super) fn windows_ui(ui: &mut Ui, cx: &Context<'_>, views: &mut Views) {
    for seat in WINDOWS {
        (seat.ui)(ui, cx, views);
    }
}

/// Lists and the graph reach to the edges of their region.
fn is_edge_to_edge(region: &str) -> bool {
    matches!(region, "left" | "center")
}

/// Draws the panel in front, and tabs if there are several.
fn region_ui(
    ui: &mut Ui,
    region: &str,
    seats: &[Seat],
    cx: &Context<'_>,
    views: &mut Views,
    tabs: &mut Tabs,
) {
    let Some(first) = seats.first() else { return };
    let front = tabs.get(region).and_then(|title| seats.iter().find(|seat| seat.title == title));
    let mut front = front.unwrap_or(first);
    if seats.len() > 1 {
        let bar = Frame::new().inner_margin(if is_edge_to_edge(region) {
            Margin::symmetric(8, 4)
        } else {
            Margin::ZERO
        });
        bar.show(ui, |ui| {
            ui.horizontal(|ui| {
                for seat in seats {
                    if ui.selectable_label(std::ptr::eq(seat, front), seat.title).clicked() {
                        tabs.insert(region.to_owned(), seat.title.to_owned());
                        front = seat;
                    }
                }
            });
        });
        if !is_edge_to_edge(region) {
            ui.add_space(size::GAP);
        }
    }
    (front.ui)(ui, cx, views);
    // A region that can be made larger has to use the space.
    ui.take_available_space();
}
