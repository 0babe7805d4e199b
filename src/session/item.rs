//! What can be pointed at, selected and hovered over.

use std::sync::Arc;

use crate::room::{EventIx, KeyIx, MissingIx, Room};

/// One thing that any panel may show. All panels share one selection and one hover, so whatever is pointed at in one
/// lights up in the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// An event.
    Event(EventIx),
    /// An event that is referred to but not in the dump.
    Missing(MissingIx),
    /// A state key.
    Key(KeyIx),
    /// A user, by user ID.
    User(Arc<str>),
    /// A server, by name.
    Server(Arc<str>),
    /// A step of the resolution at the cursor, from 0.
    Step(usize),
    /// The last row: the resolution over the forward extremities.
    Now,
    /// A finding, by its place in the list.
    Finding(usize),
}

impl Item {
    /// Whether the item is one of the room; steps and findings have to be looked up elsewhere.
    pub(super) fn is_of(&self, room: &Room) -> bool {
        match self {
            Self::Event(ix) => ix.index() < room.len(),
            Self::Missing(missing) => missing.index() < room.missing().len(),
            Self::Key(key) => key.index() < room.key_count(),
            Self::User(_) | Self::Server(_) | Self::Step(_) | Self::Now | Self::Finding(_) => true,
        }
    }
}

/// The selected items, in the order in which they were selected; none twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection(Vec<Item>);

impl Selection {
    /// The items, the one selected last at the end.
    pub fn items(&self) -> &[Item] {
        &self.0
    }

    /// Whether the item is selected.
    pub fn contains(&self, item: &Item) -> bool {
        self.0.contains(item)
    }

    /// Whether nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The item selected last.
    pub fn last(&self) -> Option<&Item> {
        self.0.last()
    }

    /// The selected events, ascending.
    pub fn events(&self) -> Vec<EventIx> {
        let event = |item: &Item| match item {
            Item::Event(ix) => Some(*ix),
            _ => None,
        };
        let mut events: Vec<EventIx> = self.0.iter().filter_map(event).collect();
        events.sort_unstable();
        events
    }

    /// The state key selected last; where none is, that of the event selected last.
    pub fn key(&self, room: &Room) -> Option<KeyIx> {
        let keys = self.0.iter().rev().find_map(|item| match item {
            Item::Key(key) => Some(*key),
            _ => None,
        });
        let of_event = || {
            self.0.iter().rev().find_map(|item| match item {
                Item::Event(ix) => room.key_of(*ix),
                _ => None,
            })
        };
        keys.or_else(of_event)
    }

    /// Selects just one item.
    pub(super) fn set(&mut self, item: Item) {
        self.0.clear();
        self.0.push(item);
    }

    /// Adds the item, or takes it away if it was selected.
    pub(super) fn toggle(&mut self, item: Item) {
        if self.contains(&item) {
            self.0.retain(|other| *other != item);
        } else {
            self.0.push(item);
        }
    }

    /// Adds items that are not selected yet.
    pub(super) fn extend(&mut self, items: impl IntoIterator<Item = Item>) {
        let mut known: std::collections::BTreeSet<Item> = self.0.iter().cloned().collect();
        self.0.extend(items.into_iter().filter(|item| known.insert(item.clone())));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Forgets what is not there any more.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Item) -> bool) {
        self.0.retain(keep);
    }
}
