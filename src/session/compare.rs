//! Two replays of one room side by side, and two resolutions at one place.

use super::cursor::Position;
use crate::replay::Replay;
use crate::resolve::step::{Round, Step};
use crate::room::EventIx;

/// Where two replays differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// The events that have another verdict, or another state before or after them, ascending.
    pub events: Vec<EventIx>,
    /// Whether the current states differ.
    pub now: bool,
}

impl Comparison {
    /// Compares two replays of one room.
    pub fn between(one: &Replay<'_>, other: &Replay<'_>) -> Self {
        let differs = |ix: &EventIx| {
            one.before(*ix) != other.before(*ix)
                || one.after(*ix) != other.after(*ix)
                || one.rejected().contains(*ix) != other.rejected().contains(*ix)
                || one.failure(*ix).is_some() != other.failure(*ix).is_some()
        };
        let events = one.room().events().filter(differs).collect();
        let (one, other) = (one.current(), other.current());
        let now = one.state != other.state || one.failure.is_some() != other.failure.is_some();
        Self { events, now }
    }

    /// Whether they differ at a place.
    pub fn differs(&self, position: Position) -> bool {
        match position {
            Position::Event(ix) => self.events.binary_search(&ix).is_ok(),
            Position::Now => self.now,
        }
    }

    /// The first difference.
    pub fn first(&self) -> Option<Position> {
        self.events.first().map(|ix| Position::Event(*ix)).or(self.now.then_some(Position::Now))
    }
}

/// A step on either side, or on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aligned {
    /// The phase, in words.
    pub phase: &'static str,
    /// The step of the first resolution.
    pub one: Option<usize>,
    /// The step of the second.
    pub other: Option<usize>,
    /// Both are there and say the same.
    pub same: bool,
}

/// The steps of two resolutions, phase by phase.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alignment {
    /// The lines.
    pub lines: Vec<Aligned>,
    /// The first line that differs.
    pub first_difference: Option<usize>,
}

impl Alignment {
    /// Aligns the steps of two resolutions.
    pub fn of(one: &[Step], other: &[Step]) -> Self {
        let mut lines = Vec::new();
        let (mut a, mut b) = (0, 0);
        while a < one.len() || b < other.len() {
            let here = |steps: &[Step], at: usize| steps.get(at).map(phase);
            let now = match (here(one, a), here(other, b)) {
                (Some(x), Some(y)) => x.min(y),
                (Some(x), None) | (None, Some(x)) => x,
                (None, None) => break,
            };
            let take = |steps: &[Step], at: &mut usize| {
                let taken = (here(steps, *at) == Some(now)).then_some(*at);
                *at += usize::from(taken.is_some());
                taken
            };
            let (left, right) = (take(one, &mut a), take(other, &mut b));
            let same = left.zip(right).is_some_and(|(x, y)| one[x] == other[y]);
            lines.push(Aligned { phase: now.1, one: left, other: right, same });
        }
        let first_difference = lines.iter().position(|line| !line.same);
        Self { lines, first_difference }
    }
}

/// The phase of a step, with its place in the order of phases.
fn phase(step: &Step) -> (u8, &'static str) {
    match step {
        Step::Input(_) => (0, "Input"),
        Step::Split(_) => (1, "Split"),
        Step::AuthDifference(_) => (2, "Auth difference"),
        Step::ConflictedSubgraph(_) => (3, "Conflicted subgraph"),
        Step::FullConflictedSet(_) => (4, "Full conflicted set"),
        Step::PowerEvents(_) => (5, "Power events"),
        Step::PowerPop(_) => (6, "Power ordering"),
        Step::AuthCheck(check) if check.round == Round::Power => (7, "Checks of power events"),
        Step::Mainline(_) => (8, "Mainline"),
        Step::MainlinePosition(_) => (9, "Mainline ordering"),
        Step::AuthCheck(check) if check.round == Round::Mainline => (10, "Checks of the other events"),
        Step::Candidates(_) | Step::Choice(_) | Step::AuthCheck(_) => (11, "Candidates"),
        Step::Restore(_) => (12, "Restore"),
        Step::Failure(_) => (13, "Failure"),
        Step::Result(_) => (14, "Result"),
    }
}
