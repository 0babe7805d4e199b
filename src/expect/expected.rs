//! Reading an expected file.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{
    Entry, Expectation, ExpectedCurrent, ExpectedEvent, ExpectedOfStateDag, ExpectedState, Origin, Unreadable,
};
use crate::event::room_version::Algorithm;

/// The file as it is written.
#[derive(Deserialize)]
struct File {
    kind: Option<String>,
    room_version: Option<Box<str>>,
    algorithm: Option<String>,
    events: Option<Events>,
    #[serde(rename = "final")]
    current: Option<Current>,
}

/// Present, perhaps as null: what serde takes for absent otherwise.
type Told<T> = Option<Option<T>>;

#[derive(Deserialize)]
struct EventEntry {
    #[serde(default, deserialize_with = "told")]
    rejected: Told<serde_json::Value>,
    resolved: Option<bool>,
    #[serde(default, deserialize_with = "told")]
    state_before_hash: Told<Box<str>>,
    state_before: Option<Vec<Entry>>,
    #[serde(default, deserialize_with = "told")]
    state_after_hash: Told<Box<str>>,
    state_after: Option<Vec<Entry>>,
    #[serde(default, deserialize_with = "told")]
    auth_events: Told<Vec<Box<str>>>,
    unprocessed: Option<bool>,
    soft_failed: Option<bool>,
}

#[derive(Deserialize)]
struct Current {
    extremities: Option<Vec<Box<str>>>,
    resolved: Option<bool>,
    #[serde(default, deserialize_with = "told")]
    state_hash: Told<Box<str>>,
    state: Option<Vec<Entry>>,
}

fn told<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Told<T>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The events in the order of the file.
struct Events(Vec<(Box<str>, EventEntry)>);

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Events;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from event IDs to what is expected of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Events, A::Error> {
                let mut events = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    events.push(entry);
                }
                Ok(Events(events))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

pub(super) fn parse(text: &str) -> Result<Expectation, Unreadable> {
    let file: File =
        serde_json::from_str(text).map_err(|error| Unreadable(format!("not an expectation: {error}")))?;
    if let Some(kind) = file.kind.filter(|kind| kind != "replay") {
        return Err(Unreadable(format!("an expectation of the kind {kind:?}; only \"replay\" is read")));
    }
    if file.events.is_none() && file.current.is_none() {
        return Err(Unreadable("not an expectation: it has neither `events` nor `final`".to_owned()));
    }
    let algorithm = match file.algorithm.as_deref() {
        None | Some("auto") => None,
        Some(name) => Some(algorithm(name)?),
    };
    let events = file.events.map_or_else(Vec::new, |events| events.0);
    Ok(Expectation {
        origin: Origin::Replay,
        room_version: file.room_version,
        algorithm,
        events: events.into_iter().map(|(id, entry)| event(id, entry)).collect(),
        current: file.current.map_or_else(ExpectedCurrent::default, current),
    })
}

fn algorithm(name: &str) -> Result<Algorithm, Unreadable> {
    let known = [Algorithm::V1, Algorithm::V2, Algorithm::V2_1];
    let found = known.into_iter().find(|algorithm| algorithm.as_str() == name);
    found.ok_or_else(|| Unreadable(format!("the algorithm {name:?} is not known; known are v1, v2, v2.1")))
}

fn event(id: Box<str>, entry: EventEntry) -> ExpectedEvent {
    use serde_json::Value;
    let is_rejected =
        |reason: Option<Value>| !matches!(reason, None | Some(Value::Null | Value::Bool(false)));
    let state_dag = ExpectedOfStateDag {
        // Who tells of auth events speaks of a state DAG, and says nothing of events that do not wait.
        unprocessed: entry.unprocessed.or(entry.auth_events.as_ref().map(|_| false)),
        auth_events: entry.auth_events.map(|ids| ids.map(sorted)),
        soft_failed: entry.soft_failed,
    };
    ExpectedEvent {
        id,
        // To wait is not to be rejected; why an event waits may stand there all the same.
        rejected: entry.rejected.map(|reason| state_dag.unprocessed != Some(true) && is_rejected(reason)),
        resolved: entry.resolved,
        before: state(entry.state_before_hash, entry.state_before),
        after: state(entry.state_after_hash, entry.state_after),
        provisional: false,
        state_dag,
    }
}

fn sorted(mut ids: Vec<Box<str>>) -> Vec<Box<str>> {
    ids.sort_unstable();
    ids
}

fn current(entry: Current) -> ExpectedCurrent {
    ExpectedCurrent {
        extremities: entry.extremities.map(sorted),
        resolved: entry.resolved,
        state: state(entry.state_hash, entry.state),
    }
}

fn state(hash: Told<Box<str>>, list: Option<Vec<Entry>>) -> Option<ExpectedState> {
    match (hash, list) {
        (None, None) => None,
        (Some(None), _) => Some(ExpectedState::Unknown),
        (hash, list) => Some(ExpectedState::Known { hash: hash.flatten(), list }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_null_and_told_are_three_things() {
        let text = r#"{"algorithm": "v2.1", "events": {
            "$b": {"rejected": null, "state_before_hash": null},
            "$a": {"rejected": "why", "state_after_hash": "00", "state_after": [["t", "", "$a"]]}}}"#;
        let expectation = parse(text).unwrap();
        assert_eq!(expectation.algorithm, Some(Algorithm::V2_1));
        let [b, a] = &*expectation.events else { panic!("{expectation:?}") };
        assert_eq!((&*b.id, b.rejected, b.resolved), ("$b", Some(false), None));
        assert_eq!((&b.before, &b.after), (&Some(ExpectedState::Unknown), &None));
        assert_eq!(a.rejected, Some(true));
        let list = vec![("t".into(), "".into(), "$a".into())];
        assert_eq!(a.after, Some(ExpectedState::Known { hash: Some("00".into()), list: Some(list) }));
        assert_eq!(expectation.current, ExpectedCurrent::default());
    }

    #[test]
    fn other_json_is_refused_with_a_reason() {
        for (text, reason) in [
            ("{", "not an expectation: EOF"),
            ("{}", "neither `events` nor `final`"),
            (r#"{"kind": "resolve", "state": []}"#, "of the kind \"resolve\""),
            (r#"{"final": {}, "algorithm": "v3"}"#, "\"v3\" is not known"),
            (r#"{"events": {"$a": {"resolved": 1}}}"#, "invalid type"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
