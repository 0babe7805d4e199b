//! What a correct server would have named in `prev_state_events`: the forward extremities of the state events it knew of.
//!
//! ```text
//!   a ◄── b ◄── "hi" ◄─┐
//!         ▲            "lo"        "lo" names b and c, whatever it comes after; and so does what follows it,
//!         └──── c ◄────┘           until a state event joins the two
//! ```

use smallvec::SmallVec;

use super::Names;
use super::past::{Pasts, TooWide};
use crate::event::Kind;
use crate::replay::Replay;
use crate::room::{EventIx, Link, Room, When};

/// The state parents of every event, given which events count.
///
/// Cost: the width of the state DAG for every event that merges.
pub(super) fn of_all(replay: &Replay<'_>, counts: impl Fn(EventIx) -> bool) -> Result<Vec<Names>, TooWide> {
    let room = replay.room();
    let mut work = Work { room, after: Vec::with_capacity(room.len()), pasts: Pasts::default() };
    let mut all = Vec::with_capacity(room.len());
    for ix in room.events() {
        let parents = work.parents_of(ix, &counts);
        if room.key_of(ix).is_some() && !room.is_foreign(ix) && counts(ix) {
            work.pasts.push(parents.iter().filter_map(|link| link.event()))?;
            work.after.push(SmallVec::from_slice(&[Link::Event(ix)]));
        } else {
            work.pasts.pass();
            work.after.push(parents.clone());
        }
        all.push(parents.into_vec());
    }
    Ok(all)
}

type Links = SmallVec<[Link; 2]>;

struct Work<'a> {
    room: &'a Room,
    /// Of the first events: the forward extremities after each.
    after: Vec<Links>,
    pasts: Pasts,
}

impl Work<'_> {
    fn parents_of(&self, ix: EventIx, counts: &impl Fn(EventIx) -> bool) -> Links {
        let room = self.room;
        if room.is_foreign(ix) || room.event(ix).kind() == Kind::Create {
            return Links::new();
        }
        let counts = |event: &EventIx| {
            *event < ix && room.key_of(*event).is_some() && !room.is_foreign(*event) && counts(*event)
        };
        let mut found: Vec<EventIx> = Vec::new();
        let mut lost = Links::new();
        if room.is_outlier(ix) {
            // Its place is unknown; it comes after what authorizes it.
            let auth = room.auth_events(ix).iter().copied().chain(room.implied_auth_event(ix));
            found.extend(auth.filter(counts));
        } else {
            for link in room.prev_links(ix) {
                match link {
                    Link::Event(parent) => {
                        for link in &self.after[parent.index()] {
                            match link {
                                Link::Event(event) => found.push(*event),
                                Link::Missing(_) => lost.push(*link),
                            }
                        }
                    }
                    Link::Missing(missing) => match room.asserted_missing(missing) {
                        Some(state) => found.extend(state.events(room).iter().copied().filter(counts)),
                        None => lost.push(link),
                    },
                }
            }
            if let (false, Some(state)) = (lost.is_empty(), room.asserted(ix, When::Before)) {
                found.extend(state.events(room).iter().copied().filter(counts));
            }
        }
        // Where something is known it is named, and what else there was nobody can tell.
        if found.is_empty() {
            lost.sort_unstable();
            lost.dedup();
            return lost;
        }
        found.sort_unstable();
        found.dedup();
        self.pasts.retain_latest(&mut found);
        found.into_iter().map(Link::Event).collect()
    }
}
