//! What became of the candidates of one key in a recorded resolution, and why.

use crate::explain::{Node, Sentence, Span, Tone, explain_auth_check, sentence};
use crate::resolve::step::{AuthCheck, Decider, MainlinePosition, PowerEvents, PowerQueue, Round, Step};
use crate::room::{EventIx, KeyIx, Room};

/// What became of one event in a resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is what the key has in the end. The step that put it there; `None` if all sets agreed on it.
    Won(Option<usize>),
    /// It was refused at this step.
    Refused(usize),
    /// It passed at step `allowed`, and at step `by` another event took its place.
    Replaced {
        /// The step at which it passed.
        allowed: usize,
        /// The step that replaced it.
        by: usize,
    },
    /// At this step, the restoring of undisputed state, another event took its place.
    Overwritten(usize),
    /// At this step it was lost: an auth event on its way to the mainline is missing (ruma, D30).
    Dropped(usize),
    /// In v1 at this step, the choice for the key, another candidate was preferred.
    Passed(usize),
    /// It was not among the events that were replayed.
    NotReplayed,
    /// The implementation failed at this step, and there is no result.
    Failed(usize),
}

/// Why an event was replayed before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precedence {
    /// It is a power event (or one has it in its auth chain), and the other is not.
    Power,
    /// The other waited for these events.
    Blocked(Vec<EventIx>),
    /// The keys that both are ordered by differ first in this component.
    Key(Decider),
}

/// The recorded steps of one resolution, as far as one key is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    room: &'a Room,
    steps: &'a [Step],
    key: KeyIx,
}

impl<'a> Decision<'a> {
    /// What the steps decide about a key.
    pub fn new(room: &'a Room, steps: &'a [Step], key: KeyIx) -> Self {
        Self { room, steps, key }
    }

    /// The checks of events that set the key, in the order of the replay, with the places of their steps.
    pub fn checks(&self) -> impl DoubleEndedIterator<Item = (usize, &'a AuthCheck)> {
        let (room, key) = (self.room, self.key);
        self.steps.iter().enumerate().filter_map(move |(number, step)| match step {
            Step::AuthCheck(check) if room.key_of(check.event) == Some(key) => Some((number, &**check)),
            _ => None,
        })
    }

    /// The step that put the last value into the running state, be it the final one or not.
    fn last_put(&self) -> Option<(usize, EventIx)> {
        let chosen = self.steps.iter().enumerate().rev().find_map(|(number, step)| match step {
            Step::Choice(choice) if choice.key == self.key => Some((number, choice.winner)),
            _ => None,
        });
        chosen.or_else(|| {
            let mut checks = self.checks().rev();
            checks.find(|(_, check)| check.verdict.is_allowed()).map(|(number, check)| (number, check.event))
        })
    }

    /// The event that undisputed state puts back under the key, and the step.
    fn restored(&self) -> Option<(usize, EventIx)> {
        self.steps.iter().enumerate().find_map(|(number, step)| match step {
            Step::Restore(restore) => {
                let entry = restore.overwritten.iter().find(|(key, ..)| *key == self.key)?;
                Some((number, entry.2))
            }
            _ => None,
        })
    }

    /// What became of an event that sets the key.
    pub fn fate(&self, event: EventIx) -> Fate {
        let failed = self.steps.iter().position(|step| matches!(step, Step::Failure(_)));
        if let Some(step) = failed {
            return Fate::Failed(step);
        }
        if let Some((step, restored)) = self.restored() {
            return if restored == event { Fate::Won(Some(step)) } else { self.lost(event, Some(step)) };
        }
        match self.last_put() {
            Some((step, winner)) if winner == event => Fate::Won(Some(step)),
            // Nobody contradicts what a set has, and in v1 that suffices.
            _ if self.came_out(event) => Fate::Won(None),
            last => self.lost(event, last.map(|(step, _)| step)),
        }
    }

    fn came_out(&self, event: EventIx) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Result(outcome) => outcome
                .keys
                .iter()
                .any(|(conflict, winner)| conflict.key == self.key && *winner == Some(event)),
            _ => false,
        })
    }

    fn lost(&self, event: EventIx, last: Option<usize>) -> Fate {
        let own = self.checks().rfind(|(_, check)| check.event == event);
        match (own, last) {
            (Some((step, check)), _) if !check.verdict.is_allowed() => Fate::Refused(step),
            (Some((allowed, check)), Some(by)) => match &self.steps[by] {
                Step::Restore(_) => Fate::Overwritten(by),
                Step::Choice(_) if check.round == Round::V1 => Fate::Passed(by),
                _ => Fate::Replaced { allowed, by: self.next_put(allowed).unwrap_or(by) },
            },
            (Some((allowed, _)), None) => Fate::Won(Some(allowed)),
            (None, Some(by)) if matches!(self.steps[by], Step::Choice(_)) => Fate::Passed(by),
            (None, _) => self.dropped(event).map_or(Fate::NotReplayed, Fate::Dropped),
        }
    }

    fn next_put(&self, after: usize) -> Option<usize> {
        self.checks()
            .find(|(number, check)| *number > after && check.verdict.is_allowed())
            .map(|(number, _)| number)
    }

    fn dropped(&self, event: EventIx) -> Option<usize> {
        self.steps.iter().position(
            |step| matches!(step, Step::MainlinePosition(position) if position.event == event && position.dropped),
        )
    }

    /// Why one event was replayed before another; `None` if it was not, or one of them was not replayed at all.
    pub fn precedence(&self, first: EventIx, second: EventIx) -> Option<Precedence> {
        match (self.position(first), self.position(second)) {
            (Some(one), Some(other)) => Some(Precedence::Key(self.mainline_decider(one, other))),
            (None, Some(_)) => Some(Precedence::Power),
            (None, None) => self.power_precedence(first, second),
            (Some(_), None) => None,
        }
    }

    fn position(&self, event: EventIx) -> Option<&'a MainlinePosition> {
        self.steps.iter().find_map(|step| match step {
            Step::MainlinePosition(position) if position.event == event => Some(position),
            _ => None,
        })
    }

    fn mainline_decider(&self, one: &MainlinePosition, other: &MainlinePosition) -> Decider {
        let time = |position: &MainlinePosition| self.room.event(position.event).origin_server_ts();
        if one.position != other.position {
            Decider::Position
        } else if time(one) != time(other) {
            Decider::Timestamp
        } else {
            Decider::EventId
        }
    }

    fn power_precedence(&self, first: EventIx, second: EventIx) -> Option<Precedence> {
        let events: &PowerEvents = self.steps.iter().find_map(|step| match step {
            Step::PowerEvents(events) => Some(events),
            _ => None,
        })?;
        let mut queue = PowerQueue::new(events);
        let pops = self.steps.iter().filter_map(|step| match step {
            Step::PowerPop(pop) => Some(pop.event),
            _ => None,
        });
        for popped in pops {
            if popped == first {
                break;
            }
            if popped == second {
                return None;
            }
            queue.pop(popped);
        }
        if let Some((_, by)) = queue.blocked().find(|(entry, _)| entry.event == second) {
            return Some(Precedence::Blocked(by.to_vec()));
        }
        let key =
            |event: EventIx| events.events.iter().find(|entry| entry.event == event).map(|entry| entry.key);
        let (one, other) = (key(first)?, key(second)?);
        Some(Precedence::Key(if one.level != other.level {
            Decider::Level
        } else if one.timestamp != other.timestamp {
            Decider::Timestamp
        } else {
            Decider::EventId
        }))
    }

    /// What became of an event, in words, with the check or the choice that decided under it.
    pub fn explain(&self, event: EventIx) -> Node {
        let this = Span::Described(event);
        match self.fate(event) {
            Fate::Won(Some(step)) => {
                let node = Node::new(Tone::Good, sentence![this, " won"]).at(step);
                node.with(self.check_at(step))
            }
            Fate::Won(None) => Node::new(Tone::Good, sentence![this, " is undisputed"]),
            Fate::Refused(step) => Node::new(Tone::Bad, sentence![this, " was refused when it was replayed"])
                .at(step)
                .with(self.check_at(step)),
            Fate::Replaced { by, .. } => self.explain_replaced(event, by),
            Fate::Overwritten(step) => Node::new(
                Tone::Bad,
                sentence![this, " was replaced when undisputed state was put back over the replayed one"],
            )
            .at(step),
            Fate::Dropped(step) => {
                let words = " was lost: an auth event on its way to the mainline is missing";
                Node::new(Tone::Bad, sentence![this, words]).at(step)
            }
            Fate::Passed(step) => Node::new(Tone::Bad, sentence![this, " was not preferred"])
                .at(step)
                .with(self.choice_at(step)),
            Fate::NotReplayed => {
                Node::new(Tone::Plain, sentence![this, " was not among the events replayed"])
            }
            Fate::Failed(step) => {
                Node::new(Tone::Bad, sentence!["this implementation fails, so there is no result"]).at(step)
            }
        }
    }

    fn explain_replaced(&self, event: EventIx, by: usize) -> Node {
        let Step::AuthCheck(check) = &self.steps[by] else {
            return Node::new(Tone::Bad, sentence![Span::Described(event), " was replaced"]);
        };
        let node = Node::new(
            Tone::Bad,
            sentence![
                Span::Described(event),
                " passed, and was replaced by ",
                check.event,
                ", which is replayed later"
            ],
        );
        match self.precedence(event, check.event) {
            Some(precedence) => {
                let why = self.explain_precedence(event, check.event, &precedence);
                node.at(by).with([Node::new(Tone::Plain, why)])
            }
            None => node.at(by),
        }
    }

    /// Why `first` is replayed before `second`, in words.
    pub fn explain_precedence(&self, first: EventIx, second: EventIx, precedence: &Precedence) -> Sentence {
        let begins = sentence![first, " comes before ", second];
        let level = |event: EventIx| self.power_level(event);
        begins.and(match precedence {
            Precedence::Power => {
                sentence![": power events, and what they rest on, are replayed before all others"]
            }
            Precedence::Blocked(by) => {
                sentence![": that one has to wait for "].list(by.iter().copied(), "nothing")
            }
            Precedence::Key(Decider::Level) => match (level(first), level(second)) {
                (Some(one), Some(other)) => {
                    sentence![": its sender has more power, ", one, " against ", other]
                }
                _ => sentence![": its sender has more power"],
            },
            Precedence::Key(Decider::Position) => {
                let place = |event: EventIx| match self.position(event).and_then(|position| position.position)
                {
                    Some(place) => format!("position {place}"),
                    None => "none of the mainline".to_owned(),
                };
                sentence![format!(
                    ": it cites older power levels ({}, the other {})",
                    place(first),
                    place(second)
                )]
            }
            Precedence::Key(Decider::Timestamp) => {
                let time = |event: EventIx| Span::Time(self.room.event(event).origin_server_ts());
                sentence![": by its timestamp it is older, ", time(first), " against ", time(second)]
            }
            Precedence::Key(_) => {
                sentence![": level or epoch and timestamp are the same, its event ID is smaller"]
            }
        })
    }

    fn power_level(&self, event: EventIx) -> Option<crate::auth::Level> {
        self.steps.iter().find_map(|step| match step {
            Step::PowerEvents(events) => {
                events.events.iter().find(|entry| entry.event == event).map(|entry| entry.key.level)
            }
            _ => None,
        })
    }

    fn check_at(&self, step: usize) -> Option<Node> {
        match &self.steps[step] {
            Step::AuthCheck(check) => Some(explain_auth_check(self.room, check).at(step)),
            Step::Choice(_) => self.choice_at(step),
            _ => None,
        }
    }

    fn choice_at(&self, step: usize) -> Option<Node> {
        let nodes = crate::explain::explain_steps(self.room, self.steps);
        crate::explain::find_step(&nodes, step).cloned()
    }
}
