//! Events, users, keys and times in few words, for lists, logs and labels.

pub mod marks;
mod summary;
pub mod text;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::dump::Dump;
use crate::explain::{Sentence, Span};
use crate::room::{EventIx, KeyIx, Link, MissingIx, Room};

/// A short ID has at least so many characters after the `$`.
const SHORTEST: usize = 6;
/// And not more than so many, unless the event needs them to be told from another.
const USUAL: usize = 8;
/// An ID that is no hash is shown whole up to its colon, if it is no longer than this.
const WORD: usize = 20;
/// Names longer than this do not widen the column of short IDs.
const WIDEST: usize = 16;

/// What short names of a room's events and users have to say so that none is taken for another. Takes a sort of all IDs
/// to find out, so it is found out once; keep it beside the room.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Names that the scenario gives, without their `$`.
    given: HashMap<EventIx, Box<str>>,
    /// The number of characters of a short ID.
    length: usize,
    /// IDs that need more than `length` characters, or stop short of their colon.
    longer: HashMap<Link, usize>,
    /// Local parts that users of several servers have.
    homonyms: BTreeSet<Box<str>>,
    /// All events are of one day (UTC), so that the time of day suffices.
    one_day: bool,
}

impl Names {
    /// Names for the events of a room. `placeholders`: the names that a scenario has for events, and their real IDs.
    pub fn new(room: &Room, placeholders: &BTreeMap<String, String>) -> Self {
        let given = placeholders
            .iter()
            .filter_map(|(name, real)| {
                Some((room.find(real)?, name.strip_prefix('$').unwrap_or(name).into()))
            })
            .collect();
        let (length, longer) = lengths(room);
        Self { given, length, longer, homonyms: homonyms(room), one_day: is_one_day(room) }
    }
}

/// Describes the events of one room.
///
/// All it returns is safe to print: what could act on a terminal, or hide, is escaped.
#[derive(Debug)]
pub struct Describer<'a> {
    room: &'a Room,
    names: Cow<'a, Names>,
    /// The widths of the columns of short IDs and of senders.
    widths: OnceCell<(usize, usize)>,
}

impl<'a> Describer<'a> {
    /// Describes events by names that are at hand, those of this room.
    pub fn new(room: &'a Room, names: &'a Names) -> Self {
        Self { room, names: Cow::Borrowed(names), widths: OnceCell::new() }
    }

    /// Describes the events of a dump; those of a scenario by the names they have in it.
    pub fn of(dump: &'a Dump) -> Self {
        let names = Cow::Owned(Names::new(&dump.room, &dump.placeholders));
        Self { room: &dump.room, names, widths: OnceCell::new() }
    }

    /// The room.
    pub fn room(&self) -> &'a Room {
        self.room
    }

    /// The name of an event: that of the scenario, else as much of its ID as tells it from all others, without the
    /// `$`, which shells would take for a variable. Can be given back to the program as it is.
    pub fn short_id(&self, ix: EventIx) -> String {
        match self.names.given.get(&ix) {
            Some(name) => text::shorten(name, 40),
            None => self.shorten(self.room.id(ix), Some(Link::Event(ix))),
        }
    }

    /// As [`Self::short_id`], for an event that is not in the dump.
    pub fn missing_id(&self, missing: MissingIx) -> String {
        self.shorten(self.room.missing_id(missing), Some(Link::Missing(missing)))
    }

    fn shorten(&self, id: &str, link: Option<Link>) -> String {
        let bare = bare(id);
        let needed = link.and_then(|link| self.names.longer.get(&link));
        if let Some(word) = word(bare)
            && needed.is_none_or(|length| *length <= word.len() + 1)
        {
            return text::escape(word);
        }
        let length = needed.copied().unwrap_or(0).max(self.names.length);
        text::escape(&bare[..boundary(bare, length)])
    }

    /// The width of the column of short IDs.
    pub fn id_width(&self) -> usize {
        self.widths().0
    }

    /// The width of the column of senders.
    pub fn user_width(&self) -> usize {
        self.widths().1
    }

    fn widths(&self) -> (usize, usize) {
        let widest = |widths: &mut dyn Iterator<Item = usize>| {
            widths.filter(|width| *width <= WIDEST).max().unwrap_or(WIDEST)
        };
        *self.widths.get_or_init(|| {
            let ids = widest(&mut self.room.events().map(|ix| self.short_id(ix).chars().count()));
            (ids, widest(&mut self.room.events().map(|ix| self.sender(ix).chars().count())))
        })
    }

    /// A user: "@bob", with the server where another server has a @bob too.
    pub fn user(&self, user_id: &str) -> String {
        match user_id.split_once(':') {
            Some((local, _)) if local.len() > 1 && !self.names.homonyms.contains(local) => {
                text::shorten(local, 40)
            }
            _ => text::shorten(user_id, 60),
        }
    }

    /// The sender of an event, as [`Self::user`].
    pub fn sender(&self, ix: EventIx) -> String {
        self.user(self.room.event(ix).sender())
    }

    /// When an event was sent, by its own account, in UTC; without the date where all events are of one day.
    pub fn time(&self, ix: EventIx) -> String {
        let time = self.room.event(ix).origin_server_ts();
        if self.names.one_day { text::clock(time) } else { text::date_time(time) }
    }

    /// What an event says: "m.room.member @bob = ban".
    pub fn summary(&self, ix: EventIx) -> String {
        summary::summary(self.room.event(ix), self)
    }

    /// A state key: "m.room.member @bob", "m.room.topic".
    pub fn key(&self, key: KeyIx) -> String {
        let (event_type, state_key) = self.room.key(key);
        self.state_key(event_type, state_key)
    }

    /// As [`Self::key`].
    pub fn state_key(&self, event_type: &str, state_key: &str) -> String {
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
    pub fn short_id_of(&self, event_id: &str) -> String {
        let missing = || self.room.find_missing(event_id);
        match self.room.find(event_id) {
            Some(ix) => self.short_id(ix),
            None => self.shorten(event_id, missing().map(Link::Missing)),
        }
    }

    /// A sentence as plain text.
    pub fn sentence(&self, sentence: &Sentence) -> String {
        sentence.0.iter().map(|span| self.span(span)).collect()
    }

    /// A piece of a sentence as plain text.
    pub fn span(&self, span: &Span) -> String {
        match span {
            Span::Text(words) => text::escape(words),
            Span::Event(ix) => self.short_id(*ix),
            Span::Described(ix) => {
                format!("{} ({} by {})", self.short_id(*ix), self.summary(*ix), self.sender(*ix))
            }
            Span::Missing(missing) => self.missing_id(*missing),
            Span::User(user) => self.user(user),
            Span::Key(key) => self.key(*key),
            Span::Level(level) => level.to_string(),
            Span::Rule(number) => (*number).to_owned(),
            Span::Time(time) => text::date_time(*time),
            Span::Value(value) => text::shorten(value, 60),
        }
    }

    /// An event in one line: short ID, time, sender, summary.
    pub fn line(&self, ix: EventIx) -> String {
        let (id, user) = self.widths();
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
    // Nearly all IDs are hashes, which are longer than any word and not worth looking through.
    let end = bare.bytes().take(WORD + 1).position(|byte| byte == b':').unwrap_or(bare.len());
    (1..=WORD).contains(&end).then(|| &bare[..end])
}

/// The first character boundary of `text` at or after `length`.
fn boundary(text: &str, length: usize) -> usize {
    (length..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// How much of an ID tells it from all others: the length that does for (nearly) all, and those that need more.
fn lengths(room: &Room) -> (usize, HashMap<Link, usize>) {
    let missing = room.missing().map(|missing| (room.missing_id(missing), Link::Missing(missing)));
    let events = room.events().map(|ix| (room.id(ix), Link::Event(ix)));
    // Nearly all IDs differ in what fits into a number.
    let mut ids: Vec<(u64, &str, Link)> =
        events.chain(missing).map(|(id, link)| (beginning(bare(id)), id, link)).collect();
    ids.sort_unstable_by_key(|(beginning, id, _)| (*beginning, bare(id)));
    let common = |a: &str, b: &str| bare(a).bytes().zip(bare(b).bytes()).take_while(|(a, b)| a == b).count();
    let mut needed = vec![0; ids.len()];
    for place in 1..ids.len() {
        let length = common(ids[place - 1].1, ids[place].1) + 1;
        needed[place - 1] = length.max(needed[place - 1]);
        needed[place] = length;
    }
    let is_word = |id: &str| word(bare(id)).is_some();
    let hashes = ids.iter().zip(&needed).filter(|((_, id, _), _)| !is_word(id)).map(|(_, needed)| *needed);
    let length = hashes.max().unwrap_or(0).clamp(SHORTEST, USUAL);
    let longer = ids.iter().zip(&needed).filter(|((_, id, _), needed)| **needed > length || is_word(id));
    (length, longer.map(|((_, _, link), needed)| (*link, *needed)).collect())
}

/// The first eight bytes, in the order of text.
fn beginning(text: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
    u64::from_be_bytes(bytes)
}

fn homonyms(room: &Room) -> BTreeSet<Box<str>> {
    let mut servers: BTreeMap<&str, &str> = BTreeMap::new();
    let mut homonyms = BTreeSet::new();
    let users = (0..room.key_count()).map(|place| room.key(KeyIx::new(place)));
    for (local, server) in users
        .filter(|(event_type, _)| *event_type == "m.room.member")
        .filter_map(|(_, user)| user.split_once(':'))
    {
        if *servers.entry(local).or_insert(server) != server {
            homonyms.insert(local.into());
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
    use super::*;
    use crate::dump::{Options, load};

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
        let names = Names::new(room, &BTreeMap::new());
        let describer = Describer::new(room, &names);
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
        let names = Names::new(&room, &BTreeMap::new());
        let describer = Describer::new(&room, &names);
        let users = ["@bob:x", "@eve:x", "@eve\u{1b}:x", "eve"].map(|user| describer.user(user));
        assert_eq!(users, ["@bob:x", "@eve", "@eve\\u{1b}", "eve"]);
    }
}
