//! What the current step decided on, as a table, a ruler or a list.

use egui::{ScrollArea, Ui};

use super::mainline::{MainlineView, mainline_ui};
use super::queue::{QueueView, queue_ui};
use crate::app::context::Context;
use crate::app::inspector::auth::{node_ui, tone_mark};
use crate::app::line::{Line, fill_row, nothing_ui, row};
use crate::app::theme::size;
use crate::describe::Describer;
use crate::explain::Node;
use crate::resolve::step::Step;
use crate::session::Steps;

/// What the pane keeps.
#[derive(Debug, Default)]
pub(super) struct DetailView {
    queue: QueueView,
    mainline: MainlineView,
}

/// Draws the pane.
pub(super) fn detail_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    view: &mut DetailView,
    steps: &Steps,
) {
    let Some(number) = cx.session.cursor().step else { return };
    let (Some(step), Some(node)) = (steps.steps.get(number), steps.node(number)) else { return };
    match step {
        Step::PowerEvents(_) | Step::PowerPop(_) => {
            queue_ui(ui, cx, describer, &mut view.queue, super::subject(cx), steps, number);
        }
        Step::Mainline(mainline) if mainline.events.is_empty() => checked_ui(ui, cx, describer, node),
        Step::Mainline(_) | Step::MainlinePosition(_) => {
            mainline_ui(ui, cx, describer, &mut view.mainline, steps, number);
        }
        Step::AuthCheck(_) | Step::CalcAuth(_) => checked_ui(ui, cx, describer, node),
        _ => list_ui(ui, cx, describer, node),
    }
}

/// All of a node that has few details, wrapped.
fn checked_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, node: &Node) {
    ScrollArea::vertical().auto_shrink(false).id_salt("check").show(ui, |ui| {
        for child in &node.children {
            node_ui(ui, cx, describer, child, 0);
        }
        if node.children.is_empty() {
            nothing_ui(ui, cx, "The rules read nothing for this one");
        }
    });
}

/// The details of a node, and what is under them, one row each.
fn list_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, node: &Node) {
    if node.children.is_empty() {
        nothing_ui(ui, cx, "This step has no details");
        return;
    }
    let rows: Vec<(usize, &Node)> = node
        .children
        .iter()
        .flat_map(|child| std::iter::once((0, child)).chain(child.children.iter().map(|node| (1, node))))
        .collect();
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).id_salt("list").show_rows(
        ui,
        size::ROW,
        rows.len(),
        |ui, seen| {
            for (depth, node) in &rows[seen] {
                let (mark, color) = tone_mark(node.tone, cx.tokens);
                let line = Line::new(ui, cx, describer).tinted(mark, color).sentence(&node.sentence);
                let place = row(ui, cx.tokens, None);
                fill_row(ui, line, place, 4.0 + *depth as f32 * size::SPACE, 4.0);
            }
        },
    );
}
