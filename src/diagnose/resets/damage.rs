//! What a loss did to the room, and when somebody repaired it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use serde_json::Value;

use super::loss::Loss;
use super::run::Diagnosis;
use super::severity::membership;
use crate::event::Kind;
use crate::event::content::Membership;
use crate::replay::{Place, Replay};
use crate::room::{EventIx, EventSet, KeyIx, Room};

/// What a loss did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Damage {
    /// The keys that were lost at the same place for the same cause, this one among them, ascending.
    pub keys: Vec<KeyIx>,
    /// Those of them that are memberships of users who were in the room and are not any more.
    pub members: Vec<KeyIx>,
    /// Who lost power by it.
    pub powers: Vec<LostPower>,
    /// The first later event after which the key has another value.
    pub repaired: Option<EventIx>,
}

/// A user whose level is lower than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostPower {
    /// Who.
    pub user: Box<str>,
    /// The level before.
    pub before: i64,
    /// The level now.
    pub after: i64,
}

/// What the loss at a place of a diagnosis did. Cost: a walk through what follows, up to the repair.
pub fn damage(replay: &Replay<'_>, diagnosis: &Diagnosis, place: usize) -> Damage {
    let Some(loss) = diagnosis.losses.get(place) else { return Damage::default() };
    let room = replay.room();
    // Losses of one merge stand together.
    let same_place = |other: &&Loss| other.at == loss.at;
    let before = diagnosis.losses[..place].iter().rev().take_while(same_place);
    let rest = diagnosis.losses[place..].iter().take_while(same_place);
    let mut alike: Vec<&Loss> = before.chain(rest).filter(|other| shares_cause(loss, other)).collect();
    alike.sort_by_key(|loss| loss.key);
    let is_member_lost = |loss: &&&Loss| {
        let joined = |event: EventIx| membership(room, event) == Some(&Membership::Join);
        loss.lost.iter().any(|tip| joined(tip.event)) && !loss.after.is_some_and(joined)
    };
    Damage {
        keys: alike.iter().map(|loss| loss.key).collect(),
        members: alike.iter().filter(is_member_lost).map(|loss| loss.key).collect(),
        powers: lost_powers(room, loss),
        repaired: repaired(replay, loss),
    }
}

fn shares_cause(one: &Loss, other: &Loss) -> bool {
    let (a, b) = (one.cause(), other.cause());
    a.code == b.code && (a.by == b.by || a.event == b.event)
}

fn lost_powers(room: &Room, loss: &Loss) -> Vec<LostPower> {
    let lost = loss.worst().event;
    if room.event(lost).kind() != Kind::PowerLevels {
        return Vec::new();
    }
    let (old, old_default) = users(room, lost);
    let (new, new_default) = loss.after.map_or_else(Default::default, |after| users(room, after));
    old.into_iter()
        .filter_map(|(user, before)| {
            let after = new.get(&user).copied().unwrap_or(new_default);
            (after < before && before > old_default).then_some(LostPower { user, before, after })
        })
        .collect()
}

/// The levels of users that power levels name, and the default.
fn users(room: &Room, levels: EventIx) -> (BTreeMap<Box<str>, i64>, i64) {
    let json: Value = serde_json::from_str(room.event(levels).json()).unwrap_or_default();
    let level = |value: &Value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    let content = &json["content"];
    let users = content["users"].as_object().into_iter().flatten();
    let users = users.filter_map(|(user, value)| Some((user.as_str().into(), level(value)?))).collect();
    (users, level(&content["users_default"]).unwrap_or(0))
}

/// The first event that follows the merge, or the merge itself, after which the key is no longer what the loss left.
fn repaired(replay: &Replay<'_>, loss: &Loss) -> Option<EventIx> {
    let Place::Event(merge) = loss.at else { return None };
    if loss.arrival {
        return None;
    }
    let room = replay.room();
    let mut seen = EventSet::new(room.len());
    let mut next = BinaryHeap::from([Reverse(merge)]);
    while let Some(Reverse(ix)) = next.pop() {
        if replay.after(ix).is_some_and(|state| state.get(loss.key) != loss.after) {
            return Some(ix);
        }
        next.extend(
            room.state_children(ix).iter().filter(|child| seen.insert(**child)).map(|child| Reverse(*child)),
        );
    }
    None
}
