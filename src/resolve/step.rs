//! The steps of one resolution, and the observer through which they leave.
//!
//! A step records the inputs of a decision, not only its outcome: a list of steps can be understood without running
//! anything again. With the observer `()` no step is ever made.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::auth::{Level, LevelSource, Operand, Rule, SelectedFor, Verdict};
use crate::event::room_version::Algorithm;
use crate::room::{EventIx, KeyIx};
use crate::state::Conflict;

/// Where steps go.
pub trait Observer {
    /// Whether anybody listens: lets a resolution skip what only steps need.
    const LISTENS: bool;
    /// Whether it wants to know how auth chains reach what: of all steps only these cost a walk over the whole auth graph.
    const FOLLOWS_CHAINS: bool = Self::LISTENS;

    /// Takes a step. `make` is called only if somebody listens.
    fn step(&mut self, make: impl FnOnce() -> Step);
}

impl Observer for () {
    const LISTENS: bool = false;

    #[inline]
    fn step(&mut self, _: impl FnOnce() -> Step) {}
}

impl Observer for Vec<Step> {
    const LISTENS: bool = true;

    fn step(&mut self, make: impl FnOnce() -> Step) {
        self.push(make());
    }
}

/// One step of a resolution.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// What is to be resolved.
    Input(Input),
    /// What the sets agree and differ on.
    Split(Split),
    /// Events that are in some but not all auth chains (v2, v2.1).
    AuthDifference(AuthDifference),
    /// Events between conflicted events (v2.1).
    ConflictedSubgraph(ConflictedSubgraph),
    /// All events to be replayed, and why each.
    FullConflictedSet(FullConflictedSet),
    /// The power events and what they pull in, with the keys they are ordered by.
    PowerEvents(PowerEvents),
    /// One event leaves the power ordering.
    PowerPop(PowerPop),
    /// One event is checked against the running state.
    AuthCheck(Box<AuthCheck>),
    /// The chain of power levels that orders the rest.
    Mainline(Mainline),
    /// Where on the mainline one event hangs.
    MainlinePosition(MainlinePosition),
    /// The order of the candidates of one key (v1).
    Candidates(Candidates),
    /// The winner of one key (v1).
    Choice(Choice),
    /// The unconflicted state is put back over the replayed one.
    Restore(Restore),
    /// What came out.
    Result(Outcome),
    /// Which entries of the resolved state are the auth events of the event it is the state before (MSC4242).
    CalcAuth(CalcAuth),
    /// The implementation that the profile stands for fails here; the text is its error.
    Failure(String),
}

impl Step {
    /// The name of the step in traces.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input(_) => "Input",
            Self::Split(_) => "Split",
            Self::AuthDifference(_) => "AuthDifference",
            Self::ConflictedSubgraph(_) => "ConflictedSubgraph",
            Self::FullConflictedSet(_) => "FullConflictedSet",
            Self::PowerEvents(_) => "PowerEvents",
            Self::PowerPop(_) => "PowerPop",
            Self::AuthCheck(_) => "AuthCheck",
            Self::Mainline(_) => "Mainline",
            Self::MainlinePosition(_) => "MainlinePosition",
            Self::Candidates(_) => "Candidates",
            Self::Choice(_) => "Choice",
            Self::Restore(_) => "Restore",
            Self::Result(_) => "Result",
            Self::CalcAuth(_) => "CalcAuth",
            Self::Failure(_) => "Failure",
        }
    }
}

/// What is to be resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// By which algorithm.
    pub algorithm: Algorithm,
    /// The number of entries of every state set.
    pub sizes: Vec<usize>,
    /// All sets are equal (or there is at most one): nothing is resolved.
    pub trivial: bool,
}

/// What the sets agree and differ on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The number of entries that all sets share (v1: that no set contradicts).
    pub unconflicted: usize,
    /// The keys they differ on, with what each set has.
    pub conflicts: Vec<Conflict>,
}

/// Events that are in some but not all auth chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthDifference {
    /// Whether the chain of a set contains the set's own events (D1: Synapse's reading).
    pub inclusive: bool,
    /// The number of events in the chain of every set.
    pub chain_sizes: Vec<usize>,
    /// The events, ascending.
    pub events: Vec<DifferenceEntry>,
}

/// One event of the auth difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferenceEntry {
    /// The event.
    pub event: EventIx,
    /// For every set how its chain reaches the event, if it does. Following the links
    /// leads through the difference to an event of the set.
    pub reached: Vec<Option<Reach>>,
}

/// How a chain reaches an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The event is in the state set itself (inclusive chains only).
    InState,
    /// This event names it in its `auth_events`.
    CitedBy(EventIx),
}

/// Events on auth paths between conflicted events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictedSubgraph {
    /// The number of events in the subgraph, conflicted ones among them.
    pub size: usize,
    /// Those that are not conflicted themselves, ascending.
    pub between: Vec<BetweenEntry>,
}

/// An event between two conflicted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BetweenEntry {
    /// The event.
    pub event: EventIx,
    /// The next event towards a conflicted descendant.
    pub above: EventIx,
    /// The next event towards a conflicted ancestor.
    pub below: EventIx,
}

/// All events to be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullConflictedSet {
    /// The events, ascending, each with its reasons.
    pub events: Vec<FullEntry>,
}

/// An event of the full conflicted set, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
pub struct FullEntry {
    /// The event.
    pub event: EventIx,
    /// It is conflicted.
    pub conflicted: bool,
    /// It is in the auth difference.
    pub difference: bool,
    /// It is in the conflicted state subgraph.
    pub subgraph: bool,
    /// All sets have it: it is replayed although nobody disputes it.
    pub unconflicted: bool,
}

/// The power events and what they pull in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerEvents {
    /// The events, ascending.
    pub events: Vec<PowerEntry>,
}

/// Why an event takes part in the power ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerReason {
    /// It sets power levels.
    PowerLevels,
    /// It sets join rules.
    JoinRules,
    /// It creates a room (libraries only, D20).
    Create,
    /// It kicks, unbans or bans somebody else.
    Membership,
    /// A power event has it in its auth chain.
    PulledInBy(EventIx),
}

/// The key of the power ordering: a higher level first, then an earlier timestamp, then a smaller event ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerKey {
    /// The sender's level, by the power levels among the event's auth events.
    pub level: Level,
    /// Why the sender has it.
    pub source: LevelSource,
    /// `origin_server_ts`
    pub timestamp: i64,
}

/// An event of the power ordering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerEntry {
    /// The event.
    pub event: EventIx,
    /// Why it is here.
    pub reason: PowerReason,
    /// What it is ordered by.
    pub key: PowerKey,
    /// The events that must come first: those of the ordering that it depends on.
    pub waits_for: Vec<EventIx>,
}

/// Which component of a key decided between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decider {
    /// There was no other event.
    Alone,
    /// The sender's power level.
    Level,
    /// The mainline position.
    Position,
    /// `origin_server_ts`
    Timestamp,
    /// The event ID.
    EventId,
}

/// One event leaves the power ordering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerPop {
    /// The place in the order, from 1.
    pub number: usize,
    /// The event.
    pub event: EventIx,
    /// What set it apart from the next best ready event.
    pub decider: Decider,
    /// The next best ready event.
    pub runner_up: Option<EventIx>,
    /// The events that have nothing left to wait for now.
    pub released: Vec<EventIx>,
}

/// The ready and the blocked events of a power ordering, pop by pop. Recomputed from [`PowerEvents`], so that steps
/// need not carry copies.
///
/// Both kinds come in the order of their keys (equal levels and timestamps in no particular order), so that the first
/// few, which matter most, can be had without looking at the rest.
#[derive(Debug, Clone)]
pub struct PowerQueue<'a> {
    events: &'a PowerEvents,
    /// By place in `events`: how many events each still waits for.
    waits: Vec<usize>,
    /// By place: the places of those that wait for it.
    holds: Vec<Vec<usize>>,
    ready: BTreeSet<Order>,
    blocked: BTreeSet<Order>,
}

/// Level, timestamp, place.
type Order = (Reverse<Level>, i64, usize);

impl<'a> PowerQueue<'a> {
    /// The queue before the first pop.
    pub fn new(events: &'a PowerEvents) -> Self {
        let count = events.events.len();
        let mut queue = Self {
            events,
            waits: vec![0; count],
            holds: vec![Vec::new(); count],
            ready: BTreeSet::new(),
            blocked: BTreeSet::new(),
        };
        for (number, entry) in events.events.iter().enumerate() {
            for before in entry.waits_for.iter().filter_map(|event| place(events, *event)) {
                queue.holds[before].push(number);
                queue.waits[number] += 1;
            }
            let order = queue.order(number);
            let list = if queue.waits[number] == 0 { &mut queue.ready } else { &mut queue.blocked };
            list.insert(order);
        }
        queue
    }

    /// The ready events.
    pub fn ready(&self) -> impl ExactSizeIterator<Item = &'a PowerEntry> + '_ {
        self.ready.iter().map(|(.., place)| &self.events.events[*place])
    }

    /// The blocked events, each with the events it waits for.
    pub fn blocked(&self) -> impl ExactSizeIterator<Item = (&'a PowerEntry, Vec<EventIx>)> + '_ {
        self.blocked.iter().map(|(.., place)| {
            let entry = &self.events.events[*place];
            (entry, entry.waits_for.iter().copied().filter(|event| self.is_left(*event)).collect())
        })
    }

    /// Takes an event out.
    pub fn pop(&mut self, event: EventIx) {
        let Some(place) = place(self.events, event) else { return };
        let order = self.order(place);
        self.ready.remove(&order);
        self.blocked.remove(&order);
        for waiting in std::mem::take(&mut self.holds[place]) {
            self.waits[waiting] -= 1;
            let order = self.order(waiting);
            if self.waits[waiting] == 0 && self.blocked.remove(&order) {
                self.ready.insert(order);
            }
        }
    }

    fn order(&self, place: usize) -> Order {
        let key = &self.events.events[place].key;
        (Reverse(key.level), key.timestamp, place)
    }

    fn is_left(&self, event: EventIx) -> bool {
        place(self.events, event).is_some_and(|place| {
            let order = self.order(place);
            self.ready.contains(&order) || self.blocked.contains(&order)
        })
    }
}

fn place(events: &PowerEvents, event: EventIx) -> Option<usize> {
    events.events.binary_search_by_key(&event, |entry| entry.event).ok()
}

/// Which round of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Round {
    /// Iterative auth checks over the power ordering.
    Power,
    /// Iterative auth checks over the mainline ordering.
    Mainline,
    /// The candidates of a key in v1.
    V1,
}

/// Where the running state had an entry from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The running state; the check that put it there (round and number), or `None` if it is unconflicted state.
    Running(Option<(Round, usize)>),
    /// The event's own `auth_events`: the running state has nothing (or a rejected event) there.
    Own,
    /// Implied by the room ID (room version 12).
    RoomId,
    /// Nowhere.
    Absent,
    /// The candidate that has won so far (v1).
    Candidate,
}

/// One key that the rules may read, and what they found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// The key.
    pub key: KeyIx,
    /// The event found.
    pub event: Option<EventIx>,
    /// Where.
    pub source: Source,
    /// What the event's own `auth_events` have there instead, if it differs.
    pub shadowed: Option<EventIx>,
    /// With that one the verdict would be the opposite.
    pub would_flip: bool,
}

/// One event is checked against the running state.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthCheck {
    /// Which round.
    pub round: Round,
    /// The place in the round, from 1.
    pub number: usize,
    /// The event.
    pub event: EventIx,
    /// What the rules could read.
    pub reads: Vec<Read>,
    /// What they did read.
    pub operands: Vec<Operand>,
    /// How it ended.
    pub verdict: CheckVerdict,
    /// What the running state had under the event's key before.
    pub replaces: Option<EventIx>,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckVerdict {
    /// The rules decided.
    Rules(Verdict),
    /// The event was rejected on receipt and stays out (D33, Synapse).
    RejectedBefore,
    /// The event is not a state event: it cannot become state.
    NotState,
}

impl CheckVerdict {
    /// Whether the event became part of the running state.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Rules(Ok(_)))
    }

    /// The rule that decided, if a rule did.
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Self::Rules(Ok(rule)) => Some(*rule),
            Self::Rules(Err(refusal)) => Some(refusal.rule()),
            Self::RejectedBefore | Self::NotState => None,
        }
    }
}

/// The chain of power levels that orders the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mainline {
    /// The power levels, the newest (position 0) first.
    pub events: Vec<EventIx>,
    /// Why there are none, if there are none: the unconflicted state has power levels all the same (v2.1, D2).
    pub unconflicted_levels: Option<EventIx>,
}

/// Where on the mainline one event hangs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainlinePosition {
    /// The place in the order, from 1.
    pub number: usize,
    /// The event.
    pub event: EventIx,
    /// The power levels met on the way, the last one on the mainline (if it was reached).
    pub walk: Vec<EventIx>,
    /// The position reached; `None` (∞, comes first) if the walk ended elsewhere.
    pub position: Option<usize>,
    /// What sets it apart from the event before it in the order.
    pub decider: Decider,
    /// The event is lost: its walk met a missing event first (D30, ruma).
    pub dropped: bool,
}

/// A phase of v1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum V1Phase {
    /// `m.room.power_levels`
    PowerLevels,
    /// `m.room.join_rules`
    JoinRules,
    /// `m.room.member`
    Members,
    /// Everything else.
    Others,
}

/// The order of the candidates of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// The phase.
    pub phase: V1Phase,
    /// The key.
    pub key: KeyIx,
    /// The candidates in the order they are tried, with `depth` and SHA-1 of the event ID.
    pub order: Vec<(EventIx, i64, [u8; 20])>,
}

/// Why a candidate won in v1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChoiceReason {
    /// It is the only candidate left; nobody checked it.
    OnlyOne,
    /// It is the last before one that fails (or the last of all).
    LastAllowed,
    /// It is the first that is allowed.
    FirstAllowed,
    /// None is allowed: the last of the list stays.
    NoneAllowed,
}

/// The winner of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The phase.
    pub phase: V1Phase,
    /// The key.
    pub key: KeyIx,
    /// The winner.
    pub winner: EventIx,
    /// Why.
    pub reason: ChoiceReason,
}

/// The unconflicted state is put back over the replayed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The number of unconflicted entries.
    pub unconflicted: usize,
    /// The keys where the replay had put another event: key, replayed, restored.
    pub overwritten: Vec<(KeyIx, EventIx, EventIx)>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The number of entries of the resolved state.
    pub size: usize,
    /// The conflicted keys, and others that the sets do not have, with what each set has and who won.
    pub keys: Vec<(Conflict, Option<EventIx>)>,
}

/// The calculation of an event's auth events from the state before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalcAuth {
    /// The event.
    pub event: EventIx,
    /// The number of entries of the state.
    pub size: usize,
    /// The selected keys, ascending.
    pub keys: Vec<SelectedKey>,
    /// Why nothing can be selected, if that is so: the event cannot be read.
    pub unreadable: Option<String>,
}

/// One key that the auth events selection names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelectedKey {
    /// The key.
    pub key: KeyIx,
    /// Why it is selected.
    pub reason: SelectedFor,
    /// What the state has there: an auth event, or nothing.
    pub event: Option<EventIx>,
}
