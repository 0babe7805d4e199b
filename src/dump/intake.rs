//! The events of the input, record after record, without exact repetitions.

use std::sync::Arc;

use super::findings::Findings;
pub(super) use super::record::{Batch, Line, Raw, Read, Section};
use super::scan;
use crate::event::Oddity;
use crate::report::Code;
use crate::room::{IdTable, ServerRecords};

/// The size no PDU may exceed (<https://spec.matrix.org/latest/client-server-api/#size-limits>).
const MAX_PDU: usize = 65_536;
const SIZE_LIMITS: &str = "https://spec.matrix.org/latest/client-server-api/#size-limits";

/// Everything read so far.
#[derive(Debug, Default)]
pub(super) struct Intake {
    source: Option<Arc<String>>,
    pub(super) raws: Vec<Raw>,
    pub(super) findings: Findings,
    /// Records that looked like events, good or bad.
    pub(super) read: u64,
    /// Records of the form `{"event_id", "event"}`.
    pub(super) wrapped: u64,
    /// What a server's database holds beside the events.
    pub(super) server: ServerRecords,
    seen: Seen,
}

/// Where in the list the events with an ID are: an input that repeats itself for ever must not fill the memory.
#[derive(Debug, Default)]
struct Seen {
    places: IdTable,
    /// Two different records have the same ID, or one has none yet.
    ambiguous: bool,
}

impl Intake {
    /// The records will be pieces of `source`.
    pub(super) fn new(source: Option<Arc<String>>) -> Self {
        Self { source, ..Self::default() }
    }

    /// A batch for records of the same input.
    pub(super) fn batch(&self) -> Batch {
        Batch::new(self.source.clone(), self.seen.places.hasher().clone())
    }

    /// Reads one record. `whole` is false for the last one of an input that may have been cut off.
    pub(super) fn bytes(&mut self, bytes: &[u8], line: Option<u64>, whole: bool) {
        let mut batch = self.batch();
        batch.bytes(bytes, line, whole);
        self.absorb(batch, 0);
    }

    /// Reads one record of JSON text.
    pub(super) fn text(&mut self, text: &str, line: Option<u64>, section: Section, whole: bool) {
        let mut batch = self.batch();
        batch.text(text, line, section, whole);
        self.absorb(batch, 0);
    }

    /// Takes over the records of a batch whose lines were counted from `lines` on.
    pub(super) fn absorb(&mut self, batch: Batch, lines: u64) {
        self.read += batch.read;
        self.wrapped += batch.wrapped;
        self.server.append(batch.server);
        self.findings.absorb(batch.findings, lines);
        self.raws.reserve(batch.events.len());
        for Read { mut raw, hash, oddities } in batch.events {
            raw.line = raw.line.after(lines);
            if let Some(first) = self.repeated(&raw, hash) {
                let at = first.number().map_or(String::new(), |line| format!(" on line {line}"));
                let message = format!("the same event is also given{at}");
                self.findings.push(raw.finding(Code::DuplicateEvent, message));
                continue;
            }
            self.oddities(&raw, &oddities);
            self.raws.push(raw);
        }
    }

    /// The table of IDs, if every event gave one, and each another.
    pub(super) fn distinct_ids(&mut self) -> Option<IdTable> {
        (!self.seen.ambiguous).then(|| std::mem::take(&mut self.seen.places))
    }

    /// Whether the very same record was read before, and on which line. Remembers it if not. `hash`: of its ID, or else
    /// of its text.
    ///
    /// A record is remembered by its ID, and by all its text only if another one has the ID: else a thousand thousand
    /// records of one ID would be compared with one another.
    fn repeated(&mut self, raw: &Raw, mut hash: u32) -> Option<Line> {
        let Self { raws, seen: Seen { places, ambiguous }, .. } = self;
        let id = raw.given_id();
        if id.is_some() {
            // Which of two IDs counts is settled later.
            *ambiguous |= raw.record_id().is_some() && raw.claimed_id().is_some_and(|own| Some(own) != id);
            match places.find_hashed(hash, |place| raws[place].given_id() == id) {
                Some(first) if same(&raws[first as usize], raw) => return Some(raws[first as usize].line),
                Some(_) => {
                    *ambiguous = true;
                    hash = places.hasher().hash(raw.event.json());
                }
                None => {}
            }
        }
        if id.is_none() || *ambiguous {
            *ambiguous = true;
            if let Some(first) = places.find_hashed(hash, |place| same(&raws[place], raw)) {
                return Some(raws[first as usize].line);
            }
        }
        if let Ok(place) = u32::try_from(raws.len()) {
            places.insert_hashed(hash, place);
        }
        None
    }

    fn oddities(&mut self, raw: &Raw, oddities: &[Oddity]) {
        for oddity in oddities {
            let (code, message) = match oddity {
                Oddity::OutOfRange(name) => (
                    Code::NumberOutOfRange,
                    format!("`{name}` is no integer of 64 bits: taken as the nearest"),
                ),
                Oddity::WrongType(name, found) => {
                    (Code::OddField, format!("`{name}` is {found}: treated as absent"))
                }
                Oddity::RepeatedKey(place, key) => {
                    (Code::OddField, format!("{place} has the key `{key}` twice: the last one counts"))
                }
            };
            self.findings.push(raw.finding(code, message));
        }
        let json = raw.event.json();
        let size = if json.len() > MAX_PDU { scan::compact_len(json.as_bytes()) } else { 0 };
        if size > MAX_PDU {
            let message = format!("{size} bytes long; no server accepts a PDU of more than {MAX_PDU}");
            self.findings.push(raw.finding(Code::Oversized, message).spec(SIZE_LIMITS));
        }
    }
}

/// Whether two records are alike to the letter.
fn same(a: &Raw, b: &Raw) -> bool {
    a.event.json() == b.event.json()
        && a.recorded == b.recorded
        && a.section == b.section
        && a.beside == b.beside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::Recorded;

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
        assert_eq!((raw.given_id(), raw.record_version()), (Some("$e"), Some("9")));
        let expected = Recorded {
            outlier: true,
            rejected: Some("because".into()),
            soft_failed: true,
            partial_state: false,
        };
        assert_eq!(raw.recorded.as_deref(), Some(&expected));
        assert_eq!(raw.event.json(), PDU);
    }

    #[test]
    fn repeated_keys_are_odd() {
        let text = PDU.replace("\"content\":{}", r#""content":{"a":1,"a":2},"type":"m.y""#);
        let (intake, codes) = read(&text);
        assert_eq!(codes, [Code::OddField, Code::OddField]);
        assert_eq!(intake.raws[0].event.event_type(), "m.y");
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
