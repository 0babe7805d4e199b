//! Events and interned IDs.

use std::borrow::Borrow;
use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};

use ruma::events::{StateEventType, TimelineEventType};
use ruma::state_res::Event;
use ruma::{EventId, MilliSecondsSinceUnixEpoch, RoomId, UserId};
use serde_json::value::RawValue;

/// An interned event ID: hashes like the ID, as ruma's maps demand, but compares by its index.
#[derive(Clone, Copy)]
pub(crate) struct Id<'a> {
    pub(super) id: &'a EventId,
    /// The place of the event in the dump.
    pub(super) ix: u32,
}

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.ix == other.ix
    }
}

impl Eq for Id<'_> {}

impl Hash for Id<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl PartialOrd for Id<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(other.id)
    }
}

impl Borrow<EventId> for Id<'_> {
    fn borrow(&self) -> &EventId {
        self.id
    }
}

impl fmt::Debug for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.id, f)
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.id, f)
    }
}

/// One event.
#[derive(Debug)]
pub(super) struct Pdu<'a> {
    pub(super) id: Id<'a>,
    pub(super) room_id: Option<&'a RoomId>,
    pub(super) sender: &'a UserId,
    pub(super) timestamp: MilliSecondsSinceUnixEpoch,
    pub(super) kind: TimelineEventType,
    pub(super) content: &'a RawValue,
    /// Of a state event: what it sets.
    pub(super) key: Option<(StateEventType, String)>,
    pub(super) prev: Vec<Id<'a>>,
    pub(super) auth: Vec<Id<'a>>,
    pub(super) rejected: Cell<bool>,
}

impl<'a> Event for Pdu<'a> {
    type Id = Id<'a>;

    fn event_id(&self) -> &Id<'a> {
        &self.id
    }
    fn room_id(&self) -> Option<&RoomId> {
        self.room_id
    }
    fn sender(&self) -> &UserId {
        self.sender
    }
    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.timestamp
    }
    fn event_type(&self) -> &TimelineEventType {
        &self.kind
    }
    fn content(&self) -> &RawValue {
        self.content
    }
    fn state_key(&self) -> Option<&str> {
        self.key.as_ref().map(|(_, key)| key.as_str())
    }
    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Id<'a>> + '_> {
        Box::new(self.prev.iter())
    }
    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Id<'a>> + '_> {
        Box::new(self.auth.iter())
    }
    fn redacts(&self) -> Option<&Id<'a>> {
        // Only the rules of room versions 1 and 2 ask for it.
        None
    }
    fn rejected(&self) -> bool {
        self.rejected.get()
    }
}
