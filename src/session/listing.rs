//! The keys of a state in the order in which people read them: by type, then by state key.
//!
//! A room of a million events has states of tens of thousands of entries, and somebody who drags the cursor looks at
//! another one in every frame. So nothing is listed before it is to be seen. Rows are counted: those of the type that has
//! the most keys, which are the members nearly always, are what is left of the whole when all others have been counted.
//! Only a search has to look at entries; it keeps bits, and from one place to the next asks again where entries differ.
//!
//! ```text
//!   all keys   a  a  b │ member member member member … │ x.y          numbered by type and state key
//!   listed     1  0  1 │   1      1      0      1    … │  0
//!   rows       a, ·, b, · │ member, ·, ·, ·                            a row a type, and one for each of its keys if it is open
//! ```

use std::ops::Range;

use super::{Entry, StateDiff};
use crate::room::{KeyIx, Room};
use crate::state::StateMap;

/// Which keys of a room have the same type. Made once a room.
///
/// Keys are numbered in the order of type and state key, so those of a type follow one another.
#[derive(Debug, Clone, Default)]
pub struct Types {
    /// The first key of each type.
    firsts: Vec<u32>,
    /// The number of keys.
    len: u32,
    /// The keys of the type that has the most.
    largest: Range<u32>,
}

impl Types {
    /// Looks through the keys of a room.
    pub fn new(room: &Room) -> Self {
        let event_type = |key: u32| room.key(KeyIx::new(key as usize)).0;
        let len = u32::try_from(room.key_count()).unwrap_or(u32::MAX);
        let is_first = |key: &u32| *key == 0 || event_type(*key) != event_type(*key - 1);
        Self::of((0..len).filter(is_first).collect(), len)
    }

    fn of(firsts: Vec<u32>, len: u32) -> Self {
        let mut types = Self { firsts, len, largest: 0..0 };
        types.largest = types.ranges().max_by_key(ExactSizeIterator::len).unwrap_or(0..0);
        types
    }

    /// The number of keys.
    pub fn key_count(&self) -> usize {
        self.len as usize
    }

    /// The keys of each type.
    fn ranges(&self) -> impl Iterator<Item = Range<u32>> {
        let ends = self.firsts.iter().skip(1).copied().chain([self.len]);
        self.firsts.iter().zip(ends).map(|(first, end)| *first..end)
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
    /// The keys of this type, listed or not.
    keys: Range<u32>,
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
    fn is_all(&self) -> bool {
        !self.only_changes && self.matching.is_none()
    }

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
    /// On which keys it differs from the other one.
    changes: Vec<KeyIx>,
    listed: Listed,
    groups: Vec<Group>,
    len: usize,
    rows: usize,
}

/// Which keys are listed.
#[derive(Debug, Clone)]
enum Listed {
    /// All that the state has, and those that only the other one has.
    All { lost: Vec<KeyIx> },
    /// These.
    Some(Bits),
}

impl Default for Listed {
    fn default() -> Self {
        Self::Some(Bits::default())
    }
}

impl Listing {
    /// Goes from the listing of one place to that of another; an empty listing is that of an empty state. `wanted` must be
    /// what it was: to ask for something else, begin with an empty listing. Cost: where only some keys are wanted, what
    /// differs between the two places; else nothing.
    pub fn follow(&mut self, diff: &StateDiff, wanted: Wanted<'_>) {
        if wanted.is_all() {
            let is_lost = |key: &&KeyIx| diff.after().get(**key).is_none();
            self.listed = Listed::All { lost: diff.changes.iter().filter(is_lost).copied().collect() };
        } else {
            let mut bits = match std::mem::take(&mut self.listed) {
                Listed::Some(bits) => bits,
                Listed::All { .. } => Bits::default(),
            };
            let moved = (!wanted.only_changes).then(|| self.after.diff(diff.after()));
            let moved = moved.into_iter().flatten().map(|(key, ..)| key);
            for key in moved.chain(self.changes.iter().copied()).chain(diff.changes.iter().copied()) {
                bits.set(key.index(), wanted.lists(diff.entry(key)));
            }
            self.listed = Listed::Some(bits);
        }
        self.after = diff.after().clone();
        self.changes.clone_from(&diff.changes);
    }

    /// Makes the rows: a row a type, and one for each of its keys where `is_open` says so. Cost: the types, the keys that
    /// are not of the largest type, and what differs between the two states.
    pub fn group(&mut self, types: &Types, is_open: impl Fn(KeyIx) -> bool) {
        let changed: Vec<KeyIx> = self.changes.iter().filter(|key| self.lists(**key)).copied().collect();
        let lens = self.lens(types);
        self.groups.clear();
        (self.len, self.rows) = (0, 0);
        for (keys, len) in types.ranges().zip(lens).filter(|(_, len)| *len > 0) {
            let below = |end: u32| changed.partition_point(|key| key.index() < end as usize);
            let changed = below(keys.end) - below(keys.start);
            let key = KeyIx::new(keys.start as usize);
            let is_open = is_open(key);
            self.groups.push(Group { key, len, changed, is_open, row: self.rows, keys });
            self.len += len;
            self.rows += 1 + if is_open { len } else { 0 };
        }
    }

    /// How many keys of each type are listed.
    fn lens(&self, types: &Types) -> Vec<usize> {
        match &self.listed {
            Listed::Some(bits) => types.ranges().map(|keys| bits.count(keys)).collect(),
            Listed::All { lost } => {
                let mut left = self.after.len() + lost.len();
                let mut lens = Vec::with_capacity(types.firsts.len());
                for keys in types.ranges() {
                    let len = if keys == types.largest { 0 } else { self.present(lost, keys).count() };
                    left -= len;
                    lens.push(len);
                }
                let largest = types.ranges().position(|keys| keys == types.largest);
                largest.into_iter().for_each(|place| lens[place] = left);
                lens
            }
        }
    }

    fn lists(&self, key: KeyIx) -> bool {
        match &self.listed {
            Listed::Some(bits) => bits.contains(key.index()),
            // Whatever has changed is in one of the states.
            Listed::All { .. } => true,
        }
    }

    /// The keys that either state has, in a range.
    fn present<'a>(&'a self, lost: &'a [KeyIx], keys: Range<u32>) -> impl Iterator<Item = KeyIx> + 'a {
        let [start, end] = [keys.start, keys.end].map(|key| KeyIx::new(key as usize));
        let place = |key: KeyIx| lost.partition_point(|other| *other < key);
        let mut lost = lost[place(start)..place(end)].iter().copied().peekable();
        let mut held = self.after.range(start..end).map(|(key, _)| key).peekable();
        std::iter::from_fn(move || match (lost.peek(), held.peek()) {
            (Some(lost_key), Some(held_key)) if held_key < lost_key => held.next(),
            (None, _) => held.next(),
            _ => lost.next(),
        })
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

    /// Some rows, as far as there are so many. Cost: the rows, the logarithm of the types, and the keys of the first type above
    /// the rows.
    pub fn rows(&self, rows: Range<usize>) -> impl Iterator<Item = ListingRow<'_>> {
        let rows = rows.start..rows.end.min(self.rows);
        let first = self.groups.partition_point(|group| group.row <= rows.start).saturating_sub(1);
        self.groups[first..].iter().take_while(move |group| group.row < rows.end).flat_map(move |group| {
            let title = (group.row >= rows.start).then_some(ListingRow::Group(group));
            // Where the first row of this type is its title, no key is skipped.
            let skipped = rows.start.saturating_sub(group.row + 1);
            let shown = if group.is_open { rows.end - group.row - 1 } else { 0 };
            let keys: Box<dyn Iterator<Item = KeyIx>> = match &self.listed {
                Listed::Some(bits) => Box::new(bits.ones(group.keys.clone(), skipped)),
                Listed::All { lost } => Box::new(self.present(lost, group.keys.clone()).skip(skipped)),
            };
            let keys = keys.take(shown.saturating_sub(skipped));
            title.into_iter().chain(keys.map(ListingRow::Key))
        })
    }
}

/// A set of small numbers that can be counted through.
#[derive(Debug, Clone, Default)]
struct Bits {
    words: Vec<u64>,
}

impl Bits {
    fn set(&mut self, number: usize, is_in: bool) {
        self.words.resize((number / 64 + 1).max(self.words.len()), 0);
        let (word, bit) = (&mut self.words[number / 64], 1 << (number % 64));
        *word = if is_in { *word | bit } else { *word & !bit };
    }

    fn contains(&self, number: usize) -> bool {
        self.words.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// The words that hold a range, without what is outside of it, each with the number of its lowest bit.
    fn words(&self, range: Range<u32>) -> impl Iterator<Item = (u32, u64)> {
        let known = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        let words = range.start / 64..range.end.div_ceil(64).min(known);
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
    fn ones(&self, range: Range<u32>, skipped: usize) -> impl Iterator<Item = KeyIx> {
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
                Some(KeyIx::new((lowest + bit) as usize))
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

    /// Five types of eight keys.
    fn types() -> Types {
        Types::of((0..40).step_by(8).collect(), 40)
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
    fn plain(diff: &StateDiff, wanted: Wanted<'_>) -> Vec<Told> {
        let mut rows = Vec::new();
        for first in (0..40).step_by(8) {
            let of_type = (first..first + 8).map(KeyIx::new);
            let entries = of_type.filter_map(|key| diff.entry(key));
            let entries: Vec<Entry> = entries.filter(|entry| wanted.lists(Some(entry.clone()))).collect();
            let changed = entries.iter().filter(|entry| entry.is_changed()).count();
            if !entries.is_empty() {
                rows.push(Err((KeyIx::new(first), entries.len(), changed)));
                if !first.is_multiple_of(3) {
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
            let types = types();
            let matching = |entry: &Entry| entry.after.is_none_or(|ix| ix.index() != 3);
            let wanted = Wanted { only_changes, matching: (!all).then_some(&matching) };
            let mut listing = Listing::default();
            for (before, after) in &places {
                let diff = StateDiff::new(state(before), state(after), Vec::new(), &[]);
                listing.follow(&diff, wanted);
                listing.group(&types, |key| !key.index().is_multiple_of(3));
                let told = |rows| listing.rows(rows).map(tell).collect::<Vec<_>>();
                let rows = told(0..listing.row_count());
                prop_assert_eq!(&rows, &plain(&diff, wanted));
                prop_assert_eq!(listing.len(), (0..40).filter(|key| wanted.lists(diff.entry(KeyIx::new(*key)))).count());
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
                numbers.iter().for_each(|number| bits.set(*number as usize, true));
            let range = start..(start + len).min(300);
            let inside: Vec<u32> = numbers.range(range.clone()).copied().collect();
            prop_assert_eq!(bits.count(range.clone()), inside.len());
            let left: Vec<u32> = bits.ones(range, skipped).map(|key| key.index() as u32).collect();
            prop_assert_eq!(&left[..], inside.get(skipped..).unwrap_or_default());
            numbers.iter().for_each(|number| bits.set(*number as usize, false));
            prop_assert_eq!(bits.count(0..300), 0);
        }
    }
}
