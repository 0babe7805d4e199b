//! JSON strings and numbers, and texts that follow from a number.

use std::io::Write as _;

use super::people::UserIx;

const WORDS: [&str; 64] = [
    "about", "after", "again", "always", "answer", "around", "because", "before", "better", "between",
    "bridge", "build", "café", "channel", "client", "clock", "could", "device", "early", "enough", "event",
    "every", "first", "found", "garden", "graph", "great", "hello", "house", "idea", "later", "letter",
    "light", "little", "maybe", "merge", "might", "minute", "morning", "never", "number", "often", "order",
    "other", "people", "power", "question", "quite", "reason", "release", "river", "room", "server",
    "should", "since", "state", "still", "thanks", "there", "today", "tree", "until", "water", "where",
];

/// A JSON string. Only what canonical JSON escapes is escaped.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            0..0x20 => {
                let _ = write!(out, "\\u{byte:04x}");
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// A JSON number.
pub(super) fn integer(out: &mut Vec<u8>, number: i64) {
    let _ = write!(out, "{number}");
}

/// A word of the seed's.
pub(super) fn word(seed: u32) -> &'static str {
    WORDS[(seed % 64) as usize]
}

/// A JSON string of `count` words.
pub(super) fn words(out: &mut Vec<u8>, seed: u32, count: u32) {
    out.push(b'"');
    let mut left = seed;
    for place in 0..count {
        if place > 0 {
            out.push(b' ');
        }
        left = left.wrapping_mul(0x9e37_79b1).wrapping_add(0x7f4a_7c15);
        out.extend(word(left >> 24).as_bytes());
    }
    out.push(b'"');
}

/// A JSON string: the name a user goes by.
pub(super) fn display_name(out: &mut Vec<u8>, user: UserIx, profile: u32) {
    out.push(b'"');
    for (place, letter) in word(user).chars().enumerate() {
        let letter = if place == 0 { letter.to_ascii_uppercase() } else { letter };
        out.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    let _ = write!(out, " {user}");
    if profile > 0 {
        let _ = write!(out, " ({})", word(user.wrapping_add(profile)));
    }
    out.push(b'"');
}

/// A JSON string: a content URI.
pub(super) fn media(out: &mut Vec<u8>, owner: u32, version: u32) {
    let name = (u64::from(owner) << 32 | u64::from(version)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let _ = write!(out, "\"mxc://media.example/{name:016x}\"");
}

/// A JSON string: the ID of a user's device.
pub(super) fn device(out: &mut Vec<u8>, user: UserIx) {
    let _ = write!(out, "\"{:08X}\"", user.wrapping_mul(0x9e37_79b1));
}
