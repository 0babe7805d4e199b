//! The states that a database holds, read as its documentation tells, without any cleverness.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

type State = BTreeMap<(String, String), String>;

/// The state groups of a room.
pub(crate) struct Stored {
    of_events: HashMap<String, i64>,
    upon: HashMap<i64, i64>,
    entries: HashMap<i64, State>,
    groups: Vec<i64>,
}

impl Stored {
    pub(crate) fn read(connection: &Connection, room_id: &str) -> Self {
        let mut stored = Self {
            of_events: HashMap::new(),
            upon: HashMap::new(),
            entries: HashMap::new(),
            groups: Vec::new(),
        };
        let mut events = connection
            .prepare("SELECT s.event_id, s.state_group FROM event_to_state_groups s JOIN events e USING (event_id) WHERE e.room_id = ?")
            .unwrap();
        let rows = events.query_map([room_id], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        stored.of_events.extend(rows.map(Result::unwrap));
        let mut groups = connection
            .prepare(
                "SELECT g.id, x.prev_state_group FROM state_groups g
                 LEFT JOIN state_group_edges x ON x.state_group = g.id WHERE g.room_id = ?",
            )
            .unwrap();
        let rows = groups.query_map([room_id], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        for (group, upon) in rows.map(Result::unwrap) {
            stored.groups.push(group);
            stored.upon.extend(Option::<i64>::map(upon, |upon| (group, upon)));
        }
        let mut entries = connection
            .prepare(
                "SELECT state_group, type, state_key, event_id FROM state_groups_state WHERE room_id = ?",
            )
            .unwrap();
        let rows = entries
            .query_map([room_id], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?), row.get(3)?)))
            .unwrap();
        for (group, key, event) in rows.map(Result::unwrap) {
            stored.entries.entry(group).or_default().insert(key, event);
        }
        stored
    }

    fn chain(&self, group: i64) -> Vec<i64> {
        let mut chain = vec![group];
        while let Some(upon) = self.upon.get(chain.last().unwrap()) {
            chain.push(*upon);
        }
        chain
    }

    fn hash(&self, group: i64) -> String {
        let mut state = State::new();
        for group in self.chain(group).iter().rev() {
            state.extend(
                self.entries
                    .get(group)
                    .into_iter()
                    .flatten()
                    .map(|(key, event)| (key.clone(), event.clone())),
            );
        }
        let mut hash = Sha256::new();
        for ((event_type, state_key), event) in state {
            hash.update(format!("{event_type}\0{state_key}\0{event}\n"));
        }
        hash.finalize().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    /// The hash of the state group of an event.
    pub(crate) fn after(&self, event_id: &str) -> Option<String> {
        self.of_events.get(event_id).map(|group| self.hash(*group))
    }

    /// The hash of the state group that the one of an event was built upon.
    pub(crate) fn built_upon(&self, event_id: &str) -> Option<String> {
        self.of_events.get(event_id).and_then(|group| self.upon.get(group)).map(|group| self.hash(*group))
    }

    /// The number of events with a state group.
    pub(crate) fn events(&self) -> usize {
        self.of_events.len()
    }

    /// The number of state groups.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The number of state groups that are written down whole.
    pub(crate) fn whole(&self) -> usize {
        self.groups.len() - self.upon.len()
    }

    /// The greatest number of differences below a group.
    pub(crate) fn longest_chain(&self) -> usize {
        self.groups.iter().map(|group| self.chain(*group).len() - 1).max().unwrap_or(0)
    }
}
