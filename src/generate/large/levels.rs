//! The content of `m.room.power_levels`.

use std::collections::BTreeMap;

use ruma::room_version_rules::RedactionRules;

use super::people::{People, UserIx};
use super::text;
use crate::event::content::NamedLevel;

/// Power levels in force.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    pub(super) users: BTreeMap<UserIx, i64>,
    pub(super) events: BTreeMap<&'static str, i64>,
    pub(super) named: [i64; NamedLevel::ALL.len()],
    /// Who may notify the whole room.
    pub(super) room: i64,
}

/// The levels that clients give a new room.
const EVENTS: [(&str, i64); 8] = [
    ("m.room.avatar", 50),
    ("m.room.canonical_alias", 50),
    ("m.room.history_visibility", 100),
    ("m.room.name", 50),
    ("m.room.power_levels", 100),
    ("m.room.server_acl", 100),
    ("m.room.tombstone", 100),
    ("org.matrix.msc3401.call.member", 0),
];

impl Levels {
    /// The levels that clients give a new room.
    pub(super) fn new(users: BTreeMap<UserIx, i64>) -> Self {
        let named = NamedLevel::ALL.map(NamedLevel::default);
        Self { users, events: BTreeMap::from(EVENTS), named, room: 50 }
    }

    /// The level of that name.
    pub(super) fn named(&self, name: NamedLevel) -> i64 {
        self.named[name as usize]
    }

    /// The level of that name, to be changed.
    pub(super) fn named_mut(&mut self, name: NamedLevel) -> &mut i64 {
        &mut self.named[name as usize]
    }

    /// The level of a user.
    pub(super) fn of(&self, user: UserIx) -> i64 {
        self.users.get(&user).copied().unwrap_or(self.named(NamedLevel::UsersDefault))
    }

    /// The level that an event takes.
    pub(super) fn needed(&self, event_type: &str, is_state: bool) -> i64 {
        let name = if is_state { NamedLevel::StateDefault } else { NamedLevel::EventsDefault };
        self.events.get(event_type).copied().unwrap_or(self.named(name))
    }

    /// Writes the content as canonical JSON; with `redaction` what a redaction leaves of it.
    pub(super) fn write(&self, out: &mut Vec<u8>, people: &People, redaction: Option<&RedactionRules>) {
        let named = |out: &mut Vec<u8>, name: NamedLevel| {
            text::string(out, name.as_str());
            out.push(b':');
            text::integer(out, self.named(name));
            out.push(b',');
        };
        out.push(b'{');
        named(out, NamedLevel::Ban);
        out.extend(br#""events":"#);
        let events = self.events.iter().map(|(event_type, level)| ((*event_type).to_owned(), *level));
        write_map(out, events.collect());
        out.push(b',');
        named(out, NamedLevel::EventsDefault);
        if redaction.is_none_or(|rules| rules.keep_room_power_levels_invite) {
            named(out, NamedLevel::Invite);
        }
        named(out, NamedLevel::Kick);
        if redaction.is_none() {
            out.extend(br#""notifications":{"room":"#);
            text::integer(out, self.room);
            out.extend(b"},");
        }
        named(out, NamedLevel::Redact);
        named(out, NamedLevel::StateDefault);
        out.extend(br#""users":"#);
        write_map(out, self.users.iter().map(|(user, level)| (people.id(*user), *level)).collect());
        out.push(b',');
        named(out, NamedLevel::UsersDefault);
        out.pop();
        out.push(b'}');
    }
}

fn write_map(out: &mut Vec<u8>, mut entries: Vec<(String, i64)>) {
    entries.sort_unstable();
    out.push(b'{');
    for (place, (key, level)) in entries.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        text::string(out, key);
        out.push(b':');
        text::integer(out, *level);
    }
    out.push(b'}');
}
