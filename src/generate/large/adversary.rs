//! Servers that do not play by the rules.
//!
//! They turn a deaf ear to the others for a while and go on as if nothing had happened: who was banned meanwhile speaks
//! on, who lost power uses it. They cite auth events that are out of date, forge timestamps and depths, and send what
//! nobody may send. All but the last is accepted by every server, so each knows what state it leads to; what is illegal
//! is rejected, and nobody builds on it.

use std::rc::Rc;

use super::content::{Content, member_key};
use super::ledger::GREATEST;
use super::pdu::Outgoing;
use super::people::{ServerIx, UserIx};
use super::view::CREATOR;
use super::world::World;
use crate::event::content::{JoinRule, Membership, NamedLevel};
use crate::event::room_version::AuthSource;
use crate::generate::Mode;
use crate::state::Stored;

/// Every so many events hostile servers think about whom they listen to.
const MOOD: usize = 64;

impl World<'_> {
    /// Whether the server does not play by the rules; that of the creator does.
    pub(super) fn is_hostile(&self, server: ServerIx) -> bool {
        self.plan.mode == Mode::Adversarial && (server % 3 == 2 || server == 1 && self.plan.servers == 2)
    }

    /// Hostile servers stop listening, or listen again.
    pub(super) fn change_ears(&mut self) {
        if self.plan.mode != Mode::Adversarial || !self.ledger.len().is_multiple_of(MOOD) {
            return;
        }
        for server in (0..self.plan.servers).filter_map(|server| ServerIx::try_from(server).ok()) {
            if self.is_hostile(server) {
                let changes = if self.network.is_deaf(server) { 30 } else { 10 };
                if self.rng.chance(changes) {
                    self.network.turn_ear(server);
                }
            }
        }
    }

    /// Something that the sender may not do, with the state as the server sees it.
    pub(super) fn offence(&mut self, server: ServerIx, state: Stored) -> Option<(UserIx, Content)> {
        let user = self.some_local(server, state)?;
        let about = |user, membership| Content::Member { user, membership, profile: 0, authoriser: None };
        let (sender, content) = match self.rng.below(5) {
            0 => {
                let mut levels = self.view(state).levels()?.clone();
                levels.users.insert(user, 100);
                (user, Content::PowerLevels(Rc::new(levels)))
            }
            1 => (user, about(CREATOR, Membership::Ban)),
            2 => (user, Content::JoinRules(JoinRule::Public)),
            3 => (self.new_user(server), Content::Message(self.seed())),
            _ => {
                let banned = self.banned.iter().rev().take(50);
                let own = |user: &&UserIx| self.ledger.people.home(**user) == server;
                let user = *banned.filter(own).find(|user| self.is_banned(**user, state))?;
                (user, about(user, Membership::Join))
            }
        };
        let view = self.view(state);
        let legal = match &content {
            Content::Member { user, .. } if *user == sender => false,
            Content::Member { .. } => {
                view.may(sender, NamedLevel::Ban) && view.level(sender) > view.level(CREATOR)
            }
            _ => view.may_send(sender, &content),
        };
        (!legal).then_some((sender, content))
    }

    fn is_banned(&self, user: UserIx, state: Stored) -> bool {
        self.view(state).membership(user) == Membership::Ban
    }

    /// Falsifies what nobody checks.
    pub(super) fn forge(&mut self, outgoing: &mut Outgoing) {
        let right = outgoing.timestamp;
        if self.rng.chance(25) {
            let times = [0, right - 86_400_000, right - 3_600_000, right + 86_400_000, GREATEST];
            outgoing.timestamp = *self.rng.pick(&times);
        }
        if self.rng.chance(5) {
            outgoing.depth = Some(*self.rng.pick(&[1, 2, 1_000_000]));
        }
        let lists_auth = self.plan.rules.auth_source == AuthSource::Event;
        if lists_auth && self.rng.chance(30) {
            self.cite_stale(outgoing);
        }
    }

    /// Cites power levels and a membership of old in place of those in force, if they allow the event too.
    fn cite_stale(&mut self, outgoing: &mut Outgoing) {
        let Outgoing { sender, content, auth, .. } = outgoing;
        let is_join_of_sender = |content: &Content| {
            let Content::Member { user, membership, authoriser, .. } = content else { return false };
            user == sender && *membership == Membership::Join && authoriser.is_none()
        };
        let plain = match content {
            Content::Create | Content::PowerLevels(_) | Content::JoinRules(_) | Content::Redaction(_) => {
                false
            }
            Content::Member { .. } => is_join_of_sender(content),
            _ => true,
        };
        if !plain {
            return;
        }
        for cited in auth.iter_mut() {
            let fact = self.ledger.state(*cited);
            let key = fact.content.key();
            let Some(older) =
                fact.auth.iter().copied().find(|older| self.ledger.state(*older).content.key() == key)
            else {
                continue;
            };
            let old = &self.ledger.state(older).content;
            let allows = match old {
                Content::PowerLevels(levels) => {
                    let is_privileged = *sender == CREATOR && self.plan.rules.privileged_creators;
                    let needed = match content {
                        Content::Member { .. } => i64::MIN,
                        _ => levels.needed(content.event_type(), content.key().is_some()),
                    };
                    is_privileged || levels.of(*sender) >= needed
                }
                _ => key == Some(member_key(*sender)) && is_join_of_sender(old),
            };
            if allows {
                *cited = older;
            }
        }
    }
}
