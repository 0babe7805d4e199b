//! Cheap looks at JSON text that build nothing and do not recurse: brackets, strings, lines.

use std::ops::Range;

use memchr::{memchr_iter, memchr2_iter, memmem};

use crate::event::json::string_end;

/// How deep brackets nest outside strings.
pub(super) fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0_usize, 0, 0);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(json, at - 1, b'"'),
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// As [`depth`], or any smaller number if the text is certainly not nested deeper than `limit`.
pub(super) fn depth_beyond(json: &[u8], limit: usize) -> usize {
    if json.len() <= limit || memchr2_iter(b'{', b'[', json).count() <= limit { 0 } else { depth(json) }
}

/// The length of the text without the white space between its tokens.
pub(super) fn compact_len(json: &[u8]) -> usize {
    let (mut spaces, mut at) = (0, 0);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(json, at - 1, b'"'),
            b' ' | b'\t' | b'\r' | b'\n' => spaces += 1,
            _ => {}
        }
    }
    json.len() - spaces
}

/// The number of commas outside strings: one less than a measure of how many values there are.
pub(super) fn commas(json: &[u8]) -> usize {
    let (mut commas, mut at) = (0, 0);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(json, at - 1, b'"'),
            b',' => commas += 1,
            _ => {}
        }
    }
    commas
}

/// The elements of an array, found by brackets and commas alone, so that one bad element does not spoil the rest.
pub(super) struct Elements {
    /// Where they are, without the white space around them.
    pub(super) spans: Vec<Range<usize>>,
    /// The offset after the closing bracket, if there is one.
    pub(super) end: Option<usize>,
}

/// Splits the array that begins at offset 0 of `json`.
pub(super) fn elements(json: &[u8]) -> Elements {
    let (mut depth, mut at, mut start) = (0_usize, 1, 1);
    let mut spans = Vec::new();
    let mut end = None;
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(json, at - 1, b'"'),
            b'{' | b'[' => depth += 1,
            b',' if depth == 0 => {
                spans.push(trim(json, start..at - 1));
                start = at;
            }
            b']' if depth == 0 => {
                end = Some(at);
                break;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let last = trim(json, start..end.map_or(json.len(), |end| end - 1));
    if !last.is_empty() {
        spans.push(last);
    }
    Elements { spans, end }
}

fn trim(text: &[u8], span: Range<usize>) -> Range<usize> {
    let Some(inside) = text.get(span.clone()) else { return 0..0 };
    let start = span.start + (inside.len() - inside.trim_ascii_start().len());
    start..start + inside.trim_ascii().len()
}

/// What must be known of JSON5 text before a recursive parser may see it.
pub(super) struct Json5 {
    /// How deep brackets nest.
    pub(super) depth: usize,
    /// Where the objects that are elements of an array that is a member of the whole begin.
    pub(super) listed: Vec<usize>,
}

/// Scans JSON5: comments and both kinds of quotes.
pub(super) fn json5(text: &[u8]) -> Json5 {
    let (mut depth, mut at, mut in_list) = (0_usize, 0, false);
    let mut found = Json5 { depth: 0, listed: Vec::new() };
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            quote @ (b'"' | b'\'') => at = string_end(text, at - 1, *quote),
            b'/' => at = comment_end(text, at - 1).unwrap_or(at),
            b'{' | b'[' => {
                match depth {
                    1 => in_list = *byte == b'[',
                    2 if in_list && *byte == b'{' => found.listed.push(at - 1),
                    _ => {}
                }
                depth += 1;
                found.depth = found.depth.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

/// The offset after the comment that begins at `open`, if one does.
fn comment_end(text: &[u8], open: usize) -> Option<usize> {
    let rest = text.get(open..)?;
    let (skip, mark): (usize, &[u8]) = match rest.get(..2)? {
        b"//" => (2, b"\n"),
        b"/*" => (2, b"*/"),
        _ => return None,
    };
    let end = memmem::find(&rest[skip..], mark).map_or(text.len(), |found| open + skip + found + mark.len());
    Some(end)
}

/// The offset of the first byte that is neither white space nor in a comment, and whether there was a comment.
pub(super) fn first_token(text: &[u8]) -> (usize, bool) {
    let (mut at, mut commented) = (0, false);
    loop {
        at += text[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match comment_end(text, at) {
            Some(end) => (at, commented) = (end, true),
            None => return (at, commented),
        }
    }
}

/// Line numbers of offsets.
pub(super) struct Lines {
    breaks: Vec<usize>,
}

impl Lines {
    pub(super) fn new(text: &[u8]) -> Self {
        Self { breaks: memchr_iter(b'\n', text).collect() }
    }

    /// The line (1-based) an offset is on.
    pub(super) fn of(&self, offset: usize) -> u64 {
        self.breaks.partition_point(|at| *at < offset) as u64 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_hide_brackets() {
        assert_eq!(depth(br#"{"a":["[[[\"[["]}"#), 2);
        assert_eq!(depth(br#"{"a":"\\"}{"#), 1);
        assert_eq!(depth(b"\"\\"), 0);
        assert_eq!(depth("[".repeat(100_000).as_bytes()), 100_000);
    }

    #[test]
    fn compact_length_leaves_strings_alone() {
        let json = br#"{ "a b" : [ 1, 2 ] }"#;
        assert_eq!(compact_len(json), br#"{"a b":[1,2]}"#.len());
        assert_eq!(commas(br#"{"a,,":[1,2],"b":"\",,"}"#), 2);
    }

    #[test]
    fn arrays_fall_into_elements() {
        let split = |json: &str| {
            let Elements { spans, end } = elements(json.as_bytes());
            (spans.into_iter().map(|span| json[span].to_owned()).collect::<Vec<_>>(), end)
        };
        assert_eq!(split("[]"), (vec![], Some(2)));
        assert_eq!(
            split("[ {a,b} ,\n[1],\"],\" ] x"),
            (["{a,b}", "[1]", "\"],\""].map(String::from).into(), Some(20))
        );
        assert_eq!(split("[1,{"), (vec!["1".to_owned(), "{".to_owned()], None));
        assert_eq!(split("[\"a").1, None);
    }

    #[test]
    fn json5_knows_comments_and_quotes() {
        let text = b"// [[[ don't\n{ events: [ /* { */ {a: '{\"'}, {b: [{}]} ], a: {b: {}} }";
        let found = json5(text);
        assert_eq!(found.depth, 5);
        assert_eq!(found.listed.len(), 2);
        assert_eq!(first_token(text), (13, true));
        assert_eq!(first_token(b"/* open"), (7, true));
        assert_eq!(first_token(b""), (0, false));
    }

    #[test]
    fn lines_count_from_one() {
        let lines = Lines::new(b"a\nb\n");
        assert_eq!([0, 1, 2, 3, 4].map(|offset| lines.of(offset)), [1, 1, 2, 2, 3]);
    }
}
