//! Rooms without names: they behave as before, and nothing that was in them is left.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "common/mangle.rs"]
mod mangle;
#[path = "common/rooms.rs"]
#[expect(dead_code, reason = "other tests make other rooms")]
mod rooms;
#[path = "common/shared.rs"]
mod shared;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hindsight::anonymise::{Anonymised, anonymise, differing_losses};
use hindsight::auth::Profile;
use hindsight::diagnose::resets::diagnose;
use hindsight::dump::{self, Dump, Options};
use hindsight::event::room_version::Rules;
use hindsight::export::write_events;
use hindsight::generate::{Blueprint, Draft, Mode, Preset, RoomBuilder};
use hindsight::replay::Replay;
use hindsight::report::Code;
use hindsight::resolve::Algorithm;
use hindsight::rewrite::deviations;
use hindsight::room::Room;
use rayon::prelude::*;
use serde_json::Value;
use shared::shared;

/// Every dump below a folder, but for the second form of the real rooms.
fn dumps(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            dumps(&path, found);
        } else if (name.contains(".ndjson") && !name.contains(".tardis.")) || name.ends_with(".json5") {
            found.push(path);
        }
    }
}

fn load(path: &Path) -> Option<Dump> {
    let forced = path.with_extension("forced.json");
    let options = Options { asserted_state: fs::read(forced).ok(), ..Options::default() };
    // State DAGs are not read.
    dump::load(&fs::read(path).unwrap(), &options).ok()
}

/// Anonymises a room; says where it behaves otherwise by any profile.
fn deviating(room: &Room) -> (Anonymised, Vec<String>) {
    let new = anonymise(room).unwrap();
    let mut wrong = Vec::new();
    for profile in Profile::ALL {
        for algorithm in [None, Some(Algorithm::V2), Some(Algorithm::V2_1)] {
            let replay = |room| Replay::new(room, algorithm, profile);
            let new_room = &new.rewritten.room;
            let (old, now) = (replay(room), replay(new_room));
            let found = deviations(&old, &now, &new.rewritten.events);
            if profile == Profile::Spec && algorithm.is_none() {
                let losses = differing_losses(&diagnose(&old), &diagnose(&now), &new.rewritten.events);
                wrong.extend(losses.first().map(|at| format!("another loss at {at:?}")));
            }
            wrong.extend(found.iter().take(3).map(|(ix, deviation)| {
                let old = replay(room);
                let now = new.rewritten.events[ix.index()].map(|ix| new_room.event(ix).json());
                format!(
                    "{profile} {algorithm:?} {}: {}\n  {:?}\n  {}\n  {now:?}",
                    room.id(*ix),
                    deviation.as_str(),
                    old.rejection(*ix),
                    room.event(*ix).json()
                )
            }));
        }
    }
    (new, wrong)
}

/// The room as a dump.
fn ndjson(room: &Room) -> String {
    let mut text = Vec::new();
    write_events(room, true, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// Every dump there is replays as before, whoever replays it; and its IDs are those of its events.
#[test]
fn dumps_behave_as_before() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    dumps(&root.join("fixtures"), &mut paths);
    for folder in ["corpus", "real/rooms"] {
        match shared(folder) {
            Some(folder) => dumps(&folder, &mut paths),
            None => println!("skipped: no ../shared/{folder}"),
        }
    }
    let wrong: Vec<String> = paths
        .par_iter()
        .flat_map_iter(|path| {
            let Some(dump) = load(path) else { return Vec::new() };
            let (new, mut wrong) = deviating(&dump.room);
            let version = Some(dump.room.rules().id.to_owned());
            let options = Options { verify: true, room_version: version, ..Options::default() };
            let again = dump::load(ndjson(&new.rewritten.room).as_bytes(), &options).unwrap();
            assert_eq!(again.room.len(), new.rewritten.room.len(), "{}", path.display());
            let is_hash = |code| matches!(code, Code::EventIdMismatch | Code::ContentHashMismatch);
            wrong.extend(
                again.findings.iter().filter(|finding| is_hash(finding.code)).map(ToString::to_string),
            );
            wrong.iter().map(|wrong| format!("{}: {wrong}", path.display())).collect()
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} dumps:\n{}", wrong.len(), paths.len(), wrong.join("\n"));
}

#[test]
fn random_rooms_behave_as_before() {
    rooms::each_room(240, |_, builder| {
        let (_, wrong) = deviating(&builder.room());
        wrong.into_iter().next().map_or(Ok(()), Err)
    });
}

/// Where clocks stand still, hundreds of events share a timestamp: then it is spread, and the order stays.
#[test]
fn ties_are_kept_or_spread() {
    let skewed =
        Blueprint { events: 1_500, members: 60, ..Blueprint::preset(Preset::R10k) }.with_mode(Mode::Skew);
    for seed in 1..=12 {
        let rules = &Rules::ALL[seed as usize % 14];
        let room =
            dump::load(&Blueprint { seed, rules, ..skewed }.ndjson(), &Options::default()).unwrap().room;
        let (new, wrong) = deviating(&room);
        assert!(wrong.is_empty(), "seed {seed}, version {}: {wrong:?}", rules.id);
        assert_eq!(new.rewritten.outcome.misplaced, 0);
    }
}

/// Every string in a JSON value, keys among them, with the key it stands under.
fn strings(value: &Value, key: &str, found: &mut BTreeSet<(String, String)>) {
    match value {
        Value::String(text) => {
            found.insert((key.to_owned(), text.clone()));
        }
        Value::Array(values) => values.iter().for_each(|value| strings(value, key, found)),
        Value::Object(members) => {
            for (name, value) in members {
                found.insert(("key".to_owned(), name.clone()));
                strings(value, name, found);
            }
        }
        _ => {}
    }
}

fn all_strings(room: &Room) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for ix in room.events() {
        strings(&serde_json::from_str(room.event(ix).json()).unwrap_or_default(), "", &mut found);
    }
    found
}

/// What may be the same in both rooms: words of the specification, names of keys, levels in quotes.
fn is_common(key: &str, text: &str) -> bool {
    let is_word =
        text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'+'));
    text.is_empty()
        || text.trim().parse::<i64>().is_ok()
        || is_word && (text.starts_with("m.") || text.starts_with("org.matrix."))
        || text.starts_with("ed25519:")
        || matches!(
            key,
            "membership" | "join_rule" | "history_visibility" | "guest_access" | "room_version" | "key"
        ) && is_word
}

/// Nothing that anybody wrote or is called is in the new room.
#[test]
fn nothing_is_left() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    dumps(&root.join("fixtures"), &mut paths);
    if let Some(folder) = shared("real/rooms") {
        dumps(&folder, &mut paths);
    }
    paths.par_iter().for_each(|path| {
        let room = load(path).unwrap().room;
        let new = anonymise(&room).unwrap().rewritten.room;
        let (old, new) = (all_strings(&room), all_strings(&new));
        let old: BTreeSet<&str> = old.iter().map(|(_, text)| text.as_str()).collect();
        let left: Vec<_> =
            new.iter().filter(|(key, text)| old.contains(text.as_str()) && !is_common(key, text)).collect();
        assert!(left.is_empty(), "{}: {left:?}", path.display());
    });
}

/// `ops` is a room of three real servers: no local part, server name, topic, display name or body of it is found
/// anywhere in the text of the new dump, and it behaves as before.
#[test]
fn ops_can_be_published() {
    let Some(folder) = shared("real/rooms/ops") else { return };
    let room = load(&folder.join("alpha.events.ndjson.gz")).unwrap().room;
    let (new, wrong) = deviating(&room);
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(new.rewritten.outcome.misplaced + new.rewritten.outcome.spread, 0);
    let text = ndjson(&new.rewritten.room);
    let mut words: BTreeSet<String> = BTreeSet::new();
    for (key, value) in all_strings(&room) {
        match &*key {
            "sender" | "state_key" if value.starts_with('@') => {
                let (local, server) = value.split_once(':').unwrap();
                words.insert(format!("{local}:"));
                words.insert(format!("\"{}\"", &local[1..]));
                words.insert(server.to_owned());
            }
            "displayname" | "topic" | "body" | "name" | "reason" => {
                words.insert(json_word(&value));
            }
            _ => {}
        }
    }
    assert!(words.len() > 100, "{words:?}");
    let left: Vec<_> = words.iter().filter(|word| text.contains(word.as_str())).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A text as it would stand in a dump; a short one within its quotes, lest it be found within a hash.
fn json_word(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    if text.len() < 8 { quoted } else { quoted[1..quoted.len() - 1].to_owned() }
}

/// Whatever stands where a name should, its validity and its part after the colon stay what they were.
#[test]
fn odd_names_stay_odd() {
    let odd = [
        "",
        "@",
        ":",
        "@:x",
        "@a",
        "@a:",
        "a:b",
        "@ä:x",
        "@a b:x",
        "@A:x",
        "@a:b:c:d",
        "@a:not a server",
        "@a\u{0}:x",
        "@\u{202e}:x",
        "user1",
        "@user1:server1.example",
        "server1.example",
        "@a:[::1]:80",
        "@a:1.2.3.4",
    ];
    let long = [format!("@{}:x", "a".repeat(300)), format!("@a:{}", "x".repeat(300)), "a".repeat(300)];
    for version in ["1", "5", "9", "11", "12"] {
        let mut room = RoomBuilder::new(Rules::of(version).unwrap(), 1);
        room.send(Draft::create(room.rules(), "@a:x"));
        room.send(Draft::join("@a:x"));
        room.send(Draft::join_rules("@a:x", "public"));
        for name in odd.iter().copied().chain(long.iter().map(String::as_str)) {
            room.send(Draft::join(name));
            room.send(Draft::member("@a:x", name, "invite"));
            room.send(Draft::state("m.room.aliases", name, "@a:x", serde_json::json!({ "aliases": [name] })));
            room.send(Draft::state("org.example.thing", name, "@a:x", serde_json::json!({ name: name })));
            room.send(Draft::power_levels("@a:x", serde_json::json!({ "users": { name: 5, "@a:x": 100 } })));
            room.send(Draft::restricted_join("@a:x", name));
        }
        let (_, wrong) = deviating(&room.room());
        assert!(wrong.is_empty(), "{version}: {}", wrong.join("\n"));
    }
}

/// Values that nobody should send: they stay what rules take them for.
#[test]
fn odd_values_do_no_harm() {
    let line = |id: &str, event_type: &str, content: &str, references: &str, more: &str| {
        format!(
            r#"{{"event_id":"{id}","type":"{event_type}","state_key":"","sender":"@a:x","room_id":"!r:x","depth":1e3,"content":{content},"prev_events":[{references}],"auth_events":["$create"],"origin_server_ts":7{more}}}"#
        )
    };
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    let levels = r#"{"users":{"@a:x":99999999999999999999,"@b:x":1e400,"@c:x":"1_0","@d:x":null,"@e:x":[1],"@f:x":"ten"},
        "ban":50.9,"kick":"٥٠","events":[],"notifications":{"room":true,"secret":"x"}}"#;
    let lines = [
        line("$create", "m.room.create", r#"{"room_version":"5","creator":7,"m.federate":"no"}"#, "", ""),
        line("$levels", "m.room.power_levels", &levels.replace('\n', " "), r#""$create""#, ""),
        line(
            "$deep",
            "org.example.secret",
            &deep,
            r#""$levels","$levels","$nowhere""#,
            r#","unsigned":7,"signatures":[]"#,
        ),
        line(
            "$one",
            "m.room.topic",
            r#"{"topic":{"topic":1.5},"topic":null}"#,
            r#""$two""#,
            r#","redacts":"$two""#,
        ),
        line("$two", "m.room.topic", r#"{"url":"mxc://x/secret","x":"!r:x #a:x"}"#, r#""$one","$deep""#, ""),
        line("$other", "m.room.topic", "{}", r#""$create""#, "").replace("!r:x", "!elsewhere:y"),
    ];
    for version in ["5", "9", "11", "12"] {
        let options = Options { room_version: Some(version.to_owned()), ..Options::default() };
        let room = dump::load(lines.join("\n").as_bytes(), &options).unwrap().room;
        let (new, wrong) = deviating(&room);
        assert!(wrong.is_empty(), "{version}: {}", wrong.join("\n"));
        let text = ndjson(&new.rewritten.room);
        for word in ["secret", "@a:x", "!r:x", "elsewhere", "\"ten\""] {
            assert!(!text.contains(word), "{version}: {word} in {text}");
        }
    }
}

/// Dumps in which words and numbers were swapped at random, with circles, holes and nonsense: whatever still loads behaves
/// as before.
#[test]
fn mangled_rooms_behave_as_before() {
    mangle::each_mangled(100, |room| {
        let (_, wrong) = deviating(room);
        wrong.into_iter().next().map_or(Ok(()), Err)
    });
}
