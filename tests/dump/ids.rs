//! Which room version holds, and which ID an event has.

use super::*;

#[test]
fn the_room_version_is_found_in_this_order() {
    let version = |events: &[Value], requested: Option<&str>| {
        let options = Options { room_version: requested.map(str::to_owned), ..Options::default() };
        let dump = load(lines(events).as_bytes(), &options).unwrap();
        let codes: Vec<_> = dump.findings.iter().map(|finding| finding.code).collect();
        (dump.room.rules().id, codes)
    };
    let mut events = room();
    assert_eq!(version(&events, None), ("11", vec![]));
    assert_eq!(version(&events, Some("11")), ("11", vec![]));
    assert_eq!(version(&events, Some("9")), ("9", vec![Code::RoomVersionOverridden]));
    events[0]["content"] = json!({});
    assert_eq!(version(&events, None), ("1", vec![]));
    events[0]["content"] = json!({"room_version": "org.example.99"});
    assert_eq!(version(&events, None), ("11", vec![Code::UnknownRoomVersion]));
    assert_eq!(version(&events, Some("10")).0, "10");
    events[0].as_object_mut().unwrap().remove("room_id");
    assert_eq!(version(&events, None).0, "12");
    let headless = &events[1..];
    assert_eq!(version(headless, None).0, "11");
    assert!(version(headless, None).1.contains(&Code::UnknownRoomVersion));
    let record = json!({"event_id": "$join", "event": events[1], "room_version": "7"});
    assert_eq!(version(&[record], None).0, "7");
    let named = lines(headless).replace("!r:x", "!hash");
    assert_eq!(load_ok(named).room.rules().id, "12");
    let old: String =
        lines(headless).replace("\"$merge\"", "\"$merge:x\"").replace("\"$left\"", "\"$left:x\"");
    let old = old.replace("\"$right\"", "\"$right:x\"").replace("\"$power\"", "\"$power:x\"");
    assert_eq!(load_ok(old).room.rules().id, "2");
}

#[test]
fn an_unknown_version_on_request_is_wrong_usage() {
    let options = Options { room_version: Some("99".into()), ..Options::default() };
    let error = load(lines(&room()).as_bytes(), &options).unwrap_err();
    assert_eq!(error, LoadError::UnknownRoomVersion { given: "99".into() });
    assert!(error.to_string().contains("11, 12"));
}

#[test]
fn of_several_rooms_the_selected_ones_create_event_counts() {
    let mut other = room();
    for event in &mut other {
        event["event_id"] = json!(event["event_id"].as_str().unwrap().to_uppercase());
        event["room_id"] = json!("!other:x");
    }
    other[0]["content"] = json!({"room_version": "8"});
    let text = lines(&other[..3]) + &lines(&room());
    let version = |room_id: Option<&str>| {
        let options = Options { room_id: room_id.map(str::to_owned), ..Options::default() };
        load(text.as_bytes(), &options).unwrap().room.rules().id
    };
    assert_eq!(version(None), "11");
    assert_eq!(version(Some("!other:x")), "8");
}

/// The room above with real IDs and content hashes, computed through the library.
pub(super) fn hashed_room(version: &str) -> Vec<Value> {
    use hindsight::event::{hash, room_version::Rules};
    let rules = Rules::of(version).unwrap();
    let mut real: BTreeMap<String, String> = BTreeMap::new();
    let mut events = room();
    for event in &mut events {
        let id = event.as_object_mut().unwrap().remove("event_id").unwrap();
        for list in ["prev_events", "auth_events"] {
            for reference in event[list].as_array_mut().unwrap() {
                *reference = json!(real[reference.as_str().unwrap()]);
            }
        }
        if event["type"] == "m.room.create" {
            event["content"] = json!({ "room_version": version });
        }
        event["hashes"] = json!({"sha256": hash::content_hash(&event.to_string(), rules).unwrap()});
        let hash = hash::event_id(&event.to_string(), rules).unwrap();
        real.insert(id.as_str().unwrap().to_owned(), hash.clone());
        event["event_id"] = json!(hash);
    }
    events
}

#[test]
fn ids_that_are_not_given_are_computed() {
    let events = hashed_room("10");
    let mut bare = events.clone();
    for (event, id) in bare.iter_mut().zip(&events) {
        event.as_object_mut().unwrap().remove("event_id");
        event["unsigned"] = json!({"event_id": id["event_id"]});
    }
    let (given, computed) = (load_ok(lines(&events)), load_ok(lines(&bare)));
    assert_eq!(ids(&computed.room), ids(&given.room));
    assert_eq!(computed.findings, []);
    bare[5]["unsigned"]["event_id"] = json!("$other");
    let id = events[5]["event_id"].as_str().unwrap();
    assert_eq!(found(&load_ok(lines(&bare))), [(Code::EventIdMismatch, 6, id)]);
    // Floats have no canonical form: the note is all there is, or nothing.
    bare[5]["content"] = json!({"x": 1.5});
    assert_eq!(found(&load_ok(lines(&bare))), [(Code::Unverifiable, 6, "$other")]);
    bare[5]["unsigned"] = json!({});
    let dump = load_ok(lines(&bare));
    assert_eq!(found(&dump), [(Code::NoEventId, 6, "")]);
    assert_eq!(dump.room.len(), 5);
}

#[test]
fn version_1_events_need_their_id() {
    let mut events = room();
    events[0]["content"] = json!({"creator": "@a:x"});
    events[5].as_object_mut().unwrap().remove("event_id");
    let dump = load_ok(lines(&events));
    assert_eq!(found(&dump), [(Code::NoEventId, 6, "")]);
    assert_eq!(ids(&dump.room), ALL[..5]);
}

#[test]
fn hashes_are_checked_on_request() {
    let verify = Options { verify: true, ..Options::default() };
    let mut events = hashed_room("11");
    let codes = |events: &[Value]| {
        let dump = load(lines(events).as_bytes(), &verify).unwrap();
        found(&dump).into_iter().map(|(code, line, _)| (code, line)).collect::<Vec<_>>()
    };
    assert_eq!(codes(&events), []);
    // Content is no part of the reference hash of a topic.
    events[4]["content"] = json!({"topic": "another"});
    assert_eq!(codes(&events), [(Code::ContentHashMismatch, 5)]);
    events[4]["content"] = json!({});
    let dump = load(lines(&events).as_bytes(), &verify).unwrap();
    assert!(dump.findings[0].message.contains("normal"), "{:?}", dump.findings);
    events[4]["sender"] = json!("@b:x");
    assert_eq!(codes(&events), [(Code::EventIdMismatch, 5), (Code::ContentHashMismatch, 5)]);
    events[4]["content"] = json!({"x": 0.5});
    assert_eq!(codes(&events), [(Code::Unverifiable, 5)]);
    events[4] = events[3].clone();
    events[4].as_object_mut().unwrap().remove("hashes");
    let plain = load(lines(&events).as_bytes(), &Options::default()).unwrap();
    assert_eq!(plain.findings.iter().filter(|f| f.code == Code::Unverifiable).count(), 0);
}

#[test]
fn a_record_and_its_event_may_disagree_on_the_id() {
    let mut events = room();
    events[1] = json!({"event_id": "$join", "event": events[1]});
    events[1]["event"]["event_id"] = json!("$elsewhere");
    let dump = load_ok(lines(&events));
    assert_eq!(ids(&dump.room), ALL);
    assert_eq!(found(&dump), [(Code::EventIdMismatch, 2, "$join")]);
}
