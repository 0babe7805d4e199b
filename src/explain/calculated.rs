//! The calculation of auth events as sentences.

use super::{Node, Span, Tone, count, sentence};
use crate::auth::SelectedFor;
use crate::resolve::step::{CalcAuth, SelectedKey};
use crate::room::Room;

/// Which entries of the state before an event authorize it, and why just these.
pub fn explain_calculated_auth(room: &Room, calculated: &CalcAuth) -> Node {
    let found = calculated.keys.iter().filter(|key| key.event.is_some()).count();
    let title = sentence![
        "Auth events of ",
        Span::Described(calculated.event),
        format!(", calculated: {found} of the {}", count(calculated.size, "entry")),
    ];
    let parents = room.state_parents(calculated.event).iter().map(|parent| Span::Event(*parent));
    let whence = match parents.len() {
        0 => sentence![" of the state before it"],
        1 => sentence![" of the state before it, which is that after "].list(parents, ""),
        _ => sentence![" of the state before it, resolved from those after "].list(parents, ""),
    };
    let node = Node::new(Tone::Phase, title.and(whence));
    match &calculated.unreadable {
        Some(why) => {
            node.with([Node::new(Tone::Bad, sentence!["nothing can be selected: the event ", why.clone()])])
        }
        None => node.with(calculated.keys.iter().map(key_node)),
    }
}

fn key_node(selected: &SelectedKey) -> Node {
    let why = match selected.reason {
        SelectedFor::Create => "the create event is always asked for",
        SelectedFor::PowerLevels => "the power levels are always asked for",
        SelectedFor::Sender => "the membership of the sender",
        SelectedFor::Target => "the membership of the user it is about",
        SelectedFor::JoinRules => "a join, an invite and a knock ask for the join rules",
        SelectedFor::ThirdPartyInvite => "the third-party invite with its token",
        SelectedFor::Authoriser => "the membership of the user who vouches for the join",
    };
    let (tone, sentence) = match selected.event {
        Some(event) => (Tone::Plain, sentence![selected.key, " is ", Span::Described(event)]),
        None => (Tone::Note, sentence![selected.key, " is absent from the state"]),
    };
    Node::new(tone, sentence.with(": ").with(why))
}
