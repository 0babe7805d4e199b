//! One PDU: its identifiers, and what state resolution reads from it, parsed once.

pub mod content;
pub mod hash;
pub(crate) mod json;
mod parse;
mod references;
pub mod room_version;
pub(crate) mod signing;
mod span;

use std::fmt;
use std::sync::Arc;

use self::content::{Content, Create, Field, JoinRule, Member, PowerLevels};
pub(crate) use self::parse::Fields;
pub use self::parse::Parsed;
pub use self::references::References;
use self::room_version::{AuthSource, Rules};
use self::span::{Own, Span};

/// The event types that authorization treats specially.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `m.room.create`
    Create,
    /// `m.room.member`
    Member,
    /// `m.room.power_levels`
    PowerLevels,
    /// `m.room.join_rules`
    JoinRules,
    /// `m.room.third_party_invite`
    ThirdPartyInvite,
    /// `m.room.aliases`
    Aliases,
    /// `m.room.redaction`
    Redaction,
    /// Everything else.
    Other,
}

impl Kind {
    fn of(event_type: &str) -> Self {
        match event_type {
            "m.room.create" => Self::Create,
            "m.room.member" => Self::Member,
            "m.room.power_levels" => Self::PowerLevels,
            "m.room.join_rules" => Self::JoinRules,
            "m.room.third_party_invite" => Self::ThirdPartyInvite,
            "m.room.aliases" => Self::Aliases,
            "m.room.redaction" => Self::Redaction,
            _ => Self::Other,
        }
    }
}

/// Why a JSON object is not a usable PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The event ID the object claims, if it claims one.
    pub event_id: Option<Box<str>>,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Malformed {}

/// Something odd about a usable PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oddity {
    /// A number of this field (or of this kind, in `content`) lies outside the range computed with, and was clamped.
    OutOfRange(&'static str),
    /// The field has the wrong type; the text says what it is. It was treated as absent.
    WrongType(&'static str, &'static str),
    /// A key stands twice in this place (the event or its `content`); the last one counts.
    RepeatedKey(&'static str, Box<str>),
}

/// One PDU.
///
/// The strings are as the event has them; nothing is validated but the types of the fields. `depth`
/// and `origin_server_ts` are the sender's claims.
///
/// An event holds no text of its own where it can help it: it knows where in the input it stands, and its strings are
/// places in there.
///
/// ```text
///   source   …\n{"type":"m.room.topic","sender":"@a:x",…}\n{"type":…
///               ▲ start          ▲ event_type    ▲ sender
/// ```
#[derive(Clone)]
pub struct Event {
    /// The text this event is a piece of, shared by all events of an input.
    source: Arc<String>,
    /// Where in `source` its JSON begins.
    start: u32,
    /// How many bytes its JSON has.
    len: u32,
    /// Strings that do not stand in the JSON as they are: written with escapes, or an ID that was computed.
    own: Own,
    event_id: Span,
    room_id: Span,
    event_type: Span,
    state_key: Span,
    sender: Span,
    redacts: Span,
    /// Where the arrays begin; they end with their brackets.
    prev_events: u32,
    /// `auth_events`; or `prev_state_events` if the event has only these: then with [`STATE_PARENTS`] set.
    others: u32,
    origin_server_ts: i64,
    depth: i64,
    content: Content,
}

/// Set in a place if what is there are `prev_state_events`: no event is so long that it could be part of the place.
const STATE_PARENTS: u32 = 1 << 31;

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("id", &self.id()).field("json", &self.json()).finish_non_exhaustive()
    }
}

impl Event {
    /// Reads a federation-format PDU. `event_id` may be absent; references may be
    /// IDs or the `[id, {hashes}]` pairs of room versions 1 and 2; `room_id`, `depth` and
    /// `state_key` may be absent, and one of `auth_events` and `prev_state_events`: which of them an event must have
    /// depends on the room version ([`Event::unfit`]).
    ///
    /// # Errors
    /// If the JSON is not an object, or lacks `type`, `sender`, `content`, `prev_events`,
    /// `origin_server_ts` or both of `auth_events` and `prev_state_events`, or has them in a wrong type; or if it is
    /// longer than 2 GiB.
    pub fn parse(json: &str) -> Result<Parsed, Malformed> {
        let source = Arc::new(json.to_owned());
        let fields = Fields::scan(&source)
            .map_err(|error| Malformed { event_id: None, message: format!("not a JSON object: {error}") })?;
        fields.read(&source, 0, &source)
    }

    fn text(&self, span: Span) -> &str {
        span.of(self.json(), &self.own)
    }

    /// Gives the event another ID.
    pub(crate) fn set_id(&mut self, event_id: &str) {
        if self.id() != event_id {
            self.event_id = Span::own(&mut self.own, event_id);
        }
    }

    /// The event ID.
    pub fn id(&self) -> &str {
        self.text(self.event_id)
    }

    /// The room ID; a create event of room version 12 has none.
    pub fn room_id(&self) -> Option<&str> {
        self.room_id.is_present().then(|| self.text(self.room_id))
    }

    /// Whether there is a `room_id`.
    pub(crate) fn has_room_id(&self) -> bool {
        self.room_id.is_present()
    }

    /// The `type`.
    pub fn event_type(&self) -> &str {
        self.text(self.event_type)
    }

    /// The type as far as authorization tells types apart.
    pub fn kind(&self) -> Kind {
        self.content.kind()
    }

    /// The state key; `None` for an event that is not a state event.
    pub fn state_key(&self) -> Option<&str> {
        self.state_key.is_present().then(|| self.text(self.state_key))
    }

    /// Whether the event is a state event.
    pub fn is_state(&self) -> bool {
        self.state_key.is_present()
    }

    /// Whether the event has the type and the empty state key.
    pub fn is_state_of(&self, kind: Kind) -> bool {
        self.kind() == kind && self.state_key() == Some("")
    }

    /// The sender's user ID.
    pub fn sender(&self) -> &str {
        self.text(self.sender)
    }

    /// The sender's claim of when it was sent: milliseconds since 1970.
    pub fn origin_server_ts(&self) -> i64 {
        self.origin_server_ts
    }

    /// The sender's claim of how deep in the DAG the event is.
    pub fn depth(&self) -> i64 {
        self.depth
    }

    /// Gives the event another timestamp: for suppositions.
    pub(crate) fn set_origin_server_ts(&mut self, timestamp: i64) {
        self.origin_server_ts = timestamp;
    }

    /// The IDs of the parents, in the order of the event.
    pub fn prev_events(&self) -> References<'_> {
        References::new(&self.json()[self.prev_events as usize..])
    }

    /// The IDs of the events that authorize this one, in the order of the event. None where the room version calculates
    /// them.
    pub fn auth_events(&self) -> References<'_> {
        self.others(!self.names_state_parents())
    }

    /// The IDs of the state events that come right before this one in the state DAG, in the order of the event. None
    /// where the room version has no state DAG.
    pub fn prev_state_events(&self) -> References<'_> {
        self.others(self.names_state_parents())
    }

    fn others(&self, wanted: bool) -> References<'_> {
        let place = (self.others & !STATE_PARENTS) as usize;
        References::new(if wanted { &self.json()[place..] } else { "[]" })
    }

    /// The references in one of [`Rules::reference_members`].
    pub(crate) fn references_in(&self, member: &str) -> References<'_> {
        match member {
            "prev_events" => self.prev_events(),
            "auth_events" => self.auth_events(),
            _ => self.prev_state_events(),
        }
    }

    /// Why a room of these rules has no such event, if it has none: it lacks a list of references that the rules ask for,
    /// or has one that they do away with. A sentence without a full stop.
    pub fn unfit(&self, rules: &Rules) -> Option<&'static str> {
        match (rules.auth_source, self.names_state_parents()) {
            (AuthSource::Event, true) => Some("`auth_events` is missing"),
            (AuthSource::Calculated, false) => {
                Some("has `auth_events`, which no server reads in a room of this version")
            }
            (AuthSource::Event, false) | (AuthSource::Calculated, true) => None,
        }
    }

    /// Whether the event is of the form that rooms with state DAGs have: with `prev_state_events`, without `auth_events`.
    pub(crate) fn names_state_parents(&self) -> bool {
        self.others & STATE_PARENTS != 0
    }

    /// The ID of the event to redact (top level, as in room versions 1 to 10).
    pub fn redacts(&self) -> Option<&str> {
        self.redacts.is_present().then(|| self.text(self.redacts))
    }

    /// What authorization reads from `content`.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The content of an `m.room.create` event.
    pub fn as_create(&self) -> Option<&Create> {
        match &self.content {
            Content::Create(create) => Some(create),
            _ => None,
        }
    }

    /// The content of an `m.room.member` event.
    pub fn as_member(&self) -> Option<&Member> {
        match &self.content {
            Content::PlainMember(member) => Some(member),
            Content::Member(member) => Some(member),
            _ => None,
        }
    }

    /// The content of an `m.room.power_levels` event.
    pub fn as_power_levels(&self) -> Option<&PowerLevels> {
        match &self.content {
            Content::PowerLevels(levels) => Some(levels),
            _ => None,
        }
    }

    /// The join rule of an `m.room.join_rules` event.
    pub fn as_join_rule(&self) -> Option<&Field<JoinRule>> {
        match &self.content {
            Content::JoinRules(rule) => Some(rule),
            _ => None,
        }
    }

    /// The PDU as it was given.
    pub fn json(&self) -> &str {
        let start = self.start as usize;
        &self.source[start..start + self.len as usize]
    }
}

/// The server part of a user ID, room ID or version 1 event ID: what follows the first colon.
/// Empty if there is no colon.
pub fn server_name(id: &str) -> &str {
    id.split_once(':').map_or("", |(_, server)| server)
}

#[cfg(test)]
mod tests {
    use super::content::Membership;
    use super::*;

    fn with(field: &str, value: &str) -> String {
        let mut fields = vec![
            ("event_id", r#""$e""#),
            ("type", r#""m.room.member""#),
            ("sender", r#""@a:x""#),
            ("state_key", r#""@a:x""#),
            ("content", r#"{"membership":"join"}"#),
            ("prev_events", r#"["$p"]"#),
            ("auth_events", r#"[["$a",{"sha256":"x"}],"$b"]"#),
            ("origin_server_ts", "5"),
        ];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let members: Vec<_> = fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name:?}:{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    #[test]
    fn a_pdu_is_read() {
        let parsed = Event::parse(&with("depth", "7")).unwrap();
        assert!(parsed.oddities.is_empty());
        let event = parsed.with_id("$e");
        assert_eq!(event.kind(), Kind::Member);
        assert_eq!(event.depth(), 7);
        assert!(event.auth_events().eq(["$a", "$b"]));
        assert_eq!(event.as_member().unwrap().membership, Field::Value(Membership::Join));
    }

    #[test]
    fn events_are_small() {
        // A million of them are in memory at once.
        assert!(size_of::<Event>() <= 112, "{}", size_of::<Event>());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (field, value, expected) in [
            ("type", "", "`type` is missing"),
            ("sender", "5", "`sender` is a number, expected a string"),
            ("content", "[]", "`content` is an array, expected an object"),
            ("prev_events", "{}", "`prev_events` is an object, expected an array"),
            ("auth_events", "[null]", "`auth_events` is null, expected event IDs as its elements"),
            ("origin_server_ts", "\"1\"", "`origin_server_ts` is a string, expected an integer"),
        ] {
            let malformed = Event::parse(&with(field, value)).unwrap_err();
            assert_eq!(malformed.message, expected);
            assert_eq!(malformed.event_id.as_deref(), Some("$e"));
        }
    }

    #[test]
    fn odd_numbers_are_clamped_and_reported() {
        let parsed = Event::parse(&with("origin_server_ts", "99999999999999999999")).unwrap();
        assert_eq!(parsed.oddities, [Oddity::OutOfRange("origin_server_ts")]);
        assert_eq!(parsed.event().origin_server_ts(), i64::MAX);
        let levels = with("type", "\"m.room.power_levels\"")
            .replace(r#"{"membership":"join"}"#, r#"{"users":{"@a:x":1e3,"@b:x":99999999999999999999}}"#);
        assert_eq!(Event::parse(&levels).unwrap().oddities, [Oddity::OutOfRange("power level")]);
        let parsed = Event::parse(&with("depth", "\"x\"")).unwrap();
        assert_eq!(parsed.oddities, [Oddity::WrongType("depth", "a string")]);
    }

    #[test]
    fn servers_are_what_follows_the_first_colon() {
        assert_eq!(server_name("@a:b.example:8448"), "b.example:8448");
        assert_eq!(server_name("$hash"), "");
    }
}
