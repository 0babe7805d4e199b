//! The checks of one event on receipt, rule by rule, with what every rule read.

use egui::{ScrollArea, Ui};

use super::pair;
use crate::app::context::Context;
use crate::app::line::{Line, focus, nothing_ui};
use crate::app::theme::{Tokens, size};
use crate::describe::Describer;
use crate::explain::{Node, Tone, explain_calculated_auth, explain_check};
use crate::room::EventIx;
use crate::session::Pair;

/// What the tab keeps.
#[derive(Debug, Default)]
pub(in crate::app) struct AuthView {
    checks: Option<(EventIx, Pair, Told)>,
}

/// What there is to tell of an event.
#[derive(Debug)]
struct Told {
    /// How its auth events follow from the state before it, where the room version calculates them.
    calculated: Option<Node>,
    checks: Vec<Checked>,
}

#[derive(Debug)]
struct Checked {
    node: Node,
    reads: Vec<(crate::room::KeyIx, Option<EventIx>)>,
}

/// Draws the tab.
pub(in crate::app) fn auth_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut AuthView) {
    let Some(ix) = focus(cx) else {
        nothing_ui(ui, cx, "No event is selected; click one, or go to one with the arrow keys");
        return;
    };
    let describer = cx.session.describer();
    super::event_title_ui(ui, cx, ix);
    let pair = pair(cx);
    if view.checks.as_ref().is_none_or(|(event, by, _)| (*event, *by) != (ix, pair)) {
        let (room, replay) = (cx.session.room(), cx.session.replay());
        let checks = replay.judge(ix).into_iter();
        let checks = checks.map(|check| Checked { node: explain_check(room, &check), reads: check.reads });
        let calculated = replay.auth_calculation(ix);
        let calculated = calculated.map(|calculated| explain_calculated_auth(room, &calculated));
        view.checks = Some((ix, pair, Told { calculated, checks: checks.collect() }));
    }
    let Some((_, _, Told { calculated, checks })) = &view.checks else { return };
    if checks.is_empty() {
        nothing_ui(ui, cx, "Nothing is known that this event could be checked against");
        return;
    }
    ui.separator();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        super::event::waiting_ui(ui, cx, &describer, ix);
        if let Some(calculated) = calculated {
            node_ui(ui, cx, &describer, calculated, 0);
            ui.add_space(size::SPACE);
        }
        for checked in checks {
            node_ui(ui, cx, &describer, &checked.node, 0);
            reads_ui(ui, cx, &describer, checked);
            ui.add_space(size::SPACE);
        }
    });
}

/// The sign and the colour of a tone.
pub(in crate::app) fn tone_mark(tone: Tone, tokens: &Tokens) -> (&'static str, egui::Color32) {
    match tone {
        Tone::Good => ("+ ", tokens.good),
        Tone::Bad => ("\u{d7} ", tokens.bad),
        Tone::Note => ("! ", tokens.warning),
        Tone::Phase | Tone::Plain => ("", tokens.text),
    }
}

/// A sentence and what belongs under it.
pub(in crate::app) fn node_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    node: &Node,
    depth: usize,
) {
    let (mark, color) = tone_mark(node.tone, cx.tokens);
    ui.horizontal_top(|ui| {
        ui.add_space(depth as f32 * size::SPACE);
        let line = Line::new(ui, cx, describer);
        line.tinted(mark, color)
            .color(if depth == 0 { cx.tokens.strong } else { cx.tokens.text })
            .sentence(&node.sentence)
            .show(ui);
    });
    for child in &node.children {
        node_ui(ui, cx, describer, child, depth + 1);
    }
}

/// Which events the rules looked up.
fn reads_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, checked: &Checked) {
    if checked.reads.is_empty() {
        return;
    }
    Line::new(ui, cx, describer).small().tinted("Looked up", cx.tokens.weak).show(ui);
    for (key, found) in &checked.reads {
        ui.horizontal_top(|ui| {
            ui.add_space(size::SPACE);
            let line = Line::new(ui, cx, describer).small().key(*key).tinted("  is  ", cx.tokens.weak);
            match found {
                Some(ix) => line.event(*ix),
                None => line.tinted("absent", cx.tokens.weak),
            }
            .show(ui);
        });
    }
}
