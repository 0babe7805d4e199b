//! From JSON to an [`Event`].

use std::borrow::Cow;
use std::sync::Arc;

use super::content::Content;
use super::json::{self, Integer};
use super::references::References;
use super::span::{MAX_JSON, Own, Span};
use super::{Event, Kind, Malformed, Oddity, STATE_PARENTS};

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
        Some(self.event.id()).filter(|id| !id.is_empty())
    }

    /// The event as read, with its claimed ID (or an empty one).
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// Settles the ID.
    pub fn with_id(mut self, event_id: impl AsRef<str>) -> Event {
        self.event.set_id(event_id.as_ref());
        self.event
    }

    /// The event with its claimed ID (or an empty one), and what is odd about it.
    pub(crate) fn into_parts(self) -> (Event, Vec<Oddity>) {
        (self.event, self.oddities)
    }
}

/// The members of a PDU that are read, in bytewise order: that of canonical JSON, so that a search which goes on where the
/// last one ended is short.
const FIELDS: [&str; 12] = [
    "auth_events",
    "content",
    "depth",
    "event_id",
    "origin_server_ts",
    "prev_events",
    "prev_state_events",
    "redacts",
    "room_id",
    "sender",
    "state_key",
    "type",
];

/// The members of a PDU as JSON, and a key that stands there twice.
pub(crate) struct Fields<'a> {
    /// In the order of [`FIELDS`].
    pub(crate) found: [Option<&'a str>; 12],
    pub(crate) repeated: Option<Box<str>>,
}

impl<'a> Fields<'a> {
    /// Finds the members.
    ///
    /// # Errors
    /// If `json` is not a JSON object.
    pub(crate) fn scan(json: &'a str) -> Result<Self, serde_json::Error> {
        let (found, repeated) = json::scan(json, &FIELDS)?;
        Ok(Self { found, repeated })
    }

    /// Reads the PDU whose members these are: `json`, which begins at `start` of `source`.
    ///
    /// # Errors
    /// As [`Event::parse`].
    pub(crate) fn read(self, source: &Arc<String>, start: u32, json: &'a str) -> Result<Parsed, Malformed> {
        let [auth, content, depth, event_id, ts, prev, prev_state, redacts, room_id, sender, state_key, kind] =
            self.found;
        let mut reader = Reader { json, own: None, event_id, oddities: Vec::new() };
        let too_long =
            || reader.fail(format!("{} bytes long: no event of more than {MAX_JSON} is read", json.len()));
        let len =
            u32::try_from(json.len()).ok().filter(|len| *len as usize <= MAX_JSON).ok_or_else(too_long)?;
        let event_type = reader.required_string("type", kind)?;
        let kind = Kind::of(event_type.of(json, &reader.own));
        let content = reader.content(kind, content)?;
        let event_id = match event_id.map(|id| reader.string(id)) {
            Some(Some(id)) => id,
            _ => Span::ABSENT,
        };
        if let Some(key) = self.repeated {
            reader.oddities.push(Oddity::RepeatedKey("the event", key));
        }
        let event = Event {
            room_id: reader.optional_string("room_id", room_id),
            state_key: reader.optional_string("state_key", state_key),
            sender: reader.required_string("sender", sender)?,
            origin_server_ts: reader.required_integer("origin_server_ts", ts)?,
            depth: reader.depth(depth),
            prev_events: reader.references("prev_events", prev)?,
            others: match (auth, prev_state) {
                (None, Some(_)) => reader.references("prev_state_events", prev_state)? | STATE_PARENTS,
                // Beside `auth_events` that is a key like any other.
                _ => reader.references("auth_events", auth)?,
            },
            redacts: redacts.and_then(|json| reader.string(json)).unwrap_or(Span::ABSENT),
            event_type,
            content,
            event_id,
            own: reader.own,
            source: Arc::clone(source),
            start,
            len,
        };
        Ok(Parsed { event, oddities: reader.oddities })
    }
}

/// Reads fields with messages that say what was found instead.
struct Reader<'a> {
    json: &'a str,
    own: Own,
    event_id: Option<&'a str>,
    oddities: Vec<Oddity>,
}

impl<'a> Reader<'a> {
    fn fail(&self, message: String) -> Malformed {
        Malformed { event_id: self.event_id.and_then(json::string).map(Box::from), message }
    }

    fn wrong_type(&self, name: &str, json: &str, wanted: &str) -> Malformed {
        self.fail(format!("`{name}` is {}, expected {wanted}", json::kind(json)))
    }

    fn required(&self, name: &str, json: Option<&'a str>) -> Result<&'a str, Malformed> {
        json.ok_or_else(|| self.fail(format!("`{name}` is missing")))
    }

    fn content(&mut self, kind: Kind, json: Option<&'a str>) -> Result<Content, Malformed> {
        let json = self.required("content", json)?;
        let (content, repeated) =
            Content::parse(kind, json).map_err(|_| self.wrong_type("content", json, "an object"))?;
        if let Content::PowerLevels(levels) = &content
            && levels.is_clamped()
        {
            self.oddities.push(Oddity::OutOfRange("power level"));
        }
        if let Some(key) = repeated {
            self.oddities.push(Oddity::RepeatedKey("`content`", key));
        }
        Ok(content)
    }

    /// The place of the string `json`, or `None` if it is another kind of value.
    fn string(&mut self, json: &'a str) -> Option<Span> {
        Some(match json::string(json)? {
            Cow::Borrowed(text) => Span::inside(self.json, text),
            Cow::Owned(text) => Span::own(&mut self.own, &text),
        })
    }

    fn required_string(&mut self, name: &str, json: Option<&'a str>) -> Result<Span, Malformed> {
        let json = self.required(name, json)?;
        self.string(json).ok_or_else(|| self.wrong_type(name, json, "a string"))
    }

    fn optional_string(&mut self, name: &'static str, json: Option<&'a str>) -> Span {
        let Some(json) = json else { return Span::ABSENT };
        self.string(json).unwrap_or_else(|| {
            self.oddities.push(Oddity::WrongType(name, json::kind(json)));
            Span::ABSENT
        })
    }

    fn required_integer(&mut self, name: &'static str, json: Option<&'a str>) -> Result<i64, Malformed> {
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

    fn depth(&mut self, json: Option<&'a str>) -> i64 {
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

    /// Where the array of references begins.
    fn references(&self, name: &str, json: Option<&'a str>) -> Result<u32, Malformed> {
        let json = self.required(name, json)?;
        if !json.starts_with('[') {
            return Err(self.wrong_type(name, json, "an array"));
        }
        References::check(json)
            .map_err(|element| self.wrong_type(name, element, "event IDs as its elements"))?;
        Ok(Span::inside(self.json, json).start())
    }
}
