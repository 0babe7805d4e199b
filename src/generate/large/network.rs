//! Servers that each see a part of the room: how events travel, and what state a server builds on.

use std::collections::VecDeque;

use super::content::Number;
use super::ledger::Ledger;
use super::merge::merge;
use super::people::ServerIx;
use crate::generate::Rng;
use crate::room::{EventIx, KeyIx};
use crate::state::{Change, StateView, Store, Stored};

/// An event under way.
struct Sent {
    number: Number,
    at: i64,
    /// For every server how many of its events are among this one and those before it.
    clock: Box<[u32]>,
    /// The state after it.
    after: Stored,
    /// The forward extremities of the state DAG after it, where there is one.
    state_tips: Box<[StateTip]>,
}

/// A forward extremity of a state DAG, and the state after it.
type StateTip = (Number, Stored);

/// What a server has received.
#[derive(Clone)]
struct Seen {
    /// How many events of every server.
    known: Box<[u32]>,
    /// The forward extremities.
    tips: Vec<Number>,
    /// Those of the state DAG, where there is one.
    state_tips: Vec<StateTip>,
    /// The state there, if it has been asked for.
    state: Option<Stored>,
    /// Servers of one group exchange events.
    group: usize,
    /// It sends, but listens to nobody.
    deaf: bool,
}

/// The servers of a room, and the events that some of them lack.
pub(super) struct Network {
    seed: u64,
    /// How long an event mostly takes, in milliseconds.
    lag: i64,
    states: Store,
    has_state_dag: bool,
    servers: Vec<Seen>,
    /// By server, what it sent; the first ones, which every server has, are forgotten.
    sent: Vec<VecDeque<Sent>>,
    forgotten: Vec<u32>,
}

impl Network {
    /// A network without events; no state will have a key from `keys` on.
    pub(super) fn new(servers: usize, lag: i64, seed: u64, keys: usize, has_state_dag: bool) -> Self {
        let seen = Seen {
            known: vec![0; servers].into(),
            tips: Vec::new(),
            state_tips: Vec::new(),
            state: None,
            group: 0,
            deaf: false,
        };
        Self {
            seed,
            lag,
            states: Store::new(keys, 0),
            has_state_dag,
            servers: vec![seen; servers],
            sent: (0..servers).map(|_| VecDeque::new()).collect(),
            forgotten: vec![0; servers],
        }
    }

    /// Divides the servers into groups that do not hear of one another.
    pub(super) fn divide(&mut self, mut group: impl FnMut(usize) -> usize) {
        for (place, server) in self.servers.iter_mut().enumerate() {
            server.group = group(place);
        }
    }

    /// Whether the server listens to nobody.
    pub(super) fn is_deaf(&self, server: ServerIx) -> bool {
        self.servers[usize::from(server)].deaf
    }

    /// The server stops listening, or listens again.
    pub(super) fn turn_ear(&mut self, server: ServerIx) {
        let deaf = &mut self.servers[usize::from(server)].deaf;
        *deaf = !*deaf;
    }

    /// How many events the server has made.
    pub(super) fn made(&self, server: ServerIx) -> u32 {
        let server = usize::from(server);
        self.servers[server].known[server]
    }

    /// The forward extremities that the server sees.
    pub(super) fn tips(&self, server: ServerIx) -> &[Number] {
        &self.servers[usize::from(server)].tips
    }

    /// The forward extremities of the state DAG that the server sees; none where there is no state DAG.
    pub(super) fn state_tips(&self, server: ServerIx) -> Vec<Number> {
        self.servers[usize::from(server)].state_tips.iter().map(|(tip, _)| *tip).collect()
    }

    /// The server gets what has reached it by `now`.
    pub(super) fn receive(&mut self, ledger: &Ledger, server: ServerIx, now: i64) {
        let to = usize::from(server);
        if self.servers[to].deaf {
            return;
        }
        for from in 0..self.servers.len() {
            if from == to || self.servers[from].group != self.servers[to].group {
                continue;
            }
            while let Some(sent) = self.next_from(from, to) {
                if sent.at + self.travel(sent.number, to) > now {
                    break;
                }
                let seen = &mut self.servers[to];
                let sent = &self.sent[from][(seen.known[from] - self.forgotten[from]) as usize];
                seen.learn(ledger, sent);
            }
        }
    }

    /// The oldest event of a server that another one lacks.
    fn next_from(&self, from: usize, to: usize) -> Option<&Sent> {
        let place = self.servers[to].known[from] - self.forgotten[from];
        self.sent[from].get(place as usize)
    }

    /// How long an event takes to a server: mostly little, now and then long.
    fn travel(&self, event: Number, to: usize) -> i64 {
        if self.lag == 0 {
            return 0;
        }
        let mut rng = Rng::new(self.seed ^ u64::from(event) << 16 ^ to as u64);
        let lag = match rng.below(1000) {
            0..900 => self.lag,
            900..990 => self.lag * 8,
            _ => self.lag * 100,
        };
        lag / 4 + rng.below(usize::try_from(lag).unwrap_or(1)).try_into().unwrap_or(0)
    }

    /// A state.
    pub(super) fn view(&self, state: Stored) -> StateView<'_> {
        self.states.view(state)
    }

    /// The state at the server's forward extremities, resolved if need be.
    pub(super) fn state(&mut self, ledger: &Ledger, server: ServerIx) -> Stored {
        let seen = &self.servers[usize::from(server)];
        if let Some(state) = seen.state {
            return state;
        }
        let mut states: Vec<Stored> = if self.has_state_dag {
            seen.state_tips.iter().map(|(_, after)| *after).collect()
        } else {
            seen.tips.iter().map(|tip| self.find(ledger, *tip).after).collect()
        };
        states.dedup();
        let changes: Vec<Change> = if states.len() > 1 {
            let views: Vec<StateView<'_>> = states.iter().map(|state| self.states.view(*state)).collect();
            merge(ledger, &views)
        } else {
            Vec::new()
        };
        let first = states.first().copied().unwrap_or(Stored::EMPTY);
        let state = self.states.change(first, &changes);
        self.servers[usize::from(server)].state = Some(state);
        state
    }

    fn find(&self, ledger: &Ledger, event: Number) -> &Sent {
        let fact = ledger.fact(event);
        let origin = usize::from(fact.origin);
        &self.sent[origin][(fact.place - self.forgotten[origin]) as usize]
    }

    /// The server sends the event that the ledger notes last, made on its forward extremities and `before`.
    pub(super) fn send(&mut self, ledger: &Ledger, event: Number, before: Stored, at: i64) {
        let origin = usize::from(ledger.fact(event).origin);
        let mut after = before;
        if ledger.is_state(event)
            && let Some(key) = ledger.state(event).content.key()
        {
            let change = (KeyIx::new(key), Some(EventIx::new(event as usize)));
            after = self.states.change(after, &[change]);
        }
        let seen = &mut self.servers[origin];
        seen.known[origin] += 1;
        seen.tips = vec![event];
        if self.has_state_dag && ledger.is_state(event) {
            seen.state_tips = vec![(event, after)];
        }
        seen.state = Some(after);
        let state_tips = seen.state_tips.clone().into();
        self.sent[origin].push_back(Sent { number: event, at, clock: seen.known.clone(), after, state_tips });
    }

    /// Everybody receives what has arrived, and what nobody can build on any more is forgotten.
    pub(super) fn tidy(&mut self, ledger: &Ledger, now: i64) {
        for server in 0..self.servers.len() {
            self.receive(ledger, ServerIx::try_from(server).unwrap_or(ServerIx::MAX), now);
        }
        for origin in 0..self.servers.len() {
            let known = self.servers.iter().map(|server| server.known[origin]).min().unwrap_or(0);
            while self.forgotten[origin] + 1 < known {
                self.sent[origin].pop_front();
                self.forgotten[origin] += 1;
            }
        }
    }
}

impl Seen {
    /// Receives an event, and whatever is before it.
    fn learn(&mut self, ledger: &Ledger, sent: &Sent) {
        let is_known = |clock: &[u32], tip: Number| {
            let fact = ledger.fact(tip);
            clock[usize::from(fact.origin)] > fact.place
        };
        // What one knows and does not count among its extremities, something else follows.
        let (mine, theirs) = (&self.state_tips, &sent.state_tips);
        let mut state_tips: Vec<StateTip> = mine
            .iter()
            .filter(|tip| theirs.contains(tip) || !is_known(&sent.clock, tip.0))
            .copied()
            .collect();
        state_tips.extend(theirs.iter().filter(|tip| !mine.contains(tip) && !is_known(&self.known, tip.0)));
        self.state_tips = state_tips;
        for (known, clock) in self.known.iter_mut().zip(&sent.clock) {
            *known = (*known).max(*clock);
        }
        self.tips.retain(|tip| {
            let fact = ledger.fact(*tip);
            sent.clock[usize::from(fact.origin)] <= fact.place
        });
        self.tips.push(sent.number);
        self.state = None;
    }
}
