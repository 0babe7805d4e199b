//! Many tasks at once, on the threads of rayon.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::panics;
use super::queue::Queue;

/// What each worker has for its stack: as much as the main thread of a program usually has.
const STACK_SIZE: usize = 8 << 20;

/// How much may happen at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of workers, at least 1.
    pub jobs: usize,
    /// The sum of the costs of all tasks in progress; a task of a larger cost runs alone.
    pub memory: u64,
}

/// What a task came to: its result, or the message of the panic that ended it.
pub type Outcome<R> = Result<R, String>;

/// What [`Running::next`] says.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<R> {
    /// The task with this number is done.
    Done(usize, Outcome<R>),
    /// Nothing happened in the time given.
    Nothing,
    /// All tasks are done.
    End,
}

/// Tasks in progress. When it is dropped no further task begins; the results of those in progress are lost, and nobody
/// waits for them.
#[derive(Debug)]
pub struct Running<R> {
    queue: Arc<Queue>,
    results: Receiver<(usize, Outcome<R>)>,
}

impl<R: Send + 'static> Running<R> {
    /// Begins: `work` gets the number of a task, counted from 0; `costs` says for each what it costs. A task that panics
    /// does no harm to the others; for the whole process, a panic hook is set that is silent about these.
    ///
    /// # Errors
    /// If the system has no threads left.
    pub fn start<W>(costs: Vec<u64>, limits: Limits, work: W) -> Result<Self, ThreadPoolBuildError>
    where
        W: Fn(usize) -> R + Send + Sync + 'static,
    {
        let jobs = limits.jobs.clamp(1, costs.len().max(1));
        let pool = pool(jobs)?;
        let queue = Arc::new(Queue::new(costs, limits.memory));
        let work = Arc::new(work);
        let (sender, results) = mpsc::channel();
        for _ in 0..jobs {
            let (queue, work, sender) = (Arc::clone(&queue), Arc::clone(&work), sender.clone());
            pool.spawn(move || {
                while let Some(ticket) = queue.take() {
                    let task = ticket.task;
                    // A broken promise of `work` shows at once in the next call, if ever; it has no state of its own.
                    let outcome = panics::caught(AssertUnwindSafe(|| work(task)));
                    drop(ticket);
                    if sender.send((task, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { queue, results })
    }

    /// Waits for the next result, in the order in which tasks get done.
    pub fn next(&self, timeout: Duration) -> Next<R> {
        match self.results.recv_timeout(timeout) {
            Ok((task, outcome)) => Next::Done(task, outcome),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }
}

impl<R> Drop for Running<R> {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Threads for so many workers.
pub(super) fn pool(jobs: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(jobs)
        .stack_size(STACK_SIZE)
        .thread_name(|number| format!("check-{number}"))
        .build()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const LIMITS: Limits = Limits { jobs: 3, memory: 100 };

    fn all<R: Send + 'static>(running: &Running<R>) -> Vec<(usize, Outcome<R>)> {
        let mut done = Vec::new();
        loop {
            match running.next(Duration::from_secs(60)) {
                Next::Done(task, outcome) => done.push((task, outcome)),
                Next::Nothing => panic!("nothing happens any more"),
                Next::End => break,
            }
        }
        done.sort_by_key(|(task, _)| *task);
        done
    }

    #[test]
    fn every_task_is_done_and_a_panic_is_one_result() {
        let work = |task: usize| if task == 4 { panic!("task {task}") } else { task * 2 };
        let done = all(&Running::start(vec![30; 50], LIMITS, work).unwrap());
        assert_eq!(done.len(), 50);
        for (task, outcome) in done {
            match outcome {
                Ok(result) => assert_eq!(result, task * 2),
                Err(message) => {
                    assert!(message.starts_with("task 4 (src"), "{message}");
                    assert!(message.contains("run.rs"), "{message}");
                }
            }
        }
        assert_eq!(all(&Running::start(Vec::new(), LIMITS, work).unwrap()).len(), 0);
    }

    #[test]
    fn what_is_dropped_begins_nothing_more() {
        let (begun, gate) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(())));
        let held = gate.lock().unwrap();
        let running = {
            let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
            let work = move |_| {
                *begun.lock().unwrap() += 1;
                drop(gate.lock());
            };
            Running::start(vec![1; 1000], LIMITS, work).unwrap()
        };
        assert_eq!(running.next(Duration::from_millis(20)), Next::Nothing);
        drop(running);
        drop(held);
        assert!(*begun.lock().unwrap() <= LIMITS.jobs);
    }
}
