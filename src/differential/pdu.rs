//! One event as ruma wants it.

use std::fmt;

use ruma::events::TimelineEventType;
use ruma::state_res::Event as RumaEvent;
use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UInt, UserId,
};
use serde_json::value::RawValue;

use crate::event::{Event, References};

/// An event that ruma's types cannot hold; a server built on ruma would not take it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrepresentable {
    /// The ID of the event.
    pub event_id: Box<str>,
    /// The field that is to blame.
    pub field: &'static str,
}

impl fmt::Display for Unrepresentable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ruma's types cannot hold the {} of {}", self.field, self.event_id)
    }
}

impl std::error::Error for Unrepresentable {}

/// One event in ruma's types.
#[derive(Debug)]
pub(super) struct Pdu {
    pub(super) id: OwnedEventId,
    pub(super) room_id: Option<OwnedRoomId>,
    sender: OwnedUserId,
    timestamp: MilliSecondsSinceUnixEpoch,
    pub(super) kind: TimelineEventType,
    content: Box<RawValue>,
    pub(super) state_key: Option<String>,
    prev: Vec<OwnedEventId>,
    pub(super) auth: Vec<OwnedEventId>,
    redacts: Option<OwnedEventId>,
}

impl Pdu {
    pub(super) fn new(event: &Event) -> Result<Self, Unrepresentable> {
        #[derive(serde::Deserialize)]
        struct Content {
            content: Box<RawValue>,
        }
        let bad = |field: &'static str| Unrepresentable { event_id: event.id().into(), field };
        let timestamp = UInt::try_from(event.origin_server_ts()).map_err(|_| bad("origin_server_ts"))?;
        let content = serde_json::from_str::<Content>(event.json()).map_err(|_| bad("content"))?.content;
        Ok(Self {
            id: EventId::parse(event.id()).map_err(|_| bad("event ID"))?,
            room_id: event.room_id().map(RoomId::parse).transpose().map_err(|_| bad("room_id"))?,
            sender: UserId::parse(event.sender()).map_err(|_| bad("sender"))?,
            timestamp: MilliSecondsSinceUnixEpoch(timestamp),
            kind: event.event_type().into(),
            content,
            state_key: event.state_key().map(str::to_owned),
            prev: ids(event.prev_events()).ok_or_else(|| bad("prev_events"))?,
            auth: ids(event.auth_events()).ok_or_else(|| bad("auth_events"))?,
            redacts: event.redacts().map(EventId::parse).transpose().map_err(|_| bad("redacts"))?,
        })
    }
}

fn ids(ids: References<'_>) -> Option<Vec<OwnedEventId>> {
    ids.map(|id| EventId::parse(&*id).ok()).collect()
}

/// An event together with whether it counts as rejected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) pdu: &'a Pdu,
    pub(super) rejected: bool,
}

impl RumaEvent for Seen<'_> {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.pdu.id
    }
    fn room_id(&self) -> Option<&RoomId> {
        self.pdu.room_id.as_deref()
    }
    fn sender(&self) -> &UserId {
        &self.pdu.sender
    }
    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.pdu.timestamp
    }
    fn event_type(&self) -> &TimelineEventType {
        &self.pdu.kind
    }
    fn content(&self) -> &RawValue {
        &self.pdu.content
    }
    fn state_key(&self) -> Option<&str> {
        self.pdu.state_key.as_deref()
    }
    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.pdu.prev.iter())
    }
    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.pdu.auth.iter())
    }
    fn redacts(&self) -> Option<&OwnedEventId> {
        self.pdu.redacts.as_ref()
    }
    fn rejected(&self) -> bool {
        self.rejected
    }
}
