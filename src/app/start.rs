//! What is shown while no room is open.

use egui::{Button, RichText, ScrollArea, Ui, vec2};

use super::context::Context;
use super::theme::{self, size};
use super::tutorials::TUTORIALS;
use crate::session::Command;

/// A welcome, a button, and the built-in rooms.
pub(super) fn start_ui(ui: &mut Ui, cx: &Context<'_>) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.vertical_centered(|ui| {
            ui.set_max_width(720.0);
            ui.add_space(36.0);
            ui.label(RichText::new("Hindsight").text_style(theme::title()).color(cx.tokens.strong));
            ui.add_space(size::GAP);
            ui.label("Step through the history of a Matrix room, and through every decision of its state resolution");
            ui.add_space(size::SPACE);
            let open = Button::new(RichText::new("Open a room\u{2026}").color(cx.tokens.on_accent))
                .fill(cx.tokens.accent)
                .min_size(vec2(160.0, 32.0));
            if ui.add(open).clicked() {
                cx.send(Command::OpenFile);
            }
            let hint = "or drop a file here \u{2013} PDUs one a line or as an array, a TARDIS scenario, a federation \
                        response; nothing leaves this machine";
            ui.label(RichText::new(hint).small().color(cx.tokens.weak));
            ui.add_space(24.0);
            tutorials_ui(ui, cx);
            ui.add_space(24.0);
        });
    });
}

/// The built-in rooms, each a button.
pub(super) fn tutorials_ui(ui: &mut Ui, cx: &Context<'_>) {
    ui.label(RichText::new("Rooms to learn from, in a good order").strong());
    ui.add_space(size::GAP);
    for (number, tutorial) in (1..).zip(TUTORIALS) {
        let title = format!("{number}. {}", tutorial.title());
        let button =
            Button::new(title).right_text(RichText::new(tutorial.setting()).small().color(cx.tokens.weak));
        let width = ui.available_width();
        if ui.add(button.min_size(vec2(width, 28.0))).clicked() {
            cx.send(Command::OpenTutorial(Some(tutorial.slug)));
        }
    }
}
