//! A room as a graph of interned events.
//!
//! ```text
//!         prev_events                     auth_events
//!   create ◄── join ◄── topic ◄─┐      create ◄── join ◄──┐
//!                  ▲            merge       ▲        ▲    topic
//!                  └── ban ◄────┘           └── power_levels
//! ```
//!
//! A room with a state DAG (MSC4242) has `prev_state_events` in place of `auth_events`. States then follow those edges
//! ([`Room::state_parents`]), while auth events are what a replay calculates ([`Calculated`], [`AuthEdges`]).
//!
//! Events, state keys and missing events are dense integers ([`EventIx`], [`KeyIx`], [`MissingIx`]). The index of
//! an event is its place in one topological order over all kinds of edges, which depends on the
//! events alone and not on the order of the input.

mod adjacency;
mod auth_edges;
mod build;
mod building;
mod empty;
mod ids;
mod index;
mod keys;
mod order;
mod references;
mod set;
mod sorted;
mod state_dag;
mod stored;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use self::adjacency::Adjacency;
pub use self::auth_edges::{AuthEdges, Calculated};
pub use self::build::{Assertion, Empty, Input, LoadedEvent};
pub(crate) use self::building::{Building, Built};
pub(crate) use self::ids::{IdHasher, IdTable};
pub use self::index::{EventIx, KeyIx, Link, MissingIx};
use self::keys::{KeyTable, What};
pub use self::set::EventSet;
use self::state_dag::StateDag;
pub(crate) use self::stored::Strange;
pub use self::stored::{GroupIx, GroupRecord, ServerNotes, ServerRecords, StateDelta, StateEntry, Stored};
use crate::event::room_version::Rules;
use crate::event::{Event, Kind};

/// What the dump says beside an event about how a server took it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The server holds the event without a place in the DAG.
    pub outlier: bool,
    /// The server rejected it, with this reason.
    pub rejected: Option<Box<str>>,
    /// The server kept it out of the forward extremities.
    pub soft_failed: bool,
    /// The server knew only part of the state there.
    pub partial_state: bool,
}

static NOTHING_RECORDED: Recorded =
    Recorded { outlier: false, rejected: None, soft_failed: false, partial_state: false };

impl Recorded {
    /// Nothing takes no room.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        (self != NOTHING_RECORDED).then(|| Box::new(self))
    }
}

/// Which state an [`AssertedState`] speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// The state before the event.
    Before,
    /// The state after the event.
    After,
}

/// Who asserts a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provenance {
    /// `precalculated_state_after` of a scenario.
    Scenario,
    /// A file given on request (`--asserted-state`).
    File,
    /// The `state` of a `/send_join` response.
    SendJoin,
    /// What a server stored, where it was told the state by another one.
    Server,
}

impl Provenance {
    /// A name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scenario => "the scenario (precalculated_state_after)",
            Self::File => "a file of asserted states",
            Self::SendJoin => "a /send_join response",
            Self::Server => "the server's database",
        }
    }
}

/// A state that somebody asserts: an axiom, not a computation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertedState {
    source: Asserted,
    /// Who says so.
    pub provenance: Provenance,
}

/// Where the events of an asserted state are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asserted {
    /// Here, sorted by their key; at most one a key.
    Listed(Vec<EventIx>),
    /// In a state group of [`Room::stored`].
    Group(GroupIx),
}

impl AssertedState {
    fn listed(events: Vec<EventIx>, provenance: Provenance) -> Self {
        Self { source: Asserted::Listed(events), provenance }
    }

    fn group(group: GroupIx, provenance: Provenance) -> Self {
        Self { source: Asserted::Group(group), provenance }
    }

    pub(crate) fn source(&self) -> &Asserted {
        &self.source
    }

    /// The state events, sorted by their key; at most one a key. `room`: that which the state is asserted in.
    pub fn events(&self, room: &Room) -> Cow<'_, [EventIx]> {
        match &self.source {
            Asserted::Listed(events) => events.into(),
            Asserted::Group(group) => {
                room.stored().map_or_else(Vec::new, |stored| stored.expand(*group)).into()
            }
        }
    }
}

/// Captions of a scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    /// What the scenario is about.
    pub title: Option<String>,
    /// A caption by event ID.
    pub captions: BTreeMap<Box<str>, String>,
}

/// What the graph knows of an event beside the event itself.
#[derive(Debug, Clone)]
struct Node {
    /// 0: unknown.
    line: u32,
    position: u32,
    /// It has a `room_id`.
    names_room: bool,
    /// In another room: known, citable, but without state.
    foreign: bool,
    /// On a circle of references.
    in_cycle: bool,
    /// Without a known place in the DAG.
    outlier: bool,
    what: What,
    sender_key: KeyIx,
}

/// The keys that nearly every authorization rule reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WellKnown {
    /// (`m.room.create`, ``)
    pub create: KeyIx,
    /// (`m.room.join_rules`, ``)
    pub join_rules: KeyIx,
    /// (`m.room.power_levels`, ``)
    pub power_levels: KeyIx,
}

/// A room: its events in topological order, and everything that follows from their references.
///
/// Built by [`Room::build`]; immutable afterwards.
#[derive(Debug, Clone)]
pub struct Room {
    rules: &'static Rules,
    room_id: Option<Box<str>>,
    create: Option<EventIx>,
    events: Vec<Event>,
    nodes: Vec<Node>,
    /// Only of events of which something is recorded.
    recorded: BTreeMap<EventIx, Recorded>,
    ids: IdTable,
    missing: Vec<Box<str>>,
    keys: KeyTable,
    well_known: WellKnown,
    prev: Adjacency,
    auth: Adjacency,
    children: Adjacency,
    auth_children: Adjacency,
    /// Where the room version has one.
    state_dag: Option<Box<StateDag>>,
    asserted: BTreeMap<(EventIx, When), AssertedState>,
    asserted_missing: BTreeMap<MissingIx, AssertedState>,
    stored: Option<Arc<Stored>>,
    annotations: Annotations,
}

impl Room {
    /// The same room with other timestamps, one an event. The topological order stays, which is one all the same.
    pub(crate) fn with_timestamps(&self, timestamps: &[i64]) -> Self {
        let mut room = self.clone();
        for (event, timestamp) in room.events.iter_mut().zip(timestamps) {
            event.set_origin_server_ts(*timestamp);
        }
        room
    }

    /// The rules of the room version.
    pub fn rules(&self) -> &'static Rules {
        self.rules
    }

    /// The room ID, if any event tells it.
    pub fn room_id(&self) -> Option<&str> {
        self.room_id.as_deref()
    }

    /// The create event that the room version is read from: the first in topological order.
    pub fn create_event(&self) -> Option<EventIx> {
        self.create
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are no events; [`Room::build`] never makes such a room, only [`Room::empty`].
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// All events, in topological order.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = EventIx> + ExactSizeIterator + use<> {
        (0..self.events.len()).map(EventIx::new)
    }

    /// An event.
    pub fn event(&self, ix: EventIx) -> &Event {
        &self.events[ix.index()]
    }

    /// The event ID of an event.
    pub fn id(&self, ix: EventIx) -> &str {
        self.event(ix).id()
    }

    /// The event with the ID `event_id`.
    pub fn find(&self, event_id: &str) -> Option<EventIx> {
        self.ids.find(event_id, |place| self.events[place].id()).map(|place| EventIx::new(place as usize))
    }

    /// The events whose IDs begin with `prefix`; a leading `$` may be left out.
    pub fn find_prefix(&self, prefix: &str) -> Vec<EventIx> {
        let bare = prefix.strip_prefix('$').unwrap_or(prefix);
        self.events()
            .filter(|ix| {
                let id = self.id(*ix);
                id.strip_prefix('$').unwrap_or(id).starts_with(bare)
            })
            .collect()
    }

    /// The ID of an event that is referred to but not in the dump.
    pub fn missing_id(&self, missing: MissingIx) -> &str {
        &self.missing[missing.index()]
    }

    /// All events that are referred to but not in the dump.
    pub fn missing(&self) -> impl ExactSizeIterator<Item = MissingIx> + use<> {
        (0..self.missing.len()).map(MissingIx::new)
    }

    /// The missing event with the ID `event_id`.
    pub fn find_missing(&self, event_id: &str) -> Option<MissingIx> {
        self.missing.binary_search_by(|id| (**id).cmp(event_id)).ok().map(MissingIx::new)
    }

    /// The line of the dump the event came from.
    pub fn line(&self, ix: EventIx) -> Option<u64> {
        Some(u64::from(self.nodes[ix.index()].line)).filter(|line| *line != 0)
    }

    /// The place of the event in the dump, counted from 0.
    pub fn position(&self, ix: EventIx) -> u32 {
        self.nodes[ix.index()].position
    }

    /// What the dump records of how a server took the event.
    pub fn recorded(&self, ix: EventIx) -> &Recorded {
        self.recorded.get(&ix).unwrap_or(&NOTHING_RECORDED)
    }

    /// Whether the dump records of any event how a server took it: then silence about the others speaks too.
    pub fn has_records(&self) -> bool {
        !self.recorded.is_empty()
    }

    /// Whether the event says which room it belongs to.
    pub(crate) fn names_room(&self, ix: EventIx) -> bool {
        self.nodes[ix.index()].names_room
    }

    /// Whether the event belongs to another room.
    pub fn is_foreign(&self, ix: EventIx) -> bool {
        self.nodes[ix.index()].foreign
    }

    /// Whether the event is on a circle of references; the references on the circle count as
    /// missing.
    pub fn is_in_cycle(&self, ix: EventIx) -> bool {
        self.nodes[ix.index()].in_cycle
    }

    /// Whether the event has no known place in the DAG: usable as auth event and in asserted states only.
    ///
    /// An event that a server holds as an outlier ([`Recorded::outlier`]) has a place here all the same if the dump
    /// holds everything before it, down to the create event. A server that joined late has such events.
    pub fn is_outlier(&self, ix: EventIx) -> bool {
        self.nodes[ix.index()].outlier
    }

    /// The parents that are in the room, in the order of the event, each once.
    pub fn prev_events(&self, ix: EventIx) -> &[EventIx] {
        self.prev.of(ix)
    }

    /// All parents, missing ones among them, each once.
    pub fn prev_links(&self, ix: EventIx) -> impl Iterator<Item = Link> + '_ {
        self.prev.links(ix)
    }

    /// Whether a parent is missing.
    pub fn has_missing_prev(&self, ix: EventIx) -> bool {
        self.prev.has_missing(ix)
    }

    /// The events with missing parents, and all their parents.
    pub fn holes(&self) -> impl Iterator<Item = (EventIx, &[Link])> {
        self.prev.events_with_missing()
    }

    /// The auth events that are in the room, as the event lists them; none where the room version calculates them
    /// ([`AuthEdges`] has those).
    pub fn auth_events(&self, ix: EventIx) -> &[EventIx] {
        self.auth.of(ix)
    }

    /// All auth events as the event lists them, missing ones among them.
    pub fn auth_links(&self, ix: EventIx) -> impl Iterator<Item = Link> + '_ {
        self.auth.links(ix)
    }

    /// Where the room ID is the create event's ID: the create event that the event's room ID names.
    pub fn create_by_room_id(&self, ix: EventIx) -> Option<EventIx> {
        if !self.names_room(ix) {
            return None;
        }
        // Unless the event says otherwise, it is the room's.
        let room_id = if self.is_foreign(ix) { self.event(ix).room_id() } else { self.room_id() };
        let hash = room_id?.strip_prefix('!')?;
        if let Some(create) = self.create_event()
            && self.id(create).strip_prefix('$') == Some(hash)
        {
            return Some(create);
        }
        let create = self.find(&format!("${hash}"))?;
        (self.event(create).kind() == Kind::Create).then_some(create)
    }

    /// The create event, where it is an auth event of this one without being listed: from room version 12 on the room ID
    /// stands for it. `None` where the event lists it all the same, and where it does not come before.
    pub fn implied_auth_event(&self, ix: EventIx) -> Option<EventIx> {
        let create =
            if self.rules().room_id_is_create_id { self.create_by_room_id(ix)? } else { return None };
        (create < ix && !self.auth_events(ix).contains(&create)).then_some(create)
    }

    /// Whether an auth event is missing.
    pub fn has_missing_auth(&self, ix: EventIx) -> bool {
        self.auth.has_missing(ix)
    }

    /// The events with missing auth events, and all their auth events.
    pub fn auth_holes(&self) -> impl Iterator<Item = (EventIx, &[Link])> {
        self.auth.events_with_missing()
    }

    /// The events that have this one among their parents, in topological order.
    pub fn children(&self, ix: EventIx) -> &[EventIx] {
        self.children.of(ix)
    }

    /// The events that have this one among their auth events, in topological order: all state events of those, and of
    /// the others those that are cited in their turn.
    pub fn auth_children(&self, ix: EventIx) -> &[EventIx] {
        self.auth_children.of(ix)
    }

    /// The number of state keys.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// The pair (`type`, `state_key`) of a key.
    pub fn key(&self, key: KeyIx) -> (&str, &str) {
        self.keys.get(key)
    }

    /// The key of the pair (`event_type`, `state_key`), if any event of the room could read or write it.
    pub fn find_key(&self, event_type: &str, state_key: &str) -> Option<KeyIx> {
        self.keys.find(event_type, state_key)
    }

    /// The keys of the create event, the join rules and the power levels.
    pub fn well_known(&self) -> WellKnown {
        self.well_known
    }

    /// The key that the event sets, if it is a state event.
    pub fn key_of(&self, ix: EventIx) -> Option<KeyIx> {
        self.nodes[ix.index()].what.key()
    }

    /// The number of the event's type, if it is a message, that is, no state event. Messages have the same number if and
    /// only if they have the same type.
    pub(crate) fn message_type(&self, ix: EventIx) -> Option<u32> {
        self.nodes[ix.index()].what.message_type()
    }

    /// The key of the sender's membership.
    pub fn sender_key(&self, ix: EventIx) -> KeyIx {
        self.nodes[ix.index()].sender_key
    }

    /// The state asserted before or after an event.
    pub fn asserted(&self, ix: EventIx, when: When) -> Option<&AssertedState> {
        self.asserted.get(&(ix, when))
    }

    /// The state asserted after an event that is itself missing.
    pub fn asserted_missing(&self, missing: MissingIx) -> Option<&AssertedState> {
        self.asserted_missing.get(&missing)
    }

    /// Every asserted state of an event of the room.
    pub fn all_asserted(&self) -> impl Iterator<Item = (EventIx, When, &AssertedState)> {
        self.asserted.iter().map(|((ix, when), state)| (*ix, *when, state))
    }

    /// What a server's database holds beside the events; `None` if the dump is no such database.
    pub fn stored(&self) -> Option<&Stored> {
        self.stored.as_deref()
    }

    /// The captions of the scenario.
    pub fn annotations(&self) -> &Annotations {
        &self.annotations
    }

    /// The room with other captions.
    #[must_use]
    pub fn annotated(self, annotations: Annotations) -> Self {
        Self { annotations, ..self }
    }

    /// The caption of an event.
    pub fn caption(&self, ix: EventIx) -> Option<&str> {
        self.annotations.captions.get(self.id(ix)).map(String::as_str)
    }
}
