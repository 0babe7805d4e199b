//! JSON as lines that can be folded.

use serde_json::Value;

use crate::export::escape_json;

/// A line of pretty-printed JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonLine {
    /// How deep it is.
    pub(super) depth: usize,
    /// The name of the member, quoted, if it is one.
    pub(super) name: Option<String>,
    /// What stands there.
    pub(super) token: Token,
    /// A comma follows (where the line is not folded: where it is, after the end).
    pub(super) comma: bool,
}

/// What a line has beside its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A string, without quotes.
    Text(String),
    /// A number, `true`, `false`, `null`, `[]` or `{}`.
    Plain(String),
    /// `[` or `{`, with what closes it, the number of elements, and the place of the line that closes it.
    Open { open: char, close: char, len: usize, end: usize },
    /// `]` or `}`
    Close(char),
}

/// The lines of a JSON text; `None` if it cannot be read.
pub(super) fn lines(json: &str) -> Option<Vec<JsonLine>> {
    let value: Value = serde_json::from_str(json).ok()?;
    let mut lines = Vec::new();
    write(&value, 0, None, false, &mut lines);
    Some(lines)
}

fn write(value: &Value, depth: usize, name: Option<String>, comma: bool, lines: &mut Vec<JsonLine>) {
    let mut container =
        |open: char, close: char, len: usize, children: &mut dyn FnMut(&mut Vec<JsonLine>)| {
            let at = lines.len();
            let token = Token::Open { open, close, len, end: 0 };
            lines.push(JsonLine { depth, name: name.clone(), token, comma });
            children(lines);
            let closed_at = lines.len();
            if let Token::Open { end, .. } = &mut lines[at].token {
                *end = closed_at;
            }
            lines.push(JsonLine { depth, name: None, token: Token::Close(close), comma });
        };
    match value {
        Value::Object(members) if !members.is_empty() => {
            container('{', '}', members.len(), &mut |lines| {
                for (number, (name, value)) in members.iter().enumerate() {
                    let name = Some(escape_json(&Value::from(name.as_str()).to_string()).into_owned());
                    write(value, depth + 1, name, number + 1 < members.len(), lines);
                }
            });
        }
        Value::Array(elements) if !elements.is_empty() => {
            container('[', ']', elements.len(), &mut |lines| {
                for (number, value) in elements.iter().enumerate() {
                    write(value, depth + 1, None, number + 1 < elements.len(), lines);
                }
            });
        }
        Value::String(text) => {
            let quoted = escape_json(&value.to_string()).into_owned();
            let bare = quoted.get(1..quoted.len() - 1).unwrap_or(text).to_owned();
            lines.push(JsonLine { depth, name, token: Token::Text(bare), comma });
        }
        other => {
            let token = Token::Plain(other.to_string());
            lines.push(JsonLine { depth, name, token, comma });
        }
    }
}

/// The places of the lines that are seen when some are folded.
pub(super) fn unfolded(lines: &[JsonLine], is_folded: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut shown = Vec::new();
    let mut place = 0;
    while let Some(line) = lines.get(place) {
        shown.push(place);
        place = match line.token {
            Token::Open { end, .. } if is_folded(place) => end + 1,
            _ => place + 1,
        };
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(lines: &[JsonLine]) -> String {
        let mut text = String::new();
        for line in lines {
            if let Some(name) = &line.name {
                text.push_str(&format!("{name}:"));
            }
            match &line.token {
                Token::Text(bare) => text.push_str(&format!("\"{bare}\"")),
                Token::Plain(plain) => text.push_str(plain),
                Token::Open { open, .. } => text.push(*open),
                Token::Close(close) => text.push(*close),
            }
            if line.comma && !matches!(line.token, Token::Open { .. }) {
                text.push(',');
            }
        }
        text
    }

    #[test]
    fn the_lines_are_the_same_json() {
        let json = r#"{"a":[1,[],{"b":"x\"\ny","c":null}],"d":{},"e\"":[[2],3],"f":true}"#;
        assert_eq!(render(&lines(json).unwrap()), json);
        assert_eq!(lines("{"), None);
    }

    #[test]
    fn folding_hides_what_is_inside() {
        let lines = lines(r#"{"a":[1,2],"b":{"c":[3]},"d":4}"#).unwrap();
        assert_eq!(unfolded(&lines, |_| false).len(), lines.len());
        assert_eq!(unfolded(&lines, |place| place == 0), [0]);
        let names = |shown: Vec<usize>| -> Vec<Option<String>> {
            shown
                .into_iter()
                .filter(|place| lines[*place].name.is_some())
                .map(|place| lines[place].name.clone())
                .collect()
        };
        let is_b = |place: usize| lines[place].name.as_deref() == Some("\"b\"");
        assert_eq!(
            names(unfolded(&lines, is_b)),
            ["\"a\"", "\"b\"", "\"d\""].map(|name| Some(name.to_owned()))
        );
    }
}
