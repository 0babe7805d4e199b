//! Reading parts of a JSON object without building a tree of it.
//!
//! A hostile value may be nested 100,000 deep or hold numbers no integer type can carry. Fields are
//! therefore picked as spans of text ([`RawValue`]), which serde_json skips without recursion,
//! and only the few that matter are looked into.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

use memchr::{memchr, memchr2};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A string that borrows from the input where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Picks the named members of the JSON object `json`. A repeated key counts once: the last one
/// wins, as in Python's and most other readers.
///
/// # Errors
/// If `json` is not a JSON object.
pub(crate) fn pick<'a, const N: usize>(
    json: &'a str,
    names: [&'static str; N],
) -> Result<[Option<&'a str>; N], serde_json::Error> {
    struct Picker<const N: usize>([&'static str; N]);

    impl<'de, const N: usize> Visitor<'de> for Picker<N> {
        type Value = [Option<&'de str>; N];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = [None; N];
            while let Some(Text(key)) = map.next_key()? {
                if let Some(place) = self.0.iter().position(|name| *name == key) {
                    found[place] = Some(map.next_value::<&RawValue>()?.get());
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(json);
    let found = deserializer.deserialize_map(Picker(names))?;
    deserializer.end()?;
    Ok(found)
}

/// What [`scan`] finds: the named members, and a key that stands there twice.
pub(crate) type Scanned<'a, const N: usize> = ([Option<&'a str>; N], Option<Box<str>>);

/// As [`pick`], and looks out for a key that the object has twice.
///
/// # Errors
/// If `json` is not a JSON object.
pub(crate) fn scan<'a, const N: usize>(
    json: &'a str,
    names: &[&'static str; N],
) -> Result<Scanned<'a, N>, serde_json::Error> {
    struct Scanner<'n, const N: usize>(&'n [&'static str; N]);

    impl<'de, const N: usize> Visitor<'de> for Scanner<'_, N> {
        type Value = Scanned<'de, N>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut found, mut repeated) = ([None; N], None);
            let mut others = Others::default();
            // Keys mostly come in the order of the names.
            let mut next = 0;
            while let Some(Text(key)) = map.next_key()? {
                let after = self.0[next..].iter().position(|name| *name == key).map(|place| next + place);
                match after.or_else(|| self.0[..next].iter().position(|name| *name == key)) {
                    Some(place) => {
                        let value = map.next_value::<&RawValue>()?.get();
                        if found[place].replace(value).is_some() {
                            repeated.get_or_insert_with(|| Box::from(key));
                        }
                        next = place + 1;
                    }
                    None => {
                        map.next_value::<IgnoredAny>()?;
                        if repeated.is_none() {
                            repeated = others.repeats(key);
                        }
                    }
                }
            }
            Ok((found, repeated))
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(json);
    let scanned = deserializer.deserialize_map(Scanner(names))?;
    deserializer.end()?;
    Ok(scanned)
}

/// So many keys of an object are looked at for repetitions.
const KEYS_COMPARED: usize = 4096;
/// Up to so many keys, comparing them one by one is the quickest.
const FEW: usize = 16;

/// The keys of an object that nobody asked for.
#[derive(Default)]
struct Others<'a> {
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Others<'a> {
    /// The key, if it was there before. Remembers it if not.
    fn repeats(&mut self, key: Cow<'a, str>) -> Option<Box<str>> {
        if self.few.contains(&key) || self.many.contains(&key) {
            return Some(Box::from(key));
        }
        if self.few.len() < FEW {
            self.few.push(key);
        } else if self.many.len() < KEYS_COMPARED {
            self.many.insert(key);
        }
        None
    }
}

/// The members of the JSON object `json` by key; the last of several equal keys wins.
///
/// # Errors
/// If `json` is not a JSON object.
pub(crate) fn members(json: &str) -> Result<BTreeMap<Box<str>, &str>, serde_json::Error> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = BTreeMap<Box<str>, &'de str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = BTreeMap::new();
            while let Some(Text(key)) = map.next_key()? {
                found.insert(Box::from(key), map.next_value::<&RawValue>()?.get());
            }
            Ok(found)
        }
    }

    serde_json::Deserializer::from_str(json).deserialize_map(Members)
}

/// The elements of the JSON array `json`, or `None` if it is not an array.
pub(crate) fn elements(json: &str) -> Option<Vec<&str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// A text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The JSON object with these members.
pub(crate) fn object<V: AsRef<str>>(members: &BTreeMap<Box<str>, V>) -> String {
    let mut text = String::from("{");
    for (key, json) in members {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&quote(key));
        text.push(':');
        text.push_str(json.as_ref());
    }
    text.push('}');
    text
}

/// The string `json`, a well-formed value, or `None` if it is another kind of value.
pub(crate) fn string(json: &str) -> Option<Cow<'_, str>> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str::<Text<'_>>(json).ok().map(|text| text.0)
}

/// An integer in the range that this program computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integer {
    /// The value itself.
    Exact(i64),
    /// The nearest value: the text lies beyond `i64`, or is not a whole number.
    Clamped(i64),
}

/// The number `json` as an integer, or `None` if it is another kind of value.
pub(crate) fn integer(json: &str) -> Option<Integer> {
    if !json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return None;
    }
    if let Ok(exact) = json.parse::<i64>() {
        return Some(Integer::Exact(exact));
    }
    let number: f64 = json.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is what clamping means")]
    Some(Integer::Clamped(number as i64))
}

/// The offset after the string whose opening quote `quote` is at `open`; the end of the text if it is not closed.
pub(crate) fn string_end(text: &[u8], open: usize, quote: u8) -> usize {
    let mut at = open + 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr2(quote, b'\\', rest)) {
        if text[at + found] == quote {
            return at + found + 1;
        }
        at += found + 2;
    }
    text.len()
}

/// The offset after the object or array that begins at offset 0, if its brackets close. They are only counted.
pub(crate) fn value_end(json: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(json, at - 1, b'"'),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// What kind of value `json` is, for messages: "a string", "null", …
pub(crate) fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(_) => "a number",
        None => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_keys_wins() {
        let [a, b] = pick(r#"{"a":1,"b":[2],"a":{"x":3}}"#, ["a", "b"]).unwrap();
        assert_eq!((a, b), (Some(r#"{"x":3}"#), Some("[2]")));
    }

    #[test]
    fn repeated_keys_are_noticed() {
        let repeated = |json: &str| scan(json, &["a", "b"]).unwrap().1;
        assert_eq!(repeated(r#"{"b":1,"a":2,"c":3}"#), None);
        assert_eq!(repeated(r#"{"b":1,"a":2,"\u0062":3}"#).as_deref(), Some("b"));
        assert_eq!(repeated(r#"{"x":1,"a":2,"x":3,"a":4}"#).as_deref(), Some("x"));
        let keys: Vec<String> = (0..100).map(|n| format!("\"k{n}\":{n}")).collect();
        assert_eq!(repeated(&format!("{{{},\"k70\":0}}", keys.join(","))).as_deref(), Some("k70"));
    }

    #[test]
    fn values_end_where_their_brackets_do() {
        assert_eq!(value_end(br#"{"a":"}"} x"#), Some(9));
        assert_eq!(value_end(br#"{"a":{"#), None);
    }

    #[test]
    fn depth_does_not_matter_to_picking() {
        let deep = format!(r#"{{"deep":{}{},"type":"x"}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let [kind] = pick(&deep, ["type"]).unwrap();
        assert_eq!(kind.and_then(string).as_deref(), Some("x"));
    }

    #[test]
    fn integers_are_clamped_not_lost() {
        assert_eq!(integer("-5"), Some(Integer::Exact(-5)));
        assert_eq!(integer("99999999999999999999"), Some(Integer::Clamped(i64::MAX)));
        assert_eq!(integer("-1e400"), Some(Integer::Clamped(i64::MIN)));
        assert_eq!(integer("1.9"), Some(Integer::Clamped(1)));
        assert_eq!(integer("\"1\""), None);
    }

    #[test]
    fn rubbish_is_an_error() {
        assert!(pick("[1]", ["a"]).is_err());
        assert!(pick(r#"{"a":1"#, ["a"]).is_err());
        assert!(pick(r#"{"a":1} x"#, ["a"]).is_err());
    }
}
