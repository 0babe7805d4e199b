//! The state sets of one resolution: which of them are different, and where they differ.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::room::{EventIx, KeyIx};
use crate::state::{Change, Conflict, Differences, StateView, Values};

/// State sets, divided into what they agree and what they differ on.
///
/// Sets that are the same nodes count once: of the many branches of a merge most are often where others are.
#[derive(Debug)]
pub(super) struct Sets<'a> {
    /// The sets as given.
    pub(super) given: &'a [StateView<'a>],
    /// Those of them that are different; in the order in which they are first given.
    pub(super) different: Vec<StateView<'a>>,
    /// For every set as given its place among the different ones.
    number_of: Vec<u32>,
    /// Where the different ones differ.
    pub(super) differences: &'a Differences,
    /// An event that none of any set is later than.
    pub(super) latest: Option<EventIx>,
}

impl<'a> Sets<'a> {
    /// Divides the sets; there must be one at least. `differences` is memory to use.
    pub(super) fn new(given: &'a [StateView<'a>], differences: &'a mut Differences) -> Self {
        /// So many are compared one by one.
        const FEW: usize = 8;
        let mut different: Vec<StateView<'a>> = Vec::with_capacity(given.len().min(FEW));
        let mut places = HashMap::new();
        let mut number = |set: &StateView<'a>| {
            let next = different.len();
            let place = if given.len() <= FEW {
                different.iter().position(|other| other.identity() == set.identity()).unwrap_or(next)
            } else {
                *places.entry(set.identity()).or_insert(next)
            };
            if place == next {
                different.push(*set);
            }
            place as u32
        };
        let number_of = given.iter().map(&mut number).collect();
        differences.find(&different);
        let latest = different.iter().filter_map(|set| set.latest()).max();
        Self { given, different, number_of, differences, latest }
    }

    /// Whether all sets are equal.
    pub(super) fn are_equal(&self) -> bool {
        self.differences.is_empty()
    }

    /// What all sets have under a key; `None` if they differ there.
    pub(super) fn unconflicted(&self, key: KeyIx) -> Option<EventIx> {
        let event = self.different[0].get(key)?;
        self.differences.place_of(key).is_none().then_some(event)
    }

    /// Whether all sets have the event under this key.
    pub(super) fn all_have(&self, key: KeyIx, event: EventIx) -> bool {
        self.different[0].get(key) == Some(event) && self.differences.place_of(key).is_none()
    }

    /// The number of keys on which all sets agree.
    pub(super) fn unconflicted_len(&self) -> usize {
        let in_first =
            |(_, held): &(KeyIx, &[(u32, EventIx)])| held.first().is_some_and(|(set, _)| *set == 0);
        self.different[0].len() - self.differences.iter().filter(in_first).count()
    }

    /// A conflicted key with what every given set has there.
    pub(super) fn conflict(&self, (key, held): (KeyIx, &[(u32, EventIx)])) -> Conflict {
        let in_set = |(set, number): (u32, &u32)| Some((set, value(held, *number)?));
        let held = (0..).zip(&self.number_of).filter_map(in_set).collect();
        Conflict { key, values: Values::new(self.given.len(), held) }
    }

    /// All conflicted keys, ascending.
    pub(super) fn conflicts(&self) -> Vec<Conflict> {
        self.differences.iter().map(|difference| self.conflict(difference)).collect()
    }

    /// The state with the unconflicted entries and `entries`, which ascend and are none of those: as the place of a
    /// given set, and what differs there.
    pub(super) fn as_changes(&self, entries: &[(KeyIx, EventIx)]) -> (usize, Vec<Change>) {
        let number = self.most_like(entries);
        let mut changes = Vec::new();
        let mut entries = entries.iter().copied().peekable();
        for (key, held) in self.differences.iter() {
            while let Some((other, event)) = entries.next_if(|(other, _)| *other < key) {
                changes.push((other, Some(event)));
            }
            let event = entries.next_if(|(other, _)| *other == key).map(|(_, event)| event);
            if event != value(held, number) {
                changes.push((key, event));
            }
        }
        changes.extend(entries.map(|(key, event)| (key, Some(event))));
        (self.number_of.iter().position(|other| *other == number).unwrap_or(0), changes)
    }

    /// The one of the different sets that has the most of `entries`.
    fn most_like(&self, entries: &[(KeyIx, EventIx)]) -> u32 {
        /// Among so many it is looked for: the more there are, the less it matters.
        const FEW: u32 = 64;
        let mut matches = vec![0_u32; self.different.len().min(FEW as usize)];
        for (key, held) in self.differences.iter() {
            let place = entries.binary_search_by_key(&key, |(key, _)| *key).ok();
            let wanted = place.map(|place| entries[place].1);
            for (number, matches) in (0..).zip(&mut matches) {
                *matches += u32::from(value(held, number) == wanted);
            }
        }
        (0..)
            .zip(matches)
            .max_by_key(|(number, matches)| (*matches, Reverse(*number)))
            .map_or(0, |(number, _)| number)
    }
}

/// What one of the different sets has, given all that have anything.
fn value(held: &[(u32, EventIx)], number: u32) -> Option<EventIx> {
    held.binary_search_by_key(&number, |(set, _)| *set).ok().map(|place| held[place].1)
}
