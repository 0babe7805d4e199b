//! Which room is next, so that all that are worked on at once fit into memory.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So many rooms may overtake one that waits for memory; then it is next, whatever else would fit.
const PATIENCE: usize = 64;

/// A queue of tasks with known costs, for several workers.
///
/// Tasks are given out in their order. One that does not fit beside those in progress waits, and others overtake it
/// for a while. One that is larger than the whole limit comes after all others, and alone.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

/// A task that a worker has; ends when it is dropped.
pub(super) struct Ticket<'a> {
    pub(super) task: usize,
    queue: &'a Queue,
}

impl Queue {
    pub(super) fn new(costs: Vec<u64>, limit: u64) -> Self {
        Self { state: Mutex::new(State::new(costs, limit)), changed: Condvar::new() }
    }

    /// The next task, as soon as there is memory for it; `None` if there are no more.
    pub(super) fn take(&self) -> Option<Ticket<'_>> {
        let mut state = self.lock();
        loop {
            match state.pick() {
                Pick::Task(task) => return Some(Ticket { task, queue: self }),
                Pick::None => return None,
                Pick::Wait => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Gives out no more tasks.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.queue.lock().finish(self.task);
        self.queue.changed.notify_all();
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Pick {
    Task(usize),
    Wait,
    None,
}

#[derive(Debug)]
struct State {
    costs: Vec<u64>,
    limit: u64,
    /// The first task that nobody has looked at.
    next: usize,
    /// Tasks for which there was no memory.
    waiting: VecDeque<usize>,
    /// Tasks larger than the limit.
    oversized: VecDeque<usize>,
    /// How many tasks have overtaken the first that waits.
    overtaken: usize,
    in_use: u64,
    running: usize,
    closed: bool,
}

impl State {
    fn new(costs: Vec<u64>, limit: u64) -> Self {
        Self {
            costs,
            limit,
            next: 0,
            waiting: VecDeque::new(),
            oversized: VecDeque::new(),
            overtaken: 0,
            in_use: 0,
            running: 0,
            closed: false,
        }
    }

    fn pick(&mut self) -> Pick {
        if self.closed {
            return Pick::None;
        }
        if let Some(first) = self.waiting.front().copied() {
            if self.fits(first) {
                self.waiting.pop_front();
                self.overtaken = 0;
                return self.start(first);
            }
            if self.overtaken >= PATIENCE {
                return Pick::Wait;
            }
        }
        if let Some(task) = self.overtaker() {
            self.overtaken += usize::from(!self.waiting.is_empty());
            return self.start(task);
        }
        if self.waiting.is_empty() && self.running == 0 {
            return self.oversized.pop_front().map_or(Pick::None, |task| self.start(task));
        }
        if self.waiting.is_empty() && self.oversized.is_empty() { Pick::None } else { Pick::Wait }
    }

    /// The first task after the first that waits for which there is memory.
    fn overtaker(&mut self) -> Option<usize> {
        let place = (1..self.waiting.len()).find(|place| self.fits(self.waiting[*place]));
        if let Some(task) = place.and_then(|place| self.waiting.remove(place)) {
            return Some(task);
        }
        while let Some(cost) = self.costs.get(self.next) {
            let task = self.next;
            self.next += 1;
            if *cost > self.limit {
                self.oversized.push_back(task);
            } else if self.fits(task) {
                return Some(task);
            } else {
                self.waiting.push_back(task);
            }
        }
        None
    }

    fn fits(&self, task: usize) -> bool {
        self.costs[task] <= self.limit.saturating_sub(self.in_use)
    }

    fn start(&mut self, task: usize) -> Pick {
        self.in_use += self.costs[task];
        self.running += 1;
        Pick::Task(task)
    }

    fn finish(&mut self, task: usize) {
        self.in_use -= self.costs[task];
        self.running -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_tasks_overtake_a_large_one_and_an_oversized_one_is_last_and_alone() {
        let mut state = State::new(vec![30, 80, 500, 20, 10], 100);
        let mut pick = |finished: &[usize]| {
            finished.iter().for_each(|task| state.finish(*task));
            state.pick()
        };
        assert_eq!(pick(&[]), Pick::Task(0));
        assert_eq!(pick(&[]), Pick::Task(3));
        assert_eq!(pick(&[]), Pick::Task(4));
        assert_eq!(pick(&[]), Pick::Wait);
        assert_eq!(pick(&[3, 4]), Pick::Wait);
        assert_eq!(pick(&[0]), Pick::Task(1));
        assert_eq!(pick(&[]), Pick::Wait);
        assert_eq!(pick(&[1]), Pick::Task(2));
        assert_eq!(pick(&[]), Pick::None);
        assert_eq!(pick(&[2]), Pick::None);
    }

    #[test]
    fn a_task_that_waits_is_not_overtaken_for_ever() {
        let costs = [[50, 90].as_slice(), &[10; 500]].concat();
        let mut state = State::new(costs, 100);
        assert_eq!(state.pick(), Pick::Task(0));
        let mut overtakers = 0;
        // Something of the small ones is always in progress.
        while let Pick::Task(task) = state.pick() {
            overtakers += 1;
            state.finish(task);
        }
        assert_eq!(overtakers, PATIENCE);
        state.finish(0);
        assert_eq!(state.pick(), Pick::Task(1));
        assert_eq!(state.pick(), Pick::Task(2 + PATIENCE));
    }

    #[test]
    fn a_closed_queue_gives_out_nothing() {
        let queue = Queue::new(vec![1; 10], 100);
        let ticket = queue.take().unwrap();
        queue.close();
        assert!(queue.take().is_none());
        drop(ticket);
        assert!(queue.take().is_none());
    }

    proptest! {
        #[test]
        fn every_task_runs_once_within_the_limit(costs in prop::collection::vec(0_u64..150, 0..120), workers in 1_usize..6) {
            let queue = Queue::new(costs.clone(), 100);
            let runs: Vec<AtomicUsize> = costs.iter().map(|_| AtomicUsize::new(0)).collect();
            thread::scope(|scope| {
                for _ in 0..workers {
                    scope.spawn(|| while let Some(ticket) = queue.take() {
                        runs[ticket.task].fetch_add(1, Ordering::Relaxed);
                        let state = queue.lock();
                        assert!(state.in_use <= 100 || state.running == 1);
                    });
                }
            });
            prop_assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
        }
    }
}
