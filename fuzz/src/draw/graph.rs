//! References: who an event says came before it, and who it says allows it.

use std::collections::BTreeMap;

use super::source::Source;
use super::{Pen, Scope};

/// The pair (`type`, `state_key`).
pub(super) type Key = (String, String);

/// An event that was drawn.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    pub(super) key: Option<Key>,
    /// The state after it if nothing were ever rejected or in conflict, by event numbers.
    pub(super) after: BTreeMap<Key, usize>,
}

/// What an event refers to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// The event with this number, which may be the event itself or one that comes later.
    Event(usize),
    /// Nobody has it.
    Missing(usize),
}

impl Pen<'_> {
    /// The parents of the next event.
    pub(super) fn parents(&mut self) -> Vec<Target> {
        let count = self.made.len();
        let recent = |source: &mut Source<'_>| count - 1 - source.below(count.min(8));
        let numbers = match self.source.below(16) {
            _ if count == 0 => Vec::new(),
            0..=3 => vec![count - 1],
            4 | 5 => self.tips.clone(),
            6..=8 => vec![recent(&mut self.source)],
            9..=12 => vec![recent(&mut self.source), recent(&mut self.source)],
            13 => self.source.some_of_last(count),
            14 => Vec::new(),
            _ => return self.odd_references(count),
        };
        numbers.into_iter().map(Target::Event).collect()
    }

    /// Holes, repetitions and circles.
    fn odd_references(&mut self, count: usize) -> Vec<Target> {
        let mut targets = Vec::new();
        for _ in 0..=self.source.below(3) {
            targets.push(match (self.source.below(4), self.scope) {
                (0, _) => Target::Missing(self.source.below(3)),
                (1, Scope::Anything) => Target::Event(count + self.source.below(3)),
                _ => Target::Event(self.source.below(count)),
            });
        }
        if self.source.once_in(4) {
            targets.extend(targets.first().copied());
        }
        targets
    }

    /// The state after the parents, as far as drawing goes: of several entries any one.
    pub(super) fn state_after(&self, parents: &[Target]) -> BTreeMap<Key, usize> {
        let mut state = BTreeMap::new();
        for parent in parents {
            if let Target::Event(number) = parent
                && let Some(made) = self.made.get(*number)
            {
                state.extend(made.after.clone());
            }
        }
        state
    }

    /// The auth events of the next event, which needs these keys.
    pub(super) fn auth_events(&mut self, needed: &[Key], state: &BTreeMap<Key, usize>) -> Vec<Target> {
        let count = self.made.len();
        let select = |state: &BTreeMap<Key, usize>| -> Vec<usize> {
            needed.iter().filter_map(|key| state.get(key)).copied().collect()
        };
        let mut numbers = select(state);
        match self.source.below(16) {
            _ if count == 0 => {}
            8 | 9 => self.exchange(&mut numbers),
            10 if !numbers.is_empty() => {
                numbers.remove(self.source.below(numbers.len()));
            }
            11 => numbers.push(self.source.below(count)),
            12 => numbers = select(&self.made[self.source.below(count)].after),
            13 => numbers = self.source.some_of_last(count),
            14 => numbers.reverse(),
            15 => {
                let mut targets = self.odd_references(count);
                targets.extend(numbers.into_iter().map(Target::Event));
                return targets;
            }
            _ => {}
        }
        numbers.into_iter().map(Target::Event).collect()
    }

    /// One of the events gives way to another one with the same key.
    fn exchange(&mut self, numbers: &mut [usize]) {
        if numbers.is_empty() {
            return;
        }
        let place = self.source.below(numbers.len());
        let key = &self.made[numbers[place]].key;
        let same: Vec<usize> = (0..self.made.len()).filter(|other| self.made[*other].key == *key).collect();
        numbers[place] = self.source.pick(&same);
    }
}
