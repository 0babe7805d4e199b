//! `hindsight rooms`: the rooms of a server.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

pub(super) const EXAMPLES: &str = "\
Examples:
  hindsight rooms homeserver.db                       the rooms of a server, the largest first
  hindsight rooms homeserver.db --sort trouble --limit 20
  hindsight rooms postgres://synapse@db.example.org/synapse --search ops
  hindsight rooms homeserver.db --format json | jq '.[] | select(.forward_extremities > 10)'

Columns: events that the server knows; of these, outliers (without a place in the graph) and forks (that more than one \
other cites); heads (forward extremities, that none cites yet); joined members; the room version. Trouble: more than \
ten forward extremities, a state that is partial since a join, events rejected or soft-failed, holes (events known only \
as somebody's parents: most rooms that the server joined later have one), no create event, no room version.

Of a server with more than two million events, what needs a look at each of them (outliers, forks, soft-failed events) \
is counted with --thorough only.";

/// Arguments of `rooms`.
#[derive(Debug, Args)]
pub(super) struct RoomsArgs {
    /// The database: homeserver.db, synapse:PATH, or postgres://USER@HOST/DATABASE (see `hindsight import --help`)
    #[arg(value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    source: PathBuf,

    /// What to sort by, the largest or worst first
    #[arg(long, value_enum, default_value = "events")]
    sort: Order,

    /// Show only the first N rooms
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,

    /// Show only rooms in whose ID, name or alias there is this text, in upper or lower case
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    /// Count what takes a look at every event, however many there are
    #[arg(long)]
    thorough: bool,
}

/// Values of `--sort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    /// Number of events
    Events,
    /// Number of forks
    Forks,
    /// Number of forward extremities
    Extremities,
    /// Number of joined members
    Members,
    /// What looks like trouble
    Trouble,
    /// Name, else alias
    Name,
    /// Room ID
    Id,
}

/// Says that this program reads no databases.
#[cfg(not(all(feature = "synapse", not(target_arch = "wasm32"))))]
pub(super) fn run(
    args: &RoomsArgs,
    _: &super::args::Globals,
    _: &mut super::output::Ui,
) -> Result<u8, super::error::CliError> {
    let _ = (&args.source, args.sort, args.limit, &args.search, args.thorough);
    Err(super::database::disabled())
}

#[cfg(all(feature = "synapse", not(target_arch = "wasm32")))]
pub(super) use self::enabled::run;

#[cfg(all(feature = "synapse", not(target_arch = "wasm32")))]
mod enabled {
    use std::cmp::Reverse;
    use std::io::Write as _;

    use serde::Serialize;

    use super::super::args::Globals;
    use super::super::error::CliError;
    use super::super::output::Ui;
    use super::super::{database, text};
    use super::{Order, RoomsArgs};
    use crate::synapse::{RoomRow, Source, Trouble};

    /// Longer names are cut.
    const NAME: usize = 32;

    /// Lists the rooms asked for.
    pub(in crate::cli) fn run(args: &RoomsArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
        let source = Source::must(&args.source)?;
        let what = format!("listing the rooms of {}", database::shown(&source));
        let mut server = database::open(globals, source, ui)?;
        let listing = ui.busy(&what, || server.rooms(args.thorough))?;
        let all = text::number(listing.events());
        let mut rooms = listing.rooms;
        let total = rooms.len();
        if let Some(search) = &args.search {
            let search = search.to_lowercase();
            rooms.retain(|room| is_found(room, &search));
        }
        let found = rooms.len();
        sort(&mut rooms, args.sort);
        rooms.truncate(args.limit.unwrap_or(usize::MAX));
        if globals.is_json() {
            ui.json(&rooms.iter().map(RoomJson::new).collect::<Vec<_>>())?;
        } else {
            table(&rooms, ui)?;
        }
        ui.flush()?;
        if rooms.len() < found || found < total {
            let of = if found < total { format!(" of {} found", text::number(found)) } else { String::new() };
            let shown = text::number(rooms.len());
            ui.note(format_args!("{shown}{of}, of {} with {all} events", text::count(total, "room")));
        }
        if listing.is_brief {
            ui.note(
                "outliers, forks and soft-failed events were not counted, for there are too many events: \
                 --thorough counts them",
            );
        }
        Ok(0)
    }

    fn is_found(room: &RoomRow, search: &str) -> bool {
        let names = [Some(&room.room_id), room.name.as_ref(), room.alias.as_ref()];
        names.into_iter().flatten().any(|name| name.to_lowercase().contains(search))
    }

    fn sort(rooms: &mut [RoomRow], order: Order) {
        match order {
            Order::Events => rooms.sort_by_key(|room| Reverse(room.events)),
            Order::Forks => rooms.sort_by_key(|room| Reverse(room.forks)),
            Order::Extremities => rooms.sort_by_key(|room| Reverse(room.forward_extremities)),
            Order::Members => rooms.sort_by_key(|room| Reverse(room.members)),
            Order::Trouble => rooms.sort_by_cached_key(|room| Reverse(weight(room))),
            Order::Name => {
                rooms.sort_by_cached_key(|room| (name(room).is_none(), name(room).map(str::to_lowercase)));
            }
            Order::Id => {}
        }
    }

    /// How bad it looks: the kind of the worst trouble, then how much there is of all.
    fn weight(room: &RoomRow) -> (u8, u64) {
        let each = room.troubles().into_iter().map(|trouble| match trouble {
            Trouble::ManyExtremities(count) => (6, count),
            Trouble::PartialState => (5, 1),
            Trouble::NoCreateEvent => (4, 1),
            Trouble::NoVersion => (3, 1),
            Trouble::Rejected(count) | Trouble::SoftFailed(count) => (2, count),
            Trouble::Holes(count) => (1, count),
        });
        each.fold((0, 0), |(worst, sum), (kind, count)| (worst.max(kind), sum + count))
    }

    fn name(room: &RoomRow) -> Option<&str> {
        room.name.as_deref().or(room.alias.as_deref())
    }

    fn table(rooms: &[RoomRow], ui: &mut Ui) -> Result<(), CliError> {
        let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), text::number);
        let cells = |room: &RoomRow| {
            [
                text::number(room.events),
                count(room.outliers),
                count(room.forks),
                text::number(room.forward_extremities),
                text::number(room.members),
                room.version.as_deref().map_or_else(|| "-".to_owned(), text::escape),
            ]
        };
        let titles = ["events", "outliers", "forks", "heads", "members", "version"];
        let rows: Vec<_> = rooms.iter().map(cells).collect();
        let mut widths = titles.map(str::len);
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let ids: Vec<String> = rooms.iter().map(|room| text::escape(&room.room_id)).collect();
        let id_width = ids.iter().map(|id| id.chars().count()).max().unwrap_or(0).clamp(4, 60);
        let names: Vec<String> = rooms.iter().map(|room| shortened(name(room).unwrap_or_default())).collect();
        let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let theme = ui.theme();
        let out = ui.out();
        let padded = |cells: &[String]| -> String {
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}  ")).collect()
        };
        let name_title = if name_width > 0 { "name" } else { "" };
        let name_width = if name_width > 0 { name_width.max(4) + 2 } else { 0 };
        let titles = titles.map(str::to_owned);
        let header = format!("{}{:id_width$}  {name_title:name_width$}trouble", padded(&titles), "room");
        writeln!(out, "{}", theme.heading(header))?;
        for (((room, row), id), name) in rooms.iter().zip(&rows).zip(&ids).zip(&names) {
            let troubles: Vec<String> = room.troubles().iter().map(ToString::to_string).collect();
            let line = format!("{}{id:id_width$}  {name:name_width$}", padded(row));
            if troubles.is_empty() {
                writeln!(out, "{}", line.trim_end())?;
            } else {
                writeln!(out, "{line}{}", theme.warn(troubles.join(", ")))?;
            }
        }
        Ok(())
    }

    fn shortened(name: &str) -> String {
        let name = text::escape(name);
        if name.chars().count() <= NAME {
            return name;
        }
        name.chars().take(NAME - 1).chain(['…']).collect()
    }

    #[derive(Serialize)]
    struct RoomJson<'a> {
        room_id: &'a str,
        name: Option<&'a str>,
        alias: Option<&'a str>,
        room_version: Option<&'a str>,
        events: u64,
        outliers: Option<u64>,
        forks: Option<u64>,
        forward_extremities: u64,
        backward_extremities: u64,
        members: u64,
        rejected: u64,
        soft_failed: Option<u64>,
        partial_state: bool,
        has_create: bool,
        trouble: Vec<String>,
    }

    impl<'a> RoomJson<'a> {
        fn new(room: &'a RoomRow) -> Self {
            Self {
                room_id: &room.room_id,
                name: room.name.as_deref(),
                alias: room.alias.as_deref(),
                room_version: room.version.as_deref(),
                events: room.events,
                outliers: room.outliers,
                forks: room.forks,
                forward_extremities: room.forward_extremities,
                backward_extremities: room.backward_extremities,
                members: room.members,
                rejected: room.rejected,
                soft_failed: room.soft_failed,
                partial_state: room.partial_state,
                has_create: room.has_create,
                trouble: room.troubles().iter().map(ToString::to_string).collect(),
            }
        }
    }
}
