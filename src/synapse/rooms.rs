//! All rooms of a server: how large they are, and what looks like trouble. A handful of grouped queries, none per room.

use std::collections::BTreeMap;
use std::fmt;

use super::database::{Database, Param, Row};
use super::error::Error;
use super::forks;
use super::schema::Schema;

/// Events beyond which a look at each of them takes too long to be had without asking.
const LARGE: i64 = 2_000_000;
/// More forward extremities than this slow a server down (Synapse itself begins to send dummy events at 10).
const MANY: u64 = 10;

/// One room of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomRow {
    /// Its ID.
    pub room_id: String,
    /// Its name, as the server keeps it for statistics.
    pub name: Option<String>,
    /// Its canonical alias, likewise.
    pub alias: Option<String>,
    /// `rooms.room_version`.
    pub version: Option<String>,
    /// Events that the server knows, those without a place in the DAG among them.
    pub events: u64,
    /// Events without a place in the DAG; `None` if they were not counted.
    pub outliers: Option<u64>,
    /// Events that more than one other cites as its parent; `None` if they were not counted.
    pub forks: Option<u64>,
    /// Events that none cites yet.
    pub forward_extremities: u64,
    /// Events that are known only as somebody's parents.
    pub backward_extremities: u64,
    /// Users who are in the room now.
    pub members: u64,
    /// Events that the server rejected.
    pub rejected: u64,
    /// Events that it soft-failed; `None` if they were not counted.
    pub soft_failed: Option<u64>,
    /// The state at the server's join has not come yet.
    pub partial_state: bool,
    /// There is an `m.room.create` event.
    pub has_create: bool,
}

/// What looks like trouble in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// So many forward extremities.
    ManyExtremities(u64),
    /// The state at the server's join has not come yet.
    PartialState,
    /// There is no `m.room.create` event.
    NoCreateEvent,
    /// The server does not know the room version.
    NoVersion,
    /// So many events are known only as somebody's parents.
    Holes(u64),
    /// So many events were rejected.
    Rejected(u64),
    /// So many events were soft-failed.
    SoftFailed(u64),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ManyExtremities(count) => write!(f, "{count} forward extremities"),
            Self::PartialState => f.write_str("partial state"),
            Self::NoCreateEvent => f.write_str("no create event"),
            Self::NoVersion => f.write_str("no room version"),
            Self::Holes(1) => f.write_str("1 hole"),
            Self::Holes(count) => write!(f, "{count} holes"),
            Self::Rejected(count) => write!(f, "{count} rejected"),
            Self::SoftFailed(count) => write!(f, "{count} soft-failed"),
        }
    }
}

impl RoomRow {
    /// What looks like trouble, the worst first. Most rooms have a hole where the server joined.
    pub fn troubles(&self) -> Vec<Trouble> {
        let some = |count: u64, trouble: fn(u64) -> Trouble| (count > 0).then(|| trouble(count));
        let troubles = [
            (self.forward_extremities > MANY).then_some(Trouble::ManyExtremities(self.forward_extremities)),
            self.partial_state.then_some(Trouble::PartialState),
            (!self.has_create).then_some(Trouble::NoCreateEvent),
            self.version.is_none().then_some(Trouble::NoVersion),
            some(self.rejected, Trouble::Rejected),
            some(self.soft_failed.unwrap_or(0), Trouble::SoftFailed),
            some(self.backward_extremities, Trouble::Holes),
        ];
        troubles.into_iter().flatten().collect()
    }
}

/// The rooms of a server.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// By ID.
    pub rooms: Vec<RoomRow>,
    /// Whether forks, outliers and soft failures were left out, for the server is very large.
    pub is_brief: bool,
}

impl Listing {
    /// The number of events in all rooms.
    pub fn events(&self) -> u64 {
        self.rooms.iter().map(|room| room.events).sum()
    }
}

/// The IDs of the rooms, with the number of events in each.
pub(super) fn ids(main: &mut Database) -> Result<Vec<(String, u64)>, Error> {
    let mut rooms: BTreeMap<String, u64> = BTreeMap::new();
    main.rows("SELECT room_id, count(*) FROM events GROUP BY room_id", &[], &mut |row| {
        rooms.extend(row.text(0).map(|id| (id.into(), row.count(1))));
        Ok(())
    })?;
    Ok(rooms.into_iter().collect())
}

/// Lists the rooms; see [`Server::rooms`](super::Server::rooms).
pub(super) fn list(main: &mut Database, schema: &Schema, thorough: bool) -> Result<Listing, Error> {
    let is_brief = !thorough && is_large(main)?;
    let mut lister = Lister { main, schema, rooms: BTreeMap::new() };
    lister.known()?;
    lister.counts()?;
    lister.statistics()?;
    lister.create_events()?;
    if !is_brief {
        lister.of_every_event()?;
    }
    Ok(Listing { rooms: lister.rooms.into_values().collect(), is_brief })
}

fn is_large(main: &mut Database) -> Result<bool, Error> {
    let mut spread = 0;
    // Apart, so that the index gives each at once.
    for (sign, sql) in
        [(1, "SELECT max(stream_ordering) FROM events"), (-1, "SELECT min(stream_ordering) FROM events")]
    {
        spread += sign * main.number(sql, &[])?.unwrap_or(0);
    }
    Ok(spread > LARGE)
}

struct Lister<'a> {
    main: &'a mut Database,
    schema: &'a Schema,
    rooms: BTreeMap<String, RoomRow>,
}

impl Lister<'_> {
    /// Asks for rows that begin with a room ID, and puts what they say into the rooms. `adds`: a room of which only this is
    /// known is a room all the same.
    fn each(
        &mut self,
        sql: &str,
        adds: bool,
        mut put: impl FnMut(&mut RoomRow, &Row<'_>),
    ) -> Result<(), Error> {
        let rooms = &mut self.rooms;
        self.main.rows(sql, &[], &mut |row| {
            let Some(room_id) = row.text(0) else { return Ok(()) };
            if adds && !rooms.contains_key(&*room_id) {
                let room = RoomRow { room_id: room_id.clone().into(), ..RoomRow::default() };
                rooms.insert(room_id.clone().into(), room);
            }
            if let Some(room) = rooms.get_mut(&*room_id) {
                put(room, row);
            }
            Ok(())
        })
    }

    fn known(&mut self) -> Result<(), Error> {
        let version = if self.schema.has("rooms", "room_version") { "room_version" } else { "NULL" };
        self.each(&format!("SELECT room_id, {version} FROM rooms"), true, |room, row| {
            room.version = row.text(1).filter(|version| !version.is_empty()).map(String::from);
        })?;
        self.each("SELECT room_id, count(*) FROM events GROUP BY room_id", true, |room, row| {
            room.events = row.count(1);
        })
    }

    fn counts(&mut self) -> Result<(), Error> {
        let forward = "SELECT room_id, count(*) FROM event_forward_extremities GROUP BY room_id";
        self.each(forward, false, |room, row| room.forward_extremities = row.count(1))?;
        let backward =
            "SELECT room_id, count(DISTINCT event_id) FROM event_backward_extremities GROUP BY room_id";
        self.each(backward, false, |room, row| room.backward_extremities = row.count(1))?;
        if self.schema.has("rejections", "event_id") {
            let rejected = "SELECT e.room_id, count(*) FROM rejections r \
                            JOIN events e ON e.event_id = r.event_id GROUP BY e.room_id";
            self.each(rejected, false, |room, row| room.rejected = row.count(1))?;
        }
        if self.schema.has("partial_state_rooms", "room_id") {
            let partial = "SELECT room_id FROM partial_state_rooms";
            self.each(partial, false, |room, _| room.partial_state = true)?;
        }
        Ok(())
    }

    /// Names and members: from the server's statistics, which may be switched off.
    fn statistics(&mut self) -> Result<(), Error> {
        if self.schema.has_all("room_stats_state", &["room_id", "name", "canonical_alias"]) {
            let names = "SELECT room_id, name, canonical_alias FROM room_stats_state";
            self.each(names, false, |room, row| {
                let filled = |column| row.text(column).filter(|text| !text.is_empty()).map(String::from);
                room.name = filled(1);
                room.alias = filled(2);
            })?;
        }
        if self.schema.has_all("room_stats_current", &["room_id", "joined_members"])
            && self.main.number("SELECT 1 FROM room_stats_current LIMIT 1", &[])?.is_some()
        {
            let members = "SELECT room_id, joined_members FROM room_stats_current";
            return self.each(members, false, |room, row| room.members = row.count(1));
        }
        if self.schema.has("current_state_events", "membership") {
            let members = "SELECT room_id, count(*) FROM current_state_events \
                           WHERE type = 'm.room.member' AND membership = 'join' GROUP BY room_id";
            self.each(members, false, |room, row| room.members = row.count(1))?;
        }
        Ok(())
    }

    /// Looks for create events: in the current state, and among the first events of rooms that the server has left.
    fn create_events(&mut self) -> Result<(), Error> {
        let current = "SELECT r.room_id FROM rooms r WHERE EXISTS (SELECT 1 FROM current_state_events c \
                       WHERE c.room_id = r.room_id AND c.type = 'm.room.create' AND c.state_key = '')";
        self.each(current, false, |room, _| room.has_create = true)?;
        if !self.schema.has_all("events", &["topological_ordering", "type"]) {
            self.rooms.values_mut().for_each(|room| room.has_create = true);
            return Ok(());
        }
        let left: Vec<String> =
            self.rooms.values().filter(|room| !room.has_create).map(|room| room.room_id.clone()).collect();
        let first = "SELECT count(*) FROM events \
                     WHERE room_id = $1 AND topological_ordering <= 1 AND type = 'm.room.create'";
        if left.len() <= 1_000 {
            for room_id in left {
                let found = self.main.number(first, &[Param(&room_id)])?.unwrap_or(0) > 0;
                if let Some(room) = self.rooms.get_mut(&room_id) {
                    room.has_create = found;
                }
            }
            return Ok(());
        }
        let all = "SELECT r.room_id FROM rooms r WHERE EXISTS (SELECT 1 FROM events e \
                   WHERE e.room_id = r.room_id AND e.topological_ordering <= 1 AND e.type = 'm.room.create')";
        self.each(all, false, |room, _| room.has_create = true)
    }

    /// What needs a look at every event.
    fn of_every_event(&mut self) -> Result<(), Error> {
        self.rooms.values_mut().for_each(|room| {
            room.outliers = Some(0);
            room.soft_failed = Some(0);
        });
        let outliers = "SELECT room_id, count(*) FROM events WHERE outlier GROUP BY room_id";
        self.each(outliers, false, |room, row| room.outliers = Some(row.count(1)))?;
        let metadata = match self.schema.kind("event_json", "internal_metadata") {
            Some("bytea") => "encode(j.internal_metadata, 'escape')",
            _ => "CAST(j.internal_metadata AS text)",
        };
        let soft_failed = format!(
            "SELECT e.room_id, count(*) FROM event_json j JOIN events e ON e.event_id = j.event_id \
             WHERE {metadata} LIKE '%\"soft\\_failed\":true%' ESCAPE '\\' \
             OR {metadata} LIKE '%\"soft\\_failed\": true%' ESCAPE '\\' GROUP BY e.room_id"
        );
        self.each(&soft_failed, false, |room, row| room.soft_failed = Some(row.count(1)))?;
        if self.schema.has_all("event_edges", &["event_id", "prev_event_id"]) {
            let forks = forks::count(self.main, self.schema)?;
            for room in self.rooms.values_mut() {
                room.forks = Some(forks.get(&room.room_id).copied().unwrap_or(0));
            }
        }
        Ok(())
    }
}
