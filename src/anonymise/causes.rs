//! Whether what was lost in a room is lost in the anonymised one too, for the same causes.

use std::collections::BTreeSet;

use crate::diagnose::resets::{Class, Code, Diagnosis, Loss, Verdict};
use crate::replay::Place;
use crate::room::EventIx;

/// What makes out a loss, in the events of the new room; `None` for an event that is not there.
type Signature = (Place, Vec<(Option<EventIx>, Vec<Code>)>, Option<Option<EventIx>>, Class, Verdict);

/// The places of losses that are in one diagnosis and not in the other, as events of the old room; [`Place::Now`] also stands
/// for those that only the new room has. `events` is the new event of every old one.
///
/// Compared are the place, the lost events with the codes of their chains, what came instead, class and verdict.
pub fn differing_losses(old: &Diagnosis, new: &Diagnosis, events: &[Option<EventIx>]) -> Vec<Place> {
    let translate = |ix: EventIx| events[ix.index()];
    let found: BTreeSet<Signature> = new.losses.iter().map(|loss| signature(loss, Some)).collect();
    let expected: BTreeSet<Signature> = old.losses.iter().map(|loss| signature(loss, translate)).collect();
    let missing = old.losses.iter().filter(|loss| !found.contains(&signature(loss, translate)));
    let mut places: Vec<Place> = missing.map(|loss| loss.at).collect();
    if found.difference(&expected).next().is_some() {
        places.push(Place::Now);
    }
    places.sort_unstable();
    places.dedup();
    places
}

fn signature(loss: &Loss, translate: impl Fn(EventIx) -> Option<EventIx>) -> Signature {
    let at = match loss.at {
        Place::Event(ix) => translate(ix).map_or(Place::Now, Place::Event),
        Place::Now => Place::Now,
    };
    let mut lost: Vec<_> = loss
        .lost
        .iter()
        .map(|tip| (translate(tip.event), tip.chain.iter().map(|cause| cause.code).collect()))
        .collect();
    lost.sort_unstable();
    (at, lost, loss.after.map(translate), loss.class, loss.verdict)
}
