//! Names for the events of a small room, and a sentence on each.

use std::collections::{BTreeMap, BTreeSet};

use crate::describe::Describer;
use crate::event::content::{Field, Membership};
use crate::event::{Event, Kind};
use crate::replay::Replay;
use crate::rewrite::GivenOrder;
use crate::room::{EventIx, Room, When};

/// Numbers up to this one are tried for a name whose hash is in order.
const MOST_NUMBERS: usize = 4000;

/// A readable name for every event, in capitals, with a `$`.
pub(super) fn names(room: &Room, targets: &[EventIx]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let order = (!room.rules().event_ids_are_hashes()).then(|| GivenOrder::of(room));
    let name = |ix: EventIx| {
        let event = room.event(ix);
        let merges = room.state_parents(ix).len() > 1;
        let word = if merges && !event.is_state() && targets.contains(&ix) {
            "MERGE".to_owned()
        } else {
            word(event)
        };
        // Servers choose IDs in room versions 1 and 2, and some rule reads which.
        let server = room.id(ix).split_once(':').filter(|_| order.is_some());
        let tail = server.map_or_else(String::new, |(_, server)| format!(":{server}"));
        let numbered = |number: usize| match number {
            1 => format!("${word}{tail}"),
            _ => format!("${word}_{number}{tail}"),
        };
        let fits = |name: &String| order.as_ref().is_none_or(|order| order.fits(ix, name));
        let free = |name: &String| !taken.contains(name);
        let first = (1..MOST_NUMBERS).map(numbered).find(|name| free(name) && fits(name));
        let name = first.or_else(|| (1..).map(numbered).find(free)).unwrap_or_default();
        taken.insert(name.clone());
        name
    };
    room.events().map(name).collect()
}

fn word(event: &Event) -> String {
    let sender = capitals(local_part(event.sender()));
    let target = event.state_key().map(|key| capitals(local_part(key))).unwrap_or_default();
    match event.kind() {
        Kind::Create => "CREATE".to_owned(),
        Kind::PowerLevels => "LEVELS".to_owned(),
        Kind::JoinRules => match event.as_join_rule() {
            Some(Field::Value(rule)) => format!("RULE_{}", capitals(rule.as_str())),
            _ => "RULE".to_owned(),
        },
        Kind::Member => match (membership(event), event.state_key() == Some(event.sender())) {
            (Some(Membership::Join), _) => format!("{target}_JOINS"),
            (Some(Membership::Knock), _) => format!("{target}_KNOCKS"),
            (Some(Membership::Invite), _) => format!("INVITE_{target}"),
            (Some(Membership::Ban), _) => format!("BAN_{target}"),
            (Some(Membership::Leave), true) => format!("{target}_LEAVES"),
            (Some(Membership::Leave), false) => format!("REMOVE_{target}"),
            _ => format!("MEMBER_{target}"),
        },
        _ if !event.is_state() => format!("{sender}_SAYS"),
        _ => capitals(event.event_type().rsplit('.').next().unwrap_or_default()),
    }
}

fn membership(event: &Event) -> Option<&Membership> {
    event.as_member()?.membership.value()
}

fn local_part(user: &str) -> &str {
    let bare = user.strip_prefix('@').unwrap_or(user);
    bare.split_once(':').map_or(bare, |(local, _)| local)
}

/// A word of a name.
fn capitals(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let word: String = text.chars().take(24).map(plain).collect();
    if word.is_empty() { "X".to_owned() } else { word }
}

/// What happens at an event, as a sentence.
pub(super) fn sentence(replay: &Replay<'_>, ix: EventIx, describer: &Describer<'_>) -> String {
    let room = replay.room();
    let event = room.event(ix);
    let sender = describer.sender(ix);
    let target = event.state_key().map(|user| describer.user(user)).unwrap_or_default();
    let own = event.state_key() == Some(event.sender());
    let summary = describer.summary(ix);
    let mut sentence = match (event.kind(), membership(event)) {
        (Kind::Create, _) => format!("{sender} creates the room."),
        (Kind::Member, Some(Membership::Join)) if own && was_joined(replay, ix) => {
            format!("{sender} was joined already, and says so again.")
        }
        (Kind::Member, Some(Membership::Join)) if own => format!("{sender} joins."),
        (Kind::Member, Some(Membership::Leave)) if own => format!("{sender} leaves."),
        (Kind::Member, Some(Membership::Knock)) if own => format!("{sender} asks to be let in."),
        (Kind::Member, Some(Membership::Invite)) => format!("{sender} invites {target}."),
        (Kind::Member, Some(Membership::Ban)) => format!("{sender} bans {target}."),
        (Kind::Member, Some(Membership::Leave)) => format!("{sender} removes {target}, or lifts a ban."),
        _ if event.is_state() => format!("{sender} sends {summary}."),
        _ => format!("{sender} writes."),
    };
    let parents = room.state_parents(ix).len();
    if parents > 1 {
        sentence.push_str(&format!(" Here {parents} branches meet."));
    }
    if room.asserted(ix, When::After).is_some() {
        sentence.push_str(" The state after it is asserted.");
    }
    if let Some(rejection) = replay.rejection(ix) {
        sentence.push_str(&format!(" Rejected: {}.", rejection.reason));
    }
    sentence
}

/// Whether the state before a membership has its user as joined.
fn was_joined(replay: &Replay<'_>, ix: EventIx) -> bool {
    let room = replay.room();
    let before = replay.before(ix).zip(room.key_of(ix)).and_then(|(state, key)| state.get(key));
    before.is_some_and(|before| membership(room.event(before)) == Some(&Membership::Join))
}

/// The names as a scenario gives them.
pub(super) fn placeholders(room: &Room, names: &[String]) -> BTreeMap<String, String> {
    room.events().map(|ix| (names[ix.index()].clone(), room.id(ix).to_owned())).collect()
}
