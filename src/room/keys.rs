//! State keys as dense indices.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::WellKnown;
use super::index::KeyIx;
use crate::event::Event;
use crate::event::content::Membership;

/// Every state key that a state of the room, or a rule applied to one of its events, can name.
#[derive(Debug, Clone)]
pub(super) struct KeyTable {
    /// Sorted bytewise; the place of an entry is its index.
    keys: Vec<(Box<str>, Box<str>)>,
}

/// What an event is, in four bytes: a state event, which sets a key, or a message of a type that has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct What(u32);

/// What the numbers of messages have above those of keys.
const MESSAGE: u32 = 1 << 31;

impl What {
    fn state(key: KeyIx) -> Self {
        Self::below_limit(key.index())
    }

    fn message(message_type: usize) -> Self {
        Self(MESSAGE | Self::below_limit(message_type).0)
    }

    fn below_limit(number: usize) -> Self {
        let number = u32::try_from(number).ok().filter(|number| *number < MESSAGE);
        Self(number.expect("fewer than 2^31 keys and types: a room of 2^30 events is out of scope"))
    }

    /// The key it sets, if it is a state event.
    pub(super) fn key(self) -> Option<KeyIx> {
        (self.0 < MESSAGE).then(|| KeyIx::new(self.0 as usize))
    }

    /// The number of its type, if it is a message.
    pub(super) fn message_type(self) -> Option<u32> {
        self.0.checked_sub(MESSAGE)
    }
}

/// The keys that an event has to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventKeys {
    /// The key it sets, or the number of its type.
    pub(super) what: What,
    /// The membership of its sender.
    pub(super) sender: KeyIx,
}

impl KeyTable {
    /// The keys of the events, and which event has which.
    pub(super) fn new<'a>(events: impl ExactSizeIterator<Item = &'a Event>) -> (Self, Vec<EventKeys>) {
        let (mut found, mut types) = (Interner::default(), Interner::default());
        for event_type in ["m.room.create", "m.room.join_rules", "m.room.power_levels"] {
            found.intern(event_type, "");
        }
        // For now the numbers are in the order of discovery.
        let mut of_events: Vec<EventKeys> = events
            .map(|event| {
                let sender = found.intern("m.room.member", event.sender());
                let event_type = event.event_type();
                let what = match event.state_key() {
                    Some(state_key) => What::state(found.intern(event_type, state_key)),
                    None => What::message(types.intern(event_type, "").index()),
                };
                if let Some(member) = event.as_member() {
                    if let Some(authoriser) = member.authoriser.value() {
                        found.intern("m.room.member", authoriser);
                    }
                    if let (Some(Membership::Invite), Some(token)) =
                        (member.membership.value(), member.token())
                    {
                        found.intern("m.room.third_party_invite", token);
                    }
                }
                EventKeys { what, sender }
            })
            .collect();
        let keys = found.keys;
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_unstable_by_key(|number| keys[*number]);
        let mut index = vec![KeyIx::new(0); keys.len()];
        for (place, number) in order.iter().enumerate() {
            index[*number] = KeyIx::new(place);
        }
        for EventKeys { what, sender } in &mut of_events {
            if let Some(key) = what.key() {
                *what = What::state(index[key.index()]);
            }
            *sender = index[sender.index()];
        }
        let boxed = |number: usize| (keys[number].0.into(), keys[number].1.into());
        (Self { keys: order.into_iter().map(boxed).collect() }, of_events)
    }

    pub(super) fn find(&self, event_type: &str, state_key: &str) -> Option<KeyIx> {
        self.keys
            .binary_search_by(|(kind, key)| (&**kind, &**key).cmp(&(event_type, state_key)))
            .ok()
            .map(KeyIx::new)
    }

    /// The keys that are in every table.
    pub(super) fn well_known(&self) -> WellKnown {
        let find = |event_type| self.find(event_type, "").expect("put in by `new`");
        WellKnown {
            create: find("m.room.create"),
            join_rules: find("m.room.join_rules"),
            power_levels: find("m.room.power_levels"),
        }
    }

    pub(super) fn get(&self, key: KeyIx) -> (&str, &str) {
        let (event_type, state_key) = &self.keys[key.index()];
        (event_type, state_key)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Numbers keys in the order of discovery.
#[derive(Default)]
struct Interner<'a> {
    keys: Vec<(&'a str, &'a str)>,
    numbers: HashTable<KeyIx>,
    hasher: DefaultHashBuilder,
}

impl<'a> Interner<'a> {
    fn intern(&mut self, event_type: &'a str, state_key: &'a str) -> KeyIx {
        let Self { keys, numbers, hasher } = self;
        let key = (event_type, state_key);
        let hash = hasher.hash_one(key);
        if let Some(known) = numbers.find(hash, |number| keys[number.index()] == key) {
            return *known;
        }
        let number = KeyIx::new(keys.len());
        keys.push(key);
        numbers.insert_unique(hash, number, |number| hasher.hash_one(keys[number.index()]));
        number
    }
}
