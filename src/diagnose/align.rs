//! The steps of two resolutions, side by side.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::resolve::step::{Round, Step};
use crate::room::{EventIx, KeyIx};

/// A step on either side, or on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aligned {
    /// The phase, in words.
    pub phase: &'static str,
    /// The step of the first resolution.
    pub one: Option<usize>,
    /// The step of the second.
    pub other: Option<usize>,
    /// Both are there and say the same; or one is there alone, and says nothing that would change anything.
    pub same: bool,
}

/// The steps of two resolutions, phase by phase.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alignment {
    /// The lines.
    pub lines: Vec<Aligned>,
    /// The first line that differs. Where both replay the same events, it does not matter from where they have them, so
    /// that what makes up the full conflicted set counts only if nothing else differs.
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
        let replay_the_same = full_conflicted_set(one)
            .zip(full_conflicted_set(other))
            .is_some_and(|(one, other)| say_the_same(one, other));
        let matters = |line: &Aligned| {
            let number = line.one.map(|at| phase(&one[at]).0).or(line.other.map(|at| phase(&other[at]).0));
            !replay_the_same || number.is_none_or(|number| number > FULL_CONFLICTED_SET)
        };
        let differs = |line: &Aligned| !line.same;
        let first_difference = lines
            .iter()
            .position(|line| differs(line) && matters(line))
            .or_else(|| lines.iter().position(differs));
        Self { lines, first_difference }
    }
}

fn full_conflicted_set(steps: &[Step]) -> Option<&Step> {
    steps.iter().find(|step| matches!(step, Step::FullConflictedSet(_)))
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
        let same = match (left, right) {
            (Some(a), Some(b)) => say_the_same(&one[a], &other[b]),
            (Some(a), None) => says_nothing(&one[a]),
            (None, Some(b)) => says_nothing(&other[b]),
            (None, None) => true,
        };
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

/// Whether a step might as well be missing: a subgraph without events of its own adds none.
fn says_nothing(step: &Step) -> bool {
    matches!(step, Step::ConflictedSubgraph(subgraph) if subgraph.between.is_empty())
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

/// The place of that phase in the order of phases.
const FULL_CONFLICTED_SET: u8 = 4;

/// The phase of a step, with its place in the order of phases.
fn phase(step: &Step) -> (u8, &'static str) {
    match step {
        Step::Input(_) => (0, "Input"),
        Step::Split(_) => (1, "Split"),
        Step::AuthDifference(_) => (2, "Auth difference"),
        Step::ConflictedSubgraph(_) => (3, "Conflicted subgraph"),
        Step::FullConflictedSet(_) => (FULL_CONFLICTED_SET, "Full conflicted set"),
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
        Step::CalcAuth(_) => (15, "Calculated auth events"),
    }
}
