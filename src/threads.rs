//! The threads that programs lend to the core.

use rayon::prelude::*;

use crate::executor::Executor;

/// All threads of the machine, or as many as `RAYON_NUM_THREADS` says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threads;

impl Executor for Threads {
    fn width(&self) -> usize {
        rayon::current_num_threads()
    }

    fn run(&self, pieces: usize, piece: &(dyn Fn(usize) + Sync)) {
        (0..pieces).into_par_iter().with_max_len(1).for_each(piece);
    }
}
