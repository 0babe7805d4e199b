//! Any room, replayed in every manner: what must hold for all of them, does.

use std::collections::BTreeMap;

use hindsight::auth::Profile;
use hindsight::explain::{explain_check, explain_rejection, explain_steps};
use hindsight::generate::Rng;
use hindsight::replay::Replay;
use hindsight::resolve::step::Step;
use hindsight::resolve::{Algorithm, Resolver};
use hindsight::room::{EventIx, EventSet, KeyIx, Room};
use hindsight::state::{Split, StateMap};

use crate::draw::{Drawing, Scope};
use crate::oracle::Oracle;
use crate::steps::Recording;

const ALGORITHMS: [Algorithm; 3] = [Algorithm::V1, Algorithm::V2, Algorithm::V2_1];
/// So many merges of a room are looked at closely in each manner.
const MERGES: usize = 6;

/// Draws a room, replays it by every algorithm and profile, and holds it to the invariants of `tests/properties.rs`.
///
/// # Panics
/// If one of them does not hold.
pub fn replay(data: &[u8]) {
    let mut drawing = Drawing::new(data, Scope::Anything);
    let mut lines: Vec<&str> = drawing.lines.iter().map(String::as_str).collect();
    let Ok(dump) = drawing.load(&lines) else { return };
    let room = &dump.room;

    Rng::new(data.len() as u64).shuffle(&mut lines);
    let shuffled = drawing.load(&lines).expect("the order of the lines decides whether the dump loads");
    for profile in Profile::ALL {
        assert_eq!(
            account(room, profile),
            account(&shuffled.room, profile),
            "the order of the lines matters"
        );
    }

    let (sets, rejected) = drawing.sets(&Replay::new(room, None, Profile::Spec));
    for algorithm in ALGORITHMS {
        for profile in Profile::ALL {
            let replay = Replay::new(room, Some(algorithm), profile);
            every_event(&replay);
            Manner { room, algorithm, profile, rejected: &rejected }.check(&sets);
        }
    }
}

/// What a replay says of every event, by ID: its verdict, the state before, the state after.
fn account(room: &Room, profile: Profile) -> BTreeMap<String, (String, Option<String>, Option<String>)> {
    let replay = Replay::new(room, None, profile);
    let hash = |state: Option<&StateMap>| state.map(|state| state.hash(room));
    room.events()
        .map(|ix| {
            let verdict = format!("{:?} {:?}", replay.rejection(ix), replay.failure(ix).map(|f| &f.message));
            (room.id(ix).to_owned(), (verdict, hash(replay.before(ix)), hash(replay.after(ix))))
        })
        .collect()
}

/// Everything that can be asked of a replay; merges in detail.
fn every_event(replay: &Replay<'_>) {
    let room = replay.room();
    let mut merges = 0;
    for ix in room.events() {
        for check in replay.judge(ix) {
            let _ = explain_check(room, &check);
        }
        if let Some(rejection) = replay.rejection(ix) {
            let _ = explain_rejection(room, rejection);
            assert!(replay.rejected().contains(ix));
        }
        if !replay.resolved(ix) || merges == MERGES {
            continue;
        }
        merges += 1;
        // An asserted state is none that was resolved, so there are inputs.
        let inputs = replay.inputs(ix).expect("what was resolved has inputs");
        let mut steps = Vec::new();
        let resolution = replay.resolve_at(Some(ix), &inputs, &mut steps);
        assert_eq!(Some(&resolution.state), replay.before(ix), "the steps lead elsewhere");
        assert_eq!(resolution.failure.as_ref(), replay.failure(ix));
        assert!(!explain_steps(room, &steps).is_empty());
        let manner = Manner {
            room,
            algorithm: replay.algorithm(),
            profile: replay.profile(),
            rejected: replay.rejected(),
        };
        manner.check(&inputs);
    }
    let current = replay.current();
    assert!(current.extremities.iter().all(|ix| !replay.rejected().contains(*ix)));
    assert!(replay.findings().iter().all(|finding| !finding.message.is_empty()));
}

/// A manner of resolving.
struct Manner<'a> {
    room: &'a Room,
    algorithm: Algorithm,
    profile: Profile,
    rejected: &'a EventSet,
}

impl Manner<'_> {
    /// The invariants of one resolution.
    fn check(&self, sets: &[StateMap]) {
        let Self { room, algorithm, profile, rejected } = *self;
        let mut resolver = Resolver::new(room, algorithm, profile);
        let mut steps = Vec::new();
        let resolution = resolver.resolve(sets, rejected, &mut steps);
        assert_eq!(resolution, resolver.resolve(sets, rejected, &mut ()), "to record changes the result");

        let mut other: Vec<StateMap> = sets.iter().rev().cloned().collect();
        other.extend(sets.first().cloned());
        let again = resolver.resolve(&other, rejected, &mut ());
        assert_eq!(resolution.state, again.state, "the order or repetition of the sets matters");
        assert_eq!(resolution.failure, again.failure, "the order or repetition of the sets matters");

        let unconflicted = Split::new(sets).unconflicted;
        assert!(unconflicted.iter().all(|(key, event)| resolution.state.get(key) == Some(event)));
        if let Some(set) = sets.first() {
            let same = resolver.resolve(&[set.clone(), set.clone()], rejected, &mut ());
            assert!(same.state == *set && !same.resolved, "a set does not resolve to itself");
        }
        if resolution.failure.is_some() {
            assert!(matches!(steps.last(), Some(Step::Failure(_))), "a failure without a step");
            return;
        }
        if !resolution.resolved {
            return;
        }
        if algorithm == Algorithm::V1 {
            let known = |(key, event)| sets.iter().any(|set| set.get(key) == Some(event));
            assert!(resolution.state.iter().all(known), "an entry comes from nowhere");
            return;
        }
        if let Err(text) = (Recording { room, algorithm, profile, sets, steps: &steps }).check(&resolution) {
            panic!("{algorithm} {profile}: {text}");
        }
        self.plainly(sets, &resolution.state);
    }

    /// The plain resolution gives the same.
    fn plainly(&self, sets: &[StateMap], state: &StateMap) {
        if self.profile == Profile::Ruma {
            return;
        }
        let Self { room, algorithm, profile, rejected } = *self;
        let plainly = Oracle { room, algorithm, profile, rejected }.resolve(sets);
        let ours: BTreeMap<KeyIx, EventIx> = state.iter().collect();
        assert_eq!(ours, plainly, "{algorithm} {profile}: the plain resolution gives another state");
    }
}
