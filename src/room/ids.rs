//! Which event has which ID.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Half a hash of an event ID; keyed at random, so that nobody can choose IDs that collide.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdHasher(DefaultHashBuilder);

impl IdHasher {
    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
    pub(crate) fn hash(&self, id: &str) -> u32 {
        self.0.hash_one(id) as u32
    }
}

/// A hash table from event IDs to places in a list of events. It holds no IDs: whoever asks says how to read them.
/// Eight bytes an entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdTable {
    /// The hash of the ID, and the place.
    entries: HashTable<(u32, u32)>,
    hasher: IdHasher,
}

impl IdTable {
    /// The table of a list of different IDs.
    pub(super) fn new<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let mut table = Self { entries: HashTable::with_capacity(ids.len()), ..Self::default() };
        for (place, id) in (0..).zip(ids) {
            table.insert_hashed(table.hasher.hash(id), place);
        }
        table
    }

    /// What hashes the IDs of this table.
    pub(crate) fn hasher(&self) -> &IdHasher {
        &self.hasher
    }

    /// The place of the ID, if it is in the table; `id_at` gives the ID at a place.
    pub(super) fn find<'a>(&self, id: &str, id_at: impl Fn(usize) -> &'a str) -> Option<u32> {
        self.find_hashed(self.hasher.hash(id), |place| id_at(place) == id)
    }

    /// The place of an ID with this hash for which `is_it` holds.
    pub(crate) fn find_hashed(&self, hash: u32, is_it: impl Fn(usize) -> bool) -> Option<u32> {
        let same = |(other, place): &(u32, u32)| *other == hash && is_it(*place as usize);
        self.entries.find(spread(hash), same).map(|(_, place)| *place)
    }

    /// Adds an ID that is not in the table, by its hash.
    pub(crate) fn insert_hashed(&mut self, hash: u32, place: u32) {
        self.entries.insert_unique(spread(hash), (hash, place), |(hash, _)| spread(*hash));
    }

    /// Follows the events to other places.
    pub(super) fn relocate(&mut self, new_place: impl Fn(u32) -> u32) {
        for (_, place) in &mut self.entries {
            *place = new_place(*place);
        }
    }
}

/// The table looks at the upper bits too.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_where_they_are() {
        let mut ids: Vec<String> = (0..1000).map(|n| format!("${n}")).collect();
        let mut table = IdTable::new(ids.iter().map(String::as_str));
        assert_eq!(table.find("$77", |place| &ids[place]), Some(77));
        assert_eq!(table.find("$x", |place| &ids[place]), None);
        ids.reverse();
        table.relocate(|place| 999 - place);
        assert_eq!(table.find("$77", |place| &ids[place]), Some(922));
    }
}
