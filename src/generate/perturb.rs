//! State sets as they come about when servers were told wrong: entries that are older, missing, or from elsewhere.

use super::Rng;
use crate::replay::Replay;
use crate::room::{EventIx, EventSet, KeyIx, Room};
use crate::state::StateMap;

/// `count` states after random events of the room, some with a few entries altered.
pub fn perturbed_sets(rng: &mut Rng, replay: &Replay<'_>, count: usize) -> Vec<StateMap> {
    let room = replay.room();
    let any = |rng: &mut Rng| EventIx::new(rng.below(room.len()));
    let mut sets: Vec<StateMap> = Vec::with_capacity(count);
    for _ in 0..count {
        let after = replay.after(any(rng)).or(replay.current().state.as_ref());
        sets.push(after.cloned().unwrap_or_default());
    }
    for place in 0..count {
        while rng.chance(45) {
            let other = rng.below(count);
            let other = sets[other].clone();
            perturb(rng, replay, &mut sets[place], &other);
        }
    }
    sets
}

fn perturb(rng: &mut Rng, replay: &Replay<'_>, set: &mut StateMap, other: &StateMap) {
    let room = replay.room();
    let entries: Vec<(KeyIx, EventIx)> = set.iter().collect();
    let Some((key, event)) = entries.get(rng.below(entries.len())).copied() else { return };
    // Who lacks the create event knows nothing of the room.
    if key == room.well_known().create && rng.chance(80) {
        return;
    }
    match rng.below(12) {
        // Another event of the same key, more often an older one.
        0..=4 => {
            let same: Vec<EventIx> = room.events().filter(|ix| room.key_of(*ix) == Some(key)).collect();
            let older = same.partition_point(|ix| *ix < event);
            let from = if older > 0 && rng.chance(75) { &same[..older] } else { &same[..] };
            set.insert(key, *rng.pick(from));
        }
        5 | 6 => {
            set.remove(key);
        }
        7 | 8 => match other.get(key) {
            Some(event) => {
                set.insert(key, event);
            }
            None => {
                set.remove(key);
            }
        },
        9 | 10 if !replay.rejected().is_empty() => {
            let rejected: Vec<EventIx> = replay.rejected().iter().collect();
            let any = *rng.pick(&rejected);
            if let Some(key) = room.key_of(any).filter(|_| !room.is_foreign(any)) {
                set.insert(key, any);
            }
        }
        _ => {
            let any = EventIx::new(rng.below(room.len()));
            if let Some(key) = room.key_of(any).filter(|_| !room.is_foreign(any)) {
                set.insert(key, any);
            }
        }
    }
}

/// Some events to count as rejected, each with a chance of `percent` in 100.
pub fn random_rejected(rng: &mut Rng, room: &Room, percent: usize) -> EventSet {
    room.events().filter(|_| rng.chance(percent)).collect()
}
