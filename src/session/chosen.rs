//! Events that somebody has chosen to resolve over: places in time that the room itself does not have.

use std::collections::HashMap;
use std::sync::Arc;

use crate::room::EventIx;

/// More events than this are not resolved over at once.
pub const MOST_CHOSEN: usize = 64;

/// Some events of a session, over the states after which it resolves. The session that made it knows which
/// ([`Session::chosen`](super::Session::chosen)), so that places can be copied, compared and gone back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chosen {
    last: EventIx,
    number: usize,
}

impl Chosen {
    /// The last of the events, in topological order: after that the place is in time.
    pub fn last(self) -> EventIx {
        self.last
    }
}

/// All choices that were made in a session. The same events are the same choice.
#[derive(Debug, Clone, Default)]
pub(super) struct Choices {
    sets: Vec<Arc<[EventIx]>>,
    numbers: HashMap<Arc<[EventIx]>, usize>,
}

impl Choices {
    /// The choice of these events, in whatever order they come; `None` if there is none.
    pub(super) fn of(&mut self, events: &[EventIx]) -> Option<Chosen> {
        let mut events = events.to_vec();
        events.sort_unstable();
        events.dedup();
        let last = *events.last()?;
        let events: Arc<[EventIx]> = events.into();
        let number = *self.numbers.entry(Arc::clone(&events)).or_insert_with(|| {
            self.sets.push(events);
            self.sets.len() - 1
        });
        Some(Chosen { last, number })
    }

    /// The events of a choice, ascending; none if it is that of another session.
    pub(super) fn events(&self, chosen: Chosen) -> &[EventIx] {
        let events = self.sets.get(chosen.number).filter(|events| events.last() == Some(&chosen.last));
        events.map_or(&[], |events| events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_events_are_the_same_choice() {
        let [a, b, c] = [1, 2, 3].map(EventIx::new);
        let mut choices = Choices::default();
        let first = choices.of(&[b, a]).unwrap();
        assert_eq!(choices.of(&[a, b, a]), Some(first));
        let second = choices.of(&[c, a]).unwrap();
        assert_ne!(first, second);
        assert_eq!((choices.events(first), choices.events(second)), (&[a, b][..], &[a, c][..]));
        assert_eq!((first.last(), second.last()), (b, c));
        assert_eq!(choices.of(&[]), None);
        let mut others = Choices::default();
        assert!(others.events(second).is_empty(), "that of another session");
        assert_eq!(others.of(&[b]).map(|chosen| choices.events(chosen).len()), Some(2));
    }
}
