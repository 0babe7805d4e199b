//! State resolution v2 and v2.1 a second time, as the text tells it: whole chains, plain sets, no cleverness.
//!
//! Authorization itself is Hindsight's; what is checked here is everything around it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use hindsight::auth::{Level, Profile, Subject, Switches, check_dependent, selection, sender_level};
use hindsight::event::Kind;
use hindsight::resolve::Algorithm;
use hindsight::room::{EventIx, EventSet, KeyIx, Room};
use hindsight::state::StateMap;
use serde_json::Value;
use serde_json::value::RawValue;

type Events = BTreeSet<EventIx>;
type State = BTreeMap<KeyIx, EventIx>;

pub(crate) struct Oracle<'a> {
    pub(crate) room: &'a Room,
    pub(crate) algorithm: Algorithm,
    pub(crate) profile: Profile,
    pub(crate) rejected: &'a EventSet,
}

/// The sets taken apart.
pub(crate) struct Apart {
    pub(crate) unconflicted: State,
    pub(crate) conflicted: Events,
    pub(crate) difference: Events,
    pub(crate) full: Events,
}

impl Oracle<'_> {
    fn switches(&self) -> &'static Switches {
        self.profile.switches()
    }

    fn parents(&self, ix: EventIx) -> Vec<EventIx> {
        let mut parents = self.room.auth_events(ix).to_vec();
        let implied = self.switches().create_in_auth_chains && self.room.rules().room_id_is_create_id;
        parents.extend(self.room.create_event().filter(|create| implied && *create < ix));
        parents
    }

    /// The strict auth chain of some events together.
    fn chain(&self, from: impl IntoIterator<Item = EventIx>) -> Events {
        let mut chain = Events::new();
        let mut stack: Vec<EventIx> = from.into_iter().collect();
        while let Some(ix) = stack.pop() {
            stack.extend(self.parents(ix).into_iter().filter(|parent| chain.insert(*parent)));
        }
        chain
    }

    pub(crate) fn take_apart(&self, sets: &[StateMap]) -> Apart {
        let maps: Vec<State> = sets.iter().map(|set| set.iter().collect()).collect();
        let keys: BTreeSet<KeyIx> = maps.iter().flat_map(|map| map.keys().copied()).collect();
        let mut unconflicted = State::new();
        let mut conflicted = Events::new();
        for key in keys {
            let values: BTreeSet<Option<EventIx>> = maps.iter().map(|map| map.get(&key).copied()).collect();
            match values.iter().collect::<Vec<_>>()[..] {
                [Some(event)] => {
                    unconflicted.insert(key, *event);
                }
                _ => conflicted.extend(values.into_iter().flatten()),
            }
        }
        let chains: Vec<Events> = maps
            .iter()
            .map(|map| {
                let mut chain = self.chain(map.values().copied());
                if self.switches().chains_include_state {
                    chain.extend(map.values());
                }
                chain
            })
            .collect();
        let union: Events = chains.iter().flatten().copied().collect();
        let difference: Events =
            union.into_iter().filter(|ix| !chains.iter().all(|chain| chain.contains(ix))).collect();
        let mut full: Events = conflicted.union(&difference).copied().collect();
        if self.algorithm == Algorithm::V2_1 {
            let below: Events = conflicted.union(&self.chain(conflicted.iter().copied())).copied().collect();
            let above = |ix: &EventIx| conflicted.contains(ix) || !self.chain([*ix]).is_disjoint(&conflicted);
            full.extend(below.into_iter().filter(above));
        }
        Apart { unconflicted, conflicted, difference, full }
    }

    pub(crate) fn resolve(&self, sets: &[StateMap]) -> State {
        let Apart { unconflicted, conflicted, full, .. } = self.take_apart(sets);
        if conflicted.is_empty() {
            return unconflicted;
        }
        let power = self.power_events(&full);
        let rest: Vec<EventIx> = full.difference(&power).copied().collect();
        let start = if self.algorithm == Algorithm::V2_1 { State::new() } else { unconflicted.clone() };
        let partial = self.replay(start, &self.power_order(&power));
        let mainline = self.mainline(partial.get(&self.room.well_known().power_levels).copied());
        let mut result = self.replay(partial, &self.mainline_order(rest, &mainline));
        result.extend(unconflicted);
        result
    }

    fn is_power_event(&self, ix: EventIx) -> bool {
        let event = self.room.event(ix);
        let Some(key) = event.state_key() else { return false };
        let counts = key.is_empty() || !self.switches().power_events_have_empty_key;
        match event.event_type() {
            "m.room.power_levels" | "m.room.join_rules" => counts,
            "m.room.create" => key.is_empty() && self.switches().create_is_power_event,
            "m.room.member" => {
                // Raw values, for somewhere else there may be numbers that fit nowhere.
                let object =
                    |json: &str| -> BTreeMap<String, Box<RawValue>> { serde_json::from_str(json).unwrap() };
                let content = object(object(event.json())["content"].get());
                let membership = content.get("membership").map(|json| serde_json::from_str(json.get()));
                let removes = ["leave", "ban"].iter().any(|word| {
                    membership.as_ref().is_some_and(|m| m.as_ref().is_ok_and(|m: &Value| m == word))
                });
                removes && key != event.sender()
            }
            _ => false,
        }
    }

    fn power_events(&self, full: &Events) -> Events {
        let mut power: Events = full.iter().copied().filter(|ix| self.is_power_event(*ix)).collect();
        if !self.switches().enlarge_within_full_set {
            let chain = self.chain(power.iter().copied());
            power.extend(chain.intersection(full));
            return power;
        }
        let mut stack: Vec<EventIx> = power.iter().copied().collect();
        while let Some(ix) = stack.pop() {
            let inside = self.parents(ix).into_iter().filter(|parent| full.contains(parent));
            stack.extend(inside.filter(|parent| power.insert(*parent)));
        }
        power
    }

    fn sender_level(&self, ix: EventIx) -> Level {
        let named = |kind: Kind| {
            let auth = self.room.auth_events(ix).iter().rev().copied();
            auth.into_iter().find(|auth| self.room.event(*auth).is_state_of(kind))
        };
        let create = if self.room.rules().room_id_is_create_id {
            self.room.create_by_room_id(ix)
        } else {
            named(Kind::Create)
        };
        let fallback =
            self.room.create_event().filter(|create| self.profile == Profile::Spec && *create != ix);
        sender_level(self.room, self.profile, ix, named(Kind::PowerLevels), create.or(fallback))
            .map_or(Level::Finite(0), |(level, _)| level)
    }

    /// Again and again the least of those that wait for nothing.
    fn power_order(&self, power: &Events) -> Vec<EventIx> {
        let before: BTreeMap<EventIx, Events> = power
            .iter()
            .map(|ix| {
                let below = if self.switches().order_by_direct_edges {
                    self.parents(*ix).into_iter().collect()
                } else {
                    self.chain([*ix])
                };
                (*ix, below.intersection(power).copied().collect())
            })
            .collect();
        let key = |ix: &EventIx| {
            let event = self.room.event(*ix);
            (Reverse(self.sender_level(*ix)), event.origin_server_ts(), event.id().to_owned())
        };
        let mut left: Vec<(_, EventIx)> = power.iter().map(|ix| (key(ix), *ix)).collect();
        left.sort();
        let mut order = Vec::new();
        while !left.is_empty() {
            let done: Events = order.iter().copied().collect();
            let ready = left.iter().position(|(_, ix)| before[ix].is_subset(&done)).unwrap();
            order.push(left.remove(ready).1);
        }
        order
    }

    fn cited_levels(&self, ix: EventIx) -> Option<EventIx> {
        let mut auth = self.room.auth_events(ix).iter().copied();
        auth.find(|auth| self.room.event(*auth).is_state_of(Kind::PowerLevels))
    }

    fn mainline(&self, levels: Option<EventIx>) -> Vec<EventIx> {
        std::iter::successors(levels, |ix| self.cited_levels(*ix)).collect()
    }

    fn mainline_order(&self, mut events: Vec<EventIx>, mainline: &[EventIx]) -> Vec<EventIx> {
        let position = |ix: EventIx| {
            std::iter::successors(self.cited_levels(ix), |ix| self.cited_levels(*ix))
                .find_map(|levels| mainline.iter().position(|on| *on == levels))
                .unwrap_or(usize::MAX)
        };
        events.sort_by_cached_key(|ix| {
            let event = self.room.event(*ix);
            (Reverse(position(*ix)), event.origin_server_ts(), event.id().to_owned())
        });
        events
    }

    fn replay(&self, mut state: State, events: &[EventIx]) -> State {
        let is_rejected = |ix: &EventIx| self.rejected.contains(*ix);
        for ix in events {
            let Some(key) = self.room.key_of(*ix) else { continue };
            if self.switches().rejected_stay_out && is_rejected(ix) {
                continue;
            }
            let Ok(selected) = selection(self.room, *ix, self.profile) else { continue };
            let mut auth: State = self
                .room
                .auth_events(*ix)
                .iter()
                .filter(|auth| !is_rejected(auth))
                .filter_map(|auth| Some((self.room.key_of(*auth)?, *auth)))
                .collect();
            if self.room.rules().room_id_is_create_id
                && let Some(create) = self.room.create_by_room_id(*ix)
            {
                auth.insert(self.room.well_known().create, create);
            }
            for key in selected.as_slice() {
                if let Some(event) = state.get(key).filter(|event| !is_rejected(event)) {
                    auth.insert(*key, *event);
                }
            }
            let subject = Subject { room: self.room, event: *ix, profile: self.profile };
            if check_dependent(subject, |key| auth.get(&key).copied(), ()).is_ok() {
                state.insert(key, *ix);
            }
        }
        state
    }
}
