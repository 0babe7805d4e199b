//! Taking gzip and Zstandard off, as far as the stream holds.

use std::io::{Cursor, Read as _};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Skippable frames begin with any of 0x184D2A50 to 0x184D2A5F, little-endian.
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];
/// `zstd --long=27` and less; a larger window is a memory bomb until proved otherwise.
const ZSTD_MAX_WINDOW: u64 = 1 << 27;
/// A piece of the work: about so many bytes that come out.
const PIECE: u64 = 1 << 20;

/// The input without its compression.
pub(super) struct Plain {
    pub(super) bytes: Vec<u8>,
    /// `gzip` or `zstd`, if it was compressed.
    pub(super) compression: Option<&'static str>,
    /// Why the compressed stream could not be read to its end.
    pub(super) broken: Option<String>,
}

/// An input whose compression is being taken off.
pub(super) struct Decompressing {
    limit: u64,
    compression: Option<&'static str>,
    out: Vec<u8>,
    stream: Stream,
    /// The length of the input.
    len: usize,
}

/// Both formats allow several members in a row.
enum Stream {
    /// Before a member, or behind the last one.
    Between(Cursor<Vec<u8>>),
    Gzip(Box<GzDecoder<Cursor<Vec<u8>>>>),
    Zstd(Box<FrameDecoder>, Cursor<Vec<u8>>),
}

/// What a piece of the work comes to.
pub(super) enum Step {
    Going(Decompressing),
    Done(Plain),
}

impl Decompressing {
    /// Begins with `input`, which is compressed if it begins like a compressed file. What comes out has at most `limit`
    /// bytes, compressed or not. A stream that breaks gives what came before the break.
    pub(super) fn begin(mut input: Vec<u8>, limit: u64) -> Step {
        let compression = if input.starts_with(GZIP) {
            "gzip"
        } else if is_zstd(&input) {
            "zstd"
        } else {
            let end = usize::try_from(limit).map_or(input.len(), |limit| limit.min(input.len()));
            let broken =
                (end < input.len()).then(|| format!("longer than {limit} bytes: the rest is left out"));
            input.truncate(end);
            return Step::Done(Plain { bytes: input, compression: None, broken });
        };
        let (len, stream) = (input.len(), Stream::Between(Cursor::new(input)));
        Step::Going(Self { limit, compression: Some(compression), out: Vec::new(), stream, len })
    }

    /// About how much of the input has been read, from 0 to 1.
    pub(super) fn done(&self) -> f32 {
        let (Stream::Between(input) | Stream::Zstd(_, input)) = &self.stream else {
            let Stream::Gzip(decoder) = &self.stream else { return 0.0 };
            return decoder.get_ref().position() as f32 / self.len as f32;
        };
        input.position() as f32 / self.len as f32
    }

    /// Does a piece of the work.
    pub(super) fn advance(mut self) -> Step {
        let limit = self.limit;
        let next = match self.stream {
            Stream::Between(input) => begin_member(input),
            Stream::Gzip(decoder) => gzip_piece(decoder, limit, &mut self.out).map(Some),
            Stream::Zstd(decoder, input) => zstd_piece(decoder, input, limit, &mut self.out).map(Some),
        };
        let (broken, stream) = match next {
            Ok(Some(stream)) => (None, Some(stream)),
            Ok(None) => (None, None),
            Err(why) => (Some(why), None),
        };
        match stream {
            Some(stream) => Step::Going(Self { stream, ..self }),
            None => Step::Done(Plain { bytes: self.out, compression: self.compression, broken }),
        }
    }
}

/// Decompresses all of it.
pub(super) fn decompress(input: Vec<u8>, limit: u64) -> Plain {
    let mut step = Decompressing::begin(input, limit);
    loop {
        match step {
            Step::Going(going) => step = going.advance(),
            Step::Done(plain) => return plain,
        }
    }
}

fn is_zstd(bytes: &[u8]) -> bool {
    bytes.starts_with(ZSTD)
        || bytes.first().is_some_and(|first| first & 0xf0 == 0x50)
            && bytes.get(1..).is_some_and(|rest| rest.starts_with(ZSTD_SKIPPABLE))
}

fn too_large(limit: u64) -> String {
    format!("the input is larger than {limit} bytes when decompressed; the rest is left out")
}

fn broken_zstd(error: &dyn std::fmt::Display) -> String {
    format!("broken zstd stream: {error}")
}

/// What has not been read.
fn rest(input: &Cursor<Vec<u8>>) -> &[u8] {
    usize::try_from(input.position()).ok().and_then(|at| input.get_ref().get(at..)).unwrap_or_default()
}

/// The next member; `None` if there is none.
fn begin_member(mut input: Cursor<Vec<u8>>) -> Result<Option<Stream>, String> {
    let left = rest(&input);
    // Tapes and some tools pad the end with zeros.
    if left.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    if left.starts_with(GZIP) {
        return Ok(Some(Stream::Gzip(Box::new(GzDecoder::new(input)))));
    }
    if !is_zstd(left) {
        return Err(format!("{} bytes after the end of the compressed stream are left out", left.len()));
    }
    let mut decoder = Box::new(FrameDecoder::new());
    decoder.set_max_window_size(ZSTD_MAX_WINDOW);
    match decoder.init(&mut input) {
        Ok(()) => Ok(Some(Stream::Zstd(decoder, input))),
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            let end = input.position() + u64::from(length);
            if end > input.get_ref().len() as u64 {
                return Err(broken_zstd(&"a skippable frame is cut off"));
            }
            input.set_position(end);
            Ok(Some(Stream::Between(input)))
        }
        Err(error) => Err(broken_zstd(&error)),
    }
}

fn gzip_piece(
    mut decoder: Box<GzDecoder<Cursor<Vec<u8>>>>,
    limit: u64,
    out: &mut Vec<u8>,
) -> Result<Stream, String> {
    let left = limit.saturating_sub(out.len() as u64);
    let read = decoder.by_ref().take(PIECE.min(left.saturating_add(1))).read_to_end(out);
    if out.len() as u64 > limit {
        out.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        return Err(too_large(limit));
    }
    match read {
        Ok(0) => Ok(Stream::Between(decoder.into_inner())),
        Ok(_) => Ok(Stream::Gzip(decoder)),
        Err(error) => Err(format!("broken gzip stream: {error}")),
    }
}

fn zstd_piece(
    mut decoder: Box<FrameDecoder>,
    mut input: Cursor<Vec<u8>>,
    limit: u64,
    out: &mut Vec<u8>,
) -> Result<Stream, String> {
    let end = out.len() as u64 + PIECE;
    while !decoder.is_finished() {
        if let Err(error) = decoder.decode_blocks(&mut input, BlockDecodingStrategy::UptoBlocks(1)) {
            finish_early(&mut decoder);
            collect(&mut decoder, limit, out)?;
            return Err(broken_zstd(&error));
        }
        collect(&mut decoder, limit, out)?;
        if out.len() as u64 >= end && !decoder.is_finished() {
            return Ok(Stream::Zstd(decoder, input));
        }
    }
    collect(&mut decoder, limit, out)?;
    let (told, found) = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum());
    if told.is_some() && told != found {
        return Err(broken_zstd(&"the checksum does not match"));
    }
    Ok(Stream::Between(input))
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
    decoder.collect_to_writer(&mut *out).map_err(|error| broken_zstd(&error))?;
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
    fn pieces_are_small_and_the_end_comes_nearer() {
        let text: Vec<u8> = (0..3_000_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for encode in [gzip as fn(&[u8]) -> Vec<u8>, zstd] {
            let mut step = Decompressing::begin(encode(&text), u64::MAX);
            let (mut done, mut len, mut pieces) = (0.0, 0, 0);
            let plain = loop {
                match step {
                    Step::Going(going) => {
                        assert!(
                            (done..=1.0).contains(&going.done())
                                && going.out.len() <= len + 2 * PIECE as usize
                        );
                        (done, len, pieces) = (going.done(), going.out.len(), pieces + 1);
                        step = going.advance();
                    }
                    Step::Done(plain) => break plain,
                }
            };
            assert!(plain.bytes == text && pieces > 10, "{pieces}");
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
