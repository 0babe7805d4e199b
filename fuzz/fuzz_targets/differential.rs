//! Any room that ruma can hold, beside ruma.
#![no_main]

use libfuzzer_sys::Corpus;

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> Corpus {
    if hindsight_fuzz::differential(data) { Corpus::Keep } else { Corpus::Reject }
});
