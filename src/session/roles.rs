//! What part each event plays at a step of a resolution.

use std::collections::BTreeMap;

use crate::resolve::step::{AuthCheck, Candidates, PowerEvents, PowerPop, Step};
use crate::room::EventIx;

/// A part that an event plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The states disagree on it.
    Conflicted,
    /// It is in some but not all auth chains.
    AuthDifference,
    /// It is on an auth path between conflicted events (v2.1).
    Subgraph,
    /// It takes part in the power ordering.
    Power,
    /// It could come next: nothing that it depends on is left.
    Ready,
    /// It waits for another one.
    Blocked,
    /// It is what the step is about.
    Chosen,
    /// A check has allowed it.
    Allowed,
    /// A check has refused it.
    Denied,
    /// It is on the mainline.
    Mainline,
    /// It authorizes the event at the place of the resolution: it was found in the resolved state (MSC4242).
    Authorizing,
}

impl Role {
    /// All roles, in the order of a resolution.
    pub const ALL: [Self; 11] = [
        Self::Conflicted,
        Self::AuthDifference,
        Self::Subgraph,
        Self::Power,
        Self::Ready,
        Self::Blocked,
        Self::Chosen,
        Self::Allowed,
        Self::Denied,
        Self::Mainline,
        Self::Authorizing,
    ];

    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflicted => "conflicted",
            Self::AuthDifference => "auth_difference",
            Self::Subgraph => "subgraph",
            Self::Power => "power",
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::Chosen => "chosen",
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Mainline => "mainline",
            Self::Authorizing => "authorizing",
        }
    }

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Conflicted => "Conflicted",
            Self::AuthDifference => "Auth difference",
            Self::Subgraph => "Conflicted subgraph",
            Self::Power => "Power ordering",
            Self::Ready => "Ready",
            Self::Blocked => "Blocked",
            Self::Chosen => "Chosen",
            Self::Allowed => "Allowed",
            Self::Denied => "Denied",
            Self::Mainline => "Mainline",
            Self::Authorizing => "Auth event",
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// Several parts at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleSet(u16);

impl RoleSet {
    /// Whether the role is among them.
    pub fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles, in the order of a resolution.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }

    fn insert(&mut self, role: Role) {
        self.0 |= role.bit();
    }

    fn remove(&mut self, role: Role) {
        self.0 &= !role.bit();
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        let mut set = Self::default();
        for role in roles {
            set.insert(role);
        }
        set
    }
}

/// The parts of all events at one step.
///
/// Conflicted, auth difference, subgraph, power, allowed, denied, mainline and authorizing add up from step to step; ready,
/// blocked and chosen are those of the step itself. At a pop, ready are the events it chooses among, the chosen one included.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    /// How many steps are taken into account.
    taken: usize,
    roles: BTreeMap<EventIx, RoleSet>,
    chosen: Vec<EventIx>,
    ready: Vec<EventIx>,
    /// What the last pop has made ready, and what it took away: comes about with the next step.
    pending: Option<(EventIx, Vec<EventIx>)>,
    /// The places on the mainline, and those that other events hang at.
    mainline: BTreeMap<EventIx, usize>,
    hung: BTreeMap<EventIx, Option<usize>>,
}

impl Roles {
    /// The roles after the first `steps[..=step]`, given those of another step, which are taken if they are of use.
    /// Going forward costs what the steps between change; going back starts anew.
    #[must_use]
    pub(super) fn seek(self, steps: &[Step], step: Option<usize>) -> Self {
        let wanted = step.map_or(0, |step| (step + 1).min(steps.len()));
        let mut roles = if self.taken <= wanted { self } else { Self::default() };
        for step in &steps[roles.taken..wanted] {
            roles.take(step);
        }
        roles
    }

    /// The parts an event plays.
    pub fn of(&self, ix: EventIx) -> RoleSet {
        self.roles.get(&ix).copied().unwrap_or_default()
    }

    /// All events that play a part, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (EventIx, RoleSet)> + '_ {
        self.roles.iter().filter(|(_, roles)| !roles.is_empty()).map(|(ix, roles)| (*ix, *roles))
    }

    /// The place of an event on the mainline, 0 the newest.
    pub fn mainline(&self, ix: EventIx) -> Option<usize> {
        self.mainline.get(&ix).copied()
    }

    /// At which place of the mainline an event hangs: `Some(None)` if at none (∞).
    pub fn position(&self, ix: EventIx) -> Option<Option<usize>> {
        self.hung.get(&ix).copied()
    }

    fn give(&mut self, ix: EventIx, role: Role) {
        self.roles.entry(ix).or_default().insert(role);
    }

    fn withdraw(&mut self, ix: EventIx, role: Role) {
        if let Some(roles) = self.roles.get_mut(&ix) {
            roles.remove(role);
        }
    }

    fn choose(&mut self, ix: EventIx) {
        self.give(ix, Role::Chosen);
        self.chosen.push(ix);
    }

    fn take(&mut self, step: &Step) {
        self.taken += 1;
        for ix in std::mem::take(&mut self.chosen) {
            self.withdraw(ix, Role::Chosen);
        }
        self.settle();
        match step {
            Step::Split(split) => {
                for ix in split.conflicts.iter().flat_map(|conflict| conflict.values.held()).map(|(_, ix)| ix)
                {
                    self.give(ix, Role::Conflicted);
                }
            }
            Step::AuthDifference(difference) => {
                for entry in &difference.events {
                    self.give(entry.event, Role::AuthDifference);
                }
            }
            Step::ConflictedSubgraph(subgraph) => {
                for entry in &subgraph.between {
                    self.give(entry.event, Role::Subgraph);
                }
            }
            Step::FullConflictedSet(full) => {
                for entry in full.events.iter().filter(|entry| entry.subgraph) {
                    self.give(entry.event, Role::Subgraph);
                }
            }
            Step::PowerEvents(events) => self.begin_power(events),
            Step::PowerPop(pop) => self.pop(pop),
            Step::AuthCheck(check) => self.check(check),
            Step::Mainline(mainline) => {
                for (place, ix) in mainline.events.iter().enumerate() {
                    self.give(*ix, Role::Mainline);
                    self.mainline.insert(*ix, place);
                }
            }
            Step::MainlinePosition(position) => {
                self.choose(position.event);
                self.hung.insert(position.event, position.position);
            }
            Step::Candidates(candidates) => self.line_up(candidates),
            Step::Choice(choice) => {
                self.no_more_ready();
                self.choose(choice.winner);
            }
            Step::CalcAuth(calculated) => {
                self.no_more_ready();
                self.choose(calculated.event);
                for ix in calculated.keys.iter().filter_map(|key| key.event) {
                    self.give(ix, Role::Authorizing);
                }
            }
            Step::Input(_) | Step::Restore(_) | Step::Result(_) | Step::Failure(_) => self.no_more_ready(),
        }
    }

    /// What the last pop has changed becomes true.
    fn settle(&mut self) {
        if let Some((popped, released)) = self.pending.take() {
            self.withdraw(popped, Role::Ready);
            for ix in released {
                self.withdraw(ix, Role::Blocked);
                self.give(ix, Role::Ready);
                self.ready.push(ix);
            }
        }
    }

    fn no_more_ready(&mut self) {
        for ix in std::mem::take(&mut self.ready) {
            self.withdraw(ix, Role::Ready);
        }
    }

    fn begin_power(&mut self, events: &PowerEvents) {
        for entry in &events.events {
            self.give(entry.event, Role::Power);
            let waits =
                entry.waits_for.iter().any(|ix| events.events.binary_search_by_key(ix, |e| e.event).is_ok());
            if waits {
                self.give(entry.event, Role::Blocked);
            } else {
                self.give(entry.event, Role::Ready);
                self.ready.push(entry.event);
            }
        }
    }

    fn pop(&mut self, pop: &PowerPop) {
        self.choose(pop.event);
        self.pending = Some((pop.event, pop.released.clone()));
    }

    fn check(&mut self, check: &AuthCheck) {
        self.choose(check.event);
        let (now, before) = if check.verdict.is_allowed() {
            (Role::Allowed, Role::Denied)
        } else {
            (Role::Denied, Role::Allowed)
        };
        self.withdraw(check.event, before);
        self.give(check.event, now);
    }

    fn line_up(&mut self, candidates: &Candidates) {
        self.no_more_ready();
        for (ix, ..) in &candidates.order {
            self.give(*ix, Role::Ready);
            self.ready.push(*ix);
        }
    }
}
