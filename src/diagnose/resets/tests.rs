//! The smallest rooms in which each cause shows.

use super::*;
use crate::auth::Profile;
use crate::event::room_version::Rules;
use crate::generate::{Draft, RoomBuilder};
use crate::replay::Replay;
use crate::room::Room;
use serde_json::json;

const ALICE: &str = "@alice:a";
const BOB: &str = "@bob:b";
const CAROL: &str = "@carol:c";

/// Alice (100) and Bob (50) in an open room. The last event is number 4.
fn founded(version: &str) -> RoomBuilder {
    let mut room = RoomBuilder::new(Rules::of(version).unwrap(), 1);
    room.send(Draft::create(room.rules(), ALICE));
    room.send(Draft::join(ALICE));
    room.send(Draft::power_levels(ALICE, json!({ "users": { ALICE: 100, BOB: 50 } })));
    room.send(Draft::join_rules(ALICE, "public"));
    room.send(Draft::join(BOB));
    room
}

/// The losses where the given events meet, by the numbers of the events.
fn at_merge(mut builder: RoomBuilder, tips: &[usize]) -> (Vec<Loss>, Room, RoomBuilder) {
    builder.send_after(tips, Draft::message(ALICE, "merge"));
    let room = builder.room();
    let diagnosis = diagnose(&Replay::new(&room, None, Profile::Spec));
    (diagnosis.losses, room, builder)
}

fn codes(loss: &Loss) -> Vec<Code> {
    loss.worst().chain.iter().map(|cause| cause.code).collect()
}

#[test]
fn who_leaves_while_setting_a_topic_revokes_it() {
    let mut room = founded("11");
    let old = room.send_after(&[4], Draft::topic(ALICE, "old"));
    let topic = room.send_after(&[old], Draft::topic(BOB, "mine").at(100));
    let leave = room.send_after(&[old], Draft::leave(BOB).at(50));
    let (losses, room, builder) = at_merge(room, &[topic, leave]);
    let [loss] = &losses[..] else { panic!("{losses:#?}") };
    assert_eq!((codes(loss), loss.verdict), (vec![Code::SelfRevoked], Verdict::Legitimate));
    assert_eq!(loss.cause().by.map(|by| room.id(by)), Some(builder.pdu(leave).event.id()));
    assert!(loss.worst().but_for.as_ref().unwrap().survives);
}

/// What a demoted administrator did at the same time is taken back, and what rested on that.
#[test]
fn what_rests_on_something_revoked_falls_with_it() {
    let mut room = founded("11");
    let carol = room.send_after(&[4], Draft::join(CAROL));
    let old = room.send_after(&[carol], Draft::topic(ALICE, "old"));
    let levels = |carol: i64, bob: i64| json!({ "users": { ALICE: 100, BOB: bob, CAROL: carol }, "events": { "m.room.power_levels": 50 } });
    let open = room.send_after(&[old], Draft::power_levels(ALICE, levels(0, 50)));
    let promote = room.send_after(&[open], Draft::power_levels(BOB, levels(50, 50)));
    let topic = room.send_after(&[promote], Draft::topic(CAROL, "new"));
    let ban = room.send_after(&[open], Draft::ban(ALICE, BOB));
    let (losses, room, builder) = at_merge(room, &[topic, ban]);
    let key = room.find_key("m.room.topic", "").unwrap();
    let loss = losses.iter().find(|loss| loss.key == key).unwrap();
    assert_eq!((codes(loss), loss.verdict), (vec![Code::Cascade, Code::Revoked], Verdict::Legitimate));
    assert_eq!(loss.cause().by.map(|by| room.id(by)), Some(builder.pdu(ban).event.id()));
    assert!(loss.worst().but_for.as_ref().unwrap().survives);
}

/// Bob is banned on one branch and demoted on another: only without both does his topic stay.
#[test]
fn two_revocations_are_named_together() {
    let mut room = founded("11");
    let old = room.send_after(&[4], Draft::topic(ALICE, "old"));
    let new = room.send_after(&[old], Draft::topic(BOB, "new"));
    let demotion = room.send_after(&[old], Draft::power_levels(ALICE, json!({ "users": { ALICE: 100 } })));
    let ban = room.send_after(&[old], Draft::ban(ALICE, BOB));
    let (losses, room, builder) = at_merge(room, &[new, demotion, ban]);
    let key = room.find_key("m.room.topic", "").unwrap();
    let loss = losses.iter().find(|loss| loss.key == key).unwrap();
    assert_eq!(loss.verdict, Verdict::Legitimate);
    assert!(loss.cause().together);
    assert_eq!(loss.cause().deciding.len(), 2);
    let but_for = loss.worst().but_for.as_ref().unwrap();
    let mut removed: Vec<&str> = but_for.removed.iter().map(|ix| room.id(*ix)).collect();
    let mut expected = [demotion, ban].map(|number| builder.pdu(number).event.id());
    removed.sort_unstable();
    expected.sort_unstable();
    assert!(but_for.survives);
    assert_eq!(removed, expected);
}

/// Behind a hole nobody knows what knew of what.
#[test]
fn near_holes_nothing_is_decided() {
    let mut room = founded("11");
    let old = room.send_after(&[4], Draft::topic(ALICE, "old"));
    let new = room.send_after(&[old], Draft::topic(BOB, "new"));
    let lost = room.send_after(&[old], Draft::message(ALICE, "lost"));
    let ban = room.send_after(&[lost], Draft::ban(ALICE, BOB));
    room.send_after(&[new, ban], Draft::message(ALICE, "merge"));
    let gone = room.pdu(lost).event.id().to_owned();
    let state: Vec<&str> = [0, 1, 2, 3, 4, old].map(|number| room.pdu(number).event.id()).to_vec();
    let lines: Vec<String> = (0..room.len())
        .filter(|number| *number != lost)
        .map(|number| {
            let mut json: serde_json::Value = serde_json::from_str(room.pdu(number).event.json()).unwrap();
            json["event_id"] = room.pdu(number).event.id().into();
            json.to_string()
        })
        .collect();
    let options = crate::dump::Options {
        asserted_state: Some(json!({ gone: state }).to_string().into_bytes()),
        ..crate::dump::Options::default()
    };
    let dump = crate::dump::load(lines.join("\n").as_bytes(), &options).unwrap();
    let diagnosis = diagnose(&Replay::new(&dump.room, None, Profile::Spec));
    let [loss] = &diagnosis.losses[..] else { panic!("{:#?}", diagnosis.losses) };
    assert_eq!((codes(loss), loss.verdict), (vec![Code::Revoked], Verdict::Undecided));
    assert!(loss.cause().uncertain);
}

/// A thousand topics fall with one ban: the newest are told of, and the time it takes is not that of pairs.
#[test]
fn very_many_branches_are_no_trouble() {
    let mut room = founded("11");
    let old = room.send_after(&[4], Draft::topic(ALICE, "old"));
    let mut draft = Draft::topic(BOB, "new").after(&[old]);
    let state = room.state().clone();
    draft.auth = room.auth_events(&draft, &state);
    let mut tips: Vec<usize> = (0..1000_i64).map(|n| room.add(draft.clone().at(100 + n))).collect();
    let mut ban = Draft::ban(ALICE, BOB).after(&[old]).at(50);
    ban.auth = room.auth_events(&ban, &state);
    tips.push(room.add(ban));
    let mut merge = Draft::message(ALICE, "merge").after(&tips).at(9000);
    merge.auth = room.auth_events(&merge, &state);
    room.add(merge);
    let room = room.room();
    let replay = Replay::new(&room, None, Profile::Spec);
    let [loss] = &diagnose(&replay).losses[..] else { panic!("one topic is lost") };
    assert_eq!((loss.tips.len(), loss.lost.len(), loss.verdict), (1000, 64, Verdict::Legitimate));
    assert!(loss.lost.iter().all(|tip| tip.but_for.as_ref().is_some_and(|but_for| but_for.survives)));
}

/// In v1 the senders' claims of depth decide.
#[test]
fn in_version_1_a_false_depth_brings_an_old_value_back() {
    let mut room = founded("1");
    let mut old = Draft::topic(ALICE, "old");
    old.depth = Some(1000);
    let old = room.send_after(&[4], old);
    let late = room.send_after(&[old], Draft::message(ALICE, "late"));
    let mut new = Draft::topic(ALICE, "new");
    new.depth = Some(7);
    let new = room.send_after(&[old], new);
    let (losses, ..) = at_merge(room, &[late, new]);
    let [loss] = &losses[..] else { panic!("{losses:#?}") };
    assert_eq!((codes(loss), loss.class), (vec![Code::OrderInversion], Class::RollbackLocal));
    assert_eq!(loss.cause().inversion.as_ref().unwrap().by, InversionBy::Depth);
}
