//! For those who want to see it: how auth chains reach the events of the auth difference, and how auth paths between
//! conflicted events lead through those of the subgraph.

use super::graph::AuthGraph;
use super::step::{BetweenEntry, DifferenceEntry, Reach};
use crate::room::{EventIx, EventSet};

/// The sizes of the auth chains, and how each chain reaches the events of the difference: for those who want to see
/// it. Cost: one walk over the auth graph for every 64 sets.
pub(super) fn witnesses(
    graph: AuthGraph<'_>,
    sets: &[Vec<EventIx>],
    difference: &[EventIx],
    inclusive: bool,
) -> (Vec<usize>, Vec<DifferenceEntry>) {
    let mut entries: Vec<DifferenceEntry> = difference
        .iter()
        .map(|event| DifferenceEntry { event: *event, reached: vec![None; sets.len()] })
        .collect();
    let in_difference: EventSet = difference.iter().copied().collect();
    let mut sizes = vec![0; sets.len()];
    for (number, sets) in sets.chunks(u64::BITS as usize).enumerate() {
        let first = number * u64::BITS as usize;
        let mut note = |event: EventIx, of: u64, reach: Reach| {
            if in_difference.contains(event)
                && let Ok(place) = entries.binary_search_by_key(&event, |entry| entry.event)
            {
                for set in bits(of) {
                    entries[place].reached[first + set].get_or_insert(reach);
                }
            }
        };
        // Nearly always two states meet: a byte an event stays in the cache, and need not be cleared for long.
        if sets.len() <= u8::BITS as usize {
            walk::<u8>(graph, sets, inclusive, &mut sizes[first..], &mut note);
        } else {
            walk::<u64>(graph, sets, inclusive, &mut sizes[first..], &mut note);
        }
    }
    (sizes, entries)
}

/// Walks the auth chains of up to 64 sets at once, downwards, so that whatever cites an event comes before it. Sets are
/// bits of a mask. Counts the events of each chain, and tells how they are reached.
fn walk<M: Mask>(
    graph: AuthGraph<'_>,
    sets: &[Vec<EventIx>],
    inclusive: bool,
    sizes: &mut [usize],
    note: &mut impl FnMut(EventIx, u64, Reach),
) {
    let Some(last) = sets.iter().flatten().max() else { return };
    let mut held = vec![M::default(); last.index() + 1];
    let mut cited = held.clone();
    for (set, events) in sets.iter().enumerate() {
        events.iter().for_each(|ix| held[ix.index()].add(1 << set));
    }
    let every = u64::MAX >> (u64::BITS as usize - sets.len());
    let mut in_every_chain = 0;
    for ix in (0..=last.index()).rev() {
        let (cited_by, held_by): (u64, u64) = (cited[ix].into(), held[ix].into());
        let (of, own) = (cited_by | held_by, if inclusive { held_by } else { 0 });
        if of == 0 {
            continue;
        }
        match cited_by | own {
            chains if chains == every => in_every_chain += 1,
            chains => bits(chains).for_each(|set| sizes[set] += 1),
        }
        let ix = EventIx::new(ix);
        note(ix, own, Reach::InState);
        for parent in graph.parents(ix) {
            note(parent, of, Reach::CitedBy(ix));
            cited[parent.index()].add(of);
        }
    }
    sizes[..sets.len()].iter_mut().for_each(|size| *size += in_every_chain);
}

/// Some of the sets, a bit each.
trait Mask: Copy + Default + Into<u64> {
    /// Adds those of `bits`, which fit.
    fn add(&mut self, bits: u64);
}

impl Mask for u8 {
    #[expect(clippy::cast_possible_truncation, reason = "there are no more sets than bits")]
    fn add(&mut self, bits: u64) {
        *self |= bits as Self;
    }
}

impl Mask for u64 {
    fn add(&mut self, bits: u64) {
        *self |= bits;
    }
}

/// The places of the bits that are set, ascending.
fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros() as usize;
        mask &= mask.checked_sub(1)?;
        Some(bit)
    })
}

/// For the events of the subgraph that are not conflicted: the way up and the way down.
pub(super) fn between(
    graph: AuthGraph<'_>,
    subgraph: &[EventIx],
    conflicted: &[EventIx],
) -> Vec<BetweenEntry> {
    let inside: EventSet = subgraph.iter().copied().collect();
    let mut entries: Vec<BetweenEntry> = subgraph
        .iter()
        .filter(|event| conflicted.binary_search(event).is_err())
        .filter_map(|event| {
            let below = graph.parents(*event).find(|parent| inside.contains(*parent))?;
            Some(BetweenEntry { event: *event, above: *event, below })
        })
        .collect();
    for ix in subgraph {
        for parent in graph.parents(*ix) {
            if let Ok(place) = entries.binary_search_by_key(&parent, |entry| entry.event)
                && entries[place].above == parent
            {
                entries[place].above = *ix;
            }
        }
    }
    entries
}
