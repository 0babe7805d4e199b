//! A few rows of a graph, as a graph of their own.

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;

use super::graph::{Graph, NOWHERE};
use super::packed::{Packed, small};

impl Graph {
    /// Some rows and those above them, at most `distance` edges away, ascending; at most `most`, the nearest first.
    ///
    /// Cost: in the edges of the rows it finds.
    pub fn ancestry(
        &self,
        rows: impl IntoIterator<Item = usize>,
        distance: usize,
        most: usize,
    ) -> Vec<usize> {
        let mut ring: Vec<usize> = rows.into_iter().take(most).collect();
        let mut found: BTreeSet<usize> = ring.iter().copied().collect();
        for _ in 0..distance {
            let mut next = Vec::new();
            for parent in ring.iter().flat_map(|row| self.parents(*row)).filter_map(|edge| edge.to) {
                if found.len() >= most {
                    return found.into_iter().collect();
                }
                if found.insert(parent) {
                    next.push(parent);
                }
            }
            ring = next;
        }
        found.into_iter().collect()
    }

    /// The graph of some of the rows, ascending without repetition, and of the edges between them; edges to rows that are
    /// left out are left out too. A graph that is collapsed comes out as it is.
    ///
    /// Cost: in the rows and their edges.
    #[must_use]
    pub fn excerpt(&self, rows: &[usize]) -> Self {
        if self.folds.is_some() {
            return self.clone();
        }
        let (mut parents, mut kinds) = (Packed::with_capacity(rows.len()), Vec::new());
        for row in rows {
            let edges = self.parents.of(*row).iter().zip(&self.kinds[self.parents.range(*row)]);
            let kept = edges.filter_map(|(to, kind)| match to {
                &NOWHERE => Some((NOWHERE, *kind)),
                to => rows.binary_search(&(*to as usize)).ok().map(|to| (small(to), *kind)),
            });
            let kept: Vec<_> = kept.collect();
            parents.push(kept.iter().map(|(to, _)| *to));
            kinds.extend(kept.iter().map(|(_, kind)| *kind));
        }
        let has_now = self.has_now && rows.last() == self.now().as_ref();
        let events = rows.iter().filter_map(|row| self.events.get(*row).copied()).collect();
        Self { is_reduced: self.is_reduced, ..Self::assemble(events, has_now, parents, kinds) }
    }

    /// The graph without edges to rows that another path leads to. For graphs of some hundred rows, whose origin was not
    /// reduced: [`Graph::new`] does that for whole rooms. A graph that is collapsed comes out as it is.
    ///
    /// Cost: a bit for every pair of rows.
    #[must_use]
    pub fn reduced(&self) -> Self {
        if self.folds.is_some() {
            return self.clone();
        }
        let mut above: Vec<FixedBitSet> = Vec::with_capacity(self.len());
        let (mut parents, mut kinds) = (Packed::with_capacity(self.len()), Vec::new());
        for row in 0..self.len() {
            let mut edges: Vec<_> = self
                .parents
                .of(row)
                .iter()
                .copied()
                .zip(self.kinds[self.parents.range(row)].iter().copied())
                .collect();
            let mut nearest: Vec<u32> = edges.iter().map(|(to, _)| *to).filter(|to| *to != NOWHERE).collect();
            // A path to a row leads through rows below it, so those come first.
            nearest.sort_unstable_by(|a, b| b.cmp(a));
            nearest.dedup();
            let mut reached = FixedBitSet::with_capacity(row);
            let mut superfluous = Vec::new();
            for to in nearest {
                if reached.put(to as usize) {
                    superfluous.push(to);
                } else {
                    reached.union_with(&above[to as usize]);
                }
            }
            edges.retain(|(to, _)| !superfluous.contains(to));
            parents.push(edges.iter().map(|(to, _)| *to));
            kinds.extend(edges.iter().map(|(_, kind)| *kind));
            above.push(reached);
        }
        Self::assemble(self.events.clone(), self.has_now, parents, kinds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Options, load};
    use crate::layout::{Edges, Lanes};
    use crate::room::EventIx;

    #[test]
    fn reducing_afterwards_is_reducing_at_once() {
        for scenario in [
            &include_bytes!("../../fixtures/twenty-way-merge/scenario.json5")[..],
            include_bytes!("../../fixtures/r2-clock-against-epoch/scenario.json5"),
            include_bytes!("../../fixtures/msc4297-problem-b/scenario.json5"),
        ] {
            let room = load(scenario, &Options::default()).unwrap().room;
            let shown: Vec<EventIx> = room.events().collect();
            let graph = |edges| Graph::new(&room, edges, &shown, &[]);
            assert_eq!(graph(Edges::Auth).reduced(), graph(Edges::ReducedAuth));
        }
    }

    #[test]
    fn an_excerpt_has_the_edges_between_its_rows() {
        let scenario = include_bytes!("../../fixtures/twenty-way-merge/scenario.json5");
        let room = load(scenario, &Options::default()).unwrap().room;
        let shown: Vec<EventIx> = room.events().collect();
        let last = *shown.last().unwrap();
        for edges in [Edges::Prev, Edges::Auth] {
            let graph = Graph::new(&room, edges, &shown, &[last]);
            assert_eq!(graph.excerpt(&(0..graph.len()).collect::<Vec<_>>()), graph);
            for row in 0..graph.len() {
                let rows = graph.ancestry([row], 2, 10);
                assert!(rows.contains(&row) && rows.len() <= 10 && rows.is_sorted_by(|a, b| a < b));
                let part = graph.excerpt(&rows);
                assert_eq!(part.len(), rows.len());
                for (new, old) in rows.iter().enumerate() {
                    assert_eq!(part.item(new), graph.item(*old));
                    let found: Vec<_> =
                        part.parents(new).filter_map(|edge| edge.to).map(|to| rows[to]).collect();
                    let kept = graph.parents(*old).filter_map(|edge| edge.to).filter(|to| rows.contains(to));
                    assert_eq!(found, kept.collect::<Vec<_>>());
                }
                assert_eq!(Lanes::new(part).len(), rows.len());
            }
        }
    }
}
