//! Events in few words: short IDs, users, times.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{summary, text};
use crate::dump::Dump;
use crate::room::{EventIx, KeyIx, MissingIx, Room};

/// A short ID has at least so many characters after the `$`.
const SHORTEST: usize = 6;
/// And not more than so many, unless the event needs them to be told from another.
const USUAL: usize = 8;
/// An ID that is no hash is shown whole up to its colon, if it is no longer than this.
const WORD: usize = 20;
/// Names longer than this do not widen the column of short IDs.
const WIDEST: usize = 16;

/// Describes the events of one room.
///
/// All it returns is safe to print: what could act on a terminal is escaped.
#[derive(Debug)]
pub(super) struct Describer<'a> {
    room: &'a Room,
    /// Names that the scenario gives, without their `$`.
    names: HashMap<EventIx, &'a str>,
    /// The number of characters of a short ID.
    length: usize,
    /// IDs that need more than `length` characters.
    longer: HashMap<&'a str, usize>,
    /// Local parts that users of several servers have.
    homonyms: BTreeSet<&'a str>,
    /// All events are of one day (UTC), so that the time of day suffices.
    one_day: bool,
    id_width: usize,
    user_width: usize,
}

impl<'a> Describer<'a> {
    /// Describes events by their own IDs.
    #[cfg(test)]
    pub(super) fn new(room: &'a Room) -> Self {
        Self::named(room, HashMap::new())
    }

    /// Describes the events of a dump; those of a scenario by the names they have in it.
    pub(super) fn of(dump: &'a Dump) -> Self {
        let names = dump
            .placeholders
            .iter()
            .filter_map(|(name, real)| Some((dump.room.find(real)?, name.strip_prefix('$').unwrap_or(name))))
            .collect();
        Self::named(&dump.room, names)
    }

    fn named(room: &'a Room, names: HashMap<EventIx, &'a str>) -> Self {
        let (length, longer) = lengths(room);
        let mut describer = Self {
            room,
            names,
            length,
            longer,
            homonyms: homonyms(room),
            one_day: is_one_day(room),
            id_width: 0,
            user_width: 0,
        };
        let ids = room.events().map(|ix| describer.short_id(ix).chars().count());
        describer.id_width = ids.filter(|width| *width <= WIDEST).max().unwrap_or(WIDEST);
        let users = room.events().map(|ix| describer.sender(ix).chars().count());
        describer.user_width = users.filter(|width| *width <= WIDEST).max().unwrap_or(WIDEST);
        describer
    }

    /// The room.
    pub(super) fn room(&self) -> &'a Room {
        self.room
    }

    /// The name of an event: that of the scenario, else as much of its ID as tells it from all others, without the
    /// `$`, which shells would take for a variable. Can be given back to the program as it is.
    pub(super) fn short_id(&self, ix: EventIx) -> String {
        match self.names.get(&ix) {
            Some(name) => text::shorten(name, 40),
            None => self.shorten(self.room.id(ix)),
        }
    }

    /// As [`Self::short_id`], for an event that is not in the dump.
    pub(super) fn missing_id(&self, missing: MissingIx) -> String {
        self.shorten(self.room.missing_id(missing))
    }

    fn shorten(&self, id: &str) -> String {
        let bare = bare(id);
        if let Some(word) = word(bare)
            && self.longer.get(id).is_none_or(|length| *length <= word.len() + 1)
        {
            return text::escape(word);
        }
        let length = self.longer.get(id).copied().unwrap_or(0).max(self.length);
        text::escape(&bare[..boundary(bare, length)])
    }

    /// The width of the column of short IDs.
    pub(super) fn id_width(&self) -> usize {
        self.id_width
    }

    /// The width of the column of senders.
    pub(super) fn user_width(&self) -> usize {
        self.user_width
    }

    /// A user: "@bob", with the server where another server has a @bob too.
    pub(super) fn user(&self, user_id: &str) -> String {
        match user_id.split_once(':') {
            Some((local, _)) if local.len() > 1 && !self.homonyms.contains(local) => text::shorten(local, 40),
            _ => text::shorten(user_id, 60),
        }
    }

    /// The sender of an event, as [`Self::user`].
    pub(super) fn sender(&self, ix: EventIx) -> String {
        self.user(self.room.event(ix).sender())
    }

    /// When an event was sent, by its own account, in UTC; without the date where all events are of one day.
    pub(super) fn time(&self, ix: EventIx) -> String {
        let time = self.room.event(ix).origin_server_ts();
        if self.one_day { text::clock(time) } else { text::date_time(time) }
    }

    /// What an event says: "m.room.member @bob = ban".
    pub(super) fn summary(&self, ix: EventIx) -> String {
        summary::summary(self.room.event(ix), self)
    }

    /// A state key: "m.room.member @bob", "m.room.topic".
    pub(super) fn key(&self, key: KeyIx) -> String {
        let (event_type, state_key) = self.room.key(key);
        self.state_key(event_type, state_key)
    }

    /// As [`Self::key`].
    pub(super) fn state_key(&self, event_type: &str, state_key: &str) -> String {
        let mut text = text::shorten(event_type, 60);
        if !state_key.is_empty() {
            text.push(' ');
            text.push_str(&if state_key.starts_with('@') {
                self.user(state_key)
            } else {
                text::shorten(state_key, 40)
            });
        }
        text
    }

    /// The name of an event by its ID, be it in the dump or not.
    pub(super) fn short_id_of(&self, event_id: &str) -> String {
        match self.room.find(event_id) {
            Some(ix) => self.short_id(ix),
            None => self.shorten(event_id),
        }
    }

    /// An event in one line: short ID, time, sender, summary.
    pub(super) fn line(&self, ix: EventIx) -> String {
        let (id, user) = (self.id_width, self.user_width);
        format!(
            "{:<id$}  {}  {:<user$}  {}",
            self.short_id(ix),
            self.time(ix),
            self.sender(ix),
            self.summary(ix)
        )
    }
}

fn bare(id: &str) -> &str {
    id.strip_prefix('$').unwrap_or(id)
}

/// An ID that somebody chose: what stands before its colon, or all of it.
fn word(bare: &str) -> Option<&str> {
    let local = bare.split_once(':').map_or(bare, |(local, _)| local);
    (!local.is_empty() && local.len() <= WORD).then_some(local)
}

/// The first character boundary of `text` at or after `length`.
fn boundary(text: &str, length: usize) -> usize {
    (length..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// How much of an ID tells it from all others: the length that does for (nearly) all, and those that need more.
fn lengths(room: &Room) -> (usize, HashMap<&str, usize>) {
    let missing = room.missing().map(|missing| room.missing_id(missing));
    let mut ids: Vec<&str> = room.events().map(|ix| room.id(ix)).chain(missing).collect();
    ids.sort_unstable_by_key(|id| bare(id));
    let common = |a: &str, b: &str| bare(a).bytes().zip(bare(b).bytes()).take_while(|(a, b)| a == b).count();
    let mut needed = vec![0; ids.len()];
    for place in 1..ids.len() {
        let length = common(ids[place - 1], ids[place]) + 1;
        needed[place - 1] = length.max(needed[place - 1]);
        needed[place] = length;
    }
    let is_word = |id: &str| word(bare(id)).is_some();
    let hashes = ids.iter().zip(&needed).filter(|(id, _)| !is_word(id)).map(|(_, needed)| *needed);
    let length = hashes.max().unwrap_or(0).clamp(SHORTEST, USUAL);
    let longer = ids.iter().zip(&needed).filter(|(id, needed)| **needed > length || is_word(id));
    (length, longer.map(|(id, needed)| (*id, *needed)).collect())
}

fn homonyms(room: &Room) -> BTreeSet<&str> {
    let mut servers: BTreeMap<&str, &str> = BTreeMap::new();
    let mut homonyms = BTreeSet::new();
    let users = (0..room.key_count()).map(|place| room.key(KeyIx::new(place)));
    for (local, server) in users
        .filter(|(event_type, _)| *event_type == "m.room.member")
        .filter_map(|(_, user)| user.split_once(':'))
    {
        if *servers.entry(local).or_insert(server) != server {
            homonyms.insert(local);
        }
    }
    homonyms
}

fn is_one_day(room: &Room) -> bool {
    let times = || room.events().map(|ix| room.event(ix).origin_server_ts());
    let day = |time: Option<i64>| time.and_then(text::date);
    day(times().min()).is_some_and(|first| day(times().max()).is_some_and(|last| first == last))
}

#[cfg(test)]
mod tests {
    use super::Describer;
    use crate::dump::{Options, load};
    use crate::room::Room;

    fn room(ids: &[&str], senders: &[&str]) -> Room {
        let lines: Vec<String> = ids
            .iter()
            .zip(senders.iter().cycle())
            .map(|(id, sender)| {
                format!(
                    r#"{{"event_id":"{id}","type":"m.x","sender":"{sender}","room_id":"!r:x","content":{{}},"prev_events":[],"auth_events":[],"origin_server_ts":1,"depth":1}}"#
                )
            })
            .collect();
        load(lines.join("\n").as_bytes(), &Options { room_version: Some("11".into()), ..Options::default() })
            .unwrap()
            .room
    }

    fn short(room: &Room) -> Vec<String> {
        let describer = Describer::new(room);
        let mut ids: Vec<_> = room.events().map(|ix| describer.short_id(ix)).collect();
        ids.sort();
        ids
    }

    #[test]
    fn short_ids_tell_events_apart() {
        let tail = "_".repeat(33);
        let id = |head: &str| format!("${head:_<10}{tail}");
        let ids = [id("abcdefg1"), id("abcdefg2"), id("zyxwvut1")];
        assert_eq!(
            short(&room(&ids.each_ref().map(String::as_str), &["@a:x"])),
            ["abcdefg1", "abcdefg2", "zyxwvut1"]
        );
        let ids = [id("abc"), id("xyz")];
        assert_eq!(short(&room(&ids.each_ref().map(String::as_str), &["@a:x"])), ["abc___", "xyz___"]);
        // Two that agree far do not lengthen the others.
        let ids = [format!("${tail}aaaaaaaaaa"), format!("${tail}aaaaaaaaab"), id("q")];
        let long = format!("{tail}aaaaaaaaaa");
        assert_eq!(short(&room(&ids.each_ref().map(String::as_str), &["@a:x"]))[0], long);
        assert_eq!(short(&room(&ids.each_ref().map(String::as_str), &["@a:x"]))[2], "q_______");
    }

    #[test]
    fn chosen_ids_are_shown_as_words() {
        assert_eq!(short(&room(&["$topic:a.x", "$topic2:a.x"], &["@a:x"])), ["topic", "topic2"]);
        assert_eq!(short(&room(&["$topic:a.x", "$topic:b.x"], &["@a:x"])), ["topic:a", "topic:b"]);
    }

    #[test]
    fn namesakes_are_told_apart() {
        let room = room(&["$a", "$b", "$c"], &["@bob:x", "@bob:y", "@eve:x"]);
        let describer = Describer::new(&room);
        let users = ["@bob:x", "@eve:x", "@eve\u{1b}:x", "eve"].map(|user| describer.user(user));
        assert_eq!(users, ["@bob:x", "@eve", "@eve\\u{1b}", "eve"]);
    }
}
