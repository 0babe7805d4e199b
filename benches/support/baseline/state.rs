//! ruma's state maps, looked up without making a key.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use ruma::events::StateEventType;
use sha2::{Digest as _, Sha256};

use super::pdu::Id;

/// The form of a state that ruma resolves.
pub(crate) type State<'a> = HashMap<(StateEventType, String), Id<'a>>;

/// Whatever can be compared with a key of a [`State`].
trait Key {
    fn parts(&self) -> (&StateEventType, &str);
}

impl Key for (StateEventType, String) {
    fn parts(&self) -> (&StateEventType, &str) {
        (&self.0, &self.1)
    }
}

impl Key for (&StateEventType, &str) {
    fn parts(&self) -> (&StateEventType, &str) {
        (self.0, self.1)
    }
}

impl<'k> Borrow<dyn Key + 'k> for (StateEventType, String) {
    fn borrow(&self) -> &(dyn Key + 'k) {
        self
    }
}

impl Hash for dyn Key + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl PartialEq for dyn Key + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn Key + '_ {}

/// What a state has under a key.
pub(super) fn get<'a>(state: &State<'a>, kind: &StateEventType, key: &str) -> Option<Id<'a>> {
    state.get(&(kind, key) as &dyn Key).copied()
}

/// The state hash in Hindsight's form.
pub(super) fn hash(state: &State<'_>) -> String {
    let mut entries: Vec<(String, &str, &str)> =
        state.iter().map(|((kind, key), id)| (kind.to_string(), key.as_str(), id.id.as_str())).collect();
    entries.sort_unstable();
    let mut hasher = Sha256::new();
    for (kind, key, id) in &entries {
        for part in [kind.as_str(), "\0", key, "\0", id, "\n"] {
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
