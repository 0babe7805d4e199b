//! Which keys of the state authorize an event.
//!
//! Source: <https://spec.matrix.org/latest/server-server-api/#auth-events-selection>

use ruma::UserId;

use super::profile::Errors;
use super::{Profile, Refusal, Rule};
use crate::event::Kind;
use crate::event::content::{Field, Membership};
use crate::room::{EventIx, KeyIx, Room};

/// Why a key is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SelectedFor {
    /// The create event tells what room it is.
    Create,
    /// The power levels tell what anybody may do.
    PowerLevels,
    /// The membership of the sender.
    Sender,
    /// The membership of the user that the event is about.
    Target,
    /// The join rules, of a join, an invite or a knock.
    JoinRules,
    /// The third-party invite whose token the invite has.
    ThirdPartyInvite,
    /// The membership of the user who vouches for a restricted join.
    Authoriser,
}

impl SelectedFor {
    /// Why a key is selected that [`selection`] names for the event.
    pub fn of(room: &Room, ix: EventIx, key: KeyIx) -> Self {
        let known = room.well_known();
        match key {
            _ if key == known.create => Self::Create,
            _ if key == known.power_levels => Self::PowerLevels,
            _ if key == room.sender_key(ix) => Self::Sender,
            _ if key == known.join_rules => Self::JoinRules,
            _ if Some(key) == room.key_of(ix) => Self::Target,
            _ if room.key(key).0 == "m.room.third_party_invite" => Self::ThirdPartyInvite,
            _ => Self::Authoriser,
        }
    }
}

/// At most so many keys are selected for one event.
const MOST: usize = 7;

/// The selected keys, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    keys: [KeyIx; MOST],
    len: usize,
}

impl Selection {
    fn push(&mut self, key: KeyIx) {
        if !self.contains(key) {
            self.keys[self.len] = key;
            self.len += 1;
        }
    }

    /// Takes a key out; returns whether it was there.
    pub(super) fn remove(&mut self, key: KeyIx) -> bool {
        let place = self.as_slice().iter().position(|other| *other == key);
        if let Some(place) = place {
            self.len -= 1;
            self.keys[place] = self.keys[self.len];
        }
        place.is_some()
    }

    /// Whether the key is selected.
    pub fn contains(&self, key: KeyIx) -> bool {
        self.as_slice().contains(&key)
    }

    /// The selected keys without the create event's where the room ID stands for it, ascending: what calculated auth events
    /// are found under. (Synapse's own list names the create event too; it resolves the same.)
    pub fn without_implied_create(&self, room: &Room) -> impl Iterator<Item = KeyIx> + use<> {
        let implied = room.well_known().create;
        let Self { mut keys, len } = *self;
        keys[..len].sort_unstable();
        let is_implied = room.rules().room_id_is_create_id;
        keys.into_iter().take(len).filter(move |key| !(is_implied && *key == implied))
    }

    /// The selected keys.
    pub fn as_slice(&self) -> &[KeyIx] {
        &self.keys[..self.len]
    }
}

/// The keys that authorize an event: power levels, the sender's membership, the create event (not in room version 12,
/// where it is implied); for memberships also the target's membership, the join rules, the third-party
/// invite and the authorising user's membership, as far as they matter.
///
/// # Errors
/// If the content of a membership does not tell (in the manner of the profile).
pub fn selection(room: &Room, ix: EventIx, profile: Profile) -> Result<Selection, Refusal> {
    let event = room.event(ix);
    let known = room.well_known();
    let mut selected = Selection { keys: [known.create; MOST], len: 0 };
    if event.kind() == Kind::Create {
        return Ok(selected);
    }
    selected.push(known.power_levels);
    selected.push(room.sender_key(ix));
    if !room.rules().room_id_is_create_id || profile.switches().create_in_auth_chains {
        selected.push(known.create);
    }
    if event.kind() == Kind::Member {
        select_for_member(room, ix, profile, &mut selected)?;
    }
    Ok(selected)
}

fn select_for_member(
    room: &Room,
    ix: EventIx,
    profile: Profile,
    selected: &mut Selection,
) -> Result<(), Refusal> {
    let errors = profile.switches().errors;
    let event = room.event(ix);
    let Some(member) = event.as_member() else { return Ok(()) };
    let membership = match &member.membership {
        Field::Value(membership) => Some(membership),
        // Whatever the value is, it is none that selects more.
        Field::Malformed(_) if errors != Errors::RumaErrors => None,
        Field::Absent if errors == Errors::Raise => {
            return Err(Refusal::Raised(Rule::MemberMalformed, "KeyError: 'membership'".into()));
        }
        Field::Absent if errors == Errors::Refuse => None,
        Field::Absent | Field::Malformed(_) => {
            return Err(Refusal::Unreadable(Rule::MemberMalformed, "missing or invalid `membership`".into()));
        }
    };
    match room.key_of(ix) {
        Some(target) => selected.push(target),
        None if errors == Errors::RumaErrors => return Err(Refusal::Rule(Rule::MemberMalformed)),
        None => {}
    }
    if matches!(membership, Some(Membership::Join | Membership::Invite | Membership::Knock)) {
        selected.push(room.well_known().join_rules);
    }
    if membership == Some(&Membership::Invite) && member.third_party_invite.is_some() {
        match member.token() {
            Some(token) => selected.extend_with(room.find_key("m.room.third_party_invite", token)),
            None => unreadable_token(member.third_party_invite.as_ref(), errors)?,
        }
    }
    if membership == Some(&Membership::Join) && room.rules().restricted {
        match &member.authoriser {
            Field::Value(user) if errors == Errors::RumaErrors && UserId::parse(&**user).is_err() => {
                let text = format!("`join_authorised_via_users_server` is {user:?}, which is no user ID");
                return Err(Refusal::Unreadable(Rule::AuthUnexpected, text));
            }
            Field::Value(user) => selected.extend_with(room.find_key("m.room.member", user)),
            Field::Malformed(kind) if errors == Errors::RumaErrors && *kind != "null" => {
                let text = format!("`join_authorised_via_users_server` is {kind}");
                return Err(Refusal::Unreadable(Rule::AuthUnexpected, text));
            }
            Field::Absent | Field::Malformed(_) => {}
        }
    }
    Ok(())
}

impl Selection {
    fn extend_with(&mut self, key: Option<KeyIx>) {
        if let Some(key) = key {
            self.push(key);
        }
    }
}

/// A third-party invite without a token: whether that ends the checks depends on the profile.
fn unreadable_token(invite: Option<&serde_json::Value>, errors: Errors) -> Result<(), Refusal> {
    match (errors, invite) {
        (Errors::Raise, invite) => {
            let signed = invite.and_then(|invite| invite.get("signed"));
            let what = if signed.is_none() { "signed" } else { "token" };
            Err(Refusal::Raised(Rule::Invite3pidFields, format!("KeyError: '{what}'")))
        }
        (Errors::RumaErrors, Some(invite)) if !invite.is_null() => {
            let text = "missing or invalid `token` in `third_party_invite.signed`".to_owned();
            Err(Refusal::Unreadable(Rule::Invite3pidFields, text))
        }
        _ => Ok(()),
    }
}
