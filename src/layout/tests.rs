//! Layouts of random graphs, held against what the words mean.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::build::{Build, Implied, Source};
use super::{EdgeKind, Edges, Graph, Item, Lanes, Row, Segment, Shape};
use crate::auth::Profile;
use crate::event::room_version::Rules;
use crate::generate::{Mode, Plan, generate};
use crate::replay::Replay;
use crate::room::{AuthEdges, EventIx, EventSet, Link, MissingIx, Room};

/// A graph without events: of each the references, [`None`] where something is missing.
#[derive(Debug, Clone)]
struct Dag(Vec<Vec<Option<usize>>>);

impl Source for &Dag {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn links(&self, ix: EventIx, links: &mut Vec<Link>) {
        links.extend(self.0[ix.index()].iter().map(|target| match target {
            Some(target) => Link::Event(EventIx::new(*target)),
            None => Link::Missing(MissingIx::new(0)),
        }));
    }

    fn ends_at(&self, _: EventIx) -> bool {
        false
    }

    fn implied(&self, _: EventIx) -> Implied {
        Implied::None
    }
}

fn ix(place: usize) -> EventIx {
    EventIx::new(place)
}

impl Dag {
    fn graph(&self, edges: Edges, shown: &[usize], now: &[usize]) -> Graph {
        let now: Vec<EventIx> = now.iter().copied().map(ix).collect();
        Build::new(self, edges, shown.iter().copied().map(ix).collect()).run(&now)
    }

    /// All events before one.
    fn ancestors(&self, from: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut ahead = self.targets(from);
        while let Some(next) = ahead.pop() {
            if found.insert(next) {
                ahead.extend(self.targets(next));
            }
        }
        found
    }

    fn targets(&self, from: usize) -> Vec<usize> {
        self.0[from].iter().flatten().copied().collect()
    }

    /// What paths through events that are not shown lead to: shown events, and whether anything missing.
    fn frontier(&self, from: usize, shown: &BTreeSet<usize>) -> (BTreeSet<usize>, bool) {
        let (mut found, mut is_missing, mut ahead, mut seen) =
            (BTreeSet::new(), false, vec![from], BTreeSet::new());
        while let Some(next) = ahead.pop() {
            for target in &self.0[next] {
                match target {
                    None => is_missing = true,
                    Some(target) if shown.contains(target) => drop(found.insert(*target)),
                    Some(target) => ahead.extend(seen.insert(*target).then_some(*target)),
                }
            }
        }
        (found, is_missing)
    }

    /// The edges of a shown event by definition: its targets and kinds.
    fn expected(&self, edges: Edges, from: usize, shown: &BTreeSet<usize>) -> BTreeSet<(usize, EdgeKind)> {
        let (frontier, is_missing) = self.frontier(from, shown);
        let direct = self.targets(from);
        let covered: BTreeSet<usize> =
            frontier.iter().flat_map(|target| self.shown_ancestors(*target, shown)).collect();
        let mut found: BTreeSet<(usize, EdgeKind)> = frontier
            .into_iter()
            .map(|target| {
                (target, if direct.contains(&target) { EdgeKind::Direct } else { EdgeKind::Indirect })
            })
            .filter(|(target, kind)| {
                !covered.contains(target) || *kind == EdgeKind::Direct && edges != Edges::ReducedAuth
            })
            .collect();
        if is_missing {
            found.insert((usize::MAX, EdgeKind::Missing));
        }
        found
    }

    fn shown_ancestors(&self, from: usize, shown: &BTreeSet<usize>) -> BTreeSet<usize> {
        self.ancestors(from).intersection(shown).copied().collect()
    }
}

/// Graphs of up to 60 events: narrow, wide, with long edges, with holes.
fn dags() -> impl Strategy<Value = Dag> {
    let event = prop::collection::vec((0_usize..100, prop::num::usize::ANY), 0..4);
    (prop::collection::vec(event, 1..60), 1_usize..60).prop_map(|(events, reach)| {
        let dag = events.into_iter().enumerate().map(|(place, targets)| {
            let mut found: Vec<Option<usize>> = Vec::new();
            for (chance, at) in targets {
                let target = match chance {
                    0..4 => None,
                    _ if place == 0 => continue,
                    // Mostly the event just before, so that there are long chains.
                    4..40 => Some(place - 1),
                    _ => Some(place - 1 - at % reach.min(place)),
                };
                if !found.contains(&target) {
                    found.push(target);
                }
            }
            found
        });
        Dag(dag.collect())
    })
}

/// A graph with the events that are shown and the forward extremities.
fn drawings() -> impl Strategy<Value = (Dag, Vec<usize>, Vec<usize>)> {
    (dags(), prop::collection::vec(0_u8..100, 60), 0_u8..100, any::<bool>()).prop_map(
        |(dag, chances, percent, shows_now)| {
            let len = dag.0.len();
            let shown: Vec<usize> =
                (0..len).filter(|place| percent < 20 || chances[*place] < percent).collect();
            let cited: BTreeSet<usize> = (0..len).flat_map(|place| dag.targets(place)).collect();
            let now = (0..len).filter(|place| shows_now && !cited.contains(place)).collect();
            (dag, shown, now)
        },
    )
}

fn kinds_of_edges() -> impl Strategy<Value = Edges> {
    prop::sample::select(vec![Edges::Prev, Edges::Auth, Edges::ReducedAuth])
}

/// The edges of a row by the places of events.
fn edges_of(graph: &Graph, row: usize) -> BTreeSet<(usize, EdgeKind)> {
    let target = |to: Option<usize>| to.map_or(usize::MAX, |to| graph.events()[to].index());
    graph.parents(row).map(|edge| (target(edge.to), edge.kind)).collect()
}

/// What must be true of any drawing.
fn check(lanes: &Lanes) {
    let graph = lanes.graph();
    let rows: Vec<Row> = lanes.window(0..lanes.len()).collect();
    assert_eq!(rows.len(), graph.len());
    rows.iter().for_each(|row| check_row(lanes, row));
    for child in 0..graph.len() {
        for edge in graph.parents(child) {
            match edge.to {
                Some(parent) => check_edge(&rows, child, parent, edge.kind),
                None => assert!(segments(&rows[child], Shape::Stub).count() == 1),
            }
        }
    }
    for (above, below) in rows.iter().zip(rows.iter().skip(1)) {
        assert_eq!(
            lines(above, &[Shape::Pass, Shape::Down], |segment| segment.to),
            lines(below, &[Shape::Pass, Shape::Up], |segment| segment.from),
            "lines go on in the next row"
        );
    }
}

fn segments(row: &Row, shape: Shape) -> impl Iterator<Item = &Segment> {
    row.segments.iter().filter(move |segment| segment.shape == shape)
}

/// Which rows' lines are in which lanes at an edge of a row.
fn lines(row: &Row, shapes: &[Shape], lane: impl Fn(&Segment) -> usize) -> BTreeMap<usize, Option<usize>> {
    let of = row.segments.iter().filter(|segment| shapes.contains(&segment.shape));
    of.map(|segment| (lane(segment), segment.parent)).collect()
}

/// No lane is used twice.
fn check_row(lanes: &Lanes, row: &Row) {
    assert_eq!(row.lane, lanes.lane(row.row));
    let graph = lanes.graph();
    let mut passing = BTreeMap::new();
    for segment in segments(row, Shape::Pass) {
        assert_eq!(segment.from, segment.to);
        assert!(segment.from != row.lane, "a line through the node of row {}", row.row);
        assert!(passing.insert(segment.from, segment.parent).is_none(), "two lines in a lane");
    }
    for segment in segments(row, Shape::Up) {
        assert_eq!((segment.to, segment.child), (row.lane, row.row));
        let parent = segment.parent.unwrap();
        assert_eq!(segment.from, lanes.lane(parent));
        let goes_on = graph.children(parent).any(|child| child > row.row);
        assert_eq!(passing.get(&segment.from), goes_on.then_some(&Some(parent)));
    }
    assert_eq!(segments(row, Shape::Down).count(), usize::from(graph.children(row.row).len() > 0));
    assert!(row.segments.iter().all(|segment| segment.from.max(segment.to) < lanes.width()));
}

/// An edge is a chain of segments from the node of its child to that of its parent.
fn check_edge(rows: &[Row], child: usize, parent: usize, kind: EdgeKind) {
    let find = |row: usize, shape: Shape| {
        let mut found = rows[row]
            .segments
            .iter()
            .filter(|segment| segment.shape == shape && rows[row].carries(segment, child, parent));
        let segment = *found.next().unwrap_or_else(|| panic!("{child}→{parent} has no {shape:?} in {row}"));
        assert_eq!(found.next(), None);
        segment
    };
    let up = find(child, Shape::Up);
    assert_eq!((up.to, up.kind), (rows[child].lane, kind));
    let mut lane = up.from;
    for row in (parent + 1..child).rev() {
        let pass = find(row, Shape::Pass);
        assert_eq!(pass.to, lane);
        assert!(pass.kind <= kind, "the line is at least as direct as each of its edges");
        lane = pass.from;
    }
    let down = find(parent, Shape::Down);
    assert_eq!((down.to, down.from), (lane, rows[parent].lane));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Edges go to the nearest shown ancestors, and none is there that another makes superfluous.
    #[test]
    fn edges_follow_the_definition((dag, shown, now) in drawings(), edges in kinds_of_edges()) {
        let graph = dag.graph(edges, &shown, &now);
        prop_assert_eq!(graph.len(), shown.len() + usize::from(!now.is_empty()));
        prop_assert!(graph.is_reduced() && graph.edges_left_out() == 0);
        let set: BTreeSet<usize> = shown.iter().copied().collect();
        for (row, place) in shown.iter().enumerate() {
            prop_assert_eq!(graph.item(row), Item::Event(ix(*place)));
            prop_assert_eq!(graph.row_of(ix(*place)), Some(row));
            prop_assert_eq!(edges_of(&graph, row), dag.expected(edges, *place, &set));
            prop_assert_eq!(graph.parents(row).len(), edges_of(&graph, row).len());
            let children = (0..graph.len()).filter(|child| graph.parents(*child).any(|edge| edge.to == Some(row)));
            prop_assert!(graph.children(row).eq(children));
        }
        if let Some(row) = graph.now() {
            let mut with_now = dag.clone();
            with_now.0.push(now.iter().copied().map(Some).collect());
            let found: BTreeSet<_> = with_now.expected(Edges::Prev, dag.0.len(), &set);
            prop_assert_eq!(edges_of(&graph, row), found);
        }
    }

    /// Every edge is a line, and no two lines are in the same place.
    #[test]
    fn lines_lead_from_child_to_parent((dag, shown, now) in drawings(), edges in kinds_of_edges()) {
        check(&Lanes::new(dag.graph(edges, &shown, &now)));
    }

    /// What is in a row does not depend on the rows asked for with it.
    #[test]
    fn windows_are_slices(
        (dag, shown, now) in drawings(), from in 0_usize..70, len in 0_usize..70, lanes in (0_usize..9, 0_usize..9),
    ) {
        let drawing = Lanes::new(dag.graph(Edges::Prev, &shown, &now));
        let all: Vec<Row> = drawing.window(0..drawing.len()).collect();
        let end = (from + len).min(all.len());
        let slice = all.get(from..end).unwrap_or_default();
        prop_assert!(drawing.window(from..from + len).eq(slice.iter().cloned()));
        let (low, high) = lanes;
        let mut clipped = slice.to_vec();
        for row in &mut clipped {
            row.segments.retain(|segment| segment.shape != Shape::Pass || (low..high).contains(&segment.from));
        }
        prop_assert!(drawing.window_in(from..from + len, low..high).eq(clipped));
    }

    /// A collapsed graph shows every event once, keeps what is pinned or expanded, and has no run left to collapse.
    #[test]
    fn collapsed_counts_add_up(
        (dag, shown, now) in drawings(),
        pinned in prop::collection::btree_set(0_usize..60, 0..4),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let graph = dag.graph(Edges::Prev, &shown, &now);
        let runs: Vec<EventIx> = (0..graph.len()).filter_map(|row| graph.run_of(row)).collect();
        let chosen = chosen.iter().filter(|_| !runs.is_empty()).map(|index| *index.get(&runs));
        let expanded: EventSet = chosen.collect();
        let collapsed = graph.collapse(&expanded, |ix| pinned.contains(&ix.index()));
        check(&Lanes::new(collapsed.clone()));

        let mut seen = BTreeSet::new();
        for row in 0..collapsed.len() {
            for ix in collapsed.members(row) {
                prop_assert!(seen.insert(ix), "an event twice");
                prop_assert_eq!(collapsed.row_of(ix), Some(row));
            }
            if let Item::Run(run) = collapsed.item(row) {
                prop_assert!(run.count > 1 && run.count == collapsed.members(row).len());
                prop_assert_eq!(collapsed.members(row).next(), Some(run.first));
                prop_assert_eq!(collapsed.members(row).last(), Some(run.last));
                prop_assert!(!expanded.contains(run.id));
                prop_assert!(collapsed.members(row).all(|ix| !pinned.contains(&ix.index())));
                prop_assert_eq!((collapsed.parents(row).len(), collapsed.children(row).len()), (1, 1));
            }
            let next = collapsed.run_of(row).filter(|id| !expanded.contains(*id));
            let may_fold = |row: usize| collapsed.members(row).all(|ix| !pinned.contains(&ix.index()));
            if let (Some(id), Some(below)) = (next, collapsed.children(row).next()) {
                let both = collapsed.run_of(below) == Some(id) && may_fold(row) && may_fold(below);
                prop_assert!(!both, "rows {} and {} could be one", row, below);
            }
        }
        prop_assert_eq!(seen.len(), shown.len());
        for row in 0..graph.len() {
            let in_collapsed = graph.members(row).next().and_then(|ix| collapsed.row_of(ix));
            prop_assert_eq!(graph.run_of(row), in_collapsed.and_then(|row| collapsed.run_of(row)), "names stay");
        }
        let everything: EventSet = runs.into_iter().collect();
        let unfolded = graph.collapse(&everything, |_| false);
        prop_assert!((0..graph.len()).all(|row| unfolded.item(row) == graph.item(row)));
    }

    /// Buckets cover all rows, and count every event once.
    #[test]
    fn density_counts_every_event((dag, shown, now) in drawings(), buckets in 0_usize..80) {
        let lanes = Lanes::new(dag.graph(Edges::Prev, &shown, &now).collapse(&EventSet::default(), |_| false));
        let found = lanes.density(buckets, |ix| [ix.index() % 3 == 0, true]);
        prop_assert_eq!(found.len(), buckets.min(lanes.len()));
        if found.is_empty() {
            return Ok(());
        }
        prop_assert_eq!(found.iter().map(|bucket| bucket.rows.len()).sum::<usize>(), lanes.len());
        prop_assert!(found.windows(2).all(|pair| pair[0].rows.end == pair[1].rows.start));
        prop_assert_eq!(found.iter().map(|bucket| bucket.events).sum::<usize>(), shown.len());
        prop_assert!(found.iter().all(|bucket| bucket.counts[1] == bucket.events && !bucket.rows.is_empty()));
        let thirds = shown.iter().filter(|place| **place % 3 == 0).count();
        prop_assert_eq!(found.iter().map(|bucket| bucket.counts[0]).sum::<usize>(), thirds);
        prop_assert_eq!(found.iter().map(|bucket| bucket.width).max(), Some(lanes.width()));
    }

    /// Real rooms, some with holes: as the same graph without events.
    #[test]
    fn rooms_are_drawn_as_their_references(
        seed in 0_u64..1_000_000, mode in prop::sample::select(Mode::ALL.to_vec()), lost in 0_usize..40,
        edges in kinds_of_edges(), states in any::<bool>(), version in prop::sample::select(vec!["11", "12"]),
    ) {
        let mut builder = generate(&Plan::new(seed, mode, Rules::of(version).unwrap()));
        let keep: Vec<bool> = (0..builder.len()).map(|number| number < 6 || number % 40 != lost).collect();
        builder.retain(&keep);
        let room = builder.room();
        let shown: Vec<EventIx> = room.events().filter(|ix| !states || room.event(*ix).is_state()).collect();
        let now: Vec<EventIx> = room.events().filter(|ix| room.children(*ix).is_empty()).collect();
        let graph = Graph::new(&room, edges, &shown, &now);
        prop_assert_eq!(&graph, &Graph::new(&room, edges, &shown, &now));
        let dag = references(&room, edges);
        let set: BTreeSet<usize> = shown.iter().map(|ix| ix.index()).collect();
        if edges != Edges::Prev || room.events().all(|ix| !room.is_outlier(ix)) {
            for (row, ix) in shown.iter().enumerate() {
                let implied = room.implied_auth_event(*ix).filter(|_| edges.are_auth());
                let implied = implied.map(EventIx::index);
                let told = |(to, kind)| match kind {
                    EdgeKind::Direct if Some(to) == implied => (to, EdgeKind::Implied),
                    kind => (to, kind),
                };
                let expected: BTreeSet<_> =
                    dag.expected(edges, ix.index(), &set).into_iter().map(told).collect();
                prop_assert_eq!(edges_of(&graph, row), expected);
            }
        }
        check(&Lanes::new(graph));
    }
}

fn references(room: &Room, edges: Edges) -> Dag {
    let links = |ix: EventIx| {
        let mut links = Vec::new();
        edges.links(room, AuthEdges::listed(room), ix, &mut links);
        links.iter().map(|link| link.event().map(EventIx::index)).collect()
    };
    Dag(room.events().map(links).collect())
}

/// So many branches side by side, from one event on, whose events take turns.
fn branches(width: usize, len: usize) -> Dag {
    let targets = |place: usize| if place == 0 { vec![] } else { vec![Some(place.saturating_sub(width))] };
    Dag((0..len).map(targets).collect())
}

#[test]
fn lanes_are_used_again() {
    // Three branches from one event meet again, then the same once more.
    let targets: &[&[usize]] = &[&[], &[0], &[0], &[0], &[3, 1, 2], &[4], &[4], &[6, 5]];
    let dag = Dag(targets.iter().map(|targets| targets.iter().copied().map(Some).collect()).collect());
    let lanes = Lanes::new(dag.graph(Edges::Prev, &[0, 1, 2, 3, 4, 5, 6, 7], &[7]));
    let of_rows: Vec<usize> = (0..lanes.len()).map(|row| lanes.lane(row)).collect();
    assert_eq!(of_rows, [0, 1, 2, 0, 0, 1, 0, 0, 0]);
    assert_eq!(lanes.width(), 3);
}

/// The rows between checkpoints are replayed, also where there are more lanes than rows between checkpoints.
#[test]
fn windows_start_anywhere_in_wide_rooms() {
    for (width, len) in [(1, 1_000), (3, 1_500), (300, 2_000)] {
        let everything: Vec<usize> = (0..len).collect();
        let lanes =
            Lanes::new(branches(width, len).graph(Edges::Prev, &everything, &everything[len - width..]));
        check(&lanes);
        let all: Vec<Row> = lanes.window(0..lanes.len()).collect();
        for from in (0..lanes.len()).step_by(97) {
            assert!(lanes.window(from..from + 3).eq(all[from..lanes.len().min(from + 3)].iter().cloned()));
        }
        assert!(lanes.memory_of_windows() <= lanes.len() + width, "at most one number a row");
        assert!(lanes.memory() < 40 * lanes.len() + 4_096);
    }
}

/// After many branches have met, what goes on does so at the left.
#[test]
fn a_merge_makes_the_graph_narrow_again() {
    let mut dag = branches(64, 1_000);
    dag.0.push((936..1_000).rev().map(Some).collect());
    (1_000..1_050).for_each(|place| dag.0.push(vec![Some(place)]));
    let everything: Vec<usize> = (0..dag.0.len()).collect();
    let lanes = Lanes::new(dag.graph(Edges::Prev, &everything, &[]));
    assert!(lanes.width() <= 65);
    assert!((1_000..dag.0.len()).all(|row| lanes.lane(row) == 0));
}

/// Also if all but one of the branches just end.
#[test]
fn a_lonely_line_moves_to_the_left() {
    let mut dag = branches(20, 200);
    (199..300).for_each(|place| dag.0.push(vec![Some(place)]));
    let everything: Vec<usize> = (0..dag.0.len()).collect();
    let lanes = Lanes::new(dag.graph(Edges::Prev, &everything, &[]));
    check(&lanes);
    assert!(lanes.lane(299) < 4);
}

/// Where finding out what is superfluous would take the square of the room, edges stay, and the graph says so.
#[test]
fn finding_superfluous_edges_is_bounded() {
    // Two ladders side by side without a way around their rungs; then events that cite the top of the one and somewhere at
    // the bottom of the other. That neither is reached from the other takes going along all of a ladder to see.
    let difficult = |rungs: usize, events: usize| {
        let rung = |place: usize| match place {
            0 | 1 => vec![],
            2..6 => vec![Some(place - 2)],
            _ => vec![Some(place - 4), Some(place - 6)],
        };
        let event = |number: usize| vec![Some(2 * rungs - 1), Some(2 * (number % (rungs / 2)))];
        Dag((0..2 * rungs).map(rung).chain((0..events).map(event)).collect())
    };
    for (rungs, events, is_reduced) in [(100, 1_000, true), (5_000, 5_000, false)] {
        let dag = difficult(rungs, events);
        let everything: Vec<usize> = (0..dag.0.len()).collect();
        let graph = dag.graph(Edges::ReducedAuth, &everything, &[]);
        assert_eq!(graph.is_reduced(), is_reduced);
        assert!((2 * rungs..graph.len()).all(|row| graph.parents(row).len() == 2));
    }
}

/// A hidden event with more shown events before it than anybody could tell apart keeps the newest of them.
#[test]
fn what_is_seen_through_an_event_is_bounded() {
    let width = 300;
    let mut dag = Dag(vec![vec![]; width]);
    dag.0.push((0..width).map(Some).collect());
    dag.0.push(vec![Some(width)]);
    let shown: Vec<usize> = (0..width).chain([width + 1]).collect();
    let graph = dag.graph(Edges::Prev, &shown, &[]);
    assert_eq!(graph.parents(width).len() + graph.edges_left_out(), width);
    assert!(graph.parents(width).all(|edge| edge.to >= Some(width - 128)));
    // Shown itself it has them all.
    let everything: Vec<usize> = (0..width + 2).collect();
    assert_eq!(dag.graph(Edges::Prev, &everything, &[]).parents(width).len(), width);
}

#[test]
fn a_neighbourhood_has_what_is_near() {
    let dag = branches(2, 40);
    let everything: Vec<usize> = (0..40).collect();
    let graph = dag.graph(Edges::Prev, &everything, &[]);
    assert_eq!(graph.neighbourhood(20, 0, 100), [20]);
    assert_eq!(graph.neighbourhood(20, 2, 100), [16, 18, 20, 22, 24]);
    assert_eq!(graph.neighbourhood(20, 50, 4).len(), 4);
    assert_eq!(graph.neighbourhood(20, 50, 100).len(), 40);
}

#[test]
fn nothing_is_a_graph_too() {
    let graph = branches(1, 5).graph(Edges::Prev, &[], &[]);
    assert!(graph.is_empty() && graph.now().is_none() && graph.nearest_row(ix(3)).is_none());
    let lanes = Lanes::new(graph.collapse(&EventSet::default(), |_| false));
    assert_eq!(lanes.window(0..10).count(), 0);
    assert!(lanes.density(10, |_| [true]).is_empty());
    let only_now = branches(1, 5).graph(Edges::Prev, &[], &[4]);
    assert_eq!((only_now.len(), only_now.item(0), only_now.parents(0).len()), (1, Item::Now, 0));
}

/// From room version 12 on no event lists the create event, and all rest on it.
#[test]
fn the_create_event_is_an_auth_event_that_nobody_lists() {
    let room = generate(&Plan::new(7, Mode::ALL[0], Rules::of("12").unwrap())).room();
    let shown: Vec<EventIx> = room.events().collect();
    let create = room.create_event().unwrap();
    let all = Graph::new(&room, Edges::Auth, &shown, &[]);
    let (to, at) = (create.index(), all.row_of(create).unwrap());
    for (row, ix) in shown.iter().enumerate().filter(|(_, ix)| **ix != create) {
        assert!(!room.auth_events(*ix).contains(&create));
        assert!(edges_of(&all, row).contains(&(to, EdgeKind::Implied)), "row {row}");
    }
    // Of these only those stay that nothing else leads to.
    let reduced = Graph::new(&room, Edges::ReducedAuth, &shown, &[]);
    assert_eq!(all.reduced(), reduced);
    for (row, ix) in shown.iter().enumerate().filter(|(_, ix)| **ix != create) {
        let is_implied = edges_of(&reduced, row).contains(&(to, EdgeKind::Implied));
        assert_eq!(is_implied, room.auth_events(*ix).is_empty(), "row {row}");
    }
    let lanes = Lanes::new(reduced);
    let down = lanes.window(at..at + 1).next().unwrap();
    assert_eq!(segments(&down, Shape::Down).next().unwrap().kind, EdgeKind::Implied);
    // Before version 12 they have to list it.
    let room = generate(&Plan::new(7, Mode::ALL[0], Rules::of("11").unwrap())).room();
    assert!(room.events().all(|ix| room.implied_auth_event(ix).is_none()));
}

/// In rooms with state DAGs messages are leaves of it, and all auth edges follow from states.
#[test]
fn a_state_dag_and_calculated_auth_events_are_drawn() {
    let room = generate(&Plan::new(7, Mode::ALL[0], Rules::of("org.matrix.msc4242.12").unwrap())).room();
    let replay = Replay::new(&room, None, Profile::Spec);
    let shown: Vec<EventIx> = room.events().collect();
    let states = Graph::new(&room, Edges::State, &shown, &replay.current().extremities);
    for (row, ix) in shown.iter().enumerate() {
        let parents: Vec<_> = room.state_parents(*ix).iter().map(|p| (p.index(), EdgeKind::Direct)).collect();
        assert_eq!(edges_of(&states, row), parents.into_iter().collect());
        assert!(room.key_of(*ix).is_some() || states.children(row).next().is_none(), "row {row}");
    }
    assert_eq!(states.parents(shown.len()).len(), replay.current().extremities.len());
    check(&Lanes::new(states));
    let auth = Graph::along(&room, replay.auth(), Edges::Auth, &shown, &[]);
    for (row, ix) in shown.iter().enumerate() {
        let listed = replay.auth().of(*ix).iter().copied().chain(room.implied_auth_event(*ix));
        let expected = listed.map(|auth| (auth.index(), EdgeKind::Implied)).collect();
        assert_eq!(edges_of(&auth, row), expected, "row {row}");
    }
    assert!((0..auth.len()).any(|row| auth.parents(row).len() > 2));
}
