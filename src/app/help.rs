//! The shortcuts, from the table of commands; and the window with the built-in rooms.

use egui::{Align2, Grid, Id, Modal, RichText, ScrollArea, Ui, Window};

use super::context::Context;
use super::keys;
use super::start;
use super::theme::size;
use crate::session::{COMMANDS, Group};

/// The width that a column of shortcuts needs.
const COLUMN: f32 = 250.0;

/// Shows the shortcuts, if they are open.
pub(super) fn keys_ui(ui: &Ui, cx: &Context<'_>, is_open: &mut bool) {
    if !*is_open {
        return;
    }
    let screen = ui.ctx().content_rect();
    let modal = Modal::new(Id::unique("keys")).show(ui.ctx(), |ui| {
        ui.set_width((screen.width() - 60.0).min(1080.0));
        let close = ui.horizontal(|ui| {
            ui.heading("Shortcuts");
            let right = egui::Layout::right_to_left(egui::Align::Center);
            ui.with_layout(right, |ui| ui.button("Close").clicked()).inner
        });
        ui.add_space(size::GAP);
        let height = screen.height() - 120.0;
        let area = ScrollArea::vertical().max_height(height).min_scrolled_height(height);
        area.show(ui, |ui| {
            groups_ui(ui, cx);
            ui.label(RichText::new(TAB).color(cx.tokens.weak));
        });
        close.inner
    });
    if modal.inner || modal.should_close() {
        *is_open = false;
    }
}

/// What the table of commands does not tell.
const TAB: &str = "Tab goes to buttons, rows and the links in sentences, Enter presses them; \
                   once a row is pressed, Tab goes to the links in it";

fn groups_ui(ui: &mut Ui, cx: &Context<'_>) {
    let length = |group: Group| {
        COMMANDS.iter().filter(|info| info.group == group && !info.shortcuts.is_empty()).count()
    };
    let total: usize = Group::ALL.into_iter().map(|group| length(group) + 2).sum();
    let count = ((ui.available_width() / COLUMN) as usize).clamp(1, 4);
    ui.columns(count, |columns| {
        let (mut column, mut filled) = (0, 0);
        for group in Group::ALL.into_iter().filter(|group| length(*group) > 0) {
            if filled > 0 && filled + length(group) / 2 > total / count && column + 1 < count {
                (column, filled) = (column + 1, 0);
            }
            filled += length(group) + 2;
            group_ui(&mut columns[column], cx, group);
        }
    });
}

fn group_ui(ui: &mut Ui, cx: &Context<'_>, group: Group) {
    ui.label(RichText::new(group.label()).strong());
    Grid::new(group.label()).num_columns(2).spacing([size::SPACE, 2.0]).show(ui, |ui| {
        for info in COMMANDS.iter().filter(|info| info.group == group && !info.shortcuts.is_empty()) {
            let keys: Vec<String> = info.shortcuts.iter().map(|shortcut| keys::words(*shortcut)).collect();
            ui.label(RichText::new(keys.join("  ")).color(cx.tokens.accent));
            ui.label(info.name).on_hover_text(info.text);
            ui.end_row();
        }
    });
    ui.add_space(size::SPACE);
}

/// Shows the built-in rooms, if they are open.
pub(super) fn tutorials_ui(ui: &Ui, cx: &Context<'_>, is_open: &mut bool) {
    let screen = ui.ctx().content_rect();
    Window::new("Tutorials")
        .open(is_open)
        .default_width(560.0)
        .max_height(screen.height() - 100.0)
        .pivot(Align2::CENTER_CENTER)
        .default_pos(screen.center())
        .collapsible(false)
        .show(ui.ctx(), |ui| {
            ScrollArea::vertical().auto_shrink([false, true]).show(ui, |ui| start::tutorials_ui(ui, cx));
        });
}
