//! Choices drawn from the bytes of the fuzzer.

use arbitrary::Unstructured;

/// Draws that never fail: where the bytes are used up, everything is zero, which stands for what is usual.
pub(crate) struct Source<'a>(Unstructured<'a>);

impl<'a> Source<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(Unstructured::new(data))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or_default()
    }

    /// A number below `limit`; 0 if `limit` is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { self.0.int_in_range(0..=limit - 1).unwrap_or_default() }
    }

    /// One of the items, of which there must be some.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) + 1 == times
    }

    /// Some of the last eight of `count` things: one bit each.
    pub(crate) fn some_of_last(&mut self, count: usize) -> Vec<usize> {
        let mask = self.byte();
        (0..count.min(8)).filter(|bit| mask >> bit & 1 == 1).map(|bit| count - 1 - bit).collect()
    }
}
