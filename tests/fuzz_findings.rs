//! What fuzzing found (see `fuzz/`), made as small as it gets.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use hindsight::auth::{Profile, Refusal, Rule};
use hindsight::differential::{Comparison, RumaRoom};
use hindsight::dump::{Options, load};
use hindsight::event::room_version::Rules;
use hindsight::generate::{Draft, IdentityServer, RoomBuilder};
use hindsight::replay::Replay;
use hindsight::report::Code;
use hindsight::resolve::step::{Source, Step};
use hindsight::resolve::{Algorithm, Resolver};
use hindsight::room::{EventSet, Room};
use hindsight::state::StateMap;
use serde_json::{Value, json};

const ALICE: &str = "@a:one";

/// Whether each profile accepts the event made last. The profile `ruma` agrees with ruma about everything.
fn accepted(room: &RoomBuilder) -> [bool; 3] {
    let (last, room) = (room.pdu(room.len() - 1).event.id().to_owned(), room.room());
    let replay = Replay::new(&room, None, Profile::Ruma);
    assert_eq!(Comparison::new(&replay, &RumaRoom::new(&room).unwrap()).differences, []);
    let ix = room.find(&last).unwrap();
    Profile::ALL.map(|profile| Replay::new(&room, None, profile).rejection(ix).is_none())
}

fn created_with(version: &str, field: &str, value: Value) -> RoomBuilder {
    let mut room = RoomBuilder::new(Rules::of(version).unwrap(), 1);
    let mut create = Draft::create(room.rules(), ALICE);
    create.content[field] = value;
    room.send(create);
    room
}

/// ruma takes it for granted that the caller knows the room version.
#[test]
fn ruma_does_not_look_at_the_room_version_of_a_create_event() {
    for version in ["1", "10", "12"] {
        for odd in [Value::Null, json!("dance"), json!([])] {
            assert_eq!(accepted(&created_with(version, "room_version", odd)), [false, false, true]);
        }
    }
}

#[test]
fn to_ruma_a_creator_that_is_null_is_absent() {
    assert_eq!(accepted(&created_with("10", "creator", Value::Null)), [true, true, false]);
    assert_eq!(accepted(&created_with("10", "creator", json!(7))), [true, true, true]);
    assert_eq!(accepted(&created_with("11", "creator", Value::Null)), [true, true, true]);
}

#[test]
fn to_ruma_one_malformed_key_of_a_third_party_invite_spoils_the_others() {
    for (field, value, ruma) in [
        ("public_keys", Value::Null, false),
        ("public_keys", json!([{ "public_key": "!" }, {}]), false),
        ("public_keys", json!([{ "public_key": "!" }]), true),
        ("display_name", Value::Null, true),
    ] {
        let mut room = created_with("11", "x", json!(1));
        room.send(Draft::join(ALICE));
        let identity_server = IdentityServer::new(1);
        let mut offer = identity_server.offer(ALICE, "t");
        offer.content[field] = value.clone();
        room.send(offer);
        room.send(identity_server.invite(ALICE, "@b:two", "t"));
        assert_eq!(accepted(&room), [true, true, ruma], "{field}: {value}");
    }
}

fn event(id: &str, event_type: &str, key: &str, content: &Value, prev: &[&str], auth: &[&str]) -> Value {
    json!({
        "event_id": id, "type": event_type, "state_key": key, "sender": ALICE, "content": content, "depth": 1,
        "origin_server_ts": 1, "prev_events": prev, "auth_events": auth,
    })
}

fn room_of(events: &[Value], asserted: &Value) -> Room {
    let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
    let asserted_state = Some(asserted.to_string().into_bytes());
    load(lines.join("\n").as_bytes(), &Options { asserted_state, ..Options::default() }).unwrap().room
}

#[test]
fn an_array_that_is_cut_off_ends_on_its_last_line() {
    let create = event("$create", "m.room.create", "", &json!({ "room_version": "11" }), &[], &[]);
    for (end, line) in [("", 2), ("\n", 2), ("\n\n \n", 2), (",\n{", 3)] {
        let dump = load(format!("[\n{create}{end}").as_bytes(), &Options::default()).unwrap();
        let truncated = dump.findings.iter().find(|finding| finding.code == Code::Truncated).unwrap();
        assert_eq!(truncated.line, Some(line), "{end:?}");
    }
}

/// An asserted state may hold an event that is judged, and rejected, only after that state was used.
#[test]
fn a_resolution_is_repeated_with_what_was_rejected_at_the_time() {
    let join = json!({ "membership": "join" });
    let create = json!({ "room_version": "3", "creator": ALICE });
    let mut events = [
        event("$create", "m.room.create", "", &create, &[], &[]),
        event("$unauthorized", "m.room.member", ALICE, &join, &[], &[]),
        event("$rejected", "m.room.member", ALICE, &join, &["$unauthorized"], &["$unauthorized"]),
        event("$merge", "m.room.topic", "", &json!({}), &["$nobody", "$create"], &["$create"]),
    ];
    for (event, time) in events.iter_mut().zip([0, 100, 74, 0]) {
        event["room_id"] = "!r:one".into();
        event["origin_server_ts"] = time.into();
    }
    let room = room_of(&events, &json!({ "$nobody": ["$rejected"] }));
    let [merge, rejected] = ["$merge", "$rejected"].map(|id| room.find(id).unwrap());
    assert!(merge < rejected);
    let replay = Replay::new(&room, None, Profile::Spec);
    assert!(replay.rejected().contains(rejected));
    let inputs = replay.inputs(merge).unwrap();
    assert_eq!(Some(&replay.resolve_at(Some(merge), &inputs, &mut ()).state), replay.before(merge));
    assert_ne!(Some(&replay.resolve(&inputs, &mut ()).state), replay.before(merge));
}

/// In room version 12 the room ID implies the create event; if it does not, one that is listed is read.
#[test]
fn a_create_event_that_is_read_though_not_selected_is_told() {
    let events = [
        event("$create", "m.room.create", "", &json!({ "room_version": "12" }), &[], &[]),
        event("$join", "m.room.member", ALICE, &json!({ "membership": "join" }), &["$create"], &["$create"]),
    ];
    let room = room_of(&events, &json!({}));
    let [create, join] = ["$create", "$join"].map(|id| room.find(id).unwrap());
    let set: StateMap = [(room.key_of(join).unwrap(), join)].into_iter().collect();
    let mut steps = Vec::new();
    Resolver::new(&room, Algorithm::V2_1, Profile::Spec).resolve(
        &[set, StateMap::new()],
        &EventSet::default(),
        &mut steps,
    );
    let check = steps.iter().find_map(|step| match step {
        Step::AuthCheck(check) if check.event == join => Some(check),
        _ => None,
    });
    let told =
        check.unwrap().reads.iter().any(|read| read.event == Some(create) && read.source == Source::Own);
    assert!(told, "{check:?}");
}

/// ruma reads a level in one of two ways, as chance has it. If some events cannot be read in the one way and some in the
/// other, nearly every run fails, but not all.
#[test]
fn that_ruma_gets_through_by_chance_is_noticed() {
    let levels = |id: &str, content: &Value| event(id, "m.room.power_levels", "", content, &[], &[]);
    let mut events = vec![
        event("$create", "m.room.create", "", &json!({ "room_version": "11" }), &[], &[]),
        levels("$users", &json!({ "users": { ALICE: 100, "nobody": 0 } })),
        levels("$default", &json!({ "users": { ALICE: 100 }, "users_default": null })),
    ];
    for (number, cited) in ["$users", "$users", "$default", "$default", "$create"].iter().enumerate() {
        let id = format!("$rules{number}");
        events.push(event(&id, "m.room.join_rules", "", &json!({}), &[], &[cited]));
    }
    for event in &mut events {
        event["room_id"] = "!r:one".into();
    }
    let room = room_of(&events, &json!({}));
    let set = |number: usize| -> StateMap {
        let ix = room.find(&format!("$rules{number}")).unwrap();
        [(room.key_of(ix).unwrap(), ix)].into_iter().collect()
    };
    let sets: Vec<StateMap> = (0..5).map(set).collect();
    let resolution =
        Resolver::new(&room, Algorithm::V2, Profile::Ruma).resolve(&sets, &EventSet::default(), &mut ());
    assert!(resolution.failure.unwrap().by_chance);
    let ruma = RumaRoom::new(&room).unwrap();
    let run = |_| ruma.resolve(Algorithm::V2, &sets, &EventSet::default()).is_ok();
    let runs: std::collections::BTreeSet<bool> = (0..400).map(run).collect();
    assert_eq!(runs.len(), 2, "ruma has become predictable");
}

/// A creator of room version 12 is above all levels, so nothing was read of the old users; but ruma compares them with the
/// new ones.
#[test]
fn to_ruma_levels_cannot_follow_on_users_it_cannot_read() {
    let create = json!({ "room_version": "12" });
    let mut events = [
        event("$create", "m.room.create", "", &create, &[], &[]),
        event("$join", "m.room.member", ALICE, &json!({ "membership": "join" }), &["$create"], &[]),
        event("$odd", "m.room.power_levels", "", &json!({ "users": { "$x": 0 } }), &["$join"], &["$join"]),
        event("$new", "m.room.power_levels", "", &json!({}), &["$join"], &["$join"]),
    ];
    for event in &mut events[1..] {
        event["room_id"] = "!create".into();
    }
    let room = room_of(&events, &json!({ "$join": ["$create", "$join", "$odd"] }));
    let new = room.find("$new").unwrap();
    let replay = Replay::new(&room, None, Profile::Ruma);
    assert_eq!(Comparison::new(&replay, &RumaRoom::new(&room).unwrap()).differences, []);
    let rejected = Profile::ALL.map(|profile| Replay::new(&room, None, profile).rejection(new).is_some());
    assert_eq!(rejected, [false, false, true]);
}

/// An event without a room ID is no event of this room; in version 12 the create event alone has none.
#[test]
fn an_auth_event_without_room_id_is_of_another_room() {
    let mut events = [
        event("$create", "m.room.create", "", &json!({ "room_version": "12" }), &[], &[]),
        event("$lost", "m.room.member", ALICE, &json!({ "membership": "join" }), &["$gone"], &["$gone"]),
        event("$ban", "m.room.member", "@b:two", &json!({ "membership": "ban" }), &["$create"], &["$lost"]),
    ];
    events[2]["room_id"] = "!create".into();
    let room = room_of(&events, &json!({}));
    let ban = room.find("$ban").unwrap();
    for profile in Profile::ALL {
        let replay = Replay::new(&room, None, profile);
        let rule = replay.rejection(ban).and_then(|rejection| rejection.refusal.clone());
        assert_eq!(rule, Some(Refusal::Rule(Rule::AuthOtherRoom)), "{profile}");
    }
    let replay = Replay::new(&room, None, Profile::Ruma);
    assert_eq!(Comparison::new(&replay, &RumaRoom::new(&room).unwrap()).differences, []);
}

/// A message that looks like a ban is a power event to ruma, which then stumbles over it: it has no state key.
#[test]
fn to_ruma_a_ban_without_state_key_is_a_power_event() {
    let join = json!({ "membership": "join" });
    let mut events = [
        event("$create", "m.room.create", "", &json!({ "room_version": "11" }), &[], &[]),
        event("$join", "m.room.member", ALICE, &join, &["$create"], &["$create"]),
        event(
            "$odd",
            "m.room.member",
            "",
            &json!({ "membership": "ban" }),
            &["$join"],
            &["$gone", "$create"],
        ),
        event("$topic", "m.room.topic", "", &json!({}), &["$join"], &["$odd", "$create", "$join"]),
    ];
    events[2].as_object_mut().unwrap().remove("state_key");
    for event in &mut events {
        event["room_id"] = "!r:one".into();
    }
    let room = room_of(&events, &json!({}));
    let set = |id: &str| -> StateMap {
        let ix = room.find(id).unwrap();
        [(room.key_of(ix).unwrap(), ix)].into_iter().collect()
    };
    let sets = [set("$topic"), set("$join")];
    let odd: EventSet = room.find("$odd").into_iter().collect();
    let resolve = |profile| Resolver::new(&room, Algorithm::V2, profile).resolve(&sets, &odd, &mut ());
    assert!(resolve(Profile::Spec).failure.is_none());
    assert!(
        resolve(Profile::Ruma).failure.is_some_and(|failure| failure.message.contains("MissingStateKey"))
    );
    let theirs = RumaRoom::new(&room).unwrap().resolve(Algorithm::V2, &sets, &odd);
    assert!(theirs.is_err_and(|error| error.contains("state_key")));
}
