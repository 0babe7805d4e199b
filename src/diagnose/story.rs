//! The story of a state key: every value it had, who set it, and what became of it where branches met.
//!
//! A story is told along the history of one event, or of now, in topological order. Events that leave the key alone are
//! no part of it, so it is short however large the room is. Where branches met with different values, the resolution is
//! recorded when somebody asks for it, see [`Merge::steps`].

use super::ancestry::{Ancestry, gaps, history};
use crate::replay::{Place, Replay};
use crate::resolve::step::Step;
use crate::room::{EventIx, KeyIx, Link, Provenance, Room, When};
use crate::state::StateMap;

/// The story of one state key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The key.
    pub key: KeyIx,
    /// Where it ends: after this event, or now.
    pub until: Place,
    /// What happened to the key, in topological order.
    pub chapters: Vec<Chapter>,
    /// What it is at the end; `None` if the state there is unknown.
    pub value: Option<Option<EventIx>>,
}

/// Something that happened to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// Where. Of a merge, the event whose parents hold different values.
    pub at: Place,
    /// What.
    pub what: What,
}

/// What can happen to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The event set the key.
    Set {
        /// What it replaced; `None` if the state before it is unknown.
        replaced: Option<Option<EventIx>>,
    },
    /// The event was to set the key, and was rejected.
    Attempt {
        /// What stayed; `None` if the state before it is unknown.
        stayed: Option<Option<EventIx>>,
    },
    /// Branches met that held different values.
    Merge(Merge),
    /// Somebody asserts the state here; the value does not follow from the room.
    Asserted {
        /// The value asserted.
        value: Option<EventIx>,
        /// The value that was computed instead; `None` if it is unknown.
        computed: Option<Option<EventIx>>,
        /// Who asserts it.
        provenance: Provenance,
    },
    /// From here on the state is unknown, because these parents are not there.
    Unknown(Vec<Link>),
}

/// How a merge came off for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// The branches that lost had not yet heard of the value; it was sent knowing theirs.
    CaughtUp,
    /// Values were set independently of each other, and one of them won.
    Contest,
    /// A value won although another branch had replaced it knowingly.
    RolledBack,
    /// A value came back that no branch had.
    Revived,
    /// The key is unset, although a branch had it.
    Vanished,
}

/// Branches that met with different values of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The parents (or forward extremities) with the value that each had.
    pub branches: Vec<(Link, Option<EventIx>)>,
    /// The value that came out.
    pub value: Option<EventIx>,
    /// How it came off.
    pub turn: Turn,
}

impl Merge {
    /// The different values that lost, ascending.
    pub fn losers(&self) -> Vec<EventIx> {
        let mut losers: Vec<EventIx> = self.branches.iter().filter_map(|(_, value)| *value).collect();
        losers.retain(|value| Some(*value) != self.value);
        losers.sort_unstable();
        losers.dedup();
        losers
    }

    /// The resolution at the place of the merge, recorded; `None` if a state that it rests on is unknown.
    pub fn steps(replay: &Replay<'_>, at: Place) -> Option<Vec<Step>> {
        let inputs = replay.inputs_at(at)?;
        let mut steps = Vec::new();
        replay.resolve_at(at.event(), &inputs, &mut steps);
        Some(steps)
    }
}

impl Story {
    /// Tells the story of a key until after an event, or until now.
    ///
    /// Takes a look at every event of the history, and one into the state after each parent of a merge.
    pub fn new(replay: &Replay<'_>, key: KeyIx, until: Place) -> Self {
        let room = replay.room();
        let ends = match until {
            Place::Event(ix) => vec![ix],
            Place::Now => replay.current().extremities.clone(),
        };
        let mut teller = Teller { replay, key, ancestry: Ancestry::new(room), chapters: Vec::new() };
        for ix in history(room, &ends).iter() {
            teller.event(ix);
        }
        let value = match until {
            Place::Event(ix) => replay.after(ix).map(|state| state.get(key)),
            Place::Now => {
                teller.now();
                replay.current().state.as_ref().map(|state| state.get(key))
            }
        };
        Self { key, until, chapters: teller.chapters, value }
    }

    /// The chapters that an event has a part in: as value, as what was replaced, or as an attempt.
    pub fn chapters_about(&self, event: EventIx) -> impl Iterator<Item = &Chapter> {
        self.chapters.iter().filter(move |chapter| chapter.is_about(event))
    }
}

impl Chapter {
    /// Whether the event is the value, was replaced, competed, or tried.
    pub fn is_about(&self, event: EventIx) -> bool {
        match &self.what {
            What::Set { replaced } => self.at == Place::Event(event) || *replaced == Some(Some(event)),
            What::Attempt { .. } => self.at == Place::Event(event),
            What::Merge(merge) => {
                merge.value == Some(event) || merge.branches.iter().any(|(_, value)| *value == Some(event))
            }
            What::Asserted { value, computed, .. } => *value == Some(event) || *computed == Some(Some(event)),
            What::Unknown(_) => false,
        }
    }
}

struct Teller<'a> {
    replay: &'a Replay<'a>,
    key: KeyIx,
    ancestry: Ancestry<'a>,
    chapters: Vec<Chapter>,
}

impl Teller<'_> {
    fn tell(&mut self, at: Place, what: What) {
        self.chapters.push(Chapter { at, what });
    }

    fn event(&mut self, ix: EventIx) {
        let room = self.replay.room();
        let at = Place::Event(ix);
        let before = self.replay.before(ix).map(|state| state.get(self.key));
        if let Some(asserted) = room.asserted(ix, When::Before) {
            self.asserted(at, before.flatten(), asserted.provenance, self.computed(ix));
        } else if self.is_gap(ix) {
            self.tell(at, What::Unknown(gaps(room, ix)));
        } else if room.state_links(ix).nth(1).is_some() {
            let branches = room.state_links(ix).map(|link| (link, self.value_after(link)));
            let branches: Vec<_> = branches.collect();
            self.merge(at, &branches, before);
        }
        self.asserted_parents(ix);
        if room.key_of(ix) == Some(self.key) {
            let is_rejected = self.replay.rejected().contains(ix);
            let what =
                if is_rejected { What::Attempt { stayed: before } } else { What::Set { replaced: before } };
            self.tell(at, what);
        }
        if let Some(asserted) = room.asserted(ix, When::After) {
            let value = self.replay.after(ix).and_then(|state| state.get(self.key));
            let is_set = room.key_of(ix) == Some(self.key) && !self.replay.rejected().contains(ix);
            let computed = if is_set { Some(Some(ix)) } else { before };
            self.asserted(at, value, asserted.provenance, computed);
        }
    }

    /// Whether the state before an event is unknown for want of its own parents, and not of others further back.
    fn is_gap(&self, ix: EventIx) -> bool {
        let room = self.replay.room();
        // A state asserted after it is told instead.
        let is_unknown = self.replay.before(ix).is_none() && room.asserted(ix, When::After).is_none();
        is_unknown && !gaps(room, ix).is_empty()
    }

    fn value_after(&self, link: Link) -> Option<Option<EventIx>> {
        match link {
            Link::Event(ix) => self.replay.after(ix).map(|state| state.get(self.key)),
            Link::Missing(missing) => {
                let asserted = self.replay.room().asserted_missing(missing)?;
                Some(asserted_value(self.replay.room(), self.key, &asserted.events(self.replay.room())))
            }
        }
    }

    /// What the key would be before an event if nobody asserted it.
    fn computed(&self, ix: EventIx) -> Option<Option<EventIx>> {
        let inputs: Vec<StateMap> = self.replay.inputs(ix)?;
        Some(self.replay.resolve_at(Some(ix), &inputs, &mut ()).state.get(self.key))
    }

    fn asserted(
        &mut self,
        at: Place,
        value: Option<EventIx>,
        provenance: Provenance,
        computed: Option<Option<EventIx>>,
    ) {
        if computed != Some(value) {
            self.tell(at, What::Asserted { value, computed, provenance });
        }
    }

    /// States asserted after parents that are not there.
    fn asserted_parents(&mut self, ix: EventIx) {
        let room = self.replay.room();
        if !room.has_missing_state_parent(ix) || room.asserted(ix, When::Before).is_some() {
            return;
        }
        for missing in room.state_links(ix) {
            let Link::Missing(missing) = missing else { continue };
            if let Some(asserted) = room.asserted_missing(missing) {
                let value = asserted_value(room, self.key, &asserted.events(self.replay.room()));
                self.asserted(Place::Event(ix), value, asserted.provenance, None);
            }
        }
    }

    fn merge(
        &mut self,
        at: Place,
        branches: &[(Link, Option<Option<EventIx>>)],
        value: Option<Option<EventIx>>,
    ) {
        let known: Option<Vec<_>> = branches.iter().map(|(link, held)| Some((*link, (*held)?))).collect();
        let (Some(branches), Some(value)) = (known, value) else { return };
        if branches.iter().all(|(_, held)| *held == value) {
            return;
        }
        let mut merge = Merge { branches, value, turn: Turn::Vanished };
        merge.turn = self.turn(&merge);
        self.tell(at, What::Merge(merge));
    }

    fn turn(&mut self, merge: &Merge) -> Turn {
        let Some(value) = merge.value else { return Turn::Vanished };
        if merge.branches.iter().all(|(_, held)| *held != Some(value)) {
            return Turn::Revived;
        }
        let losers = merge.losers();
        if losers.iter().any(|loser| self.ancestry.precedes(value, *loser)) {
            return Turn::RolledBack;
        }
        if losers.iter().all(|loser| self.ancestry.precedes(*loser, value)) {
            return Turn::CaughtUp;
        }
        Turn::Contest
    }

    /// The last merge: that of the forward extremities.
    fn now(&mut self) {
        let current = self.replay.current();
        if current.extremities.len() < 2 {
            return;
        }
        let ends =
            current.extremities.iter().map(|ix| (Link::Event(*ix), self.value_after(Link::Event(*ix))));
        let branches: Vec<_> = ends.collect();
        let value = current.state.as_ref().map(|state| state.get(self.key));
        self.merge(Place::Now, &branches, value);
    }
}

fn asserted_value(room: &Room, key: KeyIx, events: &[EventIx]) -> Option<EventIx> {
    events.iter().copied().find(|ix| room.key_of(*ix) == Some(key))
}
