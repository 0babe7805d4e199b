//! What ruma wants to know of the auth chains.

use ruma::state_res::utils::event_id_set::EventIdSet;

use super::load::Baseline;
use super::pdu::Id;
use super::state::State;

/// Memory that walks use again and again: of every event the number of the walk that marked it last.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    marks: Vec<u32>,
    /// The next mark that no event has.
    next: u32,
    stack: Vec<u32>,
}

impl Marks {
    /// Begins a walk of a room; `marks` numbers are set aside for it, the first is returned.
    fn begin(&mut self, events: usize, marks: u32) -> u32 {
        if self.marks.len() < events || self.next > u32::MAX - marks {
            self.marks = vec![0; events];
            self.next = 1;
        }
        let first = self.next;
        self.next += marks;
        first
    }

    /// Marks whatever the events on the stack reach and that is not marked with `stop` or `mark`, and shows it.
    fn walk<'a>(&mut self, room: &Baseline<'a>, mark: u32, stop: u32, mut show: impl FnMut(Id<'a>)) {
        while let Some(ix) = self.stack.pop() {
            for auth in &room.pdu(ix).auth {
                let held = &mut self.marks[auth.ix as usize];
                if *held != mark && *held != stop {
                    *held = mark;
                    self.stack.push(auth.ix);
                    show(*auth);
                }
            }
        }
    }

    /// Every set's auth chain without what the auth chain of the unconflicted state has. `None` if no entry is
    /// conflicted.
    pub(super) fn remainders<'a>(
        &mut self,
        room: &Baseline<'a>,
        states: &[&State<'a>],
    ) -> Option<Vec<EventIdSet<Id<'a>>>> {
        let count = u32::try_from(states.len()).ok()?;
        // An event has one key, so it is unconflicted if it is in every state. The marks count.
        let base = self.begin(room.len(), 2 * count + 2);
        for state in states {
            for id in state.values() {
                let held = &mut self.marks[id.ix as usize];
                *held = if *held < base { base } else { *held + 1 };
            }
        }
        let everywhere = base + count - 1;
        let is_conflicted = |marks: &[u32], id: &Id<'a>| marks[id.ix as usize] != everywhere;
        let mut conflicted: Vec<Vec<u32>> = Vec::with_capacity(states.len());
        for state in states {
            let values = state.values().filter(|id| is_conflicted(&self.marks, id));
            conflicted.push(values.map(|id| id.ix).collect());
        }
        if conflicted.iter().all(Vec::is_empty) {
            return None;
        }
        let first = states.first()?.values();
        self.stack.extend(first.filter(|id| self.marks[id.ix as usize] == everywhere).map(|id| id.ix));
        let shared = base + count;
        self.walk(room, shared, shared, |_| ());
        let mut remainders = Vec::with_capacity(states.len());
        for (set, mark) in conflicted.iter().zip(shared + 1..) {
            let mut remainder = EventIdSet::new();
            self.stack.extend(set);
            self.walk(room, mark, shared, |id| {
                remainder.insert(id);
            });
            remainders.push(remainder);
        }
        Some(remainders)
    }

    /// The conflicted state subgraph: what lies on paths between conflicted events, these included.
    pub(super) fn subgraph<'a>(&mut self, room: &Baseline<'a>, conflicted: &[Id<'a>]) -> EventIdSet<Id<'a>> {
        let below = self.begin(room.len(), 2);
        let within = below + 1;
        let mut reached: Vec<u32> = Vec::new();
        for id in conflicted {
            self.stack.push(id.ix);
            reached.push(id.ix);
            self.walk(room, below, below, |id| reached.push(id.ix));
        }
        reached.sort_unstable();
        reached.dedup();
        for id in conflicted {
            self.marks[id.ix as usize] = within;
        }
        // What an event cites has a smaller index.
        let mut subgraph = EventIdSet::new();
        for ix in reached {
            let pdu = room.pdu(ix);
            let mut cited = pdu.auth.iter();
            if self.marks[ix as usize] == within || cited.any(|auth| self.marks[auth.ix as usize] == within) {
                self.marks[ix as usize] = within;
                subgraph.insert(pdu.id);
            }
        }
        subgraph
    }
}
