//! `hindsight check` as people and schedulers use it.
#![cfg(feature = "cli")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "common/shared.rs"]
mod shared;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn hindsight(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hindsight"));
    command.arg("check").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    hindsight(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Standard output with the paths as everywhere but on Windows.
fn stdout(output: &Output) -> String {
    text(&output.stdout).replace('\\', "/")
}

/// Standard error without what the clock has a part in.
fn summary(output: &Output) -> String {
    let timed = |line: &&str| !line.contains("rooms/s");
    text(&output.stderr).lines().filter(timed).collect::<Vec<_>>().join("\n")
}

/// A folder with a few rooms of the corpus in it, with what is expected of them.
fn corpus() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["rv1-plain-167", "rv11-forky-139", "rv11-forced-152", "rv12-plain-141", "rv4-calm-108"] {
        for ending in ["ndjson", "expected.json", "expected-v2.1.json", "forced.json"] {
            let name = format!("{name}.{ending}");
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conformance").join(&name);
            if from.is_file() {
                fs::copy(from, folder.path().join(name)).unwrap();
            }
        }
    }
    folder
}

fn path(folder: &TempDir) -> &str {
    folder.path().to_str().unwrap()
}

#[test]
fn the_fixtures_are_as_synapse_decides() {
    let output = run(&["fixtures", "--expect", "beside", "--profile", "synapse"]);
    assert_eq!(code(&output), 0);
    insta::assert_snapshot!("check_fixtures", stdout(&output));
    insta::assert_snapshot!("check_fixtures_summary", summary(&output));
}

#[test]
fn the_corpus_and_the_rooms_of_real_servers_are_as_synapse_decides() {
    for (place, rooms, events) in [("corpus/synapse", 66, 5_000), ("real", 76, 50_000)] {
        let Some(folder) = shared::shared(place) else { continue };
        let output = run(&[
            folder.to_str().unwrap(),
            "--expect",
            "beside",
            "--profile",
            "synapse",
            "--format",
            "json",
        ]);
        let done = lines(&output);
        let count = |room: &Value| {
            room["expectations"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["agreeing"].as_u64().unwrap())
                .sum::<u64>()
        };
        assert!(code(&output) == 0 && done.len() >= rooms, "{place}: {}", summary(&output));
        assert!(done.iter().map(count).sum::<u64>() >= events, "{place}: {}", summary(&output));
    }
}

#[test]
fn what_implementations_differ_on_is_named() {
    let rooms = [
        "fixtures/own-chain-linear",
        "fixtures/msc4297-problem-a",
        "fixtures/conformance/rv9-forky-131.ndjson",
    ];
    let options = ["--profiles", "spec,synapse,ruma", "--algorithms", "v2,v2.1", "--against", "ruma"];
    let output = run(&[&rooms[..], &options].concat());
    assert_eq!(code(&output), 1);
    insta::assert_snapshot!("check_differences", stdout(&output));
    let output = run(&[&rooms[..2], &options, &["--format", "json"]].concat());
    insta::assert_json_snapshot!("check_differences_json", lines(&output));
}

#[test]
fn a_corrupted_expectation_is_found_and_its_event_named() {
    let folder = corpus();
    let file = folder.path().join("rv11-forky-139.expected.json");
    let mut expected: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let events = expected["events"].as_object_mut().unwrap();
    let (id, event) = events.iter_mut().find(|(_, event)| event["resolved"] == true).unwrap();
    event["state_before_hash"] = "0".repeat(64).into();
    let id = id.clone();
    fs::write(&file, expected.to_string()).unwrap();
    let args = [path(&folder), "--expect", "beside", "--profile", "synapse"];
    let output = run(&args);
    assert_eq!(code(&output), 1);
    let table = text(&output.stdout);
    assert!(table.contains("rv11-forky-139.expected.json says") && table.contains(&id), "{table}");
    assert!(table.contains(&format!("state before: expected {}, computed ", "0".repeat(64))), "{table}");
    assert_eq!(table.matches("differs ").count(), 1, "{table}");
    let output = run(&[&args[..], &["--quiet", "--format", "json"]].concat());
    let [room] = &*lines(&output) else { panic!("{output:?}") };
    assert_eq!(room["expectations"][0]["misses"][0]["event_id"], *id);
    assert_eq!(room["expectations"][0]["agreeing"], 59);
    // The same file, named.
    let dump = folder.path().join("rv11-forky-139.ndjson");
    let args = [dump.to_str().unwrap(), "--profile", "synapse", "--expect", file.to_str().unwrap()];
    assert_eq!(code(&run(&args)), 1);
    fs::write(&file, "{}").unwrap();
    assert_eq!(code(&run(&args)), 2);
    let output = run(&[path(&folder), "--expect", "beside", "--profile", "synapse", "--quiet"]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stdout).contains("cannot be compared: "), "{output:?}");
}

#[test]
fn junit_is_for_ci_systems() {
    let rooms = ["fixtures/own-chain-linear", "fixtures/knock", "LICENSE-MIT"];
    let output =
        run(&[&rooms[..], &["--expect", "beside", "--profile", "spec", "--format", "junit"]].concat());
    assert_eq!(code(&output), 1);
    insta::assert_snapshot!("check_junit", stdout(&output));
    let output = run(&["fixtures/knock", "--format", "junit", "--shard", "1/2"]);
    assert_eq!((code(&output), text(&output.stdout).matches("<testcase").count()), (0, 0));
    assert!(text(&output.stdout).contains("rooms, shard 1/2"));
    let output = Command::new(env!("CARGO_BIN_EXE_hindsight"))
        .args(["log", "fixtures/knock", "--format", "junit"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert_eq!(code(&output), 2);
}

/// The outputs of shards make up that of the whole, and the number of workers makes no difference.
#[test]
fn shards_are_parts_of_the_whole() {
    for form in [&["--format", "table"][..], &["--format", "json"], &["--format", "json", "--quiet"]] {
        let args = [&["fixtures", "--expect", "beside", "--profiles", "synapse"], form].concat();
        let whole = run(&[&args[..], &["--jobs", "1"]].concat()).stdout;
        assert_eq!(text(&whole), text(&run(&[&args[..], &["--jobs", "7"]].concat()).stdout));
        for count in [2, 7, 60] {
            let parts = (1..=count).map(|index| {
                let shard = format!("{index}/{count}");
                run(&[&args[..], &["--shard", &shard]].concat()).stdout
            });
            let joined: Vec<u8> = parts.collect::<Vec<_>>().concat();
            assert_eq!(text(&joined), text(&whole), "{count} shards");
        }
    }
}

#[test]
fn broken_rooms_do_not_stop_the_others() {
    let folder = corpus();
    fs::write(folder.path().join("a.ndjson"), "hello").unwrap();
    fs::write(folder.path().join("b.ndjson"), "").unwrap();
    fs::write(folder.path().join("c.ndjson.gz"), [0x1f, 0x8b, 8, 0, 1, 2]).unwrap();
    let dump = fs::read(folder.path().join("rv12-plain-141.ndjson")).unwrap();
    fs::write(folder.path().join("d.ndjson"), [b"{\"type\":\n", &*dump].concat()).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", folder.path().join("e.ndjson")).unwrap();
    let output = run(&[path(&folder), "--memory", "1B"]);
    assert_eq!(code(&output), 1);
    let table = text(&output.stdout).replace(path(&folder), "FOLDER");
    #[cfg(unix)]
    insta::assert_snapshot!("check_broken", table);
    assert_eq!(table.lines().filter(|line| line.starts_with("ok ")).count(), 5);
}

#[test]
fn exit_codes_tell_usage_from_findings() {
    let empty = tempfile::tempdir().unwrap();
    for args in [
        &[][..],
        &[path(&empty)],
        &["no-such-file"],
        &["no-such-*.ndjson"],
        &["fixtures", "--shard", "3/2"],
        &["fixtures", "--jobs", "0"],
        &["fixtures", "--memory", "much"],
        &["fixtures", "--expect", "no-such-file"],
        &["fixtures/topic-vs-ban/scenario.json5", "--algorithms", "v3"],
    ] {
        let output = run(args);
        assert_eq!(code(&output), 2, "{args:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    let output = run(&["fixtures/knock", "--shard", "2/3"]);
    assert_eq!((code(&output), text(&output.stdout)), (0, ""));
    // What was to be compared and could not be is no success.
    let room = tempfile::tempdir().unwrap();
    fs::copy("fixtures/conformance/rv12-plain-141.ndjson", room.path().join("a.ndjson")).unwrap();
    let output = run(&[path(&room), "--expect", "beside"]);
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("no room has an expectation beside it"));
}

/// Random rooms follow from their seeds alone, and ruma itself gives what the profile `ruma` gives.
#[test]
fn random_rooms_are_checked_against_ruma() {
    let args = ["--generated", "96", "--seed", "5", "--against", "ruma", "--format", "json"];
    let output = run(&args);
    let rooms = lines(&output);
    assert_eq!((code(&output), rooms.len()), (0, 96), "{output:?}");
    let versions: BTreeSet<&str> = rooms.iter().map(|room| room["room_version"].as_str().unwrap()).collect();
    assert_eq!(versions.len(), 12);
    let asked = |room: &&Value| room["ruma"]["verdicts"].as_u64() > Some(0);
    assert!(rooms.iter().all(|room| asked(&room)), "{rooms:?}");
    assert!(rooms.iter().any(|room| room["ruma"]["resolutions"].as_u64() > Some(0)));
    assert!(text(&output.stderr).contains("answers of ruma compared"));
    let args = ["--generated", "1", "--seed", "17", "--against", "ruma", "--format", "json"];
    assert_eq!(lines(&run(&args)), rooms[12..13]);
    // Implementations part on some of so many; these are kept, and give the same when they are read.
    let folder = tempfile::tempdir().unwrap();
    let (keep, others) =
        (folder.path().join("odd"), ["--profiles", "synapse,ruma", "--quiet", "--format", "json"]);
    let keep = keep.to_str().unwrap();
    let output = run(&[&["--generated", "96", "--keep", keep], &others[..]].concat());
    let again = run(&[&[keep], &others[..]].concat());
    assert_eq!((code(&output), code(&again)), (1, 1));
    let hashes = |output: &Output| {
        lines(output).iter().map(|room| room["state_hash"].to_string()).collect::<BTreeSet<_>>()
    };
    assert!(!hashes(&output).is_empty());
    assert_eq!(hashes(&output), hashes(&again));
}

#[test]
fn paths_come_from_a_list_too() {
    let list = tempfile::NamedTempFile::new().unwrap();
    for list_text in ["fixtures/knock\nfixtures/v1-room\r\n\n", "fixtures/knock\0fixtures/v1-room\0"] {
        fs::write(list.path(), list_text).unwrap();
        let output =
            run(&["--files-from", list.path().to_str().unwrap(), "fixtures/knock", "--format", "json"]);
        let names: Vec<Value> = lines(&output).iter().map(|room| room["path"].clone()).collect();
        assert_eq!(names, ["fixtures/knock", "fixtures/v1-room"]);
    }
}

#[test]
fn standard_input_is_a_room() {
    let dump = fs::File::open("fixtures/conformance/rv12-plain-141.ndjson").unwrap();
    let output = hindsight(&["-", "--format", "json"]).stdin(dump).output().unwrap();
    assert_eq!((code(&output), lines(&output)[0]["events"].as_u64()), (0, Some(20)));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3000 {
        fs::write(folder.path().join(format!("{number:04}.ndjson")), "").unwrap();
    }
    let mut child =
        hindsight(&[path(&folder)]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 100]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), text(&output.stderr)), (0, ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    for form in ["table", "json", "junit"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = hindsight(&["fixtures", "--format", form]).stdout(full).output().unwrap();
        assert_eq!(code(&output), 2, "{form}");
        assert!(
            text(&output.stderr).contains("cannot write the output: No space left"),
            "{form}: {output:?}"
        );
    }
}

/// The first Ctrl-C ends the check with what is done; here one room, a pipe that nobody writes to, never is.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_what_is_done() {
    let folder = corpus();
    let pipe = folder.path().join("z.ndjson");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let args = [path(&folder), pipe.to_str().unwrap(), "--format", "json"];
    let mut child = hindsight(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..5 {
        line.clear();
        stdout.read_line(&mut line).unwrap();
        let room: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(room["verdict"], "ok");
    }
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
    line.clear();
    stdout.read_to_string(&mut line).unwrap();
    assert_eq!(line, "");
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130);
    let told = text(&output.stderr);
    assert!(told.contains("interrupted, 5 of 6 rooms") && told.contains("5 rooms: 5 ok"), "{told}");
}
