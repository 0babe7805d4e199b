//! From drafts to PDUs: references, depth, hashes, event IDs.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Draft, Reference};
use crate::auth::Profile;
use crate::event::room_version::{AuthSource, Rules};
use crate::event::{Event, hash, server_name};
use crate::replay::Replay;
use crate::room::{EventIx, Input, LoadedEvent, Room};
use crate::state::StateMap;

/// A state by event numbers.
pub type State = BTreeMap<(String, String), usize>;

/// An event that was made.
#[derive(Debug, Clone)]
pub struct Pdu {
    /// The event.
    pub event: Event,
    /// Its `content`.
    pub content: Value,
    /// Its parents.
    pub prev: Vec<usize>,
    /// Its parents in the state DAG, where there is one.
    pub prev_state: Vec<usize>,
    /// The reference hash, for the pairs of room versions 1 and 2.
    hash: String,
}

/// Makes the events of one room. Events are numbered in the order they are made; the first is to be the create event.
#[derive(Debug, Clone)]
pub struct RoomBuilder {
    rules: &'static Rules,
    salt: u64,
    room_id: Option<String>,
    pdus: Vec<Pdu>,
    by_id: HashMap<String, usize>,
    tips: Vec<usize>,
    state: State,
}

impl RoomBuilder {
    /// A builder without events. Of rooms with different salts no ID is the same.
    pub fn new(rules: &'static Rules, salt: u64) -> Self {
        Self {
            rules,
            salt,
            room_id: None,
            pdus: Vec::new(),
            by_id: HashMap::new(),
            tips: Vec::new(),
            state: State::new(),
        }
    }

    /// The rules of the room version.
    pub fn rules(&self) -> &'static Rules {
        self.rules
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.pdus.len()
    }

    /// Whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.pdus.is_empty()
    }

    /// An event by number.
    pub fn pdu(&self, number: usize) -> &Pdu {
        &self.pdus[number]
    }

    /// The state that [`send`](Self::send) builds on: as if everything sent so far were accepted.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Sends an event after the one sent last. Parents, auth events and timestamp that the draft leaves open follow
    /// from [`state`](Self::state). For anything but a straight line see [`send_after`](Self::send_after) and
    /// [`add`](Self::add).
    pub fn send(&mut self, mut draft: Draft) -> usize {
        if draft.prev.is_empty() {
            draft.prev = self.tips.iter().copied().map(Reference::Made).collect();
        }
        let state = self.state.clone();
        self.finish(draft, &state)
    }

    /// Sends an event after the given ones; the state there is computed by replaying the room. Later events
    /// [`send`](Self::send) go on from here.
    pub fn send_after(&mut self, prev: &[usize], draft: Draft) -> usize {
        let state = self.state_after(prev);
        self.finish(draft.after(prev), &state)
    }

    fn finish(&mut self, mut draft: Draft, state: &State) -> usize {
        if draft.auth.is_empty() {
            draft.auth = self.auth_events(&draft, state);
        }
        if draft.timestamp == 0 {
            draft.timestamp =
                1 + self.pdus.iter().map(|pdu| pdu.event.origin_server_ts()).max().unwrap_or_default();
        }
        let key = draft.state_key.clone().map(|key| (draft.event_type.clone(), key));
        let number = self.add(draft);
        self.state.clone_from(state);
        self.state.extend(key.map(|key| (key, number)));
        self.tips = vec![number];
        number
    }

    /// The state after the given events, resolved if need be.
    pub fn state_after(&self, events: &[usize]) -> State {
        if events.is_empty() {
            return State::new();
        }
        let room = self.room();
        let replay = Replay::new(&room, None, Profile::Spec);
        let numbers = Numbers::of(&room);
        let events = if self.rules.has_state_dag() { self.state_parents(events) } else { events.to_vec() };
        let states: Vec<StateMap> =
            events.iter().filter_map(|number| replay.after(numbers.index(*number)).cloned()).collect();
        numbers.state(&room, &replay.resolve(&states, &mut ()).state)
    }

    /// The forward extremities of the state DAG below some events, ascending: what a server that knows just these and their
    /// past names in `prev_state_events`, if nothing was rejected.
    pub fn state_parents(&self, prev: &[usize]) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        for number in prev {
            match self.pdus[*number].event.is_state() {
                true => found.push(*number),
                false => found.extend(&self.pdus[*number].prev_state),
            }
        }
        found.sort_unstable();
        found.dedup();
        let Some(oldest) = found.first().copied().filter(|_| found.len() > 1) else { return found };
        let mut below = vec![false; self.pdus.len()];
        let mut stack = found.clone();
        while let Some(number) = stack.pop() {
            for parent in self.pdus[number].prev_state.iter().filter(|parent| **parent >= oldest) {
                if !std::mem::replace(&mut below[*parent], true) {
                    stack.push(*parent);
                }
            }
        }
        found.retain(|number| !below[*number]);
        found
    }

    /// The auth events of a draft by the selection algorithm.
    ///
    /// Source: <https://spec.matrix.org/latest/server-server-api/#auth-events-selection>
    pub fn auth_events(&self, draft: &Draft, state: &State) -> Vec<Reference> {
        selected_keys(self.rules, draft)
            .into_iter()
            .filter_map(|(kind, key)| state.get(&(kind.to_owned(), key.to_owned())))
            .copied()
            .map(Reference::Made)
            .collect()
    }

    /// Makes an event exactly as drafted. If the very same event was made before, that one's number is returned.
    ///
    /// # Panics
    /// If the draft refers to a number that is not there.
    pub fn add(&mut self, mut draft: Draft) -> usize {
        let prev = draft.prev.iter().filter_map(|reference| match reference {
            Reference::Made(number) => Some(*number),
            Reference::Unknown(_) => None,
        });
        let prev: Vec<usize> = prev.collect();
        if self.rules.has_state_dag() && draft.prev_state.is_none() {
            let parents = self.state_parents(&prev);
            draft.prev_state = Some(parents.into_iter().map(Reference::Made).collect());
        }
        let given = (!self.rules.event_ids_are_hashes()).then(|| self.next_id(&draft.sender));
        let mut pdu = self.unhashed(&draft, &prev, given.as_deref());
        let content_hash = hash::content_hash(&pdu.to_string(), self.rules);
        pdu["hashes"] = json!({ "sha256": content_hash.unwrap_or_else(|_| "0".repeat(43)) });
        let reference = hash::event_id(&pdu.to_string(), self.rules);
        let reference = reference.unwrap_or_else(|_| format!("${:043}", self.pdus.len()));
        let id = given.unwrap_or_else(|| reference.clone());
        if let Some(number) = self.by_id.get(&id) {
            return *number;
        }
        pdu["event_id"] = id.as_str().into();
        let event = Event::parse(&pdu.to_string()).expect("the PDU has every field").with_id(id.as_str());
        if self.room_id.is_none() {
            self.room_id = Some(self.first_room_id(&id, &draft.sender));
        }
        let number = self.pdus.len();
        self.by_id.insert(id, number);
        let hash = reference.trim_start_matches('$').to_owned();
        let prev_state = draft.prev_state.into_iter().flatten().filter_map(|reference| match reference {
            Reference::Made(number) => Some(number),
            Reference::Unknown(_) => None,
        });
        let prev_state = prev_state.filter(|_| self.rules.has_state_dag()).collect();
        self.pdus.push(Pdu { event, content: draft.content, prev, prev_state, hash });
        number
    }

    fn unhashed(&self, draft: &Draft, prev: &[usize], event_id: Option<&str>) -> Value {
        let above = prev.iter().map(|number| self.pdus[*number].event.depth()).max();
        let depth = above.map_or(1, |depth| depth.saturating_add(1).min((1 << 53) - 1));
        let mut pdu = json!({
            "type": draft.event_type,
            "sender": draft.sender,
            "content": draft.content,
            "origin_server_ts": draft.timestamp,
            "depth": draft.depth.unwrap_or(depth),
            "prev_events": self.references(&draft.prev),
            "signatures": {},
        });
        if self.rules.auth_source == AuthSource::Event {
            pdu["auth_events"] = self.references(&draft.auth).into();
        }
        if self.rules.has_state_dag() {
            pdu["prev_state_events"] =
                self.references(draft.prev_state.as_deref().unwrap_or_default()).into();
        }
        let creates = draft.event_type == "m.room.create" && draft.state_key.as_deref() == Some("");
        if !(creates && self.rules.room_id_is_create_id) {
            let room_id = self.room_id.clone().unwrap_or_else(|| self.first_room_id("", &draft.sender));
            pdu["room_id"] = room_id.into();
        }
        if let Some(key) = &draft.state_key {
            pdu["state_key"] = key.as_str().into();
        }
        if let Some(redacts) = &draft.redacts {
            pdu["redacts"] = redacts.as_str().into();
        }
        if let Some(id) = event_id {
            pdu["event_id"] = id.into();
        }
        pdu
    }

    fn references(&self, references: &[Reference]) -> Vec<Value> {
        let pairs = !self.rules.event_ids_are_hashes();
        let reference = |reference: &Reference| {
            let (id, hash) = match reference {
                Reference::Made(number) => (self.pdus[*number].event.id(), self.pdus[*number].hash.as_str()),
                Reference::Unknown(id) => (id.as_str(), "unknown"),
            };
            if pairs { json!([id, { "sha256": hash }]) } else { id.into() }
        };
        references.iter().map(reference).collect()
    }

    fn first_room_id(&self, create: &str, sender: &str) -> String {
        if self.rules.room_id_is_create_id {
            format!("!{}", create.trim_start_matches('$'))
        } else {
            format!("!room{:x}:{}", self.salt, server_name(sender))
        }
    }

    /// An ID for room versions 1 and 2, in no particular order.
    fn next_id(&self, sender: &str) -> String {
        let number = super::Rng::new(self.salt ^ ((self.pdus.len() as u64) << 40)).number();
        format!("${:x}e{}:{}", number >> 40, self.pdus.len(), server_name(sender))
    }

    /// Keeps only some events; what refers to others must go with them. Returns the new number of every old one.
    pub fn retain(&mut self, keep: &[bool]) -> Vec<Option<usize>> {
        let mut next = 0;
        let number = |keep: &bool| {
            next += usize::from(*keep);
            keep.then(|| next - 1)
        };
        let numbers: Vec<Option<usize>> = keep.iter().map(number).collect();
        let mut place = 0;
        self.pdus.retain_mut(|pdu| {
            for parents in [&mut pdu.prev, &mut pdu.prev_state] {
                *parents = parents.iter().filter_map(|parent| numbers[*parent]).collect();
            }
            place += 1;
            keep[place - 1]
        });
        self.by_id =
            self.pdus.iter().enumerate().map(|(number, pdu)| (pdu.event.id().to_owned(), number)).collect();
        self.tips = self.tips.iter().filter_map(|tip| numbers[*tip]).collect();
        self.state = std::mem::take(&mut self.state)
            .into_iter()
            .filter_map(|(key, number)| Some((key, numbers[number]?)))
            .collect();
        numbers
    }

    /// The room so far. The position of an event in it is its number.
    ///
    /// # Panics
    /// If there are no events.
    pub fn room(&self) -> Room {
        room_of(self.rules, self.pdus.iter().map(|pdu| pdu.event.clone()))
    }

    /// The room as a dump: one PDU a line, with its `event_id`, in causal order.
    pub fn ndjson(&self) -> String {
        self.pdus.iter().fold(String::new(), |mut text, pdu| {
            let _ = writeln!(text, "{}", pdu.event.json());
            text
        })
    }
}

/// A room of these events.
fn room_of(rules: &'static Rules, events: impl Iterator<Item = Event>) -> Room {
    let load = |event| LoadedEvent::new(event);
    let input = Input::new(rules, None, events.map(load).collect());
    Room::build(input, &mut Vec::new()).expect("a room has events")
}

/// The keys that the selection algorithm names for a draft.
fn selected_keys<'a>(rules: &Rules, draft: &'a Draft) -> Vec<(&'static str, &'a str)> {
    if draft.event_type == "m.room.create" {
        return Vec::new();
    }
    let mut keys = vec![("m.room.power_levels", ""), ("m.room.member", draft.sender.as_str())];
    if !rules.room_id_is_create_id {
        keys.push(("m.room.create", ""));
    }
    if let ("m.room.member", Some(target)) = (draft.event_type.as_str(), draft.state_key.as_deref()) {
        keys.push(("m.room.member", target));
        let membership = draft.content["membership"].as_str().unwrap_or_default();
        if matches!(membership, "join" | "invite" | "knock") {
            keys.push(("m.room.join_rules", ""));
        }
        let token = draft.content["third_party_invite"]["signed"]["token"].as_str();
        if let ("invite", Some(token)) = (membership, token) {
            keys.push(("m.room.third_party_invite", token));
        }
        let authoriser = draft.content["join_authorised_via_users_server"].as_str();
        if let ("join", true, Some(user)) = (membership, rules.restricted, authoriser) {
            keys.push(("m.room.member", user));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Event numbers and event indices of a built room.
pub(super) struct Numbers(Vec<EventIx>);

impl Numbers {
    pub(super) fn of(room: &Room) -> Self {
        let mut numbers = vec![EventIx::new(0); room.len()];
        for ix in room.events() {
            numbers[room.position(ix) as usize] = ix;
        }
        Self(numbers)
    }

    pub(super) fn index(&self, number: usize) -> EventIx {
        self.0[number]
    }

    #[expect(clippy::unused_self, reason = "the positions are those of the room the numbers are of")]
    pub(super) fn state(&self, room: &Room, state: &StateMap) -> State {
        state
            .iter()
            .map(|(key, event)| {
                let (kind, key) = room.key(key);
                ((kind.to_owned(), key.to_owned()), room.position(event) as usize)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_can_be_built_and_replayed() {
        for rules in Rules::ALL {
            let mut room = RoomBuilder::new(rules, 7);
            room.send(Draft::create(rules, "@a:one"));
            room.send(Draft::join("@a:one"));
            let join_rules = room.send(Draft::join_rules("@a:one", "public"));
            let bob = room.send(Draft::join("@b:two"));
            let levels = room.send_after(&[join_rules], Draft::power_levels("@a:one", json!({})));
            room.send_after(&[bob, levels], Draft::message("@b:two", "hello"));
            let built = room.room();
            let replay = Replay::new(&built, None, Profile::Spec);
            assert!(replay.rejected().is_empty(), "{}\n{}", rules.id, room.ndjson());
            assert_eq!(replay.current().state.as_ref().unwrap().len(), 5);
        }
    }

    #[test]
    fn a_room_of_its_own_has_ids_of_its_own() {
        let rules = Rules::of("1").unwrap();
        let id = |salt| {
            let mut room = RoomBuilder::new(rules, salt);
            room.send(Draft::create(rules, "@a:one"));
            room.pdu(0).event.id().to_owned()
        };
        assert_ne!(id(1), id(2));
        assert_eq!(id(1), id(1));
    }
}
