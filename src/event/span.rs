//! Strings of an event as places in its text.

/// Where a string stands: in the JSON of the event, or in the text the event owns. Eight bytes instead of a pointer, a
/// length and an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

/// The text an event owns; hardly any event has some, so it is one pointer away.
pub(super) type Own = Option<Box<Box<str>>>;

/// Set in `start` if the string stands in the event's own text.
const OWN: u32 = 1 << 31;
/// The longest JSON whose every place can be told from one in the own text.
pub(super) const MAX_JSON: usize = OWN as usize - 1;

impl Span {
    /// No string.
    pub(super) const ABSENT: Self = Self { start: u32::MAX, len: 0 };

    /// The place of `part` in `json`, of which it is a slice. `json` is no longer than [`MAX_JSON`].
    pub(super) fn inside(json: &str, part: &str) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(json.as_ptr() as usize);
        debug_assert!(start + part.len() <= json.len(), "a slice of the JSON");
        #[expect(clippy::cast_possible_truncation, reason = "both lie inside a text of less than 2^31 bytes")]
        Self { start: start as u32, len: part.len() as u32 }
    }

    /// Puts `text` at the end of the own text. A text that does not fit in there is left out: no event of less than
    /// 2 GiB has so much of it.
    pub(super) fn own(own: &mut Own, text: &str) -> Self {
        let all = own.get_or_insert_default();
        let span = match (u32::try_from(all.len()), u32::try_from(text.len())) {
            (Ok(start), Ok(len)) if start < OWN - 1 => Self { start: start | OWN, len },
            _ => return Self { start: OWN, len: 0 },
        };
        let mut grown = String::with_capacity(all.len() + text.len());
        grown.push_str(all);
        grown.push_str(text);
        **all = grown.into();
        span
    }

    /// Where a string inside the JSON begins.
    pub(super) fn start(self) -> u32 {
        self.start
    }

    pub(super) fn is_present(self) -> bool {
        self != Self::ABSENT
    }

    /// The string; the empty one if there is none.
    pub(super) fn of<'a>(self, json: &'a str, own: &'a Own) -> &'a str {
        if !self.is_present() {
            return "";
        }
        let start = (self.start & !OWN) as usize;
        let text = if self.start & OWN == 0 { json } else { own.as_deref().map_or("", |own| &**own) };
        text.get(start..start + self.len as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_found_where_it_stands() {
        let json = r#"{"sender":"@a:x"}"#.to_owned();
        let mut own = None;
        let inside = Span::inside(&json, &json[11..15]);
        let first = Span::own(&mut own, "$é");
        let second = Span::own(&mut own, "");
        let third = Span::own(&mut own, "x");
        let text = |span: Span| span.of(&json, &own);
        assert_eq!([inside, first, second, third, Span::ABSENT].map(text), ["@a:x", "$é", "", "x", ""]);
        assert!(second.is_present() && !Span::ABSENT.is_present());
    }
}
