//! Power events and the reverse topological power ordering.
//!
//! Source: <https://spec.matrix.org/latest/rooms/v2/#definitions>, "Power events", "Reverse topological power
//! ordering".

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::Failure;
use super::chain::AuthGraph;
use super::chance::sender_levels;
use super::step::{Decider, Observer, PowerEntry, PowerEvents, PowerKey, PowerPop, PowerReason, Step};
use crate::auth::{Errors, Level, LevelSource, Profile, Refusal, create_by_room_id, sender_level};
use crate::event::Kind;
use crate::event::content::{Field, Membership};
use crate::room::{EventIx, EventSet, Link, Room};

/// Finds the power events of the full conflicted set (ascending), adds what they depend on, and orders them.
///
/// # Errors
/// Where the implementation that the profile stands for gives up.
pub(super) fn power_order<O: Observer>(
    graph: AuthGraph<'_>,
    profile: Profile,
    full: &[EventIx],
    observer: &mut O,
) -> Result<Vec<EventIx>, Failure> {
    let reasons = enlarge(graph, profile, full);
    let waits_for = constraints(graph, profile, &reasons);
    let keys = keys(graph.room, profile, &reasons, &waits_for)?;
    let order = Kahn::new(graph.room, &keys, &waits_for);
    observer.step(|| {
        let entry =
            |((event, reason), (key, waits_for)): (&(EventIx, PowerReason), (&PowerKey, &Vec<EventIx>))| {
                PowerEntry { event: *event, reason: *reason, key: *key, waits_for: waits_for.clone() }
            };
        let keys = keys.iter().map(|(_, key)| key);
        Step::PowerEvents(PowerEvents {
            events: reasons.iter().zip(keys.zip(&waits_for)).map(entry).collect(),
        })
    });
    Ok(order.run(observer))
}

/// Whether an event is a power event, and by which of its properties.
fn power_reason(room: &Room, ix: EventIx, profile: Profile) -> Option<PowerReason> {
    let switches = profile.switches();
    let event = room.event(ix);
    let state_key = event.state_key()?;
    let counts = !switches.power_events_have_empty_key || state_key.is_empty();
    match event.kind() {
        Kind::PowerLevels if counts => Some(PowerReason::PowerLevels),
        Kind::JoinRules if counts => Some(PowerReason::JoinRules),
        Kind::Create if switches.create_is_power_event && state_key.is_empty() => Some(PowerReason::Create),
        Kind::Member => {
            let membership = &event.as_member()?.membership;
            let removes = matches!(membership, Field::Value(Membership::Leave | Membership::Ban));
            (removes && event.sender() != state_key).then_some(PowerReason::Membership)
        }
        _ => None,
    }
}

/// The power events, and the events of their auth chains that are in the full conflicted set; ascending.
fn enlarge(graph: AuthGraph<'_>, profile: Profile, full: &[EventIx]) -> Vec<(EventIx, PowerReason)> {
    let in_full: EventSet = full.iter().copied().collect();
    let mut found: HashMap<EventIx, PowerReason> = HashMap::new();
    let mut stack: Vec<(EventIx, EventIx)> = Vec::new();
    for ix in full {
        if let Some(reason) = power_reason(graph.room, *ix, profile) {
            found.insert(*ix, reason);
            stack.push((*ix, *ix));
        }
    }
    let through_full_set_only = profile.switches().enlarge_within_full_set;
    let floor = full.first().copied().unwrap_or(EventIx::new(0));
    let mut seen: EventSet = found.keys().copied().collect();
    // Depth first from the smallest power event on, so that the outcome does not depend on the hash order above.
    stack.sort_unstable_by_key(|entry| Reverse(*entry));
    while let Some((ix, power_event)) = stack.pop() {
        for parent in graph.parents(ix).filter(|parent| *parent >= floor) {
            let counts = in_full.contains(parent);
            if (!counts && through_full_set_only) || !seen.insert(parent) {
                continue;
            }
            if counts {
                found.insert(parent, PowerReason::PulledInBy(power_event));
            }
            stack.push((parent, power_event));
        }
    }
    let mut events: Vec<_> = found.into_iter().collect();
    events.sort_unstable_by_key(|(event, _)| *event);
    events
}

/// For every event of the ordering those that must come before it.
///
/// Implementations look at direct auth edges only (D17); by the text every auth path counts, so paths through events
/// outside the ordering are followed to the first event inside.
fn constraints(
    graph: AuthGraph<'_>,
    profile: Profile,
    events: &[(EventIx, PowerReason)],
) -> Vec<Vec<EventIx>> {
    let inside: EventSet = events.iter().map(|(event, _)| *event).collect();
    let through = if profile.switches().order_by_direct_edges {
        HashMap::new()
    } else {
        nearest_inside(graph, events, &inside)
    };
    let before = |event: EventIx| {
        let mut before: Vec<EventIx> = Vec::new();
        for parent in graph.parents(event) {
            if inside.contains(parent) {
                before.push(parent);
            } else if let Some(nearest) = through.get(&parent) {
                before.extend(nearest);
            }
        }
        before.sort_unstable();
        before.dedup();
        before
    };
    events.iter().map(|(event, _)| before(*event)).collect()
}

/// For the events outside that lie on auth paths from inside: the first events inside that they lead to.
fn nearest_inside(
    graph: AuthGraph<'_>,
    events: &[(EventIx, PowerReason)],
    inside: &EventSet,
) -> HashMap<EventIx, Vec<EventIx>> {
    let Some((floor, _)) = events.first() else { return HashMap::new() };
    let mut outside = EventSet::new(graph.room.len());
    let mut stack: Vec<EventIx> = events.iter().map(|(event, _)| *event).collect();
    while let Some(ix) = stack.pop() {
        for parent in graph.parents(ix).filter(|parent| parent > floor && !inside.contains(*parent)) {
            if outside.insert(parent) {
                stack.push(parent);
            }
        }
    }
    let mut nearest: HashMap<EventIx, Vec<EventIx>> = HashMap::new();
    for ix in outside.iter() {
        let mut found: Vec<EventIx> = Vec::new();
        for parent in graph.parents(ix) {
            if inside.contains(parent) {
                found.push(parent);
            } else if let Some(more) = nearest.get(&parent) {
                found.extend(more);
            }
        }
        found.sort_unstable();
        found.dedup();
        nearest.insert(ix, found);
    }
    nearest
}

/// The power levels and the create event among an event's auth events; the last of several.
fn cited(room: &Room, ix: EventIx) -> (Option<EventIx>, Option<EventIx>) {
    let implied = room.rules().room_id_is_create_id;
    let mut levels = None;
    let mut create = if implied { create_by_room_id(room, ix) } else { None };
    for auth in room.auth_links(ix).filter_map(Link::event) {
        let event = room.event(auth);
        if event.is_state_of(Kind::PowerLevels) {
            levels = Some(auth);
        } else if event.is_state_of(Kind::Create) && !implied {
            create = Some(auth);
        }
    }
    (levels, create)
}

/// The keys of the events of the ordering.
fn keys(
    room: &Room,
    profile: Profile,
    events: &[(EventIx, PowerReason)],
    waits_for: &[Vec<EventIx>],
) -> Result<Vec<(EventIx, PowerKey)>, Failure> {
    let events: Vec<EventIx> = events.iter().map(|(event, _)| *event).collect();
    let keys = |levels: &Vec<(Level, LevelSource)>| -> Vec<(EventIx, PowerKey)> {
        let key = |(ix, (level, source)): (&EventIx, &(Level, LevelSource))| {
            let timestamp = room.event(*ix).origin_server_ts();
            (*ix, PowerKey { level: *level, source: *source, timestamp })
        };
        events.iter().zip(levels).map(key).collect()
    };
    let levels = if profile.switches().errors == Errors::RumaErrors {
        sender_levels(room, &events, |levels| Kahn::new(room, &keys(levels), waits_for).run(&mut ()))?
    } else {
        events.iter().map(|ix| cited_level(room, profile, *ix)).collect::<Result<_, _>>()?
    };
    Ok(keys(&levels))
}

/// The level of an event's sender by what the event cites.
fn cited_level(room: &Room, profile: Profile, ix: EventIx) -> Result<(Level, LevelSource), Failure> {
    let errors = profile.switches().errors;
    let (levels, create) = cited(room, ix);
    let create = match create {
        None if errors == Errors::Raise && room.event(ix).kind() != Kind::Create => {
            return Err(Failure::new(room, ix, "AssertionError: no create event among the auth events"));
        }
        None if errors == Errors::Refuse => room.create_event().filter(|create| *create != ix),
        create => create,
    };
    sender_level(room, profile, ix, levels, create).or_else(|refusal| match (&refusal, errors) {
        (Refusal::Rule(_), _) | (_, Errors::Refuse) => Ok((Level::Finite(0), LevelSource::NoPowerLevels)),
        _ => Err(Failure::new(room, ix, refusal.detail().unwrap_or_default())),
    })
}

/// Kahn's algorithm from the oldest events on; of the ready events the one of least key comes first.
struct Kahn<'a> {
    room: &'a Room,
    events: &'a [(EventIx, PowerKey)],
    /// For every event the places of those that wait for it.
    waiting: Vec<Vec<usize>>,
    /// For every event how many it still waits for.
    blockers: Vec<usize>,
    /// Sorted by key: (level descending, timestamp, event ID, place).
    ready: BTreeSet<(Reverse<Level>, i64, &'a str, usize)>,
}

impl<'a> Kahn<'a> {
    fn new(room: &'a Room, events: &'a [(EventIx, PowerKey)], waits_for: &[Vec<EventIx>]) -> Self {
        let mut waiting = vec![Vec::new(); events.len()];
        for (place, before) in waits_for.iter().enumerate() {
            for event in before {
                if let Ok(target) = events.binary_search_by_key(event, |(event, _)| *event) {
                    waiting[target].push(place);
                }
            }
        }
        let mut kahn = Self {
            room,
            events,
            waiting,
            blockers: waits_for.iter().map(Vec::len).collect(),
            ready: BTreeSet::new(),
        };
        for place in 0..events.len() {
            kahn.offer(place);
        }
        kahn
    }

    /// Makes an event ready if it waits for nothing; returns whether it does.
    fn offer(&mut self, place: usize) -> bool {
        let free = self.blockers[place] == 0;
        if free {
            let (event, key) = &self.events[place];
            self.ready.insert((Reverse(key.level), key.timestamp, self.room.id(*event), place));
        }
        free
    }

    fn run<O: Observer>(mut self, observer: &mut O) -> Vec<EventIx> {
        let mut order = Vec::with_capacity(self.events.len());
        while let Some((level, timestamp, _, place)) = self.ready.pop_first() {
            let event = self.events[place].0;
            let mut released = Vec::new();
            let next = self.ready.first().copied();
            for waiting in std::mem::take(&mut self.waiting[place]) {
                self.blockers[waiting] -= 1;
                if self.offer(waiting) {
                    released.push(self.events[waiting].0);
                }
            }
            order.push(event);
            observer.step(|| {
                let decider = match next {
                    None => Decider::Alone,
                    Some((other, ..)) if other != level => Decider::Level,
                    Some((_, other, ..)) if other != timestamp => Decider::Timestamp,
                    Some(_) => Decider::EventId,
                };
                let runner_up = next.map(|(.., place)| self.events[place].0);
                Step::PowerPop(PowerPop { number: order.len(), event, decider, runner_up, released })
            });
        }
        order
    }
}
