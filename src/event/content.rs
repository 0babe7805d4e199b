//! What authorization reads from the `content` of an event, parsed once.
//!
//! Nothing is judged here. Implementations disagree on malformed values (is `null` a level? is
//! `"1_000"`?), so a field keeps what was written, and `auth` decides what it means under a
//! profile.

use ruma::UserId;
use serde_json::Value;

use super::{Kind, json};

/// A field of `content` as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field<T> {
    /// The key is not there.
    Absent,
    /// The key holds a value of the expected type.
    Value(T),
    /// The key holds something else; the text says what ("a number", "null").
    Malformed(&'static str),
}

impl<T> Field<T> {
    fn read(json: Option<&str>, parse: impl FnOnce(&str) -> Option<T>) -> Self {
        match json {
            None => Self::Absent,
            Some(text) => parse(text).map_or(Self::Malformed(json::kind(text)), Self::Value),
        }
    }

    /// The value, if there is a proper one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Malformed(_) => None,
        }
    }

    /// Whether the key is there at all.
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

fn boxed(json: &str) -> Option<Box<str>> {
    json::string(json).map(Box::from)
}

/// The part of `content` that authorization reads, by event type.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// `m.room.create`
    Create(Box<Create>),
    /// `m.room.member` with nothing but a membership
    PlainMember(&'static Member),
    /// `m.room.member`
    Member(Box<Member>),
    /// `m.room.power_levels`
    PowerLevels(Box<PowerLevels>),
    /// `m.room.join_rules`
    JoinRules(Box<Field<JoinRule>>),
    /// `m.room.third_party_invite`
    ThirdPartyInvite(Box<ThirdPartyInvite>),
    /// Any other type: authorization does not look inside.
    Other(Kind),
}

impl Content {
    /// The type of the event, as far as authorization tells types apart.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Create(_) => Kind::Create,
            Self::PlainMember(_) | Self::Member(_) => Kind::Member,
            Self::PowerLevels(_) => Kind::PowerLevels,
            Self::JoinRules(_) => Kind::JoinRules,
            Self::ThirdPartyInvite(_) => Kind::ThirdPartyInvite,
            Self::Other(kind) => *kind,
        }
    }

    /// Reads the content of an event of this kind. Also returns a key that the content has twice.
    ///
    /// # Errors
    /// If `json` is not a JSON object.
    pub(super) fn parse(kind: Kind, json: &str) -> Result<(Self, Option<Box<str>>), serde_json::Error> {
        Ok(match kind {
            Kind::Create => {
                let (fields, repeated) = json::scan(json, &Create::FIELDS)?;
                (Self::Create(Box::new(Create::read(fields))), repeated)
            }
            Kind::Member => {
                let (fields, repeated) = json::scan(json, &Member::FIELDS)?;
                (Self::member(fields), repeated)
            }
            Kind::PowerLevels => {
                let (_, repeated) = json::scan(json, &[])?;
                (Self::PowerLevels(Box::new(PowerLevels::parse(json)?)), repeated)
            }
            Kind::JoinRules => {
                let ([rule], repeated) = json::scan(json, &["join_rule"])?;
                let rule = Field::read(rule, |text| json::string(text).map(|s| JoinRule::new(&s)));
                (Self::JoinRules(Box::new(rule)), repeated)
            }
            Kind::ThirdPartyInvite => {
                let (fields, repeated) = json::scan(json, &ThirdPartyInvite::FIELDS)?;
                (Self::ThirdPartyInvite(Box::new(ThirdPartyInvite::read(fields))), repeated)
            }
            Kind::Aliases | Kind::Redaction | Kind::Other => (Self::Other(kind), json::scan(json, &[])?.1),
        })
    }

    fn member(fields: [Option<&str>; 3]) -> Self {
        let member = Member::read(fields);
        match PLAIN_MEMBERS.iter().find(|plain| **plain == member) {
            Some(plain) => Self::PlainMember(plain),
            None => Self::Member(Box::new(member)),
        }
    }
}

/// Nearly every membership of a large room is one of these, and need not be kept for each event.
static PLAIN_MEMBERS: [Member; 5] = [
    Member::plain(Membership::Join),
    Member::plain(Membership::Leave),
    Member::plain(Membership::Invite),
    Member::plain(Membership::Ban),
    Member::plain(Membership::Knock),
];

/// `content` of `m.room.create`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// `room_version`; absent means "1".
    pub room_version: Field<Box<str>>,
    /// `creator`, meaningful up to room version 10.
    pub creator: Field<Box<str>>,
    /// `m.federate`; absent means true.
    pub federate: Field<bool>,
    /// `additional_creators`, meaningful from room version 12; an element that is no string is
    /// malformed.
    pub additional_creators: Field<Vec<Field<Box<str>>>>,
}

impl Create {
    const FIELDS: [&str; 4] = ["additional_creators", "creator", "m.federate", "room_version"];

    fn read([additional, creator, federate, room_version]: [Option<&str>; 4]) -> Self {
        Self {
            room_version: Field::read(room_version, boxed),
            creator: Field::read(creator, boxed),
            federate: Field::read(federate, |text| text.parse().ok()),
            additional_creators: Field::read(additional, |text| {
                Some(json::elements(text)?.into_iter().map(|e| Field::read(Some(e), boxed)).collect())
            }),
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// Any other word.
            Other(Box<str>),
        }

        impl $name {
            fn new(text: &str) -> Self {
                match text { $($text => Self::$variant,)* other => Self::Other(other.into()) }
            }

            /// The word as it stands in the event.
            pub fn as_str(&self) -> &str {
                match self { $(Self::$variant => $text,)* Self::Other(text) => text }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// `membership` of `m.room.member`.
    Membership {
        /// In the room.
        Join => "join",
        /// Invited.
        Invite => "invite",
        /// Not in the room: left, was kicked, unbanned, or never came.
        Leave => "leave",
        /// Banned.
        Ban => "ban",
        /// Asked to be let in (room version 7+).
        Knock => "knock",
    }
}

words! {
    /// `join_rule` of `m.room.join_rules`.
    JoinRule {
        /// Anybody may join.
        Public => "public",
        /// Only invited users may join.
        Invite => "invite",
        /// Users may ask to be invited (room version 7+).
        Knock => "knock",
        /// Users with a member's consent may join (room version 8+).
        Restricted => "restricted",
        /// Both `knock` and `restricted` (room version 10+).
        KnockRestricted => "knock_restricted",
        /// Reserved; nobody may join.
        Private => "private",
    }
}

/// `content` of `m.room.member`.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// `membership`
    pub membership: Field<Membership>,
    /// `join_authorised_via_users_server` (room version 8+)
    pub authoriser: Field<Box<str>>,
    /// `third_party_invite`: the whole value, for its signature is checked over canonical JSON.
    pub third_party_invite: Option<Value>,
}

impl Member {
    const FIELDS: [&str; 3] = ["join_authorised_via_users_server", "membership", "third_party_invite"];

    const fn plain(membership: Membership) -> Self {
        Self { membership: Field::Value(membership), authoriser: Field::Absent, third_party_invite: None }
    }

    fn read([authoriser, membership, invite]: [Option<&str>; 3]) -> Self {
        Self {
            membership: Field::read(membership, |text| json::string(text).map(|s| Membership::new(&s))),
            authoriser: Field::read(authoriser, boxed),
            // A value too deep to read can carry no valid signature: null is as good.
            third_party_invite: invite.map(|text| serde_json::from_str(text).unwrap_or(Value::Null)),
        }
    }

    /// `third_party_invite.signed.token`, if it is a string.
    pub fn token(&self) -> Option<&str> {
        self.third_party_invite.as_ref()?.get("signed")?.get("token")?.as_str()
    }
}

/// `content` of `m.room.third_party_invite`: the keys that may sign.
#[derive(Debug, Clone, PartialEq)]
pub struct ThirdPartyInvite {
    /// `public_key`
    pub public_key: Option<Value>,
    /// `public_keys`
    pub public_keys: Option<Value>,
}

impl ThirdPartyInvite {
    const FIELDS: [&str; 2] = ["public_key", "public_keys"];

    fn read([one, many]: [Option<&str>; 2]) -> Self {
        let read = |text: Option<&str>| text.map(|text| serde_json::from_str(text).unwrap_or(Value::Null));
        Self { public_key: read(one), public_keys: read(many) }
    }
}

/// The seven levels that stand at the top of `m.room.power_levels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamedLevel {
    /// The level of users that `users` does not list. Default 0.
    UsersDefault,
    /// Needed to send messages that `events` does not list. Default 0.
    EventsDefault,
    /// Needed to send state that `events` does not list. Default 50.
    StateDefault,
    /// Needed to ban. Default 50.
    Ban,
    /// Needed to redact others' events. Default 50.
    Redact,
    /// Needed to kick. Default 50.
    Kick,
    /// Needed to invite. Default 0.
    Invite,
}

impl NamedLevel {
    /// All seven, in the order the specification names them.
    pub const ALL: [Self; 7] = [
        Self::UsersDefault,
        Self::EventsDefault,
        Self::StateDefault,
        Self::Ban,
        Self::Redact,
        Self::Kick,
        Self::Invite,
    ];

    /// The key in `content`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UsersDefault => "users_default",
            Self::EventsDefault => "events_default",
            Self::StateDefault => "state_default",
            Self::Ban => "ban",
            Self::Redact => "redact",
            Self::Kick => "kick",
            Self::Invite => "invite",
        }
    }

    /// The level that holds where the key is absent.
    pub fn default(self) -> i64 {
        match self {
            Self::UsersDefault | Self::EventsDefault | Self::Invite => 0,
            Self::StateDefault | Self::Ban | Self::Redact | Self::Kick => 50,
        }
    }
}

/// One level as written.
#[derive(Debug, Clone, PartialEq)]
pub enum RawLevel {
    /// An integer; beyond `i64` the nearest one.
    Integer(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A string, perhaps of an integer.
    Text(Box<str>),
    /// `null`
    Null,
    /// A boolean.
    Boolean(bool),
    /// An object or array.
    Other,
}

impl RawLevel {
    fn parse(json: &str) -> Self {
        match json.as_bytes().first() {
            Some(b'"') => json::string(json).map_or(Self::Other, |text| Self::Text(text.into())),
            Some(b'n') => Self::Null,
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'{' | b'[') | None => Self::Other,
            Some(_) if json.contains(['.', 'e', 'E']) => json.parse().map_or(Self::Other, Self::Float),
            Some(_) => json.parse().map_or_else(
                |_| Self::Integer(if json.starts_with('-') { i64::MIN } else { i64::MAX }),
                Self::Integer,
            ),
        }
    }
}

impl std::fmt::Display for RawLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(level) => level.fmt(f),
            Self::Float(level) => level.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => value.fmt(f),
            Self::Other => f.write_str("an object or array"),
        }
    }
}

/// A map of levels (`users`, `events`, `notifications`) as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    /// The entries, sorted by key.
    pub entries: Vec<(Box<str>, RawLevel)>,
    /// Every level is an integer of at most 53 bits: all implementations read the map alike.
    pub plain: bool,
}

impl Levels {
    fn parse(json: &str) -> Option<Self> {
        let entries: Vec<_> =
            json::members(json).ok()?.into_iter().map(|(key, level)| (key, RawLevel::parse(level))).collect();
        let plain = entries
            .iter()
            .all(|(_, level)| matches!(level, RawLevel::Integer(level) if level.unsigned_abs() < 1 << 53));
        Some(Self { entries, plain })
    }

    /// The level of a key.
    pub fn get(&self, key: &str) -> Option<&RawLevel> {
        let place = self.entries.binary_search_by(|(name, _)| (**name).cmp(key)).ok()?;
        Some(&self.entries[place].1)
    }
}

/// `content` of `m.room.power_levels`.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerLevels {
    /// The named levels that are present, in the order of [`NamedLevel::ALL`].
    pub named: [Option<RawLevel>; 7],
    /// `users`: levels by user ID.
    pub users: Field<Levels>,
    /// Whether every key of `users` is a valid user ID.
    pub users_are_valid: bool,
    /// `events`: levels needed, by event type.
    pub events: Field<Levels>,
    /// `notifications`: levels needed, by kind of notification.
    pub notifications: Field<Levels>,
}

impl PowerLevels {
    fn parse(json: &str) -> Result<Self, serde_json::Error> {
        let named = json::pick(json, NamedLevel::ALL.map(NamedLevel::as_str))?;
        let [users, events, notifications] = json::pick(json, ["users", "events", "notifications"])?;
        let users = Field::read(users, Levels::parse);
        let valid = |users: &Levels| users.entries.iter().all(|(user, _)| UserId::parse(&**user).is_ok());
        Ok(Self {
            named: named.map(|text| text.map(RawLevel::parse)),
            users_are_valid: users.value().is_none_or(valid),
            users,
            events: Field::read(events, Levels::parse),
            notifications: Field::read(notifications, Levels::parse),
        })
    }

    /// Whether a level lies beyond `i64`, so that it was taken as the nearest number.
    pub(super) fn is_clamped(&self) -> bool {
        let maps = [&self.users, &self.events, &self.notifications].into_iter().filter_map(Field::value);
        let listed = maps.flat_map(|levels| &levels.entries).map(|(_, level)| level);
        let clamped = |level: &RawLevel| matches!(level, RawLevel::Integer(i64::MIN | i64::MAX));
        self.named.iter().flatten().chain(listed).any(clamped)
    }

    /// A named level as written.
    pub fn named(&self, name: NamedLevel) -> Option<&RawLevel> {
        self.named[name as usize].as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_keep_what_was_written() {
        let parse = |json: &str| {
            let Content::PowerLevels(levels) = Content::parse(Kind::PowerLevels, json).unwrap().0 else {
                panic!("not power levels");
            };
            *levels
        };
        let levels =
            parse(r#"{"ban":" +5","kick":null,"invite":1.9,"users":{"@b:x":true,"@a:x":1e2},"events":[]}"#);
        assert_eq!(levels.named(NamedLevel::Ban), Some(&RawLevel::Text(" +5".into())));
        assert_eq!(levels.named(NamedLevel::Kick), Some(&RawLevel::Null));
        assert_eq!(levels.named(NamedLevel::Invite), Some(&RawLevel::Float(1.9)));
        assert_eq!(levels.named(NamedLevel::Redact), None);
        assert_eq!(levels.users.value().unwrap().get("@a:x"), Some(&RawLevel::Float(100.0)));
        assert_eq!(levels.users.value().unwrap().get("@b:x"), Some(&RawLevel::Boolean(true)));
        assert_eq!(levels.events, Field::Malformed("an array"));
        assert_eq!(
            parse(r#"{"ban":99999999999999999999}"#).named(NamedLevel::Ban),
            Some(&RawLevel::Integer(i64::MAX))
        );
    }

    #[test]
    fn members_keep_odd_fields_apart_from_absent_ones() {
        let parse = |json: &str| match Content::parse(Kind::Member, json).unwrap().0 {
            Content::Member(member) => *member,
            other => panic!("{other:?}"),
        };
        assert_eq!(parse("{}").membership, Field::Absent);
        assert_eq!(parse(r#"{"membership":3}"#).membership, Field::Malformed("a number"));
        assert_eq!(
            parse(r#"{"membership":"dance"}"#).membership,
            Field::Value(Membership::Other("dance".into()))
        );
        assert_eq!(parse(r#"{"third_party_invite":{"signed":{"token":"t"}}}"#).token(), Some("t"));
    }
}
