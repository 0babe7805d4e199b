//! Findings: what every partial failure becomes.
//!
//! Broken input is normal. Whatever a loader, a check or a replay notices and can work around is
//! a [`Finding`]: plain data that names the event, the line, the trouble and the remedy. Nothing
//! here prints; the command line and the debugger show findings in their own way.

use std::fmt;

/// How much a [`Finding`] matters to somebody who relies on the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; every answer stands.
    Info,
    /// Some answers rest on less than the whole truth (a hole, an unverifiable hash).
    Warning,
    /// Something was left out or is broken.
    Error,
}

impl Severity {
    /// The lower-case name used in text and JSON output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $text:literal, $severity:ident;)*) => {
        /// What kind of trouble a [`Finding`] reports. The text form is stable: scripts may match on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in the order of declaration.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable kebab-case name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The severity findings of this kind have.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// A line (or array element) is not JSON, or not a JSON object.
    NotJson => "not-json", Error;
    /// A line is not UTF-8.
    NotUtf8 => "not-utf8", Error;
    /// JSON nested so deep that hashes cannot be computed, or the value cannot be read.
    NestedTooDeep => "nested-too-deep", Warning;
    /// The input ends in the middle of a value or of a compressed stream.
    Truncated => "truncated", Error;
    /// A line longer than any PDU may be (65,536 bytes as canonical JSON).
    Oversized => "oversized", Warning;
    /// A required field of a PDU is missing or has the wrong type: the event cannot be used.
    MalformedEvent => "malformed-event", Error;
    /// A number outside the range that can be represented; it was clamped.
    NumberOutOfRange => "number-out-of-range", Error;
    /// A field is odd (duplicate JSON key, wrong type in a field that resolution does not need).
    OddField => "odd-field", Warning;
    /// The input has a form that was recognised but holds something the loader does not read.
    UnreadSection => "unread-section", Info;
    /// No event ID is given and none can be computed.
    NoEventId => "no-event-id", Error;
    /// The event ID is not the reference hash of the event.
    EventIdMismatch => "event-id-mismatch", Error;
    /// The content hash does not match the content.
    ContentHashMismatch => "content-hash-mismatch", Warning;
    /// A hash could not be computed (no canonical JSON form).
    Unverifiable => "unverifiable", Warning;
    /// The same event was given more than once, alike.
    DuplicateEvent => "duplicate-event", Info;
    /// The same event ID was given with different contents.
    ConflictingDuplicate => "conflicting-duplicate", Error;
    /// The event belongs to another room.
    ForeignRoom => "foreign-room", Error;
    /// No `m.room.create` event was found.
    NoCreate => "no-create", Error;
    /// More than one `m.room.create` event.
    SeveralCreates => "several-creates", Warning;
    /// The room version is not known to this program.
    UnknownRoomVersion => "unknown-room-version", Error;
    /// The room version given on request differs from the one in the create event.
    RoomVersionOverridden => "room-version-overridden", Warning;
    /// Events refer to one another in a circle.
    Cycle => "cycle", Error;
    /// A parent (`prev_events`) is not in the dump: the state before the event is unknown.
    MissingPrevEvent => "missing-prev-event", Warning;
    /// An event named in `prev_state_events` is not in the dump: the event waits, and what follows it (MSC4242).
    MissingStateEvent => "missing-state-event", Warning;
    /// A parent (`prev_events`) is not in the dump, in a room where no state depends on it (MSC4242).
    MissingTimelineEvent => "missing-timeline-event", Info;
    /// An event named in `auth_events` is not in the dump.
    MissingAuthEvent => "missing-auth-event", Warning;
    /// An asserted state names an event that is not in the dump, or that is not a state event.
    BadAssertedState => "bad-asserted-state", Error;
    /// A state that a server's database holds is broken, or has entries that are no events of the dump.
    BadStoredState => "bad-stored-state", Warning;
    /// The event was redacted.
    Redacted => "redacted", Info;
    /// The recorded verdict of the server differs from the recomputed one.
    RecordedVerdictDiffers => "recorded-verdict-differs", Warning;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that somebody who relies on the answer should know about the input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The line of the input (1-based), where there is one.
    pub line: Option<u64>,
    /// The event it is about, where there is one.
    pub event: Option<Box<str>>,
    /// What kind of trouble it is.
    pub code: Code,
    /// The trouble, as a sentence without a full stop.
    pub message: String,
    /// What to do about it, if something can be done.
    pub remedy: Option<&'static str>,
    /// Where the specification says how it should be.
    pub spec: Option<&'static str>,
}

impl Finding {
    /// A finding about the input as a whole.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { line: None, event: None, code, message: message.into(), remedy: None, spec: None }
    }

    /// Names the event.
    #[must_use]
    pub fn event(mut self, event_id: impl Into<Box<str>>) -> Self {
        self.event = Some(event_id.into());
        self
    }

    /// Names the line (1-based).
    #[must_use]
    pub fn line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    /// Names the line if it is known.
    #[must_use]
    pub fn maybe_line(mut self, line: Option<u64>) -> Self {
        self.line = line.or(self.line);
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: &'static str) -> Self {
        self.remedy = Some(remedy);
        self
    }

    /// Says where the specification is.
    #[must_use]
    pub fn spec(mut self, url: &'static str) -> Self {
        self.spec = Some(url);
        self
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.severity(), self.code)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        if let Some(event) = &self.event {
            write!(f, " {event}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(remedy) = self.remedy {
            write!(f, " ({remedy})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_kebab_case() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b == b'8')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn a_finding_reads_as_one_line() {
        let finding =
            Finding::new(Code::NotJson, "expected `}`").line(7).event("$x").remedy("export the room again");
        assert_eq!(finding.to_string(), "error[not-json] line 7 $x: expected `}` (export the room again)");
    }
}
