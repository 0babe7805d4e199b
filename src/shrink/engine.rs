//! Taking things away for as long as the property holds: delta debugging.

use std::collections::BTreeSet;

use super::property::Property;
use super::{cut, relevant, simplify};
use crate::event::Kind;
use crate::replay::Recording;
use crate::rewrite::Members;
use crate::room::{EventIx, EventSet, Room};

/// How often a room that lost events is mended: what is rejected now but was not before is taken out too.
const MENDINGS: usize = 50;
/// How often all passes are made, at most.
const ROUNDS: usize = 5;
/// In larger rooms content is left as it is.
const MOST_SIMPLIFIED: usize = 300;

/// The smallest room so far.
pub(super) struct Engine<'p> {
    property: &'p dyn Property,
    room: Room,
    recording: Recording,
    targets: Vec<Box<str>>,
    /// The events that were rejected in the beginning, by ID: verdicts stay.
    rejected: BTreeSet<Box<str>>,
    probes: usize,
    on_probe: &'p mut dyn FnMut(usize, usize),
}

impl<'p> Engine<'p> {
    /// Begins with a whole room; `None` if it does not have the property. `on_probe` is told how many events are left, and
    /// how many rooms were tried.
    pub(super) fn new(
        room: &Room,
        property: &'p dyn Property,
        on_probe: &'p mut dyn FnMut(usize, usize),
    ) -> Option<Self> {
        let replay = property.pair().replay(room).of(room);
        let targets = property.targets();
        let found = find(room, &targets)?;
        if !property.holds(&replay, &found) {
            return None;
        }
        let rejected = replay.rejected().iter().map(|ix| room.id(ix).into()).collect();
        let recording = replay.recording();
        Some(Self { property, room: room.clone(), recording, targets, rejected, probes: 0, on_probe })
    }

    /// The smallest room found, and how many rooms were tried.
    pub(super) fn into_parts(self) -> (Room, usize) {
        (self.room, self.probes)
    }

    /// Makes all passes until nothing more can go.
    pub(super) fn run(&mut self) {
        self.guess();
        for _ in 0..ROUNDS {
            let before = self.room.len();
            self.drop_messages();
            self.drop_events();
            self.drop_users();
            let simpler = self.drop_parents() | self.simplify();
            if self.room.len() == before && !simpler {
                break;
            }
        }
        self.tidy();
    }

    fn found(&self) -> Vec<EventIx> {
        find(&self.room, &self.targets).unwrap_or_default()
    }

    /// The events that may go.
    fn removable(&self) -> Vec<EventIx> {
        let fixed: Vec<EventIx> = self.found().into_iter().chain(self.room.create_event()).collect();
        self.room.events().filter(|ix| !fixed.contains(ix)).collect()
    }

    /// The events of which not all parts of the room hang: what has nothing to do with the targets, at one blow.
    fn guess(&mut self) {
        let targets = self.found();
        if !targets.is_empty() {
            let past = relevant::with_past(&self.room, targets.clone());
            self.keep_only(&past);
        }
        let replay = self.recording.of(&self.room);
        let relevant = self.property.relevant(&replay, &self.found());
        let chains = relevant::with_auth_chains(&replay, relevant);
        self.keep_only(&chains);
    }

    fn keep_only(&mut self, keep: &EventSet) -> bool {
        let gone: Vec<EventIx> = self.removable().into_iter().filter(|ix| !keep.contains(*ix)).collect();
        self.try_without(&gone)
    }

    fn drop_messages(&mut self) {
        let messages: Vec<EventIx> =
            self.removable().into_iter().filter(|ix| !self.room.event(*ix).is_state()).collect();
        self.try_without(&messages);
    }

    /// Parts of the room, from the newest on, in halves, quarters, and so on down to single events.
    fn drop_events(&mut self) {
        let mut size = self.removable().len().div_ceil(2);
        while size > 0 {
            let mut changed = false;
            let mut end = self.removable().len();
            while end > 0 {
                let removable = self.removable();
                // What was mended may have taken away more.
                end = end.min(removable.len());
                let start = end.saturating_sub(size);
                changed |= self.try_without(&removable[start..end]);
                end = start;
            }
            if size > 1 {
                size = size.div_ceil(2);
            } else if !changed {
                break;
            }
        }
    }

    /// Everything that one user did, or that was done to them.
    fn drop_users(&mut self) {
        let users: BTreeSet<Box<str>> =
            self.room.events().map(|ix| self.room.event(ix).sender().into()).collect();
        for user in users {
            let is_about = |ix: &EventIx| {
                let event = self.room.event(*ix);
                event.sender() == &*user || event.kind() == Kind::Member && event.state_key() == Some(&*user)
            };
            let about: Vec<EventIx> = self.removable().into_iter().filter(is_about).collect();
            self.try_without(&about);
        }
    }

    /// Branches: one parent of a merge after the other.
    fn drop_parents(&mut self) -> bool {
        let mut changed = false;
        let merges: Vec<Box<str>> = self
            .room
            .events()
            .filter(|ix| self.room.state_parents(*ix).len() > 1)
            .map(|ix| self.room.id(ix).into())
            .collect();
        for merge in merges {
            let mut place = 0;
            while let Some(ix) = self.room.find(&merge)
                && self.room.state_parents(ix).len() > 1
                && place < self.room.state_parents(ix).len()
            {
                let mut parents = self.room.state_parents(ix).to_vec();
                parents.remove(place);
                let members = cut::with_parents(&self.room, ix, &parents);
                if self.try_changed(|other, _| (other == ix).then(|| members.clone())) {
                    changed = true;
                } else {
                    place += 1;
                }
            }
        }
        changed
    }

    /// Content that does not matter, and members that are not read.
    fn simplify(&mut self) -> bool {
        if self.room.len() > MOST_SIMPLIFIED {
            return false;
        }
        let mut changed = false;
        let is_simple = |room: &Room, ix: EventIx| simplify::event(room, ix).is_none();
        if self.room.events().all(|ix| is_simple(&self.room, ix)) {
        } else if self.try_changed(|ix, room| simplify::event(room, ix)) {
            changed = true;
        } else {
            for place in 0..self.room.len() {
                let ix = EventIx::new(place);
                changed |= !is_simple(&self.room, ix)
                    && self.try_changed(|other, room| {
                        (other == ix).then(|| simplify::event(room, ix)).flatten()
                    });
            }
        }
        // Nothing moves as long as only content changes.
        for place in 0..self.room.len() {
            changed |= self.simplify_one(EventIx::new(place));
        }
        changed
    }

    /// One entry after the other.
    fn simplify_one(&mut self, ix: EventIx) -> bool {
        let mut changed = false;
        let mut skipped = 0;
        while let Some(members) = simplify::without_entry(self.room.event(ix), skipped) {
            if self.try_changed(|other, _| (other == ix).then(|| members.clone())) {
                changed = true;
            } else {
                skipped += 1;
            }
        }
        changed
    }

    /// Round times, and no depths where nobody reads them.
    fn tidy(&mut self) {
        let times = simplify::round_times(&self.room);
        let tidied = |depth: bool| {
            let times = times.clone();
            move |ix: EventIx, room: &Room| Some(simplify::tidy(room, ix, times[ix.index()], depth))
        };
        if !self.try_changed(tidied(false)) {
            self.try_changed(tidied(true));
        }
    }

    /// Takes the room without some events, if it still has the property; mended if need be.
    fn try_without(&mut self, gone: &[EventIx]) -> bool {
        if gone.is_empty() {
            return false;
        }
        let mut gone: EventSet = gone.iter().copied().collect();
        for _ in 0..MENDINGS {
            let Some(room) = cut::without(&self.recording.of(&self.room), &gone) else { return false };
            match self.probe(&room) {
                Probe::Holds(recording) => {
                    self.recording = recording;
                    self.room = room;
                    return true;
                }
                Probe::Fails => return false,
                Probe::Judged(otherwise) => {
                    for ix in otherwise.iter().filter_map(|id| self.room.find(id)) {
                        gone.insert(ix);
                    }
                }
            }
        }
        false
    }

    /// Takes the room with other members in some events, if it still has the property and nothing else changed.
    fn try_changed(&mut self, change: impl Fn(EventIx, &Room) -> Option<Members>) -> bool {
        let Some(room) = cut::with_members(&self.room, |ix| change(ix, &self.room)) else { return false };
        let Probe::Holds(recording) = self.probe(&room) else { return false };
        self.recording = recording;
        self.room = room;
        true
    }

    fn probe(&mut self, room: &Room) -> Probe {
        self.probes += 1;
        (self.on_probe)(self.room.len(), self.probes);
        let Some(targets) = find(room, &self.targets) else { return Probe::Fails };
        let replay = self.property.pair().replay(room).of(room);
        let is_judged_otherwise =
            |ix: &EventIx| replay.rejected().contains(*ix) != self.rejected.contains(room.id(*ix));
        let otherwise: Vec<EventIx> = room.events().filter(is_judged_otherwise).collect();
        if otherwise.iter().any(|ix| targets.contains(ix) || room.create_event() == Some(*ix)) {
            return Probe::Fails;
        }
        if !otherwise.is_empty() {
            return Probe::Judged(otherwise.into_iter().map(|ix| room.id(ix).into()).collect());
        }
        if self.property.holds(&replay, &targets) { Probe::Holds(replay.recording()) } else { Probe::Fails }
    }
}

/// What came of a room that was tried.
enum Probe {
    /// It has the property.
    Holds(Recording),
    /// It has not.
    Fails,
    /// The verdicts on these events are others than they were.
    Judged(Vec<Box<str>>),
}

/// The events of these IDs; `None` if one is not there.
pub(super) fn find(room: &Room, ids: &[Box<str>]) -> Option<Vec<EventIx>> {
    ids.iter().map(|id| room.find(id)).collect()
}
