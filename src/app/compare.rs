//! Two resolutions side by side, and where the replays of the whole room differ.

use egui::{Align2, FontId, Frame, Margin, Panel, Pos2, Rect, RichText, ScrollArea, Sense, Stroke, Ui, vec2};

use super::context::Context;
use super::inspector::auth::tone_mark;
use super::line::{Line, fill_row, nothing_ui, row};
use super::theme::size;
use crate::describe::Describer;
use crate::session::{
    Aligned, Alignment, Command, Comparison, Direction, Item, Pair, Position, Steps, Target,
};

/// The width of the column that says whether both sides say the same.
const SIGN: f32 = 30.0;

/// What the comparison keeps.
#[derive(Debug, Default)]
pub(super) struct CompareView {
    /// The place that the list has been scrolled for.
    scrolled_for: Option<(Position, Option<usize>, usize)>,
}

/// Draws both resolutions and the list of differences.
pub(super) fn compare_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, view: &mut CompareView) {
    let session = cx.session;
    let Some(other) = session.other_replay() else {
        nothing_ui(ui, cx, "The other side is still being replayed");
        return;
    };
    let Some(comparison) = session.comparison() else { return };
    if comparison.first().is_some() {
        let frame = Frame::NONE.inner_margin(Margin { left: 10, right: 0, top: 0, bottom: 0 });
        let most = (ui.available_width() * 0.4).max(160.0);
        let panel = Panel::right("differences").resizable(true).default_size(240.0).size_range(160.0..=most);
        panel.frame(frame).show(ui, |ui| {
            // Else the panel would shrink to what is in it.
            ui.set_min_size(ui.available_size());
            differences_ui(ui, cx, describer, comparison);
        });
    }
    let one = session.replay();
    let pairs = [&one, &other].map(|side| Pair { algorithm: side.algorithm(), profile: side.profile() });
    let (Some(here), Some(there)) = (session.steps(), session.other_steps()) else {
        nothing_ui(ui, cx, "The state here is unknown on at least one side");
        return;
    };
    let Some(alignment) = session.alignment() else { return };
    head_ui(ui, cx, alignment, pairs, [here, there], comparison);
    lines_ui(ui, cx, describer, view, alignment, [here, there]);
}

fn head_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    alignment: &Alignment,
    pairs: [Pair; 2],
    [here, there]: [&Steps; 2],
    comparison: &Comparison,
) {
    let agree = here.resolution.state == there.resolution.state;
    let differing = alignment.lines.iter().filter(|line| !line.same).count();
    ui.horizontal_wrapped(|ui| {
        let (text, color) = if agree {
            ("Both come to the same state", cx.tokens.good)
        } else {
            ("They come to different states", cx.tokens.bad)
        };
        ui.label(RichText::new(text).color(color));
        let noun = if differing == 1 { "step differs" } else { "steps differ" };
        ui.label(RichText::new(format!("{differing} {noun}")).color(cx.tokens.weak));
        let step = alignment.first_difference.and_then(|line| step_near(alignment, line));
        if step.is_some() && ui.button("First difference").clicked() {
            cx.send(Command::ScrubToStep(step.unwrap_or(0)));
        }
        if comparison.first().is_none() {
            ui.label(RichText::new("No event of this room differs").color(cx.tokens.weak));
        }
    });
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::ROW), Sense::hover());
    let font = FontId::proportional(size::BODY);
    for (side, pair) in pairs.into_iter().enumerate() {
        let left = column(rect, side).left() + 6.0;
        let at = Pos2::new(left, rect.center().y);
        ui.painter().text(at, Align2::LEFT_CENTER, pair.to_string(), font.clone(), cx.tokens.strong);
    }
    ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, cx.tokens.line));
}

/// The step of the first resolution at a line, or the last one before it.
fn step_near(alignment: &Alignment, line: usize) -> Option<usize> {
    alignment.lines[..=line].iter().rev().find_map(|line| line.one)
}

fn column(rect: Rect, side: usize) -> Rect {
    let middle = rect.center().x;
    if side == 0 {
        Rect::from_min_max(rect.min, Pos2::new(middle - SIGN / 2.0, rect.bottom()))
    } else {
        Rect::from_min_max(Pos2::new(middle + SIGN / 2.0, rect.top()), rect.max)
    }
}

fn lines_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    view: &mut CompareView,
    alignment: &Alignment,
    sides: [&Steps; 2],
) {
    let cursor = cx.session.cursor();
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("aligned");
    let first = alignment.first_difference.unwrap_or(0);
    let place = (cursor.event, cursor.step, first);
    if view.scrolled_for != Some(place) {
        view.scrolled_for = Some(place);
        let wanted =
            cursor.step.and_then(|step| alignment.lines.iter().position(|line| line.one == Some(step)));
        let y = wanted.unwrap_or(first) as f32 * size::ROW - ui.available_height() / 2.0;
        area = area.vertical_scroll_offset(y.max(0.0));
    }
    area.show_rows(ui, size::ROW, alignment.lines.len(), |ui, rows| {
        for number in rows {
            let is_first = alignment.first_difference == Some(number);
            line_ui(ui, cx, describer, &alignment.lines[number], is_first, sides);
        }
    });
}

fn line_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    aligned: &Aligned,
    is_first: bool,
    sides: [&Steps; 2],
) {
    let tokens = cx.tokens;
    let is_current = aligned.one.is_some() && aligned.one == cx.session.cursor().step;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::ROW), Sense::hover());
    if is_current {
        ui.painter().rect_filled(rect, 3.0, tokens.cursor);
    }
    if is_first {
        ui.painter().hline(rect.x_range(), rect.top(), Stroke::new(2.0, tokens.warning));
    }
    let (sign, color) = if aligned.same { ("=", tokens.weak) } else { ("\u{2260}", tokens.warning) };
    let font = FontId::proportional(size::BODY);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, sign, font, color);
    for (side, (steps, step)) in sides.into_iter().zip([aligned.one, aligned.other]).enumerate() {
        let column = column(rect, side);
        let id = ui.scope_id().with(("aligned", side, aligned.one, aligned.other));
        let response = ui.interact(column, id, Sense::click());
        let line = Line::new(ui, cx, describer).color(if aligned.same { tokens.weak } else { tokens.text });
        let line = match step.and_then(|step| steps.node(step)) {
            Some(node) => {
                let (mark, color) = tone_mark(node.tone, tokens);
                line.tinted(mark, color).sentence(&node.sentence)
            }
            None => line.tinted(&format!("no such step ({})", aligned.phase), tokens.weak),
        };
        let line =
            if is_first && side == 0 { line.tinted("  first difference", tokens.warning) } else { line };
        let response = fill_row(ui, line, (column, response), 6.0, 4.0);
        if response.clicked()
            && let Some(step) = aligned.one
        {
            cx.send(Command::SeekStep(step));
        }
    }
}

/// The events on which the replays of the whole room differ.
fn differences_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, comparison: &Comparison) {
    let (events, now) = (&comparison.events, comparison.now);
    let count = events.len();
    let text = match (count, now) {
        (0, _) => "The current state differs".to_owned(),
        (1, _) => "1 event differs".to_owned(),
        _ => format!("{count} events differ"),
    };
    ui.label(RichText::new(text).color(cx.tokens.strong));
    ui.horizontal(|ui| {
        for (name, direction) in [("Previous", Direction::Previous), ("Next", Direction::Next)] {
            let tip = format!("{name} difference");
            let button = ui.button(name).on_hover_text(&tip);
            button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &tip));
            if button.clicked() {
                cx.send(Command::Find(Target::Difference, direction));
            }
        }
    });
    ui.spacing_mut().item_spacing.y = 0.0;
    let rows = count + usize::from(now);
    ScrollArea::vertical().auto_shrink(false).id_salt("differing").show_rows(
        ui,
        size::ROW,
        rows,
        |ui, seen| {
            for number in seen {
                let position = events.get(number).map_or(Position::Now, |ix| Position::Event(*ix));
                let is_here = cx.session.cursor().event == position;
                let (rect, response) = row(ui, cx.tokens, is_here.then_some(cx.tokens.cursor));
                let line = Line::new(ui, cx, describer);
                let line = match position {
                    Position::Event(ix) => {
                        line.event(ix).tinted(&format!("  {}", describer.summary(ix)), cx.tokens.weak)
                    }
                    Position::Over(_) | Position::Now => line.link("Current state", Item::Now),
                };
                let response = fill_row(ui, line, (rect, response), 6.0, 4.0);
                if response.clicked() {
                    cx.send(Command::SeekEvent(position));
                }
            }
        },
    );
}
