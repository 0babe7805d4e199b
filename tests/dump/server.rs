//! What a server's database holds beside the events.

use hindsight::auth::Profile;
use hindsight::diagnose::server::{Deviations, Oddity};
use hindsight::diagnose::told::{Turn, setbacks};
use hindsight::dump::Holes;
use hindsight::expect::Expectation;
use hindsight::replay::{Footing, Place, Replay};

use super::*;

/// State groups of [`room`]: the one after every event has the number of its place; 3 is written whole, 5 as the
/// difference from 3, though the server built it on 13, the resolved state before the merge.
fn groups() -> Vec<Value> {
    let create = json!(["m.room.create", "", "$create"]);
    let join = json!(["m.room.member", "@a:x", "$join"]);
    let power = json!(["m.room.power_levels", "", "$power"]);
    let left = json!(["m.room.topic", "", "$left"]);
    let right = json!(["m.room.topic", "", "$right"]);
    vec![
        json!({"state_group": 1, "state": [create]}),
        json!({"state_group": 2, "prev_state_group": 1, "state": [join]}),
        json!({"state_group": 3, "state": [join, create, power]}),
        json!({"state_group": 4, "prev_state_group": 3, "state": [left]}),
        json!({"state_group": 5, "prev_state_group": 3, "state": [right]}),
        json!({"state_group": 13, "base": 4, "state": [right]}),
    ]
}

fn records(events: &[Value]) -> Vec<Value> {
    let group = |id: &str| match id {
        "$create" => 1,
        "$join" => 2,
        "$power" => 3,
        "$left" => 4,
        "$right" => 5,
        _ => 13,
    };
    let record = |(place, event): (usize, &Value)| {
        let id = event["event_id"].as_str().unwrap();
        json!({"event_id": id, "stream_ordering": place as i64 - 3, "state_group": group(id), "event": event})
    };
    events.iter().enumerate().map(record).collect()
}

fn state(replay: &Replay<'_>, id: &str, when: When) -> Option<Vec<String>> {
    let room = replay.room();
    let stored = replay.stored(room.find(id)?, when)?;
    Some(stored.list(room).into_iter().map(|(.., id)| id.to_owned()).collect())
}

fn of(ids: &[&str]) -> Option<Vec<String>> {
    Some(ids.iter().map(|id| (*id).to_owned()).collect())
}

fn codes(dump: &Dump) -> Vec<(Code, Option<u64>, Option<&str>)> {
    dump.findings.iter().map(|found| (found.code, found.line, found.event.as_deref())).collect()
}

#[test]
fn groups_expand_to_the_states_before_and_after_events() {
    let dump = load_ok(lines(&[groups(), records(&room())].concat()));
    assert_eq!(codes(&dump), []);
    assert_eq!((dump.format, dump.events_read), (Format::ServerEvents, 6));
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    assert_eq!(state(&replay, "$create", When::After), of(&["$create"]));
    // Written whole, it is built on nothing: what was before is what was after the parent.
    assert_eq!(state(&replay, "$power", When::Before), of(&["$create", "$join"]));
    assert_eq!(state(&replay, "$power", When::After), of(&["$create", "$join", "$power"]));
    assert_eq!(state(&replay, "$right", When::Before), state(&replay, "$power", When::After));
    // A message changes nothing.
    for when in [When::Before, When::After] {
        assert_eq!(state(&replay, "$merge", when), of(&["$create", "$join", "$power", "$right"]));
    }
    let stored = dump.room.stored().unwrap();
    let ix = dump.room.find("$create").unwrap();
    assert_eq!((stored.group_count(), stored.stream_ordering(ix)), (6, Some(-3)));
    for ix in dump.room.events() {
        let (own, held) = (replay.after(ix).unwrap(), replay.stored(ix, When::After).unwrap());
        assert_eq!(held.hash(&dump.room), own.hash(&dump.room));
        assert!(held.map().unwrap().shares_root_with(own), "the same nodes");
    }
}

#[test]
fn entries_can_be_taken_out_of_what_a_group_is_built_on() {
    let mut groups = groups();
    groups.push(json!({"state_group": 14, "base": 13, "without": [["m.room.topic", ""], ["m.x", "none"]]}));
    let mut records = records(&room());
    records[5]["state_group"] = json!(14);
    let dump = load_ok(lines(&[records, groups].concat()));
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    assert_eq!(state(&replay, "$merge", When::After), of(&["$create", "$join", "$power"]));
    let told = Expectation::of_database(&dump.room).unwrap();
    let deviations = Deviations::new(&replay, Some(&told));
    assert_eq!((deviations.compared, deviations.agreeing), (6, 5));
    let [origin] = &*deviations.origins else { panic!("{deviations:?}") };
    assert_eq!(origin.at, Place::Event(dump.room.find("$merge").unwrap()));
    assert!(matches!(&origin.oddity, Oddity::State { before: true, keys: Some(keys) } if keys.len() == 1));
    let comparison = told.compare(&replay);
    assert_eq!((comparison.events, comparison.agreeing), (6, 5));
}

#[test]
fn what_groups_are_built_on_to_save_space_is_not_what_was_before() {
    let mut groups = groups();
    // As if rewritten: that of the right topic stands on that of the left one.
    groups[4]["prev_state_group"] = json!(4);
    let dump = load_ok(lines(&[groups, records(&room())].concat()));
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    assert_eq!(state(&replay, "$right", When::Before), of(&["$create", "$join", "$power"]));
}

#[test]
fn a_rejected_event_changes_nothing() {
    let mut events = room();
    events[5]["state_key"] = json!("");
    let mut records = records(&events);
    records[5]["rejected"] = json!("auth_error");
    let dump = load_ok(lines(&[groups(), records].concat()));
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    for when in [When::Before, When::After] {
        assert_eq!(state(&replay, "$merge", when), of(&["$create", "$join", "$power", "$right"]));
    }
}

#[test]
fn a_hole_takes_what_the_server_stored_unless_told_otherwise() {
    let events: Vec<Value> = room().into_iter().filter(|event| event["event_id"] != "$power").collect();
    let text = lines(&[groups(), records(&events)].concat());
    let dump = load_ok(&text);
    let room = &dump.room;
    let replay = Replay::new(room, None, Profile::Spec);
    let [left, merge] = ["$left", "$merge"].map(|id| room.find(id).unwrap());
    assert_eq!(room.asserted(left, When::After).unwrap().provenance, Provenance::Server);
    assert_eq!((replay.footing(left), replay.footing(merge)), (Footing::Asserted, Footing::Asserted));
    // The power levels are named in the stored state, but are no event of the dump: a map of events lacks them.
    assert_eq!(state(&replay, "$merge", When::After), of(&["$create", "$join", "$power", "$right"]));
    assert!(replay.stored(merge, When::After).unwrap().map().is_none());
    assert!(codes(&dump).iter().any(|(code, ..)| *code == Code::BadStoredState));
    assert_eq!(replay.after(merge).unwrap().len(), 3);
    let unknown = load(text.as_bytes(), &Options { holes: Holes::Unknown, ..Options::default() }).unwrap();
    let replay = Replay::new(&unknown.room, None, Profile::Spec);
    assert!(replay.after(merge).is_none() && unknown.room.asserted(left, When::After).is_none());
    assert!(state(&replay, "$merge", When::After).is_some(), "it is still known what the server stored");
}

#[test]
fn what_a_server_knows_in_part_rejects_nobody() {
    // The stored state behind the hole lacks the power levels and the sender.
    let events: Vec<Value> = room().into_iter().filter(|event| event["event_id"] != "$power").collect();
    for (partial, rejected) in [(true, false), (false, true)] {
        let mut all = records(&events);
        for record in &mut all[2..] {
            record["partial_state"] = json!(partial);
        }
        all.push(json!({"state_group": 11, "state": [["m.room.create", "", "$create"]]}));
        all.push(json!({"state_group": 4, "prev_state_group": 11, "state": [["m.room.topic", "", "$left"]]}));
        let dump = load_ok(lines(&all));
        let replay = Replay::new(&dump.room, None, Profile::Spec);
        let left = dump.room.find("$left").unwrap();
        assert_eq!(replay.rejection(left).is_some(), rejected);
    }
}

#[test]
fn broken_groups_spoil_only_what_rests_on_them() {
    let mut groups = groups();
    groups[2] = json!({"state_group": 3, "prev_state_group": 99, "state": []});
    groups.extend([
        json!({"state_group": 20, "prev_state_group": 21}),
        json!({"state_group": 21, "prev_state_group": 20}),
        json!({"state_group": 1, "state": []}),
        json!({"state_group": 22, "state": [["m.room.topic", "", "$join"], ["m.x", "", "$gone"]]}),
        json!({"state_group": "x"}),
        json!({"state_group": 23, "state": [[1, 2]]}),
        json!({"state_group": 1e99}),
        json!({"server": 5}),
        json!({"state_delta": {}}),
    ]);
    let mut records = records(&room());
    records[5]["state_group"] = json!(77);
    let dump = load_ok(lines(&[groups, records].concat()));
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    assert_eq!(state(&replay, "$join", When::After), of(&["$create", "$join"]));
    assert_eq!(state(&replay, "$power", When::After), None);
    assert_eq!(state(&replay, "$right", When::After), None);
    assert_eq!(replay.current().footing, Footing::Computed);
    let bad = codes(&dump).into_iter().filter(|(code, ..)| *code == Code::BadStoredState).count();
    // 3 on 99; the circle; 1 twice; two strange entries of 22; five unreadable records; 77.
    assert_eq!(bad, 11, "{:#?}", dump.findings);
}

/// Every group adds to what is not there: kept apart for each, that would be a thousand thousand entries for a small dump.
#[test]
fn states_of_which_hardly_anything_is_there_are_unknown() {
    let mut groups = groups();
    groups.push(json!({"state_group": 100, "prev_state_group": 13}));
    for number in 101..3000 {
        let entry = [format!("m.{number}"), String::new(), format!("$gone{number}")];
        groups.push(json!({"state_group": number, "prev_state_group": number - 1, "state": [entry]}));
    }
    let mut records = records(&room());
    for (number, known) in [(100 + 64, true), (100 + 65, false), (2999, false)] {
        records[5]["state_group"] = json!(number);
        let dump = load_ok(lines(&[groups.clone(), records.clone()].concat()));
        let replay = Replay::new(&dump.room, None, Profile::Spec);
        assert_eq!(state(&replay, "$merge", When::After).is_some(), known, "{number}");
        assert_eq!(state(&replay, "$right", When::After), of(&["$create", "$join", "$power", "$right"]));
    }
}

#[test]
fn events_without_json_are_named() {
    let mut all = records(&room());
    all.push(json!({"event_id": "$lost", "state_group": 1, "unreadable": "event_json has no row"}));
    let dump = load_ok(lines(&all));
    assert_eq!(codes(&dump), [(Code::MalformedEvent, Some(7), Some("$lost"))]);
    assert!(dump.findings[0].message.contains("event_json has no row"));
    assert_eq!(dump.room.len(), 6);
}

#[test]
fn the_noted_room_version_is_compared() {
    for (noted, codes_wanted) in [(json!("11"), 0), (json!("10"), 1), (Value::Null, 1)] {
        let mut all = [records(&room()), groups()].concat();
        all.push(json!({"server": {"schema_version": 94, "room_version": noted}}));
        let dump = load_ok(lines(&all));
        assert_eq!(codes(&dump).len(), codes_wanted, "{noted}: {:?}", dump.findings);
        assert_eq!(dump.room.rules().id, "11");
    }
}

#[test]
fn redactions_are_findings() {
    let mut all = records(&room());
    all[3]["redacted_by"] = json!("$by");
    all[4]["redacted_by"] = json!("$by");
    all[4]["censored"] = json!(true);
    let dump = load_ok(lines(&all));
    let found = codes(&dump);
    assert_eq!(found, [(Code::Redacted, Some(4), Some("$left")), (Code::Redacted, Some(5), Some("$right"))]);
}

#[test]
fn clients_were_told_of_steps_back() {
    let delta = |stream: i64, id: Option<&str>, before: Option<&str>| json!({"state_delta": {"stream_id": stream, "type": "m.room.topic", "state_key": "", "event_id": id, "prev_event_id": before}});
    // Given in any order; the topics are concurrent, so one for the other is no step back.
    let deltas = [
        delta(9, Some("$left"), None),
        delta(12, None, Some("$left")),
        delta(11, Some("$left"), Some("$right")),
        delta(10, Some("$right"), Some("$left")),
        delta(13, Some("$gone"), Some("$left")),
        json!({"state_delta": {"stream_id": 14, "type": "m.room.create", "state_key": "",
               "event_id": "$create", "prev_event_id": "$power"}}),
    ];
    let dump = load_ok(lines(&[records(&room()), deltas.to_vec()].concat()));
    let told: Vec<_> = setbacks(&dump.room).iter().map(|told| (told.stream_id, told.turn)).collect();
    assert_eq!(told, [(12, Turn::Removed), (14, Turn::WentBack)]);
}
