//! What the commands print about rooms with state DAGs. The stories are those of the fixtures.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use serde_json::Value;

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hindsight"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

fn text(args: &[&str], code: i32) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str], code: i32) -> Value {
    serde_json::from_str(&text(args, code)).unwrap()
}

#[test]
fn inspect_tells_the_shape() {
    insta::assert_snapshot!("inspect_state_dag_hole", text(&["inspect", "fixtures/state-dag-hole"], 0));
    insta::assert_snapshot!(
        "inspect_state_dag_own_ancestor",
        text(&["inspect", "fixtures/state-dag-own-ancestor"], 0)
    );
    let facts = json(&["inspect", "--format", "json", "fixtures/state-dag-fork-and-merge"], 0);
    insta::assert_json_snapshot!("inspect_state_dag_json", facts["state_dag"]);
    assert!(json(&["inspect", "--format", "json", "fixtures/v12-creators"], 0).get("state_dag").is_none());
}

#[test]
fn replay_tells_who_waits_and_who_is_rejected() {
    insta::assert_snapshot!(
        "replay_faulty_parents",
        text(&["replay", "fixtures/state-dag-faulty-parents"], 0)
    );
    insta::assert_snapshot!("replay_bans", text(&["replay", "fixtures/state-dag-bans"], 0));
    let lines =
        text(&["replay", "--format", "json", "--state", "none", "fixtures/state-dag-faulty-parents"], 0);
    insta::assert_snapshot!("replay_faulty_parents_json", lines);
}

#[test]
fn steps_end_with_the_calculated_auth_events() {
    let steps = text(&["resolve", "fixtures/state-dag-ban-evasion", "--at", "MERGE", "--steps"], 0);
    insta::assert_snapshot!("steps_state_dag", steps);
    let steps = json(
        &["resolve", "--format", "json", "fixtures/state-dag-ban-evasion", "--at", "MERGE", "--steps"],
        0,
    );
    let last = steps["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(last["step"], "CalcAuth");
    let selected: Vec<_> = last["keys"].as_array().unwrap().iter().map(|key| &key["selected_for"]).collect();
    assert_eq!(selected, ["sender", "power_levels"]);
}

/// The reset of version 12 is found, and none in the room with a state DAG; the comparison says why.
#[test]
fn pairs_show_what_a_state_dag_prevents() {
    let pairs = [
        ("reset-by-gap", 0, ["m.room.member", "@mallory:g.example"]),
        ("reset-by-merge", 1, ["m.room.name", ""]),
        ("reset-of-power", 0, ["m.room.power_levels", ""]),
    ];
    for (pair, resets, told_back) in pairs {
        let fixture = format!("fixtures/{pair}");
        let found = json(&["diagnose", "--format", "json", &fixture], i32::from(resets > 0));
        assert_eq!(found["resets"].as_array().unwrap().len(), resets, "{pair}");
        let twin = json(&["diagnose", "--format", "json", &format!("{fixture}-state-dag")], 0);
        assert!(twin["resets"].as_array().unwrap().is_empty() && twin.get("told_states").is_none(), "{pair}");
        // What was told took back what a parent had.
        let told = &found["told_states"][0];
        assert_eq!([&told["type"], &told["state_key"]], told_back, "{pair}");
        assert_eq!((&told["turn"], &told["certain"]), (&"went_back".into(), &true.into()), "{pair}");
        insta::assert_snapshot!(format!("compare_{pair}"), text(&["compare", &fixture, "--as-state-dag"], 1));
        let compared = json(&["compare", "--format", "json", &fixture, "--as-state-dag"], 1);
        assert_eq!(compared["partings"][0]["why"], "told", "{pair}");
        for reset in compared["resets"].as_array().unwrap() {
            assert_eq!(
                (&reset["other"], &reset["because"]),
                (&"prevented".into(), &"nothing-is-told".into())
            );
        }
        // The room told anew is the fixture beside it.
        let twin = json(&["inspect", "--format", "json", &format!("{fixture}-state-dag")], 0);
        assert_eq!(compared["other_room_id"], twin["room_id"], "{pair}");
    }
    // What a state DAG does not cure.
    let found = json(&["diagnose", "--format", "json", "fixtures/state-dag-own-ancestor"], 1);
    assert_eq!(found["resets"].as_array().unwrap().len(), 1);
    insta::assert_snapshot!(
        "compare_without_state_dag",
        text(&["compare", "fixtures/state-dag-own-ancestor", "--without-state-dag"], 1)
    );
}

#[test]
fn rooms_that_cannot_be_told_anew_are_refused() {
    for (fixture, flag) in [
        ("v1-room", "--as-state-dag"),
        ("v12-creators", "--without-state-dag"),
        ("state-dag-hole", "--as-state-dag"),
    ] {
        let output = run(&["compare", &format!("fixtures/{fixture}"), flag]);
        assert_eq!(output.status.code(), Some(2), "{fixture}");
        insta::assert_snapshot!(format!("not_retold_{fixture}"), String::from_utf8(output.stderr).unwrap());
    }
}

/// Every command works on such rooms.
#[test]
fn all_commands_read_state_dag_rooms() {
    let room = "fixtures/state-dag-bans";
    for command in [
        &["log", room][..],
        &["log", "--format", "json", room],
        &["why", room, "m.room.join_rules"],
        &["why", room, "NINA"],
        &["why", room, "FRANK_SPEAKS"],
        &["diagnose", room],
        &["export", room, "--as", "ndjson"],
        &["export", room, "--as", "scenario"],
        &["export", room, "--as", "dot"],
        &["export", room, "--as", "svg"],
        &["export", room, "--as", "html"],
        &["anonymise", room],
        &["check", room, "--expect", "beside"],
        &["check", room, "--against", "ruma"],
        &["check", room, "--profiles", "spec,synapse,ruma"],
        &["compare", room, "--with", "spec", "--with", "synapse"],
    ] {
        let output = run(command);
        let code = output.status.code();
        assert_eq!(code, Some(0), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty(), "{command:?}");
    }
}
