//! Where two replays of one room differ, event by event.

use std::rc::Rc;

use super::Replay;
use crate::room::{EventIx, KeyIx, Room};
use crate::state::StateMap;

/// The keys on which two states differ, ascending; `None` if only one of the two is known.
pub(crate) type Keys = Option<Rc<[KeyIx]>>;
/// The same state in both replays.
pub(crate) type StatePair<'a> = (Option<&'a StateMap>, Option<&'a StateMap>);

/// A comparison that is under way, as far as it has come.
pub(crate) struct Walk {
    after: After,
}

impl Walk {
    /// Begins at the first event.
    pub(crate) fn new(room: &Room) -> Self {
        Self { after: After::new(room) }
    }

    /// How many events have been compared.
    pub(crate) fn done(&self) -> usize {
        self.after.keys.len()
    }

    /// Visits up to so many more events that have another verdict in the other replay, or another state before or after
    /// them, or whose resolution fails in one of them alone; with the keys on which the states before and after them
    /// differ. Always of the same two replays. Returns whether those were all events.
    ///
    /// The cost is that of their differences and of the changes from event to event, not of the states.
    pub(crate) fn advance(
        &mut self,
        (one, other): (&Replay<'_>, &Replay<'_>),
        events: usize,
        mut visit: impl FnMut(EventIx, &Keys, &Keys),
    ) -> bool {
        let room = one.room();
        let end = self.done().saturating_add(events).min(room.len());
        for ix in (self.done()..end).map(EventIx::new) {
            let pair_before = (one.before(ix), other.before(ix));
            let pair_after = (one.after(ix), other.after(ix));
            let parent = room.state_parents(ix).first();
            let after = &mut self.after;
            let base = parent.map(|parent| ((one.after(*parent), other.after(*parent)), after.take(*parent)));
            let before = differing_keys(pair_before, base);
            let now = differing_keys(pair_after, Some((pair_before, before.clone())));
            if differs(ix, (one, other), (&before, &now)) {
                visit(ix, &before, &now);
            }
            after.put(ix, now);
        }
        end == room.len()
    }
}

/// On which keys the states after an event differ, for as long as some event is to be compared with it.
struct After {
    keys: Vec<Keys>,
    /// The number of events yet to come whose first parent it is.
    uses: Vec<u32>,
}

impl After {
    fn new(room: &Room) -> Self {
        let mut uses = vec![0; room.len()];
        for parent in room.events().filter_map(|ix| room.state_parents(ix).first().copied()) {
            uses[parent.index()] += 1;
        }
        Self { keys: Vec::with_capacity(room.len()), uses }
    }

    fn put(&mut self, ix: EventIx, keys: Keys) {
        self.keys.push(if self.uses[ix.index()] > 0 { keys } else { None });
    }

    fn take(&mut self, ix: EventIx) -> Keys {
        self.uses[ix.index()] -= 1;
        let keys = &mut self.keys[ix.index()];
        if self.uses[ix.index()] > 0 { keys.clone() } else { keys.take() }
    }
}

/// The keys on which a pair of states differs, given those of a pair from which it is not far.
pub(crate) fn differing_keys(pair: StatePair<'_>, base: Option<(StatePair<'_>, Keys)>) -> Keys {
    let (one, other) = match pair {
        (Some(one), Some(other)) => (one, other),
        (None, None) => return Some(Rc::from([])),
        _ => return None,
    };
    let Some(((Some(base_one), Some(base_other)), Some(base))) = base else {
        return Some(one.diff(other).map(|(key, ..)| key).collect());
    };
    if one.shares_root_with(base_one) && other.shares_root_with(base_other) {
        return Some(base);
    }
    let changed = base_one.diff(one).chain(base_other.diff(other)).map(|(key, ..)| key);
    let mut keys: Vec<KeyIx> = changed.chain(base.iter().copied()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| one.get(*key) != other.get(*key));
    Some(keys.into())
}

fn differs(ix: EventIx, (one, other): (&Replay<'_>, &Replay<'_>), (before, after): (&Keys, &Keys)) -> bool {
    let states = |keys: &Keys| keys.as_ref().is_none_or(|keys| !keys.is_empty());
    states(before)
        || states(after)
        || one.rejected().contains(ix) != other.rejected().contains(ix)
        || one.failure(ix).is_some() != other.failure(ix).is_some()
}
