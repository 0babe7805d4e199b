//! From what is to be sent to a line of JSON, its hashes, and its event ID.
//!
//! A line is written once, members sorted, as canonical JSON; what the hashes cover are stretches of it.

use std::ops::Range;

use ruma::room_version_rules::RedactionRules;
use sha2::{Digest as _, Sha256};

use super::content::{Content, Number, Writer};
use super::ledger::{GREATEST, HASH, Ledger, StateFact, encode};
use super::people::{ServerIx, UserIx};
use super::text;
use crate::event::room_version::AuthSource;

/// An event to be.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) sender: UserIx,
    pub(super) content: Content,
    pub(super) timestamp: i64,
    /// `None`: one more than the greatest of the parents.
    pub(super) depth: Option<i64>,
    pub(super) prev: Vec<Number>,
    /// The parents in the state DAG, where there is one.
    pub(super) prev_state: Vec<Number>,
    pub(super) auth: Vec<Number>,
}

/// Makes events.
pub(super) struct Press {
    redaction: RedactionRules,
    line: Vec<u8>,
    redacted: Vec<u8>,
}

impl Press {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self { redaction: ledger.rules.ruma().redaction, line: Vec::new(), redacted: Vec::new() }
    }

    /// The last event made, as a line with its line break.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Makes an event and notes it. It is the `place`-th that its server makes.
    pub(super) fn make(&mut self, ledger: &mut Ledger, outgoing: Outgoing, place: u32) -> Number {
        let number = ledger.next();
        let origin = ledger.people.home(outgoing.sender);
        let above = outgoing.prev.iter().map(|prev| ledger.fact(*prev).depth).max();
        let depth = outgoing.depth.unwrap_or(above.map_or(1, |above| (above + 1).min(GREATEST)));
        let hash = self.write(ledger, &outgoing, number, origin, depth);
        let Outgoing { sender, content, timestamp, auth, .. } = outgoing;
        let state = content.key().is_some().then(|| StateFact::new(sender, timestamp, auth, content));
        ledger.push(hash, origin, place, depth, state);
        number
    }

    /// Writes the line; returns the reference hash in the Base64 of the room version.
    fn write(
        &mut self,
        ledger: &Ledger,
        outgoing: &Outgoing,
        number: Number,
        origin: ServerIx,
        depth: i64,
    ) -> [u8; HASH] {
        self.line.clear();
        if ledger.rules.auth_source == AuthSource::Event {
            self.line.extend(br#"{"auth_events":"#);
            ledger.write_references(&mut self.line, &outgoing.auth);
            self.line.extend(br#","content":"#);
        } else {
            self.line.extend(br#"{"content":"#);
        }
        let content = self.write_content(ledger, outgoing);
        self.line.extend(br#","depth":"#);
        text::integer(&mut self.line, depth);
        let given_id = (!ledger.rules.event_ids_are_hashes()).then_some((number, origin));
        let id = stretch(&mut self.line, |line| write_own_id(ledger, given_id, line));
        let hashes = stretch(&mut self.line, |line| {
            line.extend(br#","hashes":{"sha256":""#);
            line.extend([b'A'; HASH]);
            line.extend(br#""}"#);
        });
        self.line.extend(br#","origin_server_ts":"#);
        text::integer(&mut self.line, outgoing.timestamp);
        self.line.extend(br#","prev_events":"#);
        ledger.write_references(&mut self.line, &outgoing.prev);
        if ledger.rules.has_state_dag() {
            self.line.extend(br#","prev_state_events":"#);
            ledger.write_references(&mut self.line, &outgoing.prev_state);
        }
        let redacts = self.write_redacts(ledger, outgoing);
        let signatures = write_end(ledger, outgoing, &mut self.line);
        let stretches = Stretches { content, id, hashes, redacts, signatures };
        self.hash(ledger, &stretches)
    }

    /// Writes the content into the line, and what a redaction leaves of it beside.
    fn write_content(&mut self, ledger: &Ledger, outgoing: &Outgoing) -> Range<usize> {
        let id = |event: Number, out: &mut Vec<u8>| ledger.write_id(out, event);
        let writer = Writer {
            rules: ledger.rules,
            redaction: &self.redaction,
            people: &ledger.people,
            id: &id,
            sender: outgoing.sender,
        };
        self.redacted.clear();
        writer.redacted(&outgoing.content, &mut self.redacted);
        stretch(&mut self.line, |line| writer.whole(&outgoing.content, line))
    }

    /// Writes the member `redacts`, where the room version has it.
    fn write_redacts(&mut self, ledger: &Ledger, outgoing: &Outgoing) -> Range<usize> {
        let in_content = self.redaction.content_field_redacts;
        stretch(&mut self.line, |line| {
            if let (Content::Redaction(target), false) = (&outgoing.content, in_content) {
                line.extend(br#","redacts":"#);
                ledger.write_id(line, *target);
            }
        })
    }

    /// Hashes the line and puts the hashes where they belong.
    fn hash(&mut self, ledger: &Ledger, stretches: &Stretches) -> [u8; HASH] {
        let Stretches { content, id, hashes, redacts, signatures } = stretches;
        let Self { line, redacted, .. } = self;
        let is_hashed = ledger.rules.event_ids_are_hashes();
        // An ID that is a hash is no part of what is hashed.
        let after_id = if is_hashed { id.end } else { id.start };
        let end = line.len() - 1;
        let content_hash = sha256([
            &line[..id.start],
            &line[after_id..hashes.start],
            &line[hashes.end..signatures.start],
            &line[signatures.end..end],
        ]);
        let place = hashes.end - 2 - HASH;
        line[place..place + HASH].copy_from_slice(&encode(&content_hash, false));
        let reference = sha256([
            &line[..content.start],
            redacted,
            &line[content.end..id.start],
            &line[after_id..redacts.start],
            &line[redacts.end..signatures.start],
            &line[signatures.end..end],
        ]);
        let reference = ledger.encode(&reference);
        if is_hashed {
            let place = id.end - 1 - HASH;
            line[place..place + HASH].copy_from_slice(&reference);
        }
        reference
    }
}

/// Where in a line the members are that hashes leave out.
struct Stretches {
    content: Range<usize>,
    id: Range<usize>,
    hashes: Range<usize>,
    redacts: Range<usize>,
    signatures: Range<usize>,
}

/// Writes the member `event_id`; a hash is not known yet.
fn write_own_id(ledger: &Ledger, given: Option<(Number, ServerIx)>, line: &mut Vec<u8>) {
    line.extend(br#","event_id":"#);
    match given {
        Some((number, origin)) => ledger.write_given_id(line, number, origin),
        None => {
            line.extend(b"\"$");
            line.extend([b'A'; HASH]);
            line.push(b'"');
        }
    }
}

/// Writes the members from `room_id` on; returns where `signatures` is.
fn write_end(ledger: &Ledger, outgoing: &Outgoing, line: &mut Vec<u8>) -> Range<usize> {
    ledger.write_room_id(line, &outgoing.content);
    line.extend(br#","sender":"#);
    ledger.people.write_id(line, outgoing.sender);
    let signatures = stretch(line, |line| line.extend(br#","signatures":{}"#));
    if outgoing.content.key().is_some() {
        outgoing.content.write_state_key(line, &ledger.people);
    }
    line.extend(br#","type":"#);
    text::string(line, outgoing.content.event_type());
    line.extend(b"}\n");
    signatures
}

/// Where in `line` what `write` writes comes to lie.
fn stretch(line: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
    let start = line.len();
    write(line);
    start..line.len()
}

fn sha256<const N: usize>(stretches: [&[u8]; N]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for stretch in stretches {
        hash.update(stretch);
    }
    hash.finalize().into()
}
