//! State resolution v2 and v2.1.
//!
//! v2.1 differs in two points: the first iterative auth checks start from an empty state, and
//! the conflicted state subgraph is replayed too.

use super::difference::{DifferenceWalk, Found, Workspace};
use super::graph::AuthGraph;
use super::iterative::Replay;
use super::levels::Forest;
use super::mainline::mainline_order;
use super::marks::{Mark, Marks};
use super::power::power_order;
use super::running::Running;
use super::sets::Sets;
use super::step::{
    AuthDifference, ConflictedSubgraph, FullConflictedSet, FullEntry, Observer, Restore, Round,
    Split as SplitStep, Step,
};
use super::subgraph::subgraph;
use super::witnesses::{between, witnesses};
use super::{Algorithm, Failure, Sizes};
use crate::auth::{Errors, Profile, Verdicts};
use crate::room::{AuthEdges, EventIx, EventSet, KeyIx, Room};

/// Where and how to resolve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) room: &'a Room,
    pub(super) edges: AuthEdges<'a>,
    pub(super) profile: Profile,
    pub(super) rejected: &'a EventSet,
    pub(super) algorithm: Algorithm,
    /// Undisputed power levels are the mainline where there are no others (D2).
    pub(super) undisputed_mainline: bool,
}

impl<'a> Context<'a> {
    fn graph(self) -> AuthGraph<'a> {
        let implied = self.room.rules().room_id_is_create_id && self.profile.switches().create_in_auth_chains;
        AuthGraph {
            room: self.room,
            edges: self.edges,
            implied_create: self.room.create_event().filter(|_| implied),
        }
    }

    /// What MSC4297 changed: start from nothing, and replay the conflicted state subgraph.
    fn is_v2_1(self) -> bool {
        self.algorithm == Algorithm::V2_1
    }
}

/// The memory of resolutions, and what is worth knowing from one to the next.
#[derive(Debug)]
pub(super) struct Memory {
    marks: Marks,
    difference: Workspace,
    forest: Forest,
    pub(super) verdicts: Verdicts,
}

impl Memory {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            marks: Marks::default(),
            difference: Workspace::default(),
            forest: Forest::default(),
            verdicts: Verdicts::new(profile),
        }
    }
}

/// Resolves; returns the entries that the resolved state has beside the unconflicted ones, ascending by key.
pub(super) fn resolve<O: Observer>(
    context: Context<'_>,
    memory: &mut Memory,
    sets: &Sets<'_>,
    observer: &mut O,
) -> Result<(Vec<(KeyIx, EventIx)>, Sizes), Failure> {
    let Context { room, edges, profile, rejected, .. } = context;
    memory.marks.begin(room.len());
    observer.step(|| {
        Step::Split(SplitStep { unconflicted: sets.unconflicted_len(), conflicts: sets.conflicts() })
    });
    let full = full_conflicted_set(context, memory, sets, observer)?;
    for event in &full {
        memory.marks.set(*event, Mark::Full);
    }

    let power = power_order(context.graph(), profile, &mut memory.marks, &full, observer)?;
    let base = Running::new(room, Some(sets).filter(|_| !context.is_v2_1()));
    let mut replay = Replay::new(room, edges, profile, rejected, base);
    replay.run(&power, Round::Power, &mut memory.verdicts, observer)?;

    let mut others = full;
    if !power.is_empty() {
        let mut ordered = power.clone();
        ordered.sort_unstable();
        others.retain(|event| ordered.binary_search(event).is_err());
    }
    let key = room.well_known().power_levels;
    let undisputed = sets.unconflicted(key);
    let or_undisputed = undisputed.filter(|_| context.undisputed_mainline);
    let levels = [replay.state.get(key).or(or_undisputed), undisputed];
    let others = mainline_order((room, edges, profile), &mut memory.forest, &others, levels, observer)?;
    replay.run(&others, Round::Mainline, &mut memory.verdicts, observer)?;

    let sizes = Sizes { conflicts: sets.differences.len(), power: power.len(), others: others.len() };
    Ok((restore(sets, replay.state.into_laid_over(), observer), sizes))
}

/// The conflicted events, the auth difference and (v2.1) the conflicted state subgraph, ascending.
fn full_conflicted_set<O: Observer>(
    context: Context<'_>,
    memory: &mut Memory,
    sets: &Sets<'_>,
    observer: &mut O,
) -> Result<Vec<EventIx>, Failure> {
    let graph = context.graph();
    let Memory { marks, difference: workspace, .. } = memory;
    let inclusive = context.profile.switches().chains_include_state;
    let Found { conflicted, difference } = DifferenceWalk::run(graph, workspace, marks, sets, inclusive);
    if O::FOLLOWS_CHAINS {
        observer.step(|| {
            let sets: Vec<Vec<EventIx>> =
                sets.given.iter().map(|set| set.iter().map(|(_, event)| event).collect()).collect();
            let (chain_sizes, events) = witnesses(graph, &sets, &difference, inclusive);
            Step::AuthDifference(AuthDifference { inclusive, chain_sizes, events })
        });
    }

    let subgraph = if context.is_v2_1() { subgraph(graph, marks, &conflicted) } else { Vec::new() };
    if context.is_v2_1() {
        observer.step(|| {
            let between = between(graph, &subgraph, &conflicted);
            Step::ConflictedSubgraph(ConflictedSubgraph { size: subgraph.len(), between })
        });
    }

    let mut full = conflicted.clone();
    if !difference.is_empty() || subgraph.len() > conflicted.len() {
        full.extend(difference.iter().chain(&subgraph));
        full.sort_unstable();
        full.dedup();
    }
    observer.step(|| {
        let has = |list: &[EventIx], event: EventIx| list.binary_search(&event).is_ok();
        let entry = |event: &EventIx| FullEntry {
            event: *event,
            conflicted: has(&conflicted, *event),
            difference: has(&difference, *event),
            subgraph: has(&subgraph, *event),
            unconflicted: context.room.key_of(*event).is_some_and(|key| sets.all_have(key, *event)),
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

/// Puts the unconflicted entries over the replayed ones; returns those of them that stay.
fn restore<O: Observer>(
    sets: &Sets<'_>,
    mut replayed: Vec<(KeyIx, EventIx)>,
    observer: &mut O,
) -> Vec<(KeyIx, EventIx)> {
    let mut overwritten = Vec::new();
    replayed.retain(|(key, event)| match sets.unconflicted(*key) {
        None => true,
        Some(restored) => {
            if O::LISTENS && restored != *event {
                overwritten.push((*key, *event, restored));
            }
            false
        }
    });
    observer.step(|| Step::Restore(Restore { unconflicted: sets.unconflicted_len(), overwritten }));
    replayed
}
