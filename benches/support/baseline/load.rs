//! From JSON Lines to events.

use std::borrow::Cow;
use std::cell::Cell;

use ruma::events::{StateEventType, TimelineEventType};
use ruma::room_version_rules::RoomVersionRules;
use ruma::{EventId, MilliSecondsSinceUnixEpoch, RoomId, RoomVersionId, UInt, UserId};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::pdu::{Id, Pdu};
use super::state::State;

/// A loaded room.
#[derive(Debug)]
pub(crate) struct Baseline<'a> {
    pub(super) rules: RoomVersionRules,
    /// Parents and auth events come before what cites them.
    pub(super) pdus: Vec<Pdu<'a>>,
    pub(super) by_id: FxHashMap<&'a EventId, u32>,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Line<'a> {
    event_id: &'a str,
    #[serde(default)]
    room_id: Option<&'a str>,
    #[serde(borrow)]
    sender: Cow<'a, str>,
    origin_server_ts: UInt,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    content: &'a RawValue,
    #[serde(borrow, default)]
    state_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    prev_events: Vec<&'a str>,
    #[serde(borrow)]
    auth_events: Vec<&'a str>,
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

impl<'a> Baseline<'a> {
    /// Loads a room of version 3 to 12 from JSON Lines: every event with its ID, in causal order, without holes.
    pub(crate) fn load(bytes: &'a [u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes)?;
        let mut pdus = Vec::new();
        let mut by_id = FxHashMap::default();
        for line in text.lines() {
            let pdu = pdu(line, pdus.len(), &by_id)?;
            by_id.insert(pdu.id.id, pdu.id.ix);
            pdus.push(pdu);
        }
        let create = pdus.first().ok_or("no events")?;
        let rules = version(create)?.rules().ok_or("a room version that ruma does not know")?;
        Ok(Self { rules, pdus, by_id })
    }

    /// The number of events.
    pub(crate) fn len(&self) -> usize {
        self.pdus.len()
    }

    /// A state of these entries: type, state key, event ID. Events that the room does not have are left out.
    pub(crate) fn state<'s>(&self, entries: impl Iterator<Item = (&'s str, &'s str, &'s str)>) -> State<'a> {
        let entry = |(kind, key, id): (&str, &str, &str)| {
            let pdu = self.fetch(id.try_into().ok()?)?;
            Some(((StateEventType::from(kind), key.to_owned()), pdu.id))
        };
        entries.filter_map(entry).collect()
    }

    pub(super) fn pdu(&self, ix: u32) -> &Pdu<'a> {
        &self.pdus[ix as usize]
    }

    pub(super) fn fetch(&self, id: &EventId) -> Option<&Pdu<'a>> {
        self.by_id.get(id).map(|ix| self.pdu(*ix))
    }
}

fn pdu<'a>(line: &'a str, place: usize, by_id: &FxHashMap<&'a EventId, u32>) -> Result<Pdu<'a>> {
    let line: Line<'a> = serde_json::from_str(line)?;
    let Cow::Borrowed(sender) = line.sender else { return Err("a sender with escapes".into()) };
    let id = |id: &'a str| -> Result<Id<'a>> {
        let known = by_id.get_key_value(<&EventId>::try_from(id)?);
        known
            .map(|(id, ix)| Id { id, ix: *ix })
            .ok_or_else(|| format!("{id} is cited before it comes").into())
    };
    let ids = |ids: Vec<&'a str>| ids.into_iter().map(id).collect::<Result<Vec<_>>>();
    Ok(Pdu {
        id: Id { id: line.event_id.try_into()?, ix: u32::try_from(place)? },
        room_id: line.room_id.map(<&RoomId>::try_from).transpose()?,
        sender: <&UserId>::try_from(sender)?,
        timestamp: MilliSecondsSinceUnixEpoch(line.origin_server_ts),
        key: line.state_key.map(|key| (StateEventType::from(&*line.kind), key.into_owned())),
        kind: TimelineEventType::from(&*line.kind),
        content: line.content,
        prev: ids(line.prev_events)?,
        auth: ids(line.auth_events)?,
        rejected: Cell::new(false),
    })
}

/// The room version that a create event tells.
fn version(create: &Pdu<'_>) -> Result<RoomVersionId> {
    #[derive(Deserialize)]
    struct Create {
        room_version: RoomVersionId,
    }
    Ok(serde_json::from_str::<Create>(create.content.get())?.room_version)
}
