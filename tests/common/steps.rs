//! Whether recorded steps tell the truth: each is checked against the ones before it, and all against the result.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use hindsight::auth::{Profile, Subject, check_dependent};
use hindsight::resolve::step::{
    AuthCheck, CheckVerdict, Decider, PowerEntry, PowerEvents, PowerPop, PowerQueue, Round, Source, Step,
};
use hindsight::resolve::{Algorithm, Resolution};
use hindsight::room::{EventIx, KeyIx, Room};
use hindsight::state::{Split, StateMap};

pub(crate) struct Recording<'a> {
    pub(crate) room: &'a Room,
    pub(crate) algorithm: Algorithm,
    pub(crate) profile: Profile,
    pub(crate) sets: &'a [StateMap],
    pub(crate) steps: &'a [Step],
}

macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition { return Err(format!($($text)+)); }
    };
}

impl Recording<'_> {
    /// Checks the steps of a resolution by v2 or v2.1 that did not fail.
    pub(crate) fn check(&self, resolution: &Resolution) -> Result<(), String> {
        let power = self.power_order()?;
        let mainline: Vec<EventIx> = self
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::MainlinePosition(position) if !position.dropped => {
                    Some((position.number, position.event))
                }
                _ => None,
            })
            .enumerate()
            .map(|(place, (number, event))| (number == place + 1).then_some(event))
            .collect::<Option<_>>()
            .ok_or("the mainline positions are not numbered in order")?;
        ensure!(self.checked(Round::Power) == power, "the power round is not in the order of the pops");
        ensure!(self.checked(Round::Mainline) == mainline, "the second round is not in mainline order");
        let full = self.steps.iter().find_map(|step| match step {
            Step::FullConflictedSet(full) => Some(full.events.iter().map(|entry| entry.event)),
            _ => None,
        });
        let full: BTreeSet<EventIx> = full.ok_or("no full conflicted set")?.collect();
        ensure!(
            power.iter().chain(&mainline).all(|event| full.contains(event)),
            "an event outside the full conflicted set is replayed"
        );
        for (key, event) in resolution.state.iter() {
            let known = full.contains(&event) || self.sets.iter().any(|set| set.get(key) == Some(event));
            ensure!(known, "{} comes from nowhere", self.room.id(event));
        }
        self.replay(resolution)
    }

    fn checks(&self) -> impl Iterator<Item = &AuthCheck> {
        self.steps.iter().filter_map(|step| match step {
            Step::AuthCheck(check) => Some(&**check),
            _ => None,
        })
    }

    fn checked(&self, round: Round) -> Vec<EventIx> {
        self.checks().filter(|check| check.round == round).map(|check| check.event).collect()
    }

    /// The order of the pops, each of which must take the least of the ready events.
    fn power_order(&self) -> Result<Vec<EventIx>, String> {
        let events = self.steps.iter().find_map(|step| match step {
            Step::PowerEvents(events) => Some(events),
            _ => None,
        });
        let events: &PowerEvents = events.ok_or("no power events")?;
        let mut queue = PowerQueue::new(events);
        let mut order = Vec::new();
        for step in self.steps {
            let Step::PowerPop(pop) = step else { continue };
            order.push(pop.event);
            ensure!(pop.number == order.len(), "pop {} is numbered {}", order.len(), pop.number);
            self.check_pop(&mut queue, pop)?;
        }
        ensure!(order.len() == events.events.len(), "not every power event is popped");
        for entry in &events.events {
            let place = |event: &EventIx| order.iter().position(|other| other == event);
            let late = entry.waits_for.iter().find(|before| place(before) >= place(&entry.event));
            ensure!(late.is_none(), "{} does not wait", self.room.id(entry.event));
        }
        Ok(order)
    }

    fn check_pop(&self, queue: &mut PowerQueue<'_>, pop: &PowerPop) -> Result<(), String> {
        let key = |entry: &PowerEntry| {
            (Reverse(entry.key.level), entry.key.timestamp, self.room.id(entry.event).to_owned())
        };
        let mut ready: Vec<_> = queue.ready().map(|entry| (key(entry), entry.event)).collect();
        ready.sort();
        let id = self.room.id(pop.event);
        ensure!(
            ready.first().is_some_and(|(_, event)| *event == pop.event),
            "{id} is not the least ready event"
        );
        let decider = match ready.get(1) {
            None => Decider::Alone,
            Some(((level, ..), _)) if *level != ready[0].0.0 => Decider::Level,
            Some(((_, timestamp, _), _)) if *timestamp != ready[0].0.1 => Decider::Timestamp,
            Some(_) => Decider::EventId,
        };
        ensure!(pop.runner_up == ready.get(1).map(|(_, event)| *event), "{id}: another runner-up");
        ensure!(pop.decider == decider, "{id}: decided by {decider:?}, not {:?}", pop.decider);
        queue.pop(pop.event);
        let before: BTreeSet<EventIx> = ready.into_iter().map(|(_, event)| event).collect();
        let now: BTreeSet<EventIx> = queue.ready().map(|entry| entry.event).collect();
        let released: BTreeSet<EventIx> = now.difference(&before).copied().collect();
        let told: BTreeSet<EventIx> = pop.released.iter().copied().collect();
        ensure!(released == told, "{id} releases others than told");
        Ok(())
    }

    /// Accepts what the checks accept; that and the unconflicted state must be the result.
    fn replay(&self, resolution: &Resolution) -> Result<(), String> {
        let unconflicted = Split::new(self.sets).unconflicted;
        let mut state =
            if self.algorithm == Algorithm::V2_1 { StateMap::new() } else { unconflicted.clone() };
        let mut put_by: HashMap<KeyIx, (Round, usize)> = HashMap::new();
        for check in self.checks() {
            self.check_check(check, &state, &put_by)?;
            if let (true, Some(key)) = (check.verdict.is_allowed(), self.room.key_of(check.event)) {
                state.insert(key, check.event);
                put_by.insert(key, (check.round, check.number));
            }
        }
        let mut overwritten = Vec::new();
        for (key, event) in unconflicted.iter() {
            if let Some(replayed) = state.insert(key, event).filter(|replayed| *replayed != event) {
                overwritten.push((key, replayed, event));
            }
        }
        ensure!(state == resolution.state, "replaying the steps gives another state");
        for step in self.steps {
            let Step::Restore(restore) = step else { continue };
            ensure!(restore.unconflicted == unconflicted.len(), "another number is restored");
            ensure!(restore.overwritten == overwritten, "others are overwritten than told");
        }
        Ok(())
    }

    fn check_check(
        &self,
        check: &AuthCheck,
        state: &StateMap,
        put_by: &HashMap<KeyIx, (Round, usize)>,
    ) -> Result<(), String> {
        let room = self.room;
        let id = room.id(check.event);
        let key = room.key_of(check.event);
        ensure!(check.replaces == key.and_then(|key| state.get(key)), "{id} replaces something else");
        for read in &check.reads {
            let fits = match read.source {
                Source::Running(by) => {
                    read.event.is_some()
                        && read.event == state.get(read.key)
                        && by == put_by.get(&read.key).copied()
                }
                Source::Own => read.event.is_some_and(|event| room.auth_events(check.event).contains(&event)),
                Source::RoomId => read.event == room.create_by_room_id(check.event),
                Source::Absent => read.event.is_none(),
                Source::Candidate => false,
            };
            ensure!(fits, "{id} does not read {read:?}");
        }
        let CheckVerdict::Rules(verdict) = &check.verdict else { return Ok(()) };
        if check.reads.is_empty() {
            // Either a create event, or its content does not tell what it depends on.
            return Ok(());
        }
        let subject = Subject { room, event: check.event, profile: self.profile };
        let find = |key: KeyIx| check.reads.iter().find(|read| read.key == key).and_then(|read| read.event);
        let again = check_dependent(subject, find, ());
        ensure!(again == *verdict, "{id}: by the reads {again:?}, told {verdict:?}");
        for read in check.reads.iter().filter(|read| read.shadowed.is_some()) {
            let other = |key: KeyIx| if key == read.key { read.shadowed } else { find(key) };
            let flips = check_dependent(subject, other, ()).is_ok() != verdict.is_ok();
            ensure!(flips == read.would_flip, "{id}: {read:?} would flip: {flips}");
        }
        Ok(())
    }
}
