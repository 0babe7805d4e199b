//! The events, one row each: lanes, who and what, what stands out.
//!
//! Only the rows that can be seen are laid out and painted, whatever the size of the room.

mod header;
mod row;

use std::collections::HashMap;

use egui::{Align2, FontId, Frame, Margin, Rect, RichText, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use self::header::Header;
use self::row::Columns;
use super::context::Context;
use super::nodes;
use super::scroll::RowScroll;
use super::seats::Windows;
use super::sheet::Sheets;
use super::theme::size;
use crate::describe::marks;
use crate::layout::{Item, Row};
use crate::replay::Replay;
use crate::room::EventIx;
use crate::session::{Command, Cursor, EdgeMode, Item as SessionItem, MOST_CHOSEN};

/// What the panel keeps.
#[derive(Debug, Default)]
pub struct EventsView {
    scroll: RowScroll,
    header: Header,
    /// The cursor that the list was scrolled to last, and the rows that there were.
    followed: Option<(Cursor, u64, bool, EdgeMode)>,
    conflicts: Conflicts,
}

/// On how many keys the states before a merge differ: counted when somebody sees it.
#[derive(Debug, Default)]
struct Conflicts {
    revision: u64,
    counts: HashMap<EventIx, usize>,
}

impl Conflicts {
    fn at(&mut self, replay: &Replay<'_>, revision: u64, ix: EventIx) -> usize {
        if self.revision != revision {
            *self = Self { revision, counts: HashMap::new() };
        }
        *self.counts.entry(ix).or_insert_with(|| marks::conflicts(replay, ix))
    }
}

/// Draws the panel.
pub fn events_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    view: &mut EventsView,
    sheets: &mut Sheets,
    windows: &mut Windows,
) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let margin = Margin::symmetric(8, 6);
    Frame::new().inner_margin(margin).show(ui, |ui| header::header_ui(ui, cx, &mut view.header, windows));
    if cx.session.selection().events().len() > 1 {
        egui::Panel::bottom("selected")
            .frame(Frame::new().fill(cx.tokens.panel).inner_margin(margin))
            .show(ui, |ui| selection_ui(ui, cx));
    }
    if cx.session.rows().events().is_empty() {
        nothing_ui(ui, cx);
        return;
    }
    Frame::new().fill(cx.tokens.background).show(ui, |ui| list_ui(ui, cx, view, sheets));
}

/// The rows.
fn list_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut EventsView, sheets: &mut Sheets) {
    let session = cx.session;
    let (listing, servers) = sheets.listing(session);
    let here = listing.row_of(session.cursor().event);
    let settings = session.settings();
    let place = (session.cursor(), session.revision(), settings.collapse, settings.edges);
    if view.followed != Some(place) {
        view.followed = Some(place);
        view.scroll.reveal(here);
    }
    let visible = view.scroll.show(ui, listing.count(), size::ROW, cx.tokens);
    let lanes = listing.sheet.map_or(1, |sheet| sheet.lanes.width());
    let columns = Columns::new(visible.rect, lanes, session.rows().axis(), listing.count());
    let mut window = listing.sheet.map(|sheet| sheet.lanes.window_in(visible.rows.clone(), 0..columns.lanes));
    let (describer, replay) = (session.describer(), session.replay());
    let clipped = ui.clip_rect();
    ui.set_clip_rect(clipped.intersect(visible.rect));
    for number in visible.rows.clone() {
        let lines: Option<Row> = window.as_mut().and_then(Iterator::next);
        let item = listing.item(number);
        let facts = row::Facts {
            describer: &describer,
            replay: &replay,
            servers,
            conflicts: match item {
                Item::Event(ix) => view.conflicts.at(&replay, session.revision(), ix),
                Item::Run(_) | Item::Now => 0,
            },
            is_here: number == here || matches!(item, Item::Event(ix) if session.is_at(ix)),
            is_future: number > here && session.settings().dim_future,
        };
        let rect = visible.row_rect(number);
        let told = row::tell(cx, item, &facts);
        let response = ui.interact(rect, ui.scope_id().with(("row", number)), Sense::click());
        let selected = session.selection().contains(&nodes::session_item(item));
        response.widget_info(|| WidgetInfo::selected(egui::Role::ListItem, true, selected, &told.label));
        nodes::press(cx, &response, item);
        if let (Some(pointer), Item::Event(ix)) = (response.hover_pos(), item)
            && columns.is_sender(pointer.x)
        {
            // All that they have sent lights up.
            cx.send(Command::Hover(SessionItem::User(session.room().event(ix).sender().into())));
        }
        row::paint(ui, cx, rect, (item, lines.as_ref()), &columns, &facts, &told);
        cx.focus_ring(ui, &response, -1.0);
        if let Item::Run(run) = item {
            run_button_ui(ui, cx, columns.expander(rect), run.id, run.count);
        }
        row::tip(response, cx, item, &told);
    }
    ui.set_clip_rect(clipped);
}

/// What opens a collapsed run.
fn run_button_ui(ui: &Ui, cx: &Context<'_>, rect: Rect, run: EventIx, count: usize) {
    let response = ui.interact(rect, ui.scope_id().with(("run", run)), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, format!("Expand {count} events")));
    if response.clicked() {
        cx.send(Command::ToggleRun(run));
    }
    cx.focus_ring(ui, &response, -1.0);
    let color = if response.hovered() { cx.tokens.strong } else { cx.tokens.accent };
    let painter = ui.painter();
    painter.text(rect.left_center(), Align2::LEFT_CENTER, "Expand", FontId::proportional(size::SMALL), color);
    let line = [pos2(rect.left(), rect.center().y + 7.0), pos2(rect.right(), rect.center().y + 7.0)];
    painter.line_segment(line, Stroke::new(1.0, color));
}

/// What several selected events come to.
fn selection_ui(ui: &mut Ui, cx: &Context<'_>) {
    let events = cx.session.selection().events();
    ui.horizontal_wrapped(|ui| {
        ui.label(format!("{} events selected", events.len()));
        let is_few = events.len() <= MOST_CHOSEN;
        let resolve = ui.add_enabled(is_few, egui::Button::new("Resolve over them").small());
        let many = format!("Too many to resolve at once: at most {MOST_CHOSEN}");
        let resolve = resolve.on_hover_text("Resolve over the states after the selected events  (O)");
        if resolve.on_disabled_hover_text(many).clicked() {
            cx.send(Command::ResolveSelection);
        }
        if ui.small_button("Copy IDs").clicked() {
            cx.send(Command::CopyIds);
        }
        if ui.small_button("Clear selection").clicked() {
            cx.send(Command::ClearSelection);
        }
    });
}

/// The filter lets nothing through.
fn nothing_ui(ui: &mut Ui, cx: &Context<'_>) {
    ui.vertical_centered(|ui| {
        ui.add_space(size::SPACE * 2.0);
        ui.label(RichText::new("No event matches the filter").color(cx.tokens.weak));
        ui.add_space(size::GAP);
        if ui.add(egui::Button::new("Clear filter").min_size(vec2(110.0, 0.0))).clicked() {
            cx.send(Command::SetFilter(String::new()));
        }
    });
}
