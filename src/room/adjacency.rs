//! Edges of a graph of events, packed into two arrays.

use std::collections::BTreeMap;

use super::index::{EventIx, Link};

/// For every event a list of others. Missing targets are kept aside, so that the common case is a
/// plain slice.
#[derive(Debug, Clone, Default)]
pub(super) struct Adjacency {
    offsets: Vec<u32>,
    targets: Vec<EventIx>,
    /// The whole list, in the order of the event, of those events that refer to a missing one.
    with_missing: BTreeMap<EventIx, Vec<Link>>,
}

impl Adjacency {
    /// Packs one list an event, in the order of event indices.
    pub(super) fn new(lists: impl IntoIterator<Item = Vec<Link>>) -> Self {
        let mut packed = Self { offsets: vec![0], ..Self::default() };
        for (place, links) in lists.into_iter().enumerate() {
            packed.targets.extend(links.iter().filter_map(|link| link.event()));
            packed.offsets.push(u32::try_from(packed.targets.len()).expect("fewer than 2^32 edges"));
            if links.iter().any(|link| link.event().is_none()) {
                packed.with_missing.insert(EventIx::new(place), links);
            }
        }
        packed
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
        self.with_missing.contains_key(&ix)
    }

    /// The events that have missing targets.
    pub(super) fn events_with_missing(&self) -> impl Iterator<Item = (EventIx, &[Link])> {
        self.with_missing.iter().map(|(ix, links)| (*ix, &**links))
    }

    /// The same edges the other way round, those of the events that `counts` says; each list in ascending order, without
    /// repetition.
    pub(super) fn reversed(&self, counts: impl Fn(EventIx) -> bool) -> Self {
        let events = self.offsets.len() - 1;
        let mut lists = vec![Vec::new(); events];
        for place in 0..events {
            let from = EventIx::new(place);
            if !counts(from) {
                continue;
            }
            for target in self.of(from) {
                let list: &mut Vec<Link> = &mut lists[target.index()];
                if list.last() != Some(&Link::Event(from)) {
                    list.push(Link::Event(from));
                }
            }
        }
        Self::new(lists)
    }
}
