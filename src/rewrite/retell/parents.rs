//! What a correct server would have named in `prev_state_events`: the forward extremities of the state events it knew of.
//!
//! ```text
//!   a ◄── b ◄── "hi" ◄─┐
//!         ▲            "lo"        "lo" names b and c, whatever it comes after; and so does what follows it,
//!         └──── c ◄────┘           until a state event joins the two
//! ```

use smallvec::SmallVec;

use super::Names;
use crate::event::Kind;
use crate::replay::Replay;
use crate::room::{EventIx, Link, Room, When};

/// So many steps may be walked for every event of the room, to leave out what follows from something else.
const STEPS_PER_EVENT: usize = 64;

/// The state parents of every event, given which events count.
pub(super) fn of_all(replay: &Replay<'_>, counts: impl Fn(EventIx) -> bool) -> Vec<Names> {
    let room = replay.room();
    let mut work = Work {
        room,
        parents: Vec::with_capacity(room.len()),
        after: Vec::with_capacity(room.len()),
        seen: vec![0; room.len()],
        round: 0,
        steps: room.len().saturating_mul(STEPS_PER_EVENT).saturating_add(1 << 20),
    };
    for ix in room.events() {
        let parents = work.parents_of(ix, &counts);
        let extends = room.key_of(ix).is_some() && !room.is_foreign(ix) && counts(ix);
        work.after.push(if extends { SmallVec::from_slice(&[Link::Event(ix)]) } else { parents.clone() });
        work.parents.push(parents);
    }
    work.parents.into_iter().map(SmallVec::into_vec).collect()
}

type Links = SmallVec<[Link; 4]>;

struct Work<'a> {
    room: &'a Room,
    /// Of the first events.
    parents: Vec<Links>,
    /// The forward extremities after each of them.
    after: Vec<Links>,
    /// In which round of a search an event was seen last.
    seen: Vec<u32>,
    round: u32,
    steps: usize,
}

impl Work<'_> {
    fn parents_of(&mut self, ix: EventIx, counts: &impl Fn(EventIx) -> bool) -> Links {
        let room = self.room;
        if room.is_foreign(ix) || room.event(ix).kind() == Kind::Create {
            return Links::new();
        }
        let counts = |event: &EventIx| {
            *event < ix && room.key_of(*event).is_some() && !room.is_foreign(*event) && counts(*event)
        };
        let mut found = Links::new();
        let mut lost = Links::new();
        if room.is_outlier(ix) {
            // Its place is unknown; it comes after what authorizes it.
            let auth = room.auth_events(ix).iter().copied().chain(room.implied_auth_event(ix));
            found.extend(auth.filter(counts).map(Link::Event));
        } else {
            for link in room.prev_links(ix) {
                match link {
                    Link::Event(parent) => found.extend_from_slice(&self.after[parent.index()]),
                    Link::Missing(missing) => match room.asserted_missing(missing) {
                        Some(state) => {
                            found.extend(state.events(room).iter().copied().filter(counts).map(Link::Event));
                        }
                        None => lost.push(link),
                    },
                }
            }
            if let (false, Some(state)) = (lost.is_empty(), room.asserted(ix, When::Before)) {
                found.extend(state.events(room).iter().copied().filter(counts).map(Link::Event));
            }
        }
        found.sort_unstable();
        found.dedup();
        // Where something is known it is named, and what else there was nobody can tell.
        if found.is_empty() {
            return lost;
        }
        self.reduce(&mut found);
        found
    }

    /// Takes out what follows from something else. If the walks become too long, some of it stays.
    fn reduce(&mut self, found: &mut Links) {
        let oldest = found.iter().filter_map(|link| link.event()).min();
        let (Some(oldest), true) = (oldest, found.len() > 1) else { return };
        self.round += 1;
        let mut stack: Vec<EventIx> = found.iter().filter_map(|link| link.event()).collect();
        while let Some(ix) = stack.pop() {
            for parent in self.parents[ix.index()].iter().filter_map(|link| link.event()) {
                if parent < oldest || self.seen[parent.index()] == self.round {
                    continue;
                }
                let Some(left) = self.steps.checked_sub(1) else { return };
                self.steps = left;
                self.seen[parent.index()] = self.round;
                stack.push(parent);
            }
        }
        let (seen, round) = (&self.seen, self.round);
        found.retain(|link| link.event().is_none_or(|ix| seen[ix.index()] != round));
    }
}
