//! State groups: those that the events of a room refer to, and what these are built on.

#[cfg(test)]
use std::collections::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::database::Database;
use super::error::Error;
use super::import::Progress;
use super::record::{GroupRecord, write as write_record};

/// How many groups to ask for at once. Of a hundred about one is a whole state.
const AT_ONCE: usize = 500;

/// The state of one group: (type, state key) to event ID.
type Entries = BTreeMap<(String, String), String>;

/// Writes the groups in the order of their IDs, and returns how many there are.
pub(super) fn write(
    database: &mut Database,
    wanted: &BTreeSet<i64>,
    out: &mut dyn Write,
    progress: &Progress,
) -> Result<usize, Error> {
    let edges = edges(database, wanted)?;
    let ids: Vec<i64> = edges.keys().copied().collect();
    let known = known(database, &ids)?;
    let mut writer = Writer { edges: &edges, known: &known, progress, out, whole: None, written: 0 };
    for some in ids.chunks(AT_ONCE) {
        writer.groups(database, some)?;
    }
    Ok(writer.written)
}

/// What each group is built on: of those wanted, of what they are built on, and so on. Each is asked for once, so a circle
/// does no harm.
fn edges(database: &mut Database, wanted: &BTreeSet<i64>) -> Result<BTreeMap<i64, Option<i64>>, Error> {
    let sql = "SELECT state_group, prev_state_group FROM state_group_edges WHERE state_group IN ({})";
    let mut edges: BTreeMap<i64, Option<i64>> = wanted.iter().map(|id| (*id, None)).collect();
    let mut asking: Vec<i64> = wanted.iter().copied().collect();
    while !asking.is_empty() {
        let mut found = BTreeSet::new();
        database.among(sql, &asking, AT_ONCE, &mut |row| {
            if let (Some(group), Some(prev)) = (row.int(0), row.int(1))
                && let Some(edge) = edges.get_mut(&group)
            {
                // One at most, by the schema; of several, the same one each time.
                *edge = Some(edge.map_or(prev, |other| other.min(prev)));
                found.insert(prev);
            }
            Ok(())
        })?;
        asking = found.into_iter().filter(|prev| !edges.contains_key(prev)).collect();
        edges.extend(asking.iter().map(|prev| (*prev, None)));
    }
    Ok(edges)
}

/// Those of the groups that there are: an empty state has no rows but this.
fn known(database: &mut Database, ids: &[i64]) -> Result<BTreeSet<i64>, Error> {
    let mut known = BTreeSet::new();
    database.among("SELECT id FROM state_groups WHERE id IN ({})", ids, AT_ONCE, &mut |row| {
        known.extend(row.int(0));
        Ok(())
    })?;
    Ok(known)
}

struct Writer<'a> {
    edges: &'a BTreeMap<i64, Option<i64>>,
    known: &'a BTreeSet<i64>,
    progress: &'a Progress,
    out: &'a mut dyn Write,
    /// The whole state written last.
    whole: Option<(i64, Entries)>,
    written: usize,
}

impl Writer<'_> {
    /// Reads some groups, and writes each as soon as its last row has come.
    fn groups(&mut self, database: &mut Database, ids: &[i64]) -> Result<(), Error> {
        let sql = "SELECT state_group, type, state_key, event_id FROM state_groups_state \
                   WHERE state_group IN ({}) ORDER BY state_group";
        let mut ids_to_come = ids.iter().copied().peekable();
        // Of the first one to come.
        let mut state = Entries::new();
        database.among(sql, ids, AT_ONCE, &mut |row| {
            let Some(group) = row.int(0) else { return Ok(()) };
            while let Some(id) = ids_to_come.next_if(|id| *id < group) {
                self.group(id, std::mem::take(&mut state))?;
            }
            if let (Some(event_type), Some(state_key), Some(event_id)) =
                (row.text(1), row.text(2), row.text(3))
                && ids_to_come.peek() == Some(&group)
            {
                state.insert((event_type.into(), state_key.into()), event_id.into());
            }
            Ok(())
        })?;
        for id in ids_to_come {
            self.group(id, std::mem::take(&mut state))?;
        }
        Ok(())
    }

    fn group(&mut self, id: i64, state: Entries) -> Result<(), Error> {
        // What has been deleted is no empty state.
        if !self.known.contains(&id) && state.is_empty() {
            return Ok(());
        }
        self.written += 1;
        self.progress.group();
        if let Some(prev) = self.edges.get(&id).copied().flatten() {
            write_record(&full(id, Some(prev), &state), self.out)?;
            return Ok(());
        }
        match &self.whole {
            Some((base, before)) => write_record(&shorter(id, &state, *base, before), self.out)?,
            None => write_record(&full(id, None, &state), self.out)?,
        }
        self.whole = Some((id, state));
        Ok(())
    }
}

fn full(id: i64, prev: Option<i64>, state: &Entries) -> GroupRecord<'_> {
    let entries =
        state.iter().map(|((event_type, state_key), event)| (&**event_type, &**state_key, &**event));
    GroupRecord {
        state_group: id,
        prev_state_group: prev,
        state: entries.collect(),
        ..GroupRecord::default()
    }
}

/// A whole state, as it is or as what differs from the one before it, whichever has fewer entries.
fn shorter<'a>(id: i64, state: &'a Entries, base: i64, before: &'a Entries) -> GroupRecord<'a> {
    let changed: Vec<_> = state
        .iter()
        .filter(|(key, event)| before.get(*key) != Some(event))
        .map(|((event_type, state_key), event)| (&**event_type, &**state_key, &**event))
        .collect();
    let without: Vec<_> = before
        .keys()
        .filter(|key| !state.contains_key(*key))
        .map(|(event_type, state_key)| (&**event_type, &**state_key))
        .collect();
    if changed.len() + without.len() >= state.len() {
        return full(id, None, state);
    }
    GroupRecord { state_group: id, prev_state_group: None, base: Some(base), state: changed, without }
}

/// Expands the groups of a stream, to see whether it says what the tables say.
#[cfg(test)]
pub(super) fn expand(lines: &str) -> HashMap<i64, Entries> {
    use serde_json::Value;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut states: HashMap<i64, Entries> = HashMap::new();
    let mut groups: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    groups.retain(|line| line.get("event_id").is_none() && line.get("state_group").is_some());
    while let Some(at) = groups.iter().position(|group| {
        let on = group.get("base").or(group.get("prev_state_group"));
        on.is_none_or(|on| states.contains_key(&on.as_i64().unwrap()))
    }) {
        let group = groups.swap_remove(at);
        let on = group.get("base").or(group.get("prev_state_group"));
        let mut state = on.map_or_else(Entries::new, |on| states[&on.as_i64().unwrap()].clone());
        for entry in group.get("state").and_then(Value::as_array).into_iter().flatten() {
            state.insert((text(&entry[0]), text(&entry[1])), text(&entry[2]));
        }
        for key in group.get("without").and_then(Value::as_array).into_iter().flatten() {
            state.remove(&(text(&key[0]), text(&key[1]))).unwrap();
        }
        states.insert(group["state_group"].as_i64().unwrap(), state);
    }
    states
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn written(rows: &str, wanted: &[i64]) -> String {
        let (mut database, _) = testing::database(rows).open();
        let mut out = Vec::new();
        let groups =
            write(&mut database, &wanted.iter().copied().collect(), &mut out, &Progress::default()).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.lines().count(), groups);
        out
    }

    #[test]
    fn groups_come_with_what_they_are_built_on() {
        let out = written(
            "INSERT INTO state_groups (id) VALUES (1), (2), (3), (4), (5);
             INSERT INTO state_group_edges VALUES (2, 1), (5, 7), (4, 3);
             INSERT INTO state_groups_state VALUES (1, 'a', '', '$a'), (1, 'b', 'k', '$b'), (2, 'a', '', '$a2'),
                 (3, 'z', '', '$z'), (7, 'a', '', '$7');",
            &[2, 5, 6],
        );
        assert_eq!(
            out,
            "{\"state_group\":1,\"state\":[[\"a\",\"\",\"$a\"],[\"b\",\"k\",\"$b\"]]}\n\
             {\"state_group\":2,\"prev_state_group\":1,\"state\":[[\"a\",\"\",\"$a2\"]]}\n\
             {\"state_group\":5,\"prev_state_group\":7}\n\
             {\"state_group\":7,\"state\":[[\"a\",\"\",\"$7\"]]}\n",
            "3 and 4 are not asked for; 6 does not exist; of 7 only the rows are there"
        );
    }

    #[test]
    fn whole_states_are_written_as_differences_where_that_is_shorter() {
        let out = written(
            "INSERT INTO state_groups (id) VALUES (1), (2), (3), (4);
             INSERT INTO state_groups_state VALUES
                 (1, 'a', '', '$a'), (1, 'b', '', '$b'), (1, 'c', '', '$c'), (1, 'd', '', '$d'),
                 (2, 'a', '', '$a'), (2, 'b', '', '$b2'), (2, 'd', '', '$d'),
                 (3, 'e', '', '$e');",
            &[1, 2, 3, 4],
        );
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[1], r#"{"state_group":2,"base":1,"state":[["b","","$b2"]],"without":[["c",""]]}"#);
        assert_eq!(lines[2], r#"{"state_group":3,"state":[["e","","$e"]]}"#);
        assert_eq!(lines[3], r#"{"state_group":4}"#);
        let states = expand(&out);
        let events = |id: i64| states[&id].values().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!([events(1), events(2), events(3), events(4)], ["$a $b $c $d", "$a $b2 $d", "$e", ""]);
    }

    #[test]
    fn circles_and_odd_rows_do_no_harm() {
        let out = written(
            "INSERT INTO state_groups (id) VALUES (1), (2), (3);
             INSERT INTO state_group_edges VALUES (1, 2), (2, 1), (3, 3), (3, NULL), (NULL, 1), ('x', 'y');
             INSERT INTO state_groups_state VALUES (1, NULL, '', '$a'), (1, 'a', x'ff', '$b'), (2, 3, '', '$c'),
                 (3, 'a', '', 1.5), (NULL, 'a', '', '$d'), ('3', 'b', '', '$e');",
            &[1, 3],
        );
        assert_eq!(out.lines().count(), 3);
        assert!(out.contains("\u{fffd}"), "{out}");
    }
}
