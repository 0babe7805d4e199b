//! State hashes of a whole replay.

use std::rc::Rc;

use crate::replay::Replay;
use crate::room::EventIx;
use crate::state::StateMap;

/// Computes the hash of a state once for all neighbouring events that have it.
pub(crate) struct Hashes<'a> {
    replay: &'a Replay<'a>,
    /// Of the state after an event, by its index.
    after: Vec<Option<Rc<str>>>,
}

impl<'a> Hashes<'a> {
    pub(crate) fn new(replay: &'a Replay<'a>) -> Self {
        Self { replay, after: vec![None; replay.room().len()] }
    }

    /// The hash of the state before an event; `None` if that is unknown.
    pub(crate) fn before(&mut self, ix: EventIx) -> Option<Rc<str>> {
        let state = self.replay.before(ix)?;
        match self.parent_after(ix, state) {
            Some(parent) => self.after(parent),
            None => Some(state.hash(self.replay.room()).into()),
        }
    }

    /// The hash of the state after an event; `None` if that is unknown.
    pub(crate) fn after(&mut self, ix: EventIx) -> Option<Rc<str>> {
        let state = self.replay.after(ix)?;
        let mut same = vec![ix];
        let mut last = ix;
        while self.after[last.index()].is_none()
            && let Some(parent) = self.parent_after(last, state)
        {
            same.push(parent);
            last = parent;
        }
        let known = self.after[last.index()].clone();
        let hash = known.unwrap_or_else(|| state.hash(self.replay.room()).into());
        for ix in same {
            self.after[ix.index()] = Some(Rc::clone(&hash));
        }
        Some(hash)
    }

    /// A parent of the event after which this very state held.
    fn parent_after(&self, ix: EventIx, state: &StateMap) -> Option<EventIx> {
        let holds =
            |parent: &EventIx| self.replay.after(*parent).is_some_and(|other| other.shares_root_with(state));
        self.replay.room().state_parents(ix).iter().copied().find(holds)
    }
}
