//! What `inspect` says of a state DAG.

use std::io;

use serde::Serialize;

use super::super::text;
use super::show::{LISTED, Page};
use crate::diagnose::state_dag::{Shape, Width};
use crate::room::Room;

#[derive(Debug, Serialize)]
pub(super) struct StateDagFacts<'a> {
    events: usize,
    edges: usize,
    longest_path: usize,
    /// Accepted state events that no accepted state event names.
    forward_extremities: Vec<&'a str>,
    /// The greatest width of each of at most 64 equal stretches of time, in topological order.
    width: Vec<WidthJson<'a>>,
    widest: Option<WidthJson<'a>>,
    /// How many events name how many in `prev_state_events`.
    parents: Vec<Parents>,
    /// Events that name an event and an ancestor of it.
    redundant_parents: Vec<&'a str>,
    /// The sizes of the parts that the state events fall into.
    parts: Vec<usize>,
    /// Events that cannot be judged.
    unprocessed: usize,
    /// IDs that are named and not in the dump.
    missing: usize,
}

#[derive(Debug, Serialize)]
struct WidthJson<'a> {
    at: &'a str,
    width: usize,
}

#[derive(Debug, Serialize)]
struct Parents {
    count: usize,
    state_events: usize,
    messages: usize,
}

impl<'a> StateDagFacts<'a> {
    pub(super) fn new(room: &'a Room, shape: &Shape) -> Self {
        let width = |width: &Width| WidthJson { at: room.id(width.at), width: width.tips };
        let parents = |(count, events): (&usize, &crate::diagnose::state_dag::ParentCount)| Parents {
            count: *count,
            state_events: events.state_events,
            messages: events.messages,
        };
        Self {
            events: shape.events,
            edges: shape.edges,
            longest_path: shape.longest_path,
            forward_extremities: shape.extremities.iter().map(|ix| room.id(*ix)).collect(),
            width: shape.widths.iter().map(width).collect(),
            widest: shape.widest.as_ref().map(width),
            parents: shape.parents.iter().map(parents).collect(),
            redundant_parents: shape.redundant.iter().map(|ix| room.id(*ix)).collect(),
            parts: shape.parts.clone(),
            unprocessed: shape.unprocessed,
            missing: shape.missing,
        }
    }
}

impl Page<'_> {
    /// The section on the state DAG. Its forward extremities are those of the section on the graph.
    pub(super) fn state_dag(&mut self, facts: &StateDagFacts<'_>) -> io::Result<()> {
        self.heading("State DAG")?;
        let (events, edges) = (text::count(facts.events, "event"), text::count(facts.edges, "edge"));
        self.fact("Size", &format!("{events}, {edges}, longest path {}", text::number(facts.longest_path)))?;
        if let Some(widest) = &facts.widest {
            let at = self.id(widest.at);
            self.fact("Widest", &format!("{}, after {at}", text::count(widest.width, "forward extremity")))?;
            self.fact("Width", &bars(&facts.width.iter().map(|width| width.width).collect::<Vec<_>>()))?;
        }
        self.fact("Parents", "how many events name how many in prev_state_events")?;
        for row in facts.parents.iter().take(LISTED) {
            let (state, messages) = (row.state_events, row.messages);
            let count = text::number(row.count);
            self.item(&format!(
                "{count:>4}: {} state, {} other",
                text::number(state),
                text::number(messages)
            ))?;
        }
        self.rest(facts.parents.len())?;
        if !facts.redundant_parents.is_empty() {
            let count = text::count(facts.redundant_parents.len(), "event");
            self.fact("Redundant", &format!("{count} naming an event and an ancestor of it"))?;
            for id in facts.redundant_parents.iter().take(LISTED) {
                self.event(id, "may bring back older values")?;
            }
            self.rest(facts.redundant_parents.len())?;
        }
        let connected = match &facts.parts[..] {
            [] | [_] => "in one piece".to_owned(),
            [first, rest @ ..] => {
                let others: usize = rest.iter().sum();
                let parts = text::number(facts.parts.len());
                format!(
                    "in {parts} pieces: {} events, and {} apart",
                    text::number(*first),
                    text::number(others)
                )
            }
        };
        let missing = match facts.missing {
            0 => String::new(),
            missing => format!(", {} missing", text::number(missing)),
        };
        self.fact("Connectivity", &format!("{connected}{missing}"))?;
        if facts.unprocessed > 0 {
            let waiting = text::count(facts.unprocessed, "event");
            self.fact(
                "Waiting",
                &format!("{waiting} that cannot be judged before what is missing is there"),
            )?;
        }
        Ok(())
    }
}

/// Numbers as a row of bars of eight heights, the greatest full.
fn bars(numbers: &[usize]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = numbers.iter().copied().max().unwrap_or(1).max(1);
    let bar = |number: &usize| BARS[(number * BARS.len()).div_ceil(most).saturating_sub(1).min(7)];
    numbers.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn bars_are_as_high_as_their_numbers() {
        assert_eq!(bars(&[1, 1, 2, 4, 8]), "▁▁▂▄█");
        assert_eq!(bars(&[1, 1]), "██");
        assert_eq!(bars(&[]), "");
    }
}
