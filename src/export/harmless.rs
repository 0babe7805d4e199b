//! Characters that could act on whoever shows them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Replaces in JSON what is harmful in text by escapes that leave the values as they are.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    // JSON has the first control characters only between tokens, as white space.
    let is_harmful = |c: char| c > '~' && is_harmful(c);
    if !json.contains(is_harmful) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_harmful(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Whether a character could act on a terminal, or hide.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::escape_json;

    #[test]
    fn json_keeps_its_value() {
        let json = "{\"a\u{9b}\u{202e}\":\n\"\u{e0001}é\"}";
        let escaped = escape_json(json);
        assert_eq!(escaped, "{\"a\\u009b\\u202e\":\n\"\\udb40\\udc01é\"}");
        let values = [json, &*escaped].map(|json| serde_json::from_str::<serde_json::Value>(json).unwrap());
        assert_eq!(values[0], values[1]);
    }
}
