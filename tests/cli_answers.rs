//! What `replay` and `resolve` print. The stories are those of the fixtures; the snapshots are what a reader sees.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn hindsight(args: &[&str]) -> Output {
    hindsight_with(args, b"")
}

fn hindsight_with(args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hindsight"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Whoever fails early does not read all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

fn steps_of(fixture: &str, more: &[&str]) -> String {
    let folder = format!("fixtures/{fixture}");
    stdout(&hindsight(&[&["resolve", &folder, "--steps"], more].concat()))
}

#[test]
fn steps_tell_the_story() {
    insta::assert_snapshot!("steps_r3", steps_of("r3-priority-inversion", &[]));
    insta::assert_snapshot!("steps_problem_a", steps_of("msc4297-problem-a", &[]));
    insta::assert_snapshot!("steps_problem_a_v2.1", steps_of("msc4297-problem-a", &["--algorithm", "v2.1"]));
    insta::assert_snapshot!("steps_problem_b_v2.1", steps_of("msc4297-problem-b", &["--algorithm", "v2.1"]));
    insta::assert_snapshot!("steps_r2", steps_of("r2-clock-against-epoch", &[]));
    insta::assert_snapshot!("steps_r1_synapse", steps_of("r1-own-chain", &["--profile", "synapse"]));
    insta::assert_snapshot!("steps_epochs", steps_of("mainline-epochs", &["MERGE"]));
    insta::assert_snapshot!("steps_v1", steps_of("v1-room", &["--at", "merge"]));
}

#[test]
fn a_rejected_event_is_explained() {
    let lines = |text: String| text.split_once(" on receipt:").unwrap().1.to_owned();
    for event in ["TOPIC_CAROL", "CAROL_RENAMED", "CAROL_STILL_SAYS"] {
        let text = lines(steps_of("rejected-event-cited", &[event]));
        insta::assert_snapshot!(format!("rejected_{event}"), text);
    }
    let text = lines(steps_of("third-party-invite", &["BOB_INVITED"]));
    insta::assert_snapshot!("accepted_third_party_invite", text);
}

#[test]
fn replay_is_a_table_for_people() {
    insta::assert_snapshot!(
        "replay_rejected",
        stdout(&hindsight(&["replay", "fixtures/rejected-event-cited"]))
    );
    insta::assert_snapshot!("replay_hole", stdout(&hindsight(&["replay", "fixtures/hole-with-snapshot"])));
}

/// The fixed form: one object an event, then the final state; hashes, lists or nothing.
#[test]
fn replay_is_json_lines_for_programs() {
    let lines = |form: &str| -> Vec<Value> {
        let output =
            hindsight(&["replay", "fixtures/rejected-event-cited", "--format", "json", "--state", form]);
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (hashes, lists, none) = (lines("hash"), lines("full"), lines("none"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rejected-event-cited/expected.json");
    let expected: Value = serde_json::from_slice(&std::fs::read(folder).unwrap()).unwrap();
    assert_eq!(hashes.len(), expected["events"].as_object().unwrap().len() + 1);
    for ((hash, list), none) in hashes.iter().zip(&lists).zip(&none).take(hashes.len() - 1) {
        let told = &expected["events"][hash["event_id"].as_str().unwrap()];
        assert_eq!(hash["state_before"], told["state_before_hash"]);
        assert_eq!(hash["state_after"], told["state_after_hash"]);
        assert_eq!(hash["resolved"], told["resolved"]);
        assert_eq!(hash["rejected"].is_null(), told["rejected"].is_null());
        assert!(list["state_after"].as_array().unwrap().is_sorted_by_key(ToString::to_string));
        assert!(none.get("state_before").is_none());
    }
    let last = &hashes[hashes.len() - 1]["final"];
    assert_eq!(last["state_hash"], expected["final"]["state_hash"]);
    assert_eq!(last["state"], expected["final"]["state"]);
    assert_eq!(last["extremities"], expected["final"]["extremities"]);
    insta::assert_json_snapshot!("replay_json_rejection", hashes[6]["rejected"]);
}

#[test]
fn a_resolution_is_one_object_for_programs() {
    let answer = json(&hindsight(&[
        "resolve",
        "fixtures/r3-priority-inversion",
        "MERGE",
        "--steps",
        "--format",
        "json",
    ]));
    insta::assert_json_snapshot!("resolve_json", answer);
    let now = json(&hindsight(&["resolve", "fixtures/msc4297-problem-a", "--format", "json"]));
    assert_eq!(now["at"].as_array().unwrap().len(), 2);
    assert_eq!(now["error"], Value::Null);
    assert!(now.get("steps").is_none());
}

/// Explicit state sets: by ID or as a state list; nothing counts as rejected but what is named.
#[test]
fn state_sets_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let replay = hindsight(&["replay", "fixtures/topic-vs-ban", "--format", "json", "--state", "full"]);
    let lines: Vec<Value> = stdout(&replay).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let merge = lines.iter().rfind(|line| line["resolved"] == true).unwrap();
    let parents: Vec<&Value> = lines[..lines.len() - 1].iter().rev().skip(1).take(2).collect();
    let (by_id, by_list) = (folder.path().join("a.json"), folder.path().join("b.json"));
    let ids: Vec<&Value> =
        parents[0]["state_after"].as_array().unwrap().iter().map(|entry| &entry[2]).collect();
    std::fs::write(&by_id, serde_json::to_vec(&ids).unwrap()).unwrap();
    std::fs::write(&by_list, parents[1]["state_after"].to_string()).unwrap();
    let sets = ["--state-set", by_id.to_str().unwrap(), "--state-set", by_list.to_str().unwrap()];
    let args = [&["resolve", "fixtures/topic-vs-ban", "--format", "json"], &sets[..]].concat();
    let answer = json(&hindsight(&args));
    assert_eq!(answer["state"], merge["state_before"]);
    assert_eq!(answer["at"], serde_json::json!([]));

    std::fs::write(&by_id, "[\"$nobody\"]").unwrap();
    let output = hindsight(&args);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("names $nobody, which is not in the dump"));
}

/// Where the implementation behind a profile fails, the answer says so and gives what the text gives.
#[test]
fn a_failing_implementation_is_an_answer() {
    let room = r#"{room_version: "11", room_id: "!r:x", calculate_event_ids: true, events: [
        {event_id: "$C", type: "m.room.create", state_key: "", sender: "@a:x", content: {room_version: "11"},
         prev_events: [], auth_events: [], origin_server_ts: 1},
        {event_id: "$A", type: "m.room.member", state_key: "@a:x", sender: "@a:x", content: {membership: "join"},
         prev_events: ["$C"], auth_events: ["$C"], origin_server_ts: 2},
        {event_id: "$ODD", type: "m.room.member", state_key: "@b:x", sender: "@a:x", content: {},
         prev_events: ["$A"], auth_events: ["$C", "$A"], origin_server_ts: 3},
        {event_id: "$LEFT", type: "m.room.message", sender: "@a:x", content: {},
         prev_events: ["$ODD"], auth_events: ["$C", "$A"], origin_server_ts: 4},
        {event_id: "$RIGHT", type: "m.room.message", sender: "@a:x", content: {},
         prev_events: ["$A"], auth_events: ["$C", "$A"], origin_server_ts: 5},
      ],
      precalculated_state_after: {"$LEFT": ["$C", "$A", "$ODD"]}}"#;
    let ask = |profile| {
        json(&hindsight_with(&["resolve", "-", "--profile", profile, "--format", "json"], room.as_bytes()))
    };
    let (spec, synapse) = (ask("spec"), ask("synapse"));
    assert_eq!(spec["error"], Value::Null);
    assert!(synapse["error"].as_str().unwrap().starts_with("KeyError: 'membership'"));
    assert_eq!(synapse["state"], spec["state"]);
    let text = stdout(&hindsight_with(&["resolve", "-", "--profile", "synapse"], room.as_bytes()));
    assert!(text.contains("synapse fails: KeyError: 'membership'"), "{text}");
}

#[test]
fn what_cannot_be_known_is_not_made_up() {
    let output = hindsight(&["resolve", "fixtures/hole-with-snapshot", "NAME_BOB"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("the state before NAME_BOB is unknown: it lies behind a hole"), "{message}");
    assert!(message.contains("--asserted-state"), "{message}");
}
