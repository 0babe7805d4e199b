//! Taking gzip and Zstandard off, as far as the stream holds.

use std::io::Read as _;

use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Skippable frames begin with any of 0x184D2A50 to 0x184D2A5F, little-endian.
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];
/// `zstd --long=27` and less; a larger window is a memory bomb until proved otherwise.
const ZSTD_MAX_WINDOW: u64 = 1 << 27;

/// The input without its compression.
pub(super) struct Plain {
    pub(super) bytes: Vec<u8>,
    /// `gzip` or `zstd`, if it was compressed.
    pub(super) compression: Option<&'static str>,
    /// Why the compressed stream could not be read to its end.
    pub(super) broken: Option<String>,
}

/// Decompresses `input` if it begins like a compressed file. What comes out has at most `limit` bytes, compressed or
/// not. A stream that
/// breaks gives what came before the break.
pub(super) fn decompress(mut input: Vec<u8>, limit: u64) -> Plain {
    let (compression, member): (_, Member) = if input.starts_with(GZIP) {
        ("gzip", gzip_member)
    } else if is_zstd(&input) {
        ("zstd", zstd_frame)
    } else {
        let end = usize::try_from(limit).map_or(input.len(), |limit| limit.min(input.len()));
        let broken = (end < input.len()).then(|| format!("longer than {limit} bytes: the rest is left out"));
        input.truncate(end);
        return Plain { bytes: input, compression: None, broken };
    };
    let mut out = Vec::new();
    let broken = members(&input, limit, member, &mut out).err();
    Plain { bytes: out, compression: Some(compression), broken }
}

/// Decompresses one member of a stream to the end of `out` and returns what follows it.
type Member = for<'a> fn(&'a [u8], u64, &mut Vec<u8>) -> Result<&'a [u8], String>;

fn members(mut rest: &[u8], limit: u64, member: Member, out: &mut Vec<u8>) -> Result<(), String> {
    // Both formats allow several members in a row; tapes and some tools pad the end with zeros.
    while rest.iter().any(|byte| *byte != 0) {
        if !rest.starts_with(GZIP) && !is_zstd(rest) {
            return Err(format!("{} bytes after the end of the compressed stream are left out", rest.len()));
        }
        rest = member(rest, limit, out)?;
    }
    Ok(())
}

fn is_zstd(bytes: &[u8]) -> bool {
    bytes.starts_with(ZSTD)
        || bytes.first().is_some_and(|first| first & 0xf0 == 0x50)
            && bytes.get(1..).is_some_and(|rest| rest.starts_with(ZSTD_SKIPPABLE))
}

fn too_large(limit: u64) -> String {
    format!("the input is larger than {limit} bytes when decompressed; the rest is left out")
}

fn gzip_member<'a>(input: &'a [u8], limit: u64, out: &mut Vec<u8>) -> Result<&'a [u8], String> {
    let left = limit.saturating_sub(out.len() as u64);
    let mut reader = GzDecoder::new(input).take(left.saturating_add(1));
    let read = reader.read_to_end(out).map_err(|error| format!("broken gzip stream: {error}"));
    if out.len() as u64 > limit {
        out.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        return Err(too_large(limit));
    }
    read?;
    Ok(reader.into_inner().into_inner())
}

fn zstd_frame<'a>(mut input: &'a [u8], limit: u64, out: &mut Vec<u8>) -> Result<&'a [u8], String> {
    let broken = |error: &dyn std::fmt::Display| format!("broken zstd stream: {error}");
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_MAX_WINDOW);
    match decoder.init(&mut input) {
        Ok(()) => {}
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            return input.get(length as usize..).ok_or_else(|| broken(&"a skippable frame is cut off"));
        }
        Err(error) => return Err(broken(&error)),
    }
    while !decoder.is_finished() {
        if let Err(error) = decoder.decode_blocks(&mut input, BlockDecodingStrategy::UptoBlocks(1)) {
            finish_early(&mut decoder);
            collect(&mut decoder, limit, out)?;
            return Err(broken(&error));
        }
        collect(&mut decoder, limit, out)?;
    }
    collect(&mut decoder, limit, out)?;
    let (told, found) = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum());
    if told.is_some() && told != found {
        return Err(broken(&"the checksum does not match"));
    }
    Ok(input)
}

/// Until a frame ends the decoder keeps back the last window's worth, which may be all there is. An empty
/// last block (and a checksum nobody looks at) makes it give that out.
fn finish_early(decoder: &mut FrameDecoder) {
    let end: &[u8] = &[0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00];
    // If that fails too, the window is lost and what was collected before stands.
    let _ = decoder.decode_blocks(end, BlockDecodingStrategy::UptoBlocks(1));
}

fn collect(decoder: &mut FrameDecoder, limit: u64, out: &mut Vec<u8>) -> Result<(), String> {
    let left = limit.saturating_sub(out.len() as u64);
    let ready = decoder.can_collect();
    if out.try_reserve(ready).is_err() {
        return Err("the input is too large for the memory when decompressed".to_owned());
    }
    decoder.collect_to_writer(&mut *out).map_err(|error| format!("broken zstd stream: {error}"))?;
    if ready as u64 > left {
        out.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        return Err(too_large(limit));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    #[test]
    fn members_in_a_row_are_one_text() {
        for (encode, name) in [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (zstd, "zstd")] {
            let mut input = [encode(b"one\n"), encode(b""), encode(b"two\n")].concat();
            input.extend([0; 512]);
            let plain = decompress(input.clone(), 100);
            assert_eq!((&*plain.bytes, plain.compression), (&b"one\ntwo\n"[..], Some(name)));
            assert_eq!(plain.broken, None);
        }
    }

    #[test]
    fn skippable_frames_are_skipped() {
        let mut input = vec![0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        input.extend(zstd(b"text"));
        let plain = decompress(input.clone(), 100);
        assert_eq!((&*plain.bytes, plain.broken), (&b"text"[..], None));
        assert!(decompress(input[..9].into(), 100).broken.is_some());
    }

    #[test]
    fn what_came_before_the_break_is_kept() {
        let text: Vec<u8> =
            (0..200_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        for encode in [gzip as fn(&[u8]) -> Vec<u8>, zstd] {
            let input = encode(&text);
            let plain = decompress(input[..input.len() - 1000].into(), u64::MAX);
            assert!(plain.broken.is_some());
            assert!(plain.bytes.len() > text.len() / 2, "{}", plain.bytes.len());
            assert!(text.starts_with(&plain.bytes));
        }
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let bomb = vec![b' '; 50_000_000];
        for encode in [gzip as fn(&[u8]) -> Vec<u8>, zstd] {
            let input = encode(&bomb);
            let plain = decompress(input, 1_000_000);
            assert_eq!(plain.bytes.len(), 1_000_000);
            assert!(plain.broken.unwrap().contains("larger than 1000000 bytes"));
        }
    }

    #[test]
    fn rubbish_at_the_end_is_named() {
        let mut input = gzip(b"text");
        input.extend(b"rubbish");
        let plain = decompress(input.clone(), 100);
        assert_eq!(&*plain.bytes, b"text");
        assert!(plain.broken.unwrap().starts_with("7 bytes after the end"));
    }
}
