//! `hindsight import`: a room out of a server's database.

use std::path::PathBuf;

use clap::{Args, ValueHint};

pub(super) const EXAMPLES: &str = "\
Examples:
  hindsight import homeserver.db --room '#ops:example.org' -o ops.ndjson.gz
  hindsight import postgres://synapse@db.example.org/synapse --room '!abc' | hindsight inspect -
  hindsight import synapse:copy.db --room '!abc' --state-database synapse:state.db -o room.ndjson

What is written are the records of the database, one a line, as they are: what the server says of the room, its state \
groups, its events with what was noted of each (rejected, soft-failed, outlier, …), and what clients were told of the \
state. Every other command reads them; SOURCE itself may also stand wherever a DUMP is asked for.

SOURCE:
  homeserver.db, synapse:PATH    a file of SQLite. Read only if nobody writes to it: of a server that runs, make a
                                 copy first (sqlite3 homeserver.db \".backup copy.db\").
  postgres://USER@HOST/DATABASE  a PostgreSQL server, in one read-only transaction. The password comes from
                                 PGPASSWORD, the file that PGPASSFILE names, ~/.pgpass, or the URL.
                                 ?sslmode=verify-full&sslrootcert=FILE and the like are as psql has them;
                                 ?host=/run/postgresql is a socket.

--room takes a room ID, an alias, or the beginning of an ID; a database with a single room needs none. Nothing is \
written to the database. A FILE that ends in .gz is compressed; it appears when it is complete.";

/// Arguments of `import`.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The database: homeserver.db, synapse:PATH, or postgres://USER@HOST/DATABASE
    #[arg(value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    source: PathBuf,

    /// The file to write; by default standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

/// Says that this program reads no databases.
#[cfg(not(all(feature = "synapse", not(target_arch = "wasm32"))))]
pub(super) fn run(
    args: &ImportArgs,
    _: &super::args::Globals,
    _: &mut super::output::Ui,
) -> Result<u8, super::error::CliError> {
    let _ = (&args.source, &args.output);
    Err(super::database::disabled())
}

#[cfg(all(feature = "synapse", not(target_arch = "wasm32")))]
pub(super) use self::enabled::run;

#[cfg(all(feature = "synapse", not(target_arch = "wasm32")))]
mod enabled {
    use std::io::{self, Write};
    use std::time::Instant;

    use bytesize::ByteSize;
    use serde_json::json;

    use super::super::args::Globals;
    use super::super::error::CliError;
    use super::super::output::Ui;
    use super::super::whole_file::WholeFile;
    use super::super::{database, text};
    use super::ImportArgs;
    use crate::synapse::{Imported, Source};

    /// Writes the room asked for.
    pub(in crate::cli) fn run(args: &ImportArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
        let start = Instant::now();
        let source = Source::must(&args.source)?;
        let mut server = database::open(globals, source, ui)?;
        let room_id = database::which(&mut server, globals.room.as_deref(), &args.source, ui)?;
        let (imported, bytes) = match &args.output {
            None => {
                let mut out = Counted { out: io::BufWriter::new(io::stdout().lock()), bytes: 0 };
                let imported = database::imported(&mut server, &room_id, &mut out, ui)?;
                out.out.flush()?;
                (imported, out.bytes)
            }
            Some(path) => {
                let mut file = WholeFile::create(path)?;
                let mut out = Counted { out: &mut file, bytes: 0 };
                let imported = database::imported(&mut server, &room_id, &mut out, ui)?;
                let bytes = out.bytes;
                file.finish()?;
                (imported, bytes)
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        if globals.is_json() && args.output.is_some() {
            ui.json(&json!({
                "room_id": room_id,
                "events": imported.events,
                "outliers": imported.outliers,
                "rejected": imported.rejected,
                "soft_failed": imported.soft_failed,
                "unreadable": imported.unreadable,
                "state_groups": imported.state_groups,
                "bytes": bytes,
            }))?;
        }
        let bytes = ByteSize::b(bytes).display().si();
        ui.note(format_args!("{}: {}, {bytes} in {seconds:.1} s", text::escape(&room_id), counts(&imported)));
        if imported.unreadable > 0 {
            ui.note(format_args!(
                "of {} there is no JSON that can be read; their records say why",
                text::count(imported.unreadable, "event")
            ));
        }
        Ok(0)
    }

    /// "1,078 events (12 outliers, 3 rejected, 5 soft-failed), 500 state groups".
    fn counts(imported: &Imported) -> String {
        let some = [
            (imported.outliers, text::count(imported.outliers, "outlier")),
            (imported.rejected, format!("{} rejected", text::number(imported.rejected))),
            (imported.soft_failed, format!("{} soft-failed", text::number(imported.soft_failed))),
        ];
        let some: Vec<String> =
            some.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
        let of_them = if some.is_empty() { String::new() } else { format!(" ({})", some.join(", ")) };
        let groups = text::count(imported.state_groups, "state group");
        format!("{}{of_them}, {groups}", text::count(imported.events, "event"))
    }

    /// Counts what goes through.
    struct Counted<W> {
        out: W,
        bytes: u64,
    }

    impl<W: Write> Write for Counted<W> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let written = self.out.write(bytes)?;
            self.bytes += written as u64;
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.out.flush()
        }
    }
}
