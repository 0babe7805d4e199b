//! Verdicts in words: which rule decided, and from what.

use super::{Node, Sentence, Span, Tone, sentence};
use crate::auth::{LevelField, LevelSource, Needed, Operand, Refusal, Role, Verdict, rule_number};
use crate::replay::{Check, CheckKind, Rejection};
use crate::room::{Link, Room};

/// Which rule decided, and what it says: "rule 5.4.4: the sender has the power to kick, and more than the target".
pub(super) fn verdict_sentence(room: &Room, verdict: &Verdict) -> Sentence {
    let number = Span::Rule(rule_number(verdict, room.rules().numbering));
    match verdict {
        Ok(rule) => sentence!["allowed by rule ", number, ": ", rule.text()],
        Err(Refusal::Rule(rule)) => sentence!["refused by rule ", number, ": ", rule.text()],
        Err(Refusal::Unreadable(_, text)) => {
            sentence!["refused at rule ", number, ", because something cannot be read: ", text.clone()]
        }
        Err(Refusal::Raised(_, text)) => {
            sentence!["at rule ", number, " this implementation raises ", text.clone()]
        }
    }
}

/// What one operand says.
pub(super) fn operand_sentence(operand: &Operand) -> Sentence {
    match operand {
        Operand::Create(Some(create)) => sentence!["the room was created by ", *create],
        Operand::Create(None) => sentence!["there is no create event"],
        Operand::Membership { user, role, event, membership } => {
            let value = Span::Value(membership.clone());
            let who =
                sentence!["membership of ", role_name(*role), " ", Span::User(user.clone()), " is ", value];
            match event {
                Some(event) => who.with(" (").with(*event).with(")"),
                None => who.with(" (no membership event)"),
            }
        }
        Operand::JoinRule { event, join_rule } => {
            let rule = sentence!["the join rule is ", Span::Value(join_rule.clone())];
            match event {
                Some(event) => rule.with(" (").with(*event).with(")"),
                None => rule.with(" (no join rules event: the default)"),
            }
        }
        Operand::UserLevel { user, role, level, source } => {
            sentence![role_name(*role), " ", Span::User(user.clone()), " has level ", *level]
                .and(source_sentence(*source, "users", "users_default"))
        }
        Operand::NeededLevel { what, level, source } => needed_sentence(what, *level, *source),
        Operand::Change { field, old, new } => {
            let side = |level: &Option<i64>| level.map_or("absent".to_owned(), |level| level.to_string());
            sentence!["changes ", field_name(field), " from ", side(old), " to ", side(new)]
        }
        Operand::ThirdPartyInvite { token, event } => {
            let invite = sentence!["the third-party invite with token ", Span::Value(token.clone())];
            match event {
                Some(event) => invite.with(" is ").with(*event),
                None => invite.with(" is not there"),
            }
        }
        Operand::AuthEvent(Link::Event(event)) => {
            sentence!["the auth event in question is ", Span::Described(*event)]
        }
        Operand::AuthEvent(Link::Missing(missing)) => {
            sentence!["the auth event in question is not in the dump: ", Span::Missing(*missing)]
        }
        Operand::StateParent(Link::Event(event)) => {
            sentence!["the entry of prev_state_events in question is ", Span::Described(*event)]
        }
        Operand::StateParent(Link::Missing(missing)) => {
            sentence![
                "the entry of prev_state_events in question is not in the dump: ",
                Span::Missing(*missing)
            ]
        }
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Sender => "sender",
        Role::Target => "target",
        Role::Authoriser => "authorising user",
    }
}

fn source_sentence(source: LevelSource, entry: &'static str, set: &'static str) -> Sentence {
    match source {
        LevelSource::Entry(event) => sentence![" (", entry, " of ", event, ")"],
        LevelSource::Set(event) => sentence![" (", set, " of ", event, ")"],
        LevelSource::Default(event) => sentence![" (default; ", event, " does not say)"],
        LevelSource::NoPowerLevels => sentence![" (default without power levels)"],
        LevelSource::Creator(event) => sentence![" (creator of the room, ", event, ")"],
    }
}

fn needed_sentence(what: &Needed, level: i64, source: LevelSource) -> Sentence {
    let level = crate::auth::Level::Finite(level);
    match what {
        Needed::Named(name) => sentence!["to ", name.as_str(), " needs level ", level].and(source_sentence(
            source,
            "events",
            name.as_str(),
        )),
        Needed::EventType(event_type) => {
            sentence!["to send ", Span::Value(event_type.clone()), " needs level ", level]
                .and(source_sentence(source, "events", "state_default or events_default"))
        }
    }
}

fn field_name(field: &LevelField) -> String {
    match field {
        LevelField::Named(name) => name.as_str().to_owned(),
        LevelField::Event(event_type) => format!("events[{event_type}]"),
        LevelField::Notification(kind) => format!("notifications[{kind}]"),
        LevelField::User(user) => format!("users[{user}]"),
    }
}

/// Operands as details. The create event is left out where it says nothing new.
pub(crate) fn operand_nodes(operands: &[Operand]) -> impl Iterator<Item = Node> + '_ {
    operands
        .iter()
        .filter(|operand| !matches!(operand, Operand::Create(Some(_))))
        .map(|operand| Node::new(Tone::Plain, operand_sentence(operand)))
}

/// One check of an event on receipt, with what it read.
pub fn explain_check(room: &Room, check: &Check) -> Node {
    let against = match check.kind {
        CheckKind::Format => "form of the event: ",
        CheckKind::AuthEvents => "against its own auth_events: ",
        CheckKind::StateParents => "its place in the state DAG: ",
        CheckKind::StateBefore => "against the state before it: ",
        CheckKind::Recorded => "recorded by the server: ",
    };
    let (tone, verdict) = match &check.verdict {
        Some(verdict) => {
            (if verdict.is_ok() { Tone::Good } else { Tone::Bad }, verdict_sentence(room, verdict))
        }
        None => (Tone::Note, sentence!["cannot be judged, because what it depends on is not in the dump"]),
    };
    Node::new(tone, sentence![against].and(verdict)).with(operand_nodes(&check.operands))
}

/// Why an event was rejected, in one sentence.
pub fn explain_rejection(room: &Room, rejection: &Rejection) -> Sentence {
    match &rejection.refusal {
        Some(refusal) => {
            let check = match rejection.check {
                CheckKind::Format => "rejected for its form",
                CheckKind::AuthEvents => "rejected by its own auth_events",
                CheckKind::StateParents => "rejected for its place in the state DAG",
                CheckKind::StateBefore => "rejected by the state before it",
                CheckKind::Recorded => "rejected",
            };
            let number = Span::Rule(refusal.rule().number(room.rules().numbering));
            let sentence = sentence![check, ", rule ", number, ": ", rejection.reason.clone()];
            match rejection.origin {
                Some(origin) => sentence.with("; it goes back to ").with(origin),
                None => sentence,
            }
        }
        None => sentence!["rejected, ", rejection.reason.clone()],
    }
}
