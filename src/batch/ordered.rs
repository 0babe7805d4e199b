//! Putting results back in order.

use std::collections::BTreeMap;

/// Takes results as they come and gives them out in the order of their numbers, each as soon as all before it are
/// there.
#[derive(Debug)]
pub struct Ordered<T> {
    next: usize,
    early: BTreeMap<usize, T>,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { next: 0, early: BTreeMap::new() }
    }
}

impl<T> Ordered<T> {
    /// Takes the result with this number, counted from 0; each number comes once.
    pub fn put(&mut self, number: usize, result: T) {
        self.early.insert(number, result);
    }

    /// The next result in order, if it is there.
    pub fn take(&mut self) -> Option<T> {
        let result = self.early.remove(&self.next)?;
        self.next += 1;
        Some(result)
    }

    /// Whatever is left, in order: those before which some never came.
    pub fn rest(self) -> impl Iterator<Item = T> {
        self.early.into_values()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_order_comes_out_sorted(order in Just((0..40).collect::<Vec<usize>>()).prop_shuffle(), gone in 0_usize..40) {
            let (mut ordered, mut out) = (Ordered::default(), Vec::new());
            for number in order.into_iter().filter(|number| *number != gone) {
                ordered.put(number, number);
                out.extend(std::iter::from_fn(|| ordered.take()));
            }
            prop_assert_eq!(&out, &(0..gone).collect::<Vec<_>>());
            prop_assert!(ordered.rest().eq(gone + 1..40));
        }
    }
}
