//! How long loading, replaying and resolving take; resolutions beside ruma's, on the same inputs in the same run.
//!
//! The rooms are generated (cut-off servers that meet again), so anybody can run this: `cargo bench`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hindsight::auth::Profile;
use hindsight::differential::RumaRoom;
use hindsight::dump::{self, Options};
use hindsight::event::room_version::Rules;
use hindsight::generate::{Mode, Plan, RoomBuilder, generate};
use hindsight::replay::Replay;
use hindsight::resolve::Resolver;
use hindsight::room::{EventIx, EventSet, Room};

fn room(version: &str, events: usize) -> RoomBuilder {
    let rules = Rules::of(version).expect("a known room version");
    generate(&Plan { seed: 7, mode: Mode::Netsplit, rules, events })
}

fn loading(c: &mut Criterion) {
    let text = room("11", 400).ndjson();
    let mut group = c.benchmark_group("load");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("400 events", |b| {
        b.iter(|| dump::load(black_box(text.as_bytes()), &Options::default()).map(|dump| dump.room.len()));
    });
    group.finish();
}

fn replaying(c: &mut Criterion) {
    let mut group = c.benchmark_group("replay");
    for version in ["11", "12"] {
        let room = room(version, 400).room();
        group.throughput(Throughput::Elements(room.len() as u64));
        group.bench_function(BenchmarkId::new("400 events", version), |b| {
            b.iter(|| Replay::new(black_box(&room), None, Profile::Spec).rejected().len());
        });
    }
    group.finish();
}

/// The merge whose states differ on the most keys.
fn hardest_merge(replay: &Replay<'_>, room: &Room) -> Option<EventIx> {
    let conflicts = |ix: &EventIx| {
        let inputs = replay.inputs(*ix).unwrap_or_default();
        replay.resolve(&inputs, &mut ()).sizes.conflicts
    };
    room.events().filter(|ix| replay.resolved(*ix)).max_by_key(conflicts)
}

fn resolving(c: &mut Criterion) {
    let mut group = c.benchmark_group("resolve");
    for version in ["11", "12"] {
        let room = room(version, 400).room();
        let replay = Replay::new(&room, None, Profile::Ruma);
        let Some(merge) = hardest_merge(&replay, &room) else { continue };
        let sets = replay.inputs(merge).unwrap_or_default();
        let algorithm = room.rules().algorithm;
        let none = EventSet::new(room.len());
        let mut resolver = Resolver::new(&room, algorithm, Profile::Ruma);
        let ruma = RumaRoom::new(&room).expect("only what ruma can hold is generated");
        let ours = resolver.resolve(&sets, &none, &mut ()).state;
        let theirs = ruma.resolve(algorithm, &sets, &none).expect("an honest room resolves");
        assert_eq!(ours.hash(&room), theirs.hash(&room));
        group.bench_function(BenchmarkId::new("hindsight", version), |b| {
            b.iter(|| resolver.resolve(black_box(&sets), &none, &mut ()).state.len());
        });
        group.bench_function(BenchmarkId::new("hindsight, steps recorded", version), |b| {
            b.iter(|| {
                let mut steps = Vec::new();
                resolver.resolve(black_box(&sets), &none, &mut steps);
                steps.len()
            });
        });
        group.bench_function(BenchmarkId::new("ruma", version), |b| {
            b.iter(|| ruma.resolve(algorithm, black_box(&sets), &none).map(|state| state.len()));
        });
    }
    group.finish();
}

criterion_group!(benches, loading, replaying, resolving);
criterion_main!(benches);
