//! Text for terminals: harmless, short, and aligned.

use std::fmt::Write as _;

use crate::explain::inflect;
use crate::export::is_harmful;

/// The span of timestamps that have a date of four digits: the years 0 to 9999.
const DATED: std::ops::Range<i64> = -62_167_219_200_000..253_402_300_800_000;

/// Replaces everything by which text from a dump could act on a terminal or pretend to be other text: control
/// characters, marks that change the direction of writing, invisible characters.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// As [`escape`], for text whose line breaks are wanted.
pub fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// The first `max` characters of the text, escaped, with an ellipsis where something was cut off.
pub fn shorten(text: &str, max: usize) -> String {
    // Escapes lengthen the text, and whoever writes a dump decides how many there are.
    let head: String = text.chars().take(max + 1).collect();
    let escaped = escape(&head);
    if escaped.chars().count() <= max {
        return escaped;
    }
    let mut short: String = escaped.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Breaks each line of `text` at spaces so that it has at most `width` characters, where that can be done.
pub fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::with_capacity(text.len() + 8);
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            wrapped.push('\n');
        }
        let mut column = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > width {
                wrapped.push('\n');
                column = 0;
            } else if column > 0 {
                wrapped.push(' ');
                column += 1;
            }
            wrapped.push_str(word);
            column += length;
        }
    }
    wrapped
}

/// A number with commas between the thousands.
pub fn number(value: impl TryInto<u64>) -> String {
    let digits = value.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1 event", "2 events".
pub fn count(value: usize, noun: &str) -> String {
    format!("{} {}", number(value), inflect(value, noun))
}

/// A timestamp in UTC, "2026-01-01 12:00:30"; the bare number where that is no date of our calendar.
pub fn date_time(milliseconds: i64) -> String {
    match date(milliseconds) {
        Some(date) => format!("{date} {}", clock(milliseconds)),
        None => format!("{milliseconds} ms"),
    }
}

/// The time of day in UTC, "12:00:30".
pub fn clock(milliseconds: i64) -> String {
    let seconds = milliseconds.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The date in UTC, "2026-01-01".
///
/// Days to dates as in Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>): eras of 400 years that begin in March.
pub fn date(milliseconds: i64) -> Option<String> {
    if !DATED.contains(&milliseconds) {
        return None;
    }
    let days = milliseconds.div_euclid(86_400_000) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// A span of time in its two largest units: "3 d 4 h", "1 min 5 s".
pub fn duration(milliseconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    let Some(first) = UNITS.iter().position(|(size, _)| milliseconds >= *size) else {
        return format!("{milliseconds} ms");
    };
    let mut text = String::new();
    let mut rest = milliseconds;
    for (size, unit) in UNITS.iter().skip(first).take(2) {
        let amount = rest / size;
        rest %= size;
        if amount > 0 {
            let gap = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{gap}{} {unit}", number(amount));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal() {
        assert_eq!(escape("a\u{1b}[2Jb\u{9b}c\nd\u{202e}e"), "a\\u{1b}[2Jb\\u{9b}c\\nd\\u{202e}e");
        assert_eq!(escape("Zoë \\ \"日本\""), "Zoë \\ \"日本\"");
        assert_eq!(shorten(&"\u{1b}".repeat(9), 9), "\\u{1b}\\u…");
        assert_eq!(shorten("123456789", 9), "123456789");
        assert_eq!(shorten("1234567890", 9), "12345678…");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (milliseconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (1_767_268_830_999, "2026-01-01 12:00:30"),
            (4_107_542_400_000, "2100-03-01 00:00:00"),
            (DATED.start, "0000-01-01 00:00:00"),
            (DATED.end - 1, "9999-12-31 23:59:59"),
            (i64::MAX, "9223372036854775807 ms"),
            (i64::MIN, "-9223372036854775808 ms"),
        ] {
            assert_eq!(date_time(milliseconds), text);
        }
    }

    #[test]
    fn numbers_and_spans_read_well() {
        let numbers = [0_u64, 999, 1000, 1_234_567].map(number);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567"]);
        let spans = [0, 999, 61_000, 3_600_000, 90_061_000, u64::MAX].map(duration);
        assert_eq!(spans, ["0 ms", "999 ms", "1 min 1 s", "1 h", "1 d 1 h", "213,503,982,334 d 14 h"]);
    }

    #[test]
    fn wrapping_keeps_words_whole() {
        assert_eq!(wrap("one two three\nfour", 8), "one two\nthree\nfour");
        assert_eq!(wrap("incomprehensible a b", 5), "incomprehensible\na b");
    }
}
