//! How much of what is where: for a minimap and a timeline.

use std::ops::Range;

use super::lanes::Lanes;
use crate::room::EventIx;

/// What is in some rows together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket<const N: usize> {
    /// The rows.
    pub rows: Range<usize>,
    /// The number of events in them.
    pub events: usize,
    /// The number of events of each kind asked for.
    pub counts: [usize; N],
    /// The number of lanes that their nodes keep within.
    pub width: usize,
}

impl Lanes {
    /// Divides the rows into `buckets` parts as equal as can be, and counts the events of `N` kinds in each; `kinds` tells
    /// of an event which it is. Fewer parts if there are fewer rows.
    ///
    /// Cost: linear in the events.
    pub fn density<const N: usize>(
        &self,
        buckets: usize,
        kinds: impl Fn(EventIx) -> [bool; N],
    ) -> Vec<Bucket<N>> {
        let (len, buckets) = (self.len(), buckets.min(self.len()));
        let bound = |bucket: usize| (bucket as u128 * len as u128 / buckets as u128) as usize;
        let mut found = Vec::with_capacity(buckets);
        for rows in (0..buckets).map(|bucket| bound(bucket)..bound(bucket + 1)) {
            let mut bucket = Bucket { rows: rows.clone(), events: 0, counts: [0; N], width: 0 };
            for row in rows {
                bucket.width = bucket.width.max(self.lane(row) + 1);
                for ix in self.graph().members(row) {
                    bucket.events += 1;
                    for (count, is) in bucket.counts.iter_mut().zip(kinds(ix)) {
                        *count += usize::from(is);
                    }
                }
            }
            found.push(bucket);
        }
        found
    }
}
