//! A room comes about: time passes, events travel, somebody acts.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::acts::Act;
use super::content::{Content, Number, member_key};
use super::ledger::Ledger;
use super::levels::Levels;
use super::network::Network;
use super::pdu::{Outgoing, Press};
use super::people::{People, ServerIx, UserIx};
use super::view::{CREATOR, View};
use super::{Blueprint, Made};
use crate::event::content::{JoinRule, Membership};
use crate::generate::{Mode, Rng};
use crate::state::Stored;

/// When the first event is sent: 2024-01-01, in milliseconds since 1970.
const BEGINNING: i64 = 1_704_067_200_000;
/// Every so many events what all servers have is forgotten.
const TIDY: usize = 256;

/// What a server knows of its own users. It may be out of date; the state decides.
#[derive(Debug, Default, Clone)]
pub(super) struct Locals {
    pub(super) joined: Vec<UserIx>,
    pub(super) gone: Vec<UserIx>,
    pub(super) invited: Vec<UserIx>,
    /// How far its clock is off, in milliseconds.
    skew: i64,
}

/// What is to be sent.
struct Deed {
    server: ServerIx,
    sender: UserIx,
    content: Content,
    /// The state at the forward extremities that the server sees.
    state: Stored,
}

pub(super) struct World<'a> {
    pub(super) plan: &'a Blueprint,
    pub(super) rng: Rng,
    pub(super) ledger: Ledger,
    pub(super) network: Network,
    press: Press,
    pub(super) locals: Vec<Locals>,
    /// Users that some power levels listed.
    pub(super) listed: Vec<UserIx>,
    pub(super) banned: Vec<UserIx>,
    pub(super) knocking: Vec<UserIx>,
    /// By user: whether among the joined ones of the server.
    pub(super) is_local: Vec<bool>,
    pub(super) joined: usize,
    /// Whether everybody may join, as far as the server sees that acted last.
    pub(super) is_open: bool,
    /// Sums of the weights of the servers.
    weights: Vec<usize>,
    now: i64,
    /// The number of events at which the next netsplit begins, or this one ends.
    next_change: usize,
    divided: bool,
    merges: usize,
    /// The state before every event.
    #[cfg(test)]
    pub(super) before: Vec<Stored>,
    /// The events that are illegal.
    #[cfg(test)]
    pub(super) offences: Vec<Number>,
}

impl<'a> World<'a> {
    pub(super) fn new(plan: &'a Blueprint) -> Self {
        let servers = plan.servers.clamp(1, usize::from(ServerIx::MAX));
        let mut rng = Rng::new(plan.seed ^ 0x6c61_7267);
        let ledger = Ledger::new(plan.rules, People::new(servers), plan.seed);
        // An event is about one user who is new at most.
        let most_users = UserIx::try_from(plan.events + 1000).unwrap_or(UserIx::MAX / 4);
        let mut weights = Vec::with_capacity(servers);
        let mut sum = 0;
        for place in 0..servers {
            sum += 10_000 / (place + 8);
            weights.push(sum);
        }
        let mut locals = vec![Locals::default(); servers];
        for server in &mut locals {
            // Most clocks are right, some are seconds off, a few minutes.
            let most = *rng.pick(&[50, 50, 50, 50, 50, 50, 2_000, 2_000, 2_000, 180_000]);
            server.skew = i64::try_from(rng.below(2 * most)).unwrap_or(0) - i64::try_from(most).unwrap_or(0);
        }
        Self {
            plan,
            network: Network::new(
                servers,
                plan.lag,
                plan.seed,
                member_key(most_users),
                plan.rules.has_state_dag(),
            ),
            press: Press::new(&ledger),
            ledger,
            locals,
            listed: Vec::new(),
            banned: Vec::new(),
            knocking: Vec::new(),
            is_local: Vec::new(),
            joined: 0,
            is_open: true,
            weights,
            now: BEGINNING,
            next_change: plan.netsplits.every.saturating_sub(plan.netsplits.length),
            divided: false,
            merges: 0,
            #[cfg(test)]
            before: Vec::new(),
            #[cfg(test)]
            offences: Vec::new(),
            rng,
        }
    }

    /// Lets the room come about.
    pub(super) fn run<E>(&mut self, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<Made, E> {
        self.found(sink)?;
        let mut idle = 0;
        while self.ledger.len() < self.plan.events && idle < 1000 {
            self.pass_time();
            idle = if self.act(sink)? { 0 } else { idle + 1 };
        }
        Ok(Made { events: self.ledger.len(), merges: self.merges, joined: self.joined })
    }

    /// The first events, in a line, as clients make them.
    fn found<E>(&mut self, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.new_user(0);
        let mut users = BTreeMap::new();
        if !self.plan.rules.privileged_creators {
            users.insert(CREATOR, 100);
        }
        let join =
            Content::Member { user: CREATOR, membership: Membership::Join, profile: 0, authoriser: None };
        let contents = [
            Content::Create,
            join,
            Content::PowerLevels(Rc::new(Levels::new(users))),
            Content::JoinRules(JoinRule::Public),
            Content::HistoryVisibility(0),
            Content::GuestAccess(0),
            Content::Name(self.seed()),
            Content::Topic(self.seed()),
        ];
        for content in contents.into_iter().take(self.plan.events) {
            self.now += 20;
            let state = self.network.state(&self.ledger, 0);
            self.send(Deed { server: 0, sender: CREATOR, content, state }, sink)?;
        }
        // Nobody else is there yet.
        self.now += 1000 * self.plan.lag.max(1);
        self.network.tidy(&self.ledger, self.now);
        Ok(())
    }

    /// Conversations come in bursts.
    fn pass_time(&mut self) {
        let gap = match self.rng.below(100) {
            0..60 => self.rng.within(100, 2_500),
            60..98 => self.rng.within(2_000, 60_000),
            _ => self.rng.within(60_000, 7_200_000),
        };
        self.now += i64::try_from(gap).unwrap_or(0);
        if self.plan.netsplits.every > 0 && self.ledger.len() >= self.next_change {
            self.change_network();
        }
    }

    /// A netsplit begins or ends.
    fn change_network(&mut self) {
        let splits = self.plan.netsplits;
        self.divided = !self.divided;
        let lasts = if self.divided { splits.length } else { splits.every.saturating_sub(splits.length) };
        self.next_change += lasts.max(1);
        if self.divided {
            self.network.tidy(&self.ledger, self.now);
        }
        let rng = &mut self.rng;
        let parts = if self.divided { splits.parts.max(1) } else { 1 };
        let first = rng.below(parts);
        self.network.divide(|server| match server {
            // No part is empty.
            _ if server < parts => (first + server) % parts,
            _ => rng.below(parts),
        });
    }

    /// Somebody does something, unless nobody can.
    fn act<E>(&mut self, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<bool, E> {
        if self.ledger.len().is_multiple_of(TIDY) {
            self.network.tidy(&self.ledger, self.now);
        }
        self.change_ears();
        let act = Act::draw(self);
        let (server, user) = self.who(act);
        self.network.receive(&self.ledger, server, self.now);
        let state = self.network.state(&self.ledger, server);
        if self.is_hostile(server)
            && self.rng.chance(12)
            && let Some((sender, content)) = self.offence(server, state)
        {
            #[cfg(test)]
            self.offences.push(self.ledger.next());
            self.write(Deed { server, sender, content, state }, sink)?;
            return Ok(true);
        }
        let view = View { ledger: &self.ledger, state: self.network.view(state) };
        self.is_open = view.join_rule() == JoinRule::Public;
        // Who cannot do one thing does another.
        let mut composed = self.compose(act, server, user, state);
        if composed.is_none() && act.is_state() {
            composed = self.compose(Act::Profile, server, None, state);
        }
        let composed = composed.or_else(|| self.compose(Act::Message, server, None, state));
        let Some((sender, content)) = composed else { return Ok(false) };
        self.send(Deed { server, sender, content, state }, sink)?;
        Ok(true)
    }

    /// A server sends an event on what it sees.
    fn send<E>(&mut self, deed: Deed, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let Deed { content, state, .. } = &deed;
        let state = *state;
        let was_joined = content.about().is_some_and(|user| self.view(state).is_joined(user));
        self.note(content, was_joined);
        let event = self.write(deed, sink)?;
        self.network.send(&self.ledger, event, state, self.now);
        Ok(())
    }

    /// Makes an event on what the server sees. As yet nobody builds on it.
    fn write<E>(&mut self, deed: Deed, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<Number, E> {
        let Deed { server, sender, content, state } = deed;
        #[cfg(test)]
        self.before.push(state);
        let prev = self.network.tips(server).to_vec();
        let prev_state = self.network.state_tips(server);
        self.merges += usize::from(prev.len() > 1);
        let auth = self.view(state).auth_events(sender, &content);
        let timestamp = self.timestamp(server);
        let mut outgoing = Outgoing { sender, content, timestamp, depth: None, prev, prev_state, auth };
        if self.is_hostile(server) {
            self.forge(&mut outgoing);
        }
        let place = self.network.made(server);
        let event: Number = self.press.make(&mut self.ledger, outgoing, place);
        sink(self.press.line())?;
        Ok(event)
    }

    fn timestamp(&mut self, server: ServerIx) -> i64 {
        let right = self.now + self.locals[usize::from(server)].skew;
        if self.plan.mode != Mode::Skew {
            return right;
        }
        match server % 3 {
            0 => BEGINNING,
            1 => right - right % 86_400_000,
            _ => i64::try_from(self.rng.number() >> 22).unwrap_or(right),
        }
    }

    /// Remembers who is where.
    fn note(&mut self, content: &Content, was_joined: bool) {
        match content {
            Content::Member { user, membership, .. } => {
                let user = *user;
                let home = usize::from(self.ledger.people.home(user));
                let is_joined = *membership == Membership::Join;
                self.joined = (self.joined + usize::from(is_joined)).saturating_sub(usize::from(was_joined));
                match membership {
                    Membership::Join => {
                        if !std::mem::replace(&mut self.is_local[user as usize], true) {
                            self.locals[home].joined.push(user);
                        }
                    }
                    Membership::Leave => self.locals[home].gone.push(user),
                    Membership::Ban => self.banned.push(user),
                    Membership::Invite => self.locals[home].invited.push(user),
                    Membership::Knock => self.knocking.push(user),
                    Membership::Other(_) => {}
                }
            }
            Content::PowerLevels(levels) => {
                for (user, level) in &levels.users {
                    if *level >= 50 && !self.listed.contains(user) {
                        self.listed.push(*user);
                    }
                }
            }
            _ => {}
        }
    }

    /// A new user on a server.
    pub(super) fn new_user(&mut self, home: ServerIx) -> UserIx {
        self.is_local.push(false);
        self.ledger.people.add(home)
    }

    /// A server; large ones more often. While every server is on its own they take turns.
    pub(super) fn some_server(&mut self) -> ServerIx {
        if self.divided && self.plan.netsplits.parts >= self.locals.len() {
            return ServerIx::try_from(self.ledger.len() % self.locals.len()).unwrap_or(0);
        }
        let sum = self.weights.last().copied().unwrap_or(1);
        let draw = self.rng.below(sum);
        ServerIx::try_from(self.weights.partition_point(|weight| *weight <= draw)).unwrap_or(0)
    }

    /// A number that stands for a text.
    pub(super) fn seed(&mut self) -> u32 {
        (self.rng.number() >> 32) as u32
    }
}
