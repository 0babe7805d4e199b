//! What became of a key, and what a merge would have been without some events.

use super::loss::Class;
use super::past::Pasts;
use crate::room::{EventIx, EventSet, Link, Room};
use crate::state::Values;

/// What became of a key that has not simply moved forward, and the newest values before.
pub(super) struct Outcome {
    pub(super) class: Class,
    /// Descending.
    pub(super) tips: Vec<EventIx>,
    /// The tips that were lost.
    pub(super) lost: Vec<EventIx>,
    /// A hole may hide that it has moved forward.
    pub(super) uncertain: bool,
}

/// What became of a key; `None` if it moved forward. Looks at the past of an event only where the indices leave it open.
pub(super) fn outcome(pasts: &mut Pasts<'_>, values: &Values, after: Option<EventIx>) -> Option<Outcome> {
    let mut had: Vec<EventIx> = values.held().map(|(_, event)| event).collect();
    had.sort_unstable();
    had.dedup();
    let newest = *had.last()?;
    let (class, uncertain) = match after {
        None if values.held().len() == values.len() => (Class::VanishAll, false),
        None => (Class::VanishSome, false),
        // What came before it cannot have come after it.
        Some(after) if newest == after => return None,
        Some(after) => rollback(pasts, &had, after)?,
    };
    let tips = pasts.maximal(&had);
    let is_lost = |tip: &EventIx| after.is_none_or(|after| *tip != after && !pasts.is_before(*tip, after));
    let lost: Vec<EventIx> = tips.iter().copied().filter(is_lost).collect();
    (!lost.is_empty()).then_some(Outcome { class, tips, lost, uncertain })
}

fn rollback(pasts: &mut Pasts<'_>, had: &[EventIx], after: EventIx) -> Option<(Class, bool)> {
    let is_value = had.binary_search(&after).is_ok();
    let rolled_back = if is_value { Class::RollbackLocal } else { Class::RollbackDeep };
    let is_older = pasts.is_before_any(after, had);
    let moved_on = is_value || had.iter().any(|value| pasts.is_before(*value, after));
    match is_older {
        Some(true) => Some((rolled_back, false)),
        None if is_value || !moved_on => Some((rolled_back, true)),
        Some(false) if !moved_on => Some((Class::Foreign, false)),
        None | Some(false) => None,
    }
}

/// What is left of branches if some events and all their descendants had never been sent: the newest events that are not
/// among them.
pub(super) fn heads_without(
    room: &Room,
    pasts: &mut Pasts<'_>,
    heads: &[Link],
    removed: &[EventIx],
) -> Vec<Link> {
    let last = heads.iter().filter_map(|head| head.event()).max();
    let gone = descendants(room, removed, last);
    let mut missing: Vec<Link> = Vec::new();
    let mut kept: Vec<EventIx> = Vec::new();
    let mut seen = EventSet::default();
    let mut stack: Vec<Link> = heads.to_vec();
    while let Some(link) = stack.pop() {
        match link {
            Link::Missing(_) if !missing.contains(&link) => missing.push(link),
            Link::Event(ix) if seen.insert(ix) => {
                if gone.contains(ix) {
                    stack.extend(room.state_links(ix));
                } else {
                    kept.push(ix);
                }
            }
            Link::Missing(_) | Link::Event(_) => {}
        }
    }
    let mut left: Vec<Link> = pasts.maximal(&kept).into_iter().map(Link::Event).collect();
    left.extend(missing);
    left
}

/// The given events and all that follow them, up to `last`.
fn descendants(room: &Room, events: &[EventIx], last: Option<EventIx>) -> EventSet {
    let mut gone: EventSet = events.iter().copied().collect();
    let mut stack = events.to_vec();
    while let Some(ix) = stack.pop() {
        for child in room.state_children(ix).iter().chain(room.auth_children(ix)) {
            if Some(*child) <= last && gone.insert(*child) {
                stack.push(*child);
            }
        }
    }
    gone
}
