//! A room in ruma's hands.

use std::collections::{BTreeSet, HashMap};

use ruma::events::StateEventType;
use ruma::room_version_rules::{AuthorizationRules, StateResolutionV2Rules};
use ruma::state_res::utils::event_id_set::EventIdSet;
use ruma::state_res::{self, Event as _};
use ruma::{EventId, OwnedEventId};

use super::pdu::{Pdu, Seen, Unrepresentable};
use super::walk::{auth_chain, conflicted_subgraph};
use crate::event::room_version::AuthSource;
use crate::replay::Replay;
use crate::resolve::Algorithm;
use crate::room::{AuthEdges, EventIx, EventSet, KeyIx, Room};
use crate::state::StateMap;

/// A room as ruma's `state_res` sees it, fed with strict auth chains.
///
/// Written to be right, not fast: what ruma is given for a resolution is made anew for each.
#[derive(Debug)]
pub struct RumaRoom<'a> {
    room: &'a Room,
    edges: AuthEdges<'a>,
    rules: AuthorizationRules,
    /// By event index.
    pdus: Vec<Pdu>,
    by_id: HashMap<OwnedEventId, EventIx>,
}

impl<'a> RumaRoom<'a> {
    /// Puts every event of a room into ruma's types.
    ///
    /// # Errors
    /// If they cannot hold one.
    pub fn new(room: &'a Room) -> Result<Self, Unrepresentable> {
        Self::along(room, AuthEdges::listed(room))
    }

    /// The same for a room with a state DAG, which ruma does not know: the events get the auth events that the replay has
    /// calculated.
    ///
    /// # Errors
    /// If ruma's types cannot hold an event.
    pub fn of_replay(replay: &'a Replay<'a>) -> Result<Self, Unrepresentable> {
        Self::along(replay.room(), replay.auth())
    }

    fn along(room: &'a Room, edges: AuthEdges<'a>) -> Result<Self, Unrepresentable> {
        let pdu = |ix: EventIx| {
            let mut pdu = Pdu::new(room.event(ix))?;
            if room.rules().auth_source == AuthSource::Event {
                return Ok(pdu);
            }
            let auth = edges.of(ix).iter().map(|auth| EventId::parse(room.id(*auth)));
            let bad = |_| Unrepresentable { event_id: room.id(ix).into(), field: "event ID" };
            pdu.auth = auth.collect::<Result<_, _>>().map_err(bad)?;
            Ok(pdu)
        };
        let pdus: Vec<Pdu> = room.events().map(pdu).collect::<Result<_, Unrepresentable>>()?;
        let by_id = pdus.iter().zip(room.events()).map(|(pdu, ix)| (pdu.id.clone(), ix)).collect();
        Ok(Self { room, edges, rules: room.rules().ruma().authorization, pdus, by_id })
    }

    /// The room.
    pub fn room(&self) -> &'a Room {
        self.room
    }

    /// The rules without state and, if these allow the event, the rules against its auth events.
    ///
    /// # Errors
    /// What ruma says where it refuses the event.
    pub fn check_auth_events(&self, ix: EventIx, rejected: &EventSet) -> Result<(), String> {
        let event = self.seen(ix, &EventSet::default());
        state_res::check_state_independent_auth_rules(&self.rules, event, |id| self.fetch(id, rejected))?;
        let mut state: HashMap<(String, String), Seen<'_>> = HashMap::new();
        for auth in event.pdu.auth.iter().filter_map(|id| self.fetch(id, rejected)) {
            let Some(key) = auth.state_key() else { continue };
            state.entry((auth.pdu.kind.to_string(), key.to_owned())).or_insert(auth);
        }
        if self.rules.room_create_event_id_as_room_id
            && let Some(room_id) = &event.pdu.room_id
            && let Ok(create) = EventId::parse(format!("${}", room_id.strip_sigil()))
            && let Some(create) = self.fetch(&create, rejected)
        {
            state.insert(("m.room.create".to_owned(), String::new()), create);
        }
        state_res::check_state_dependent_auth_rules(&self.rules, event, |kind, key| {
            state.get(&(kind.to_string(), key.to_owned())).copied()
        })
    }

    /// The rules against a state.
    ///
    /// # Errors
    /// What ruma says where it refuses the event.
    pub fn check_against(&self, ix: EventIx, state: &StateMap) -> Result<(), String> {
        let none = EventSet::default();
        state_res::check_state_dependent_auth_rules(&self.rules, self.seen(ix, &none), |kind, key| {
            let key = self.room.find_key(&kind.to_string(), key)?;
            Some(self.seen(state.get(key)?, &none))
        })
    }

    /// Resolves state sets. `rejected` are the events that count as rejected. ruma has no v1 and takes it as v2.
    ///
    /// # Errors
    /// What ruma says where it gives up.
    pub fn resolve(
        &self,
        algorithm: Algorithm,
        sets: &[StateMap],
        rejected: &EventSet,
    ) -> Result<StateMap, String> {
        let v2 = match algorithm {
            Algorithm::V2_1 => StateResolutionV2Rules::V2_1,
            Algorithm::V1 | Algorithm::V2 => StateResolutionV2Rules::V2_0,
        };
        let maps: Vec<_> = sets.iter().map(|set| self.theirs(set)).collect();
        let chain = |set: &StateMap| auth_chain(self.edges, set.iter().map(|(_, event)| event));
        let chains = sets.iter().map(|set| chain(set).into_iter().map(|ix| self.id(ix)).collect()).collect();
        let answer = state_res::resolve(
            &self.rules,
            &v2,
            &maps,
            chains,
            |id| self.fetch(id, rejected),
            |conflicted| {
                let conflicted: BTreeSet<EventIx> =
                    conflicted.values().flatten().map(|id| self.by_id[id]).collect();
                let subgraph = conflicted_subgraph(self.edges, &conflicted);
                Some(subgraph.into_iter().map(|ix| self.id(ix)).collect::<EventIdSet<_>>())
            },
        );
        Ok(answer.map_err(|error| error.to_string())?.iter().filter_map(|entry| self.ours(entry)).collect())
    }

    fn seen(&self, ix: EventIx, rejected: &EventSet) -> Seen<'_> {
        Seen { pdu: &self.pdus[ix.index()], rejected: rejected.contains(ix) }
    }

    fn fetch(&self, id: &EventId, rejected: &EventSet) -> Option<Seen<'_>> {
        self.by_id.get(id).map(|ix| self.seen(*ix, rejected))
    }

    fn id(&self, ix: EventIx) -> OwnedEventId {
        self.pdus[ix.index()].id.clone()
    }

    fn theirs(&self, set: &StateMap) -> state_res::StateMap<OwnedEventId> {
        let entry = |(key, event): (KeyIx, EventIx)| {
            let (event_type, state_key) = self.room.key(key);
            ((StateEventType::from(event_type), state_key.to_owned()), self.id(event))
        };
        set.iter().map(entry).collect()
    }

    /// An entry of ruma's answer. Everything in it comes from the sets or from events of the room.
    fn ours(
        &self,
        ((kind, key), id): (&(StateEventType, String), &OwnedEventId),
    ) -> Option<(KeyIx, EventIx)> {
        let event = *self.by_id.get(id)?;
        Some((self.room.find_key(&kind.to_string(), key).or_else(|| self.room.key_of(event))?, event))
    }
}
