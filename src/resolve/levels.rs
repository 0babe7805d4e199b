//! Which power levels an event cites, and the forest that this makes of all power levels.
//!
//! The mainline of some power levels is their way down to a root. Where on it another event hangs is then a question
//! about the forest: how deep lies the last common ancestor? With a jump pointer at every node, chosen as in a
//! skew-binary list, that takes a logarithmic number of steps, whatever the mainline was last time.
//!
//! ```text
//!   depth 1     2     3     4
//!         a ◄── b ◄── c ◄── d       mainline of d: d c b a
//!               ▲
//!               └──── x ◄── e       e hangs at b, depth 2
//! ```

use super::running::IndexMap;
use crate::auth::Profile;
use crate::room::{AuthEdges, EventIx, Link, Room};

/// What looking for the power levels among auth events came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cited {
    Levels(EventIx),
    Nothing,
    /// A missing event stands before any power levels, and the profile minds (D30).
    Missing,
}

/// The room, along which edges auth events are found, and in whose manner.
pub(super) type View<'a> = (&'a Room, AuthEdges<'a>, Profile);

/// The first power levels among an event's auth events.
pub(super) fn cited_levels((room, edges, profile): View<'_>, ix: EventIx) -> Cited {
    let key = Some(room.well_known().power_levels);
    for link in edges.links(ix) {
        match link {
            Link::Event(auth) if room.key_of(auth) == key => {
                return Cited::Levels(auth);
            }
            Link::Event(_) => {}
            Link::Missing(_) if profile.switches().missing_auth_stops_mainline => return Cited::Missing,
            Link::Missing(_) => {}
        }
    }
    Cited::Nothing
}

/// Power levels in the forest.
#[derive(Debug, Clone, Copy)]
struct Node {
    event: EventIx,
    /// The place of the power levels that these cite; its own where they cite none.
    parent: u32,
    /// The place of an ancestor further off; its own at a root.
    jump: u32,
    /// 1 at a root.
    depth: u32,
}

/// The power levels met so far, each with those it cites.
#[derive(Debug, Default)]
pub(super) struct Forest {
    nodes: Vec<Node>,
    place_of: IndexMap<EventIx, u32>,
}

impl Forest {
    /// Where an event hangs on the mainline of `levels`: the depth of the first power levels on the way down from the event
    /// that are on the mainline, counted from 1 at the oldest; 0 if there are none. `None` if the way breaks off at a
    /// missing event before.
    pub(super) fn depth_on_mainline(
        &mut self,
        view: View<'_>,
        event: EventIx,
        levels: Option<EventIx>,
    ) -> Option<usize> {
        let (room, ..) = view;
        let start = match room.key_of(event) == Some(room.well_known().power_levels) {
            true => event,
            false => match cited_levels(view, event) {
                Cited::Levels(cited) => cited,
                Cited::Nothing => return Some(0),
                Cited::Missing => return None,
            },
        };
        let start = self.place(view, start);
        let mainline = levels.map(|levels| self.place(view, levels));
        if mainline == Some(start) {
            return Some(self.nodes[start as usize].depth as usize);
        }
        if let Some(common) = mainline.and_then(|mainline| self.last_common(start, mainline)) {
            return Some(self.nodes[common as usize].depth as usize);
        }
        match cited_levels(view, self.nodes[self.root(start) as usize].event) {
            Cited::Missing => None,
            Cited::Nothing | Cited::Levels(_) => Some(0),
        }
    }

    /// The mainline of `levels`, the newest first.
    pub(super) fn mainline(&mut self, view: View<'_>, levels: EventIx) -> Vec<EventIx> {
        let mut place = self.place(view, levels);
        let mut mainline = Vec::new();
        loop {
            let node = self.nodes[place as usize];
            mainline.push(node.event);
            if node.parent == place {
                return mainline;
            }
            place = node.parent;
        }
    }

    /// The oldest power levels of the mainline of `levels`.
    pub(super) fn oldest(&mut self, view: View<'_>, levels: EventIx) -> EventIx {
        let place = self.place(view, levels);
        self.nodes[self.root(place) as usize].event
    }

    /// The place of power levels; they and those below are added if they are new.
    fn place(&mut self, view: View<'_>, levels: EventIx) -> u32 {
        if let Some(place) = self.place_of.get(&levels) {
            return *place;
        }
        let mut new = vec![levels];
        let mut below = None;
        while let Cited::Levels(older) = cited_levels(view, new[new.len() - 1]) {
            below = self.place_of.get(&older).copied();
            if below.is_some() {
                break;
            }
            new.push(older);
        }
        let mut top = 0;
        for event in new.into_iter().rev() {
            top = self.add(event, below);
            below = Some(top);
        }
        top
    }

    fn add(&mut self, event: EventIx, parent: Option<u32>) -> u32 {
        let place = self.nodes.len() as u32;
        let node = match parent {
            None => Node { event, parent: place, jump: place, depth: 1 },
            Some(parent) => {
                let below = self.nodes[parent as usize];
                let far = self.nodes[below.jump as usize];
                let further = self.nodes[far.jump as usize];
                // Two jumps of one length make one of twice that and one.
                let doubles = below.depth - far.depth == far.depth - further.depth;
                let jump = if doubles { far.jump } else { parent };
                Node { event, parent, jump, depth: below.depth + 1 }
            }
        };
        self.nodes.push(node);
        self.place_of.insert(event, place);
        place
    }

    /// The ancestor of a node at a depth that is not greater than its own.
    fn ancestor(&self, mut place: u32, depth: u32) -> u32 {
        while self.nodes[place as usize].depth > depth {
            let Node { parent, jump, .. } = self.nodes[place as usize];
            place = if self.nodes[jump as usize].depth >= depth { jump } else { parent };
        }
        place
    }

    fn root(&self, place: u32) -> u32 {
        self.ancestor(place, 1)
    }

    /// The deepest node that is both nodes' ancestor, or one of them.
    fn last_common(&self, a: u32, b: u32) -> Option<u32> {
        let depth = self.nodes[a as usize].depth.min(self.nodes[b as usize].depth);
        let (mut a, mut b) = (self.ancestor(a, depth), self.ancestor(b, depth));
        while a != b {
            let (at_a, at_b) = (self.nodes[a as usize], self.nodes[b as usize]);
            if at_a.depth == 1 {
                return None;
            }
            // Nodes of one depth have jumps of one length.
            (a, b) = if at_a.jump == at_b.jump { (at_a.parent, at_b.parent) } else { (at_a.jump, at_b.jump) };
        }
        Some(a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A forest of nodes that are named by place; each has a smaller parent, or none.
    fn forest(parents: &[Option<u32>]) -> Forest {
        let mut forest = Forest::default();
        for (place, parent) in parents.iter().enumerate() {
            forest.add(EventIx::new(place), *parent);
        }
        forest
    }

    /// The place and its ancestors.
    fn line(parents: &[Option<u32>], place: u32) -> Vec<u32> {
        std::iter::successors(Some(place), |place| parents[*place as usize]).collect()
    }

    #[test]
    fn ancestors_are_those_that_walking_finds() {
        let mut parents: Vec<Option<u32>> = vec![None];
        for place in 1..300_u32 {
            // Long lines with branches of all lengths, and a second root.
            parents.push(if place == 150 {
                None
            } else {
                Some(place.wrapping_mul(7919) % place.min(9) + place - place.min(9))
            });
        }
        let forest = forest(&parents);
        for a in 0..300 {
            let line_a = line(&parents, a);
            assert_eq!(forest.nodes[a as usize].depth as usize, line_a.len());
            for b in 0..300 {
                let line_b = line(&parents, b);
                let common = line_a.iter().find(|place| line_b.contains(place)).copied();
                assert_eq!(forest.last_common(a, b), common, "{a} and {b}");
            }
        }
    }
}
