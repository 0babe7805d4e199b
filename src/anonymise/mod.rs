//! A room without the names and words in it: something to show to others.
//!
//! Users, servers, rooms, aliases, custom event types and keys get names with numbers, the same thing the same one
//! everywhere; texts become `text 7`; whatever authorization and state resolution read stays: memberships, join rules,
//! levels, timestamps, depths, references, third-party invites with signatures by other keys. Event IDs follow from
//! that; see [`rewrite`](crate::rewrite) for how their order is kept.
//!
//! ```
//! use hindsight::anonymise::anonymise;
//! use hindsight::auth::Profile;
//! use hindsight::dump::{Options, load};
//! use hindsight::replay::Replay;
//! use hindsight::rewrite::deviations;
//!
//! let scenario = include_bytes!("../../fixtures/topic-vs-ban/scenario.json5");
//! let room = load(scenario, &Options::default())?.room;
//! let new = anonymise(&room)?.rewritten;
//! assert!(!new.room.events().any(|ix| new.room.event(ix).json().contains("alice")));
//! let replay = |room| Replay::new(room, None, Profile::Spec);
//! assert!(deviations(&replay(&room), &replay(&new.room), &new.events).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod causes;
mod content;
mod invites;
mod names;

pub use self::causes::differing_losses;
use self::invites::Keys;
pub use self::names::Map;
use self::names::Names;
use crate::event::content::NamedLevel;
use crate::event::room_version::Rules;
use crate::event::{Event, json};
use crate::rewrite::{Members, Rewritten, Writer};
use crate::room::{Empty, Recorded, Room};

/// An anonymised room, and what stands for what.
#[derive(Debug, Clone)]
pub struct Anonymised {
    /// The room.
    pub rewritten: Rewritten,
    names: Names,
}

impl Anonymised {
    /// The servers and their new names.
    pub fn servers(&self) -> Map<'_> {
        self.names.servers()
    }

    /// The users and their new IDs.
    pub fn users(&self) -> Map<'_> {
        self.names.users()
    }

    /// The texts and what stands for them.
    pub fn texts(&self) -> Map<'_> {
        self.names.texts()
    }
}

/// Anonymises a room. Captions of a scenario are left out, and so are `unsigned`, signatures (the names of the servers that
/// signed stay) and members of an event that the specification does not know.
///
/// The same room gives the same result. What is in the result but not in the room: names as `@user1:server1.example`,
/// and numbers in `content` (`hindsight.salt`) that keep the order of event IDs.
///
/// # Errors
/// If no event can be written.
pub fn anonymise(room: &Room) -> Result<Anonymised, Empty> {
    let mut masks = Masks { room, keys: Keys::of(room), writer: Writer::new(room, Names::new(room)) };
    for ix in room.events() {
        let event = room.event(ix);
        let members = masks.pdu(event);
        let recorded = anonymous_record(room.recorded(ix));
        masks.writer.write(ix, members, recorded);
    }
    let room_id = room.room_id().map(|room_id| masks.room_id(room_id).into());
    let names = masks.writer.naming.clone();
    Ok(Anonymised { rewritten: masks.writer.finish(room_id)?, names })
}

/// The reason of a rejection may be any text; Synapse's are single words.
fn anonymous_record(recorded: &Recorded) -> Recorded {
    let mut recorded = recorded.clone();
    if let Some(reason) = &mut recorded.rejected
        && !matches!(&**reason, "auth_error" | "oversized_event")
    {
        *reason = "rejected".into();
    }
    recorded
}

/// What hides the words of a room.
struct Masks<'a> {
    room: &'a Room,
    keys: Keys,
    writer: Writer<'a, Names>,
}

impl Masks<'_> {
    fn names(&mut self) -> &mut Names {
        &mut self.writer.naming
    }

    fn rules(&self) -> &'static Rules {
        self.room.rules()
    }

    /// Whether the ID is that of an event that the room has or refers to.
    fn knows(&self, event_id: &str) -> bool {
        self.room.find(event_id).is_some() || self.room.find_missing(event_id).is_some()
    }

    /// A room ID; one that is made of an event ID stays so.
    fn room_id(&mut self, old: &str) -> String {
        match old.strip_prefix('!') {
            Some(hash) if self.rules().room_id_is_create_id && !hash.contains(':') => {
                let id = self.writer.id(&format!("${hash}"));
                format!("!{}", id.strip_prefix('$').unwrap_or(&id))
            }
            _ => self.names().room(old),
        }
    }

    /// The members of a PDU, without those that the writer derives.
    fn pdu(&mut self, event: &Event) -> Members {
        let mut members = Members::new();
        let mut put = |name: &str, json: String| members.insert(name.into(), json);
        put("type", json::quote(&self.names().event_type(event.event_type())));
        put("sender", json::quote(&self.names().user(event.sender())));
        if let Some(room_id) = event.room_id() {
            put("room_id", json::quote(&self.room_id(room_id)));
        }
        if let Some(state_key) = event.state_key() {
            put("state_key", json::quote(&self.state_key(event.event_type(), state_key)));
        }
        if let Some(redacts) = event.redacts() {
            put("redacts", json::quote(&self.writer.id(redacts)));
        }
        let given = json::pick(event.json(), ["content", "depth", "origin_server_ts", "signatures"]);
        let [content, depth, timestamp, signatures] = given.unwrap_or_default();
        put("content", self.content(event, content.unwrap_or("{}")));
        for (name, number) in [("depth", depth), ("origin_server_ts", timestamp)] {
            if let Some(number) = number.filter(|number| json::integer(number).is_some()) {
                put(name, number.to_owned());
            }
        }
        let signed = signatures.and_then(|signatures| json::members(signatures).ok()).unwrap_or_default();
        let signed = signed.keys().map(|server| (self.names().server(server).into(), "{}")).collect();
        put("signatures", json::object(&signed));
        members
    }

    fn state_key(&mut self, event_type: &str, old: &str) -> String {
        match event_type {
            "m.room.member" => self.names().user(old),
            "m.room.third_party_invite" => self.names().token(old),
            "m.room.aliases" => self.names().server(old),
            // Rules look at the sigil.
            _ if old.starts_with('@') => self.names().user(old),
            _ => self.identifier(old).unwrap_or_else(|| self.names().key(old)),
        }
    }

    fn content(&mut self, event: &Event, content: &str) -> String {
        match event.event_type() {
            "m.room.create" => self.members(content, Self::of_create),
            "m.room.member" => self.members(content, |masks, name, old| match (name, json::string(old)) {
                ("third_party_invite", _) => masks.accepted(old),
                ("join_authorised_via_users_server", Some(user)) => json::quote(&masks.names().user(&user)),
                _ => masks.value(old, name, 1),
            }),
            "m.room.power_levels" => self.members(content, Self::of_power_levels),
            "m.room.third_party_invite" => self.offer(content),
            _ => self.members(content, |masks, name, old| masks.value(old, name, 1)),
        }
    }

    /// The members of an object, each replaced; keys are as [`Masks::key`] has them.
    fn members(&mut self, object: &str, mut of: impl FnMut(&mut Self, &str, &str) -> String) -> String {
        let members = json::members(object).unwrap_or_default();
        let mut replaced = Members::new();
        for (name, old) in members {
            let value = of(self, &name, old);
            replaced.insert(self.key(&name).into(), value);
        }
        json::object(&replaced)
    }

    fn of_create(&mut self, name: &str, old: &str) -> String {
        match (name, json::string(old)) {
            ("room_version", Some(version)) if Rules::of(&version).is_some() => old.to_owned(),
            ("creator", Some(user)) => json::quote(&self.names().user(&user)),
            ("additional_creators", None) if old.starts_with('[') => {
                let users = json::elements(old).unwrap_or_default();
                let users: Vec<String> = users
                    .into_iter()
                    .map(|user| match json::string(user) {
                        Some(user) => json::quote(&self.names().user(&user)),
                        None => self.value(user, name, 1),
                    })
                    .collect();
                format!("[{}]", users.join(","))
            }
            _ => self.value(old, name, 1),
        }
    }

    fn of_power_levels(&mut self, name: &str, old: &str) -> String {
        let is_level = NamedLevel::ALL.iter().any(|level| level.as_str() == name) || name == "historical";
        if is_level {
            return level(old);
        }
        if !matches!(name, "users" | "events" | "notifications") || !old.starts_with('{') {
            return self.value(old, name, 1);
        }
        let levels = json::members(old).unwrap_or_default();
        let mut replaced = Members::new();
        for (key, old) in levels {
            let key = match name {
                "users" => self.names().user(&key),
                "events" => self.names().event_type(&key),
                _ => self.key(&key),
            };
            replaced.insert(key.into(), level(old));
        }
        json::object(&replaced)
    }
}

/// A level as written, if it is one in the eyes of anybody; else something of the same kind that is none either.
fn level(old: &str) -> String {
    match old.as_bytes().first() {
        Some(b'{') => "{}".to_owned(),
        Some(b'[') => "[]".to_owned(),
        Some(b'"') => {
            let text = json::string(old).unwrap_or_default();
            let is_number =
                |c: char| c.is_numeric() || c.is_whitespace() || matches!(c, '+' | '-' | '_' | '.');
            if text.chars().all(is_number) { old.to_owned() } else { "\"no level\"".to_owned() }
        }
        _ => old.to_owned(),
    }
}
