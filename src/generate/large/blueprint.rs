//! What room to make.

use std::convert::Infallible;

use super::world::World;
use crate::event::room_version::Rules;
use crate::generate::Mode;

/// When servers are cut off from one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Netsplits {
    /// A netsplit ends every so many events; 0: never is one.
    pub every: usize,
    /// How many events it lasts.
    pub length: usize,
    /// Into how many parts the network falls.
    pub parts: usize,
}

/// A room to make. The room is a function of the blueprint: the same on every machine.
#[derive(Debug, Clone, Copy)]
pub struct Blueprint {
    /// Where the randomness begins.
    pub seed: u64,
    /// In what manner.
    pub mode: Mode,
    /// The room version.
    pub rules: &'static Rules,
    /// The number of events.
    pub events: usize,
    /// About how many users are joined in the end.
    pub members: usize,
    /// The number of servers.
    pub servers: usize,
    /// How many of 100 events are state events.
    pub state: usize,
    /// How long an event mostly takes from server to server, in milliseconds; 0: it is there at once.
    pub lag: i64,
    /// When servers are cut off from one another.
    pub netsplits: Netsplits,
}

/// A well-known room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Preset {
    /// 10,000 events, 500 members.
    R10k,
    /// 100,000 events, 5,000 members.
    R100k,
    /// 1,000,000 events, 50,000 members.
    R1m,
    /// 20,000 events; every 20 a merge of states that conflict on about 15 keys.
    ConflictHeavy,
    /// 20,000 events; 64 servers that are cut off from one another for the last 2,000, and an event that merges them all.
    Wide,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 5] = [Self::R10k, Self::R100k, Self::R1m, Self::ConflictHeavy, Self::Wide];

    /// The name used in arguments and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::R10k => "r10k",
            Self::R100k => "r100k",
            Self::R1m => "r1m",
            Self::ConflictHeavy => "conflict-heavy",
            Self::Wide => "wide",
        }
    }

    /// The preset of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == name)
    }
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// The number of events.
    pub events: usize,
    /// The number of events with several parents.
    pub merges: usize,
    /// About how many users are joined.
    pub joined: usize,
}

impl Blueprint {
    /// The blueprint of a preset; room version 11, seed 1.
    pub fn preset(preset: Preset) -> Self {
        let everyday = |events, members| Self {
            seed: 1,
            mode: Mode::Honest,
            rules: Rules::of("11").expect("a known version"),
            events,
            members,
            servers: 20,
            state: 27,
            lag: 700,
            netsplits: Netsplits { every: 5_000, length: 250, parts: 2 },
        };
        match preset {
            Preset::R10k => everyday(10_000, 500),
            Preset::R100k => everyday(100_000, 5_000),
            Preset::R1m => everyday(1_000_000, 50_000),
            Preset::ConflictHeavy => Self {
                servers: 4,
                state: 80,
                lag: 0,
                netsplits: Netsplits { every: 20, length: 19, parts: 2 },
                ..everyday(20_000, 1_000)
            },
            Preset::Wide => Self {
                servers: 64,
                lag: 0,
                netsplits: Netsplits { every: 19_900, length: 2_000, parts: 64 },
                ..everyday(20_000, 5_000)
            },
        }
    }

    /// The same in another manner. A netsplit follows the other where that is the manner.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        if mode == Mode::Netsplit {
            self.netsplits = Netsplits { every: 300, length: 250, parts: 3 };
        }
        self
    }

    /// Makes the room. `sink` gets every event as a line of JSON, in causal order; the events have their IDs.
    ///
    /// # Errors
    /// What `sink` returns; nothing more is made then.
    pub fn make<E>(&self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<Made, E> {
        World::new(self).run(&mut sink)
    }

    /// The room as a dump: one PDU a line.
    pub fn ndjson(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.events.saturating_mul(800));
        let Ok(_) = self.make(|line| {
            text.extend_from_slice(line);
            Ok::<(), Infallible>(())
        });
        text
    }
}
