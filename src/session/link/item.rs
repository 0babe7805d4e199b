//! Selected things as they stand in a link.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::room::{EventIx, Room};
use crate::session::Item;

/// What stands between an event type and a state key must not stand in the type.
const IN_TYPE: &AsciiSet = &CONTROLS.add(b'/').add(b'%');

/// A selected thing. Steps and findings are not in links: they are counted, and in another copy of the room the count
/// may be another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkedItem {
    /// An event, in the dump or missing from it: its ID, the beginning of it, or its name in the scenario.
    Event(String),
    /// A state key.
    Key {
        /// The event type.
        event_type: String,
        /// The state key.
        state_key: String,
    },
    /// A user, by user ID.
    User(String),
    /// A server, by name.
    Server(String),
    /// The last row.
    Now,
}

impl LinkedItem {
    /// The item as it stands in a link, given how events are called there.
    pub(super) fn new(room: &Room, item: &Item, event: impl Fn(EventIx) -> String) -> Option<Self> {
        Some(match item {
            Item::Event(ix) => Self::Event(event(*ix)),
            Item::Missing(missing) => Self::Event(room.missing_id(*missing).to_owned()),
            Item::Key(key) => {
                let (event_type, state_key) = room.key(*key);
                Self::Key { event_type: event_type.to_owned(), state_key: state_key.to_owned() }
            }
            Item::User(user) => Self::User(user.to_string()),
            Item::Server(server) => Self::Server(server.to_string()),
            Item::Now => Self::Now,
            Item::Step(_) | Item::Finding(_) => return None,
        })
    }

    /// The item in a room; `None` if the room has no such thing.
    pub(super) fn find(&self, room: &Room, event: impl Fn(&str) -> Option<EventIx>) -> Option<Item> {
        match self {
            Self::Event(name) => {
                event(name).map(Item::Event).or_else(|| room.find_missing(name).map(Item::Missing))
            }
            Self::Key { event_type, state_key } => room.find_key(event_type, state_key).map(Item::Key),
            Self::User(user) => Some(Item::User(user.as_str().into())),
            Self::Server(server) => Some(Item::Server(server.as_str().into())),
            Self::Now => Some(Item::Now),
        }
    }

    /// The value of the parameter.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Event(name) => super::dollar(name),
            Self::Key { event_type, state_key } => {
                format!("key:{}/{state_key}", utf8_percent_encode(event_type, IN_TYPE))
            }
            Self::User(user) => format!("user:{user}"),
            Self::Server(server) => format!("server:{server}"),
            Self::Now => "now".to_owned(),
        }
    }

    /// Reads a value. `None`: a kind of thing that later versions may have.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text == "now" {
            return Some(Self::Now);
        }
        if text.starts_with('$') {
            return Some(Self::Event(text.to_owned()));
        }
        let (kind, name) = text.split_once(':')?;
        match kind {
            "user" => Some(Self::User(name.to_owned())),
            "server" => Some(Self::Server(name.to_owned())),
            "key" => {
                let (event_type, state_key) = name.split_once('/')?;
                let event_type = percent_decode_str(event_type).decode_utf8().ok()?.into_owned();
                Some(Self::Key { event_type, state_key: state_key.to_owned() })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::session::link) fn items() -> impl Strategy<Value = LinkedItem> {
        prop_oneof![
            "\\$[^$]{1,20}".prop_map(LinkedItem::Event),
            ("\\PC{0,12}", "\\PC{0,12}")
                .prop_map(|(event_type, state_key)| LinkedItem::Key { event_type, state_key }),
            "\\PC{0,12}".prop_map(LinkedItem::User),
            "\\PC{0,12}".prop_map(LinkedItem::Server),
            Just(LinkedItem::Now),
        ]
    }

    proptest! {
        #[test]
        fn items_are_read_as_they_were_written(item in items()) {
            prop_assert_eq!(LinkedItem::read(&item.text()), Some(item));
        }
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        for text in ["", "step:3", "colour:red", "key:m.room.topic"] {
            assert_eq!(LinkedItem::read(text), None, "{text}");
        }
        let key = LinkedItem::Key { event_type: "a/b%".into(), state_key: "/%2F".into() };
        assert_eq!(key.text(), "key:a%2Fb%25//%2F");
    }
}
