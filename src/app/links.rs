//! The links in a line of text, each by itself: for screen readers, and for the keyboard.
//!
//! A line that stands alone has its links in the Tab order. A row of a list is one stop, however many links it has: they
//! become stops when somebody has pressed the row, with Enter or the pointer. Screen readers find them always.

use egui::accesskit::Action;
use egui::{Galley, Id, Key, Pos2, Rect, Response, Sense, Ui, WidgetInfo};

use super::context::Context;
use crate::session::{Command, Item, Position};

/// A part of a line that stands for something.
#[derive(Debug)]
pub(super) struct Link {
    /// Its characters, from the first of the line on.
    pub(super) chars: std::ops::Range<usize>,
    /// Its bytes in the text of the line.
    pub(super) bytes: std::ops::Range<usize>,
    /// What it stands for.
    pub(super) item: Item,
}

/// Which links the keyboard reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those of this line, always.
    Always,
    /// Those of the row that was pressed last.
    WhenPressed,
}

/// Makes every link of a line at `pos` a widget of its own. `line`: the widget around them.
pub(super) fn links_ui(
    ui: &Ui,
    cx: &Context<'_>,
    (galley, pos): (&Galley, Pos2),
    links: &[Link],
    line: &Response,
    reach: Reach,
) {
    if links.is_empty() {
        return;
    }
    let is_stop = reach == Reach::Always || is_pressed(ui, line);
    // Nobody would ever meet them otherwise.
    let is_told = ui.ctx().accesskit_node_builder(line.id, |_| ()).is_some();
    if !is_stop && !is_told {
        return;
    }
    // To the pointer the line is one piece: it is not to be kept from the row.
    let sense = if is_stop { Sense::focusable_noninteractive() } else { Sense::hover() };
    for (number, link) in links.iter().enumerate() {
        let Some(rect) = place(galley, &link.chars) else { continue };
        let text = galley.text().get(link.bytes.clone()).unwrap_or_default();
        let response = ui.interact(rect.translate(pos.to_vec2()), line.id.with(("link", number)), sense);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Link, true, text));
        ui.ctx().accesskit_node_builder(response.id, |node| node.add_action(Action::Click));
        link_ui(ui, cx, &link.item, &response);
    }
}

/// What a link does when the keyboard or a screen reader comes to it: as with the pointer it is lit up everywhere, selected
/// when pressed, and pressed once more it leads to the event.
fn link_ui(ui: &Ui, cx: &Context<'_>, item: &Item, response: &Response) {
    let has_focus = response.has_focus();
    cx.focus_ring(ui, response, 2.0);
    let (mut is_pressed, more) = ui.input(|input| {
        (input.has_accesskit_action_request(response.id, Action::Click), input.modifiers.command)
    });
    if has_focus {
        is_pressed |= ui.input(|input| input.key_pressed(Key::Enter) || input.key_pressed(Key::Space));
        cx.send(Command::Hover(item.clone()));
        if response.gained_focus() {
            ui.scroll_to_rect(response.rect, None);
        }
    }
    if is_pressed {
        match item {
            _ if more => cx.send(Command::ToggleSelected(item.clone())),
            Item::Event(ix) if cx.session.selection().contains(item) => {
                cx.send(Command::SeekEvent(Position::Event(*ix)));
            }
            item => cx.send(Command::Select(item.clone())),
        }
    }
}

/// Remembers which row was pressed last.
pub(super) fn press(ui: &Ui, row: &Response) {
    if row.clicked() {
        ui.data_mut(|data| data.insert_temp(pressed_row(), row.id));
    }
}

fn is_pressed(ui: &Ui, row: &Response) -> bool {
    ui.data(|data| data.get_temp::<Id>(pressed_row())) == Some(row.id)
}

fn pressed_row() -> Id {
    Id::unique("the row whose links can be reached")
}

/// Where some characters stand in a text, as far as they are shown; of several rows all of their space.
fn place(galley: &Galley, chars: &std::ops::Range<usize>) -> Option<Rect> {
    let mut place: Option<Rect> = None;
    let mut first = 0;
    for row in &galley.rows {
        let end = first + row.glyphs.len();
        let (from, to) = (chars.start.max(first), chars.end.min(end));
        if from < to {
            let rect = row.rect();
            let (left, last) = (&row.glyphs[from - first], &row.glyphs[to - first - 1]);
            let across = rect.left() + left.pos.x..=rect.left() + last.pos.x + last.advance_width;
            let part = Rect::from_x_y_ranges(across, rect.y_range());
            place = Some(place.map_or(part, |place| place.union(part)));
        }
        first = end + usize::from(row.ends_with_newline);
    }
    place
}
