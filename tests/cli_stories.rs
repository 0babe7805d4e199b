//! What `why` and `compare` print. The stories are those of the fixtures; the snapshots are what a reader sees.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn hindsight(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hindsight"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).output().unwrap()
}

/// Exit code and standard output.
fn answer(args: &[&str]) -> String {
    let output = hindsight(args);
    let stdout = String::from_utf8(output.stdout).unwrap();
    format!("exit code {}\n{stdout}", output.status.code().unwrap())
}

fn why(fixture: &str, what: &[&str]) -> String {
    answer(&[&["why", &format!("fixtures/{fixture}")], what].concat())
}

fn compare(fixture: &str, more: &[&str]) -> String {
    answer(&[&["compare", &format!("fixtures/{fixture}")], more].concat())
}

fn json(args: &[&str]) -> Value {
    serde_json::from_slice(&hindsight(args).stdout).unwrap()
}

#[test]
fn the_story_of_a_key() {
    insta::assert_snapshot!("why_topic", why("topic-vs-ban", &["m.room.topic"]));
    insta::assert_snapshot!("why_kick", why("r3-priority-inversion", &["m.room.member", "@carol"]));
    insta::assert_snapshot!("why_vanished", why("msc4297-problem-a", &["m.room.join_rules"]));
    insta::assert_snapshot!("why_hole", why("hole-with-snapshot", &["m.room.topic"]));
    insta::assert_snapshot!("why_v1", why("v1-room", &["m.room.topic"]));
    insta::assert_snapshot!("why_attempt", why("rejected-event-cited", &["m.room.topic"]));
    insta::assert_snapshot!("why_at", why("topic-vs-ban", &["m.room.topic", "--at", "BOB_SAYS_2"]));
    insta::assert_snapshot!("why_all", why("r1-own-chain", &["m.room.topic", "--all"]));
    let other = why("msc4297-problem-a", &["m.room.join_rules", "--algorithm", "v2.1"]);
    insta::assert_snapshot!("why_v2.1", other);
}

#[test]
fn the_story_of_an_event() {
    for event in ["TOPIC_CAROL", "CAROL_RENAMED", "CAROL_STILL_SAYS"] {
        insta::assert_snapshot!(format!("why_{event}"), why("rejected-event-cited", &[event]));
    }
    insta::assert_snapshot!("why_past", why("topic-vs-ban", &["TOPIC_BOB"]));
    insta::assert_snapshot!("why_current", why("topic-vs-ban", &["TOPIC_ALICE"]));
    insta::assert_snapshot!("why_message", why("topic-vs-ban", &["MERGE"]));
}

#[test]
fn stories_for_programs() {
    let told =
        json(&["why", "fixtures/r3-priority-inversion", "m.room.member", "@carol", "--format", "json"]);
    insta::assert_json_snapshot!("why_json", told);
    let told = json(&["why", "fixtures/rejected-event-cited", "CAROL_RENAMED", "--format", "json"]);
    insta::assert_json_snapshot!("why_event_json", told);
}

/// What is asked about is found by as little as tells it apart, and whoever asks for too little is told what there is.
#[test]
fn what_is_asked_about() {
    let failure = |args: &[&str]| {
        let output = hindsight(&[&["why", "fixtures/topic-vs-ban"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(failure(&["m.room.member"]).contains("has 2 state keys"));
    assert!(failure(&["m.room.member", "@zoe"]).contains("no state key that begins with @zoe"));
    assert!(failure(&["m.room.nothing"]).contains("no state of the type m.room.nothing"));
    assert!(failure(&["TOPIC"]).contains("any of 2 events"));
    assert!(failure(&["$TOPIC_BOB", "x"]).contains("an event has one history of its own"));
    assert!(why("topic-vs-ban", &["m.room.member", "@b"]).contains("The story of m.room.member @bob"));
}

#[test]
fn replays_side_by_side() {
    insta::assert_snapshot!(
        "compare_r1",
        compare("r1-own-chain", &["--with", "v2.1:spec", "--with", "v2.1:synapse"])
    );
    let args = ["--with", "spec", "--with", "synapse", "--with", "ruma"];
    insta::assert_snapshot!("compare_three", compare("own-chain-linear", &args));
    insta::assert_snapshot!("compare_algorithms", compare("msc4297-problem-a", &["--with", "v2.1"]));
    insta::assert_snapshot!("compare_agree", compare("topic-vs-ban", &["--with", "spec", "--with", "ruma"]));
    let args =
        ["compare", "fixtures/r1-own-chain", "--with", "spec", "--with", "synapse", "--format", "json"];
    insta::assert_json_snapshot!("compare_json", json(&args));
}

#[test]
fn what_is_compared() {
    let failure = |args: &[&str]| {
        let output = hindsight(&[&["compare", "fixtures/r1-own-chain"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(failure(&["--with", "v3"]).contains("no algorithm and no profile"));
    assert!(failure(&["--with", "v2:conduit"]).contains("no algorithm and no profile"));
    assert!(failure(&["--with", "v2.1:spec"]).contains("there is only v2.1:spec to compare"));
    assert!(
        compare("r1-own-chain", &["--with", "auto:synapse"])
            .starts_with("exit code 1\nv2.1:spec and v2.1:synapse")
    );
    assert!(
        compare("r1-own-chain", &["--with", "v2", "--profile", "synapse"])
            .contains("v2.1:synapse and v2:synapse")
    );
}

/// What `compare` says of two files, without their paths.
fn compare_files(one: &str, other: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.ndjson", "b.ndjson"].map(|name| folder.path().join(name));
    for (path, text) in paths.iter().zip([one, other]) {
        std::fs::write(path, text).unwrap();
    }
    let text = answer(&["compare", paths[0].to_str().unwrap(), paths[1].to_str().unwrap()]);
    text.lines()
        .filter(|line| !line.starts_with("A: ") && !line.starts_with("B: "))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn two_dumps_of_a_room() {
    let dump = hindsight(&["export", "--as", "ndjson", "fixtures/r3-priority-inversion"]).stdout;
    let dump = String::from_utf8(dump).unwrap();
    let lines: Vec<&str> = dump.lines().collect();
    let without = |gone: &[usize]| -> String {
        let kept = lines.iter().enumerate().filter(|(number, _)| !gone.contains(number));
        kept.map(|(_, line)| format!("{line}\n")).collect()
    };
    insta::assert_snapshot!("compare_dumps_same", compare_files(&dump, &dump));
    insta::assert_snapshot!(
        "compare_dumps_behind",
        compare_files(&dump, &without(&[lines.len() - 1, lines.len() - 2]))
    );
    insta::assert_snapshot!("compare_dumps_hole", compare_files(&without(&[7]), &without(&[9])));
    let output = hindsight(&["compare", "fixtures/r0-join-rule-twin", "fixtures/knock"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("these are different rooms"));
}

#[test]
fn a_server_beside_the_rules() {
    insta::assert_snapshot!("compare_server_agrees", compare("topic-vs-ban", &["--with", "server"]));
    insta::assert_snapshot!("compare_server_asserted", compare("msc4297-problem-a", &["--with", "server"]));
    insta::assert_snapshot!("compare_server_hole", compare("hole-with-snapshot", &["--with", "server"]));
    // By the text R1 comes out otherwise than the server has it.
    let args = ["--with", "server", "--with", "spec"];
    insta::assert_snapshot!("compare_server_spec", compare("r1-own-chain", &args));
    let args =
        ["compare", "fixtures/r1-own-chain", "--with", "server", "--profile", "spec", "--format", "json"];
    insta::assert_json_snapshot!("compare_server_json", json(&args));
    let dump = hindsight(&["export", "--as", "ndjson", "fixtures/topic-vs-ban"]).stdout;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), dump).unwrap();
    let output = hindsight(&["compare", file.path().to_str().unwrap(), "--with", "server"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr).unwrap().contains("nothing tells which states the server holds")
    );
}
