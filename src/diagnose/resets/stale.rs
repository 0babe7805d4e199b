//! States that contradict the history of their own branch.

use std::collections::{BTreeSet, HashMap};

use super::loss::{Branch, StaleInput};
use super::past::Pasts;
use crate::replay::{Footing, Replay};
use crate::room::{EventIx, EventSet, KeyIx, Link, Room, When};
use crate::state::StateMap;

/// The events of a room by key.
#[derive(Debug, Default)]
pub(super) struct ByKey(Option<HashMap<KeyIx, Vec<EventIx>>>);

impl ByKey {
    /// The events that set a key, ascending. The first question costs a walk through the room.
    fn of(&mut self, room: &Room, key: KeyIx) -> &[EventIx] {
        let by_key = self.0.get_or_insert_with(|| {
            let mut by_key: HashMap<KeyIx, Vec<EventIx>> = HashMap::new();
            for ix in room.events() {
                if let Some(key) = room.key_of(ix) {
                    by_key.entry(key).or_default().push(ix);
                }
            }
            by_key
        });
        by_key.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// Which of `keys` are stale in which of the merged states. Only branches that rest on an asserted state are looked at:
/// what is computed follows from its history.
pub(super) fn stale_inputs(
    replay: &Replay<'_>,
    pasts: &mut Pasts<'_>,
    by_key: &mut ByKey,
    (branches, inputs): (&[Branch], &[StateMap]),
    keys: &BTreeSet<KeyIx>,
) -> Vec<StaleInput> {
    let mut stale = Vec::new();
    for (branch, (Branch { head, footing }, state)) in branches.iter().zip(inputs).enumerate() {
        if *footing != Footing::Asserted {
            continue;
        }
        for key in keys {
            let has = state.get(*key);
            let events = by_key.of(replay.room(), *key);
            let newer = events.iter().rev().take_while(|event| has.is_none_or(|has| **event > has));
            for knows in newer.copied().filter(|event| !replay.rejected().contains(*event)) {
                let contradicts = has.is_none_or(|has| pasts.is_before(has, knows));
                if contradicts && let Some(since) = since(replay, pasts, (*head, state), (*key, has), knows) {
                    stale.push(StaleInput { branch, key: *key, has, knows, since });
                    break;
                }
            }
        }
    }
    stale
}

/// The first event of a branch whose state has `has` under the key, though it knows of `knows`; `None` if the branch
/// does not know of it, or if the first such state was not asserted but computed: then an event put it back.
fn since(
    replay: &Replay<'_>,
    pasts: &mut Pasts<'_>,
    (head, state): (Link, &StateMap),
    (key, has): (KeyIx, Option<EventIx>),
    knows: EventIx,
) -> Option<Link> {
    let room = replay.room();
    let knows_of = |pasts: &mut Pasts<'_>, at: EventIx| at == knows || pasts.is_before(knows, at);
    let Link::Event(mut at) = head else {
        return cites(replay, state, knows).then_some(head);
    };
    if !knows_of(pasts, at) {
        // What a peer told of a past that is not in the dump.
        let is_asserted = room.asserted(at, When::After).is_some() || room.has_missing_state_parent(at);
        return (is_asserted && cites(replay, state, knows)).then_some(head);
    }
    loop {
        if room.asserted(at, When::After).is_some() || room.asserted(at, When::Before).is_some() {
            return Some(Link::Event(at));
        }
        let shows = |link: Link| replay.after_link(link).is_some_and(|state| state.get(key) == has);
        let missing = room.state_links(at).find(|link| {
            let state = || replay.after_link(*link);
            link.event().is_none()
                && shows(*link)
                && state().is_some_and(|state| cites(replay, &state, knows))
        });
        if missing.is_some() {
            return missing;
        }
        at = room
            .state_parents(at)
            .iter()
            .copied()
            .find(|parent| shows(Link::Event(*parent)) && knows_of(pasts, *parent))?;
    }
}

/// Whether an event of the state rests on the event by its auth chain.
fn cites(replay: &Replay<'_>, state: &StateMap, event: EventIx) -> bool {
    let mut seen = EventSet::new(replay.room().len());
    let mut stack: Vec<EventIx> =
        state.iter().map(|(_, entry)| entry).filter(|entry| *entry > event).collect();
    while let Some(ix) = stack.pop() {
        for auth in replay.auth().of(ix) {
            if *auth == event {
                return true;
            }
            if *auth > event && seen.insert(*auth) {
                stack.push(*auth);
            }
        }
    }
    false
}
