//! The keys of a state in the order in which people read them: by type, then by state key.
//!
//! A room of a million events has states of tens of thousands of entries, and somebody who drags the cursor looks at
//! another one in every frame. So a listing is a set of bits that follows from one place to the next: it asks again for
//! the keys whose entries have changed. Rows are counted out of the bits when they are to be shown.
//!
//! ```text
//!   all keys   a  a  b │ member member member member … │ x.y          by type and state key: the place of a key is its rank
//!   listed     1  0  1 │   1      1      0      1    … │  0
//!   rows       a, ·, b, · │ member, ·, ·, ·                            a row a type, and one for each of its keys if it is open
//! ```

use std::ops::Range;

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

    /// The ranks of the keys of each type.
    fn types(&self) -> impl Iterator<Item = Range<u32>> {
        let len = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        let ends = self.types.iter().skip(1).copied().chain([len]);
        self.types.iter().zip(ends).map(|(begin, end)| *begin..end)
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
    /// The ranks of the keys of this type.
    ranks: Range<u32>,
}

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingRow<'a> {
    /// A type.
    Group(&'a Group),
    /// A key of the type above it.
    Key(KeyIx),
}

/// Which keys somebody wants to see.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Those on which the two states differ.
    pub only_changes: bool,
    /// Those whose entries pass; `None`: all.
    pub matching: Option<&'a dyn Fn(&Entry) -> bool>,
}

impl Wanted<'_> {
    fn lists(&self, entry: Option<Entry>) -> bool {
        entry.is_some_and(|entry| {
            (entry.is_changed() || !self.only_changes) && self.matching.is_none_or(|passes| passes(&entry))
        })
    }
}

/// The keys of a state that somebody wants to see, and the rows that show them.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Of which state the keys are.
    after: StateMap,
    /// On which keys it differed from the other one.
    changes: Vec<KeyIx>,
    /// By rank: whether the key is listed.
    listed: Bits,
    groups: Vec<Group>,
    len: usize,
    rows: usize,
}

impl Listing {
    /// Goes from the listing of one place to that of another; an empty listing is that of an empty state. `wanted` must be
    /// what it was: to ask for something else, begin with an empty listing. Cost: what differs between the two places.
    pub fn follow(&mut self, order: &KeyOrder, diff: &StateDiff, wanted: Wanted<'_>) {
        self.listed.reserve(order.len());
        if !wanted.only_changes {
            for (key, _, now) in self.after.diff(diff.after()) {
                let lists = match wanted.matching {
                    None => now.is_some(),
                    Some(_) => wanted.lists(diff.entry(key)),
                };
                self.listed.set(order.ranks[key.index()], lists);
            }
            self.after = diff.after().clone();
        }
        for key in self.changes.iter().chain(&diff.changes) {
            self.listed.set(order.ranks[key.index()], wanted.lists(diff.entry(*key)));
        }
        self.changes.clone_from(&diff.changes);
    }

    /// Makes the rows: a row a type, and one for each of its keys where `is_open` says so. Cost: the types, a bit a key,
    /// and what differs between the two states.
    pub fn group(&mut self, order: &KeyOrder, is_open: impl Fn(KeyIx) -> bool) {
        let mut changed: Vec<u32> = self.changes.iter().map(|key| order.ranks[key.index()]).collect();
        changed.retain(|rank| self.listed.contains(*rank));
        changed.sort_unstable();
        self.groups.clear();
        (self.len, self.rows) = (0, 0);
        for ranks in order.types() {
            let len = self.listed.count(ranks.clone());
            if len == 0 {
                continue;
            }
            let below = |end: u32| changed.partition_point(|rank| *rank < end);
            let changed = below(ranks.end) - below(ranks.start);
            let key = order.keys[ranks.start as usize];
            let is_open = is_open(key);
            self.groups.push(Group { key, len, changed, is_open, row: self.rows, ranks });
            self.len += len;
            self.rows += 1 + if is_open { len } else { 0 };
        }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no key is listed.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of rows.
    pub fn row_count(&self) -> usize {
        self.rows
    }

    /// Some rows, as far as there are so many. Cost: the rows, the logarithm of the types, and a bit a key of one type.
    pub fn rows<'a>(
        &'a self,
        order: &'a KeyOrder,
        rows: Range<usize>,
    ) -> impl Iterator<Item = ListingRow<'a>> {
        let rows = rows.start..rows.end.min(self.rows);
        let first = self.groups.partition_point(|group| group.row <= rows.start).saturating_sub(1);
        self.groups[first..].iter().take_while(move |group| group.row < rows.end).flat_map(move |group| {
            let title = (group.row >= rows.start).then_some(ListingRow::Group(group));
            // Where the first row of this type is its title, no key is skipped.
            let skipped = rows.start.saturating_sub(group.row + 1);
            let shown = if group.is_open { rows.end - group.row - 1 } else { 0 };
            let ranks = self.listed.ones(group.ranks.clone(), skipped).take(shown.saturating_sub(skipped));
            title.into_iter().chain(ranks.map(|rank| ListingRow::Key(order.keys[rank as usize])))
        })
    }
}

/// A set of small numbers that can be counted through.
#[derive(Debug, Clone, Default)]
struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// Makes room for numbers below `len`.
    fn reserve(&mut self, len: usize) {
        self.words.resize(len.div_ceil(64).max(self.words.len()), 0);
    }

    fn set(&mut self, number: u32, is_in: bool) {
        let (word, bit) = (&mut self.words[number as usize / 64], 1 << (number % 64));
        *word = if is_in { *word | bit } else { *word & !bit };
    }

    fn contains(&self, number: u32) -> bool {
        self.words[number as usize / 64] >> (number % 64) & 1 == 1
    }

    /// The words that hold a range, without what is outside of it, each with the number of its lowest bit.
    fn words(&self, range: Range<u32>) -> impl Iterator<Item = (u32, u64)> {
        let words = range.start / 64..range.end.div_ceil(64);
        words.map(move |word| {
            let lowest = word * 64;
            let from = u64::MAX << range.start.saturating_sub(lowest);
            let to = u64::MAX >> (lowest + 64).saturating_sub(range.end);
            (lowest, self.words[word as usize] & from & to)
        })
    }

    fn count(&self, range: Range<u32>) -> usize {
        self.words(range).map(|(_, word)| word.count_ones() as usize).sum()
    }

    /// The numbers of a range, ascending, without the first `skipped` of them.
    fn ones(&self, range: Range<u32>, skipped: usize) -> impl Iterator<Item = u32> {
        let (mut left, mut start) = (skipped, range.start);
        for (lowest, word) in self.words(range.clone()) {
            let ones = word.count_ones() as usize;
            if left < ones {
                break;
            }
            left -= ones;
            start = (lowest + 64).min(range.end);
        }
        let ones = |(lowest, mut word): (u32, u64)| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(lowest + bit)
            })
        };
        self.words(start..range.end).flat_map(ones).skip(left)
    }
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

    type Told = Result<KeyIx, (KeyIx, usize, usize)>;

    fn tell(row: ListingRow<'_>) -> Told {
        match row {
            ListingRow::Key(key) => Ok(key),
            ListingRow::Group(group) => Err((group.key, group.len, group.changed)),
        }
    }

    /// The rows, made one by one from the whole of the order.
    fn plain(order: &KeyOrder, diff: &StateDiff, wanted: Wanted<'_>) -> Vec<Told> {
        let mut rows = Vec::new();
        for of_type in order.keys.chunks(8) {
            let entries = of_type.iter().filter_map(|key| diff.entry(*key));
            let entries: Vec<Entry> = entries.filter(|entry| wanted.lists(Some(entry.clone()))).collect();
            let changed = entries.iter().filter(|entry| entry.is_changed()).count();
            if !entries.is_empty() {
                rows.push(Err((of_type[0], entries.len(), changed)));
                if !of_type[0].index().is_multiple_of(3) {
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
            all: bool,
            window in (0_usize..50, 0_usize..50),
        ) {
            let order = order();
            let matching = |entry: &Entry| entry.after.is_none_or(|ix| ix.index() != 3);
            let wanted = Wanted { only_changes, matching: (!all).then_some(&matching) };
            let mut listing = Listing::default();
            for (before, after) in &places {
                let diff = StateDiff::new(state(before), state(after), Vec::new(), &[]);
                listing.follow(&order, &diff, wanted);
                listing.group(&order, |key| !key.index().is_multiple_of(3));
                let told = |rows| listing.rows(&order, rows).map(tell).collect::<Vec<_>>();
                let rows = told(0..listing.row_count());
                prop_assert_eq!(&rows, &plain(&order, &diff, wanted));
                prop_assert_eq!(listing.len(), order.keys.iter().filter(|key| wanted.lists(diff.entry(**key))).count());
                let window = window.0.min(rows.len())..window.1;
                let end = window.end.clamp(window.start, rows.len());
                prop_assert_eq!(told(window.clone()), &rows[window.start..end]);
            }
        }

        #[test]
        fn bits_are_counted_and_found(
            numbers in prop::collection::btree_set(0_u32..300, 0..100),
            start in 0_u32..300,
            len in 0_u32..300,
            skipped in 0_usize..40,
        ) {
            let mut bits = Bits::default();
            bits.reserve(300);
            numbers.iter().for_each(|number| bits.set(*number, true));
            let range = start..(start + len).min(300);
            let inside: Vec<u32> = numbers.range(range.clone()).copied().collect();
            prop_assert_eq!(bits.count(range.clone()), inside.len());
            let left: Vec<u32> = bits.ones(range, skipped).collect();
            prop_assert_eq!(&left[..], inside.get(skipped..).unwrap_or_default());
            numbers.iter().for_each(|number| bits.set(*number, false));
            prop_assert_eq!(bits.count(0..300), 0);
        }
    }
}
