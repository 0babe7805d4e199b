//! What is in some rows, each enough to paint it alone.

use std::ops::Range;

use super::graph::{EdgeKind, Item, NOWHERE};
use super::lanes::Lanes;

/// How a segment runs through its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// From the upper edge of the row to the lower one, past the node.
    Pass,
    /// From the upper edge to the node in the middle: an edge arrives from a parent.
    Up,
    /// From the node in the middle to the lower edge: the line to the children begins.
    Down,
    /// A stub above the node, which leads nowhere: a parent is missing.
    Stub,
}

/// A piece of a line, in one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// How it runs.
    pub shape: Shape,
    /// The lane at its upper end.
    pub from: usize,
    /// The lane at its lower end.
    pub to: usize,
    /// What the line stands for here: of several edges that share it the most direct.
    pub kind: EdgeKind,
    /// The row whose line it is; `None` for a stub.
    pub parent: Option<usize>,
    /// Where the line leads: this row for [`Shape::Up`] and [`Shape::Stub`], else the last child of `parent`.
    pub child: usize,
}

/// A row, and everything that is to be painted in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub row: usize,
    /// What it shows.
    pub item: Item,
    /// The lane of its node.
    pub lane: usize,
    /// The lines: those that pass from left to right, then those of the node.
    pub segments: Vec<Segment>,
}

impl Row {
    /// Whether a segment of this row is part of the edge from the row `child` to its parent, the row `parent`: for
    /// highlighting.
    pub fn carries(&self, segment: &Segment, child: usize, parent: usize) -> bool {
        segment.parent == Some(parent)
            && match segment.shape {
                Shape::Up => self.row == child,
                Shape::Pass | Shape::Down => self.row < child,
                Shape::Stub => false,
            }
    }
}

/// Rows one after the other, from [`Lanes::window`].
#[derive(Debug, Clone)]
pub struct Window<'a> {
    lanes: &'a Lanes,
    /// By lane the row whose line runs there above the next row, or [`NOWHERE`].
    slots: Vec<u32>,
    rows: Range<usize>,
    visible: Range<usize>,
}

impl<'a> Window<'a> {
    pub(super) fn new(lanes: &'a Lanes, slots: Vec<u32>, rows: Range<usize>, visible: Range<usize>) -> Self {
        Self { lanes, slots, rows, visible }
    }

    fn row(&self, row: usize) -> Row {
        let (lanes, graph) = (self.lanes, self.lanes.graph());
        let lane = lanes.lane(row);
        let mut segments = Vec::new();
        let end = self.visible.end.min(self.slots.len());
        for beside in self.visible.start.min(end)..end {
            let parent = self.slots[beside] as usize;
            if self.slots[beside] == NOWHERE {
                continue;
            }
            let Some(child) = lanes.last_child(parent).filter(|child| *child > row) else { continue };
            let kind = lanes.kind_below(parent, row);
            let shape = Shape::Pass;
            segments.push(Segment { shape, from: beside, to: beside, kind, parent: Some(parent), child });
        }
        for edge in graph.parents(row) {
            let (shape, from) = match edge.to {
                Some(parent) => (Shape::Up, lanes.lane(parent)),
                None => (Shape::Stub, lane),
            };
            segments.push(Segment { shape, from, to: lane, kind: edge.kind, parent: edge.to, child: row });
        }
        if let Some(child) = lanes.last_child(row) {
            let kind = lanes.kind_below(row, row);
            let shape = Shape::Down;
            segments.push(Segment { shape, from: lane, to: lane, kind, parent: Some(row), child });
        }
        Row { row, item: graph.item(row), lane, segments }
    }
}

impl Iterator for Window<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let number = self.rows.next()?;
        let row = self.row(number);
        self.lanes.advance(&mut self.slots, number);
        Some(row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl ExactSizeIterator for Window<'_> {}
