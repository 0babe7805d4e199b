//! What a diagnosis is made of.

use std::cmp::Ordering;
use std::sync::Arc;

use super::but_for::ButFor;
use super::past::{Pasts, future};
use super::severity::Severity;
use crate::auth::{Operand, Refusal};
use crate::replay::{Footing, Place};
use crate::resolve::step::{Decider, PowerKey, Round, Source};
use crate::room::{EventIx, KeyIx, Link, Room};
use crate::state::Values;

/// What one event is to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// It is the same event.
    Same,
    /// The other reaches it by `prev_events` or `auth_events`.
    Before,
    /// It reaches the other.
    After,
    /// Neither.
    Concurrent,
    /// Neither, but something is missing that might lead from one to the other.
    Unknown,
}

impl Relation {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Before => "before",
            Self::After => "after",
            Self::Concurrent => "concurrent",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of a key that was lost. (A key of which one of the newest values stays has moved forward, which is never
/// a reset.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The value is one of a branch, but older than that of another.
    RollbackLocal,
    /// The value is one that no branch had any more.
    RollbackDeep,
    /// The key is gone; some branches had it.
    VanishSome,
    /// The key is gone; all branches had it.
    VanishAll,
    /// The value is one that no branch had, concurrent with all that they had.
    Foreign,
}

impl Class {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RollbackLocal => "ROLLBACK-LOCAL",
            Self::RollbackDeep => "ROLLBACK-DEEP",
            Self::VanishSome => "VANISH-SOME",
            Self::VanishAll => "VANISH-ALL",
            Self::Foreign => "FOREIGN",
        }
    }

    /// Whether the key is gone.
    pub fn is_vanished(self) -> bool {
        matches!(self, Self::VanishSome | Self::VanishAll)
    }
}

/// How a value was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Somebody took it back, or its author's right to it, without knowing of it.
    Revoked,
    /// The same, and that somebody was its author.
    SelfRevoked,
    /// A later event that knew of it and left it in place counts against it.
    Retroactive,
    /// Its author's right was judged by an entry that had been superseded before.
    StaleAuthority,
    /// What its author's right rested on was not there.
    MissingAuthority,
    /// What its author's right rested on was lost itself.
    Cascade,
    /// An older value was replayed after it.
    OrderInversion,
    /// A concurrent value was replayed after it.
    Overwritten,
    /// It had been rejected on receipt, or is no state event.
    Rejected,
    /// The recording does not tell.
    Unexplained,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 10] = [
        Self::Revoked,
        Self::SelfRevoked,
        Self::Retroactive,
        Self::StaleAuthority,
        Self::MissingAuthority,
        Self::Cascade,
        Self::OrderInversion,
        Self::Overwritten,
        Self::Rejected,
        Self::Unexplained,
    ];

    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "REVOKED",
            Self::SelfRevoked => "SELF_REVOKED",
            Self::Retroactive => "RETROACTIVE",
            Self::StaleAuthority => "STALE_AUTHORITY",
            Self::MissingAuthority => "MISSING_AUTHORITY",
            Self::Cascade => "CASCADE",
            Self::OrderInversion => "ORDER_INVERSION",
            Self::Overwritten => "OVERWRITTEN",
            Self::Rejected => "REJECTED",
            Self::Unexplained => "UNEXPLAINED",
        }
    }

    /// The verdict, if this is the last cause of a chain.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Revoked | Self::SelfRevoked | Self::Overwritten | Self::Rejected => Verdict::Legitimate,
            Self::Retroactive | Self::StaleAuthority | Self::MissingAuthority | Self::OrderInversion => {
                Verdict::Reset
            }
            Self::Cascade | Self::Unexplained => Verdict::Undecided,
        }
    }
}

/// Whether a loss is a state reset. In order of how bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// No: somebody took the value back, or another took its place in an ordinary conflict.
    Legitimate,
    /// Nobody can tell: something is missing from the dump.
    Undecided,
    /// Yes.
    Reset,
}

impl Verdict {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Legitimate => "legitimate",
            Self::Undecided => "undecided",
            Self::Reset => "reset",
        }
    }
}

/// One of the states that were merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branch {
    /// The event after which it is the state: a parent of the merge, or a forward extremity.
    pub head: Link,
    /// How far it can be relied on.
    pub footing: Footing,
}

/// A key that lost a value at a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// Where: in the state before this event, whose parents' states differ; or now, in the resolution over the forward
    /// extremities.
    pub at: Place,
    /// In the current state once the event `at` had arrived, not in the state before it.
    pub arrival: bool,
    /// The key.
    pub key: KeyIx,
    /// What was merged.
    pub branches: Arc<[Branch]>,
    /// What each branch had.
    pub values: Values,
    /// The newest among these values, descending: those that none of the others follows.
    pub tips: Vec<EventIx>,
    /// What is there after the merge.
    pub after: Option<EventIx>,
    /// What became of the key.
    pub class: Class,
    /// The tips that were lost, and how; of very many the newest.
    pub lost: Vec<LostTip>,
    /// Whether it is a reset: the worst verdict of all lost tips.
    pub verdict: Verdict,
    /// How much it matters.
    pub severity: Severity,
    /// Branches whose states contradict their own history: the root of the trouble, if there are any.
    pub stale: Vec<StaleInput>,
    /// Who could have taken something back there.
    pub search: Search,
    /// The place in the list of losses of an earlier one: the same key lost the same values for the same one.
    pub repeats: Option<usize>,
}

impl Loss {
    /// The lost tip that decided the verdict.
    pub fn worst(&self) -> &LostTip {
        let worst = self.lost.iter().max_by_key(|lost| (lost.verdict, std::cmp::Reverse(lost.event)));
        worst.expect("a loss has lost something")
    }

    /// Who could have taken one of the lost values back, for being concurrent with it, but has nothing to do with its loss;
    /// ascending. Cost: as [`Search::concurrent_with`].
    pub fn bystanders(&self, room: &Room, tip: &LostTip) -> Vec<EventIx> {
        let takes_part = |ix: EventIx| {
            let of_cause = |cause: &Cause| {
                cause.event == ix
                    || cause.by == Some(ix)
                    || cause.deciding.iter().any(|deciding| [deciding.found, deciding.by].contains(&Some(ix)))
            };
            tip.chain.iter().any(of_cause)
        };
        let mut concurrent = self.search.concurrent_with(room, tip.event);
        concurrent.retain(|ix| !takes_part(*ix));
        concurrent
    }

    /// Why: the cause at the end of the chain of the tip that decided.
    pub fn cause(&self) -> &Cause {
        self.worst().leaf()
    }
}

/// A value that was lost.
#[derive(Debug, Clone, PartialEq)]
pub struct LostTip {
    /// The event.
    pub event: EventIx,
    /// How it was lost: every cause but the last is a [`Code::Cascade`] to the event of the next.
    pub chain: Vec<Cause>,
    /// Whether that is a reset.
    pub verdict: Verdict,
    /// Of a revocation: whether the value survives without it.
    pub but_for: Option<ButFor>,
}

impl LostTip {
    /// The cause at the end of the chain.
    pub fn leaf(&self) -> &Cause {
        self.chain.last().expect("a chain has a cause")
    }
}

/// What was replayed that could have taken something back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// So many events were replayed.
    pub searched: usize,
    /// Those of them that passed and could take back something of somebody: power levels, join rules, leaves and bans, …;
    /// ascending.
    pub candidates: Arc<[EventIx]>,
}

impl Search {
    /// Those candidates that are concurrent with an event, ascending: who could have taken it back. That one did is
    /// another matter: it would be in the chain of causes.
    ///
    /// Cost: a walk through the room from the event to the last candidate.
    pub fn concurrent_with(&self, room: &Room, event: EventIx) -> Vec<EventIx> {
        let future = future(room, event, self.candidates.last().copied());
        let mut pasts = Pasts::new(room);
        let is_concurrent = |candidate: &EventIx| match candidate.cmp(&event) {
            Ordering::Less => pasts.relation(*candidate, event) == Relation::Concurrent,
            Ordering::Equal => false,
            Ordering::Greater => !future.contains(*candidate),
        };
        self.candidates.iter().copied().filter(is_concurrent).collect()
    }
}

/// One link of the chain that leads to a loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// The event that was lost.
    pub event: EventIx,
    /// How.
    pub code: Code,
    /// The event that caused it: the revocation, the event that counted against it, what was replayed after it, or
    /// what it depends on and was lost too.
    pub by: Option<EventIx>,
    /// The check that refused it: which round, and the place in it.
    pub check: Option<(Round, usize)>,
    /// What the rules said.
    pub refusal: Option<Refusal>,
    /// What they read.
    pub operands: Vec<Operand>,
    /// The entries that made the difference.
    pub deciding: Vec<Deciding>,
    /// No single one of `deciding` would have saved it: only all of them together.
    pub together: bool,
    /// Where in the order it was replayed, and why there.
    pub placement: Option<Placement>,
    /// What was replayed in the wrong order.
    pub inversion: Option<Inversion>,
    /// Something is missing from the dump that might turn the verdict.
    pub uncertain: bool,
}

/// An entry that made a check fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deciding {
    /// The key that was read.
    pub key: KeyIx,
    /// What was there.
    pub found: Option<EventIx>,
    /// Where that came from.
    pub source: Source,
    /// What the event that was lost to it is to the lost one; `None` if nothing was there.
    pub relation: Option<Relation>,
    /// What was there when the lost event was sent.
    pub needed: Option<EventIx>,
    /// What this entry alone amounts to.
    pub code: Code,
    /// The event behind it: the one that began to stand in the way.
    pub by: Option<EventIx>,
}

/// The place of an event in the replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// In the power ordering.
    Power {
        /// The place, from 1.
        number: usize,
        /// What it was ordered by.
        key: PowerKey,
        /// What set it apart from the next best.
        decider: Decider,
        /// The other ready events with their keys, the first few.
        ready: Vec<(EventIx, PowerKey)>,
        /// The blocked events, and what each waited for, the first few.
        blocked: Vec<(EventIx, Vec<EventIx>)>,
    },
    /// In the mainline ordering.
    Mainline {
        /// The place, from 1.
        number: usize,
        /// The position on the mainline; `None`: ∞.
        position: Option<usize>,
        /// `origin_server_ts`
        timestamp: i64,
        /// What set it apart from the one before.
        decider: Decider,
    },
}

/// Two events replayed against their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inversion {
    /// The older one, which came later.
    pub older: EventIx,
    /// The newer one, which came first.
    pub newer: EventIx,
    /// What put them in this order.
    pub by: InversionBy,
    /// What the older one had to wait for when the newer one came.
    pub waits_for: Vec<EventIx>,
}

/// What put two events in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InversionBy {
    /// Power events come before all others.
    Round,
    /// A component of the key they are ordered by.
    Key(Decider),
    /// The older one had to wait for others.
    Blocked,
    /// `depth`, which the sender claims (v1).
    Depth,
}

impl InversionBy {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Round => "round",
            Self::Key(Decider::Level) => "level",
            Self::Key(Decider::Position) => "position",
            Self::Key(Decider::Timestamp) => "origin_server_ts",
            Self::Key(Decider::EventId | Decider::Alone) => "event_id",
            Self::Blocked => "blocked",
            Self::Depth => "depth",
        }
    }
}

/// A state that contradicts the history of its own branch: it has an older event under a key than one that the branch
/// knows of, and no event in between put it back. Only an asserted state can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaleInput {
    /// The place of the branch.
    pub branch: usize,
    /// The key.
    pub key: KeyIx,
    /// What the state has there.
    pub has: Option<EventIx>,
    /// What it should have: the newest the branch knows of.
    pub knows: EventIx,
    /// The first event whose state shows it.
    pub since: Link,
}
