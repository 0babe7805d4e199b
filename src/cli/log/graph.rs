//! The edges between the events that are shown: across those that are not.

use std::collections::BTreeSet;

use crate::room::{EventIx, EventSet, Link, Room};

/// So many events are looked at to find out whether a longer path makes an edge superfluous.
const LOOKED_AT: usize = 256;

/// Where an edge of the drawing leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Parent {
    /// To an event that the other one refers to.
    Direct(EventIx),
    /// To an event on the other side of some that are not shown.
    Indirect(EventIx),
    /// To an event that is not in the dump.
    Missing,
}

impl Parent {
    fn event(self) -> Option<EventIx> {
        match self {
            Self::Direct(ix) | Self::Indirect(ix) => Some(ix),
            Self::Missing => None,
        }
    }
}

/// The edges of a drawing.
#[derive(Debug)]
pub(super) struct Graph {
    shown: EventSet,
    /// By event: the rows further down to which a line leads.
    next: Vec<Vec<Parent>>,
}

impl Graph {
    /// The edges between the events `shown`; from parents to children if the oldest event comes first.
    pub(super) fn new(room: &Room, shown: &[EventIx], reverse: bool) -> Self {
        let set: EventSet = shown.iter().copied().collect();
        let mut graph = Self { shown: set, next: Vec::with_capacity(room.len()) };
        // With a limit the oldest row ends the drawing: what lies before it counts as shown, so that lines run off.
        let oldest = shown.iter().min().copied().unwrap_or(EventIx::new(0));
        for ix in room.events() {
            let parents = graph.parents(room, ix, oldest);
            graph.next.push(parents);
        }
        if reverse {
            graph.reverse();
        }
        graph
    }

    /// Whether the event is a row of the drawing.
    pub(super) fn contains(&self, ix: EventIx) -> bool {
        self.shown.contains(ix)
    }

    /// The greatest number of lines side by side, if the rows come in the order of `events` and lines lead to (or from)
    /// all of `extremities`.
    pub(super) fn lanes(&self, events: &[EventIx], extremities: &[EventIx]) -> usize {
        let mut open: BTreeSet<EventIx> =
            extremities.iter().copied().filter(|ix| self.contains(*ix)).collect();
        let mut most = open.len();
        for ix in events {
            open.remove(ix);
            open.extend(self.next(*ix).iter().filter_map(|parent| parent.event()));
            most = most.max(open.len());
        }
        most
    }

    /// Where lines lead from the row of an event.
    pub(super) fn next(&self, ix: EventIx) -> &[Parent] {
        &self.next[ix.index()]
    }

    /// The nearest shown ancestors. For an event that is not shown, those that lines lead to across it.
    fn parents(&self, room: &Room, ix: EventIx, oldest: EventIx) -> Vec<Parent> {
        let mut parents: Vec<Parent> = Vec::new();
        for link in room.prev_links(ix) {
            match link {
                Link::Missing(_) => parents.push(Parent::Missing),
                Link::Event(parent)
                    if self.shown.contains(parent) || parent < oldest && !room.is_outlier(parent) =>
                {
                    parents.push(Parent::Direct(parent));
                }
                Link::Event(parent) if room.is_outlier(parent) => parents.push(Parent::Missing),
                Link::Event(parent) => {
                    parents.extend(self.next[parent.index()].iter().map(|parent| match parent {
                        Parent::Direct(ix) | Parent::Indirect(ix) => Parent::Indirect(*ix),
                        Parent::Missing => Parent::Missing,
                    }));
                }
            }
        }
        let mut seen = BTreeSet::new();
        parents.retain(|parent| seen.insert(parent.event()));
        self.reduce(parents)
    }

    /// Leaves out indirect edges to events that another edge leads to anyway.
    fn reduce(&self, parents: Vec<Parent>) -> Vec<Parent> {
        let superfluous = |parent: &Parent| {
            let Parent::Indirect(target) = *parent else { return false };
            let starts = parents.iter().filter_map(|other| other.event()).filter(|other| *other > target);
            let mut ahead: BTreeSet<EventIx> = starts.collect();
            for _ in 0..LOOKED_AT {
                let Some(ix) = ahead.pop_last() else { return false };
                if ix == target {
                    return true;
                }
                let further = self.next[ix.index()].iter().filter_map(|parent| parent.event());
                ahead.extend(further.filter(|ix| *ix >= target));
            }
            false
        };
        let keep: Vec<bool> = parents.iter().map(|parent| !superfluous(parent)).collect();
        parents.into_iter().zip(keep).filter_map(|(parent, keep)| keep.then_some(parent)).collect()
    }

    fn reverse(&mut self) {
        let mut children = vec![Vec::new(); self.next.len()];
        for (place, parents) in self.next.iter().enumerate() {
            let ix = EventIx::new(place);
            for parent in parents.iter().filter(|_| self.shown.contains(ix)) {
                match parent {
                    Parent::Direct(to) => children[to.index()].push(Parent::Direct(ix)),
                    Parent::Indirect(to) => children[to.index()].push(Parent::Indirect(ix)),
                    Parent::Missing => {}
                }
            }
        }
        self.next = children;
    }
}
