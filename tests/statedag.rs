//! Rooms with state DAGs (MSC4242), with what Synapse's code decides about them. Expected results come from there, never
//! from this program.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "common/shared.rs"]
mod shared;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use hindsight::auth::Profile;
use hindsight::diagnose::retold::{Comparison, Why};
use hindsight::differential::{self, RumaRoom};
use hindsight::dump::{self, Dump, Options};
use hindsight::event::Event;
use hindsight::event::room_version::Rules;
use hindsight::expect::Expectation;
use hindsight::generate::{Draft, Mode, Plan, Rng, RoomBuilder, generate};
use hindsight::replay::Replay;
use hindsight::rewrite::{Retold, retell};
use hindsight::room::{EventIx, Input, LoadedEvent, Room};
use rayon::prelude::*;
use serde_json::json;
use shared::shared;

fn expectations(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(".expected.json"));
    paths.sort();
    paths
}

fn check(path: &Path, profile: Profile) -> Vec<String> {
    let base = path.to_str().unwrap().strip_suffix(".expected.json").unwrap();
    let forced = fs::read(format!("{base}.forced.json")).ok();
    let options = Options { asserted_state: forced, ..Options::default() };
    let dump = dump::load(&fs::read(format!("{base}.ndjson")).unwrap(), &options).unwrap();
    let expected = Expectation::parse(&fs::read(path).unwrap()).unwrap();
    let replay = Replay::new(&dump.room, expected.algorithm(), profile);
    let comparison = expected.compare(&replay);
    assert!(comparison.current && comparison.unknown == 0 && comparison.events == expected.len());
    comparison.misses.iter().map(|miss| format!("{}: {miss}", path.display())).collect()
}

/// Verdicts, what waits, states before and after, calculated auth events, soft failures, extremities, current state: of 35
/// rooms, and of 11 that tell the same as rooms of version 12.
#[test]
fn state_dag_rooms_agree_with_synapse() {
    let Some(folder) = shared("corpus/statedag") else { return };
    let paths = expectations(&folder);
    assert_eq!(paths.iter().filter(|path| path.to_str().unwrap().contains(".v12.")).count(), 11);
    assert_eq!(paths.len(), 46);
    let misses: Vec<String> = paths.iter().flat_map(|path| check(path, Profile::Synapse)).collect();
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

/// A room that was told anew is what the other implementation made of the same history: line by line the twins of the
/// corpus name the same events, in either direction.
#[test]
fn rooms_told_anew_are_the_twins_of_the_corpus() {
    let Some(folder) = shared("corpus/statedag") else { return };
    let mut wrong = Vec::new();
    for path in expectations(&folder).iter().filter(|path| path.to_str().unwrap().contains(".v12.")) {
        let name = path.to_str().unwrap().strip_suffix(".v12.expected.json").unwrap();
        let forced = format!("{name}.v12.forced.json");
        let ordinary = load(&format!("{name}.v12.ndjson"), &forced).room;
        let state_dag = load(&format!("{name}.ndjson"), "").room;
        let parents = |room: &Room, ix: EventIx| room.state_parents(ix).to_vec();
        wrong.extend(named_differently(name, &ordinary, &state_dag, &parents));
        // States that were told are gone on the way, and cannot come back.
        if !Path::new(&forced).exists() {
            let auth = |room: &Room, ix: EventIx| room.auth_events(ix).to_vec();
            wrong.extend(named_differently(name, &state_dag, &ordinary, &auth));
        }
    }
    // Where the one twin knows of more than the other: what is soft-failed, or beyond the tenth parent, is not in
    // `prev_events`. And with clocks that are off a tie is decided by the order of IDs, which is kept here.
    let other_knowledge =
        ["scene-mutual-bans", "scene-soft-failure", "scene-twenty-parents", "honest-skew-704"];
    wrong.retain(|wrong: &String| !other_knowledge.iter().any(|name| wrong.contains(name)));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The lines of the dumps on which `from`, told anew, names other events than `to`.
fn named_differently(
    name: &str,
    from: &Room,
    to: &Room,
    named: &dyn Fn(&Room, EventIx) -> Vec<EventIx>,
) -> Vec<String> {
    let retold = retell(&Replay::new(from, None, Profile::Synapse)).unwrap();
    assert!(retold.unsettled.is_none() && retold.rounds < 5, "{name}: {} rounds", retold.rounds);
    let mut line_of = vec![0; from.len()];
    for ix in from.events() {
        line_of[retold.events[ix.index()].unwrap().index()] = from.position(ix);
    }
    let lines = |events: Vec<EventIx>, line: &dyn Fn(EventIx) -> u32| {
        events.into_iter().map(line).collect::<BTreeSet<u32>>()
    };
    let mut expected: Vec<_> =
        to.events().map(|ix| (to.position(ix), lines(named(to, ix), &|ix| to.position(ix)))).collect();
    let mut found: Vec<_> = retold
        .room
        .events()
        .map(|ix| (line_of[ix.index()], lines(named(&retold.room, ix), &|ix| line_of[ix.index()])))
        .collect();
    expected.sort();
    found.sort();
    let wrong = expected.into_iter().zip(found).filter(|(expected, found)| expected != found);
    wrong.map(|(expected, found)| format!("{name}: expected {expected:?}, found {found:?}")).collect()
}

fn load(dump: &str, forced: &str) -> Dump {
    let options = Options { asserted_state: fs::read(forced).ok(), ..Options::default() };
    dump::load(&fs::read(dump).unwrap(), &options).unwrap()
}

/// How many rooms to make: `HINDSIGHT_ROOMS`, or a few.
fn rooms() -> u64 {
    std::env::var("HINDSIGHT_ROOMS").ok().and_then(|rooms| rooms.parse().ok()).unwrap_or(150)
}

fn compared(room: &Room) -> (Retold, Comparison) {
    let one = Replay::new(room, None, Profile::Spec);
    let retold = retell(&one).unwrap();
    let other = Replay::new(&retold.room, None, Profile::Spec);
    let comparison = Comparison::new(&one, &other, &retold.events);
    (retold, comparison)
}

const USERS: [&str; 5] = ["@alice:one", "@bob:two", "@carol:three", "@dave:two", "@erin:one"];

/// An honest room of version 12: branches that only state events join, every event at a time of its own.
fn branching(seed: u64) -> RoomBuilder {
    let rules = Rules::of("12").unwrap();
    let mut rng = Rng::new(seed);
    let mut room = RoomBuilder::new(rules, seed);
    let alice = USERS[0];
    room.send(Draft::create(rules, alice));
    room.send(Draft::join(alice));
    room.send(Draft::power_levels(
        alice,
        json!({ "users": { USERS[1]: 75, USERS[2]: 50 }, "events": { "m.room.topic": 0 } }),
    ));
    let mut tip = room.send(Draft::join_rules(alice, "public"));
    for user in &USERS[1..] {
        tip = room.send(Draft::join(user));
    }
    let mut tips = vec![tip];
    let mut clock = 1_000;
    for _ in 0..rng.within(8, 24) {
        clock += i64::try_from(rng.within(1, 9)).unwrap();
        if tips.len() > 1 && rng.chance(20) {
            let merge = Draft::state("org.example.merge", "", alice, json!({ "at": clock })).at(clock);
            tips = vec![room.send_after(&tips, merge)];
            continue;
        }
        let branch = rng.below(tips.len());
        let (user, other) = (*rng.pick(&USERS), *rng.pick(&USERS));
        let draft = match rng.below(9) {
            0 => Draft::topic(user, &format!("{clock}")),
            1 => Draft::name(user, &format!("{clock}")),
            2 => Draft::ban(user, other),
            3 => Draft::kick(user, other),
            4 => Draft::join(user),
            5 => Draft::leave(if user == alice { other } else { user }),
            6 => Draft::join_rules(user, if rng.chance(50) { "public" } else { "invite" }),
            7 => Draft::power_levels(user, json!({ "users": { USERS[1]: 75, USERS[3]: 25 } })),
            _ => Draft::message(user, "hello"),
        };
        // The creator stays, to join the branches.
        if draft.state_key.as_deref() == Some(alice) {
            continue;
        }
        // Where a branch begins, both sides begin with a state event: else the one would be part of the past of the other.
        let forks = tips.len() < 4 && rng.chance(35);
        if forks && draft.state_key.is_none() {
            continue;
        }
        let base = tips[branch];
        let mut attempt = room.clone();
        let number = attempt.send_after(&[base], draft.at(clock));
        let other_side = Draft::state("org.example.other", "", alice, json!({ "at": clock })).at(clock + 1);
        let other = if forks { attempt.send_after(&[base], other_side) } else { number };
        clock += i64::from(forks);
        let built = attempt.room();
        if other + 1 < attempt.len() || !Replay::new(&built, None, Profile::Spec).rejected().is_empty() {
            continue;
        }
        room = attempt;
        tips[branch] = number;
        if forks {
            tips.push(other);
        }
    }
    room.send_after(
        &tips,
        Draft::state("org.example.merge", "", alice, json!({ "at": "the end" })).at(clock + 10),
    );
    room
}

/// Where branches meet at state events only, and no two events have the same time, a state DAG changes nothing.
#[test]
fn honest_rooms_that_merge_at_state_events_have_the_same_state_with_a_state_dag() {
    let failures: Vec<String> = (1..=rooms())
        .into_par_iter()
        .filter_map(|seed| {
            let room = branching(seed).room();
            let (retold, comparison) = compared(&room);
            let same = retold.unsettled.is_none() && comparison.now.as_ref().is_some_and(Vec::is_empty);
            (!same).then(|| format!("seed {seed}: {:?} {:?}", comparison.now, comparison.partings))
        })
        .collect();
    assert!(failures.is_empty(), "{} rooms:\n{}", failures.len(), failures.join("\n"));
}

/// In other honest rooms every difference has a reason that is known: messages that merge, IDs that decide ties. (Once
/// states have differed, auth events may too.)
#[test]
fn what_a_state_dag_changes_in_honest_rooms_is_explained() {
    let (mut merges, mut same) = (0, 0);
    for seed in 1..=rooms() {
        let mode = [Mode::Honest, Mode::Netsplit, Mode::Skew][usize::try_from(seed % 3).unwrap()];
        let room = generate(&Plan::new(seed, mode, Rules::of("12").unwrap())).room();
        let (retold, comparison) = compared(&room);
        assert!(retold.unsettled.is_none(), "seed {seed}");
        for (place, parting) in comparison.partings.iter().enumerate() {
            match parting.why {
                Why::Merge | Why::Ids => merges += 1,
                Why::AuthEvents if place > 0 => {}
                _ => panic!("seed {seed}: {parting:?}"),
            }
        }
        same += usize::from(comparison.agrees());
    }
    println!("{merges} partings; {same} rooms without");
    assert!(same > 0);
}

/// What holds of every state DAG, however hostile the servers: what an event comes to depends on its ancestry in the state
/// DAG alone.
#[test]
fn only_the_state_dag_counts() {
    let rules = Rules::of("org.matrix.msc4242.12").unwrap();
    let failures: Vec<String> = (1..=rooms())
        .into_par_iter()
        .filter_map(|seed| {
            let mode = Mode::ALL[usize::try_from(seed % 4).unwrap()];
            let builder = generate(&Plan::new(seed, mode, rules));
            let events: Vec<Event> =
                (0..builder.len()).map(|number| builder.pdu(number).event.clone()).collect();
            let failure = check_invariants(rules, &events).err()?;
            Some(format!("seed {seed}, {}: {failure}", mode.as_str()))
        })
        .collect();
    assert!(failures.is_empty(), "{} rooms:\n{}", failures.len(), failures.join("\n"));
}

fn build(rules: &'static Rules, events: &[Event]) -> Room {
    let input = Input::new(rules, None, events.iter().cloned().map(LoadedEvent::new).collect());
    Room::build(input, &mut Vec::new()).unwrap()
}

fn check_invariants(rules: &'static Rules, events: &[Event]) -> Result<(), String> {
    let room = build(rules, events);
    let replay = Replay::new(&room, None, Profile::Spec);
    for ix in room.events().filter(|ix| !room.is_foreign(*ix)) {
        check_event(&replay, ix).map_err(|error| format!("{}: {error}", room.id(ix)))?;
    }
    let again = |events: &[Event], what: &str| {
        let room = build(rules, events);
        agree(&replay, &Replay::new(&room, None, Profile::Spec), what, true)
    };
    let backwards: Vec<Event> = events.iter().rev().cloned().collect();
    again(&backwards, "lines backwards")?;
    // Who names a message is rejected for it, or waits if it is not there.
    let is_named =
        |event: &Event| room.find(event.id()).is_some_and(|ix| !room.state_children(ix).is_empty());
    let state: Vec<Event> =
        events.iter().filter(|event| event.is_state() || is_named(event)).cloned().collect();
    again(&state, "without messages")?;
    // What comes later changes nothing but that what waits may be judged.
    let half = build(rules, &events[..events.len() / 2]);
    agree(&Replay::new(&half, None, Profile::Spec), &replay, "the first half", false)
}

fn check_event(replay: &Replay<'_>, ix: EventIx) -> Result<(), String> {
    let room = replay.room();
    let is_accepted = |ix: EventIx| !replay.rejected().contains(ix) && !replay.is_unprocessed(ix);
    let is_sound = |parent: &EventIx| is_accepted(*parent) && room.key_of(*parent).is_some();
    if is_accepted(ix) && !room.state_parents(ix).iter().all(is_sound) {
        return Err("accepted on what is not".to_owned());
    }
    let auth = replay.calculated_auth(ix);
    if auth.is_some() != replay.before(ix).is_some() {
        return Err(format!("auth events {auth:?}"));
    }
    let is_there = |auth: &EventIx| {
        let key = room.key_of(*auth).unwrap();
        *auth < ix && replay.before(ix).unwrap().get(key) == Some(*auth)
    };
    if !auth.unwrap_or_default().iter().all(is_there) {
        return Err(format!("auth events {auth:?} are not of the state before"));
    }
    Ok(())
}

/// Whether the events that both rooms have come to the same in both. Unless they do so wholly, what waits in the first may be
/// judged in the second.
fn agree(one: &Replay<'_>, other: &Replay<'_>, what: &str, wholly: bool) -> Result<(), String> {
    let come_to = |replay: &Replay<'_>, ix: EventIx| {
        let id = |auth: &EventIx| replay.room().id(*auth).to_owned();
        (
            replay.rejected().contains(ix),
            replay.is_unprocessed(ix),
            replay.before(ix).map(|state| state.hash(replay.room())),
            replay.calculated_auth(ix).map(|auth| auth.iter().map(id).collect::<BTreeSet<String>>()),
        )
    };
    for ix in one.room().events().filter(|ix| wholly || !one.is_unprocessed(*ix)) {
        let Some(there) = other.room().find(one.room().id(ix)) else { continue };
        let (ours, theirs) = (come_to(one, ix), come_to(other, there));
        if ours != theirs {
            return Err(format!("{what}: {}: {ours:?}, {theirs:?}", one.room().id(ix)));
        }
    }
    let hash = |replay: &Replay<'_>| replay.current().state.as_ref().map(|state| state.hash(replay.room()));
    if wholly && hash(one) != hash(other) {
        return Err(format!("{what}: the current state"));
    }
    Ok(())
}

/// ruma knows no state DAGs. Given the calculated auth events it judges and resolves as its profile does here.
#[test]
fn ruma_resolves_state_dag_rooms_alike() {
    let rules = Rules::of("org.matrix.msc4242.12").unwrap();
    let resolutions = AtomicUsize::new(0);
    let failures: Vec<String> = (1..=rooms())
        .into_par_iter()
        .filter_map(|seed| {
            let mode = Mode::ALL[usize::try_from(seed % 4).unwrap()];
            let room = generate(&Plan::new(seed, mode, rules)).room();
            let replay = Replay::new(&room, None, Profile::Ruma);
            let ruma = RumaRoom::of_replay(&replay).unwrap();
            let compared = differential::Comparison::new(&replay, &ruma);
            resolutions.fetch_add(compared.resolutions, Ordering::Relaxed);
            let first = compared.differences.first()?;
            Some(format!("seed {seed}, {}: {}", mode.as_str(), first.describe(&room)))
        })
        .collect();
    assert!(failures.is_empty(), "{} rooms:\n{}", failures.len(), failures.join("\n"));
    assert!(resolutions.into_inner() > 100);
}
