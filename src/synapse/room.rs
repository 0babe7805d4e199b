//! Which room is meant.

use super::database::{Database, Param};
use super::error::Error;
use super::schema::Schema;

/// A room that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its ID.
    pub room_id: String,
    /// A name or alias, where one is at hand.
    pub name: Option<String>,
}

/// The rooms that may be meant, ordered by ID; the first of these questions that has an answer decides: a room of this
/// ID, of this alias, whose ID begins like this.
pub(super) fn candidates(
    database: &mut Database,
    schema: &Schema,
    asked: Option<&str>,
    limit: usize,
) -> Result<Vec<Candidate>, Error> {
    let mut search = Search { database, limit, found: Vec::new() };
    match asked {
        None => search.rooms("SELECT room_id FROM rooms ORDER BY room_id", &[])?,
        Some(alias) if alias.starts_with('#') => search.alias(schema, alias)?,
        Some(id) => {
            search.rooms("SELECT room_id FROM rooms WHERE room_id = $1", &[Param(id)])?;
            if search.found.is_empty() {
                // Rooms have been purged, and events of theirs forgotten.
                let exact = "SELECT room_id FROM events WHERE room_id = $1 LIMIT 1";
                search.rooms(exact, &[Param(id)])?;
            }
            if search.found.is_empty() {
                search.beginning(id)?;
            }
            if search.found.is_empty() && !id.starts_with('!') {
                search.beginning(&format!("!{id}"))?;
            }
        }
    }
    let mut found = search.found;
    found.sort();
    found.dedup();
    found.into_iter().map(|room_id| named(database, schema, room_id)).collect()
}

struct Search<'a> {
    database: &'a mut Database,
    limit: usize,
    found: Vec<String>,
}

impl Search<'_> {
    /// Takes the rooms that a query answers with.
    fn rooms(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(), Error> {
        let sql =
            if sql.contains(" LIMIT ") { sql.to_owned() } else { format!("{sql} LIMIT {}", self.limit) };
        let found = &mut self.found;
        self.database.rows(&sql, params, &mut |row| {
            found.extend(row.text(0).map(String::from));
            Ok(())
        })
    }

    fn beginning(&mut self, beginning: &str) -> Result<(), Error> {
        // No LIKE, in which `_` is any character, and no range, which depends on the collation.
        let sql = format!(
            "SELECT room_id FROM rooms WHERE substr(room_id, 1, {}) = $1 ORDER BY room_id",
            beginning.chars().count()
        );
        self.rooms(&sql, &[Param(beginning)])
    }

    fn alias(&mut self, schema: &Schema, alias: &str) -> Result<(), Error> {
        for (table, column) in [("room_aliases", "room_alias"), ("room_stats_state", "canonical_alias")] {
            if self.found.is_empty() && schema.has_all(table, &["room_id", column]) {
                let sql = format!("SELECT room_id FROM {table} WHERE {column} = $1 ORDER BY room_id");
                self.rooms(&sql, &[Param(alias)])?;
            }
        }
        if !self.found.is_empty() {
            return Ok(());
        }
        let sql = "SELECT c.room_id, j.json FROM current_state_events c \
                   JOIN event_json j ON j.event_id = c.event_id \
                   WHERE c.type = 'm.room.canonical_alias' AND c.state_key = ''";
        let (found, limit) = (&mut self.found, self.limit);
        self.database.rows(sql, &[], &mut |row| {
            if let (Some(room_id), Some(json)) = (row.text(0), row.text(1))
                && found.len() < limit
                && has_alias(&json, alias)
            {
                found.push(room_id.into());
            }
            Ok(())
        })
    }
}

/// Whether an `m.room.canonical_alias` event has this alias.
fn has_alias(json: &str, alias: &str) -> bool {
    let Ok(event) = serde_json::from_str::<serde_json::Value>(json) else { return false };
    let content = &event["content"];
    let others = content["alt_aliases"].as_array();
    content["alias"] == alias || others.is_some_and(|others| others.iter().any(|other| other == alias))
}

fn named(database: &mut Database, schema: &Schema, room_id: String) -> Result<Candidate, Error> {
    let mut name = None;
    if schema.has_all("room_stats_state", &["room_id", "name", "canonical_alias"]) {
        let sql = "SELECT name, canonical_alias FROM room_stats_state WHERE room_id = $1";
        database.rows(sql, &[Param(&room_id)], &mut |row| {
            name = row.text(0).or_else(|| row.text(1)).map(String::from);
            Ok(())
        })?;
    }
    Ok(Candidate { room_id, name })
}

/// Text of the user's in a message.
pub(super) fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn found(asked: Option<&str>) -> Vec<String> {
        let database = testing::database(
            "INSERT INTO rooms (room_id) VALUES ('!ab:x'), ('!abc:x'), ('!a_:x'), ('!d:x'), ('!ä:x');
             INSERT INTO events (stream_ordering, event_id, room_id, type, topological_ordering, outlier)
                 VALUES (1, '$1', '!gone:x', 'm.x', 1, 0);
             INSERT INTO room_aliases VALUES ('#one:x', '!ab:x', NULL);
             INSERT INTO room_stats_state (room_id, name, canonical_alias)
                 VALUES ('!d:x', 'D', '#two:x'), ('!ab:x', NULL, '#main:x');
             INSERT INTO current_state_events (event_id, room_id, type, state_key)
                 VALUES ('$2', '!abc:x', 'm.room.canonical_alias', '');
             INSERT INTO event_json (event_id, room_id, internal_metadata, json) VALUES
                 ('$2', '!abc:x', '{}', '{\"content\": {\"alias\": \"#three:x\", \"alt_aliases\": [1, \"#four:x\"]}}');",
        );
        let (mut database, schema) = database.open();
        let found = candidates(&mut database, &schema, asked, 4).unwrap();
        found
            .into_iter()
            .map(|room| {
                format!("{}{}", room.room_id, room.name.map_or(String::new(), |name| format!(" {name}")))
            })
            .collect()
    }

    #[test]
    fn rooms_are_found_by_id_alias_and_beginning() {
        assert_eq!(found(Some("!ab:x")), ["!ab:x #main:x"]);
        assert_eq!(found(Some("!ab")), ["!ab:x #main:x", "!abc:x"]);
        assert_eq!(found(Some("abc")), ["!abc:x"]);
        assert_eq!(found(Some("!a_")), ["!a_:x"], "no wildcard");
        assert_eq!(found(Some("!ä")), ["!ä:x"]);
        assert_eq!(found(Some("!gone:x")), ["!gone:x"]);
        assert_eq!(found(Some("!none")), [""; 0]);
        assert_eq!(found(Some("#one:x")), ["!ab:x #main:x"]);
        assert_eq!(found(Some("#two:x")), ["!d:x D"]);
        for alias in ["#three:x", "#four:x"] {
            assert_eq!(found(Some(alias)), ["!abc:x"]);
        }
        assert_eq!(found(Some("#none:x")), [""; 0]);
        assert_eq!(found(Some("' OR 1=1 --")), [""; 0]);
        assert_eq!(found(None).len(), 4, "no more than asked for");
    }
}
