//! The rule for `m.room.member`.

use super::dependent::{Check, creators};
use super::operand::{Operand, Recorder, Role};
use super::profile::Errors;
use super::third_party::check_third_party_invite;
use super::{Refusal, Rule, Verdict};
use crate::event::content::{Field, JoinRule, Member, Membership, NamedLevel};
use crate::room::{EventIx, KeyIx, Link};

/// A membership under check.
struct Target<'a> {
    /// The key of the target's membership, and so the target: two users are one if their keys are.
    key: KeyIx,
    member: &'a Member,
}

pub(super) fn check_member<S, R>(check: &mut Check<'_, S, R>) -> Verdict
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    let malformed = Refusal::Rule(Rule::MemberMalformed);
    let (Some(key), Some(member)) = (check.room.key_of(check.ix), check.event.as_member()) else {
        return Err(malformed);
    };
    if check.switches.errors == Errors::RumaErrors {
        let user = check.user(key);
        if !check.is_user_id(key) {
            return Err(Refusal::Unreadable(Rule::MemberMalformed, format!("{user:?} is no user ID")));
        }
    }
    let target = Target { key, member };
    let unknown = Membership::Other(Box::default());
    let membership = match &member.membership {
        Field::Value(membership) => membership,
        // It is there, but is none that a rule is about.
        Field::Malformed(_) if check.switches.errors != Errors::RumaErrors => &unknown,
        Field::Absent if check.switches.errors == Errors::Raise => {
            return Err(Refusal::Raised(Rule::MemberMalformed, "KeyError: 'membership'".into()));
        }
        Field::Absent | Field::Malformed(_) => return Err(malformed),
    };
    if *membership == Membership::Join
        && let Some(allowed) = first_join(check, &target)?
    {
        return Ok(allowed);
    }
    as_synapse_begins(check, &target)?;
    match membership {
        Membership::Join => check_join(check, &target),
        Membership::Invite
            if member.third_party_invite.as_ref().is_some_and(|invite| counts(check, invite)) =>
        {
            check_third_party_invite(check, target.key, member)
        }
        Membership::Invite => check_invite(check, &target),
        Membership::Leave => check_leave(check, &target),
        Membership::Ban => check_ban(check, &target),
        Membership::Knock if check.rules.knock => check_knock(check, &target),
        Membership::Knock | Membership::Other(_) => Err(Refusal::Rule(Rule::MembershipUnknown)),
    }
}

/// Whether a `third_party_invite` of this value is there at all: for ruma `null` is not.
fn counts<S, R>(check: &Check<'_, S, R>, invite: &serde_json::Value) -> bool {
    !(invite.is_null() && check.switches.errors == Errors::RumaErrors)
}

/// What Synapse does before it looks at the membership: the target must be local too in an unfederated room, and
/// levels are read whether needed or not, so that an unreadable one raises.
fn as_synapse_begins<S, R>(check: &mut Check<'_, S, R>, target: &Target<'_>) -> Result<(), Refusal>
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    if check.switches.federate_binds_target
        && !check.is_federated()
        && !check.is_local(check.user(target.key))
    {
        return Err(Refusal::Rule(Rule::Federate));
    }
    if check.switches.errors == Errors::Raise {
        let mut silent = check.silent();
        silent.sender_level(Rule::MembershipUnknown)?;
        silent.user_level(Rule::MembershipUnknown, target.key, Role::Target)?;
        silent.named_level(Rule::MembershipUnknown, NamedLevel::Invite)?;
        silent.named_level(Rule::MembershipUnknown, NamedLevel::Ban)?;
    }
    Ok(())
}

/// The creator's join right after the create event.
fn first_join<S, R>(check: &mut Check<'_, S, R>, target: &Target<'_>) -> Result<Option<Rule>, Refusal>
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    check.check_creators(Rule::JoinCreator)?;
    let follows_create = check.room.prev_links(check.ix).eq([Link::Event(check.create)])
        && check.event.prev_events().count() == 1;
    let is_creator = || creators::main(check.room, check.create) == Some(check.user(target.key));
    Ok((follows_create && is_creator()).then_some(Rule::JoinCreator))
}

/// The join rule of the state; without one what the profile takes for it (D39).
fn join_rule<'a, S, R>(check: &mut Check<'a, S, R>, at: Rule) -> Result<JoinRule, Refusal>
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    let event = (check.state)(check.room.well_known().join_rules);
    let field = event.and_then(|event| check.room.event(event).as_join_rule());
    let rule = match field {
        Some(Field::Value(rule)) => rule.clone(),
        // A value that is no string is no rule that lets anybody in.
        Some(Field::Malformed(kind)) if check.switches.missing_join_rule_is_invite => {
            JoinRule::Other((*kind).into())
        }
        None | Some(Field::Absent) if check.switches.missing_join_rule_is_invite => JoinRule::Invite,
        None | Some(Field::Absent | Field::Malformed(_)) => {
            return Err(Refusal::Unreadable(at, "the state has no join rule".into()));
        }
    };
    check.recorder.record(|| Operand::JoinRule { event, join_rule: rule.as_str().into() });
    Ok(rule)
}

fn check_join<S, R>(check: &mut Check<'_, S, R>, target: &Target<'_>) -> Verdict
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    if check.room.sender_key(check.ix) != target.key {
        return Err(Refusal::Rule(Rule::JoinOther));
    }
    let membership = check.membership(target.key, Role::Sender)?;
    if *membership == Membership::Ban {
        return Err(Refusal::Rule(Rule::JoinBanned));
    }
    let inside = matches!(membership, Membership::Join | Membership::Invite);
    match join_rule(check, Rule::JoinNotAllowed)? {
        JoinRule::Invite if inside => Ok(Rule::JoinInvited),
        JoinRule::Knock if inside && check.rules.knock => Ok(Rule::JoinInvited),
        JoinRule::Restricted if check.rules.restricted => check_restricted_join(check, target.member, inside),
        JoinRule::KnockRestricted if check.rules.knock_restricted => {
            check_restricted_join(check, target.member, inside)
        }
        JoinRule::Public => Ok(Rule::JoinPublic),
        _ => Err(Refusal::Rule(Rule::JoinNotAllowed)),
    }
}

/// Whether a joined user with the power to invite vouches for the join. Whether that user's server signed the event
/// is not checked: that needs the keys of servers, and was done on receipt.
fn check_restricted_join<S, R>(check: &mut Check<'_, S, R>, member: &Member, inside: bool) -> Verdict
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    if inside {
        return Ok(Rule::JoinRestrictedIn);
    }
    let at = Rule::JoinRestrictedNo;
    let Some(user) = member.authoriser.value() else {
        return Err(Refusal::Rule(at));
    };
    // Every user whom an event names so has a key.
    let Some(user) = check.room.find_key("m.room.member", user) else {
        return Err(Refusal::Rule(at));
    };
    if *check.membership(user, Role::Authoriser)? != Membership::Join {
        return Err(Refusal::Rule(at));
    }
    let level = check.user_level(at, user, Role::Authoriser)?;
    if level >= check.named_level(at, NamedLevel::Invite)? {
        Ok(Rule::JoinRestrictedYes)
    } else {
        Err(Refusal::Rule(at))
    }
}

fn check_invite<S, R>(check: &mut Check<'_, S, R>, target: &Target<'_>) -> Verdict
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    if !check.sender_is_joined()? {
        return Err(Refusal::Rule(Rule::InviteNotJoined));
    }
    let membership = check.membership(target.key, Role::Target)?;
    if matches!(membership, Membership::Join | Membership::Ban) {
        return Err(Refusal::Rule(Rule::InviteTargetIn));
    }
    check.check_creators(Rule::InviteLevel)?;
    let own = check.sender_level(Rule::InviteLevel)?;
    if own >= check.named_level(Rule::InviteLevel, NamedLevel::Invite)? {
        Ok(Rule::InviteAllowed)
    } else {
        Err(Refusal::Rule(Rule::InviteLevel))
    }
}

fn check_leave<S, R>(check: &mut Check<'_, S, R>, target: &Target<'_>) -> Verdict
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    let membership = check.sender_membership()?;
    if check.room.sender_key(check.ix) == target.key {
        return match membership {
            Membership::Join | Membership::Invite => Ok(Rule::LeaveOwn),
            Membership::Knock if check.rules.knock => Ok(Rule::LeaveOwn),
            _ => Err(Refusal::Rule(Rule::LeaveOwn)),
        };
    }
    if *membership != Membership::Join {
        return Err(Refusal::Rule(Rule::LeaveNotJoined));
    }
    check.check_creators(Rule::LeaveLevel)?;
    let banned = *check.membership(target.key, Role::Target)? == Membership::Ban;
    let own = check.sender_level(Rule::LeaveLevel)?;
    if banned || check.switches.errors == Errors::RumaErrors {
        let needed = check.named_level(Rule::LeaveUnban, NamedLevel::Ban)?;
        if banned && own < needed {
            return Err(Refusal::Rule(Rule::LeaveUnban));
        }
    }
    let needed = check.named_level(Rule::LeaveLevel, NamedLevel::Kick)?;
    let other = check.user_level(Rule::LeaveLevel, target.key, Role::Target)?;
    if own >= needed && other < own { Ok(Rule::LeaveAllowed) } else { Err(Refusal::Rule(Rule::LeaveLevel)) }
}

fn check_ban<S, R>(check: &mut Check<'_, S, R>, target: &Target<'_>) -> Verdict
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    if !check.sender_is_joined()? {
        return Err(Refusal::Rule(Rule::BanNotJoined));
    }
    check.check_creators(Rule::BanLevel)?;
    let own = check.sender_level(Rule::BanLevel)?;
    let needed = check.named_level(Rule::BanLevel, NamedLevel::Ban)?;
    let other = check.user_level(Rule::BanLevel, target.key, Role::Target)?;
    if own >= needed && other < own { Ok(Rule::BanAllowed) } else { Err(Refusal::Rule(Rule::BanLevel)) }
}

fn check_knock<S, R>(check: &mut Check<'_, S, R>, target: &Target<'_>) -> Verdict
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    match join_rule(check, Rule::KnockRule)? {
        JoinRule::Knock => {}
        JoinRule::KnockRestricted if check.rules.knock_restricted => {}
        _ => return Err(Refusal::Rule(Rule::KnockRule)),
    }
    if check.room.sender_key(check.ix) != target.key {
        return Err(Refusal::Rule(Rule::KnockOther));
    }
    match check.membership(target.key, Role::Sender)? {
        Membership::Ban | Membership::Invite | Membership::Join => Err(Refusal::Rule(Rule::KnockMember)),
        _ => Ok(Rule::KnockAllowed),
    }
}
