//! Which edges are superfluous because another path leads there.
//!
//! Rows are cut into chains: paths on which each row is a parent of the next. Of a chain only the *exits* matter, those
//! rows that have a parent elsewhere; a search goes from exit to exit.
//!
//! ```text
//!   chain 0   0 ◄── 1 ◄── 2 ◄── 3 ◄── 4 ◄── 5        exits: 0, 5
//!                   ▲                       │
//!   chain 1         └── 6 ◄── 7 ◄───────────┘        exits: 6
//! ```
//!
//! (The numbers name rows, they do not order them.)

use super::graph::{EdgeKind, NOWHERE};
use super::packed::{Packed, small};

/// So many steps an event may be spent on finding superfluous edges, over all events together.
const STEPS_PER_EVENT: usize = 64;

/// Reachability among rows that are added one after the other.
#[derive(Debug)]
pub(super) struct Reach {
    chain: Vec<u32>,
    /// The nearest row at or above this one on its chain that is an exit.
    exit: Vec<u32>,
    has_child: Vec<bool>,
    /// The last row of every chain.
    tails: Vec<u32>,
    /// By row: the last search that came there.
    visited: Vec<u32>,
    search: u32,
    stack: Vec<u32>,
    /// The rows that may yet turn out to be superfluous.
    open: Vec<u32>,
    steps_left: usize,
    gave_up: bool,
}

impl Reach {
    /// For `rows` rows, found among `events` events.
    pub(super) fn new(rows: usize, events: usize) -> Self {
        Self {
            chain: Vec::with_capacity(rows),
            exit: Vec::with_capacity(rows),
            has_child: Vec::with_capacity(rows),
            tails: Vec::new(),
            visited: Vec::with_capacity(rows),
            search: 0,
            stack: Vec::new(),
            open: Vec::new(),
            steps_left: STEPS_PER_EVENT.saturating_mul(events).saturating_add(1 << 16),
            gave_up: false,
        }
    }

    /// Whether every superfluous edge was found.
    pub(super) fn is_exact(&self) -> bool {
        !self.gave_up
    }

    /// Adds the next row.
    pub(super) fn add(&mut self, parents: &[u32]) {
        let row = small(self.chain.len());
        let rows = || parents.iter().copied().filter(|parent| *parent != NOWHERE);
        rows().for_each(|parent| self.has_child[parent as usize] = true);
        let tail = rows().find(|parent| self.tails[self.chain[*parent as usize] as usize] == *parent);
        let chain = tail.map(|tail| self.chain[tail as usize]);
        let chain = chain.unwrap_or_else(|| {
            self.tails.push(row);
            small(self.tails.len() - 1)
        });
        self.tails[chain as usize] = row;
        let exit = match tail {
            Some(tail) if rows().all(|parent| parent == tail) => self.exit[tail as usize],
            _ => row,
        };
        self.chain.push(chain);
        self.exit.push(exit);
        self.has_child.push(false);
        self.visited.push(0);
    }

    /// Drops those edges for which another one of them leads to the same row; direct ones only if `all`.
    ///
    /// Cost: at worst in the exits between the lowest and the highest of the targets. Once all searches together
    /// have taken [`STEPS_PER_EVENT`] steps an event, only what is seen at once is dropped.
    pub(super) fn reduce(&mut self, parents: &Packed, edges: &mut Vec<(u32, EdgeKind)>, all: bool) {
        let may_go = |kind: EdgeKind| kind == EdgeKind::Indirect || all && kind == EdgeKind::Direct;
        self.open.clear();
        for (row, kind) in edges.iter() {
            if may_go(*kind) && self.has_child[*row as usize] {
                self.open.push(*row);
            }
        }
        if self.open.is_empty() {
            return;
        }
        self.search(parents, edges);
        // What is still open was not reached; of those that were not open none can be.
        let (open, has_child) = (&self.open, &self.has_child);
        edges.retain(|(row, kind)| !may_go(*kind) || !has_child[*row as usize] || open.contains(row));
    }

    /// Takes from `open` what is reached from another edge.
    fn search(&mut self, parents: &Packed, edges: &[(u32, EdgeKind)]) {
        self.search += 1;
        self.stack.clear();
        for (row, _) in edges.iter().filter(|(row, _)| *row != NOWHERE) {
            self.close(*row, false);
            self.stack.push(*row);
        }
        while let Some(row) = self.stack.pop() {
            let Some(lowest) = self.open.iter().min().copied() else { return };
            let exit = self.exit[row as usize];
            if exit <= lowest || self.visited[exit as usize] == self.search {
                continue;
            }
            self.visited[exit as usize] = self.search;
            let above = parents.of(exit as usize);
            let steps = 1 + above.len() * self.open.len();
            if steps > self.steps_left {
                self.gave_up = true;
                return;
            }
            self.steps_left -= steps;
            for parent in above.iter().copied().filter(|parent| *parent != NOWHERE && *parent >= lowest) {
                self.close(parent, true);
                self.stack.push(parent);
            }
        }
    }

    /// The row is reached, and with it whatever is above it on its chain.
    fn close(&mut self, row: u32, itself: bool) {
        let chain = self.chain[row as usize];
        let all = &self.chain;
        self.open.retain(|open| all[*open as usize] != chain || *open > row || *open == row && !itself);
    }
}
