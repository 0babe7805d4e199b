//! Scenarios made small enough for a link.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::LinkError;

/// The largest scenario that is unpacked, in bytes: DEFLATE can make a thousand bytes of one.
pub(super) const LARGEST_UNPACKED: usize = 64_000_000;

/// Padding is not written, but read: other programs may have put it there.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn pack(text: &[u8]) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    // A vector takes whatever is written.
    let _ = encoder.write_all(text);
    BASE64.encode(encoder.finish().unwrap_or_default())
}

pub(super) fn unpack(packed: &str) -> Result<Vec<u8>, LinkError> {
    let bytes = BASE64.decode(packed).map_err(|error| LinkError::BadScenario(error.to_string()))?;
    let mut text = Vec::new();
    let limit = LARGEST_UNPACKED as u64 + 1;
    DeflateDecoder::new(&*bytes)
        .take(limit)
        .read_to_end(&mut text)
        .map_err(|error| LinkError::BadScenario(error.to_string()))?;
    if text.len() > LARGEST_UNPACKED { Err(LinkError::Bomb { limit: LARGEST_UNPACKED }) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_refused_and_damage_is_told() {
        let bomb = pack(&vec![b' '; LARGEST_UNPACKED + 1]);
        assert!(bomb.len() < 100_000);
        assert_eq!(unpack(&bomb), Err(LinkError::Bomb { limit: LARGEST_UNPACKED }));
        let whole = pack(b"{\"events\": []}");
        assert_eq!(unpack(&format!("{whole}==")), unpack(&whole));
        assert!(matches!(unpack(&whole[..whole.len() / 2]), Err(LinkError::BadScenario(_))));
    }
}
