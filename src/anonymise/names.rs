//! Who and what is called how: the same thing gets the same name everywhere.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ruma::{ServerName, UserId};
use sha2::{Digest, Sha256};

use crate::event::room_version::EventIdFormat;
use crate::event::server_name;
use crate::rewrite::Naming;
use crate::room::{KeyIx, Room};

/// No user ID is longer.
const MOST_BYTES: usize = 255;

/// One kind of things, numbered as they come along.
#[derive(Debug, Clone, Default)]
struct Kind(BTreeMap<Box<str>, String>);

impl Kind {
    fn get(&self, old: &str) -> Option<String> {
        self.0.get(old).cloned()
    }

    /// The number of the next one.
    fn next(&self) -> usize {
        self.0.len() + 1
    }

    fn or_insert(&mut self, old: &str, name: impl FnOnce(usize) -> String) -> String {
        if let Some(name) = self.0.get(old) {
            return name.clone();
        }
        let name = name(self.next());
        self.0.insert(old.into(), name.clone());
        name
    }
}

/// The names given so far, by what they stand for. Ascending by the latter.
pub type Map<'a> = &'a BTreeMap<Box<str>, String>;

/// New names for everything that has one.
#[derive(Debug, Clone)]
pub(super) struct Names {
    id_format: EventIdFormat,
    servers: Kind,
    users: Kind,
    /// Parts of user IDs before the colon, so that namesakes stay namesakes.
    local_parts: Kind,
    rooms: Kind,
    aliases: Kind,
    media: Kind,
    texts: Kind,
    keys: Kind,
    types: Kind,
    tokens: Kind,
    events: Kind,
    /// What occurs in the room and so must not be given as a name.
    occupied: BTreeSet<Box<str>>,
}

impl Names {
    pub(super) fn new(room: &Room) -> Self {
        let mut occupied = BTreeSet::new();
        for place in 0..room.key_count() {
            let (_, key) = room.key(KeyIx::new(place));
            let (local, server) = key.split_once(':').unwrap_or((key, ""));
            occupied.insert(local.strip_prefix('@').unwrap_or(local).into());
            occupied.insert(server.into());
        }
        let none = Kind::default;
        Self {
            id_format: room.rules().event_ids,
            servers: none(),
            users: none(),
            local_parts: none(),
            rooms: none(),
            aliases: none(),
            media: none(),
            texts: none(),
            keys: none(),
            types: none(),
            tokens: none(),
            events: none(),
            occupied,
        }
    }

    /// The servers, with their new names.
    pub(super) fn servers(&self) -> Map<'_> {
        &self.servers.0
    }

    /// The users.
    pub(super) fn users(&self) -> Map<'_> {
        &self.users.0
    }

    /// The words, names and messages.
    pub(super) fn texts(&self) -> Map<'_> {
        &self.texts.0
    }

    /// A server name; one that is none stays none.
    pub(super) fn server(&mut self, old: &str) -> String {
        if old.is_empty() {
            return String::new();
        }
        let valid = ServerName::parse(old).is_ok();
        let occupied = &self.occupied;
        self.servers.or_insert(old, |number| {
            free(number, occupied, |number| {
                if valid { format!("server{number}.example") } else { format!("no server {number}") }
            })
        })
    }

    /// A user ID, or what stands where one should. Its server part is that of the server's new name, and it is as valid as
    /// it was, in the eyes of every implementation.
    pub(super) fn user(&mut self, old: &str) -> String {
        if old.is_empty() {
            return String::new();
        }
        if let Some(name) = self.users.get(old) {
            return name;
        }
        let name = self.new_user(old);
        self.users.or_insert(old, |_| name)
    }

    fn new_user(&mut self, old: &str) -> String {
        let sigil = if old.starts_with('@') { "@" } else { "" };
        let (local, server) = match old.split_once(':') {
            Some((local, server)) => (local, Some(server)),
            None => (old, None),
        };
        let server = server.map(|server| self.server(server));
        let local = local.strip_prefix('@').unwrap_or(local);
        let occupied = &self.occupied;
        let plain = match local {
            "" => String::new(),
            _ => self
                .local_parts
                .or_insert(local, |number| free(number, occupied, |number| format!("user{number}"))),
        };
        let tail = server.map_or_else(String::new, |server| format!(":{server}"));
        let shape = Shape::of(old);
        let candidates = [
            plain.clone(),
            // Printable, but not what a local part should be.
            format!("User{plain}"),
            format!("{plain} "),
            format!("{plain}\0"),
            format!("{plain}{}", "x".repeat(MOST_BYTES)),
            format!("{plain} {}", "x".repeat(MOST_BYTES)),
        ];
        let whole = |local: &String| format!("{sigil}{local}{tail}");
        let fits = candidates.iter().map(whole).find(|name| Shape::of(name) == shape);
        fits.unwrap_or_else(|| whole(&plain))
    }

    /// A room ID that no event ID is hidden in.
    pub(super) fn room(&mut self, old: &str) -> String {
        let tail = self.tail(old);
        self.rooms.or_insert(old, |number| format!("!room{number}{tail}"))
    }

    /// A room alias.
    pub(super) fn alias(&mut self, old: &str) -> String {
        let tail = self.tail(old);
        self.aliases.or_insert(old, |number| format!("#alias{number}{tail}"))
    }

    /// The new server name of an ID, with its colon; nothing if there was none.
    fn tail(&mut self, old: &str) -> String {
        if old.contains(':') { format!(":{}", self.server(server_name(old))) } else { String::new() }
    }

    /// An `mxc://` URI.
    pub(super) fn media(&mut self, old: &str) -> String {
        let rest = old.strip_prefix("mxc://").unwrap_or(old);
        let server = self.server(rest.split('/').next().unwrap_or_default());
        self.media.or_insert(old, |number| format!("mxc://{server}/media{number}"))
    }

    /// Anything that people wrote.
    pub(super) fn text(&mut self, old: &str) -> String {
        if old.is_empty() {
            String::new()
        } else {
            self.texts.or_insert(old, |number| format!("text {number}"))
        }
    }

    /// A key of an object, or a state key, that says nothing to authorization.
    pub(super) fn key(&mut self, old: &str) -> String {
        if old.is_empty() {
            String::new()
        } else {
            self.keys.or_insert(old, |number| format!("key {number}"))
        }
    }

    /// An event type. Those of the specification stay.
    pub(super) fn event_type(&mut self, old: &str) -> String {
        let is_plain = old.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'));
        let is_specified = old.starts_with("m.") || old.starts_with("org.matrix.");
        if old.is_empty() || is_plain && is_specified {
            return old.to_owned();
        }
        self.types.or_insert(old, |number| format!("com.example.type{number}"))
    }

    /// The token of a third-party invite.
    pub(super) fn token(&mut self, old: &str) -> String {
        let occupied = &self.occupied;
        let name = |number| free(number, occupied, |number| format!("token{number}"));
        if old.is_empty() { String::new() } else { self.tokens.or_insert(old, name) }
    }
}

/// The first name, from this number on, that does not occur in the room.
fn free(number: usize, occupied: &BTreeSet<Box<str>>, name: impl Fn(usize) -> String) -> String {
    let mut candidate = name(number);
    let mut round = occupied.len();
    while occupied.contains(&*candidate) {
        // Numbers beyond those that are dealt out in order.
        round += 1;
        candidate = name(number + (occupied.len() + 1) * round);
    }
    candidate
}

/// What rules can tell about a user ID.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    sigil: bool,
    colon: bool,
    valid: bool,
    valid_server: bool,
    short: bool,
}

impl Shape {
    fn of(user: &str) -> Self {
        Self {
            sigil: user.starts_with('@'),
            colon: user.contains(':'),
            valid: UserId::parse(user).is_ok(),
            valid_server: ServerName::parse(server_name(user)).is_ok(),
            short: user.len() <= MOST_BYTES,
        }
    }
}

impl Naming for Names {
    fn given_id(&mut self, old: &str, rank: usize, attempt: u32) -> String {
        let tail = self.tail(old);
        if attempt == 0 {
            format!("$event{rank:07}{tail}")
        } else {
            format!("$event{rank:07}-{attempt}{tail}")
        }
    }

    fn unknown_id(&mut self, old: &str) -> String {
        let tail = self.tail(old);
        let format = self.id_format;
        self.events.or_insert(old, |number| {
            let digest = Sha256::digest(format!("unknown event {number}"));
            match format {
                EventIdFormat::Given => format!("$unknown{number}{tail}"),
                EventIdFormat::StandardHash => format!("${}", STANDARD_NO_PAD.encode(digest)),
                EventIdFormat::UrlSafeHash => format!("${}", URL_SAFE_NO_PAD.encode(digest)),
            }
        })
    }
}
