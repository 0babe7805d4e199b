//! The other side of the comparison: ruma's `state_res`, fed as a server would.

use std::collections::{BTreeSet, HashMap};

use hindsight::event::Event;
use hindsight::resolve::Algorithm;
use hindsight::room::{EventIx, EventSet, Room};
use hindsight::state::StateMap;
use ruma::events::{StateEventType, TimelineEventType};
use ruma::room_version_rules::{AuthorizationRules, StateResolutionV2Rules};
use ruma::state_res::utils::event_id_set::EventIdSet;
use ruma::state_res::{self, Event as RumaEvent};
use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UInt, UserId,
};
use serde_json::value::RawValue;

/// One event as ruma wants it.
#[derive(Debug)]
struct Pdu {
    id: OwnedEventId,
    room_id: Option<OwnedRoomId>,
    sender: OwnedUserId,
    timestamp: MilliSecondsSinceUnixEpoch,
    kind: TimelineEventType,
    content: Box<RawValue>,
    state_key: Option<String>,
    prev: Vec<OwnedEventId>,
    auth: Vec<OwnedEventId>,
    redacts: Option<OwnedEventId>,
}

impl Pdu {
    /// `None` if ruma's types cannot hold the event.
    fn new(event: &Event) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Content {
            content: Box<RawValue>,
        }
        let ids = |ids: &[Box<str>]| -> Option<Vec<OwnedEventId>> {
            ids.iter().map(|id| EventId::parse(&**id).ok()).collect()
        };
        Some(Self {
            id: EventId::parse(event.id()).ok()?,
            room_id: event.room_id().map(RoomId::parse).transpose().ok()?,
            sender: UserId::parse(event.sender()).ok()?,
            timestamp: MilliSecondsSinceUnixEpoch(UInt::try_from(event.origin_server_ts()).ok()?),
            kind: event.event_type().into(),
            content: serde_json::from_str::<Content>(event.json()).ok()?.content,
            state_key: event.state_key().map(str::to_owned),
            prev: ids(event.prev_events())?,
            auth: ids(event.auth_events())?,
            redacts: event.redacts().map(EventId::parse).transpose().ok()?,
        })
    }
}

/// An event together with whether it counts as rejected.
#[derive(Debug, Clone, Copy)]
struct Seen<'a> {
    pdu: &'a Pdu,
    rejected: bool,
}

impl RumaEvent for Seen<'_> {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.pdu.id
    }
    fn room_id(&self) -> Option<&RoomId> {
        self.pdu.room_id.as_deref()
    }
    fn sender(&self) -> &UserId {
        &self.pdu.sender
    }
    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.pdu.timestamp
    }
    fn event_type(&self) -> &TimelineEventType {
        &self.pdu.kind
    }
    fn content(&self) -> &RawValue {
        &self.pdu.content
    }
    fn state_key(&self) -> Option<&str> {
        self.pdu.state_key.as_deref()
    }
    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.pdu.prev.iter())
    }
    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.pdu.auth.iter())
    }
    fn redacts(&self) -> Option<&OwnedEventId> {
        self.pdu.redacts.as_ref()
    }
    fn rejected(&self) -> bool {
        self.rejected
    }
}

/// A room in ruma's hands.
pub(crate) struct RumaSide<'a> {
    room: &'a Room,
    rules: AuthorizationRules,
    /// By event index.
    pdus: Vec<Pdu>,
    by_id: HashMap<OwnedEventId, EventIx>,
}

/// What ruma resolves to: (type, state key, event ID), sorted; or its error.
pub(crate) type Answer = Result<BTreeSet<(String, String, String)>, String>;

impl<'a> RumaSide<'a> {
    pub(crate) fn new(room: &'a Room) -> Self {
        Self::try_new(room).expect("only what ruma can hold is generated")
    }

    /// `None` if ruma's types cannot hold an event of the room.
    pub(crate) fn try_new(room: &'a Room) -> Option<Self> {
        let pdus: Vec<Pdu> = room.events().map(|ix| Pdu::new(room.event(ix))).collect::<Option<_>>()?;
        let by_id = pdus.iter().zip(room.events()).map(|(pdu, ix)| (pdu.id.clone(), ix)).collect();
        Some(Self { room, rules: room.rules().ruma().authorization, pdus, by_id })
    }

    fn seen(&self, ix: EventIx, rejected: &EventSet) -> Seen<'_> {
        Seen { pdu: &self.pdus[ix.index()], rejected: rejected.contains(ix) }
    }

    fn fetch(&self, id: &EventId, rejected: &EventSet) -> Option<Seen<'_>> {
        self.by_id.get(id).map(|ix| self.seen(*ix, rejected))
    }

    /// The rules without state, and the rules against the auth events.
    pub(crate) fn check_auth_events(&self, ix: EventIx, rejected: &EventSet) -> Result<(), String> {
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
    pub(crate) fn check_against(&self, ix: EventIx, state: &StateMap) -> Result<(), String> {
        let none = EventSet::default();
        state_res::check_state_dependent_auth_rules(&self.rules, self.seen(ix, &none), |kind, key| {
            let key = self.room.find_key(&kind.to_string(), key)?;
            Some(self.seen(state.get(key)?, &none))
        })
    }

    /// Resolves with strict chains.
    pub(crate) fn resolve(&self, algorithm: Algorithm, sets: &[StateMap], rejected: &EventSet) -> Answer {
        let v2 = match algorithm {
            Algorithm::V2_1 => StateResolutionV2Rules::V2_1,
            Algorithm::V1 | Algorithm::V2 => StateResolutionV2Rules::V2_0,
        };
        let id = |ix: EventIx| self.pdus[ix.index()].id.clone();
        let key = |event_type: &str, key: &str| (StateEventType::from(event_type), key.to_owned());
        let maps: Vec<state_res::StateMap<OwnedEventId>> = sets
            .iter()
            .map(|set| {
                set.iter()
                    .map(|(place, event)| {
                        let (event_type, state_key) = self.room.key(place);
                        (key(event_type, state_key), id(event))
                    })
                    .collect()
            })
            .collect();
        let chains = sets
            .iter()
            .map(|set| {
                strict_chain(self.room, set.iter().map(|(_, event)| event)).into_iter().map(id).collect()
            })
            .collect();
        let answer = state_res::resolve(
            &self.rules,
            &v2,
            &maps,
            chains,
            |id| self.fetch(id, rejected),
            |conflicted| {
                let conflicted: BTreeSet<EventIx> =
                    conflicted.values().flatten().map(|id| self.by_id[id]).collect();
                Some(subgraph(self.room, &conflicted).into_iter().map(id).collect::<EventIdSet<_>>())
            },
        );
        let entry = |((kind, key), id): ((StateEventType, String), OwnedEventId)| {
            (kind.to_string(), key, id.to_string())
        };
        answer.map(|state| state.into_iter().map(entry).collect()).map_err(|error| error.to_string())
    }
}

/// Everything that `from` reaches through `auth_events`.
pub(crate) fn strict_chain(room: &Room, from: impl Iterator<Item = EventIx>) -> BTreeSet<EventIx> {
    let mut chain = BTreeSet::new();
    let mut stack: Vec<EventIx> = from.collect();
    while let Some(ix) = stack.pop() {
        for auth in room.auth_events(ix) {
            if chain.insert(*auth) {
                stack.push(*auth);
            }
        }
    }
    chain
}

/// Every event that is conflicted or reaches a conflicted event, and is conflicted or is reached by one.
pub(crate) fn subgraph(room: &Room, conflicted: &BTreeSet<EventIx>) -> BTreeSet<EventIx> {
    let mut below = strict_chain(room, conflicted.iter().copied());
    below.extend(conflicted);
    // What an event cites comes before it in this order.
    let mut subgraph = BTreeSet::new();
    for ix in below {
        let cites_one = room.auth_events(ix).iter().any(|auth| subgraph.contains(auth));
        if cites_one || conflicted.contains(&ix) {
            subgraph.insert(ix);
        }
    }
    subgraph
}
