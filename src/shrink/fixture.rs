//! A small room in the form of the fixtures: a scenario with readable names, captions and a story.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use super::property::Property;
use super::{Form, Shrunk, engine, tale};
use crate::describe::{Describer, Names, text};
use crate::dump::{Options, load};
use crate::event::{Kind, json};
use crate::explain::Node;
use crate::export::{escape_json, write_events, write_scenario};
use crate::room::{Annotations, EventIx, Link, Room, When};

/// Writes a small room, in the best form in which it keeps its property.
pub(super) fn write(room: &Room, property: &dyn Property, before: usize, probes: usize) -> Shrunk {
    let replay = property.pair().replay(room).of(room);
    let targets = engine::find(room, &property.targets()).unwrap_or_default();
    let names = tale::names(room, &targets);
    let known = Names::new(room, &tale::placeholders(room, &names));
    let describer = Describer::new(room, &known);
    let what = property.describe(&|ix| describer.short_id(ix), &targets);
    let captions: Vec<String> = room.events().map(|ix| tale::sentence(&replay, ix, &describer)).collect();
    let reason = property.explain(&replay, &targets);
    let reason = reason.as_ref().map(|node| Reason { node, describer: &describer });
    let story = Story { room, names: &names, captions: &captions, what: &what, targets: &targets, reason };
    let readme = story.readme(before);
    let scenario = story.scenario();
    if let Some((room, targets)) = shows(&scenario, &names, &targets, property) {
        return Shrunk { room, targets, scenario, readme, form: Form::Fixture, probes };
    }
    let ids: Vec<String> = room.events().map(|ix| room.id(ix).to_owned()).collect();
    let scenario = story.as_it_was(property);
    if let Some((room, targets)) = shows(&scenario, &ids, &targets, property) {
        return Shrunk { room, targets, scenario, readme, form: Form::AsItWas, probes };
    }
    let mut events = Vec::new();
    // A vector takes whatever is written.
    let _ = write_events(room, true, &mut events);
    let scenario = String::from_utf8_lossy(&events).into_owned();
    let annotations = Annotations { title: Some(what.clone()), ..Annotations::default() };
    let room = room.clone().annotated(annotations);
    Shrunk { room, targets: targets.clone(), scenario, readme, form: Form::Events, probes }
}

/// Whether the scenario has the property: the room it is read as, and the events that it is about.
fn shows(
    scenario: &str,
    names: &[String],
    targets: &[EventIx],
    property: &dyn Property,
) -> Option<(Room, Vec<EventIx>)> {
    let dump = load(scenario.as_bytes(), &Options::default()).ok()?;
    let find = |ix: &EventIx| {
        let name = &names[ix.index()];
        dump.room.find(dump.placeholders.get(name).unwrap_or(name))
    };
    let targets: Vec<EventIx> = targets.iter().map(find).collect::<Option<_>>()?;
    let is_whole = dump.room.len() == names.len();
    let replay = property.pair().replay(&dump.room).of(&dump.room);
    let holds = is_whole && property.holds(&replay, &targets);
    holds.then_some((dump.room, targets))
}

/// What there is to tell.
struct Story<'a> {
    room: &'a Room,
    names: &'a [String],
    captions: &'a [String],
    what: &'a str,
    targets: &'a [EventIx],
    reason: Option<Reason<'a>>,
}

/// Why it comes out so.
struct Reason<'a> {
    node: &'a Node,
    describer: &'a Describer<'a>,
}

impl Reason<'_> {
    /// In one sentence.
    fn title(&self) -> String {
        self.describer.sentence(&self.node.sentence)
    }

    /// All of it, as a list in Markdown.
    fn list(&self, node: &Node, depth: usize, out: &mut String) {
        for child in &node.children {
            let sentence = self.describer.sentence(&child.sentence);
            let _ = writeln!(out, "{:indent$}* {sentence}", "", indent = 2 * depth);
            self.list(child, depth + 1, out);
        }
    }
}

impl Story<'_> {
    /// The name of an event by its ID; the ID if it has none.
    fn name<'n>(&'n self, id: &'n str) -> &'n str {
        self.room.find(id).map_or(id, |ix| &self.names[ix.index()])
    }

    fn scenario(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        escape_json(&text).into_owned()
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let room = self.room;
        writeln!(out, "// {}", text::escape(self.what))?;
        writeln!(out, "{{\n  tardis_version: 1,\n  room_version: {},", json::quote(room.rules().id))?;
        if let Some(room_id) = room.room_id().filter(|_| !room.rules().room_id_is_create_id) {
            writeln!(out, "  room_id: {},", json::quote(room_id))?;
        }
        writeln!(out, "  calculate_event_ids: {},\n", room.rules().event_ids_are_hashes())?;
        writeln!(out, "  events: [")?;
        for ix in room.events() {
            self.event(ix, out)?;
        }
        writeln!(out, "  ],\n")?;
        self.asserted(out)?;
        writeln!(out, "  annotations: {{\n    title: {},", json::quote(self.what))?;
        writeln!(out, "    titles: {{")?;
        let moment = self.reason.as_ref().map_or_else(|| self.what.to_owned(), Reason::title);
        for target in self.targets {
            writeln!(out, "      {}: {},", json::quote(&self.names[target.index()]), json::quote(&moment))?;
        }
        writeln!(out, "    }},\n    events: {{")?;
        for (name, caption) in self.names.iter().zip(self.captions) {
            writeln!(out, "      {}: {},", json::quote(name), json::quote(caption))?;
        }
        writeln!(out, "    }},\n  }},\n}}")
    }

    fn event(&self, ix: EventIx, out: &mut String) -> std::fmt::Result {
        let event = self.room.event(ix);
        let members = json::members(event.json()).unwrap_or_default();
        let name = json::quote(&self.names[ix.index()]);
        write!(out, "    {{\n      event_id: {name}, type: {}", json::quote(event.event_type()))?;
        if let Some(state_key) = event.state_key() {
            write!(out, ", state_key: {}", json::quote(state_key))?;
        }
        writeln!(out, ", sender: {},", json::quote(event.sender()))?;
        writeln!(out, "      content: {},", relaxed(members.get("content").unwrap_or(&"{}")))?;
        let list = |ids: Vec<&str>| {
            let ids: Vec<String> = ids.into_iter().map(|id| json::quote(self.name(id))).collect();
            ids.join(", ")
        };
        let lists = ["prev_events", "prev_state_events", "auth_events"].into_iter();
        let lists = lists.filter(|name| self.room.rules().reference_members().contains(name)).map(|name| {
            let ids: Vec<_> = event.references_in(name).collect();
            format!("{name}: [{}]", list(ids.iter().map(|id| &**id).collect()))
        });
        writeln!(out, "      {},", lists.collect::<Vec<_>>().join(", "))?;
        if let Some(redacts) = event.redacts() {
            writeln!(out, "      redacts: {},", json::quote(self.name(redacts)))?;
        }
        for other in ["depth", "hashes"] {
            if let Some(json) = members.get(other) {
                writeln!(out, "      {other}: {json},")?;
            }
        }
        let foreign = self.room.is_foreign(ix) || event.kind() == Kind::Create;
        let says_room = foreign && event.room_id() != self.room.room_id();
        if let Some(room_id) = event.room_id().filter(|_| says_room) {
            writeln!(out, "      room_id: {},", json::quote(room_id))?;
        }
        let time = members.get("origin_server_ts").unwrap_or(&"0");
        writeln!(out, "      origin_server_ts: {time}, // {}\n    }},", text::clock(event.origin_server_ts()))
    }

    fn asserted(&self, out: &mut String) -> std::fmt::Result {
        let room = self.room;
        let missing = room
            .missing()
            .filter_map(|missing| Some((room.missing_id(missing), room.asserted_missing(missing)?)));
        let known = room.all_asserted().filter(|(_, when, _)| *when == When::After);
        let known = known.map(|(ix, _, state)| (room.id(ix), state));
        let states: BTreeMap<&str, _> = known.chain(missing).collect();
        if states.is_empty() {
            return Ok(());
        }
        writeln!(out, "  precalculated_state_after: {{")?;
        for (id, state) in states {
            let ids: Vec<String> =
                state.events(room).iter().map(|ix| json::quote(&self.names[ix.index()])).collect();
            writeln!(out, "    {}: [{}],", json::quote(self.name(id)), ids.join(", "))?;
        }
        writeln!(out, "  }},\n")
    }

    /// The room as it was, with captions.
    fn as_it_was(&self, property: &dyn Property) -> String {
        let captions = self.room.events().zip(self.captions);
        let captions = captions.map(|(ix, caption)| (self.room.id(ix).into(), caption.clone())).collect();
        let annotations = Annotations { title: Some(self.what.to_owned()), captions };
        let room = self.room.clone().annotated(annotations);
        let replay = property.pair().replay(&room).of(&room);
        let mut text = Vec::new();
        // A vector takes whatever is written.
        let _ = write_scenario(&replay, true, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    fn readme(&self, before: usize) -> String {
        let room = self.room;
        let mut text = format!("# {}\n\n", text::escape(self.what));
        let _ = writeln!(
            text,
            "Room version {}, {}; shrunk by Hindsight from {}.\n",
            room.rules().id,
            text::count(room.len(), "event"),
            text::count(before, "event")
        );
        let _ = writeln!(text, "**What happens.**\n");
        let parents: HashMap<EventIx, Vec<&str>> = room
            .events()
            .map(|ix| {
                let known = room.state_links(ix).filter_map(|link| match link {
                    Link::Event(parent) => Some(&*self.names[parent.index()]),
                    Link::Missing(_) => None,
                });
                (ix, known.collect())
            })
            .collect();
        for ix in room.events() {
            let after = match &parents[&ix][..] {
                [] => String::new(),
                parents => format!(" (after {})", parents.join(", ").replace('$', "")),
            };
            let name = self.names[ix.index()].trim_start_matches('$');
            let _ = writeln!(text, "* `{name}`{after}: {}", self.captions[ix.index()]);
        }
        let _ = writeln!(text, "\n**What must come out.** {}.", text::escape(self.what));
        if let Some(reason) = &self.reason {
            let _ = writeln!(text, "\n**Why.** {}:\n", reason.title());
            reason.list(reason.node, 0, &mut text);
        }
        text
    }
}

/// JSON as people write it: keys without quotes where they can be, white space between.
fn relaxed(value: &str) -> String {
    let joined = |parts: Vec<String>, open: char, close: char| {
        if parts.is_empty() {
            format!("{open}{close}")
        } else {
            format!("{open} {} {close}", parts.join(", "))
        }
    };
    match value.as_bytes().first() {
        Some(b'{') => {
            let members = json::members(value).unwrap_or_default();
            let member = |(key, value): (Box<str>, &str)| {
                let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
                    && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let key = if plain { key.to_string() } else { json::quote(&key) };
                format!("{key}: {}", relaxed(value))
            };
            joined(members.into_iter().map(member).collect(), '{', '}')
        }
        Some(b'[') => {
            let elements = json::elements(value).unwrap_or_default();
            format!("[{}]", elements.into_iter().map(relaxed).collect::<Vec<_>>().join(", "))
        }
        _ => value.to_owned(),
    }
}
