//! What tables and columns there are, and what is missing.

use std::collections::{BTreeMap, HashMap};

use super::database::Database;
use super::error::Error;

/// The oldest version of the schema in which everything needed is where it is looked for (Synapse 1.35, 2021).
const OLDEST: i64 = 60;
/// The newest version that was tried (Synapse 1.163).
const NEWEST: i64 = 94;

/// What reading a room needs of the main database.
const MAIN: &[(&str, &[&str])] = &[
    ("rooms", &["room_id"]),
    ("events", &["event_id", "room_id", "stream_ordering", "outlier"]),
    ("event_json", &["event_id", "json", "internal_metadata"]),
    ("event_to_state_groups", &["event_id", "state_group"]),
    ("event_forward_extremities", &["event_id", "room_id"]),
    ("event_backward_extremities", &["event_id", "room_id"]),
    ("current_state_events", &["event_id", "room_id", "type", "state_key"]),
];
/// What it needs of the database with the states.
const STATE: &[(&str, &[&str])] = &[
    ("state_groups", &["id"]),
    ("state_group_edges", &["state_group", "prev_state_group"]),
    ("state_groups_state", &["state_group", "type", "state_key", "event_id"]),
];
/// Tables by which other applications are known.
const OTHERS: [(&str, &str); 6] = [
    ("roomserver_events", "this is a database of Dendrite, not of Synapse"),
    ("roomserver_state_snapshots", "this is a database of Dendrite, not of Synapse"),
    ("syncapi_output_room_events", "this is a database of Dendrite's sync API, not of Synapse"),
    ("user_sessions", "this is a database of the Matrix Authentication Service, not of Synapse"),
    ("mx_room_state", "this is a database of a bridge, not of Synapse"),
    ("syncv3_events", "this is a database of the sliding sync proxy, not of Synapse"),
];

/// The tables with their columns, and what SQL calls the types of these.
#[derive(Debug, Clone, Default)]
pub(super) struct Schema {
    tables: HashMap<String, BTreeMap<String, String>>,
    /// `schema_version.version`, where it is known.
    pub(super) version: Option<i64>,
}

impl Schema {
    /// Looks at a database.
    pub(super) fn of(database: &mut Database) -> Result<Self, Error> {
        let mut schema = Self::default();
        for [table, column, kind] in database.columns()? {
            schema.tables.entry(table).or_default().insert(column, kind);
        }
        if schema.has("schema_version", "version") {
            schema.version = database.number("SELECT version FROM schema_version", &[])?;
        }
        Ok(schema)
    }

    /// Whether there is such a column.
    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        self.kind(table, column).is_some()
    }

    /// Whether there are all of these columns.
    pub(super) fn has_all(&self, table: &str, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.has(table, column))
    }

    /// The type of a column.
    pub(super) fn kind(&self, table: &str, column: &str) -> Option<&str> {
        self.tables.get(table)?.get(column).map(String::as_str)
    }

    /// Refuses what is no main database of Synapse, and what is too old. Returns what to tell of one that is newer than
    /// any that was tried.
    pub(super) fn check_main(&self) -> Result<Option<String>, Error> {
        let Some(version) = self.version.filter(|_| self.tables.contains_key("events")) else {
            return Err(self.not_synapse());
        };
        if version < OLDEST {
            let message =
                format!("the schema is too old: version {version}, and it must be {OLDEST} at least");
            return Err(Error::new(message)
                .hint("let a newer Synapse (1.35 or later) upgrade a copy of the database, and read that"));
        }
        self.check(MAIN)?;
        Ok((version > NEWEST).then(|| {
            format!(
                "the schema has version {version}; known are {OLDEST} to {NEWEST}, and newer ones may differ"
            )
        }))
    }

    /// Refuses what has no states. `is_main`: it is the main database.
    pub(super) fn check_state(&self, is_main: bool) -> Result<(), Error> {
        let checked = self.check(STATE);
        if is_main && STATE.iter().all(|(table, _)| !self.tables.contains_key(*table)) {
            return checked.map_err(|error| {
                error.hint(
                    "if Synapse has a database of its own for `state`, name it: --state-database SOURCE",
                )
            });
        }
        checked
    }

    fn check(&self, needed: &[(&str, &[&str])]) -> Result<(), Error> {
        let mut missing = Vec::new();
        for (table, columns) in needed {
            if !self.tables.contains_key(*table) {
                missing.push(format!("table `{table}` is missing"));
                continue;
            }
            let columns = columns.iter().filter(|column| !self.has(table, column));
            missing.extend(columns.map(|column| format!("column `{column}` of table `{table}` is missing")));
        }
        if missing.is_empty() {
            return Ok(());
        }
        let version = self.version.map_or(String::new(), |version| format!(" (schema version {version})"));
        Err(Error::new(format!("{}{version}", missing.join(", "))).hint(
            "is the copy whole? Else this version of Synapse is not known to this version of Hindsight",
        ))
    }

    fn not_synapse(&self) -> Error {
        let other = OTHERS.iter().find(|(table, _)| self.tables.contains_key(*table));
        if let Some((_, message)) = other {
            return Error::new(*message);
        }
        if self.tables.is_empty() {
            return Error::new("there is no table in this database").hint("is it the right one?");
        }
        if self.has_all("state_groups_state", &["state_group"]) {
            return Error::new("this is Synapse's database for `state`, and table `events` is missing")
                .hint("name the main database, and this one with --state-database");
        }
        let missing = if self.tables.contains_key("events") { "schema_version" } else { "events" };
        let mut some: Vec<&str> = self.tables.keys().map(String::as_str).collect();
        some.sort_unstable();
        some.truncate(5);
        Error::new(format!("this is no database of Synapse: table `{missing}` is missing"))
            .hint(format!("its tables are {} …", some.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(version: i64, tables: &[&[(&str, &[&str])]]) -> Schema {
        let columns = |columns: &[&str]| {
            columns.iter().map(|column| ((*column).to_owned(), "text".to_owned())).collect()
        };
        let tables = tables.iter().copied().flatten();
        let tables = tables.map(|(table, names)| ((*table).to_owned(), columns(names))).collect();
        Schema { tables, version: Some(version) }
    }

    #[test]
    fn what_is_missing_is_named() {
        let main = |version| schema(version, &[MAIN, STATE]);
        assert_eq!(main(72).check_main().unwrap(), None);
        assert!(main(95).check_main().unwrap().unwrap().contains("95"));
        assert!(main(59).check_main().unwrap_err().to_string().contains("too old"));
        main(72).check_state(true).unwrap();
        let mut less = main(72);
        less.tables.remove("state_group_edges");
        less.tables.get_mut("events").unwrap().remove("outlier");
        let error = less.check_state(true).unwrap_err().to_string();
        assert!(error.contains("table `state_group_edges` is missing"), "{error}");
        let error = less.check_main().unwrap_err().to_string();
        assert!(error.contains("column `outlier` of table `events` is missing"), "{error}");
        let Error::Source { hint, .. } = schema(72, &[MAIN]).check_state(true).unwrap_err() else { panic!() };
        assert!(hint.unwrap().contains("--state-database"));
    }

    #[test]
    fn other_applications_are_known_by_name() {
        let error = |tables: &[(&str, &[&str])]| schema(72, &[tables]).check_main().unwrap_err().to_string();
        assert!(error(&[("roomserver_events", &["event_nid"])]).contains("Dendrite"));
        assert!(error(STATE).contains("for `state`"));
        assert!(error(&[("photos", &["id"])]).contains("no database of Synapse"));
        assert!(error(&[]).contains("no table"));
    }
}
