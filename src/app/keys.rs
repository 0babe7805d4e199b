//! From keys to commands.

use egui::{Event, Modifiers};

use super::context::Commands;
use crate::session::{COMMANDS, Key, Shortcut};

/// Sends the commands whose shortcuts were pressed. While somebody types, only those with Ctrl (or Command) and Escape
/// count; while a dialog is open, only those with Ctrl. What Tab has led to is pressed by Enter and Space.
pub(super) fn send_pressed(ctx: &egui::Context, commands: &Commands) {
    let typing = ctx.text_edit_focused();
    // What has the keyboard is pressed by these.
    let is_button = !typing && ctx.memory(|memory| memory.focused().is_some());
    let in_dialog = ctx.memory(|memory| memory.top_modal_layer().is_some());
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let Event::Key { key, pressed: true, modifiers, .. } = event else { return true };
            let command = COMMANDS.iter().find(|info| {
                info.shortcuts.iter().any(|shortcut| {
                    let taken = shortcut.ctrl || !in_dialog && (!typing || shortcut.key == Key::Escape);
                    let presses = is_button && matches!(shortcut.key, Key::Enter | Key::Space);
                    taken && !presses && is_pressed(*shortcut, *key, *modifiers)
                })
            });
            let command = command.and_then(|info| info.command.clone());
            let keep = command.is_none();
            command.into_iter().for_each(|command| commands.send(command));
            keep
        });
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
