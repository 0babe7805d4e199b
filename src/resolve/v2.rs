//! State resolution v2 and v2.1.
//!
//! v2.1 differs in two points: the first iterative auth checks start from an empty state, and
//! the conflicted state subgraph is replayed too.

use super::chain::{AuthGraph, DifferenceWalk, Masks, between, subgraph, witnesses};
use super::iterative::Replay;
use super::mainline::mainline_order;
use super::power::power_order;
use super::step::{
    AuthDifference, ConflictedSubgraph, FullConflictedSet, FullEntry, Observer, Restore, Round,
    Split as SplitStep, Step,
};
use super::{Algorithm, Failure, Sizes};
use crate::auth::{Errors, Profile};
use crate::room::{EventIx, EventSet, KeyIx, Room};
use crate::state::{Conflict, Split, StateMap};

/// Where and how to resolve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) room: &'a Room,
    pub(super) profile: Profile,
    pub(super) rejected: &'a EventSet,
    pub(super) algorithm: Algorithm,
}

impl<'a> Context<'a> {
    fn graph(self) -> AuthGraph<'a> {
        let implied = self.room.rules().room_id_is_create_id && self.profile.switches().create_in_auth_chains;
        AuthGraph { room: self.room, implied_create: self.room.create_event().filter(|_| implied) }
    }

    /// What MSC4297 changed: start from nothing, and replay the conflicted state subgraph.
    fn is_v2_1(self) -> bool {
        self.algorithm == Algorithm::V2_1
    }
}

pub(super) fn resolve<O: Observer>(
    context: Context<'_>,
    masks: &mut Masks,
    sets: &[StateMap],
    observer: &mut O,
) -> Result<(StateMap, Sizes), Failure> {
    let Context { room, profile, rejected, .. } = context;
    let split = Split::new(sets);
    observer.step(|| {
        Step::Split(SplitStep { unconflicted: split.unconflicted.len(), conflicts: split.conflicts.clone() })
    });
    let full = full_conflicted_set(context, masks, sets, &split, observer)?;

    let power = power_order(context.graph(), profile, &full, observer)?;
    let base = if context.is_v2_1() { StateMap::new() } else { split.unconflicted.clone() };
    let mut replay = Replay::new(room, profile, rejected, base);
    replay.run(&power, Round::Power, observer)?;

    let in_power: EventSet = power.iter().copied().collect();
    let others: Vec<EventIx> = full.into_iter().filter(|event| !in_power.contains(*event)).collect();
    let key = room.well_known().power_levels;
    let unconflicted_levels = split.unconflicted.get(key);
    let others =
        mainline_order(room, profile, &others, replay.state.get(key), unconflicted_levels, observer)?;
    replay.run(&others, Round::Mainline, observer)?;

    let sizes = Sizes { conflicts: split.conflicts.len(), power: power.len(), others: others.len() };
    Ok((restore(context.is_v2_1(), split, &replay.state, observer), sizes))
}

/// The conflicted events, the auth difference and (v2.1) the conflicted state subgraph, ascending.
fn full_conflicted_set<O: Observer>(
    context: Context<'_>,
    masks: &mut Masks,
    sets: &[StateMap],
    split: &Split,
    observer: &mut O,
) -> Result<Vec<EventIx>, Failure> {
    let graph = context.graph();
    let mut conflicted: Vec<EventIx> = split.conflicts.iter().flat_map(Conflict::candidates).collect();
    conflicted.sort_unstable();
    conflicted.dedup();

    let inclusive = context.profile.switches().chains_include_state;
    let difference = DifferenceWalk::run(graph, masks, split, sets.len(), inclusive);
    observer.step(|| {
        let sets: Vec<Vec<EventIx>> =
            sets.iter().map(|set| set.iter().map(|(_, event)| event).collect()).collect();
        let (chain_sizes, events) = witnesses(graph, &sets, &difference, inclusive);
        Step::AuthDifference(AuthDifference { inclusive, chain_sizes, events })
    });

    let subgraph = if context.is_v2_1() { subgraph(graph, &conflicted) } else { Vec::new() };
    if context.is_v2_1() {
        observer.step(|| {
            let between = between(graph, &subgraph, &conflicted);
            Step::ConflictedSubgraph(ConflictedSubgraph { size: subgraph.len(), between })
        });
    }

    let mut full = [&*conflicted, &*difference, &*subgraph].concat();
    full.sort_unstable();
    full.dedup();
    observer.step(|| {
        let has = |list: &[EventIx], event: EventIx| list.binary_search(&event).is_ok();
        let entry = |event: &EventIx| FullEntry {
            event: *event,
            conflicted: has(&conflicted, *event),
            difference: has(&difference, *event),
            subgraph: has(&subgraph, *event),
            unconflicted: context.room.key_of(*event).and_then(|key| split.unconflicted.get(key))
                == Some(*event),
        };
        Step::FullConflictedSet(FullConflictedSet { events: full.iter().map(entry).collect() })
    });
    refuse_foreign(context, &full)?;
    Ok(full)
}

/// Synapse does not resolve with events of another room (D7).
fn refuse_foreign(context: Context<'_>, full: &[EventIx]) -> Result<(), Failure> {
    let foreign = full.iter().find(|event| context.room.is_foreign(**event));
    match foreign {
        Some(event) if context.profile.switches().errors == Errors::Raise => Err(Failure::new(
            context.room,
            *event,
            "Exception: Attempting to state-resolve with an event of another room",
        )),
        _ => Ok(()),
    }
}

/// Puts the unconflicted entries over the replayed state.
///
/// In v2 the replayed state began as the unconflicted one and shares its nodes, so a diff finds what was replayed; in
/// v2.1 it began empty and holds nothing else.
fn restore<O: Observer>(is_v2_1: bool, split: Split, replayed: &StateMap, observer: &mut O) -> StateMap {
    let mut state = split.unconflicted;
    let unconflicted = state.len();
    let entries: Vec<(KeyIx, EventIx)> = if is_v2_1 {
        replayed.iter().collect()
    } else {
        state.diff(replayed).filter_map(|(key, _, event)| Some((key, event?))).collect()
    };
    let mut overwritten = Vec::new();
    for (key, event) in entries {
        match state.get(key) {
            None => {
                state.insert(key, event);
            }
            Some(restored) if restored != event => overwritten.push((key, event, restored)),
            Some(_) => {}
        }
    }
    observer.step(|| Step::Restore(Restore { unconflicted, overwritten }));
    state
}
