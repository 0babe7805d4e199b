//! The events that the page names, each with its JSON.

use super::words::{MOST_EVENTS, Writer};
use crate::describe::text;
use crate::event::Event;
use crate::explain::{Sentence, explain_rejection};
use crate::export::escape_json;
use crate::replay::Replay;
use crate::room::{EventIx, Link};

/// So many characters of the JSON of an event are shown.
const MOST_JSON: usize = 16_000;
/// So many references are named.
const MOST_LINKS: usize = 20;
/// Deeper nesting is not indented further.
const DEEPEST: usize = 24;

/// Writes the list. What it names itself gets no entry.
pub(super) fn write(page: &mut Writer<'_>, replay: &Replay<'_>) {
    let events = page.close_list();
    page.section("events", "Events", |page| {
        page.paragraph("weak", |page| {
            page.out.text("The events that this page names, the oldest first, as they are in the dump.");
            if events.len() >= MOST_EVENTS {
                let more = format!(" Only the first {MOST_EVENTS} that were named are listed.");
                page.out.text(&more);
            }
        });
        for ix in events {
            entry(page, replay, ix);
        }
    });
}

fn entry(page: &mut Writer<'_>, replay: &Replay<'_>, ix: EventIx) {
    let (room, describer) = (replay.room(), page.describer);
    let anchor = page.anchor(ix);
    page.out.raw("\n");
    page.out.open("article", &[("id", &anchor), ("class", "event")]);
    page.out.open("h3", &[]);
    page.out.leaf("span", &[("class", "id")], &describer.short_id(ix));
    page.out.text(" ");
    page.out.leaf("bdi", &[], &describer.summary(ix));
    page.out.close("h3");
    page.paragraph("", |page| {
        page.out.leaf("code", &[], &text::shorten(room.id(ix), 300));
        page.out.text(&format!(", sent {} by ", text::date_time(room.event(ix).origin_server_ts())));
        page.out.leaf("bdi", &[("class", "user")], &text::shorten(room.event(ix).sender(), 300));
    });
    page.paragraph("", |page| {
        let sentence = verdict(replay, ix);
        page.sentence(&sentence);
    });
    references(page, "prev_events", &room.prev_links(ix).collect::<Vec<_>>());
    if room.rules().has_state_dag() {
        references(page, "prev_state_events", &room.state_links(ix).collect::<Vec<_>>());
        references(page, "auth_events (calculated)", &replay.auth().links(ix).collect::<Vec<_>>());
    } else {
        references(page, "auth_events", &room.auth_links(ix).collect::<Vec<_>>());
    }
    page.folded(
        false,
        |page| page.out.text("JSON"),
        |page| {
            page.out.open("pre", &[]);
            page.out.lines(&pretty(room.event(ix)));
            page.out.close("pre");
        },
    );
    page.out.close("article");
}

/// How the event fared.
fn verdict(replay: &Replay<'_>, ix: EventIx) -> Sentence {
    let room = replay.room();
    if let Some(rejection) = replay.rejection(ix) {
        return explain_rejection(room, rejection);
    }
    if room.is_outlier(ix) {
        return Sentence::new().with("An outlier: it has no place in the graph");
    }
    let is_current = || {
        let (key, state) = (room.key_of(ix)?, replay.current().state.as_ref()?);
        Some(state.get(key) == Some(ix))
    };
    Sentence::new().with(match is_current() {
        Some(true) => "Accepted; part of the current state",
        Some(false) => "Accepted; not part of the current state",
        None => "Accepted",
    })
}

fn references(page: &mut Writer<'_>, name: &str, links: &[Link]) {
    if links.is_empty() {
        return;
    }
    page.paragraph("weak", |page| {
        page.out.text(name);
        page.out.text(": ");
        for (number, link) in links.iter().take(MOST_LINKS).enumerate() {
            if number > 0 {
                page.out.text(", ");
            }
            page.link(*link);
        }
        if links.len() > MOST_LINKS {
            page.out.text(&format!(", … {} in all", text::number(links.len())));
        }
    });
}

/// The JSON of an event, token by token as it was given, on lines of their own.
fn pretty(event: &Event) -> String {
    let json = escape_json(event.json());
    let mut lines = String::new();
    let mut depth = 0_usize;
    let mut left = MOST_JSON;
    let mut chars = json.chars().peekable();
    let break_line = |lines: &mut String, depth: usize| {
        lines.push('\n');
        lines.push_str(&"  ".repeat(depth.min(DEEPEST)));
    };
    let mut in_string = false;
    while let Some(c) = chars.next() {
        if left == 0 {
            lines.push_str("\n… (shortened)");
            break;
        }
        left -= 1;
        if in_string {
            lines.push(c);
            match c {
                '\\' => lines.extend(chars.next()),
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match c {
            ' ' | '\n' | '\r' | '\t' => {}
            '"' => {
                in_string = true;
                lines.push(c);
            }
            '{' | '[' => {
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                lines.push(c);
                match chars.next_if(|c| matches!(c, '}' | ']')) {
                    Some(end) => lines.push(end),
                    None => {
                        depth += 1;
                        break_line(&mut lines, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut lines, depth);
                lines.push(c);
            }
            ',' => {
                lines.push(c);
                break_line(&mut lines, depth);
            }
            ':' => lines.push_str(": "),
            c => lines.push(c),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Options, load};

    #[test]
    fn json_is_shown_as_it_was_given() {
        let line = r#"{"event_id":"$a:x","type":"m.x","sender":"@a:x","room_id":"!r:x","content":{"b": [ ],"a":[1,{"\"}":1.50}]},"prev_events":[],"auth_events":[],"origin_server_ts":1,"depth":1}"#;
        let dump = load(line.as_bytes(), &Options::default()).unwrap();
        let event = dump.room.event(dump.room.events().next().unwrap());
        let shown = pretty(event);
        assert!(
            shown.contains(
                "    \"b\": [],\n    \"a\": [\n      1,\n      {\n        \"\\\"}\": 1.50\n      }\n    ]"
            ),
            "{shown}"
        );
        let values =
            [event.json(), &shown].map(|json| serde_json::from_str::<serde_json::Value>(json).unwrap());
        assert_eq!(values[0], values[1]);
    }
}
