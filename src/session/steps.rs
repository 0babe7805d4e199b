//! The recorded resolution at one place.

use super::cursor::Position;
use crate::explain::{Node, Sentence, explain_steps};
use crate::replay::Replay;
use crate::resolve::Resolution;
use crate::resolve::step::Step;
use crate::room::EventIx;
use crate::state::StateMap;

/// A resolution with all its steps. Recomputed when somebody looks at it.
#[derive(Debug, Clone)]
pub struct Steps {
    /// The states that were resolved: after each parent in the order of the event, or after each forward extremity.
    pub inputs: Vec<StateMap>,
    /// What came out.
    pub resolution: Resolution,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The steps as a tree of sentences.
    pub nodes: Vec<Node>,
}

impl Steps {
    /// The resolution for the state before an event, or for the current state; `None` where a state that it rests on
    /// is unknown.
    pub fn at(replay: &Replay<'_>, position: Position) -> Option<Self> {
        match position {
            Position::Event(ix) if replay.room().is_outlier(ix) => None,
            Position::Event(ix) => Some(Self::record(replay, Some(ix), replay.inputs(ix)?)),
            Position::Now => Self::over(replay, &replay.current().extremities),
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
        find(&self.nodes, step).map(|node| &node.sentence)
    }

    /// The node of a step.
    pub fn node(&self, step: usize) -> Option<&Node> {
        find(&self.nodes, step)
    }
}

fn find(nodes: &[Node], step: usize) -> Option<&Node> {
    // Nodes come in the order of their steps, phases without a step of their own before those under them.
    nodes
        .iter()
        .find_map(|node| if node.step == Some(step) { Some(node) } else { find(&node.children, step) })
}
