//! The rules about some state: rule 3 (4 in version 12) and after.

use ruma::UserId;

use super::level::{Level, Reading};
use super::member::check_member;
use super::memo::Memo;
use super::operand::{LevelSource, Needed, Operand, Recorder, Role};
use super::power_levels::check_power_levels;
use super::profile::{Errors, Federate, Profile, Switches, UserIds};
use super::{Refusal, Rule, Verdict};
use crate::event::content::{Field, Levels, Membership, NamedLevel, PowerLevels, RawLevel};
use crate::event::room_version::Rules;
use crate::event::{Event, Kind, server_name};
use crate::room::{EventIx, KeyIx, Room};

/// Checks the rules that depend on state. `state` looks up the state event of a key; it should have entries for the
/// keys of the [`selection`](super::selection()) at least, and in room version 12 the create event.
///
/// A create event depends on no state and is allowed.
///
/// # Errors
/// The verdict, if the event is refused.
pub fn check_dependent<R: Recorder>(
    subject: Subject<'_>,
    state: impl Fn(KeyIx) -> Option<EventIx>,
    recorder: R,
) -> Verdict {
    check(subject, state, recorder, None)
}

/// Checks without a recorder, and with a memory.
///
/// # Errors
/// The verdict, if the event is refused.
pub(super) fn check_remembering(
    subject: Subject<'_>,
    state: impl Fn(KeyIx) -> Option<EventIx>,
    memo: &Memo,
) -> Verdict {
    check(subject, state, (), Some(memo))
}

fn check<R: Recorder>(
    subject: Subject<'_>,
    state: impl Fn(KeyIx) -> Option<EventIx>,
    recorder: R,
    memo: Option<&Memo>,
) -> Verdict {
    let Subject { room, event: ix, profile } = subject;
    if room.event(ix).kind() == Kind::Create {
        return Ok(Rule::CreateAllowed);
    }
    let create = state(room.well_known().create);
    let mut recorder = recorder;
    recorder.record(|| Operand::Create(create));
    let Some(create) = create else {
        return Err(Refusal::Rule(Rule::AuthNoCreate));
    };
    Check {
        room,
        rules: room.rules(),
        switches: profile.switches(),
        ix,
        event: room.event(ix),
        create,
        state,
        recorder,
        memo,
    }
    .run()
}

/// The power level of an event's sender by given power levels and a given create event, as the power ordering
/// of state resolution asks for it.
///
/// # Errors
/// If a level cannot be read.
pub fn sender_level(
    room: &Room,
    profile: Profile,
    event: EventIx,
    levels: Option<EventIx>,
    create: Option<EventIx>,
) -> Result<(Level, LevelSource), Refusal> {
    let at = Rule::RequiredLevel;
    let power_levels = room.well_known().power_levels;
    let check = Check {
        room,
        rules: room.rules(),
        switches: profile.switches(),
        ix: event,
        event: room.event(event),
        create: create.unwrap_or(event),
        state: |key| levels.filter(|_| key == power_levels),
        recorder: (),
        memo: None,
    };
    let sender = check.sender();
    match (create, check.power_levels()) {
        (Some(_), _) => {
            check.check_creators(at)?;
            check.find_user_level(at, sender)
        }
        (None, None) => Ok((Level::Finite(0), LevelSource::NoPowerLevels)),
        // Without creators ruma does not look the sender up.
        (None, Some((event, levels))) if profile == Profile::Ruma => {
            let (level, source) = check.default_level(at, event, levels, NamedLevel::UsersDefault)?;
            Ok((level.into(), source))
        }
        (None, Some((event, levels))) => check.listed_level(at, event, levels, sender),
    }
}

/// What is checked, and in whose manner.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The room.
    pub room: &'a Room,
    /// The event to check.
    pub event: EventIx,
    /// Whose behaviour to reproduce.
    pub profile: Profile,
}

/// One check in progress.
pub(super) struct Check<'a, S, R> {
    pub(super) room: &'a Room,
    pub(super) rules: &'static Rules,
    pub(super) switches: &'static Switches,
    pub(super) ix: EventIx,
    pub(super) event: &'a Event,
    pub(super) create: EventIx,
    pub(super) state: S,
    pub(super) recorder: R,
    /// What was found before; given only where nobody records where it comes from.
    pub(super) memo: Option<&'a Memo>,
}

impl<'a, S: Fn(KeyIx) -> Option<EventIx>, R: Recorder> Check<'a, S, R> {
    fn run(mut self) -> Verdict {
        self.check_federate()?;
        if self.rules.aliases_rule && self.event.kind() == Kind::Aliases {
            return self.check_aliases();
        }
        if self.event.kind() == Kind::Member {
            return check_member(&mut self);
        }
        if !self.sender_is_joined()? {
            return Err(Refusal::Rule(Rule::SenderNotJoined));
        }
        self.check_creators(Rule::RequiredLevel)?;
        if self.event.kind() == Kind::ThirdPartyInvite {
            let own = self.sender_level(Rule::ThirdPartyInvite)?;
            let needed = self.named_level(Rule::ThirdPartyInvite, NamedLevel::Invite)?;
            return if own >= needed {
                Ok(Rule::ThirdPartyInvite)
            } else {
                Err(Refusal::Rule(Rule::ThirdPartyInvite))
            };
        }
        let own = self.sender_level(Rule::RequiredLevel)?;
        if self.required_level()? > own {
            return Err(Refusal::Rule(Rule::RequiredLevel));
        }
        if let Some(key) = self.room.key_of(self.ix) {
            let state_key = self.room.key(key).1;
            if state_key.starts_with('@') && state_key != self.sender() {
                return Err(Refusal::Rule(Rule::OthersStateKey));
            }
        }
        match self.event.kind() {
            Kind::PowerLevels => check_power_levels(&mut self, own),
            Kind::Redaction => self.check_redaction(own),
            _ => Ok(Rule::Allowed),
        }
    }

    /// The same check without a recorder, for reads that decide nothing.
    pub(super) fn silent(&self) -> Check<'a, &S, ()> {
        Check {
            room: self.room,
            rules: self.rules,
            switches: self.switches,
            ix: self.ix,
            event: self.event,
            create: self.create,
            state: &self.state,
            recorder: (),
            memo: self.memo,
        }
    }

    fn check_federate(&mut self) -> Result<(), Refusal> {
        let federate = self.room.event(self.create).as_create().map(|create| &create.federate);
        if let (Federate::MustBeBoolean, Some(Field::Malformed(kind))) = (self.switches.federate, federate)
            && *kind != "null"
        {
            return Err(Refusal::Unreadable(
                Rule::Federate,
                format!("`m.federate` is {kind}, not a boolean"),
            ));
        }
        if self.is_federated() || self.is_local(self.sender()) {
            Ok(())
        } else {
            Err(Refusal::Rule(Rule::Federate))
        }
    }

    /// Whether users of other servers may take part.
    pub(super) fn is_federated(&self) -> bool {
        match self.room.event(self.create).as_create().map(|create| &create.federate) {
            Some(Field::Value(federate)) => *federate,
            Some(Field::Malformed(_)) => self.switches.federate != Federate::AnythingButTrue,
            Some(Field::Absent) | None => true,
        }
    }

    /// Whether the user is on the server of the room's creator.
    pub(super) fn is_local(&self, user: &str) -> bool {
        server_name(user) == server_name(self.room.event(self.create).sender())
    }

    fn check_aliases(&self) -> Verdict {
        match self.event.state_key() {
            None => Err(Refusal::Rule(Rule::AliasesNoKey)),
            Some(key) if key != server_name(self.event.sender()) => Err(Refusal::Rule(Rule::AliasesServer)),
            Some("") if self.switches.errors == Errors::Raise => Err(Refusal::Rule(Rule::AliasesNoKey)),
            Some(_) => Ok(Rule::AliasesAllowed),
        }
    }

    /// The rule for redactions of room versions 1 and 2. Later versions have none, but Synapse still reads the
    /// level.
    fn check_redaction(&mut self, own: Level) -> Verdict {
        if !self.rules.redaction_rule {
            if self.switches.errors == Errors::Raise {
                self.named_level(Rule::RedactionLevel, NamedLevel::Redact)?;
            }
            return Ok(Rule::Allowed);
        }
        if own >= self.named_level(Rule::RedactionLevel, NamedLevel::Redact)? {
            return Ok(Rule::RedactionLevel);
        }
        let Some(redacts) = self.event.redacts() else {
            return if self.switches.errors == Errors::Raise {
                Ok(Rule::RedactionOwnServer)
            } else {
                Err(Refusal::Rule(Rule::RedactionNo))
            };
        };
        if server_name(redacts) == server_name(self.event.id()) {
            Ok(Rule::RedactionOwnServer)
        } else {
            Err(Refusal::Rule(Rule::RedactionNo))
        }
    }

    /// The user whose membership has this key.
    ///
    /// Rules tell users by their keys, and ask for their IDs here: the keys of a room lie close together, its events do
    /// not.
    pub(super) fn user(&self, key: KeyIx) -> &'a str {
        self.room.key(key).1
    }

    /// Whether that is a valid user ID.
    pub(super) fn is_user_id(&self, key: KeyIx) -> bool {
        let is_valid = || UserId::parse(self.user(key)).is_ok();
        self.memo.map_or_else(is_valid, |memo| memo.is_user_id(key, is_valid))
    }

    pub(super) fn sender(&self) -> &'a str {
        self.user(self.room.sender_key(self.ix))
    }

    /// The membership of a user: that of the member event under the key, or `leave` without one.
    ///
    /// # Errors
    /// If a member event has no readable membership and the profile refuses to go on.
    pub(super) fn membership(&mut self, user: KeyIx, role: Role) -> Result<&'a Membership, Refusal> {
        static LEAVE: Membership = Membership::Leave;
        let event = (self.state)(user);
        let room = self.room;
        let membership = match event.and_then(|event| room.event(event).as_member()) {
            None => &LEAVE,
            Some(member) => match &member.membership {
                Field::Value(membership) => membership,
                Field::Absent | Field::Malformed(_) if self.switches.errors == Errors::RumaErrors => {
                    let text = "missing or invalid `membership` in a member event of the state".to_owned();
                    return Err(Refusal::Unreadable(Rule::SenderNotJoined, text));
                }
                Field::Absent | Field::Malformed(_) => &LEAVE,
            },
        };
        self.recorder.record(|| Operand::Membership {
            user: room.key(user).1.into(),
            role,
            event,
            membership: membership.as_str().into(),
        });
        Ok(membership)
    }

    /// The membership of the event's sender.
    pub(super) fn sender_membership(&mut self) -> Result<&'a Membership, Refusal> {
        self.membership(self.room.sender_key(self.ix), Role::Sender)
    }

    pub(super) fn sender_is_joined(&mut self) -> Result<bool, Refusal> {
        if let Some(memo) = self.memo {
            let Some(event) = (self.state)(self.room.sender_key(self.ix)) else { return Ok(false) };
            return memo.is_join(event, || Ok(*self.sender_membership()? == Membership::Join));
        }
        Ok(*self.sender_membership()? == Membership::Join)
    }

    /// The power levels of the state.
    pub(super) fn power_levels(&self) -> Option<(EventIx, &'a PowerLevels)> {
        let event = (self.state)(self.room.well_known().power_levels)?;
        Some((event, self.room.event(event).as_power_levels()?))
    }

    /// ruma reads the creators before any level; if it cannot, the event is refused.
    pub(super) fn check_creators(&self, at: Rule) -> Result<(), Refusal> {
        if self.switches.errors != Errors::RumaErrors {
            return Ok(());
        }
        creators::readable(self.room, self.create).map_err(|text| Refusal::Unreadable(at, text))
    }

    /// Refuses because something cannot be read.
    pub(super) fn unreadable(&self, at: Rule, text: String) -> Refusal {
        if self.switches.errors == Errors::Raise {
            Refusal::Raised(at, text)
        } else {
            Refusal::Unreadable(at, text)
        }
    }

    /// Reads one level, `None` if it counts as absent.
    pub(super) fn read(&self, at: Rule, raw: &RawLevel) -> Result<Option<i64>, Refusal> {
        match self.switches.numbers.read(raw, self.rules.levels) {
            Reading::Number(level) => Ok(Some(level)),
            Reading::Absent => Ok(None),
            Reading::Unreadable(text) => Err(self.unreadable(at, text)),
        }
    }

    /// An entry of a map of levels. ruma reads the whole map or nothing.
    fn entry(&self, at: Rule, map: &Field<Levels>, key: &str) -> Result<Option<i64>, Refusal> {
        let levels = match map {
            Field::Absent => return Ok(None),
            Field::Malformed(kind) => return Err(self.unreadable(at, format!("a map of levels is {kind}"))),
            Field::Value(levels) => levels,
        };
        if self.switches.errors == Errors::RumaErrors && !levels.plain {
            for (_, raw) in &levels.entries {
                self.read(at, raw)?;
            }
        }
        levels.get(key).map_or(Ok(None), |raw| self.read(at, raw))
    }

    /// The power level of the event's sender in the state.
    pub(super) fn sender_level(&mut self, at: Rule) -> Result<Level, Refusal> {
        self.user_level(at, self.room.sender_key(self.ix), Role::Sender)
    }

    /// The power level of a user in the state.
    pub(super) fn user_level(&mut self, at: Rule, user: KeyIx, role: Role) -> Result<Level, Refusal> {
        if let Some(memo) = self.memo {
            let levels = (self.state)(self.room.well_known().power_levels);
            return memo
                .user_level(self.create, levels, user, || Ok(self.find_user_level(at, self.user(user))?.0));
        }
        let user = self.user(user);
        let (level, source) = self.find_user_level(at, user)?;
        self.recorder.record(|| Operand::UserLevel { user: user.into(), role, level, source });
        Ok(level)
    }

    fn find_user_level(&self, at: Rule, user: &str) -> Result<(Level, LevelSource), Refusal> {
        if self.rules.privileged_creators && creators::has(self.room, self.create, user) {
            return Ok((Level::Creator, LevelSource::Creator(self.create)));
        }
        let Some((event, levels)) = self.power_levels() else {
            let creator = creators::main(self.room, self.create);
            // Only Synapse minds a creator it cannot read: elsewhere nobody is the creator.
            if creator.is_none() && self.switches.errors == Errors::Raise {
                return Err(self.unreadable(at, "KeyError: 'creator'".into()));
            }
            return Ok(if creator == Some(user) {
                (Level::Finite(100), LevelSource::Creator(self.create))
            } else {
                (Level::Finite(0), LevelSource::NoPowerLevels)
            });
        };
        self.listed_level(at, event, levels, user)
    }

    /// The level that power levels give a user.
    fn listed_level(
        &self,
        at: Rule,
        event: EventIx,
        levels: &PowerLevels,
        user: &str,
    ) -> Result<(Level, LevelSource), Refusal> {
        if self.switches.user_ids == UserIds::ValidOrUnreadable && !levels.users_are_valid {
            return Err(self.unreadable(at, "`users` has a key that is no user ID".into()));
        }
        if let Some(level) = self.entry(at, &levels.users, user)? {
            return Ok((level.into(), LevelSource::Entry(event)));
        }
        let (level, source) = self.default_level(at, event, levels, NamedLevel::UsersDefault)?;
        Ok((level.into(), source))
    }

    fn default_level(
        &self,
        at: Rule,
        event: EventIx,
        levels: &PowerLevels,
        name: NamedLevel,
    ) -> Result<(i64, LevelSource), Refusal> {
        let level = levels.named(name).map_or(Ok(None), |raw| self.read(at, raw))?;
        Ok(level
            .map_or((name.default(), LevelSource::Default(event)), |level| (level, LevelSource::Set(event))))
    }

    /// The level needed to ban, kick, invite or redact.
    pub(super) fn named_level(&mut self, at: Rule, name: NamedLevel) -> Result<Level, Refusal> {
        let (level, source) = match self.power_levels() {
            None => (name.default(), LevelSource::NoPowerLevels),
            Some((event, levels)) => self.default_level(at, event, levels, name)?,
        };
        self.recorder.record(|| Operand::NeededLevel { what: Needed::Named(name), level, source });
        Ok(level.into())
    }

    /// The level needed to send the event.
    fn required_level(&mut self) -> Result<Level, Refusal> {
        if let (Some(memo), Some(message_type)) = (self.memo, self.room.message_type(self.ix)) {
            let levels = (self.state)(self.room.well_known().power_levels);
            return memo.message_level(levels, message_type, || Ok(self.find_required_level()?.0.into()));
        }
        let (level, source) = self.find_required_level()?;
        let event_type = self.event_type();
        self.recorder.record(|| Operand::NeededLevel {
            what: Needed::EventType(event_type.into()),
            level,
            source,
        });
        Ok(level.into())
    }

    fn event_type(&self) -> &'a str {
        self.room.key_of(self.ix).map_or_else(|| self.event.event_type(), |key| self.room.key(key).0)
    }

    fn find_required_level(&self) -> Result<(i64, LevelSource), Refusal> {
        let at = Rule::RequiredLevel;
        let name = if self.event.is_state() { NamedLevel::StateDefault } else { NamedLevel::EventsDefault };
        let Some((event, levels)) = self.power_levels() else {
            return Ok((name.default(), LevelSource::NoPowerLevels));
        };
        match self.entry(at, &levels.events, self.event_type())? {
            Some(level) => Ok((level, LevelSource::Entry(event))),
            // Python: a default that is `null` is found, and `int(None)` fails.
            None if self.switches.errors == Errors::Raise && levels.named(name) == Some(&RawLevel::Null) => {
                Err(self.unreadable(at, "TypeError: int() argument must not be 'NoneType'".into()))
            }
            None => self.default_level(at, event, levels, name),
        }
    }
}

/// Who created a room.
pub(super) mod creators {
    use ruma::UserId;

    use crate::event::content::{Create, Field};
    use crate::room::{EventIx, Room};

    fn additional(create: &Create) -> impl Iterator<Item = &Field<Box<str>>> {
        create.additional_creators.value().into_iter().flatten()
    }

    /// The one creator: the sender of the create event, or up to version 10 whom its content names.
    pub(in crate::auth) fn main(room: &Room, create: EventIx) -> Option<&str> {
        let event = room.event(create);
        if room.rules().creator_is_sender {
            return Some(event.sender());
        }
        event.as_create()?.creator.value().map(|creator| &**creator)
    }

    /// Whether the user is a creator, `additional_creators` of version 12 included.
    pub(in crate::auth) fn has(room: &Room, create: EventIx, user: &str) -> bool {
        main(room, create) == Some(user)
            || room.rules().privileged_creators
                && room.event(create).as_create().is_some_and(|create| {
                    additional(create)
                        .any(|creator| creator.value().is_some_and(|creator| &**creator == user))
                })
    }

    /// Whether ruma can read the creators.
    pub(in crate::auth) fn readable(room: &Room, create: EventIx) -> Result<(), String> {
        let Some(content) = room.event(create).as_create() else { return Ok(()) };
        let valid = |creator: &Field<Box<str>>| {
            creator.value().is_some_and(|creator| UserId::parse(&**creator).is_ok())
        };
        if !room.rules().creator_is_sender && !valid(&content.creator) {
            return Err("missing or invalid `creator` in the create event".into());
        }
        if room.rules().privileged_creators
            && (matches!(content.additional_creators, Field::Malformed(_)) || !additional(content).all(valid))
        {
            return Err("invalid `additional_creators` in the create event".into());
        }
        Ok(())
    }
}
