//! Every form a dump can have.

use super::*;

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
    let dump = load_ok(include_bytes!("../data/dump.ndjson.zst"));
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
        assert_eq!(asserted.events(room).len(), 3);
        assert!(asserted.events(room).iter().all(|ix| room.recorded(*ix).outlier));
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
