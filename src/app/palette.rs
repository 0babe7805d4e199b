//! The palette: any command, tutorial or event by a few letters of its name.

use egui::{Color32, Id, Key, Modal, Modifiers, ScrollArea, TextEdit, Ui};

use super::context::Context;
use super::keys;
use super::line::{Line, fill_row, row};
use super::theme::size;
use super::tutorials::TUTORIALS;
use crate::describe::Describer;
use crate::room::EventIx;
use crate::session::{COMMANDS, Command, Position};

/// So many events are offered.
const EVENTS: usize = 20;

/// What the palette keeps.
#[derive(Debug, Default)]
pub(super) struct PaletteView {
    text: String,
    chosen: usize,
    was_open: bool,
}

/// Something that can be chosen.
#[derive(Debug)]
struct Choice {
    score: i32,
    name: String,
    remark: String,
    keys: String,
    command: Command,
}

/// Draws the palette, if it is open.
pub(super) fn palette_ui(ui: &Ui, cx: &Context<'_>, view: &mut PaletteView, is_open: &mut bool) {
    if !*is_open {
        view.was_open = false;
        return;
    }
    if !view.was_open {
        *view = PaletteView { was_open: true, ..PaletteView::default() };
    }
    let (down, up, enter) = ui.ctx().input_mut(|input| {
        let mut pressed = |key| input.consume_key(Modifiers::NONE, key);
        (pressed(Key::ArrowDown), pressed(Key::ArrowUp), pressed(Key::Enter))
    });
    let describer = cx.session.describer();
    let choices = choices(cx, &describer, view.text.trim());
    let last = choices.len().saturating_sub(1);
    view.chosen = match (down, up) {
        (true, _) if view.chosen >= last => 0,
        (true, _) => view.chosen + 1,
        (_, true) => view.chosen.checked_sub(1).unwrap_or(last),
        _ => view.chosen.min(last),
    };
    let mut taken = enter.then_some(view.chosen);
    let modal = Modal::new(Id::unique("palette")).show(ui.ctx(), |ui| {
        ui.set_width(560.0);
        let hint = "Type a command, a tutorial or the beginning of an event ID";
        let edit = TextEdit::singleline(&mut view.text).hint_text(hint).desired_width(f32::INFINITY);
        let edit = ui.add(edit);
        edit.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Command"));
        edit.request_focus();
        if edit.changed() {
            view.chosen = 0;
        }
        ui.add_space(size::GAP);
        if choices.is_empty() {
            ui.label(egui::RichText::new("Nothing has such a name").color(cx.tokens.weak));
        }
        taken = list_ui(ui, cx, &describer, &choices, view.chosen, down || up).or(taken);
    });
    if let Some(choice) = taken.and_then(|taken| choices.get(taken)) {
        cx.send(choice.command.clone());
        *is_open = false;
    }
    if modal.should_close() {
        *is_open = false;
    }
}

/// Draws the choices. Returns the one that was clicked.
fn list_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    choices: &[Choice],
    chosen: usize,
    was_moved: bool,
) -> Option<usize> {
    let mut taken = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    let height = 16.0 * size::ROW;
    let mut area = ScrollArea::vertical().max_height(height).min_scrolled_height(height);
    if was_moved {
        area = area.vertical_scroll_offset((chosen as f32 - 8.0).max(0.0) * size::ROW);
    }
    area.auto_shrink([false, true]).show_rows(ui, size::ROW, choices.len(), |ui, rows| {
        for number in rows {
            let choice = &choices[number];
            let (rect, response) = row(ui, cx.tokens, (number == chosen).then_some(cx.tokens.cursor));
            let keys = ui.painter().layout_no_wrap(
                choice.keys.clone(),
                egui::FontId::proportional(size::SMALL),
                cx.tokens.weak,
            );
            let width = keys.size().x;
            let at = egui::pos2(rect.right() - width - 8.0, rect.center().y - keys.size().y / 2.0);
            ui.painter().galley(at, keys, Color32::PLACEHOLDER);
            let line = Line::new(ui, cx, describer).tinted(&choice.name, cx.tokens.strong);
            let line = line.tinted(&format!("   {}", choice.remark), cx.tokens.weak);
            if fill_row(ui, line, (rect, response), 8.0, width + 16.0).clicked() {
                taken = Some(number);
            }
        }
    });
    taken
}

/// What fits the text, the best first.
fn choices(cx: &Context<'_>, describer: &Describer<'_>, text: &str) -> Vec<Choice> {
    let mut choices = Vec::new();
    for info in COMMANDS {
        let Some(command) = info.command.clone() else { continue };
        if matches!(command, Command::SetEdges(edges) if !edges.is_of(cx.session.room())) {
            continue;
        }
        let by_name = fuzzy(text, info.name).map(|score| score + 256);
        let Some(score) = by_name.max(fuzzy(text, info.text)) else { continue };
        let keys: Vec<String> = info.shortcuts.iter().map(|shortcut| keys::words(*shortcut)).collect();
        let (name, remark) = (info.name.to_owned(), info.text.to_owned());
        choices.push(Choice { score, name, remark, keys: keys.join("  "), command });
    }
    for tutorial in TUTORIALS.iter().filter(|_| !text.is_empty()) {
        if let Some(score) = fuzzy(text, tutorial.title()).max(fuzzy(text, tutorial.slug)) {
            let command = Command::OpenTutorial(Some(tutorial.slug));
            let (name, remark) = (tutorial.title().to_owned(), "tutorial".to_owned());
            choices.push(Choice { score, name, remark, keys: String::new(), command });
        }
    }
    choices.extend(events(cx, text).into_iter().map(|ix| Choice {
        score: 0,
        name: describer.short_id(ix),
        remark: format!("go to {} by {}", describer.summary(ix), describer.sender(ix)),
        keys: String::new(),
        command: Command::SeekEvent(Position::Event(ix)),
    }));
    choices.sort_by_key(|choice| std::cmp::Reverse(choice.score));
    choices
}

/// The events whose ID, or whose name in the scenario, begins with the text.
fn events(cx: &Context<'_>, text: &str) -> Vec<EventIx> {
    let bare = text.trim_start_matches('$');
    if bare.is_empty() {
        return Vec::new();
    }
    let room = cx.session.room();
    let names = &cx.session.source().placeholders;
    let named = names.iter().filter(|(name, _)| name.trim_start_matches('$').starts_with(bare));
    let mut events: Vec<EventIx> = named.filter_map(|(_, id)| room.find(id)).take(EVENTS).collect();
    events.extend(room.find_prefix(&format!("${bare}")));
    events.sort_unstable();
    events.dedup();
    events.truncate(EVENTS);
    events
}

/// How well `text` fits `pattern`, all of whose characters it has to have in their order; whatever their case. Beginnings
/// of words and characters in a row count more, what lies between less; of equal ones the shorter text counts more.
fn fuzzy(pattern: &str, text: &str) -> Option<i32> {
    let mut score = 0;
    let mut chars = text.chars().scan(' ', |before, c| Some((std::mem::replace(before, c), c)));
    let mut in_a_row = false;
    for wanted in pattern.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase) {
        loop {
            let (before, c) = chars.next()?;
            if c.to_lowercase().eq([wanted]) {
                score += if !before.is_alphanumeric() {
                    8
                } else if in_a_row {
                    5
                } else {
                    1
                };
                in_a_row = true;
                break;
            }
            in_a_row = false;
            score -= i32::from(c.is_alphanumeric());
        }
    }
    let rest = i32::try_from(chars.take(64).count()).unwrap_or(64);
    Some(64 * score - rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(pattern: &str) -> &'static str {
        let fits = COMMANDS.iter().filter_map(|info| Some((fuzzy(pattern, info.name)?, info.name)));
        fits.max_by_key(|(score, _)| *score).unwrap().1
    }

    #[test]
    fn few_letters_find_the_command() {
        assert_eq!(best("ncm"), "Next conflicted merge");
        assert_eq!(best("copy link"), "Copy link");
        assert_eq!(best("compare"), "Compare");
        assert_eq!(best("NEXT STEP"), "Next step");
        assert_eq!(fuzzy("xyz", "Next step"), None);
        assert!(fuzzy("st", "Next step") > fuzzy("st", "Next resort"));
        assert!(fuzzy("", "anything").is_some());
    }
}
