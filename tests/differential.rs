//! Hindsight's profile `ruma` against ruma-state-res itself, on random rooms.
//!
//! Every verdict is compared (rules without state, against the auth events, against the state before), and every
//! resolution: those of the room's merges, and of state sets that were tampered with. `HINDSIGHT_ROOMS` sets the number
//! of rooms, `HINDSIGHT_SEED` the first seed; a failure prints how to make the room again, and the room.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests may panic and tell how much they did")]

#[path = "common/ruma_side.rs"]
mod ruma_side;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::AddAssign;

use hindsight::auth::Profile;
use hindsight::event::room_version::Rules;
use hindsight::replay::{CheckKind, Replay};
use hindsight::resolve::{Algorithm, Resolution, Resolver};
use hindsight::room::{EventIx, EventSet, Room};
use hindsight::state::StateMap;
use hindsight::testing::{Mode, Plan, Rng, generate, perturbed_sets, random_rejected};
use rayon::prelude::*;
use ruma_side::RumaSide;

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
    ruma: RumaSide<'a>,
}

fn compare_room(plan: &Plan) -> Result<Count, String> {
    let room = generate(plan).room();
    let case = Case { plan, room: &room, ruma: RumaSide::new(&room) };
    let replay = Replay::new(&room, None, Profile::Ruma);
    let mut count =
        Count { rooms: 1, events: room.len(), rejected: replay.rejected().len(), ..Count::default() };
    for ix in room.events() {
        case.verdicts(&replay, ix, &mut count)?;
        if room.rules().algorithm != Algorithm::V1
            && replay.resolved(ix)
            && let Some(inputs) = replay.inputs(ix)
        {
            count.merges += 1;
            case.resolution(replay.algorithm(), &inputs, replay.rejected(), &mut count)?;
        }
    }
    let mut rng = Rng::new(plan.seed ^ 0xd1ff);
    for _ in 0..6 {
        let sets = {
            let many = rng.within(2, 6);
            perturbed_sets(&mut rng, &replay, many)
        };
        let rejected = match rng.below(3) {
            0 => replay.rejected().clone(),
            1 => EventSet::default(),
            _ => random_rejected(&mut rng, &room, 15),
        };
        for algorithm in [Algorithm::V2, Algorithm::V2_1] {
            count.sets += 1;
            case.resolution(algorithm, &sets, &rejected, &mut count)?;
        }
    }
    Ok(count)
}

impl Case<'_> {
    fn verdicts(&self, replay: &Replay<'_>, ix: EventIx, count: &mut Count) -> Result<(), String> {
        if self.room.is_foreign(ix) {
            return Ok(());
        }
        for check in replay.judge(ix) {
            let Some(verdict) = check.verdict else { continue };
            let theirs = match check.kind {
                CheckKind::AuthEvents => self.ruma.check_auth_events(ix, replay.rejected()),
                CheckKind::StateBefore => self.ruma.check_against(ix, replay.before(ix).unwrap()),
                CheckKind::Format | CheckKind::Recorded => continue,
            };
            count.verdicts += 1;
            if verdict.is_ok() != theirs.is_ok() {
                let event = self.room.event(ix).json();
                let text = format!("{:?} of {event}\nHindsight: {verdict:?}\nruma: {theirs:?}", check.kind);
                return Err(self.report(&text, &[ix], &[], &EventSet::default()));
            }
        }
        Ok(())
    }

    fn resolution(
        &self,
        algorithm: Algorithm,
        sets: &[StateMap],
        rejected: &EventSet,
        count: &mut Count,
    ) -> Result<(), String> {
        let ours = Resolver::new(self.room, algorithm, Profile::Ruma).resolve(sets, rejected, &mut ());
        if ours.failure.as_ref().is_some_and(|failure| failure.message.contains("not deterministic")) {
            count.chance += 1;
            let answers = (0..12).map(|_| self.ruma.resolve(algorithm, sets, rejected));
            count.varied += usize::from(answers.collect::<BTreeSet<_>>().len() > 1);
            return Ok(());
        }
        let theirs = self.ruma.resolve(algorithm, sets, rejected);
        count.failures += usize::from(theirs.is_err());
        let same = match (&ours.failure, &theirs) {
            (Some(_), Err(_)) => true,
            (None, Ok(theirs)) => self.list(&ours.state) == *theirs,
            _ => false,
        };
        if same {
            return Ok(());
        }
        let text = self.difference(algorithm, &ours, &theirs);
        Err(self.report(&text, &[], sets, rejected))
    }

    fn list(&self, state: &StateMap) -> BTreeSet<(String, String, String)> {
        state.list(self.room).map(|(kind, key, id)| (kind.into(), key.into(), id.into())).collect()
    }

    fn difference(&self, algorithm: Algorithm, ours: &Resolution, theirs: &ruma_side::Answer) -> String {
        let mut text = format!("{algorithm} gives another state\n");
        match (&ours.failure, theirs) {
            (None, Ok(theirs)) => {
                let ours = self.list(&ours.state);
                let _ = writeln!(text, "Hindsight only: {:?}", ours.difference(theirs).collect::<Vec<_>>());
                let _ = writeln!(text, "ruma only: {:?}", theirs.difference(&ours).collect::<Vec<_>>());
            }
            (failure, theirs) => {
                let _ =
                    writeln!(text, "Hindsight fails: {failure:?}\nruma fails: {:?}", theirs.as_ref().err());
            }
        }
        text
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
