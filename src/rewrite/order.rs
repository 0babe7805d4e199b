//! Keeping the order of event IDs that are derived anew.
//!
//! Where level or mainline position and timestamp are equal, the event ID decides, compared as bytes; in version 1 of the
//! algorithm the SHA-1 of the ID does where the depth is equal. Of `n` state events with equal timestamps the one with
//! the `k`-th ID gets a new ID from the `k`-th of `n` equal parts of all hashes: about `n` attempts find one.

use sha1::{Digest, Sha1};

use crate::resolve::Algorithm;
use crate::room::{EventIx, Room};

/// Of more state events with equal timestamps the timestamps are spread instead.
const MOST_TIED: usize = 64;
/// When about so many attempts are planned for a room, the timestamps of further ties are spread: an attempt takes some
/// 40 µs.
const MOST_ATTEMPTS: usize = 1 << 18;

/// The part of all hashes that an ID must fall into: the `number`-th of `of` equal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    number: u32,
    of: u32,
}

/// Places are told apart so finely, in bits.
const BITS: u32 = 24;

impl Slot {
    const ANY: Self = Self { number: 0, of: 1 };

    /// Whether any hash will do.
    pub(super) fn is_any(self) -> bool {
        self.of == 1
    }

    /// So many attempts miss a free slot about never.
    pub(super) fn attempts(self) -> u32 {
        if self.is_any() { 1 << 10 } else { self.of.saturating_mul(40) }
    }

    /// Whether the ID, a hash, falls into it.
    pub(super) fn holds_hash(self, id: &str) -> bool {
        let characters = id.bytes().skip_while(|byte| *byte == b'$').take(4);
        self.holds(characters.fold(0, |place, byte| place << 6 | u32::from(sextet(byte))))
    }

    /// Whether the SHA-1 of the ID falls into it.
    pub(super) fn holds_sha1(self, id: &str) -> bool {
        let digest = Sha1::digest(id.as_bytes());
        self.holds(digest.iter().take(3).fold(0, |place, byte| place << 8 | u32::from(*byte)))
    }

    fn holds(self, place: u32) -> bool {
        (u64::from(place) * u64::from(self.of)) >> BITS == u64::from(self.number)
    }
}

/// The rank of a character of Base64, in either alphabet, among its fellows as bytes.
fn sextet(byte: u8) -> u8 {
    match byte {
        b'/' => 1,
        b'0'..=b'9' => byte - b'0' + 1,
        b'A'..=b'Z' => byte - b'A' + 11,
        b'_' => 37,
        b'a'..=b'z' => byte - b'a' + 38,
        _ => 0,
    }
}

/// What new IDs and timestamps have to be like so that their order is that of the old ones.
#[derive(Debug)]
pub(super) struct Plan {
    slots: Vec<Slot>,
    timestamps: Vec<i64>,
    /// How many events have slots.
    pub(super) tied: usize,
    /// How many events got timestamps of their own for want of slots.
    pub(super) spread: usize,
}

impl Plan {
    pub(super) fn of(room: &Room) -> Self {
        let timestamps = room.events().map(|ix| room.event(ix).origin_server_ts()).collect();
        let mut plan = Self { slots: vec![Slot::ANY; room.len()], timestamps, tied: 0, spread: 0 };
        if room.rules().algorithm == Algorithm::V1 {
            plan.tie_by_depth(room);
        }
        if room.rules().event_ids_are_hashes() {
            plan.tie_by_timestamp(room);
        }
        plan
    }

    pub(super) fn slot(&self, ix: EventIx) -> Slot {
        self.slots[ix.index()]
    }

    pub(super) fn timestamp(&self, ix: EventIx) -> i64 {
        self.timestamps[ix.index()]
    }

    /// Version 1 compares events of one key and depth by the SHA-1 of their IDs.
    fn tie_by_depth(&mut self, room: &Room) {
        let mut events: Vec<_> = room
            .events()
            .filter_map(|ix| {
                Some(((room.key_of(ix)?, room.event(ix).depth()), Sha1::digest(room.id(ix).as_bytes()), ix))
            })
            .collect();
        events.sort_unstable();
        for group in events.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() <= MOST_TIED) {
            self.tie(group.iter().map(|(.., ix)| *ix));
        }
    }

    fn tie_by_timestamp(&mut self, room: &Room) {
        let mut events: Vec<EventIx> = room.events().collect();
        events.sort_unstable_by_key(|ix| (room.event(*ix).origin_server_ts(), room.id(*ix)));
        let mut last = i64::MIN;
        let mut attempts = 0;
        let timestamp = |ix: &EventIx| room.event(*ix).origin_server_ts();
        for group in events.chunk_by(|a, b| timestamp(a) == timestamp(b)) {
            let state: Vec<EventIx> = group.iter().copied().filter(|ix| room.event(*ix).is_state()).collect();
            let mut next = timestamp(&group[0]).max(last.saturating_add(1));
            let needed = if state.len() > 1 { state.len() * state.len() } else { 0 };
            if state.len() <= MOST_TIED && attempts + needed <= MOST_ATTEMPTS {
                attempts += needed;
                self.tie(state.into_iter());
                for ix in group {
                    self.timestamps[ix.index()] = next;
                }
            } else {
                self.spread += group.len();
                for ix in group {
                    self.timestamps[ix.index()] = next;
                    next = next.saturating_add(1);
                }
                next = next.saturating_sub(1);
            }
            last = next;
        }
    }

    /// Gives events, in the order that is to stay, a slot each.
    fn tie(&mut self, events: impl ExactSizeIterator<Item = EventIx>) {
        let of = events.len() as u32;
        if of < 2 {
            return;
        }
        self.tied += events.len();
        for (number, ix) in (0..).zip(events) {
            self.slots[ix.index()] = Slot { number, of };
        }
    }
}

/// Whether IDs that servers choose (room versions 1 and 2) keep the order of those they replace, where version 1 of the
/// algorithm compares them.
pub(crate) struct GivenOrder(Plan);

impl GivenOrder {
    /// The order of the IDs of a room.
    pub(crate) fn of(room: &Room) -> Self {
        Self(Plan::of(room))
    }

    /// Whether an ID will do in place of that of the event.
    pub(crate) fn fits(&self, ix: EventIx, id: &str) -> bool {
        let slot = self.0.slot(ix);
        slot.is_any() || slot.holds_sha1(id)
    }
}

/// The events in the order of their IDs as bytes, and the place of each in it.
pub(super) fn ranks(room: &Room) -> Vec<usize> {
    let mut events: Vec<EventIx> = room.events().collect();
    events.sort_unstable_by_key(|ix| room.id(*ix));
    let mut ranks = vec![0; room.len()];
    for (rank, ix) in events.into_iter().enumerate() {
        ranks[ix.index()] = rank;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_in_the_order_of_bytes() {
        for alphabet in ["+/0189AZaz", "-0189AZ_az"] {
            let ranks: Vec<u8> = alphabet.bytes().map(sextet).collect();
            assert!(ranks.is_sorted(), "{alphabet}");
        }
        let ids: Vec<String> = (0..64_u8)
            .map(|n| {
                char::from(b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"[n as usize])
            })
            .map(|c| format!("${c}AAAA"))
            .collect();
        let slot_of = |id: &String| (0..7).find(|number| Slot { number: *number, of: 7 }.holds_hash(id));
        let slots: Vec<Option<u32>> = ids.iter().map(slot_of).collect();
        assert!(slots.is_sorted() && slots[0] == Some(0) && slots[63] == Some(6), "{slots:?}");
    }
}
