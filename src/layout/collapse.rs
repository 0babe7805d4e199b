//! Linear runs as one row each.

use super::graph::{Folds, Graph, NOWHERE};
use super::packed::{Packed, small};
use crate::room::{EventIx, EventSet};

/// Fewer events stay as they are.
const SHORTEST: u32 = 2;

impl Graph {
    /// The same graph with every linear run as one row: events one after the other that each have one parent and one child
    /// among the rows. A run that is in `expanded` by its [`Run::id`](super::Run::id) stays as it is; events that are
    /// `pinned` keep their row, and a run falls apart at them without its parts getting other names.
    ///
    /// A run has the place of its oldest event. A graph that is collapsed already comes out as it is.
    ///
    /// Cost: linear in rows and edges.
    #[must_use]
    pub fn collapse(&self, expanded: &EventSet, pinned: impl Fn(EventIx) -> bool) -> Self {
        if self.folds.is_some() {
            return self.clone();
        }
        let parts = Parts::new(self, expanded, pinned);
        let mut firsts = Vec::new();
        let mut row_of = Vec::with_capacity(self.len());
        for row in 0..self.len() {
            let first = parts.first(row);
            if first == row {
                row_of.push(small(firsts.len()));
                firsts.push(row);
            } else {
                row_of.push(row_of[first]);
            }
        }
        let (mut parents, mut kinds) = (Packed::with_capacity(firsts.len()), Vec::new());
        let mut runs = Vec::new();
        for (new, first) in firsts.iter().enumerate() {
            if parts.is_several(*first) {
                runs.push((small(new), self.events[parts.heads[*first] as usize]));
            }
            let to = self.parents.of(*first).iter();
            parents.push(to.map(|to| if *to == NOWHERE { NOWHERE } else { row_of[*to as usize] }));
            kinds.extend_from_slice(&self.kinds[self.parents.range(*first)]);
        }
        row_of.truncate(self.events.len());
        let mut each = Packed::with_capacity(row_of.len());
        row_of.iter().for_each(|row| each.push([*row]));
        let members = each.reversed(firsts.len());
        let graph = Self::assemble(self.events.clone(), self.has_now, parents, kinds);
        Self {
            folds: Some(Folds { row_of, members, runs }),
            is_reduced: self.is_reduced,
            edges_left_out: self.edges_left_out,
            ..graph
        }
    }

    /// The [`Run::id`](super::Run::id) of the run that a row is part of, be it collapsed, expanded or fallen apart: what to
    /// add to `expanded`, or to take from it. `None` if it is part of no run of several events.
    ///
    /// Cost: in the length of the run.
    pub fn run_of(&self, row: usize) -> Option<EventIx> {
        let is_alone = self.above_in_run(row).is_none() && self.below_in_run(row).is_none();
        let mut head = row;
        loop {
            if let Some(id) = self.run_id(head) {
                return Some(id);
            }
            let Some(above) = self.above_in_run(head) else { break };
            head = above;
        }
        self.members(head).next().filter(|_| !is_alone)
    }

    /// Whether a row has one parent and one child, and so can be part of a run.
    fn is_linear(&self, row: usize) -> bool {
        self.children.of(row).len() == 1
            && matches!(self.parents.of(row), [parent] if *parent != NOWHERE)
            && self.now() != Some(row)
    }

    /// The row above in the same run.
    fn above_in_run(&self, row: usize) -> Option<usize> {
        let above = *self.parents.of(row).first()? as usize;
        (self.is_linear(row) && self.is_linear(above)).then_some(above)
    }

    /// The row below in the same run.
    fn below_in_run(&self, row: usize) -> Option<usize> {
        let below = *self.children.of(row).first()? as usize;
        (self.is_linear(row) && self.is_linear(below)).then_some(below)
    }
}

/// The runs, and the parts of them that become one row each.
struct Parts {
    /// The first row of the run, for rows of runs.
    heads: Vec<u32>,
    /// The first row of the part, for rows that may disappear in one; else [`NOWHERE`].
    leaders: Vec<u32>,
    /// By leader the number of rows in its part.
    counts: Vec<u32>,
}

impl Parts {
    fn new(graph: &Graph, expanded: &EventSet, pinned: impl Fn(EventIx) -> bool) -> Self {
        let len = graph.len();
        let mut parts =
            Self { heads: Vec::with_capacity(len), leaders: vec![NOWHERE; len], counts: vec![0; len] };
        for row in 0..len {
            let above = graph.above_in_run(row);
            let head = above.map_or(small(row), |above| parts.heads[above]);
            parts.heads.push(head);
            if !graph.is_linear(row)
                || pinned(graph.events[row])
                || expanded.contains(graph.events[head as usize])
            {
                continue;
            }
            let leader = above.map_or(NOWHERE, |above| parts.leaders[above]);
            let leader = if leader == NOWHERE { small(row) } else { leader };
            parts.leaders[row] = leader;
            parts.counts[leader as usize] += 1;
        }
        parts
    }

    /// Whether the row begins a part that becomes one row.
    fn is_several(&self, first: usize) -> bool {
        self.counts[first] >= SHORTEST
    }

    /// The first row of the part that the row disappears in; itself if it stays.
    fn first(&self, row: usize) -> usize {
        let leader = self.leaders[row] as usize;
        if self.leaders[row] != NOWHERE && self.is_several(leader) { leader } else { row }
    }
}
