//! A room comes about, a piece at a time: whoever must not be away for long can look up in between.
//!
//! ```text
//! Citing ─► Ranking ─► Ordering ─► Keying ─► Noding ─► Linking ─► Turning ─► Room
//! look up   order of   topological  state     nodes     edges of   children
//! IDs       time       order        keys                all kinds
//! ```

use std::collections::BTreeMap;
use std::ops::Range;

use super::adjacency::Adjacency;
use super::build::{Assertion, Empty, Input, LoadedEvent, most_common_room};
use super::ids::IdTable;
use super::index::EventIx;
use super::keys::{EventKeys, KeyTable};
use super::references::Citations;
use super::set::EventSet;
use super::sorted::{self, Sorted};
use super::state_dag::StateDag;
use super::{Annotations, Node, Room, ServerRecords};
use crate::event::Event;
use crate::event::room_version::Rules;
use crate::executor::{self, Executor};
use crate::report::Finding;

/// A room that is not finished.
pub(crate) struct Building {
    frame: Frame,
    stage: Stage,
}

/// What a piece of work comes to.
pub(crate) enum Built {
    /// There is more to do.
    Going(Box<Building>),
    /// The room.
    Done(Box<Room>),
}

/// What belongs to the room beside the events.
struct Frame {
    rules: &'static Rules,
    room_id: Option<Box<str>>,
    assertions: Vec<Assertion>,
    stored: ServerRecords,
    annotations: Annotations,
}

enum Stage {
    /// IDs are looked up; `parts` are the citations of the first events.
    Citing {
        events: Vec<LoadedEvent>,
        ids: IdTable,
        parts: Vec<Citations>,
        cited: usize,
    },
    Ranking {
        events: Vec<LoadedEvent>,
        ids: IdTable,
        parts: Vec<Citations>,
    },
    Ordering {
        events: Vec<LoadedEvent>,
        ids: IdTable,
        parts: Vec<Citations>,
        rank: Vec<u32>,
    },
    Keying(Sorted),
    Noding {
        sorted: Sorted,
        keys: KeyTable,
        of_events: Vec<EventKeys>,
    },
    Linking {
        sorted: Sorted,
        keys: KeyTable,
        nodes: Vec<Node>,
    },
    Turning {
        sorted: Sorted,
        keys: KeyTable,
        nodes: Vec<Node>,
        prev: Adjacency,
        other: Adjacency,
    },
}

/// So many events are looked up at a time by who works alone.
const PIECE: usize = 5_000;

impl Building {
    /// Begins. `ids`: the places of the events by ID, if somebody knows them already.
    ///
    /// # Errors
    /// If there are no events.
    pub(crate) fn new(input: Input, ids: Option<IdTable>) -> Result<Box<Self>, Empty> {
        let Input { rules, room_id, events, assertions, stored, annotations } = input;
        if events.is_empty() {
            return Err(Empty);
        }
        let ids = ids.unwrap_or_else(|| IdTable::new(events.iter().map(|loaded| loaded.event.id())));
        let stage = Stage::Citing { events, ids, parts: Vec::new(), cited: 0 };
        let frame = Frame { rules, room_id, assertions, stored, annotations };
        Ok(Box::new(Self { frame, stage }))
    }

    /// How much of the work is done, from 0 to 1.
    pub(crate) fn done(&self) -> f32 {
        match &self.stage {
            Stage::Citing { events, cited, .. } => 0.4 * *cited as f32 / events.len() as f32,
            Stage::Ranking { .. } => 0.4,
            Stage::Ordering { .. } => 0.5,
            Stage::Keying(_) => 0.6,
            Stage::Noding { .. } => 0.7,
            Stage::Linking { .. } => 0.8,
            Stage::Turning { .. } => 0.9,
        }
    }

    /// Does a piece of work; `executor` does what can be done side by side.
    pub(crate) fn advance(self: Box<Self>, findings: &mut Vec<Finding>, executor: &dyn Executor) -> Built {
        let Self { mut frame, stage } = *self;
        let stage = match stage {
            Stage::Citing { events, ids, parts, cited } => {
                if cited == 0 && frame.room_id.is_none() {
                    frame.room_id = most_common_room(frame.rules, &events, executor);
                }
                cite(frame.rules, events, ids, parts, cited, executor)
            }
            Stage::Ranking { events, ids, parts } => {
                let rank = sorted::rank(&events);
                Stage::Ordering { events, ids, parts, rank }
            }
            Stage::Ordering { events, ids, parts, rank } => {
                Stage::Keying(Sorted::new(events, ids, Citations::joined(parts), &rank, findings))
            }
            Stage::Keying(sorted) => {
                let (keys, of_events) = KeyTable::new(&sorted.events, executor);
                Stage::Noding { sorted, keys, of_events }
            }
            Stage::Noding { sorted, keys, of_events } => {
                let room_id = frame.room_id.as_deref();
                let nodes = sorted.nodes(frame.rules, room_id, &of_events, findings, executor);
                Stage::Linking { sorted, keys, nodes }
            }
            Stage::Linking { sorted, keys, nodes } => {
                let (prev, other) = link(&sorted, frame.rules, executor);
                Stage::Turning { sorted, keys, nodes, prev, other }
            }
            Stage::Turning { sorted, keys, nodes, prev, other } => {
                return Built::Done(Box::new(frame.room(
                    sorted,
                    keys,
                    nodes,
                    [prev, other],
                    findings,
                    executor,
                )));
            }
        };
        Built::Going(Box::new(Self { frame, stage }))
    }
}

fn cite(
    rules: &Rules,
    events: Vec<LoadedEvent>,
    ids: IdTable,
    mut parts: Vec<Citations>,
    mut cited: usize,
    executor: &dyn Executor,
) -> Stage {
    if executor.width() > 1 {
        let ranges = executor::ranges(executor, events.len(), 1000);
        let cite = |number: usize| Citations::part(Range::clone(&ranges[number]), &events, &ids, rules);
        let (rank, parts) = executor::join(
            executor,
            || sorted::rank(&events),
            || executor::map(executor, ranges.len(), cite),
        );
        return Stage::Ordering { events, ids, parts, rank };
    }
    let piece = cited..events.len().min(cited + PIECE);
    cited = piece.end;
    parts.push(Citations::part(piece, &events, &ids, rules));
    if cited < events.len() {
        Stage::Citing { events, ids, parts, cited }
    } else {
        Stage::Ranking { events, ids, parts }
    }
}

/// The edges of both kinds: by `prev_events`, and by `auth_events` or `prev_state_events`. Of parents each counts once.
fn link(sorted: &Sorted, rules: &Rules, executor: &dyn Executor) -> (Adjacency, Adjacency) {
    let events = sorted.events.len();
    let citations = &sorted.citations;
    let once = rules.has_state_dag();
    executor::join(
        executor,
        || Adjacency::new(events, |ix, links| sorted.links(&citations.prev, true, ix, links)),
        || Adjacency::new(events, |ix, links| sorted.links(&citations.other, once, ix, links)),
    )
}

impl Frame {
    fn room(
        self,
        sorted: Sorted,
        keys: KeyTable,
        nodes: Vec<Node>,
        [prev, other]: [Adjacency; 2],
        findings: &mut Vec<Finding>,
        executor: &dyn Executor,
    ) -> Room {
        let Self { rules, room_id, assertions, stored, annotations } = self;
        let Sorted { events, ids, missing, .. } = sorted;
        let (auth, state_dag) = if rules.has_state_dag() {
            let parents = other;
            let children = parents.reversed(|_| true);
            (Adjacency::empty(nodes.len()), Some(Box::new(StateDag { parents, children })))
        } else {
            (other, None)
        };
        // Messages cite, but are not cited, unless somebody is up to something.
        let mut cited = EventSet::new(nodes.len());
        for place in 0..nodes.len() {
            for target in auth.of(EventIx::new(place)) {
                cited.insert(*target);
            }
        }
        let (children, auth_children) = executor::join(
            executor,
            || prev.reversed(|_| true),
            || auth.reversed(|ix| nodes[ix.index()].what.key().is_some() || cited.contains(ix)),
        );
        let recorded = (0..).map(EventIx::new).zip(&events);
        let recorded =
            recorded.filter_map(|(ix, loaded)| Some((ix, (**loaded.recorded.as_ref()?).clone()))).collect();
        let mut events: Vec<Event> = events.into_iter().map(|loaded| loaded.event).collect();
        events.shrink_to_fit();
        let mut room = Room {
            rules,
            room_id,
            create: None,
            nodes,
            recorded,
            children,
            auth_children,
            prev,
            auth,
            state_dag,
            well_known: keys.well_known(),
            keys,
            events,
            ids,
            missing,
            asserted: BTreeMap::new(),
            asserted_missing: BTreeMap::new(),
            stored: None,
            annotations,
        };
        room.create = room.choose_create(findings);
        room.place_outliers();
        for assertion in &assertions {
            room.assert(assertion, findings);
        }
        room.store(stored, findings);
        room.report_missing(findings);
        room
    }
}
