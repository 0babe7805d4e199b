//! The targets over their seed inputs, without a fuzzer: a word when one of them breaks.

use hindsight_fuzz::{differential, expect, load, mutate, replay, seeds};

#[test]
fn the_loader_takes_the_fixtures_and_mutations_of_them() {
    let seeds = seeds("load").unwrap();
    assert!(seeds.len() > 40, "the fixtures are not there");
    for (number, seed) in seeds.iter().enumerate() {
        load(&seed.bytes);
        for round in 0..4 {
            load(&mutate(&seed.bytes, 1 << 20, (4 * number + round) as u64));
        }
    }
}

#[test]
fn expectations_and_mutations_of_them_are_compared() {
    for seed in seeds("expect").unwrap() {
        expect(&seed.bytes);
        for round in 0..50 {
            expect(&mutate(&seed.bytes, 1 << 20, round));
        }
    }
}

#[test]
fn drawn_rooms_replay() {
    for seed in seeds("replay").unwrap() {
        replay(&seed.bytes);
    }
}

#[test]
fn drawn_rooms_agree_with_ruma() {
    let compared = seeds("differential").unwrap().iter().filter(|seed| differential(&seed.bytes)).count();
    assert!(compared > 40, "ruma can hold only {compared} of the rooms");
}
