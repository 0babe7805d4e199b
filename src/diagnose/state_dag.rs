//! The shape of a state DAG (MSC4242): how wide it was when, what the events name, and whether it hangs together.

use std::collections::BTreeMap;

use crate::replay::Replay;
use crate::room::{EventIx, EventSet};

/// So many places in time are told the width of.
const SAMPLES: usize = 64;

/// The width of a state DAG at some time: how many forward extremities it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    /// The event after which.
    pub at: EventIx,
    /// The number of forward extremities.
    pub tips: usize,
}

/// The shape of a state DAG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The events of the state DAG: accepted state events.
    pub events: usize,
    /// Its edges.
    pub edges: usize,
    /// The events of the longest path.
    pub longest_path: usize,
    /// The accepted state events that no accepted state event names, ascending.
    pub extremities: Vec<EventIx>,
    /// The width in topological order: the greatest in each of equal stretches of time.
    pub widths: Vec<Width>,
    /// Where it was widest first.
    pub widest: Option<Width>,
    /// How many events name how many events in `prev_state_events`: state events and messages, whatever became of them.
    pub parents: BTreeMap<usize, ParentCount>,
    /// Events that name one of their own ancestors beside a descendant of it: what they name is no antichain.
    pub redundant: Vec<EventIx>,
    /// The parts that the state events of the dump fall into, the largest first: sizes. One, if it hangs together.
    pub parts: Vec<usize>,
    /// The events that wait for something that is not in the dump.
    pub unprocessed: usize,
    /// The IDs that are named in `prev_state_events` and missing from the dump.
    pub missing: usize,
}

/// How many events name so many others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ParentCount {
    /// State events.
    pub state_events: usize,
    /// Messages.
    pub messages: usize,
}

impl Shape {
    /// The shape of the state DAG of a room; `None` where the room version has none.
    ///
    /// Cost: its events and edges, but for [`Shape::redundant`]: what lies between the events that one event names.
    pub fn of(replay: &Replay<'_>) -> Option<Self> {
        let room = replay.room();
        if !room.rules().has_state_dag() {
            return None;
        }
        let own: Vec<EventIx> = room.events().filter(|ix| !room.is_foreign(*ix)).collect();
        let nodes: Vec<EventIx> = own.iter().copied().filter(|ix| replay.may_be_extremity(*ix)).collect();
        let mut missing: Vec<_> =
            own.iter().flat_map(|ix| room.state_links(*ix).filter(|link| link.event().is_none())).collect();
        missing.sort_unstable();
        missing.dedup();
        let widths = widths(replay, &nodes);
        // Of several the first.
        let widest = widths.iter().copied().rev().max_by_key(|width| width.tips);
        Some(Self {
            events: nodes.len(),
            edges: nodes.iter().map(|ix| room.state_parents(*ix).len()).sum(),
            longest_path: longest_path(replay, &nodes),
            extremities: replay.current().extremities.clone(),
            widest,
            widths: thinned(&widths),
            parents: parents(replay, &own),
            redundant: own.iter().copied().filter(|ix| names_own_ancestor(replay, *ix)).collect(),
            parts: parts(replay, &own),
            unprocessed: replay.unprocessed_count(),
            missing: missing.len(),
        })
    }
}

/// The width after every event.
fn widths(replay: &Replay<'_>, nodes: &[EventIx]) -> Vec<Width> {
    let mut tips = EventSet::new(replay.room().len());
    let mut count = 0;
    let mut widths = Vec::with_capacity(nodes.len());
    for at in nodes.iter().copied() {
        for parent in replay.room().state_parents(at).iter().copied() {
            if tips.contains(parent) {
                tips.remove(parent);
                count -= 1;
            }
        }
        tips.insert(at);
        count += 1;
        widths.push(Width { at, tips: count });
    }
    widths
}

/// The greatest width of each of so many stretches.
fn thinned(widths: &[Width]) -> Vec<Width> {
    let length = widths.len().div_ceil(SAMPLES).max(1);
    let greatest = |stretch: &[Width]| stretch.iter().copied().rev().max_by_key(|width| width.tips);
    widths.chunks(length).filter_map(greatest).collect()
}

fn longest_path(replay: &Replay<'_>, nodes: &[EventIx]) -> usize {
    let mut lengths: Vec<usize> = vec![0; replay.room().len()];
    for ix in nodes {
        let parents = replay.room().state_parents(*ix).iter();
        lengths[ix.index()] = 1 + parents.map(|parent| lengths[parent.index()]).max().unwrap_or(0);
    }
    lengths.into_iter().max().unwrap_or(0)
}

fn parents(replay: &Replay<'_>, own: &[EventIx]) -> BTreeMap<usize, ParentCount> {
    let room = replay.room();
    let mut counts: BTreeMap<usize, ParentCount> = BTreeMap::new();
    for ix in own {
        let count = counts.entry(room.state_links(*ix).count()).or_default();
        match room.key_of(*ix) {
            Some(_) => count.state_events += 1,
            None => count.messages += 1,
        }
    }
    counts
}

/// Whether an event names another, and an ancestor of that.
fn names_own_ancestor(replay: &Replay<'_>, ix: EventIx) -> bool {
    let room = replay.room();
    let parents = room.state_parents(ix);
    let (Some(oldest), true) = (parents.iter().min().copied(), parents.len() > 1) else { return false };
    let mut seen = EventSet::default();
    let mut stack = parents.to_vec();
    while let Some(at) = stack.pop() {
        for parent in room.state_parents(at).iter().copied().filter(|parent| *parent >= oldest) {
            if parents.contains(&parent) {
                return true;
            }
            if seen.insert(EventIx::new(parent.index() - oldest.index())) {
                stack.push(parent);
            }
        }
    }
    false
}

/// The sizes of the parts that the state events fall into, along what they name.
fn parts(replay: &Replay<'_>, own: &[EventIx]) -> Vec<usize> {
    let room = replay.room();
    let mut part_of: Vec<usize> = (0..room.len()).collect();
    fn find(part_of: &mut [usize], mut place: usize) -> usize {
        while part_of[place] != place {
            part_of[place] = part_of[part_of[place]];
            place = part_of[place];
        }
        place
    }
    let is_node = |ix: EventIx| room.key_of(ix).is_some() && !room.is_foreign(ix);
    for ix in own.iter().copied().filter(|ix| is_node(*ix)) {
        for parent in room.state_parents(ix).iter().copied().filter(|parent| is_node(*parent)) {
            let (from, to) = (find(&mut part_of, ix.index()), find(&mut part_of, parent.index()));
            part_of[from] = to;
        }
    }
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for ix in own.iter().copied().filter(|ix| is_node(*ix)) {
        *sizes.entry(find(&mut part_of, ix.index())).or_default() += 1;
    }
    let mut sizes: Vec<usize> = sizes.into_values().collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::Profile;
    use crate::event::room_version::Rules;
    use crate::generate::{Draft, Reference, RoomBuilder};

    #[test]
    fn forks_widths_and_parents_are_counted() {
        let rules = Rules::of("org.matrix.msc4242.12").unwrap();
        let mut room = RoomBuilder::new(rules, 3);
        room.send(Draft::create(rules, "@a:one"));
        let join = room.send(Draft::join("@a:one"));
        let levels = room.send(Draft::power_levels("@a:one", json!({})));
        let topic = room.send_after(&[levels], Draft::topic("@a:one", "x"));
        let name = room.send_after(&[levels], Draft::name("@a:one", "y"));
        room.send_after(&[topic, name], Draft::message("@a:one", "both"));
        let mut draft = Draft::state("m.x", "", "@a:one", json!({})).after(&[topic, name]);
        draft.prev_state = Some([topic, join].map(Reference::Made).to_vec());
        room.add(draft);
        let mut lost = Draft::state("m.y", "", "@a:one", json!({})).after(&[topic]);
        lost.prev_state = Some(vec![Reference::Unknown("$nowhere".to_owned())]);
        room.add(lost);
        let room = room.room();
        let shape = Shape::of(&Replay::new(&room, None, Profile::Spec)).unwrap();
        assert_eq!((shape.events, shape.edges, shape.longest_path), (6, 6, 5));
        assert_eq!(shape.extremities.len(), 2);
        assert_eq!(shape.widths.iter().map(|width| width.tips).collect::<Vec<_>>(), [1, 1, 1, 1, 2, 2]);
        assert_eq!(shape.widest.map(|width| width.tips), Some(2));
        let count = |parents| shape.parents[&parents];
        assert_eq!(count(2), ParentCount { state_events: 1, messages: 1 });
        assert_eq!(count(0), ParentCount { state_events: 1, messages: 0 });
        assert_eq!(shape.redundant.len(), 1);
        assert_eq!((&shape.parts[..], shape.unprocessed, shape.missing), (&[6, 1][..], 1, 1));
    }
}
