//! The power ordering at one pop: which events are ready, by which keys they are ordered, and who waits for whom.

use std::cmp::Reverse;

use egui::{Align2, Color32, FontId, Pos2, Rect, RichText, ScrollArea, Ui};

use super::Subject;
use crate::app::context::Context;
use crate::app::line::{Line, fill_row, row};
use crate::app::theme::{roles, size};
use crate::auth::Level;
use crate::describe::{Describer, text};
use crate::resolve::step::{Decider, PowerEntry, PowerPop, PowerQueue, Step};
use crate::room::{EventIx, Room};
use crate::session::{Item, Role, Steps};

/// What the table keeps.
#[derive(Debug, Default)]
pub(super) struct QueueView {
    rows: Option<(Subject, usize, Vec<QueueRow>)>,
}

/// An event that has not left the ordering.
#[derive(Debug, PartialEq, Eq)]
struct QueueRow {
    event: EventIx,
    level: Level,
    timestamp: i64,
    place: Place,
    /// For whom it waits.
    waits_for: Vec<EventIx>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Chosen,
    RunnerUp,
    Ready,
    Blocked {
        /// It would come before the chosen one if it were ready.
        overtaken: bool,
    },
}

/// The queue at a step, the event that leaves it first.
fn rows(room: &Room, steps: &[Step], number: usize) -> Vec<QueueRow> {
    let begins = steps[..=number].iter().rposition(|step| matches!(step, Step::PowerEvents(_)));
    let Some((begins, Step::PowerEvents(events))) = begins.map(|place| (place, &steps[place])) else {
        return Vec::new();
    };
    let mut queue = PowerQueue::new(events);
    for step in &steps[begins..number] {
        if let Step::PowerPop(pop) = step {
            queue.pop(pop.event);
        }
    }
    let now = pop(steps, number);
    let order = |entry: &PowerEntry| (Reverse(entry.key.level), entry.key.timestamp, room.id(entry.event));
    let chosen = queue.ready().find(|entry| now.is_some_and(|pop| pop.event == entry.event)).map(order);
    let make = |entry: &PowerEntry, place: Place, waits_for: Vec<EventIx>| QueueRow {
        event: entry.event,
        level: entry.key.level,
        timestamp: entry.key.timestamp,
        place,
        waits_for,
    };
    let mut ready: Vec<&PowerEntry> = queue.ready().collect();
    ready.sort_by_key(|entry| order(entry));
    let mut blocked: Vec<_> = queue.blocked().collect();
    blocked.sort_by_key(|(entry, _)| order(entry));
    let ready = ready.into_iter().map(|entry| {
        let place = match now {
            Some(pop) if pop.event == entry.event => Place::Chosen,
            Some(pop) if pop.runner_up == Some(entry.event) => Place::RunnerUp,
            _ => Place::Ready,
        };
        make(entry, place, Vec::new())
    });
    let blocked = blocked.into_iter().map(|(entry, waits_for)| {
        let overtaken = chosen.as_ref().is_some_and(|chosen| order(entry) < *chosen);
        make(entry, Place::Blocked { overtaken }, waits_for)
    });
    ready.chain(blocked).collect()
}

fn pop(steps: &[Step], number: usize) -> Option<&PowerPop> {
    match steps.get(number) {
        Some(Step::PowerPop(pop)) => Some(pop),
        _ => None,
    }
}

/// Where the columns begin, counted from the right edge; that of IDs is left out where there is no space for it.
#[derive(Debug, Clone, Copy)]
struct Columns {
    level: f32,
    time: f32,
    id: Option<f32>,
    /// Times are of one day, which goes without saying.
    one_day: bool,
    decider: Option<Decider>,
}

/// From this width on there is space for IDs that decide nothing.
const WIDE: f32 = 520.0;

impl Columns {
    fn new(width: f32, rows: &[QueueRow], decider: Option<Decider>) -> Self {
        let day = |row: &QueueRow| row.timestamp.div_euclid(86_400_000);
        let one_day = rows.iter().all(|row| day(row) == day(&rows[0]));
        let extra = |component| if decider == Some(component) { 46.0 } else { 0.0 };
        let id_width = 74.0 + extra(Decider::EventId);
        let id = (width >= WIDE || decider == Some(Decider::EventId)).then_some(id_width);
        let time = id.unwrap_or(0.0) + if one_day { 92.0 } else { 146.0 } + extra(Decider::Timestamp);
        Self { level: time + 44.0 + extra(Decider::Level), time, id, one_day, decider }
    }
}

/// Draws the table.
pub(super) fn queue_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    view: &mut QueueView,
    subject: Subject,
    steps: &Steps,
    number: usize,
) {
    if view.rows.as_ref().is_none_or(|(known, step, _)| (known, *step) != (&subject, number)) {
        view.rows = Some((subject, number, rows(cx.session.room(), &steps.steps, number)));
    }
    let Some((.., rows)) = &view.rows else { return };
    let decider = pop(&steps.steps, number).map(|pop| pop.decider);
    let ready = rows.iter().filter(|row| !matches!(row.place, Place::Blocked { .. })).count();
    let weak = cx.tokens.weak;
    let blocked = rows.len() - ready;
    ui.label(RichText::new(format!("{ready} ready, {blocked} blocked")).color(cx.tokens.strong));
    let columns = Columns::new(ui.available_width(), rows, decider);
    head_ui(ui, cx, columns);
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).id_salt("queue").show_rows(
        ui,
        size::ROW,
        rows.len(),
        |ui, seen| {
            for row in &rows[seen] {
                row_ui(ui, cx, describer, row, columns);
            }
        },
    );
    if rows.is_empty() {
        ui.label(RichText::new("No power events").color(weak));
    }
}

fn head_ui(ui: &mut Ui, cx: &Context<'_>, columns: Columns) {
    let decider = columns.decider;
    let (rect, _) =
        ui.allocate_exact_size(egui::vec2(ui.available_width(), size::ROW - 4.0), egui::Sense::hover());
    let font = FontId::proportional(size::SMALL);
    let show = |x: f32, name: &str, decides: bool| {
        let (text, color) = if decides {
            (format!("{name}, decides"), cx.tokens.accent)
        } else {
            (name.to_owned(), cx.tokens.weak)
        };
        ui.painter().text(Pos2::new(x, rect.center().y), Align2::LEFT_CENTER, text, font.clone(), color);
    };
    show(rect.left() + 22.0, "Event", false);
    show(rect.right() - columns.level, "Level", decider == Some(Decider::Level));
    show(rect.right() - columns.time, "Sent (UTC)", decider == Some(Decider::Timestamp));
    if let Some(id) = columns.id {
        show(rect.right() - id, "ID", decider == Some(Decider::EventId));
    }
}

fn row_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, queued: &QueueRow, columns: Columns) {
    let tokens = cx.tokens;
    let (role, word, color) = match queued.place {
        Place::Chosen => (Role::Chosen, "chosen", tokens.strong),
        Place::RunnerUp => (Role::Ready, "next best", tokens.text),
        Place::Ready => (Role::Ready, "ready", tokens.text),
        Place::Blocked { .. } => (Role::Blocked, "waits for ", tokens.weak),
    };
    let item = Item::Event(queued.event);
    let fill = if queued.place == Place::Chosen {
        Some(tokens.cursor)
    } else {
        (cx.session.hovered() == Some(&item)).then_some(tokens.hovered)
    };
    let (rect, response) = row(ui, tokens, fill);
    let center = Pos2::new(rect.left() + 11.0, rect.center().y);
    roles::style(role, tokens).paint(ui.painter(), center, size::MARK);
    let line = Line::new(ui, cx, describer).color(color).event(queued.event);
    let mut line = line.tinted(&format!("  {word}"), tokens.weak);
    if let Place::Blocked { overtaken } = queued.place {
        for (number, ix) in queued.waits_for.iter().take(6).enumerate() {
            line = if number > 0 { line.text(", ") } else { line };
            line = line.event(*ix);
        }
        if queued.waits_for.len() > 6 {
            line = line.text(&format!(" and {} more", queued.waits_for.len() - 6));
        }
        if overtaken {
            line = line.tinted("; would come first", tokens.warning);
        }
    }
    line = line.tinted(&format!("  {}", describer.summary(queued.event)), tokens.weak);
    let decides = |component: Decider| {
        let is_pair = matches!(queued.place, Place::Chosen | Place::RunnerUp);
        if is_pair && columns.decider == Some(component) { tokens.accent } else { color }
    };
    fill_row(ui, line, (rect, response), 22.0, columns.level + 8.0);
    let id: String = cx.session.room().id(queued.event).chars().take(9).collect();
    cell(ui, rect, columns.level, &queued.level.to_string(), decides(Decider::Level));
    cell(ui, rect, columns.time, &time(queued.timestamp, columns.one_day), decides(Decider::Timestamp));
    if let Some(from_right) = columns.id {
        cell(ui, rect, from_right, &text::escape(&id), decides(Decider::EventId));
    }
}

/// To the millisecond: that is what decides.
fn time(timestamp: i64, one_day: bool) -> String {
    let seconds = if one_day { text::clock(timestamp) } else { text::date_time(timestamp) };
    format!("{seconds}.{:03}", timestamp.rem_euclid(1000))
}

fn cell(ui: &Ui, rect: Rect, from_right: f32, text: &str, color: Color32) {
    let at = Pos2::new(rect.right() - from_right, rect.center().y);
    ui.painter().text(at, Align2::LEFT_CENTER, text, FontId::proportional(size::SMALL), color);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Options, load};
    use crate::session::Session;

    #[test]
    fn the_queue_empties_pop_by_pop() {
        let scenario = include_bytes!("../../../fixtures/r3-priority-inversion/scenario.json5");
        let session = Session::new("r3", load(scenario, &Options::default()).unwrap());
        let merge = session.room().events().rfind(|ix| session.replay().resolved(*ix)).unwrap();
        let steps = session.steps_at(merge.into()).unwrap();
        let mut pops = 0;
        let mut left = None;
        let mut was_overtaken = false;
        for (number, step) in steps.steps.iter().enumerate() {
            let Step::PowerPop(pop) = step else { continue };
            let rows = rows(session.room(), &steps.steps, number);
            assert!(left.is_none_or(|left| rows.len() + 1 == left), "one event leaves at each pop");
            left = Some(rows.len());
            assert_eq!(
                (rows[0].event, rows[0].place),
                (pop.event, Place::Chosen),
                "the best ready one leaves"
            );
            assert_eq!(rows.iter().any(|row| row.place == Place::RunnerUp), pop.runner_up.is_some());
            for row in &rows {
                assert_eq!(row.waits_for.is_empty(), !matches!(row.place, Place::Blocked { .. }));
                was_overtaken |= row.place == Place::Blocked { overtaken: true };
            }
            pops += 1;
        }
        assert!(pops > 1 && left == Some(1));
        assert!(was_overtaken, "the inversion of the fixture shows");
    }
}
