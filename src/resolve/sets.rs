//! The state sets of one resolution: which of them are different, and where they differ.

use std::cmp::Reverse;
use std::collections::HashMap;

use smallvec::SmallVec;

use crate::room::{EventIx, KeyIx};
use crate::state::{Change, Conflict, Difference, Differences, StateView, Values};

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
    number_of: SmallVec<[u32; 8]>,
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
        if self.differences.has(key) { None } else { self.different[0].get(key) }
    }

    /// Whether all sets have the event under this key.
    pub(super) fn all_have(&self, key: KeyIx, event: EventIx) -> bool {
        self.different[0].get(key) == Some(event) && !self.differences.has(key)
    }

    /// The number of keys on which all sets agree.
    pub(super) fn unconflicted_len(&self) -> usize {
        let in_first = |difference: &Difference<'_>| difference.of(0).is_some();
        self.different[0].len() - self.differences.iter().filter(in_first).count()
    }

    /// A conflicted key with what every given set has there.
    pub(super) fn conflict(&self, difference: Difference<'_>) -> Conflict {
        let values = difference.values();
        let in_set = |(set, number): (u32, &u32)| Some((set, values[*number as usize]?));
        let held = (0..).zip(&self.number_of).filter_map(in_set).collect();
        Conflict { key: difference.key, values: Values::new(self.given.len(), held) }
    }

    /// What every given set has under a key that none of them may have.
    pub(super) fn values(&self, key: KeyIx) -> Conflict {
        match self.differences.get(key) {
            Some(difference) => self.conflict(difference),
            None => Conflict { key, values: Values::new(self.given.len(), Vec::new()) },
        }
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
        for difference in self.differences.iter() {
            let key = difference.key;
            while let Some((other, event)) = entries.next_if(|(other, _)| *other < key) {
                changes.push((other, Some(event)));
            }
            let event = entries.next_if(|(other, _)| *other == key).map(|(_, event)| event);
            if event != difference.of(number) {
                changes.push((key, event));
            }
        }
        changes.extend(entries.map(|(key, event)| (key, Some(event))));
        let base = self.number_of.iter().position(|other| *other as usize == number).unwrap_or(0);
        (base, changes)
    }

    /// The place of that one of the different sets that has the most of `entries`; of many sets the first will do.
    fn most_like(&self, entries: &[(KeyIx, EventIx)]) -> usize {
        const FEW: usize = 8;
        if self.different.len() > FEW {
            return 0;
        }
        let mut matches: SmallVec<[u32; 8]> = SmallVec::from_elem(0, self.different.len());
        let mut entries = entries.iter().peekable();
        for difference in self.differences.iter() {
            while entries.next_if(|(key, _)| *key < difference.key).is_some() {}
            let wanted = entries.peek().filter(|(key, _)| *key == difference.key).map(|(_, event)| *event);
            let of_rest = u32::from(difference.of_group(0) == wanted);
            matches.iter_mut().for_each(|matches| *matches += of_rest);
            for (number, event) in difference.listed() {
                let matches = &mut matches[number as usize];
                *matches = *matches - of_rest + u32::from(event == wanted);
            }
        }
        let most = |(number, matches): &(usize, u32)| (*matches, Reverse(*number));
        matches.into_iter().enumerate().max_by_key(most).map_or(0, |(number, _)| number)
    }
}
