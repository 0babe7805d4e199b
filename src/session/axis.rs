//! Time axes: in which order the rows come, and how a place in time becomes a number.

use std::sync::Arc;

use super::cursor::Position;
use crate::room::{EventIx, Room};

/// What orders the rows. Ties are broken by topological order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Axis {
    /// Parents first.
    #[default]
    Topological,
    /// As in the file.
    File,
    /// `origin_server_ts`: when the sender's server says that the event was sent.
    OriginServerTs,
    /// `depth`: how deep in the graph the sender's server says the event is.
    Depth,
}

impl Axis {
    /// All axes.
    pub const ALL: [Self; 4] = [Self::Topological, Self::File, Self::OriginServerTs, Self::Depth];

    /// The name in links and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Topological => "topological",
            Self::File => "file",
            Self::OriginServerTs => "origin_server_ts",
            Self::Depth => "depth",
        }
    }

    /// The axis with that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|axis| axis.as_str() == name)
    }

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Topological => "Topological order",
            Self::File => "File order",
            Self::OriginServerTs => "Time sent",
            Self::Depth => "Depth",
        }
    }

    /// Where on the axis an event is: its index, its place in the file (both from 0), milliseconds since 1970, or
    /// its depth.
    pub fn value(self, room: &Room, ix: EventIx) -> i64 {
        match self {
            Self::Topological => i64::try_from(ix.index()).unwrap_or(i64::MAX),
            Self::File => i64::from(room.position(ix)),
            Self::OriginServerTs => room.event(ix).origin_server_ts(),
            Self::Depth => room.event(ix).depth(),
        }
    }
}

/// All events of a room in the order of an axis. Cloning is cheap.
#[derive(Debug, Clone)]
pub(super) struct Order {
    axis: Axis,
    /// `None`: in the order of the indices.
    sorted: Option<Arc<Sorted>>,
}

#[derive(Debug)]
struct Sorted {
    events: Vec<EventIx>,
    /// By event: its place in `events`.
    ranks: Vec<u32>,
}

impl Order {
    pub(super) fn new(room: &Room, axis: Axis) -> Self {
        if axis == Axis::Topological {
            return Self { axis, sorted: None };
        }
        let mut keyed: Vec<(i64, EventIx)> = room.events().map(|ix| (axis.value(room, ix), ix)).collect();
        keyed.sort_unstable();
        let events: Vec<EventIx> = keyed.into_iter().map(|(_, ix)| ix).collect();
        let mut ranks = vec![0; events.len()];
        for (rank, ix) in (0_u32..).zip(&events) {
            ranks[ix.index()] = rank;
        }
        Self { axis, sorted: Some(Arc::new(Sorted { events, ranks })) }
    }

    pub(super) fn axis(&self) -> Axis {
        self.axis
    }

    /// The place of an event among all.
    pub(super) fn rank(&self, ix: EventIx) -> usize {
        self.sorted.as_ref().map_or(ix.index(), |sorted| sorted.ranks[ix.index()] as usize)
    }

    /// The events of an ascending list, in the order of the axis.
    fn arrange(&self, room: &Room, shown: Vec<EventIx>) -> Vec<EventIx> {
        match &self.sorted {
            None => shown,
            Some(sorted) if shown.len() == room.len() => sorted.events.clone(),
            Some(sorted) => {
                let mut events = shown;
                events.sort_unstable_by_key(|ix| sorted.ranks[ix.index()]);
                events
            }
        }
    }
}

/// The rows: the events that the filter lets through in the order of the axis, and the last row, [`Position::Now`].
#[derive(Debug, Clone)]
pub struct Rows {
    order: Order,
    events: Vec<EventIx>,
}

impl Rows {
    /// Rows of an ascending list of events.
    pub(super) fn new(room: &Room, order: Order, shown: Vec<EventIx>) -> Self {
        let events = order.arrange(room, shown);
        Self { order, events }
    }

    /// The order of an axis: the one at hand, if it is that.
    pub(super) fn order_for(&self, room: &Room, axis: Axis) -> Order {
        if self.axis() == axis { self.order.clone() } else { Order::new(room, axis) }
    }

    /// The events, without the last row.
    pub fn events(&self) -> &[EventIx] {
        &self.events
    }

    /// What orders them.
    pub fn axis(&self) -> Axis {
        self.order.axis()
    }

    /// The number of rows, the last one among them.
    #[expect(clippy::len_without_is_empty, reason = "there is always the last row")]
    pub fn len(&self) -> usize {
        self.events.len() + 1
    }

    /// What is in a row; past the end the last one.
    pub fn get(&self, row: usize) -> Position {
        self.events.get(row).map_or(Position::Now, |ix| Position::Event(*ix))
    }

    /// The row of a place, if it is shown.
    pub fn row_of(&self, position: Position) -> Option<usize> {
        let row = self.row_from(position);
        (self.get(row) == position).then_some(row)
    }

    /// The first row that does not come before a place: its own row, if it is shown.
    pub fn row_from(&self, position: Position) -> usize {
        match position {
            Position::Now => self.events.len(),
            Position::Event(ix) => {
                let rank = self.order.rank(ix);
                self.events.partition_point(|other| self.order.rank(*other) < rank)
            }
            Position::Over(chosen) => {
                let rank = self.order.rank(chosen.last());
                self.events.partition_point(|other| self.order.rank(*other) <= rank)
            }
        }
    }

    /// The last row whose value on the axis is at most `value`; the first row if there is none.
    pub fn row_at(&self, room: &Room, value: i64) -> usize {
        let axis = self.axis();
        self.events.partition_point(|ix| axis.value(room, *ix) <= value).saturating_sub(1)
    }
}
