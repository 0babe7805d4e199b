//! Going through the merges of a room.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::branches::{Outcome, heads_without, outcome};
use super::but_for::{Trial, but_for};
use super::cause::{Tracer, verdict};
use super::loss::{Branch, Cause, Code, Loss, LostTip, Search, Verdict};
use super::past::Pasts;
use super::recording::{Recorder, Recording};
use super::severity::{Severity, membership, severity};
use super::stale::{ByKey, stale_inputs};
use crate::auth::Profile;
use crate::event::Kind;
use crate::event::content::Membership;
use crate::replay::{Footing, Place, Replay};
use crate::resolve::Resolver;
use crate::room::{EventIx, EventSet, KeyIx, Link};
use crate::state::{Conflict, StateMap, Values, conflicts};

/// What was lost in a room.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diagnosis {
    /// All losses, resets and others, in the order of the merges, the current state last.
    pub losses: Vec<Loss>,
    /// The number of resolutions looked at.
    pub merges: usize,
    /// The number of keys in conflict there, over all of them.
    pub conflicts: usize,
    /// The number of resolutions that were recorded, because some key did not simply move forward.
    pub recorded: usize,
}

impl Diagnosis {
    /// The losses of a verdict by their places, the worst first.
    pub fn of(&self, verdict: Verdict) -> Vec<usize> {
        let mut places: Vec<usize> =
            (0..self.losses.len()).filter(|place| self.losses[*place].verdict == verdict).collect();
        places.sort_by_key(|place| {
            let loss = &self.losses[*place];
            (std::cmp::Reverse(loss.severity), loss.at, loss.key)
        });
        places
    }

    /// The resets, the worst first.
    pub fn resets(&self) -> impl ExactSizeIterator<Item = &Loss> {
        self.of(Verdict::Reset).into_iter().map(|place| &self.losses[place])
    }

    /// The merges that leave a reset behind (without the current state, which is no event).
    pub fn reset_merges(&self) -> EventSet {
        self.losses
            .iter()
            .filter(|loss| loss.verdict == Verdict::Reset && !loss.arrival)
            .filter_map(|loss| loss.at.event())
            .collect()
    }
}

/// Looks for what was lost at every merge of a room, and in its current state.
///
/// Cost: a comparison of states for every merge, and for each where a key did not simply move forward a recorded
/// resolution and searches in the pasts of the events concerned.
pub fn diagnose(replay: &Replay<'_>) -> Diagnosis {
    let mut diagnosing = Diagnosing::new(replay);
    diagnosing.advance(usize::MAX);
    diagnosing.finish()
}

/// As [`diagnose`], at one place only.
pub fn diagnose_at(replay: &Replay<'_>, at: Place) -> Diagnosis {
    let mut diagnosing = Diagnosing::new(replay);
    match at {
        Place::Event(ix) if replay.resolved(ix) => diagnosing.at_merge(ix),
        Place::Event(_) => {}
        Place::Now => diagnosing.at_now(),
    }
    diagnosing.diagnosis
}

/// A diagnosis that is under way: for those who must not be away for long.
pub struct Diagnosing<'t, 'a> {
    replay: &'t Replay<'a>,
    pasts: Pasts<'a>,
    by_key: ByKey,
    resolver: Resolver<'t>,
    spec: Resolver<'t>,
    next: usize,
    diagnosis: Diagnosis,
    /// Looks at every change of the current state too.
    every_change: bool,
    /// What was lost to what, and where first.
    seen: HashMap<(KeyIx, Vec<EventIx>, Option<EventIx>), usize>,
}

/// One resolution that is looked at.
struct Merge {
    at: Place,
    arrival: bool,
    branches: Arc<[Branch]>,
    inputs: Vec<StateMap>,
    rejected: EventSet,
    state: StateMap,
}

impl Merge {
    fn heads(&self) -> Vec<Link> {
        self.branches.iter().map(|branch| branch.head).collect()
    }
}

/// What became of a conflicted key.
struct Lost {
    conflict: Conflict,
    outcome: Outcome,
}

/// What a merge would have been without some events.
struct Removal {
    sets: Vec<StateMap>,
    conflicts: HashMap<KeyIx, Values>,
    state: StateMap,
}

type Removals = HashMap<Vec<EventIx>, Option<Rc<Removal>>>;

/// With more forward extremities than this no change of the current state is looked at: each costs all of them.
const MOST_EXTREMITIES: usize = 64;

/// Of a key that lost more values than this, the newest are looked at.
const MOST_TIPS: usize = 64;

impl<'t, 'a> Diagnosing<'t, 'a> {
    /// Begins at the first event.
    pub fn new(replay: &'t Replay<'a>) -> Self {
        let room = replay.room();
        Self {
            replay,
            pasts: Pasts::new(room),
            by_key: ByKey::default(),
            resolver: replay.resolver(),
            spec: replay.resolver_by(replay.algorithm(), Profile::Spec),
            next: 0,
            diagnosis: Diagnosis::default(),
            every_change: false,
            seen: HashMap::new(),
        }
    }

    /// Looks at every change of the current state too, as if the events had arrived in topological order; at the end. Of what
    /// is lost there only that is kept which no merge has lost. Cost: a resolution for every state event that arrives while
    /// there are several forward extremities; where there are more than 64 at once, nothing is looked at.
    #[must_use]
    pub fn with_every_change(self) -> Self {
        Self { every_change: true, ..self }
    }

    /// How many events have been looked at.
    pub fn done(&self) -> usize {
        self.next
    }

    /// Looks at up to so many more events. Returns whether those were all.
    pub fn advance(&mut self, events: usize) -> bool {
        let replay = self.replay;
        let room = replay.room();
        let end = self.next.saturating_add(events).min(room.len());
        for ix in (self.next..end).map(EventIx::new).filter(|ix| replay.resolved(*ix)) {
            self.at_merge(ix);
        }
        self.next = end;
        end == room.len()
    }

    /// The diagnosis; what is left of it is done now.
    pub fn finish(mut self) -> Diagnosis {
        self.advance(usize::MAX);
        self.at_now();
        if self.every_change {
            self.at_arrivals();
        }
        self.diagnosis
    }

    /// The current state each time that an event arrives and changes it.
    fn at_arrivals(&mut self) {
        let replay = self.replay;
        let room = replay.room();
        let mut extremities: BTreeSet<EventIx> = BTreeSet::new();
        for ix in room.events() {
            if !replay.may_be_extremity(ix) {
                continue;
            }
            let covered = room.state_parents(ix).iter().filter(|parent| extremities.remove(*parent)).count();
            extremities.insert(ix);
            // A message after a single extremity changes nothing.
            if (2..=MOST_EXTREMITIES).contains(&extremities.len())
                && (room.key_of(ix).is_some() || covered != 1)
            {
                self.at_arrival(ix, &extremities);
            }
        }
    }

    fn at_arrival(&mut self, ix: EventIx, extremities: &BTreeSet<EventIx>) {
        let heads: Vec<Link> = extremities.iter().copied().map(Link::Event).collect();
        let inputs: Option<Vec<StateMap>> = heads.iter().map(|head| self.replay.after_link(*head)).collect();
        let Some(inputs) = inputs else { return };
        let state = self.resolver.resolve(&inputs, &self.replay.rejected_before(ix), &mut ()).state;
        self.examine((Place::Event(ix), true), &heads, inputs, &state);
    }

    fn at_merge(&mut self, ix: EventIx) {
        let replay = self.replay;
        let (Some(inputs), Some(state)) = (replay.inputs(ix), replay.before(ix)) else { return };
        let heads: Vec<Link> = replay.room().state_links(ix).collect();
        self.examine((Place::Event(ix), false), &heads, inputs, state);
    }

    fn at_now(&mut self) {
        let current = self.replay.current();
        let (Some(state), true) = (&current.state, current.resolved) else { return };
        let heads: Vec<Link> = current.extremities.iter().copied().map(Link::Event).collect();
        let inputs: Option<Vec<StateMap>> = heads.iter().map(|head| self.replay.after_link(*head)).collect();
        if let Some(inputs) = inputs {
            self.examine((Place::Now, false), &heads, inputs, state);
        }
    }

    /// The cheap look: most merges lose nothing.
    fn examine(
        &mut self,
        (at, arrival): (Place, bool),
        heads: &[Link],
        inputs: Vec<StateMap>,
        state: &StateMap,
    ) {
        let conflicts = conflicts(&inputs);
        self.diagnosis.merges += 1;
        self.diagnosis.conflicts += conflicts.len();
        let conflicted: HashSet<KeyIx> = conflicts.iter().map(|conflict| conflict.key).collect();
        let mut lost = Vec::new();
        for conflict in conflicts {
            if let Some(outcome) = outcome(&mut self.pasts, &conflict.values, state.get(conflict.key)) {
                lost.push(Lost { conflict, outcome });
            }
        }
        if lost.is_empty() {
            return;
        }
        let footing = |head: &Link| match head {
            Link::Event(ix) => self.replay.footing(*ix),
            Link::Missing(_) => Footing::Asserted,
        };
        let branches = heads.iter().map(|head| Branch { head: *head, footing: footing(head) }).collect();
        let rejected = match at {
            Place::Event(ix) => self.replay.rejected_before(ix),
            Place::Now => self.replay.rejected().clone(),
        };
        self.diagnosis.recorded += 1;
        self.look_closely(
            &Merge { at, arrival, branches, inputs, rejected, state: state.clone() },
            &conflicted,
            lost,
        );
    }

    fn record(&mut self, sets: &[StateMap], rejected: &EventSet) -> (Recording, StateMap, Profile) {
        let mut recorder = Recorder::default();
        let resolution = self.resolver.resolve(sets, rejected, &mut recorder);
        if resolution.failure.is_none_or(|failure| failure.by_chance) {
            return (Recording::new(recorder), resolution.state, self.replay.profile());
        }
        // Where the implementation behind the profile fails, the state is that of the specification.
        let mut recorder = Recorder::default();
        let resolution = self.spec.resolve(sets, rejected, &mut recorder);
        (Recording::new(recorder), resolution.state, Profile::Spec)
    }

    fn look_closely(&mut self, merge: &Merge, conflicted: &HashSet<KeyIx>, lost: Vec<Lost>) {
        let (recording, _, profile) = self.record(&merge.inputs, &merge.rejected);
        let mut traced: Vec<(Lost, Vec<LostTip>)> = Vec::with_capacity(lost.len());
        let there = (conflicted, &merge.rejected);
        let mut tracer = Tracer::new(self.replay, profile, &mut self.pasts, &recording, there);
        for lost in lost {
            let after = merge.state.get(lost.conflict.key);
            let mut tips = Vec::with_capacity(lost.outcome.lost.len());
            for event in lost.outcome.lost.iter().take(MOST_TIPS) {
                let chain = tracer.chain(*event, after);
                let mut verdict = verdict(&chain);
                if lost.outcome.uncertain {
                    verdict = verdict.min(Verdict::Undecided);
                }
                tips.push(LostTip { event: *event, chain, verdict, but_for: None });
            }
            traced.push((lost, tips));
        }
        self.place(&recording, &mut traced);
        self.try_out(merge, conflicted, &mut traced);
        let search = self.search(&recording);
        for (lost, tips) in traced {
            self.conclude(merge, lost, tips, &search);
        }
    }

    /// Where in the replay everything was that the chains speak of.
    fn place(&self, recording: &Recording, traced: &mut [(Lost, Vec<LostTip>)]) {
        let causes = |tips: &[LostTip]| -> Vec<EventIx> {
            tips.iter().flat_map(|tip| tip.chain.iter().map(|cause| cause.event)).collect()
        };
        let events: HashSet<EventIx> = traced.iter().flat_map(|(_, tips)| causes(tips)).collect();
        let placements = recording.placements(self.replay.room(), &events);
        for cause in traced.iter_mut().flat_map(|(_, tips)| tips).flat_map(|tip: &mut LostTip| &mut tip.chain)
        {
            cause.placement = placements.get(&cause.event).cloned();
        }
    }

    /// Tries out whether what was revoked survives without its revocation.
    fn try_out(&mut self, merge: &Merge, conflicted: &HashSet<KeyIx>, traced: &mut [(Lost, Vec<LostTip>)]) {
        let mut removals: Removals = HashMap::new();
        for (lost, tips) in traced {
            for tip in tips {
                let leaf = tip.leaf();
                let revocation = leaf.by.filter(|_| matches!(leaf.code, Code::Revoked | Code::SelfRevoked));
                let Some(first) = revocation.filter(|_| tip.verdict.is_tried()) else { continue };
                let (key, event) = (lost.conflict.key, tip.event);
                tip.but_for = but_for(first, |removed| {
                    let removal = self.without(merge, removed, &mut removals)?;
                    Some(self.trial(merge, conflicted, (key, event), &removal))
                });
            }
        }
    }

    /// The states that would have been merged without some events, and what they resolve to.
    fn without(
        &mut self,
        merge: &Merge,
        removed: &[EventIx],
        removals: &mut Removals,
    ) -> Option<Rc<Removal>> {
        if let Some(known) = removals.get(removed) {
            return known.clone();
        }
        let room = self.replay.room();
        let heads = heads_without(room, &mut self.pasts, &merge.heads(), removed);
        let sets: Option<Vec<StateMap>> = heads.iter().map(|head| self.replay.after_link(*head)).collect();
        let answer = sets.filter(|sets| !sets.is_empty()).map(|sets| {
            let state = self.resolver.resolve(&sets, &merge.rejected, &mut ()).state;
            let conflicts = conflicts(&sets).into_iter();
            let conflicts = conflicts.map(|conflict| (conflict.key, conflict.values)).collect();
            Rc::new(Removal { sets, conflicts, state })
        });
        removals.insert(removed.to_vec(), answer.clone());
        answer
    }

    fn trial(
        &mut self,
        merge: &Merge,
        conflicted: &HashSet<KeyIx>,
        (key, event): (KeyIx, EventIx),
        removal: &Removal,
    ) -> Trial {
        let after = removal.state.get(key);
        let is_lost = match removal.conflicts.get(&key) {
            // Without a conflict it survives if it is still there: if the branches that had it are.
            None => after != Some(event) && !after.is_some_and(|after| self.pasts.is_before(event, after)),
            Some(values) => outcome(&mut self.pasts, values, after).is_some(),
        };
        if !is_lost {
            return Trial { survives: true, after, next: None };
        }
        let (recording, _, profile) = self.record(&removal.sets, &merge.rejected);
        let there = (conflicted, &merge.rejected);
        let mut tracer = Tracer::new(self.replay, profile, &mut self.pasts, &recording, there);
        let chain = tracer.chain(event, after);
        let leaf = chain.last().filter(|leaf| matches!(leaf.code, Code::Revoked | Code::SelfRevoked));
        Trial { survives: false, after, next: leaf.and_then(|leaf| leaf.by) }
    }

    /// What was replayed that could have taken something back.
    fn search(&self, recording: &Recording) -> Search {
        let room = self.replay.room();
        let can_revoke = |ix: &EventIx| match room.event(*ix).kind() {
            Kind::PowerLevels | Kind::JoinRules | Kind::ThirdPartyInvite => true,
            Kind::Member => matches!(membership(room, *ix), Some(Membership::Leave | Membership::Ban)),
            _ => false,
        };
        let passed = recording.replayed().filter(can_revoke).filter(|ix| recording.passed(*ix));
        let mut candidates: Vec<EventIx> = passed.collect();
        candidates.sort_unstable();
        Search { searched: recording.replayed().len(), candidates: candidates.into() }
    }

    fn conclude(&mut self, merge: &Merge, lost: Lost, tips: Vec<LostTip>, search: &Search) {
        let Lost { conflict: Conflict { key, values }, outcome } = lost;
        let events: Vec<EventIx> = tips.iter().map(|tip| tip.event).collect();
        if merge.arrival && self.seen.contains_key(&(key, events.clone(), merge.state.get(key))) {
            return;
        }
        let after = merge.state.get(key);
        let worst = tips.iter().map(|tip| tip.verdict).max().unwrap_or(Verdict::Legitimate);
        let keys: BTreeSet<KeyIx> = std::iter::once(key)
            .chain(tips.iter().flat_map(|tip| &tip.chain).flat_map(keys_of).filter(|key| {
                // What all states agree on is stale nowhere, or everywhere.
                merge.inputs.iter().any(|state| state.get(*key) != merge.inputs[0].get(*key))
            }))
            .collect();
        let branches = (&*merge.branches, &*merge.inputs);
        let stale = match worst {
            Verdict::Legitimate => Vec::new(),
            _ => stale_inputs(self.replay, &mut self.pasts, &mut self.by_key, branches, &keys),
        };
        let severity = self.severity(merge, key, &events);
        let place = self.diagnosis.losses.len();
        let first = *self.seen.entry((key, events, after)).or_insert(place);
        self.diagnosis.losses.push(Loss {
            at: merge.at,
            arrival: merge.arrival,
            key,
            branches: merge.branches.clone(),
            values,
            tips: outcome.tips,
            after,
            class: outcome.class,
            lost: tips,
            verdict: worst,
            severity,
            stale,
            search: search.clone(),
            repeats: Some(first).filter(|first| *first != place),
        });
    }

    fn severity(&self, merge: &Merge, key: KeyIx, lost: &[EventIx]) -> Severity {
        let (room, profile) = (self.replay.room(), self.replay.profile());
        severity(room, profile, key, lost, merge.state.get(key), &merge.state)
    }
}

fn keys_of(cause: &Cause) -> impl Iterator<Item = KeyIx> + '_ {
    cause.deciding.iter().map(|deciding| deciding.key)
}

/// How often each cause led to which verdict.
impl Diagnosis {
    /// The number of losses by cause, each with its verdict.
    pub fn by_cause(&self) -> BTreeMap<(Verdict, Code), usize> {
        let mut counts = BTreeMap::new();
        for loss in &self.losses {
            *counts.entry((loss.verdict, loss.cause().code)).or_default() += 1;
        }
        counts
    }
}
