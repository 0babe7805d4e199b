//! State keys as dense indices.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::WellKnown;
use super::build::LoadedEvent;
use super::index::KeyIx;
use crate::event::Event;
use crate::event::content::Membership;
use crate::executor::{self, Executor};

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
    ///
    /// Each worker numbers the keys of some of the events; then their numbers are made those of the whole.
    pub(super) fn new(events: &[LoadedEvent], executor: &dyn Executor) -> (Self, Vec<EventKeys>) {
        // One range a worker: keys that several ranges have are looked up again.
        let size = events.len().div_ceil(executor.width().max(1)).max(1000);
        let ranges: Vec<&[LoadedEvent]> = events.chunks(size).collect();
        let parts = executor::map(executor, ranges.len(), |number| Part::new(ranges[number]));
        let mut parts = parts.into_iter();
        let Part { mut found, mut types, mut of_events } = parts.next().unwrap_or_else(|| Part::new(&[]));
        of_events.reserve_exact(events.len() - of_events.len());
        for part in parts {
            let keys = found.take_over(&part.found);
            let types = types.take_over(&part.types);
            of_events.extend(part.of_events.iter().map(|EventKeys { what, sender }| EventKeys {
                what: match what.message_type() {
                    Some(message_type) => What::message(types[message_type as usize].index()),
                    None => What::state(keys[what.0 as usize]),
                },
                sender: keys[sender.index()],
            }));
        }
        // So far the numbers are in the order of discovery.
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

/// What some of the events have to do with, in numbers of their own.
#[derive(Default)]
struct Part<'a> {
    found: Interner<'a>,
    types: Interner<'a>,
    of_events: Vec<EventKeys>,
}

impl<'a> Part<'a> {
    fn new(events: &'a [LoadedEvent]) -> Self {
        let mut part = Self::default();
        for event_type in ["m.room.create", "m.room.join_rules", "m.room.power_levels"] {
            part.found.intern(event_type, "");
        }
        part.of_events.reserve_exact(events.len());
        for LoadedEvent { event, .. } in events {
            let keys = part.keys_of(event);
            part.of_events.push(keys);
        }
        part
    }

    fn keys_of(&mut self, event: &'a Event) -> EventKeys {
        let Self { found, types, .. } = self;
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
            if let (Some(Membership::Invite), Some(token)) = (member.membership.value(), member.token()) {
                found.intern("m.room.third_party_invite", token);
            }
        }
        EventKeys { what, sender }
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

    /// Interns what another one has: its numbers in terms of this one's.
    fn take_over(&mut self, other: &Self) -> Vec<KeyIx> {
        other.keys.iter().map(|(event_type, state_key)| self.intern(event_type, state_key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;

    struct Three;

    impl Executor for Three {
        fn width(&self) -> usize {
            3
        }

        fn run(&self, pieces: usize, piece: &(dyn Fn(usize) + Sync)) {
            (0..pieces).rev().for_each(piece);
        }
    }

    #[test]
    fn the_keys_are_the_same_whoever_numbers_them() {
        let event = |number: usize| {
            let user = format!("@u{}:x", number * 7 % 1300);
            let event_type = ["m.room.member", "m.room.message", "m.reaction"][number % 3];
            let mut json = serde_json::json!({
                "type": event_type, "sender": user, "room_id": "!r:x", "content": {"membership": "join"},
                "origin_server_ts": 1, "prev_events": [], "auth_events": [],
            });
            if number.is_multiple_of(3) {
                json["state_key"] = user.into();
            }
            LoadedEvent::new(Event::parse(&json.to_string()).unwrap().with_id("$e"))
        };
        let events: Vec<LoadedEvent> = (0..3500).map(event).collect();
        let (table, of_events) = KeyTable::new(&events, &Sequential);
        assert!(table.keys.is_sorted());
        for (keys, loaded) in of_events.iter().zip(&events) {
            assert_eq!(table.get(keys.sender), ("m.room.member", loaded.event.sender()));
            let key = keys.what.key().map(|key| table.get(key).1);
            assert_eq!(key, loaded.event.state_key());
        }
        let (again, of_events_again) = KeyTable::new(&events, &Three);
        assert_eq!((again.keys, of_events_again), (table.keys, of_events));
    }
}
