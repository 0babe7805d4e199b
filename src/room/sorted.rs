//! From events that refer to one another by ID to a topological order, and nodes for a graph.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::build::{LoadedEvent, room_of};
use super::ids::IdTable;
use super::index::{EventIx, Link, MissingIx};
use super::keys::EventKeys;
use super::references::{Citations, Lists, Target};
use super::{Node, order};
use crate::event::Event;
use crate::event::room_version::Rules;
use crate::executor::{self, Executor};
use crate::report::{Code, Finding};

/// Events in topological order, and where their references lead.
pub(super) struct Sorted {
    pub(super) events: Vec<LoadedEvent>,
    /// The place of each in the input.
    positions: Vec<u32>,
    pub(super) ids: IdTable,
    pub(super) citations: Citations,
    /// The index of the event at each place of the input.
    ix_of: Vec<EventIx>,
    /// Sorted bytewise.
    pub(super) missing: Vec<Box<str>>,
    /// The index in `missing` of each missing ID of the references.
    missing_ix: Vec<MissingIx>,
    /// For events on a cycle the number of the cycle: references inside it count as missing.
    cycle_of: BTreeMap<EventIx, usize>,
}

impl Sorted {
    /// Sorts the events. `ids`: their places by ID; `rank`: see [`rank`].
    pub(super) fn new(
        mut events: Vec<LoadedEvent>,
        mut ids: IdTable,
        mut citations: Citations,
        rank: &[u32],
        findings: &mut Vec<Finding>,
    ) -> Self {
        let order = order::sort(|place| citations.known(place), rank);
        for cycle in &order.cycles {
            report_cycle(cycle, &events, findings);
        }
        let mut ix_of = vec![EventIx::new(0); events.len()];
        for (ix, place) in order.nodes.iter().enumerate() {
            ix_of[*place as usize] = EventIx::new(ix);
        }
        let mut cycle_of = BTreeMap::new();
        for (number, cycle) in order.cycles.iter().enumerate() {
            cycle_of.extend(cycle.iter().map(|place| (ix_of[*place as usize], number)));
        }
        permute(&mut events, ix_of.clone());
        #[expect(clippy::cast_possible_truncation, reason = "an index is a number of 32 bits")]
        ids.relocate(|place| ix_of[place as usize].index() as u32);
        let missing = std::mem::take(&mut citations.missing);
        let mut sorted = Self {
            events,
            positions: order.nodes,
            ids,
            citations,
            ix_of,
            missing_ix: (0..missing.len()).map(MissingIx::new).collect(),
            missing,
            cycle_of,
        };
        sorted.count_cycles_as_missing();
        sorted
    }

    /// Puts the events that are referred to from their own cycle among the missing ones.
    fn count_cycles_as_missing(&mut self) {
        let mut within: BTreeSet<Box<str>> = BTreeSet::new();
        for from in self.cycle_of.keys() {
            let targets =
                self.citations.known(self.positions[from.index()]).map(|place| self.ix_of[place as usize]);
            let broken = targets.filter(|target| self.is_within_cycle(*from, *target));
            within.extend(broken.map(|target| Box::from(self.events[target.index()].event.id())));
        }
        if within.is_empty() {
            return;
        }
        let before = std::mem::take(&mut self.missing);
        within.extend(before.iter().cloned());
        self.missing = within.into_iter().collect();
        self.missing_ix = before.iter().filter_map(|id| self.find_missing(id)).collect();
    }

    fn find_missing(&self, id: &str) -> Option<MissingIx> {
        self.missing.binary_search_by(|missing| (**missing).cmp(id)).ok().map(MissingIx::new)
    }

    fn is_within_cycle(&self, from: EventIx, target: EventIx) -> bool {
        let cycle = self.cycle_of.get(&from);
        cycle.is_some() && cycle == self.cycle_of.get(&target)
    }

    /// Appends where the references of an event lead; with `once` each only once.
    pub(super) fn links(&self, lists: &Lists, once: bool, from: EventIx, links: &mut Vec<Link>) {
        // Lists are short, unless somebody is up to something.
        const FEW: usize = 32;
        let mut seen = HashSet::new();
        for target in lists.of(self.positions[from.index()]) {
            let link = match target {
                Target::Missing(missing) => Link::Missing(self.missing_ix[missing as usize]),
                Target::Event(place) => self.link(from, self.ix_of[place as usize]),
            };
            let repeated = match links.len() {
                0..FEW => links.contains(&link),
                FEW => {
                    seen.extend(links.iter().copied());
                    !seen.insert(link)
                }
                _ => !seen.insert(link),
            };
            if !once || !repeated {
                links.push(link);
            }
        }
    }

    fn link(&self, from: EventIx, target: EventIx) -> Link {
        if self.cycle_of.is_empty() || !self.is_within_cycle(from, target) {
            return Link::Event(target);
        }
        let found = self.find_missing(self.events[target.index()].event.id());
        Link::Missing(found.expect("every reference within a cycle was collected"))
    }

    pub(super) fn nodes(
        &self,
        rules: &Rules,
        room_id: Option<&str>,
        keys: &[EventKeys],
        findings: &mut Vec<Finding>,
        executor: &dyn Executor,
    ) -> Vec<Node> {
        let ranges = executor::ranges(executor, self.events.len(), 1000);
        let parts = executor::map(executor, ranges.len(), |number| {
            let mut findings = Vec::new();
            let node = |place: usize| {
                // Nearly always the event says so itself.
                let loaded = &self.events[place];
                let foreign = loaded.event.room_id() != room_id
                    && room_of(rules, &loaded.event).is_some_and(|own| Some(&*own) != room_id);
                if foreign {
                    findings.push(foreign_room(rules, loaded));
                }
                self.node(place, foreign, keys[place])
            };
            let nodes: Vec<Node> = ranges[number].clone().map(node).collect();
            (nodes, findings)
        });
        let mut nodes = Vec::with_capacity(self.events.len());
        for (part, found) in parts {
            nodes.extend(part);
            findings.extend(found);
        }
        nodes
    }

    fn node(&self, place: usize, foreign: bool, EventKeys { what, sender }: EventKeys) -> Node {
        let loaded = &self.events[place];
        Node {
            line: loaded.line,
            position: self.positions[place],
            names_room: loaded.event.has_room_id(),
            foreign,
            in_cycle: self.cycle_of.contains_key(&EventIx::new(place)),
            outlier: foreign,
            what,
            sender_key: sender,
        }
    }
}

fn foreign_room(rules: &Rules, loaded: &LoadedEvent) -> Finding {
    let own = room_of(rules, &loaded.event).unwrap_or_default();
    let message = format!("belongs to room {own}, not to this one: kept out of the DAG");
    Finding::new(Code::ForeignRoom, message)
        .event(loaded.event.id())
        .maybe_line(loaded.line())
        .remedy("dump one room a file")
}

/// Moves every item to the place that `ix_of` says, without a second list.
fn permute<T>(items: &mut [T], mut ix_of: Vec<EventIx>) {
    for place in 0..items.len() {
        while ix_of[place].index() != place {
            let to = ix_of[place].index();
            items.swap(place, to);
            ix_of.swap(place, to);
        }
    }
}

/// The order in which events that could come next do: by timestamp, then depth, then event ID.
pub(super) fn rank(events: &[LoadedEvent]) -> Vec<u32> {
    let event = |place: u32| &events[place as usize].event;
    let time = |event: &Event| (event.origin_server_ts(), event.depth());
    let mut by_time: Vec<(i64, i64, u32)> = (0_u32..)
        .zip(events)
        .map(|(place, loaded)| {
            let (ts, depth) = time(&loaded.event);
            (ts, depth, place)
        })
        .collect();
    by_time.sort_unstable_by(|a, b| {
        (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| event(a.2).id().cmp(event(b.2).id()))
    });
    let mut rank = vec![0; events.len()];
    for (number, (.., place)) in (0_u32..).zip(by_time) {
        rank[place as usize] = number;
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
            .maybe_line(first.line())
            .remedy("no server can have sent them so: look at where the dump comes from"),
    );
}
