//! Power levels: reading numbers as a profile does, and whose level is what.

use std::fmt;

use super::profile::Numbers;
use crate::event::content::RawLevel;
use crate::event::room_version::LevelGrammar;

/// A power level that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A number.
    Finite(i64),
    /// A creator of a room of version 12: above every number.
    Creator,
}

impl From<i64> for Level {
    fn from(level: i64) -> Self {
        Self::Finite(level)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finite(level) => level.fmt(f),
            Self::Creator => f.write_str("∞"),
        }
    }
}

/// A level as one profile reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// A number.
    Number(i64),
    /// Counts as absent.
    Absent,
    /// Cannot be read, in the words of the implementation.
    Unreadable(String),
}

/// The largest magnitude a JSON integer of Matrix may have: 2⁵³−1.
const MAX_SAFE: i64 = (1 << 53) - 1;

impl Numbers {
    /// Reads a level.
    pub(super) fn read(self, raw: &RawLevel, grammar: LevelGrammar) -> Reading {
        match self {
            Self::Grammar => by_grammar(raw, grammar),
            Self::Python => by_python(raw),
            Self::Ruma => by_ruma(raw, grammar),
        }
    }
}

/// As the appendix on stringy and floaty power levels of the room version says.
fn by_grammar(raw: &RawLevel, grammar: LevelGrammar) -> Reading {
    match (raw, grammar) {
        (RawLevel::Integer(level), _) => Reading::Number(*level),
        (RawLevel::Null, LevelGrammar::IntegersStrings | LevelGrammar::IntegersStringsFloats) => {
            Reading::Absent
        }
        (RawLevel::Text(text), LevelGrammar::IntegersStrings | LevelGrammar::IntegersStringsFloats) => {
            let digits = text.trim();
            let bare = digits.strip_prefix(['+', '-']).unwrap_or(digits);
            if bare.is_empty() || !bare.bytes().all(|b| b.is_ascii_digit()) {
                return Reading::Unreadable(format!("{raw} is not the string of an integer"));
            }
            Reading::Number(saturating(digits.starts_with('-'), bare))
        }
        (RawLevel::Float(level), LevelGrammar::IntegersStringsFloats) if level.is_finite() => {
            Reading::Number(truncate(*level))
        }
        _ => Reading::Unreadable(format!("{raw} is not a power level")),
    }
}

/// As Python's `int()` does. `None` is left to the caller, who knows the default.
fn by_python(raw: &RawLevel) -> Reading {
    match raw {
        RawLevel::Integer(level) => Reading::Number(*level),
        RawLevel::Boolean(value) => Reading::Number(i64::from(*value)),
        RawLevel::Float(level) if level.is_finite() => Reading::Number(truncate(*level)),
        RawLevel::Float(_) => {
            Reading::Unreadable("OverflowError: cannot convert float infinity to integer".into())
        }
        RawLevel::Null => Reading::Absent,
        RawLevel::Text(text) => python_int(text).map_or_else(
            || Reading::Unreadable(format!("ValueError: invalid literal for int() with base 10: '{text}'")),
            Reading::Number,
        ),
        RawLevel::Other => Reading::Unreadable(
            "TypeError: int() argument must be a string, a bytes-like object or a real number".into(),
        ),
    }
}

/// Python's `int(text)`: white space around, one sign, digits of any script, single underscores
/// between digits.
fn python_int(text: &str) -> Option<i64> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c));
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut plain = String::with_capacity(digits.len());
    let mut after_digit = false;
    for c in digits.chars() {
        if c == '_' && after_digit {
            after_digit = false;
        } else {
            plain.push(char::from_digit(decimal_digit(c)?, 10)?);
            after_digit = true;
        }
    }
    (after_digit).then(|| saturating(negative, &plain))
}

/// The value of a decimal digit of any script of the Basic Multilingual Plane (Unicode category Nd).
fn decimal_digit(c: char) -> Option<u32> {
    const ZEROS: [u32; 37] = [
        0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
        0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0,
        0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    ];
    let code = u32::from(c);
    let zero = ZEROS.iter().rev().find(|zero| **zero <= code)?;
    Some(code - zero).filter(|digit| *digit < 10)
}

/// As ruma does: an integer in the safe range, before version 10 also as a string.
fn by_ruma(raw: &RawLevel, grammar: LevelGrammar) -> Reading {
    let number = match (raw, grammar) {
        (RawLevel::Integer(level), _) => Some(*level),
        (RawLevel::Text(text), LevelGrammar::IntegersStrings | LevelGrammar::IntegersStringsFloats) => {
            let text = text.trim();
            match text.strip_prefix('+') {
                Some(rest) => rest.parse::<u64>().ok().and_then(|level| i64::try_from(level).ok()),
                None => text.parse().ok(),
            }
        }
        _ => None,
    };
    match number {
        Some(level) if (-MAX_SAFE..=MAX_SAFE).contains(&level) => Reading::Number(level),
        _ => Reading::Unreadable(format!("unexpected format of a power level: {raw}")),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "`as` truncates towards zero and saturates, as wanted")]
fn truncate(level: f64) -> i64 {
    level as i64
}

fn saturating(negative: bool, digits: &str) -> i64 {
    let signed = if negative { format!("-{digits}") } else { digits.to_owned() };
    signed.parse().unwrap_or(if negative { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> RawLevel {
        RawLevel::Text(text.into())
    }

    fn number(reading: &Reading) -> Option<i64> {
        match reading {
            Reading::Number(level) => Some(*level),
            _ => None,
        }
    }

    /// Each line: what is written, and what the text (lax, strings, strict), Python and ruma (lax, strict) read.
    #[test]
    fn profiles_read_numbers_differently() {
        use LevelGrammar::{Integers, IntegersStrings, IntegersStringsFloats};
        #[rustfmt::skip]
        let table: [(RawLevel, [Option<i64>; 6]); 12] = [
            (RawLevel::Integer(50),       [Some(50), Some(50), Some(50), Some(50), Some(50), Some(50)]),
            (text("50"),                  [Some(50), Some(50), None,     Some(50), Some(50), None]),
            (text(" +050 "),              [Some(50), Some(50), None,     Some(50), Some(50), None]),
            (text("-50"),                 [Some(-50), Some(-50), None,   Some(-50), Some(-50), None]),
            (text("1_00"),                [None,     None,     None,     Some(100), None,    None]),
            (text("1__00"),               [None,     None,     None,     None,     None,     None]),
            (text("٥٠"),                  [None,     None,     None,     Some(50), None,     None]),
            (text("abc"),                 [None,     None,     None,     None,     None,     None]),
            (text(""),                    [None,     None,     None,     None,     None,     None]),
            (RawLevel::Float(50.9),       [Some(50), None,     None,     Some(50), None,     None]),
            (RawLevel::Boolean(true),     [None,     None,     None,     Some(1),  None,     None]),
            (RawLevel::Integer(1 << 53),  [Some(1 << 53), Some(1 << 53), Some(1 << 53), Some(1 << 53), None, None]),
        ];
        for (raw, expected) in table {
            let read = [
                Numbers::Grammar.read(&raw, IntegersStringsFloats),
                Numbers::Grammar.read(&raw, IntegersStrings),
                Numbers::Grammar.read(&raw, Integers),
                Numbers::Python.read(&raw, IntegersStringsFloats),
                Numbers::Ruma.read(&raw, IntegersStringsFloats),
                Numbers::Ruma.read(&raw, Integers),
            ];
            assert_eq!(read.each_ref().map(number), expected, "{raw}");
        }
        assert_eq!(Numbers::Grammar.read(&RawLevel::Null, IntegersStrings), Reading::Absent);
        assert_eq!(Numbers::Python.read(&RawLevel::Null, Integers), Reading::Absent);
    }

    #[test]
    fn creators_are_above_every_number() {
        assert!(Level::Creator > Level::Finite(i64::MAX));
        assert!(Level::Finite(1) > Level::Finite(0));
    }
}
