//! What the replay in use has lost, once somebody has found out.

use std::sync::Arc;

use super::{Pair, Position, Session};
use crate::diagnose::resets::{Diagnosis, Loss, Verdict};
use crate::replay::{Place, Recording};
use crate::room::EventSet;

/// Diagnoses of replays, and which of their events are resets.
#[derive(Debug, Default)]
pub(super) struct Diagnoses {
    known: Vec<(Pair, Arc<Diagnosis>)>,
    /// The events that leave a state reset behind.
    resets: EventSet,
}

impl Session {
    /// The replay in use, if nobody has diagnosed it: whoever has time does so and [provides](Self::provide_diagnosis) what
    /// comes of it.
    pub fn undiagnosed(&self) -> Option<&Recording> {
        (!self.is_empty() && self.diagnosis().is_none()).then_some(&self.shown)
    }

    /// Takes the diagnosis of a replay of this room.
    pub fn provide_diagnosis(&mut self, pair: Pair, diagnosis: Diagnosis) {
        self.diagnoses.known.retain(|(known, _)| *known != pair);
        self.diagnoses.known.push((pair, Arc::new(diagnosis)));
        self.use_diagnosis();
    }

    /// What the replay in use has lost; `None` until somebody has found out.
    pub fn diagnosis(&self) -> Option<&Arc<Diagnosis>> {
        let shown = Pair::of(&self.shown);
        self.diagnoses.known.iter().find(|(pair, _)| *pair == shown).map(|(_, diagnosis)| diagnosis)
    }

    /// What is lost at a place of the replay in use, as far as that is known, with its number in the diagnosis.
    pub fn losses_at(&self, position: Position) -> impl Iterator<Item = (usize, &Loss)> {
        let place = match position {
            Position::Event(ix) => Some(Place::Event(ix)),
            Position::Now => Some(Place::Now),
            Position::Over(_) => None,
        };
        let losses = self.diagnosis().into_iter().flat_map(|diagnosis| diagnosis.losses.iter().enumerate());
        losses.filter(move |(_, loss)| Some(loss.at) == place)
    }

    /// The events that leave a state reset behind, as far as that is known.
    pub fn resets(&self) -> &EventSet {
        &self.diagnoses.resets
    }

    /// Whether a place leaves a state reset behind.
    pub fn is_reset(&self, position: Position) -> bool {
        match position {
            Position::Event(ix) => self.resets().contains(ix),
            _ => self.losses_at(position).any(|(_, loss)| loss.verdict == Verdict::Reset),
        }
    }

    /// Goes over to the diagnosis of the replay in use.
    pub(super) fn use_diagnosis(&mut self) {
        let resets = self.diagnosis().map(|diagnosis| diagnosis.reset_merges()).unwrap_or_default();
        if resets != self.diagnoses.resets {
            self.diagnoses.resets = resets;
            self.memo.hits.take();
            // To number the rows of a large room anew takes longer than a frame may.
            if self.settings.collapse || self.settings.filter.contains("reset") {
                self.refresh_rows(false);
            }
        }
    }
}
