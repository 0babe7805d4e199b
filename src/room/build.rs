//! From loaded events to a [`Room`], and what is wrong with the references.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::building::{Building, Built};
use super::index::{EventIx, KeyIx, Link};
use super::set::EventSet;
use super::sorted::first_few;
use super::{Annotations, AssertedState, Provenance, Recorded, Room, ServerRecords, When};
use crate::event::room_version::Rules;
use crate::event::{Event, Kind};
use crate::executor::{self, Executor, Sequential};
use crate::report::{Code, Finding};

/// An event as the loader hands it over.
#[derive(Debug, Clone)]
pub struct LoadedEvent {
    /// The event, its ID settled.
    pub(crate) event: Event,
    /// The line it came from, counted from 1; 0 if that is not known.
    pub(crate) line: u32,
    /// What the dump records beside it; `None`: nothing.
    pub(crate) recorded: Option<Box<Recorded>>,
}

impl LoadedEvent {
    /// An event of which nothing else is known.
    pub fn new(event: Event) -> Self {
        Self { event, line: 0, recorded: None }
    }

    /// The line it came from.
    pub(super) fn line(&self) -> Option<u64> {
        Some(u64::from(self.line)).filter(|line| *line != 0)
    }

    /// The same with what the dump records beside it.
    #[must_use]
    pub fn with_record(self, recorded: Recorded) -> Self {
        Self { recorded: recorded.boxed(), ..self }
    }
}

/// A state that the input asserts, by event IDs.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// The event whose state it is; need not be in the dump if `when` is [`When::After`].
    pub event_id: Box<str>,
    /// Before or after the event.
    pub when: When,
    /// The state events.
    pub state: Vec<Box<str>>,
    /// Who says so.
    pub provenance: Provenance,
}

/// What a [`Room`] is built from.
#[derive(Debug, Clone)]
pub struct Input {
    /// The rules of the room version.
    pub rules: &'static Rules,
    /// The room to show, if the input holds several; by default the one with most events.
    pub room_id: Option<Box<str>>,
    /// The events, in the order of the input; no ID twice.
    pub events: Vec<LoadedEvent>,
    /// Asserted states. Of several about the same event the last one counts.
    pub assertions: Vec<Assertion>,
    /// What a server's database holds beside the events.
    pub stored: ServerRecords,
    /// Captions.
    pub annotations: Annotations,
}

impl Input {
    /// Events, and nothing beside them.
    pub fn new(rules: &'static Rules, room_id: Option<Box<str>>, events: Vec<LoadedEvent>) -> Self {
        let (assertions, stored) = (Vec::new(), ServerRecords::default());
        Self { rules, room_id, events, assertions, stored, annotations: Annotations::default() }
    }
}

/// There is nothing to build a room from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Empty;

impl std::fmt::Display for Empty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no usable event in the input")
    }
}

impl std::error::Error for Empty {}

impl Room {
    /// Builds the room. Whatever is wrong with the references is pushed to `findings`: cycles, missing
    /// parents and auth events, events of other rooms, asserted states that do not fit.
    ///
    /// The result depends on the set of events, not on their order (positions and lines aside).
    ///
    /// # Errors
    /// If there are no events.
    pub fn build(input: Input, findings: &mut Vec<Finding>) -> Result<Self, Empty> {
        let mut building = Building::new(input, None)?;
        loop {
            match building.advance(findings, &Sequential) {
                Built::Going(next) => building = next,
                Built::Done(room) => return Ok(*room),
            }
        }
    }

    /// Finds out which recorded outliers have a place in the DAG after all: those with a complete past. In a state DAG every
    /// event has its place, whatever a server took it for: who fetches it fetches its past.
    pub(super) fn place_outliers(&mut self) {
        if self.rules.has_state_dag() {
            return;
        }
        let mut complete = EventSet::new(self.len());
        for ix in self.events() {
            let whole = !self.is_foreign(ix)
                && !self.has_missing_prev(ix)
                && self.prev_events(ix).iter().all(|parent| complete.contains(*parent))
                && (!self.prev_events(ix).is_empty() || self.event(ix).kind() == Kind::Create);
            if whole {
                complete.insert(ix);
            } else if self.recorded(ix).outlier {
                self.nodes[ix.index()].outlier = true;
            }
        }
    }

    pub(super) fn choose_create(&self, findings: &mut Vec<Finding>) -> Option<EventIx> {
        let mut creates =
            self.events().filter(|ix| self.event(*ix).is_state_of(Kind::Create) && !self.is_foreign(*ix));
        let first = creates.next();
        if first.is_none() {
            let finding = Finding::new(Code::NoCreate, "no m.room.create event: no event can be authorized");
            findings.push(finding.remedy("export the whole room, the create event included"));
        }
        for other in creates {
            findings.push(
                Finding::new(Code::SeveralCreates, "another m.room.create event; the first one counts")
                    .event(self.id(other))
                    .maybe_line(self.line(other)),
            );
        }
        first
    }

    pub(super) fn report_missing(&self, findings: &mut Vec<Finding>) {
        if self.rules.has_state_dag() {
            return self.report_missing_of_state_dag(findings);
        }
        for ix in self.events().filter(|ix| !self.is_foreign(*ix) && !self.is_in_cycle(*ix)) {
            if let Some(gaps) = self.gaps(ix).filter(|_| !self.is_outlier(ix)) {
                let message = format!("{gaps}: {}", self.behind_gap(ix));
                findings.push(
                    Finding::new(Code::MissingPrevEvent, message)
                        .event(self.id(ix))
                        .maybe_line(self.line(ix))
                        .remedy("assert a state with --asserted-state, or export the missing part"),
                );
            }
            if self.has_missing_auth(ix) {
                let missing = self.auth_links(ix).filter_map(|link| self.missing_link(link));
                let message = format!("names auth events that are not in the dump: {}", first_few(missing));
                findings.push(
                    Finding::new(Code::MissingAuthEvent, message)
                        .event(self.id(ix))
                        .maybe_line(self.line(ix))
                        .remedy("export the auth chain too (outliers)"),
                );
            }
        }
    }

    /// What is missing from a room with a state DAG: a state event there is a hole behind which nothing can be judged, a
    /// message is no loss.
    fn report_missing_of_state_dag(&self, findings: &mut Vec<Finding>) {
        let own = |ix: &EventIx| !self.is_foreign(*ix) && !self.is_in_cycle(*ix);
        for ix in self.events().filter(own) {
            let missing: Vec<&str> =
                self.state_links(ix).filter_map(|link| self.missing_link(link)).collect();
            if !missing.is_empty() {
                let all_told = self.state_links(ix).all(|link| match link {
                    Link::Event(_) => true,
                    Link::Missing(missing) => self.asserted_missing(missing).is_some(),
                });
                let then = if all_told || self.asserted(ix, When::Before).is_some() {
                    "the state before this event rests on an asserted one"
                } else {
                    "the state before this event is unknown; it waits, with all that follows it in the state DAG"
                };
                let ids = first_few(missing.iter().copied());
                let message = format!("names prev_state_events that are not in the dump ({ids}): {then}");
                findings.push(
                    Finding::new(Code::MissingStateEvent, message)
                        .event(self.id(ix))
                        .maybe_line(self.line(ix))
                        .remedy("export the whole state DAG, rejected events too"),
                );
            }
            let missing: Vec<&str> = self
                .prev_links(ix)
                .filter_map(|link| self.missing_link(link))
                .filter(|id| !missing.contains(id))
                .collect();
            if !missing.is_empty() {
                let ids = first_few(missing.into_iter());
                let message =
                    format!("names prev_events that are not in the dump ({ids}): no state depends on it");
                findings.push(
                    Finding::new(Code::MissingTimelineEvent, message)
                        .event(self.id(ix))
                        .maybe_line(self.line(ix)),
                );
            }
        }
    }

    /// In words, which parents of an event have no state: missing ones, and outliers.
    fn gaps(&self, ix: EventIx) -> Option<String> {
        let missing: Vec<&str> = self.prev_links(ix).filter_map(|link| self.missing_link(link)).collect();
        let outliers: Vec<&str> = self
            .prev_events(ix)
            .iter()
            .filter(|parent| self.is_outlier(**parent))
            .map(|parent| self.id(*parent))
            .collect();
        let mut gaps = Vec::new();
        for (ids, one, many) in [
            (missing, "is not in the dump", "are not in the dump"),
            (outliers, "has no place in the DAG (outlier)", "have no place in the DAG (outliers)"),
        ] {
            match ids.len() {
                0 => {}
                1 => gaps.push(format!("parent {} {one}", ids[0])),
                count => gaps.push(format!("{count} parents {many} ({})", first_few(ids.into_iter()))),
            }
        }
        (!gaps.is_empty()).then(|| gaps.join(", "))
    }

    fn missing_link(&self, link: Link) -> Option<&str> {
        match link {
            Link::Event(_) => None,
            Link::Missing(missing) => Some(self.missing_id(missing)),
        }
    }

    /// What is known of the state at an event behind a gap.
    fn behind_gap(&self, ix: EventIx) -> &'static str {
        let parents_asserted = || {
            self.prev_links(ix).all(|link| match link {
                Link::Event(parent) => {
                    !self.is_outlier(parent) || self.asserted(parent, When::After).is_some()
                }
                Link::Missing(missing) => self.asserted_missing(missing).is_some(),
            })
        };
        if self.asserted(ix, When::Before).is_some() || parents_asserted() {
            "the state before this event rests on an asserted one"
        } else if self.asserted(ix, When::After).is_some() {
            "the state before this event is unknown, that after it is asserted"
        } else {
            "the state before this event is unknown"
        }
    }

    pub(super) fn assert(&mut self, assertion: &Assertion, findings: &mut Vec<Finding>) {
        let mut bad = |message: String| {
            findings.push(Finding::new(Code::BadAssertedState, message).event(assertion.event_id.clone()));
        };
        let mut state: BTreeMap<KeyIx, EventIx> = BTreeMap::new();
        for id in &assertion.state {
            let Some(ix) = self.find(id) else {
                bad(format!("the asserted state names {id}, which is not in the dump: left out"));
                continue;
            };
            let Some(key) = self.key_of(ix) else {
                bad(format!("the asserted state names {id}, which is not a state event: left out"));
                continue;
            };
            if let Some(other) = state.insert(key, ix).filter(|other| *other != ix) {
                let other = self.id(other);
                bad(format!("the asserted state names {other} and {id} for the same key: the latter counts"));
            }
        }
        let asserted = AssertedState::listed(state.into_values().collect(), assertion.provenance);
        if let Some(ix) = self.find(&assertion.event_id) {
            self.asserted.insert((ix, assertion.when), asserted);
        } else if let Some(missing) = self.find_missing(&assertion.event_id)
            && assertion.when == When::After
        {
            self.asserted_missing.insert(missing, asserted);
        } else {
            bad("a state is asserted for an event that is not in the dump and that no event refers to".into());
        }
    }
}

/// The room most events belong to; of several the one with the smallest ID.
pub(super) fn most_common_room(
    rules: &Rules,
    events: &[LoadedEvent],
    executor: &dyn Executor,
) -> Option<Box<str>> {
    let ranges = executor::ranges(executor, events.len(), 1000);
    let parts = executor::map(executor, ranges.len(), |number| {
        let mut counts: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
        for loaded in &events[ranges[number].clone()] {
            if let Some(room_id) = room_of(rules, &loaded.event) {
                *counts.entry(room_id).or_default() += 1;
            }
        }
        counts
    });
    let mut counts: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
    for (room_id, count) in parts.into_iter().flatten() {
        *counts.entry(room_id).or_default() += count;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(room_id, _)| room_id.into())
}

/// The room an event says it belongs to. Where the room ID is the create event's ID, a create event without
/// `room_id` tells it by its own ID.
pub(super) fn room_of<'a>(rules: &Rules, event: &'a Event) -> Option<Cow<'a, str>> {
    match event.room_id() {
        Some(room_id) => Some(room_id.into()),
        None if rules.room_id_is_create_id && event.is_state_of(Kind::Create) => {
            Some(Cow::Owned(format!("!{}", event.id().strip_prefix('$').unwrap_or(event.id()))))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, ts: i64, prev: &[&str], auth: &[&str]) -> LoadedEvent {
        let json = serde_json::json!({
            "type": if id == "$create" { "m.room.create" } else { "m.room.topic" },
            "state_key": "",
            "sender": "@a:x",
            "room_id": "!r:x",
            "content": {},
            "origin_server_ts": ts,
            "prev_events": prev,
            "auth_events": auth,
        });
        let event = Event::parse(&json.to_string()).unwrap().with_id(id);
        LoadedEvent::new(event)
    }

    fn build(events: Vec<LoadedEvent>) -> (Room, Vec<Finding>) {
        let mut findings = Vec::new();
        let input = Input::new(Rules::of("2").unwrap(), None, events);
        (Room::build(input, &mut findings).unwrap(), findings)
    }

    fn ids(room: &Room) -> Vec<&str> {
        room.events().map(|ix| room.id(ix)).collect()
    }

    #[test]
    fn the_order_does_not_depend_on_the_lines() {
        let events = vec![
            event("$create", 1, &[], &[]),
            event("$late", 9, &["$create"], &["$create"]),
            event("$early", 5, &["$create"], &["$create"]),
            event("$merge", 2, &["$late", "$early"], &["$create"]),
        ];
        let mut reversed = events.clone();
        reversed.reverse();
        let (room, findings) = build(events);
        assert!(findings.is_empty());
        assert_eq!(ids(&room), ["$create", "$early", "$late", "$merge"]);
        let (again, _) = build(reversed);
        assert_eq!(ids(&again), ids(&room));
        assert_eq!(again.position(EventIx::new(0)), 3);
        assert_eq!(room.children(EventIx::new(0)), [EventIx::new(1), EventIx::new(2)]);
    }

    #[test]
    fn holes_are_named() {
        let (room, findings) =
            build(vec![event("$create", 1, &[], &[]), event("$x", 2, &["$gone", "$create"], &["$lost"])]);
        let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Code::MissingPrevEvent, Code::MissingAuthEvent]);
        assert!(findings[0].message.contains("$gone"));
        let x = room.find("$x").unwrap();
        assert!(room.has_missing_prev(x));
        assert_eq!(room.prev_events(x), [EventIx::new(0)]);
        let links: Vec<_> = room.prev_links(x).collect();
        assert_eq!(links, [Link::Missing(room.find_missing("$gone").unwrap()), Link::Event(EventIx::new(0))]);
    }

    #[test]
    fn cycles_are_cut_and_the_rest_stands() {
        let (room, findings) = build(vec![
            event("$create", 1, &[], &[]),
            event("$a", 2, &["$b"], &["$create"]),
            event("$b", 3, &["$a", "$create"], &["$create"]),
            event("$c", 4, &["$b"], &["$create"]),
        ]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].code, Code::Cycle);
        assert_eq!(ids(&room), ["$create", "$a", "$b", "$c"]);
        assert!(room.has_missing_prev(room.find("$a").unwrap()));
        assert_eq!(room.prev_events(room.find("$b").unwrap()), [EventIx::new(0)]);
        assert!(!room.has_missing_prev(room.find("$c").unwrap()));
    }

    #[test]
    fn prefixes_find_events_with_or_without_the_sigil() {
        let (room, _) = build(vec![event("$create", 1, &[], &[]), event("$cross", 2, &["$create"], &[])]);
        assert_eq!(room.find_prefix("cr").len(), 2);
        assert_eq!(room.find_prefix("$cro"), [EventIx::new(1)]);
    }
}
