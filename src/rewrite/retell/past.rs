//! Who comes after whom in a state DAG that is being made: clocks.
//!
//! The events are divided into chains, in each of which one comes after the other. An event knows of every chain how far its
//! past goes, so that one look tells whether it comes after another. There are hardly more chains than the state DAG is
//! wide; what is not in the past of an event takes no room.
//!
//! ```text
//!   chain 0   a ◄── b ◄────── d         d: chain 0 up to b, chain 1 up to c
//!             ▲               │
//!   chain 1   └──── c ◄───────┘
//! ```

use crate::room::EventIx;

/// So many entries all clocks may have together: a room for which that is not enough is absurdly wide.
const MOST_ENTRIES: usize = 1 << 26;

/// A place: the number of a chain, and the place in it.
type Place = (u32, u32);

/// The pasts of the events of a state DAG.
#[derive(Debug, Default)]
pub(super) struct Pasts {
    /// By event; of those that are no part of the state DAG nothing.
    places: Vec<Option<Place>>,
    /// By event: how far its past goes in each chain, ascending by chain. The event itself is no part of it.
    clocks: Vec<Box<[Place]>>,
    /// By chain: the place of its last event.
    last: Vec<u32>,
    entries: usize,
}

/// There is no room for all the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooWide;

impl Pasts {
    /// The next event is no part of the state DAG.
    pub(super) fn pass(&mut self) {
        self.places.push(None);
        self.clocks.push(Box::default());
    }

    /// The next event comes after `parents`.
    pub(super) fn push(&mut self, parents: impl Iterator<Item = EventIx>) -> Result<(), TooWide> {
        let clock = self.union(parents, true);
        self.entries += clock.len();
        if self.entries > MOST_ENTRIES {
            return Err(TooWide);
        }
        // A chain whose end is in the past can go on here.
        let free = clock.iter().find(|(chain, place)| self.last[*chain as usize] == *place);
        let place = match free {
            Some((chain, place)) => (*chain, place + 1),
            None => {
                self.last.push(0);
                (self.last.len() as u32 - 1, 0)
            }
        };
        self.last[place.0 as usize] = place.1;
        self.places.push(Some(place));
        self.clocks.push(clock.into());
        Ok(())
    }

    /// How far the pasts of some events go together; with these themselves, or without.
    fn union(&self, events: impl Iterator<Item = EventIx>, with_themselves: bool) -> Vec<Place> {
        let mut union: Vec<Place> = Vec::new();
        for event in events {
            union.extend(&self.clocks[event.index()]);
            union.extend(self.places[event.index()].filter(|_| with_themselves));
        }
        // Of each chain the greatest place is left.
        union.sort_unstable_by(|a, b| (a.0, b.1).cmp(&(b.0, a.1)));
        union.dedup_by_key(|(chain, _)| *chain);
        union
    }

    /// Takes out the events that are in the past of another of them.
    pub(super) fn retain_latest(&self, events: &mut Vec<EventIx>) {
        if events.len() < 2 {
            return;
        }
        let past = self.union(events.iter().copied(), false);
        events.retain(|event| {
            let Some((chain, place)) = self.places[event.index()] else { return true };
            let found = past.binary_search_by_key(&chain, |(chain, _)| *chain);
            found.is_ok_and(|at| past[at].1 < place) || found.is_err()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_tell_what_walking_finds() {
        // Each event after some of the few before it, now and then after a far one.
        let parents: Vec<Vec<usize>> = (0..400_usize)
            .map(|n| {
                let back = [1 + n * 7 % 3, 2 + n * 5 % 9, if n % 50 == 3 { n / 2 } else { 1 }];
                let mut parents: Vec<usize> = back.iter().filter_map(|back| n.checked_sub(*back)).collect();
                parents.truncate(1 + n % 3);
                parents
            })
            .collect();
        let mut pasts = Pasts::default();
        let mut reach: Vec<Vec<bool>> = Vec::new();
        for (n, above) in parents.iter().enumerate() {
            pasts.push(above.iter().copied().map(EventIx::new)).unwrap();
            let mut reached = vec![false; n];
            for parent in above {
                reached[*parent] = true;
                (0..*parent).filter(|other| reach[*parent][*other]).for_each(|other| reached[other] = true);
            }
            reach.push(reached);
        }
        for n in 20..400 {
            let some: Vec<usize> = (0..6).map(|k| n - 1 - (k * k + n * k) % 20).collect();
            let mut found: Vec<EventIx> = some.iter().copied().map(EventIx::new).collect();
            found.sort_unstable();
            found.dedup();
            pasts.retain_latest(&mut found);
            let mut expected: Vec<usize> =
                some.iter().copied().filter(|x| !some.iter().any(|y| x < y && reach[*y][*x])).collect();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(found.iter().map(|ix| ix.index()).collect::<Vec<_>>(), expected);
        }
        assert!(pasts.last.len() < 40, "{} chains", pasts.last.len());
    }
}
