//! Servers that go away, are slow, or are none.

use std::fs;
use std::io::Read as _;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::Server;
use crate::program::{failure, hindsight, refusal, run};
use crate::proxy::{Manner, Proxy};

const ROOM: &str = "!uyrjG7oNKuKkhL_gh33Y2NRCAgnAIJF1w1r3HETjMN0";

/// Runs the program; if it does not end in time the test fails.
fn run_in_time(arguments: &[&str], seconds: u64) -> std::process::Output {
    let mut child = hindsight(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(seconds) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{arguments:?} does not end");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let status = child.wait().unwrap();
    let mut text = Vec::new();
    stderr.read_to_end(&mut text).unwrap();
    std::process::Output { status, stdout: reader.join().unwrap(), stderr: text }
}

#[test]
fn a_server_that_goes_away_midway_leaves_nothing_behind() {
    let Some(server) = Server::get() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room.ndjson");
    let mut cuts = 0;
    let limits = [
        0, 1, 2, 100, 400, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 150_000, 200_000, 250_000, 400_000,
    ];
    for (number, limit) in limits.into_iter().enumerate() {
        let proxy = Proxy::start(Manner::CutAfter(limit), server.port);
        let mode = if number % 2 == 0 { "disable" } else { "require" };
        let url = server.url_at("reader", "127.0.0.1", proxy.port, "synapse");
        let source = format!("{url}?sslmode={mode}");
        let output = run_in_time(&["import", &source, "--room", ROOM, "-o", file.to_str().unwrap()], 60);
        if output.status.success() {
            fs::remove_file(&file).unwrap();
            continue;
        }
        cuts += 1;
        let text = refusal(&output);
        assert!(!text.contains(&server.password), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "after {limit} bytes");
    }
    assert!(cuts >= 10, "{cuts}");
}

#[test]
fn what_is_no_server_is_not_waited_for() {
    let Some(server) = Server::get() else { return };
    for (manner, word) in [(Manner::Stranger, ""), (Manner::Mute, "does not answer")] {
        let proxy = Proxy::start(manner, server.port);
        for mode in ["disable", "require"] {
            let url = server.url_at("reader", "127.0.0.1", proxy.port, "synapse");
            let source = format!("{url}?sslmode={mode}&connect_timeout=1");
            let text = refusal(&run_in_time(&["rooms", &source], 20));
            assert!(text.contains(word), "{text}");
        }
    }
    let patient = format!("{}?connect_timeout=0", server.source());
    assert!(run_in_time(&["rooms", &patient], 60).status.success());
}

#[test]
fn a_statement_that_takes_too_long_is_given_up() {
    let Some(server) = Server::get() else { return };
    let mut admin = server.connect("admin", "synapse");
    admin
        .batch_execute(
            "DROP SCHEMA IF EXISTS slow CASCADE; CREATE SCHEMA slow;
             CREATE VIEW slow.event_json AS SELECT event_id, room_id, internal_metadata, json, format_version
               FROM public.event_json WHERE pg_sleep(0.2) IS NOT NULL;
             GRANT USAGE ON SCHEMA slow TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA slow TO reader",
        )
        .unwrap();
    let source = format!("{}?options=-csearch_path%3Dslow,public", server.source());
    let start = Instant::now();
    let text = failure(&run_in_time(&["import", &source, "--room", ROOM, "--statement-timeout", "1"], 30));
    assert!(text.contains("--statement-timeout"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_server_that_is_stopped_says_so() {
    let Some(server) = Server::get() else { return };
    let mut admin = server.connect("admin", "synapse");
    admin
        .batch_execute(
            "DROP SCHEMA IF EXISTS hanging CASCADE; CREATE SCHEMA hanging;
             CREATE VIEW hanging.event_json AS SELECT event_id, room_id, internal_metadata, json, format_version
               FROM public.event_json WHERE pg_sleep(60) IS NOT NULL;
             GRANT USAGE ON SCHEMA hanging TO synapse; GRANT SELECT ON ALL TABLES IN SCHEMA hanging TO synapse",
        )
        .unwrap();
    let ending = thread::spawn(move || {
        // Nobody else sleeps as this user.
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE usename = 'synapse' AND application_name = 'hindsight' AND wait_event = 'PgSleep'";
        for _ in 0..200 {
            thread::sleep(Duration::from_millis(100));
            if !admin.query(sql, &[]).unwrap().is_empty() {
                return;
            }
        }
        panic!("nobody waits");
    });
    let source = format!("{}?options=-csearch_path%3Dhanging,public", server.url("synapse", "synapse"));
    let text = failure(&run_in_time(&["import", &source, "--room", ROOM], 40));
    ending.join().unwrap();
    assert!(text.contains("went away") || text.contains("closed the connection"), "{text}");
}

/// Somebody loses patience while the server works.
#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_behind() {
    let Some(server) = Server::get() else { return };
    let mut admin = server.connect("admin", "synapse");
    admin
        .batch_execute(
            "DROP SCHEMA IF EXISTS waiting CASCADE; CREATE SCHEMA waiting;
             CREATE VIEW waiting.event_json AS SELECT event_id, room_id, internal_metadata, json, format_version
               FROM public.event_json WHERE pg_sleep(0.05) IS NOT NULL;
             GRANT USAGE ON SCHEMA waiting TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA waiting TO reader",
        )
        .unwrap();
    let source = format!("{}?options=-csearch_path%3Dwaiting,public", server.source());
    let folder = tempfile::tempdir().unwrap();
    for name in ["room.ndjson", "room.ndjson.gz"] {
        let file = folder.path().join(name);
        let arguments = ["import", &source, "--room", ROOM, "-o", file.to_str().unwrap()];
        let mut child = hindsight(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        thread::sleep(Duration::from_secs(2));
        let process = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &process]).status().unwrap().success());
        let start = Instant::now();
        let status = child.wait().unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "it ends soon");
        assert!(!status.success());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn who_may_not_read_a_table_is_told_which() {
    let Some(server) = Server::get() else { return };
    let mut admin = server.connect("admin", "synapse");
    admin
        .batch_execute(
            "DROP SCHEMA IF EXISTS closed CASCADE; CREATE SCHEMA closed;
             CREATE TABLE closed.event_json AS SELECT * FROM public.event_json;
             GRANT USAGE ON SCHEMA closed TO reader",
        )
        .unwrap();
    let source = format!("{}?options=-csearch_path%3Dclosed,public", server.source());
    let text = failure(&run(&["import", &source, "--room", ROOM]));
    assert!(text.contains("event_json"), "{text}");
}
