//! A resolution as a tree of sentences.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::calculated::explain_calculated_auth;
use super::verdict::{operand_nodes, verdict_sentence};
use super::{Node, Sentence, Span, Tone, count, sentence};
use crate::resolve::step::{
    AuthCheck, AuthDifference, Candidates, CheckVerdict, Choice, ChoiceReason, ConflictedSubgraph, Decider,
    FullConflictedSet, Input, Mainline, MainlinePosition, Outcome, PowerEntry, PowerEvents, PowerPop,
    PowerQueue, PowerReason, Reach, Read, Restore, Round, Source, Split, Step, V1Phase,
};
use crate::room::{EventIx, Room};
use crate::state::Conflict;

/// Explains the steps of one resolution: one node a phase, the steps under it.
pub fn explain_steps(room: &Room, steps: &[Step]) -> Vec<Node> {
    let mut story = Story { room, phases: Vec::new(), queue: None, entries: HashMap::new() };
    for (number, step) in steps.iter().enumerate() {
        story.tell(number, step);
    }
    story.phases
}

/// The story so far.
struct Story<'a> {
    room: &'a Room,
    phases: Vec<Node>,
    queue: Option<PowerQueue<'a>>,
    entries: HashMap<EventIx, &'a PowerEntry>,
}

impl<'a> Story<'a> {
    fn tell(&mut self, number: usize, step: &'a Step) {
        let node = match step {
            Step::Input(input) => input_node(input),
            Step::Split(split) => split_node(split),
            Step::AuthDifference(difference) => difference_node(difference),
            Step::ConflictedSubgraph(subgraph) => subgraph_node(subgraph),
            Step::FullConflictedSet(full) => full_node(full),
            Step::PowerEvents(events) => {
                self.queue = Some(PowerQueue::new(events));
                self.entries = events.events.iter().map(|entry| (entry.event, entry)).collect();
                power_node(events)
            }
            Step::PowerPop(pop) => {
                let node = self.pop_node(pop).at(number);
                self.under("Reverse topological power ordering", node);
                return;
            }
            Step::AuthCheck(check) => {
                let title = match check.round {
                    Round::Power => "Iterative auth checks over the power ordering",
                    Round::Mainline => "Iterative auth checks over the mainline ordering",
                    Round::V1 => {
                        let node = explain_auth_check(self.room, check).at(number);
                        self.under_last(node);
                        return;
                    }
                };
                let node = explain_auth_check(self.room, check).at(number);
                self.under(title, node);
                return;
            }
            Step::Mainline(mainline) => mainline_node(mainline),
            Step::MainlinePosition(position) => {
                let node = position_node(self.room, position).at(number);
                self.under("Mainline ordering", node);
                return;
            }
            Step::Candidates(candidates) => candidates_node(candidates),
            Step::Choice(choice) => {
                let node = choice_node(choice).at(number);
                if choice.reason == ChoiceReason::OnlyOne {
                    node
                } else {
                    self.under_last(node);
                    return;
                }
            }
            Step::Restore(restore) => restore_node(restore),
            Step::Result(outcome) => outcome_node(outcome),
            Step::CalcAuth(calculated) => explain_calculated_auth(self.room, calculated),
            Step::Failure(text) => {
                Node::new(Tone::Bad, sentence!["This implementation fails here: ", text.clone()])
            }
        };
        self.phases.push(node.at(number));
    }

    /// Puts a node under the phase of this title, which is begun if it is not the last one.
    fn under(&mut self, title: &'static str, node: Node) {
        let expected = sentence![title];
        if self.phases.last().is_none_or(|phase| phase.sentence != expected) {
            self.phases.push(Node::new(Tone::Phase, expected));
        }
        self.under_last(node);
    }

    fn under_last(&mut self, node: Node) {
        match self.phases.last_mut() {
            Some(phase) => phase.children.push(node),
            None => self.phases.push(node),
        }
    }

    fn pop_node(&mut self, pop: &PowerPop) -> Node {
        let entry = self.entries.get(&pop.event);
        let mut sentence = sentence![format!("{}. ", pop.number), Span::Described(pop.event)];
        if let Some(entry) = entry {
            sentence =
                sentence.and(sentence![", level ", entry.key.level, ", ", Span::Time(entry.key.timestamp)]);
        }
        sentence = match (pop.decider, pop.runner_up) {
            (Decider::Alone, _) | (_, None) => sentence.with(": the only ready event"),
            (decider, Some(other)) => {
                let why = match decider {
                    Decider::Level => "its sender has more power than that of ",
                    Decider::Timestamp => "same level, but earlier than ",
                    _ => "same level and time, but a smaller event ID than ",
                };
                sentence.with(": ").with(why).with(other)
            }
        };
        let mut children = self.others_nodes(pop);
        if let Some(queue) = &mut self.queue {
            queue.pop(pop.event);
        }
        if !pop.released.is_empty() {
            let released = sentence!["now free: "].list(pop.released.iter().copied(), "none");
            children.push(Node::new(Tone::Plain, released));
        }
        Node::new(Tone::Plain, sentence).with(children)
    }

    /// The other ready events at a pop, and the blocked ones; those that would come first if they were not blocked
    /// stand out.
    fn others_nodes(&self, pop: &PowerPop) -> Vec<Node> {
        let Some(queue) = &self.queue else { return Vec::new() };
        let order =
            |entry: &PowerEntry| (Reverse(entry.key.level), entry.key.timestamp, self.room.id(entry.event));
        let key = |entry: &PowerEntry| {
            sentence![
                Span::Described(entry.event),
                ", level ",
                entry.key.level,
                ", ",
                Span::Time(entry.key.timestamp)
            ]
        };
        let count = (queue.ready().len() - 1, queue.blocked().len());
        let ready = queue.ready().filter(|ready| ready.event != pop.event);
        let chosen = self.entries.get(&pop.event).map(|entry| order(entry));
        let mut nodes = Vec::new();
        for entry in ready.take(SHOWN) {
            nodes.push(plain(sentence!["also ready: "].and(key(entry))));
        }
        nodes.extend(more(count.0, "ready"));
        for (entry, by) in queue.blocked().take(SHOWN) {
            let overtaken = chosen.as_ref().is_some_and(|chosen| order(entry) < *chosen);
            let (tone, words) = match overtaken {
                true => (Tone::Note, "blocked, or it would come first: "),
                false => (Tone::Plain, "blocked: "),
            };
            let sentence = sentence![words].and(key(entry)).with(", waits for ");
            nodes.push(Node::new(tone, sentence.list(by, "nothing")));
        }
        nodes.extend(more(count.1, "blocked"));
        nodes
    }
}

/// So many ready and blocked events are told of at each pop; the steps have them all.
const SHOWN: usize = 10;

fn more(count: usize, what: &str) -> Option<Node> {
    let hidden = count.checked_sub(SHOWN).filter(|hidden| *hidden > 0)?;
    Some(plain(sentence![format!("… and {hidden} more {what}")]))
}

fn phase(sentence: Sentence) -> Node {
    Node::new(Tone::Phase, sentence)
}

fn plain(sentence: Sentence) -> Node {
    Node::new(Tone::Plain, sentence)
}

fn input_node(input: &Input) -> Node {
    let sizes: Vec<String> = input.sizes.iter().map(|size| count(*size, "entry")).collect();
    let text = format!(
        "Input: {} ({}), algorithm {}",
        count(input.sizes.len(), "state set"),
        sizes.join(", "),
        input.algorithm
    );
    let node = phase(sentence![text]);
    if input.trivial {
        return node.with([plain(sentence!["the sets are all equal: there is nothing to resolve"])]);
    }
    node
}

/// So many sets are told of one by one.
const SETS: usize = 24;

/// What every set has under a key; of very many sets, those that have it.
fn values(conflict: &Conflict) -> Vec<Node> {
    let values = &conflict.values;
    let has =
        |set: usize, event: EventIx| plain(sentence![format!("set {}: ", set + 1), Span::Described(event)]);
    if values.len() <= SETS {
        let value = |(set, value): (usize, Option<EventIx>)| match value {
            Some(event) => has(set, event),
            None => plain(sentence![format!("set {}: absent", set + 1)]),
        };
        return values.iter().enumerate().map(value).collect();
    }
    let mut nodes: Vec<Node> = values.held().take(SETS).map(|(set, event)| has(set, event)).collect();
    if let Some(hidden) = values.held().len().checked_sub(SETS).filter(|hidden| *hidden > 0) {
        nodes.push(plain(sentence![format!("… and {hidden} more sets that have it")]));
    }
    let absent = values.len() - values.held().len();
    if absent > 0 {
        nodes.push(plain(sentence![format!("absent from {absent} of {} sets", values.len())]));
    }
    nodes
}

fn split_node(split: &Split) -> Node {
    let text = format!(
        "Split: {} in agreement, {} in conflict",
        count(split.unconflicted, "key"),
        count(split.conflicts.len(), "key")
    );
    let conflict = |conflict: &Conflict| plain(sentence![conflict.key]).with(values(conflict));
    phase(sentence![text]).with(split.conflicts.iter().map(conflict))
}

fn difference_node(difference: &AuthDifference) -> Node {
    let sizes: Vec<String> = difference.chain_sizes.iter().map(ToString::to_string).collect();
    let text = format!(
        "Auth difference: {} in some but not all auth chains (chains of {} events)",
        count(difference.events.len(), "event"),
        sizes.join(", ")
    );
    let mut node = phase(sentence![text]);
    if difference.inclusive {
        let text = "here the chain of a set contains the set's own events, as in Synapse (D1)";
        node = node.with([Node::new(Tone::Note, sentence![text])]);
    }
    node.with(difference.events.iter().map(|entry| {
        let reached = entry.reached.iter().enumerate().map(|(set, reach)| {
            let set = format!("set {}: ", set + 1);
            plain(match reach {
                None => sentence![set, "not in its chain"],
                Some(Reach::InState) => sentence![set, "in the state itself"],
                Some(Reach::CitedBy(event)) => sentence![set, "cited by ", *event],
            })
        });
        plain(sentence![Span::Described(entry.event)]).with(reached)
    }))
}

fn subgraph_node(subgraph: &ConflictedSubgraph) -> Node {
    let text = format!(
        "Conflicted state subgraph: {}, {} of them between conflicted events",
        count(subgraph.size, "event"),
        subgraph.between.len()
    );
    phase(sentence![text]).with(subgraph.between.iter().map(|entry| {
        plain(sentence![Span::Described(entry.event), ": cited by ", entry.above, ", cites ", entry.below])
    }))
}

fn full_node(full: &FullConflictedSet) -> Node {
    let text = format!("Full conflicted set: {} to replay", count(full.events.len(), "event"));
    phase(sentence![text]).with(full.events.iter().map(|entry| {
        let mut reasons = Vec::new();
        for (holds, reason) in [
            (entry.conflicted, "conflicted"),
            (entry.difference, "auth difference"),
            (entry.subgraph && !entry.conflicted, "subgraph"),
            (entry.unconflicted, "although all sets have it"),
        ] {
            if holds {
                reasons.push(reason);
            }
        }
        plain(sentence![Span::Described(entry.event), ": ", reasons.join(", ")])
    }))
}

fn power_node(events: &PowerEvents) -> Node {
    let text = format!("Power events: {} to order by power", count(events.events.len(), "event"));
    phase(sentence![text]).with(events.events.iter().map(|entry| {
        let reason = match entry.reason {
            PowerReason::PowerLevels => sentence!["sets power levels"],
            PowerReason::JoinRules => sentence!["sets join rules"],
            PowerReason::Create => {
                sentence!["creates the room (a power event in implementations, not in the text)"]
            }
            PowerReason::Membership => sentence!["removes somebody else"],
            PowerReason::PulledInBy(event) => sentence!["in the auth chain of ", event],
        };
        let sender = sentence!["; its sender has level ", entry.key.level];
        let node = plain(sentence![Span::Described(entry.event), ": "].and(reason).and(sender));
        if entry.waits_for.is_empty() {
            return node;
        }
        node.with([plain(sentence!["comes after "].list(entry.waits_for.iter().copied(), "nothing"))])
    }))
}

/// Explains one check of a resolution, with what it read and where that came from.
pub fn explain_auth_check(room: &Room, check: &AuthCheck) -> Node {
    let (tone, verdict) = match &check.verdict {
        CheckVerdict::Rules(verdict) => {
            (if verdict.is_ok() { Tone::Good } else { Tone::Bad }, verdict_sentence(room, verdict))
        }
        CheckVerdict::RejectedBefore => {
            (Tone::Bad, sentence!["kept out, because it was rejected on receipt (Synapse, D33)"])
        }
        CheckVerdict::NotState => (Tone::Bad, sentence!["passed over: not a state event"]),
    };
    let head = sentence![format!("{}. ", check.number), Span::Described(check.event), ": "].and(verdict);
    let reads = check.reads.iter().filter(|read| read.shadowed.is_some() || read.would_flip).map(read_node);
    let node = Node::new(tone, head).with(operand_nodes(&check.operands)).with(sources(check)).with(reads);
    match check.replaces.filter(|_| check.verdict.is_allowed()) {
        Some(old) if old != check.event => node.with([plain(sentence!["replaces ", Span::Described(old)])]),
        _ => node,
    }
}

/// Where the events that the rules looked at came from.
fn sources(check: &AuthCheck) -> Option<Node> {
    let mut sentence = sentence!["looked up: "];
    let before = sentence.0.len();
    for read in &check.reads {
        if sentence.0.len() > before {
            sentence = sentence.with("; ");
        }
        sentence = sentence.with(read.key).with(" = ");
        sentence = match read.event {
            Some(event) => sentence.with(event),
            None => sentence.with("nothing"),
        };
        sentence = sentence.with(match read.source {
            Source::Running(None) => " (unconflicted state)".to_owned(),
            Source::Running(Some((round, number))) => {
                format!(" (running state, {} check {number})", round_name(round))
            }
            Source::Own => " (its own auth event)".to_owned(),
            Source::RoomId => " (by the room ID)".to_owned(),
            Source::Candidate => " (best candidate so far)".to_owned(),
            Source::Absent => String::new(),
        });
    }
    (!check.reads.is_empty()).then(|| plain(sentence))
}

fn round_name(round: Round) -> &'static str {
    match round {
        Round::Power => "power",
        Round::Mainline => "mainline",
        Round::V1 => "v1",
    }
}

/// A key where the running state hides what the event itself cites.
fn read_node(read: &Read) -> Node {
    let own = read.shadowed.map_or_else(Sentence::new, |event| sentence![event]);
    let sentence = sentence!["for ", read.key, " the event itself cites "].and(own);
    if read.would_flip {
        Node::new(Tone::Note, sentence.with(": with that, the verdict would be the opposite"))
    } else {
        Node::new(Tone::Plain, sentence.with(", which would not change the verdict"))
    }
}

fn mainline_node(mainline: &Mainline) -> Node {
    if mainline.events.is_empty() {
        let node = phase(sentence!["Mainline: empty, so all events hang nowhere and the clock orders them"]);
        return match mainline.unconflicted_levels {
            Some(levels) => node.with([Node::new(
                Tone::Note,
                sentence![
                    "the power levels ",
                    levels,
                    " are undisputed, and v2.1 begins without undisputed state: they are no mainline here"
                ],
            )]),
            None => node,
        };
    }
    let text = format!("Mainline: {}, the newest first", count(mainline.events.len(), "power levels event"));
    phase(sentence![text]).with(
        mainline.events.iter().enumerate().map(|(position, event)| {
            plain(sentence![format!("position {position}: "), Span::Described(*event)])
        }),
    )
}

fn position_node(room: &Room, position: &MainlinePosition) -> Node {
    if position.dropped {
        let text = ": lost, because an auth event on its way to the mainline is missing (ruma, D30)";
        return Node::new(Tone::Bad, sentence![Span::Described(position.event), text]);
    }
    let place = match position.position {
        Some(place) => format!(", position {place}, "),
        None => ", position ∞ (reaches no power levels of the mainline), ".to_owned(),
    };
    let why = match position.decider {
        Decider::Alone => ": comes first",
        Decider::Position => ": after the one before by position",
        Decider::Timestamp => ": after the one before by timestamp",
        Decider::EventId => ": after the one before by event ID",
        Decider::Level => "",
    };
    let node = plain(sentence![
        format!("{}. ", position.number),
        Span::Described(position.event),
        place,
        Span::Time(room.event(position.event).origin_server_ts()),
        why
    ]);
    if position.walk.is_empty() {
        return node;
    }
    node.with([plain(sentence!["by way of "].list(position.walk.iter().copied(), "nothing"))])
}

fn phase_name(phase: V1Phase) -> &'static str {
    match phase {
        V1Phase::PowerLevels => "power levels",
        V1Phase::JoinRules => "join rules",
        V1Phase::Members => "members",
        V1Phase::Others => "other state",
    }
}

fn candidates_node(candidates: &Candidates) -> Node {
    let order = if candidates.phase == V1Phase::Others { "greatest" } else { "least" };
    let title = format!(
        " ({}): {}, the {order} depth first",
        phase_name(candidates.phase),
        count(candidates.order.len(), "candidate")
    );
    let candidate = |(event, depth, sha1): &(EventIx, i64, [u8; 20])| {
        let sha1: String = sha1[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        plain(sentence![Span::Described(*event), format!(", depth {depth}, SHA-1 {sha1}…")])
    };
    phase(sentence!["Resolve ", candidates.key, title]).with(candidates.order.iter().map(candidate))
}

fn choice_node(choice: &Choice) -> Node {
    let why = match choice.reason {
        ChoiceReason::OnlyOne => ", the only candidate left; nobody checks it",
        ChoiceReason::LastAllowed => ", the last before one fails, or of all",
        ChoiceReason::FirstAllowed => ", the first that is allowed",
        ChoiceReason::NoneAllowed => ", for none is allowed and the last one stays",
    };
    Node::new(Tone::Good, sentence![choice.key, " is ", Span::Described(choice.winner), why])
}

fn restore_node(restore: &Restore) -> Node {
    let text = format!("Restore: {} of undisputed state put back", count(restore.unconflicted, "key"));
    phase(sentence![text]).with(restore.overwritten.iter().map(|(key, replayed, restored)| {
        Node::new(
            Tone::Note,
            sentence![
                *key,
                " is ",
                Span::Described(*restored),
                " again, where the replay had put ",
                *replayed
            ],
        )
    }))
}

fn outcome_node(outcome: &Outcome) -> Node {
    let node = phase(sentence![format!("Result: {}", count(outcome.size, "key"))]);
    node.with(outcome.keys.iter().map(|(conflict, winner)| {
        let had = |event: EventIx| {
            let holders = conflict.values.held().filter(|(_, value)| *value == event);
            let mut sets: Vec<String> = holders.map(|(set, _)| (set + 1).to_string()).collect();
            if sets.len() > SETS {
                sets[SETS] = "…".to_owned();
                sets.truncate(SETS + 1);
            }
            match sets.len() {
                0 => ", which no set had".to_owned(),
                1 => format!(", as in set {}", sets[0]),
                _ => format!(", as in sets {}", sets.join(", ")),
            }
        };
        match winner {
            Some(event) => {
                Node::new(Tone::Good, sentence![conflict.key, " is ", Span::Described(*event), had(*event)])
            }
            None => Node::new(Tone::Bad, sentence![conflict.key, " is gone: no candidate passed"]),
        }
    }))
}
