//! Mutations of dumps that know of lines, JSON values and event IDs.

use std::io::{Read as _, Write as _};
use std::ops::Range;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hindsight::generate::Rng;

/// Values that somebody may have forgotten.
const VALUES: &[&str] = &[
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "0",
    "-1",
    "1e400",
    "1.5",
    "9007199254740992",
    "9223372036854775808",
    "-9223372036854775809",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"$\"",
    "[[\"$x\",{\"sha256\":\"x\"}]]",
    "[[[[[[[[[[]]]]]]]]]]",
    "\"m.room.create\"",
    "\"m.room.member\"",
    "\"m.room.power_levels\"",
    "{\"event_id\":\"$x\",\"event\":{}}",
    "\"12\"",
    "\"1\"",
];
/// Members that mean something to the loader.
const MEMBERS: &[&str] = &[
    "\"event_id\":\"$x\",",
    "\"room_id\":\"!y:one\",",
    "\"state_key\":\"\",",
    "\"outlier\":true,",
    "\"rejected\":\"x\",",
    "\"soft_failed\":true,",
    "\"room_version\":\"6\",",
    "\"event\":{},",
    "\"pdus\":[],",
    "\"auth_chain\":[],",
    "\"state\":[],",
    "\"events\":[],",
    "\"tardis_version\":1,",
    "\"calculate_event_ids\":true,",
    "\"precalculated_state_after\":{},",
    "\"unsigned\":{\"event_id\":\"$x\"},",
    "\"hashes\":{\"sha256\":\"x\"},",
    "\"prev_state_events\":[],",
    "\"members_omitted\":true,",
    "\"redacts\":\"$x\",",
    "\"depth\":-1,",
];
const MAX_PLAIN: u64 = 1 << 20;

/// A mutation of a dump of at most `max_size` bytes. The same seed gives the same mutation.
pub fn mutate(data: &[u8], max_size: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let compressed = data.starts_with(&[0x1f, 0x8b]);
    let mut bytes = if compressed { decompressed(data) } else { data.to_vec() };
    for _ in 0..rng.within(1, 4) {
        once(&mut bytes, &mut rng);
    }
    if compressed != rng.chance(2) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to memory does not fail; and if it did, the plain bytes would do.
        if encoder.write_all(&bytes).is_ok()
            && let Ok(packed) = encoder.finish()
        {
            bytes = packed;
        }
    }
    bytes.truncate(max_size);
    bytes
}

fn decompressed(data: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let _ = GzDecoder::new(data).take(MAX_PLAIN).read_to_end(&mut plain);
    plain
}

fn once(bytes: &mut Vec<u8>, rng: &mut Rng) {
    match rng.below(10) {
        0..=2 => lines(bytes, rng),
        3..=5 => values(bytes, rng),
        6 | 7 => ids(bytes, rng),
        8 => {
            let braces: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'{').collect();
            if !braces.is_empty() {
                let at = rng.pick(&braces) + 1;
                bytes.splice(at..at, rng.pick(MEMBERS).bytes());
            }
        }
        _ => {
            let whole = std::mem::take(bytes);
            let (before, after) = *rng.pick(&[
                (&b"["[..], &b"]"[..]),
                (b"{\"pdus\":[", b"]}"),
                (b"{\"event\":", b"}"),
                (b"{\"tardis_version\":1,\"room_version\":\"10\",\"events\":[", b"]}"),
                (b"\xef\xbb\xbf", b"\r\n"),
            ]);
            *bytes = [before, &whole, after].concat();
        }
    }
}

/// Removes, repeats or exchanges lines.
fn lines(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let (one, other) = (rng.below(lines.len()), rng.below(lines.len()));
    match rng.below(4) {
        0 => drop(lines.remove(one)),
        1 => lines.insert(other, lines[one]),
        2 => lines.swap(one, other),
        _ => lines.truncate(one + 1),
    }
    *bytes = lines.join(&b'\n');
}

/// Puts one JSON value where another one is.
fn values(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let found = found(bytes, |byte| matches!(byte, b':' | b',' | b'['));
    if found.is_empty() {
        return;
    }
    let target = rng.pick(&found).clone();
    let value = match rng.chance(50) {
        true => rng.pick(VALUES).as_bytes().to_vec(),
        false => bytes[rng.pick(&found).clone()].to_vec(),
    };
    bytes.splice(target, value);
}

/// Puts one event ID where another one is.
fn ids(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let quoted = found(bytes, |_| true);
    let found: Vec<Range<usize>> =
        quoted.into_iter().filter(|range| bytes[range.clone()].starts_with(b"\"$")).collect();
    if !found.is_empty() {
        let id = bytes[rng.pick(&found).clone()].to_vec();
        bytes.splice(rng.pick(&found).clone(), id);
    }
}

/// The places of the JSON values that follow such a byte.
fn found(bytes: &[u8], after: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    (1..bytes.len())
        .filter(|at| after(bytes[at - 1]))
        .filter_map(|at| Some(at..at + value(&bytes[at..])?))
        .collect()
}

/// The length of the JSON value that the bytes begin with; a look at the brackets suffices.
fn value(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return (at > 0).then_some(at),
            b'}' | b']' => depth -= 1,
            b'\n' => return (at > 0).then_some(at),
            _ => {}
        }
        if depth == 0 && !quoted && matches!(byte, b'"' | b'}' | b']') {
            return Some(at + 1);
        }
    }
    None
}
