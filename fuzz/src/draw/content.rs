//! Contents of the event types that authorization reads, as JSON text: usual ones, odd ones, hostile ones.

use std::sync::LazyLock;

use hindsight::event::room_version::Rules;
use hindsight::generate::IdentityServer;
use serde_json::{Value, json};

use super::source::Source;

/// The users of a room. The first created it.
pub(super) const USERS: &[&str] =
    &["@a:one", "@b:two", "@c:one", "@d:three", "@e:two", "@F:three:8448", "@g:[::1]", "@_h=/+:one"];
/// What nobody should be called.
const NO_USERS: &[&str] =
    &["", "@", "a:one", "@a", "@a:", "@:one", "@a:one:port", "@ä:one", "@a:one\\u0000", "$x"];
pub(super) const TOKENS: &[&str] = &["t", "u"];

const LEVELS: &[&str] = &["0", "50", "100", "99", "25", "1", "-1", "101"];
const ODD_LEVELS: &[&str] = &[
    "9007199254740991",
    "9007199254740992",
    "-9007199254740992",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-99999999999999999999999",
    "1e2",
    "50.0",
    "1.5",
    "-1.5",
    "-0",
    "-0.0",
    "1E400",
    "1e19",
    "\"50\"",
    "\" 50 \"",
    "\"+50\"",
    "\"-0\"",
    "\"1_000\"",
    "\"\u{665}\"",
    "\"\"",
    "\"0x10\"",
    "\"1e2\"",
    "\"50.0\"",
    "\"9223372036854775808\"",
    "\"\\u0035\"",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[50]",
];
const NAMED: &[&str] =
    &["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"];
pub(super) const TYPES: &[&str] = &[
    "m.room.topic",
    "m.room.message",
    "m.room.power_levels",
    "m.room.join_rules",
    "m.room.member",
    "m.room.create",
    "m.room.third_party_invite",
    "m.room.aliases",
    "m.room.redaction",
    "m.room.encrypted",
    "",
    "m.room.Member",
];
const JOIN_RULES: &[&str] = &[
    "\"public\"",
    "\"invite\"",
    "\"knock\"",
    "\"restricted\"",
    "\"knock_restricted\"",
    "\"private\"",
    "\"dance\"",
    "\"publi\\u0063\"",
    "null",
    "[\"public\"]",
    "7",
];
const MEMBERSHIPS: &[&str] = &[
    "\"join\"",
    "\"invite\"",
    "\"leave\"",
    "\"ban\"",
    "\"knock\"",
    "\"dance\"",
    "\"\"",
    "\"joi\\u006e\"",
    "null",
    "{}",
    "3",
];
const ANYTHING: &[&str] = &[
    "null",
    "[]",
    "{}",
    "\"\"",
    "0",
    "true",
    "[{}]",
    "[null]",
    "{\"signed\":null}",
    "{\"signed\":{}}",
    "1e999",
];

/// Invites that an identity server signed, by its number, the user's and the token's.
static SIGNED: LazyLock<Vec<Vec<Vec<Value>>>> = LazyLock::new(|| {
    let sign = |server: u8, user: &str, token: &str| {
        IdentityServer::new(server).invite(USERS[0], user, token).content["third_party_invite"].clone()
    };
    let of_user = |server, user| TOKENS.iter().map(|token| sign(server, user, token)).collect();
    (1..=2).map(|server| USERS.iter().map(|user| of_user(server, user)).collect()).collect()
});

fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", quote(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// A user ID as JSON, now and then one that is none.
fn user(source: &mut Source<'_>) -> String {
    if source.once_in(24) {
        // These are written as JSON already.
        return format!("\"{}\"", source.pick(NO_USERS));
    }
    quote(source.pick(USERS))
}

fn level(source: &mut Source<'_>) -> &'static str {
    if source.once_in(6) { source.pick(ODD_LEVELS) } else { source.pick(LEVELS) }
}

/// `m.room.create`. What is drawn comes on top of what the room version wants.
pub(super) fn create(source: &mut Source<'_>, rules: &Rules, sender: &str) -> String {
    let mut members = vec![("room_version".to_owned(), quote(rules.id))];
    if !rules.creator_is_sender {
        members.push(("creator".to_owned(), quote(sender)));
    }
    match source.below(16) {
        9 => members.push(("m.federate".to_owned(), "false".to_owned())),
        10 => members.push(("m.federate".to_owned(), source.pick(ANYTHING).to_owned())),
        11 | 12 => {
            let others: Vec<String> = (0..source.below(4)).map(|_| user(source)).collect();
            members.push(("additional_creators".to_owned(), format!("[{}]", others.join(","))));
        }
        13 => members.push(("additional_creators".to_owned(), source.pick(ANYTHING).to_owned())),
        14 => members.push(("creator".to_owned(), user(source))),
        15 => {
            let place = source.below(members.len());
            source.pick(ANYTHING).clone_into(&mut members[place].1);
        }
        _ => {}
    }
    object(&members)
}

/// What decides how an `m.room.member` event fares.
pub(super) struct Membership {
    pub(super) membership: String,
    /// Who vouches, if somebody does: the number of a user.
    pub(super) authoriser: Option<usize>,
    /// The number of the token of a third-party invite.
    pub(super) token: Option<usize>,
}

impl Membership {
    pub(super) fn of(word: &str) -> Self {
        Self { membership: quote(word), authoriser: None, token: None }
    }

    pub(super) fn any(source: &mut Source<'_>) -> Self {
        let authoriser = source.once_in(4).then(|| source.below(USERS.len()));
        let token = source.once_in(4).then(|| source.below(TOKENS.len()));
        Self { membership: source.pick(MEMBERSHIPS).to_owned(), authoriser, token }
    }

    /// `target` is the number of the user it is about, if it is about one.
    pub(super) fn content(&self, source: &mut Source<'_>, target: Option<usize>) -> String {
        let mut members = vec![("membership".to_owned(), self.membership.clone())];
        if let Some(authoriser) = self.authoriser {
            members.push(("join_authorised_via_users_server".to_owned(), quote(USERS[authoriser])));
        }
        if let Some(token) = self.token {
            let server = source.below(2);
            let invite = &SIGNED[server][target.unwrap_or_default()][token];
            let invite = if source.once_in(8) { spoilt(source, invite) } else { invite.to_string() };
            members.push(("third_party_invite".to_owned(), invite));
        }
        match source.below(32) {
            29 => members.clear(),
            30 => members
                .push(("join_authorised_via_users_server".to_owned(), source.pick(ANYTHING).to_owned())),
            31 => members.push(("third_party_invite".to_owned(), source.pick(ANYTHING).to_owned())),
            _ => {}
        }
        object(&members)
    }
}

/// A signed invite with something changed.
fn spoilt(source: &mut Source<'_>, invite: &Value) -> String {
    let mut invite = invite.clone();
    let signed = &mut invite["signed"];
    match source.below(5) {
        0 => signed["mxid"] = USERS[source.below(USERS.len())].into(),
        1 => signed["token"] = Value::Null,
        2 => signed["signatures"] = json!({ "identity": { "ed25519:1": "AAAA", "x": 3 } }),
        3 => signed["signatures"] = json!([]),
        _ => signed["more"] = json!(0.5),
    }
    invite.to_string()
}

/// `m.room.third_party_invite`
pub(super) fn third_party_invite(source: &mut Source<'_>) -> String {
    let server = if source.once_in(4) { 2 } else { 1 };
    let mut content = IdentityServer::new(server).offer(USERS[0], TOKENS[0]).content;
    match source.below(12) {
        8 => content["public_keys"] = json!([]),
        9 => content["public_key"] = json!(3),
        10 => content["public_keys"] = json!([{ "public_key": "!" }, {}, 3]),
        11 => content["public_keys"] = Value::Null,
        _ => {}
    }
    content.to_string()
}

/// `m.room.power_levels`
pub(super) fn power_levels(source: &mut Source<'_>) -> String {
    let mut members = Vec::new();
    let named = source.byte();
    for (bit, name) in NAMED.iter().enumerate() {
        if named >> bit & 1 == 1 {
            members.push(((*name).to_owned(), level(source).to_owned()));
        }
    }
    let mut users: Vec<String> = vec![format!("{}:{}", quote(USERS[0]), "100")];
    match source.below(16) {
        13 => users.clear(),
        14 => users[0] = format!("{}:{}", quote(USERS[0]), level(source)),
        _ => {}
    }
    users.extend((0..source.below(5)).map(|_| format!("{}:{}", user(source), level(source))));
    members.push(("users".to_owned(), format!("{{{}}}", users.join(","))));
    for (name, keys) in [("events", TYPES), ("notifications", &["room", "x"][..])] {
        let count = source.below(8).saturating_sub(5);
        let entries: Vec<String> =
            (0..count).map(|_| format!("{}:{}", quote(source.pick(keys)), level(source))).collect();
        if count > 0 {
            members.push((name.to_owned(), format!("{{{}}}", entries.join(","))));
        }
    }
    match source.below(24) {
        20 => members.clear(),
        21 => members.push(("users".to_owned(), source.pick(ANYTHING).to_owned())),
        22 => members.push(("events".to_owned(), source.pick(ANYTHING).to_owned())),
        23 => members.push(("notifications".to_owned(), source.pick(ANYTHING).to_owned())),
        _ => {}
    }
    object(&members)
}

/// `m.room.join_rules`
pub(super) fn join_rules(source: &mut Source<'_>) -> String {
    match source.below(12) {
        11 => "{}".to_owned(),
        rule => format!("{{\"join_rule\":{}}}", JOIN_RULES[rule]),
    }
}
