//! How far a check is.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::summary::Summary;

/// Work shorter than this shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);
const TEMPLATE: &str = "{bar:20} {percent:>3} %  {msg}, {eta} left";

/// A bar on standard error, if a person looks at it and it takes long enough.
pub(super) struct Progress {
    bar: ProgressBar,
    start: Instant,
    is_shown: bool,
}

impl Progress {
    /// `cost`: that of all rooms together.
    pub(super) fn new(cost: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(cost), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        // Where it is no terminal, nobody watches it move.
        Self { bar, start: Instant::now(), is_shown: !io::stderr().is_terminal() }
    }

    /// A room of this cost is done.
    pub(super) fn advance(&mut self, cost: u64, summary: &Summary) {
        if !self.is_shown && self.start.elapsed() >= PATIENCE {
            self.is_shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(summary.progress());
        self.bar.inc(cost);
    }

    /// Does something with the bar out of the way.
    pub(super) fn suspended<T>(&self, work: impl FnOnce() -> T) -> T {
        self.bar.suspend(work)
    }

    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }
}
