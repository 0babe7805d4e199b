//! How long the parts take: loading, replaying, one resolution, comparing two states; with criterion, each beside the
//! fair baseline (ruma, called as `support/baseline` tells) on the same input in the same run.
//!
//! ```sh
//! cargo bench --bench resolution                 # with statistics, some minutes
//! cargo bench --bench resolution -- --quick      # criterion's own way to be quick
//! cargo bench --bench resolution -- resolve      # what has `resolve` in its name
//! ```

#[path = "support/mod.rs"]
mod support;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hindsight::auth::Profile;
use hindsight::dump::{self, Dump, Options};
use hindsight::generate::{Blueprint, Preset};
use hindsight::replay::Replay;
use hindsight::resolve::Resolver;
use hindsight::resolve::step::Step;
use hindsight::room::EventIx;
use hindsight::state::StateMap;
use support::baseline::{Baseline, Marks, State};

fn make(preset: Preset) -> Vec<u8> {
    Blueprint::preset(preset).ndjson()
}

fn load(bytes: &[u8]) -> Dump {
    dump::load(bytes, &Options::default()).expect("a generated room loads")
}

fn baseline(bytes: &[u8]) -> Baseline<'_> {
    Baseline::load(bytes).expect("ruma's types can hold a generated room")
}

fn loading(c: &mut Criterion) {
    let mut group = c.benchmark_group("load");
    group.sample_size(10);
    for preset in [Preset::R10k, Preset::R100k] {
        let (name, bytes) = (preset.as_str(), make(preset));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("hindsight", name), |b| {
            b.iter_with_large_drop(|| load(black_box(&bytes)));
        });
        group.bench_function(BenchmarkId::new("ruma", name), |b| {
            b.iter_with_large_drop(|| baseline(black_box(&bytes)));
        });
    }
    group.finish();
}

fn replaying(c: &mut Criterion) {
    let mut group = c.benchmark_group("replay");
    group.sample_size(10);
    for preset in [Preset::R10k, Preset::R100k] {
        let (name, bytes) = (preset.as_str(), make(preset));
        let room = load(&bytes).room;
        group.throughput(Throughput::Elements(room.len() as u64));
        group.bench_function(BenchmarkId::new("hindsight", name), |b| {
            b.iter_with_large_drop(|| Replay::new(black_box(&room), None, Profile::Ruma));
        });
        // The baseline takes minutes for r100k: the bench `rooms` runs it once.
        if preset == Preset::R10k {
            group.bench_function(BenchmarkId::new("ruma", name), |b| {
                b.iter_batched(|| baseline(&bytes), |room| room.replay().is_ok(), BatchSize::PerIteration);
            });
        }
    }
    group.finish();
}

/// The number of keys that a merge has conflicts on.
fn conflicts(replay: &Replay<'_>, merge: EventIx) -> usize {
    replay.resolve(&replay.inputs(merge).unwrap_or_default(), &mut ()).sizes.conflicts
}

/// The merges with conflicts, those with fewest first.
fn merges(replay: &Replay<'_>) -> Vec<EventIx> {
    let merges = replay.room().events().filter(|ix| replay.resolved(*ix));
    let mut merges: Vec<(usize, EventIx)> = merges.map(|ix| (conflicts(replay, ix), ix)).collect();
    merges.sort_unstable();
    merges.into_iter().map(|(_, ix)| ix).collect()
}

fn resolving(c: &mut Criterion) {
    for (preset, kinds) in [
        (Preset::R10k, &[("small", 50), ("netsplit", 100)][..]),
        (Preset::ConflictHeavy, &[("medium", 50)]),
        (Preset::Wide, &[("64-way", 100)]),
    ] {
        let bytes = make(preset);
        let dump = load(&bytes);
        let replay = Replay::new(&dump.room, None, Profile::Ruma);
        let merges = merges(&replay);
        for (kind, percent) in kinds {
            resolve(c, kind, &replay, merges[(merges.len() - 1) * percent / 100], &baseline(&bytes));
        }
    }
}

/// Hindsight has resolved another merge before, as in a replay; it never sees the same merge twice, for it would
/// remember the verdicts.
fn resolve(c: &mut Criterion, kind: &str, replay: &Replay<'_>, merge: EventIx, ruma: &Baseline<'_>) {
    let room = replay.room();
    let sets = replay.inputs(merge).unwrap_or_default();
    let before = room.events().rfind(|ix| *ix < merge && replay.resolved(*ix));
    let before = before.and_then(|ix| replay.inputs(ix)).unwrap_or_default();
    let rejected = replay.rejected();
    let resolver = || {
        let mut resolver = Resolver::new(room, replay.algorithm(), replay.profile());
        resolver.resolve(&before, rejected, &mut ());
        resolver
    };
    let states: Vec<Arc<State<'_>>> = sets.iter().map(|set| Arc::new(ruma.state(set.list(room)))).collect();
    let mut marks = Marks::default();
    let theirs = ruma.resolve(&states, &mut marks).expect("ruma resolves what honest servers have");
    assert!(resolver().resolve(&sets, rejected, &mut ()).state == ours(replay, &theirs), "both answer alike");

    let name = format!("{kind}: {} keys of {} states", conflicts(replay, merge), sets.len());
    let mut group = c.benchmark_group(format!("resolve/{name}"));
    group.bench_function("hindsight", |b| {
        let once = |resolver: &mut Resolver<'_>| resolver.resolve(black_box(&sets), rejected, &mut ());
        b.iter_batched_ref(resolver, once, BatchSize::LargeInput);
    });
    group.bench_function("hindsight, every step recorded", |b| {
        let once = |resolver: &mut Resolver<'_>| {
            let mut steps: Vec<Step> = Vec::new();
            (resolver.resolve(black_box(&sets), rejected, &mut steps), steps)
        };
        b.iter_batched_ref(resolver, once, BatchSize::LargeInput);
    });
    group.bench_function("ruma", |b| {
        b.iter_with_large_drop(|| ruma.resolve(black_box(&states), &mut marks).ok());
    });
    group.finish();
}

fn ours(replay: &Replay<'_>, theirs: &State<'_>) -> StateMap {
    let room = replay.room();
    let entry = |((kind, key), id): (&(_, String), _)| {
        Some((room.find_key(&ToString::to_string(kind), key)?, room.find(&ToString::to_string(id))?))
    };
    theirs.iter().filter_map(entry).collect()
}

/// What differs between the sides of the largest merge: beside it, the same of two hash maps.
fn comparing(c: &mut Criterion) {
    let bytes = make(Preset::R100k);
    let dump = load(&bytes);
    let room = &dump.room;
    let replay = Replay::new(room, None, Profile::Ruma);
    let merge = *merges(&replay).last().expect("there are conflicts");
    let sets = replay.inputs(merge).unwrap_or_default();
    let (one, other) = (&sets[0], &sets[1]);
    let ruma = baseline(&bytes);
    let (first, second) = (ruma.state(one.list(room)), ruma.state(other.list(room)));
    let differences = || {
        let changed = first.iter().filter(|(key, id)| second.get(*key) != Some(*id)).count();
        changed + second.keys().filter(|key| !first.contains_key(*key)).count()
    };
    assert_eq!(one.diff(other).count(), differences());

    let mut group = c.benchmark_group(format!("diff/{} of {} keys", differences(), one.len()));
    group.bench_function("hindsight", |b| b.iter(|| black_box(one).diff(black_box(other)).count()));
    group.bench_function("hash maps", |b| b.iter(differences));
    group.finish();
}

criterion_group!(benches, loading, replaying, resolving, comparing);
criterion_main!(benches);
