//! Threads to lend to the loader.

use hindsight::executor::Executor;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// A fixed number of threads.
#[derive(Debug)]
pub(crate) struct Threads(ThreadPool);

impl Threads {
    pub(crate) fn new(count: usize) -> Self {
        Self(ThreadPoolBuilder::new().num_threads(count).build().expect("threads start"))
    }
}

impl Executor for Threads {
    fn width(&self) -> usize {
        self.0.current_num_threads()
    }

    fn run(&self, pieces: usize, piece: &(dyn Fn(usize) + Sync)) {
        self.0.install(|| (0..pieces).into_par_iter().with_max_len(1).for_each(piece));
    }
}
