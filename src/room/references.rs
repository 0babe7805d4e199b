//! What events refer to, before their order is known.

use std::collections::BTreeSet;
use std::ops::Range;

use super::build::LoadedEvent;
use super::ids::IdTable;
use crate::event::room_version::Rules;
use crate::event::{Event, References};

/// Where a reference leads: the place of an event in the input, or a missing ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The place of an event in the input.
    Event(u32),
    /// A place in [`Citations::missing`].
    Missing(u32),
}

/// The references of every event of a list, of one kind, packed.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Where the list of an event ends.
    ends: Vec<u32>,
    targets: Vec<u32>,
}

/// Set in a packed target if it is a missing ID. So 2³¹ events can be told from as many missing ones.
const MISSING: u32 = 1 << 31;

impl Lists {
    /// The targets of the event at a place of the input.
    pub(super) fn of(&self, place: u32) -> impl Iterator<Item = Target> + Clone + '_ {
        let place = place as usize;
        let from = if place == 0 { 0 } else { self.ends[place - 1] as usize };
        self.targets[from..self.ends[place] as usize].iter().map(|target| match target & MISSING {
            0 => Target::Event(*target),
            _ => Target::Missing(target & !MISSING),
        })
    }

    fn close(&mut self) {
        self.ends.push(u32::try_from(self.targets.len()).expect("fewer than 2^32 references"));
    }

    fn append(&mut self, part: &Self, missing: impl Fn(u32) -> u32) {
        let before = self.targets.len();
        self.targets.extend(part.targets.iter().map(|target| match target & MISSING {
            0 => *target,
            _ => missing(target & !MISSING) | MISSING,
        }));
        let end = |end: &u32| u32::try_from(before + *end as usize).expect("fewer than 2^32 references");
        self.ends.extend(part.ends.iter().map(end));
    }
}

/// All references of the events of an input.
#[derive(Debug, Default)]
pub(super) struct Citations {
    pub(super) prev: Lists,
    /// `auth_events`; of a room with a state DAG `prev_state_events`.
    pub(super) other: Lists,
    /// The create event that an event depends on without naming it (room version 12).
    pub(super) create: Vec<Option<u32>>,
    /// The IDs that are referred to but not in the input, sorted bytewise.
    pub(super) missing: Vec<Box<str>>,
}

impl Citations {
    /// Puts what was found of all ranges of the events together, in their order.
    pub(super) fn joined(mut parts: Vec<Self>) -> Self {
        let missing: BTreeSet<Box<str>> =
            parts.iter_mut().flat_map(|part| part.missing.iter().cloned()).collect();
        let mut all = Self { missing: missing.into_iter().collect(), ..Self::default() };
        for part in parts {
            let place = |missing: u32| {
                let found = all.missing.binary_search(&part.missing[missing as usize]);
                u32::try_from(found.expect("collected a moment ago")).expect("fewer than 2^31 missing events")
            };
            all.prev.append(&part.prev, place);
            all.other.append(&part.other, place);
            all.create.extend(part.create);
        }
        all
    }

    /// The references of some of the events; `missing` in the order of discovery, with repetitions.
    ///
    /// Cost: one look into the table a reference.
    pub(super) fn part(some: Range<usize>, events: &[LoadedEvent], ids: &IdTable, rules: &Rules) -> Self {
        let mut part = Self::default();
        let find = |id: &str| ids.find(id, |place| events[place].event.id());
        let mut implied = Implied::default();
        for LoadedEvent { event, .. } in &events[some] {
            let Self { prev, other, create, missing } = &mut part;
            let others = if rules.has_state_dag() { event.prev_state_events() } else { event.auth_events() };
            for (lists, references) in [(prev, event.prev_events()), (other, others)] {
                add(lists, references, missing, find);
            }
            if rules.room_id_is_create_id {
                create.push(implied.create_of(event, find));
            }
        }
        part
    }

    /// Everything the event at a place refers to that is in the input, with repetitions.
    pub(super) fn known(&self, place: u32) -> impl Iterator<Item = u32> + '_ {
        let named = self.prev.of(place).chain(self.other.of(place)).filter_map(|target| match target {
            Target::Event(place) => Some(place),
            Target::Missing(_) => None,
        });
        named.chain(self.create.get(place as usize).copied().flatten())
    }
}

fn add(
    lists: &mut Lists,
    references: References<'_>,
    missing: &mut Vec<Box<str>>,
    find: impl Fn(&str) -> Option<u32>,
) {
    for id in references {
        let target = find(&id).unwrap_or_else(|| {
            missing.push(id.as_ref().into());
            MISSING | u32::try_from(missing.len() - 1).expect("fewer than 2^31 missing events")
        });
        lists.targets.push(target);
    }
    lists.close();
}

/// The create event behind a room ID; nearly all events of a dump have the same room ID.
#[derive(Default)]
struct Implied {
    last: Option<(Box<str>, Option<u32>)>,
}

impl Implied {
    /// The create event that an event of room version 12 depends on without naming it.
    fn create_of(&mut self, event: &Event, find: impl Fn(&str) -> Option<u32>) -> Option<u32> {
        let room_id = event.room_id()?;
        if let Some((last, create)) = &self.last
            && **last == *room_id
        {
            return *create;
        }
        let create = find(&format!("${}", room_id.strip_prefix('!')?));
        self.last = Some((room_id.into(), create));
        create
    }
}
