//! What is kept of the events made: enough to refer to each, and to resolve state events.

use std::io::Write as _;

use ruma::serde::Base64;
use ruma::serde::base64::{Standard, UrlSafe};

use super::content::{Content, Number};
use super::people::{People, ServerIx, UserIx};
use super::text;
use crate::event::room_version::{EventIdFormat, Rules};
use crate::generate::Rng;

/// The length of a SHA-256 hash in unpadded Base64.
pub(super) const HASH: usize = 43;
/// The greatest integer of canonical JSON.
pub(super) const GREATEST: i64 = (1 << 53) - 1;
/// No place in a list.
const NONE: u32 = u32::MAX;

/// What is kept of every event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    /// The reference hash in the Base64 of the room version.
    pub(super) hash: [u8; HASH],
    /// The server that made it.
    pub(super) origin: ServerIx,
    /// How many events that server had made before.
    pub(super) place: u32,
    pub(super) depth: i64,
    state: u32,
}

/// What is kept of a state event beside.
#[derive(Debug)]
pub(super) struct StateFact {
    pub(super) sender: UserIx,
    pub(super) timestamp: i64,
    pub(super) auth: Box<[Number]>,
    pub(super) content: Content,
    /// The first of its citations, in [`Ledger::citations`].
    cited: u32,
}

impl StateFact {
    pub(super) fn new(sender: UserIx, timestamp: i64, auth: Vec<Number>, content: Content) -> Self {
        Self { sender, timestamp, auth: auth.into(), content, cited: NONE }
    }
}

/// All events made so far.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) rules: &'static Rules,
    pub(super) people: People,
    pub(super) room_id: String,
    facts: Vec<Fact>,
    states: Vec<StateFact>,
    /// Which state event cites another as an auth event, and the next citation of the same.
    citations: Vec<(Number, u32)>,
    salt: u64,
}

impl Ledger {
    /// A ledger without events. Of rooms with different salts no ID is the same.
    pub(super) fn new(rules: &'static Rules, people: People, salt: u64) -> Self {
        let room_id = format!("!{:016x}:{}", Rng::new(salt).number(), people.server(0));
        Self { rules, people, room_id, facts: Vec::new(), states: Vec::new(), citations: Vec::new(), salt }
    }

    /// The number of events.
    pub(super) fn len(&self) -> usize {
        self.facts.len()
    }

    pub(super) fn fact(&self, event: Number) -> &Fact {
        &self.facts[event as usize]
    }

    pub(super) fn is_state(&self, event: Number) -> bool {
        self.fact(event).state != NONE
    }

    /// What is kept of a state event.
    ///
    /// # Panics
    /// If it is none.
    pub(super) fn state(&self, event: Number) -> &StateFact {
        &self.states[self.fact(event).state as usize]
    }

    /// The state events that cite a state event as an auth event, the newest first.
    pub(super) fn citers(&self, event: Number) -> impl Iterator<Item = Number> + '_ {
        let mut next = self.state(event).cited;
        std::iter::from_fn(move || {
            let (citer, after) = *self.citations.get(next as usize)?;
            next = after;
            Some(citer)
        })
    }

    /// The number that the next event will have.
    pub(super) fn next(&self) -> Number {
        Number::try_from(self.facts.len()).unwrap_or(Number::MAX)
    }

    /// Notes an event.
    pub(super) fn push(
        &mut self,
        hash: [u8; HASH],
        origin: ServerIx,
        place: u32,
        depth: i64,
        state: Option<StateFact>,
    ) {
        if self.facts.is_empty() && self.rules.room_id_is_create_id {
            self.room_id = format!("!{}", String::from_utf8_lossy(&hash));
        }
        let at = state.as_ref().map_or(NONE, |_| u32::try_from(self.states.len()).unwrap_or(NONE));
        if let Some(state) = state {
            let number = self.next();
            for cited in &state.auth {
                let next = u32::try_from(self.citations.len()).unwrap_or(NONE);
                let cited = &mut self.states[self.facts[*cited as usize].state as usize].cited;
                self.citations.push((number, std::mem::replace(cited, next)));
            }
            self.states.push(state);
        }
        self.facts.push(Fact { hash, origin, place, depth, state: at });
    }

    /// Encodes a reference hash as the room version does.
    pub(super) fn encode(&self, hash: &[u8]) -> [u8; HASH] {
        encode(hash, self.rules.event_ids == EventIdFormat::UrlSafeHash)
    }

    /// Writes the ID of an event, made by `origin`, whether or not it is noted yet. For room versions 1 and 2 the
    /// number and the origin suffice.
    pub(super) fn write_given_id(&self, out: &mut Vec<u8>, event: Number, origin: ServerIx) {
        let token = Rng::new(self.salt ^ u64::from(event) << 32).number() >> 40;
        let _ = write!(out, "\"${token:x}e{event}:{}\"", self.people.server(origin));
    }

    /// Writes the ID of an event as a JSON string.
    pub(super) fn write_id(&self, out: &mut Vec<u8>, event: Number) {
        let fact = self.fact(event);
        if self.rules.event_ids_are_hashes() {
            out.extend(b"\"$");
            out.extend(fact.hash);
            out.push(b'"');
        } else {
            self.write_given_id(out, event, fact.origin);
        }
    }

    /// Writes the member `room_id`, where the event has it: a create event of room version 12 has none.
    pub(super) fn write_room_id(&self, out: &mut Vec<u8>, content: &Content) {
        if !(matches!(content, Content::Create) && self.rules.room_id_is_create_id) {
            out.extend(br#","room_id":"#);
            text::string(out, &self.room_id);
        }
    }

    /// Writes an array of references.
    pub(super) fn write_references(&self, out: &mut Vec<u8>, events: &[Number]) {
        out.push(b'[');
        for (place, event) in events.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            if self.rules.event_ids_are_hashes() {
                self.write_id(out, *event);
            } else {
                out.push(b'[');
                self.write_id(out, *event);
                out.extend(br#",{"sha256":""#);
                out.extend(self.fact(*event).hash);
                out.extend(br#""}]"#);
            }
        }
        out.push(b']');
    }
}

/// Unpadded Base64 of a SHA-256 hash.
pub(super) fn encode(hash: &[u8], url_safe: bool) -> [u8; HASH] {
    let text = if url_safe {
        Base64::<UrlSafe, &[u8]>::new(hash).encode()
    } else {
        Base64::<Standard, &[u8]>::new(hash).encode()
    };
    text.as_bytes().try_into().unwrap_or([b'A'; HASH])
}
