//! The keys of a state in the order in which people read them: by type, then by state key.
//!
//! A room of a million events has states of tens of thousands of entries, and somebody who drags the cursor looks at
//! another one in every frame. From one to the next hardly anything differs, so a listing follows: it asks again for the
//! keys whose entries have changed, and keeps its answers for all others.
//!
//! ```text
//!   ranks     3 7 8 12 | 40 41 42 43 … | 9001        the listed keys, each as its place in the order of all keys
//!   groups    m.room.a   m.room.member   x.y         one a type; a closed one is a row without entries
//! ```

use super::{Entry, StateDiff};
use crate::room::{KeyIx, Room};
use crate::state::StateMap;

/// The order of all keys of a room, by type and state key. Made once a room.
#[derive(Debug, Clone, Default)]
pub struct KeyOrder {
    /// The keys in that order.
    keys: Vec<KeyIx>,
    /// By key: its place there.
    ranks: Vec<u32>,
    /// Where each type begins.
    types: Vec<u32>,
}

impl KeyOrder {
    /// Orders the keys of a room.
    pub fn new(room: &Room) -> Self {
        let mut keys: Vec<KeyIx> = (0..room.key_count()).map(KeyIx::new).collect();
        keys.sort_unstable_by_key(|key| room.key(*key));
        let mut ranks = vec![0; keys.len()];
        for (rank, key) in (0_u32..).zip(&keys) {
            ranks[key.index()] = rank;
        }
        let begins = |rank: &u32| {
            let event_type = |rank: u32| room.key(keys[rank as usize]).0;
            *rank == 0 || event_type(*rank) != event_type(*rank - 1)
        };
        let types = (0_u32..).take(keys.len()).filter(begins).collect();
        Self { keys, ranks, types }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether the room has no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The first rank behind those of the type that `rank` has.
    fn end_of_type(&self, rank: u32) -> u32 {
        let next = self.types.partition_point(|begin| *begin <= rank);
        self.types.get(next).copied().unwrap_or_else(|| u32::try_from(self.keys.len()).unwrap_or(u32::MAX))
    }
}

/// The listed keys of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// A key of this type.
    pub key: KeyIx,
    /// The number of keys.
    pub len: usize,
    /// The number of keys on which the two states differ.
    pub changed: usize,
    /// Whether its keys are rows.
    pub is_open: bool,
    /// The row of the type itself.
    row: usize,
    /// The place of its first key in the listing.
    first: usize,
}

/// What a row shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListingRow<'a> {
    /// A type.
    Group(&'a Group),
    /// A key of the type above it.
    Key(KeyIx),
}

/// The keys of a state that somebody wants to see, and the rows that show them.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// What was listed last.
    before: StateMap,
    after: StateMap,
    /// The ranks of the listed keys, ascending.
    ranks: Vec<u32>,
    groups: Vec<Group>,
    rows: usize,
}

impl Listing {
    /// Lists the keys of `diff` whose entries are `wanted`, from nothing. Cost: the entries.
    pub fn new(order: &KeyOrder, diff: &StateDiff, wanted: impl Fn(&Entry) -> bool) -> Self {
        let mut listing = Self::default();
        listing.follow(order, diff, wanted);
        listing
    }

    /// Goes from the listing of one place to that of another. `wanted` must be what it was: to ask for something else,
    /// make a listing anew. Cost: what differs between the two places, and copying the ranks.
    pub fn follow(&mut self, order: &KeyOrder, diff: &StateDiff, wanted: impl Fn(&Entry) -> bool) {
        let before = self.before.diff(diff.before());
        let after = self.after.diff(diff.after());
        let mut touched: Vec<KeyIx> = before.chain(after).map(|(key, ..)| key).collect();
        touched.sort_unstable_by_key(|key| order.ranks[key.index()]);
        touched.dedup();
        if !touched.is_empty() {
            self.ranks = merged(&self.ranks, order, &touched, |key| {
                diff.entry(key).is_some_and(|entry| wanted(&entry))
            });
            self.before = diff.before().clone();
            self.after = diff.after().clone();
        }
    }

    /// Makes the rows: a row a type, and one for each of its keys where `is_open` says so. Cost: the types, and what
    /// differs between the two states.
    pub fn group(&mut self, order: &KeyOrder, diff: &StateDiff, is_open: impl Fn(KeyIx) -> bool) {
        let mut changed: Vec<u32> = diff.changes.iter().map(|key| order.ranks[key.index()]).collect();
        changed.sort_unstable();
        self.groups.clear();
        self.rows = 0;
        let mut first = 0;
        while let Some(rank) = self.ranks.get(first) {
            let end = order.end_of_type(*rank);
            let len = self.ranks[first..].partition_point(|rank| *rank < end);
            let listed = &self.ranks[first..first + len];
            let of_type =
                changed.partition_point(|other| other < rank)..changed.partition_point(|rank| *rank < end);
            let changed = changed[of_type].iter().filter(|rank| listed.binary_search(rank).is_ok()).count();
            let key = order.keys[*rank as usize];
            let is_open = is_open(key);
            self.groups.push(Group { key, len, changed, is_open, row: self.rows, first });
            self.rows += 1 + if is_open { len } else { 0 };
            first += len;
        }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.ranks.len()
    }

    /// Whether no key is listed.
    pub fn is_empty(&self) -> bool {
        self.ranks.is_empty()
    }

    /// The number of rows.
    pub fn row_count(&self) -> usize {
        self.rows
    }

    /// A row; `None` behind the last one.
    pub fn row(&self, order: &KeyOrder, row: usize) -> Option<ListingRow<'_>> {
        if row >= self.rows {
            return None;
        }
        let group = &self.groups[self.groups.partition_point(|group| group.row <= row) - 1];
        Some(match row - group.row {
            0 => ListingRow::Group(group),
            place => ListingRow::Key(order.keys[self.ranks[group.first + place - 1] as usize]),
        })
    }
}

/// The ranks without those of `touched`, and with those of them that are wanted.
fn merged(ranks: &[u32], order: &KeyOrder, touched: &[KeyIx], wanted: impl Fn(KeyIx) -> bool) -> Vec<u32> {
    let mut out = Vec::with_capacity(ranks.len() + touched.len());
    let mut rest = ranks;
    for key in touched {
        let rank = order.ranks[key.index()];
        let (kept, behind) = rest.split_at(rest.partition_point(|other| *other < rank));
        out.extend_from_slice(kept);
        rest = behind.strip_prefix(&[rank]).unwrap_or(behind);
        if wanted(*key) {
            out.push(rank);
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::room::EventIx;

    /// Five types of eight keys, in an order of their own.
    fn order() -> KeyOrder {
        let keys: Vec<KeyIx> = (0..40).map(|rank| KeyIx::new(rank * 7 % 40)).collect();
        let mut ranks = vec![0; 40];
        for (rank, key) in (0..).zip(&keys) {
            ranks[key.index()] = rank;
        }
        KeyOrder { keys, ranks, types: (0..40).step_by(8).collect() }
    }

    fn state(entries: &[(usize, usize)]) -> StateMap {
        entries.iter().map(|(key, event)| (KeyIx::new(*key), EventIx::new(*event))).collect()
    }

    /// The rows, made one by one from the whole of the order.
    fn plain(
        order: &KeyOrder,
        diff: &StateDiff,
        wanted: &impl Fn(&Entry) -> bool,
    ) -> Vec<Result<KeyIx, (usize, usize)>> {
        let mut rows = Vec::new();
        for of_type in order.keys.chunks(8) {
            let entries: Vec<Entry> =
                of_type.iter().filter_map(|key| diff.entry(*key)).filter(|entry| wanted(entry)).collect();
            let changed = entries.iter().filter(|entry| entry.is_changed()).count();
            if let Some(first) = entries.first() {
                rows.push(Err((entries.len(), changed)));
                if !first.key.index().is_multiple_of(3) {
                    rows.extend(entries.iter().map(|entry| Ok(entry.key)));
                }
            }
        }
        rows
    }

    fn entries() -> impl Strategy<Value = Vec<(usize, usize)>> {
        prop::collection::vec((0_usize..40, 0_usize..4), 0..30)
    }

    proptest! {
        #[test]
        fn a_listing_that_follows_is_a_listing_made_anew(
            places in prop::collection::vec((entries(), entries()), 1..6),
            only_changes: bool,
        ) {
            let order = order();
            let wanted = |entry: &Entry| {
                (entry.is_changed() || !only_changes) && entry.after.is_none_or(|ix| ix.index() != 3)
            };
            let is_open = |key: KeyIx| !key.index().is_multiple_of(3);
            let mut listing = Listing::default();
            for (before, after) in &places {
                let diff = StateDiff::new(state(before), state(after), Vec::new(), &[]);
                listing.follow(&order, &diff, wanted);
                listing.group(&order, &diff, is_open);
                let rows: Vec<_> = (0..listing.row_count())
                    .map(|row| match listing.row(&order, row) {
                        Some(ListingRow::Key(key)) => Ok(key),
                        Some(ListingRow::Group(group)) => Err((group.len, group.changed)),
                        None => unreachable!("a row less than the rows told"),
                    })
                    .collect();
                prop_assert_eq!(&rows, &plain(&order, &diff, &wanted));
                prop_assert_eq!(listing.row(&order, rows.len()), None);
                let mut anew = Listing::new(&order, &diff, wanted);
                anew.group(&order, &diff, is_open);
                prop_assert_eq!((anew.ranks, anew.groups), (listing.ranks.clone(), listing.groups.clone()));
            }
        }
    }
}
