//! The resolution that a report is about.

use super::super::error::CliError;
use super::super::resolve::{inputs_before, last_resolution, state_after};
use crate::describe::Describer;
use crate::diagnose::resets::{Diagnosis, Loss};
use crate::explain::{Sentence, Span, sentence};
use crate::replay::{Place, Replay};
use crate::room::{EventIx, Link};
use crate::state::StateMap;

/// Why this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It was asked for.
    Asked,
    /// The worst state reset is there.
    WorstReset,
    /// There is no reset; this is where the room is now.
    Current,
    /// There is no reset, and a single forward extremity: the last resolution before it.
    Last,
}

/// What is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    /// The state before an event, or the current one.
    Place(Place),
    /// The states after these events.
    Over(Vec<EventIx>),
}

/// The resolution that a report is about.
#[derive(Debug)]
pub(super) struct Chosen {
    subject: Subject,
    pub(super) reason: Reason,
    /// The states to resolve; `None` if one of them is unknown.
    pub(super) sets: Option<Vec<StateMap>>,
}

impl Chosen {
    /// Before one event, or over the states after several.
    pub(super) fn asked(
        replay: &Replay<'_>,
        describer: &Describer<'_>,
        at: &[EventIx],
    ) -> Result<Self, CliError> {
        let (subject, sets) = match *at {
            [ix] => (Subject::Place(Place::Event(ix)), inputs_before(replay, describer, ix)?),
            _ => {
                let sets = at.iter().map(|ix| state_after(replay, describer, *ix));
                (Subject::Over(at.to_vec()), sets.collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { subject, reason: Reason::Asked, sets: Some(sets) })
    }

    /// That of the worst reset, else the current state, else how that came about.
    pub(super) fn by_default(replay: &Replay<'_>, diagnosis: &Diagnosis) -> Self {
        let current = replay.current();
        let worst = diagnosis.resets().next().map(|loss| (loss.at, Reason::WorstReset));
        let last = || {
            let merge = last_resolution(replay, &current.extremities).filter(|_| !current.resolved)?;
            Some((Place::Event(merge), Reason::Last))
        };
        let (place, reason) = worst.or_else(last).unwrap_or((Place::Now, Reason::Current));
        Self { subject: Subject::Place(place), reason, sets: replay.inputs_at(place) }
    }

    /// The place, unless it is one that the room does not have by itself.
    pub(super) fn place(&self) -> Option<Place> {
        match self.subject {
            Subject::Place(place) => Some(place),
            Subject::Over(_) => None,
        }
    }

    /// The event before which the states are resolved.
    pub(super) fn merge(&self) -> Option<EventIx> {
        self.place()?.event()
    }

    /// After what the states are that are resolved.
    pub(super) fn heads(&self, replay: &Replay<'_>) -> Vec<Link> {
        match &self.subject {
            Subject::Place(Place::Event(ix)) => replay.room().state_links(*ix).collect(),
            Subject::Place(Place::Now) => {
                replay.current().extremities.iter().copied().map(Link::Event).collect()
            }
            Subject::Over(at) => at.iter().copied().map(Link::Event).collect(),
        }
    }

    /// What was lost there.
    pub(super) fn losses<'t>(&self, diagnosis: &'t Diagnosis) -> impl Iterator<Item = &'t Loss> + use<'t> {
        let place = self.place();
        diagnosis.losses.iter().filter(move |loss| Some(loss.at) == place)
    }

    /// What it is, in words.
    pub(super) fn title(&self) -> Sentence {
        match &self.subject {
            Subject::Place(Place::Event(ix)) => sentence!["the state before ", Span::Described(*ix)],
            Subject::Place(Place::Now) => sentence!["the current state"],
            Subject::Over(at) => {
                sentence!["the states after "].list(at.iter().copied(), "nothing").with(", resolved")
            }
        }
    }
}
