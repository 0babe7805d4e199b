//! What every panel gets: something to read, and somewhere to send commands.

use std::cell::RefCell;

use super::theme::Tokens;
use crate::session::{Command, Item, Session};

/// The commands of one frame. Panels send, the application applies all of them at the end of the frame: so every panel
/// of a frame shows the same state, whatever the order in which they are drawn.
#[derive(Debug, Default)]
pub struct Commands(RefCell<Vec<Command>>);

impl Commands {
    /// Sends a command.
    pub fn send(&self, command: Command) {
        self.0.borrow_mut().push(command);
    }

    /// Takes all commands out, in the order in which they were sent.
    pub fn take(&self) -> Vec<Command> {
        self.0.take()
    }
}

/// What every panel gets.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The session, to be read.
    pub session: &'a Session,
    /// Where commands go.
    pub commands: &'a Commands,
    /// The colours of the theme in use.
    pub tokens: &'static Tokens,
}

impl Context<'_> {
    /// Sends a command.
    pub fn send(&self, command: Command) {
        self.commands.send(command);
    }

    /// Shows that the keyboard is on a widget that is painted by hand, so many points around it.
    pub fn focus_ring(&self, ui: &egui::Ui, response: &egui::Response, around: f32) {
        if response.has_focus() {
            let stroke = egui::Stroke::new(1.5, self.tokens.accent);
            ui.painter().rect_stroke(response.rect.expand(around), 3.0, stroke, egui::StrokeKind::Inside);
        }
    }

    /// What a row or a link about `item` does with the pointer: hovering lights the item up everywhere, a click selects
    /// it, with Ctrl or Command it is added or taken away.
    pub fn point(&self, response: &egui::Response, item: &Item) {
        if response.hovered() {
            self.send(Command::Hover(item.clone()));
        }
        if response.clicked() {
            let more = response.ctx.input(|input| input.modifiers.command);
            let item = item.clone();
            self.send(if more { Command::ToggleSelected(item) } else { Command::Select(item) });
        }
    }
}
