//! The room as a server sees it when it makes an event.

use super::content::{CREATE_KEY, Content, JOIN_RULES_KEY, Number, POWER_LEVELS_KEY, member_key};
use super::ledger::Ledger;
use super::levels::Levels;
use super::people::UserIx;
use crate::event::content::{JoinRule, Membership, NamedLevel};
use crate::room::{EventIx, KeyIx};
use crate::state::StateView;

/// The creator of every room.
pub(super) const CREATOR: UserIx = 0;

/// A state, and what it says.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) state: StateView<'a>,
}

impl<'a> View<'a> {
    /// The event that set the key.
    pub(super) fn at(self, key: usize) -> Option<Number> {
        self.state.get(KeyIx::new(key)).map(number)
    }

    fn content(self, key: usize) -> Option<&'a Content> {
        Some(&self.ledger.state(self.at(key)?).content)
    }

    pub(super) fn membership(self, user: UserIx) -> Membership {
        match self.content(member_key(user)) {
            Some(Content::Member { membership, .. }) => membership.clone(),
            _ => Membership::Leave,
        }
    }

    pub(super) fn is_joined(self, user: UserIx) -> bool {
        self.membership(user) == Membership::Join
    }

    /// The number of times the user changed profile.
    pub(super) fn profile(self, user: UserIx) -> u32 {
        match self.content(member_key(user)) {
            Some(Content::Member { profile, .. }) => *profile,
            _ => 0,
        }
    }

    pub(super) fn join_rule(self) -> JoinRule {
        match self.content(JOIN_RULES_KEY) {
            Some(Content::JoinRules(rule)) => rule.clone(),
            _ => JoinRule::Invite,
        }
    }

    pub(super) fn levels(self) -> Option<&'a Levels> {
        match self.content(POWER_LEVELS_KEY) {
            Some(Content::PowerLevels(levels)) => Some(levels),
            _ => None,
        }
    }

    /// The power level of a user. A creator of room version 12 is above all numbers.
    pub(super) fn level(self, user: UserIx) -> i64 {
        if user == CREATOR && (self.ledger.rules.privileged_creators || self.levels().is_none()) {
            return i64::MAX;
        }
        self.levels().map_or(0, |levels| levels.of(user))
    }

    /// Whether the user is joined and has the level of that name.
    pub(super) fn may(self, user: UserIx, name: NamedLevel) -> bool {
        let needed = self.levels().map_or(name.default(), |levels| levels.named(name));
        self.is_joined(user) && self.level(user) >= needed
    }

    /// Whether the user may send an event of the type.
    pub(super) fn may_send(self, user: UserIx, content: &Content) -> bool {
        let is_state = content.key().is_some();
        let needed = self.levels().map_or(0, |levels| levels.needed(content.event_type(), is_state));
        self.is_joined(user) && self.level(user) >= needed
    }

    /// The auth events of an event by the selection algorithm, each once.
    ///
    /// Source: <https://spec.matrix.org/latest/server-server-api/#auth-events-selection>
    pub(super) fn auth_events(self, sender: UserIx, content: &Content) -> Vec<Number> {
        if matches!(content, Content::Create) {
            return Vec::new();
        }
        let mut keys = vec![POWER_LEVELS_KEY, member_key(sender)];
        if !self.ledger.rules.room_id_is_create_id {
            keys.insert(0, CREATE_KEY);
        }
        if let Content::Member { user, membership, authoriser, .. } = content {
            keys.push(member_key(*user));
            if matches!(membership, Membership::Join | Membership::Invite | Membership::Knock) {
                keys.push(JOIN_RULES_KEY);
            }
            keys.extend(authoriser.map(member_key));
        }
        let mut auth: Vec<Number> = Vec::with_capacity(keys.len());
        for event in keys.into_iter().filter_map(|key| self.at(key)) {
            if !auth.contains(&event) {
                auth.push(event);
            }
        }
        auth
    }
}

/// The number of an event of a state.
pub(super) fn number(event: EventIx) -> Number {
    Number::try_from(event.index()).unwrap_or(Number::MAX)
}
