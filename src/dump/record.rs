//! One record of the input at a time: text in, an event or a finding out. Knows nothing of other records.

use std::sync::Arc;

use super::findings::Findings;
use super::{scan, server};
use crate::event::{Event, Fields, Malformed, Oddity, json};
use crate::report::{Code, Finding};
use crate::room::{IdHasher, LoadedEvent, Recorded, ServerRecords};

/// Deeper than any honest event; serde_json and most other readers give up between 100 and 1000.
const MAX_DEPTH: usize = 100;

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
    /// The event, its ID empty if its JSON gives none.
    pub(super) event: Event,
    pub(super) line: Line,
    pub(super) section: Section,
    /// `None`: nothing.
    pub(super) recorded: Option<Box<Recorded>>,
    /// What few records have.
    pub(super) beside: Option<Box<Beside>>,
}

/// The line that something begins on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line(u32);

impl Line {
    /// Line `number`, counted from 1. Beyond 2³² lines are no longer told apart.
    pub(super) fn new(number: Option<u64>) -> Self {
        Self(number.map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX)))
    }

    /// The number, if it is known.
    pub(super) fn number(self) -> Option<u64> {
        Some(u64::from(self.0)).filter(|number| *number != 0)
    }

    /// The same line, if `lines` more come before it.
    pub(super) fn after(self, lines: u64) -> Self {
        Self::new(self.number().map(|number| number + lines))
    }
}

/// What stands around or deep inside an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// `event_id` of the record around the event.
    pub(super) record_id: Option<Box<str>>,
    /// `room_version` of the record around the event.
    pub(super) record_version: Option<Box<str>>,
    /// `unsigned.event_id`, looked at only where nothing else gives an ID.
    pub(super) unsigned_id: Option<Box<str>>,
}

impl Raw {
    /// The ID that the event's JSON gives.
    pub(super) fn claimed_id(&self) -> Option<&str> {
        Some(self.event.id()).filter(|id| !id.is_empty())
    }

    /// The ID that the record around the event gives.
    pub(super) fn record_id(&self) -> Option<&str> {
        self.beside.as_ref()?.record_id.as_deref()
    }

    /// The room version that the record around the event gives.
    pub(super) fn record_version(&self) -> Option<&str> {
        self.beside.as_ref()?.record_version.as_deref()
    }

    /// `unsigned.event_id`, where nothing else gives an ID.
    pub(super) fn unsigned_id(&self) -> Option<&str> {
        self.beside.as_ref()?.unsigned_id.as_deref()
    }

    /// The ID the input gives: the record's, else the event's own.
    pub(super) fn given_id(&self) -> Option<&str> {
        self.record_id().or(self.claimed_id())
    }

    /// The event without what only the loader wants to know.
    pub(super) fn into_loaded(self) -> LoadedEvent {
        LoadedEvent { event: self.event, line: self.line.0, recorded: self.recorded }
    }

    /// A finding about this event.
    pub(super) fn finding(&self, code: Code, message: impl Into<String>) -> Finding {
        let finding = Finding::new(code, message).maybe_line(self.line.number());
        match self.given_id() {
            Some(id) => finding.event(id),
            None => finding,
        }
    }
}

/// An event, and what must be known of it to put it beside the others.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) raw: Raw,
    /// The hash of the ID it gives, or else of its text.
    pub(super) hash: u32,
    /// What is odd about it.
    pub(super) oddities: Vec<Oddity>,
}

/// Records that were read one after the other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The text that the records are pieces of; if it is not this one, they are copied.
    source: Option<Arc<String>>,
    hasher: IdHasher,
    pub(super) events: Vec<Read>,
    pub(super) findings: Findings,
    /// Records that looked like events, good or bad.
    pub(super) read: u64,
    /// Records of the form `{"event_id", "event"}`.
    pub(super) wrapped: u64,
    /// What a server's database holds beside the events.
    pub(super) server: ServerRecords,
}

impl Batch {
    pub(super) fn new(source: Option<Arc<String>>, hasher: IdHasher) -> Self {
        Self { source, hasher, ..Self::default() }
    }

    /// An empty batch for records of the same input.
    pub(super) fn another(&self) -> Self {
        Self::new(self.source.clone(), self.hasher.clone())
    }

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
        let (source, start) = self.place(text);
        let text = &source[start as usize..start as usize + text.len()];
        // The ID of an event that could not be read, if it could be told.
        let read = match Members::scan(text) {
            Ok(members) => self.members(&source, text, members, line, section),
            Err(error) => {
                self.findings.push(not_json(&error, line, whole));
                Err(None)
            }
        };
        let depth = scan::depth_beyond(text.as_bytes(), MAX_DEPTH);
        if depth > MAX_DEPTH {
            let message = format!("nested {depth} levels deep: no hash can be computed");
            let finding = Finding::new(Code::NestedTooDeep, message).maybe_line(line);
            let id = match read {
                Ok(()) => self.events.last().and_then(|read| read.raw.given_id()).map(Box::from),
                Err(id) => id,
            };
            self.findings.push(match id {
                Some(id) => finding.event(id),
                None => finding,
            });
        }
    }

    /// Where `text` stands in the source, or in a copy of it.
    fn place(&self, text: &str) -> (Arc<String>, u32) {
        if let Some(source) = &self.source {
            let start = offset(source, text);
            if start.checked_add(text.len()).is_some_and(|end| end <= source.len())
                && let (Ok(start), Ok(_)) = (u32::try_from(start), u32::try_from(start + text.len()))
            {
                return (Arc::clone(source), start);
            }
        }
        (Arc::new(text.to_owned()), 0)
    }

    /// Reads the event that the members make, or that is among them. If there is none, its ID is returned.
    fn members(
        &mut self,
        source: &Arc<String>,
        text: &str,
        members: Members<'_>,
        line: Option<u64>,
        section: Section,
    ) -> Result<(), Option<Box<str>>> {
        let envelope = members.envelope;
        if envelope.event.is_none() && envelope.event_type.is_none() && envelope.is_of_server {
            // Not meant as an event.
            self.read -= 1;
            return match server::read(text, &mut self.server) {
                Ok(()) => Ok(()),
                Err(finding) => {
                    let id = finding.event.clone();
                    self.findings.push(finding.maybe_line(line));
                    Err(id)
                }
            };
        }
        let wrapped = envelope.wrapped();
        let (pdu, fields) = match wrapped {
            None => (text, Ok(members.fields)),
            Some(pdu) => (pdu, Fields::scan(pdu)),
        };
        // Less than 4 GiB, for so is the end of the text; and if a copy is longer, no event is read from it.
        let start = u32::try_from(offset(source, pdu)).unwrap_or(u32::MAX);
        let malformed = |error: serde_json::Error| Malformed {
            event_id: None,
            message: format!("not a JSON object: {error}"),
        };
        let read = fields.map_err(malformed).and_then(|fields| fields.read(source, start, pdu));
        let (event, oddities) = match read {
            Ok(parsed) => parsed.into_parts(),
            Err(malformed) => {
                let finding = Finding::new(Code::MalformedEvent, malformed.message).maybe_line(line);
                let id = wrapped.and(string(envelope.event_id)).or(malformed.event_id);
                self.findings.push(match id.clone() {
                    Some(id) => finding.event(id),
                    None => finding.remedy("every line must be a PDU in federation format"),
                });
                return Err(id);
            }
        };
        let mut recorded = Recorded { outlier: section.is_outlier(), ..Recorded::default() };
        let mut raw = Raw { line: Line::new(line), section, recorded: None, beside: None, event };
        if wrapped.is_some() {
            self.wrapped += 1;
            let record_id = string(envelope.event_id);
            let record_version = string(envelope.room_version);
            raw.beside = Some(Box::new(Beside { record_id, record_version, unsigned_id: None }));
            self.metadata(&envelope, &raw, &mut recorded);
            self.stored(&envelope, &raw);
        }
        if raw.given_id().is_none() {
            let unsigned = match wrapped {
                None => envelope.unsigned,
                Some(pdu) => json::pick(pdu, ["unsigned"]).ok().and_then(|[unsigned]| unsigned),
            };
            let inner = unsigned.and_then(|unsigned| json::pick(unsigned, ["event_id"]).ok());
            if let Some(id) = inner.and_then(|[id]| string(id)) {
                raw.beside.get_or_insert_default().unsigned_id = Some(id);
            }
        }
        raw.recorded = recorded.boxed();
        let hash = self.hasher.hash(raw.given_id().unwrap_or(raw.event.json()));
        self.events.push(Read { raw, hash, oddities });
        Ok(())
    }

    /// Where the event stands in the server's database, and what became of it there.
    fn stored(&mut self, envelope: &Envelope<'_>, raw: &Raw) {
        let Some(id) = raw.given_id() else { return };
        let number = |json: Option<&str>| json.and_then(|json| json.parse::<i64>().ok());
        let (order, group) = (number(envelope.stream_ordering), number(envelope.state_group));
        if order.is_some() || group.is_some() {
            self.server.events.push((id.into(), order, group));
        }
        if let Some(by) = string(envelope.redacted_by) {
            let left = if envelope.censored == Some("true") {
                "the server has deleted what redaction takes away"
            } else {
                "the server still has all of it, and so has this dump"
            };
            self.findings.push(raw.finding(Code::Redacted, format!("redacted by {by}: {left}")));
        }
    }

    /// What a server's record says beside the event.
    fn metadata(&mut self, envelope: &Envelope<'_>, raw: &Raw, recorded: &mut Recorded) {
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
        recorded.outlier |= outlier;
        recorded.soft_failed = soft_failed;
        recorded.partial_state = partial_state;
        recorded.rejected = rejected;
    }
}

const REEXPORT: &str = "export it again as UTF-8";

impl Section {
    fn is_outlier(self) -> bool {
        matches!(self, Self::Outlier | Self::JoinState)
    }
}

/// Where `part`, a slice of `source`, begins; any large number if it is none.
fn offset(source: &str, part: &str) -> usize {
    (part.as_ptr() as usize).wrapping_sub(source.as_ptr() as usize)
}

/// The members of a record, found in one go: it may be an event, or a server's record around one.
struct Members<'a> {
    fields: Fields<'a>,
    envelope: Envelope<'a>,
}

/// The members that tell a server's record around an event from the event itself.
#[derive(Clone, Copy)]
struct Envelope<'a> {
    event_type: Option<&'a str>,
    event: Option<&'a str>,
    event_id: Option<&'a str>,
    rejected: Option<&'a str>,
    outlier: Option<&'a str>,
    soft_failed: Option<&'a str>,
    partial_state: Option<&'a str>,
    room_version: Option<&'a str>,
    unsigned: Option<&'a str>,
    state_group: Option<&'a str>,
    stream_ordering: Option<&'a str>,
    redacted_by: Option<&'a str>,
    censored: Option<&'a str>,
    /// One of the members that only records of a server's database without an event have.
    is_of_server: bool,
}

impl<'a> Members<'a> {
    fn scan(text: &'a str) -> Result<Self, serde_json::Error> {
        // In bytewise order, as `json::scan` likes them best.
        let (found, repeated) = json::scan(
            text,
            &[
                "auth_events",
                "censored",
                "content",
                "depth",
                "event",
                "event_id",
                "origin_server_ts",
                "outlier",
                "partial_state",
                "prev_events",
                "prev_state_events",
                "redacted_by",
                "redacts",
                "rejected",
                "room_id",
                "room_version",
                "sender",
                "server",
                "soft_failed",
                "state_delta",
                "state_group",
                "state_key",
                "stream_ordering",
                "type",
                "unreadable",
                "unsigned",
            ],
        )?;
        let [
            auth,
            censored,
            content,
            depth,
            event,
            event_id,
            ts,
            outlier,
            partial_state,
            prev,
            prev_state,
            redacted_by,
            ..,
        ] = found;
        let [
            ..,
            redacts,
            rejected,
            room_id,
            room_version,
            sender,
            server,
            soft_failed,
            state_delta,
            state_group,
            state_key,
            stream_ordering,
            event_type,
            unreadable,
            unsigned,
        ] = found;
        let found = [
            auth, content, depth, event_id, ts, prev, prev_state, redacts, room_id, sender, state_key,
            event_type,
        ];
        let envelope = Envelope {
            event_type,
            event,
            event_id,
            rejected,
            outlier,
            soft_failed,
            partial_state,
            room_version,
            unsigned,
            state_group,
            stream_ordering,
            redacted_by,
            censored,
            is_of_server: [server, state_delta, state_group, unreadable].iter().any(Option::is_some),
        };
        Ok(Self { fields: Fields { found, repeated }, envelope })
    }
}

impl<'a> Envelope<'a> {
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
