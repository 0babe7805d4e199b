//! Losses that are the same at several merges.

use std::collections::BTreeMap;

use super::Diagnosis;

/// The same loss at one or more places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The place in the list of losses of the first one.
    pub told: usize,
    /// The places of the others.
    pub again: Vec<usize>,
}

impl Diagnosis {
    /// Losses, given by their places in the list, with those together that repeat one another; in the order of the first
    /// of each group among `places`.
    pub fn grouped(&self, places: &[usize]) -> Vec<Group> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut order: Vec<usize> = Vec::new();
        for place in places {
            let first = self.losses[*place].repeats.unwrap_or(*place);
            let group = groups.entry(first).or_default();
            if group.is_empty() {
                order.push(first);
            }
            group.push(*place);
        }
        let group = |first: usize| {
            let mut again = groups.remove(&first).unwrap_or_default();
            // The first one of all may be of another verdict, or at a place that is not asked about.
            let told = again.iter().copied().min().unwrap_or(first);
            again.retain(|place| *place != told);
            Group { told, again }
        };
        order.into_iter().map(group).collect()
    }
}
