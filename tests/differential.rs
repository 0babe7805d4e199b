//! Hindsight's profile `ruma` against ruma-state-res itself, on random rooms.
//!
//! Every verdict is compared (rules without state, against the auth events, against the state before), and every
//! resolution: those of the room's merges, and of state sets that were tampered with. `HINDSIGHT_ROOMS` sets the number
//! of rooms, `HINDSIGHT_SEED` the first seed; a failure prints how to make the room again, and the room.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests may panic and tell how much they did")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::AddAssign;

use hindsight::auth::Profile;
use hindsight::differential::{Answer, Comparison, Difference, Place, RumaRoom};
use hindsight::event::room_version::Rules;
use hindsight::generate::{Mode, Plan, Rng, generate, perturbed_sets, random_rejected};
use hindsight::replay::Replay;
use hindsight::resolve::Algorithm;
use hindsight::room::{EventIx, EventSet, Room};
use hindsight::state::StateMap;
use rayon::prelude::*;

const DEFAULT_ROOMS: u64 = 4000;

/// How much was compared.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    rooms: usize,
    events: usize,
    rejected: usize,
    verdicts: usize,
    merges: usize,
    sets: usize,
    failures: usize,
    /// Hindsight says that ruma's answer is a matter of chance (D25).
    chance: usize,
    /// Of these: several runs of ruma did give several answers.
    varied: usize,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.rooms += other.rooms;
        self.events += other.events;
        self.rejected += other.rejected;
        self.verdicts += other.verdicts;
        self.merges += other.merges;
        self.sets += other.sets;
        self.failures += other.failures;
        self.chance += other.chance;
        self.varied += other.varied;
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The seeds of one mode, spread over the room versions.
fn compare(mode: Mode) {
    let rooms = variable("HINDSIGHT_ROOMS").unwrap_or(DEFAULT_ROOMS) / Mode::ALL.len() as u64;
    let first = variable("HINDSIGHT_SEED").unwrap_or(1);
    let versions = &Rules::ALL[..12];
    let (count, failures) = (first..first + rooms)
        .into_par_iter()
        .map(|seed| {
            let rules = &versions[usize::try_from(seed).unwrap() % versions.len()];
            compare_room(&Plan::new(seed, mode, rules))
        })
        .fold(
            || (Count::default(), Vec::new()),
            |(mut sum, mut failures), result| {
                match result {
                    Ok(count) => sum += count,
                    Err(failure) => failures.push(failure),
                }
                (sum, failures)
            },
        )
        .reduce(
            || (Count::default(), Vec::new()),
            |(mut sum, mut failures), (count, more)| {
                sum += count;
                failures.extend(more);
                (sum, failures)
            },
        );
    println!("{}: {count:?}", mode.as_str());
    if let Some(smallest) = failures.iter().min_by_key(|failure| failure.len()) {
        panic!("{} rooms of mode {} differ; the smallest:\n{smallest}", failures.len(), mode.as_str());
    }
}

#[test]
fn honest_rooms_agree() {
    compare(Mode::Honest);
}

#[test]
fn netsplits_agree() {
    compare(Mode::Netsplit);
}

#[test]
fn skewed_clocks_agree() {
    compare(Mode::Skew);
}

#[test]
fn adversarial_rooms_agree() {
    compare(Mode::Adversarial);
}

struct Case<'a> {
    plan: &'a Plan,
    room: &'a Room,
    ruma: RumaRoom<'a>,
}

fn compare_room(plan: &Plan) -> Result<Count, String> {
    let room = generate(plan).room();
    let ruma = RumaRoom::new(&room).map_err(|error| error.to_string())?;
    let case = Case { plan, room: &room, ruma };
    let replay = Replay::new(&room, None, Profile::Ruma);
    let comparison = Comparison::new(&replay, &case.ruma);
    if let Some(difference) = comparison.differences.first() {
        return Err(case.report_replay(&replay, difference));
    }
    let mut count = Count {
        rooms: 1,
        events: room.len(),
        rejected: replay.rejected().len(),
        verdicts: comparison.verdicts,
        merges: comparison.resolutions,
        failures: comparison.failures,
        chance: comparison.by_chance.len(),
        ..Count::default()
    };
    for place in comparison.by_chance {
        let sets = case.inputs(&replay, place);
        count.varied += case.varies(replay.algorithm(), &sets, replay.rejected());
    }
    case.compare_perturbed(&replay, &mut count)?;
    Ok(count)
}

impl Case<'_> {
    /// State sets as no honest server would have them.
    fn compare_perturbed(&self, replay: &Replay<'_>, count: &mut Count) -> Result<(), String> {
        let mut rng = Rng::new(self.plan.seed ^ 0xd1ff);
        for _ in 0..6 {
            let sets = {
                let many = rng.within(2, 6);
                perturbed_sets(&mut rng, replay, many)
            };
            let rejected = match rng.below(3) {
                0 => replay.rejected().clone(),
                1 => EventSet::default(),
                _ => random_rejected(&mut rng, self.room, 15),
            };
            for algorithm in [Algorithm::V2, Algorithm::V2_1] {
                count.sets += 1;
                let mut comparison = Comparison::default();
                comparison.add_sets(replay, &self.ruma, algorithm, &sets, &rejected);
                if let Some(difference) = comparison.differences.first() {
                    return Err(self.report(&self.describe(difference), &[], &sets, &rejected));
                }
                count.failures += comparison.failures;
                if !comparison.by_chance.is_empty() {
                    count.chance += 1;
                    count.varied += self.varies(algorithm, &sets, &rejected);
                }
            }
        }
        Ok(())
    }

    /// 1 if ruma gives several answers.
    fn varies(&self, algorithm: Algorithm, sets: &[StateMap], rejected: &EventSet) -> usize {
        let answer = |_| self.ruma.resolve(algorithm, sets, rejected).map(|state| state.hash(self.room));
        usize::from((0..12).map(answer).collect::<BTreeSet<_>>().len() > 1)
    }

    fn inputs(&self, replay: &Replay<'_>, place: Place) -> Vec<StateMap> {
        match place {
            Place::Event(ix) => replay.inputs(ix).unwrap(),
            Place::Current => {
                replay.current().extremities.iter().map(|ix| replay.after(*ix).cloned().unwrap()).collect()
            }
            Place::Sets => Vec::new(),
        }
    }

    fn describe(&self, difference: &Difference) -> String {
        let keys: Vec<_> = difference.keys().into_iter().map(|(key, ..)| self.room.key(key)).collect();
        format!("{}\nkeys: {keys:?}", difference.describe(self.room))
    }

    fn report_replay(&self, replay: &Replay<'_>, difference: &Difference) -> String {
        let text = self.describe(difference);
        match (difference.place, &difference.ours) {
            (Place::Event(ix), Answer::Allowed | Answer::Refused(_)) => {
                self.report(&text, &[ix], &[], &EventSet::default())
            }
            (place, _) => self.report(&text, &[], &self.inputs(replay, place), replay.rejected()),
        }
    }

    /// Everything needed to look at the case again: how the room was made, and those of its events that matter.
    fn report(&self, text: &str, events: &[EventIx], sets: &[StateMap], rejected: &EventSet) -> String {
        let mut needed: BTreeSet<EventIx> = events.iter().copied().collect();
        needed.extend(sets.iter().flat_map(StateMap::iter).map(|(_, event)| event));
        let mut stack: Vec<EventIx> = needed.iter().copied().collect();
        while let Some(ix) = stack.pop() {
            // Of an event the whole past counts, of a state only the auth chains.
            let past = if sets.is_empty() { self.room.prev_events(ix) } else { &[] };
            for below in past.iter().chain(self.room.auth_events(ix)) {
                if needed.insert(*below) {
                    stack.push(*below);
                }
            }
        }
        needed.extend(self.room.create_event());
        let mut report = format!(
            "seed {}, mode {}, version {}, {} events ({} matter)\n{text}\n",
            self.plan.seed,
            self.plan.mode.as_str(),
            self.plan.rules.id,
            self.room.len(),
            needed.len()
        );
        for set in sets {
            let _ = writeln!(report, "set: {:?}", set.list(self.room).collect::<Vec<_>>());
        }
        let rejected: Vec<&str> =
            needed.iter().filter(|ix| rejected.contains(**ix)).map(|ix| self.room.id(*ix)).collect();
        let _ = writeln!(report, "rejected: {rejected:?}");
        for ix in needed {
            let _ = writeln!(report, "{}", self.room.event(ix).json());
        }
        report
    }
}
