//! Laying long work down and taking it up again.
//!
//! Loading and replaying go [a piece at a time](crate::dump::Loading). The functions that go through the pieces are
//! `async`, so that the compiler keeps what they are in the middle of; they rest between two pieces. Whoever drives them
//! polls until the time is up, goes to paint, and polls again. Nothing but a rest is ever waited for: no waker, no runtime.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

/// What is being done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// Fetching the bytes.
    Fetch,
    /// From bytes to a room.
    Load,
    /// Computing states.
    Replay,
    /// Comparing replays.
    Compare,
    /// Looking for state resets.
    Diagnose,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Fetch, Self::Load, Self::Replay, Self::Compare, Self::Diagnose];

    /// A name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "reading the file",
            Self::Load => "loading",
            Self::Replay => "replaying",
            Self::Compare => "comparing",
            Self::Diagnose => "looking for state resets",
        }
    }
}

/// How far some work has come. Shared by who works and who watches, on one thread or two.
#[derive(Debug, Default)]
pub struct Pace {
    stage: AtomicU8,
    /// The bits of a number from 0 to 1.
    done: AtomicU32,
}

impl Pace {
    /// The stage, and how much of it is done, from 0 to 1. What another thread sees may be a moment old.
    pub fn progress(&self) -> (Stage, f32) {
        let stage = Stage::ALL[usize::from(self.stage.load(Ordering::Relaxed))];
        (stage, f32::from_bits(self.done.load(Ordering::Relaxed)))
    }

    /// Notes how far the work has come, and lets whoever drives it do something else.
    pub fn rest(&self, stage: Stage, done: f32) -> Rest {
        self.stage.store(stage as u8, Ordering::Relaxed);
        self.done.store(done.clamp(0.0, 1.0).to_bits(), Ordering::Relaxed);
        Rest { rested: false }
    }
}

/// Pending once, then ready.
#[derive(Debug)]
#[must_use = "only who awaits it rests"]
pub struct Rest {
    rested: bool,
}

impl Future for Rest {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.rested, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Works on up to the next rest; the outcome if that was the end.
pub fn proceed<F: Future + ?Sized>(work: Pin<&mut F>) -> Option<F::Output> {
    match work.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    async fn count(pace: &Pace, to: usize) -> usize {
        for number in 0..to {
            pace.rest(Stage::Replay, number as f32 / to as f32).await;
        }
        to
    }

    #[test]
    fn work_stops_at_every_rest() {
        let pace = Pace::default();
        let mut work = pin!(count(&pace, 4));
        let mut seen = Vec::new();
        let outcome = loop {
            if let Some(outcome) = proceed(work.as_mut()) {
                break outcome;
            }
            seen.push(pace.progress());
        };
        assert_eq!(outcome, 4);
        assert_eq!(seen, [0.0, 0.25, 0.5, 0.75].map(|part| (Stage::Replay, part)));
    }

    #[test]
    fn stages_know_their_number() {
        for (number, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, number);
        }
    }
}
