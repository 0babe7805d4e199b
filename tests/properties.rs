//! Properties that hold for every room, algorithm and profile.
//!
//! The numbers I1 to I17 are those of the project's notes on invariants. A failing room is printed with its seed.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests may panic and tell how much they did")]

#[path = "common/oracle.rs"]
mod oracle;
#[path = "common/rooms.rs"]
mod rooms;
#[path = "common/steps.rs"]
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use hindsight::auth::Profile;
use hindsight::generate::{Draft, Mode, Plan, Reference, Rng, perturbed_sets, random_rejected};
use hindsight::replay::{Check, CheckKind, Replay};
use hindsight::resolve::step::Step;
use hindsight::resolve::{Algorithm, Resolver};
use hindsight::room::{EventIx, EventSet, KeyIx, Room};
use hindsight::state::{Split, StateMap};
use oracle::Oracle;
use rooms::{build, each_room, renamed, retimed};
use serde_json::json;
use steps::Recording;

const ALGORITHMS: [Algorithm; 3] = [Algorithm::V1, Algorithm::V2, Algorithm::V2_1];

/// Every manner of resolving.
fn manners() -> impl Iterator<Item = (Algorithm, Profile)> {
    ALGORITHMS
        .into_iter()
        .flat_map(|algorithm| Profile::ALL.into_iter().map(move |profile| (algorithm, profile)))
}

/// State sets to resolve: those of the room's merges, and some that were tampered with.
fn inputs(plan: &Plan, replay: &Replay<'_>) -> Vec<(Vec<StateMap>, EventSet)> {
    let mut rng = Rng::new(plan.seed ^ 0x5e75);
    let merges = replay.room().events().filter(|ix| replay.resolved(*ix));
    let mut inputs: Vec<(Vec<StateMap>, EventSet)> =
        merges.filter_map(|ix| Some((replay.inputs(ix)?, replay.rejected().clone()))).collect();
    rng.shuffle(&mut inputs);
    inputs.truncate(3);
    for _ in 0..3 {
        let count = rng.within(2, 6);
        let percent = *rng.pick(&[0, 0, 15]);
        let rejected = random_rejected(&mut rng, replay.room(), percent);
        inputs.push((perturbed_sets(&mut rng, replay, count), rejected));
    }
    inputs
}

fn ensure(condition: bool, text: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(text()) }
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

/// I1: nothing depends on the order of the lines.
#[test]
fn the_order_of_the_input_does_not_matter() {
    each_room(300, |plan, builder| {
        let mut events: Vec<_> = (0..builder.len()).map(|number| builder.pdu(number).event.clone()).collect();
        let room = builder.room();
        for round in 0..2 {
            Rng::new(plan.seed + round).shuffle(&mut events);
            let shuffled = build(plan.rules, events.iter().cloned());
            for profile in Profile::ALL {
                ensure(account(&room, profile) == account(&shuffled, profile), || {
                    format!("another order of the lines gives another answer ({profile})")
                })?;
            }
        }
        Ok(())
    });
}

/// I2 to I4: order and repetition of the sets do not matter; equal sets resolve to themselves; what all sets share
/// stays.
#[test]
fn sets_are_sets() {
    each_room(400, |plan, builder| {
        let room = builder.room();
        let replay = Replay::new(&room, None, Profile::Spec);
        let mut rng = Rng::new(plan.seed);
        for (sets, rejected) in inputs(plan, &replay) {
            for (algorithm, profile) in manners() {
                let mut resolver = Resolver::new(&room, algorithm, profile);
                let first = resolver.resolve(&sets, &rejected, &mut ());
                let mut other = sets.clone();
                other.push(rng.pick(&sets).clone());
                rng.shuffle(&mut other);
                let second = resolver.resolve(&other, &rejected, &mut ());
                ensure(first.state == second.state && first.failure == second.failure, || {
                    format!("{algorithm} {profile}: the order or repetition of the sets matters\n{sets:?}")
                })?;
                let unconflicted = Split::new(&sets).unconflicted;
                ensure(unconflicted.iter().all(|(key, event)| first.state.get(key) == Some(event)), || {
                    format!("{algorithm} {profile}: an unconflicted entry is lost\n{sets:?}")
                })?;
                for count in 1..=2 {
                    let same = vec![sets[0].clone(); count];
                    let same = resolver.resolve(&same, &rejected, &mut ());
                    ensure(same.state == sets[0] && !same.resolved, || {
                        format!("{algorithm} {profile}: a set does not resolve to itself")
                    })?;
                }
            }
        }
        Ok(())
    });
}

/// What was found out about earlier events changes no verdict: every one is what the checks come to when they are run
/// alone. Messages are sent again and again, with the same auth events and in all sorts of states.
#[test]
fn verdicts_are_those_of_the_checks() {
    each_room(300, |plan, builder| {
        let mut rng = Rng::new(plan.seed ^ 0xec40);
        let mut builder = builder.clone();
        let made = builder.len();
        let auth = |number: usize| {
            builder.pdu(number).event.auth_events().map(std::borrow::Cow::into_owned).collect()
        };
        let models: Vec<(String, Vec<String>)> = (0..4)
            .map(|_| rng.below(made))
            .map(|number| (builder.pdu(number).event.sender().to_owned(), auth(number)))
            .collect();
        for number in 0..40 {
            let (sender, auth) = rng.pick(&models);
            let kind = *rng.pick(&["m.room.message", "m.room.message", "m.reaction", "m.room.redaction"]);
            let mut draft = Draft::timeline(kind, sender, json!({ "body": number.to_string() }));
            draft.auth = auth.iter().cloned().map(Reference::Unknown).collect();
            if rng.chance(10) {
                draft.auth.push(Reference::Unknown("$nobody:has.it".to_owned()));
            }
            draft.redacts =
                (kind == "m.room.redaction").then(|| builder.pdu(rng.below(made)).event.id().to_owned());
            builder.add(draft.after(&[rng.below(builder.len())]));
        }
        let room = builder.room();
        for profile in Profile::ALL {
            let replay = Replay::new(&room, None, profile);
            for ix in room.events() {
                let refused = |check: Check| Some((check.kind, check.verdict?.err()?));
                let alone = replay.judge(ix).into_iter().find_map(refused);
                let kept = replay.rejection(ix).filter(|kept| kept.check != CheckKind::Recorded);
                let kept = kept.map(|kept| (kept.check, kept.refusal.clone().unwrap()));
                ensure(alone == kept, || {
                    format!("{profile}: {} was judged {kept:?}, alone it is {alone:?}", room.id(ix))
                })?;
            }
        }
        Ok(())
    });
}

/// I5: every entry of the result has a source; recording changes nothing; the steps tell the truth.
#[test]
fn steps_tell_the_truth() {
    each_room(400, |plan, builder| {
        let room = builder.room();
        let replay = Replay::new(&room, None, Profile::Spec);
        for (sets, rejected) in inputs(plan, &replay) {
            for (algorithm, profile) in manners() {
                let mut resolver = Resolver::new(&room, algorithm, profile);
                let mut steps = Vec::new();
                let recorded = resolver.resolve(&sets, &rejected, &mut steps);
                let silent = resolver.resolve(&sets, &rejected, &mut ());
                ensure(recorded == silent, || {
                    format!("{algorithm} {profile}: recording changes the result")
                })?;
                if recorded.failure.is_some() {
                    let told = matches!(steps.last(), Some(Step::Failure(_)));
                    ensure(told, || format!("{algorithm} {profile}: a failure without a step"))?;
                    continue;
                }
                ensure(recorded.sizes == sizes(&steps), || {
                    format!(
                        "{algorithm} {profile}: sizes {:?}, steps tell {:?}",
                        recorded.sizes,
                        sizes(&steps)
                    )
                })?;
                if algorithm == Algorithm::V1 {
                    for (key, event) in recorded.state.iter() {
                        ensure(sets.iter().any(|set| set.get(key) == Some(event)), || {
                            format!("v1 {profile}: {} is in no set", room.id(event))
                        })?;
                    }
                } else if recorded.resolved {
                    Recording { room: &room, algorithm, profile, sets: &sets, steps: &steps }
                        .check(&recorded)
                        .map_err(|text| format!("{algorithm} {profile}: {text}\n{sets:?}\n{rejected:?}"))?;
                }
            }
        }
        Ok(())
    });
}

/// The sizes as the steps tell them.
fn sizes(steps: &[Step]) -> hindsight::resolve::Sizes {
    let mut sizes = hindsight::resolve::Sizes::default();
    for step in steps {
        match step {
            Step::Split(split) => sizes.conflicts = split.conflicts.len(),
            Step::PowerPop(_) => sizes.power += 1,
            Step::MainlinePosition(position) => sizes.others += usize::from(!position.dropped),
            _ => {}
        }
    }
    sizes
}

/// I17: clocks may be moved or stretched.
#[test]
fn only_the_order_of_timestamps_matters() {
    each_room(300, |_, builder| {
        let room = builder.room();
        let stretched = retimed(builder, |time| time / 3 * 7 + time % 3 * 2 + 11);
        let moved = retimed(builder, |time| time + 1_000_000);
        for profile in Profile::ALL {
            let expected = account(&room, profile);
            for other in [&stretched, &moved] {
                ensure(expected == account(other, profile), || {
                    format!("{profile}: other timestamps in the same order give another answer")
                })?;
            }
        }
        Ok(())
    });
}

/// I17: IDs do not matter where timestamps differ (v1 apart, which orders by hashes of IDs).
#[test]
fn ids_matter_only_between_equal_timestamps() {
    let compared = AtomicUsize::new(0);
    each_room(400, |plan, builder| {
        let times = (0..builder.len()).map(|number| builder.pdu(number).event.origin_server_ts());
        let has_ties = times.collect::<BTreeSet<_>>().len() < builder.len();
        if has_ties || plan.rules.algorithm == Algorithm::V1 || plan.mode == Mode::Adversarial {
            return Ok(());
        }
        compared.fetch_add(1, Ordering::Relaxed);
        let room = builder.room();
        let (other, names) = renamed(builder, usize::try_from(plan.seed).unwrap());
        for profile in Profile::ALL {
            let ours = Replay::new(&room, None, profile);
            let theirs = Replay::new(&other, None, profile);
            for ix in room.events() {
                let twin = other.find(&names[room.id(ix)]).unwrap();
                let list = |state: &StateMap| -> BTreeSet<(String, String, String)> {
                    let entry =
                        |(kind, key, id): (&str, &str, &str)| (kind.into(), key.into(), names[id].clone());
                    state.list(&room).map(entry).collect()
                };
                let twin_list = theirs.before(twin).map(|state| {
                    state.list(&other).map(|(kind, key, id)| (kind.into(), key.into(), id.into())).collect()
                });
                ensure(ours.before(ix).map(list) == twin_list, || {
                    format!("{profile}: other IDs give another state before {}", room.id(ix))
                })?;
                ensure(ours.rejection(ix).is_some() == theirs.rejection(twin).is_some(), || {
                    format!("{profile}: other IDs give another verdict on {}", room.id(ix))
                })?;
            }
        }
        Ok(())
    });
    assert!(compared.into_inner() > 0);
}

/// The quick searches of the auth graph and all orderings, against the plain telling of the text.
#[test]
fn a_plain_resolution_gives_the_same() {
    let compared = AtomicUsize::new(0);
    each_room(400, |plan, builder| {
        let room = builder.room();
        let replay = Replay::new(&room, None, Profile::Spec);
        let mut cases = inputs(plan, &replay);
        if plan.seed % 8 == 0 {
            // More sets than bits in a word.
            let mut rng = Rng::new(plan.seed);
            let count = rng.within(63, 140);
            cases.push((perturbed_sets(&mut rng, &replay, count), replay.rejected().clone()));
        }
        for (sets, rejected) in &cases {
            for (algorithm, profile) in manners() {
                if algorithm == Algorithm::V1 || profile == Profile::Ruma {
                    continue;
                }
                let mut steps = Vec::new();
                let ours = Resolver::new(&room, algorithm, profile).resolve(sets, rejected, &mut steps);
                if ours.failure.is_some() || !ours.resolved {
                    continue;
                }
                compared.fetch_add(1, Ordering::Relaxed);
                let oracle = Oracle { room: &room, algorithm, profile, rejected };
                compare_sets(&oracle, sets, &steps)
                    .map_err(|text| format!("{algorithm} {profile}: {text}\n{sets:?}"))?;
                let theirs = oracle.resolve(sets);
                let ours: BTreeMap<KeyIx, EventIx> = ours.state.iter().collect();
                ensure(ours == theirs, || {
                    format!("{algorithm} {profile}: {ours:?}\nplainly: {theirs:?}\n{sets:?}\n{rejected:?}")
                })?;
            }
        }
        Ok(())
    });
    println!("{} resolutions compared", compared.into_inner());
}

/// The conflicted events, the auth difference and the full conflicted set.
fn compare_sets(oracle: &Oracle<'_>, sets: &[StateMap], steps: &[Step]) -> Result<(), String> {
    let apart = oracle.take_apart(sets);
    for step in steps {
        let (name, told, expected): (_, BTreeSet<EventIx>, _) = match step {
            Step::Split(split) => {
                let told = split.conflicts.iter().flat_map(hindsight::state::Conflict::candidates).collect();
                ("conflicted events", told, &apart.conflicted)
            }
            Step::AuthDifference(difference) => {
                for entry in &difference.events {
                    let some = entry.reached.iter().any(Option::is_some);
                    let all = entry.reached.iter().all(Option::is_some);
                    ensure(some && !all, || format!("{entry:?} is no difference"))?;
                }
                let told = difference.events.iter().map(|entry| entry.event).collect();
                ("auth difference", told, &apart.difference)
            }
            Step::FullConflictedSet(full) => {
                ("full conflicted set", full.events.iter().map(|entry| entry.event).collect(), &apart.full)
            }
            _ => continue,
        };
        ensure(told == *expected, || format!("{name}: {told:?}, plainly {expected:?}"))?;
    }
    Ok(())
}
