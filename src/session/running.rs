//! The running state of a resolution: what its checks read, and what they have put there so far.

use super::steps::Steps;
use crate::resolve::Algorithm;
use crate::resolve::step::{Round, Step};
use crate::room::{EventIx, KeyIx, Room};
use crate::state::{Split, StateMap};

/// The running state at one step, and one step earlier.
#[derive(Debug, Clone)]
pub(super) struct Running {
    taken: usize,
    unconflicted: StateMap,
    now: StateMap,
    before: StateMap,
}

impl Running {
    /// The state that the checks begin with: v2.1 begins with nothing, v2 with what all sets agree on, v1 with what no
    /// set contradicts.
    fn new(steps: &Steps) -> Self {
        let Split { mut unconflicted, conflicts } = Split::new(&steps.inputs);
        let algorithm = match steps.steps.first() {
            Some(Step::Input(input)) => Some(input.algorithm),
            _ => None,
        };
        if algorithm == Some(Algorithm::V1) {
            for conflict in &conflicts {
                if let [only] = conflict.candidates()[..] {
                    unconflicted.insert(conflict.key, only);
                }
            }
        }
        let now = if algorithm == Some(Algorithm::V2_1) { StateMap::new() } else { unconflicted.clone() };
        Self { taken: 0, unconflicted, before: now.clone(), now }
    }

    /// The running state after `steps[..=step]`, given that of another step, which is taken if it is of use.
    pub(super) fn seek(known: Option<Self>, room: &Room, steps: &Steps, step: usize) -> Self {
        let wanted = (step + 1).min(steps.steps.len());
        let mut running = known.filter(|known| known.taken < wanted).unwrap_or_else(|| Self::new(steps));
        // A copy costs something as soon as the original changes, so there is one for the last step alone.
        running.before = StateMap::new();
        while running.taken < wanted {
            if running.taken + 1 == wanted {
                running.before = running.now.clone();
            }
            running.take(room, steps);
        }
        running
    }

    pub(super) fn now(&self) -> &StateMap {
        &self.now
    }

    pub(super) fn before(&self) -> &StateMap {
        &self.before
    }

    fn take(&mut self, room: &Room, steps: &Steps) {
        let step = &steps.steps[self.taken];
        self.taken += 1;
        match step {
            Step::AuthCheck(check) if check.round != Round::V1 && check.verdict.is_allowed() => {
                if let Some(key) = room.key_of(check.event) {
                    self.now.insert(key, check.event);
                }
            }
            Step::Choice(choice) => {
                self.now.insert(choice.key, choice.winner);
            }
            Step::Restore(_) => {
                let entries: Vec<(KeyIx, EventIx)> =
                    self.now.diff(&self.unconflicted).filter_map(|(key, _, own)| Some((key, own?))).collect();
                for (key, event) in entries {
                    self.now.insert(key, event);
                }
            }
            Step::Result(_) | Step::Failure(_) => self.now = steps.resolution.state.clone(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Profile;
    use crate::event::room_version::Rules;
    use crate::generate::{Mode, Plan, generate};
    use crate::replay::Replay;
    use crate::session::Pair;

    /// Before the last step, the running state is what the resolution comes to; and what a check says that it read from
    /// the running state stood there.
    #[test]
    fn the_running_state_is_what_the_checks_read() {
        let (mut reads, mut results) = (0, 0);
        for seed in 0..60 {
            let rules = &Rules::ALL[seed as usize % 14];
            let room = generate(&Plan::new(seed, Mode::ALL[seed as usize % 4], rules)).room();
            for algorithm in Pair::ALGORITHMS {
                let replay = Replay::new(&room, Some(algorithm), Profile::Spec);
                for ix in room.events().filter(|ix| replay.resolved(*ix)) {
                    let steps = Steps::before(&replay, ix).unwrap();
                    let mut running = None;
                    for (number, step) in steps.steps.iter().enumerate() {
                        let here = Running::seek(running.take(), &room, &steps, number);
                        let fresh = Running::seek(None, &room, &steps, number);
                        assert!(here.now == fresh.now && here.before == fresh.before, "seed {seed}");
                        if let Step::AuthCheck(check) = step
                            && check.round != Round::V1
                        {
                            let key = room.key_of(check.event).unwrap();
                            assert_eq!(here.before.get(key), check.replaces, "seed {seed}, step {number}");
                            reads += 1;
                        }
                        if matches!(step, Step::Result(_)) {
                            assert_eq!(here.before, steps.resolution.state, "seed {seed}, {algorithm}");
                            results += 1;
                        }
                        running = Some(here);
                    }
                }
            }
        }
        assert!(reads > 500 && results > 100, "{reads} {results}");
    }
}
