//! Edges, packed.

use std::collections::BTreeMap;

use super::index::{EventIx, Link};

/// For every event a list of others. Missing targets are kept aside, so that the common case is a
/// plain slice.
#[derive(Debug, Clone, Default)]
pub(super) struct Adjacency {
    /// Where the list of an event begins; one more entry than there are events.
    offsets: Vec<u32>,
    targets: Vec<EventIx>,
    /// The whole list, in the order of the event, of those events that refer to a missing one.
    with_missing: BTreeMap<EventIx, Vec<Link>>,
}

fn offset(targets: usize) -> u32 {
    u32::try_from(targets).expect("fewer than 2^32 edges")
}

impl Adjacency {
    /// Packs the lists of `events` events; `list` puts that of an event into an empty vector.
    pub(super) fn new(events: usize, mut list: impl FnMut(EventIx, &mut Vec<Link>)) -> Self {
        let mut packed = Self { offsets: Vec::with_capacity(events + 1), ..Self::default() };
        packed.offsets.push(0);
        let mut links = Vec::new();
        for ix in (0..events).map(EventIx::new) {
            links.clear();
            list(ix, &mut links);
            packed.targets.extend(links.iter().filter_map(|link| link.event()));
            packed.offsets.push(offset(packed.targets.len()));
            if links.iter().any(|link| link.event().is_none()) {
                packed.with_missing.insert(ix, links.clone());
            }
        }
        packed.targets.shrink_to_fit();
        packed
    }

    /// No edges, of so many events.
    pub(super) fn empty(events: usize) -> Self {
        Self { offsets: vec![0; events + 1], ..Self::default() }
    }

    /// The targets that are in the room.
    pub(super) fn of(&self, ix: EventIx) -> &[EventIx] {
        let from = self.offsets[ix.index()] as usize;
        let to = self.offsets[ix.index() + 1] as usize;
        &self.targets[from..to]
    }

    /// All targets, missing ones among them, in the order of the event.
    pub(super) fn links(&self, ix: EventIx) -> impl Iterator<Item = Link> + '_ {
        let whole = self.with_missing.get(&ix);
        let known: &[EventIx] = if whole.is_some() { &[] } else { self.of(ix) };
        whole.into_iter().flatten().copied().chain(known.iter().map(|ix| Link::Event(*ix)))
    }

    /// Whether a target of the event is missing.
    pub(super) fn has_missing(&self, ix: EventIx) -> bool {
        !self.with_missing.is_empty() && self.with_missing.contains_key(&ix)
    }

    /// The events that have missing targets.
    pub(super) fn events_with_missing(&self) -> impl Iterator<Item = (EventIx, &[Link])> {
        self.with_missing.iter().map(|(ix, links)| (*ix, &**links))
    }

    /// The same edges the other way round, those of the events that `counts` says; each list in ascending order, without
    /// repetition.
    pub(super) fn reversed(&self, counts: impl Fn(EventIx) -> bool) -> Self {
        let events = self.offsets.len() - 1;
        let each = |take: &mut dyn FnMut(EventIx, EventIx)| {
            let mut once: Vec<EventIx> = Vec::new();
            for from in (0..events).map(EventIx::new).filter(|from| counts(*from)) {
                once.clear();
                once.extend(self.of(from));
                once.sort_unstable();
                once.dedup();
                once.iter().for_each(|target| take(from, *target));
            }
        };
        let mut offsets = vec![0_u32; events + 1];
        each(&mut |_, target| offsets[target.index()] += 1);
        let mut sum = 0;
        for entry in &mut offsets {
            let count = *entry as usize;
            *entry = offset(sum);
            sum += count;
        }
        let mut targets = vec![EventIx::new(0); sum];
        each(&mut |from, target| {
            let place = &mut offsets[target.index()];
            targets[*place as usize] = from;
            *place += 1;
        });
        // Each offset has moved on to where the next list begins.
        offsets.rotate_right(1);
        if let Some(first) = offsets.first_mut() {
            *first = 0;
        }
        Self { offsets, targets, with_missing: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::MissingIx;
    use super::*;

    fn ix(n: usize) -> EventIx {
        EventIx::new(n)
    }

    #[test]
    fn edges_go_both_ways() {
        let missing = Link::Missing(MissingIx::new(0));
        let lists: [&[Link]; 4] = [
            &[],
            &[Link::Event(ix(0))],
            &[Link::Event(ix(1)), missing, Link::Event(ix(0)), Link::Event(ix(1))],
            &[],
        ];
        let edges = Adjacency::new(4, |ix, links| links.extend(lists[ix.index()]));
        assert_eq!(edges.of(ix(2)), [ix(1), ix(0), ix(1)]);
        assert!(edges.links(ix(2)).eq(lists[2].iter().copied()));
        assert!(edges.has_missing(ix(2)) && !edges.has_missing(ix(1)));
        let back = edges.reversed(|_| true);
        let lists: Vec<&[EventIx]> = (0..4).map(|n| back.of(ix(n))).collect();
        assert_eq!(lists, [&[ix(1), ix(2)][..], &[ix(2)], &[], &[]]);
        assert_eq!(edges.reversed(|from| from == ix(1)).of(ix(0)), [ix(1)]);
    }
}
