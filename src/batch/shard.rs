//! Splitting a list among machines.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// One of several contiguous parts of a list whose sizes differ by one at most.
///
/// The parts in their order make up the list, so the outputs of all shards one after the other are the output of the
/// whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// The whole list.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// The part `index` of `count`, counted from 1; `None` if there is none.
    pub fn new(index: usize, count: usize) -> Option<Self> {
        (1..=count).contains(&index).then_some(Self { index, count })
    }

    /// Whether this is the first part, or the whole.
    pub fn is_first(self) -> bool {
        self.index == 1
    }

    /// The places that belong to the shard in a list of `len`.
    pub fn range(self, len: usize) -> Range<usize> {
        // Wide enough for any length times any count.
        let bound = |index: usize| (index as u128 * len as u128 / self.count as u128) as usize;
        bound(self.index - 1)..bound(self.index)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shard = text
            .split_once('/')
            .and_then(|(index, count)| Self::new(index.trim().parse().ok()?, count.trim().parse().ok()?));
        shard.ok_or_else(|| "a shard is I/N with I from 1 to N, like 2/8".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_make_up_the_whole_and_are_of_one_size(len in 0_usize..5000, count in 1_usize..200) {
            let parts: Vec<Range<usize>> =
                (1..=count).map(|index| Shard::new(index, count).unwrap().range(len)).collect();
            prop_assert_eq!((parts[0].start, parts[count - 1].end), (0, len));
            prop_assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
            let sizes = parts.iter().map(ExactSizeIterator::len);
            prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
        }
    }

    #[test]
    fn shards_are_written_as_fractions() {
        assert_eq!("2/8".parse(), Ok(Shard { index: 2, count: 8 }));
        assert_eq!(Shard::new(2, 8).unwrap().to_string(), "2/8");
        for text in ["0/8", "9/8", "1", "1/0", "-1/2", "a/b", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!(Shard::new(3, usize::MAX).unwrap().range(usize::MAX), 2..3);
    }
}
