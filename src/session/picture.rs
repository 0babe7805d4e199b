//! The graph as a picture: some rows with their lanes, marks and words, as SVG.

use std::fmt::Write as _;
use std::ops::Range;

use super::{Position, Session};
use crate::describe::{marks, text};
use crate::layout::{EdgeKind, Item, Lanes, Row, Segment, Shape};
use crate::room::EventIx;

/// The colours of a picture, as `0xRRGGBB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    /// Behind everything.
    pub background: u32,
    /// Behind the row of the cursor.
    pub cursor: u32,
    /// Text.
    pub text: u32,
    /// Lines, and text of less weight.
    pub weak: u32,
    /// Where states differ.
    pub warning: u32,
    /// Rejected events.
    pub bad: u32,
    /// The cursor, and the current state.
    pub accent: u32,
}

/// More rows are not drawn.
pub const MOST_ROWS: usize = 2000;
/// More lanes are not drawn: those further right share the last one.
const MOST_LANES: usize = 64;

const ROW: f64 = 24.0;
const LANE: f64 = 16.0;
const MARGIN: f64 = 16.0;
const TITLE: f64 = 44.0;
const TEXT: f64 = 620.0;
/// The width of a character of an ID.
const CHARACTER: f64 = 7.3;

/// Draws some rows of a graph, at most [`MOST_ROWS`]. `hue`: the colour of the server of an event.
///
/// The outcome depends on the arguments alone, refers to nothing outside, and holds no text that could act on a program
/// that shows it.
pub fn svg(
    session: &Session,
    lanes: &Lanes,
    rows: Range<usize>,
    palette: &Palette,
    hue: impl Fn(EventIx) -> u32,
) -> String {
    let start = rows.start.min(lanes.len());
    let rows = start..rows.end.min(start + MOST_ROWS).min(lanes.len()).max(start);
    let window: Vec<Row> = lanes.window_in(rows.clone(), 0..MOST_LANES).collect();
    let widest = |row: &Row| {
        row.segments
            .iter()
            .flat_map(|segment| [segment.from, segment.to])
            .chain([row.lane])
            .max()
            .unwrap_or(0)
    };
    let width = window.iter().map(widest).max().unwrap_or(0).min(MOST_LANES - 1);
    let here = match session.cursor().event {
        Position::Now => lanes.graph().now(),
        place => place.anchor().and_then(|ix| lanes.graph().row_of(ix)),
    };
    let picture = Picture { session, palette, hue, start: rows.start, width, here, out: String::new() };
    picture.draw(&window)
}

struct Picture<'a, H> {
    session: &'a Session,
    palette: &'a Palette,
    hue: H,
    start: usize,
    /// The last lane.
    width: usize,
    here: Option<usize>,
    out: String,
}

impl<H: Fn(EventIx) -> u32> Picture<'_, H> {
    fn draw(mut self, window: &[Row]) -> String {
        let width = 2.0 * MARGIN + self.width as f64 * LANE + TEXT;
        let height = TITLE + window.len() as f64 * ROW + MARGIN;
        let _ = writeln!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">"
        );
        let title = self.title();
        let _ = writeln!(self.out, "<title>{}</title>", escape(&title));
        let background = hex(self.palette.background);
        let _ = writeln!(self.out, "<rect width=\"{width}\" height=\"{height}\" fill=\"{background}\"/>");
        self.text((MARGIN, TITLE / 2.0 + 4.0), &title, self.palette.text, "font-weight=\"bold\"");
        if let Some(here) = self.here.filter(|here| window.iter().any(|row| row.row == *here)) {
            let (y, fill) = (self.y(here) - ROW / 2.0, hex(self.palette.cursor));
            let _ =
                writeln!(self.out, "<rect y=\"{y}\" width=\"{width}\" height=\"{ROW}\" fill=\"{fill}\"/>");
        }
        window.iter().for_each(|row| self.lines(row));
        window.iter().for_each(|row| self.node(row));
        self.out.push_str("</svg>\n");
        self.out
    }

    /// Room, place, and what the step says.
    fn title(&self) -> String {
        let session = self.session;
        let describer = session.describer();
        let place = match session.cursor().event {
            Position::Event(ix) => format!("at {}", describer.short_id(ix)),
            Position::Over(chosen) => {
                let ids: Vec<String> =
                    session.chosen(chosen).iter().map(|ix| describer.short_id(*ix)).collect();
                format!("over {}", text::shorten(&ids.join(", "), 60))
            }
            Position::Now => "now".to_owned(),
        };
        let name = text::shorten(&session.source().name, 60);
        let sentence = session.cursor().step.and_then(|step| session.steps()?.sentence(step));
        match sentence {
            Some(sentence) => {
                format!("{name}, {place}: {}", text::shorten(&describer.sentence(sentence), 120))
            }
            None => format!("{name}, {place}"),
        }
    }

    fn x(&self, lane: usize) -> f64 {
        MARGIN + lane.min(self.width) as f64 * LANE
    }

    fn y(&self, row: usize) -> f64 {
        TITLE + (row - self.start.min(row)) as f64 * ROW + ROW / 2.0
    }

    fn lines(&mut self, row: &Row) {
        let middle = self.y(row.row);
        for segment in &row.segments {
            let (path, dashes) = curve(segment, |lane| self.x(lane), middle, ROW);
            let dash = dashes.map(|dashes| format!(" stroke-dasharray=\"{dashes}\"")).unwrap_or_default();
            let color = hex(self.palette.weak);
            let _ = writeln!(
                self.out,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"{dash}/>"
            );
        }
    }

    fn node(&mut self, row: &Row) {
        let (x, y) = (self.x(row.lane), self.y(row.row));
        self.mark(row.item, (x, y));
        let left = 2.0 * MARGIN + self.width as f64 * LANE;
        let base = y + 4.5;
        let palette = self.palette;
        let describer = self.session.describer();
        match row.item {
            Item::Now => self.text((left, base), "now", palette.accent, ""),
            Item::Run(run) => {
                let count = text::count(run.count, "event");
                self.text((left, base), &count, palette.weak, "font-style=\"italic\"");
            }
            Item::Event(ix) => {
                let id = describer.short_id(ix);
                self.text((left, base), &id, palette.weak, "font-family=\"monospace\" font-size=\"12\"");
                let left = left + (id.chars().count() as f64 + 1.5).max(9.0) * CHARACTER;
                let color = (self.hue)(ix);
                self.text((left, base), &text::shorten(&describer.sender(ix), 18), color, "");
                let summary = text::shorten(&describer.summary(ix), 60);
                self.text((left + 116.0, base), &summary, palette.text, "");
                let flags = self.flags(ix);
                if !flags.is_empty() {
                    let right = 2.0 * MARGIN + self.width as f64 * LANE + TEXT - MARGIN;
                    let style = "text-anchor=\"end\" font-size=\"11\"";
                    self.text((right, base), &flags, palette.warning, style);
                }
            }
        }
    }

    /// What stands out, and the parts that the event plays.
    fn flags(&self, ix: EventIx) -> String {
        let (session, replay) = (self.session, self.session.replay());
        let mut flags: Vec<String> =
            session.role_of(ix).iter().map(|role| role.label().to_lowercase()).collect();
        flags.extend(marks::words(&replay, ix));
        flags.extend(session.extremity(ix).words().map(str::to_owned));
        flags.join(", ")
    }

    fn mark(&mut self, item: Item, (x, y): (f64, f64)) {
        let palette = self.palette;
        let _ = match item {
            Item::Now => writeln!(
                self.out,
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"4.5\" fill=\"{}\" stroke=\"{}\" stroke-width=\"1.5\"/>",
                hex(palette.background),
                hex(palette.accent)
            ),
            Item::Run(_) => {
                let fill = hex(palette.weak);
                writeln!(self.out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"2\" fill=\"{fill}\"/>")
            }
            Item::Event(ix) if self.session.replay().rejected().contains(ix) => {
                let (left, right, top, bottom) = (x - 4.0, x + 4.0, y - 4.0, y + 4.0);
                let color = hex(palette.bad);
                writeln!(
                    self.out,
                    "<path d=\"M{left} {top}L{right} {bottom}M{right} {top}L{left} {bottom}\" stroke=\"{color}\" \
                     stroke-width=\"2\"/>"
                )
            }
            Item::Event(ix) => {
                let radius = if self.session.room().key_of(ix).is_some() { 4.5 } else { 3.0 };
                let fill = hex((self.hue)(ix));
                writeln!(self.out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\"/>")
            }
        };
    }

    fn text(&mut self, (x, y): (f64, f64), text: &str, color: u32, style: &str) {
        let _ = writeln!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" fill=\"{}\" {style}>{}</text>",
            hex(color),
            escape(text)
        );
    }
}

/// The path of a piece of a line, and its dashes if it has some. `x`: where a lane is; `middle`: that of the row, which is
/// `height` high.
pub fn curve(
    segment: &Segment,
    x: impl Fn(usize) -> f64,
    middle: f64,
    height: f64,
) -> (String, Option<&'static str>) {
    let (top, bottom) = (middle - height / 2.0, middle + height / 2.0);
    let (from, to) = (x(segment.from), x(segment.to));
    let (start, end) = match segment.shape {
        Shape::Pass => (top, bottom),
        Shape::Down => (middle, bottom),
        Shape::Up => (top, middle),
        Shape::Stub => (top + 3.0, middle),
    };
    let dashes = match segment.kind {
        EdgeKind::Direct => None,
        EdgeKind::Implied => Some("1.5 3.5"),
        EdgeKind::Indirect => Some("4 3"),
        EdgeKind::Missing => Some("1 3"),
    };
    let bend = start + (end - start) * 0.6;
    (format!("M{from} {start}C{from} {bend} {to} {bend} {to} {end}"), dashes)
}

fn hex(color: u32) -> String {
    format!("#{:06x}", color & 0xff_ffff)
}

/// Text as XML takes it; control characters are escaped already.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Options, load};
    use crate::layout::{Edges, Graph};
    use crate::session::Command;

    const PALETTE: Palette = Palette {
        background: 0xff_ffff,
        cursor: 0xcf_e8f8,
        text: 0,
        weak: 0x88_8888,
        warning: 0x8a_5a00,
        bad: 0xb8_4300,
        accent: 0x67a3,
    };

    fn draw(session: &Session, rows: Range<usize>) -> String {
        let shown: Vec<EventIx> = session.room().events().collect();
        let current = session.replay().current().extremities.clone();
        let lanes = Lanes::new(Graph::new(session.room(), Edges::Prev, &shown, &current));
        svg(session, &lanes, rows, &PALETTE, |_| 0x72b2)
    }

    #[test]
    fn a_picture_has_all_rows_and_is_the_same_every_time() {
        let scenario = include_bytes!("../../fixtures/r3-priority-inversion/scenario.json5");
        let mut session = Session::new("a <b> & c", load(scenario, &Options::default()).unwrap());
        session.apply(Command::LastEvent);
        let picture = draw(&session, 0..usize::MAX);
        assert_eq!(picture, draw(&session, 0..usize::MAX));
        assert!(picture.contains("a &lt;b&gt; &amp; c, now"), "{picture}");
        assert!(picture.contains("2 conflicts"), "{picture}");
        for ix in session.room().events() {
            assert!(picture.contains(&session.describer().short_id(ix)));
        }
        let (opened, closed) = (picture.matches("<text").count(), picture.matches("</text>").count());
        assert_eq!(opened, closed);
        assert!(!draw(&session, 50..50).contains("<circle"));
    }

    #[test]
    fn a_picture_of_a_step_tells_the_step() {
        let scenario = include_bytes!("../../fixtures/r3-priority-inversion/scenario.json5");
        let mut session = Session::new("r3", load(scenario, &Options::default()).unwrap());
        session.apply(Command::Find(crate::session::Target::Conflicted, crate::session::Direction::Next));
        session.apply(Command::StepInto);
        session.apply(Command::LastStep);
        let sentence = session.steps().unwrap().sentence(session.cursor().step.unwrap()).unwrap();
        let words = session.describer().sentence(sentence);
        let head: String = escape(&words).chars().take(30).collect();
        let picture = draw(&session, 0..100);
        assert!(picture.contains(&head), "{picture}");
    }
}
