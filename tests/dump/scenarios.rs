//! Scenarios: readable names become real IDs.

use super::*;

pub(super) fn scenario(version: &str, events: &str) -> String {
    format!(
        "// made for the test\n{{tardis_version: 1, room_version: '{version}', room_id: '!here:x', calculate_event_ids: true, events: [{events}],\n\
        precalculated_state_after: {{$C: ['$A']}}, annotations: {{title: 'T', titles: {{$B: 'why'}}, events: {{$B: 'what', $C: 'last',}},}},}}"
    )
}

pub(super) const SCENARIO_EVENTS: &str = "
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
    assert_eq!(*room.asserted(c, When::After).unwrap().events(room), [a]);
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
