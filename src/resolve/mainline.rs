//! The mainline ordering of everything that is no power event.
//!
//! Source: <https://spec.matrix.org/latest/rooms/v2/#definitions>, "Mainline ordering".

use super::Failure;
use super::levels::{Cited, Forest, View, cited_levels};
use super::step::{Decider, Mainline, MainlinePosition, Observer, Step};
use crate::room::EventIx;

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
/// Cost: for `n` events on a mainline of `m` power levels `n · log(n · m)`, once these are in the `forest`.
///
/// # Errors
/// Where the implementation that the profile stands for gives up.
pub(super) fn mainline_order<O: Observer>(
    view: View<'_>,
    forest: &mut Forest,
    events: &[EventIx],
    [levels, unconflicted_levels]: [Option<EventIx>; 2],
    observer: &mut O,
) -> Result<Vec<EventIx>, Failure> {
    let (room, _, profile) = view;
    let may_fail = profile.switches().missing_auth_stops_mainline;
    if events.is_empty() || events.len() == 1 && !may_fail && !O::LISTENS {
        return Ok(events.to_vec());
    }
    if let Some(levels) = levels {
        let oldest = forest.oldest(view, levels);
        if cited_levels(view, oldest) == Cited::Missing {
            return Err(Failure::new(room, oldest, "NotFound: an auth event on the mainline"));
        }
    }
    let steps = MainlineSteps::new(view, levels.filter(|_| O::LISTENS), forest);
    observer.step(|| Step::Mainline(steps.mainline(unconflicted_levels)));
    let mut ranked: Vec<(Rank, EventIx)> = Vec::with_capacity(events.len());
    let mut dropped: Vec<EventIx> = Vec::new();
    for event in events {
        let timestamp = room.event(*event).origin_server_ts();
        match forest.depth_on_mainline(view, *event, levels) {
            Some(from_oldest) => ranked.push((Rank { from_oldest, timestamp }, *event)),
            None => dropped.push(*event),
        }
    }
    ranked.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| room.id(*x).cmp(room.id(*y))));
    let mut before: Option<Rank> = None;
    for (place, (rank, event)) in ranked.iter().enumerate() {
        observer.step(|| Step::MainlinePosition(steps.position(place + 1, *event, *rank, before)));
        before = Some(*rank);
    }
    for event in dropped {
        observer.step(|| Step::MainlinePosition(steps.dropped(event)));
    }
    Ok(ranked.into_iter().map(|(_, event)| event).collect())
}

/// What only steps tell.
struct MainlineSteps<'a> {
    view: View<'a>,
    /// The newest first.
    events: Vec<EventIx>,
}

impl<'a> MainlineSteps<'a> {
    fn new(view: View<'a>, levels: Option<EventIx>, forest: &mut Forest) -> Self {
        let events = levels.map_or_else(Vec::new, |levels| forest.mainline(view, levels));
        Self { view, events }
    }

    fn mainline(&self, unconflicted_levels: Option<EventIx>) -> Mainline {
        let unconflicted_levels = unconflicted_levels.filter(|_| self.events.is_empty());
        Mainline { events: self.events.clone(), unconflicted_levels }
    }

    /// The power levels met on the way from an event, the last one on the mainline if it is reached.
    fn walk(&self, event: EventIx) -> Vec<EventIx> {
        let mut walk = Vec::new();
        let mut at = event;
        while !self.events.contains(&at)
            && let Cited::Levels(levels) = cited_levels(self.view, at)
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
        let position = self.events.len().checked_sub(rank.from_oldest).filter(|_| rank.from_oldest > 0);
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
