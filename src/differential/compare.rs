//! Asking both sides, and counting.

use super::difference::{Answer, Difference, Place, Question};
use super::ruma_room::RumaRoom;
use crate::auth::Verdict;
use crate::replay::{CheckKind, Replay};
use crate::resolve::{Algorithm, Failure};
use crate::room::{EventIx, EventSet};
use crate::state::StateMap;

/// What was compared, and what differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Verdicts compared: up to two an event.
    pub verdicts: usize,
    /// Resolutions compared, those that fail on both sides among them.
    pub resolutions: usize,
    /// Of these: those that fail on both sides.
    pub failures: usize,
    /// Resolutions that were not compared because ruma's answer may vary from run to run there.
    pub by_chance: Vec<Place>,
    /// Where the answers differ, in replay order.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Compares a whole replay: every verdict and resolution, and the current state.
    ///
    /// Resolutions of v1, which ruma does not have, are left out; and so is what the replay itself could not
    /// judge or did not know. `ruma` holds the replay's room.
    pub fn new(replay: &Replay<'_>, ruma: &RumaRoom<'_>) -> Self {
        let mut comparison = Self::default();
        for ix in replay.room().events() {
            comparison.add_event(replay, ruma, ix);
        }
        comparison.add_current(replay, ruma);
        comparison
    }

    /// Compares the verdicts on one event and the state before it.
    pub fn add_event(&mut self, replay: &Replay<'_>, ruma: &RumaRoom<'_>, ix: EventIx) {
        let room = replay.room();
        if room.is_foreign(ix) {
            return;
        }
        if replay.resolved(ix)
            && let (Some(inputs), Some(before)) = (replay.inputs(ix), replay.before(ix))
        {
            self.add_resolution(replay, ruma, Place::Event(ix), &inputs, before, replay.failure(ix));
        }
        for check in replay.judge(ix) {
            let Some(verdict) = check.verdict else { continue };
            let (question, theirs) = match check.kind {
                CheckKind::AuthEvents => {
                    (Question::AuthEvents, ruma.check_auth_events(ix, replay.rejected()))
                }
                CheckKind::StateBefore => {
                    let Some(before) = replay.before(ix) else { continue };
                    (Question::StateBefore, ruma.check_against(ix, before))
                }
                CheckKind::Format | CheckKind::StateParents | CheckKind::Recorded => continue,
            };
            self.verdicts += 1;
            let theirs = theirs.map_or_else(Answer::Refused, |()| Answer::Allowed);
            self.add(Place::Event(ix), question, allowed(&verdict), theirs);
        }
    }

    /// Compares the resolution of the forward extremities.
    pub fn add_current(&mut self, replay: &Replay<'_>, ruma: &RumaRoom<'_>) {
        let current = replay.current();
        let inputs: Option<Vec<StateMap>> =
            current.extremities.iter().map(|ix| replay.after(*ix).cloned()).collect();
        if let (true, Some(inputs), Some(state)) = (current.resolved, inputs, &current.state) {
            self.add_resolution(replay, ruma, Place::Current, &inputs, state, current.failure.as_ref());
        }
    }

    /// Compares the resolution of given sets, in the manner of the replay's profile. `rejected` are the events that
    /// count as rejected. `algorithm` is not v1.
    pub fn add_sets(
        &mut self,
        replay: &Replay<'_>,
        ruma: &RumaRoom<'_>,
        algorithm: Algorithm,
        sets: &[StateMap],
        rejected: &EventSet,
    ) {
        let ours = replay.resolver_by(algorithm, replay.profile()).resolve(sets, rejected, &mut ());
        if ours.failure.as_ref().is_some_and(|failure| failure.by_chance) {
            self.by_chance.push(Place::Sets);
            return;
        }
        let theirs = ruma.resolve(algorithm, sets, rejected);
        self.add_states(Place::Sets, algorithm, (&ours.state, ours.failure.as_ref()), theirs);
    }

    fn add_resolution(
        &mut self,
        replay: &Replay<'_>,
        ruma: &RumaRoom<'_>,
        place: Place,
        inputs: &[StateMap],
        state: &StateMap,
        failure: Option<&Failure>,
    ) {
        if replay.algorithm() == Algorithm::V1 {
            return;
        }
        if failure.is_some_and(|failure| failure.by_chance) {
            self.by_chance.push(place);
            return;
        }
        let theirs = match place {
            Place::Event(ix) => ruma.resolve(replay.algorithm(), inputs, &replay.rejected_before(ix)),
            _ => ruma.resolve(replay.algorithm(), inputs, replay.rejected()),
        };
        self.add_states(place, replay.algorithm(), (state, failure), theirs);
    }

    fn add_states(
        &mut self,
        place: Place,
        algorithm: Algorithm,
        (state, failure): (&StateMap, Option<&Failure>),
        theirs: Result<StateMap, String>,
    ) {
        self.resolutions += 1;
        self.failures += usize::from(failure.is_some() && theirs.is_err());
        let ours = failure
            .map_or_else(|| Answer::State(state.clone()), |failure| Answer::Failed(failure.message.clone()));
        let theirs = theirs.map_or_else(Answer::Failed, Answer::State);
        self.add(place, Question::Resolution(algorithm), ours, theirs);
    }

    fn add(&mut self, place: Place, question: Question, ours: Answer, theirs: Answer) {
        if !ours.agrees_with(&theirs) {
            self.differences.push(Difference { place, question, ours, theirs });
        }
    }
}

fn allowed(verdict: &Verdict) -> Answer {
    match verdict {
        Ok(_) => Answer::Allowed,
        Err(refusal) => Answer::Refused(refusal.reason()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Profile;
    use crate::dump::{Options, load};

    fn compare(profile: Profile) -> (Comparison, Vec<String>) {
        let scenario = include_bytes!("../../fixtures/own-chain-linear/scenario.json5");
        let room = load(scenario, &Options::default()).unwrap().room;
        let ruma = RumaRoom::new(&room).unwrap();
        let comparison = Comparison::new(&Replay::new(&room, None, profile), &ruma);
        let told = comparison.differences.iter().map(|difference| difference.describe(&room)).collect();
        (comparison, told)
    }

    /// Synapse counts the states' own events among their chains, ruma does not.
    #[test]
    fn a_profile_that_parts_from_ruma_is_told_where() {
        let (same, _) = compare(Profile::Ruma);
        assert!(same.resolutions > 0 && same.verdicts > 0);
        assert_eq!(same.differences, []);
        let (parts, told) = compare(Profile::Synapse);
        assert_eq!(parts.resolutions, same.resolutions);
        let first = &parts.differences[0];
        assert!(matches!(first.question, Question::Resolution(Algorithm::V2)), "{first:?}");
        assert_eq!(first.keys().len(), 1);
        assert!(told[0].contains("(m.room.join_rules, \"\") is $"), "{told:?}");
    }

    #[test]
    fn what_counts_is_the_answer_and_not_its_wording() {
        let refused = |reason: &str| Answer::Refused(reason.into());
        assert!(refused("one").agrees_with(&refused("other")));
        assert!(!refused("one").agrees_with(&Answer::Allowed));
        assert!(!Answer::State(StateMap::new()).agrees_with(&Answer::Failed(String::new())));
    }
}
