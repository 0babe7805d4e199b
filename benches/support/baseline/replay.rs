//! The replay of a whole room.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ruma::EventId;
use ruma::events::StateEventType;
use ruma::room_version_rules::StateResolutionV2Rules;
use ruma::state_res::{self, check_state_dependent_auth_rules, check_state_independent_auth_rules};

use super::chain::Marks;
use super::load::Baseline;
use super::pdu::Pdu;
use super::state::{State, get, hash};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What a replay came to.
#[derive(Debug)]
pub(crate) struct Outcome<'a> {
    /// The rejected events, in the order of the dump.
    pub(crate) rejected: Vec<&'a EventId>,
    /// How long every resolution that had conflicts took, that of the extremities among them.
    pub(crate) resolutions: Vec<Duration>,
    /// The state of the room now.
    pub(crate) current: Arc<State<'a>>,
}

impl Outcome<'_> {
    /// The hash of the current state, in Hindsight's form.
    pub(crate) fn state_hash(&self) -> String {
        hash(&self.current)
    }
}

/// A replay under way.
struct Replay<'r, 'a> {
    room: &'r Baseline<'a>,
    marks: Marks,
    /// The state after every event that still has children to come, or has no accepted child.
    after: Vec<Option<Arc<State<'a>>>>,
    /// The number of children to come.
    waiting: Vec<u32>,
    has_accepted_child: Vec<bool>,
    resolutions: Vec<Duration>,
}

impl<'a> Baseline<'a> {
    /// Replays the room.
    ///
    /// # Errors
    /// Where ruma fails to resolve.
    pub(crate) fn replay(&self) -> Result<Outcome<'a>> {
        let mut waiting = vec![0; self.len()];
        for parent in self.pdus.iter().flat_map(|pdu| &pdu.prev) {
            waiting[parent.ix as usize] += 1;
        }
        let mut replay = Replay {
            room: self,
            marks: Marks::default(),
            after: vec![None; self.len()],
            waiting,
            has_accepted_child: vec![false; self.len()],
            resolutions: Vec::new(),
        };
        for pdu in &self.pdus {
            replay.take(pdu)?;
        }
        let accepted = self.pdus.iter().filter(|pdu| !pdu.rejected.get()).map(|pdu| pdu.id.ix as usize);
        let extremities = accepted.filter(|ix| !replay.has_accepted_child[*ix]);
        let states = extremities.filter_map(|ix| replay.after[ix].clone()).collect();
        let current = replay.resolve(states)?;
        let rejected = self.pdus.iter().filter(|pdu| pdu.rejected.get()).map(|pdu| pdu.id.id).collect();
        Ok(Outcome { rejected, resolutions: replay.resolutions, current })
    }

    /// Resolves different states; equal ones are found to be equal.
    ///
    /// # Errors
    /// Where ruma fails.
    pub(crate) fn resolve(&self, states: &[Arc<State<'a>>], marks: &mut Marks) -> Result<Arc<State<'a>>> {
        let maps: Vec<&State<'a>> = states.iter().map(|state| &**state).collect();
        let Some(remainders) = marks.remainders(self, &maps) else { return Ok(states[0].clone()) };
        let marks = RefCell::new(marks);
        let state = state_res::resolve(
            &self.rules.authorization,
            self.rules.state_res.v2_rules().unwrap_or(&StateResolutionV2Rules::V2_0),
            maps,
            remainders,
            |id| self.fetch(id),
            |conflicted| {
                let conflicted: Vec<_> = conflicted.values().flatten().copied().collect();
                Some(marks.borrow_mut().subgraph(self, &conflicted))
            },
        )?;
        Ok(Arc::new(state))
    }

    fn is_allowed(&self, pdu: &Pdu<'a>, before: &State<'a>) -> bool {
        let rules = &self.rules.authorization;
        let own = |kind: &StateEventType, key: &str| {
            if rules.room_create_event_id_as_room_id && *kind == StateEventType::RoomCreate && key.is_empty()
            {
                return self.pdus.first();
            }
            let mut auth = pdu.auth.iter().map(|id| self.pdu(id.ix));
            auth.find(|auth| auth.key.as_ref().is_some_and(|(theirs, of)| theirs == kind && of == key))
        };
        let before =
            |kind: &StateEventType, key: &str| get(before, kind, key).map(|found| self.pdu(found.ix));
        check_state_independent_auth_rules(rules, pdu, |id| self.fetch(id)).is_ok()
            && check_state_dependent_auth_rules(rules, pdu, own).is_ok()
            && check_state_dependent_auth_rules(rules, pdu, before).is_ok()
    }
}

impl<'a> Replay<'_, 'a> {
    fn take(&mut self, pdu: &Pdu<'a>) -> Result<()> {
        let states = pdu.prev.iter().filter_map(|parent| self.after[parent.ix as usize].clone()).collect();
        let mut state = self.resolve(states)?;
        let accepted = self.room.is_allowed(pdu, &state);
        pdu.rejected.set(!accepted);
        for parent in pdu.prev.iter().map(|parent| parent.ix as usize) {
            self.waiting[parent] -= 1;
            self.has_accepted_child[parent] |= accepted;
            if self.waiting[parent] == 0 && self.has_accepted_child[parent] {
                self.after[parent] = None;
            }
        }
        // If nobody else holds the state any more, this changes it in place.
        if let Some(key) = pdu.key.as_ref().filter(|_| accepted) {
            Arc::make_mut(&mut state).insert(key.clone(), pdu.id);
        }
        self.after[pdu.id.ix as usize] = Some(state);
        Ok(())
    }

    fn resolve(&mut self, mut states: Vec<Arc<State<'a>>>) -> Result<Arc<State<'a>>> {
        states.sort_unstable_by_key(Arc::as_ptr);
        states.dedup_by(|one, other| Arc::ptr_eq(one, other));
        match states.len() {
            0 => Ok(Arc::default()),
            1 => Ok(states.swap_remove(0)),
            _ => {
                let start = Instant::now();
                let state = self.room.resolve(&states, &mut self.marks)?;
                if !states.iter().any(|given| Arc::ptr_eq(given, &state)) {
                    self.resolutions.push(start.elapsed());
                }
                Ok(state)
            }
        }
    }
}
