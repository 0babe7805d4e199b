//! One PDU: its identifiers, and what state resolution reads from it, parsed once.

pub mod content;
pub mod hash;
pub(crate) mod json;
pub mod room_version;

use std::fmt;

use self::content::{Content, Create, Field, JoinRule, Member, PowerLevels};
use self::json::Integer;

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
}

/// One PDU.
///
/// The strings are as the event has them; nothing is validated but the types of the fields. `depth`
/// and `origin_server_ts` are the sender's claims.
#[derive(Debug, Clone)]
pub struct Event {
    event_id: Box<str>,
    room_id: Option<Box<str>>,
    event_type: Box<str>,
    kind: Kind,
    state_key: Option<Box<str>>,
    sender: Box<str>,
    origin_server_ts: i64,
    depth: i64,
    prev_events: Vec<Box<str>>,
    auth_events: Vec<Box<str>>,
    redacts: Option<Box<str>>,
    content: Content,
    json: Box<str>,
}

/// A PDU that has been read but whose ID is not settled yet: the step between JSON and [`Event`].
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The event, its ID empty if the JSON gives none.
    event: Event,
    /// What is odd about it.
    pub oddities: Vec<Oddity>,
}

impl Parsed {
    /// The ID that the JSON gives, if any.
    pub fn claimed_id(&self) -> Option<&str> {
        (!self.event.event_id.is_empty()).then_some(&*self.event.event_id)
    }

    /// The event as read, with its claimed ID (or an empty one).
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// Settles the ID.
    pub fn with_id(mut self, event_id: impl Into<Box<str>>) -> Event {
        self.event.event_id = event_id.into();
        self.event
    }
}

impl Event {
    /// Reads a federation-format PDU. `event_id` may be absent; references may be
    /// IDs or the `[id, {hashes}]` pairs of room versions 1 and 2; `room_id`, `depth` and
    /// `state_key` may be absent.
    ///
    /// # Errors
    /// If the JSON is not an object, or lacks `type`, `sender`, `content`, `prev_events`,
    /// `auth_events` or `origin_server_ts`, or has them in a wrong type.
    pub fn parse(json: &str) -> Result<Parsed, Malformed> {
        let [
            prev_state,
            event_id,
            room_id,
            event_type,
            state_key,
            sender,
            ts,
            depth,
            prev,
            auth,
            redacts,
            content,
        ] = json::pick(
            json,
            [
                "prev_state_events",
                "event_id",
                "room_id",
                "type",
                "state_key",
                "sender",
                "origin_server_ts",
                "depth",
                "prev_events",
                "auth_events",
                "redacts",
                "content",
            ],
        )
        .map_err(|error| Malformed { event_id: None, message: format!("not a JSON object: {error}") })?;
        let mut reader =
            Reader { event_id: event_id.and_then(json::string).map(Box::from), oddities: Vec::new() };
        if let (Some(_), None) = (prev_state, auth) {
            let text = "has `prev_state_events` instead of `auth_events`: rooms with state DAGs (MSC4242) are not read yet";
            return Err(reader.fail(text.to_owned()));
        }
        let event_type = reader.required_string("type", event_type)?;
        let kind = Kind::of(&event_type);
        let content = reader.required("content", content)?;
        let content = Content::parse(&event_type, content)
            .map_err(|_| reader.wrong_type("content", content, "an object"))?;
        if let Content::PowerLevels(levels) = &content
            && levels.is_clamped()
        {
            reader.oddities.push(Oddity::OutOfRange("power level"));
        }
        let event = Event {
            room_id: reader.optional_string("room_id", room_id),
            kind,
            state_key: reader.optional_string("state_key", state_key),
            sender: reader.required_string("sender", sender)?,
            origin_server_ts: reader.required_integer("origin_server_ts", ts)?,
            depth: reader.depth(depth),
            prev_events: reader.references("prev_events", prev)?,
            auth_events: reader.references("auth_events", auth)?,
            redacts: redacts.and_then(json::string).map(Box::from),
            event_type,
            content,
            json: json.into(),
            event_id: reader.event_id.unwrap_or_default(),
        };
        Ok(Parsed { event, oddities: reader.oddities })
    }

    /// The event ID.
    pub fn id(&self) -> &str {
        &self.event_id
    }

    /// The room ID; a create event of room version 12 has none.
    pub fn room_id(&self) -> Option<&str> {
        self.room_id.as_deref()
    }

    /// The `type`.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The type as far as authorization tells types apart.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The state key; `None` for an event that is not a state event.
    pub fn state_key(&self) -> Option<&str> {
        self.state_key.as_deref()
    }

    /// Whether the event is a state event.
    pub fn is_state(&self) -> bool {
        self.state_key.is_some()
    }

    /// Whether the event has the type and the empty state key.
    pub fn is_state_of(&self, kind: Kind) -> bool {
        self.kind == kind && self.state_key() == Some("")
    }

    /// The sender's user ID.
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// The sender's claim of when it was sent: milliseconds since 1970.
    pub fn origin_server_ts(&self) -> i64 {
        self.origin_server_ts
    }

    /// The sender's claim of how deep in the DAG the event is.
    pub fn depth(&self) -> i64 {
        self.depth
    }

    /// The IDs of the parents, in the order of the event.
    pub fn prev_events(&self) -> &[Box<str>] {
        &self.prev_events
    }

    /// The IDs of the events that authorize this one, in the order of the event.
    pub fn auth_events(&self) -> &[Box<str>] {
        &self.auth_events
    }

    /// The ID of the event to redact (top level, as in room versions 1 to 10).
    pub fn redacts(&self) -> Option<&str> {
        self.redacts.as_deref()
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
        &self.json
    }
}

/// The server part of a user ID, room ID or version 1 event ID: what follows the first colon.
/// Empty if there is no colon.
pub fn server_name(id: &str) -> &str {
    id.split_once(':').map_or("", |(_, server)| server)
}

/// Reads fields with messages that say what was found instead.
struct Reader {
    event_id: Option<Box<str>>,
    oddities: Vec<Oddity>,
}

impl Reader {
    fn fail(&self, message: String) -> Malformed {
        Malformed { event_id: self.event_id.clone(), message }
    }

    fn wrong_type(&self, name: &str, json: &str, wanted: &str) -> Malformed {
        self.fail(format!("`{name}` is {}, expected {wanted}", json::kind(json)))
    }

    fn required<'a>(&self, name: &str, json: Option<&'a str>) -> Result<&'a str, Malformed> {
        json.ok_or_else(|| self.fail(format!("`{name}` is missing")))
    }

    fn required_string(&self, name: &str, json: Option<&str>) -> Result<Box<str>, Malformed> {
        let json = self.required(name, json)?;
        json::string(json).map(Box::from).ok_or_else(|| self.wrong_type(name, json, "a string"))
    }

    fn optional_string(&mut self, name: &'static str, json: Option<&str>) -> Option<Box<str>> {
        let json = json?;
        let text = json::string(json).map(Box::from);
        if text.is_none() {
            self.oddities.push(Oddity::WrongType(name, json::kind(json)));
        }
        text
    }

    fn required_integer(&mut self, name: &'static str, json: Option<&str>) -> Result<i64, Malformed> {
        let json = self.required(name, json)?;
        match json::integer(json) {
            Some(Integer::Exact(value)) => Ok(value),
            Some(Integer::Clamped(value)) => {
                self.oddities.push(Oddity::OutOfRange(name));
                Ok(value)
            }
            None => Err(self.wrong_type(name, json, "an integer")),
        }
    }

    fn depth(&mut self, json: Option<&str>) -> i64 {
        match json.map(|json| (json, json::integer(json))) {
            None => 0,
            Some((_, Some(Integer::Exact(value)))) => value,
            Some((_, Some(Integer::Clamped(value)))) => {
                self.oddities.push(Oddity::OutOfRange("depth"));
                value
            }
            Some((json, None)) => {
                self.oddities.push(Oddity::WrongType("depth", json::kind(json)));
                0
            }
        }
    }

    fn references(&self, name: &str, json: Option<&str>) -> Result<Vec<Box<str>>, Malformed> {
        let json = self.required(name, json)?;
        let elements = json::elements(json).ok_or_else(|| self.wrong_type(name, json, "an array"))?;
        let reference = |element: &str| -> Option<Box<str>> {
            if let Some(id) = json::string(element) {
                return Some(id.into());
            }
            let pair = json::elements(element)?;
            json::string(pair.first()?).map(Box::from)
        };
        elements
            .into_iter()
            .map(|element| {
                reference(element).ok_or_else(|| self.wrong_type(name, element, "event IDs as its elements"))
            })
            .collect()
    }
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
        assert_eq!(event.auth_events(), ["$a".into(), "$b".into()]);
        assert_eq!(event.as_member().unwrap().membership, Field::Value(Membership::Join));
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
