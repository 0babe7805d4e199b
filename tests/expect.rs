//! An expectation notices whatever is not as it says, and names the event.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use hindsight::auth::Profile;
use hindsight::dump::{self, Dump, Options};
use hindsight::expect::{Aspect, Comparison, Expectation, KEPT, Miss};
use hindsight::replay::Replay;
use serde_json::{Value, json};

const ROOM: &str = "fixtures/conformance/rv11-forky-139";

fn read(ending: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{ROOM}{ending}"))).unwrap()
}

fn room() -> Dump {
    dump::load(&read(".ndjson"), &Options::default()).unwrap()
}

fn compare(expected: &[u8]) -> Comparison {
    let dump = room();
    let expectation = Expectation::parse(expected).unwrap();
    expectation.compare(&Replay::new(&dump.room, expectation.algorithm(), Profile::Synapse))
}

/// What is missed of the expectation after a change.
fn missed(change: impl FnOnce(&mut Value)) -> Vec<Miss> {
    let mut expected: Value = serde_json::from_slice(&read(".expected.json")).unwrap();
    change(&mut expected);
    compare(expected.to_string().as_bytes()).misses
}

/// An event before which states were resolved: its ID, and where the expectation tells of it.
fn merge(expected: &mut Value) -> (String, &mut Value) {
    let events = expected["events"].as_object_mut().unwrap();
    let (id, event) = events.iter_mut().find(|(_, event)| event["state_before"].is_array()).unwrap();
    (id.clone(), event)
}

#[test]
fn every_single_change_is_noticed_and_its_event_named() {
    assert_eq!(missed(|_| ()), []);
    type Change = fn(&mut Value);
    let changes: [(Aspect, Change); 7] = [
        (Aspect::Verdict, |event| event["rejected"] = json!("no such thing")),
        (Aspect::Resolved, |event| event["resolved"] = json!(false)),
        (Aspect::StateBefore, |event| event["state_before_hash"] = json!("0".repeat(64))),
        (Aspect::StateBefore, |event| event["state_before_hash"] = Value::Null),
        (Aspect::StateBefore, |event| event["state_before"][0][2] = json!("$other")),
        (Aspect::StateAfter, |event| event["state_after_hash"] = json!("")),
        (Aspect::StateAfter, |event| event["state_after"] = json!([])),
    ];
    for (aspect, change) in changes {
        let mut id = String::new();
        let misses = missed(|expected| {
            let (merge, event) = merge(expected);
            id = merge;
            change(event);
        });
        let [miss] = &*misses else { panic!("{aspect:?}: {misses:?}") };
        assert_eq!((miss.aspect, miss.event_id.as_deref()), (aspect, Some(&*id)), "{miss}");
    }
}

#[test]
fn what_is_told_of_the_room_as_a_whole_counts_too() {
    type Change = fn(&mut Value);
    let changes: [(Aspect, Change); 6] = [
        (Aspect::RoomVersion, |expected| expected["room_version"] = json!("10")),
        (Aspect::Presence, |expected| expected["events"]["$nobody"] = json!({})),
        (Aspect::Extremities, |expected| expected["final"]["extremities"] = json!(["$nobody"])),
        (Aspect::CurrentState, |expected| expected["final"]["state_hash"] = json!("x")),
        (Aspect::CurrentState, |expected| {
            expected["final"]["state"].as_array_mut().unwrap().pop();
        }),
        (Aspect::CurrentResolved, |expected| {
            expected["final"]["resolved"] = json!(!expected["final"]["resolved"].as_bool().unwrap());
        }),
    ];
    for (aspect, change) in changes {
        let misses = missed(change);
        let [miss] = &*misses else { panic!("{aspect:?}: {misses:?}") };
        assert_eq!(miss.aspect, aspect, "{miss}");
        assert_eq!(miss.event_id.is_some(), aspect == Aspect::Presence, "{miss}");
    }
}

#[test]
fn the_key_on_which_states_differ_is_named() {
    let misses = missed(|expected| {
        let (_, event) = merge(expected);
        event["state_before_hash"] = json!("0".repeat(64));
        event["state_before"][0] = json!(["m.room.create", "", "$other"]);
    });
    let detail = misses[0].detail.as_deref().unwrap();
    assert!(detail.starts_with("at m.room.create \"\": expected $other, computed $"), "{detail}");
}

#[test]
fn many_misses_are_counted_and_the_first_kept() {
    let mut expected: Value = serde_json::from_slice(&read(".expected.json")).unwrap();
    for event in expected["events"].as_object_mut().unwrap().values_mut() {
        event["state_after_hash"] = json!("x");
    }
    let comparison = compare(expected.to_string().as_bytes());
    assert!(comparison.events > KEPT, "the room is too small to show it");
    assert_eq!((comparison.missed, comparison.misses.len()), (comparison.events, KEPT));
    assert_eq!(comparison.agreeing, 0);
}

/// A server holds states behind holes that nobody can compute from its dump; all others must agree.
#[test]
fn truth_is_not_held_against_what_cannot_be_known() {
    let dump = room();
    let replay = Replay::new(&dump.room, None, Profile::Synapse);
    let mut table = "event_id\tafter_hash\tbefore_hash\tflags\n".to_owned();
    for ix in dump.room.events() {
        let hash = |state: Option<&hindsight::state::StateMap>| state.unwrap().hash(&dump.room);
        let flag = if replay.rejected().contains(ix) { "rejected" } else { "-" };
        let (after, before) = (hash(replay.after(ix)), hash(replay.before(ix)));
        table.push_str(&format!("{}\t{after}\t{before}\t{flag}\n", dump.room.id(ix)));
    }
    let truth = Expectation::parse(table.as_bytes()).unwrap();
    let comparison = truth.compare(&replay);
    assert!(comparison.agrees());
    assert_eq!((comparison.agreeing, comparison.unknown), (dump.room.len(), 0));

    // Without its eighth event, what follows from that is unknown, and so is the current state.
    let text = String::from_utf8(read(".ndjson")).unwrap();
    let kept: Vec<&str> =
        text.lines().enumerate().filter(|(number, _)| *number != 7).map(|(_, line)| line).collect();
    let holey = dump::load(kept.join("\n").as_bytes(), &Options::default()).unwrap();
    let gone =
        dump.room.events().map(|ix| dump.room.id(ix)).find(|id| holey.room.find(id).is_none()).unwrap();
    let table: String =
        table.lines().filter(|line| !line.starts_with(gone)).map(|line| format!("{line}\n")).collect();
    let truth =
        Expectation::parse(table.as_bytes()).unwrap().with_current(Some("# hash x\n"), Some("forward\t$x\n"));
    let comparison = truth.compare(&Replay::new(&holey.room, None, Profile::Synapse));
    assert!(comparison.agrees(), "{:?}", comparison.misses);
    assert!(comparison.unknown > 0 && comparison.events > 0 && !comparison.current);
    let wrong = table.replace("\t-\n", "\trejected\n");
    let comparison = Expectation::parse(wrong.as_bytes()).unwrap().compare(&replay);
    assert!(comparison.misses.iter().all(|miss| miss.aspect == Aspect::Verdict) && comparison.missed > 0);
}
