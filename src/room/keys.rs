//! State keys as dense indices.

use std::collections::BTreeSet;

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

impl KeyTable {
    pub(super) fn new<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut keys: BTreeSet<(&str, &str)> = BTreeSet::new();
        keys.extend([("m.room.create", ""), ("m.room.join_rules", ""), ("m.room.power_levels", "")]);
        for event in events {
            keys.insert(("m.room.member", event.sender()));
            if let Some(state_key) = event.state_key() {
                keys.insert((event.event_type(), state_key));
            }
            if let Some(member) = event.as_member() {
                if let Some(authoriser) = member.authoriser.value() {
                    keys.insert(("m.room.member", authoriser));
                }
                if let (Some(Membership::Invite), Some(token)) = (member.membership.value(), member.token()) {
                    keys.insert(("m.room.third_party_invite", token));
                }
            }
        }
        Self { keys: keys.into_iter().map(|(kind, key)| (kind.into(), key.into())).collect() }
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
