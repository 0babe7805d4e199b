//! The table of ratios, in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Measured, Side};
use crate::support::measure::Spread;

/// Everything that was measured, as it stands in `benches/README.md`.
pub(crate) fn render(rooms: &[Measured]) -> String {
    let mut text = String::new();
    ratios(&mut text, rooms);
    resolutions(&mut text, rooms);
    size(&mut text, rooms);
    text
}

fn ratios(text: &mut String, rooms: &[Measured]) {
    text.push_str(
        "\n| room | load | replay | load, ruma | replay, ruma | replay is faster by | load + replay by |\n",
    );
    text.push_str("|---|---|---|---|---|---|---|\n");
    for Measured { room, ours, baseline, .. } in rooms {
        let _ = write!(text, "| `{room}` | {} | {} ", time(ours.load), time(ours.replay));
        let Some(ruma) = baseline else {
            text.push_str("| not run | not run | | |\n");
            continue;
        };
        let all = |side: &Side| side.load + side.replay;
        let _ = writeln!(
            text,
            "| {} | {} | {:.0}× | {:.0}× |",
            time(ruma.load),
            time(ruma.replay),
            ratio(ruma.replay, ours.replay),
            ratio(all(ruma), all(ours)),
        );
    }
}

fn resolutions(text: &mut String, rooms: &[Measured]) {
    text.push_str("\n| room | conflicted resolutions | median | 99 of 100 below | longest | median, ruma | 99 of 100 | longest |\n");
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    for Measured { room, ours, baseline, .. } in rooms {
        let count = ours.resolutions.map_or(0, |spread| spread.count);
        let ruma = baseline.as_ref().and_then(|side| side.resolutions);
        let _ = writeln!(text, "| `{room}` | {count} | {} | {} |", spread(ours.resolutions), spread(ruma));
    }
}

fn size(text: &mut String, rooms: &[Measured]) {
    text.push_str("\n| room | events | file | load + replay, an event | memory beside the file | at most | load by four threads |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for Measured { room, events, bytes, ours, load_by_threads: [one, four], memory, .. } in rooms {
        let each = (ours.load + ours.replay) / u32::try_from(*events).unwrap_or(u32::MAX);
        let (held, most) = memory.map_or(("?".into(), "?".into()), |(held, most)| (mib(held), mib(most)));
        let (file, each, scale) = (mib(*bytes as u64), time(each), ratio(*one, *four));
        let _ = writeln!(text, "| `{room}` | {events} | {file} | {each} | {held} | {most} | {scale:.1}× |");
    }
}

fn spread(spread: Option<Spread>) -> String {
    match spread {
        Some(Spread { median, p99, max, .. }) => format!("{} | {} | {}", time(median), time(p99), time(max)),
        None => "| |".into(),
    }
}

fn ratio(theirs: Duration, ours: Duration) -> f64 {
    theirs.as_secs_f64() / ours.as_secs_f64()
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// With three digits.
fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        1.0.. => (seconds, "s"),
        1e-3.. => (seconds * 1e3, "ms"),
        1e-6.. => (seconds * 1e6, "µs"),
        _ => (seconds * 1e9, "ns"),
    };
    match value {
        100.0.. => format!("{value:.0} {unit}"),
        10.0.. => format!("{value:.1} {unit}"),
        _ => format!("{value:.2} {unit}"),
    }
}
