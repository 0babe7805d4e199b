//! Loading dumps of every format, whole and broken.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "the helpers of tests are tests")]

mod anything;
mod bad_input;
mod corpora;
mod formats;
mod ids;
mod scenarios;
mod server;
#[path = "../common/shared.rs"]
mod shared;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use hindsight::dump::{Dump, Format, LoadError, Options, load};
use hindsight::report::{Code, Severity};
use hindsight::room::{Provenance, Room, When};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::ids::hashed_room;
use self::scenarios::{SCENARIO_EVENTS, scenario};
use self::shared::shared;

/// A small room of version 11 with made-up IDs: create, join, power levels, and a fork that is merged.
fn room() -> Vec<Value> {
    let event = |id: &str, kind: &str, key: Option<&str>, prev: &[&str], auth: &[&str], ts: i64| {
        let content = match kind {
            "m.room.create" => json!({"room_version": "11"}),
            "m.room.member" => json!({"membership": "join"}),
            "m.room.power_levels" => json!({"users": {"@a:x": 100}}),
            _ => json!({"topic": id}),
        };
        let mut event = json!({
            "event_id": id, "room_id": "!r:x", "type": kind, "sender": "@a:x", "content": content, "depth": ts,
            "prev_events": prev, "auth_events": auth, "origin_server_ts": ts,
        });
        if let Some(key) = key {
            event["state_key"] = json!(key);
        }
        event
    };
    let auth = ["$create", "$join", "$power"];
    vec![
        event("$create", "m.room.create", Some(""), &[], &[], 1),
        event("$join", "m.room.member", Some("@a:x"), &["$create"], &["$create"], 2),
        event("$power", "m.room.power_levels", Some(""), &["$join"], &["$create", "$join"], 3),
        event("$left", "m.room.topic", Some(""), &["$power"], &auth, 4),
        event("$right", "m.room.topic", Some(""), &["$power"], &auth, 5),
        event("$merge", "m.room.message", None, &["$left", "$right"], &auth, 6),
    ]
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

fn ids(room: &Room) -> Vec<&str> {
    room.events().map(|ix| room.id(ix)).collect()
}

const ALL: [&str; 6] = ["$create", "$join", "$power", "$left", "$right", "$merge"];

fn load_ok(bytes: impl AsRef<[u8]>) -> Dump {
    load(bytes.as_ref(), &Options::default()).unwrap()
}

/// The findings as (code, line, event).
fn found(dump: &Dump) -> Vec<(Code, u64, &str)> {
    let of = |f: &'_ hindsight::report::Finding| (f.code, f.line.unwrap_or(0));
    dump.findings
        .iter()
        .map(|finding| {
            let (code, line) = of(finding);
            (code, line, finding.event.as_deref().unwrap_or(""))
        })
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
