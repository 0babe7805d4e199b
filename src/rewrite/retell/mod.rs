//! The same history under other rules of where state comes from: a room of version 12 as a room with a state DAG
//! (MSC4242), and the other way round.
//!
//! Senders, contents, times and `prev_events` stay. What changes is what a correct server would have written instead:
//! - with a state DAG, the forward extremities of the state events that the sender knew of, by what its event comes after
//!   ([`parents`]), in `prev_state_events`;
//! - without, what the auth events selection finds in the state before the event, in `auth_events`.
//!
//! Both depend on which events are accepted and on how states are resolved, which depends on the IDs, which are hashes of
//! all that. So the room is written again until nothing changes any more; mostly once or twice. The order of IDs stays
//! where it can decide something (see [`Writer`]).
//!
//! States that somebody asserts are left behind: a state DAG has no place for them. What is asserted behind a hole is taken
//! for what the server fetched there, with its auth chains.

mod parents;
mod past;

use self::past::TooWide;
use super::{Members, Naming, Outcome, Writer, members};
use crate::auth::selection;
use crate::event::json;
use crate::event::room_version::{AuthSource, Rules};
use crate::replay::{Replay, Replaying};
use crate::room::{EventIx, Link, Recorded, Room};

/// After so many rounds a room is taken as it is; a large one earlier.
const MOST_ROUNDS: usize = 64;
const LEAST_ROUNDS: usize = 8;
/// So many events are written in all rounds together.
const MOST_WRITTEN: usize = 1_000_000;

/// A room told anew.
#[derive(Debug, Clone)]
pub struct Retold {
    /// The room.
    pub room: Room,
    /// The new event of every old one; `None` for those of other rooms, and for what could not be written.
    pub events: Vec<Option<EventIx>>,
    /// How the writing went.
    pub outcome: Outcome,
    /// How often the room was written.
    pub rounds: usize,
    /// The first event, of the old room, that another round would let name something else, if there is any. Of it and
    /// what comes after it neither verdict nor state is settled: where very many verdicts hang on one another, a round
    /// settles no more than a few.
    pub unsettled: Option<EventIx>,
}

/// Why a room cannot be told anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRetold {
    /// No room version differs from this one in the state DAG alone.
    Version(&'static str),
    /// The room has no create event.
    NoCreate,
    /// Too many branches of state events are open at the same time.
    TooWide,
}

impl From<TooWide> for NotRetold {
    fn from(_: TooWide) -> Self {
        Self::TooWide
    }
}

impl std::fmt::Display for NotRetold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version(version) => {
                write!(
                    f,
                    "rooms of version {version} cannot be told anew: state DAGs are made from version 12"
                )
            }
            Self::TooWide => f.write_str("too many branches of state events are open at the same time"),
            Self::NoCreate => f.write_str("without its create event a room cannot be told anew"),
        }
    }
}

impl std::error::Error for NotRetold {}

/// What an event names by the new rules.
type Names = Vec<Link>;

/// Tells a room anew: with a state DAG if it has none, without if it has one. The replay tells how its events are judged.
///
/// Cost: a rewriting and a replay of the room a round.
///
/// # Errors
/// If the room version has no counterpart, or the room no create event, or is absurdly wide.
pub fn retell(replay: &Replay<'_>) -> Result<Retold, NotRetold> {
    let room = replay.room();
    let rules = if room.rules().has_state_dag() {
        room.rules().without_state_dag()
    } else {
        room.rules().with_state_dag().ok_or(NotRetold::Version(room.rules().id))?
    };
    if room.create_event().is_none() {
        return Err(NotRetold::NoCreate);
    }
    let mut names = first_names(replay, rules)?;
    let mut rounds = 0;
    let most_rounds = (MOST_WRITTEN / room.len().max(1)).clamp(LEAST_ROUNDS, MOST_ROUNDS);
    loop {
        rounds += 1;
        let mut retold = write(room, rules, &names).ok_or(NotRetold::NoCreate)?;
        let again = Replaying::new(&retold.room, Some(replay.algorithm()), replay.profile());
        let again = again.without_soft_failures().passing_over_rejected().finish();
        let better = better_names(replay, &again, &retold.events)?;
        retold.rounds = rounds;
        let differ = room.events().find(|ix| better[ix.index()] != names[ix.index()]);
        retold.unsettled = differ;
        if differ.is_none() || rounds >= most_rounds {
            return Ok(retold);
        }
        names = better;
    }
}

/// What events name if every event is judged, and every state resolved, as before.
fn first_names(replay: &Replay<'_>, rules: &Rules) -> Result<Vec<Names>, TooWide> {
    let room = replay.room();
    match rules.auth_source {
        AuthSource::Calculated => parents::of_all(replay, |ix| !replay.rejected().contains(ix)),
        AuthSource::Event => {
            let auth = |ix: EventIx| replay.auth().of(ix).iter().copied().map(Link::Event).collect();
            Ok(room.events().map(auth).collect())
        }
    }
}

/// What events name if everything is judged and resolved as in the room that was written.
fn better_names(
    replay: &Replay<'_>,
    again: &Replay<'_>,
    events: &[Option<EventIx>],
) -> Result<Vec<Names>, TooWide> {
    let room = replay.room();
    let new = |ix: EventIx| events[ix.index()];
    if again.room().rules().auth_source == AuthSource::Calculated {
        let is_accepted = |ix: EventIx| {
            new(ix).is_some_and(|new| !again.rejected().contains(new) && !again.is_unprocessed(new))
        };
        return parents::of_all(replay, is_accepted);
    }
    let mut old = vec![None; again.room().len()];
    for ix in room.events() {
        if let Some(new) = new(ix) {
            old[new.index()] = Some(ix);
        }
    }
    let auth = |ix: EventIx| -> Names {
        let (Some(new), Some(state)) = (new(ix), new(ix).and_then(|new| again.before(new))) else {
            return Vec::new();
        };
        let Ok(selected) = selection(again.room(), new, again.profile()) else { return Vec::new() };
        let found = selected.without_implied_create(again.room()).filter_map(|key| state.get(key));
        found.filter_map(|auth| old[auth.index()].map(Link::Event)).collect()
    };
    Ok(room.events().map(auth).collect())
}

/// IDs that nobody has stay.
struct Kept;

impl Naming for Kept {
    fn given_id(&mut self, old: &str, _: usize, _: u32) -> String {
        old.to_owned()
    }

    fn unknown_id(&mut self, old: &str) -> String {
        old.to_owned()
    }
}

fn write(room: &Room, rules: &'static Rules, names: &[Names]) -> Option<Retold> {
    let mut writer = Writer::new(room, Kept).becoming(rules);
    let mut room_id: Option<String> = None;
    for ix in room.events().filter(|ix| !room.is_foreign(*ix)) {
        let mut members = members(room.event(ix));
        for gone in room.rules().reference_members() {
            if !rules.reference_members().contains(gone) {
                members.remove(*gone);
            }
        }
        members.insert("signatures".into(), "{}".to_owned());
        if room.create_event() == Some(ix) {
            set_version(&mut members, rules);
        } else if let (true, Some(room_id)) = (members.contains_key("room_id"), &room_id) {
            members.insert("room_id".into(), json::quote(room_id));
        }
        let named = names[ix.index()].iter().map(|link| match link {
            Link::Event(named) => writer.id(room.id(*named)),
            Link::Missing(missing) => room.missing_id(*missing).to_owned(),
        });
        let named: Vec<String> = named.map(|id| json::quote(&id)).collect();
        let list = if rules.has_state_dag() { "prev_state_events" } else { "auth_events" };
        members.insert(list.into(), format!("[{}]", named.join(",")));
        writer.write(ix, members, Recorded::default());
        if room.create_event() == Some(ix) {
            let id = writer.id(room.id(ix));
            room_id = Some(format!("!{}", id.strip_prefix('$').unwrap_or(&id)));
        }
    }
    let rewritten = writer.without_assertions().finish(room_id.map(Into::into)).ok()?;
    let super::Rewritten { room, events, outcome } = rewritten;
    Some(Retold { room, events, outcome, rounds: 0, unsettled: None })
}

/// Makes the create event one of another room version.
fn set_version(members: &mut Members, rules: &Rules) {
    let Some(content) = members.get_mut("content") else { return };
    if let Ok(mut keys) = json::members(content) {
        let version = json::quote(rules.id);
        keys.insert("room_version".into(), &version);
        *content = json::object(&keys);
    }
}
