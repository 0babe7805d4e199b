//! The state at the cursor, beside another one, and who among the parents has each entry.

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::{Align2, Color32, ComboBox, FontId, Pos2, RichText, ScrollArea, Stroke, TextEdit, Ui};

use super::pair;
use crate::app::context::Context;
use crate::app::line::{Line, fill_row, nothing_ui, row};
use crate::app::theme::size;
use crate::describe::Describer;
use crate::room::{EventIx, Link, Room};
use crate::session::listing::{Group, Listing, ListingRow, Types, Wanted};
use crate::session::{Against, Cursor, Entry, Item, Pair, Position, StateDiff};

/// So many parents get a dot each; of more the number is told.
const DOTS: usize = 8;
/// The distance of two dots.
const DOT: f32 = 15.0;

/// What the tab keeps.
#[derive(Debug, Default)]
pub(in crate::app) struct StateView {
    /// What the state is held against; `None`: the first parent.
    against: Option<Against>,
    search: String,
    only_changes: bool,
    /// The types whose entries are not shown.
    collapsed: BTreeSet<String>,
    /// Which keys have the same type. Worked out once.
    types: Types,
    table: Option<Table>,
}

/// What the rows depend on.
#[derive(Debug, Clone, PartialEq)]
struct Question {
    cursor: Cursor,
    pair: Pair,
    against: Against,
    search: String,
    only_changes: bool,
    collapsed: BTreeSet<String>,
}

impl Question {
    /// Whether the same is asked about another place.
    fn is_alike(&self, other: &Self) -> bool {
        self.search == other.search && self.only_changes == other.only_changes
    }
}

#[derive(Debug)]
struct Table {
    question: Question,
    diff: Option<Arc<StateDiff>>,
    listing: Listing,
}

/// Draws the tab.
pub(in crate::app) fn state_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut StateView) {
    let describer = cx.session.describer();
    let against = against(cx, view.against);
    title_ui(ui, cx, &describer, against);
    stored_ui(ui, cx, view);
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Beside").color(cx.tokens.weak));
        against_ui(ui, cx, &describer, against, view);
        ui.checkbox(&mut view.only_changes, "Only changes");
    });
    let search = TextEdit::singleline(&mut view.search).hint_text("Search state by type, key or event ID");
    let search = ui.add(search.desired_width(f32::INFINITY));
    search.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Search state"));
    refresh(cx, &describer, against, view);
    let StateView { table, collapsed, search, .. } = view;
    let Some(table) = table else { return };
    let Some(diff) = &table.diff else {
        nothing_ui(ui, cx, super::no_state(cx));
        return;
    };
    counts_ui(ui, cx, diff, table.listing.len(), search);
    parents_ui(ui, cx, &describer, diff);
    if table.listing.is_empty() {
        let text =
            if search.is_empty() { "Nothing differs" } else { "Nothing found; clear the search to see all" };
        nothing_ui(ui, cx, text);
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).show_rows(
        ui,
        size::ROW,
        table.listing.row_count(),
        |ui, rows| {
            for row in table.listing.rows(rows) {
                match row {
                    ListingRow::Group(group) => type_ui(ui, cx, &describer, collapsed, group),
                    ListingRow::Key(key) => {
                        if let Some(entry) = diff.entry(key) {
                            entry_ui(ui, cx, &describer, &entry, diff.parents.len());
                        }
                    }
                }
            }
        },
    );
}

/// Whose state it is.
fn title_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, against: Against) {
    let cursor = cx.session.cursor();
    let step = cursor.step.filter(|_| against == Against::PreviousStep);
    let line = Line::new(ui, cx, describer).color(cx.tokens.strong);
    let line = match step {
        Some(step) => line.text(&format!("Running state after step {} of the resolution for the ", step + 1)),
        None => line,
    };
    let line = match (cursor.event, step) {
        (Position::Now, None) => line.text("Current state"),
        (Position::Now, Some(_)) => line.text("current state"),
        (Position::Over(chosen), _) => {
            let before = if step.is_some() { "state over " } else { "State resolved over " };
            line.text(before).events(cx.session.chosen(chosen))
        }
        (Position::Event(ix), None) => line.text("State before ").event(ix),
        (Position::Event(ix), Some(_)) => line.text("state before ").event(ix),
    };
    line.show(ui);
}

/// What the state is held against: what was chosen, if that makes sense here.
fn against(cx: &Context<'_>, chosen: Option<Against>) -> Against {
    let in_step = cx.session.cursor().step.is_some();
    let default = if in_step { Against::PreviousStep } else { Against::FirstParent };
    let parents = parent_count(cx);
    let is_there = |against: &Against| match against {
        Against::Parent(place) => *place < parents,
        Against::PreviousStep => in_step,
        Against::Stored => has_stored(cx),
        Against::FirstParent | Against::PreviousRow => true,
    };
    chosen.filter(is_there).unwrap_or(default)
}

fn has_stored(cx: &Context<'_>) -> bool {
    cx.session.state_diff(Against::Stored).is_some()
}

/// Whether the server whose database this is stored the same state.
fn stored_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut StateView) {
    let Some(diff) = cx.session.state_diff(Against::Stored) else { return };
    if diff.changes.is_empty() {
        ui.label(RichText::new("The server stored the same state").small().color(cx.tokens.good));
        return;
    }
    ui.horizontal_wrapped(|ui| {
        let keys = crate::describe::text::count(diff.changes.len(), "key");
        let text = format!("The server stored another state: {keys} differ");
        ui.label(RichText::new(text).small().color(cx.tokens.warning));
        if ui.small_button("Show").clicked() {
            view.against = Some(Against::Stored);
            view.only_changes = true;
        }
    });
}

fn parent_count(cx: &Context<'_>) -> usize {
    match cx.session.cursor().event {
        Position::Event(ix) => cx.session.room().state_links(ix).count(),
        Position::Over(chosen) => cx.session.chosen(chosen).len(),
        Position::Now => cx.session.replay().current().extremities.len(),
    }
}

/// So many parents are offered.
const OFFERED: usize = 64;

fn against_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    chosen: Against,
    view: &mut StateView,
) {
    let session = cx.session;
    let here = session.cursor().event;
    let what = parent(cx, here);
    let links: Vec<Link> = match here {
        Position::Event(ix) => session.room().state_links(ix).take(OFFERED).collect(),
        Position::Over(chosen) => offered(session.chosen(chosen)),
        Position::Now => offered(&session.replay().current().extremities),
    };
    let name = |against: Against| match against {
        Against::FirstParent => format!("first {what}"),
        Against::PreviousRow => "row before".to_owned(),
        Against::PreviousStep => "step before".to_owned(),
        Against::Stored => "stored by the server".to_owned(),
        Against::Parent(place) => {
            let id = links.get(place).map_or_else(String::new, |link| match link {
                Link::Event(ix) => describer.short_id(*ix),
                Link::Missing(missing) => describer.missing_id(*missing),
            });
            format!("{what} {} ({id})", letter(place))
        }
    };
    let step = session.cursor().step.map(|_| Against::PreviousStep);
    let stored = has_stored(cx).then_some(Against::Stored);
    let all = step.into_iter().chain([Against::FirstParent, Against::PreviousRow]).chain(stored);
    let combo = ComboBox::from_id_salt("against").selected_text(name(chosen)).show_ui(ui, |ui| {
        for against in all.chain((0..links.len()).map(Against::Parent)) {
            if ui.selectable_label(against == chosen, name(against)).clicked() {
                view.against = Some(against);
            }
        }
    });
    let label = format!("Beside {}", name(chosen));
    combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &label));
}

fn offered(events: &[EventIx]) -> Vec<Link> {
    events.iter().take(OFFERED).map(|ix| Link::Event(*ix)).collect()
}

/// What the states are those after.
fn parent(cx: &Context<'_>, at: Position) -> &'static str {
    match at {
        Position::Event(_) if cx.session.room().rules().has_state_dag() => "state parent",
        Position::Event(_) => "parent",
        Position::Over(_) => "event",
        Position::Now => "extremity",
    }
}

fn letter(place: usize) -> char {
    char::from(b'A' + u8::try_from(place % 26).unwrap_or(0))
}

/// Works the rows out again if something that they depend on has changed.
fn refresh(cx: &Context<'_>, describer: &Describer<'_>, against: Against, view: &mut StateView) {
    let room = cx.session.room();
    if view.types.key_count() != room.key_count() {
        view.types = Types::new(room);
    }
    let question = Question {
        cursor: cx.session.cursor(),
        pair: pair(cx),
        against,
        search: view.search.trim().to_lowercase(),
        only_changes: view.only_changes,
        collapsed: view.collapsed.clone(),
    };
    if view.table.as_ref().is_some_and(|table| table.question == question) {
        return;
    }
    let diff = cx.session.state_diff(question.against);
    // From one place to the next nearly all rows stay, as long as the same is asked for.
    let last = view.table.take().filter(|table| table.question.is_alike(&question));
    let mut listing = last.map(|table| table.listing).unwrap_or_default();
    if let Some(diff) = &diff {
        let found = |entry: &Entry| matches(room, describer, entry, &question.search);
        let matching = (!question.search.is_empty()).then_some(&found as &dyn Fn(&Entry) -> bool);
        listing.follow(diff, Wanted { only_changes: question.only_changes, matching });
        listing.group(&view.types, |key| !question.collapsed.contains(room.key(key).0));
    }
    view.table = Some(Table { question, diff, listing });
}

fn matches(room: &Room, describer: &Describer<'_>, entry: &Entry, search: &str) -> bool {
    let contains = |text: &str| text.to_lowercase().contains(search);
    let (event_type, state_key) = room.key(entry.key);
    let by_event = |ix| contains(room.id(ix)) || contains(&describer.short_id(ix));
    contains(event_type)
        || contains(state_key)
        || entry.after.is_some_and(by_event)
        || entry.before.is_some_and(by_event)
}

fn counts_ui(ui: &mut Ui, cx: &Context<'_>, diff: &StateDiff, found: usize, search: &str) {
    let entries = diff.after().len();
    let noun = if entries == 1 { "entry" } else { "entries" };
    let mut text = format!("{entries} {noun}, {} changed", diff.changes.len());
    if !search.trim().is_empty() {
        text.push_str(&format!(", {found} found"));
    }
    ui.label(RichText::new(text).small().color(cx.tokens.weak));
}

/// Which letter is which parent.
fn parents_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, diff: &StateDiff) {
    if diff.parents.len() < 2 {
        return;
    }
    let what = parent(cx, cx.session.cursor().event);
    let mut line = Line::new(ui, cx, describer)
        .small()
        .tinted("Held after ", cx.tokens.weak)
        .tinted(what, cx.tokens.weak);
    if diff.parents.len() > DOTS {
        line = line.tinted(&format!(": how many of {}", diff.parents.len()), cx.tokens.weak);
    } else {
        for (place, parent) in diff.parents.iter().enumerate() {
            line = line.tinted(&format!("  {} ", letter(place)), cx.tokens.hue(place)).reference(*parent);
        }
    }
    line.show(ui);
}

fn type_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    collapsed: &mut BTreeSet<String>,
    group: &Group,
) {
    let (rect, response) = row(ui, cx.tokens, None);
    let (name, _) = cx.session.room().key(group.key);
    disclosure(ui, Pos2::new(rect.left() + 7.0, rect.center().y), group.is_open, cx.tokens.weak);
    let numbers = match group.changed {
        0 => format!("  {}", group.len),
        changed => format!("  {}, {changed} changed", group.len),
    };
    let shown = crate::describe::text::shorten(name, 60);
    let line =
        Line::new(ui, cx, describer).color(cx.tokens.strong).text(&shown).tinted(&numbers, cx.tokens.weak);
    let response = fill_row(ui, line, (rect, response), 16.0, 4.0);
    if response.clicked() && !collapsed.remove(name) {
        collapsed.insert(name.to_owned());
    }
}

/// A triangle that points down where something is open.
pub(in crate::app) fn disclosure(ui: &Ui, center: Pos2, is_open: bool, color: Color32) {
    let r = 3.5;
    let points = if is_open {
        vec![
            center + egui::vec2(-r, -r * 0.6),
            center + egui::vec2(r, -r * 0.6),
            center + egui::vec2(0.0, r * 0.8),
        ]
    } else {
        vec![
            center + egui::vec2(-r * 0.6, -r),
            center + egui::vec2(r * 0.8, 0.0),
            center + egui::vec2(-r * 0.6, r),
        ]
    };
    ui.painter().add(egui::Shape::convex_polygon(points, color, Stroke::NONE));
}

fn entry_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, entry: &Entry, parents: usize) {
    let tokens = cx.tokens;
    let room = cx.session.room();
    let item = Item::Key(entry.key);
    let fill = if cx.session.selection().contains(&item) {
        Some(tokens.selected)
    } else {
        (cx.session.hovered() == Some(&item)).then_some(tokens.hovered)
    };
    let (rect, response) = row(ui, tokens, fill);
    let (mark, color) = match (entry.before, entry.after) {
        _ if !entry.is_changed() => (" ", tokens.weak),
        (None, _) => ("+", tokens.good),
        (_, None) => ("\u{2212}", tokens.bad),
        _ => ("~", tokens.warning),
    };
    let at = Pos2::new(rect.left() + 10.0, rect.center().y);
    ui.painter().text(at, Align2::CENTER_CENTER, mark, FontId::monospace(size::BODY), color);
    let (_, state_key) = room.key(entry.key);
    let name = match state_key {
        "" => "(empty key)".to_owned(),
        user if user.starts_with('@') => describer.user(user),
        other => crate::describe::text::shorten(other, 60),
    };
    let mut line = Line::new(ui, cx, describer).link(&name, item).text("  ");
    line = match entry.after {
        Some(ix) => line.event(ix).tinted(&format!("  {}", value(describer, ix)), tokens.text),
        None => line.tinted("absent", tokens.bad),
    };
    if let (true, Some(before)) = (entry.is_changed(), entry.before) {
        line = line
            .tinted("  was ", tokens.weak)
            .event(before)
            .tinted(&format!(" {}", value(describer, before)), tokens.weak);
    }
    let dots = match parents {
        0 | 1 => 0.0,
        2..=DOTS => DOT * parents as f32 + 4.0,
        _ => 64.0,
    };
    fill_row(ui, line, (rect, response), 20.0, dots + 4.0);
    dots_ui(ui, cx, entry, parents, rect);
}

/// What the event sets, without repeating the key.
fn value(describer: &Describer<'_>, ix: EventIx) -> String {
    let summary = describer.summary(ix);
    let key = describer.room().key_of(ix).map(|key| describer.key(key)).unwrap_or_default();
    summary.strip_prefix(&key).unwrap_or(&summary).trim_start_matches([' ', '=', ':']).to_owned()
}

/// A filled dot with a letter where a parent's state has the entry, an empty one where not.
fn dots_ui(ui: &Ui, cx: &Context<'_>, entry: &Entry, parents: usize, rect: egui::Rect) {
    if parents < 2 {
        return;
    }
    let painter = ui.painter();
    let right = rect.right() - 8.0;
    if parents > DOTS {
        let told = parents.min(64);
        let held = (0..told).filter(|place| entry.is_held_by(*place)).count();
        let at = Pos2::new(right, rect.center().y);
        let font = FontId::proportional(size::SMALL);
        painter.text(at, Align2::RIGHT_CENTER, format!("{held} of {told}"), font, cx.tokens.weak);
        return;
    }
    for place in 0..parents {
        let center = Pos2::new(right - DOT * (parents - 1 - place) as f32 - 4.0, rect.center().y);
        let hue = cx.tokens.hue(place);
        let font = FontId::proportional(9.5);
        if entry.is_held_by(place) {
            painter.circle_filled(center, 6.0, hue);
            painter.text(center, Align2::CENTER_CENTER, letter(place), font, cx.tokens.background);
        } else {
            painter.circle_stroke(center, 5.5, Stroke::new(1.0, hue.gamma_multiply(0.6)));
        }
    }
}
