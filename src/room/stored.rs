//! What the database of a server holds of a room beside its events: above all the states that it stored.
//!
//! A server writes a state down as a *state group*: whole, or as what changes from another group. Events name the group of
//! the state after them. Groups are kept here as they are written, so a room takes up space for its changes and not for
//! its states; [`Replay`](crate::replay::Replay) expands them into maps that share their parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::index::{EventIx, KeyIx};
use super::{Provenance, Room, When};
use crate::report::{Code, Finding};

/// One entry of a state: type, state key, event ID.
pub type StateEntry = (Box<str>, Box<str>, Box<str>);

/// What a server's database says of a room as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerNotes {
    /// The version of the database schema.
    pub schema_version: Option<i64>,
    /// The version of the room, if the server noted one.
    pub room_version: Option<Box<str>>,
    /// The forward extremities, sorted.
    pub forward_extremities: Vec<Box<str>>,
    /// The backward extremities, sorted.
    pub backward_extremities: Vec<Box<str>>,
    /// The current state.
    pub current_state: Vec<StateEntry>,
    /// The server knows the state of the room only in part.
    pub partial_state: bool,
}

/// A change of the current state, as clients of the server were told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDelta {
    /// Its place among the changes.
    pub stream_id: i64,
    /// The type of the state key.
    pub event_type: Box<str>,
    /// The state key.
    pub state_key: Box<str>,
    /// The new value; `None`: the key was removed.
    pub event_id: Option<Box<str>>,
    /// The value before.
    pub prev_event_id: Option<Box<str>>,
}

/// A state group as the input gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupRecord {
    /// Its number in the database.
    pub number: i64,
    /// The group that the database says it is built on: most often that of the state before the event.
    pub prev: Option<i64>,
    /// The group that `entries` and `without` are the difference from, if that is not `prev`.
    pub base: Option<i64>,
    /// What it adds or changes; of several entries for the same key the last one counts.
    pub entries: Vec<StateEntry>,
    /// What it does not have, of that which it is built on.
    pub without: Vec<(Box<str>, Box<str>)>,
}

/// What the input gives of a server's database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerRecords {
    /// About the room; `None`: nothing.
    pub notes: Option<ServerNotes>,
    /// The state groups.
    pub groups: Vec<GroupRecord>,
    /// By event ID: the order of arrival, and the group of the state after the event.
    pub events: Vec<(Box<str>, Option<i64>, Option<i64>)>,
    /// The changes of the current state.
    pub deltas: Vec<StateDelta>,
    /// Whether the stored states are taken for granted where a parent is not there; else the state there is unknown.
    pub are_axioms: bool,
}

impl ServerRecords {
    /// Takes over what others hold.
    pub(crate) fn append(&mut self, mut others: Self) {
        self.notes = self.notes.take().or(others.notes);
        self.groups.append(&mut others.groups);
        self.events.append(&mut others.events);
        self.deltas.append(&mut others.deltas);
    }

    /// Whether there is more than what is known of single events.
    pub(crate) fn is_empty(&self) -> bool {
        self.notes.is_none() && self.groups.is_empty() && self.deltas.is_empty()
    }
}

/// The place of a state group in [`Stored`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupIx(u32);

impl GroupIx {
    /// As an index.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Entries that are no events of the room under their key: the value by type and state key.
pub(crate) type Strange = BTreeMap<(Box<str>, Box<str>), Box<str>>;

/// What a state has instead of what another has.
type Changes = Box<[(KeyIx, Option<EventIx>)]>;

/// A state of which more entries than these are not in the dump is unknown: every group that adds to them keeps a list of its
/// own, and there may be as many groups as events.
const MOST_STRANGE: usize = 64;

/// In the making of [`Strange`]: nothing.
const NONE: &str = "";

/// A state group.
#[derive(Debug, Clone)]
struct Group {
    number: i64,
    /// What [`Group::changes`] is the difference from.
    on: Option<GroupIx>,
    prev: Option<GroupIx>,
    /// Ascending by key.
    changes: Changes,
    /// Entries that no map of the room's events can hold. `None`: there are none.
    strange: Option<Arc<Strange>>,
}

/// What an event has to do with the groups.
#[derive(Debug, Clone, Copy, Default)]
struct OfEvent {
    before: Option<GroupIx>,
    after: Option<GroupIx>,
    stream_ordering: Option<i64>,
}

/// What a server's database holds of a room beside its events.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    notes: ServerNotes,
    /// Ascending by number.
    groups: Vec<Group>,
    /// Those whose state can be known, each after the one it is built on.
    order: Vec<GroupIx>,
    events: Vec<OfEvent>,
    deltas: Vec<StateDelta>,
}

impl Stored {
    /// What is noted of the room.
    pub fn notes(&self) -> &ServerNotes {
        &self.notes
    }

    /// The number of state groups.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The number that a group has in the database.
    pub fn number(&self, group: GroupIx) -> i64 {
        self.group(group).number
    }

    /// The changes of the current state, in the order in which clients were told of them.
    pub fn deltas(&self) -> &[StateDelta] {
        &self.deltas
    }

    /// The group of the state before or after an event.
    ///
    /// The state after an event is what its server stored. The state before it is what that is built on, if the event is
    /// all that it adds and no other event stands in between, else that after its only parent; of a message or a rejected
    /// event it is that after it.
    pub fn of_event(&self, ix: EventIx, when: When) -> Option<GroupIx> {
        let of = self.events.get(ix.index())?;
        match when {
            When::Before => of.before,
            When::After => of.after,
        }
    }

    /// When the event arrived, compared with others; negative: fetched later, backwards.
    pub fn stream_ordering(&self, ix: EventIx) -> Option<i64> {
        self.events.get(ix.index())?.stream_ordering
    }

    fn group(&self, group: GroupIx) -> &Group {
        &self.groups[group.index()]
    }

    /// What a group is built on, and what it changes there, ascending by key.
    pub(crate) fn difference(&self, group: GroupIx) -> (Option<GroupIx>, &[(KeyIx, Option<EventIx>)]) {
        let Group { on, changes, .. } = self.group(group);
        (*on, changes)
    }

    /// The entries of a group's state that are no events of the room.
    pub(crate) fn strange(&self, group: GroupIx) -> Option<&Strange> {
        self.group(group).strange.as_deref()
    }

    /// The groups whose state can be known, each after the one it is built on.
    pub(crate) fn order(&self) -> &[GroupIx] {
        &self.order
    }

    /// The events of the state of a group, ascending by key. Cost: all that the group is built on.
    pub(crate) fn expand(&self, group: GroupIx) -> Vec<EventIx> {
        let mut chain = vec![group];
        while let Some(on) = chain.last().and_then(|group| self.group(*group).on) {
            chain.push(on);
        }
        let mut state: BTreeMap<KeyIx, EventIx> = BTreeMap::new();
        for group in chain.into_iter().rev() {
            for (key, event) in &self.group(group).changes {
                match event {
                    Some(event) => state.insert(*key, *event),
                    None => state.remove(key),
                };
            }
        }
        state.into_values().collect()
    }
}

impl Room {
    /// Takes over what a server stored.
    pub(super) fn store(&mut self, records: ServerRecords, findings: &mut Vec<Finding>) {
        if records.is_empty() {
            return;
        }
        let ServerRecords { notes, groups, events, mut deltas, are_axioms } = records;
        deltas.sort_by_key(|delta| delta.stream_id);
        // Numbers alone, beside events, name groups that nobody was asked for.
        let has_groups = !groups.is_empty() || notes.is_some();
        let (groups, order) = Grouping::new(self, groups, findings).finish();
        let mut stored =
            Stored { notes: notes.unwrap_or_default(), groups, order, events: Vec::new(), deltas };
        stored.events = vec![OfEvent::default(); self.len()];
        let known: Vec<bool> = {
            let mut known = vec![false; stored.groups.len()];
            stored.order.iter().for_each(|group| known[group.index()] = true);
            known
        };
        for (id, stream_ordering, number) in events {
            let Some(ix) = self.find(&id) else { continue };
            let of = &mut stored.events[ix.index()];
            of.stream_ordering = stream_ordering;
            let Some(number) = number.filter(|_| has_groups) else { continue };
            match stored.groups.binary_search_by_key(&number, |group| group.number) {
                Ok(place) => of.after = known[place].then_some(GroupIx(place as u32)),
                Err(_) => findings.push(
                    Finding::new(
                        Code::BadStoredState,
                        format!("the database does not hold state group {number}, the state after the event"),
                    )
                    .event(id),
                ),
            }
        }
        self.find_states_before(&mut stored);
        if are_axioms {
            self.assert_stored(&stored);
        }
        self.stored = Some(Arc::new(stored));
    }

    fn find_states_before(&self, stored: &mut Stored) {
        let mut of_state_events = vec![false; stored.groups.len()];
        for ix in self.events() {
            if let (Some(group), true) = (stored.events[ix.index()].after, self.changes_state(ix)) {
                of_state_events[group.index()] = true;
            }
        }
        for ix in self.events() {
            stored.events[ix.index()].before = self.stored_before(stored, ix, &of_state_events);
        }
    }

    /// Whether, as far as the server said, the state after the event is another one than that before it.
    fn changes_state(&self, ix: EventIx) -> bool {
        self.key_of(ix).is_some() && self.recorded(ix).rejected.is_none()
    }

    /// Synapse builds the group after an event on that of the state before it, and that is the one after a parent, or one
    /// that was resolved, or asserted, for this place. Whoever writes groups anew to save space builds them on any other.
    fn stored_before(&self, stored: &Stored, ix: EventIx, of_state_events: &[bool]) -> Option<GroupIx> {
        let after_of = |ix: &EventIx| stored.events[ix.index()].after;
        let after = after_of(&ix)?;
        let Some(key) = self.key_of(ix).filter(|_| self.changes_state(ix)) else { return Some(after) };
        let group = stored.group(after);
        let adds_it = *group.changes == [(key, Some(ix))] && group.on == group.prev;
        let parents = self.prev_events(ix);
        let is_before = |prev: &GroupIx| {
            !of_state_events[prev.index()] || parents.iter().any(|parent| after_of(parent) == Some(*prev))
        };
        group.prev.filter(|prev| adds_it && is_before(prev)).or_else(|| match parents {
            [parent] if !self.has_missing_prev(ix) => after_of(parent),
            _ => None,
        })
    }

    /// Where a parent is not there, or has no place in the DAG, the state is what the server took it to be.
    fn assert_stored(&mut self, stored: &Stored) {
        for ix in self.events() {
            if self.is_outlier(ix) || self.is_foreign(ix) {
                continue;
            }
            let is_hole = self.has_missing_prev(ix)
                || self.prev_events(ix).iter().any(|parent| self.is_outlier(*parent));
            if !is_hole {
                continue;
            }
            for when in [When::Before, When::After] {
                if let Some(group) = stored.of_event(ix, when) {
                    let asserted = super::AssertedState::group(group, Provenance::Server);
                    self.asserted.entry((ix, when)).or_insert(asserted);
                }
            }
        }
    }
}

/// Groups on the way from what the input gives.
struct Grouping<'a> {
    room: &'a Room,
    groups: Vec<Group>,
    /// Of a group that names one that is not there, that one.
    lacks: BTreeMap<u32, i64>,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Grouping<'a> {
    fn new(room: &'a Room, mut records: Vec<GroupRecord>, findings: &'a mut Vec<Finding>) -> Self {
        records.sort_by_key(|record| record.number);
        records.dedup_by(|later, earlier| {
            let is_same = later.number == earlier.number;
            if is_same && later != earlier {
                let message = format!("state group {} is given twice: the first one counts", later.number);
                findings.push(Finding::new(Code::BadStoredState, message));
            }
            is_same
        });
        let numbers: Vec<i64> = records.iter().map(|record| record.number).collect();
        let mut grouping =
            Self { room, groups: Vec::with_capacity(records.len()), lacks: BTreeMap::new(), findings };
        for record in &records {
            grouping.add(record, &numbers);
        }
        grouping
    }

    fn add(&mut self, record: &GroupRecord, numbers: &[i64]) {
        let find = |number: i64| numbers.binary_search(&number).ok().map(|place| GroupIx(place as u32));
        let on = record.base.or(record.prev);
        if let Some(number) = on.filter(|number| find(*number).is_none()) {
            self.lacks.insert(self.groups.len() as u32, number);
        }
        let (changes, strange) = self.changes(record);
        self.groups.push(Group {
            number: record.number,
            on: on.and_then(find),
            prev: record.prev.and_then(find),
            changes,
            strange,
        });
    }

    fn changes(&mut self, record: &GroupRecord) -> (Changes, Option<Arc<Strange>>) {
        let room = self.room;
        let mut changes: BTreeMap<KeyIx, Option<EventIx>> = BTreeMap::new();
        let mut strange = Strange::new();
        for (event_type, state_key) in &record.without {
            match room.find_key(event_type, state_key) {
                Some(key) => _ = changes.insert(key, None),
                None => _ = strange.insert((event_type.clone(), state_key.clone()), NONE.into()),
            }
        }
        for (event_type, state_key, id) in &record.entries {
            let own = room.find(id).and_then(|ix| Some((room.key_of(ix)?, ix)));
            if let Some((key, ix)) = own.filter(|(key, _)| room.key(*key) == (event_type, state_key)) {
                changes.insert(key, Some(ix));
                continue;
            }
            // Whatever was there before is not there any more.
            if let Some(key) = room.find_key(event_type, state_key) {
                changes.insert(key, None);
            }
            let why = match own {
                None if room.find(id).is_some() => "which is no state event",
                None => "which is not in the dump",
                Some(_) => "which is of another key",
            };
            let message =
                format!("state group {} has {id} at {event_type} {state_key:?}, {why}", record.number);
            self.findings.push(Finding::new(Code::BadStoredState, message).event(id.clone()));
            strange.insert((event_type.clone(), state_key.clone()), id.clone());
        }
        (changes.into_iter().collect(), (!strange.is_empty()).then(|| Arc::new(strange)))
    }

    /// The groups, and those whose state can be known in order.
    fn finish(mut self) -> (Vec<Group>, Vec<GroupIx>) {
        let mut order = self.order();
        if self.groups.iter().any(|group| group.strange.is_some()) {
            let mut lost = vec![false; self.groups.len()];
            order.retain(|group| {
                let rests_on_lost = self.groups[group.index()].on.is_some_and(|on| lost[on.index()]);
                lost[group.index()] = rests_on_lost || !self.inherit_strange(*group);
                !lost[group.index()]
            });
        }
        (self.groups, order)
    }

    fn order(&mut self) -> Vec<GroupIx> {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            Not,
            Waiting,
            Known,
            Unknown,
        }
        let mut seen = vec![Seen::Not; self.groups.len()];
        let mut order = Vec::with_capacity(self.groups.len());
        for start in 0..self.groups.len() as u32 {
            let mut chain = Vec::new();
            let mut next = Some(GroupIx(start));
            let mut end = Seen::Known;
            while let Some(group) = next {
                match seen[group.index()] {
                    Seen::Not => {}
                    Seen::Waiting => {
                        let number = self.groups[group.index()].number;
                        self.unknown(format!("state group {number} is built on itself, by way of others"));
                        end = Seen::Unknown;
                        break;
                    }
                    known => {
                        end = known;
                        break;
                    }
                }
                seen[group.index()] = Seen::Waiting;
                chain.push(group);
                if let Some(lacking) = self.lacks.get(&group.0) {
                    let number = self.groups[group.index()].number;
                    let message =
                        format!("state group {number} is built on {lacking}, which is not in the database");
                    self.unknown(message);
                    end = Seen::Unknown;
                    break;
                }
                next = self.groups[group.index()].on;
            }
            for group in chain.into_iter().rev() {
                seen[group.index()] = end;
                if end == Seen::Known {
                    order.push(group);
                }
            }
        }
        order
    }

    fn unknown(&mut self, message: String) {
        let finding = Finding::new(Code::BadStoredState, message);
        self.findings.push(finding.remedy("the states that rest on it are taken as unknown"));
    }

    /// What is strange in a group is so in those built on it, unless they replace it. Returns whether that is within
    /// [`MOST_STRANGE`].
    fn inherit_strange(&mut self, group: GroupIx) -> bool {
        let Group { on, changes, strange, .. } = &self.groups[group.index()];
        let below = on.and_then(|on| self.groups[on.index()].strange.clone()).unwrap_or_default();
        let touched = |key: &(Box<str>, Box<str>)| {
            let key = self.room.find_key(&key.0, &key.1);
            key.is_some_and(|key| changes.binary_search_by_key(&key, |(key, _)| *key).is_ok())
        };
        let own = strange.as_deref();
        let all = if own.is_none() && !below.keys().any(touched) {
            below
        } else {
            let kept = below.iter().filter(|(key, _)| !touched(key)).chain(own.into_iter().flatten());
            let mut all: Strange = kept.map(|(key, id)| (key.clone(), id.clone())).collect();
            all.retain(|_, id| &**id != NONE);
            Arc::new(all)
        };
        let len = all.len();
        self.groups[group.index()].strange = (!all.is_empty()).then_some(all);
        if len > MOST_STRANGE {
            let number = self.groups[group.index()].number;
            self.unknown(format!(
                "state group {number} has more than {MOST_STRANGE} entries that are no events of the dump"
            ));
        }
        len <= MOST_STRANGE
    }
}
