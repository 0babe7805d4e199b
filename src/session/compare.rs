//! Two replays of one room side by side, and two resolutions at one place.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::cursor::Position;
use super::pair::Pair;
use crate::replay::compare::Walk;
use crate::replay::{Recording, Replay};
use crate::resolve::step::{Round, Step};
use crate::room::{EventIx, KeyIx, Room};

/// Where two replays differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// The events that have another verdict, or another state before or after them, ascending.
    pub events: Vec<EventIx>,
    /// Whether the current states differ.
    pub now: bool,
}

/// Two replays of one room, to be compared off the frame: that takes as long as the room is large.
#[derive(Debug, Clone)]
pub struct Sides {
    pub(super) room: Arc<Room>,
    pub(super) one: Recording,
    pub(super) other: Recording,
}

impl Sides {
    /// Begins to compare.
    pub fn begin(&self) -> Comparing<'_> {
        let (one, other) = (self.one.of(&self.room), self.other.of(&self.room));
        Comparing { walk: Walk::new(&self.room), one, other, events: Vec::new() }
    }

    /// The pairs by which the room was replayed.
    pub fn pairs(&self) -> [Pair; 2] {
        [Pair::of(&self.one), Pair::of(&self.other)]
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.room.len()
    }

    /// Whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.room.is_empty()
    }
}

/// A comparison under way.
pub struct Comparing<'a> {
    walk: Walk,
    one: Replay<'a>,
    other: Replay<'a>,
    events: Vec<EventIx>,
}

impl Comparing<'_> {
    /// How many events have been compared.
    pub fn done(&self) -> usize {
        self.walk.done()
    }

    /// Compares up to so many more events. Returns whether that were all.
    pub fn advance(&mut self, events: usize) -> bool {
        let Self { walk, one, other, events: differing } = self;
        walk.advance((one, other), events, |ix, _, _| differing.push(ix))
    }

    /// The comparison; what is left of it is done now.
    pub fn finish(mut self) -> Comparison {
        self.advance(usize::MAX);
        let (one, other) = (self.one.current(), self.other.current());
        let now = one.state != other.state || one.failure.is_some() != other.failure.is_some();
        Comparison { events: self.events, now }
    }
}

impl Comparison {
    /// Whether they differ in a row.
    pub fn differs(&self, position: Position) -> bool {
        match position {
            Position::Event(ix) => self.events.binary_search(&ix).is_ok(),
            Position::Over(_) => false,
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
    /// Aligns the steps of two resolutions. Within a phase, a step about something of which the other side has none
    /// stands alone; where both have the same things in another order, they stand side by side as they come.
    pub fn of(one: &[Step], other: &[Step]) -> Self {
        let mut lines = Vec::new();
        let (mut one_from, mut other_from) = (0, 0);
        while one_from < one.len() || other_from < other.len() {
            let next = [one.get(one_from), other.get(other_from)].into_iter().flatten().map(phase).min();
            let Some(now) = next else { break };
            let end = |steps: &[Step], from: usize| {
                from + steps[from..].iter().take_while(|step| phase(step) == now).count()
            };
            let (one_to, other_to) = (end(one, one_from), end(other, other_from));
            align_phase(&mut lines, now.1, (one, one_from..one_to), (other, other_from..other_to));
            (one_from, other_from) = (one_to, other_to);
        }
        let first_difference = lines.iter().position(|line| !line.same);
        Self { lines, first_difference }
    }
}

type Side<'a> = (&'a [Step], Range<usize>);

fn align_phase(
    lines: &mut Vec<Aligned>,
    phase: &'static str,
    (one, ones): Side<'_>,
    (other, others): Side<'_>,
) {
    let topics = |steps: &[Step], range: &Range<usize>| -> BTreeSet<Topic> {
        steps[range.clone()].iter().map(topic).collect()
    };
    let (of_one, of_other) = (topics(one, &ones), topics(other, &others));
    let (mut a, mut b) = (ones.start, others.start);
    while a < ones.end || b < others.end {
        let alone_here = a < ones.end && (b == others.end || !of_other.contains(&topic(&one[a])));
        let alone_there = b < others.end && (a == ones.end || !of_one.contains(&topic(&other[b])));
        let (left, right) = match (alone_here, alone_there) {
            (true, _) => (Some(a), None),
            (false, true) => (None, Some(b)),
            (false, false) => (Some(a), Some(b)),
        };
        let same = left.zip(right).is_some_and(|(a, b)| say_the_same(&one[a], &other[b]));
        lines.push(Aligned { phase, one: left, other: right, same });
        a += usize::from(left.is_some());
        b += usize::from(right.is_some());
    }
}

/// What a step is about, among those of its phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Whole,
    Event(EventIx),
    Candidates(KeyIx),
    Choice(KeyIx),
}

fn topic(step: &Step) -> Topic {
    match step {
        Step::PowerPop(pop) => Topic::Event(pop.event),
        Step::AuthCheck(check) => Topic::Event(check.event),
        Step::MainlinePosition(position) => Topic::Event(position.event),
        Step::Candidates(candidates) => Topic::Candidates(candidates.key),
        Step::Choice(choice) => Topic::Choice(choice.key),
        _ => Topic::Whole,
    }
}

/// Whether two steps decide the same for the same reasons. Which number a step has in its round does not count, nor the
/// name of the algorithm.
fn say_the_same(one: &Step, other: &Step) -> bool {
    match (one, other) {
        (Step::Input(a), Step::Input(b)) => (&a.sizes, a.trivial) == (&b.sizes, b.trivial),
        (Step::AuthDifference(a), Step::AuthDifference(b)) => {
            a.events.iter().map(|entry| entry.event).eq(b.events.iter().map(|entry| entry.event))
        }
        (Step::FullConflictedSet(a), Step::FullConflictedSet(b)) => {
            a.events.iter().map(|entry| entry.event).eq(b.events.iter().map(|entry| entry.event))
        }
        (Step::PowerPop(a), Step::PowerPop(b)) => {
            (a.event, a.decider, a.runner_up) == (b.event, b.decider, b.runner_up)
        }
        (Step::AuthCheck(a), Step::AuthCheck(b)) => {
            a.event == b.event
                && a.verdict == b.verdict
                && a.operands == b.operands
                && a.replaces == b.replaces
                && a.reads
                    .iter()
                    .map(|read| (read.key, read.event))
                    .eq(b.reads.iter().map(|read| (read.key, read.event)))
        }
        (Step::MainlinePosition(a), Step::MainlinePosition(b)) => {
            (a.event, a.position, a.decider, a.dropped) == (b.event, b.position, b.decider, b.dropped)
        }
        _ => one == other,
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
