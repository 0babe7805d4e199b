//! Losses as JSON.

use serde_json::{Value, json};

use super::Report;
use crate::cli::steps::{decider, level, operands_to_json, round};
use crate::diagnose::resets::{
    ButFor, Cause, Counterfactual, Damage, Deciding, Loss, LostTip, Placement, StaleInput, Supposition,
    damage, relations,
};
use crate::replay::Place;
use crate::resolve::step::{PowerKey, Source};
use crate::room::{EventIx, KeyIx, Link, Room};

/// Of more values than this no relations are given: they are told in pairs.
const RELATED: usize = 12;

impl Report<'_, '_> {
    /// A loss: where, what, and the evidence.
    pub(super) fn loss_json(&self, place: usize, with_suppositions: bool) -> Value {
        let loss = &self.diagnosis.losses[place];
        let room = self.replay.room();
        let writer = Writer { room };
        let (event_type, state_key) = room.key(loss.key);
        let cause = loss.cause();
        let numbering = room.rules().numbering;
        let before: serde_json::Map<String, Value> = loss
            .branches
            .iter()
            .zip(loss.values.iter())
            .map(|(branch, value)| (writer.link(branch.head).to_owned(), writer.id(value)))
            .collect();
        let mut evidence = writer.evidence(loss, &damage(self.replay, self.diagnosis, place));
        if with_suppositions {
            let counterfactuals = self.what_if.of(loss);
            evidence["what_if"] =
                counterfactuals.iter().map(|other| writer.counterfactual(loss, other)).collect();
        }
        json!({
            "at": writer.at(loss.at),
            "arrival": loss.arrival,
            "type": event_type,
            "state_key": state_key,
            "before": before,
            "after": writer.id(loss.after),
            "cause": cause.code.as_str(),
            "rule": cause.refusal.as_ref().map(|refusal| refusal.rule().number(numbering)),
            "verdict": loss.verdict.as_str(),
            "class": loss.class.as_str(),
            "severity": loss.severity.as_str(),
            "repeats": loss.repeats.map(|first| writer.at(self.diagnosis.losses[first].at)),
            "evidence": evidence,
        })
    }
}

struct Writer<'a> {
    room: &'a Room,
}

impl<'a> Writer<'a> {
    fn id(&self, event: Option<EventIx>) -> Value {
        event.map(|event| self.room.id(event)).into()
    }

    fn ids(&self, events: &[EventIx]) -> Value {
        events.iter().map(|event| self.room.id(*event)).collect()
    }

    fn link(&self, link: Link) -> &'a str {
        match link {
            Link::Event(event) => self.room.id(event),
            Link::Missing(missing) => self.room.missing_id(missing),
        }
    }

    fn key(&self, key: KeyIx) -> Value {
        let (event_type, state_key) = self.room.key(key);
        json!([event_type, state_key])
    }

    fn at(&self, at: Place) -> Value {
        at.event().map_or("now".into(), |merge| self.room.id(merge).into())
    }

    fn evidence(&self, loss: &Loss, damage: &Damage) -> Value {
        let branches = loss.branches.iter().zip(loss.values.iter()).map(|(branch, value)| {
            json!({
                "head": self.link(branch.head), "footing": branch.footing.as_str(), "value": self.id(value),
            })
        });
        let mut values: Vec<EventIx> = loss.values.held().map(|(_, event)| event).chain(loss.after).collect();
        values.sort_unstable();
        values.dedup();
        values.truncate(RELATED);
        let relations = relations(self.room, &values).into_iter();
        let relations = relations
            .map(|(one, other, relation)| json!([self.room.id(one), relation.as_str(), self.room.id(other)]));
        json!({
            "branches": branches.collect::<Vec<_>>(),
            "tips": self.ids(&loss.tips),
            "relations": relations.collect::<Vec<_>>(),
            "lost": loss.lost.iter().map(|tip| self.lost(loss, tip)).collect::<Vec<_>>(),
            "stale_inputs": loss.stale.iter().map(|stale| self.stale(loss, stale)).collect::<Vec<_>>(),
            "damage": {
                "keys": damage.keys.iter().map(|key| self.key(*key)).collect::<Vec<_>>(),
                "members": damage.members.iter().map(|key| self.room.key(*key).1).collect::<Vec<_>>(),
                "powers": damage.powers.iter().map(|lost| {
                    json!({ "user": lost.user, "before": lost.before, "after": lost.after })
                }).collect::<Vec<_>>(),
                "repaired": self.id(damage.repaired),
            },
        })
    }

    fn lost(&self, loss: &Loss, tip: &LostTip) -> Value {
        let bystanders = loss.bystanders(self.room, tip);
        json!({
            "event": self.room.id(tip.event),
            "verdict": tip.verdict.as_str(),
            "chain": tip.chain.iter().map(|cause| self.cause(cause)).collect::<Vec<_>>(),
            "but_for": tip.but_for.as_ref().map(|but_for| self.but_for(but_for)),
            "search": { "searched": loss.search.searched, "concurrent": self.ids(&bystanders) },
        })
    }

    fn but_for(&self, but_for: &ButFor) -> Value {
        json!({
            "removed": self.ids(&but_for.removed), "survives": but_for.survives, "after": self.id(but_for.after),
        })
    }

    fn cause(&self, cause: &Cause) -> Value {
        let numbering = self.room.rules().numbering;
        json!({
            "event": self.room.id(cause.event),
            "cause": cause.code.as_str(),
            "by": self.id(cause.by),
            "check": cause.check.map(|(of, number)| json!({ "round": round(of), "number": number })),
            "rule": cause.refusal.as_ref().map(|refusal| refusal.rule().number(numbering)),
            "reason": cause.refusal.as_ref().map(crate::auth::Refusal::reason),
            "operands": operands_to_json(self.room, &cause.operands),
            "deciding": cause.deciding.iter().map(|deciding| self.deciding(deciding)).collect::<Vec<_>>(),
            "together": cause.together,
            "placement": cause.placement.as_ref().map(|placement| self.placement(placement)),
            "inversion": cause.inversion.as_ref().map(|inversion| json!({
                "older": self.room.id(inversion.older), "newer": self.room.id(inversion.newer),
                "decided_by": inversion.by.as_str(), "waits_for": self.ids(&inversion.waits_for),
            })),
            "uncertain": cause.uncertain,
        })
    }

    fn deciding(&self, deciding: &Deciding) -> Value {
        let source = match deciding.source {
            Source::Running(None) => "undisputed",
            Source::Running(Some(_)) => "replayed",
            Source::Own => "auth_events",
            Source::RoomId => "room_id",
            Source::Candidate => "candidate",
            Source::Absent => "absent",
        };
        json!({
            "key": self.key(deciding.key), "found": self.id(deciding.found), "source": source,
            "needed": self.id(deciding.needed), "cause": deciding.code.as_str(), "by": self.id(deciding.by),
            "relation": deciding.relation.map(crate::diagnose::resets::Relation::as_str),
        })
    }

    fn power_key(&self, (event, key): &(EventIx, PowerKey)) -> Value {
        json!([level(key.level), key.timestamp, self.room.id(*event)])
    }

    fn placement(&self, placement: &Placement) -> Value {
        match placement {
            Placement::Power { number, key, decider: by, ready, blocked } => json!({
                "phase": "power", "number": number, "key": [level(key.level), key.timestamp],
                "decided_by": decider(*by),
                "ready": ready.iter().map(|entry| self.power_key(entry)).collect::<Vec<_>>(),
                "blocked": blocked.iter().map(|(event, by)| {
                    json!({ "event": self.room.id(*event), "by": self.ids(by) })
                }).collect::<Vec<_>>(),
            }),
            Placement::Mainline { number, position, timestamp, decider: by } => json!({
                "phase": "mainline", "number": number, "position": position, "timestamp": timestamp,
                "decided_by": decider(*by),
            }),
        }
    }

    fn stale(&self, loss: &Loss, stale: &StaleInput) -> Value {
        json!({
            "branch": loss.branches.get(stale.branch).map(|branch| self.link(branch.head)),
            "key": self.key(stale.key), "has": self.id(stale.has), "knows": self.room.id(stale.knows),
            "since": self.link(stale.since),
        })
    }

    fn counterfactual(&self, loss: &Loss, other: &Counterfactual) -> Value {
        let branch = |place: usize| loss.branches.get(place).map(|branch| self.link(branch.head));
        let (supposition, what): (&str, Value) = match other.supposition {
            Supposition::Algorithm(algorithm) => ("algorithm", algorithm.as_str().into()),
            Supposition::Profile(profile) => ("profile", profile.as_str().into()),
            Supposition::WithoutBranch(place) => ("without_branch", branch(place).into()),
            Supposition::MonotoneClocks => ("monotone_clocks", Value::Null),
            Supposition::UndisputedMainline => ("undisputed_mainline", Value::Null),
            Supposition::Corrected(place) => {
                ("corrected", self.id(loss.stale.get(place).map(|stale| stale.knows)))
            }
        };
        json!({
            "suppose": supposition, "value": what, "after": self.id(other.after), "heals": other.heals,
        })
    }
}
