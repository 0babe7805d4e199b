//! What holds of every room that is made.

use std::collections::{BTreeSet, HashSet};
use std::convert::Infallible;

use super::world::World;
use super::{Blueprint, Preset};
use crate::auth::Profile;
use crate::dump::{Dump, Options, load};
use crate::event::hash;
use crate::event::room_version::Rules;
use crate::generate::Mode;
use crate::replay::Replay;

/// Rooms of every version and manner, with netsplits.
fn blueprints() -> impl Iterator<Item = Blueprint> {
    let modes = [Mode::Honest, Mode::Netsplit, Mode::Skew, Mode::Adversarial];
    let plan = move |seed: usize, mode: Mode, rules: &'static Rules| {
        let base = Blueprint { events: 1_200, members: 80, servers: 7, ..Blueprint::preset(Preset::R10k) };
        Blueprint { seed: seed as u64, rules, ..base.with_mode(mode) }
    };
    let state_dag = Rules::of("org.matrix.msc4242.12").unwrap();
    let rooms = (0..52).map(move |seed| plan(seed, modes[seed / 13], &Rules::ALL[seed % 13]));
    rooms.chain((60..68).map(move |seed| plan(seed, modes[seed % 4], state_dag)))
}

fn dump(blueprint: &Blueprint, verify: bool) -> Dump {
    load(&blueprint.ndjson(), &Options { verify, ..Options::default() }).unwrap()
}

#[test]
fn a_blueprint_makes_one_room() {
    for blueprint in blueprints().step_by(5) {
        let text = blueprint.ndjson();
        assert!(text == blueprint.ndjson(), "{blueprint:?}");
        assert!(text != Blueprint { seed: 1 << 20, ..blueprint }.ndjson(), "{blueprint:?}");
    }
}

#[test]
fn lines_are_canonical_and_hashes_those_of_ruma() {
    for blueprint in blueprints().take(13).chain(blueprints().skip(52)) {
        let rules = blueprint.rules;
        let text = String::from_utf8(blueprint.ndjson()).unwrap();
        for line in text.lines() {
            let canonical: ruma::CanonicalJsonObject = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&canonical).unwrap(), line);
            let hashes = canonical["hashes"].as_object().unwrap();
            assert_eq!(hash::content_hash(line, rules).unwrap(), hashes["sha256"].as_str().unwrap());
            if rules.event_ids_are_hashes() {
                assert_eq!(hash::event_id(line, rules).unwrap(), canonical["event_id"].as_str().unwrap());
            }
        }
    }
}

/// In versions 1 and 2 references tell the reference hash, which is in no ID.
#[test]
fn references_tell_the_hash() {
    let rules = Rules::of("2").unwrap();
    let text = Blueprint { rules, events: 300, ..Blueprint::preset(Preset::R10k) }.ndjson();
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let known: HashSet<(String, String)> = (lines.iter().zip(text.lines()))
        .map(|(event, line)| {
            let id = event["event_id"].as_str().unwrap().to_owned();
            (id, hash::event_id(line, rules).unwrap()[1..].to_owned())
        })
        .collect();
    for pair in lines.iter().flat_map(|event| event["prev_events"].as_array().unwrap()) {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        assert!(known.contains(&(text(&pair[0]), text(&pair[1]["sha256"]))), "{pair}");
    }
}

#[test]
fn rooms_load_without_findings_and_nothing_is_rejected() {
    for blueprint in blueprints() {
        let dump = dump(&blueprint, true);
        assert!(dump.findings.is_empty(), "{blueprint:?}: {:?}", dump.findings[0]);
        assert_eq!(dump.room.len(), blueprint.events);
        let replay = Replay::new(&dump.room, None, Profile::Spec);
        let rejected = replay.rejected().iter().count();
        match blueprint.mode {
            Mode::Adversarial => assert!(rejected > 10, "{blueprint:?}: {rejected} rejected"),
            _ => assert_eq!(rejected, 0, "{blueprint:?}"),
        }
        let merges = dump.room.events().filter(|ix| replay.resolved(*ix)).count();
        assert!(merges > 10, "{blueprint:?}: {merges} merges");
    }
}

#[test]
fn parents_come_first() {
    for blueprint in blueprints().step_by(3) {
        let room = dump(&blueprint, false).room;
        for ix in room.events() {
            let below = room.prev_events(ix).iter().chain(room.auth_events(ix)).chain(room.state_parents(ix));
            assert!(below.into_iter().all(|below| room.position(*below) < room.position(ix)));
        }
    }
}

#[test]
fn the_wide_room_has_one_merge_of_all_servers() {
    let room = dump(&Blueprint::preset(Preset::Wide), false).room;
    let merges = room.events().map(|ix| room.prev_events(ix).len()).filter(|parents| *parents > 1);
    assert_eq!(merges.collect::<Vec<_>>(), [64]);
}

#[test]
fn an_error_ends_the_room() {
    let mut lines = 0;
    let outcome = Blueprint::preset(Preset::R1m).make(|_| {
        lines += 1;
        if lines < 100 { Ok(()) } else { Err("full") }
    });
    assert_eq!((outcome, lines), (Err("full"), 100));
}

/// What servers take for the state is what a replay of the whole room computes.
#[test]
fn servers_build_on_the_state_of_a_replay() {
    for blueprint in blueprints() {
        let mut text = Vec::new();
        let mut world = World::new(&blueprint);
        let sink = |line: &[u8]| {
            text.extend_from_slice(line);
            Ok::<(), Infallible>(())
        };
        let Ok(_) = world.run(&mut { sink });
        let room = load(&text, &Options::default()).unwrap().room;
        let replay = Replay::new(&room, None, Profile::Spec);
        let offences: BTreeSet<usize> = world.offences.iter().map(|number| *number as usize).collect();
        let rejected = replay.rejected().iter().map(|ix| room.position(ix) as usize);
        assert_eq!(offences, rejected.collect(), "{blueprint:?}");
        for ix in room.events() {
            let number = room.position(ix) as usize;
            let ours = world.network.view(world.before[number]);
            let ours: BTreeSet<usize> = ours.iter().map(|(_, event)| event.index()).collect();
            let theirs = replay.before(ix).unwrap().iter();
            let theirs: BTreeSet<usize> = theirs.map(|(_, event)| room.position(event) as usize).collect();
            assert_eq!(ours, theirs, "before event {number}: {blueprint:?}");
        }
    }
}
