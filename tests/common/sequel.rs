//! What happens in a room after the end of its dump.

use std::collections::BTreeMap;

use hindsight::auth::Profile;
use hindsight::dump::{self, Options};
use hindsight::event::hash;
use hindsight::replay::Replay;
use hindsight::room::Room;
use serde_json::{Value, json};

type State = BTreeMap<(String, String), String>;

/// A room that goes on. Events are named by their IDs.
pub(crate) struct Sequel {
    text: String,
    room: Room,
    /// The state after the dump, and after every event since.
    states: BTreeMap<String, State>,
    now: i64,
    extremities: Vec<String>,
}

impl Sequel {
    /// After a dump of a room whose event IDs are hashes.
    pub(crate) fn of(ndjson: &[u8]) -> Self {
        let room = dump::load(ndjson, &Options::default()).unwrap().room;
        let replay = Replay::new(&room, None, Profile::Spec);
        let current = replay.current();
        let entries = current.state.as_ref().unwrap().iter().map(|(key, ix)| {
            let (event_type, state_key) = room.key(key);
            ((event_type.to_owned(), state_key.to_owned()), room.id(ix).to_owned())
        });
        let states = [(String::new(), entries.collect())].into();
        let extremities = current.extremities.iter().map(|ix| room.id(*ix).to_owned()).collect();
        let now = room.events().map(|ix| room.event(ix).origin_server_ts()).max().unwrap();
        Self { text: String::from_utf8(ndjson.to_vec()).unwrap(), room, states, now, extremities }
    }

    /// The creator of the room.
    pub(crate) fn creator(&self) -> String {
        self.room.event(self.room.create_event().unwrap()).sender().to_owned()
    }

    /// A joined user without an entry in the power levels.
    pub(crate) fn member(&self) -> String {
        let levels =
            self.room.find(&self.states[""][&("m.room.power_levels".to_owned(), String::new())]).unwrap();
        let levels = self.room.event(levels).json();
        let joined = self.states[""].iter().filter(|((event_type, _), _)| event_type == "m.room.member");
        let joined = joined.filter(|(_, id)| {
            self.room.event(self.room.find(id).unwrap()).json().contains("\"membership\":\"join\"")
        });
        let mut users = joined.map(|((_, user), _)| user.clone());
        users.find(|user| !levels.contains(user.as_str())).unwrap()
    }

    /// The state after an event; after the dump for the empty string.
    pub(crate) fn content(&self, event_type: &str) -> Value {
        let id = &self.states[""][&(event_type.to_owned(), String::new())];
        let event: Value = serde_json::from_str(self.room.event(self.room.find(id).unwrap()).json()).unwrap();
        event["content"].clone()
    }

    /// Sends an event after others (after the dump if there are none), on the state after the last of them.
    pub(crate) fn send(
        &mut self,
        after: &[&str],
        sender: &str,
        event_type: &str,
        state_key: Option<&str>,
        content: &Value,
    ) -> String {
        let mut state = self.states[after.last().copied().unwrap_or("")].clone();
        let mut keys = vec![("m.room.power_levels", ""), ("m.room.member", sender)];
        if !self.room.rules().room_id_is_create_id {
            keys.push(("m.room.create", ""));
        }
        if event_type == "m.room.member" {
            keys.push(("m.room.member", state_key.unwrap()));
            if content["membership"] == "join" {
                keys.push(("m.room.join_rules", ""));
            }
        }
        keys.sort_unstable();
        keys.dedup();
        let auth = keys.iter().filter_map(|(kind, key)| state.get(&((*kind).to_owned(), (*key).to_owned())));
        let auth: Vec<&String> = auth.collect();
        let prev: Vec<&str> = match after {
            [] => self.extremities.iter().map(String::as_str).collect(),
            after => after.to_vec(),
        };
        self.now += 1000;
        let mut event = json!({
            "type": event_type, "sender": sender, "room_id": self.room.room_id(), "content": content,
            "prev_events": prev, "auth_events": auth, "origin_server_ts": self.now, "depth": 100_000,
        });
        if let Some(state_key) = state_key {
            event["state_key"] = state_key.into();
        }
        let id = hash::event_id(&event.to_string(), self.room.rules()).unwrap();
        event["event_id"] = id.as_str().into();
        self.text.push_str(&event.to_string());
        self.text.push('\n');
        if let Some(state_key) = state_key {
            state.insert((event_type.to_owned(), state_key.to_owned()), id.clone());
        }
        self.states.insert(id.clone(), state);
        id
    }

    /// The room with all that happened.
    pub(crate) fn room(&self) -> Room {
        dump::load(self.text.as_bytes(), &Options::default()).unwrap().room
    }
}
