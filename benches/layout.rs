//! How long it takes to lay out a room: rows, lanes, windows, collapsed runs, the auth graph; with criterion.
//!
//! ```sh
//! cargo bench --bench layout                             # with statistics, some minutes
//! cargo bench --bench layout -- --quick                  # criterion's own way to be quick
//! HINDSIGHT_R1M=1 cargo bench --bench layout -- r1m      # the million
//! ```

use std::env;
use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hindsight::auth::Profile;
use hindsight::dump::{self, Options};
use hindsight::generate::{Blueprint, Preset, Rng};
use hindsight::layout::{Edges, Graph, Lanes};
use hindsight::replay::Replay;
use hindsight::room::{EventIx, EventSet, Room};

/// Rows that fit on a large screen.
const SCREEN: usize = 60;

fn room(preset: Preset) -> Room {
    dump::load(&Blueprint::preset(preset).ndjson(), &Options::default()).expect("a generated room loads").room
}

fn presets() -> impl Iterator<Item = Preset> {
    let million = env::var_os("HINDSIGHT_R1M").map(|_| Preset::R1m);
    [Preset::R10k, Preset::R100k, Preset::Wide].into_iter().chain(million)
}

fn layout(c: &mut Criterion) {
    for preset in presets() {
        let room = room(preset);
        let now = Replay::new(&room, None, Profile::Spec).current().extremities.clone();
        measure(c, preset, &room, &now);
    }
}

#[expect(clippy::print_stdout, reason = "sizes belong beside the times")]
fn measure(c: &mut Criterion, preset: Preset, room: &Room, now: &[EventIx]) {
    let mut group = c.benchmark_group(format!("layout/{}", preset.as_str()));
    group.sample_size(10);
    group.throughput(Throughput::Elements(room.len() as u64));
    let all: Vec<EventIx> = room.events().collect();
    let states: Vec<EventIx> = room.events().filter(|ix| room.event(*ix).is_state()).collect();
    for (name, edges, shown) in [
        ("all events", Edges::Prev, &all),
        ("state events", Edges::Prev, &states),
        ("auth events", Edges::Auth, &all),
        ("auth events, reduced", Edges::ReducedAuth, &all),
        ("auth events of state events, reduced", Edges::ReducedAuth, &states),
    ] {
        let now = if edges == Edges::Prev { now } else { &[] };
        let graph = || Graph::new(black_box(room), edges, shown, now);
        group.bench_function(BenchmarkId::new("graph", name), |b| b.iter_with_large_drop(graph));
        let graph = graph();
        group.bench_function(BenchmarkId::new("lanes", name), |b| {
            b.iter_batched(|| graph.clone(), Lanes::new, BatchSize::LargeInput);
        });
        let collapse = || graph.collapse(&EventSet::default(), |_| false);
        group.bench_function(BenchmarkId::new("collapse", name), |b| b.iter_with_large_drop(collapse));
        let (is_reduced, collapsed) = (graph.is_reduced(), collapse().len());
        let edges: usize = (0..graph.len()).map(|row| graph.parents(row).len()).sum();
        let lanes = Lanes::new(graph);
        println!(
            "{}, {name}: {} rows ({collapsed} collapsed), {edges} edges (reduced: {is_reduced}), {} lanes, {} KiB",
            preset.as_str(),
            lanes.len(),
            lanes.width(),
            lanes.memory() / 1024
        );
        let mut rng = Rng::new(1);
        group.bench_function(BenchmarkId::new("60 rows anywhere", name), |b| {
            b.iter_batched(
                || rng.below(lanes.len()),
                |row| {
                    lanes.window_in(row..row + SCREEN, 0..SCREEN).map(|row| row.segments.len()).sum::<usize>()
                },
                BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("minimap", name), |b| {
            b.iter(|| lanes.density(1_000, |ix| [room.event(ix).is_state(), room.prev_events(ix).len() > 1]));
        });
    }
    group.finish();
}

criterion_group!(benches, layout);
criterion_main!(benches);
