//! The room without events.

use std::collections::BTreeMap;

use super::adjacency::Adjacency;
use super::ids::IdTable;
use super::keys::KeyTable;
use super::{Annotations, Room};
use crate::event::room_version::Rules;
use crate::executor::Sequential;

impl Room {
    /// A room without events: something to show before there is anything to show. Nothing else makes one.
    pub fn empty() -> Self {
        let (keys, _) = KeyTable::new(&[], &Sequential);
        Self {
            rules: &Rules::ALL[0],
            room_id: None,
            create: None,
            events: Vec::new(),
            nodes: Vec::new(),
            recorded: BTreeMap::new(),
            ids: IdTable::default(),
            missing: Vec::new(),
            well_known: keys.well_known(),
            keys,
            prev: Adjacency::default(),
            auth: Adjacency::default(),
            children: Adjacency::default(),
            auth_children: Adjacency::default(),
            state_dag: None,
            asserted: BTreeMap::new(),
            asserted_missing: BTreeMap::new(),
            stored: None,
            annotations: Annotations::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_be_asked_for_in_vain() {
        let room = Room::empty();
        assert!(room.is_empty());
        assert_eq!(room.key(room.well_known().create), ("m.room.create", ""));
    }
}
