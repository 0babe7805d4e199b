//! A room as a graph for Graphviz.

use std::io::{self, Write};

use super::super::args::Edges;
use super::super::marks::{is_current, rule_number};
use crate::describe::Describer;
use crate::dump::Dump;
use crate::replay::Replay;
use crate::room::{EventIx, Link, MissingIx, Room};

/// Writes the graph; edges lead from an event to those it refers to.
pub(super) fn write(dump: &Dump, replay: &Replay<'_>, edges: Edges, out: &mut impl Write) -> io::Result<()> {
    let room = &dump.room;
    let describer = Describer::of(dump);
    writeln!(out, "digraph room {{")?;
    writeln!(out, "  label={};", quote(room.room_id().unwrap_or("")))?;
    writeln!(out, "  rankdir=BT;")?;
    writeln!(out, "  node [shape=box, style=\"filled,rounded\", fontname=\"sans-serif\", fontsize=10];")?;
    writeln!(out, "  edge [arrowsize=0.6];")?;
    for ix in room.events() {
        node(ix, replay, &describer, out)?;
    }
    let drawn = |missing: &MissingIx| is_drawn(room, *missing, edges);
    for missing in room.missing().filter(drawn) {
        let label = format!("{}\nnot in the dump", describer.missing_id(missing));
        writeln!(
            out,
            "  {} [label={}, style=\"dashed,rounded\", color=gray];",
            target(Link::Missing(missing)),
            quote(&label)
        )?;
    }
    for ix in room.events() {
        if edges != Edges::Auth {
            for link in room.prev_links(ix) {
                writeln!(out, "  e{} -> {};", ix.index(), target(link))?;
            }
            // Where states follow edges of their own, these are drawn beside.
            for link in room.state_links(ix).filter(|_| room.rules().has_state_dag()) {
                writeln!(
                    out,
                    "  e{} -> {} [color=blue, penwidth=1.5, constraint=false];",
                    ix.index(),
                    target(link)
                )?;
            }
        }
        if edges != Edges::Prev {
            // Beside the graph proper, auth edges must not decide where events are placed.
            let constraint = if edges == Edges::Both { ", constraint=false" } else { "" };
            for link in replay.auth().links(ix) {
                writeln!(
                    out,
                    "  e{} -> {} [style=dashed, color=gray{constraint}];",
                    ix.index(),
                    target(link)
                )?;
            }
        }
    }
    writeln!(out, "}}")
}

fn is_drawn(room: &Room, missing: MissingIx, edges: Edges) -> bool {
    let is_it = |link: Link| link == Link::Missing(missing);
    let of_prev = || room.holes().chain(room.state_holes());
    let prev = || of_prev().any(|(_, links)| links.iter().any(|link| is_it(*link)));
    let auth = || room.auth_holes().any(|(_, links)| links.iter().any(|link| is_it(*link)));
    edges == Edges::Both || edges == Edges::Prev && prev() || edges == Edges::Auth && auth()
}

fn target(link: Link) -> String {
    match link {
        Link::Event(ix) => format!("e{}", ix.index()),
        Link::Missing(missing) => format!("m{}", missing.index()),
    }
}

fn node(ix: EventIx, replay: &Replay<'_>, describer: &Describer<'_>, out: &mut impl Write) -> io::Result<()> {
    let room = replay.room();
    let mut label =
        format!("{}  {}\n{}", describer.short_id(ix), describer.sender(ix), describer.summary(ix));
    let rejection = replay.rejection(ix);
    if let Some(rejection) = rejection {
        let rule = rule_number(room, rejection).map(|rule| format!(" (rule {rule})")).unwrap_or_default();
        label.push_str(&format!("\nrejected: {}{rule}", rejection.reason));
    }
    // Colours that people who confuse red and green can tell apart, and that leave black text readable.
    let holds = is_current(replay, ix);
    let fill = match (rejection, room.event(ix).is_state()) {
        (Some(_), _) => "#f4a582",
        (None, true) if holds => "#6baed6",
        (None, true) => "#c6dbef",
        (None, false) => "#f0f0f0",
    };
    let style = if room.is_outlier(ix) { ", style=\"filled,dotted,rounded\"" } else { "" };
    writeln!(
        out,
        "  e{} [label={}, tooltip={}, fillcolor=\"{fill}\"{style}];",
        ix.index(),
        quote(&label),
        quote(room.id(ix))
    )
}

/// A quoted string. Backslashes are doubled, for Graphviz has escapes of its own, like `\N` for the name of the node.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if crate::export::is_harmful(c) => quoted.push('\u{fffd}'),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn strings_cannot_break_out() {
        assert_eq!(quote("a\"];\\N\n\u{7}<b>"), "\"a\\\"];\\\\N\\n\u{fffd}<b>\"");
    }
}
