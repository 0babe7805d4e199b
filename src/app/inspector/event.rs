//! One event: where it stands, whether its hashes are right, and its JSON.

use std::collections::BTreeSet;

use egui::{Pos2, RichText, ScrollArea, Ui};

use super::json::{JsonLine, Token, lines, unfolded};
use crate::app::context::Context;
use crate::app::inspector::state::disclosure;
use crate::app::line::{Line, fill_row, focus, nothing_ui};
use crate::app::theme::size;
use crate::describe::{Describer, text};
use crate::event::hash;
use crate::room::{EventIx, Link, Room, When};
use crate::session::{Command, Direction, Item, Position};

/// A PDU may have 65,536 bytes. What is so much larger would take longer than a frame to be hashed and laid out, or more
/// memory than there is.
const LARGEST: usize = 1 << 20;
/// The width of one level of JSON.
const INDENT: f32 = 14.0;

/// What the tab keeps.
#[derive(Debug, Default)]
pub(in crate::app) struct EventView {
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Shown {
    event: EventIx,
    lines: Option<Vec<JsonLine>>,
    folded: BTreeSet<usize>,
    visible: Vec<usize>,
    hashes: Vec<(bool, String)>,
}

/// Draws the tab.
pub(in crate::app) fn event_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut EventView) {
    let Some(ix) = focus(cx) else {
        nothing_ui(ui, cx, "No event is selected; click one, or go to one with the arrow keys");
        return;
    };
    let describer = cx.session.describer();
    super::event_title_ui(ui, cx, ix);
    buttons_ui(ui, cx, ix);
    if view.shown.as_ref().is_none_or(|shown| shown.event != ix) {
        view.shown = Some(Shown::new(cx.session.room(), ix));
    }
    let Some(shown) = &mut view.shown else { return };
    ScrollArea::vertical().auto_shrink(false).id_salt(ix.index()).show(ui, |ui| {
        facts_ui(ui, cx, &describer, ix);
        for (is_right, sentence) in &shown.hashes {
            let (mark, color) = if *is_right { ("+ ", cx.tokens.good) } else { ("! ", cx.tokens.warning) };
            Line::new(ui, cx, &describer).small().tinted(mark, color).text(sentence).show(ui);
        }
        ui.separator();
        json_ui(ui, cx, &describer, shown);
    });
}

impl Shown {
    fn new(room: &Room, event: EventIx) -> Self {
        let json = room.event(event).json();
        let lines = if json.len() > LARGEST { None } else { lines(json) };
        let visible = lines.as_deref().map_or_else(Vec::new, |lines| unfolded(lines, |_| false));
        Self { event, lines, folded: BTreeSet::new(), visible, hashes: hashes(room, event) }
    }

    fn toggle(&mut self, place: usize) {
        if !self.folded.remove(&place) {
            self.folded.insert(place);
        }
        if let Some(lines) = &self.lines {
            self.visible = unfolded(lines, |place| self.folded.contains(&place));
        }
    }
}

/// Whether ID and content are what their hashes say, in sentences.
fn hashes(room: &Room, ix: EventIx) -> Vec<(bool, String)> {
    let (rules, json, id) = (room.rules(), room.event(ix).json(), room.id(ix));
    if json.len() > LARGEST {
        let size = format!(
            "The event has {} bytes, where 65,536 are allowed; no hash is checked",
            text::number(json.len())
        );
        return vec![(false, size)];
    }
    let mut told = Vec::new();
    if rules.event_ids_are_hashes() {
        told.push(match hash::event_id(json, rules) {
            Ok(computed) if computed == id => (true, "The event ID is the reference hash".to_owned()),
            Ok(computed) => (false, format!("The event ID is not the reference hash, which is {computed}")),
            Err(error) => (false, format!("The reference hash cannot be computed: {error}")),
        });
    } else {
        told.push((true, "In this room version servers choose event IDs".to_owned()));
    }
    let claimed = serde_json::from_str::<serde_json::Value>(json).ok();
    let claimed = claimed.as_ref().and_then(|event| event["hashes"]["sha256"].as_str());
    told.push(match (claimed, hash::content_hash(json, rules)) {
        (None, _) => (false, "The event has no content hash".to_owned()),
        (Some(claimed), Ok(computed)) if claimed == computed => {
            (true, "The content hash is right; signatures are not checked".to_owned())
        }
        (Some(_), Ok(computed)) => {
            (false, format!("The content hash is wrong, or the event is redacted; computed is {computed}"))
        }
        (Some(_), Err(error)) => (false, format!("The content hash cannot be computed: {error}")),
    });
    told.into_iter().map(|(is_right, sentence)| (is_right, text::escape(&sentence))).collect()
}

fn buttons_ui(ui: &mut Ui, cx: &Context<'_>, ix: EventIx) {
    let room = cx.session.room();
    ui.horizontal_wrapped(|ui| {
        let is_here = cx.session.cursor().event == Position::Event(ix);
        let go = ui.add_enabled(!is_here, egui::Button::new("Go to event"));
        if go.on_hover_text("Put the cursor on this event").clicked() {
            cx.send(Command::SeekEvent(Position::Event(ix)));
        }
        if ui.button("Copy ID").clicked() {
            ui.ctx().copy_text(room.id(ix).to_owned());
        }
        if ui.button("Copy JSON").clicked() {
            ui.ctx().copy_text(room.event(ix).json().to_owned());
        }
        if let Some(key) = room.key_of(ix) {
            let back = ui.button("Last change of this key");
            if back.on_hover_text("Go back to the last event that changed this state key").clicked() {
                cx.send(Command::FindChangeOf(key, Direction::Previous));
            }
        }
    });
}

/// So many references are listed.
const LISTED: usize = 12;

/// Where the event stands.
fn facts_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, ix: EventIx) {
    let (room, tokens) = (cx.session.room(), cx.tokens);
    let list = |ui: &Ui, name: &str, links: &mut dyn Iterator<Item = Link>, total: usize| {
        let mut line = Line::new(ui, cx, describer).small().tinted(&format!("{name}  "), tokens.weak);
        for (number, link) in links.take(LISTED).enumerate() {
            line = if number > 0 { line.text(", ") } else { line };
            line = line.reference(link);
        }
        match total {
            0 => line.tinted("none", tokens.weak),
            _ if total > LISTED => line.tinted(&format!(" and {} more", total - LISTED), tokens.weak),
            _ => line,
        }
    };
    Line::new(ui, cx, describer).small().link(&text::shorten(room.id(ix), 80), Item::Event(ix)).show(ui);
    let (prev, auth) = (room.prev_links(ix).count(), room.auth_links(ix).count());
    list(ui, "prev_events", &mut room.prev_links(ix), prev).show(ui);
    if room.rules().has_state_dag() {
        list(ui, "prev_state_events", &mut room.state_links(ix), room.state_links(ix).count()).show(ui);
        let replay = cx.session.replay();
        match replay.calculated_auth(ix) {
            Some(auth) => {
                let mut links = auth.iter().map(|ix| Link::Event(*ix));
                list(ui, "auth_events (calculated)", &mut links, auth.len()).show(ui);
            }
            None => {
                let why = "auth_events (calculated)  none, for no state is defined before it";
                Line::new(ui, cx, describer).small().tinted(why, tokens.weak).show(ui);
            }
        }
    } else {
        list(ui, "auth_events", &mut room.auth_links(ix), auth).show(ui);
    }
    let children = room.children(ix);
    let mut links = children.iter().map(|ix| Link::Event(*ix));
    list(ui, "followed by", &mut links, children.len()).show(ui);
    if room.rules().has_state_dag() {
        let children = room.state_children(ix);
        let mut links = children.iter().map(|ix| Link::Event(*ix));
        list(ui, "followed in the state DAG by", &mut links, children.len()).show(ui);
        waiting_ui(ui, cx, describer, ix);
    }
    let mut facts = vec![format!("depth {}", room.event(ix).depth()), format!("number {}", ix.index() + 1)];
    facts.extend(room.line(ix).map(|line| format!("line {line}")));
    if let Some(stored) = room.stored() {
        facts.extend(stored.stream_ordering(ix).map(|place| format!("arrived as {place}")));
        let group = stored.of_event(ix, When::After).map(|group| stored.number(group));
        facts.extend(group.map(|group| format!("state group {group}")));
    }
    let replay = cx.session.replay();
    let recorded = room.recorded(ix);
    for (holds, fact) in [
        (replay.rejected().contains(ix), "rejected"),
        (replay.is_unprocessed(ix), "waits"),
        (recorded.soft_failed, "recorded as soft-failed"),
        (replay.soft_failed(ix) == Some(true), "soft-failed"),
        (room.is_outlier(ix), "outlier"),
        (room.is_foreign(ix), "of another room"),
        (room.is_in_cycle(ix), "on a circle of references"),
    ] {
        facts.extend(holds.then(|| fact.to_owned()));
    }
    facts.extend(cx.session.extremity(ix).words().map(str::to_owned));
    facts.push(format!("state {}", replay.footing(ix).as_str()));
    ui.label(RichText::new(facts.join(", ")).small().color(tokens.weak));
}

/// What an event of a state DAG waits for, or which of those that it names were rejected.
pub(super) fn waiting_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, ix: EventIx) {
    let (room, replay) = (cx.session.room(), cx.session.replay());
    let line = Line::new(ui, cx, describer).small();
    let (line, links): (_, Vec<Link>) = if replay.is_unprocessed(ix) {
        let missing = replay.waits_for(ix).into_iter().map(Link::Missing).collect();
        (
            line.tinted(
                "Waits, neither accepted nor rejected, for what is not in the dump  ",
                cx.tokens.warning,
            ),
            missing,
        )
    } else {
        let is_out = |parent: &EventIx| replay.rejected().contains(*parent);
        let parents: Vec<Link> =
            room.state_parents(ix).iter().copied().filter(is_out).map(Link::Event).collect();
        if parents.is_empty() {
            return;
        }
        (line.tinted("Rejected of those that it names in prev_state_events  ", cx.tokens.bad), parents)
    };
    let more = links.len().saturating_sub(LISTED);
    let line = links.into_iter().take(LISTED).enumerate().fold(line, |line, (number, link)| {
        let line = if number > 0 { line.text(", ") } else { line };
        line.reference(link)
    });
    let line = if more > 0 { line.tinted(&format!(" and {more} more"), cx.tokens.weak) } else { line };
    line.show(ui);
}

/// The height of a line of JSON.
const LINE: f32 = size::ROW - 3.0;

fn json_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, shown: &mut Shown) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let Some(lines) = &shown.lines else {
        nothing_ui(ui, cx, "The JSON is too large or too deep to be shown; copy it instead");
        return;
    };
    // Only the lines that are seen are laid out; space stands for those above and below.
    let (top, seen) = (ui.cursor().top(), ui.clip_rect());
    let count = shown.visible.len();
    let first = (((seen.top() - top) / LINE).floor().max(0.0) as usize).min(count);
    let last = (((seen.bottom() - top) / LINE).ceil().max(0.0) as usize).clamp(first, count);
    ui.add_space(first as f32 * LINE);
    let mut toggled = None;
    for place in &shown.visible[first..last] {
        let is_folded = shown.folded.contains(place);
        if line_ui(ui, cx, describer, &lines[*place], is_folded) {
            toggled = Some(*place);
        }
    }
    ui.add_space((count - last) as f32 * LINE);
    if let Some(place) = toggled {
        shown.toggle(place);
    }
}

/// Shows one line of JSON; whether it is to be folded, or unfolded.
fn line_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    json: &JsonLine,
    is_folded: bool,
) -> bool {
    let tokens = cx.tokens;
    let mut line = Line::new(ui, cx, describer).mono().color(tokens.weak);
    if let Some(name) = &json.name {
        line = line.tinted(name, tokens.text).text(": ");
    }
    let mut comma = json.comma;
    line = match &json.token {
        Token::Text(text) => {
            let line = line.text("\"");
            let line = match item_of(cx.session.room(), text) {
                Some(item) => line.link(text, item),
                None => line.tinted(text, tokens.good),
            };
            line.text("\"")
        }
        Token::Plain(text) => line.tinted(text, tokens.warning),
        Token::Open { open, close, len, .. } if is_folded => line.text(&format!(
            "{open} \u{2026} {close}  {len} {}",
            if *len == 1 { "element" } else { "elements" }
        )),
        Token::Open { open, .. } => {
            comma = false;
            line.text(&open.to_string())
        }
        Token::Close(close) => line.text(&close.to_string()),
    };
    if comma {
        line = line.text(",");
    }
    let (rect, response) = {
        let size = egui::vec2(ui.available_width(), LINE);
        ui.allocate_exact_size(size, egui::Sense::click())
    };
    let indent = json.depth as f32 * INDENT + 14.0;
    let can_fold = matches!(json.token, Token::Open { .. });
    if can_fold {
        let center = Pos2::new(rect.left() + indent - 8.0, rect.center().y);
        disclosure(ui, center, !is_folded, tokens.weak);
    }
    let response = fill_row(ui, line, (rect, response), indent, 4.0);
    can_fold && response.clicked()
}

/// What a string stands for, if it is an ID that somebody may want to follow.
fn item_of(room: &Room, text: &str) -> Option<Item> {
    match text.as_bytes().first()? {
        b'$' => {
            let missing = || room.find_missing(text).map(Item::Missing);
            room.find(text).map(Item::Event).or_else(missing)
        }
        b'@' if text.contains(':') => Some(Item::User(text.into())),
        _ => None,
    }
}
