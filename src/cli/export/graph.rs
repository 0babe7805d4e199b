//! The graph around a resolution as SVG, for a page or on its own.

use std::collections::{BTreeMap, BTreeSet};

use super::chosen::Chosen;
use super::html::markup::Markup;
use crate::describe::{Describer, marks, text};
use crate::diagnose::resets::{Diagnosis, Verdict};
use crate::layout::{Edges, Graph, Item, Lanes, Row};
use crate::replay::{Place, Replay};
use crate::room::{EventIx, Link};
use crate::session::picture::curve;
use crate::state::conflicts;

/// Rooms of so many events are drawn whole.
const WHOLE: usize = 100;
/// Of larger ones so many events that have a part in the resolution.
const PARTIES: usize = 60;
/// And so many of those around them.
const AROUND: usize = 40;
/// So many edges away.
const DISTANCE: usize = 3;
/// More lanes are not drawn: those further right share the last one.
const MOST_LANES: usize = 64;

const ROW: f64 = 24.0;
const LANE: f64 = 16.0;
const MARGIN: f64 = 16.0;
const TEXT: f64 = 760.0;
/// The width of a character of an ID, of a sender, of a summary, and of a flag, nearly.
const ID_CHARACTER: f64 = 7.3;
const SENDER_CHARACTER: f64 = 8.2;
const CHARACTER: f64 = 7.0;
const FLAG_CHARACTER: f64 = 6.2;
/// So many characters of a sender are shown.
const SENDER: usize = 18;
/// IDs longer than this do not widen their column.
const WIDEST_ID: usize = 24;

/// What the classes look like, where the picture stands alone.
const STYLE: &str = include_str!("graph.css");

/// What an event has to do with what was lost, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Lost,
    Cause,
    Kept,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost here",
            Self::Cause => "the cause",
            Self::Kept => "kept",
        }
    }
}

/// The graph around a resolution.
pub(super) struct Picture<'t, 'a> {
    replay: &'t Replay<'a>,
    describer: &'t Describer<'a>,
    lanes: Lanes,
    parts: BTreeMap<EventIx, BTreeSet<Part>>,
    /// The row of the resolution.
    here: Option<usize>,
    /// How many events of the room are left out.
    pub(super) left_out: usize,
}

impl<'t, 'a> Picture<'t, 'a> {
    /// Draws rooms of up to 100 events whole; of others what has a part in the resolution, and what is around it.
    pub(super) fn new(
        replay: &'t Replay<'a>,
        describer: &'t Describer<'a>,
        chosen: &Chosen,
        diagnosis: &Diagnosis,
    ) -> Self {
        let room = replay.room();
        let parts = parts(chosen, diagnosis);
        let mut parties: Vec<EventIx> = chosen.merge().into_iter().collect();
        parties.extend(parts.keys());
        parties.extend(chosen.heads(replay).into_iter().filter_map(|link| match link {
            Link::Event(ix) => Some(ix),
            Link::Missing(_) => None,
        }));
        let now = &replay.current().extremities;
        let in_dag = room.events().filter(|ix| !room.is_outlier(*ix));
        let shown: BTreeSet<EventIx> = if room.len() <= WHOLE {
            in_dag.chain(parties).collect()
        } else {
            let disputed = conflicts(chosen.sets.as_deref().unwrap_or_default());
            let candidates = disputed.iter().flat_map(|conflict| conflict.values.iter().flatten());
            parties.extend(candidates.take(PARTIES));
            parties.truncate(PARTIES);
            let all: Vec<EventIx> = in_dag.collect();
            let full = Graph::new(room, Edges::Prev, &all, now);
            let middle = match chosen.place() {
                Some(Place::Now) => full.now(),
                Some(Place::Event(ix)) => full.row_of(ix),
                None => parties.first().and_then(|ix| full.row_of(*ix)),
            };
            let around = middle.map(|row| full.neighbourhood(row, DISTANCE, AROUND)).unwrap_or_default();
            let around = around.into_iter().filter_map(|row| event_of(full.item(row)));
            around.chain(parties).chain(room.create_event()).collect()
        };
        let left_out = room.len() - shown.len();
        let shown: Vec<EventIx> = shown.into_iter().collect();
        let lanes = Lanes::new(Graph::new(room, Edges::Prev, &shown, now));
        let here = match chosen.place() {
            Some(Place::Now) => lanes.graph().now(),
            Some(Place::Event(ix)) => lanes.graph().row_of(ix),
            None => None,
        };
        Self { replay, describer, lanes, parts, here, left_out }
    }

    /// The picture as a file of its own.
    pub(super) fn standalone(&self) -> String {
        let mut out = Markup::default();
        self.write(&mut out, true, &mut |_| None);
        out.raw("\n");
        out.as_str().to_owned()
    }

    /// Writes the picture. `link`: where an event leads to, if it leads anywhere.
    pub(super) fn write(
        &self,
        out: &mut Markup,
        is_alone: bool,
        link: &mut dyn FnMut(EventIx) -> Option<String>,
    ) {
        let window: Vec<Row> = self.lanes.window_in(0..self.lanes.len(), 0..MOST_LANES).collect();
        let width = window.iter().map(widest).max().unwrap_or(0).min(MOST_LANES - 1);
        let events = || window.iter().filter_map(|row| event_of(row.item));
        let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0) as f64;
        let ids = longest(&mut events().map(|ix| self.describer.short_id(ix).chars().count().min(WIDEST_ID)));
        let senders = longest(&mut events().map(|ix| self.describer.sender(ix).chars().count().min(SENDER)));
        let columns =
            [(ids + 1.5) * ID_CHARACTER, (ids + 1.5) * ID_CHARACTER + (senders + 1.0) * SENDER_CHARACTER];
        let mut sheet = Sheet { picture: self, out, link, width, columns };
        sheet.draw(&window, is_alone);
    }

    fn description(&self) -> String {
        let room = self.replay.room();
        let whole = if self.left_out == 0 { "all" } else { "some" };
        format!(
            "The graph of {whole} events of {}, one a row, the oldest at the top; lines lead from each event down to those \
             that follow it.",
            text::shorten(room.room_id().unwrap_or("the room"), 100)
        )
    }

    /// What stands out about an event.
    fn flags(&self, ix: EventIx) -> String {
        let replay = self.replay;
        let mut flags: Vec<String> = Vec::new();
        flags.extend(self.parts.get(&ix).into_iter().flatten().map(|part| part.name().to_owned()));
        if self.here.is_some() && self.here == self.lanes.graph().row_of(ix) {
            flags.push("this resolution".to_owned());
        }
        flags.extend(marks::words(replay, ix));
        flags.join(", ")
    }
}

/// What events have to do with what was lost at the resolution.
fn parts(chosen: &Chosen, diagnosis: &Diagnosis) -> BTreeMap<EventIx, BTreeSet<Part>> {
    let mut parts: BTreeMap<EventIx, BTreeSet<Part>> = BTreeMap::new();
    let mut set = |ix: EventIx, part: Part| parts.entry(ix).or_default().extend([part]);
    for loss in chosen.losses(diagnosis).filter(|loss| loss.verdict != Verdict::Legitimate).take(PARTIES) {
        for tip in &loss.lost {
            set(tip.event, Part::Lost);
            if let Some(by) = tip.leaf().by {
                set(by, Part::Cause);
            }
        }
        if let Some(after) = loss.after {
            set(after, Part::Kept);
        }
    }
    parts
}

fn event_of(item: Item) -> Option<EventIx> {
    match item {
        Item::Event(ix) => Some(ix),
        Item::Run(_) | Item::Now => None,
    }
}

fn widest(row: &Row) -> usize {
    let ends = row.segments.iter().flat_map(|segment| [segment.from, segment.to]);
    ends.chain([row.lane]).max().unwrap_or(0)
}

/// The picture while it is drawn.
struct Sheet<'s, 't, 'a> {
    picture: &'s Picture<'t, 'a>,
    out: &'s mut Markup,
    link: &'s mut dyn FnMut(EventIx) -> Option<String>,
    /// The last lane.
    width: usize,
    /// Where senders and summaries begin, to the right of where the text does.
    columns: [f64; 2],
}

impl Sheet<'_, '_, '_> {
    fn draw(&mut self, window: &[Row], is_alone: bool) {
        let width = self.left() + TEXT + MARGIN;
        let height = window.len() as f64 * ROW + 2.0 * MARGIN;
        let (w, h, view) = (width.to_string(), height.to_string(), format!("0 0 {width} {height}"));
        self.out.open(
            "svg",
            &[
                ("xmlns", "http://www.w3.org/2000/svg"),
                ("class", "graph"),
                ("width", &w),
                ("height", &h),
                ("viewBox", &view),
                ("role", "group"),
                ("aria-labelledby", "graph-title graph-description"),
            ],
        );
        self.out.raw("\n");
        self.out.leaf("title", &[("id", "graph-title")], "The graph of events");
        self.out.leaf("desc", &[("id", "graph-description")], &self.picture.description());
        if is_alone {
            self.out.open("style", &[]);
            self.out.raw(&STYLE.replace('\r', ""));
            self.out.close("style");
            self.out.empty("rect", &[("class", "paper"), ("width", &w), ("height", &h)]);
        }
        if let Some(here) = self.picture.here {
            let (y, row) = ((self.y(here) - ROW / 2.0).to_string(), ROW.to_string());
            self.out.empty("rect", &[("class", "here"), ("y", &y), ("width", &w), ("height", &row)]);
        }
        self.out.raw("\n");
        window.iter().for_each(|row| self.lines(row));
        window.iter().for_each(|row| self.node(row));
        self.out.close("svg");
    }

    fn left(&self) -> f64 {
        2.0 * MARGIN + self.width as f64 * LANE
    }

    fn x(&self, lane: usize) -> f64 {
        MARGIN + lane.min(self.width) as f64 * LANE
    }

    fn y(&self, row: usize) -> f64 {
        MARGIN + row as f64 * ROW + ROW / 2.0
    }

    fn lines(&mut self, row: &Row) {
        for segment in &row.segments {
            let (path, dashes) = curve(segment, |lane| self.x(lane), self.y(row.row), ROW);
            let mut attributes = vec![("class", "line"), ("d", &*path)];
            attributes.extend(dashes.map(|dashes| ("stroke-dasharray", dashes)));
            self.out.empty("path", &attributes);
        }
        self.out.raw("\n");
    }

    fn node(&mut self, row: &Row) {
        let (x, base) = (self.left(), self.y(row.row) + 4.5);
        match row.item {
            Item::Now => {
                self.circle(row, "now", 4.5);
                self.text(x, base, "strong", "now: the forward extremities");
            }
            // Nothing is collapsed here.
            Item::Run(run) => {
                self.circle(row, "message", 2.0);
                self.text(x, base, "weak", &text::count(run.count, "event"));
            }
            Item::Event(ix) => self.event(row, ix),
        }
        self.out.raw("\n");
    }

    fn event(&mut self, row: &Row, ix: EventIx) {
        let picture = self.picture;
        let (room, describer) = (picture.replay.room(), picture.describer);
        if picture.replay.rejected().contains(ix) {
            let (x, y) = (self.x(row.lane), self.y(row.row));
            let path = format!("M{} {}l8 8m0 -8l-8 8", x - 4.0, y - 4.0);
            self.out.empty("path", &[("class", "rejected"), ("d", &path)]);
        } else if room.key_of(ix).is_some() {
            self.circle(row, "state", 4.5);
        } else {
            self.circle(row, "message", 3.0);
        }
        let (x, base) = (self.left(), self.y(row.row) + 4.5);
        let id = describer.short_id(ix);
        let target = (self.link)(ix);
        if let Some(target) = &target {
            self.out.open("a", &[("href", target)]);
        }
        self.text(x, base, "id", &id);
        if target.is_some() {
            self.out.close("a");
        }
        // An ID that does not fit moves the rest of its row.
        let wider = (id.chars().count().saturating_sub(WIDEST_ID)) as f64 * ID_CHARACTER;
        let [senders, summaries] = self.columns.map(|column| column + wider);
        self.text(x + senders, base, "weak", &text::shorten(&describer.sender(ix), SENDER));
        let flags = picture.flags(ix);
        let free = TEXT - summaries - (flags.chars().count() as f64 + 2.0) * FLAG_CHARACTER;
        // Room for fewer characters than that there always is: cut off where the picture ends.
        let fitting = (free / CHARACTER).max(12.0) as usize;
        self.text(x + summaries, base, "", &text::shorten(&describer.summary(ix), fitting));
        if !flags.is_empty() {
            let (right, base) = ((self.left() + TEXT).to_string(), base.to_string());
            let is_bad = |part: &Part| *part != Part::Kept;
            let stands_out = picture.parts.get(&ix).is_some_and(|parts| parts.iter().any(is_bad));
            let class = if stands_out { "flags bad" } else { "flags" };
            let attributes = [("class", class), ("x", &right), ("y", &base), ("text-anchor", "end")];
            self.out.leaf("text", &attributes, &flags);
        }
    }

    fn circle(&mut self, row: &Row, class: &str, radius: f64) {
        let [x, y, r] = [self.x(row.lane), self.y(row.row), radius].map(|number| number.to_string());
        self.out.empty("circle", &[("class", class), ("cx", &x), ("cy", &y), ("r", &r)]);
    }

    fn text(&mut self, x: f64, y: f64, class: &str, shown: &str) {
        let (x, y) = (x.to_string(), y.to_string());
        let mut attributes = vec![("x", &*x), ("y", &*y)];
        if !class.is_empty() {
            attributes.push(("class", class));
        }
        self.out.leaf("text", &attributes, shown);
    }
}
