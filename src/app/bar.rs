//! The bar at the top: what is open, and what can be done about it.

use std::path::PathBuf;

use egui::{Align, Button, Layout, MenuBar, ProgressBar, RichText, Ui};

use super::context::Context;
use super::keys;
use super::loading::Task;
use super::remembered::Remembered;
use super::start;
use super::theme::size;
use crate::describe::text;
use crate::session::{Command, CommandInfo};

/// Draws the bar. Returns a file that is to be opened again.
pub(super) fn bar_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    task: Option<&Task>,
    remembered: &Remembered,
) -> Option<PathBuf> {
    let mut reopened = None;
    MenuBar::new().ui(ui, |ui| {
        ui.spacing_mut().item_spacing.x = size::GAP;
        if command_ui(ui, "Open\u{2026}", &Command::OpenFile).clicked() {
            cx.send(Command::OpenFile);
        }
        reopened = recent_ui(ui, remembered);
        ui.menu_button("Tutorials", |ui| {
            ui.set_min_width(380.0);
            egui::ScrollArea::vertical().max_height(560.0).show(ui, |ui| start::tutorials_ui(ui, cx));
        });
        ui.separator();
        match task {
            Some(task) => progress_ui(ui, cx, task),
            None => room_ui(ui, cx),
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            for (text, command) in [
                ("Keys", Command::ShowKeys),
                (if ui.visuals().dark_mode { "Light" } else { "Dark" }, Command::ToggleTheme),
                ("Commands", Command::OpenPalette),
            ] {
                if command_ui(ui, text, &command).clicked() {
                    cx.send(command);
                }
            }
        });
    });
    reopened
}

/// A button whose tip tells what the command does and which keys it has.
fn command_ui(ui: &mut Ui, text: &str, command: &Command) -> egui::Response {
    let button = ui.add(Button::new(text));
    let Some(info) = CommandInfo::of(command) else { return button };
    let shown =
        info.shortcuts.first().map_or(String::new(), |shortcut| format!("  ({})", keys::words(*shortcut)));
    button.on_hover_text(format!("{}{shown}", info.text))
}

/// Files that were open before.
fn recent_ui(ui: &mut Ui, remembered: &Remembered) -> Option<PathBuf> {
    if remembered.recent.is_empty() {
        return None;
    }
    let mut reopened = None;
    ui.menu_button("Recent", |ui| {
        for path in &remembered.recent {
            let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
            if ui.button(&*name).on_hover_text(path.display().to_string()).clicked() {
                reopened = Some(path.clone());
            }
        }
    });
    reopened
}

/// What is open, in a few words.
fn room_ui(ui: &mut Ui, cx: &Context<'_>) {
    if cx.session.is_empty() {
        return;
    }
    let room = cx.session.room();
    ui.label(RichText::new(&cx.session.source().name).strong());
    let facts = format!("room version {}, {}", room.rules().id, text::count(room.len(), "event"));
    ui.label(RichText::new(facts).color(cx.tokens.weak));
    let findings = cx.session.findings().len();
    if findings > 0 {
        let button = Button::new(RichText::new(text::count(findings, "finding")).color(cx.tokens.warning));
        if ui.add(button).on_hover_text("What is wrong or odd in this dump").clicked() {
            cx.send(Command::ShowFindings);
        }
    }
}

/// How far loading has come.
fn progress_ui(ui: &mut Ui, cx: &Context<'_>, task: &Task) {
    let (stage, part) = task.progress();
    ui.label(RichText::new(&task.name).strong());
    ui.label(RichText::new(stage.as_str()).color(cx.tokens.weak));
    ui.add(ProgressBar::new(part).desired_width(160.0).show_percentage());
    if ui.button("Cancel").clicked() {
        cx.send(Command::CancelLoading);
    }
}
