//! What a server that merges branches takes for the state: the resolution of their states.
//!
//! The whole room is too large to be resolved over and over. What a resolution looks at is the conflict: the
//! conflicted events, what was sent since the branches parted, and what these cite. Of that a little room is made and
//! resolved. What lies before the parting and is cited from behind it stands in all auth chains of the little room.

use std::collections::{BTreeMap, BTreeSet};

use ruma::room_version_rules::RedactionRules;

use super::content::{CREATE_KEY, Content, JOIN_RULES_KEY, Number, POWER_LEVELS_KEY, Writer, member_key};
use super::ledger::Ledger;
use super::text;
use super::view::number;
use crate::auth::Profile;
use crate::event::Event;
use crate::resolve::Resolver;
use crate::room::{Annotations, EventIx, EventSet, Input, KeyIx, LoadedEvent, Room};
use crate::state::{Change, Difference, Differences, StateMap, StateView};

/// The resolution of the states, by what differs from the first. `is_settled` tells of an event whether all branches
/// have it.
pub(super) fn merge(
    ledger: &Ledger,
    states: &[StateView<'_>],
    is_settled: impl Fn(Number) -> bool,
) -> Vec<Change> {
    let mut differences = Differences::default();
    differences.find(states);
    if differences.is_empty() {
        return Vec::new();
    }
    let mut excerpt = Excerpt::new(ledger);
    for (_, event) in differences.iter().flat_map(|difference| difference.held) {
        excerpt.add(number(*event), &is_settled);
    }
    let shared = excerpt.add_shared(states[0], &differences);
    let (room, numbers) = excerpt.room(&shared);
    let find = |event: Number| EventIx::new(numbers[&event]);
    let key = |event: EventIx| room.key_of(event).unwrap_or(room.well_known().create);
    let sets: Vec<StateMap> = (0..states.len())
        .map(|state| {
            let conflicted = differences.iter().filter_map(|difference| difference.of(state));
            let all = conflicted.map(number).chain(shared.iter().copied()).chain([ANCHOR]);
            all.map(find).map(|event| (key(event), event)).collect()
        })
        .collect();
    let answer = Resolver::new(&room, ledger.rules.algorithm, Profile::Spec)
        .resolve(&sets, &EventSet::default(), &mut ())
        .state;
    let mut original = vec![ANCHOR; room.len()];
    for (number, place) in &numbers {
        original[*place] = *number;
    }
    let change = |difference: Difference<'_>| {
        let (_, any) = difference.held.first()?;
        let winner = answer.get(key(find(number(*any))));
        let winner = winner.map(|winner| EventIx::new(original[winner.index()] as usize));
        (winner != difference.of(0)).then_some((difference.key, winner))
    };
    differences.iter().filter_map(change).collect()
}

/// Stands for the event that cites what all branches have.
const ANCHOR: Number = Number::MAX;

/// A part of the room.
struct Excerpt<'a> {
    ledger: &'a Ledger,
    redaction: RedactionRules,
    /// The events, and which of their auth events they are to keep; `None` if only those that are here too.
    events: BTreeMap<Number, Option<&'a [Number]>>,
}

impl<'a> Excerpt<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, redaction: ledger.rules.ruma().redaction, events: BTreeMap::new() }
    }

    /// Adds a conflicted event, and what it cites; back to where all branches have it.
    fn add(&mut self, event: Number, is_settled: &impl Fn(Number) -> bool) {
        let mut stack = vec![event];
        while let Some(event) = stack.pop() {
            let auth = &*self.ledger.state(event).auth;
            if self.events.insert(event, Some(auth)).is_some_and(|before| before.is_some()) {
                continue;
            }
            for cited in auth {
                if !is_settled(*cited) {
                    stack.push(*cited);
                } else {
                    self.events.entry(*cited).or_insert(None);
                }
            }
        }
    }

    /// Adds the entries on which the states agree, as far as the checks read them. Returns them.
    fn add_shared(&mut self, state: StateView<'_>, differences: &Differences) -> BTreeSet<Number> {
        let mut keys = BTreeSet::from([CREATE_KEY, POWER_LEVELS_KEY, JOIN_RULES_KEY]);
        for event in self.events.keys() {
            let fact = self.ledger.state(*event);
            keys.insert(member_key(fact.sender));
            if let Content::Member { user, authoriser, .. } = &fact.content {
                keys.insert(member_key(*user));
                keys.extend(authoriser.map(member_key));
            }
        }
        let keys = keys.into_iter().map(KeyIx::new).filter(|key| !differences.has(*key));
        let entries = keys.filter_map(|key| state.get(key));
        let shared: BTreeSet<Number> = entries.map(number).collect();
        self.events.entry(0).or_insert(None);
        for event in &shared {
            self.events.entry(*event).or_insert(None);
        }
        shared
    }

    /// The excerpt as a room, and the index of every event in it.
    fn room(&self, shared: &BTreeSet<Number>) -> (Room, BTreeMap<Number, usize>) {
        let settled = self.events.iter().filter(|(_, auth)| auth.is_none()).map(|(event, _)| *event);
        let settled: BTreeSet<Number> = settled.chain(shared.iter().copied()).collect();
        let mut line = Vec::new();
        let mut loaded = Vec::with_capacity(self.events.len() + 1);
        for (event, auth) in &self.events {
            line.clear();
            let auth: Vec<Number> = match auth {
                Some(auth) => auth.to_vec(),
                None => {
                    let auth = self.ledger.state(*event).auth.iter().copied();
                    auth.filter(|auth| self.events.contains_key(auth)).collect()
                }
            };
            self.write(*event, &auth, &mut line);
            loaded.extend(load(&line));
        }
        line.clear();
        self.write_anchor(&settled, &mut line);
        loaded.extend(load(&line));
        let input = Input {
            rules: self.ledger.rules,
            room_id: None,
            events: loaded,
            assertions: Vec::new(),
            annotations: Annotations::default(),
        };
        let room = Room::build(input, &mut Vec::new()).expect("there is a conflict");
        let order: Vec<Number> = self.events.keys().copied().chain([ANCHOR]).collect();
        let numbers = room.events().map(|ix| (order[room.position(ix) as usize], ix.index())).collect();
        (room, numbers)
    }

    /// Writes what authorization and resolution read of a state event.
    fn write(&self, event: Number, auth: &[Number], out: &mut Vec<u8>) {
        let ledger = self.ledger;
        let fact = ledger.state(event);
        out.extend(br#"{"auth_events":"#);
        ledger.write_references(out, auth);
        out.extend(br#","content":"#);
        let id = |event: Number, out: &mut Vec<u8>| ledger.write_id(out, event);
        let writer = Writer {
            rules: ledger.rules,
            redaction: &self.redaction,
            people: &ledger.people,
            id: &id,
            sender: fact.sender,
        };
        writer.whole(&fact.content, out);
        out.extend(br#","depth":"#);
        text::integer(out, ledger.fact(event).depth);
        out.extend(br#","event_id":"#);
        ledger.write_id(out, event);
        out.extend(br#","origin_server_ts":"#);
        text::integer(out, fact.timestamp);
        out.extend(br#","prev_events":"#);
        // A rule asks whether the creator's join follows the create event.
        ledger.write_references(out, if event == 1 { &[0] } else { &[] });
        if !(event == 0 && ledger.rules.room_id_is_create_id) {
            out.extend(br#","room_id":"#);
            text::string(out, &ledger.room_id);
        }
        out.extend(br#","sender":"#);
        ledger.people.write_id(out, fact.sender);
        out.extend(br#","state_key":"#);
        match fact.content.about() {
            Some(user) => ledger.people.write_id(out, user),
            None => out.extend(br#""""#),
        }
        out.extend(br#","type":"#);
        text::string(out, fact.content.event_type());
        out.push(b'}');
    }

    /// Writes a state event that puts the given ones into the auth chain of every state it is in.
    fn write_anchor(&self, settled: &BTreeSet<Number>, out: &mut Vec<u8>) {
        let settled: Vec<Number> = settled.iter().copied().collect();
        out.extend(br#"{"auth_events":"#);
        self.ledger.write_references(out, &settled);
        out.extend(br#","content":{},"depth":1,"event_id":"$anchor:anchor","origin_server_ts":0,"#);
        out.extend(br#""prev_events":[],"room_id":"#);
        text::string(out, &self.ledger.room_id);
        out.extend(br#","sender":"@anchor:anchor","state_key":"","type":"anchor"}"#);
    }
}

/// Reads an event that was written here; `None` never comes.
fn load(line: &[u8]) -> Option<LoadedEvent> {
    let parsed = Event::parse(std::str::from_utf8(line).ok()?).ok()?;
    let id = parsed.claimed_id()?.to_owned();
    Some(LoadedEvent::new(parsed.with_id(id)))
}
