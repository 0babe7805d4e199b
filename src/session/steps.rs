//! The recorded resolution at one place.

use super::Session;
use super::cursor::Position;
use crate::explain::{Node, Sentence, explain_steps, find_step};
use crate::replay::Replay;
use crate::resolve::Resolution;
use crate::resolve::step::Step;
use crate::room::EventIx;
use crate::state::StateMap;

/// A resolution with all its steps. Recomputed when somebody looks at it.
#[derive(Debug, Clone)]
pub struct Steps {
    /// The states that were resolved: after each parent in the order of the event, or after each forward extremity or
    /// chosen event.
    pub inputs: Vec<StateMap>,
    /// What came out.
    pub resolution: Resolution,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The steps as a tree of sentences.
    pub nodes: Vec<Node>,
}

impl Steps {
    /// The resolution for the state before an event; `None` where a state that it rests on is unknown.
    pub fn before(replay: &Replay<'_>, ix: EventIx) -> Option<Self> {
        if replay.room().is_outlier(ix) {
            None
        } else {
            Some(Self::record(replay, Some(ix), replay.inputs(ix)?))
        }
    }

    /// The resolution over the states after some events; `None` if one of them is unknown, or there are no events.
    pub fn over(replay: &Replay<'_>, events: &[EventIx]) -> Option<Self> {
        if events.is_empty() {
            return None;
        }
        let inputs = events.iter().map(|ix| replay.after(*ix).cloned()).collect::<Option<Vec<_>>>()?;
        Some(Self::record(replay, None, inputs))
    }

    fn record(replay: &Replay<'_>, at: Option<EventIx>, inputs: Vec<StateMap>) -> Self {
        let mut steps = Vec::new();
        let resolution = replay.resolve_at(at, &inputs, &mut steps);
        let nodes = explain_steps(replay.room(), &steps);
        Self { inputs, resolution, steps, nodes }
    }

    /// Whether all inputs were equal, so that there was nothing to resolve.
    pub fn is_trivial(&self) -> bool {
        !self.resolution.resolved
    }

    /// The sentence of a step.
    pub fn sentence(&self, step: usize) -> Option<&Sentence> {
        find_step(&self.nodes, step).map(|node| &node.sentence)
    }

    /// The node of a step.
    pub fn node(&self, step: usize) -> Option<&Node> {
        find_step(&self.nodes, step)
    }
}

impl Session {
    /// The resolution at a place; `None` where a state that it rests on is unknown.
    pub fn steps_at(&self, position: Position) -> Option<Steps> {
        self.record(&self.replay(), position)
    }

    /// The resolution at a place, in one of the replays.
    pub(super) fn record(&self, replay: &Replay<'_>, position: Position) -> Option<Steps> {
        match position {
            Position::Event(ix) => Steps::before(replay, ix),
            Position::Over(chosen) => Steps::over(replay, self.chosen(chosen)),
            Position::Now => Steps::over(replay, &replay.current().extremities),
        }
    }
}
