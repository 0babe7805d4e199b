//! Random rooms: servers that each see a part of the room and act on what they see.

use serde_json::{Value, json};

mod actions;
mod adversary;

use self::actions::View;
use self::adversary::Adversary;
use super::builder::Numbers;
use crate::auth::Profile;
use crate::event::room_version::Rules;
use crate::generate::{Draft, Reference, Rng, RoomBuilder, State};
use crate::replay::Replay;
use crate::room::{EventIx, Room};
use crate::state::StateMap;

/// In what manner a room comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Servers only lag behind; nobody does anything illegal; clocks are right.
    Honest,
    /// As [`Mode::Honest`], but the servers are cut off from one another for long, then all meet again.
    Netsplit,
    /// As [`Mode::Honest`] or [`Mode::Netsplit`], but all clocks stand still or run wild.
    Skew,
    /// Servers do not play by the rules. In a small room they send whatever can be sent: stale, wrong and missing auth
    /// events, forged numbers, malformed content, illegal attempts, events appended far back. In a large one what they
    /// send is well-formed.
    Adversarial,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::Honest, Self::Netsplit, Self::Skew, Self::Adversarial];

    /// The name used in arguments and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Netsplit => "netsplit",
            Self::Skew => "skew",
            Self::Adversarial => "adversarial",
        }
    }
}

/// Which room to generate. The room is a function of the plan.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Where the randomness begins.
    pub seed: u64,
    /// In what manner.
    pub mode: Mode,
    /// The room version.
    pub rules: &'static Rules,
    /// The number of events at which to stop.
    pub events: usize,
}

impl Plan {
    /// A room of 10 to 60 events; how many follows from the seed.
    pub fn new(seed: u64, mode: Mode, rules: &'static Rules) -> Self {
        Self { seed, mode, rules, events: Rng::new(seed).within(10, 60) }
    }
}

/// How the servers of a room tell the time.
#[derive(Debug, Clone, Copy)]
enum Clock {
    /// One clock for all.
    Right,
    /// It is always the same time.
    Still,
    /// Many ties.
    Coarse,
    /// Any time.
    Wild,
}

struct Server {
    users: Vec<String>,
    /// By event number.
    seen: Vec<bool>,
    /// Servers of one group exchange events.
    group: usize,
}

/// What a server makes its next events on.
struct Base {
    tips: Vec<usize>,
    /// The forward extremities of the state DAG, where there is one.
    state_tips: Vec<usize>,
    state: State,
    stale: State,
}

struct World {
    rng: Rng,
    plan: Plan,
    builder: RoomBuilder,
    servers: Vec<Server>,
    users: Vec<String>,
    clock: Clock,
    now: i64,
    /// How many rounds until the groups change; `None`: there are no groups.
    split: Option<usize>,
}

/// Generates a room.
pub fn generate(plan: &Plan) -> RoomBuilder {
    let mut world = World::new(plan);
    world.found();
    let mut rounds = 0;
    while world.builder.len() < plan.events && rounds < 4 * plan.events {
        world.round();
        rounds += 1;
    }
    world.reunite();
    world.builder
}

impl World {
    fn new(plan: &Plan) -> Self {
        let mut rng = Rng::new(plan.seed ^ ((plan.mode as u64) << 56));
        let is_split = plan.mode == Mode::Netsplit || plan.mode == Mode::Skew && rng.chance(50);
        let count = if is_split { rng.within(2, 6) } else { rng.within(2, 4) };
        let mut servers = Vec::with_capacity(count);
        for number in 0..count {
            let users = (0..rng.within(1, 3)).map(|user| format!("@u{user}:s{number}")).collect();
            servers.push(Server { users, seen: Vec::new(), group: 0 });
        }
        let clock = match plan.mode {
            Mode::Honest | Mode::Netsplit => Clock::Right,
            Mode::Skew => *rng.pick(&[Clock::Still, Clock::Coarse, Clock::Wild]),
            Mode::Adversarial => *rng.pick(&[Clock::Right, Clock::Right, Clock::Coarse, Clock::Wild]),
        };
        Self {
            users: servers.iter().flat_map(|server| server.users.clone()).collect(),
            builder: RoomBuilder::new(plan.rules, plan.seed),
            plan: *plan,
            servers,
            clock,
            now: 1_000_000,
            split: is_split.then_some(0),
            rng,
        }
    }

    fn is_adversarial(&self) -> bool {
        self.plan.mode == Mode::Adversarial
    }

    fn timestamp(&mut self) -> i64 {
        self.now += i64::try_from(self.rng.within(1, 5000)).unwrap_or(1);
        match self.clock {
            Clock::Right => self.now,
            Clock::Still => 1_000_000,
            Clock::Coarse => 1_000_000 + i64::from(self.rng.chance(50)) + i64::from(self.rng.chance(30)),
            Clock::Wild => i64::try_from(self.rng.number() >> 24).unwrap_or(1),
        }
    }

    /// The first events, in a line: create, join, power levels, join rules.
    fn found(&mut self) {
        let creator = self.users[0].clone();
        let rules = self.plan.rules;
        let mut create = Draft::create(rules, &creator);
        if rules.privileged_creators && self.rng.chance(30) {
            create.content["additional_creators"] = json!([self.rng.pick(&self.users)]);
        }
        if self.is_adversarial() {
            adversary::odd_create(&mut self.rng, &mut create, rules);
        }
        let levels = self.first_levels(&create.content);
        let mut drafts = vec![create, Draft::join(&creator)];
        if self.rng.chance(90) {
            drafts.push(Draft::power_levels(&creator, levels));
        }
        if !self.is_adversarial() || self.rng.chance(85) {
            let rule = if self.rng.chance(75) { "public" } else { "invite" };
            drafts.push(Draft::join_rules(&creator, rule));
        }
        for draft in drafts {
            let at = self.timestamp();
            self.builder.send(draft.at(at));
        }
        for server in &mut self.servers {
            server.seen = vec![true; self.builder.len()];
        }
    }

    fn first_levels(&mut self, create: &Value) -> Value {
        let mut content = json!({ "users": {}, "state_default": *self.rng.pick(&[0, 25, 50]) });
        if !self.plan.rules.privileged_creators {
            content["users"][self.users[0].as_str()] = 100.into();
        }
        for _ in 0..self.rng.below(4) {
            let user = self.rng.pick(&self.users[1..]).as_str();
            let more = create["additional_creators"].as_array();
            if !more.is_some_and(|more| more.iter().any(|creator| creator == user)) {
                content["users"][user] = (*self.rng.pick(&[25, 50, 75, 100])).into();
            }
        }
        content
    }

    /// Everybody gets what they can get, then everybody does something.
    fn round(&mut self) {
        let mut bases = self.settle(|world, replayed| {
            world.deliver();
            (0..world.servers.len()).map(|server| world.base(server, replayed)).collect::<Vec<_>>()
        });
        let mut order: Vec<usize> = (0..bases.len()).collect();
        self.rng.shuffle(&mut order);
        for server in order {
            if self.rng.chance(25) {
                continue;
            }
            let most = if self.is_adversarial() { 2 } else { 3 };
            for _ in 0..self.rng.within(1, most) {
                self.act(server, &mut bases[server]);
            }
        }
    }

    /// Replays the room, takes back what was illegal if nobody is to do anything illegal, and lets `then` use the
    /// replay.
    fn settle<T>(&mut self, then: impl FnOnce(&mut Self, &Replayed<'_>) -> T) -> T {
        loop {
            let room = self.builder.room();
            let replay = Replay::new(&room, None, Profile::Spec);
            let numbers = Numbers::of(&room);
            if self.is_adversarial() || replay.rejected().is_empty() {
                return then(self, &Replayed { room: &room, replay: &replay, numbers: &numbers });
            }
            let mut keep = vec![true; room.len()];
            for number in 0..keep.len() {
                let rejected = replay.rejected().contains(numbers.index(number));
                let pdu = self.builder.pdu(number);
                let mut parents = pdu.prev.iter().chain(&pdu.prev_state);
                keep[number] = !rejected && parents.all(|parent| keep[*parent]);
            }
            self.builder.retain(&keep);
            for server in &mut self.servers {
                let mut place = 0;
                server.seen.retain(|_| {
                    place += 1;
                    keep[place - 1]
                });
            }
        }
    }

    /// Events travel.
    fn deliver(&mut self) {
        match self.split {
            None => self.lag(),
            Some(0) => {
                // All meet; then new groups.
                self.exchange(|_, _| true);
                let groups = self.rng.within(2, self.servers.len());
                for server in &mut self.servers {
                    server.group = self.rng.below(groups);
                }
                self.split = Some(self.rng.within(2, 5));
            }
            Some(left) => {
                self.exchange(|a, b| a == b);
                self.split = Some(left - 1);
            }
        }
    }

    /// Some servers get what another one has, perhaps not the newest.
    fn lag(&mut self) {
        for server in 0..self.servers.len() {
            if self.rng.chance(40) {
                continue;
            }
            let from = self.rng.below(self.servers.len());
            let known: Vec<usize> =
                (0..self.builder.len()).filter(|number| self.servers[from].seen[*number]).collect();
            let until = if self.rng.chance(60) { known.len() } else { self.rng.below(known.len()) + 1 };
            let mut wanted = vec![false; self.builder.len()];
            known.iter().take(until).for_each(|number| wanted[*number] = true);
            self.learn(server, wanted);
        }
    }

    fn exchange(&mut self, connected: impl Fn(usize, usize) -> bool) {
        for server in 0..self.servers.len() {
            let mut all = vec![false; self.builder.len()];
            for other in
                self.servers.iter().filter(|other| connected(other.group, self.servers[server].group))
            {
                other.seen.iter().enumerate().for_each(|(number, seen)| all[number] |= seen);
            }
            self.learn(server, all);
        }
    }

    /// A server learns events, and whatever they descend from.
    fn learn(&mut self, server: usize, mut wanted: Vec<bool>) {
        for number in (0..wanted.len()).rev() {
            if wanted[number] {
                let pdu = self.builder.pdu(number);
                pdu.prev.iter().chain(&pdu.prev_state).for_each(|parent| wanted[*parent] = true);
            }
        }
        let seen = &mut self.servers[server].seen;
        seen.iter_mut().zip(wanted).for_each(|(seen, wanted)| *seen |= wanted);
    }

    /// The forward extremities of what a server sees, and the state there.
    fn base(&mut self, server: usize, replayed: &Replayed<'_>) -> Base {
        let seen = &self.servers[server].seen;
        let counts = |number: &usize| {
            let ix = replayed.numbers.index(*number);
            seen[*number] && !replayed.replay.rejected().contains(ix) && !replayed.room.is_foreign(ix)
        };
        let mut is_tip = vec![true; self.builder.len()];
        for number in (0..self.builder.len()).filter(counts) {
            self.builder.pdu(number).prev.iter().for_each(|prev| is_tip[*prev] = false);
        }
        let mut tips: Vec<usize> =
            (0..self.builder.len()).filter(counts).filter(|number| is_tip[*number]).collect();
        self.rng.shuffle(&mut tips);
        let has_state_dag = self.plan.rules.has_state_dag();
        let state_tips = if has_state_dag { self.state_tips(server, replayed) } else { Vec::new() };
        let heads = if has_state_dag { &state_tips } else { &tips };
        let ixs: Vec<EventIx> = heads.iter().map(|tip| replayed.numbers.index(*tip)).collect();
        let states: Vec<StateMap> = ixs.iter().filter_map(|ix| replayed.replay.after(*ix).cloned()).collect();
        let state = replayed.replay.resolve(&states, &mut ()).state;
        let stale = if self.is_adversarial() {
            let old = replayed.numbers.index(self.rng.below(self.builder.len()));
            replayed.replay.after(old).map(|state| replayed.numbers.state(replayed.room, state))
        } else {
            None
        };
        let state = replayed.numbers.state(replayed.room, &state);
        Base { tips, state_tips, state, stale: stale.unwrap_or_default() }
    }

    /// The forward extremities of the state DAG as a server sees it.
    fn state_tips(&self, server: usize, replayed: &Replayed<'_>) -> Vec<usize> {
        let seen = &self.servers[server].seen;
        let counts = |number: &usize| {
            seen[*number] && replayed.replay.may_be_extremity(replayed.numbers.index(*number))
        };
        let numbers: Vec<usize> = (0..self.builder.len()).filter(counts).collect();
        let mut is_tip = vec![true; self.builder.len()];
        for number in &numbers {
            self.builder.pdu(*number).prev_state.iter().for_each(|parent| is_tip[*parent] = false);
        }
        numbers.into_iter().filter(|number| is_tip[*number]).collect()
    }

    /// A user of the server makes an event on top of what the server saw, and of what it made since.
    fn act(&mut self, server: usize, base: &mut Base) {
        let view = View {
            builder: &self.builder,
            state: &base.state,
            users: &self.users,
            lawful: !self.is_adversarial() || self.rng.chance(70),
        };
        let users = &self.servers[server].users;
        let drafted = (0..8).find_map(|_| {
            let user = self.rng.pick(users).clone();
            view.action(&mut self.rng, &user)
        });
        let Some(mut draft) = drafted else { return };
        draft.timestamp = self.timestamp();
        draft.prev = base.tips.iter().copied().map(Reference::Made).collect();
        draft.prev_state = Some(base.state_tips.iter().copied().map(Reference::Made).collect());
        if self.is_adversarial() {
            let mut adversary = Adversary { rng: &mut self.rng, builder: &self.builder, users: &self.users };
            adversary.corrupt(&mut draft, &base.state, &base.stale);
        } else {
            draft.auth = self.builder.auth_events(&draft, &base.state);
        }
        let key = draft.state_key.clone().map(|key| (draft.event_type.clone(), key));
        let number = self.builder.add(draft);
        base.tips = vec![number];
        if key.is_some() {
            base.state_tips = vec![number];
        }
        base.state.extend(key.map(|key| (key, number)));
        for (other, own) in self.servers.iter_mut().enumerate() {
            own.seen.resize(self.builder.len(), false);
            own.seen[number] |= other == server;
        }
    }

    /// A last event that merges everything, by anybody who is still there.
    fn reunite(&mut self) {
        self.exchange(|_, _| true);
        let base = self.settle(|world, replayed| world.base(0, replayed));
        let view = View { builder: &self.builder, state: &base.state, users: &self.users, lawful: true };
        let speaks = |user: &&String| view.may_send(user, "m.room.message", false);
        let Some(user) = self.users.iter().find(speaks).cloned() else { return };
        let mut draft = Draft::message(&user, "the end").at(self.timestamp());
        draft.prev = base.tips.iter().copied().map(Reference::Made).collect();
        draft.prev_state = Some(base.state_tips.iter().copied().map(Reference::Made).collect());
        draft.auth = self.builder.auth_events(&draft, &base.state);
        self.builder.add(draft);
    }
}

struct Replayed<'a> {
    room: &'a Room,
    replay: &'a Replay<'a>,
    numbers: &'a Numbers,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans() -> impl Iterator<Item = Plan> {
        (0..56).map(|seed| Plan::new(seed, Mode::ALL[seed as usize / 14], &Rules::ALL[seed as usize % 14]))
    }

    #[test]
    fn a_plan_makes_one_room() {
        for plan in plans() {
            assert_eq!(generate(&plan).ndjson(), generate(&plan).ndjson(), "{plan:?}");
        }
    }

    #[test]
    fn nothing_is_rejected_where_nobody_does_anything_illegal() {
        for plan in plans().filter(|plan| plan.mode != Mode::Adversarial) {
            let room = generate(&plan).room();
            assert!(Replay::new(&room, None, Profile::Spec).rejected().is_empty(), "{plan:?}");
            assert!(room.holes().next().is_none() && room.auth_holes().next().is_none(), "{plan:?}");
        }
    }

    #[test]
    fn ids_are_hashes() {
        for plan in plans().filter(|plan| plan.rules.event_ids_are_hashes()) {
            let builder = generate(&plan);
            for number in 0..builder.len() {
                let event = &builder.pdu(number).event;
                assert_eq!(crate::event::hash::event_id(event.json(), plan.rules).as_deref(), Ok(event.id()));
            }
        }
    }

    #[test]
    fn every_mode_merges() {
        for mode in Mode::ALL {
            let merges = (0..10).map(|seed| {
                let room = generate(&Plan::new(seed, mode, &Rules::ALL[10])).room();
                let replay = Replay::new(&room, None, Profile::Spec);
                room.events().filter(|ix| replay.resolved(*ix)).count()
            });
            assert!(merges.sum::<usize>() > 10, "{mode:?}");
        }
    }
}
