//! The resolution at the cursor: phases and steps, the sentence of the step, and what the step decided on.

mod controls;
mod detail;
mod icons;
mod mainline;
mod queue;
mod transport;
mod tree;

use egui::{Frame, Margin, Panel, RichText, Ui};

use self::detail::DetailView;
use self::transport::TransportView;
use self::tree::TreeView;
use super::compare::{self, CompareView};
use super::context::Context;
use super::line::{Line, nothing_ui};
use super::seats::Windows;
use super::theme::size;
use crate::describe::Describer;
use crate::session::{Command, Direction, MOST_CHOSEN, Pair, Position, Steps, Target};

/// What the panel keeps.
#[derive(Debug, Default)]
pub(super) struct ResolutionView {
    transport: TransportView,
    tree: TreeView,
    detail: DetailView,
    compare: CompareView,
}

/// Which resolution is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subject {
    at: Position,
    pair: Pair,
}

/// Draws the panel.
pub(super) fn resolution_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut ResolutionView, windows: &mut Windows) {
    let session = cx.session;
    let describer = session.describer();
    ui.horizontal_wrapped(|ui| {
        title_ui(ui, cx, &describer);
        controls::pair_ui(ui, cx);
        controls::compare_ui(ui, cx);
        selection_ui(ui, cx);
    });
    let is_compared = session.settings().compare.is_some();
    let steps = session.steps();
    if !is_compared && steps.is_none_or(Steps::is_trivial) {
        windows.playing = false;
        nothing_to_resolve_ui(ui, cx, steps);
        return;
    }
    if let Some(steps) = steps.filter(|steps| !steps.is_trivial()) {
        transport::transport_ui(ui, cx, &mut view.transport, windows, steps.steps.len());
        sentence_ui(ui, cx, &describer, steps);
    }
    if is_compared {
        compare::compare_ui(ui, cx, &describer, &mut view.compare);
        return;
    }
    let Some(steps) = steps else { return };
    if session.cursor().step.is_some() {
        let all = ui.available_width();
        let width = (all * 0.45).max(220.0);
        let frame = Frame::NONE.inner_margin(Margin { left: 10, right: 0, top: 0, bottom: 0 });
        let panel = Panel::right("resolution detail")
            .resizable(true)
            .default_size(width)
            .size_range(180.0..=(all * 0.6).max(180.0));
        panel.frame(frame).show(ui, |ui| {
            // Else the panel would shrink to what is in it.
            ui.set_min_size(ui.available_size());
            detail::detail_ui(ui, cx, &describer, &mut view.detail, steps);
        });
    }
    let subject = subject(cx);
    tree::tree_ui(ui, cx, &describer, &mut view.tree, &subject, steps, session.cursor().step);
}

fn subject(cx: &Context<'_>) -> Subject {
    let replay = cx.session.replay();
    let pair = Pair { algorithm: replay.algorithm(), profile: replay.profile() };
    Subject { at: cx.session.cursor().event, pair }
}

fn title_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>) {
    let line = Line::new(ui, cx, describer).color(cx.tokens.strong);
    let line = match cx.session.cursor().event {
        Position::Now => line.text("Resolution for the current state"),
        Position::Event(ix) => line.text("Resolution before ").event(ix),
        Position::Over(chosen) => line.text("Resolution over ").events(cx.session.chosen(chosen)),
    };
    line.show_within(ui, f32::INFINITY);
}

/// The way to the resolution over the selected events, unless it is the one that is shown.
fn selection_ui(ui: &mut Ui, cx: &Context<'_>) {
    let events = cx.session.selection().events();
    let is_shown =
        matches!(cx.session.cursor().event, Position::Over(chosen) if cx.session.chosen(chosen) == events);
    if events.len() < 2 || is_shown {
        return;
    }
    ui.separator();
    let button = egui::Button::new(format!("Resolve over {} selected events", events.len()));
    let button = ui.add_enabled(events.len() <= MOST_CHOSEN, button);
    let many = format!("Too many to resolve at once: at most {MOST_CHOSEN}");
    if button.on_disabled_hover_text(many).clicked() {
        cx.send(Command::ResolveSelection);
    }
}

/// The sentence of the current step, and how to begin where there is none.
fn sentence_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, steps: &Steps) {
    let frame = Frame::NONE.fill(cx.tokens.raised).corner_radius(5).inner_margin(Margin::symmetric(10, 6));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        match cx.session.cursor().step.and_then(|step| steps.node(step)) {
            Some(node) => {
                let (mark, color) = super::inspector::auth::tone_mark(node.tone, cx.tokens);
                let line = Line::new(ui, cx, describer).color(cx.tokens.strong);
                line.tinted(mark, color).sentence(&node.sentence).show(ui);
            }
            None => {
                let text = "Step into the resolution with Enter, then go on with the full stop and back with the comma";
                ui.label(RichText::new(text).color(cx.tokens.weak));
            }
        }
    });
    ui.add_space(size::GAP / 2.0);
}

/// What to say and to offer where nothing is resolved.
fn nothing_to_resolve_ui(ui: &mut Ui, cx: &Context<'_>, steps: Option<&Steps>) {
    let here = cx.session.cursor().event;
    let text = match (steps, here) {
        (None, Position::Event(ix)) if cx.session.room().is_outlier(ix) => {
            "This event is an outlier: it has no place in the graph, so no state is resolved for it"
        }
        (None, _) => super::inspector::no_state(cx),
        (Some(steps), Position::Event(_)) if steps.inputs.len() < 2 => {
            "This event has one parent at most, whose state it takes over; there is nothing to resolve"
        }
        (Some(_), Position::Event(_)) => {
            "The states after all parents are equal; there is nothing to resolve"
        }
        (Some(_), Position::Over(_)) => {
            "The states after the chosen events are equal; there is nothing to resolve"
        }
        (Some(steps), Position::Now) if steps.inputs.len() < 2 => {
            "The room has one forward extremity, whose state is the current one; there is nothing to resolve"
        }
        (Some(_), Position::Now) => {
            "The states after all forward extremities are equal; there is nothing to resolve"
        }
    };
    nothing_ui(ui, cx, text);
    ui.add_space(size::GAP);
    ui.horizontal(|ui| {
        for (name, direction) in
            [("Previous conflicted merge", Direction::Previous), ("Next conflicted merge", Direction::Next)]
        {
            let found = cx.session.find(Target::Conflicted, direction);
            if ui.add_enabled(found.is_some(), egui::Button::new(name)).clicked() {
                cx.send(Command::Find(Target::Conflicted, direction));
            }
        }
    });
}
