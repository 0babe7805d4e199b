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
//!
//! Downwards that finds quickly what *is* reached: in an auth graph the create event and the power levels. What is not
//! reached is mostly something that little refers to, a membership; so the search goes up from there as well, in turns.

use super::graph::{EdgeKind, NOWHERE};
use super::packed::{Packed, small};

/// So many steps an event may be spent on finding superfluous edges, over all events together.
const STEPS_PER_EVENT: usize = 1024;

/// How far the first search goes in each direction; the next one goes four times as far.
const FIRST_LIMIT: usize = 16;

/// What is known of an edge's target after a search that may have stopped early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Reached,
    NotReached,
    Unknown,
}

/// Reachability among rows that are added one after the other.
#[derive(Debug)]
pub(super) struct Reach {
    chain: Vec<u32>,
    /// The nearest row at or above this one on its chain that is an exit.
    exit: Vec<u32>,
    /// The last row of every chain.
    tails: Vec<u32>,
    has_child: Vec<bool>,
    /// By row: the place among `children` of the last child that has children itself. Most events of a room are messages,
    /// which have none in the auth graph.
    last_child: Vec<u32>,
    /// A child, and the place of the one before it with the same parent.
    children: Vec<(u32, u32)>,
    /// Where a search upwards may end.
    goals: Vec<u32>,
    /// By row: the last search that came there.
    visited: Vec<u32>,
    search: u32,
    stack: Vec<u32>,
    /// The rows that may yet turn out to be superfluous.
    open: Vec<u32>,
    superfluous: Vec<u32>,
    steps_left: usize,
    gave_up: bool,
}

impl Reach {
    /// For `rows` rows, found among `events` events.
    pub(super) fn new(rows: usize, events: usize) -> Self {
        Self {
            chain: Vec::with_capacity(rows),
            exit: Vec::with_capacity(rows),
            tails: Vec::new(),
            has_child: Vec::with_capacity(rows),
            last_child: Vec::with_capacity(rows),
            children: Vec::new(),
            goals: Vec::new(),
            visited: Vec::with_capacity(rows),
            search: 0,
            stack: Vec::new(),
            open: Vec::new(),
            superfluous: Vec::new(),
            steps_left: STEPS_PER_EVENT.saturating_mul(events).saturating_add(1 << 16),
            gave_up: false,
        }
    }

    /// Whether every superfluous edge was found.
    pub(super) fn is_exact(&self) -> bool {
        !self.gave_up
    }

    /// Adds the last row of `all`.
    pub(super) fn add(&mut self, all: &Packed) {
        let row = small(self.chain.len());
        let rows_of = |row: u32| all.of(row as usize).iter().copied().filter(|parent| *parent != NOWHERE);
        let rows = || rows_of(row);
        for parent in rows() {
            if !std::mem::replace(&mut self.has_child[parent as usize], true) {
                for above in rows_of(parent) {
                    let place = small(self.children.len());
                    let before = std::mem::replace(&mut self.last_child[above as usize], place);
                    self.children.push((parent, before));
                }
            }
        }
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
        self.last_child.push(NOWHERE);
        self.visited.push(0);
    }

    /// Drops those edges for which another one of them leads to the same row; direct ones only if `all`.
    ///
    /// Cost: for each target at most in the exits between it and the highest, or in what refers to it, whichever is
    /// less. Once all searches together have taken [`STEPS_PER_EVENT`] steps an event, only what is seen at once is
    /// dropped.
    pub(super) fn reduce(&mut self, parents: &Packed, edges: &mut Vec<(u32, EdgeKind)>, all: bool) {
        let may_go = |kind: EdgeKind| {
            kind == EdgeKind::Indirect || all && matches!(kind, EdgeKind::Direct | EdgeKind::Implied)
        };
        self.open.clear();
        self.superfluous.clear();
        let rows = edges.iter().filter(|(row, _)| *row != NOWHERE);
        let highest = rows.map(|(row, _)| *row).max();
        for (row, kind) in edges.iter() {
            // What has no child yet cannot be reached, nor can the highest.
            let may_be = || self.has_child[*row as usize] && Some(*row) != highest;
            if may_go(*kind) && may_be() {
                self.open.push(*row);
            }
        }
        if self.open.is_empty() {
            return;
        }
        edges.iter().for_each(|(row, _)| self.close(*row, false));
        self.find_goals(parents, edges);
        let mut limit = FIRST_LIMIT;
        while !self.open.is_empty() && self.down(parents, edges, limit) == Answer::Unknown {
            self.up_from_all(limit);
            if self.steps_left == 0 {
                self.gave_up |= !self.open.is_empty();
                break;
            }
            limit *= 4;
        }
        edges.retain(|(row, _)| !self.superfluous.contains(row));
    }

    /// Goes from the edges towards what is `open`. What is still open after an answer other than [`Answer::Unknown`] is
    /// not reached.
    fn down(&mut self, parents: &Packed, edges: &[(u32, EdgeKind)], limit: usize) -> Answer {
        self.search += 1;
        self.stack.clear();
        self.stack.extend(edges.iter().map(|(row, _)| *row).filter(|row| *row != NOWHERE));
        let mut steps = 0;
        while let Some(row) = self.stack.pop() {
            let Some(lowest) = self.open.iter().min().copied() else { break };
            let exit = self.exit[row as usize];
            if exit <= lowest || self.visited[exit as usize] == self.search {
                continue;
            }
            self.visited[exit as usize] = self.search;
            let above = parents.of(exit as usize);
            steps += 1 + above.len() * self.open.len();
            if steps > limit.min(self.steps_left) {
                self.steps_left -= limit.min(self.steps_left);
                return Answer::Unknown;
            }
            for parent in above.iter().copied().filter(|parent| *parent != NOWHERE && *parent >= lowest) {
                self.close(parent, true);
                self.stack.push(parent);
            }
        }
        self.steps_left -= steps;
        Answer::NotReached
    }

    /// A search upwards meets the edges' targets, or what is above those of them that have no children yet.
    fn find_goals(&mut self, parents: &Packed, edges: &[(u32, EdgeKind)]) {
        self.goals.clear();
        for (row, _) in edges.iter().filter(|(row, _)| *row != NOWHERE) {
            self.goals.push(*row);
            if !self.has_child[*row as usize] {
                parents.of(*row as usize).iter().for_each(|above| self.close(*above, true));
                self.goals.extend(parents.of(*row as usize));
            }
        }
    }

    /// Goes up from everything that is `open`.
    fn up_from_all(&mut self, limit: usize) {
        for place in (0..self.open.len()).rev() {
            let target = self.open[place];
            let answer = self.up(target, limit);
            if answer != Answer::Unknown {
                self.open.swap_remove(place);
            }
            if answer == Answer::Reached {
                self.superfluous.push(target);
            }
        }
    }

    /// Goes up from `target` towards the edges.
    fn up(&mut self, target: u32, limit: usize) -> Answer {
        self.search += 1;
        self.stack.clear();
        self.stack.push(target);
        let limit = limit.min(self.steps_left);
        let mut steps = 0;
        while let Some(row) = self.stack.pop() {
            let mut place = self.last_child[row as usize];
            while place != NOWHERE {
                let (child, before) = self.children[place as usize];
                place = before;
                steps += 1 + self.goals.len() / 4;
                if steps > limit {
                    self.steps_left -= limit;
                    return Answer::Unknown;
                }
                if self.goals.contains(&child) {
                    self.steps_left -= steps;
                    return Answer::Reached;
                }
                if self.visited[child as usize] != self.search {
                    self.visited[child as usize] = self.search;
                    self.stack.push(child);
                }
            }
        }
        self.steps_left -= steps;
        Answer::NotReached
    }

    /// The row is reached, and with it whatever is above it on its chain.
    fn close(&mut self, row: u32, itself: bool) {
        if row == NOWHERE {
            return;
        }
        let chain = self.chain[row as usize];
        let (all, superfluous) = (&self.chain, &mut self.superfluous);
        self.open.retain(|open| {
            let is_reached = all[*open as usize] == chain && (*open < row || itself && *open == row);
            if is_reached {
                superfluous.push(*open);
            }
            !is_reached
        });
    }
}
