//! A room written anew: events with other members or references, their hashes and IDs derived again.
//!
//! Every event refers to others by IDs that are hashes of them, so whoever changes one event changes all that follow. A
//! [`Writer`] takes the events in topological order, puts the new IDs where the old ones stood, computes content hash and
//! event ID, and keeps the order of IDs where it can decide something.
//!
//! ```text
//!   old   $create ◄── $join ◄── $topic        what the caller changes: any member
//!            │          │          │
//!   new   $Kq3f  ◄── $0aZu ◄── $x91T          what follows: references, hashes, IDs, their order
//! ```

mod order;
mod retell;
mod same;

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

pub(crate) use self::order::GivenOrder;
use self::order::{Plan, Slot};
pub use self::retell::{NotRetold, Retold, retell};
pub use self::same::{Deviation, deviations};
use crate::event::room_version::{EventIdFormat, Rules};
use crate::event::{Event, Malformed, References, hash, json};
use crate::room::{AssertedState, Assertion, Empty, EventIx, Input, Link, LoadedEvent, Recorded, Room, When};

/// The members of a PDU as JSON, by key.
pub type Members = BTreeMap<Box<str>, String>;

/// What a [`Writer`] cannot derive: names that somebody chose.
pub trait Naming {
    /// The ID in place of one that its server chose (room versions 1 and 2). `rank` is the place of the old ID among
    /// all of the room as bytes; `attempt` counts from 0 until the new one is of use. Of different ranks and
    /// attempts, different IDs.
    fn given_id(&mut self, old: &str, rank: usize, attempt: u32) -> String;

    /// The ID in place of that of an event that is not in the room.
    fn unknown_id(&mut self, old: &str) -> String;
}

/// The key in `content` that is counted up until an ID is of use. Authorization reads no such key.
const SALT: &str = "hindsight.salt";
/// Longer events are not hashed: a PDU has at most 64 KiB.
const MOST_HASHED: usize = 1 << 18;

/// How the writing went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// So many state events share their timestamp with others; the order of their IDs was kept.
    pub tied: usize,
    /// So many events share their timestamp with so many others that they got timestamps of their own, in the order of
    /// their IDs.
    pub spread: usize,
    /// So many events of those in `tied` could not get an ID in order.
    pub misplaced: usize,
    /// So many events have no canonical form, so that no hash of them can be computed; their IDs are made up.
    pub unhashable: usize,
    /// So many events could not be written: they are left out.
    pub lost: usize,
}

/// A room that was written anew.
#[derive(Debug, Clone)]
pub struct Rewritten {
    /// The room.
    pub room: Room,
    /// The new event of every old one; `None` for one that was left out.
    pub events: Vec<Option<EventIx>>,
    /// How it went.
    pub outcome: Outcome,
}

/// An event that is written.
struct Written {
    id: Box<str>,
    /// The reference hash, for the pairs of room versions 1 and 2.
    hash: Box<str>,
}

/// Writes the events of a room anew, in their order.
pub struct Writer<'a, N> {
    room: &'a Room,
    /// Those of the room that is written.
    rules: &'static Rules,
    keeps_assertions: bool,
    /// Names what cannot be derived.
    pub naming: N,
    plan: Plan,
    ranks: Vec<usize>,
    written: Vec<Option<Written>>,
    taken: HashSet<Box<str>>,
    events: Vec<LoadedEvent>,
    outcome: Outcome,
}

impl<'a, N: Naming> Writer<'a, N> {
    /// Begins with no event written.
    pub fn new(room: &'a Room, naming: N) -> Self {
        let plan = Plan::of(room);
        let outcome = Outcome { tied: plan.tied, spread: plan.spread, ..Outcome::default() };
        Self {
            room,
            rules: room.rules(),
            keeps_assertions: true,
            naming,
            plan,
            ranks: order::ranks(room),
            written: room.events().map(|_| None).collect(),
            taken: HashSet::new(),
            events: Vec::with_capacity(room.len()),
            outcome,
        }
    }

    /// The same, but what is written is a room of these rules. References of kinds that the old room does not have are taken
    /// as they are given.
    #[must_use]
    pub fn becoming(self, rules: &'static Rules) -> Self {
        Self { rules, ..self }
    }

    /// The same, but no state is asserted of the new room.
    #[must_use]
    pub fn without_assertions(self) -> Self {
        Self { keeps_assertions: false, ..self }
    }

    /// The new ID for an old one. Of an event of the room it is known only when that is written; before, it is
    /// that of an event which nobody has.
    pub fn id(&mut self, old: &str) -> String {
        let written = self.room.find(old).and_then(|ix| self.written[ix.index()].as_ref());
        match written {
            Some(written) => written.id.to_string(),
            None => self.naming.unknown_id(old),
        }
    }

    /// Writes the next event, which is to be greater than all before it. `members` is the PDU; references, hashes and
    /// IDs in it are replaced, `unsigned` is left out.
    pub fn write(&mut self, ix: EventIx, mut members: Members, recorded: Recorded) {
        for derived in ["event_id", "hashes", "unsigned"] {
            members.remove(derived);
        }
        let event = self.room.event(ix);
        let circular = self.circular(ix);
        let kept = self.rules.reference_members();
        for name in self.room.rules().reference_members().iter().filter(|name| kept.contains(name)) {
            let references = self.references(event, name, event.references_in(name), &circular);
            members.insert((*name).into(), references);
        }
        if self.plan.timestamp(ix) != event.origin_server_ts() {
            members.insert("origin_server_ts".into(), self.plan.timestamp(ix).to_string());
        }
        let written = if self.rules.event_ids_are_hashes() {
            self.write_hashed(ix, &members)
        } else {
            self.write_given(ix, members)
        };
        let Ok((event, hash)) = written else {
            self.outcome.lost += 1;
            return;
        };
        self.taken.insert(event.id().into());
        self.written[ix.index()] = Some(Written { id: event.id().into(), hash: hash.into() });
        self.events.push(LoadedEvent::new(event).with_record(recorded));
    }

    /// The IDs that lead back to the event itself: such references count as missing, so they are to be.
    fn circular(&self, ix: EventIx) -> Vec<&'a str> {
        let room = self.room;
        if !room.is_in_cycle(ix) {
            return Vec::new();
        }
        let links = room.prev_links(ix).chain(room.auth_links(ix)).chain(room.state_links(ix));
        let missing = links.filter_map(|link| match link {
            Link::Missing(missing) => Some(room.missing_id(missing)),
            Link::Event(_) => None,
        });
        missing.collect()
    }

    /// The references of an event as JSON, with the new IDs.
    fn references(
        &mut self,
        event: &Event,
        name: &'static str,
        ids: References<'_>,
        circular: &[&str],
    ) -> String {
        let array = json::pick(event.json(), [name]).ok().and_then(|[array]| array).unwrap_or("[]");
        let elements = json::elements(array).unwrap_or_default();
        let mut references = Vec::with_capacity(elements.len());
        for (element, old) in elements.into_iter().zip(ids) {
            let is_circular = circular.contains(&&*old);
            let id = if is_circular { self.naming.unknown_id(&old) } else { self.id(&old) };
            let id = json::quote(&id);
            if element.starts_with('[') {
                let written = self.room.find(&old).and_then(|ix| self.written[ix.index()].as_ref());
                let hash = written.map_or("unknown", |written| &written.hash);
                references.push(format!("[{id},{{\"sha256\":{}}}]", json::quote(hash)));
            } else {
                references.push(id);
            }
        }
        format!("[{}]", references.join(","))
    }

    /// Writes an event whose ID is its hash.
    fn write_hashed(&mut self, ix: EventIx, members: &Members) -> Result<(Event, String), Malformed> {
        let slot = self.plan.slot(ix);
        let mut last = None;
        for attempt in 0..slot.attempts() {
            let salted = salted(members, attempt);
            let Some((text, id)) = self.hashed(salted) else { break };
            let fits = slot.holds_hash(&id);
            let free = !self.taken.contains(&*id);
            if free && (fits || last.is_none()) {
                last = Some((text, id));
            }
            if free && fits {
                break;
            }
        }
        let (text, id) = match last {
            Some((text, id)) => {
                self.outcome.misplaced += usize::from(!slot.holds_hash(&id));
                (text, id)
            }
            None => {
                self.outcome.unhashable += 1;
                (json::object(members), self.made_up(ix, slot, members))
            }
        };
        let hash = id.trim_start_matches('$').to_owned();
        Ok((Event::parse(&text)?.with_id(id), hash))
    }

    /// The text and the ID of an event; `None` if it has no canonical form.
    fn hashed(&self, mut members: Members) -> Option<(String, String)> {
        let rules = self.rules;
        let bare = json::object(&members);
        if bare.len() > MOST_HASHED {
            return None;
        }
        let content = hash::content_hash(&bare, rules).ok()?;
        members.insert("hashes".into(), format!("{{\"sha256\":{}}}", json::quote(&content)));
        let text = json::object(&members);
        let id = hash::event_id(&text, rules).ok()?;
        Some((text, id))
    }

    /// An ID that looks like a hash.
    fn made_up(&self, ix: EventIx, slot: Slot, members: &Members) -> String {
        let standard = self.rules.event_ids == EventIdFormat::StandardHash;
        let text = json::object(members);
        let id = |attempt: u32| {
            let digest = Sha256::new().chain_update(&text).chain_update(format!("{} {attempt}", ix.index()));
            let digest = digest.finalize();
            let hash = if standard { STANDARD_NO_PAD.encode(digest) } else { URL_SAFE_NO_PAD.encode(digest) };
            format!("${hash}")
        };
        (0..slot.attempts()).map(id).find(|id| slot.holds_hash(id)).unwrap_or_else(|| id(0))
    }

    /// Writes an event whose ID its server chose.
    fn write_given(&mut self, ix: EventIx, mut members: Members) -> Result<(Event, String), Malformed> {
        let slot = self.plan.slot(ix);
        let (old, rank) = (self.room.id(ix), self.ranks[ix.index()]);
        let first = self.naming.given_id(old, rank, 0);
        let mut id = first.clone();
        let mut attempt = 0;
        while !slot.is_any() && !slot.holds_sha1(&id) && attempt < slot.attempts() {
            attempt += 1;
            id = self.naming.given_id(old, rank, attempt);
        }
        if !slot.is_any() && !slot.holds_sha1(&id) {
            self.outcome.misplaced += 1;
            id = first;
        }
        members.insert("event_id".into(), json::quote(&id));
        let (text, hash) = self.hashed(members.clone()).unwrap_or_else(|| {
            self.outcome.unhashable += 1;
            (json::object(&members), "$unknown".to_owned())
        });
        Ok((Event::parse(&text)?.with_id(id), hash.trim_start_matches('$').to_owned()))
    }

    /// The room that was written, with the states that are asserted of the old one. `room_id` is that of the new one, if
    /// it is known.
    ///
    /// # Errors
    /// If nothing was written.
    pub fn finish(mut self, room_id: Option<Box<str>>) -> Result<Rewritten, Empty> {
        let assertions = if self.keeps_assertions { self.assertions() } else { Vec::new() };
        let Self { rules, written, events, outcome, .. } = self;
        let input = Input { assertions, ..Input::new(rules, room_id, events) };
        let room = Room::build(input, &mut Vec::new())?;
        let events = written.iter().map(|written| room.find(&written.as_ref()?.id)).collect();
        Ok(Rewritten { room, events, outcome })
    }

    fn assertions(&mut self) -> Vec<Assertion> {
        let room = self.room;
        let known = room.all_asserted().map(|(ix, when, state)| (room.id(ix), when, state));
        let missing = room.missing().filter_map(|missing| {
            Some((room.missing_id(missing), When::After, room.asserted_missing(missing)?))
        });
        let all: Vec<(&str, When, &AssertedState)> = known.chain(missing).collect();
        all.into_iter()
            .map(|(id, when, state)| Assertion {
                event_id: self.id(id).into(),
                when,
                state: state.events(room).iter().map(|ix| self.id(room.id(*ix)).into()).collect(),
                provenance: state.provenance,
            })
            .collect()
    }
}

/// The PDU with a salt in its content; without for the first attempt.
fn salted(members: &Members, attempt: u32) -> Members {
    let mut members = members.clone();
    if attempt > 0
        && let Some(content) = members.get_mut("content")
        && let Ok(mut keys) = json::members(content)
    {
        let salt = attempt.to_string();
        keys.insert(SALT.into(), &salt);
        *content = json::object(&keys);
    }
    members
}

/// The members of an event, as they are.
pub fn members(event: &Event) -> Members {
    let members = json::members(event.json()).unwrap_or_default();
    members.into_iter().map(|(key, json)| (key, json.to_owned())).collect()
}
