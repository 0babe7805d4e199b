//! The mainline as a ruler: its positions, and the events that hang at each, in the order of the resolution.

use egui::{Align2, FontId, Pos2, Rect, ScrollArea, Stroke, Ui};

use crate::app::context::Context;
use crate::app::line::{Line, fill_row, row};
use crate::app::theme::size;
use crate::describe::{Describer, text};
use crate::resolve::step::{Decider, MainlinePosition, Step};
use crate::room::EventIx;
use crate::session::{Item, Steps};

/// Where the ruler stands.
const RULER: f32 = 40.0;

/// What the ruler keeps: for which step it has been scrolled.
#[derive(Debug, Default)]
pub(super) struct MainlineView {
    scrolled_for: Option<usize>,
}

/// A row of the ruler.
#[derive(Debug)]
enum Mark<'a> {
    /// Events that reach no power levels of the mainline come first.
    Nowhere,
    Position(usize, EventIx),
    Hung(&'a MainlinePosition, usize),
}

/// The marks in the order of the resolution: the oldest power levels first. Of the events, those placed up to a step.
fn marks(steps: &[Step], number: usize) -> Vec<Mark<'_>> {
    let begins = steps[..=number].iter().rposition(|step| matches!(step, Step::Mainline(_)));
    let Some((begins, Step::Mainline(mainline))) = begins.map(|place| (place, &steps[place])) else {
        return Vec::new();
    };
    let hung: Vec<(usize, &MainlinePosition)> = (begins..=number)
        .filter_map(|place| match &steps[place] {
            Step::MainlinePosition(position) => Some((place, position)),
            _ => None,
        })
        .collect();
    let at = |wanted: Option<usize>| {
        let hung = hung.iter().filter(move |(_, position)| position.position == wanted);
        hung.map(|(place, position)| Mark::Hung(position, *place))
    };
    let mut marks: Vec<Mark<'_>> = Vec::with_capacity(hung.len() + mainline.events.len() + 1);
    if hung.iter().any(|(_, position)| position.position.is_none()) {
        marks.push(Mark::Nowhere);
        marks.extend(at(None));
    }
    // The events come by position, so each is looked at once.
    let mut rest = hung.iter().filter(|(_, position)| position.position.is_some()).peekable();
    for (place, event) in mainline.events.iter().enumerate().rev() {
        marks.push(Mark::Position(place, *event));
        while let Some((step, position)) = rest.next_if(|(_, hung)| hung.position == Some(place)) {
            marks.push(Mark::Hung(position, *step));
        }
    }
    marks.extend(rest.map(|(step, position)| Mark::Hung(position, *step)));
    marks
}

/// Draws the ruler.
pub(super) fn mainline_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    view: &mut MainlineView,
    steps: &Steps,
    number: usize,
) {
    let marks = marks(&steps.steps, number);
    let head = Line::new(ui, cx, describer).small();
    head.tinted("Position on the mainline, the oldest power levels first", cx.tokens.weak).show(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("mainline");
    if view.scrolled_for != Some(number) {
        view.scrolled_for = Some(number);
        let current = marks.iter().position(|mark| matches!(mark, Mark::Hung(_, step) if *step == number));
        if let Some(current) = current {
            let y = current as f32 * size::ROW - ui.available_height() / 2.0;
            area = area.vertical_scroll_offset(y.max(0.0));
        }
    }
    area.show_rows(ui, size::ROW, marks.len(), |ui, seen| {
        for mark in &marks[seen] {
            mark_ui(ui, cx, describer, mark, number);
        }
    });
}

fn mark_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, mark: &Mark<'_>, number: usize) {
    let tokens = cx.tokens;
    let (event, is_current) = match mark {
        Mark::Nowhere => (None, false),
        Mark::Position(_, event) => (Some(*event), false),
        Mark::Hung(position, step) => (Some(position.event), *step == number),
    };
    let is_hovered = event.is_some_and(|ix| cx.session.hovered() == Some(&Item::Event(ix)));
    let fill = if is_current { Some(tokens.cursor) } else { is_hovered.then_some(tokens.hovered) };
    let (rect, response) = row(ui, tokens, fill);
    let x = rect.left() + RULER;
    let line = Line::new(ui, cx, describer);
    let (line, indent) = match mark {
        Mark::Nowhere => {
            tick(ui, rect, x, "\u{221e}", tokens.strong);
            (line.color(tokens.weak).text("reach no power levels of the mainline"), RULER + 10.0)
        }
        Mark::Position(place, event) => {
            ui.painter().vline(x, rect.y_range(), Stroke::new(2.0, tokens.text));
            tick(ui, rect, x, &place.to_string(), tokens.strong);
            (
                line.event(*event).tinted(&format!("  {}", describer.summary(*event)), tokens.weak),
                RULER + 10.0,
            )
        }
        Mark::Hung(position, _) => {
            if position.position.is_some() {
                ui.painter().vline(x, rect.y_range(), Stroke::new(2.0, tokens.text));
            }
            let y = rect.center().y;
            let branch = Stroke::new(1.0, tokens.weak);
            ui.painter().line_segment([Pos2::new(x, y), Pos2::new(x + 16.0, y)], branch);
            (hung_line(line, cx, describer, position), RULER + 22.0)
        }
    };
    fill_row(ui, line, (rect, response), indent, 4.0);
}

fn hung_line<'a>(
    line: Line<'a>,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    position: &MainlinePosition,
) -> Line<'a> {
    let tokens = cx.tokens;
    let sent = cx.session.room().event(position.event).origin_server_ts();
    let decides =
        |component: Decider| if position.decider == component { tokens.accent } else { tokens.weak };
    let by_id = if position.decider == Decider::EventId { ", by event ID" } else { "" };
    let lost = if position.dropped { "  lost" } else { "" };
    line.text(&format!("{}. ", position.number))
        .event(position.event)
        .tinted(
            &format!("  {}.{:03}", text::date_time(sent), sent.rem_euclid(1000)),
            decides(Decider::Timestamp),
        )
        .tinted(by_id, tokens.accent)
        .tinted(lost, tokens.bad)
        .tinted(&format!("  {}", describer.summary(position.event)), tokens.weak)
}

fn tick(ui: &Ui, rect: Rect, x: f32, label: &str, color: egui::Color32) {
    let y = rect.center().y;
    ui.painter().line_segment([Pos2::new(x - 6.0, y), Pos2::new(x + 6.0, y)], Stroke::new(2.0, color));
    let font = FontId::proportional(size::BODY);
    ui.painter().text(Pos2::new(x - 10.0, y), Align2::RIGHT_CENTER, label, font, color);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Options, load};
    use crate::session::Session;

    #[test]
    fn every_placed_event_hangs_once_under_its_position() {
        let scenario = include_bytes!("../../../fixtures/mainline-epochs/scenario.json5");
        let session = Session::new("epochs", load(scenario, &Options::default()).unwrap());
        let merge = session.room().events().rfind(|ix| session.replay().resolved(*ix)).unwrap();
        let steps = session.steps_at(merge.into()).unwrap().steps;
        let last = steps.iter().rposition(|step| matches!(step, Step::MainlinePosition(_))).unwrap();
        let placed = steps.iter().filter(|step| matches!(step, Step::MainlinePosition(_))).count();
        let marks = marks(&steps, last);
        let mut under = None;
        let mut numbers = Vec::new();
        for mark in &marks {
            match mark {
                Mark::Nowhere => under = None,
                Mark::Position(place, _) => under = Some(*place),
                Mark::Hung(position, _) => {
                    assert_eq!(position.position, under);
                    numbers.push(position.number);
                }
            }
        }
        assert!(numbers.is_sorted() && numbers.len() == placed && placed > 1, "{numbers:?} of {placed}");
        let first = steps.iter().position(|step| matches!(step, Step::MainlinePosition(_))).unwrap();
        assert_eq!(
            super::marks(&steps, first).iter().filter(|mark| matches!(mark, Mark::Hung(..))).count(),
            1
        );
    }
}
