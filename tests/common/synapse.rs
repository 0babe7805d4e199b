//! Databases of Synapse on SQLite, made from any room: what a server would have that took part in it and lost nothing.
//!
//! States are those of our own replay; state groups, which are what a database is large by, come about as Synapse makes
//! them. So this is something to import, not something to compare with.
//! Sources: `synapse/state/__init__.py` (`compute_event_context`, `_make_state_cache_entry`) and
//! `synapse/storage/databases/state/store.py` (`store_state_group`) of Synapse 1.163.2.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use hindsight::auth::Profile;
use hindsight::event::content::Membership;
use hindsight::replay::Replay;
use hindsight::room::{EventIx, Room};
use hindsight::state::StateMap;
use rusqlite::{Connection, OpenFlags, Result, params};
use serde_json::Value;

/// After so many deltas Synapse writes a state down whole.
const MAX_HOPS: u32 = 100;

/// What holds rooms, and what an import may look at.
pub(crate) const TABLES: [&str; 27] = [
    "applied_schema_deltas",
    "current_state_delta_stream",
    "current_state_events",
    "event_auth",
    "event_backward_extremities",
    "event_edges",
    "event_forward_extremities",
    "event_json",
    "event_to_state_groups",
    "events",
    "partial_state_events",
    "partial_state_rooms",
    "partial_state_rooms_servers",
    "redactions",
    "rejections",
    "room_aliases",
    "room_depth",
    "room_memberships",
    "room_stats_current",
    "room_stats_state",
    "rooms",
    "schema_compat_version",
    "schema_version",
    "state_events",
    "state_group_edges",
    "state_groups",
    "state_groups_state",
];

/// The SQLite database that is kept with the project.
pub(crate) fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/synapse/homeserver.db")
}

/// A database that is being made.
pub(crate) struct Database {
    pub(crate) connection: Connection,
    /// Made in the end: that takes a fraction of the time.
    indexes: Vec<String>,
    stream: i64,
    groups: i64,
}

impl Database {
    /// A new database without rooms. The schema is that of the fixture.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let fixture = Connection::open_with_flags(fixture(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA foreign_keys = OFF; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN",
        )?;
        let mut statements = fixture.prepare(
            "SELECT type, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name",
        )?;
        let mut rows = statements.query(())?;
        let mut indexes = Vec::new();
        while let Some(row) = rows.next()? {
            let (kind, table, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            match &*kind {
                _ if !TABLES.contains(&&*table) => {}
                "table" => connection.execute_batch(&sql)?,
                "index" => indexes.push(sql),
                _ => {}
            }
        }
        connection.execute_batch(
            "INSERT INTO schema_version (version, upgraded) VALUES (94, 0);
             INSERT INTO schema_compat_version (compat_version) VALUES (84);",
        )?;
        Ok(Self { connection, indexes, stream: 0, groups: 0 })
    }

    /// Adds a room as a server has it that got its events in the order of the dump, and decides as `profile`. Large
    /// rooms are made by servers that decide as [`Profile::Spec`]: one that does not may reject all that follows.
    pub(crate) fn add(&mut self, room: &Room, profile: Profile) -> Result<()> {
        let replay = Replay::new(room, None, profile);
        let mut arrived: Vec<EventIx> = room.events().collect();
        arrived.sort_by_key(|ix| room.position(*ix));
        let streams: HashMap<EventIx, i64> = arrived.into_iter().zip(self.stream + 1..).collect();
        self.stream += room.len() as i64;
        let adding = Adding {
            connection: &self.connection,
            room,
            room_id: room.room_id().expect("a room that says which it is"),
            replay,
        };
        let mut groups = Groups::new(&adding, self.groups);
        // The order of the room is causal, that of arrival need not be.
        for ix in room.events() {
            let group = groups.of_event(ix)?;
            adding.event(ix, streams[&ix], group)?;
            adding.references(ix)?;
        }
        self.groups = groups.last;
        adding.room(&streams)
    }

    /// Writes down the indexes, and all of it.
    pub(crate) fn finish(self) -> Result<Connection> {
        for index in &self.indexes {
            self.connection.execute_batch(index)?;
        }
        self.connection.execute_batch("COMMIT; ANALYZE")?;
        self.connection.flush_prepared_statement_cache();
        Ok(self.connection)
    }
}

/// A room that is being added.
struct Adding<'a> {
    connection: &'a Connection,
    room: &'a Room,
    room_id: &'a str,
    replay: Replay<'a>,
}

impl Adding<'_> {
    /// Writes down an event; without a state group it is an outlier.
    fn event(&self, ix: EventIx, stream: i64, group: Option<i64>) -> Result<()> {
        let event = self.room.event(ix);
        let reason = self.replay.rejection(ix).map(|_| "auth_error");
        self.connection
            .prepare_cached(
                "INSERT INTO events (stream_ordering, topological_ordering, event_id, type, room_id, processed,
                   outlier, depth, origin_server_ts, received_ts, sender, contains_url, instance_name, state_key,
                   rejection_reason)
                 VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, 0, 'master', ?, ?)",
            )?
            .execute(params![
                stream,
                event.depth(),
                event.id(),
                event.event_type(),
                self.room_id,
                group.is_none(),
                event.depth(),
                event.origin_server_ts(),
                event.origin_server_ts(),
                event.sender(),
                event.state_key(),
                reason,
            ])?;
        self.connection
            .prepare_cached("INSERT INTO event_json VALUES (?, ?, '{}', ?, ?)")?
            .execute(params![event.id(), self.room_id, self.json(ix), self.format()])?;
        if let Some(group) = group {
            self.connection
                .prepare_cached("INSERT INTO event_to_state_groups VALUES (?, ?)")?
                .execute(params![event.id(), group])?;
        }
        if let Some(reason) = reason {
            self.connection
                .prepare_cached("INSERT INTO rejections VALUES (?, ?, '0')")?
                .execute(params![event.id(), reason])?;
        }
        if let Some(state_key) = event.state_key() {
            self.connection
                .prepare_cached("INSERT INTO state_events VALUES (?, ?, ?, ?, NULL)")?
                .execute(params![event.id(), self.room_id, event.event_type(), state_key])?;
        }
        Ok(())
    }

    /// The event as it goes from server to server: from version 3 on without its ID.
    fn json(&self, ix: EventIx) -> String {
        let mut json: Value = serde_json::from_str(self.room.event(ix).json()).expect("it was read before");
        let rules = self.room.rules();
        if !matches!(rules.id, "1" | "2") {
            json.as_object_mut().expect("an event is an object").remove("event_id");
        }
        json.to_string()
    }

    /// `FrozenEvent.format_version` of the room version.
    fn format(&self) -> i64 {
        match self.room.rules().id {
            "1" | "2" => 1,
            "3" => 2,
            _ if self.room.rules().room_id_is_create_id => 4,
            _ => 3,
        }
    }

    fn references(&self, ix: EventIx) -> Result<()> {
        let (room, id) = (self.room, self.room.id(ix));
        // Synapse keeps no edges of rejected events.
        if self.replay.rejection(ix).is_none() {
            let mut edges = self
                .connection
                .prepare_cached("INSERT INTO event_edges (event_id, prev_event_id) VALUES (?, ?)")?;
            for parent in room.prev_events(ix) {
                edges.execute(params![id, room.id(*parent)])?;
            }
        }
        if room.event(ix).is_state() {
            let mut auth = self.connection.prepare_cached("INSERT INTO event_auth VALUES (?, ?, ?)")?;
            for cited in room.auth_events(ix).iter().copied().chain(room.implied_auth_event(ix)) {
                auth.execute(params![id, room.id(cited), self.room_id])?;
            }
        }
        Ok(())
    }

    /// The room as a whole: its extremities and its current state.
    fn room(&self, streams: &HashMap<EventIx, i64>) -> Result<()> {
        let (room, room_id) = (self.room, self.room_id);
        let creator = room.create_event().map(|create| room.event(create).sender());
        self.connection.execute(
            "INSERT INTO rooms VALUES (?, 0, ?, ?, 1)",
            params![room_id, creator, room.rules().id],
        )?;
        self.connection.execute("INSERT INTO room_depth VALUES (?, 1)", [room_id])?;
        for head in &self.replay.current().extremities {
            self.connection.execute(
                "INSERT INTO event_forward_extremities VALUES (?, ?)",
                params![room.id(*head), room_id],
            )?;
        }
        let mut joined = 0;
        let state = self.replay.current().state.as_ref();
        for (key, ix) in state.into_iter().flat_map(StateMap::iter) {
            let (event_type, state_key) = room.key(key);
            let membership = room.event(ix).as_member().and_then(|member| member.membership.value());
            let membership = membership.map(Membership::as_str);
            joined += i64::from(membership == Some("join"));
            self.connection
                .prepare_cached("INSERT INTO current_state_events VALUES (?, ?, ?, ?, ?, ?)")?
                .execute(params![room.id(ix), room_id, event_type, state_key, membership, streams[&ix]])?;
            self.connection
                .prepare_cached(
                    "INSERT INTO current_state_delta_stream VALUES (?, ?, ?, ?, ?, NULL, 'master')",
                )?
                .execute(params![streams[&ix], room_id, event_type, state_key, room.id(ix)])?;
        }
        self.connection.execute(
            "INSERT INTO room_stats_current VALUES (?, ?, ?, 0, 0, 0, 0, ?, 0)",
            params![room_id, state.map_or(0, StateMap::len) as i64, joined, self.stats_at(streams)],
        )?;
        let text = |event_type: &str, field: &str| {
            self.current(state?, event_type)?[field].as_str().map(str::to_owned)
        };
        self.connection.execute(
            "INSERT INTO room_stats_state (room_id, name, canonical_alias, topic) VALUES (?, ?, ?, ?)",
            params![
                room_id,
                text("m.room.name", "name"),
                text("m.room.canonical_alias", "alias"),
                text("m.room.topic", "topic"),
            ],
        )?;
        Ok(())
    }

    fn stats_at(&self, streams: &HashMap<EventIx, i64>) -> Option<i64> {
        streams.values().max().copied()
    }

    /// The content of what is current under a type and the empty state key.
    fn current(&self, state: &StateMap, event_type: &str) -> Option<Value> {
        let ix = state.get(self.room.find_key(event_type, "")?)?;
        let mut json: Value = serde_json::from_str(self.room.event(ix).json()).expect("it was read before");
        Some(json["content"].take())
    }
}

/// A state group.
struct Group {
    id: i64,
    state: StateMap,
    /// The number of deltas below it.
    hops: u32,
}

/// The state groups of a room, one made after the other.
struct Groups<'a> {
    adding: &'a Adding<'a>,
    /// By their place: see `after`.
    made: Vec<Group>,
    last: i64,
    /// The group after each event, by its place in `made`.
    after: HashMap<EventIx, usize>,
    /// What groups were resolved to before.
    resolved: HashMap<Vec<usize>, usize>,
}

impl<'a> Groups<'a> {
    fn new(adding: &'a Adding<'a>, last: i64) -> Self {
        Self { adding, made: Vec::new(), last, after: HashMap::new(), resolved: HashMap::new() }
    }

    /// The ID of the state group that Synapse notes for an event; none where the state is unknown.
    fn of_event(&mut self, ix: EventIx) -> Result<Option<i64>> {
        let Adding { room, replay, .. } = self.adding;
        let Some(state) = replay.after(ix) else { return Ok(None) };
        let mut parents: Vec<usize> = room.prev_events(ix).iter().map(|parent| self.after[parent]).collect();
        parents.sort_unstable();
        parents.dedup();
        let mut group = self.before(ix, parents)?;
        if room.key_of(ix).is_some() && replay.rejection(ix).is_none() {
            group = self.store(ix, state.clone(), Some(group))?;
        }
        self.after.insert(ix, group);
        Ok(Some(self.made[group].id))
    }

    fn before(&mut self, ix: EventIx, parents: Vec<usize>) -> Result<usize> {
        if let [parent] = parents[..] {
            return Ok(parent);
        }
        if let Some(known) = self.resolved.get(&parents) {
            return Ok(*known);
        }
        let state = self.adding.replay.before(ix).cloned().unwrap_or_default();
        let before = match parents.iter().find(|parent| self.made[**parent].state == state) {
            Some(same) => *same,
            None => {
                let distance = |parent: &usize| Some((self.changed(*parent, &state)?, *parent));
                let nearest = parents.iter().filter_map(distance).min();
                self.store(ix, state, nearest.map(|(_, parent)| parent))?
            }
        };
        self.resolved.insert(parents, before);
        Ok(before)
    }

    /// The number of keys in which a state differs from that of a group; `None` if it lacks one of them, which a
    /// delta cannot say.
    fn changed(&self, group: usize, state: &StateMap) -> Option<usize> {
        let mut count = 0;
        for (_, _, now) in self.made[group].state.diff(state) {
            now?;
            count += 1;
        }
        Some(count)
    }

    /// Makes a group: a delta upon another, or a whole state.
    fn store(&mut self, ix: EventIx, state: StateMap, upon: Option<usize>) -> Result<usize> {
        let Adding { connection, room, room_id, .. } = self.adding;
        self.last += 1;
        let id = self.last;
        connection.prepare_cached("INSERT INTO state_groups VALUES (?, ?, ?)")?.execute(params![
            id,
            room_id,
            room.id(ix)
        ])?;
        let upon = upon.map(|upon| &self.made[upon]).filter(|upon| upon.hops < MAX_HOPS);
        let mut entries =
            connection.prepare_cached("INSERT INTO state_groups_state VALUES (?, ?, ?, ?, ?)")?;
        let mut enter = |key, ix| {
            let (event_type, state_key) = room.key(key);
            entries.execute(params![id, room_id, event_type, state_key, room.id(ix)])
        };
        match upon {
            Some(upon) => {
                for (key, _, now) in upon.state.diff(&state) {
                    enter(key, now.expect("nothing was taken away"))?;
                }
                connection
                    .prepare_cached("INSERT INTO state_group_edges VALUES (?, ?)")?
                    .execute(params![id, upon.id])?;
            }
            None => {
                for (key, ix) in state.iter() {
                    enter(key, ix)?;
                }
            }
        }
        let hops = upon.map_or(0, |upon| upon.hops + 1);
        self.made.push(Group { id, state, hops });
        Ok(self.made.len() - 1)
    }
}
