//! Going to the next thing of a kind.

use super::Session;
use super::cursor::Position;
use crate::replay::Replay;
use crate::room::{EventIx, KeyIx, Room};

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A conflicted merge, a rejection or a reset.
    Notable,
    /// An event with several parents.
    Merge,
    /// An event before which states that differ are resolved.
    Conflicted,
    /// A rejected event.
    Rejected,
    /// A state reset.
    Reset,
    /// An event on which the compared replays differ.
    Difference,
    /// An event that the search matches.
    Hit,
}

impl Target {
    /// What is looked for, in words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Notable => "point of interest",
            Self::Merge => "merge",
            Self::Conflicted => "conflicted merge",
            Self::Rejected => "rejected event",
            Self::Reset => "state reset",
            Self::Difference => "difference",
            Self::Hit => "search hit",
        }
    }
}

/// Which way to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Towards the last row.
    Next,
    /// Towards the first row.
    Previous,
}

impl Session {
    /// The nearest row in a direction that holds what is looked for. The cursor's own row does not count.
    pub fn find(&self, target: Target, direction: Direction) -> Option<Position> {
        match target {
            Target::Hit if self.settings.search.trim().is_empty() => None,
            Target::Hit => {
                let hits = self.hits();
                self.find_row(direction, |position| position.event().is_some_and(|ix| hits.contains(ix)))
            }
            Target::Difference => {
                let comparison = self.comparison()?;
                self.find_row(direction, |position| comparison.differs(position))
            }
            Target::Notable | Target::Merge | Target::Conflicted | Target::Rejected | Target::Reset => {
                self.find_row(direction, |position| self.is_target(position, target))
            }
        }
    }

    /// Whether a row is what is looked for; differences and search hits aside.
    pub fn is_target(&self, position: Position, target: Target) -> bool {
        let replay = self.replay();
        let ix = match position {
            Position::Event(ix) => ix,
            Position::Over(_) => return false,
            Position::Now => {
                let current = replay.current();
                return match target {
                    Target::Notable | Target::Conflicted => current.resolved,
                    Target::Merge => current.extremities.len() > 1,
                    Target::Reset => self.is_reset(position),
                    Target::Rejected | Target::Difference | Target::Hit => false,
                };
            }
        };
        match target {
            Target::Notable => {
                replay.resolved(ix) || replay.rejected().contains(ix) || self.resets().contains(ix)
            }
            Target::Merge => is_merge(self.room(), ix),
            Target::Conflicted => replay.resolved(ix),
            Target::Rejected => replay.rejected().contains(ix),
            Target::Reset => self.resets().contains(ix),
            Target::Difference | Target::Hit => false,
        }
    }

    fn find_row(&self, direction: Direction, mut is_it: impl FnMut(Position) -> bool) -> Option<Position> {
        let rows = self.rows();
        let here = rows.row_from(self.cursor().event);
        match direction {
            Direction::Next => {
                // A row that comes after the cursor where the cursor itself is not shown.
                let from = here + usize::from(rows.get(here) == self.cursor().event);
                (from..rows.len()).map(|row| rows.get(row)).find(|position| is_it(*position))
            }
            Direction::Previous => (0..here).rev().map(|row| rows.get(row)).find(|position| is_it(*position)),
        }
    }

    /// The nearest event in a direction, in topological order and whether it is shown or not, that changes a state key:
    /// after it the key holds another event than before it, or it is a merge before which the key holds another event
    /// than after one of its parents.
    pub fn find_change(&self, key: KeyIx, direction: Direction) -> Option<EventIx> {
        let here = self.cursor().event;
        if direction == Direction::Previous {
            return self.last_change(key, here);
        }
        let replay = self.replay();
        let len = self.room().len();
        let from = here.anchor().map_or(len, |ix| ix.index() + 1);
        (from..len).map(EventIx::new).find(|ix| changes(&replay, *ix, key))
    }

    /// The last event before a place, in topological order, that changes a state key: see [`Session::find_change`].
    pub fn last_change(&self, key: KeyIx, before: Position) -> Option<EventIx> {
        let replay = self.replay();
        let to = match before {
            Position::Event(ix) => ix.index(),
            Position::Over(chosen) => chosen.last().index() + 1,
            Position::Now => self.room().len(),
        };
        (0..to).rev().map(EventIx::new).find(|ix| changes(&replay, *ix, key))
    }
}

pub(super) fn is_merge(room: &Room, ix: EventIx) -> bool {
    room.state_parents(ix).len() > 1 || room.has_missing_state_parent(ix) && room.state_links(ix).count() > 1
}

fn changes(replay: &Replay<'_>, ix: EventIx, key: KeyIx) -> bool {
    let room = replay.room();
    let before = replay.before(ix).map(|state| state.get(key));
    let sets = || replay.after(ix).map(|state| state.get(key)) != before;
    let merges = || {
        replay.resolved(ix)
            && room.state_parents(ix).iter().any(|p| replay.after(*p).map(|state| state.get(key)) != before)
    };
    room.key_of(ix) == Some(key) && sets() || merges()
}
