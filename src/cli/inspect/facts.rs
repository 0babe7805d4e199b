//! What `inspect` finds out; the JSON form is the serialisation of this.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::args::Globals;
use super::super::findings::FindingJson;
use super::super::marks::{conflicts, gaps, is_asserted, link_id};
use super::state_dag::StateDagFacts;
use crate::diagnose::state_dag::Shape;
use crate::dump::{Dump, Format};
use crate::event::content::{Create, Field};
use crate::event::server_name;
use crate::replay::Replay;
use crate::report::{Code, Finding};
use crate::room::{AssertedState, EventIx, Link, Room, Stored, When};

#[derive(Debug, Serialize)]
pub(super) struct Facts<'a> {
    pub(super) room_id: Option<&'a str>,
    pub(super) title: Option<&'a str>,
    pub(super) room_version: &'static str,
    /// What tells the version.
    pub(super) room_version_from: &'static str,
    pub(super) algorithm: &'static str,
    pub(super) profile: &'static str,
    pub(super) format: String,
    pub(super) compression: Option<&'static str>,
    pub(super) lines: u64,
    pub(super) events_read: u64,
    pub(super) create: Option<CreateEvent<'a>>,
    pub(super) counts: Counts,
    /// The first and last `origin_server_ts`.
    pub(super) time: Option<(i64, i64)>,
    /// Users by membership now; `None` if the current state is unknown.
    pub(super) members: Option<BTreeMap<&'a str, usize>>,
    pub(super) state_hash: Option<String>,
    /// How far the current state can be relied on.
    pub(super) footing: &'static str,
    pub(super) forward_extremities: Vec<&'a str>,
    /// Only where the room version has a state DAG.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_dag: Option<StateDagFacts<'a>>,
    /// Events with several children.
    pub(super) forks: Vec<&'a str>,
    /// Events with several parents.
    pub(super) merges: Vec<Merge<'a>>,
    pub(super) holes: Vec<Hole<'a>>,
    pub(super) missing_auth_events: Vec<MissingAuth<'a>>,
    pub(super) asserted_states: Vec<Asserted<'a>>,
    /// What the server's database holds beside the events, if the dump is one.
    pub(super) database: Option<Database<'a>>,
    pub(super) types: Vec<TypeCount<'a>>,
    pub(super) servers: Vec<Server<'a>>,
    pub(super) findings: Vec<FindingJson<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct CreateEvent<'a> {
    pub(super) event_id: &'a str,
    pub(super) sender: &'a str,
    pub(super) origin_server_ts: i64,
    pub(super) creators: Vec<&'a str>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) events: usize,
    pub(super) state_events: usize,
    pub(super) outliers: usize,
    pub(super) foreign: usize,
    pub(super) rejected: usize,
    pub(super) recorded_rejected: usize,
    pub(super) recorded_soft_failed: usize,
    pub(super) recorded_partial_state: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Merge<'a> {
    pub(super) event_id: &'a str,
    pub(super) parents: usize,
    /// The states after the parents differ.
    pub(super) resolved: bool,
    /// On so many keys.
    pub(super) conflicts: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Hole<'a> {
    pub(super) event_id: &'a str,
    pub(super) line: Option<u64>,
    pub(super) missing: Vec<&'a str>,
    /// Somebody says what the state is there.
    pub(super) asserted: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct MissingAuth<'a> {
    pub(super) event_id: &'a str,
    pub(super) line: Option<u64>,
    pub(super) missing: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Asserted<'a> {
    pub(super) event_id: &'a str,
    /// "before" or "after"
    pub(super) when: &'static str,
    pub(super) in_dump: bool,
    pub(super) state_events: usize,
    pub(super) provenance: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct TypeCount<'a> {
    #[serde(rename = "type")]
    pub(super) event_type: &'a str,
    pub(super) events: usize,
    pub(super) state_events: usize,
    pub(super) rejected: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Server<'a> {
    pub(super) server: &'a str,
    pub(super) events: usize,
    pub(super) senders: usize,
    pub(super) rejected: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Database<'a> {
    pub(super) schema_version: Option<i64>,
    pub(super) state_groups: usize,
    /// The events with a stored state.
    pub(super) states: usize,
    /// Those of them whose state is computed to be another one.
    pub(super) states_that_differ: usize,
    pub(super) forward_extremities: &'a [Box<str>],
    pub(super) backward_extremities: &'a [Box<str>],
    /// So many times clients were told of a change of the current state.
    pub(super) changes_told: usize,
    /// The server knows the state of the room only in part.
    pub(super) partial_state: bool,
}

impl<'a> Database<'a> {
    fn new(stored: &'a Stored, replay: &Replay<'_>) -> Self {
        let events = || replay.room().events();
        let differs = |ix: &EventIx| {
            let state = replay.after(*ix).zip(replay.stored(*ix, When::After));
            state.is_some_and(|(own, stored)| stored.map() != Some(own))
        };
        Self {
            schema_version: stored.notes().schema_version,
            state_groups: stored.group_count(),
            states: events().filter(|ix| stored.of_event(*ix, When::After).is_some()).count(),
            states_that_differ: events().filter(differs).count(),
            forward_extremities: &stored.notes().forward_extremities,
            backward_extremities: &stored.notes().backward_extremities,
            changes_told: stored.deltas().len(),
            partial_state: stored.notes().partial_state,
        }
    }
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        dump: &'a Dump,
        replay: &Replay<'a>,
        globals: &Globals,
        findings: &'a [Finding],
    ) -> Self {
        let room = &dump.room;
        let current = replay.current();
        let has_several = |count: usize| count > 1;
        Self {
            room_id: room.room_id(),
            title: room.annotations().title.as_deref(),
            room_version: room.rules().id,
            room_version_from: version_source(dump, globals, findings),
            algorithm: replay.algorithm().as_str(),
            profile: replay.profile().as_str(),
            format: dump.format.to_string(),
            compression: dump.compression,
            lines: dump.lines,
            events_read: dump.events_read,
            create: create(room),
            counts: Counts::new(room, replay),
            time: time(room),
            members: members(replay),
            state_hash: current.state.as_ref().map(|state| state.hash(room)),
            footing: current.footing.as_str(),
            forward_extremities: current.extremities.iter().map(|ix| room.id(*ix)).collect(),
            state_dag: Shape::of(replay).map(|shape| StateDagFacts::new(room, &shape)),
            forks: room
                .events()
                .filter(|ix| has_several(room.state_children(*ix).len()))
                .map(|ix| room.id(ix))
                .collect(),
            merges: room
                .events()
                .filter(|ix| !room.is_outlier(*ix) && has_several(room.state_links(*ix).count()))
                .map(|ix| Merge {
                    event_id: room.id(ix),
                    parents: room.state_links(ix).count(),
                    resolved: replay.resolved(ix),
                    conflicts: conflicts(replay, ix),
                })
                .collect(),
            holes: holes(room),
            missing_auth_events: missing_auth(room),
            asserted_states: asserted(room),
            database: room.stored().map(|stored| Database::new(stored, replay)),
            types: types(room, replay),
            servers: servers(room, replay),
            findings: findings.iter().map(FindingJson::new).collect(),
        }
    }
}

impl Counts {
    fn new(room: &Room, replay: &Replay<'_>) -> Self {
        let count = |test: &dyn Fn(EventIx) -> bool| room.events().filter(|ix| test(*ix)).count();
        Self {
            events: room.len(),
            state_events: count(&|ix| room.event(ix).is_state()),
            outliers: count(&|ix| room.recorded(ix).outlier),
            foreign: count(&|ix| room.is_foreign(ix)),
            rejected: replay.rejected().len(),
            recorded_rejected: count(&|ix| room.recorded(ix).rejected.is_some()),
            recorded_soft_failed: count(&|ix| room.recorded(ix).soft_failed),
            recorded_partial_state: count(&|ix| room.recorded(ix).partial_state),
        }
    }
}

/// The loader does not say which of its sources it followed, but it can be told from the outcome.
fn version_source(dump: &Dump, globals: &Globals, findings: &[Finding]) -> &'static str {
    let room = &dump.room;
    let create = room.create_event().and_then(|ix| room.event(ix).as_create());
    let told = create.map(|create| &create.room_version);
    match told {
        _ if globals.room_version.is_some() => "as requested",
        _ if findings.iter().any(|finding| finding.code == Code::UnknownRoomVersion) => "a guess",
        Some(Field::Value(version)) if **version == *room.rules().id => "by the create event",
        _ if dump.format == Format::Scenario => "by the scenario",
        Some(Field::Absent) => "the create event names none",
        _ => "by the records",
    }
}

fn create(room: &Room) -> Option<CreateEvent<'_>> {
    let event = room.event(room.create_event()?);
    let content = event.as_create()?;
    Some(CreateEvent {
        event_id: event.id(),
        sender: event.sender(),
        origin_server_ts: event.origin_server_ts(),
        creators: creators(room, event.sender(), content),
    })
}

fn creators<'a>(room: &Room, sender: &'a str, content: &'a Create) -> Vec<&'a str> {
    let first = if room.rules().creator_is_sender {
        Some(sender)
    } else {
        content.creator.value().map(|creator| &**creator)
    };
    let more = content.additional_creators.value().filter(|_| room.rules().privileged_creators);
    let more = more.into_iter().flatten().filter_map(|creator| creator.value()).map(|creator| &**creator);
    let mut creators: Vec<&str> = first.into_iter().chain(more).collect();
    let mut seen = BTreeSet::new();
    creators.retain(|creator| seen.insert(*creator));
    creators
}

fn time(room: &Room) -> Option<(i64, i64)> {
    let times = || room.events().map(|ix| room.event(ix).origin_server_ts());
    Some((times().min()?, times().max()?))
}

fn members<'a>(replay: &Replay<'a>) -> Option<BTreeMap<&'a str, usize>> {
    let state = replay.current().state.as_ref()?;
    let mut members = BTreeMap::new();
    for (_, ix) in state.iter() {
        if let Some(member) = replay.room().event(ix).as_member() {
            let membership = member.membership.value().map_or("(none)", |membership| membership.as_str());
            *members.entry(membership).or_default() += 1;
        }
    }
    Some(members)
}

fn missing_ids<'a>(room: &'a Room, links: &[Link]) -> Vec<&'a str> {
    let missing = links.iter().filter_map(|link| match link {
        Link::Missing(missing) => Some(room.missing_id(*missing)),
        Link::Event(_) => None,
    });
    missing.collect()
}

fn holes(room: &Room) -> Vec<Hole<'_>> {
    let hole = |ix: EventIx| {
        let gaps = gaps(room, ix);
        let missing: Vec<&str> = gaps.into_iter().map(|link| link_id(room, link)).collect();
        (!missing.is_empty()).then(|| Hole {
            event_id: room.id(ix),
            line: room.line(ix),
            missing,
            asserted: is_asserted(room, ix),
        })
    };
    room.events().filter_map(hole).collect()
}

fn missing_auth(room: &Room) -> Vec<MissingAuth<'_>> {
    room.auth_holes()
        .filter(|(ix, _)| !room.is_foreign(*ix))
        .map(|(ix, links)| MissingAuth {
            event_id: room.id(ix),
            line: room.line(ix),
            missing: missing_ids(room, links),
        })
        .collect()
}

fn asserted(room: &Room) -> Vec<Asserted<'_>> {
    let fact = |event_id, when, in_dump, state: &AssertedState| Asserted {
        event_id,
        when: match when {
            When::Before => "before",
            When::After => "after",
        },
        in_dump,
        state_events: state.events(room).len(),
        provenance: state.provenance.as_str(),
    };
    let present = room.all_asserted().map(|(ix, when, state)| fact(room.id(ix), when, true, state));
    let missing = room.missing().filter_map(|missing| {
        Some(fact(room.missing_id(missing), When::After, false, room.asserted_missing(missing)?))
    });
    present.chain(missing).collect()
}

fn types<'a>(room: &'a Room, replay: &Replay<'_>) -> Vec<TypeCount<'a>> {
    let mut types: BTreeMap<&str, TypeCount<'a>> = BTreeMap::new();
    for ix in room.events() {
        let event_type = room.event(ix).event_type();
        let entry = types.entry(event_type).or_insert(TypeCount {
            event_type,
            events: 0,
            state_events: 0,
            rejected: 0,
        });
        entry.events += 1;
        entry.state_events += usize::from(room.event(ix).is_state());
        entry.rejected += usize::from(replay.rejected().contains(ix));
    }
    let mut types: Vec<_> = types.into_values().collect();
    types.sort_by_key(|entry| std::cmp::Reverse(entry.events));
    types
}

fn servers<'a>(room: &'a Room, replay: &Replay<'_>) -> Vec<Server<'a>> {
    let mut servers: BTreeMap<&str, (Server<'a>, BTreeSet<&str>)> = BTreeMap::new();
    for ix in room.events() {
        let sender = room.event(ix).sender();
        let server = server_name(sender);
        let (entry, senders) = servers
            .entry(server)
            .or_insert_with(|| (Server { server, events: 0, senders: 0, rejected: 0 }, BTreeSet::new()));
        entry.events += 1;
        entry.rejected += usize::from(replay.rejected().contains(ix));
        senders.insert(sender);
        entry.senders = senders.len();
    }
    let mut servers: Vec<_> = servers.into_values().map(|(server, _)| server).collect();
    servers.sort_by_key(|entry| std::cmp::Reverse(entry.events));
    servers
}
