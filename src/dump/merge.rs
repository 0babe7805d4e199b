//! Events that the input holds more than once.

use serde_json::{Map, Value};

use super::findings::Findings;
use super::intake::Raw;
use super::settle::{is_bomb, is_complete, reference_hash};
use crate::event::Event;
use crate::event::room_version::Rules;
use crate::report::{Code, Finding};
use crate::room::Recorded;

/// Keeps one of each, in the order of the input. Which one does not depend on that order.
pub(super) fn merge(settled: Vec<Raw>, rules: &'static Rules, findings: &mut Findings) -> Vec<Raw> {
    let groups = groups(&settled);
    let mut events: Vec<Option<Raw>> = settled.into_iter().map(Some).collect();
    for group in groups {
        let copies: Vec<(usize, Raw)> =
            group.into_iter().filter_map(|index| events[index].take().map(|event| (index, event))).collect();
        if let Some((index, kept)) = choose(copies, rules, findings) {
            events[index] = Some(kept);
        }
    }
    events.into_iter().flatten().collect()
}

/// The places of events that have an ID in common.
fn groups(events: &[Raw]) -> Vec<Vec<usize>> {
    let id = |index: usize| events[index].event.id();
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_unstable_by(|a, b| id(*a).cmp(id(*b)).then(a.cmp(b)));
    order.chunk_by(|a, b| id(*a) == id(*b)).filter(|same| same.len() > 1).map(<[usize]>::to_vec).collect()
}

/// Chooses among events with the same ID, reports the others, and unites what is recorded about them.
fn choose(copies: Vec<(usize, Raw)>, rules: &'static Rules, findings: &mut Findings) -> Option<(usize, Raw)> {
    let first = &copies.first()?.1.event;
    let alike = copies.iter().all(|(_, copy)| same_pdu(&copy.event, first));
    let authentic = |event: &Event| {
        rules.event_ids_are_hashes() && reference_hash(event.json(), rules).is_ok_and(|id| id == event.id())
    };
    // Of two authentic ones the second criterion finds the one that has not been redacted.
    let rank = |event: &Event| match alike {
        true => (false, false),
        false => (!authentic(event), !is_complete(event, rules)),
    };
    let rank = |(index, copy): &(usize, Raw)| (rank(&copy.event), copy.event.json().to_owned(), *index);
    let mut copies: Vec<_> = copies.into_iter().map(|copy| (rank(&copy), copy)).collect();
    copies.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut copies = copies.into_iter();
    let (((forged, _), ..), (index, mut kept)) = copies.next()?;
    let why = if forged || !rules.event_ids_are_hashes() {
        "nothing tells which is real; the bytewise smaller one is kept"
    } else {
        "the one whose hash is its ID is kept"
    };
    for (_, (_, other)) in copies {
        let at = kept.line.number().map_or(String::new(), |line| format!(" on line {line}"));
        let finding = if same_pdu(&kept.event, &other.event) {
            kept.recorded = unite(kept.recorded.take(), other.recorded);
            Finding::new(Code::DuplicateEvent, format!("the same event is also given{at}"))
        } else {
            Finding::new(Code::ConflictingDuplicate, format!("another event{at} has the same ID: {why}"))
                .remedy("find out which dump was altered")
        };
        findings.push(finding.event(kept.event.id()).maybe_line(other.line.number()));
    }
    Some((index, kept))
}

/// A place in the DAG and a verdict, once recorded, stand.
fn unite(kept: Option<Box<Recorded>>, other: Option<Box<Recorded>>) -> Option<Box<Recorded>> {
    let [mut kept, other] =
        [kept, other].map(|recorded| recorded.map_or_else(Recorded::default, |recorded| *recorded));
    // What is said of an outlier is not said of the event in its place.
    let (soft_failed, partial_state) = match (kept.outlier, other.outlier) {
        (true, false) => (other.soft_failed, other.partial_state),
        (false, true) => (kept.soft_failed, kept.partial_state),
        _ => (kept.soft_failed || other.soft_failed, kept.partial_state || other.partial_state),
    };
    let rejected = kept.rejected.take().into_iter().chain(other.rejected).min();
    Recorded { outlier: kept.outlier && other.outlier, rejected, soft_failed, partial_state }.boxed()
}

/// Whether two events are the same PDU: equal but for the order of keys and what is no part of it.
fn same_pdu(a: &Event, b: &Event) -> bool {
    if a.json() == b.json() {
        return true;
    }
    let pdu = |event: &Event| {
        if is_bomb(event.json()) {
            return None;
        }
        let mut object: Map<String, Value> = serde_json::from_str(event.json()).ok()?;
        object.remove("unsigned");
        object.remove("event_id");
        Some(object)
    };
    match (pdu(a), pdu(b)) {
        (Some(a), Some(b)) => a == b,
        // Too deep or too large to be compared: alike only if written alike.
        _ => false,
    }
}
