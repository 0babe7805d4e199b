//! The events that are shown, and the edges between them.

use super::packed::Packed;
use crate::room::EventIx;

/// The target of an edge to nowhere.
pub(super) const NOWHERE: u32 = u32::MAX;

/// What an edge stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// A reference.
    Direct,
    /// A reference that the event does not list: the create event among the auth events, where the room ID stands for it,
    /// and every auth event where they are calculated.
    Implied,
    /// A path through events that are not shown.
    Indirect,
    /// A reference to an event that is not in the dump, be it the event's own or one of an event before it that is not
    /// shown.
    Missing,
}

/// An edge from a row to one above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// The row of the parent; `None` if the parent is missing.
    pub to: Option<usize>,
    /// What the edge stands for.
    pub kind: EdgeKind,
}

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// An event.
    Event(EventIx),
    /// A linear run of events.
    Run(Run),
    /// The room now: a last, synthetic row below the forward extremities.
    Now,
}

/// A linear run of events that is shown as one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// What to give to [`Graph::collapse`] to see the whole run: the event it begins with when nothing is pinned.
    pub id: EventIx,
    /// The oldest event in the row.
    pub first: EventIx,
    /// The newest event in the row.
    pub last: EventIx,
    /// The number of events in the row.
    pub count: usize,
}

/// The events of a room that are shown, by rows, and the edges between them. Parents have smaller rows.
///
/// Takes about 20 bytes a row and 9 an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// The shown events, ascending.
    pub(super) events: Vec<EventIx>,
    pub(super) has_now: bool,
    pub(super) parents: Packed,
    /// In step with the values of `parents`.
    pub(super) kinds: Vec<EdgeKind>,
    pub(super) children: Packed,
    /// `None`: each event has a row.
    pub(super) folds: Option<Folds>,
    pub(super) is_reduced: bool,
    pub(super) edges_left_out: usize,
}

/// Which rows the events have when some share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folds {
    /// The row of every shown event.
    pub(super) row_of: Vec<u32>,
    /// The places, among the shown events, of those of a row.
    pub(super) members: Packed,
    /// The rows that are runs, ascending, with the event that names the run.
    pub(super) runs: Vec<(u32, EventIx)>,
}

impl Graph {
    pub(super) fn assemble(
        events: Vec<EventIx>,
        has_now: bool,
        mut parents: Packed,
        mut kinds: Vec<EdgeKind>,
    ) -> Self {
        parents.shrink();
        kinds.shrink_to_fit();
        let children = parents.reversed(parents.len());
        Self { events, has_now, parents, kinds, children, folds: None, is_reduced: true, edges_left_out: 0 }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shown events, ascending.
    pub fn events(&self) -> &[EventIx] {
        &self.events
    }

    /// What a row shows.
    ///
    /// # Panics
    /// If there is no such row; so do all methods that take one.
    pub fn item(&self, row: usize) -> Item {
        if self.now() == Some(row) {
            return Item::Now;
        }
        let Some(folds) = &self.folds else { return Item::Event(self.events[row]) };
        let members = folds.members.of(row);
        let event = |place: u32| self.events[place as usize];
        let (first, last) = (event(members[0]), event(members[members.len() - 1]));
        match self.run_id(row) {
            None => Item::Event(first),
            Some(id) => Item::Run(Run { id, first, last, count: members.len() }),
        }
    }

    /// The name of the run that a row shows, if it shows one.
    pub(super) fn run_id(&self, row: usize) -> Option<EventIx> {
        let runs = &self.folds.as_ref()?.runs;
        let run = runs.binary_search_by_key(&row, |(row, _)| *row as usize).ok()?;
        Some(runs[run].1)
    }

    /// The events of a row, ascending: one, those of a run, or none in the row "now".
    pub fn members(&self, row: usize) -> impl ExactSizeIterator<Item = EventIx> + '_ {
        let own = [row];
        let (own, folded): (&[usize], &[u32]) = match &self.folds {
            _ if self.now() == Some(row) => (&[], &[]),
            None => (&own, &[]),
            Some(folds) => (&[], folds.members.of(row)),
        };
        let (own, len) = (own.first().copied(), own.len() + folded.len());
        (0..len).map(move |place| self.events[own.unwrap_or_else(|| folded[place] as usize)])
    }

    /// The row of an event, its own or that of the run it is part of; `None` if it is not shown.
    ///
    /// Cost: `O(log rows)`.
    pub fn row_of(&self, ix: EventIx) -> Option<usize> {
        let place = self.events.binary_search(&ix).ok()?;
        Some(self.folds.as_ref().map_or(place, |folds| folds.row_of[place] as usize))
    }

    /// The row of the first shown event that is `ix` or later; of the last one if there is none. `None`: no event is
    /// shown.
    pub fn nearest_row(&self, ix: EventIx) -> Option<usize> {
        let place = self.events.partition_point(|shown| *shown < ix);
        self.events.get(place).or(self.events.last()).and_then(|ix| self.row_of(*ix))
    }

    /// The row "now", if there is one: the last.
    pub fn now(&self) -> Option<usize> {
        self.has_now.then(|| self.len() - 1)
    }

    /// The edges to the rows above, in the order of the event's references.
    pub fn parents(&self, row: usize) -> impl ExactSizeIterator<Item = Edge> + '_ {
        let range = self.parents.range(row);
        self.parents
            .of(row)
            .iter()
            .zip(&self.kinds[range])
            .map(|(to, kind)| Edge { to: Some(*to as usize).filter(|_| *to != NOWHERE), kind: *kind })
    }

    /// The rows below that have an edge to this one, ascending.
    pub fn children(&self, row: usize) -> impl ExactSizeIterator<Item = usize> + DoubleEndedIterator + '_ {
        self.children.of(row).iter().map(|child| *child as usize)
    }

    /// Whether no edge is left that another path makes superfluous. `false` in rooms made to be difficult, where finding
    /// that out would take more than linear time.
    pub fn is_reduced(&self) -> bool {
        self.is_reduced
    }

    /// The number of paths through events that are not shown that are not drawn: a single such event had more shown
    /// ancestors next to it than anybody could read.
    pub fn edges_left_out(&self) -> usize {
        self.edges_left_out
    }

    /// How many bytes it takes on the heap.
    pub fn memory(&self) -> usize {
        let folds = self.folds.as_ref().map_or(0, |folds| {
            4 * folds.row_of.capacity() + folds.members.memory() + 8 * folds.runs.capacity()
        });
        4 * self.events.capacity()
            + self.parents.memory()
            + self.kinds.capacity()
            + self.children.memory()
            + folds
    }

    /// The rows at most `distance` edges away from a row in either direction, itself among them, ascending; at most
    /// `most`, the nearest first.
    ///
    /// Cost: in the edges of the rows it finds.
    pub fn neighbourhood(&self, row: usize, distance: usize, most: usize) -> Vec<usize> {
        let mut found = std::collections::BTreeSet::from([row]);
        let mut ring = vec![row];
        for _ in 0..distance {
            let mut next = Vec::new();
            for near in ring {
                let up = self.parents(near).filter_map(|edge| edge.to);
                for other in up.chain(self.children(near)) {
                    if found.len() >= most {
                        return found.into_iter().collect();
                    }
                    if found.insert(other) {
                        next.push(other);
                    }
                }
            }
            ring = next;
        }
        found.into_iter().collect()
    }
}
