//! Where states differ: a descent into several tries at once, which skips every subtree that all share.
//!
//! States that share a node at some place are one there, however many they are. So a merge of thousands of states costs
//! what the different nodes among them do:
//!
//! ```text
//!   states      0 1 2 3 4 5 6 7
//!   roots       a a b a c b a c       three different nodes: groups 0 0 1 0 2 1 0 2
//!   at place 5  x   x   y             two different nodes: of the groups a, b, c the last differs
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
    /// The group of every state. Neighbouring keys may share this.
    pub(crate) group_of: &'a [u32],
}

impl Difference<'_> {
    /// What a state has.
    pub(crate) fn of(&self, state: usize) -> Option<EventIx> {
        /// So many are gone through one by one.
        const FEW: usize = 8;
        let group = self.group_of[state];
        if self.held.len() <= FEW {
            return self.held.iter().find(|(other, _)| *other == group).map(|(_, event)| *event);
        }
        self.held.binary_search_by_key(&group, |(group, _)| *group).ok().map(|place| self.held[place].1)
    }

    /// The states that have the key, by their place, ascending, and their events.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u32, EventIx)> {
        (0..).zip(0..self.group_of.len()).filter_map(|(number, state)| Some((number, self.of(state)?)))
    }
}

/// The keys on which states differ, with what each has there. Keep it for many comparisons: it reuses its memory.
///
/// What it takes up follows the different nodes among the states, not their number: thousands of branches that differ on
/// thousands of keys are a few groups at each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Differences {
    states: usize,
    keys: Vec<Entry>,
    /// A bit for every remainder that a key leaves: most keys that are asked for are none of these.
    filter: [u64; 4],
    held: Vec<(u32, EventIx)>,
    /// One list of groups after the other.
    group_of: Vec<u32>,
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
    /// The number of its list of groups.
    list: u32,
}

impl Differences {
    /// Finds where the states differ.
    pub(crate) fn find(&mut self, states: &[StateView<'_>]) {
        self.states = states.len();
        self.keys.clear();
        self.filter = [0; 4];
        self.held.clear();
        self.group_of.clear();
        match states {
            [] | [_] => {}
            [a, b] if a.is_beside(*b) => {
                self.group_of.extend([0, 1]);
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
        Difference { key, held, group_of: &self.group_of[list as usize * self.states..][..self.states] }
    }

    fn level(&mut self, level: u32) -> &mut Level {
        let level = level as usize;
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Level::default);
        }
        &mut self.levels[level]
    }

    /// Adds a key with the values of the groups; the groups are those of the last list.
    fn push(&mut self, key: usize, values: impl Iterator<Item = u32>) {
        let held = (0_u32..).zip(values).filter_map(|(group, value)| Some((group, unpack(value)?)));
        self.held.extend(held);
        let (end, list) = (self.held.len() as u32, self.group_of.len() / self.states - 1);
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

/// What a descent knows at one level: the different nodes, which of them every state has, and their children.
#[derive(Debug, Clone, Default)]
struct Level {
    nodes: Vec<Name>,
    group_of: Vec<u32>,
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
        let mut roots = descent.roots(states, height);
        let mut group_of = Vec::new();
        let top = descent.found.level(height);
        group(&mut roots, &mut top.nodes, &mut group_of);
        top.group_of = group_of;
        descent.descend(height, 0);
    }

    /// Names the roots; fills `lists`.
    fn roots(&mut self, states: &[StateView<'a>], height: u32) -> Vec<(Name, u32)> {
        let mut numbers: HashMap<*const Node, u64> = HashMap::new();
        let mut number = |lists: &mut Vec<List<'a>>, nodes: &'a [Node], before: Option<u64>| {
            *numbers.entry(nodes.as_ptr()).or_insert_with(|| {
                let number = lists.len() as u64;
                let first = before.map_or(0, |before| lists[before as usize].nodes.len() as u32);
                lists.push(List { nodes, first, before: before.unwrap_or(number) });
                number
            })
        };
        let name = |(place, state): (u32, &StateView<'a>)| {
            let shared = number(&mut self.lists, state.shared, None);
            if state.root == 0 {
                return (0, place);
            }
            let list = match state.root as usize >= state.shared.len() {
                true => number(&mut self.lists, state.own, Some(shared)),
                false => shared,
            };
            let lift = if state.height < height { u64::from(state.height + 1) << LIFT } else { 0 };
            (lift | list << LIST | u64::from(state.root), place)
        };
        (0..).zip(states).map(name).collect()
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
            // Not all nodes are the same here, so there is a difference.
            self.found.group_of.extend_from_slice(&here.group_of);
        }
        let mut column: Vec<(Name, u32)> = Vec::with_capacity(here.rows.len());
        let mut group_of: Vec<u32> = Vec::with_capacity(here.rows.len());
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
            column.extend(here.rows.iter().map(|row| row[place]).zip(0..));
            let below = self.found.level(level - 1);
            group(&mut column, &mut below.nodes, &mut group_of);
            below.group_of.clear();
            below.group_of.extend(here.group_of.iter().map(|group| group_of[*group as usize]));
            self.descend(level - 1, key);
        }
        *self.found.level(level) = here;
    }
}

/// Finds the different names, and for every place which of them is there.
fn group(names: &mut [(Name, u32)], different: &mut Vec<Name>, group_of: &mut Vec<u32>) {
    names.sort_unstable();
    different.clear();
    group_of.clear();
    group_of.resize(names.len(), 0);
    for (name, place) in names {
        if different.last() != Some(name) {
            different.push(*name);
        }
        group_of[*place as usize] = different.len() as u32 - 1;
    }
}
