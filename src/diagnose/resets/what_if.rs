//! What a merge would have come to under other circumstances.

use std::cell::OnceCell;

use super::branches::outcome;
use super::loss::Loss;
use super::past::Pasts;
use crate::auth::Profile;
use crate::replay::{Place, Replay};
use crate::resolve::{Algorithm, Resolver};
use crate::room::{EventIx, Room};
use crate::state::{StateMap, conflicts};

/// What to suppose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supposition {
    /// Another algorithm had been used.
    Algorithm(Algorithm),
    /// Another implementation had resolved.
    Profile(Profile),
    /// A branch, by its place, had not been there.
    WithoutBranch(usize),
    /// No event had an earlier timestamp than what it follows.
    MonotoneClocks,
    /// The power levels on which all branches agree had been the mainline.
    UndisputedMainline,
    /// A stale entry, by its place among those of the loss, had been up to date.
    Corrected(usize),
}

/// What comes of a supposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counterfactual {
    /// What was supposed.
    pub supposition: Supposition,
    /// What would be there.
    pub after: Option<EventIx>,
    /// Nothing would be lost.
    pub heals: bool,
}

/// Supposes things of the losses of a room.
pub struct WhatIf<'t, 'a> {
    replay: &'t Replay<'a>,
    /// The room with clocks that never run backwards.
    monotone: OnceCell<Room>,
}

/// What would have become of a loss under each [`Supposition`] that makes sense for it. The states to merge are taken
/// as they are. For many losses of one room keep a [`WhatIf`].
pub fn what_if(replay: &Replay<'_>, loss: &Loss) -> Vec<Counterfactual> {
    WhatIf::new(replay).of(loss)
}

impl<'t, 'a> WhatIf<'t, 'a> {
    /// Suppositions about a replay.
    pub fn new(replay: &'t Replay<'a>) -> Self {
        Self { replay, monotone: OnceCell::new() }
    }

    /// As [`what_if`].
    pub fn of(&self, loss: &Loss) -> Vec<Counterfactual> {
        self.only(loss, &self.suppositions(loss))
    }

    /// Supposes only what is given.
    pub fn only(&self, loss: &Loss, suppositions: &[Supposition]) -> Vec<Counterfactual> {
        let inputs: Option<Vec<StateMap>> =
            loss.branches.iter().map(|branch| self.replay.after_link(branch.head)).collect();
        let Some(inputs) = inputs else { return Vec::new() };
        let mut pasts = Pasts::new(self.replay.room());
        suppositions
            .iter()
            .map(|&supposition| {
                let state = self.suppose(supposition, loss, &inputs);
                let after = state.get(loss.key);
                // Held against what the branches really had.
                let lost = outcome(&mut pasts, &loss.values, after).is_some();
                let heals = match supposition {
                    Supposition::WithoutBranch(gone) => {
                        let rest = without(&inputs, gone);
                        let conflict = conflicts(&rest).into_iter().find(|conflict| conflict.key == loss.key);
                        let is_lost = conflict
                            .is_some_and(|conflict| outcome(&mut pasts, &conflict.values, after).is_some());
                        !is_lost && loss.lost.iter().any(|tip| Some(tip.event) == after)
                    }
                    _ => !lost,
                };
                Counterfactual { supposition, after, heals }
            })
            .collect()
    }

    fn suppositions(&self, loss: &Loss) -> Vec<Supposition> {
        let (algorithm, profile) = (self.replay.algorithm(), self.replay.profile());
        let algorithms = [Algorithm::V1, Algorithm::V2, Algorithm::V2_1].into_iter();
        let mut suppositions: Vec<Supposition> =
            algorithms.filter(|other| *other != algorithm).map(Supposition::Algorithm).collect();
        let profiles = Profile::ALL.into_iter().filter(|other| *other != profile);
        suppositions.extend(profiles.map(Supposition::Profile));
        suppositions.extend((0..loss.branches.len()).map(Supposition::WithoutBranch));
        suppositions.push(Supposition::MonotoneClocks);
        if algorithm == Algorithm::V2_1 {
            suppositions.push(Supposition::UndisputedMainline);
        }
        suppositions.extend((0..loss.stale.len()).map(Supposition::Corrected));
        suppositions
    }

    fn suppose(&self, supposition: Supposition, loss: &Loss, inputs: &[StateMap]) -> StateMap {
        let replay = self.replay;
        let (room, algorithm, profile) = (replay.room(), replay.algorithm(), replay.profile());
        let rejected = match loss.at {
            Place::Event(ix) => replay.rejected_before(ix),
            Place::Now => replay.rejected().clone(),
        };
        let resolve =
            |mut resolver: Resolver<'_>, sets: &[StateMap]| resolver.resolve(sets, &rejected, &mut ()).state;
        let usual = || replay.resolver();
        match supposition {
            Supposition::Algorithm(other) => resolve(replay.resolver_by(other, profile), inputs),
            Supposition::Profile(other) => resolve(replay.resolver_by(algorithm, other), inputs),
            Supposition::WithoutBranch(gone) => resolve(usual(), &without(inputs, gone)),
            Supposition::MonotoneClocks => {
                let room = self.monotone.get_or_init(|| with_monotone_clocks(room));
                resolve(Resolver::new(room, algorithm, profile).along(replay.auth()), inputs)
            }
            Supposition::UndisputedMainline => resolve(usual().with_undisputed_mainline(), inputs),
            Supposition::Corrected(place) => {
                let mut inputs = inputs.to_vec();
                if let Some(stale) = loss.stale.get(place) {
                    inputs[stale.branch].insert(stale.key, stale.knows);
                }
                resolve(usual(), &inputs)
            }
        }
    }
}

fn without(inputs: &[StateMap], gone: usize) -> Vec<StateMap> {
    inputs.iter().enumerate().filter(|(place, _)| *place != gone).map(|(_, state)| state.clone()).collect()
}

/// The room with the timestamp of every event after those of all that it refers to.
fn with_monotone_clocks(room: &Room) -> Room {
    let mut timestamps: Vec<i64> = Vec::with_capacity(room.len());
    for ix in room.events() {
        let referred = room.state_parents(ix).iter().chain(room.auth_events(ix));
        let earliest = referred.map(|other| timestamps[other.index()].saturating_add(1)).max();
        timestamps.push(room.event(ix).origin_server_ts().max(earliest.unwrap_or(i64::MIN)));
    }
    room.with_timestamps(&timestamps)
}
