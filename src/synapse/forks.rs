//! Events that more than one other cites as its parent.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;

use super::database::{Database, Param};
use super::error::Error;
use super::schema::Schema;

/// The number of forks in each room that has any.
///
/// `event_edges` has the parents of all events but the rejected ones; theirs are in their JSON.
pub(super) fn count(main: &mut Database, schema: &Schema) -> Result<BTreeMap<String, u64>, Error> {
    let mut forks: BTreeMap<String, u64> = BTreeMap::new();
    // Rows that are not of the DAG are left in old databases.
    let of_dag = if schema.has("event_edges", "is_state") { "WHERE NOT is_state" } else { "" };
    let sql = format!(
        "SELECT e.room_id, count(*) FROM (SELECT prev_event_id FROM event_edges {of_dag} \
         GROUP BY prev_event_id HAVING count(*) > 1) f \
         JOIN events e ON e.event_id = f.prev_event_id GROUP BY e.room_id"
    );
    main.rows(&sql, &[], &mut |row| {
        forks.extend(row.text(0).map(|room_id| (room_id.into(), row.count(1))));
        Ok(())
    })?;
    for (parent, mut children) in children_of_rejected(main, schema)? {
        let sql = "SELECT event_id FROM event_edges WHERE prev_event_id = $1";
        let mut others = HashSet::new();
        let sql = if of_dag.is_empty() { sql.to_owned() } else { format!("{sql} AND NOT is_state") };
        main.rows(&sql, &[Param(&parent)], &mut |row| {
            others.extend(row.text(0).map(String::from));
            Ok(())
        })?;
        let was_fork = others.len() > 1;
        children.extend(others);
        if was_fork || children.len() < 2 {
            continue;
        }
        main.rows("SELECT room_id FROM events WHERE event_id = $1", &[Param(&parent)], &mut |row| {
            if let Some(room_id) = row.text(0) {
                *forks.entry(room_id.into()).or_default() += 1;
            }
            Ok(())
        })?;
    }
    Ok(forks)
}

/// By parent: the rejected events that cite it.
fn children_of_rejected(
    main: &mut Database,
    schema: &Schema,
) -> Result<HashMap<String, HashSet<String>>, Error> {
    let mut children: HashMap<String, HashSet<String>> = HashMap::new();
    if !schema.has("rejections", "event_id") {
        return Ok(children);
    }
    let sql = "SELECT r.event_id, j.json FROM rejections r JOIN event_json j ON j.event_id = r.event_id";
    main.rows(sql, &[], &mut |row| {
        let (Some(event_id), Some(json)) = (row.text(0), row.text(1)) else { return Ok(()) };
        for parent in parents(&json) {
            children.entry(parent).or_default().insert(event_id.clone().into());
        }
        Ok(())
    })?;
    Ok(children)
}

/// The `prev_events` of an event: IDs, or in room versions 1 and 2 pairs of an ID and its hashes.
fn parents(json: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Event {
        #[serde(default)]
        prev_events: serde_json::Value,
    }
    let Ok(event) = serde_json::from_str::<Event>(json) else { return Vec::new() };
    let parents = event.prev_events.as_array().into_iter().flatten();
    let id = |parent: &serde_json::Value| {
        let id = parent.as_array().and_then(|pair| pair.first()).unwrap_or(parent);
        Some(id.as_str()?.to_owned())
    };
    parents.filter_map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn parents_of_rejected_events_count_too() {
        let (mut main, schema) = testing::database(
            "INSERT INTO events (event_id, room_id, stream_ordering, outlier) VALUES
                 ('$a', '!r', 1, 0), ('$b', '!r', 2, 0), ('$c', '!r', 3, 0), ('$d', '!r', 4, 0), ('$e', '!s', 5, 0),
                 ('$bad', '!r', 6, 0), ('$worse', '!r', 7, 0);
             INSERT INTO event_edges VALUES ('$b', '$a', 0), ('$c', '$a', 0), ('$d', '$b', 0), ('$d', '$c', 0),
                 ('$c', '$b', 1), ('$d', '$gone', 0), ('$c', '$gone', 0);
             INSERT INTO rejections VALUES ('$bad', 'auth_error'), ('$worse', 'auth_error');
             INSERT INTO event_json (event_id, json) VALUES
                 ('$bad', '{\"prev_events\": [\"$a\", \"$b\", \"$b\", [\"$d\", {}], 3]}'),
                 ('$worse', '{\"prev_events\": [\"$d\", \"$e\", \"$gone\"]}'), ('$d', 'no JSON');",
        )
        .open();
        // $a is one without them, $b and $d with them; of $e there is one child only, and $gone is no event.
        let forks = count(&mut main, &schema).unwrap();
        assert_eq!(forks, [("!r".to_owned(), 3)].into());
    }
}
