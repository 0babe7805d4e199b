//! Elements that are always closed, and text that always stays text.
//!
//! The page is HTML and well-formed XML at once: what closes itself says so, and no named entities but those of XML are used.

use crate::describe::text;

/// Text as it may stand in an element or in an attribute: what could act on a reader is told by its number, and what would be
/// markup is an entity.
pub(in super::super) fn escape(shown: &str) -> String {
    entities(&text::escape(shown))
}

/// As [`escape`], for text whose line breaks are wanted.
pub(super) fn escape_lines(shown: &str) -> String {
    entities(&text::escape_lines(shown))
}

fn entities(shown: &str) -> String {
    let mut escaped = String::with_capacity(shown.len() + 8);
    for c in shown.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // These two are no characters, and XML does not take them.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A text that grows by whole elements.
#[derive(Debug, Default)]
pub(in super::super) struct Markup {
    text: String,
}

impl Markup {
    /// What has been written.
    pub(in super::super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Adds text.
    pub(in super::super) fn text(&mut self, shown: &str) {
        self.text.push_str(&escape(shown));
    }

    /// Adds text with its line breaks.
    pub(super) fn lines(&mut self, shown: &str) {
        self.text.push_str(&escape_lines(shown));
    }

    /// Adds what is markup already: of this program, never of a dump.
    pub(in super::super) fn raw(&mut self, markup: &str) {
        self.text.push_str(markup);
    }

    /// Begins an element. [`Self::close`] has to follow.
    pub(in super::super) fn open(&mut self, tag: &str, attributes: &[(&str, &str)]) {
        self.begin(tag, attributes);
        self.text.push('>');
    }

    /// Ends an element.
    pub(in super::super) fn close(&mut self, tag: &str) {
        self.text.push_str("</");
        self.text.push_str(tag);
        self.text.push('>');
    }

    /// Adds an element that has nothing in it.
    pub(in super::super) fn empty(&mut self, tag: &str, attributes: &[(&str, &str)]) {
        self.begin(tag, attributes);
        self.text.push_str("/>");
    }

    /// Adds an element with just text in it.
    pub(in super::super) fn leaf(&mut self, tag: &str, attributes: &[(&str, &str)], shown: &str) {
        self.open(tag, attributes);
        self.text(shown);
        self.close(tag);
    }

    fn begin(&mut self, tag: &str, attributes: &[(&str, &str)]) {
        self.text.push('<');
        self.text.push_str(tag);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.text.push_str(&escape(value));
            self.text.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let mut markup = Markup::default();
        markup.leaf("p", &[("title", "\"><script>\u{202e}")], "</p>&\u{1b}\u{ffff}");
        assert_eq!(
            markup.as_str(),
            "<p title=\"&quot;&gt;&lt;script&gt;\\u{202e}\">&lt;/p&gt;&amp;\\u{1b}\u{fffd}</p>"
        );
        assert_eq!(escape_lines("a\n<b>\n"), "a\n&lt;b&gt;");
    }
}
