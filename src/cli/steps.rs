//! The steps of a resolution as JSON and as a printed tree.

use serde_json::{Value, json};

use crate::auth::{Level, LevelField, LevelSource, Needed, Operand, Role, SelectedFor, Verdict, rule_number};
use crate::explain::{Node, Sentence, Span, Tone};
use crate::resolve::step::{
    AuthCheck, AuthDifference, CheckVerdict, Choice, ChoiceReason, Decider, FullEntry, MainlinePosition,
    Outcome, PowerEntry, PowerPop, PowerQueue, PowerReason, Reach, Read, Round, Source, Step, V1Phase,
};
use crate::room::{EventIx, KeyIx, Link, Room};
use crate::state::Conflict;

/// The steps as JSON: one object a step, `step` naming it. Events are IDs, keys are `[type, state_key]` pairs.
pub(super) fn to_json(room: &Room, steps: &[Step]) -> Value {
    let mut writer = Writer { room, queue: None };
    steps.iter().map(|step| writer.step(step)).collect()
}

/// So many ready and blocked events are listed at each pop, those with the least keys. The rest follows from `waits_for`
/// of the power events; all of them at each pop would grow with the square of the ordering.
const LISTED: usize = 100;

struct Writer<'a> {
    room: &'a Room,
    queue: Option<PowerQueue<'a>>,
}

impl<'a> Writer<'a> {
    fn step(&mut self, step: &'a Step) -> Value {
        let mut fields = match step {
            Step::Input(input) => json!({
                "algorithm": input.algorithm.as_str(), "sizes": input.sizes, "trivial": input.trivial,
            }),
            Step::Split(split) => json!({
                "unconflicted": split.unconflicted,
                "conflicts": split.conflicts.iter().map(|conflict| self.conflict(conflict)).collect::<Vec<_>>(),
            }),
            Step::AuthDifference(difference) => self.difference(difference),
            Step::ConflictedSubgraph(subgraph) => json!({
                "size": subgraph.size,
                "between": subgraph.between.iter().map(|entry| json!({
                    "event": self.id(entry.event), "above": self.id(entry.above), "below": self.id(entry.below),
                })).collect::<Vec<_>>(),
            }),
            Step::FullConflictedSet(full) => {
                json!({ "events": full.events.iter().map(|entry| self.full(*entry)).collect::<Vec<_>>() })
            }
            Step::PowerEvents(events) => {
                self.queue = Some(PowerQueue::new(events));
                json!({ "events": events.events.iter().map(|entry| self.power(entry)).collect::<Vec<_>>() })
            }
            Step::PowerPop(pop) => self.pop(pop),
            Step::AuthCheck(check) => self.check(check),
            Step::Mainline(mainline) => json!({
                "events": self.ids(&mainline.events),
                "unconflicted_levels": mainline.unconflicted_levels.map(|event| self.id(event)),
            }),
            Step::MainlinePosition(position) => self.position(position),
            Step::Candidates(candidates) => json!({
                "phase": phase(candidates.phase),
                "key": self.key(candidates.key),
                "order": candidates.order.iter().map(|(event, depth, sha1)| json!({
                    "event": self.id(*event), "depth": depth,
                    "sha1": sha1.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
                })).collect::<Vec<_>>(),
            }),
            Step::Choice(choice) => self.choice(choice),
            Step::Restore(restore) => json!({
                "unconflicted": restore.unconflicted,
                "overwritten": restore.overwritten.iter().map(|(key, replayed, restored)| json!({
                    "key": self.key(*key), "replayed": self.id(*replayed), "restored": self.id(*restored),
                })).collect::<Vec<_>>(),
            }),
            Step::Result(outcome) => self.outcome(outcome),
            Step::CalcAuth(calculated) => json!({
                "event": self.id(calculated.event), "state_size": calculated.size,
                "error": calculated.unreadable,
                "keys": calculated.keys.iter().map(|selected| json!({
                    "key": self.key(selected.key), "selected_for": selected_for(selected.reason),
                    "event": selected.event.map(|event| self.id(event)),
                })).collect::<Vec<_>>(),
            }),
            Step::Failure(text) => json!({ "error": text }),
        };
        if let Value::Object(fields) = &mut fields {
            fields.insert("step".to_owned(), step.name().into());
        }
        fields
    }

    fn id(&self, event: EventIx) -> &'a str {
        self.room.id(event)
    }

    fn ids(&self, events: &[EventIx]) -> Vec<&'a str> {
        events.iter().map(|event| self.id(*event)).collect()
    }

    fn key(&self, key: KeyIx) -> Value {
        let (event_type, state_key) = self.room.key(key);
        json!([event_type, state_key])
    }

    fn conflict(&self, conflict: &Conflict) -> Value {
        let values: Vec<_> = conflict.values.iter().map(|value| value.map(|event| self.id(event))).collect();
        json!({ "key": self.key(conflict.key), "values": values })
    }

    fn difference(&self, difference: &AuthDifference) -> Value {
        let reach = |reach: &Option<Reach>| match reach {
            None => Value::Null,
            Some(Reach::InState) => json!({ "in_state": true }),
            Some(Reach::CitedBy(event)) => json!({ "cited_by": self.id(*event) }),
        };
        json!({
            "chains_include_state": difference.inclusive,
            "chain_sizes": difference.chain_sizes,
            "events": difference.events.iter().map(|entry| json!({
                "event": self.id(entry.event),
                "reached": entry.reached.iter().map(reach).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })
    }

    fn full(&self, entry: FullEntry) -> Value {
        json!({
            "event": self.id(entry.event), "conflicted": entry.conflicted, "difference": entry.difference,
            "subgraph": entry.subgraph, "unconflicted": entry.unconflicted,
        })
    }

    fn power_key(&self, entry: &PowerEntry) -> Value {
        json!([level(entry.key.level), entry.key.timestamp, self.id(entry.event)])
    }

    fn power(&self, entry: &PowerEntry) -> Value {
        let (reason, because_of) = match entry.reason {
            PowerReason::PowerLevels => ("power_levels", None),
            PowerReason::JoinRules => ("join_rules", None),
            PowerReason::Create => ("create", None),
            PowerReason::Membership => ("membership", None),
            PowerReason::PulledInBy(event) => ("auth_chain", Some(self.id(event))),
        };
        json!({
            "event": self.id(entry.event), "reason": reason, "because_of": because_of, "key": self.power_key(entry),
            "level_from": self.source(entry.key.source), "waits_for": self.ids(&entry.waits_for),
        })
    }

    fn pop(&mut self, pop: &PowerPop) -> Value {
        let (mut ready, mut blocked) = (Vec::new(), Vec::new());
        let mut counts = (0, 0);
        if let Some(queue) = &self.queue {
            counts = (queue.ready().len(), queue.blocked().len());
            let mut entries: Vec<&PowerEntry> = queue.ready().take(LISTED).collect();
            entries.sort_by_key(|entry| {
                (std::cmp::Reverse(entry.key.level), entry.key.timestamp, self.id(entry.event))
            });
            ready.extend(entries.into_iter().map(|entry| self.power_key(entry)));
            blocked.extend(
                queue
                    .blocked()
                    .take(LISTED)
                    .map(|(entry, by)| json!({ "event": self.id(entry.event), "by": self.ids(&by) })),
            );
        }
        if let Some(queue) = &mut self.queue {
            queue.pop(pop.event);
        }
        json!({
            "number": pop.number, "event": self.id(pop.event), "decided_by": decider(pop.decider),
            "runner_up": pop.runner_up.map(|event| self.id(event)), "released": self.ids(&pop.released),
            "ready": ready, "ready_count": counts.0, "blocked": blocked, "blocked_count": counts.1,
        })
    }

    fn check(&self, check: &AuthCheck) -> Value {
        let (verdict, reason) = match &check.verdict {
            CheckVerdict::Rules(Ok(rule)) => ("allowed", rule.text().to_owned()),
            CheckVerdict::Rules(Err(refusal)) => ("refused", refusal.reason()),
            CheckVerdict::RejectedBefore => ("refused", "rejected on receipt".to_owned()),
            CheckVerdict::NotState => ("refused", "not a state event".to_owned()),
        };
        let numbering = self.room.rules().numbering;
        json!({
            "round": round(check.round), "number": check.number, "event": self.id(check.event), "verdict": verdict,
            "rule": check.verdict.rule().map(|rule| rule.number(numbering)), "reason": reason,
            "reads": check.reads.iter().map(|read| self.read(read)).collect::<Vec<_>>(),
            "operands": operands_to_json(self.room, &check.operands),
            "replaces": check.replaces.map(|event| self.id(event)),
        })
    }

    fn read(&self, read: &Read) -> Value {
        let (source, put_by) = match read.source {
            Source::Running(None) => ("running_state", None),
            Source::Running(Some((in_round, number))) => {
                ("running_state", Some(json!({ "round": round(in_round), "number": number })))
            }
            Source::Own => ("auth_events", None),
            Source::RoomId => ("room_id", None),
            Source::Absent => ("absent", None),
            Source::Candidate => ("candidate", None),
        };
        json!({
            "key": self.key(read.key), "event": read.event.map(|event| self.id(event)), "source": source,
            "put_by": put_by, "shadowed": read.shadowed.map(|event| self.id(event)), "would_flip": read.would_flip,
        })
    }

    fn position(&self, position: &MainlinePosition) -> Value {
        json!({
            "number": position.number, "event": self.id(position.event), "walk": self.ids(&position.walk),
            "position": position.position, "decided_by": decider(position.decider), "dropped": position.dropped,
        })
    }

    fn choice(&self, choice: &Choice) -> Value {
        let reason = match choice.reason {
            ChoiceReason::OnlyOne => "only_one",
            ChoiceReason::LastAllowed => "last_allowed",
            ChoiceReason::FirstAllowed => "first_allowed",
            ChoiceReason::NoneAllowed => "none_allowed",
        };
        json!({
            "phase": phase(choice.phase), "key": self.key(choice.key), "winner": self.id(choice.winner),
            "reason": reason,
        })
    }

    fn outcome(&self, outcome: &Outcome) -> Value {
        json!({
            "size": outcome.size,
            "keys": outcome.keys.iter().map(|(conflict, winner)| {
                let mut entry = self.conflict(conflict);
                entry["winner"] = winner.map(|event| self.id(event)).into();
                entry
            }).collect::<Vec<_>>(),
        })
    }

    fn source(&self, source: LevelSource) -> Value {
        source_to_json(self.room, source)
    }
}

fn source_to_json(room: &Room, source: LevelSource) -> Value {
    match source {
        LevelSource::Entry(event) => json!({ "from": "entry", "event": room.id(event) }),
        LevelSource::Set(event) => json!({ "from": "set_default", "event": room.id(event) }),
        LevelSource::Default(event) => json!({ "from": "default", "event": room.id(event) }),
        LevelSource::NoPowerLevels => json!({ "from": "no_power_levels" }),
        LevelSource::Creator(event) => json!({ "from": "creator", "event": room.id(event) }),
    }
}

/// What rules read, as JSON.
pub(super) fn operands_to_json(room: &Room, operands: &[Operand]) -> Value {
    let id = |event: &EventIx| room.id(*event);
    let role = |role: &Role| match role {
        Role::Sender => "sender",
        Role::Target => "target",
        Role::Authoriser => "authoriser",
    };
    operands
        .iter()
        .map(|operand| match operand {
            Operand::Create(event) => json!({ "kind": "create", "event": event.as_ref().map(id) }),
            Operand::Membership { user, role: part, event, membership } => json!({
                "kind": "membership", "user": user, "role": role(part), "event": event.as_ref().map(id),
                "membership": membership,
            }),
            Operand::JoinRule { event, join_rule } => {
                json!({ "kind": "join_rule", "event": event.as_ref().map(id), "join_rule": join_rule })
            }
            Operand::UserLevel { user, role: part, level: of_user, source } => json!({
                "kind": "user_level", "user": user, "role": role(part), "level": level(*of_user),
                "source": source_to_json(room, *source),
            }),
            Operand::NeededLevel { what, level, source } => json!({
                "kind": "needed_level", "level": level, "source": source_to_json(room, *source),
                "what": match what {
                    Needed::Named(name) => name.as_str(),
                    Needed::EventType(event_type) => event_type,
                },
            }),
            Operand::Change { field, old, new } => {
                let (map, key) = match field {
                    LevelField::Named(name) => (None, name.as_str()),
                    LevelField::Event(key) => (Some("events"), &**key),
                    LevelField::Notification(key) => (Some("notifications"), &**key),
                    LevelField::User(key) => (Some("users"), &**key),
                };
                json!({ "kind": "change", "map": map, "key": key, "old": old, "new": new })
            }
            Operand::ThirdPartyInvite { token, event } => {
                json!({ "kind": "third_party_invite", "token": token, "event": event.as_ref().map(id) })
            }
            Operand::StateParent(link) => json!({ "kind": "prev_state_event", "event": match link {
                Link::Event(event) => room.id(*event),
                Link::Missing(missing) => room.missing_id(*missing),
            } }),
            Operand::AuthEvent(link) => json!({ "kind": "auth_event", "event": match link {
                Link::Event(event) => room.id(*event),
                Link::Missing(missing) => room.missing_id(*missing),
            } }),
        })
        .collect()
}

/// A verdict as JSON: `{"allowed", "rule", "reason"}`.
pub(super) fn verdict_to_json(room: &Room, verdict: &Verdict) -> Value {
    json!({
        "allowed": verdict.is_ok(),
        "rule": rule_number(verdict, room.rules().numbering),
        "reason": match verdict {
            Ok(rule) => rule.text().to_owned(),
            Err(refusal) => refusal.reason(),
        },
    })
}

/// A level: a number, or the word `creator`, which is above all numbers.
pub(super) fn level(level: Level) -> Value {
    match level {
        Level::Finite(number) => number.into(),
        Level::Creator => "creator".into(),
    }
}

pub(super) fn decider(decider: Decider) -> &'static str {
    match decider {
        Decider::Alone => "alone",
        Decider::Level => "level",
        Decider::Position => "position",
        Decider::Timestamp => "origin_server_ts",
        Decider::EventId => "event_id",
    }
}

pub(super) fn round(round: Round) -> &'static str {
    match round {
        Round::Power => "power",
        Round::Mainline => "mainline",
        Round::V1 => "v1",
    }
}

fn phase(phase: V1Phase) -> &'static str {
    match phase {
        V1Phase::PowerLevels => "power_levels",
        V1Phase::JoinRules => "join_rules",
        V1Phase::Members => "members",
        V1Phase::Others => "others",
    }
}

/// Prints explanations as a tree. `span` gives the text of a span, `paint` colours a line by its tone.
pub(super) fn write_tree(
    out: &mut String,
    nodes: &[Node],
    span: &impl Fn(&Span) -> String,
    paint: &impl Fn(Tone, &str) -> String,
) {
    for (number, node) in nodes.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push_str(&paint(node.tone, &render(&node.sentence, span)));
        out.push('\n');
        write_branches(out, &node.children, "", span, paint);
    }
}

fn write_branches(
    out: &mut String,
    nodes: &[Node],
    indent: &str,
    span: &impl Fn(&Span) -> String,
    paint: &impl Fn(Tone, &str) -> String,
) {
    for (number, node) in nodes.iter().enumerate() {
        let last = number + 1 == nodes.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        out.push_str(indent);
        out.push_str(branch);
        out.push_str(&paint(node.tone, &render(&node.sentence, span)));
        out.push('\n');
        write_branches(out, &node.children, &format!("{indent}{below}"), span, paint);
    }
}

/// A sentence as text.
pub(super) fn render(sentence: &Sentence, span: &impl Fn(&Span) -> String) -> String {
    sentence.0.iter().map(span).collect()
}

fn selected_for(reason: SelectedFor) -> &'static str {
    match reason {
        SelectedFor::Create => "create",
        SelectedFor::PowerLevels => "power_levels",
        SelectedFor::Sender => "sender",
        SelectedFor::Target => "target",
        SelectedFor::JoinRules => "join_rules",
        SelectedFor::ThirdPartyInvite => "third_party_invite",
        SelectedFor::Authoriser => "authoriser",
    }
}
