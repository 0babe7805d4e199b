//! Messages: most of what is in a room, and most of it alike.
//!
//! Whether a message is allowed depends on its sender, its type, its auth events, and what the rules look up in the state
//! before it. Where a message agrees in all that with an earlier one that was allowed, it is allowed too, and not even
//! looked at.

use super::states::StateNumber;
use crate::event::Kind;
use crate::room::{EventIx, KeyIx, Room};
use crate::state::StateView;

/// Auth events of a message: power levels, its sender's membership, the create event; seldom more.
const AUTH_EVENTS: usize = 5;
/// What the rules look up for a message: the same three.
const READS: usize = 3;

/// What is known of a message that was allowed.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    sender: KeyIx,
    message_type: u32,
    /// The state before it, or before a later one that agreed with it.
    before: StateNumber,
    auth_events: [EventIx; AUTH_EVENTS],
    auth_count: u8,
    reads: [(KeyIx, Option<EventIx>); READS],
    read_count: u8,
}

/// Messages that were allowed: of those that share a slot the last.
#[derive(Debug)]
pub(super) struct Messages {
    slots: Box<[Option<Allowed>]>,
}

impl Messages {
    pub(super) fn new(room: &Room) -> Self {
        const MOST: usize = 1 << 15;
        Self { slots: vec![None; room.key_count().next_power_of_two().min(MOST)].into_boxed_slice() }
    }

    /// Whether an event is a message that is allowed because one like it was. `before` is the state before the event.
    pub(super) fn are_known_to_allow(
        &mut self,
        room: &Room,
        ix: EventIx,
        before: StateNumber,
        state: StateView<'_>,
    ) -> bool {
        let Some(message_type) = room.message_type(ix) else { return false };
        let sender = room.sender_key(ix);
        let Some(known) = &mut self.slots[slot(self.slots.len(), sender, message_type)] else { return false };
        let is_alike = (known.sender, known.message_type) == (sender, message_type)
            && known.auth_events[..known.auth_count.into()] == *room.auth_events(ix)
            && is_plain(room, ix);
        if !is_alike {
            return false;
        }
        if known.before != before {
            let reads = &known.reads[..known.read_count.into()];
            if !reads.iter().all(|(key, found)| state.get(*key) == *found) {
                return false;
            }
            known.before = before;
        }
        true
    }

    /// Notes that an event was allowed, if it is a message. `reads` is what the rules looked up in the state before it.
    pub(super) fn note(
        &mut self,
        room: &Room,
        ix: EventIx,
        before: StateNumber,
        reads: impl ExactSizeIterator<Item = (KeyIx, Option<EventIx>)>,
    ) {
        let Some(message_type) = room.message_type(ix) else { return };
        let auth = room.auth_events(ix);
        let fits = auth.len() <= AUTH_EVENTS && reads.len() <= READS;
        // The rules look closer at messages of some types.
        if !fits || !is_plain(room, ix) || room.event(ix).kind() != Kind::Other {
            return;
        }
        let mut known = Allowed {
            sender: room.sender_key(ix),
            message_type,
            before,
            auth_events: [ix; AUTH_EVENTS],
            auth_count: auth.len() as u8,
            reads: [(room.sender_key(ix), None); READS],
            read_count: reads.len() as u8,
        };
        known.auth_events[..auth.len()].copy_from_slice(auth);
        known.reads.iter_mut().zip(reads).for_each(|(slot, read)| *slot = read);
        self.slots[slot(self.slots.len(), known.sender, message_type)] = Some(known);
    }
}

/// Whether the event says that it belongs to this room, and all its auth events are there.
fn is_plain(room: &Room, ix: EventIx) -> bool {
    room.names_room(ix) && !room.is_foreign(ix) && !room.has_missing_auth(ix)
}

fn slot(slots: usize, sender: KeyIx, message_type: u32) -> usize {
    sender.index().wrapping_add((message_type as usize).wrapping_mul(0x9e37_79b1)) & (slots - 1)
}
