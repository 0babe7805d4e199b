//! Any bytes as an expectation.
#![no_main]

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(2) {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let mutated = hindsight_fuzz::mutate(&data[..size], max_size, seed.into());
    data[..mutated.len()].copy_from_slice(&mutated);
    mutated.len()
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| hindsight_fuzz::expect(data));
