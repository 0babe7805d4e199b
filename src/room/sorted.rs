//! From events that refer to one another by ID to a topological order, and nodes for a graph.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::build::{LoadedEvent, room_of};
use super::index::{EventIx, Link, MissingIx};
use super::keys::KeyTable;
use super::{Node, order};
use crate::event::Event;
use crate::event::room_version::Rules;
use crate::report::{Code, Finding};

/// Events in topological order, references still by ID.
pub(super) struct Sorted {
    pub(super) events: Vec<LoadedEvent>,
    positions: Vec<u32>,
    pub(super) by_id: HashMap<Box<str>, EventIx>,
    /// Sorted bytewise.
    pub(super) missing: Vec<Box<str>>,
    /// For events on a cycle the number of the cycle: references inside it count as missing.
    cycle_of: BTreeMap<EventIx, usize>,
}

impl Sorted {
    pub(super) fn new(events: Vec<LoadedEvent>, rules: &Rules, findings: &mut Vec<Finding>) -> Self {
        let place: HashMap<&str, u32> =
            (0_u32..).zip(&events).map(|(n, loaded)| (loaded.event.id(), n)).collect();
        let parents: Vec<Vec<u32>> = events
            .iter()
            .map(|LoadedEvent { event, .. }| {
                let create = implied_create(rules, event);
                let named = event.prev_events().iter().chain(event.auth_events()).map(|id| &**id);
                let mut parents: Vec<u32> =
                    named.chain(create.as_deref()).filter_map(|id| place.get(id).copied()).collect();
                parents.sort_unstable();
                parents.dedup();
                parents
            })
            .collect();
        let order = order::sort(&parents, &rank(&events));
        for cycle in &order.cycles {
            report_cycle(cycle, &events, findings);
        }
        let mut ix_of = vec![EventIx::new(0); events.len()];
        for (ix, node) in order.nodes.iter().enumerate() {
            ix_of[*node as usize] = EventIx::new(ix);
        }
        let mut cycle_of = BTreeMap::new();
        for (number, cycle) in order.cycles.iter().enumerate() {
            cycle_of.extend(cycle.iter().map(|node| (ix_of[*node as usize], number)));
        }
        let by_id: HashMap<Box<str>, EventIx> =
            place.into_iter().map(|(id, n)| (Box::from(id), ix_of[n as usize])).collect();
        let mut slots: Vec<Option<LoadedEvent>> = events.into_iter().map(Some).collect();
        let events: Vec<LoadedEvent> =
            order.nodes.iter().map(|node| slots[*node as usize].take().expect("each node once")).collect();
        let mut sorted = Self { events, positions: order.nodes, by_id, missing: Vec::new(), cycle_of };
        sorted.missing = sorted.find_missing();
        sorted
    }

    fn find_missing(&self) -> Vec<Box<str>> {
        let mut missing: BTreeSet<&str> = BTreeSet::new();
        for (place, LoadedEvent { event, .. }) in self.events.iter().enumerate() {
            for id in event.prev_events().iter().chain(event.auth_events()) {
                if self.target(EventIx::new(place), id).is_none() {
                    missing.insert(id);
                }
            }
        }
        missing.into_iter().map(Box::from).collect()
    }

    /// Where a reference of `from` leads, if it leads to an event of the dump and is not part of a cycle.
    fn target(&self, from: EventIx, id: &str) -> Option<EventIx> {
        let target = self.by_id.get(id).copied()?;
        let cycle = self.cycle_of.get(&from);
        (cycle.is_none() || cycle != self.cycle_of.get(&target)).then_some(target)
    }

    pub(super) fn links<'a>(
        &'a self,
        list: fn(&Event) -> &[Box<str>],
        once: bool,
    ) -> impl Iterator<Item = Vec<Link>> + 'a {
        self.events.iter().enumerate().map(move |(place, loaded)| {
            let mut links = Vec::new();
            let mut seen = HashSet::new();
            for id in list(&loaded.event) {
                let link = self.target(EventIx::new(place), id).map_or_else(
                    || {
                        let found = self.missing.binary_search(id).expect("every missing ID was collected");
                        Link::Missing(MissingIx::new(found))
                    },
                    Link::Event,
                );
                if !once || seen.insert(link) {
                    links.push(link);
                }
            }
            links
        })
    }

    pub(super) fn nodes(
        &self,
        rules: &Rules,
        room_id: Option<&str>,
        keys: &KeyTable,
        findings: &mut Vec<Finding>,
    ) -> Vec<Node> {
        let node = |(place, loaded): (usize, &LoadedEvent)| {
            let event = &loaded.event;
            let own = room_of(rules, event);
            let foreign = own.as_deref().is_some_and(|own| Some(own) != room_id);
            if foreign {
                let own = own.unwrap_or_default();
                let message = format!("belongs to room {own}, not to this one: kept out of the DAG");
                findings.push(
                    Finding::new(Code::ForeignRoom, message)
                        .event(event.id())
                        .maybe_line(loaded.line)
                        .remedy("dump one room a file"),
                );
            }
            let find = |event_type, key| keys.find(event_type, key).expect("every key was collected");
            Node {
                line: loaded.line,
                position: self.positions[place],
                recorded: loaded.recorded.clone(),
                foreign,
                in_cycle: self.cycle_of.contains_key(&EventIx::new(place)),
                outlier: foreign,
                key: event.state_key().map(|key| find(event.event_type(), key)),
                sender_key: find("m.room.member", event.sender()),
            }
        };
        self.events.iter().enumerate().map(node).collect()
    }
}

/// The create event that an event of room version 12 depends on without naming it.
fn implied_create(rules: &Rules, event: &Event) -> Option<String> {
    if !rules.room_id_is_create_id {
        return None;
    }
    let room_id = event.room_id()?;
    Some(format!("${}", room_id.strip_prefix('!')?))
}

/// The order in which events that could come next do: by timestamp, then depth, then event ID.
fn rank(events: &[LoadedEvent]) -> Vec<u32> {
    let mut by_time: Vec<u32> = (0_u32..).take(events.len()).collect();
    let time = |n: &u32| {
        let event = &events[*n as usize].event;
        (event.origin_server_ts(), event.depth(), event.id())
    };
    by_time.sort_unstable_by(|a, b| time(a).cmp(&time(b)));
    let mut rank = vec![0; events.len()];
    for (place, node) in (0_u32..).zip(by_time) {
        rank[node as usize] = place;
    }
    rank
}

/// Some IDs with commas between, and an ellipsis if there are more.
pub(super) fn first_few<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let mut ids: Vec<&str> = ids.take(SHOWN + 1).collect();
    if ids.len() > SHOWN {
        ids[SHOWN] = "…";
    }
    ids.join(", ")
}

fn report_cycle(cycle: &[u32], events: &[LoadedEvent], findings: &mut Vec<Finding>) {
    let event = |node: &u32| &events[*node as usize];
    let message = match cycle {
        [_] => "refers to itself: the reference counts as missing".to_owned(),
        _ => format!(
            "{} events refer to one another in a circle ({}): the references count as missing",
            cycle.len(),
            first_few(cycle.iter().map(|node| event(node).event.id()))
        ),
    };
    let first = event(&cycle[0]);
    findings.push(
        Finding::new(Code::Cycle, message)
            .event(first.event.id())
            .maybe_line(first.line)
            .remedy("no server can have sent them so: look at where the dump comes from"),
    );
}
