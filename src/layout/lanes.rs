//! A lane for every row, and for the lines between rows.
//!
//! The *line* of a row runs down its lane until its last child. On the way other children branch off:
//!
//! ```text
//!   row 0   ●        its line is in lane 0
//!   row 1   ├─●      a child; its own line is in lane 1
//!   row 2   ● │      the last child of row 0 continues its lane
//!   row 3   ●─┘
//! ```
//!
//! So there are never more lines side by side than events that still wait for a child: edges to the same parent share one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Range;

use super::graph::{EdgeKind, Graph, NOWHERE};
use super::packed::{Packed, small};
use super::window::Window;

/// A line moves to the leftmost free lane if that is so far to the left: after many branches have met, the graph gets narrow
/// again; where two or three come and go, lines stay straight.
const WORTH_MOVING: u32 = 4;

/// Rows between two places from which a window can be made, at least.
const BETWEEN: usize = 256;

/// A graph with a lane for every row. Rows can be asked for in any order.
///
/// Of a row only its lane and the last row its line leads to are kept. What lines run beside it is found by starting from the
/// last checkpoint, a list of the lines open there. Checkpoints are 256 rows apart, or as many as lines are open if
/// those are more; so all of them together take at most one number a row, in a room of a thousand branches too, where
/// lists of lines for every row would take a thousand times as much.
///
/// Takes 12 to 16 bytes a row beside the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lanes {
    graph: Graph,
    /// The lane of every row and of its line.
    pub(super) lanes: Vec<u32>,
    /// The last child that is one by a direct edge; 0: there is none. Only if there are edges of other kinds.
    last_direct: Vec<u32>,
    /// The same for implied edges, of those rows that have some: mostly one, the create event.
    last_implied: BTreeMap<u32, u32>,
    /// Which row each checkpoint is of.
    checkpoints: Vec<u32>,
    /// The rows whose lines are open above that row.
    open: Packed,
    width: usize,
}

impl Lanes {
    /// Gives every row a lane. A row takes the leftmost of those lanes of its parents whose lines end there, and else the
    /// leftmost that is free. Which parent comes first does not count: servers list their forward extremities in any order.
    ///
    /// Cost: `O(rows + edges log lanes)`.
    pub fn new(graph: Graph) -> Self {
        let (last_direct, last_implied) = last_of_kinds(&graph);
        let mut assignment = Assignment::new(&graph);
        let mut checkpoints = Vec::new();
        let mut open = Packed::with_capacity(0);
        let mut next = 0;
        for row in 0..graph.len() {
            if row >= next {
                checkpoints.push(small(row));
                open.push(assignment.slots.iter().copied().filter(|parent| *parent != NOWHERE));
                next = row + BETWEEN.max(assignment.slots.len());
            }
            assignment.place(row);
        }
        open.shrink();
        let (lanes, width) = (assignment.lanes, assignment.width);
        Self { graph, lanes, last_direct, last_implied, checkpoints, open, width }
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.lanes.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// The number of lanes.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The lane of a row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn lane(&self, row: usize) -> usize {
        self.lanes[row] as usize
    }

    /// What is in some rows; those behind the last are left out.
    ///
    /// Cost: in the lanes of the rows asked for, and in the rows since the last checkpoint, at most 256 or as many as there
    /// are lanes.
    pub fn window(&self, rows: Range<usize>) -> Window<'_> {
        self.window_in(rows, 0..self.width)
    }

    /// As [`Lanes::window`], without the lines that only pass by in other lanes than `lanes`: where somebody looks at 50
    /// of a thousand lanes.
    pub fn window_in(&self, rows: Range<usize>, lanes: Range<usize>) -> Window<'_> {
        let end = rows.end.min(self.len());
        let start = rows.start.min(end);
        let mut slots: Vec<u32> = Vec::new();
        let checkpoint = self.checkpoints.partition_point(|row| *row as usize <= start);
        let from = match checkpoint.checked_sub(1) {
            None => start,
            Some(checkpoint) => {
                for parent in self.open.of(checkpoint) {
                    occupy(&mut slots, self.lanes[*parent as usize], *parent);
                }
                self.checkpoints[checkpoint] as usize
            }
        };
        (from..start).for_each(|row| self.advance(&mut slots, row));
        Window::new(self, slots, start..end, lanes)
    }

    /// The open lines below a row, from those above it.
    pub(super) fn advance(&self, slots: &mut Vec<u32>, row: usize) {
        for parent in self.graph.parents.of(row).iter().filter(|parent| **parent != NOWHERE) {
            if self.last_child(*parent as usize) == Some(row) {
                slots[self.lanes[*parent as usize] as usize] = NOWHERE;
            }
        }
        if self.last_child(row).is_some() {
            occupy(slots, self.lanes[row], small(row));
        }
        trim(slots);
    }

    /// How many bytes it takes on the heap, the graph included.
    pub fn memory(&self) -> usize {
        let rows = self.lanes.capacity() + self.last_direct.capacity() + self.checkpoints.capacity();
        self.graph.memory() + 4 * rows + self.open.memory()
    }

    /// How many numbers all checkpoints hold.
    #[cfg(test)]
    pub(super) fn memory_of_windows(&self) -> usize {
        (0..self.open.len()).map(|checkpoint| self.open.of(checkpoint).len()).sum()
    }

    /// The row that the line of a row leads to in the end.
    pub(super) fn last_child(&self, row: usize) -> Option<usize> {
        self.graph.children(row).next_back()
    }

    /// What the line of `parent` stands for below the middle of `row`.
    pub(super) fn kind_below(&self, parent: usize, row: usize) -> EdgeKind {
        let goes_on = |last: Option<&u32>| last.is_some_and(|last| *last as usize > row);
        if self.last_direct.is_empty() || goes_on(self.last_direct.get(parent)) {
            EdgeKind::Direct
        } else if goes_on(self.last_implied.get(&small(parent))) {
            EdgeKind::Implied
        } else {
            EdgeKind::Indirect
        }
    }
}

fn last_of_kinds(graph: &Graph) -> (Vec<u32>, BTreeMap<u32, u32>) {
    let (mut direct, mut implied) = (Vec::new(), BTreeMap::new());
    if !graph.kinds.iter().any(|kind| matches!(kind, EdgeKind::Indirect | EdgeKind::Implied)) {
        return (direct, implied);
    }
    direct.resize(graph.len(), 0);
    for row in 0..graph.len() {
        for edge in graph.parents(row) {
            match (edge.to, edge.kind) {
                (Some(parent), EdgeKind::Direct) => direct[parent] = small(row),
                (Some(parent), EdgeKind::Implied) => {
                    implied.insert(small(parent), small(row));
                }
                _ => {}
            }
        }
    }
    (direct, implied)
}

fn occupy(slots: &mut Vec<u32>, lane: u32, row: u32) {
    let lane = lane as usize;
    if slots.len() <= lane {
        slots.resize(lane + 1, NOWHERE);
    }
    slots[lane] = row;
}

fn trim(slots: &mut Vec<u32>) {
    while slots.last() == Some(&NOWHERE) {
        slots.pop();
    }
}

/// The lanes while they are given out, row by row.
struct Assignment<'a> {
    graph: &'a Graph,
    lanes: Vec<u32>,
    /// By lane the row whose line runs there, or [`NOWHERE`].
    slots: Vec<u32>,
    /// The free lanes among the first `width`.
    free: BinaryHeap<Reverse<u32>>,
    width: usize,
}

impl<'a> Assignment<'a> {
    fn new(graph: &'a Graph) -> Self {
        let lanes = Vec::with_capacity(graph.len());
        Self { graph, lanes, slots: Vec::new(), free: BinaryHeap::new(), width: 0 }
    }

    fn place(&mut self, row: usize) {
        let graph = self.graph;
        let last = |row: usize| graph.children(row).next_back();
        let ending = graph.parents.of(row).iter().filter(|parent| **parent != NOWHERE);
        let ending = ending.filter(|parent| last(**parent as usize) == Some(row));
        let ending = ending.map(|parent| self.lanes[*parent as usize]);
        let lane = ending.clone().min().filter(|lane| !self.is_worth_moving(*lane));
        let ended: smallvec::SmallVec<[u32; 4]> = ending.collect();
        let lane = lane.unwrap_or_else(|| self.leftmost_free());
        for ended in ended {
            self.slots[ended as usize] = NOWHERE;
            if ended != lane {
                self.free.push(Reverse(ended));
            }
        }
        self.lanes.push(lane);
        if last(row).is_some() {
            occupy(&mut self.slots, lane, small(row));
        } else {
            self.free.push(Reverse(lane));
        }
        self.width = self.width.max(lane as usize + 1);
        trim(&mut self.slots);
    }

    fn is_worth_moving(&self, lane: u32) -> bool {
        self.free.peek().is_some_and(|Reverse(free)| free + WORTH_MOVING <= lane)
    }

    fn leftmost_free(&mut self) -> u32 {
        self.free.pop().map_or_else(|| small(self.width), |Reverse(lane)| lane)
    }
}
