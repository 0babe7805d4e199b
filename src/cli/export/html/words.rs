//! Sentences and explanations as markup, with a link for every event.

use std::collections::BTreeSet;

use super::markup::Markup;
use crate::describe::{Describer, text};
use crate::explain::{Node, Sentence, Span, Tone};
use crate::room::{EventIx, Link};

/// So many events get an entry of their own.
pub(super) const MOST_EVENTS: usize = 400;
/// So many nodes of explanations are shown, and so many of one phase, so that none takes the place of all others.
const MOST_NODES: usize = 6000;
const MOST_OF_PHASE: usize = 500;
/// So many phases, and nodes of one phase. Below them, where a merge of many branches says something of each, fewer.
const MOST_CHILDREN: usize = 60;
const MOST_DETAILS: usize = 12;
/// So many pieces of one sentence.
const MOST_SPANS: usize = 120;
/// With more nodes under it, a node does not show them until it is asked to.
const FEW: usize = 12;

/// The page as far as it is written, and the events that it has named.
pub(super) struct Writer<'a> {
    pub(super) out: Markup,
    pub(super) describer: &'a Describer<'a>,
    mentioned: BTreeSet<EventIx>,
    /// No further events get an entry.
    is_closed: bool,
    /// So many nodes were shown, and so many of the present phase.
    nodes: usize,
    of_phase: usize,
    /// Something of an explanation was left out.
    pub(super) was_cut: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(describer: &'a Describer<'a>) -> Self {
        Self {
            out: Markup::default(),
            describer,
            mentioned: BTreeSet::new(),
            is_closed: false,
            nodes: 0,
            of_phase: 0,
            was_cut: false,
        }
    }

    /// The events that have been named, ascending. From now on no others get an entry.
    pub(super) fn close_list(&mut self) -> Vec<EventIx> {
        self.is_closed = true;
        self.mentioned.iter().copied().collect()
    }

    /// Notes that an event is named; whether it has an entry to link to.
    pub(super) fn mention(&mut self, ix: EventIx) -> bool {
        if !self.is_closed && self.mentioned.len() < MOST_EVENTS {
            self.mentioned.insert(ix);
        }
        self.mentioned.contains(&ix)
    }

    /// Where the entry of an event is: its ID, where that can stand in a link as it is.
    pub(super) fn anchor(&self, ix: EventIx) -> String {
        let id = self.describer.room().id(ix);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "$_-:./+=".contains(c);
        if id.starts_with('$') && id.chars().all(is_plain) {
            id.to_owned()
        } else {
            format!("event-{}", ix.index())
        }
    }

    /// The short name of an event, with a link to its entry.
    pub(super) fn event(&mut self, ix: EventIx) {
        let (short, id) = (self.describer.short_id(ix), self.describer.room().id(ix));
        if self.mention(ix) {
            let anchor = format!("#{}", self.anchor(ix));
            self.out.leaf("a", &[("class", "id"), ("href", &anchor), ("title", id)], &short);
        } else {
            self.out.leaf("span", &[("class", "id"), ("title", id)], &short);
        }
    }

    pub(super) fn link(&mut self, link: Link) {
        match link {
            Link::Event(ix) => self.event(ix),
            Link::Missing(missing) => {
                let short = self.describer.missing_id(missing);
                let id = self.describer.room().missing_id(missing);
                let title = format!("{id}, not in the dump");
                self.out.leaf("span", &[("class", "id missing"), ("title", &title)], &short);
            }
        }
    }

    /// The name of an event, what it says, and who sent it.
    pub(super) fn described(&mut self, ix: EventIx) {
        self.event(ix);
        self.out.text(" (");
        let summary = self.describer.summary(ix);
        self.out.leaf("bdi", &[], &summary);
        self.out.text(" by ");
        self.user(self.describer.room().event(ix).sender());
        self.out.text(")");
    }

    pub(super) fn user(&mut self, user: &str) {
        let short = self.describer.user(user);
        self.out.leaf("bdi", &[("class", "user"), ("title", user)], &short);
    }

    pub(super) fn sentence(&mut self, sentence: &Sentence) {
        for span in sentence.0.iter().take(MOST_SPANS) {
            self.span(span);
        }
        if sentence.0.len() > MOST_SPANS {
            self.was_cut = true;
            self.out.text(" …");
        }
    }

    fn span(&mut self, span: &Span) {
        match span {
            Span::Text(words) => self.out.text(words),
            Span::Event(ix) => self.event(*ix),
            Span::Described(ix) => self.described(*ix),
            Span::Missing(missing) => self.link(Link::Missing(*missing)),
            Span::User(user) => self.user(user),
            Span::Key(key) => {
                let shown = self.describer.key(*key);
                self.out.leaf("bdi", &[("class", "key")], &shown);
            }
            Span::Value(_) => {
                let shown = self.describer.span(span);
                self.out.leaf("bdi", &[("class", "value")], &shown);
            }
            Span::Rule(_) | Span::Level(_) | Span::Time(_) => {
                let shown = self.describer.span(span);
                self.out.leaf("span", &[("class", "number")], &shown);
            }
        }
    }

    /// A sentence with its tone.
    pub(super) fn line(&mut self, tone: Tone, sentence: &Sentence) {
        let (mark, meaning) = match tone {
            Tone::Good => ("✓", "good"),
            Tone::Bad => ("✗", "bad"),
            Tone::Note => ("!", "note"),
            Tone::Phase | Tone::Plain => return self.sentence(sentence),
        };
        let class = format!("mark {meaning}");
        self.out.leaf("span", &[("class", &class), ("role", "img"), ("aria-label", meaning)], mark);
        self.out.text(" ");
        self.sentence(sentence);
    }

    /// Explanations as a list of lists. `folds`: long parts are shown on request; in print they are always there.
    pub(super) fn tree(&mut self, nodes: &[Node], folds: bool) {
        self.list(nodes, folds, 0);
    }

    fn list(&mut self, nodes: &[Node], folds: bool, depth: usize) {
        let most = if depth < 2 { MOST_CHILDREN } else { MOST_DETAILS };
        if nodes.is_empty() {
            return;
        }
        self.out.open("ul", &[("class", "tree")]);
        for (number, node) in nodes.iter().enumerate() {
            if depth == 0 {
                self.of_phase = 0;
            }
            if number == most || self.of_phase >= MOST_OF_PHASE || self.nodes >= MOST_NODES {
                self.was_cut = true;
                let more = format!("… and {} more", text::number(nodes.len() - number));
                self.out.leaf("li", &[("class", "weak")], &more);
                break;
            }
            self.nodes += 1;
            self.of_phase += 1;
            self.out.open("li", &[]);
            self.node(node, folds, depth);
            self.out.close("li");
        }
        self.out.close("ul");
        self.out.raw("\n");
    }

    fn node(&mut self, node: &Node, folds: bool, depth: usize) {
        if !folds || node.children.is_empty() {
            self.line(node.tone, &node.sentence);
            return self.list(&node.children, folds, depth + 1);
        }
        let is_open = node.children.len() <= FEW && (node.tone == Tone::Bad || node.tone == Tone::Phase);
        self.folded(
            is_open,
            |page| page.line(node.tone, &node.sentence),
            |page| page.list(&node.children, folds, depth + 1),
        );
    }

    /// Something that is shown on request.
    pub(super) fn folded(
        &mut self,
        is_open: bool,
        summary: impl FnOnce(&mut Self),
        content: impl FnOnce(&mut Self),
    ) {
        let attributes: &[(&str, &str)] = if is_open { &[("open", "open")] } else { &[] };
        self.out.open("details", attributes);
        self.out.open("summary", &[]);
        summary(self);
        self.out.close("summary");
        content(self);
        self.out.close("details");
    }

    /// A part of the page with its heading.
    pub(super) fn section(&mut self, id: &str, heading: &str, content: impl FnOnce(&mut Self)) {
        let label = format!("{id}-heading");
        self.out.raw("\n");
        self.out.open("section", &[("id", id), ("aria-labelledby", &label)]);
        self.out.leaf("h2", &[("id", &label)], heading);
        content(self);
        self.out.close("section");
        self.out.raw("\n");
    }

    pub(super) fn paragraph(&mut self, class: &str, content: impl FnOnce(&mut Self)) {
        let attributes = [("class", class)];
        self.out.open("p", if class.is_empty() { &[] } else { &attributes });
        content(self);
        self.out.close("p");
    }
}
