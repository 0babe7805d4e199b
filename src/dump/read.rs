//! What the input is, and taking it apart into records.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use super::Format;
use super::intake::{Batch, Intake};
use super::object::{self, Place};
use super::scan::{self, Elements, Lines};
use super::scenario::Scenario;
use crate::event::json;
use crate::executor::{self, Executor, Sequential};
use crate::report::{Code, Finding};

/// What was recognised; the events are in the [`Intake`].
pub(super) struct Recognised {
    pub(super) format: Format,
    pub(super) scenario: Option<Scenario>,
    pub(super) lines: u64,
}

/// The input is something else than events.
#[derive(Debug)]
pub(super) struct NotADump {
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

enum Shape {
    /// One record a line.
    Lines,
    /// Pretty-printed objects one after the other.
    Objects,
    /// One array.
    Array(Elements),
    /// One object.
    Object,
}

/// An input that is being read.
pub(super) struct Reading {
    lines: u64,
    rest: Rest,
}

/// What is left to read.
enum Rest {
    Lines(LineReader),
    Array(ArrayReader),
    Nothing(Format, Option<Box<Scenario>>),
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Reading {
    /// Begins to read decompressed input. Lines and the elements of an array are read piece by piece.
    pub(super) fn new(bytes: &[u8], intake: &mut Intake, executor: &dyn Executor) -> Result<Self, NotADump> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            let message = "the input is UTF-16".to_owned();
            return Err(NotADump { message, remedy: "save it as UTF-8" });
        }
        if bytes.starts_with(b"SQLite format 3\0") {
            let message = "the input is an SQLite database".to_owned();
            let remedy = "if it is Synapse's, `hindsight rooms synapse:FILE` lists its rooms, and `hindsight import synapse:FILE --room ROOM -o room.ndjson` takes one out";
            return Err(NotADump { message, remedy });
        }
        let mark = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let bytes = &bytes[mark..];
        let breaks = line_breaks(bytes, executor);
        let lines = (breaks + usize::from(bytes.last().is_some_and(|last| *last != b'\n'))) as u64;
        let (start, commented) = scan::first_token(bytes);
        let rest = match shape(&bytes[start..], commented) {
            Shape::Lines => Rest::Lines(LineReader::new(mark)),
            Shape::Objects => Rest::Nothing(read_objects(bytes, start, intake), None),
            Shape::Array(elements) => match read_answer(bytes, start, &elements, intake)? {
                Some(format) => Rest::Nothing(format, None),
                None => Rest::Array(ArrayReader::new(bytes, mark, start, elements)),
            },
            Shape::Object => {
                let (format, scenario) = read_object(bytes, start, intake)?;
                Rest::Nothing(format, scenario.map(Box::new))
            }
        };
        Ok(Self { lines, rest })
    }

    /// Reads a piece of the same bytes. Returns whether everything is read.
    pub(super) fn advance(&mut self, bytes: &[u8], intake: &mut Intake, executor: &dyn Executor) -> bool {
        let is_read = match &mut self.rest {
            Rest::Lines(reader) => reader.advance(bytes, intake, executor),
            Rest::Array(reader) => reader.advance(bytes, intake, executor),
            Rest::Nothing(..) => return true,
        };
        if is_read {
            let is_array = matches!(self.rest, Rest::Array(_));
            self.rest = Rest::Nothing(if is_array { Format::Array } else { format_of_lines(intake) }, None);
        }
        is_read
    }

    /// How many bytes have been read; `None` if all.
    pub(super) fn place(&self) -> Option<usize> {
        match &self.rest {
            Rest::Lines(reader) => Some(reader.start),
            Rest::Array(reader) => Some(reader.place()),
            Rest::Nothing(..) => None,
        }
    }

    /// What was recognised, once everything is read.
    pub(super) fn recognised(self) -> Recognised {
        let (format, scenario) = match self.rest {
            Rest::Nothing(format, scenario) => (format, scenario.map(|scenario| *scenario)),
            Rest::Lines(_) => (Format::Ndjson, None),
            Rest::Array(_) => (Format::Array, None),
        };
        Recognised { format, scenario, lines: self.lines }
    }
}

fn line_breaks(bytes: &[u8], executor: &dyn Executor) -> usize {
    let ranges = executor::ranges(executor, bytes.len(), BATCH);
    let count = |number: usize| memchr_iter(b'\n', &bytes[Range::clone(&ranges[number])]).count();
    executor::map(executor, ranges.len(), count).into_iter().sum()
}

/// `text` begins with the first token of the input.
fn shape(text: &[u8], commented: bool) -> Shape {
    match text.first() {
        Some(b'[') if !commented => {
            let elements = scan::elements(text);
            if is_array(text, &elements) { Shape::Array(elements) } else { Shape::Lines }
        }
        Some(b'{') if commented => Shape::Object,
        Some(b'{') => shape_of_objects(text),
        _ => Shape::Lines,
    }
}

/// Tells an array of objects, perhaps cut off, from a broken first line.
fn is_array(text: &[u8], elements: &Elements) -> bool {
    if !elements.spans.iter().any(|span| text[span.clone()].starts_with(b"{")) {
        return false;
    }
    match elements.end {
        Some(end) => is_blank(&text[end..]) || memchr(b'\n', &text[..end]).is_some(),
        None => {
            let second = line(text.get(line(text).len()..).unwrap_or_default().trim_ascii_start());
            !is_json_object(second) || elements.spans.iter().any(|span| is_json_object(&text[span.clone()]))
        }
    }
}

/// Tells one object from several, on lines or not, in a text that begins with a brace.
fn shape_of_objects(text: &[u8]) -> Shape {
    let first = line(text);
    match json::value_end(text) {
        Some(end) if is_blank(&text[end..]) => Shape::Object,
        Some(end) if end <= first.len() => Shape::Lines,
        Some(end) if is_json_object(&text[..end]) && text[end..].trim_ascii().starts_with(b"{") => {
            Shape::Objects
        }
        _ => {
            // Either the first of many lines is broken, or this is JSON5, where quotes hide other things.
            let second = line(text.get(first.len()..).unwrap_or_default().trim_ascii_start());
            let many = is_json_object(first) || is_json_object(second);
            if many { Shape::Lines } else { Shape::Object }
        }
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.trim_ascii().is_empty()
}

fn line(text: &[u8]) -> &[u8] {
    &text[..memchr(b'\n', text).unwrap_or(text.len())]
}

fn is_json_object(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| json::pick(text, []).is_ok())
}

fn format_of_lines(intake: &Intake) -> Format {
    if intake.wrapped > 0 { Format::ServerEvents } else { Format::Ndjson }
}

/// Lines are read in batches of about this many bytes, which an executor may do side by side. What a fuzzer tries is
/// small, but is to be read in batches too.
const BATCH: usize = if cfg!(fuzzing) { 1 << 8 } else { 1 << 20 };

/// Goes through the lines of an input.
struct LineReader {
    start: usize,
    /// The number of lines that have been put away.
    lines: u64,
    /// What has been read, but not put away.
    read: Vec<(Batch, u64)>,
}

impl LineReader {
    fn new(start: usize) -> Self {
        Self { start, lines: 0, read: Vec::new() }
    }

    /// Reads some lines. Returns whether that was all.
    ///
    /// Not all at once: repetitions are dropped between one wave and the next. One wave is put away while the next is
    /// read.
    fn advance(&mut self, bytes: &[u8], intake: &mut Intake, executor: &dyn Executor) -> bool {
        // Who works alone may want to look up after each batch.
        let width = if executor.width() == 1 { 1 } else { executor.width().saturating_mul(4) };
        let wave: Vec<Range<usize>> = batches(bytes, self.start).take(width).collect();
        self.start = wave.last().map_or(bytes.len(), |last| last.end);
        let batch = intake.batch();
        let Self { lines, read, .. } = self;
        let put_away = || {
            for (batch, breaks) in std::mem::take(read) {
                intake.absorb(batch, *lines);
                *lines += breaks;
            }
        };
        let read_on = || {
            executor::map(executor, wave.len(), |number| {
                let part = wave[number].clone();
                let last = part.end == bytes.len();
                read_batch(&bytes[part], last, batch.another())
            })
        };
        let ((), next) = executor::join(executor, put_away, read_on);
        self.read = next;
        self.start == bytes.len() && self.read.is_empty()
    }
}

fn read_lines(bytes: &[u8], intake: &mut Intake) -> Format {
    let mut reader = LineReader::new(0);
    while !reader.advance(bytes, intake, &Sequential) {}
    format_of_lines(intake)
}

/// Pieces of the text from `start` on that end with a line.
fn batches(bytes: &[u8], mut start: usize) -> impl Iterator<Item = Range<usize>> {
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let end = rest.get(BATCH..).and_then(|beyond| memchr(b'\n', beyond));
        let piece = start..end.map_or(bytes.len(), |end| start + BATCH + end + 1);
        start = piece.end;
        Some(piece)
    })
}

/// Reads whole lines; also returns how many line breaks there are. `last`: the input ends with them.
fn read_batch(bytes: &[u8], last: bool, mut batch: Batch) -> (Batch, u64) {
    let (mut start, mut breaks) = (0, 0);
    let ends = memchr_iter(b'\n', bytes).chain([bytes.len()]);
    for (number, end) in (1..).zip(ends) {
        let line = &bytes[start..end];
        if !is_blank(line) {
            batch.bytes(line, Some(number), !last || end < bytes.len());
        }
        start = end + 1;
        breaks = number - 1;
    }
    (batch, breaks)
}

fn read_objects(bytes: &[u8], mut start: usize, intake: &mut Intake) -> Format {
    let lines = Lines::new(bytes);
    while start < bytes.len() {
        let rest = &bytes[start..];
        let closed = if rest.starts_with(b"{") { json::value_end(rest) } else { None };
        let end = start + closed.unwrap_or(rest.len());
        intake.bytes(&bytes[start..end], Some(lines.of(start)), closed.is_some());
        start = end + (bytes[end..].len() - bytes[end..].trim_ascii_start().len());
    }
    format_of_lines(intake)
}

/// Version 1 of /send_join and /send_leave: `[200, {…}]`.
fn read_answer(
    bytes: &[u8],
    start: usize,
    elements: &Elements,
    intake: &mut Intake,
) -> Result<Option<Format>, NotADump> {
    let text = &bytes[start..];
    if let [code, body] = &elements.spans[..]
        && text[code.clone()].iter().all(u8::is_ascii_digit)
        && let Ok(body_text) = std::str::from_utf8(&text[body.clone()])
        && json::pick(body_text, []).is_ok()
    {
        let lines = Lines::new(bytes);
        let place = Place::new(body_text, &lines, start + body.start);
        let (format, _) = object::read(body_text, &place, intake)?;
        return Ok(Some(format));
    }
    Ok(None)
}

/// Goes through the elements of an array.
struct ArrayReader {
    /// The offset of the opening bracket, in the input without its mark.
    start: usize,
    /// The length of the mark.
    mark: usize,
    elements: Elements,
    lines: Lines,
    /// The number of elements that have been read.
    read: usize,
}

impl ArrayReader {
    /// `bytes`: the input without its mark.
    fn new(bytes: &[u8], mark: usize, start: usize, elements: Elements) -> Self {
        Self { start, mark, elements, lines: Lines::new(bytes), read: 0 }
    }

    /// The offset of what is to be read next, in the whole input.
    fn place(&self) -> usize {
        let next = self.elements.spans.get(self.read).map_or(0, |span| span.start);
        self.mark + self.start + next
    }

    /// Reads some elements of the whole input. Returns whether that was all.
    fn advance(&mut self, bytes: &[u8], intake: &mut Intake, executor: &dyn Executor) -> bool {
        let text = &bytes[self.mark + self.start..];
        let width = if executor.width() == 1 { 1 } else { executor.width().saturating_mul(4) };
        let wave: Vec<Range<usize>> = self.batches().take(width).collect();
        let read = executor::map(executor, wave.len(), |number| {
            let mut batch = intake.batch();
            for place in wave[number].clone() {
                let span = self.elements.spans[place].clone();
                let whole = place + 1 < self.elements.spans.len() || self.elements.end.is_some();
                let line = self.lines.of(self.start + span.start);
                batch.bytes(&text[span], Some(line), whole);
            }
            batch
        });
        read.into_iter().for_each(|batch| intake.absorb(batch, 0));
        self.read = wave.last().map_or(self.read, |last| last.end);
        let is_read = self.read == self.elements.spans.len();
        if is_read {
            self.finish(text, intake);
        }
        is_read
    }

    /// Elements that are left, by places, in pieces of about [`BATCH`] bytes.
    fn batches(&self) -> impl Iterator<Item = Range<usize>> {
        let (spans, mut next) = (&self.elements.spans, self.read);
        std::iter::from_fn(move || {
            let first = spans.get(next)?;
            let len = spans[next..].partition_point(|span| span.start < first.start + BATCH);
            next += len;
            Some(next - len..next)
        })
    }

    /// Tells what is wrong with the end.
    fn finish(&self, text: &[u8], intake: &mut Intake) {
        let Self { start, elements, lines, .. } = self;
        let end = elements.end.unwrap_or(text.trim_ascii_end().len());
        let line = lines.of(start + end);
        let last = elements.spans.last();
        if elements.end.is_none() && last.is_some_and(|span| is_json_object(&text[span.clone()])) {
            let message = "the input ends before the array does";
            intake.findings.push(Finding::new(Code::Truncated, message).line(line));
        }
        if !is_blank(&text[end..]) {
            let message = format!("{} bytes after the end of the array are left out", text.len() - end);
            intake.findings.push(Finding::new(Code::NotJson, message).line(line));
        }
    }
}

/// One object: strict JSON if it is that, else JSON5.
fn read_object(
    bytes: &[u8],
    start: usize,
    intake: &mut Intake,
) -> Result<(Format, Option<Scenario>), NotADump> {
    let lines = Lines::new(bytes);
    let Ok(whole) = std::str::from_utf8(bytes) else {
        // The records of a broken line get their findings; an object has no parts to save.
        return Ok((read_lines(bytes, intake), None));
    };
    let text = whole[start..].trim_ascii_end();
    let strict = match json::pick(text, []) {
        Ok([]) => return object::read(text, &Place::new(text, &lines, start), intake),
        Err(error) => error,
    };
    match object::from_json5(whole) {
        Ok((converted, listed)) => {
            let listed = listed.into_iter().map(|offset| lines.of(offset)).collect();
            object::read(&converted, &Place::listed(listed), intake)
        }
        // Not meant as JSON5: one broken record.
        Err(_)
            if lines.of(bytes.len()) <= 2
                || strict.is_eof() && json::value_end(text.as_bytes()).is_none() =>
        {
            intake.bytes(text.as_bytes(), Some(lines.of(start)), false);
            Ok((Format::Ndjson, None))
        }
        Err(finding) => {
            intake.findings.push(finding);
            let message = "the input is an object that is neither JSON nor JSON5".to_owned();
            Err(NotADump { message, remedy: "see the finding for the place of the error" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PDU: &str = r#"{"type":"m.x","sender":"@a:x","content":{},"prev_events":[],"auth_events":[],"origin_server_ts":1,"event_id":"$e"}"#;

    /// Another event of the same form.
    fn other() -> String {
        PDU.replace("$e", "$f")
    }

    fn check(text: &str, format: Format, lines: &[u64], codes: &[(Code, u64)]) {
        let mut intake = Intake::default();
        let mut reading = Reading::new(text.as_bytes(), &mut intake, &Sequential).unwrap();
        while !reading.advance(text.as_bytes(), &mut intake, &Sequential) {}
        let recognised = reading.recognised();
        assert_eq!(recognised.format, format, "{text}");
        let found: Vec<_> = intake.raws.iter().filter_map(|raw| raw.line.number()).collect();
        assert_eq!(found, lines, "{text}");
        let findings = intake.findings.finish();
        let found: Vec<_> = findings.iter().map(|f| (f.code, f.line.unwrap_or_default())).collect();
        assert_eq!(found, codes, "{text}");
    }

    #[test]
    fn lines_end_with_line_feeds_only() {
        let separator = PDU.replace("m.x", "m.\u{2028}x");
        check(&format!("\u{feff}{PDU}\r\n\n \t\r\n{separator}\n"), Format::Ndjson, &[1, 4], &[]);
    }

    #[test]
    fn a_broken_first_line_does_not_hide_the_rest() {
        for bad in ["{\"type\":", "{\"a\":\"x", "rubbish", "[", "[1]", "[{}]", "{\"a\":NaN}", "\"{"] {
            check(&format!("{bad}\n{PDU}\n{}", other()), Format::Ndjson, &[2, 3], &[(Code::NotJson, 1)]);
        }
    }

    #[test]
    fn pretty_printed_objects_are_records() {
        let [pretty, other] = [PDU, &other()].map(|pdu| pdu.replace(",\"", ",\n  \""));
        check(&pretty, Format::Ndjson, &[1], &[]);
        check(&format!("\n{pretty}\n\n{other}\n"), Format::Ndjson, &[2, 10], &[]);
        let cut = &pretty[..pretty.len() - 8];
        check(&format!("{pretty}\n{cut}"), Format::Ndjson, &[1], &[(Code::Truncated, 8)]);
        check(cut, Format::Ndjson, &[], &[(Code::Truncated, 1)]);
    }

    #[test]
    fn one_bad_element_does_not_spoil_an_array() {
        let other = other();
        check(&format!(" [{PDU},\n{other}]"), Format::Array, &[1, 2], &[]);
        check(
            &format!("[{PDU},\n{{a}},\n5,{other}]"),
            Format::Array,
            &[1, 3],
            &[(Code::NotJson, 2), (Code::NotJson, 3)],
        );
        check(&format!("[{PDU}\n,{other}"), Format::Array, &[1, 2], &[(Code::Truncated, 2)]);
        check(&format!("[{PDU},\n{{\"type\":"), Format::Array, &[1], &[(Code::Truncated, 2)]);
        check(&format!("[\n{PDU}]\nmore"), Format::Array, &[2], &[(Code::NotJson, 2)]);
    }

    #[test]
    fn records_of_a_server_are_told_by_their_event() {
        let record = format!(r#"{{"event_id":"$e","event":{PDU}}}"#);
        check(&format!("{record}\n{PDU}"), Format::ServerEvents, &[1, 2], &[]);
        check(&record, Format::ServerEvents, &[1], &[]);
    }

    #[test]
    fn databases_are_named() {
        let refused = Reading::new(b"SQLite format 3\0\x10", &mut Intake::default(), &Sequential);
        assert!(refused.is_err_and(|error| error.remedy.contains("hindsight import")));
    }

    #[test]
    fn utf16_is_named() {
        assert!(Reading::new(b"\xff\xfe{\0", &mut Intake::default(), &Sequential).is_err());
    }
}
