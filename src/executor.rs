//! Work that falls into independent pieces, and who does them.
//!
//! The core starts no threads: whoever calls it may lend it some. What comes out does not depend on who does the work.

use std::sync::{Mutex, PoisonError};

/// Somebody who does pieces of work, perhaps several at a time.
pub trait Executor: Sync {
    /// How many pieces are done at the same time; a hint of how to cut the work.
    fn width(&self) -> usize;

    /// Calls `piece` once with each number below `pieces`, in any order, and returns when all calls have returned.
    fn run(&self, pieces: usize, piece: &(dyn Fn(usize) + Sync));
}

/// Does one piece after the other on the thread that asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequential;

impl Executor for Sequential {
    fn width(&self) -> usize {
        1
    }

    fn run(&self, pieces: usize, piece: &(dyn Fn(usize) + Sync)) {
        (0..pieces).for_each(piece);
    }
}

/// The results of `piece` for each number below `pieces`, in their order.
pub fn map<T: Send>(executor: &dyn Executor, pieces: usize, piece: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let slots: Vec<Slot<T>> = (0..pieces).map(|_| Slot::default()).collect();
    executor.run(pieces, &|number| slots[number].put(piece(number)));
    slots.into_iter().map(|slot| slot.take().expect("the executor does every piece")).collect()
}

/// The results of `a` and `b`, which may be done at the same time.
pub fn join<A: Send, B: Send>(
    executor: &dyn Executor,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    let (work, results) = ((Slot::of(a), Slot::of(b)), (Slot::default(), Slot::default()));
    executor.run(2, &|number| match number {
        0 => work.0.take().into_iter().for_each(|a| results.0.put(a())),
        _ => work.1.take().into_iter().for_each(|b| results.1.put(b())),
    });
    let done = "the executor does every piece";
    (results.0.take().expect(done), results.1.take().expect(done))
}

/// A place for a result that another thread may put there. Nothing panics while it holds the lock.
struct Slot<T>(Mutex<Option<T>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Slot<T> {
    fn of(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Cuts `items` into ranges for [`map`]: several for each worker, so that none is left alone with a long one at the end,
/// and none smaller than `least`. What a fuzzer tries is small, but is to be cut too.
pub(crate) fn ranges(executor: &dyn Executor, items: usize, least: usize) -> Vec<std::ops::Range<usize>> {
    let least = if cfg!(fuzzing) { 1 } else { least };
    let size = (items / (executor.width() * 16).max(1)).max(least).max(1);
    (0..items).step_by(size).map(|start| start..(start + size).min(items)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Backwards;

    impl Executor for Backwards {
        fn width(&self) -> usize {
            3
        }

        fn run(&self, pieces: usize, piece: &(dyn Fn(usize) + Sync)) {
            (0..pieces).rev().for_each(piece);
        }
    }

    #[test]
    fn results_keep_their_order() {
        let square = |number: usize| number * number;
        assert_eq!(map(&Sequential, 5, square), map(&Backwards, 5, square));
        assert_eq!(map(&Backwards, 3, square), [0, 1, 4]);
        assert_eq!(join(&Backwards, || 1, || "two"), (1, "two"));
    }

    #[test]
    fn ranges_cover_everything_once() {
        for items in [0, 1, 7, 24, 100] {
            let covered: Vec<usize> = ranges(&Backwards, items, 3).into_iter().flatten().collect();
            assert_eq!(covered, (0..items).collect::<Vec<_>>());
        }
    }
}
