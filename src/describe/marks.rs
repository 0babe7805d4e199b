//! What stands out about an event.

use super::text;
use crate::replay::{Rejection, Replay};
use crate::room::{EventIx, Link, Room, When};
use crate::state::Split;

/// The number of keys on which the states after the parents of an event differ; 0 where nothing was resolved.
pub fn conflicts(replay: &Replay<'_>, ix: EventIx) -> usize {
    let inputs = || replay.inputs(ix).filter(|_| replay.resolved(ix));
    inputs().map_or(0, |inputs| Split::new(&inputs).conflicts.len())
}

/// The number of the rule that rejected an event, in the text of the room version.
pub fn rule_number(room: &Room, rejection: &Rejection) -> Option<&'static str> {
    Some(rejection.refusal.as_ref()?.rule().number(room.rules().numbering))
}

/// Whether the dump records the event as soft-failed, or the replay of a state DAG finds it to be so.
pub fn is_soft_failed(replay: &Replay<'_>, ix: EventIx) -> bool {
    replay.room().recorded(ix).soft_failed || replay.soft_failed(ix) == Some(true)
}

/// Whether the event is part of the current state.
pub fn is_current(replay: &Replay<'_>, ix: EventIx) -> bool {
    let state = replay.current().state.as_ref();
    replay.room().key_of(ix).is_some_and(|key| state.is_some_and(|state| state.get(key) == Some(ix)))
}

/// The parents of an event after which the dump gives no state: those that are not in it, and those without a place in
/// the DAG. None of an event that has no place itself.
pub fn gaps(room: &Room, ix: EventIx) -> Vec<Link> {
    if room.is_outlier(ix) {
        return Vec::new();
    }
    let is_gap = |link: &Link| match link {
        Link::Missing(_) => true,
        Link::Event(parent) => room.has_no_place(*parent),
    };
    room.state_links(ix).filter(is_gap).collect()
}

/// Whether somebody asserts the state before or after an event, or after all of its parents that are [`gaps`].
pub fn is_asserted(room: &Room, ix: EventIx) -> bool {
    let at_parent = |link: &Link| match link {
        Link::Missing(missing) => room.asserted_missing(*missing).is_some(),
        Link::Event(parent) => room.asserted(*parent, When::After).is_some(),
    };
    let gaps = gaps(room, ix);
    room.asserted(ix, When::Before).is_some()
        || room.asserted(ix, When::After).is_some()
        || !gaps.is_empty() && gaps.iter().all(at_parent)
}

/// What stands out about an event, in a word or two each.
pub fn words(replay: &Replay<'_>, ix: EventIx) -> Vec<String> {
    let room = replay.room();
    let conflicts = conflicts(replay, ix);
    let conflicts = (conflicts > 0).then(|| text::count(conflicts, "conflict"));
    let others = [
        (replay.rejected().contains(ix), "rejected"),
        (replay.is_unprocessed(ix), "waits"),
        (is_soft_failed(replay, ix), "soft-failed"),
        (room.is_outlier(ix), "outlier"),
        (!gaps(room, ix).is_empty(), "hole"),
    ];
    let others = others.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned());
    conflicts.into_iter().chain(others).collect()
}

/// The ID of what a reference leads to.
pub fn link_id(room: &Room, link: Link) -> &str {
    match link {
        Link::Event(ix) => room.id(ix),
        Link::Missing(missing) => room.missing_id(missing),
    }
}
