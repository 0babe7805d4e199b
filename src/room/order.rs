//! A topological order that does not depend on the order of the input, and the cycles in its way.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

/// The outcome of [`sort`].
pub(super) struct Order {
    /// The nodes, parents first.
    pub(super) nodes: Vec<u32>,
    /// Groups of nodes that refer to one another in a circle, each sorted by rank. The edges inside a group
    /// are to be taken for broken.
    pub(super) cycles: Vec<Vec<u32>>,
}

/// Sorts the nodes `0..rank.len()` so that parents come first; among nodes that could come next, the
/// one of smallest `rank` does (Kahn's algorithm with a heap). `rank` must be a permutation; `parents` may repeat
/// itself.
///
/// Cost: `O((nodes + edges) log nodes)`.
pub(super) fn sort<I: Iterator<Item = u32>>(parents: impl Fn(u32) -> I, rank: &[u32]) -> Order {
    if is_sorted(&parents, rank) {
        // Then always picking the smallest rank goes through the ranks one by one.
        let mut order = vec![0; rank.len()];
        nodes(rank).for_each(|node| order[rank[node as usize] as usize] = node);
        return Order { nodes: order, cycles: Vec::new() };
    }
    let mut order = kahn(&parents, rank, |_, _| true);
    if order.len() == rank.len() {
        return Order { nodes: order, cycles: Vec::new() };
    }
    let (cycles, group_of) = cycles(&parents, rank, &order);
    order = kahn(&parents, rank, |node, parent| {
        let group = group_of[node as usize];
        group == 0 || group != group_of[parent as usize]
    });
    debug_assert_eq!(order.len(), rank.len(), "without the edges inside the cycles nothing is cyclic");
    Order { nodes: order, cycles }
}

fn nodes(rank: &[u32]) -> impl Iterator<Item = u32> + use<> {
    (0_u32..).take(rank.len())
}

/// Whether parents always have smaller ranks: clocks were right.
fn is_sorted<I: Iterator<Item = u32>>(parents: impl Fn(u32) -> I, rank: &[u32]) -> bool {
    nodes(rank).all(|node| parents(node).all(|parent| rank[parent as usize] < rank[node as usize]))
}

fn kahn<I: Iterator<Item = u32>>(
    parents: impl Fn(u32) -> I,
    rank: &[u32],
    follow: impl Fn(u32, u32) -> bool,
) -> Vec<u32> {
    let (children, mut waiting) = Reversed::new(&parents, rank, &follow);
    let mut ready: BinaryHeap<Reverse<(u32, u32)>> = nodes(rank)
        .zip(&waiting)
        .filter(|(_, waits)| **waits == 0)
        .map(|(node, _)| Reverse((rank[node as usize], node)))
        .collect();
    let mut order = Vec::with_capacity(rank.len());
    while let Some(Reverse((_, node))) = ready.pop() {
        order.push(node);
        for &child in children.of(node) {
            waiting[child as usize] -= 1;
            if waiting[child as usize] == 0 {
                ready.push(Reverse((rank[child as usize], child)));
            }
        }
    }
    order
}

/// The children of every node, packed: those of a node end where those of the next begin.
struct Reversed {
    starts: Vec<u32>,
    children: Vec<u32>,
}

impl Reversed {
    /// Also returns the number of parents of every node.
    fn new<I: Iterator<Item = u32>>(
        parents: impl Fn(u32) -> I,
        rank: &[u32],
        follow: impl Fn(u32, u32) -> bool,
    ) -> (Self, Vec<u32>) {
        let edges = || {
            nodes(rank)
                .flat_map(|node| parents(node).map(move |parent| (node, parent)))
                .filter(|(node, parent)| follow(*node, *parent))
        };
        let mut starts: Vec<u32> = vec![0; rank.len() + 1];
        let mut counts: Vec<u32> = vec![0; rank.len()];
        for (node, parent) in edges() {
            starts[parent as usize] += 1;
            counts[node as usize] += 1;
        }
        // First the end of each list; filling it from behind leaves its start.
        let mut sum = 0_u32;
        for start in &mut starts {
            sum = sum.checked_add(*start).expect("fewer than 2^32 references");
            *start = sum;
        }
        let mut children = vec![0; sum as usize];
        for (node, parent) in edges() {
            let place = &mut starts[parent as usize];
            *place -= 1;
            children[*place as usize] = node;
        }
        (Self { starts, children }, counts)
    }

    fn of(&self, node: u32) -> &[u32] {
        let node = node as usize;
        &self.children[self.starts[node] as usize..self.starts[node + 1] as usize]
    }
}

/// The strongly connected components among the nodes that `sorted` left out; and for every node the number of
/// its component, counted from 1, or 0.
fn cycles<I: Iterator<Item = u32>>(
    parents: impl Fn(u32) -> I,
    rank: &[u32],
    sorted: &[u32],
) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut place = vec![None; rank.len()];
    let mut graph: DiGraph<u32, ()> = DiGraph::new();
    let mut left_out = vec![true; rank.len()];
    for &node in sorted {
        left_out[node as usize] = false;
    }
    for node in nodes(rank).filter(|node| left_out[*node as usize]) {
        place[node as usize] = Some(graph.add_node(node));
    }
    for node in nodes(rank).filter(|node| left_out[*node as usize]) {
        for parent in parents(node) {
            if let (Some(from), Some(to)) = (place[node as usize], place[parent as usize]) {
                graph.add_edge(from, to, ());
            }
        }
    }
    let mut cycles: Vec<Vec<u32>> = kosaraju_scc(&graph)
        .into_iter()
        .filter(|group| group.len() > 1 || graph.contains_edge(group[0], group[0]))
        .map(|group| group.into_iter().map(|node| graph[node]).collect())
        .collect();
    for group in &mut cycles {
        group.sort_unstable_by_key(|node| rank[*node as usize]);
    }
    cycles.sort_unstable_by_key(|group| rank[group[0] as usize]);
    let mut group_of = vec![0; rank.len()];
    for (number, group) in (1_u32..).zip(&cycles) {
        for &node in group {
            group_of[node as usize] = number;
        }
    }
    (cycles, group_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(n: u32) -> Vec<u32> {
        (0..n).collect()
    }

    fn sort(parents: &[Vec<u32>], rank: &[u32]) -> Order {
        super::sort(|node| parents[node as usize].iter().copied(), rank)
    }

    #[test]
    fn parents_come_first_and_rank_breaks_ties() {
        // 3 <- 1 <- 0, 2 is free
        let order = sort(&[vec![1], vec![3, 3], vec![], vec![]], &[0, 1, 3, 2]);
        assert_eq!(order.nodes, [3, 1, 0, 2]);
        assert!(order.cycles.is_empty());
        let order = sort(&[vec![1], vec![3, 3], vec![], vec![]], &[3, 1, 2, 0]);
        assert_eq!(order.nodes, [3, 1, 2, 0]);
    }

    #[test]
    fn cycles_are_found_and_what_hangs_on_them_is_still_sorted() {
        // 0 <-> 1, 2 on itself, 3 below the cycle, 4 free
        let order = sort(&[vec![1], vec![0], vec![2], vec![0, 4], vec![]], &rank(5));
        assert_eq!(order.cycles, [vec![0, 1], vec![2]]);
        assert_eq!(order.nodes, [0, 1, 2, 4, 3]);
    }

    #[test]
    fn a_long_chain_does_not_overflow_the_stack() {
        let n = 200_000;
        let mut parents: Vec<Vec<u32>> = (0..n).map(|node| vec![(node + 1) % n]).collect();
        assert_eq!(sort(&parents, &rank(n)).cycles[0].len(), n as usize);
        parents[(n - 1) as usize].clear();
        assert_eq!(sort(&parents, &rank(n)).nodes[0], n - 1);
    }
}
