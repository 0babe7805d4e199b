//! One row of the list.

use egui::text::{LayoutJob, TextWrapping};
use egui::{Align2, Color32, CornerRadius, FontId, Rect, Response, Stroke, StrokeKind, Ui, pos2, vec2};

use super::super::context::Context;
use super::super::nodes::{self, Mark, RowFrame};
use super::super::sheet::Servers;
use super::super::theme::{roles, size};
use crate::describe::{Describer, marks, text};
use crate::event::server_name;
use crate::layout::{Item, Row};
use crate::replay::{CheckKind, Replay};
use crate::room::EventIx;
use crate::session::{Axis, Item as SessionItem, Position};

/// More lanes than this are not shown beside the text.
const MOST_LANES: usize = 14;
/// The width of a character of an identifier.
const CHARACTER: f32 = 7.2;
/// The space left of the lanes.
const INDENT: f32 = 12.0;

/// Where the columns are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    /// How many lanes are shown; those further right share the last one.
    pub(super) lanes: usize,
    left: f32,
    value: (f32, f32),
    id: Option<(f32, f32)>,
    sender: Option<(f32, f32)>,
    summary: f32,
    right: f32,
    axis: Axis,
}

impl Columns {
    pub(super) fn new(rect: Rect, lanes: usize, axis: Axis, rows: usize) -> Self {
        let fitting = (rect.width() * 0.17 / size::LANE) as usize;
        let lanes = lanes.clamp(1, fitting.clamp(1, MOST_LANES));
        let left = rect.left() + INDENT;
        let mut x = left + (lanes - 1) as f32 * size::LANE + INDENT;
        let mut column = |width: f32| {
            let from = x;
            x += width + 8.0;
            (from, width)
        };
        let characters = match axis {
            Axis::OriginServerTs => 19.0,
            Axis::Topological | Axis::File | Axis::Depth => (rows.max(10) as f32).log10().floor() + 1.0,
        };
        let value = column(characters * CHARACTER * 0.92);
        let id = (rect.width() > 300.0).then(|| column(8.0 * CHARACTER + 2.0));
        let sender = (rect.width() > 240.0).then(|| column((rect.width() * 0.15).clamp(52.0, 130.0)));
        Self { lanes, left, value, id, sender, summary: x, right: rect.right() - 6.0, axis }
    }

    fn x(&self, lane: usize) -> f32 {
        self.left + lane.min(self.lanes - 1) as f32 * size::LANE
    }

    /// Whether a place across is in the column of senders.
    pub(super) fn is_sender(&self, x: f32) -> bool {
        self.sender.is_some_and(|(left, width)| (left..left + width).contains(&x))
    }

    /// Where a run says that it can be expanded.
    pub(super) fn expander(&self, row: Rect) -> Rect {
        Rect::from_min_max(pos2(self.right - 42.0, row.top() + 3.0), pos2(self.right, row.bottom() - 3.0))
    }
}

/// What a row is painted from.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) describer: &'a Describer<'a>,
    pub(super) replay: &'a Replay<'a>,
    pub(super) servers: &'a Servers,
    /// The number of keys that the states before the event disagree on.
    pub(super) conflicts: usize,
    /// The cursor is here.
    pub(super) is_here: bool,
    /// The row is to be dimmed.
    pub(super) is_future: bool,
}

/// What stands out, and why.
#[derive(Debug, Clone)]
pub(super) struct Flag {
    text: String,
    color: Color32,
    meaning: String,
}

/// A row in words.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// All of it, for screen readers.
    pub(super) label: String,
    value: String,
    id: String,
    sender: String,
    summary: String,
    flags: Vec<Flag>,
    /// The parts it plays at this step, by letter.
    letters: Vec<(&'static str, Color32)>,
}

/// Puts a row into words.
pub(super) fn tell(cx: &Context<'_>, item: Item, facts: &Facts<'_>) -> Told {
    let mut told = match item {
        Item::Event(ix) => tell_event(cx, ix, facts),
        Item::Run(run) => {
            let count = text::count(run.count, "event");
            let here = cx.session.cursor().event.event().filter(|_| facts.is_here);
            let summary = match here {
                Some(ix) => {
                    let (id, what) = (facts.describer.short_id(ix), nodes::briefly(facts.describer, ix));
                    format!("{count}, now at {id} {what}")
                }
                None => format!("{count} in a row"),
            };
            Told { summary, value: run.first.index().to_string(), ..Told::default() }
        }
        Item::Now => tell_now(cx, facts),
    };
    let flags: Vec<&str> = told.flags.iter().map(|flag| &*flag.text).collect();
    let parts = [&told.value, &told.id, &told.sender, &told.summary, &flags.join(", ")];
    let parts: Vec<&str> = parts.into_iter().map(|part| &**part).filter(|part| !part.is_empty()).collect();
    told.label = parts.join(" ");
    told
}

fn tell_event(cx: &Context<'_>, ix: EventIx, facts: &Facts<'_>) -> Told {
    let (session, describer) = (cx.session, facts.describer);
    let axis = session.rows().axis();
    let value = match axis {
        Axis::OriginServerTs => describer.time(ix),
        Axis::Topological | Axis::File | Axis::Depth => axis.value(session.room(), ix).to_string(),
    };
    let roles = session.role_of(ix).iter().map(|role| roles::style(role, cx.tokens));
    Told {
        label: String::new(),
        value,
        id: describer.short_id(ix),
        sender: describer.sender(ix),
        summary: nodes::briefly(describer, ix),
        flags: flags(cx, ix, facts),
        letters: roles.map(|style| (style.letter, style.color)).collect(),
    }
}

fn tell_now(cx: &Context<'_>, facts: &Facts<'_>) -> Told {
    let current = facts.replay.current();
    let extremities = text::count(current.extremities.len(), nodes::extremity(cx));
    let state = match &current.state {
        None => "state unknown",
        Some(_) if current.resolved => "states differ",
        Some(_) if current.extremities.len() > 1 => "states agree",
        Some(_) => "",
    };
    let mut flags = Vec::new();
    if cx.session.is_reset(Position::Now) {
        let meaning = "State was lost although nobody took it back; see the tab Why".to_owned();
        flags.push(Flag { text: "reset".to_owned(), color: cx.tokens.bad, meaning });
    }
    if !state.is_empty() {
        let color = if current.resolved { cx.tokens.warning } else { cx.tokens.weak };
        let meaning = "The states after the forward extremities, which are resolved here".to_owned();
        flags.push(Flag { text: state.to_owned(), color, meaning });
    }
    Told { id: "now".to_owned(), summary: extremities, flags, ..Told::default() }
}

fn flags(cx: &Context<'_>, ix: EventIx, facts: &Facts<'_>) -> Vec<Flag> {
    let (room, tokens) = (cx.session.room(), cx.tokens);
    let mut flags = Vec::new();
    let mut flag = |text: &str, color, meaning: &str| {
        flags.push(Flag { text: text.to_owned(), color, meaning: meaning.to_owned() });
    };
    let parents = room.state_links(ix).count();
    if let Some(rejection) = facts.replay.rejection(ix) {
        let (word, why) = match rejection.check {
            CheckKind::StateParents => ("rejected: parents", "Rejected for its prev_state_events"),
            _ => ("rejected", "Rejected"),
        };
        flag(word, tokens.bad, &format!("{why}: {}", text::shorten(&rejection.reason, 300)));
    }
    if facts.replay.is_unprocessed(ix) {
        let ids: Vec<String> =
            facts.replay.waits_for(ix).iter().map(|gap| facts.describer.missing_id(*gap)).collect();
        let what = text::shorten(&ids.join(", "), 200);
        let meaning = format!("It waits, neither accepted nor rejected, for what is not in the dump: {what}");
        flag("waits", tokens.warning, &meaning);
    }
    if let Some(failure) = facts.replay.failure(ix) {
        flag("fails", tokens.bad, &format!("The resolution fails: {}", text::shorten(&failure.message, 300)));
    }
    if cx.session.resets().contains(ix) {
        flag("reset", tokens.bad, "State was lost here although nobody took it back; see the tab Why");
    }
    if facts.conflicts > 0 {
        let text = text::count(facts.conflicts, "conflict");
        let meaning = format!("Merges {parents} states that differ in {} state keys", facts.conflicts);
        flag(&text, tokens.warning, &meaning);
    } else if parents > 1 && !facts.replay.is_unprocessed(ix) {
        flag("merge", tokens.weak, &format!("Merges {parents} states that agree"));
    }
    if cx.session.comparison().is_some_and(|comparison| comparison.differs(Position::Event(ix))) {
        flag("differs", tokens.accent, "The two sides of the comparison differ here");
    }
    if room.recorded(ix).soft_failed {
        flag("soft-failed", tokens.warning, "A server kept it out of the forward extremities");
    } else if facts.replay.soft_failed(ix) == Some(true) {
        flag(
            "soft-failed",
            tokens.warning,
            "The current state at its arrival refuses it: no client is shown it",
        );
    }
    if room.is_foreign(ix) {
        flag("other room", tokens.warning, "It belongs to another room");
    } else if room.is_outlier(ix) {
        flag("outlier", tokens.weak, "It has no known place in the graph");
    } else if !marks::gaps(room, ix).is_empty() && !facts.replay.is_unprocessed(ix) {
        flag("hole", tokens.warning, "A parent is not in the dump");
    }
    if marks::is_asserted(room, ix) {
        flag("asserted", tokens.accent, "The state here is asserted, not computed");
    }
    for word in cx.session.extremity(ix).words() {
        let meaning = match word {
            "extremity" => "A forward extremity: what is sent next names it in prev_events",
            _ => "A forward extremity of the state DAG: the current state is resolved from those after these",
        };
        flag(word, tokens.weak, meaning);
    }
    flags
}

/// Paints a row.
pub(super) fn paint(
    ui: &Ui,
    cx: &Context<'_>,
    rect: Rect,
    (item, lines): (Item, Option<&Row>),
    columns: &Columns,
    facts: &Facts<'_>,
    told: &Told,
) {
    let t = cx.tokens;
    let fade = if facts.is_future { t.dimmed } else { 1.0 };
    let behind = paint_background(ui, cx, rect, item, facts);
    let frame = RowFrame { top: rect.top(), middle: rect.center().y, bottom: rect.bottom() };
    let painter = ui.painter();
    let lane = lines.map_or(0, |row| row.lane);
    if let Some(row) = lines {
        let line = t.weak.gamma_multiply(0.75 * fade);
        nodes::paint_lines(painter, row, frame, |lane| columns.x(lane), |_| Stroke::new(1.4, line));
    }
    let center = pos2(columns.x(lane), frame.middle);
    Mark::of(cx, item, facts.servers).paint(painter, center, size::MARK, behind, fade, t);
    if let Item::Event(ix) = item {
        nodes::paint_extremity(painter, center, size::MARK, cx.session.extremity(ix), fade, t);
    }
    let right = paint_flags(ui, rect, columns, told, fade, matches!(item, Item::Run(_)));
    let cell = Cell { ui, middle: frame.middle, fade };
    let (left, width) = columns.value;
    let mono = |size| FontId::monospace(size);
    if columns.axis == Axis::OriginServerTs {
        cell.paint(left, width, &told.value, mono(size::SMALL), t.weak);
    } else {
        let font = mono(size::SMALL);
        painter.text(
            pos2(left + width, frame.middle),
            Align2::RIGHT_CENTER,
            &told.value,
            font,
            cell.color(t.weak),
        );
    }
    if let Some((left, width)) = columns.id {
        let color = if item == Item::Now { t.accent } else { t.weak };
        cell.paint(left, width, &told.id, mono(size::SMALL), color);
    }
    if let (Some((left, width)), Item::Event(ix)) = (columns.sender, item) {
        let color = facts.servers.color(cx.session.room(), ix, t);
        cell.paint(left, width, &told.sender, FontId::proportional(size::BODY), color);
    }
    let state = matches!(item, Item::Event(ix) if cx.session.room().key_of(ix).is_some());
    let color = if facts.is_here {
        t.strong
    } else if state || item == Item::Now {
        t.text
    } else {
        t.weak
    };
    let font = FontId::proportional(size::BODY);
    let left = if matches!(item, Item::Run(_)) {
        columns.id.map_or(columns.summary, |id| id.0)
    } else {
        columns.summary
    };
    cell.paint(left, right - left, &told.summary, font, color);
}

/// Paints what is behind a row, and returns its colour.
fn paint_background(ui: &Ui, cx: &Context<'_>, rect: Rect, item: Item, facts: &Facts<'_>) -> Color32 {
    let t = cx.tokens;
    let painter = ui.painter();
    let is_selected = cx.session.selection().contains(&nodes::session_item(item));
    let color = if facts.is_here {
        t.cursor
    } else if is_selected {
        t.selected
    } else if nodes::is_lit(cx, item) {
        t.hovered
    } else {
        t.background
    };
    if color != t.background {
        painter.rect_filled(rect, CornerRadius::ZERO, color);
    }
    let edge = |width: f32, color: Color32| {
        let bar = Rect::from_min_size(rect.left_top(), vec2(width, rect.height()));
        painter.rect_filled(bar, CornerRadius::ZERO, color);
    };
    if facts.is_here {
        edge(3.0, t.accent);
    } else if is_selected {
        edge(3.0, t.weak);
    }
    let is_hit = || matches!(item, Item::Event(ix) if cx.session.hits().contains(ix));
    if !cx.session.settings().search.is_empty() && is_hit() {
        let inner = rect.shrink2(vec2(4.0, 1.0));
        painter.rect_stroke(inner, CornerRadius::same(4), Stroke::new(1.0, t.accent), StrokeKind::Inside);
    }
    color
}

/// Paints flags and letters at the right. Returns how far left they go.
fn paint_flags(ui: &Ui, rect: Rect, columns: &Columns, told: &Told, fade: f32, is_run: bool) -> f32 {
    let painter = ui.painter();
    let mut x = if is_run { columns.right - 50.0 } else { columns.right };
    // Half of a row at most: what the event is matters more.
    let least = columns.summary + (columns.right - columns.summary) * 0.35;
    for flag in &told.flags {
        let color = flag.color.gamma_multiply(fade);
        let galley =
            painter.layout_no_wrap(flag.text.clone(), FontId::proportional(size::SMALL - 0.5), color);
        let chip = vec2(galley.size().x + 8.0, 15.0);
        if x - chip.x < least {
            painter.text(
                pos2(x, rect.center().y),
                Align2::RIGHT_CENTER,
                "…",
                FontId::proportional(size::SMALL),
                color,
            );
            x -= 12.0;
            break;
        }
        let chip = Rect::from_min_size(pos2(x - chip.x, rect.center().y - 7.5), chip);
        let stroke = Stroke::new(1.0, color.gamma_multiply(0.6));
        painter.rect_stroke(chip, CornerRadius::same(4), stroke, StrokeKind::Inside);
        let text = pos2(chip.left() + 4.0, chip.center().y - galley.size().y / 2.0);
        painter.galley(text, galley, color);
        x = chip.left() - 4.0;
    }
    for (letter, color) in told.letters.iter().rev() {
        if x - 10.0 < least {
            break;
        }
        let font = FontId::proportional(size::SMALL);
        painter.text(pos2(x - 5.0, rect.center().y), Align2::CENTER_CENTER, letter, font, *color);
        x -= 11.0;
    }
    x - 4.0
}

/// Paints texts that are cut off where the space ends.
struct Cell<'a> {
    ui: &'a Ui,
    middle: f32,
    fade: f32,
}

impl Cell<'_> {
    fn color(&self, color: Color32) -> Color32 {
        color.gamma_multiply(self.fade)
    }

    fn paint(&self, left: f32, width: f32, text: &str, font: FontId, color: Color32) {
        if width < 8.0 || text.is_empty() {
            return;
        }
        // Laid out without the dimming, so that nothing is laid out anew when the cursor moves.
        let mut job = LayoutJob::simple_singleline(text.to_owned(), font, Color32::PLACEHOLDER);
        job.wrap = TextWrapping::truncate_at_width(width);
        let painter = self.ui.painter();
        let galley = painter.layout_job(job);
        painter.galley(pos2(left, self.middle - galley.size().y / 2.0), galley, self.color(color));
    }
}

/// What is told of a row when the pointer rests on it.
pub(super) fn tip(response: Response, cx: &Context<'_>, item: Item, told: &Told) {
    let room = cx.session.room();
    response.on_hover_ui(|ui| {
        ui.set_max_width(460.0);
        match item {
            Item::Now => {
                ui.label("The current state: the resolution over the forward extremities");
            }
            Item::Run(run) => {
                let of = text::count(run.count, "event");
                ui.label(format!("{of}, one after the other, of which none stands out"));
            }
            Item::Event(ix) => {
                let event = room.event(ix);
                ui.label(text::escape(&cx.session.describer().summary(ix)));
                ui.monospace(text::shorten(room.id(ix), 120));
                let sender = text::shorten(event.sender(), 120);
                let server = text::shorten(server_name(event.sender()), 60);
                ui.label(format!("From {sender}, server {server}"));
                let time = text::date_time(event.origin_server_ts());
                let (index, place) = (ix.index(), room.position(ix));
                let line = format!(
                    "Sent {time} UTC, depth {}, index {index}, place in the file {place}",
                    event.depth()
                );
                ui.label(line);
            }
        }
        for flag in &told.flags {
            ui.colored_label(flag.color, &flag.meaning);
        }
        if let SessionItem::Event(ix) = nodes::session_item(item) {
            for role in cx.session.role_of(ix).iter() {
                let style = roles::style(role, cx.tokens);
                ui.colored_label(style.color, format!("{} {}", style.letter, role.label()));
            }
        }
    });
}
