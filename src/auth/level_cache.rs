//! Power levels of users, remembered.

use std::cell::Cell;

use super::level::Level;
use crate::room::{EventIx, KeyIx};

/// A level that some power levels and a create event give a user.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The power levels' index plus one; 0 where there are none.
    levels: u32,
    /// The key of the user's membership, plus one; 0 where nothing is remembered.
    user: u32,
    level: i64,
}

/// The levels of users by power levels: what was asked last of those that share a slot.
///
/// A level is a search among strings; who asks for it has the user as an index already. All levels are by one create
/// event.
#[derive(Debug, Default)]
pub(super) struct LevelCache {
    create: Cell<Option<EventIx>>,
    slots: Box<[Cell<Slot>]>,
}

impl LevelCache {
    /// A cache for a room with that many keys.
    pub(super) fn new(keys: usize) -> Self {
        /// 1 MiB.
        const MOST: usize = 1 << 16;
        let slots = keys.next_power_of_two().min(MOST);
        Self { create: Cell::new(None), slots: vec![Cell::default(); slots].into_boxed_slice() }
    }

    /// The level, if it is remembered; else what `find` says.
    pub(super) fn get<E>(
        &self,
        create: EventIx,
        levels: Option<EventIx>,
        user: KeyIx,
        find: impl FnOnce() -> Result<Level, E>,
    ) -> Result<Level, E> {
        if self.create.get() != Some(create) {
            if self.create.get().is_some() {
                return find();
            }
            self.create.set(Some(create));
        }
        let levels = levels.map_or(0, |levels| levels.index() as u32 + 1);
        let user = user.index() as u32 + 1;
        let place = user.wrapping_add(levels.wrapping_mul(0x9e37_79b9)) as usize & (self.slots.len() - 1);
        let slot = &self.slots[place];
        let known = slot.get();
        if known.levels == levels && known.user == user {
            return Ok(unpack(known.level));
        }
        let level = find()?;
        if let Some(level) = pack(level) {
            slot.set(Slot { levels, user, level });
        }
        Ok(level)
    }
}

/// A level as a number, if no other level is that number.
fn pack(level: Level) -> Option<i64> {
    match level {
        Level::Finite(i64::MAX) => None,
        Level::Finite(level) => Some(level),
        Level::Creator => Some(i64::MAX),
    }
}

fn unpack(level: i64) -> Level {
    if level == i64::MAX { Level::Creator } else { Level::Finite(level) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_was_found() {
        let cache = LevelCache::new(4);
        let [create, other] = [0, 1].map(EventIx::new);
        let find = |level: Level| move || Ok::<_, ()>(level);
        for number in 0..1000 {
            let (levels, user) =
                (Some(EventIx::new(number % 7)).filter(|_| number % 5 > 0), KeyIx::new(number % 11));
            let level = match (levels.map_or(99, EventIx::index) + user.index()) as i64 {
                12 => Level::Creator,
                13 => Level::Finite(i64::MAX),
                level => Level::Finite(level),
            };
            assert_eq!(cache.get(create, levels, user, find(level)), Ok(level));
            assert_eq!(cache.get(create, levels, user, find(level)), Ok(level));
            // Another create event has levels of its own, and what cannot be read is asked again.
            assert_eq!(cache.get(other, levels, user, find(Level::Finite(-1))), Ok(Level::Finite(-1)));
        }
        assert_eq!(cache.get(create, None, KeyIx::new(500), || Err(())), Err(()));
        assert_eq!(cache.get(create, None, KeyIx::new(500), find(Level::Creator)), Ok(Level::Creator));
    }
}
