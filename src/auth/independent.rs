//! The rules that need no state: create events, and what `auth_events` and `prev_state_events` may hold.

use ruma::{ServerName, UserId};
use smallvec::SmallVec;

use super::dependent::Subject;
use super::operand::{Operand, Recorder};
use super::profile::{Errors, Profile};
use super::selection::{Selection, selection};
use super::{Refusal, Rule, Verdict};
use crate::event::content::Field;
use crate::event::room_version::{AuthSource, Rules};
use crate::event::{Event, Kind, server_name};
use crate::room::{EventIx, KeyIx, Link, Room};

/// Checks the rules that depend on the event and what it names alone: its `auth_events`, or its `prev_state_events` where
/// the room version has a state DAG. `is_rejected` tells which events were rejected.
///
/// # Errors
/// The verdict, if the event is refused.
pub fn check_independent<R: Recorder>(
    subject: Subject<'_>,
    is_rejected: impl Fn(EventIx) -> bool,
    mut recorder: R,
) -> Verdict {
    let Subject { room, event: ix, profile } = subject;
    if room.event(ix).kind() == Kind::Create {
        return check_create(room.rules(), room.event(ix), profile);
    }
    if room.rules().has_state_dag() {
        check_state_parents(room, ix, &is_rejected).map_err(|(link, rule)| {
            if let Some(link) = link {
                recorder.record(|| Operand::StateParent(link));
            }
            Refusal::Rule(rule)
        })?;
    }
    if room.rules().room_id_is_create_id {
        let create = room.create_by_room_id(ix);
        if create.is_none_or(&is_rejected) {
            recorder.record(|| Operand::Create(create));
            return Err(Refusal::Rule(Rule::RoomIdNotCreate));
        }
    }
    // What is calculated from accepted state holds nothing that a rule could object to.
    if room.rules().auth_source == AuthSource::Event {
        check_auth_events(subject, is_rejected).map_err(|(link, rule)| {
            if let Some(link) = link {
                recorder.record(|| Operand::AuthEvent(link));
            }
            rule
        })?;
    }
    Ok(Rule::Allowed)
}

/// Checks what `prev_state_events` holds, all of which is to be known; a refusal comes with the entry that decided, if it
/// was one.
///
/// Two points on which MSC4242 is silent: an empty list is refused (nothing leads to the create event, and Synapse finds no
/// state to judge by); an event may be named twice.
fn check_state_parents(
    room: &Room,
    ix: EventIx,
    is_rejected: impl Fn(EventIx) -> bool,
) -> Result<(), (Option<Link>, Rule)> {
    let parents = room.state_parents(ix);
    let refuse = |rule: Rule, is_wrong: &dyn Fn(EventIx) -> bool| match parents.iter().find(|p| is_wrong(**p))
    {
        Some(parent) => Err((Some(Link::Event(*parent)), rule)),
        None => Ok(()),
    };
    if parents.is_empty() {
        return Err((None, Rule::StateParentsNone));
    }
    let names_other_room = |parent: EventIx| {
        // A create event names no room: its own ID does.
        let is_create = room.create_event() == Some(parent);
        room.is_foreign(parent) != room.is_foreign(ix) || !is_create && is_elsewhere(room, ix, parent)
    };
    refuse(Rule::StateParentForeign, &names_other_room)?;
    refuse(Rule::StateParentMessage, &|parent| room.key_of(parent).is_none())?;
    refuse(Rule::StateParentRejected, &is_rejected)
}

/// Checks what `auth_events` holds; a refusal comes with the entry that decided, if it was one.
fn check_auth_events(
    Subject { room, event: ix, profile }: Subject<'_>,
    is_rejected: impl Fn(EventIx) -> bool,
) -> Result<(), (Option<Link>, Refusal)> {
    let refuse = |link: Link, rule: Rule| Err((Some(link), Refusal::Rule(rule)));
    let selected = selection(room, ix, profile).map_err(|refusal| (None, refusal))?;
    if !room.has_missing_auth(ix) && are_sound(room, ix, selected, &is_rejected) {
        return Ok(());
    }
    let auth_events = room.auth_events(ix);
    let create = room.well_known().create;
    let create_is_implied = room.rules().room_id_is_create_id;
    let mut seen: SmallVec<[KeyIx; 8]> = SmallVec::new();
    let mut unexpected = None;
    for link in room.auth_links(ix) {
        let Link::Event(auth) = link else { return refuse(link, Rule::AuthMissing) };
        let Some(key) = room.key_of(auth) else {
            unexpected = unexpected.or(Some(link));
            continue;
        };
        if seen.contains(&key) {
            return refuse(link, Rule::AuthDuplicate);
        }
        seen.push(key);
        if !selected.contains(key) || create_is_implied && key == create {
            unexpected = unexpected.or(Some(link));
        }
    }
    if let Some(link) = unexpected {
        return refuse(link, Rule::AuthUnexpected);
    }
    let find = |is_wrong: &dyn Fn(EventIx) -> bool| auth_events.iter().copied().find(|auth| is_wrong(*auth));
    if let Some(rejected) = find(&is_rejected) {
        return refuse(Link::Event(rejected), Rule::AuthRejected);
    }
    if !create_is_implied && !seen.contains(&create) {
        return Err((None, Refusal::Rule(Rule::AuthNoCreate)));
    }
    if let Some(foreign) = find(&|auth| is_elsewhere(room, ix, auth)) {
        return refuse(Link::Event(foreign), Rule::AuthOtherRoom);
    }
    Ok(())
}

/// Whether nothing speaks against any auth event: the rule, and quickly told. Which rule is broken first is another
/// matter.
fn are_sound(room: &Room, ix: EventIx, selected: Selection, is_rejected: impl Fn(EventIx) -> bool) -> bool {
    let create = room.well_known().create;
    let create_is_implied = room.rules().room_id_is_create_id;
    let mut left = selected;
    let is_sound = |auth: &EventIx| {
        room.key_of(*auth).is_some_and(|key| left.remove(key) && !(create_is_implied && key == create))
            && !is_rejected(*auth)
            && !is_elsewhere(room, ix, *auth)
    };
    room.auth_events(ix).iter().all(is_sound) && (create_is_implied || !left.contains(create))
}

/// Whether two events name different rooms.
fn is_elsewhere(room: &Room, ix: EventIx, other: EventIx) -> bool {
    let (own, their) = (room.names_room(ix), room.names_room(other));
    if room.is_foreign(ix) || room.is_foreign(other) {
        return room.event(ix).room_id() != room.event(other).room_id();
    }
    // Neither names a room that is not this one. A create event of version 12 names none, but is not asked about.
    own != their
}

fn check_create(rules: &Rules, event: &Event, profile: Profile) -> Verdict {
    let refused = |rule| Err(Refusal::Rule(rule));
    if !event.prev_events().is_empty() {
        return refused(Rule::CreateHasParents);
    }
    if rules.has_state_dag() && !event.prev_state_events().is_empty() {
        return refused(Rule::CreateHasStateParents);
    }
    let room_id_fits = match event.room_id() {
        None => rules.room_id_is_create_id,
        Some(_) if rules.room_id_is_create_id => false,
        Some(room_id) => server_name(room_id) == server_name(event.sender()),
    };
    if !room_id_fits {
        return refused(Rule::CreateRoomId);
    }
    let Some(content) = event.as_create() else { return refused(Rule::CreateVersion) };
    let switches = profile.switches();
    let version_known = match &content.room_version {
        _ if !switches.create_names_known_version => true,
        Field::Absent => true,
        Field::Value(version) => Rules::of(version).is_some(),
        Field::Malformed(_) => false,
    };
    if !version_known {
        return refused(Rule::CreateVersion);
    }
    let no_creator = match &content.creator {
        Field::Absent => true,
        Field::Malformed(kind) => switches.null_creator_is_absent && *kind == "null",
        Field::Value(_) => false,
    };
    if !rules.creator_is_sender && no_creator {
        return refused(Rule::CreateNoCreator);
    }
    if rules.privileged_creators {
        let valid = |creator: &Field<Box<str>>| {
            creator.value().is_some_and(|creator| is_valid_user_id(creator, profile))
        };
        match &content.additional_creators {
            Field::Absent => {}
            Field::Value(creators) if creators.iter().all(valid) => {}
            Field::Value(_) | Field::Malformed(_) => return refused(Rule::CreateAdditional),
        }
    }
    Ok(Rule::CreateAllowed)
}

/// Whether a string passes the validation applied to senders.
fn is_valid_user_id(user: &str, profile: Profile) -> bool {
    if profile.switches().errors == Errors::Raise {
        // Synapse looks at the sigil, the length and the server name.
        let server = user.strip_prefix('@').and_then(|rest| rest.split_once(':')).map(|(_, server)| server);
        return user.len() <= 255 && server.is_some_and(|server| ServerName::parse(server).is_ok());
    }
    UserId::parse(user).is_ok()
}
