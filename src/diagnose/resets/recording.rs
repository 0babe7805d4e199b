//! The steps of one resolution, to be asked about events.

use std::collections::{HashMap, HashSet};

use super::loss::{Inversion, InversionBy, Placement};
use crate::resolve::step::{
    AuthCheck, Candidates, Decider, MainlinePosition, Observer, PowerEvents, PowerPop, PowerQueue, Step,
};
use crate::room::{EventIx, KeyIx, Room};

/// So many ready or blocked events are told of.
const SHOWN: usize = 10;

/// Takes steps, all but those that only tell how auth chains reach what.
#[derive(Debug, Default)]
pub(super) struct Recorder(Vec<Step>);

impl Observer for Recorder {
    const LISTENS: bool = true;
    const FOLLOWS_CHAINS: bool = false;

    fn step(&mut self, make: impl FnOnce() -> Step) {
        self.0.push(make());
    }
}

/// A recording by event.
#[derive(Debug)]
pub(super) struct Recording {
    steps: Vec<Step>,
    /// The place of the check of an event.
    checks: HashMap<EventIx, usize>,
    /// The place of the step that gave an event its place.
    orders: HashMap<EventIx, usize>,
    power: Option<usize>,
    /// The candidates of a key (v1).
    candidates: HashMap<KeyIx, usize>,
}

impl Recording {
    pub(super) fn new(recorder: Recorder) -> Self {
        let steps = recorder.0;
        let mut recording = Self {
            steps: Vec::new(),
            checks: HashMap::new(),
            orders: HashMap::new(),
            power: None,
            candidates: HashMap::new(),
        };
        for (place, step) in steps.iter().enumerate() {
            match step {
                Step::AuthCheck(check) => {
                    recording.checks.insert(check.event, place);
                }
                Step::PowerPop(pop) => {
                    recording.orders.insert(pop.event, place);
                }
                Step::MainlinePosition(position) => {
                    recording.orders.insert(position.event, place);
                }
                Step::PowerEvents(_) => recording.power = Some(place),
                Step::Candidates(candidates) => {
                    recording.candidates.insert(candidates.key, place);
                }
                _ => {}
            }
        }
        recording.steps = steps;
        recording
    }

    /// The events that were replayed.
    pub(super) fn replayed(&self) -> impl ExactSizeIterator<Item = EventIx> + '_ {
        self.checks.keys().copied()
    }

    /// How the check of an event went.
    pub(super) fn check(&self, event: EventIx) -> Option<&AuthCheck> {
        match &self.steps[*self.checks.get(&event)?] {
            Step::AuthCheck(check) => Some(check),
            _ => None,
        }
    }

    /// Whether both were checked, `one` before `other`.
    pub(super) fn is_checked_before(&self, one: EventIx, other: EventIx) -> bool {
        self.checks.get(&one).zip(self.checks.get(&other)).is_some_and(|(one, other)| one < other)
    }

    /// Whether an event passed.
    pub(super) fn passed(&self, event: EventIx) -> bool {
        self.check(event).is_some_and(|check| check.verdict.is_allowed())
    }

    /// The candidates of a key in the order they were tried (v1).
    pub(super) fn candidates(&self, key: KeyIx) -> Option<&Candidates> {
        match &self.steps[*self.candidates.get(&key)?] {
            Step::Candidates(candidates) => Some(candidates),
            _ => None,
        }
    }

    fn pop(&self, event: EventIx) -> Option<&PowerPop> {
        match &self.steps[*self.orders.get(&event)?] {
            Step::PowerPop(pop) => Some(pop),
            _ => None,
        }
    }

    /// The place of an event in the mainline ordering.
    pub(super) fn position(&self, event: EventIx) -> Option<&MainlinePosition> {
        match &self.steps[*self.orders.get(&event)?] {
            Step::MainlinePosition(position) => Some(position),
            _ => None,
        }
    }

    fn power(&self) -> Option<&PowerEvents> {
        match &self.steps[self.power?] {
            Step::PowerEvents(events) => Some(events),
            _ => None,
        }
    }

    /// The places of the given events in the replay. Cost: once through the power ordering, if any of them is in it.
    pub(super) fn placements(&self, room: &Room, events: &HashSet<EventIx>) -> HashMap<EventIx, Placement> {
        let mut placements = HashMap::new();
        for event in events {
            if let Some(position) = self.position(*event).filter(|position| !position.dropped) {
                let &MainlinePosition { number, position, decider, .. } = position;
                let timestamp = room.event(*event).origin_server_ts();
                placements.insert(*event, Placement::Mainline { number, position, timestamp, decider });
            }
        }
        let Some(power) = self.power() else { return placements };
        let mut left = events.iter().filter(|event| self.pop(**event).is_some()).count();
        let mut queue = PowerQueue::new(power);
        for step in &self.steps {
            let Step::PowerPop(pop) = step else { continue };
            if left == 0 {
                break;
            }
            if events.contains(&pop.event) {
                left -= 1;
                if let Some(placement) = power_placement(&queue, pop) {
                    placements.insert(pop.event, placement);
                }
            }
            queue.pop(pop.event);
        }
        placements
    }

    /// What put `newer` before `older`, though it followed it; `None` if it did not come before it.
    pub(super) fn inversion(&self, room: &Room, older: EventIx, newer: EventIx) -> Option<Inversion> {
        let mut waits_for = Vec::new();
        let by = match (self.pop(older), self.pop(newer)) {
            (None, Some(_)) => InversionBy::Round,
            (Some(later), Some(first)) if first.number < later.number => {
                let (by, waits) = self.power_inversion(older, first)?;
                waits_for = waits;
                by
            }
            _ => match (self.position(older), self.position(newer)) {
                (Some(later), Some(first)) if first.number < later.number => {
                    InversionBy::Key(mainline_inversion(room, later, first))
                }
                (None, None) => {
                    self.candidates(room.key_of(newer).filter(|key| room.key_of(older) == Some(*key))?)?;
                    InversionBy::Depth
                }
                _ => return None,
            },
        };
        Some(Inversion { older, newer, by, waits_for })
    }

    /// Whether the older one was ready when the newer one was taken, and if so what part of the key decided; if not,
    /// what it waited for.
    fn power_inversion(&self, older: EventIx, first: &PowerPop) -> Option<(InversionBy, Vec<EventIx>)> {
        let mut queue = PowerQueue::new(self.power()?);
        for step in &self.steps {
            if let Step::PowerPop(pop) = step {
                if pop.event == first.event {
                    break;
                }
                queue.pop(pop.event);
            }
        }
        if let Some((_, waits)) = queue.blocked().find(|(entry, _)| entry.event == older) {
            return Some((InversionBy::Blocked, waits));
        }
        let key = |event: EventIx| queue.ready().find(|entry| entry.event == event).map(|entry| entry.key);
        let (older, newer) = key(older).zip(key(first.event))?;
        let decider = match () {
            () if older.level != newer.level => Decider::Level,
            () if older.timestamp != newer.timestamp => Decider::Timestamp,
            () => Decider::EventId,
        };
        Some((InversionBy::Key(decider), Vec::new()))
    }
}

fn power_placement(queue: &PowerQueue<'_>, pop: &PowerPop) -> Option<Placement> {
    let key = queue.ready().find(|entry| entry.event == pop.event)?.key;
    let others = queue.ready().filter(|entry| entry.event != pop.event);
    let ready = others.take(SHOWN).map(|entry| (entry.event, entry.key)).collect();
    let blocked = queue.blocked().take(SHOWN).map(|(entry, by)| (entry.event, by)).collect();
    Some(Placement::Power { number: pop.number, key, decider: pop.decider, ready, blocked })
}

fn mainline_inversion(room: &Room, later: &MainlinePosition, first: &MainlinePosition) -> Decider {
    let timestamp = |position: &MainlinePosition| room.event(position.event).origin_server_ts();
    if later.position != first.position {
        Decider::Position
    } else if timestamp(later) != timestamp(first) {
        Decider::Timestamp
    } else {
        Decider::EventId
    }
}
