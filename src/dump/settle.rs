//! Settling event IDs, and checking hashes on request.

use ruma::canonical_json::CanonicalJsonObject;

use super::findings::Findings;
use super::intake::{Raw, Section};
use super::scan;
use crate::event::hash::Unhashable;
use crate::event::room_version::Rules;
use crate::event::{Event, hash, json};
use crate::executor::{self, Executor};
use crate::report::{Code, Finding};
use crate::room::{Assertion, Provenance, When};

const CONTENT_HASH: &str =
    "https://spec.matrix.org/latest/server-server-api/#calculating-the-content-hash-for-an-event";
const REFERENCE_HASH: &str =
    "https://spec.matrix.org/latest/server-server-api/#calculating-the-reference-hash-for-an-event";

/// The ID an event gets.
enum Id {
    /// The one its JSON gives.
    Own,
    /// Another one, given beside the event or computed.
    Other(Box<str>),
}

/// Events that are being given their IDs.
pub(super) struct Settling {
    raws: Vec<Raw>,
    /// Those of the first events.
    ids: Vec<Option<Id>>,
    rules: &'static Rules,
    /// Whether hashes are recomputed and compared.
    verify: bool,
}

/// So many events are settled at a time by who works alone: a hash takes some 20 µs.
const PIECE: usize = 500;

impl Settling {
    pub(super) fn new(raws: Vec<Raw>, rules: &'static Rules, verify: bool) -> Self {
        Self { ids: Vec::with_capacity(raws.len()), raws, rules, verify }
    }

    /// The rules of the room version.
    pub(super) fn rules(&self) -> &'static Rules {
        self.rules
    }

    /// How many of how many events have been settled.
    pub(super) fn done(&self) -> (usize, usize) {
        (self.ids.len(), self.raws.len())
    }

    /// Settles some events. Returns whether that were all.
    pub(super) fn advance(&mut self, findings: &mut Findings, executor: &dyn Executor) -> bool {
        let first = self.ids.len();
        let (end, least) = if executor.width() == 1 { (first + PIECE, PIECE) } else { (usize::MAX, 1000) };
        let raws = &self.raws[first..end.min(self.raws.len())];
        let ranges = executor::ranges(executor, raws.len(), least);
        let parts = executor::map(executor, ranges.len(), |number| {
            let mut findings = Findings::default();
            let part = &raws[ranges[number].clone()];
            let settle = |raw| settle_one(raw, self.rules, self.verify, &mut findings);
            let ids: Vec<Option<Id>> = part.iter().map(settle).collect();
            (ids, findings)
        });
        for (part, found) in parts {
            self.ids.extend(part);
            findings.absorb(found, 0);
        }
        self.ids.len() == self.raws.len()
    }

    /// The events with their IDs. One that can have none is left out.
    pub(super) fn settled(self) -> Vec<Raw> {
        let Self { mut raws, ids, .. } = self;
        let mut ids = ids.into_iter();
        raws.retain_mut(|raw| {
            let id = ids.next().flatten();
            if let Some(Id::Other(id)) = &id {
                raw.event.set_id(id);
            }
            id.is_some()
        });
        raws
    }
}

fn settle_one(raw: &Raw, rules: &'static Rules, verify: bool, findings: &mut Findings) -> Option<Id> {
    if let Some(why) = raw.event.unfit(rules) {
        let message = format!("{why}: left out of a room of version {}", rules.id);
        findings.push(raw.finding(Code::MalformedEvent, message));
        return None;
    }
    let (id, computed) = id_of(raw, rules, findings)?;
    let settled = match &id {
        Id::Own => raw.event.id(),
        Id::Other(id) => id,
    };
    if verify {
        check(&raw.event, settled, computed, rules, raw.line.number(), findings);
    }
    Some(id)
}

/// The ID of an event, and whether it was computed just now.
fn id_of(raw: &Raw, rules: &'static Rules, findings: &mut Findings) -> Option<(Id, bool)> {
    let (record, own) = (raw.record_id(), raw.claimed_id());
    // Where a server chooses the ID it is part of the event; elsewhere it is a note beside it.
    let by_trust = if rules.event_ids_are_hashes() { [record, own] } else { [own, record] };
    if let [Some(first), Some(second)] = by_trust
        && first != second
    {
        let message = format!(
            "the record and the event inside name different IDs, {first} and {second}: the former counts"
        );
        findings.push(raw.finding(Code::EventIdMismatch, message));
    }
    if let Some(id) = by_trust.into_iter().flatten().next() {
        let id = if Some(id) == own { Id::Own } else { Id::Other(id.into()) };
        return Some((id, false));
    }
    if !rules.event_ids_are_hashes() {
        if raw.unsigned_id().is_none() {
            let message =
                format!("no `event_id`, which is part of the event in room version {}: left out", rules.id);
            findings.push(raw.finding(Code::NoEventId, message));
        }
        return raw.unsigned_id().map(|id| (Id::Other(id.into()), false));
    }
    compute(raw, rules, findings)
}

fn compute(raw: &Raw, rules: &'static Rules, findings: &mut Findings) -> Option<(Id, bool)> {
    match (reference_hash(raw.event.json(), rules), raw.unsigned_id()) {
        (Ok(id), noted) => {
            if let Some(noted) = noted.filter(|noted| *noted != id) {
                let message =
                    format!("`unsigned.event_id` is {noted}, but the reference hash is {id}, which counts");
                findings.push(
                    raw.finding(Code::EventIdMismatch, message).event(id.as_str()).spec(REFERENCE_HASH),
                );
            }
            Some((Id::Other(id.into()), true))
        }
        (Err(error), Some(noted)) => {
            let message = format!("`unsigned.event_id` is taken for the ID: {error}");
            findings.push(raw.finding(Code::Unverifiable, message).event(noted));
            Some((Id::Other(noted.into()), false))
        }
        (Err(error), None) => {
            let message =
                format!("no `event_id` is given and none can be computed, so the event is left out: {error}");
            findings.push(raw.finding(Code::NoEventId, message));
            None
        }
    }
}

/// More values than this in one event, and hashing it would take gigabytes. A PDU of legal size has fewer than 2¹⁵.
const MAX_VALUES: usize = 1 << 22;

/// Whether the event has so many values that no tree of it should be built.
pub(super) fn is_bomb(json: &str) -> bool {
    json.len() > MAX_VALUES && scan::commas(json.as_bytes()) > MAX_VALUES
}

fn too_many() -> Unhashable {
    Unhashable(format!("more than {MAX_VALUES} values in one event"))
}

/// The ID that follows from the event.
pub(super) fn reference_hash(json: &str, rules: &Rules) -> Result<String, Unhashable> {
    if is_bomb(json) { Err(too_many()) } else { hash::event_id(json, rules) }
}

fn content_hash(json: &str, rules: &Rules) -> Result<String, Unhashable> {
    if is_bomb(json) { Err(too_many()) } else { hash::content_hash(json, rules) }
}

/// Recomputes the event ID (unless that was `computed` already) and the content hash.
fn check(
    event: &Event,
    event_id: &str,
    computed: bool,
    rules: &'static Rules,
    line: Option<u64>,
    findings: &mut Findings,
) {
    let mut report = |code, message: String, spec| {
        findings.push(Finding::new(code, message).event(event_id).maybe_line(line).spec(spec));
    };
    if rules.event_ids_are_hashes() && !computed {
        match reference_hash(event.json(), rules) {
            Ok(id) if id == event_id => {}
            Ok(id) => report(Code::EventIdMismatch, format!("the reference hash is {id}"), REFERENCE_HASH),
            // The content hash would fail for the same reason.
            Err(error) => return report(Code::Unverifiable, error.to_string(), REFERENCE_HASH),
        }
    }
    let Some(told) = content_hash_told(event.json()) else {
        return report(
            Code::Unverifiable,
            "the event has no content hash (`hashes.sha256`)".into(),
            CONTENT_HASH,
        );
    };
    match content_hash(event.json(), rules) {
        Ok(found) if same_base64(&found, &told) => {}
        Ok(_) if is_redacted(event.json(), rules) => {
            let message = "the content hash is that of the content before redaction, which is normal";
            report(Code::ContentHashMismatch, message.into(), CONTENT_HASH);
        }
        Ok(found) => {
            let message =
                format!("the content hash is {found}, but the event says {told}: a server would redact it");
            report(Code::ContentHashMismatch, message, CONTENT_HASH);
        }
        Err(error) => report(Code::Unverifiable, error.to_string(), CONTENT_HASH),
    }
}

/// The event's own `hashes.sha256`.
fn content_hash_told(json: &str) -> Option<String> {
    let [hashes] = json::pick(json, ["hashes"]).ok()?;
    let [sha256] = json::pick(hashes?, ["sha256"]).ok()?;
    json::string(sha256?).map(Into::into)
}

/// Servers compare the decoded bytes, so padding makes no difference.
fn same_base64(a: &str, b: &str) -> bool {
    a.trim_end_matches('=') == b.trim_end_matches('=')
}

/// Whether the content hash matches: the event is complete.
pub(super) fn is_complete(event: &Event, rules: &'static Rules) -> bool {
    let found = content_hash(event.json(), rules);
    content_hash_told(event.json()).is_some_and(|told| found.is_ok_and(|found| same_base64(&found, &told)))
}

/// Whether redaction would take nothing from the event.
fn is_redacted(json: &str, rules: &'static Rules) -> bool {
    let Ok(mut object) = serde_json::from_str::<CanonicalJsonObject>(json) else { return false };
    object.remove("unsigned");
    if rules.event_ids_are_hashes() {
        object.remove("event_id");
    }
    hash::redact(object.clone(), rules).is_ok_and(|redacted| redacted == object)
}

/// The state that a `/send_join` response asserts before its join event.
pub(super) fn send_join(settled: &[Raw], findings: &mut Findings) -> Option<Assertion> {
    let of = |section| settled.iter().filter(move |settled| settled.section == section);
    let state: Vec<Box<str>> = of(Section::JoinState).map(|settled| settled.event.id().into()).collect();
    let join = of(Section::Join).next()?;
    if state.is_empty() {
        let message = "the /send_join response has no usable event in `state`";
        findings.push(Finding::new(Code::BadAssertedState, message).event(join.event.id()));
    }
    Some(Assertion {
        event_id: join.event.id().into(),
        when: When::Before,
        state,
        provenance: Provenance::SendJoin,
    })
}
