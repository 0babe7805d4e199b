//! The program as people and scripts meet it: what it prints, and how it ends.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hindsight::auth::Profile;
use hindsight::dump::{Dump, Options, load};
use hindsight::replay::Replay;

fn hindsight(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hindsight"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("COLUMNS");
    command
}

fn run(args: &[&str]) -> Output {
    hindsight(args).stdin(Stdio::null()).output().unwrap()
}

fn run_with(args: &[&str], input: &[u8]) -> Output {
    let mut child =
        hindsight(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Exit code, standard output and standard error in one text, for snapshots.
fn transcript(output: &Output) -> String {
    let mut transcript = format!("exit code {}\n", output.status.code().unwrap());
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            // The program is called hindsight.exe on Windows.
            let text = text(bytes).replace("hindsight.exe", "hindsight");
            transcript.push_str(&format!("--- {name}\n{text}"));
        }
    }
    transcript
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("scenario.json5").is_file())
        .collect();
    folders.sort();
    folders
}

const COMMANDS: [&str; 17] = [
    "inspect",
    "log",
    "replay",
    "resolve",
    "why",
    "compare",
    "diagnose",
    "check",
    "open",
    "export",
    "shrink",
    "anonymise",
    "rooms",
    "import",
    "generate",
    "completions",
    "man",
];

#[test]
fn help() {
    insta::assert_snapshot!("help", transcript(&run(&["--help"])));
    insta::assert_snapshot!("help_short", transcript(&run(&["-h"])));
    for command in COMMANDS {
        let output = run(&[command, "--help"]);
        assert!(text(&output.stdout).contains("Examples:"), "{command} has no examples");
        insta::assert_snapshot!(format!("help_{command}"), transcript(&output));
    }
}

#[test]
fn shrink() {
    let fixture = "fixtures/rejected-event-cited";
    insta::assert_snapshot!(
        "shrink_rejection",
        transcript(&run(&["shrink", fixture, "--keep", "rejection@TOPIC_CAROL"]))
    );
    insta::assert_snapshot!(
        "shrink_reset",
        transcript(&run(&["shrink", "fixtures/r3-priority-inversion", "--keep", "reset@MERGE"]))
    );
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    let path = small.to_str().unwrap();
    let with = ["--keep", "difference", "--with", "spec", "--with", "synapse"];
    let output = run(&[&["shrink", "fixtures/r1-own-chain", "-o", path][..], &with].concat());
    insta::assert_snapshot!("shrink_difference", transcript(&output));
    insta::assert_snapshot!("shrink_readme", std::fs::read_to_string(small.join("README.md")).unwrap());
    // What it wrote is a fixture.
    assert_eq!(run(&["inspect", path]).status.code(), Some(0));
    for (args, code) in [
        (&["--keep", "rejection@CREATE"][..], 1),
        (&["--keep", "difference", "--with", "synapse"], 1),
        (&["--keep", "difference"], 2),
        (&["--keep", "rejection"], 2),
        (&["--keep", "reset"], 1),
        (&["--keep", "reset@now"], 1),
        (&["--keep", "peace"], 2),
        (&["--keep", "difference", "--with", "v3"], 2),
        (&["--keep", "rejection@TOPIC_CAROL", "--format", "json"], 2),
    ] {
        let output = run(&[&["shrink", fixture][..], args].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn anonymise() {
    for fixture in ["hole-with-snapshot", "third-party-invite"] {
        let output = run(&["anonymise", &format!("fixtures/{fixture}")]);
        insta::assert_snapshot!(format!("anonymise_{fixture}"), transcript(&output));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (dump, map) = (path("public.ndjson"), path("secret.json"));
    let fixture = "fixtures/v1-room";
    let output = run(&["anonymise", "--format", "json", "-o", &dump, "--map", &map, fixture]);
    insta::assert_snapshot!("anonymise_json", transcript(&output));
    let map: serde_json::Value = serde_json::from_slice(&std::fs::read(map).unwrap()).unwrap();
    assert!(map["users"]["@alice:a.example"].is_string(), "{map}");
    assert_eq!(run(&["inspect", "--verify", &dump]).status.code(), Some(0));
    assert_eq!(run(&["anonymise", "--format", "json", fixture]).status.code(), Some(2));
}

#[test]
fn inspect() {
    for fixture in ["topic-vs-ban", "hole-with-snapshot", "v12-creators"] {
        let output = run(&["inspect", &format!("fixtures/{fixture}")]);
        insta::assert_snapshot!(format!("inspect_{fixture}"), transcript(&output));
    }
    let output = run(&["inspect", "--format", "json", "fixtures/hole-with-snapshot"]);
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_json_snapshot!("inspect_json", facts);
}

#[test]
fn diagnose() {
    for fixture in ["r0-join-rule-twin", "msc4297-problem-b", "topic-vs-ban"] {
        let output = run(&["diagnose", &format!("fixtures/{fixture}")]);
        insta::assert_snapshot!(format!("diagnose_{fixture}"), transcript(&output));
    }
    let output = run(&["diagnose", "--what-if", "fixtures/r2-clock-against-epoch"]);
    insta::assert_snapshot!("diagnose_what_if", transcript(&output));
    let output = run(&["diagnose", "--all", "fixtures/restricted-join"]);
    insta::assert_snapshot!("diagnose_all", transcript(&output));
    let output = run(&["diagnose", "--format", "json", "--what-if", "fixtures/msc4297-problem-a"]);
    assert_eq!(output.status.code(), Some(1));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_json_snapshot!("diagnose_json", answer);
}

#[test]
fn diagnose_looks_where_it_is_told() {
    assert_eq!(run(&["diagnose", "--at", "MERGE", "fixtures/r3-priority-inversion"]).status.code(), Some(1));
    assert_eq!(run(&["diagnose", "--at", "KICK", "fixtures/r3-priority-inversion"]).status.code(), Some(0));
    assert_eq!(run(&["diagnose", "--at", "NOBODY", "fixtures/r3-priority-inversion"]).status.code(), Some(2));
    assert_eq!(
        run(&["diagnose", "--algorithm", "v2.1", "fixtures/msc4297-problem-a"]).status.code(),
        Some(0)
    );
}

#[test]
fn log() {
    insta::assert_snapshot!("log_topic-vs-ban", transcript(&run(&["log", "fixtures/topic-vs-ban"])));
    insta::assert_snapshot!("log_hole", transcript(&run(&["log", "fixtures/hole-with-snapshot"])));
    let output = run(&["log", "--graph", "ascii", "--reverse", "fixtures/rejected-event-cited"]);
    insta::assert_snapshot!("log_ascii_reverse", transcript(&output));
    let output = run(&["log", "--state", "-n", "20", "fixtures/twenty-way-merge"]);
    insta::assert_snapshot!("log_state", transcript(&output));
    let output = run(&["log", "--color", "always", "--limit", "3", "fixtures/rejected-event-cited"]);
    insta::assert_snapshot!("log_color", transcript(&output).replace('\u{1b}', "␛"));
    insta::assert_snapshot!(
        "log_json",
        transcript(&run(&["log", "--format", "json", "fixtures/topic-vs-ban"]))
    );
}

#[test]
fn several_extremities_are_joined_by_a_row() {
    let scenario = br#"{room_version: "11", room_id: "!r:x", calculate_event_ids: true, events: [
        {event_id: "$C", type: "m.room.create", state_key: "", sender: "@a:x", content: {room_version: "11"}},
        {event_id: "$A", type: "m.room.member", state_key: "@a:x", sender: "@a:x", content: {membership: "join"},
         prev_events: ["$C"], auth_events: ["$C"]},
        {event_id: "$ONE", type: "m.room.topic", state_key: "", sender: "@a:x", content: {topic: "one"},
         prev_events: ["$A"], auth_events: ["$C", "$A"]},
        {event_id: "$TWO", type: "m.room.topic", state_key: "", sender: "@a:x", content: {topic: "two"},
         prev_events: ["$A"], auth_events: ["$C", "$A"]},
    ]}"#;
    insta::assert_snapshot!("log_now", transcript(&run_with(&["log", "-"], scenario)));
    insta::assert_snapshot!("log_now_reverse", transcript(&run_with(&["log", "--reverse", "-"], scenario)));
}

#[test]
fn export() {
    insta::assert_snapshot!(
        "export_dot",
        transcript(&run(&["export", "--as", "dot", "fixtures/topic-vs-ban"]))
    );
    insta::assert_snapshot!(
        "export_ndjson",
        transcript(&run(&["export", "--as", "ndjson", "fixtures/v1-room"]))
    );
    let output = run(&["export", "--as", "scenario", "fixtures/hole-with-snapshot"]);
    insta::assert_snapshot!("export_scenario", transcript(&output));
}

fn final_hash(dump: &Dump) -> Option<String> {
    Replay::new(&dump.room, None, Profile::Spec).current().state.as_ref().map(|state| state.hash(&dump.room))
}

fn ids(dump: &Dump) -> Vec<&str> {
    dump.room.events().map(|ix| dump.room.id(ix)).collect()
}

#[test]
fn exports_lead_back_to_the_same_room() {
    for fixture in fixtures() {
        let name = fixture.to_str().unwrap();
        let bytes = std::fs::read(fixture.join("scenario.json5")).unwrap();
        let original = load(&bytes, &Options::default()).unwrap();
        for form in ["scenario", "ndjson"] {
            let output = run(&["export", "--as", form, name]);
            assert_eq!(output.status.code(), Some(0), "{name}");
            let copy = load(&output.stdout, &Options::default()).unwrap();
            assert_eq!(ids(&original), ids(&copy), "{name} as {form}");
            assert_eq!(original.room.room_id(), copy.room.room_id(), "{name} as {form}");
            assert_eq!(original.room.rules().id, copy.room.rules().id, "{name} as {form}");
            if form == "scenario" {
                assert_eq!(final_hash(&original), final_hash(&copy), "{name}");
                assert_eq!(original.room.annotations(), copy.room.annotations(), "{name}");
                assert_eq!(original.findings.len(), copy.findings.len(), "{name}");
                // What is exported once more does not change.
                let again = run_with(&["export", "--as", form, "-"], &output.stdout);
                assert_eq!(text(&output.stdout), text(&again.stdout), "{name}");
            }
        }
    }
}

#[test]
fn records_keep_what_a_server_noted() {
    let pdu = |id: &str, kind: &str, key: &str, prev: &str| {
        format!(
            r#"{{"type":"{kind}"{key},"sender":"@a:x","room_id":"!r:x","content":{{}},"prev_events":[{prev}],"auth_events":[],"origin_server_ts":1,"depth":1,"event_id":"{id}"}}"#
        )
    };
    let records = [
        format!(
            r#"{{"event_id":"$c","outlier":false,"event":{}}}"#,
            pdu("$c", "m.room.create", r#","state_key":"""#, "")
        ),
        format!(
            r#"{{"event_id":"$o","outlier":true,"rejected":"why","event":{}}}"#,
            pdu("$o", "m.x", "", r#""$gone""#)
        ),
    ];
    let input = records.join("\n");
    for form in ["ndjson", "scenario"] {
        let output = run_with(&["export", "--as", form, "--records", "-"], input.as_bytes());
        let copy = load(&output.stdout, &Options::default()).unwrap();
        let outlier = copy.room.find("$o").unwrap();
        assert!(copy.room.is_outlier(outlier), "{form}");
        assert_eq!(copy.room.recorded(outlier).rejected.as_deref(), Some("why"), "{form}");
        let output = run_with(&["export", "--as", form, "-"], input.as_bytes());
        assert!(text(&output.stderr).contains("--records"), "{form}");
    }
}

#[test]
fn exit_codes() {
    assert_eq!(run(&["inspect", "fixtures/topic-vs-ban"]).status.code(), Some(0));
    let broken = b"{\"type\":\n";
    let good = run(&["export", "--as", "ndjson", "fixtures/topic-vs-ban"]).stdout;
    let output = run_with(&["inspect", "-"], &[broken.as_slice(), &good].concat());
    assert_eq!(output.status.code(), Some(1), "an error among the findings");
    let output = run_with(&["log", "-"], &[broken.as_slice(), &good].concat());
    assert_eq!(output.status.code(), Some(0), "log looks for nothing");
    assert!(text(&output.stderr).contains("error["));
    for args in [&["inspect"][..], &["log", "--nonsense", "x"], &["dance"], &[]] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
    assert_eq!(run(&["--version"]).status.code(), Some(0));
}

#[test]
fn bad_input_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let shown = |output: &Output| transcript(output).replace(path, "FOLDER");
    insta::assert_snapshot!("bad_not_json", shown(&run_with(&["inspect", "-"], b"hello\nworld\n")));
    insta::assert_snapshot!("bad_empty", shown(&run_with(&["log", "-"], b"")));
    insta::assert_snapshot!("bad_missing_file", shown(&run(&["log", "no-such-file.ndjson"])));
    insta::assert_snapshot!("bad_empty_folder", shown(&run(&["log", path])));
    let args = ["log", "--room-version", "999", "fixtures/topic-vs-ban"];
    insta::assert_snapshot!("bad_room_version", shown(&run(&args)));
    let args = ["resolve", "fixtures/topic-vs-ban", "--at", "$TOPIC"];
    insta::assert_snapshot!("bad_ambiguous", shown(&run(&args)));
    let args = ["resolve", "fixtures/topic-vs-ban", "topic_allice"];
    insta::assert_snapshot!("bad_misspelt", shown(&run(&args)));
    let args = ["log", "--room", "!other:x", "fixtures/topic-vs-ban"];
    insta::assert_snapshot!("bad_room", shown(&run(&args)));
}

#[test]
fn findings_are_grouped_and_counted() {
    let mut input = run(&["export", "--as", "ndjson", "fixtures/topic-vs-ban"]).stdout;
    for _ in 0..20 {
        input.extend_from_slice(b"nonsense\n");
    }
    input.extend_from_slice(b"{\"type\": 5}\n");
    let output = run_with(&["log", "-n", "1", "-"], &input);
    insta::assert_snapshot!("findings_grouped", transcript(&output));
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let evil = "\\u001b]0;evil\\u0007\\u009b2J\\u202e\\r";
    let pdu = format!(
        r#"{{"type":"m.room.create{evil}","state_key":"{evil}","sender":"@a{evil}:x","room_id":"!r{evil}:x","content":{{"body":"{evil}","membership":"{evil}"}},"prev_events":["$p{evil}"],"auth_events":[],"origin_server_ts":1,"depth":1,"event_id":"$e{evil}"}}"#
    );
    let scenario = format!(
        r#"{{"tardis_version":1,"room_version":"11","room_id":"!r:x","events":[{pdu}],"annotations":{{"title":"{evil}","events":{{"$e{evil}":"{evil}"}}}}}}"#
    );
    let member = pdu.replace(&format!("m.room.create{evil}"), "m.room.member");
    for input in [&pdu, &scenario, &member] {
        for args in [
            &["inspect", "-"][..],
            &["inspect", "--format", "json", "-"],
            &["log", "-"],
            &["log", "--all", "-"],
            &["log", "--format", "json", "-"],
            &["why", "-", &format!("$e{evil}")],
            &["why", "-", "m.room.member"],
            &["why", "-", &format!("m.room.create{evil}"), evil],
            &["compare", "-", "--with", "spec", "--with", "synapse"],
            &["compare", "-", "--with", evil],
            &["export", "--as", "dot", "-"],
            &["export", "--as", "ndjson", "-"],
        ] {
            let output = run_with(args, input.as_bytes());
            for stream in [&output.stdout, &output.stderr] {
                let harmful = text(stream).chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
                assert_eq!(harmful, None, "{args:?}: {}", text(stream).escape_debug());
            }
        }
    }
}

#[test]
fn color_is_for_terminals() {
    let has_color = |args: &[&str], variables: &[(&str, &str)]| {
        let output = hindsight(args).envs(variables.iter().copied()).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(!has_color(&["log", "fixtures/topic-vs-ban"], &[]));
    assert!(has_color(&["log", "--color", "always", "fixtures/topic-vs-ban"], &[("NO_COLOR", "1")]));
    assert!(!has_color(&["log", "--color", "never", "fixtures/topic-vs-ban"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut lines = Vec::new();
    for n in 0..20_000 {
        let prev = if n == 0 { String::new() } else { format!("\"$e{}\"", n - 1) };
        lines.push(format!(
            r#"{{"event_id":"$e{n}","type":"m.x","sender":"@a:x","room_id":"!r:x","content":{{}},"prev_events":[{prev}],"auth_events":[],"origin_server_ts":{n},"depth":{n}}}"#
        ));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    let path = file.path().to_str().unwrap();
    for args in [
        &["log", "--room-version", "11", path][..],
        &["log", "--room-version", "11", "--format", "json", path],
        &["export", "--room-version", "11", "--as", "ndjson", path],
    ] {
        let mut child = hindsight(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 100]).unwrap();
        drop(stdout);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("pipe"), "{args:?}: {stderr}");
    }
}

#[test]
fn compressed_input_is_read_as_it_is() {
    let plain = std::fs::read("fixtures/topic-vs-ban/scenario.json5").unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&plain).unwrap();
    let compressed = encoder.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scenario.json5.gz"), &compressed).unwrap();
    let expected = run(&["log", "fixtures/topic-vs-ban"]);
    assert_eq!(run_with(&["log", "-"], &compressed), expected);
    assert_eq!(run(&["log", folder.path().to_str().unwrap()]), expected);
}

#[test]
fn hashes_are_verified_on_request() {
    let good = run(&["export", "--as", "ndjson", "fixtures/topic-vs-ban"]).stdout;
    let forged = text(&good).replace(r#""membership":"ban""#, r#""membership":"leave""#);
    let output = run_with(&["inspect", "--verify", "-"], forged.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("error[event-id-mismatch]"));
    let output = run_with(&["inspect", "-"], forged.as_bytes());
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(COMMANDS.iter().all(|command| text(&output.stdout).contains(command)), "{shell}");
    }
    assert!(text(&run(&["man"]).stdout).starts_with(".ie"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(&["man", "-o", folder.path().to_str().unwrap()]).status.code(), Some(0));
    for command in COMMANDS {
        assert!(folder.path().join(format!("hindsight-{command}.1")).is_file(), "{command}");
    }
}

/// Without the feature the program says so, and takes no database for a dump.
#[cfg(not(feature = "synapse"))]
#[test]
fn databases_need_a_feature() {
    for args in [
        &["rooms", "fixtures/synapse/homeserver.db"][..],
        &["import", "postgres://me@localhost/synapse"],
        &["inspect", "synapse:none.db"],
        &["check", "fixtures/synapse/homeserver.db"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("feature `synapse`"), "{}", text(&output.stderr));
    }
}
