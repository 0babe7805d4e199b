//! From a room and the events to show to a [`Graph`].

use super::graph::{EdgeKind, Graph, NOWHERE};
use super::links::Edges;
use super::packed::{Packed, small};
use super::reach::Reach;
use crate::room::{AuthEdges, EventIx, Link, Room};

/// So many shown ancestors are carried across an event that is not shown. More lines at one place cannot be read.
const WIDEST: usize = 128;

/// So many events are remembered by their references.
const REMEMBERED: usize = 1 << 14;

/// What is seen of the room through an event, from below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Through {
    /// The event itself, in this row.
    Shown(u32),
    /// The event is not shown, and before it there is just this row.
    One(u32),
    /// The event is not shown, and before it there are these rows.
    Set(u32),
    /// Nothing: no event before it is shown.
    Nothing,
    /// Nothing is known there.
    Hole,
}

/// Where references come from; a room, unless a test has none.
pub(super) trait Source {
    fn len(&self) -> usize;
    fn links(&self, ix: EventIx, links: &mut Vec<Link>);
    fn ends_at(&self, ix: EventIx) -> bool;
    /// Which of the references the event does not list itself.
    fn implied(&self, ix: EventIx) -> Implied;
}

/// References that an event does not list itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Implied {
    None,
    One(EventIx),
    All,
}

struct OfRoom<'a> {
    room: &'a Room,
    auth: AuthEdges<'a>,
    edges: Edges,
}

impl Source for OfRoom<'_> {
    fn len(&self) -> usize {
        self.room.len()
    }

    fn links(&self, ix: EventIx, links: &mut Vec<Link>) {
        self.edges.links(self.room, self.auth, ix, links);
    }

    fn ends_at(&self, ix: EventIx) -> bool {
        self.edges.ends_at(self.room, ix)
    }

    fn implied(&self, ix: EventIx) -> Implied {
        match self.room.implied_auth_event(ix) {
            _ if !self.edges.are_auth() => Implied::None,
            _ if self.auth.are_calculated() => Implied::All,
            implied => implied.map_or(Implied::None, Implied::One),
        }
    }
}

impl Graph {
    /// The graph of the events `shown`, ascending without repetition (what is not is put in order first). The
    /// forward extremities `now` are the parents of a last row; there is none without them.
    ///
    /// Every shown event has edges to its nearest shown ancestors: to a parent itself, or across parents that are not
    /// shown. An edge across others is left out if another edge leads to the same event.
    ///
    /// Cost: linear in the room's events and references, and in the size of the sets of nearest shown ancestors, which
    /// have one member mostly and never more than 128. Finding superfluous edges takes at most 1024 steps an event on
    /// average ([`Graph::is_reduced`]).
    pub fn new(room: &Room, edges: Edges, shown: &[EventIx], now: &[EventIx]) -> Self {
        Self::along(room, AuthEdges::listed(room), edges, shown, now)
    }

    /// As [`Graph::new`], but with given auth edges: where the room version calculates auth events, a replay has them.
    pub fn along(room: &Room, auth: AuthEdges<'_>, edges: Edges, shown: &[EventIx], now: &[EventIx]) -> Self {
        let mut shown = shown.to_vec();
        if !shown.is_sorted_by(|one, other| one < other) {
            shown.sort_unstable();
            shown.dedup();
        }
        shown.truncate(shown.partition_point(|ix| ix.index() < room.len()));
        Build::new(OfRoom { room, auth, edges }, edges, shown).run(now)
    }
}

/// The making of a [`Graph`].
pub(super) struct Build<S> {
    source: S,
    kind: Edges,
    shown: Vec<EventIx>,
    /// Of the events so far.
    through: Vec<Through>,
    /// What [`Through::Set`] refers to; [`NOWHERE`] if something is missing.
    sets: Packed,
    parents: Packed,
    kinds: Vec<EdgeKind>,
    reach: Reach,
    edges: Vec<(u32, EdgeKind)>,
    links: Vec<Link>,
    /// By row: the last event that has an edge there.
    marked: Vec<u32>,
    mark: u32,
    remembered: Vec<Option<EventIx>>,
    left_out: usize,
}

impl<S: Source> Build<S> {
    pub(super) fn new(source: S, kind: Edges, shown: Vec<EventIx>) -> Self {
        let events = source.len();
        Self {
            kind,
            through: Vec::with_capacity(events),
            sets: Packed::with_capacity(0),
            parents: Packed::with_capacity(shown.len() + 1),
            kinds: Vec::with_capacity(shown.len() + 1),
            reach: Reach::new(shown.len() + 1, events),
            edges: Vec::new(),
            links: Vec::new(),
            marked: vec![0; shown.len()],
            mark: 0,
            remembered: if kind.repeat() { vec![None; REMEMBERED] } else { Vec::new() },
            left_out: 0,
            source,
            shown,
        }
    }

    pub(super) fn run(mut self, now: &[EventIx]) -> Graph {
        for ix in (0..self.source.len()).map(EventIx::new) {
            let is_shown = self.shown.get(self.parents.len()) == Some(&ix);
            self.links.clear();
            self.source.links(ix, &mut self.links);
            let through = if is_shown { self.show(ix) } else { self.pass(ix) };
            self.through.push(through);
        }
        let now: Vec<Link> =
            now.iter().filter(|ix| ix.index() < self.source.len()).map(|ix| Link::Event(*ix)).collect();
        let has_now = !now.is_empty();
        if has_now {
            self.links = now;
            self.collect();
            self.reduce(false);
            self.push();
        }
        let mut graph = Graph::assemble(self.shown, has_now, self.parents, self.kinds);
        graph.is_reduced = self.reach.is_exact();
        graph.edges_left_out = self.left_out;
        graph
    }

    /// A shown event: the next row.
    fn show(&mut self, ix: EventIx) -> Through {
        let row = small(self.parents.len());
        if let Some(Through::Shown(like)) = self.recall(ix) {
            let range = self.parents.range(like as usize);
            self.edges.clear();
            self.edges.extend(
                self.parents.of(like as usize).iter().copied().zip(self.kinds[range].iter().copied()),
            );
        } else {
            self.collect();
            self.reduce(self.kind.reduces_direct());
        }
        self.tell_implied(ix);
        self.push();
        Through::Shown(row)
    }

    /// An event that is not shown: what lies before it.
    fn pass(&mut self, ix: EventIx) -> Through {
        if self.source.ends_at(ix) {
            return Through::Hole;
        }
        if let [Link::Event(parent)] = self.links[..] {
            return match self.through[parent.index()] {
                Through::Shown(row) => Through::One(row),
                through => through,
            };
        }
        match self.recall(ix) {
            Some(through) if !matches!(through, Through::Shown(_)) => return through,
            _ => {}
        }
        self.collect();
        // Seen from below, all of these are paths.
        self.reduce(true);
        let rows = || self.edges.iter().map(|(row, _)| *row);
        match self.edges[..] {
            [] => return Through::Nothing,
            [(NOWHERE, _)] => return Through::Hole,
            [(row, _)] => return Through::One(row),
            _ => {}
        }
        // A merge that adds nothing to what one side had sees what that side saw.
        for link in &self.links {
            let Some(Through::Set(set)) = link.event().map(|ix| self.through[ix.index()]) else { continue };
            if self.sets.of(set as usize).iter().copied().eq(rows()) {
                return Through::Set(set);
            }
        }
        if self.edges.len() > WIDEST {
            self.left_out += self.edges.len() - WIDEST;
            // The newest are the nearest; NOWHERE sorts as the newest of all.
            self.edges.sort_unstable_by(|one, other| other.cmp(one));
            self.edges.truncate(WIDEST);
        }
        self.sets.push(self.edges.iter().map(|(row, _)| *row));
        Through::Set(small(self.sets.len() - 1))
    }

    /// The edges that follow from `links`: direct ones first, each target once, what is missing last.
    fn collect(&mut self) {
        self.edges.clear();
        self.mark += 1;
        let (mark, marked, edges) = (self.mark, &mut self.marked, &mut self.edges);
        let mut is_missing = false;
        let mut add = |row: u32, kind: EdgeKind| {
            if row == NOWHERE {
                is_missing = true;
            } else if marked[row as usize] != mark {
                marked[row as usize] = mark;
                edges.push((row, kind));
            }
        };
        for link in &self.links {
            match link.event().map(|ix| self.through[ix.index()]) {
                Some(Through::Shown(row)) => add(row, EdgeKind::Direct),
                None | Some(Through::Hole) => add(NOWHERE, EdgeKind::Missing),
                _ => {}
            }
        }
        for link in &self.links {
            match link.event().map(|ix| self.through[ix.index()]) {
                Some(Through::One(row)) => add(row, EdgeKind::Indirect),
                Some(Through::Set(set)) => {
                    self.sets.of(set as usize).iter().for_each(|row| add(*row, EdgeKind::Indirect));
                }
                _ => {}
            }
        }
        if is_missing {
            self.edges.push((NOWHERE, EdgeKind::Missing));
        }
    }

    /// An edge that looks like the others may be one that the event does not list.
    fn tell_implied(&mut self, ix: EventIx) {
        let implied = self.source.implied(ix);
        let is_implied = |row: u32| match implied {
            Implied::None => false,
            Implied::One(implied) => self.through[implied.index()] == Through::Shown(row),
            Implied::All => true,
        };
        for (row, kind) in &mut self.edges {
            *kind = match *kind {
                EdgeKind::Direct | EdgeKind::Implied if is_implied(*row) => EdgeKind::Implied,
                EdgeKind::Implied => EdgeKind::Direct,
                kind => kind,
            };
        }
    }

    fn reduce(&mut self, all: bool) {
        if self.edges.len() > 1 {
            self.reach.reduce(&self.parents, &mut self.edges, all);
        }
    }

    fn push(&mut self) {
        self.parents.push(self.edges.iter().map(|(row, _)| *row));
        self.kinds.extend(self.edges.iter().map(|(_, kind)| *kind));
        self.reach.add(&self.parents);
    }

    /// What is seen through an earlier event with the same references, if one is remembered: a user's messages all
    /// cite the same few events.
    fn recall(&mut self, ix: EventIx) -> Option<Through> {
        if !self.kind.repeat() || self.links.len() < 2 {
            return None;
        }
        let slot = self.links.iter().fold(0_usize, |hash, link| {
            let number = link.event().map_or(usize::MAX, EventIx::index);
            hash.wrapping_mul(31).wrapping_add(number)
        });
        let slot = slot % REMEMBERED;
        let like = self.remembered[slot].replace(ix)?;
        let mut links = Vec::with_capacity(self.links.len());
        self.source.links(like, &mut links);
        (links == self.links).then(|| self.through[like.index()])
    }
}
