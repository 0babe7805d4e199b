//! Power events and the reverse topological power ordering.
//!
//! Source: <https://spec.matrix.org/latest/rooms/v2/#definitions>, "Power events", "Reverse topological power
//! ordering".

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Failure;
use super::chance::sender_levels;
use super::graph::AuthGraph;
use super::marks::{Mark, Marks};
use super::running::IndexMap;
use super::step::{Decider, Observer, PowerEntry, PowerEvents, PowerKey, PowerPop, PowerReason, Step};
use crate::auth::{Errors, Level, LevelSource, Profile, Refusal, sender_level};
use crate::event::Kind;
use crate::event::content::{Field, Membership};
use crate::room::{AuthEdges, EventIx, Link, Room};

/// Finds the power events of the full conflicted set (ascending, marked so), adds what they depend on, and orders them.
///
/// # Errors
/// Where the implementation that the profile stands for gives up.
pub(super) fn power_order<O: Observer>(
    graph: AuthGraph<'_>,
    profile: Profile,
    marks: &mut Marks,
    full: &[EventIx],
    observer: &mut O,
) -> Result<Vec<EventIx>, Failure> {
    let reasons = enlarge(graph, profile, marks, full);
    if reasons.is_empty() && !O::LISTENS {
        return Ok(Vec::new());
    }
    let waits_for = constraints(graph, profile, marks, &reasons);
    let keys = keys((graph.room, graph.edges), profile, &reasons, &waits_for)?;
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
    let removal = || {
        let membership = &room.event(ix).as_member()?.membership;
        let removes = matches!(membership, Field::Value(Membership::Leave | Membership::Ban));
        removes.then_some(PowerReason::Membership)
    };
    let known = room.well_known();
    let Some(key) = room.key_of(ix) else {
        // ruma does not ask whether it is a state event before it compares sender and state key.
        let counts = switches.errors == Errors::RumaErrors && room.event(ix).kind() == Kind::Member;
        return if counts { removal() } else { None };
    };
    let any_key = !switches.power_events_have_empty_key;
    match room.event(ix).kind() {
        Kind::PowerLevels if any_key || key == known.power_levels => Some(PowerReason::PowerLevels),
        Kind::JoinRules if any_key || key == known.join_rules => Some(PowerReason::JoinRules),
        Kind::Create if switches.create_is_power_event && key == known.create => Some(PowerReason::Create),
        // The key is that of the target's membership.
        Kind::Member if key != room.sender_key(ix) => removal(),
        _ => None,
    }
}

/// The power events, and the events of their auth chains that are in the full conflicted set; ascending.
fn enlarge(
    graph: AuthGraph<'_>,
    profile: Profile,
    marks: &mut Marks,
    full: &[EventIx],
) -> Vec<(EventIx, PowerReason)> {
    let reason = |ix: &EventIx| Some((*ix, power_reason(graph.room, *ix, profile)?));
    let mut found: Vec<(EventIx, PowerReason)> = full.iter().filter_map(reason).collect();
    let through_full_set_only = profile.switches().enlarge_within_full_set;
    let floor = full.first().copied().unwrap_or(EventIx::new(0));
    for (ix, _) in &found {
        marks.set(*ix, Mark::BelowPower);
    }
    // Depth first from the smallest power event on.
    let mut stack: Vec<(EventIx, EventIx)> = found.iter().rev().map(|(ix, _)| (*ix, *ix)).collect();
    while let Some((ix, power_event)) = stack.pop() {
        for parent in graph.parents(ix).filter(|parent| *parent >= floor) {
            let counts = marks.has(parent, Mark::Full);
            if (!counts && through_full_set_only) || !marks.set(parent, Mark::BelowPower) {
                continue;
            }
            if counts {
                found.push((parent, PowerReason::PulledInBy(power_event)));
            }
            stack.push((parent, power_event));
        }
    }
    found.sort_unstable_by_key(|(event, _)| *event);
    found
}

/// For every event of the ordering those that must come before it.
///
/// Implementations look at direct auth edges only (D17); by the text every auth path counts, so paths through events
/// outside the ordering are followed to the first event inside.
fn constraints(
    graph: AuthGraph<'_>,
    profile: Profile,
    marks: &mut Marks,
    events: &[(EventIx, PowerReason)],
) -> Vec<Vec<EventIx>> {
    if events.len() < 2 {
        return vec![Vec::new(); events.len()];
    }
    for (event, _) in events {
        marks.set(*event, Mark::Power);
    }
    let through = if profile.switches().order_by_direct_edges {
        IndexMap::default()
    } else {
        nearest_inside(graph, marks, events)
    };
    events.iter().map(|(event, _)| before(graph, marks, &through, *event)).collect()
}

/// The events of the ordering that an event leads to without leading through others.
fn before(
    graph: AuthGraph<'_>,
    marks: &Marks,
    through: &IndexMap<EventIx, Vec<EventIx>>,
    event: EventIx,
) -> Vec<EventIx> {
    let mut before: Vec<EventIx> = Vec::new();
    for parent in graph.parents(event) {
        if marks.has(parent, Mark::Power) {
            before.push(parent);
        } else if marks.has(parent, Mark::Between)
            && let Some(nearest) = through.get(&parent)
        {
            before.extend(nearest);
        }
    }
    before.sort_unstable();
    before.dedup();
    before
}

/// For the events outside that lie on auth paths from inside: the first events inside that they lead to, if any.
fn nearest_inside(
    graph: AuthGraph<'_>,
    marks: &mut Marks,
    events: &[(EventIx, PowerReason)],
) -> IndexMap<EventIx, Vec<EventIx>> {
    let mut nearest = IndexMap::default();
    let Some((floor, _)) = events.first() else { return nearest };
    let mut outside = Vec::new();
    let mut stack: Vec<EventIx> = events.iter().map(|(event, _)| *event).collect();
    while let Some(ix) = stack.pop() {
        for parent in graph.parents(ix).filter(|parent| parent > floor) {
            if !marks.has(parent, Mark::Power) && marks.set(parent, Mark::Between) {
                outside.push(parent);
                stack.push(parent);
            }
        }
    }
    outside.sort_unstable();
    for ix in outside {
        let found = before(graph, marks, &nearest, ix);
        if !found.is_empty() {
            nearest.insert(ix, found);
        }
    }
    nearest
}

/// The room, and along which edges auth events are found.
type Edges<'a> = (&'a Room, AuthEdges<'a>);

/// The power levels and the create event among an event's auth events; the last of several.
fn cited((room, edges): Edges<'_>, ix: EventIx) -> (Option<EventIx>, Option<EventIx>) {
    let known = room.well_known();
    let implied = room.rules().room_id_is_create_id;
    let mut levels = None;
    let mut create = if implied { room.create_by_room_id(ix) } else { None };
    for auth in edges.links(ix).filter_map(Link::event) {
        let key = room.key_of(auth);
        if key == Some(known.power_levels) {
            levels = Some(auth);
        } else if key == Some(known.create) && !implied {
            create = Some(auth);
        }
    }
    (levels, create)
}

/// The keys of the events of the ordering.
fn keys(
    (room, edges): Edges<'_>,
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
        sender_levels((room, edges), &events, |levels| {
            Kahn::new(room, &keys(levels), waits_for).run(&mut ())
        })?
    } else {
        events.iter().map(|ix| cited_level((room, edges), profile, *ix)).collect::<Result<_, _>>()?
    };
    Ok(keys(&levels))
}

/// The level of an event's sender by what the event cites.
fn cited_level(
    (room, edges): Edges<'_>,
    profile: Profile,
    ix: EventIx,
) -> Result<(Level, LevelSource), Failure> {
    let errors = profile.switches().errors;
    let (levels, create) = cited((room, edges), ix);
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
