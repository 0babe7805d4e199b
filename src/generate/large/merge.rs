//! What a server that merges branches takes for the state: the resolution of their states.
//!
//! The whole room is too large to be resolved over and over. What a resolution looks at are the conflicted events, what
//! their auth chains have beyond that of the unconflicted state, and what all these cite. Of that a little room is made
//! and resolved.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ruma::room_version_rules::RedactionRules;

use super::content::{CREATE_KEY, Content, JOIN_RULES_KEY, Number, POWER_LEVELS_KEY, Writer, member_key};
use super::ledger::Ledger;
use super::text;
use super::view::number;
use crate::auth::Profile;
use crate::event::Event;
use crate::resolve::Resolver;
use crate::room::{EventIx, EventSet, Input, KeyIx, LoadedEvent, Room};
use crate::state::{Change, Difference, Differences, StateMap, StateView};

/// The resolution of the states, by what differs from the first.
pub(super) fn merge(ledger: &Ledger, states: &[StateView<'_>]) -> Vec<Change> {
    let mut differences = Differences::default();
    differences.find(states);
    if differences.is_empty() {
        return Vec::new();
    }
    let conflict = Conflict { ledger, state: states[0], differences: &differences };
    let conflicted: BTreeSet<Number> =
        differences.iter().flat_map(|difference| difference.held).map(|(_, event)| number(*event)).collect();
    let mut excerpt = Excerpt::new(ledger);
    excerpt.add_chains(&conflicted, &conflict);
    let shared = excerpt.add_shared(&conflict);
    let (room, numbers) = excerpt.room();
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

/// What several states differ on.
struct Conflict<'a> {
    ledger: &'a Ledger,
    /// Any of the states.
    state: StateView<'a>,
    differences: &'a Differences,
}

impl Conflict<'_> {
    /// The event that all states have under the key.
    fn unconflicted(&self, key: usize) -> Option<Number> {
        let key = KeyIx::new(key);
        self.state.get(key).filter(|_| !self.differences.has(key)).map(number)
    }

    /// Whether the event is in the auth chain of the unconflicted state: whether an entry of that descends from it.
    fn is_common(&self, event: Number, known: &mut HashMap<Number, bool>) -> bool {
        let mut seen = Vec::new();
        let mut stack = vec![event];
        let mut common = false;
        while let Some(event) = stack.pop() {
            match known.get(&event) {
                Some(true) => {
                    common = true;
                    break;
                }
                Some(false) => continue,
                None => {}
            }
            known.insert(event, false);
            seen.push(event);
            let from = stack.len();
            let mut citers = self.ledger.citers(event);
            let is_entry = |citer: &Number| {
                let key = self.ledger.state(*citer).content.key();
                key.and_then(|key| self.unconflicted(key)) == Some(*citer)
            };
            if citers.any(|citer| {
                stack.push(citer);
                is_entry(&citer)
            }) {
                common = true;
                break;
            }
            // The newest next.
            stack[from..].reverse();
        }
        if common {
            // Of the others that were looked at on the way nothing is known.
            for event in &seen {
                known.remove(event);
            }
            known.insert(event, true);
        }
        common
    }
}

/// Stands for the event that cites what is in the auth chain of the unconflicted state.
const ANCHOR: Number = Number::MAX;

/// How an event is in an excerpt.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    /// It is in the auth chain of the unconflicted state.
    common: bool,
    /// It may be replayed: everything that it cites is there too.
    whole: bool,
}

/// A part of the room.
struct Excerpt<'a> {
    ledger: &'a Ledger,
    redaction: RedactionRules,
    events: BTreeMap<Number, Part>,
}

impl<'a> Excerpt<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, redaction: ledger.rules.ruma().redaction, events: BTreeMap::new() }
    }

    /// Adds the conflicted events, their auth chains up to where that of the unconflicted state begins, and what these
    /// cite.
    fn add_chains(&mut self, conflicted: &BTreeSet<Number>, conflict: &Conflict<'_>) {
        let mut known = HashMap::new();
        let mut stack: Vec<Number> = conflicted.iter().copied().collect();
        while let Some(event) = stack.pop() {
            let common = conflicted.contains(&event) && conflict.is_common(event, &mut known);
            if self.events.insert(event, Part { common, whole: true }).is_some_and(|part| part.whole) {
                continue;
            }
            for cited in &self.ledger.state(event).auth {
                if conflict.is_common(*cited, &mut known) {
                    self.events.entry(*cited).or_default().common = true;
                } else {
                    stack.push(*cited);
                }
            }
        }
        self.add_between(conflicted);
        self.events.entry(0).or_default();
    }

    /// Adds the events between conflicted ones in the auth chain of the unconflicted state, and what they cite.
    fn add_between(&mut self, conflicted: &BTreeSet<Number>) {
        let mut leads: BTreeSet<Number> =
            conflicted.iter().copied().filter(|z| self.events[z].common).collect();
        let Some(oldest) = leads.first().copied() else { return };
        let mut chain: BTreeSet<Number> = BTreeSet::new();
        let mut ahead: Vec<Number> = conflicted.iter().copied().collect();
        while let Some(event) = ahead.pop() {
            if chain.insert(event) {
                ahead.extend(self.ledger.state(event).auth.iter().filter(|cited| **cited >= oldest));
            }
        }
        // Whatever an event cites is older.
        for event in chain {
            let auth = &self.ledger.state(event).auth;
            if !auth.iter().any(|cited| leads.contains(cited)) {
                continue;
            }
            leads.insert(event);
            let part = self.events.entry(event).or_insert(Part { common: true, whole: false });
            if !std::mem::replace(&mut part.whole, true) {
                for cited in auth {
                    self.events.entry(*cited).or_default().common = true;
                }
            }
        }
    }

    /// Adds the entries on which the states agree, as far as the checks read them. Returns them.
    fn add_shared(&mut self, conflict: &Conflict<'_>) -> BTreeSet<Number> {
        let mut keys = BTreeSet::from([CREATE_KEY, POWER_LEVELS_KEY, JOIN_RULES_KEY]);
        for event in self.events.keys() {
            let fact = self.ledger.state(*event);
            keys.insert(member_key(fact.sender));
            if let Content::Member { user, authoriser, .. } = &fact.content {
                keys.insert(member_key(*user));
                keys.extend(authoriser.map(member_key));
            }
        }
        let shared: BTreeSet<Number> =
            keys.into_iter().filter_map(|key| conflict.unconflicted(key)).collect();
        for event in &shared {
            self.events.entry(*event).or_default();
        }
        shared
    }

    /// The excerpt as a room, and the index of every event in it.
    fn room(&self) -> (Room, BTreeMap<Number, usize>) {
        let mut line = Vec::new();
        let mut loaded = Vec::with_capacity(self.events.len() + 1);
        for (event, part) in &self.events {
            line.clear();
            self.write(*event, &self.auth(*event, *part), &mut line);
            loaded.extend(load(&line));
        }
        line.clear();
        self.write_anchor(&mut line);
        loaded.extend(load(&line));
        // Here auth events are listed, whatever the room does.
        let input = Input::new(self.ledger.rules.without_state_dag(), None, loaded);
        let room = Room::build(input, &mut Vec::new()).expect("there is a conflict");
        let order: Vec<Number> = self.events.keys().copied().chain([ANCHOR]).collect();
        let numbers = room.events().map(|ix| (order[room.position(ix) as usize], ix.index())).collect();
        (room, numbers)
    }

    /// What an event is to cite: of what it cites that which is here. Power levels cite the next older ones that are
    /// here, so that they keep their order on the mainline.
    fn auth(&self, event: Number, part: Part) -> Vec<Number> {
        let cited = &self.ledger.state(event).auth;
        if part.whole {
            return cited.to_vec();
        }
        let mut auth: Vec<Number> =
            cited.iter().copied().filter(|cited| self.events.contains_key(cited)).collect();
        let levels = |event: Number| {
            let mut auth = self.ledger.state(event).auth.iter().copied();
            auth.find(|auth| self.ledger.state(*auth).content.key() == Some(POWER_LEVELS_KEY))
        };
        if self.ledger.state(event).content.key() == Some(POWER_LEVELS_KEY) {
            let mut older = levels(event);
            while let Some(event) = older.filter(|event| !self.events.contains_key(event)) {
                older = levels(event);
            }
            auth.extend(older.filter(|older| !auth.contains(older)));
        }
        auth
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
        ledger.write_room_id(out, &fact.content);
        out.extend(br#","sender":"#);
        ledger.people.write_id(out, fact.sender);
        fact.content.write_state_key(out, &ledger.people);
        out.extend(br#","type":"#);
        text::string(out, fact.content.event_type());
        out.push(b'}');
    }

    /// Writes a state event that puts what is common into the auth chain of every state it is in.
    fn write_anchor(&self, out: &mut Vec<u8>) {
        let common = self.events.iter().filter(|(_, part)| part.common);
        let common: Vec<Number> = common.map(|(event, _)| *event).collect();
        out.extend(br#"{"auth_events":"#);
        self.ledger.write_references(out, &common);
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
