//! What the rules ask again and again, remembered.

use std::cell::Cell;
use std::convert::Infallible;

use super::level::Level;
use crate::room::{EventIx, KeyIx, Room};

/// Levels and memberships that were found before. All levels of users are by one create event.
#[derive(Debug)]
pub(super) struct Memo {
    create: Cell<Option<EventIx>>,
    users: LevelTable,
    message_types: LevelTable,
    /// By event: whether it is a membership of a user who is joined.
    joins: Answers,
    /// By key: whether it is a valid user ID.
    user_ids: Answers,
}

impl Memo {
    pub(super) fn new(room: &Room) -> Self {
        /// 1 MiB.
        const MOST_USERS: usize = 1 << 16;
        const MOST_TYPES: usize = 1 << 10;
        Self {
            create: Cell::new(None),
            users: LevelTable::new(room.key_count().min(MOST_USERS)),
            message_types: LevelTable::new(MOST_TYPES),
            joins: Answers::new(room.len()),
            user_ids: Answers::new(room.key_count()),
        }
    }

    /// The level that some power levels and a create event give a user, who is told by the key of the membership.
    pub(super) fn user_level<E>(
        &self,
        create: EventIx,
        levels: Option<EventIx>,
        user: KeyIx,
        find: impl FnOnce() -> Result<Level, E>,
    ) -> Result<Level, E> {
        if *self.create.get().get_or_insert(create) != create {
            return find();
        }
        self.create.set(Some(create));
        self.users.get(levels, user.index() as u32, find)
    }

    /// The level that some power levels ask for to send messages of a type, which is told by its number.
    pub(super) fn message_level<E>(
        &self,
        levels: Option<EventIx>,
        message_type: u32,
        find: impl FnOnce() -> Result<Level, E>,
    ) -> Result<Level, E> {
        self.message_types.get(levels, message_type, find)
    }

    /// Whether a member event says that its user is joined.
    pub(super) fn is_join<E>(
        &self,
        event: EventIx,
        find: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, E> {
        self.joins.get(event.index(), find)
    }

    /// Whether the user whose membership has the key has a valid ID.
    pub(super) fn is_user_id(&self, key: KeyIx, find: impl FnOnce() -> bool) -> bool {
        let Ok(is_valid) = self.user_ids.get(key.index(), || Ok::<_, Infallible>(find()));
        is_valid
    }
}

/// Answers to one question about many things, by their place; 0 where it was not asked yet.
#[derive(Debug)]
struct Answers(Box<[Cell<u8>]>);

impl Answers {
    const NO: u8 = 1;
    const YES: u8 = 2;

    fn new(count: usize) -> Self {
        Self(vec![Cell::new(0); count].into_boxed_slice())
    }

    fn get<E>(&self, place: usize, find: impl FnOnce() -> Result<bool, E>) -> Result<bool, E> {
        let known = &self.0[place];
        if known.get() == 0 {
            known.set(if find()? { Self::YES } else { Self::NO });
        }
        Ok(known.get() == Self::YES)
    }
}

/// A level by the power levels that give it or ask for it.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The power levels' index plus one; 0 where there are none.
    levels: u32,
    /// What the level is of, plus one; 0 where nothing is remembered.
    what: u32,
    level: i64,
}

/// Levels: of those that share a slot what was asked last. To find one anew is a search among strings.
#[derive(Debug)]
struct LevelTable {
    slots: Box<[Cell<Slot>]>,
}

impl LevelTable {
    /// A table with room for that many levels at least.
    fn new(levels: usize) -> Self {
        Self { slots: vec![Cell::default(); levels.next_power_of_two()].into_boxed_slice() }
    }

    /// The level, if it is remembered; else what `find` says.
    fn get<E>(
        &self,
        levels: Option<EventIx>,
        what: u32,
        find: impl FnOnce() -> Result<Level, E>,
    ) -> Result<Level, E> {
        let levels = levels.map_or(0, |levels| levels.index() as u32 + 1);
        let what = what + 1;
        let place = what.wrapping_add(levels.wrapping_mul(0x9e37_79b9)) as usize & (self.slots.len() - 1);
        let slot = &self.slots[place];
        let known = slot.get();
        if known.levels == levels && known.what == what {
            return Ok(unpack(known.level));
        }
        let level = find()?;
        if let Some(level) = pack(level) {
            slot.set(Slot { levels, what, level });
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
        let table = LevelTable::new(4);
        let find = |level: Level| move || Ok::<_, ()>(level);
        for number in 0..1000 {
            let (levels, user) = (Some(number % 7).filter(|_| number % 5 > 0), number % 11);
            let level = match levels.unwrap_or(99) + user {
                12 => Level::Creator,
                13 => Level::Finite(i64::MAX),
                level => Level::Finite(level as i64),
            };
            let levels = levels.map(EventIx::new);
            assert_eq!(table.get(levels, user as u32, find(level)), Ok(level));
            assert_eq!(table.get(levels, user as u32, find(level)), Ok(level));
        }
        assert_eq!(table.get(None, 500, || Err(())), Err(()), "what cannot be read is asked again");
        assert_eq!(table.get(None, 500, find(Level::Creator)), Ok(Level::Creator));
    }
}
