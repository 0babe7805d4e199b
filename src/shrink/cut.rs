//! A room without some of its events: what hung on them hangs on what they hung on.
//!
//! ```text
//!   a ◄── b ◄── c ◄── d        without b and c:        a ◄── d
//! ```
//!
//! The others keep their IDs, so that the order of IDs stays and nothing needs to be hashed. Of parents of which one is
//! reached from another now, that one is left out. In `auth_events` an event that is gone is replaced by what stood under
//! its key before it.

use smallvec::SmallVec;

use crate::event::{Event, json};
use crate::replay::Replay;
use crate::rewrite::{Members, members};
use crate::room::{Assertion, EventIx, EventSet, Input, Link, LoadedEvent, MissingIx, Room, When};

type Parents = SmallVec<[Link; 4]>;

/// The room without the events in `gone`; `None` if nothing is left of it.
pub(super) fn without(replay: &Replay<'_>, gone: &EventSet) -> Option<Room> {
    let room = replay.room();
    let cut = |edges| Cut::new(replay, gone, edges);
    let mut prev = cut(Edges::Prev);
    let mut state = room.rules().has_state_dag().then(|| cut(Edges::State));
    let mut events = Vec::new();
    for ix in room.events() {
        let parents = prev.parents_of(ix);
        let state_parents = state.as_mut().map(|state| state.parents_of(ix));
        if !gone.contains(ix) {
            events.push(prev.event(ix, &parents, state_parents.as_deref())?);
        }
        prev.parents.push(parents);
        if let (Some(state), Some(parents)) = (&mut state, state_parents) {
            state.parents.push(parents);
        }
    }
    build(room, events, |ix| !gone.contains(ix))
}

/// The room with other members in some of its events.
pub(super) fn with_members(room: &Room, mut change: impl FnMut(EventIx) -> Option<Members>) -> Option<Room> {
    let mut events = Vec::with_capacity(room.len());
    for ix in room.events() {
        let event = match change(ix) {
            None => room.event(ix).clone(),
            Some(members) => parse(&members, room.id(ix))?,
        };
        events.push(loaded(room, ix, event));
    }
    build(room, events, |_| true)
}

/// An event of these members, under an ID that need not follow from them.
fn parse(members: &Members, id: &str) -> Option<Event> {
    Some(Event::parse(&json::object(members)).ok()?.with_id(id))
}

fn loaded(room: &Room, ix: EventIx, event: Event) -> LoadedEvent {
    LoadedEvent::new(event).with_record(room.recorded(ix).clone())
}

/// A room of these events, with what is asserted of those that are `kept`.
fn build(room: &Room, events: Vec<LoadedEvent>, kept: impl Fn(EventIx) -> bool) -> Option<Room> {
    let known = room.all_asserted().filter(|(ix, ..)| kept(*ix));
    let known = known.map(|(ix, when, state)| (room.id(ix), when, state));
    let missing = room
        .missing()
        .filter_map(|missing| Some((room.missing_id(missing), When::After, room.asserted_missing(missing)?)));
    let assertions = known.chain(missing).map(|(id, when, state)| Assertion {
        event_id: id.into(),
        when,
        state: state.events(room).iter().filter(|ix| kept(**ix)).map(|ix| room.id(*ix).into()).collect(),
        provenance: state.provenance,
    });
    let assertions = assertions.collect();
    let input = Input { assertions, ..Input::new(room.rules(), room.room_id().map(Box::from), events) };
    Room::build(input, &mut Vec::new()).ok()
}

/// Along which edges something hangs on something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edges {
    /// `prev_events`
    Prev,
    /// `prev_state_events`
    State,
}

struct Cut<'a> {
    edges: Edges,
    replay: &'a Replay<'a>,
    gone: &'a EventSet,
    /// The parents that the first events have now; of those that are gone, what hangs on them instead.
    parents: Vec<Parents>,
    /// In which round of a search an event was seen last.
    seen: Vec<u32>,
    round: u32,
}

impl<'a> Cut<'a> {
    fn new(replay: &'a Replay<'a>, gone: &'a EventSet, edges: Edges) -> Self {
        let count = replay.room().len();
        Self { edges, replay, gone, parents: Vec::with_capacity(count), seen: vec![0; count], round: 0 }
    }

    fn room(&self) -> &Room {
        self.replay.room()
    }

    fn is_gone(&self, link: Link) -> bool {
        matches!(link, Link::Event(ix) if self.gone.contains(ix))
    }

    /// The parents that an event has now.
    fn parents_of(&mut self, ix: EventIx) -> Parents {
        let old: Parents = match self.edges {
            Edges::Prev => self.room().prev_links(ix).collect(),
            Edges::State => self.room().state_links(ix).collect(),
        };
        if !old.iter().any(|link| self.is_gone(*link)) {
            return old;
        }
        let mut now = Parents::new();
        for link in &old {
            let instead = match link {
                Link::Event(parent) if self.gone.contains(*parent) => &self.parents[parent.index()][..],
                _ => std::slice::from_ref(link),
            };
            for link in instead {
                if !now.contains(link) {
                    now.push(*link);
                }
            }
        }
        // Where something is known, holes that were not there before only hide it.
        let is_known = |link: &Link| matches!(link, Link::Event(_));
        if now.iter().any(is_known) {
            now.retain(|link| is_known(link) || old.contains(link));
        }
        if now.is_empty()
            && let Some(create) = self.room().create_event().filter(|create| *create < ix)
        {
            now.push(Link::Event(create));
        }
        self.reduce(&mut now, &old);
        now
    }

    /// Takes out the parents that are reached from others, unless they were parents before.
    fn reduce(&mut self, parents: &mut Parents, old: &[Link]) {
        let place = |link: &Link| match link {
            Link::Event(ix) => Some(*ix),
            Link::Missing(_) => None,
        };
        let fresh = parents.iter().filter(|link| !old.contains(link)).filter_map(place);
        let (Some(lowest), true) = (fresh.min(), parents.len() > 1) else { return };
        self.round += 1;
        let mut stack: Vec<EventIx> = parents.iter().filter_map(place).collect();
        while let Some(ix) = stack.pop() {
            for below in self.parents[ix.index()].iter().filter_map(place).filter(|below| *below >= lowest) {
                if self.seen[below.index()] != self.round {
                    self.seen[below.index()] = self.round;
                    stack.push(below);
                }
            }
        }
        let (seen, round) = (&self.seen, self.round);
        parents.retain(|link| old.contains(link) || place(link).is_none_or(|ix| seen[ix.index()] != round));
    }

    /// An event that stays, with these parents, also in the state DAG if there is one.
    fn event(&self, ix: EventIx, parents: &[Link], state_parents: Option<&[Link]>) -> Option<LoadedEvent> {
        let room = self.room();
        let event = room.event(ix);
        let auth = self.auth_events(ix);
        let is_same = room.prev_links(ix).eq(parents.iter().copied());
        let is_same_state =
            state_parents.is_none_or(|parents| room.state_links(ix).eq(parents.iter().copied()));
        if is_same && is_same_state && auth.is_none() {
            return Some(loaded(room, ix, event.clone()));
        }
        let mut members = members(event);
        let id = |link: &Link| match link {
            Link::Event(ix) => room.id(*ix),
            Link::Missing(missing) => self.missing_id(*missing),
        };
        members.insert("prev_events".into(), array(parents.iter().map(id)));
        if let Some(parents) = state_parents {
            members.insert("prev_state_events".into(), array(parents.iter().map(id)));
        }
        if let Some(auth) = auth {
            members.insert("auth_events".into(), array(auth.iter().map(|id| &**id)));
        }
        Some(loaded(room, ix, parse(&members, event.id())?))
    }

    fn missing_id(&self, missing: MissingIx) -> &str {
        self.replay.room().missing_id(missing)
    }

    /// The IDs of the auth events that an event has now; `None` if they are what they were.
    fn auth_events(&self, ix: EventIx) -> Option<Vec<Box<str>>> {
        let room = self.room();
        let old = room.auth_events(ix);
        if !old.iter().any(|auth| self.gone.contains(*auth)) {
            return None;
        }
        let mut now: Vec<Box<str>> = Vec::new();
        for id in room.event(ix).auth_events() {
            match room.find(&id).filter(|auth| self.gone.contains(*auth)) {
                None => now.push(id.as_ref().into()),
                Some(gone) => {
                    let instead = self.instead_of(gone).map(|instead| room.id(instead));
                    now.extend(instead.filter(|id| !now.iter().any(|other| **other == **id)).map(Box::from));
                }
            }
        }
        Some(now)
    }

    /// What stood under the key of a state event before it, and is not gone.
    fn instead_of(&self, gone: EventIx) -> Option<EventIx> {
        let key = self.room().key_of(gone)?;
        let mut at = gone;
        loop {
            let before = match self.replay.before(at) {
                Some(state) => state.get(key),
                None => {
                    let auth = self.room().auth_events(at).iter().copied();
                    auth.filter(|auth| self.room().key_of(*auth) == Some(key)).max()
                }
            };
            // Asserted states may hold later events.
            at = before.filter(|before| *before < at)?;
            if !self.gone.contains(at) {
                return Some(at);
            }
        }
    }
}

/// IDs as a JSON array.
fn array<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let ids: Vec<String> = ids.map(json::quote).collect();
    format!("[{}]", ids.join(","))
}

/// The members of an event with other parents, after whose states the state before it comes.
pub(super) fn with_parents(room: &Room, ix: EventIx, parents: &[EventIx]) -> Members {
    let mut members = members(room.event(ix));
    let name = if room.rules().has_state_dag() { "prev_state_events" } else { "prev_events" };
    members.insert(name.into(), array(parents.iter().map(|ix| room.id(*ix))));
    members
}
