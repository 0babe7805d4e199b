//! From keys to commands.

use egui::{Event, Modifiers};

use super::context::Commands;
use crate::session::{COMMANDS, Command, Key, Shortcut};

/// What is typed for a field that is about to open: it has the keyboard only two frames later, which those who type fast,
/// or whose machine is slow, do not wait for.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    events: Vec<Event>,
    /// How many frames more to wait for the field.
    frames: u8,
}

impl Ahead {
    /// A field that is not there by then does not open.
    const PATIENCE: u8 = 4;

    /// Keeps what is typed, or hands it over once a field has the keyboard.
    fn keep_or_release(&mut self, ctx: &egui::Context) {
        self.frames = self.frames.saturating_sub(1);
        let is_over = self.frames == 0 || ctx.text_edit_focused();
        ctx.input_mut(|input| {
            if is_over {
                input.events.splice(0..0, self.events.drain(..));
            } else {
                self.events.extend(input.events.extract_if(.., |event| is_typed(event)));
            }
        });
        if is_over {
            self.frames = 0;
        } else {
            ctx.request_repaint();
        }
    }
}

fn is_typed(event: &Event) -> bool {
    matches!(event, Event::Key { .. } | Event::Text(_) | Event::Paste(_) | Event::Ime(_))
}

/// Whether what is typed next is meant for a field that the command opens.
fn opens_field(command: &Command) -> bool {
    matches!(command, Command::FocusFilter | Command::FocusSearch | Command::OpenPalette)
}

/// Sends the commands whose shortcuts were pressed. While somebody types, only those with Ctrl (or Command) and Escape
/// count; while a dialog is open, only those with Ctrl. What Tab has led to is pressed by Enter and Space.
pub(super) fn send_pressed(ctx: &egui::Context, commands: &Commands, ahead: &mut Ahead) {
    if ahead.frames > 0 {
        ahead.keep_or_release(ctx);
    }
    let typing = ctx.text_edit_focused();
    // What has the keyboard is pressed by these.
    let is_button = !typing && ctx.memory(|memory| memory.focused().is_some());
    let in_dialog = ctx.memory(|memory| memory.top_modal_layer().is_some());
    let wanted = |event: &Event| {
        let Event::Key { key, pressed: true, modifiers, .. } = event else { return None };
        COMMANDS.iter().find_map(|info| {
            let is_meant = |shortcut: &&Shortcut| {
                let taken = shortcut.ctrl || !in_dialog && (!typing || shortcut.key == Key::Escape);
                let presses = is_button && matches!(shortcut.key, Key::Enter | Key::Space);
                taken && !presses && is_pressed(**shortcut, *key, *modifiers)
            };
            Some((info.command.clone()?, info.shortcuts.iter().find(is_meant)?))
        })
    };
    ctx.input_mut(|input| {
        // The key that opens a field is no text for it.
        let mut opened_by = None;
        for event in std::mem::take(&mut input.events) {
            if ahead.frames > 0 && is_typed(&event) {
                let is_own =
                    matches!((&event, opened_by.take()), (Event::Text(text), Some(key)) if *text == key);
                ahead.events.extend((!is_own).then_some(event));
            } else if let Some((command, shortcut)) = wanted(&event) {
                if opens_field(&command) {
                    ahead.frames = Ahead::PATIENCE;
                    opened_by = match shortcut.key {
                        Key::Char(c) => Some(c.to_string()),
                        _ => None,
                    };
                }
                commands.send(command);
            } else {
                input.events.push(event);
            }
        }
    });
}

/// The shortcut in words that the fonts at hand have characters for.
pub(super) fn words(shortcut: Shortcut) -> String {
    let name = match shortcut.key {
        Key::Left => "Left",
        Key::Right => "Right",
        Key::Up => "Up",
        Key::Down => "Down",
        _ => return shortcut.text(),
    };
    shortcut.text().chars().filter(char::is_ascii).chain(name.chars()).collect()
}

fn is_pressed(shortcut: Shortcut, key: egui::Key, modifiers: Modifiers) -> bool {
    // What `?` or `/` needs Shift for depends on the keyboard: whoever gets the character has pressed it.
    let on_shift = matches!(shortcut.key, Key::Char(c) if !c.is_ascii_alphanumeric());
    let (wanted, shifted) = logical(shortcut);
    wanted == Some(key)
        && shortcut.ctrl == modifiers.command
        && shortcut.alt == modifiers.alt
        && (shortcut.shift == modifiers.shift || shifted && on_shift)
}

/// The key as egui calls it, and whether it is one that Shift may be part of.
fn logical(shortcut: Shortcut) -> (Option<egui::Key>, bool) {
    let key = match shortcut.key {
        Key::Left => egui::Key::ArrowLeft,
        Key::Right => egui::Key::ArrowRight,
        Key::Up => egui::Key::ArrowUp,
        Key::Down => egui::Key::ArrowDown,
        Key::Home => egui::Key::Home,
        Key::End => egui::Key::End,
        Key::PageUp => egui::Key::PageUp,
        Key::PageDown => egui::Key::PageDown,
        Key::Enter => egui::Key::Enter,
        Key::Escape => egui::Key::Escape,
        Key::Backspace => egui::Key::Backspace,
        Key::Space => egui::Key::Space,
        Key::Char('/') if shortcut.shift => return (Some(egui::Key::Questionmark), true),
        Key::Char(c) => return (egui::Key::from_name(&c.to_string()), true),
    };
    (Some(key), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_are_told_in_words() {
        let shown: Vec<String> =
            COMMANDS.iter().flat_map(|info| info.shortcuts).map(|key| words(*key)).collect();
        assert!(shown.iter().all(|text| text.is_ascii()), "{shown:?}");
        assert!(shown.iter().any(|text| text == "Alt+Left") && shown.iter().any(|text| text == "Down"));
    }

    #[test]
    fn every_shortcut_has_a_key() {
        for info in COMMANDS {
            for shortcut in info.shortcuts {
                assert!(logical(*shortcut).0.is_some(), "{}: {}", info.name, shortcut.text());
            }
        }
    }
}
