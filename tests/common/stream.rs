//! What an import writes, read as the format is described and not as Hindsight reads it; and held against what a server is
//! known to hold.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use hindsight::auth::Profile;
use hindsight::dump::{self, Dump, Holes, Options};
use hindsight::replay::Replay;
use hindsight::room::When;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

type Key = (String, String);

/// The records of one room.
pub(crate) struct Stream {
    bytes: Vec<u8>,
    pub(crate) server: Value,
    groups: HashMap<i64, Value>,
    pub(crate) events: Vec<Value>,
    pub(crate) deltas: Vec<Value>,
}

impl Stream {
    pub(crate) fn read(bytes: Vec<u8>) -> Self {
        let mut stream = Self {
            bytes: Vec::new(),
            server: Value::Null,
            groups: HashMap::new(),
            events: Vec::new(),
            deltas: Vec::new(),
        };
        for line in bytes.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n') {
            let record: Value = serde_json::from_slice(line).unwrap();
            if record["server"].is_object() {
                assert!(stream.server.is_null() && stream.groups.is_empty(), "it comes first");
                stream.server = record["server"].clone();
            } else if record["state_delta"].is_object() {
                stream.deltas.push(record["state_delta"].clone());
            } else if record["event_id"].is_string() {
                stream.events.push(record);
            } else {
                assert!(stream.events.is_empty(), "groups come before events");
                let number = record["state_group"].as_i64().unwrap();
                assert!(stream.groups.insert(number, record).is_none(), "group {number} comes twice");
            }
        }
        stream.bytes = bytes;
        stream
    }

    pub(crate) fn event(&self, event_id: &str) -> &Value {
        self.events.iter().find(|record| record["event_id"] == event_id).unwrap()
    }

    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// `hindsight rooms` tells of the room what was counted elsewhere, and so does the current state.
    pub(crate) fn is_as_counted(&self, row: &Value, counted: &Value, label: &str) {
        for count in
            ["events", "outliers", "rejected", "soft_failed", "forward_extremities", "backward_extremities"]
        {
            // What there is none of may be left out.
            assert_eq!(row[count], counted[count].as_u64().unwrap_or(0), "{label}: {count}");
        }
        // Counted elsewhere without those that only outliers cite.
        let room = self.load(Holes::Unknown).room;
        let forks = room.events().filter(|ix| room.children(*ix).len() > 1).count();
        assert_eq!(row["forks"], forks, "{label}");
        assert_eq!(row["room_version"], counted["version"], "{label}");
        assert_eq!(row["partial_state"], counted["partial_state_events"].as_u64() > Some(0), "{label}");
        assert_eq!(self.events.len(), counted["events"], "{label}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let state = self.server["current_state"].as_array().unwrap();
        let state = state.iter().map(|entry| ((text(&entry[0]), text(&entry[1])), text(&entry[2])));
        assert_eq!(hash(state.collect()), counted["current_state_hash"], "{label}");
    }

    fn state(&self, group: i64) -> BTreeMap<Key, String> {
        let mut chain = vec![&self.groups[&group]];
        loop {
            let last = chain[chain.len() - 1];
            let on = last["base"].as_i64().or(last["prev_state_group"].as_i64());
            let Some(on) = on else { break };
            chain.push(&self.groups[&on]);
        }
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut state = BTreeMap::new();
        for group in chain.into_iter().rev() {
            for key in group["without"].as_array().into_iter().flatten() {
                state.remove(&(text(&key[0]), text(&key[1]))).expect("only what is there is taken away");
            }
            for entry in group["state"].as_array().into_iter().flatten() {
                state.insert((text(&entry[0]), text(&entry[1])), text(&entry[2]));
            }
        }
        state
    }

    /// The state hash of a group.
    pub(crate) fn hash(&self, group: i64) -> String {
        hash(self.state(group))
    }

    /// As Hindsight loads it.
    pub(crate) fn load(&self, holes: Holes) -> Dump {
        dump::load(&self.bytes, &Options { holes, ..Options::default() }).unwrap()
    }

    /// Every line of the table of what the server holds agrees: with the records, with what Hindsight makes of them, and,
    /// where nothing is missing, with what it computes. `label`: for messages.
    pub(crate) fn agrees_with(&self, truth: &str, label: &str) {
        let dump = self.load(Holes::Stored);
        let room = &dump.room;
        let replay = Replay::new(room, None, Profile::Synapse);
        let mut lines = 0;
        for line in truth.lines().skip(1) {
            let [id, group, after, _, before, prevs, flags] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            lines += 1;
            let record = self.event(id);
            assert_eq!(record["state_group"].as_i64(), group.parse().ok(), "{label}: {id}");
            assert_eq!(self.hash(group.parse().unwrap()), after, "{label}: {id}");
            for (flag, told) in [
                ("rejected", record["rejected"].is_string()),
                ("soft_failed", record["soft_failed"] == true),
                ("partial_state", record["partial_state"] == true),
            ] {
                assert_eq!(flags.split(',').any(|other| other == flag), told, "{label}: {flag} {id}");
            }
            assert!(record["outlier"].is_null(), "{label}: {id}");
            let ix = room.find(id).unwrap();
            let stored = |when| replay.stored(ix, when).map(|state| state.hash(room));
            assert_eq!(stored(When::After).as_deref(), Some(after), "{label}: {id}");
            if before != "-" {
                assert!(stored(When::Before).is_none_or(|stored| stored == before), "{label}: {id}");
            }
            if prevs == "all" && !flags.contains("partial_state") {
                let computed = replay.after(ix).map(|state| state.hash(room));
                assert_eq!(computed.as_deref(), Some(after), "{label}: {id} as computed");
            }
        }
        let with_state = self.events.iter().filter(|record| record["state_group"].is_i64()).count();
        assert_eq!(with_state, lines, "{label}");
    }

    /// Without the states that the server stored, the room behaves as the same room from a plain dump.
    pub(crate) fn replays_as(&self, plain: &Dump, label: &str) {
        let dump = self.load(Holes::Unknown);
        let [ours, theirs] = [&dump.room, &plain.room].map(|room| Replay::new(room, None, Profile::Synapse));
        assert_eq!(dump.room.rules().id, plain.room.rules().id, "{label}");
        assert_eq!(dump.room.len(), plain.room.len(), "{label}");
        for ix in plain.room.events() {
            let id = plain.room.id(ix);
            let same = dump.room.find(id).unwrap();
            assert_eq!(dump.room.recorded(same), plain.room.recorded(ix), "{label}: {id}");
            let [a, b] = [(&ours, same), (&theirs, ix)].map(|(replay, ix)| {
                let room = replay.room();
                let states = [replay.before(ix), replay.after(ix)];
                let rejection =
                    replay.rejection(ix).map(|rejection| (rejection.check, rejection.reason.clone()));
                (states.map(|state| state.map(|state| state.hash(room))), replay.footing(ix), rejection)
            });
            assert_eq!(a, b, "{label}: {id}");
        }
        let current = [&ours, &theirs]
            .map(|replay| replay.current().state.as_ref().map(|state| state.hash(replay.room())));
        assert_eq!(current[0], current[1], "{label}");
    }
}

fn hash(state: BTreeMap<Key, String>) -> String {
    let mut hash = Sha256::new();
    for ((event_type, state_key), event) in state {
        hash.update(format!("{event_type}\0{state_key}\0{event}\n"));
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
