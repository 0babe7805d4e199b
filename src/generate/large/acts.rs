//! What users do.

use std::rc::Rc;

use super::content::{Content, Number};
use super::people::{ServerIx, UserIx};
use super::view::{CREATOR, View};
use super::world::World;
use crate::event::content::{JoinRule, Membership, NamedLevel};
use crate::state::Stored;

/// An intention. What comes of it depends on the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Message,
    Reaction,
    Redaction,
    Enter,
    Leave,
    Profile,
    Call,
    Invite,
    Kick,
    Ban,
    Unban,
    Topic,
    Name,
    Avatar,
    Alias,
    Pin,
    Acl,
    Levels,
    JoinRule,
}

/// Per mille of the state events, whatever share they have. Entering fills up the rest.
const STATE: [(Act, usize); 15] = [
    (Act::Leave, 130),
    (Act::Profile, 210),
    (Act::Call, 150),
    (Act::Invite, 45),
    (Act::Kick, 20),
    (Act::Ban, 16),
    (Act::Unban, 6),
    (Act::Topic, 16),
    (Act::Name, 8),
    (Act::Avatar, 4),
    (Act::Alias, 3),
    (Act::Pin, 16),
    (Act::Acl, 3),
    (Act::Levels, 8),
    (Act::JoinRule, 4),
];

impl Act {
    pub(super) fn draw(world: &mut World<'_>) -> Self {
        let state = world.plan.state.min(100);
        if !world.rng.chance(state) {
            return match world.rng.below(100) {
                0..90 => Self::Message,
                90..98 => Self::Reaction,
                _ => Self::Redaction,
            };
        }
        // The room grows evenly to its size.
        let done = world.ledger.len() as u64;
        let wanted = world.plan.members as u64 * done / world.plan.events.max(1) as u64;
        if (world.joined as u64) < wanted && world.rng.chance(60) {
            return Self::Enter;
        }
        if !world.is_open && world.rng.chance(3) {
            return Self::JoinRule;
        }
        let mut draw = world.rng.below(1000);
        for (act, weight) in STATE {
            if draw < weight {
                return act;
            }
            draw -= weight;
        }
        if (world.joined as u64) < wanted + 3 { Self::Enter } else { Self::Profile }
    }

    pub(super) fn is_state(self) -> bool {
        !matches!(self, Self::Message | Self::Reaction | Self::Redaction)
    }

    fn takes_power(self) -> bool {
        !matches!(
            self,
            Self::Message
                | Self::Reaction
                | Self::Redaction
                | Self::Enter
                | Self::Leave
                | Self::Profile
                | Self::Call
                | Self::Invite
        )
    }
}

impl World<'_> {
    /// The server that acts, and its user if that matters.
    pub(super) fn who(&mut self, act: Act) -> (ServerIx, Option<UserIx>) {
        if act.takes_power() && !self.listed.is_empty() && self.rng.chance(90) {
            let user = *self.rng.pick(&self.listed);
            (self.ledger.people.home(user), Some(user))
        } else if act.takes_power() {
            (0, Some(CREATOR))
        } else {
            (self.some_server(), None)
        }
    }

    /// What comes of an intention, if it is legal: the sender and the content.
    pub(super) fn compose(
        &mut self,
        act: Act,
        server: ServerIx,
        user: Option<UserIx>,
        state: Stored,
    ) -> Option<(UserIx, Content)> {
        if act == Act::Enter {
            return self.enter(server, state);
        }
        let sender = match user {
            Some(user) => user,
            None => self.some_local(server, state)?,
        };
        let content = match act {
            Act::Enter => return None,
            Act::Message => Content::Message(self.seed()),
            Act::Reaction => Content::Reaction { to: self.some_event(server)?, which: self.seed() },
            Act::Redaction => Content::Redaction(self.redactable(sender, server, state)?),
            Act::Leave => return self.leave(sender, state),
            Act::Profile => return self.profile(sender, state),
            Act::Call => Content::Call { user: sender, call: self.seed() },
            Act::Invite => return self.invite(sender, state),
            Act::Kick => return self.remove(sender, Membership::Leave, NamedLevel::Kick, state),
            Act::Ban => return self.remove(sender, Membership::Ban, NamedLevel::Ban, state),
            Act::Unban => return self.unban(sender, state),
            Act::Topic => Content::Topic(self.seed()),
            Act::Name => Content::Name(self.seed()),
            Act::Avatar => Content::Avatar(self.seed()),
            Act::Alias => Content::Alias(self.seed()),
            Act::Pin => Content::Pinned(self.some_event(server)?),
            Act::Acl => Content::ServerAcl(self.seed()),
            Act::Levels => return self.levels(sender, state),
            Act::JoinRule => self.join_rule(state),
        };
        self.view(state).may_send(sender, &content).then_some((sender, content))
    }

    pub(super) fn view(&self, state: Stored) -> View<'_> {
        View { ledger: &self.ledger, state: self.network.view(state) }
    }

    /// A joined user of a server; those who joined early are more active.
    pub(super) fn some_local(&mut self, server: ServerIx, state: Stored) -> Option<UserIx> {
        for _ in 0..6 {
            let joined = &self.locals[usize::from(server)].joined;
            if joined.is_empty() {
                return None;
            }
            let place = self.rng.below(joined.len());
            let place = self.rng.below(place + 1);
            let user = self.locals[usize::from(server)].joined[place];
            if self.view(state).is_joined(user) {
                return Some(user);
            }
            self.locals[usize::from(server)].joined.swap_remove(place);
            self.is_local[user as usize] = false;
        }
        None
    }

    /// A recent event of the server.
    fn some_event(&mut self, server: ServerIx) -> Option<Number> {
        self.network.tips(server).first().copied()
    }

    /// A recent event that the sender may redact: one of the same server, or any for those with the level.
    fn redactable(&mut self, sender: UserIx, server: ServerIx, state: Stored) -> Option<Number> {
        let event = self.some_event(server)?;
        let is_own = self.ledger.fact(event).origin == server;
        (is_own || self.view(state).may(sender, NamedLevel::Redact)).then_some(event)
    }

    fn enter(&mut self, server: ServerIx, state: Stored) -> Option<(UserIx, Content)> {
        let join = |user, profile, authoriser| {
            let membership = Membership::Join;
            Some((user, Content::Member { user, membership, profile, authoriser }))
        };
        let at = usize::from(server);
        while let Some(user) = self.locals[at].invited.pop() {
            if self.view(state).membership(user) == Membership::Invite {
                return join(user, 0, None);
            }
        }
        let rules = self.plan.rules;
        let rule = self.view(state).join_rule();
        let knocks = matches!(rule, JoinRule::Knock | JoinRule::KnockRestricted) && rules.knock;
        match rule {
            JoinRule::Public => join(self.some_outsider(server, state), 0, None),
            _ if knocks && self.rng.chance(50) => {
                let user = self.some_outsider(server, state);
                let membership = Membership::Knock;
                Some((user, Content::Member { user, membership, profile: 0, authoriser: None }))
            }
            JoinRule::Restricted | JoinRule::KnockRestricted if rules.restricted => {
                let authoriser = self.some_local(server, state).unwrap_or(CREATOR);
                if !self.view(state).may(authoriser, NamedLevel::Invite) {
                    return None;
                }
                join(self.some_outsider(server, state), 0, Some(authoriser))
            }
            _ => None,
        }
    }

    /// A user of the server who is neither in the room nor banned: mostly a new one.
    fn some_outsider(&mut self, server: ServerIx, state: Stored) -> UserIx {
        if self.rng.chance(20)
            && let Some(user) = self.locals[usize::from(server)].gone.pop()
            && matches!(self.view(state).membership(user), Membership::Leave)
        {
            return user;
        }
        self.new_user(server)
    }

    fn leave(&mut self, user: UserIx, state: Stored) -> Option<(UserIx, Content)> {
        // Who runs the room stays.
        let stays = user == CREATOR || self.view(state).level(user) >= 100;
        let membership = Membership::Leave;
        (!stays).then_some((user, Content::Member { user, membership, profile: 0, authoriser: None }))
    }

    fn profile(&mut self, user: UserIx, state: Stored) -> Option<(UserIx, Content)> {
        let view = self.view(state);
        let profile = view.profile(user) + 1;
        // Legal under every join rule for who is joined.
        let membership = Membership::Join;
        Some((user, Content::Member { user, membership, profile, authoriser: None }))
    }

    fn invite(&mut self, sender: UserIx, state: Stored) -> Option<(UserIx, Content)> {
        if !self.view(state).may(sender, NamedLevel::Invite) {
            return None;
        }
        let user = match self.knocking.pop() {
            Some(user) => user,
            None => {
                let home = self.some_server();
                self.some_outsider(home, state)
            }
        };
        let outside = matches!(self.view(state).membership(user), Membership::Leave | Membership::Knock);
        let membership = Membership::Invite;
        outside.then_some((sender, Content::Member { user, membership, profile: 0, authoriser: None }))
    }

    /// A kick or a ban.
    fn remove(
        &mut self,
        sender: UserIx,
        membership: Membership,
        needed: NamedLevel,
        state: Stored,
    ) -> Option<(UserIx, Content)> {
        let home = self.some_server();
        let user = self.some_local(home, state)?;
        let view = self.view(state);
        let legal = view.may(sender, needed) && view.level(user) < view.level(sender) && user != CREATOR;
        legal.then_some((sender, Content::Member { user, membership, profile: 0, authoriser: None }))
    }

    fn unban(&mut self, sender: UserIx, state: Stored) -> Option<(UserIx, Content)> {
        let user = self.banned.pop()?;
        let view = self.view(state);
        let legal = view.membership(user) == Membership::Ban
            && view.may(sender, NamedLevel::Ban)
            && view.may(sender, NamedLevel::Kick)
            && view.level(user) < view.level(sender);
        let membership = Membership::Leave;
        legal.then_some((sender, Content::Member { user, membership, profile: 0, authoriser: None }))
    }

    /// Power levels with a change within the sender's reach.
    fn levels(&mut self, sender: UserIx, state: Stored) -> Option<(UserIx, Content)> {
        let mut levels = self.view(state).levels()?.clone();
        let own = self.view(state).level(sender);
        match self.rng.below(10) {
            0..=6 => {
                let home = self.some_server();
                let user = self.some_local(home, state)?;
                let barred = user == CREATOR || user != sender && levels.of(user) >= own;
                let level = *self.rng.pick(&[50, 50, 50, 100]);
                if barred || user == sender || level > own {
                    return None;
                }
                let crowded = levels.users.len() > 40;
                match levels.users.get(&user) {
                    Some(_) => levels.users.remove(&user),
                    None if crowded => return None,
                    None => levels.users.insert(user, level),
                };
            }
            7 => {
                let name = *self.rng.pick(&[NamedLevel::Invite, NamedLevel::Redact, NamedLevel::Kick]);
                let level = levels.named_mut(name);
                *level = if *level == 50 { name.default().min(25) } else { 50 };
            }
            8 => {
                let level = if levels.events.contains_key("m.room.topic") { None } else { Some(0) };
                match level {
                    Some(level) => levels.events.insert("m.room.topic", level),
                    None => levels.events.remove("m.room.topic"),
                };
            }
            _ => levels.room = if levels.room == 50 { 100 } else { 50 },
        }
        let content = Content::PowerLevels(Rc::new(levels));
        self.view(state).may_send(sender, &content).then_some((sender, content))
    }

    /// Public rooms close for a while, and open again.
    fn join_rule(&mut self, state: Stored) -> Content {
        let rules = self.plan.rules;
        let rule = match self.rng.below(4) {
            _ if self.view(state).join_rule() != JoinRule::Public => JoinRule::Public,
            0 if rules.knock => JoinRule::Knock,
            1 if rules.restricted => JoinRule::Restricted,
            2 if rules.knock_restricted => JoinRule::KnockRestricted,
            _ => JoinRule::Invite,
        };
        Content::JoinRules(rule)
    }
}
