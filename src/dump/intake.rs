//! One record of the input at a time: text in, a parsed event or a finding out.

use std::borrow::Cow;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{Hash as _, Hasher as _};

use serde::Deserialize;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use super::findings::Findings;
use super::scan;
use crate::event::{Event, Oddity, Parsed, json};
use crate::report::{Code, Finding};
use crate::room::Recorded;

/// The size no PDU may exceed (<https://spec.matrix.org/latest/client-server-api/#size-limits>).
const MAX_PDU: usize = 65_536;
/// Deeper than any honest event; serde_json and most other readers give up between 100 and 1000.
const MAX_DEPTH: usize = 100;
/// So many keys of an object are looked at for repetitions.
const KEYS_COMPARED: usize = 4096;

/// Which part of a federation response an event stood in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// An event with a place in the DAG.
    Plain,
    /// An event that is known without a place in the DAG.
    Outlier,
    /// As [`Section::Outlier`], and part of the state that a `/send_join` response asserts.
    JoinState,
    /// The join event of a `/send_join` response.
    Join,
}

/// An event that has been read; its ID is not settled yet.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) parsed: Parsed,
    pub(super) line: Option<u64>,
    pub(super) recorded: Recorded,
    pub(super) section: Section,
    /// `event_id` of the record around the event.
    pub(super) record_id: Option<Box<str>>,
    /// `room_version` of the record around the event.
    pub(super) record_version: Option<Box<str>>,
    /// `unsigned.event_id`, looked at only where nothing else gives an ID.
    pub(super) unsigned_id: Option<Box<str>>,
}

impl Raw {
    /// The ID the input gives: the record's, else the event's own.
    pub(super) fn given_id(&self) -> Option<&str> {
        self.record_id.as_deref().or(self.parsed.claimed_id())
    }

    /// A finding about this event.
    pub(super) fn finding(&self, code: Code, message: impl Into<String>) -> Finding {
        let finding = Finding::new(code, message).maybe_line(self.line);
        match self.given_id() {
            Some(id) => finding.event(id),
            None => finding,
        }
    }
}

/// Everything read so far.
#[derive(Debug, Default)]
pub(super) struct Intake {
    pub(super) raws: Vec<Raw>,
    pub(super) findings: Findings,
    /// Records that looked like events, good or bad.
    pub(super) read: u64,
    /// Records of the form `{"event_id", "event"}`.
    pub(super) wrapped: u64,
    /// Where in `raws` a record with this hash is: an input that repeats itself for ever must not fill the memory.
    seen: HashMap<u64, usize>,
}

impl Intake {
    /// Reads one record. `whole` is false for the last one of an input that may have been cut off.
    pub(super) fn bytes(&mut self, bytes: &[u8], line: Option<u64>, whole: bool) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text, line, Section::Plain, whole),
            Err(error) => {
                self.read += 1;
                let (code, message) = if !whole && error.error_len().is_none() {
                    (Code::Truncated, "the last line ends in the middle of a character".to_owned())
                } else {
                    (Code::NotUtf8, format!("not UTF-8 from byte {}", error.valid_up_to() + 1))
                };
                self.findings.push(Finding::new(code, message).maybe_line(line).remedy(REEXPORT));
            }
        }
    }

    /// Reads one record of JSON text.
    pub(super) fn text(&mut self, text: &str, line: Option<u64>, section: Section, whole: bool) {
        self.read += 1;
        let text = text.trim_ascii();
        let depth = scan::depth(text.as_bytes());
        let id = match Envelope::read(text) {
            Ok(envelope) => self.envelope(text, &envelope, line, section),
            Err(error) => {
                self.findings.push(not_json(&error, line, whole));
                None
            }
        };
        if depth > MAX_DEPTH {
            let message = format!("nested {depth} levels deep: no hash can be computed");
            let finding = Finding::new(Code::NestedTooDeep, message).maybe_line(line);
            self.findings.push(match id {
                Some(id) => finding.event(id),
                None => finding,
            });
        }
    }

    /// Returns the ID that the event claims.
    fn envelope(
        &mut self,
        text: &str,
        envelope: &Envelope<'_>,
        line: Option<u64>,
        section: Section,
    ) -> Option<Box<str>> {
        let pdu = envelope.wrapped().unwrap_or(text);
        let parsed = match Event::parse(pdu) {
            Ok(parsed) => parsed,
            Err(malformed) => {
                let finding = Finding::new(Code::MalformedEvent, malformed.message).maybe_line(line);
                let id = envelope.wrapped().and(string(envelope.event_id)).or(malformed.event_id);
                self.findings.push(match id.clone() {
                    Some(id) => finding.event(id),
                    None => finding.remedy("every line must be a PDU in federation format"),
                });
                return id;
            }
        };
        let mut raw = Raw {
            line,
            section,
            recorded: Recorded { outlier: section.is_outlier(), ..Recorded::default() },
            record_id: None,
            record_version: None,
            unsigned_id: None,
            parsed,
        };
        if envelope.wrapped().is_some() {
            self.wrapped += 1;
            raw.record_id = string(envelope.event_id);
            raw.record_version = string(envelope.room_version);
            self.metadata(envelope, &mut raw);
        }
        if raw.given_id().is_none() {
            let unsigned = json::pick(pdu, ["unsigned"]).ok().and_then(|[unsigned]| unsigned);
            let inner = unsigned.and_then(|unsigned| json::pick(unsigned, ["event_id"]).ok());
            raw.unsigned_id = inner.and_then(|[id]| string(id));
        }
        let id = raw.given_id().map(Box::from);
        if let Some(first) = self.repeats(&raw) {
            let at = first.map_or(String::new(), |line| format!(" on line {line}"));
            self.findings
                .push(raw.finding(Code::DuplicateEvent, format!("the same event is also given{at}")));
            return id;
        }
        self.oddities(&raw);
        self.raws.push(raw);
        id
    }

    /// Whether the very same record was read before, and on which line. Remembers it if not.
    fn repeats(&mut self, raw: &Raw) -> Option<Option<u64>> {
        let mut hasher = DefaultHasher::new();
        raw.parsed.event().json().hash(&mut hasher);
        match self.seen.entry(hasher.finish()) {
            Entry::Occupied(found) => {
                let first = &self.raws[*found.get()];
                let same = first.parsed.event().json() == raw.parsed.event().json()
                    && first.recorded == raw.recorded
                    && first.section == raw.section
                    && first.record_id == raw.record_id
                    && first.record_version == raw.record_version;
                same.then_some(first.line)
            }
            Entry::Vacant(free) => {
                free.insert(self.raws.len());
                None
            }
        }
    }

    /// What a server's record says beside the event.
    fn metadata(&mut self, envelope: &Envelope<'_>, raw: &mut Raw) {
        let mut odd = |name: &str, value: &str| {
            let message = format!("`{name}` of the record is {}: ignored", json::kind(value));
            self.findings.push(raw.finding(Code::OddField, message));
        };
        let mut flag = |name: &str, value: Option<&str>| match value {
            Some("true") => true,
            None | Some("false" | "null") => false,
            Some(other) => {
                odd(name, other);
                false
            }
        };
        let outlier = flag("outlier", envelope.outlier);
        let soft_failed = flag("soft_failed", envelope.soft_failed);
        let partial_state = flag("partial_state", envelope.partial_state);
        let rejected = match envelope.rejected {
            None | Some("null" | "false") => None,
            Some("true") => Some("no reason recorded".into()),
            Some(text) => json::string(text).map(Box::from).or_else(|| {
                odd("rejected", text);
                None
            }),
        };
        raw.recorded.outlier |= outlier;
        raw.recorded.soft_failed = soft_failed;
        raw.recorded.partial_state = partial_state;
        raw.recorded.rejected = rejected;
    }

    fn oddities(&mut self, raw: &Raw) {
        for oddity in &raw.parsed.oddities {
            let (code, message) = match oddity {
                Oddity::OutOfRange(name) => (
                    Code::NumberOutOfRange,
                    format!("`{name}` is no integer of 64 bits: taken as the nearest"),
                ),
                Oddity::WrongType(name, found) => {
                    (Code::OddField, format!("`{name}` is {found}: treated as absent"))
                }
            };
            self.findings.push(raw.finding(code, message));
        }
        let json = raw.parsed.event().json();
        let content = json::pick(json, ["content"]).ok().and_then(|[content]| content);
        for (place, object) in [("the event", Some(json)), ("`content`", content)] {
            if let Some(key) = object.and_then(repeated_key) {
                let message = format!("{place} has the key `{key}` twice: the last one counts");
                self.findings.push(raw.finding(Code::OddField, message));
            }
        }
        let size = if json.len() > MAX_PDU { scan::compact_len(json.as_bytes()) } else { 0 };
        if size > MAX_PDU {
            let message = format!("{size} bytes long; no server accepts a PDU of more than {MAX_PDU}");
            self.findings.push(raw.finding(Code::Oversized, message).spec(SIZE_LIMITS));
        }
    }
}

const REEXPORT: &str = "export it again as UTF-8";
const SIZE_LIMITS: &str = "https://spec.matrix.org/latest/client-server-api/#size-limits";

impl Section {
    fn is_outlier(self) -> bool {
        matches!(self, Self::Outlier | Self::JoinState)
    }
}

/// The members that tell a server's record around an event from the event itself.
struct Envelope<'a> {
    event_type: Option<&'a str>,
    event: Option<&'a str>,
    event_id: Option<&'a str>,
    rejected: Option<&'a str>,
    outlier: Option<&'a str>,
    soft_failed: Option<&'a str>,
    partial_state: Option<&'a str>,
    room_version: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        let [event_type, event, event_id, rejected, outlier, soft_failed, partial_state, room_version] =
            json::pick(
                text,
                [
                    "type",
                    "event",
                    "event_id",
                    "rejected",
                    "outlier",
                    "soft_failed",
                    "partial_state",
                    "room_version",
                ],
            )?;
        Ok(Self { event_type, event, event_id, rejected, outlier, soft_failed, partial_state, room_version })
    }

    /// The event inside, if this is a record around one.
    fn wrapped(&self) -> Option<&'a str> {
        self.event.filter(|event| self.event_type.is_none() && event.starts_with('{'))
    }
}

/// The string a member holds; an empty one is as good as none.
fn string(json: Option<&str>) -> Option<Box<str>> {
    json.and_then(json::string).filter(|text| !text.is_empty()).map(Box::from)
}

/// The finding for text that is not a JSON object.
pub(super) fn not_json(error: &serde_json::Error, line: Option<u64>, whole: bool) -> Finding {
    let text = error.to_string();
    // serde_json counts lines inside the record, which would be taken for lines of the file.
    let (reason, _) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
    let finding = if error.is_eof() && !whole {
        Finding::new(Code::Truncated, format!("the input ends in the middle of a value: {reason}"))
            .remedy("export it again; the file was cut off")
    } else if error.is_data() {
        Finding::new(Code::NotJson, format!("not a JSON object: {reason}"))
    } else {
        Finding::new(Code::NotJson, format!("not JSON: {reason}, column {}", error.column()))
    };
    finding.maybe_line(line)
}

/// A key that the object `json` has twice.
fn repeated_key(json: &str) -> Option<String> {
    #[derive(Deserialize, PartialEq, Eq, Hash)]
    struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

    struct Keys;

    impl<'de> Visitor<'de> for Keys {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut seen = HashSet::new();
            let mut repeated: Option<String> = None;
            while let Some(key) = map.next_key::<Key<'de>>()? {
                map.next_value::<IgnoredAny>()?;
                if repeated.is_some() || seen.len() >= KEYS_COMPARED {
                    continue;
                }
                if seen.contains(&key) {
                    repeated = Some(key.0.into_owned());
                } else {
                    seen.insert(key);
                }
            }
            Ok(repeated)
        }
    }

    serde_json::Deserializer::from_str(json).deserialize_map(Keys).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PDU: &str = r#"{"type":"m.x","sender":"@a:x","content":{},"prev_events":[],"auth_events":[],"origin_server_ts":1}"#;

    fn read(text: &str) -> (Intake, Vec<Code>) {
        let mut intake = Intake::default();
        intake.bytes(text.as_bytes(), Some(4), false);
        let findings = std::mem::take(&mut intake.findings).finish();
        assert!(findings.iter().all(|finding| finding.line == Some(4)), "{findings:?}");
        let codes = findings.iter().map(|finding| finding.code).collect();
        (intake, codes)
    }

    #[test]
    fn a_record_tells_how_the_server_took_the_event() {
        let text = format!(
            r#"{{"event_id":"$e","room_version":"9","outlier":true,"rejected":"because","soft_failed":true,"partial_state":7,"event":{PDU}}}"#
        );
        let (intake, codes) = read(&text);
        assert_eq!(codes, [Code::OddField]);
        let raw = &intake.raws[0];
        assert_eq!((raw.given_id(), raw.record_version.as_deref()), (Some("$e"), Some("9")));
        let expected = Recorded {
            outlier: true,
            rejected: Some("because".into()),
            soft_failed: true,
            partial_state: false,
        };
        assert_eq!(raw.recorded, expected);
        assert_eq!(raw.parsed.event().json(), PDU);
    }

    #[test]
    fn repeated_keys_are_odd() {
        let text = PDU.replace("\"content\":{}", r#""content":{"a":1,"a":2},"type":"m.y""#);
        let (intake, codes) = read(&text);
        assert_eq!(codes, [Code::OddField, Code::OddField]);
        assert_eq!(intake.raws[0].parsed.event().event_type(), "m.y");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, code) in [
            ("nonsense", Code::NotJson),
            ("[1]", Code::NotJson),
            ("{\"a\":NaN}", Code::NotJson),
            ("{} {}", Code::NotJson),
            ("{\"a\":", Code::Truncated),
            ("{}", Code::MalformedEvent),
        ] {
            let (intake, codes) = read(text);
            assert_eq!(codes, [code], "{text}");
            assert!(intake.raws.is_empty());
        }
    }

    #[test]
    fn size_is_measured_without_white_space() {
        let padded = format!("{}{}}}", &PDU[..PDU.len() - 1], " ".repeat(MAX_PDU));
        assert_eq!(read(&padded).1, []);
        let long = PDU.replace("m.x", &"x".repeat(MAX_PDU));
        assert_eq!(read(&long).1, [Code::Oversized]);
    }
}
