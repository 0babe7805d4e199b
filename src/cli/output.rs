//! Where output goes: standard output for answers, standard error for everything else.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anstream::AutoStream;
use anstyle::{AnsiColor, Effects, Style};
use serde::Serialize;

use super::args::{ColorWhen, Globals};
use super::error::CliError;

/// Work shorter than this shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);
/// The width of a line where there is no terminal to ask.
const WIDTH: usize = 100;

/// The user at the other end.
pub(super) struct Ui {
    out: io::BufWriter<AutoStream<io::Stdout>>,
    theme: Theme,
    error_theme: Theme,
    shows_progress: bool,
    width: usize,
}

impl Ui {
    /// Looks at where the output goes.
    pub(super) fn new(globals: &Globals) -> Self {
        let colored = |choice: anstream::ColorChoice| match globals.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => choice != anstream::ColorChoice::Never,
        };
        let theme = Theme { colored: colored(AutoStream::choice(&io::stdout())) };
        // Escapes are either meant or not written at all. A stream that strips them would also take them out of
        // data. Where they are meant, an old Windows console has them translated.
        let choice = match (theme.colored, globals.color) {
            (true, ColorWhen::Auto) => anstream::ColorChoice::Auto,
            _ => anstream::ColorChoice::AlwaysAnsi,
        };
        let size = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
        Self {
            out: io::BufWriter::with_capacity(1 << 16, AutoStream::new(io::stdout(), choice)),
            theme,
            error_theme: Theme { colored: colored(AutoStream::choice(&io::stderr())) },
            shows_progress: io::stderr().is_terminal(),
            width: size.map_or(WIDTH, |(width, _)| usize::from(width.0).max(20)),
        }
    }

    /// Standard output. A closed pipe comes back as an error that [`CliError`] makes a quiet end.
    pub(super) fn out(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// The colours of standard output.
    pub(super) fn theme(&self) -> Theme {
        self.theme
    }

    /// The width of the terminal, or 100.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Prints one JSON value and a line break. Characters that a terminal would obey are written as `\u` escapes.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let json = serde_json::to_string(value).map_err(io::Error::from)?;
        self.out.write_all(crate::export::escape_json(&json).as_bytes())?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    /// Writes bytes that are ready and sends them.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.out.write_all(bytes)?;
        self.flush()
    }

    /// Lets `work` write to the file asked for, or to standard output.
    pub(super) fn write(
        &mut self,
        path: Option<&Path>,
        work: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CliError> {
        let Some(path) = path else { return Ok(work(&mut self.out)?) };
        let failed = |error: io::Error| CliError::file("write", path, &error);
        let mut file = io::BufWriter::new(File::create(path).map_err(failed)?);
        work(&mut file).and_then(|()| file.flush()).map_err(failed)
    }

    /// Sends what is buffered.
    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        Ok(self.out.flush()?)
    }

    /// Writes a line to standard error, without a prefix; trouble there is nobody's concern.
    pub(super) fn say(&mut self, line: impl fmt::Display) {
        let _ = self.out.flush();
        let mut stderr = AutoStream::new(
            io::stderr(),
            if self.error_theme.colored {
                anstream::ColorChoice::Always
            } else {
                anstream::ColorChoice::Never
            },
        );
        let _ = writeln!(stderr, "{line}");
    }

    /// Something worth knowing about the output, to standard error.
    pub(super) fn note(&mut self, note: impl fmt::Display) {
        let prefix = self.error_theme.dim("note:").to_string();
        self.say(format_args!("{prefix} {note}"));
    }

    /// The colours of standard error.
    pub(super) fn error_theme(&self) -> Theme {
        self.error_theme
    }

    /// Does some work; if it takes over a second and somebody watches, shows what and for how long.
    pub(super) fn busy<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        self.busy_with(&|| what.to_owned(), work)
    }

    /// As [`busy`](Self::busy), with what changes while it is done.
    pub(super) fn busy_with<T>(&self, what: &(dyn Fn() -> String + Sync), work: impl FnOnce() -> T) -> T {
        if !self.shows_progress {
            return work();
        }
        thread::scope(|scope| {
            let (done, waiting) = mpsc::channel::<()>();
            let ticker = scope.spawn(move || tick(what, &waiting));
            let result = work();
            drop(done);
            let _ = ticker.join();
            result
        })
    }
}

/// Shows `what` until the other end of the channel is gone.
fn tick(what: &(dyn Fn() -> String + Sync), waiting: &mpsc::Receiver<()>) {
    let start = Instant::now();
    let mut pause = PATIENCE;
    let mut width = 0;
    while waiting.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let line = format!("{} … {} s", what(), start.elapsed().as_secs());
        width = width.max(line.chars().count());
        let _ = write!(io::stderr(), "\r{line:width$}");
        pause = Duration::from_millis(250);
    }
    if width > 0 {
        let _ = write!(io::stderr(), "\r{:width$}\r", "");
    }
}

/// Colours by meaning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Theme {
    colored: bool,
}

impl Theme {
    /// An event ID.
    pub(super) fn id<T>(self, text: T) -> Painted<T> {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// A user.
    pub(super) fn user<T>(self, text: T) -> Painted<T> {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    /// A heading.
    pub(super) fn heading<T>(self, text: T) -> Painted<T> {
        self.paint(Style::new().bold(), text)
    }

    /// Something beside the point.
    pub(super) fn dim<T>(self, text: T) -> Painted<T> {
        self.paint(Style::new().effects(Effects::DIMMED), text)
    }

    /// Something allowed, chosen, in force.
    pub(super) fn good<T>(self, text: T) -> Painted<T> {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// Something refused or broken.
    pub(super) fn bad<T>(self, text: T) -> Painted<T> {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    /// Something to look at.
    pub(super) fn warn<T>(self, text: T) -> Painted<T> {
        self.paint(AnsiColor::Magenta.on_default(), text)
    }

    fn paint<T>(self, style: Style, text: T) -> Painted<T> {
        Painted { style: if self.colored { style } else { Style::new() }, text }
    }
}

/// Text in a colour. Width and alignment of a format string apply to the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.style)?;
        self.text.fmt(f)?;
        write!(f, "{:#}", self.style)
    }
}
