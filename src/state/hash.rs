//! The fixed printed forms of a state: the state hash and the state list.

use sha2::{Digest, Sha256};

use super::StateMap;
use crate::room::Room;

/// As [`StateMap::hash`], of entries in that order.
pub(crate) fn hash_of<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> String {
    let mut hasher = Sha256::new();
    for (event_type, state_key, id) in entries {
        for part in [event_type, "\0", state_key, "\0", id, "\n"] {
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl StateMap {
    /// The state hash: lower-case hex SHA-256 over the entries in bytewise order of (`type`,
    /// `state_key`), each as `type`, `\0`, `state_key`, `\0`, event ID, `\n`.
    pub fn hash(&self, room: &Room) -> String {
        hash_of(self.list(room))
    }

    /// The state list: (`type`, `state_key`, event ID), sorted bytewise.
    pub fn list<'a>(&'a self, room: &'a Room) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        self.iter().map(|(key, event)| {
            let (event_type, state_key) = room.key(key);
            (event_type, state_key, room.id(event))
        })
    }
}
