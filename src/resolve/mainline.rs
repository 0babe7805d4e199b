//! The mainline ordering of everything that is no power event.
//!
//! Source: <https://spec.matrix.org/latest/rooms/v2/#definitions>, "Mainline ordering".

use std::collections::HashMap;

use super::Failure;
use super::step::{Decider, Mainline, MainlinePosition, Observer, Step};
use crate::auth::Profile;
use crate::event::Kind;
use crate::room::{EventIx, Link, Room};

/// What looking for the power levels among auth events came to.
enum Cited {
    Levels(EventIx),
    Nothing,
    /// A missing event stands before any power levels, and the profile minds (D30).
    Missing,
}

/// The first power levels among an event's auth events.
fn cited_levels(room: &Room, ix: EventIx, profile: Profile) -> Cited {
    for link in room.auth_links(ix) {
        match link {
            Link::Event(auth) if room.event(auth).is_state_of(Kind::PowerLevels) => {
                return Cited::Levels(auth);
            }
            Link::Event(_) => {}
            Link::Missing(_) if profile.switches().missing_auth_stops_mainline => return Cited::Missing,
            Link::Missing(_) => {}
        }
    }
    Cited::Nothing
}

/// The place of an event in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// 0 for events without a place on the mainline, which come first; else 1 for the oldest power levels of the
    /// mainline, and so on.
    from_oldest: usize,
    timestamp: i64,
}

/// Orders events by where they hang on the mainline of the power levels `levels`.
///
/// `unconflicted_levels` are the power levels of the unconflicted state, which are no mainline in v2.1 even though one
/// might expect it.
///
/// # Errors
/// Where the implementation that the profile stands for gives up.
pub(super) fn mainline_order<O: Observer>(
    room: &Room,
    profile: Profile,
    events: &[EventIx],
    levels: Option<EventIx>,
    unconflicted_levels: Option<EventIx>,
    observer: &mut O,
) -> Result<Vec<EventIx>, Failure> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let mainline = mainline(room, profile, levels)?;
    observer.step(|| {
        let unconflicted_levels = unconflicted_levels.filter(|_| mainline.is_empty());
        Step::Mainline(Mainline { events: mainline.clone(), unconflicted_levels })
    });
    let mut walks = Walks::new(room, profile, &mainline);
    let mut ranked: Vec<(Rank, EventIx)> = Vec::with_capacity(events.len());
    let mut dropped: Vec<EventIx> = Vec::new();
    for event in events {
        let timestamp = room.event(*event).origin_server_ts();
        match walks.walk_from(*event) {
            Some(from_oldest) => ranked.push((Rank { from_oldest, timestamp }, *event)),
            None => dropped.push(*event),
        }
    }
    ranked.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| room.id(*x).cmp(room.id(*y))));
    let mut before: Option<Rank> = None;
    for (place, (rank, event)) in ranked.iter().enumerate() {
        observer.step(|| Step::MainlinePosition(walks.position(place + 1, *event, *rank, before)));
        before = Some(*rank);
    }
    for event in dropped {
        observer.step(|| Step::MainlinePosition(walks.dropped(event)));
    }
    Ok(ranked.into_iter().map(|(_, event)| event).collect())
}

/// The power levels `levels`, those it cites, and so on to the first; the newest first.
fn mainline(room: &Room, profile: Profile, levels: Option<EventIx>) -> Result<Vec<EventIx>, Failure> {
    let mut mainline = Vec::new();
    let mut next = levels;
    while let Some(levels) = next {
        mainline.push(levels);
        next = match cited_levels(room, levels, profile) {
            Cited::Levels(older) => Some(older),
            Cited::Nothing => None,
            Cited::Missing => {
                return Err(Failure::new(room, levels, "NotFound: an auth event on the mainline"));
            }
        };
    }
    Ok(mainline)
}

/// Walks from events to the mainline. The end of a walk is remembered for every power levels event on it.
struct Walks<'a> {
    room: &'a Room,
    profile: Profile,
    mainline: &'a [EventIx],
    /// As [`Rank::from_oldest`]; `None` where the walk breaks off at a missing event.
    known: HashMap<EventIx, Option<usize>>,
}

impl<'a> Walks<'a> {
    fn new(room: &'a Room, profile: Profile, mainline: &'a [EventIx]) -> Self {
        let known =
            mainline.iter().rev().enumerate().map(|(place, event)| (*event, Some(place + 1))).collect();
        Self { room, profile, mainline, known }
    }

    fn walk_from(&mut self, event: EventIx) -> Option<usize> {
        let mut walked = Vec::new();
        let mut at = event;
        let end = loop {
            if let Some(end) = self.known.get(&at) {
                break *end;
            }
            walked.push(at);
            match cited_levels(self.room, at, self.profile) {
                Cited::Levels(levels) => at = levels,
                Cited::Nothing => break Some(0),
                Cited::Missing => break None,
            }
        };
        self.known.extend(walked.into_iter().map(|event| (event, end)));
        end
    }

    /// The power levels met on the way from an event, the last one on the mainline if it is reached.
    fn walk(&self, event: EventIx) -> Vec<EventIx> {
        let mut walk = Vec::new();
        let mut at = event;
        while !self.mainline.contains(&at)
            && let Cited::Levels(levels) = cited_levels(self.room, at, self.profile)
        {
            walk.push(levels);
            at = levels;
        }
        walk
    }

    fn position(&self, number: usize, event: EventIx, rank: Rank, before: Option<Rank>) -> MainlinePosition {
        let decider = match before {
            None => Decider::Alone,
            Some(before) if before.from_oldest != rank.from_oldest => Decider::Position,
            Some(before) if before.timestamp != rank.timestamp => Decider::Timestamp,
            Some(_) => Decider::EventId,
        };
        let position = self.mainline.len().checked_sub(rank.from_oldest).filter(|_| rank.from_oldest > 0);
        MainlinePosition { number, event, walk: self.walk(event), position, decider, dropped: false }
    }

    fn dropped(&self, event: EventIx) -> MainlinePosition {
        MainlinePosition {
            number: 0,
            event,
            walk: self.walk(event),
            position: None,
            decider: Decider::Alone,
            dropped: true,
        }
    }
}
