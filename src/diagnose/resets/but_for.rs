//! Trying out what a merge would have been without a revocation.

use super::loss::Verdict;
use crate::room::EventIx;

/// At most so many events are removed together.
pub(super) const MOST: usize = 3;

/// What becomes of a lost value if what took it back, and all that followed from that, had never been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ButFor {
    /// The events left out; their descendants are left out too. As few as suffice, where few suffice.
    pub removed: Vec<EventIx>,
    /// The value survives, or is lost in an ordinary conflict at most: the revocation is why it was lost.
    pub survives: bool,
    /// What is there then.
    pub after: Option<EventIx>,
}

/// The value without some events.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) survives: bool,
    pub(super) after: Option<EventIx>,
    /// If it does not survive: who took it back now, if somebody did.
    pub(super) next: Option<EventIx>,
}

/// Removes `first`; and as long as the value is still taken back by somebody, that too. `attempt` tries a removal, and
/// is `None` if the states are not known.
pub(super) fn but_for(
    first: EventIx,
    mut attempt: impl FnMut(&[EventIx]) -> Option<Trial>,
) -> Option<ButFor> {
    let mut removed = vec![first];
    loop {
        let trial = attempt(&removed)?;
        if trial.survives {
            if removed.len() > 1 {
                // The last one alone may do.
                let last = removed[removed.len() - 1..].to_vec();
                if let Some(Trial { survives: true, after, .. }) = attempt(&last) {
                    return Some(ButFor { removed: last, survives: true, after });
                }
            }
            return Some(ButFor { removed, survives: true, after: trial.after });
        }
        match trial.next.filter(|next| !removed.contains(next) && removed.len() < MOST) {
            Some(next) => removed.push(next),
            None => {
                removed.truncate(1);
                let after = if trial.next.is_none() { trial.after } else { attempt(&removed)?.after };
                return Some(ButFor { removed, survives: false, after });
            }
        }
    }
}

impl Verdict {
    /// Whether a but-for trial can say anything about a loss of this verdict.
    pub(super) fn is_tried(self) -> bool {
        self == Self::Legitimate
    }
}
