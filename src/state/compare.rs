//! Where states differ: a descent into several tries at once, which skips every subtree that all share.
//!
//! States that share a node at some place are one there, however many they are, and only those that are not where the
//! first one is are listed. So a merge of thousands of states costs what its branches have of their own:
//!
//! ```text
//!   states      0 1 2 3 4 5 6 7
//!   roots       a a b a c b a c       group 0: a; listed: 2 and 5 in group 1, 4 and 7 in group 2
//!   at place 5  x   x   y             group 0: x; listed: 4 and 7 in group 1
//! ```

use std::collections::HashMap;

use super::node::{BITS, Node, StateView, WIDTH, unpack};
use crate::room::{EventIx, KeyIx};

/// One key on which states differ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Difference<'a> {
    pub(crate) key: KeyIx,
    /// The groups of states that have the key, ascending, each with the event of all in it. Two groups may have the same.
    pub(crate) held: &'a [(u32, EventIx)],
    /// The groups but group 0, which all other states are in, with their states; ascending.
    members: &'a [(u32, u32)],
    /// The number of states.
    states: usize,
}

impl Difference<'_> {
    /// What a state has. Cost: the states that are not in group 0; nothing for the first state, which always is.
    pub(crate) fn of(&self, state: usize) -> Option<EventIx> {
        if state == 0 {
            return self.of_group(0);
        }
        let member = self.members.iter().find(|(_, other)| *other as usize == state);
        self.of_group(member.map_or(0, |(group, _)| *group))
    }

    /// What the states of a group have.
    pub(crate) fn of_group(&self, group: u32) -> Option<EventIx> {
        /// So many entries are gone through one by one.
        const FEW: usize = 8;
        if self.held.len() <= FEW {
            return self.held.iter().find(|(other, _)| *other == group).map(|(_, event)| *event);
        }
        self.held.binary_search_by_key(&group, |(other, _)| *other).ok().map(|place| self.held[place].1)
    }

    /// The states that have the event and are not in group 0.
    pub(crate) fn states_with(&self, event: EventIx) -> impl Iterator<Item = u32> {
        let having = self.held.iter().filter(move |(group, held)| *group != 0 && *held == event);
        having.flat_map(|(group, _)| {
            let from = self.members.partition_point(|(other, _)| other < group);
            self.members[from..].iter().take_while(|(other, _)| *other == *group).map(|(_, state)| *state)
        })
    }

    /// The states that are not in group 0, with what they have.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (u32, Option<EventIx>)> {
        self.members.chunk_by(|(a, _), (b, _)| a == b).flat_map(|members| {
            let event = self.of_group(members[0].0);
            members.iter().map(move |(_, state)| (*state, event))
        })
    }

    /// What every state has.
    pub(crate) fn values(&self) -> Vec<Option<EventIx>> {
        let mut values = vec![self.of_group(0); self.states];
        for (state, event) in self.listed() {
            values[state as usize] = event;
        }
        values
    }

    /// The states that have the key, ascending, and their events.
    pub(crate) fn entries(&self) -> Vec<(u32, EventIx)> {
        if self.of_group(0).is_some() {
            return (0..).zip(self.values()).filter_map(|(state, event)| Some((state, event?))).collect();
        }
        let mut entries: Vec<(u32, EventIx)> =
            self.listed().filter_map(|(state, event)| Some((state, event?))).collect();
        entries.sort_unstable();
        entries
    }
}

/// The keys on which states differ, with what each has there. Keep it for many comparisons: it reuses its memory.
///
/// What it takes up follows what the states have of their own, not their number: of thousands of branches that differ on
/// thousands of keys few differ on each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Differences {
    states: usize,
    keys: Vec<Entry>,
    /// A bit for every remainder that a key leaves: most keys that are asked for are none of these.
    filter: [u64; 4],
    held: Vec<(u32, EventIx)>,
    /// The lists of groups and their states, one after the other, and where each ends.
    members: Vec<(u32, u32)>,
    lists: Vec<u32>,
    levels: Vec<Level>,
}

/// The word and the bit of a key in the filter.
fn filter_bit(key: KeyIx) -> (usize, u64) {
    (key.index() / 64 % 4, 1 << (key.index() % 64))
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: KeyIx,
    /// Where its part of `held` ends.
    end: u32,
    /// The number of its list of members.
    list: u32,
}

impl Differences {
    /// Finds where the states differ.
    pub(crate) fn find(&mut self, states: &[StateView<'_>]) {
        self.states = states.len();
        self.keys.clear();
        self.filter = [0; 4];
        self.held.clear();
        self.members.clear();
        self.lists.clear();
        match states {
            [] | [_] => {}
            [a, b] if a.is_beside(*b) => {
                self.push_members(&[(1, 1)]);
                self.descend_two(*a, [a.root, b.root], a.height, 0);
            }
            _ => Descent::run(states, self),
        }
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether the states are equal.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys, ascending.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Difference<'_>> {
        let mut from = 0;
        self.keys.iter().map(move |entry| {
            let difference = self.difference(from, *entry);
            from = entry.end;
            difference
        })
    }

    /// What the states have under a key, if they differ there.
    pub(crate) fn get(&self, key: KeyIx) -> Option<Difference<'_>> {
        let place = self.keys.binary_search_by_key(&key, |entry| entry.key).ok()?;
        let from = place.checked_sub(1).map_or(0, |before| self.keys[before].end);
        Some(self.difference(from, self.keys[place]))
    }

    /// Whether the states differ under a key.
    pub(crate) fn has(&self, key: KeyIx) -> bool {
        let (word, bit) = filter_bit(key);
        self.filter[word] & bit != 0 && self.keys.binary_search_by_key(&key, |entry| entry.key).is_ok()
    }

    fn difference(&self, from: u32, Entry { key, end, list }: Entry) -> Difference<'_> {
        let held = &self.held[from as usize..end as usize];
        let list = list as usize;
        let first = list.checked_sub(1).map_or(0, |before| self.lists[before]);
        let members = &self.members[first as usize..self.lists[list] as usize];
        Difference { key, held, members, states: self.states }
    }

    fn level(&mut self, level: u32) -> &mut Level {
        let level = level as usize;
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Level::default);
        }
        &mut self.levels[level]
    }

    fn push_members(&mut self, members: &[(u32, u32)]) {
        self.members.extend_from_slice(members);
        self.lists.push(self.members.len() as u32);
    }

    /// Adds a key with the values of the groups; their members are those of the last list.
    fn push(&mut self, key: usize, values: impl Iterator<Item = u32>) {
        let held = (0_u32..).zip(values).filter_map(|(group, value)| Some((group, unpack(value)?)));
        self.held.extend(held);
        let (end, list) = (self.held.len() as u32, self.lists.len() - 1);
        let key = KeyIx::new(key);
        let (word, bit) = filter_bit(key);
        self.filter[word] |= bit;
        self.keys.push(Entry { key, end, list: list as u32 });
    }

    /// The common case: two states whose nodes are in the same lists.
    fn descend_two(&mut self, nodes: StateView<'_>, [a, b]: [u32; 2], level: u32, base: usize) {
        if a == b {
            return;
        }
        let (a, b) = (nodes.node(a), nodes.node(b));
        let mut different = a
            .iter()
            .zip(b)
            .enumerate()
            .fold(0_u32, |bits, (place, (a, b))| bits | u32::from(a != b) << place);
        while different != 0 {
            let place = different.trailing_zeros() as usize;
            different &= different - 1;
            let key = base + (place << (BITS * level));
            let below = [a[place], b[place]];
            if level == 0 {
                self.push(key, below.into_iter());
            } else {
                self.descend_two(nodes, below, level - 1, key);
            }
        }
    }
}

/// A node by the list it is in and its number there; 0 is the empty node of every list. At the leaves: a value.
///
/// The upper byte is not 0 for a root that hangs lower than those of others: its level plus one.
type Name = u64;

const LIST: u32 = 32;
const LIFT: u32 = 56;

/// A list of nodes, and the list that the numbers before its first one are of.
struct List<'a> {
    nodes: &'a [Node],
    first: u32,
    before: u64,
}

/// What a descent knows at one level: the different nodes, the first state's first; the states that do not have that one,
/// each after the number of that which it has; and the children of the nodes.
#[derive(Debug, Clone, Default)]
struct Level {
    nodes: Vec<Name>,
    members: Vec<(u32, u32)>,
    rows: Vec<[Name; WIDTH]>,
}

/// The general case: many states, perhaps of different heights and with nodes in different lists.
struct Descent<'a, 'f> {
    lists: Vec<List<'a>>,
    found: &'f mut Differences,
}

impl<'a, 'f> Descent<'a, 'f> {
    fn run(states: &[StateView<'a>], found: &'f mut Differences) {
        let mut descent = Self { lists: Vec::new(), found };
        let height = states.iter().map(|state| state.height).max().unwrap_or(0);
        let roots = descent.roots(states, height);
        let top = descent.found.level(height);
        let mut groups = Vec::new();
        group(&roots, &mut top.nodes, &mut groups);
        top.members.clear();
        top.members.extend(groups.into_iter().zip(0..).filter(|(group, _)| *group != 0));
        descent.descend(height, 0);
    }

    /// Names the roots; fills `lists`.
    fn roots(&mut self, states: &[StateView<'a>], height: u32) -> Vec<Name> {
        let mut numbers: HashMap<*const Node, u64> = HashMap::new();
        let mut number = |lists: &mut Vec<List<'a>>, nodes: &'a [Node], before: Option<u64>| {
            *numbers.entry(nodes.as_ptr()).or_insert_with(|| {
                let number = lists.len() as u64;
                let first = before.map_or(0, |before| lists[before as usize].nodes.len() as u32);
                lists.push(List { nodes, first, before: before.unwrap_or(number) });
                number
            })
        };
        let name = |state: &StateView<'a>| {
            let shared = number(&mut self.lists, state.shared, None);
            if state.root == 0 {
                return 0;
            }
            let list = match state.root as usize >= state.shared.len() {
                true => number(&mut self.lists, state.own, Some(shared)),
                false => shared,
            };
            let lift = if state.height < height { u64::from(state.height + 1) << LIFT } else { 0 };
            lift | list << LIST | u64::from(state.root)
        };
        states.iter().map(name).collect()
    }

    /// The children of a node.
    fn row(&self, name: Name, level: u32) -> [Name; WIDTH] {
        let mut row = [0; WIDTH];
        let lift = name >> LIFT;
        if lift != 0 && lift <= u64::from(level) {
            row[0] = name;
            return row;
        }
        if name == 0 {
            return row;
        }
        let name = name & !(u64::MAX << LIFT);
        let number = (name & u64::from(u32::MAX)) as u32;
        let list = &self.lists[(name >> LIST) as usize];
        let own = name >> LIST << LIST;
        for (child, number) in row.iter_mut().zip(list.nodes[(number - list.first) as usize]) {
            *child = match number {
                _ if level == 0 => u64::from(number),
                0 => 0,
                _ if number < list.first => list.before << LIST | u64::from(number),
                _ => own | u64::from(number),
            };
        }
        row
    }

    fn descend(&mut self, level: u32, base: usize) {
        let mut here = std::mem::take(self.found.level(level));
        here.rows.clear();
        here.rows.extend(here.nodes.iter().map(|name| self.row(*name, level)));
        if level == 0 {
            here.members.sort_unstable();
            self.found.push_members(&here.members);
        }
        let mut column: Vec<Name> = Vec::with_capacity(here.rows.len());
        let mut groups: Vec<u32> = Vec::with_capacity(here.rows.len());
        for place in (0..WIDTH).filter(|_| here.nodes.len() > 1) {
            let first = here.rows[0][place];
            if here.rows.iter().all(|row| row[place] == first) {
                continue;
            }
            let key = base + (place << (BITS * level));
            if level == 0 {
                self.found.push(key, here.rows.iter().map(|row| row[place] as u32));
                continue;
            }
            column.clear();
            column.extend(here.rows.iter().map(|row| row[place]));
            let below = self.found.level(level - 1);
            group(&column, &mut below.nodes, &mut groups);
            let moved = here.members.iter().map(|(group, state)| (groups[*group as usize], *state));
            below.members.clear();
            below.members.extend(moved.filter(|(group, _)| *group != 0));
            self.descend(level - 1, key);
        }
        *self.found.level(level) = here;
    }
}

/// Finds the different names, that of the first place first, and for every place the number of its name among them.
fn group(names: &[Name], different: &mut Vec<Name>, groups: &mut Vec<u32>) {
    let mut sorted: Vec<(Name, u32)> = names.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    different.clear();
    different.extend(names.first());
    groups.clear();
    groups.resize(names.len(), 0);
    for (name, place) in sorted.into_iter().filter(|(name, _)| *name != names[0]) {
        if different.len() == 1 || different[different.len() - 1] != name {
            different.push(name);
        }
        groups[place as usize] = different.len() as u32 - 1;
    }
}
