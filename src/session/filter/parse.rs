//! Reading queries.

use std::ops::Range;

use super::{Expression, Flag, QueryError, Term};

/// Deeper parentheses are refused.
const DEEPEST: usize = 64;

/// A word of a query, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    at: Range<usize>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Not,
    Or,
    /// A field, if one is named, and a value.
    Word(Option<String>, String),
}

pub(super) fn parse(text: &str) -> Result<Option<Expression>, QueryError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens: &tokens, end: text.len(), depth: 0 };
    let expression = parser.any()?;
    match parser.tokens.first() {
        None => Ok(Some(expression)),
        Some(token) => Err(error(token.at.clone(), "there is no ( for this )")),
    }
}

fn error(at: Range<usize>, message: impl Into<String>) -> QueryError {
    QueryError { at, message: message.into() }
}

struct Parser<'a> {
    tokens: &'a [Token],
    end: usize,
    depth: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn peek(&self) -> Option<&Kind> {
        self.tokens.first().map(|token| &token.kind)
    }

    /// Alternatives.
    fn any(&mut self) -> Result<Expression, QueryError> {
        let mut parts = vec![self.all()?];
        while self.peek() == Some(&Kind::Or) {
            self.next();
            parts.push(self.all()?);
        }
        Ok(single(parts).unwrap_or_else(Expression::Any))
    }

    /// Terms that must all match.
    fn all(&mut self) -> Result<Expression, QueryError> {
        let mut parts = Vec::new();
        while let Some(kind) = self.peek() {
            if matches!(kind, Kind::Or | Kind::Close) {
                break;
            }
            parts.push(self.one()?);
        }
        if parts.is_empty() {
            let at = self.tokens.first().map_or(self.end..self.end, |token| token.at.clone());
            return Err(error(at, "something to look for is missing here"));
        }
        Ok(single(parts).unwrap_or_else(Expression::All))
    }

    fn one(&mut self) -> Result<Expression, QueryError> {
        let Some(token) = self.next() else {
            return Err(error(self.end..self.end, "something to look for is missing here"));
        };
        if self.depth >= DEEPEST {
            return Err(error(token.at, "too many ( and - inside one another"));
        }
        self.depth += 1;
        let expression = match token.kind {
            Kind::Not => Expression::Not(Box::new(self.one()?)),
            Kind::Open => {
                let inner = self.any()?;
                match self.next() {
                    Some(Token { kind: Kind::Close, .. }) => inner,
                    _ => return Err(error(token.at, "there is no ) for this (")),
                }
            }
            Kind::Word(field, value) => Expression::Term(term(&token.at, field.as_deref(), value)?),
            Kind::Or | Kind::Close => return Err(error(token.at, "something to look for is missing here")),
        };
        self.depth -= 1;
        Ok(expression)
    }
}

/// The only one, or all of them back.
fn single(mut parts: Vec<Expression>) -> Result<Expression, Vec<Expression>> {
    match parts.pop() {
        Some(only) if parts.is_empty() => Ok(only),
        Some(last) => {
            parts.push(last);
            Err(parts)
        }
        None => Err(parts),
    }
}

fn term(at: &Range<usize>, field: Option<&str>, value: String) -> Result<Term, QueryError> {
    let needs_value = |make: fn(String) -> Term, value: String| {
        if value.is_empty() {
            let field = field.unwrap_or_default();
            Err(error(at.clone(), format!("{field}: needs a value, without a space between")))
        } else {
            Ok(make(value))
        }
    };
    match field {
        None => needs_value(Term::Text, value),
        Some("type") => needs_value(Term::Type, value),
        Some("sender") => needs_value(Term::Sender, value),
        Some("server") => needs_value(Term::Server, value),
        Some("id") => needs_value(Term::Id, value),
        Some("key") => Ok(Term::Key(value)),
        Some("is") => match Flag::ALL.into_iter().find(|(name, _)| *name == value) {
            Some((_, flag)) => Ok(Term::Is(flag)),
            None => {
                let known: Vec<&str> = Flag::ALL.iter().map(|(name, _)| *name).collect();
                let message = format!("is:{value} is not known; known are {}", known.join(", "));
                Err(error(at.clone(), message))
            }
        },
        Some(other) => Err(error(
            at.clone(),
            format!(
                "{other}: is not known; known are is:, type:, sender:, server:, key: and id:. To look for \
                 the text put it in quotes"
            ),
        )),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let start = text.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (kind, length) = match first {
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            '|' => (Kind::Or, 1),
            // A lone `-` is a word: whoever types one is about to go on.
            '-' if rest[1..].starts_with(|c: char| !c.is_whitespace() && c != ')') => (Kind::Not, 1),
            _ => word(rest, start)?,
        };
        tokens.push(Token { at: start..start + length, kind });
        rest = &rest[length..];
    }
}

/// A word up to a space or parenthesis; what stands in quotes is kept as it is. User IDs, event IDs and server names
/// have colons, so only a name of letters right at the beginning can be a field.
fn word(rest: &str, start: usize) -> Result<(Kind, usize), QueryError> {
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic() && c != '_').unwrap_or(rest.len());
    let is_field = letters > 0 && rest[letters..].starts_with(':');
    let field = is_field.then(|| rest[..letters].to_ascii_lowercase());
    let from = if is_field { letters + 1 } else { 0 };
    let mut value = String::new();
    let mut quoted = None;
    let mut was_quoted = false;
    let mut end = rest.len();
    for (at, c) in rest[from..].char_indices() {
        match c {
            '"' if quoted.is_some() => quoted = None,
            '"' => {
                quoted = Some(from + at);
                was_quoted = true;
            }
            _ if quoted.is_some() => value.push(c),
            c if c.is_whitespace() || matches!(c, '(' | ')' | '|') => {
                end = from + at;
                break;
            }
            _ => value.push(c),
        }
    }
    if let Some(open) = quoted {
        return Err(error(start + open..start + rest.len(), "there is no closing quote"));
    }
    let is_or = value == "OR" && field.is_none() && !was_quoted;
    Ok((if is_or { Kind::Or } else { Kind::Word(field, value) }, end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(word: &str) -> Expression {
        Expression::Term(Term::Text(word.to_owned()))
    }

    #[test]
    fn queries_are_read() {
        assert_eq!(parse("  "), Ok(None));
        assert_eq!(parse("@bob:b.example"), Ok(Some(text("@bob:b.example"))));
        assert_eq!(parse("\"a b\"c"), Ok(Some(text("a bc"))));
        assert_eq!(parse("\"OR\""), Ok(Some(text("OR"))));
        assert_eq!(parse("-"), Ok(Some(text("-"))));
        assert_eq!(parse("key:\"\""), Ok(Some(Expression::Term(Term::Key(String::new())))));
        let either = Expression::Any(vec![
            Expression::All(vec![
                Expression::Term(Term::Type("m.room.member".into())),
                Expression::Not(Box::new(Expression::Term(Term::Is(Flag::Rejected)))),
            ]),
            text("x"),
        ]);
        assert_eq!(parse("TYPE:m.room.member -is:rejected OR x"), Ok(Some(either.clone())));
        assert_eq!(parse("(type:m.room.member -(is:rejected))|x"), Ok(Some(either)));
    }

    #[test]
    fn errors_say_where_and_what() {
        for (query, at, message) in [
            ("a is:odd", 2..8, "is:odd is not known"),
            ("colour:red", 0..10, "colour: is not known"),
            ("a \"b", 2..4, "no closing quote"),
            ("(a", 0..1, "no ) for this ("),
            ("a)", 1..2, "no ( for this )"),
            ("a OR", 4..4, "missing here"),
            ("| a", 0..1, "missing here"),
            ("type: m.room.member", 0..5, "needs a value"),
            ("()", 1..2, "missing here"),
        ] {
            let error = parse(query).unwrap_err();
            assert_eq!(error.at, at, "{query}: {error}");
            assert!(error.message.contains(message), "{query}: {error}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"-".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(query in "[a-z:()|\"é -]{0,40}") {
            if let Err(error) = parse(&query) {
                prop_assert!(query.get(error.at).is_some());
            }
        }
    }
}
