//! Loading dumps of every format, whole and broken.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "the helpers of tests are tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hindsight::dump::{Dump, Format, LoadError, Options, load};
use hindsight::report::{Code, Severity};
use hindsight::room::{Provenance, Room, When};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A small room of version 11 with made-up IDs: create, join, power levels, and a fork that is merged.
fn room() -> Vec<Value> {
    let event = |id: &str, kind: &str, key: Option<&str>, prev: &[&str], auth: &[&str], ts: i64| {
        let content = match kind {
            "m.room.create" => json!({"room_version": "11"}),
            "m.room.member" => json!({"membership": "join"}),
            "m.room.power_levels" => json!({"users": {"@a:x": 100}}),
            _ => json!({"topic": id}),
        };
        let mut event = json!({
            "event_id": id, "room_id": "!r:x", "type": kind, "sender": "@a:x", "content": content, "depth": ts,
            "prev_events": prev, "auth_events": auth, "origin_server_ts": ts,
        });
        if let Some(key) = key {
            event["state_key"] = json!(key);
        }
        event
    };
    let auth = ["$create", "$join", "$power"];
    vec![
        event("$create", "m.room.create", Some(""), &[], &[], 1),
        event("$join", "m.room.member", Some("@a:x"), &["$create"], &["$create"], 2),
        event("$power", "m.room.power_levels", Some(""), &["$join"], &["$create", "$join"], 3),
        event("$left", "m.room.topic", Some(""), &["$power"], &auth, 4),
        event("$right", "m.room.topic", Some(""), &["$power"], &auth, 5),
        event("$merge", "m.room.message", None, &["$left", "$right"], &auth, 6),
    ]
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

fn ids(room: &Room) -> Vec<&str> {
    room.events().map(|ix| room.id(ix)).collect()
}

const ALL: [&str; 6] = ["$create", "$join", "$power", "$left", "$right", "$merge"];

fn load_ok(bytes: impl AsRef<[u8]>) -> Dump {
    load(bytes.as_ref(), &Options::default()).unwrap()
}

/// The findings as (code, line, event).
fn found(dump: &Dump) -> Vec<(Code, u64, &str)> {
    let of = |f: &'_ hindsight::report::Finding| (f.code, f.line.unwrap_or(0));
    dump.findings
        .iter()
        .map(|finding| {
            let (code, line) = of(finding);
            (code, line, finding.event.as_deref().unwrap_or(""))
        })
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

// ---- formats ----

#[test]
fn every_form_of_the_same_events_gives_the_same_room() {
    let events = room();
    let ndjson = lines(&events);
    let pretty: String = events.iter().map(|event| format!("{event:#}\n")).collect();
    let array = Value::Array(events.clone());
    let records: Vec<Value> = events
        .iter()
        .map(|event| json!({"event_id": event["event_id"], "event": event, "outlier": false, "rejected": null}))
        .collect();
    let scenario = json!({"tardis_version": 1, "room_version": "11", "events": events});
    for (text, format) in [
        (ndjson.clone(), Format::Ndjson),
        (ndjson.replace('\n', "\r\n\r\n"), Format::Ndjson),
        (format!("\u{feff}{ndjson}"), Format::Ndjson),
        (ndjson.trim_end().to_owned(), Format::Ndjson),
        (pretty, Format::Ndjson),
        (array.to_string(), Format::Array),
        (format!("\n  {array:#}\n"), Format::Array),
        (lines(&records), Format::ServerEvents),
        (Value::Array(records.clone()).to_string(), Format::Array),
        (scenario.to_string(), Format::Scenario),
        (format!("// a comment\n{scenario:#} // and another"), Format::Scenario),
        (
            json!({"pdus": events, "origin": "x", "origin_server_ts": 1}).to_string(),
            Format::Federation("/backfill"),
        ),
        (
            json!({"pdus": events, "edus": [{"edu_type": "m.typing"}]}).to_string(),
            Format::Federation("/send"),
        ),
        (json!({ "events": events }).to_string(), Format::Federation("/get_missing_events")),
        (json!({ "auth_chain": events }).to_string(), Format::Federation("/event_auth")),
        (json!({"pdus": events[4..], "auth_chain": events[..4]}).to_string(), Format::Federation("/state")),
    ] {
        for (bytes, compression) in [(text.clone().into_bytes(), None), (gzip(text.as_bytes()), Some("gzip"))]
        {
            let dump = load_ok(bytes);
            assert_eq!((dump.format, dump.compression), (format, compression), "{text}");
            assert_eq!(ids(&dump.room), ALL, "{text}");
            assert_eq!(dump.room.rules().id, "11");
            assert_eq!(dump.events_read, 6);
            assert!(dump.findings.iter().all(|f| f.severity() == Severity::Info), "{:?}", dump.findings);
        }
    }
}

#[test]
fn zstd_files_of_the_reference_tool_load() {
    // `zstd -19` over two halves of the room above, concatenated; the second with --no-check and a skippable frame.
    let dump = load_ok(include_bytes!("data/dump.ndjson.zst"));
    assert_eq!((dump.format, dump.compression, dump.lines), (Format::Ndjson, Some("zstd"), 6));
    assert_eq!(ids(&dump.room), ALL);
    assert_eq!(dump.findings, []);
}

#[test]
fn a_single_event_loads_however_it_is_laid_out() {
    let create = &room()[0];
    for text in [format!("{create}"), format!("{create:#}"), format!("[{create}]"), format!(" {create} \n\n")]
    {
        assert_eq!(ids(&load_ok(text).room), ["$create"]);
    }
}

#[test]
fn lines_are_told_for_every_format() {
    let events = room();
    let line = |text: String| {
        let dump = load_ok(text);
        dump.room.line(dump.room.find("$join").unwrap())
    };
    assert_eq!(line(lines(&events)), Some(2));
    let array = Value::Array(events.clone());
    assert_eq!(line(format!("\n{array:#}")), Some(3 + format!("{:#}", events[0]).lines().count() as u64));
    let body = json!({ "auth_chain": events });
    assert_eq!(line(format!("[200,\n{body}]")), Some(2));
    let json5 = format!("// x\n{{events: [\n{},\n{}], room_version: '11'}}", events[0], events[1]);
    assert_eq!(line(json5), Some(4));
}

#[test]
fn server_records_carry_their_verdicts() {
    let mut events = room();
    let topic = events.remove(3);
    let record = json!({"event_id": "$left", "event": topic, "rejected": "no power", "soft_failed": true, "partial_state": true});
    let outlier = json!({"event_id": "$right", "event": events.remove(3), "outlier": true});
    let dump = load_ok(lines(&events) + &lines(&[record, outlier]));
    assert_eq!(dump.format, Format::ServerEvents);
    let recorded = |id| dump.room.recorded(dump.room.find(id).unwrap());
    assert_eq!(recorded("$left").rejected.as_deref(), Some("no power"));
    assert!(recorded("$left").soft_failed && recorded("$left").partial_state && !recorded("$left").outlier);
    assert!(recorded("$right").outlier);
    assert!(!recorded("$join").outlier);
}

#[test]
fn send_join_asserts_the_state_before_the_join() {
    let events = room();
    let body =
        json!({"event": events[5], "state": events[..3], "auth_chain": events[..2], "members_omitted": true});
    for text in [body.to_string(), json!([200, body]).to_string()] {
        let dump = load_ok(text);
        assert_eq!(dump.format, Format::Federation("/send_join"));
        let room = &dump.room;
        let join = room.find("$merge").unwrap();
        assert!(room.recorded(join).partial_state);
        assert!(!room.is_outlier(join));
        let asserted = room.asserted(join, When::Before).unwrap();
        assert_eq!(asserted.provenance, Provenance::SendJoin);
        assert_eq!(asserted.events.len(), 3);
        assert!(asserted.events.iter().all(|ix| room.recorded(*ix).outlier));
        let codes: Vec<_> = found(&dump).into_iter().map(|(code, _, id)| (code, id.to_owned())).collect();
        for expected in [
            (Code::UnreadSection, "$merge"),
            (Code::DuplicateEvent, "$create"),
            (Code::MissingPrevEvent, "$merge"),
        ] {
            assert!(codes.contains(&(expected.0, expected.1.to_owned())), "{codes:?}");
        }
    }
    let without = json!({"state": events[..3], "auth_chain": []});
    assert!(found(&load_ok(without.to_string())).contains(&(Code::UnreadSection, 0, "")));
}

#[test]
fn an_outlier_that_is_also_given_in_its_place_is_none() {
    let events = room();
    let record = json!({"event_id": "$join", "event": events[1], "outlier": true, "rejected": "why"});
    let dump = load_ok(lines(&[record]) + &lines(&events));
    let join = dump.room.find("$join").unwrap();
    assert!(!dump.room.is_outlier(join));
    assert_eq!(dump.room.recorded(join).rejected.as_deref(), Some("why"));
    assert_eq!(found(&dump), [(Code::DuplicateEvent, 3, "$join")]);
}

#[test]
fn what_holds_no_events_is_refused_with_a_remedy() {
    let message = |text: &str| match load(text.as_bytes(), &Options::default()) {
        Ok(dump) => panic!("{:?}", dump.format),
        Err(error) => error.to_string(),
    };
    assert!(message(r#"{"pdu_ids": ["$a"], "auth_chain_ids": []}"#).contains("/state_ids"));
    assert!(message(r#"{"errcode": "M_FORBIDDEN", "error": "no"}"#).contains("M_FORBIDDEN"));
    assert!(message(r#"{"chunk": [], "start": "s"}"#).contains("client-server"));
    assert!(message(r#"{"a": 1}"#).contains("neither an event"));
    assert!(message("").contains("empty"));
    assert!(message("{\n  a: 1,\n  b: }\n}\n").contains("neither JSON nor JSON5"));
    assert!(message("\u{0}\u{1}\n\u{2}").contains("no usable event"));
}

// ---- room versions ----

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

// ---- event IDs ----

/// The room above with real IDs and content hashes, computed through the library.
fn hashed_room(version: &str) -> Vec<Value> {
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

// ---- bad input ----

/// The room's lines with `bad` put in as line 3: the rest must load.
fn with_bad_line(bad: &[u8]) -> Dump {
    let mut bytes = lines(&room()[..2]).into_bytes();
    bytes.extend(bad);
    bytes.push(b'\n');
    bytes.extend(lines(&room()[2..]).into_bytes());
    load_ok(bytes)
}

#[test]
fn bad_lines_are_named_and_the_rest_loads() {
    let good = room()[3].to_string().replace("$left", "$extra");
    let without = |field: &str| {
        let mut event: Value = serde_json::from_str(&good).unwrap();
        event.as_object_mut().unwrap().remove(field);
        event.to_string()
    };
    let cases: Vec<(Vec<u8>, Code, &str)> = vec![
        (b"not json".to_vec(), Code::NotJson, ""),
        (b"{\"a\": nan}".to_vec(), Code::NotJson, ""),
        (b"[1, 2]".to_vec(), Code::NotJson, ""),
        (b"null".to_vec(), Code::NotJson, ""),
        (b"\"text\"".to_vec(), Code::NotJson, ""),
        (good.as_bytes()[..good.len() / 2].to_vec(), Code::NotJson, ""),
        (format!("{good}{good}").into_bytes(), Code::NotJson, ""),
        (
            good.replace("$extra", "$\u{e9}")
                .replace('\u{e9}', "?")
                .into_bytes()
                .iter()
                .map(|b| if *b == b'?' { 0xe9 } else { *b })
                .collect(),
            Code::NotUtf8,
            "",
        ),
        (b"{}".to_vec(), Code::MalformedEvent, ""),
        (without("type").into_bytes(), Code::MalformedEvent, "$extra"),
        (without("prev_events").into_bytes(), Code::MalformedEvent, "$extra"),
        (
            good.replace("\"origin_server_ts\":4", "\"origin_server_ts\":\"4\"").into_bytes(),
            Code::MalformedEvent,
            "$extra",
        ),
    ];
    for (bad, code, event) in cases {
        let dump = with_bad_line(&bad);
        assert_eq!(found(&dump), [(code, 3, event)], "{}", String::from_utf8_lossy(&bad));
        assert_eq!(ids(&dump.room), ALL);
        assert_eq!((dump.lines, dump.events_read), (7, 7));
    }
}

#[test]
fn odd_lines_are_named_and_used() {
    let good = room()[3].to_string().replace("$left", "$extra");
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let cases = [
        (good.replace("\"topic\":\"$extra\"", &format!("\"deep\":{deep}")), Code::NestedTooDeep, "$extra"),
        (good.replace("\"depth\":4", "\"depth\":99999999999999999999"), Code::NumberOutOfRange, "$extra"),
        (good.replace("\"depth\":4", "\"depth\":1e999"), Code::NumberOutOfRange, "$extra"),
        (
            good.replace("\"origin_server_ts\":4", "\"origin_server_ts\":-1e40"),
            Code::NumberOutOfRange,
            "$extra",
        ),
        (good.replace("\"depth\":4", "\"depth\":null"), Code::OddField, "$extra"),
        (good.replace("\"depth\":4", "\"depth\":4,\"depth\":4"), Code::OddField, "$extra"),
        (
            good.replace("\"topic\":\"$extra\"", &format!("\"topic\":\"{}\"", "x".repeat(66_000))),
            Code::Oversized,
            "$extra",
        ),
    ];
    for (odd, code, event) in cases {
        let dump = with_bad_line(odd.as_bytes());
        assert_eq!(found(&dump), [(code, 3, event)]);
        assert_eq!(dump.room.len(), 7);
    }
}

#[test]
fn nesting_of_any_depth_is_survived_by_every_format() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let mut event = room()[3].to_string().replace("\"$left\",\"origin", "\"$extra\",\"origin");
        event = event.replace("{\"topic\":\"$left\"}", &format!("{{\"x\":{deep}}}"));
        let ndjson = lines(&room()) + &event;
        let array = format!("[{}]", ndjson.trim_end().replace('\n', ","));
        let scenario = format!("{{\"room_version\":\"11\",\"events\":{array}}}");
        let calculated = scenario.replacen('{', "{\"calculate_event_ids\":true,", 1);
        for text in [ndjson, format!("{{\"pdus\":{array}}}"), array, scenario, calculated] {
            for bytes in [text.replace("\"$extra\"", "\"$left\""), text] {
                for verify in [false, true] {
                    let dump = load(bytes.as_bytes(), &Options { verify, ..Options::default() }).unwrap();
                    assert!(dump.findings.iter().any(|finding| finding.code == Code::NestedTooDeep));
                    assert!(dump.room.len() >= 6);
                }
            }
        }
        for text in [&deep, &open.repeat(100_000), &format!("// json5\n{deep}"), &format!("{{a: {deep}}}")] {
            assert!(load(text.as_bytes(), &Options::default()).is_err());
        }
    }
}

#[test]
fn repeated_events_count_once() {
    let mut copy = room()[3].clone();
    copy["unsigned"] = json!({"age": 5});
    let dump = with_bad_line(copy.to_string().as_bytes());
    assert_eq!(dump.room.len(), 6);
    assert!(matches!(found(&dump)[..], [(Code::DuplicateEvent, 3 | 5, "$left")]));
    copy["content"] = json!({"topic": "another"});
    let dump = with_bad_line(copy.to_string().as_bytes());
    let [(Code::ConflictingDuplicate, line, "$left")] = found(&dump)[..] else {
        panic!("{:?}", dump.findings)
    };
    let kept = dump.room.line(dump.room.find("$left").unwrap()).unwrap();
    assert_eq!([line, kept].iter().sum::<u64>(), 8, "lines 3 and 5");
    assert!(dump.findings[0].message.contains(&format!("line {kept}")));
}

#[test]
fn of_conflicting_events_the_one_that_hashes_to_its_id_is_kept() {
    let events = hashed_room("11");
    let mut forged = events[3].clone();
    forged["sender"] = json!("@Eve:x");
    let mut redacted = events[3].clone();
    redacted["content"] = json!({});
    for mut text in [vec![forged, redacted, events[3].clone()]] {
        text.extend(events.clone());
        for _ in 0..2 {
            text.reverse();
            let dump = load_ok(lines(&text));
            let kept = dump.room.find(events[3]["event_id"].as_str().unwrap()).unwrap();
            assert_eq!(dump.room.event(kept).sender(), "@a:x");
            assert!(dump.room.event(kept).json().contains("$left"), "the full event, not the redacted one");
            let codes: Vec<_> = dump.findings.iter().map(|finding| finding.code).collect();
            assert_eq!(codes.iter().filter(|code| **code == Code::ConflictingDuplicate).count(), 2);
            assert_eq!(codes.iter().filter(|code| **code == Code::DuplicateEvent).count(), 1);
        }
    }
}

#[test]
fn a_cut_off_input_gives_what_came_before() {
    let text = lines(&room());
    let dump = load_ok(&text[..text.len() - 10]);
    assert_eq!(found(&dump), [(Code::Truncated, 6, "")]);
    assert_eq!(ids(&dump.room), ALL[..5]);
    let zipped = gzip(text.as_bytes());
    let dump = load_ok(&zipped[..zipped.len() - 4]);
    assert_eq!(found(&dump), [(Code::Truncated, 0, "")]);
    assert_eq!(dump.room.len(), 6);
    let zst = include_bytes!("data/dump.ndjson.zst");
    let dump = load_ok(&zst[..zst.len() - 5]);
    assert_eq!(found(&dump)[0].0, Code::Truncated);
    assert!(dump.room.len() >= 3);
    let character = [text.as_bytes(), b"{\"type\":\"\xc3"].concat();
    assert_eq!(found(&load_ok(character)), [(Code::Truncated, 7, "")]);
}

#[test]
fn decompression_stops_at_the_limit() {
    let mut text = lines(&room());
    let size = text.len() as u64;
    text.push_str(&" ".repeat(50_000_000));
    let options = Options { max_size: size + 1000, ..Options::default() };
    let dump = load(&gzip(text.as_bytes()), &options).unwrap();
    assert_eq!(found(&dump), [(Code::Truncated, 0, "")]);
    assert_eq!(dump.room.len(), 6);
}

#[test]
fn floods_are_summed_up() {
    let text = lines(&room()) + &"rubbish\n".repeat(5000);
    let dump = load_ok(text);
    assert_eq!(dump.findings.len(), 1001);
    assert!(dump.findings[0].message.contains("4000 more"));
    assert_eq!(dump.findings[1].line, Some(7));
}

#[test]
fn asserted_states_come_from_a_file() {
    let text = lines(&room()[3..]);
    let file = br#"{"$power": ["$left"], "$left": 5, "$nowhere": []}"#.to_vec();
    let options =
        Options { asserted_state: Some(file), room_version: Some("11".into()), ..Options::default() };
    let dump = load(text.as_bytes(), &options).unwrap();
    let missing = dump.room.find_missing("$power").unwrap();
    let asserted = dump.room.asserted_missing(missing).unwrap();
    assert_eq!((asserted.events.len(), asserted.provenance), (1, Provenance::File));
    let bad: Vec<_> = found(&dump).into_iter().filter(|(code, ..)| *code == Code::BadAssertedState).collect();
    assert_eq!(bad.len(), 2, "{bad:?}");
    let options = Options { asserted_state: Some(b"[]".to_vec()), ..Options::default() };
    assert!(matches!(load(text.as_bytes(), &options), Err(LoadError::AssertedState { .. })));
}

// ---- scenarios ----

fn scenario(version: &str, events: &str) -> String {
    format!(
        "// made for the test\n{{tardis_version: 1, room_version: '{version}', room_id: '!here:x', calculate_event_ids: true, events: [{events}],\n\
        precalculated_state_after: {{$C: ['$A']}}, annotations: {{title: 'T', titles: {{$B: 'why'}}, events: {{$B: 'what', $C: 'last',}},}},}}"
    )
}

const SCENARIO_EVENTS: &str = "
    {event_id: '$C', type: 'm.room.message', sender: '@a:x', content: {}, prev_events: ['$B'], auth_events: ['$B']},
    {event_id: '$A', type: 'm.room.create', state_key: '', sender: '@a:x', content: {}, origin_server_ts: 5},
    {event_id: '$B', type: 'm.room.member', state_key: '@a:x', sender: '@a:x', content: {membership: 'join'}, prev_events: ['$A'], auth_events: [],},
";

#[test]
fn placeholders_become_real_ids_in_any_order() {
    let dump = load_ok(scenario("11", SCENARIO_EVENTS));
    assert_eq!(dump.findings, []);
    let room = &dump.room;
    let real = |placeholder: &str| room.find(&dump.placeholders[placeholder]).unwrap();
    let (a, b, c) = (real("$A"), real("$B"), real("$C"));
    assert_eq!(room.prev_events(c), [b]);
    assert_eq!(room.prev_events(b), [a]);
    assert_eq!(room.line(b), Some(5));
    // The clock goes by the order of the file, from an explicit time on if there is one.
    assert_eq!([a, b, c].map(|ix| room.event(ix).origin_server_ts()), [5, 1005, 1_704_067_200_000]);
    assert_eq!(room.event(b).room_id(), Some("!here:x"));
    assert_eq!(room.asserted(c, When::After).unwrap().events, [a]);
    assert_eq!(room.annotations().title.as_deref(), Some("T"));
    assert_eq!((room.caption(b), room.caption(c)), (Some("what\nwhy"), Some("last")));
    let json: Value = serde_json::from_str(room.event(b).json()).unwrap();
    assert_eq!(json["event_id"], room.id(b));
    // What was written out loads again, and its hashes are right.
    let again: String = room.events().map(|ix| format!("{}\n", room.event(ix).json())).collect();
    let options = Options { verify: true, room_version: Some("11".into()), ..Options::default() };
    let again = load(again.as_bytes(), &options).unwrap();
    assert_eq!(ids(&again.room), ids(room));
    assert!(
        again.findings.iter().all(|f| matches!(f.code, Code::Unverifiable | Code::RoomVersionOverridden))
    );
}

#[test]
fn the_room_of_version_12_is_its_create_event() {
    let dump = load_ok(scenario("12", SCENARIO_EVENTS));
    assert_eq!(dump.findings, []);
    let create = &dump.placeholders["$A"];
    assert_eq!(dump.room.room_id(), Some(format!("!{}", &create[1..]).as_str()));
    let create = dump.room.find(create).unwrap();
    assert_eq!(dump.room.event(create).room_id(), None);
    assert!(dump.room.events().all(|ix| !dump.room.is_foreign(ix)));
}

#[test]
fn circles_of_placeholders_keep_them() {
    let events = "
        {event_id: '$A', type: 'm.room.create', state_key: '', sender: '@a:x', content: {}},
        {event_id: '$X', type: 'm.t', sender: '@a:x', content: {}, prev_events: ['$Y', '$A']},
        {event_id: '$Y', type: 'm.t', sender: '@a:x', content: {}, prev_events: ['$X']},
        {event_id: '$Z', type: 'm.t', sender: '@a:x', content: {}, prev_events: ['$Y']},
        {event_id: '$C', type: 'm.t', sender: '@a:x', content: {}, prev_events: ['$Z']}";
    let dump = load_ok(scenario("11", events));
    assert!(dump.room.find("$X").is_some() && dump.room.find("$Y").is_some());
    assert!(dump.room.find("$Z").is_none());
    let cycles: Vec<_> = dump.findings.iter().filter(|f| f.code == Code::Cycle).collect();
    assert!(cycles.iter().any(|f| f.message.contains("placeholder")), "{cycles:?}");
    let z = dump.room.find(&dump.placeholders["$Z"]).unwrap();
    assert_eq!(dump.room.prev_events(z).len(), 1);
}

#[test]
fn literal_scenarios_stay_as_they_are() {
    let text = scenario("2", SCENARIO_EVENTS);
    let dump = load_ok(&text);
    assert_eq!(ids(&dump.room), ["$A", "$B", "$C"]);
    let dump = load_ok(
        text.replace("calculate_event_ids: true", "calculate_event_ids: false").replace("'2'", "'10'"),
    );
    assert_eq!(ids(&dump.room), ["$A", "$B", "$C"]);
    assert!(dump.placeholders.is_empty());
    assert_eq!(dump.room.caption(dump.room.find("$C").unwrap()), Some("last"));
}

#[test]
fn what_is_wrong_in_a_scenario_is_named() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let text = scenario("11", &SCENARIO_EVENTS.replace("content: {},", &format!("content: {{a: {deep}}},")));
    let error = load(text.as_bytes(), &Options::default()).unwrap_err();
    assert_eq!(error.findings()[0].code, Code::NestedTooDeep);
    let twice = format!(
        "{SCENARIO_EVENTS}, {{event_id: '$B', type: 'x', sender: '@a:x', content: {{}}}}, 7, {{event_id: '$Q'}}"
    );
    let dump = load_ok(scenario("11", &twice.replace(",},\n, ", ",},\n")));
    let codes: Vec<_> = dump.findings.iter().map(|finding| finding.code).collect();
    assert!(codes.contains(&Code::ConflictingDuplicate), "{codes:?}");
    assert!(codes.contains(&Code::NotJson) && codes.contains(&Code::MalformedEvent), "{codes:?}");
}

// ---- corpora ----

/// A folder beside the project, or nothing (and a word about it).
fn shared(path: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is not there", folder.display());
    None
}

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, suffix));
        } else if path.to_str().is_some_and(|path| path.ends_with(suffix)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn published_scenarios_get_the_ids_tardis_gives() {
    let Some(folder) = shared("corpus/published/tardis") else { return };
    for path in files(&folder, ".json5") {
        let dump = load_ok(fs::read(&path).unwrap());
        assert_eq!(dump.format, Format::Scenario);
        assert_eq!(dump.findings, [], "{}", path.display());
        let ids: BTreeMap<String, String> =
            serde_json::from_slice(&fs::read(path.with_extension("ids.json")).unwrap()).unwrap();
        assert_eq!(dump.placeholders, ids, "{}", path.display());
        let plain = load_ok(fs::read(path.with_extension("ndjson")).unwrap());
        for ix in plain.room.events() {
            let same = dump.room.find(plain.room.id(ix)).unwrap();
            let [a, b] = [plain.room.event(ix), dump.room.event(same)]
                .map(|event| serde_json::from_str::<Value>(event.json()).unwrap());
            assert_eq!(a, b);
        }
    }
}

#[test]
fn fixtures_get_the_ids_they_expect() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for path in files(&folder, "scenario.json5") {
        let dump = load_ok(fs::read(&path).unwrap());
        let expected: Value =
            serde_json::from_slice(&fs::read(path.with_file_name("expected.json")).unwrap()).unwrap();
        let mut known: Vec<&str> =
            expected["events"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut ids = ids(&dump.room);
        ids.sort_unstable();
        known.sort_unstable();
        assert_eq!(ids, known, "{}", path.display());
    }
}

#[test]
fn all_hashes_of_the_conformance_corpus_are_right() {
    let Some(folder) = shared("corpus/synapse") else { return };
    let options = Options { verify: true, ..Options::default() };
    for path in files(&folder, ".ndjson") {
        let dump = load(&fs::read(&path).unwrap(), &options).unwrap();
        let findings: Vec<_> = dump
            .findings
            .iter()
            .filter(|f| f.code != Code::SeveralCreates)
            .map(ToString::to_string)
            .collect();
        assert_eq!(findings, [""; 0], "{}", path.display());
        assert_eq!(dump.room.len() as u64, dump.events_read);
    }
}

#[test]
fn real_rooms_load_in_both_forms() {
    let Some(folder) = shared("real/rooms") else { return };
    let mut tried = 0;
    for path in files(&folder, ".tardis.ndjson.gz") {
        let events = PathBuf::from(path.to_str().unwrap().replace(".tardis.", ".events."));
        let dumps = [&path, &events].map(|path| load_ok(fs::read(path).unwrap()));
        assert_eq!(dumps.each_ref().map(|dump| dump.format), [Format::Ndjson, Format::ServerEvents]);
        let sorted = |dump: &Dump| {
            let mut ids: Vec<_> = ids(&dump.room).into_iter().map(str::to_owned).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(sorted(&dumps[0]), sorted(&dumps[1]), "{}", path.display());
        for dump in &dumps {
            assert_eq!(dump.room.len() as u64, dump.events_read, "{}", path.display());
            let usual = [Code::MissingPrevEvent, Code::MissingAuthEvent];
            let other: Vec<_> = dump.findings.iter().filter(|f| !usual.contains(&f.code)).collect();
            assert!(other.is_empty(), "{}: {other:?}", path.display());
        }
        tried += 1;
    }
    assert!(tried > 0);
}

#[test]
fn events_of_mautrix_note_their_ids_in_unsigned() {
    let Some(folder) = shared("corpus/published/mautrix") else { return };
    for path in files(&folder, ".jsonl") {
        let bare = load_ok(fs::read(&path).unwrap());
        let full = load_ok(fs::read(path.with_extension("ndjson")).unwrap());
        assert_eq!(bare.findings, []);
        assert_eq!(ids(&bare.room), ids(&full.room));
    }
}

// ---- anything at all ----

/// What may not depend on chance.
fn outcome(bytes: &[u8], verify: bool) -> (Vec<String>, Vec<String>) {
    match load(bytes, &Options { verify, max_size: 1 << 24, ..Options::default() }) {
        Ok(dump) => (
            ids(&dump.room).into_iter().map(str::to_owned).collect(),
            dump.findings.iter().map(ToString::to_string).collect(),
        ),
        Err(error) => (vec![error.to_string()], error.findings().iter().map(ToString::to_string).collect()),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let events = hashed_room("11");
    let body = json!({"event": events[5], "state": events[..3], "auth_chain": events[..2]});
    let text = lines(&events);
    vec![
        text.clone().into_bytes(),
        Value::Array(events).to_string().into_bytes(),
        body.to_string().into_bytes(),
        scenario("12", SCENARIO_EVENTS).into_bytes(),
        gzip(text.as_bytes()),
        include_bytes!("data/dump.ndjson.zst").to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(outcome(&bytes, true), outcome(&bytes, true));
    }

    #[test]
    fn arbitrary_brackets_do_no_harm(text in "([\\[\\]{}\",:'/*\n ]|[a-z$1]|\"events\"|\"type\"|event_id|\\\\){0,120}") {
        prop_assert_eq!(outcome(text.as_bytes(), true), outcome(text.as_bytes(), true));
    }

    #[test]
    fn mutated_dumps_do_no_harm(
        seed in 0_usize..6,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..12),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, byte, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes.truncate(at),
            }
        }
        prop_assert_eq!(outcome(&bytes, true), outcome(&bytes, true));
    }

    #[test]
    fn the_order_of_lines_does_not_matter(
        order in Just(0..14_usize).prop_map(Vec::from_iter).prop_shuffle(),
        bare in any::<bool>(),
    ) {
        let mut events = hashed_room("11");
        let mut copy = events[3].clone();
        copy["unsigned"] = json!({"age": 1});
        let mut forged = events[4].clone();
        forged["sender"] = json!("@Eve:x");
        let record = json!({"event_id": events[2]["event_id"], "event": events[2], "outlier": true, "rejected": "x"});
        if bare {
            events[5].as_object_mut().unwrap().remove("event_id");
        }
        let mut create = events[0].clone();
        create["room_id"] = json!("!other:x");
        create["event_id"] = json!("$other");
        create["content"] = json!({"room_version": "3"});
        events.extend([copy, forged, record, create]);
        let mut texts: Vec<String> = events.iter().map(ToString::to_string).collect();
        texts.extend(["rubbish", "{}", "", "[]"].map(str::to_owned));
        let shuffled: Vec<&str> = order.iter().map(|place| texts[*place].as_str()).collect();
        let of = |lines: &[&str]| {
            let dump = load_ok(lines.join("\n"));
            let room = &dump.room;
            let events: Vec<_> = room
                .events()
                .map(|ix| (room.id(ix).to_owned(), room.event(ix).json().to_owned(), room.recorded(ix).clone()))
                .collect();
            let mut codes: Vec<_> = dump.findings.iter().map(|finding| finding.code).collect();
            codes.sort_unstable();
            (events, codes, room.rules().id)
        };
        let straight: Vec<&str> = texts.iter().map(String::as_str).collect();
        prop_assert_eq!(of(&shuffled), of(&straight));
    }
}

// ---- size ----

#[test]
#[ignore = "slow without optimisation; run with --release -- --ignored --nocapture"]
fn a_line_of_100_megabytes_takes_seconds() {
    let mut events = room();
    let strings = json!({"topic": "x".repeat(100_000_000)});
    let numbers = format!("{{\"n\":[{}1]}}", "1,".repeat(50_000_000));
    events[3]["content"] = strings;
    for text in [lines(&events), lines(&room()).replace("{\"topic\":\"$left\"}", &numbers)] {
        for bare in [false, true] {
            let text = if bare { text.replace("\"event_id\":\"$left\",", "") } else { text.clone() };
            let start = std::time::Instant::now();
            let dump = load_ok(&text);
            println!("{} MB, event_id given: {}: {:?}", text.len() / 1_000_000, !bare, start.elapsed());
            // So many values are not hashed: without an ID the event is left out.
            let lost = bare && text.contains("1,1,1");
            assert_eq!(dump.room.len(), if lost { 5 } else { 6 });
        }
    }
    let Some(folder) = shared("real/rooms/big") else { return };
    for name in ["alpha.tardis.ndjson.gz", "alpha.events.ndjson.gz"] {
        let zipped = fs::read(folder.join(name)).unwrap();
        let mut text = Vec::new();
        GzDecoder::new(&zipped[..]).read_to_end(&mut text).unwrap();
        for (bytes, verify) in [(&zipped, false), (&text, false), (&text, true)] {
            let start = std::time::Instant::now();
            let dump = load(bytes, &Options { verify, ..Options::default() }).unwrap();
            println!(
                "{name}, {} bytes, verify {verify}: {} events in {:?}",
                bytes.len(),
                dump.room.len(),
                start.elapsed()
            );
        }
    }
}
