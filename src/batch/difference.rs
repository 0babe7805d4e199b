//! Where two replays of a room differ.

use crate::replay::compare::{Keys, StatePair, Walk, differing_keys};
use crate::replay::{Current, Replay};
use crate::resolve::Failure;
use crate::room::{EventIx, Room};
use crate::state::StateMap;

/// How two replays of one room differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// The number of events that have another verdict, or another state before or after them.
    pub events: usize,
    /// Whether they end in another current state.
    pub current: bool,
    /// The first event in topological order, or else the current state.
    pub first: Option<Difference>,
}

/// A place in which two replays differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The event; `None` if it is about the current state.
    pub event_id: Option<Box<str>>,
    /// What differs: "failure", "verdict", "state before", "state after" or "current state"; of a state also at which
    /// key first.
    pub what: String,
    /// What it is in the first replay.
    pub one: String,
    /// What it is in the second.
    pub other: String,
}

impl Differences {
    /// Compares two replays of the same room. The cost is that of their differences and of the changes from event to
    /// event, not of the states.
    pub fn between(one: &Replay<'_>, other: &Replay<'_>) -> Self {
        let mut differences = Self::default();
        Walk::new(one.room()).advance((one, other), usize::MAX, |ix, before, after| {
            differences.events += 1;
            if differences.first.is_none() {
                differences.first = difference(one.room(), ix, (one, other), (before, after));
            }
        });
        differences.add_current(one, other);
        differences
    }

    /// The number of places: events, and the current state.
    pub fn places(&self) -> usize {
        self.events + usize::from(self.current)
    }

    fn add_current(&mut self, one: &Replay<'_>, other: &Replay<'_>) {
        let (one, other, room) = (one.current(), other.current(), one.room());
        let first = if one.failure.is_some() != other.failure.is_some() {
            let told = |current: &Current| message(current.failure.as_ref());
            let what = "failure of the current state".to_owned();
            Some(Difference { event_id: None, what, one: told(one), other: told(other) })
        } else {
            let pair = (one.state.as_ref(), other.state.as_ref());
            of_states(room, "current state", &differing_keys(pair, None), pair)
        };
        if let Some(first) = first {
            self.current = true;
            self.first.get_or_insert(first);
        }
    }
}

fn difference(
    room: &Room,
    ix: EventIx,
    (one, other): (&Replay<'_>, &Replay<'_>),
    (before, after): (&Keys, &Keys),
) -> Option<Difference> {
    let found = if one.failure(ix).is_some() != other.failure(ix).is_some() {
        let told = |replay: &Replay<'_>| message(replay.failure(ix));
        Some(Difference { event_id: None, what: "failure".to_owned(), one: told(one), other: told(other) })
    } else {
        of_states(room, "state before", before, (one.before(ix), other.before(ix)))
            .or_else(|| of_verdicts(ix, one, other))
            .or_else(|| of_states(room, "state after", after, (one.after(ix), other.after(ix))))
    };
    found.map(|difference| Difference { event_id: Some(room.id(ix).into()), ..difference })
}

fn of_states(room: &Room, what: &str, keys: &Keys, (one, other): StatePair<'_>) -> Option<Difference> {
    let Some(keys) = keys else {
        let (one, other) = (known(one), known(other));
        return Some(Difference { event_id: None, what: what.to_owned(), one, other });
    };
    let key = *keys.first()?;
    let (event_type, state_key) = room.key(key);
    let held = |state: &StateMap| state.get(key).map_or("nothing", |ix| room.id(ix)).to_owned();
    let what = format!("{what} at {event_type} {state_key:?}");
    Some(Difference { event_id: None, what, one: held(one?), other: held(other?) })
}

fn of_verdicts(ix: EventIx, one: &Replay<'_>, other: &Replay<'_>) -> Option<Difference> {
    if one.rejected().contains(ix) == other.rejected().contains(ix) {
        return None;
    }
    let told = |replay: &Replay<'_>| match replay.rejection(ix) {
        Some(rejection) => format!("rejected ({}: {})", rejection.check.as_str(), rejection.reason),
        None => "accepted".to_owned(),
    };
    Some(Difference { event_id: None, what: "verdict".to_owned(), one: told(one), other: told(other) })
}

fn message(failure: Option<&Failure>) -> String {
    failure.map_or_else(|| "a state".to_owned(), |failure| failure.message.clone())
}

fn known(state: Option<&StateMap>) -> String {
    if state.is_some() { "known" } else { "unknown" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Profile;
    use crate::event::room_version::Rules;
    use crate::generate::{Mode, Plan, generate};

    /// Event by event, state by state.
    fn plainly(one: &Replay<'_>, other: &Replay<'_>) -> Vec<EventIx> {
        let differs = |ix: &EventIx| {
            one.before(*ix) != other.before(*ix)
                || one.after(*ix) != other.after(*ix)
                || one.rejected().contains(*ix) != other.rejected().contains(*ix)
                || one.failure(*ix).is_some() != other.failure(*ix).is_some()
        };
        one.room().events().filter(differs).collect()
    }

    #[test]
    fn the_differences_are_those_of_a_plain_comparison() {
        let (mut rooms, mut events) = (0, 0);
        for seed in 0..240 {
            let rules = &Rules::ALL[seed as usize % 14];
            let room = generate(&Plan::new(seed, Mode::ALL[seed as usize % 4], rules)).room();
            let one = Replay::new(&room, None, Profile::Spec);
            for profile in [Profile::Spec, Profile::Synapse, Profile::Ruma] {
                let other = Replay::new(&room, None, profile);
                let (told, plain) = (Differences::between(&one, &other), plainly(&one, &other));
                assert_eq!(told.events, plain.len(), "seed {seed}, {profile}");
                let states = (&one.current().state, &other.current().state);
                assert_eq!(told.current, states.0 != states.1, "seed {seed}, {profile}");
                let first = told.first.and_then(|first| first.event_id);
                assert_eq!(first.as_deref(), plain.first().map(|ix| room.id(*ix)), "seed {seed}, {profile}");
                rooms += usize::from(!plain.is_empty());
                events += plain.len();
            }
        }
        assert!(rooms > 10 && events > 50, "{rooms} rooms and {events} events show nothing");
    }

    #[test]
    fn a_difference_tells_the_key_and_both_values() {
        let scenario = include_bytes!("../../fixtures/own-chain-linear/scenario.json5");
        let room = crate::dump::load(scenario, &crate::dump::Options::default()).unwrap().room;
        let [spec, synapse] =
            [Profile::Spec, Profile::Synapse].map(|profile| Replay::new(&room, None, profile));
        let differences = Differences::between(&spec, &synapse);
        let first = differences.first.unwrap();
        assert_eq!((differences.events, &*first.what), (1, "state before at m.room.join_rules \"\""));
        assert!(differences.current && first.event_id.is_some());
        assert!(first.one.starts_with('$') && first.other.starts_with('$') && first.one != first.other);
    }
}
