//! The event IDs in `prev_events` and `auth_events`.

use std::borrow::Cow;

use super::json;

/// The IDs that an event refers to, in the order of the event. Elements are IDs, or the `[id, {hashes}]` pairs of room
/// versions 1 and 2.
///
/// Reads the array where it stands in the event; an ID borrows from it unless it is written with escapes.
#[derive(Debug, Clone)]
pub struct References<'a> {
    /// What is left of the array, from after a bracket or an element; and whatever follows the array.
    rest: &'a str,
}

impl<'a> References<'a> {
    /// `array` begins with a JSON array that [`References::check`] has found good.
    pub(super) fn new(array: &'a str) -> Self {
        Self { rest: array.get(1..).unwrap_or_default() }
    }

    /// Whether there are no references left.
    pub fn is_empty(&self) -> bool {
        self.clone().element().is_none()
    }

    /// Whether all elements of the JSON array `array` are references; if not, the first that is none.
    pub(super) fn check(array: &'a str) -> Result<(), &'a str> {
        let mut elements = Self::new(array);
        while let Some(element) = elements.element() {
            read(element).ok_or(element)?;
        }
        Ok(())
    }

    /// The JSON of the next element.
    fn element(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start_matches([',', ' ', '\t', '\r', '\n']);
        let end = match text.as_bytes().first()? {
            b']' => return None,
            b'"' => json::string_end(text.as_bytes(), 0, b'"'),
            b'[' | b'{' => json::value_end(text.as_bytes())?,
            _ => text.find([',', ']', ' ', '\t', '\r', '\n'])?,
        };
        let (element, rest) = text.split_at_checked(end)?;
        self.rest = rest;
        Some(element)
    }
}

impl<'a> Iterator for References<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        read(self.element()?)
    }
}

fn read(element: &str) -> Option<Cow<'_, str>> {
    match element.as_bytes().first()? {
        b'"' => json::string(element),
        b'[' => {
            let id = References::new(element).element()?;
            json::string(id)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_pairs_are_read() {
        let array = "[ \"$a\" ,[\"$b:x\", {\"sha256\": \"]\"}],\n\"\\u0024c\"]";
        assert_eq!(References::check(array), Ok(()));
        assert!(References::new(array).eq(["$a", "$b:x", "$c"]));
        assert_eq!(References::new("[ ]").count(), 0);
    }

    #[test]
    fn anything_else_is_named() {
        for (array, bad) in [
            ("[\"$a\", null]", "null"),
            ("[[]]", "[]"),
            ("[{\"a\":[]}]", "{\"a\":[]}"),
            ("[[5]]", "[5]"),
            ("[1 ]", "1"),
        ] {
            assert_eq!(References::check(array), Err(bad));
        }
    }
}
