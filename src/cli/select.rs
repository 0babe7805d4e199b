//! From what somebody typed to an event.

use super::error::CliError;
use super::text;
use crate::describe::Describer;
use crate::dump::Dump;
use crate::room::{EventIx, Room};

/// So many candidates are listed.
const LISTED: usize = 8;
/// So many suggestions are made.
const SUGGESTED: usize = 3;

/// The event that `given` names: by its ID, by a beginning of its ID that no other event has, or by its placeholder in
/// the scenario; each with or without the leading `$`.
pub(super) fn event(dump: &Dump, given: &str) -> Result<EventIx, CliError> {
    let room = &dump.room;
    let bare = given.strip_prefix('$').unwrap_or(given);
    if bare.is_empty() {
        return Err(CliError::new("an event ID is missing, only its sigil is there")
            .hint("put the ID into single quotes: the shell takes $… for a variable"));
    }
    let dollar = format!("${bare}");
    let exact = || room.find(&dollar).or_else(|| room.find(bare));
    let placeholder = || {
        let real = dump.placeholders.get(&dollar).or_else(|| dump.placeholders.get(bare))?;
        room.find(real)
    };
    if let Some(ix) = exact().or_else(placeholder) {
        return Ok(ix);
    }
    let mut found = room.find_prefix(bare);
    found.extend(by_placeholder_prefix(dump, bare));
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [] => Err(not_found(dump, given, bare)),
        [ix] => Ok(ix),
        _ => local_part(room, &found, bare).ok_or_else(|| ambiguous(dump, given, &found)),
    }
}

/// Several events, as [`event`].
pub(super) fn events(dump: &Dump, given: &[String]) -> Result<Vec<EventIx>, CliError> {
    given.iter().map(|given| event(dump, given)).collect()
}

/// In room versions 1 and 2, `$abc:server` is meant by `abc`, though `$abcd:server` begins alike.
fn local_part(room: &Room, found: &[EventIx], bare: &str) -> Option<EventIx> {
    let named = |ix: &&EventIx| {
        let id = room.id(**ix);
        id.strip_prefix('$').unwrap_or(id).split_once(':').is_some_and(|(local, _)| local == bare)
    };
    let mut matching = found.iter().filter(named);
    matching.next().copied().filter(|_| matching.next().is_none())
}

fn by_placeholder_prefix(dump: &Dump, bare: &str) -> Vec<EventIx> {
    let begins = |name: &str| name.strip_prefix('$').unwrap_or(name).starts_with(bare);
    let mut found: Vec<EventIx> = dump
        .placeholders
        .iter()
        .filter(|(name, _)| begins(name))
        .filter_map(|(_, real)| dump.room.find(real))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn ambiguous(dump: &Dump, given: &str, found: &[EventIx]) -> CliError {
    let describer = Describer::of(dump);
    let mut message =
        format!("{} could be any of {}:", text::shorten(given, 60), text::count(found.len(), "event"));
    for ix in found.iter().take(LISTED) {
        message.push_str("\n  ");
        message.push_str(&describer.line(*ix));
    }
    if found.len() > LISTED {
        message.push_str("\n  …");
    }
    CliError::new(message).hint("give more characters of the ID")
}

fn not_found(dump: &Dump, given: &str, bare: &str) -> CliError {
    let shown = text::shorten(given, 60);
    let missing = dump.room.missing().map(|missing| dump.room.missing_id(missing));
    let mut missing = missing.filter(|id| id.strip_prefix('$').unwrap_or(id).starts_with(bare));
    if let Some(id) = missing.next() {
        let id = text::shorten(id, 60);
        return CliError::new(format!("{id} is referred to, but is not in the dump"))
            .hint("`hindsight inspect` lists the holes");
    }
    let error = CliError::new(format!("there is no event {shown} in the dump"));
    let describer = Describer::of(dump);
    let alike: Vec<String> =
        suggestions(dump, bare).into_iter().map(|ix| format!("\n  {}", describer.line(ix))).collect();
    match alike.len() {
        0 => error
            .hint("give an event ID, its beginning, or its name in the scenario; `hindsight log` lists them"),
        _ => error.hint(format!("did you mean{}", alike.concat())),
    }
}

/// Events whose ID or placeholder looks like `bare`.
fn suggestions(dump: &Dump, bare: &str) -> Vec<EventIx> {
    let room = &dump.room;
    let names = dump.placeholders.iter().filter_map(|(name, real)| Some((name.as_str(), room.find(real)?)));
    let ids = room.events().map(|ix| (room.id(ix), ix));
    let length = bare.chars().count();
    let mut scored: Vec<(usize, EventIx)> = names
        .chain(ids)
        .filter_map(|(name, ix)| {
            let name = name.strip_prefix('$').unwrap_or(name);
            // An ID is compared as far as it was typed.
            let head: String = name.chars().take(length.max(6)).collect();
            let distance = distance(bare, &head).min(distance(bare, name));
            (distance <= length.div_ceil(4)).then_some((distance, ix))
        })
        .collect();
    scored.sort_unstable();
    let mut events: Vec<EventIx> = Vec::new();
    for (_, ix) in scored {
        if !events.contains(&ix) && events.len() < SUGGESTED {
            events.push(ix);
        }
    }
    events
}

/// How many characters to insert, remove or replace (Levenshtein); upper and lower case count as alike.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().take(64).map(|c| c.to_ascii_lowercase()).collect();
    if a.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, event};
    use crate::dump::{Dump, Options, load};

    const SCENARIO: &str = r#"{
        room_version: "11", room_id: "!r:x", calculate_event_ids: true,
        events: [
            {event_id: "$CREATE", type: "m.room.create", state_key: "", sender: "@a:x", content: {room_version: "11"}},
            {event_id: "$TOPIC_1", type: "m.room.topic", state_key: "", sender: "@a:x", content: {topic: "\u001b[2J"},
             prev_events: ["$CREATE", "$gone"], auth_events: ["$CREATE"]},
            {event_id: "$TOPIC_2", type: "m.room.topic", state_key: "", sender: "@a:x", content: {topic: "b"},
             prev_events: ["$CREATE"], auth_events: ["$CREATE"]},
        ]}"#;

    fn scenario() -> Dump {
        load(SCENARIO.as_bytes(), &Options::default()).unwrap()
    }

    #[test]
    fn an_event_is_found_by_id_beginning_and_placeholder() {
        let dump = scenario();
        let ix = dump.room.find(&dump.placeholders["$TOPIC_1"]).unwrap();
        let id = dump.room.id(ix);
        for given in ["$TOPIC_1", "TOPIC_1", id, &id[1..], &id[..8], &id[1..8]] {
            assert_eq!(event(&dump, given).unwrap(), ix, "{given}");
        }
        assert!(event(&dump, "CREA").is_ok());
    }

    #[test]
    fn several_candidates_are_listed() {
        let error = event(&scenario(), "$TOPIC").unwrap_err();
        assert_eq!(error.code, 2);
        assert!(error.message.contains("any of 2 events"), "{error}");
        assert!(error.message.contains("TOPIC_1  00:00:01  @a  m.room.topic = \\u{1b}[2J"), "{error}");
    }

    #[test]
    fn what_is_not_there_is_explained() {
        let dump = scenario();
        let error = event(&dump, "topic_2").unwrap_err();
        assert!(error.hint.is_some_and(|hint| hint.contains("did you mean") && hint.contains("TOPIC_2")));
        assert!(event(&dump, "$gone").unwrap_err().message.contains("is not in the dump"));
        assert!(event(&dump, "$").unwrap_err().hint.is_some_and(|hint| hint.contains("quotes")));
        assert!(event(&dump, "nothing like it").is_err());
    }

    #[test]
    fn a_local_part_is_enough_where_servers_choose_ids() {
        let line = |id: &str, content: &str, prev: &str| {
            format!(
                r#"{{"event_id":"{id}","type":"m.room.create","state_key":"","sender":"@a:x","room_id":"!r:x","depth":1,
                "content":{content},"prev_events":[{prev}],"auth_events":[],"origin_server_ts":1}}"#
            )
            .replace('\n', " ")
        };
        let text = [line("$ab:x", "{}", ""), line("$abc:x", "{\"a\":1}", "")].join("\n");
        let dump = load(text.as_bytes(), &Options::default()).unwrap();
        assert_eq!(dump.room.id(event(&dump, "ab").unwrap()), "$ab:x");
        assert!(event(&dump, "a").is_err());
    }

    #[test]
    fn distances_count_edits() {
        for (a, b, edits) in
            [("", "abc", 3), ("kitten", "sitting", 3), ("TOPIC", "topic", 0), ("ab", "ba", 2)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }
}
