//! A file that is there only when it is complete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Mutex, OnceLock, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::error::CliError;

/// Exit code: interrupted, as shells have it for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Records come out no larger than by the usual 6, in a third of the time.
const LEVEL: u32 = 4;

/// The file being written, which Ctrl-C removes.
static UNFINISHED: OnceLock<Mutex<Option<PathBuf>>> = OnceLock::new();

/// A file under another name until it is [`finished`](Self::finish); else it is removed, also on Ctrl-C.
pub(super) struct WholeFile {
    /// `None` once it is finished.
    out: Option<Encoder>,
    target: PathBuf,
    /// `None` for what is no plain file, and is written in place.
    unfinished: Option<PathBuf>,
}

enum Encoder {
    Plain(io::BufWriter<File>),
    Gzip(GzEncoder<io::BufWriter<File>>),
}

impl WholeFile {
    /// Begins a file; one that ends in `.gz` is compressed.
    pub(super) fn create(path: &Path) -> Result<Self, CliError> {
        let failed = |error: io::Error| CliError::file("write", path, &error);
        if path.is_dir() {
            return Err(CliError::new(format!(
                "cannot write {}: it is a folder",
                super::text::escape(&path.display().to_string())
            )));
        }
        if path.extension().is_some_and(|ending| ending == "zst") {
            return Err(CliError::new("files are compressed with gzip only")
                .hint("name it .gz; or leave -o out, and pipe what comes into zstd"));
        }
        // A link stays, and what it leads to is replaced; a pipe or a device cannot be.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let in_place = fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file());
        let (file, unfinished) = if in_place {
            (File::options().write(true).open(&target).map_err(failed)?, None)
        } else {
            let unfinished = beside(&target);
            let file = File::create_new(&unfinished).map_err(failed)?;
            watch(Some(unfinished.clone()));
            (file, Some(unfinished))
        };
        let out = io::BufWriter::with_capacity(1 << 16, file);
        let out = if path.extension().is_some_and(|ending| ending == "gz") {
            Encoder::Gzip(GzEncoder::new(out, Compression::new(LEVEL)))
        } else {
            Encoder::Plain(out)
        };
        Ok(Self { out: Some(out), target, unfinished })
    }

    /// Writes what is left, and gives the file its name.
    pub(super) fn finish(mut self) -> Result<(), CliError> {
        let target = self.target.clone();
        let failed = |error: io::Error| CliError::file("write", &target, &error);
        match self.out.take() {
            Some(Encoder::Plain(mut out)) => out.flush().map_err(failed)?,
            Some(Encoder::Gzip(out)) => out.finish().and_then(|mut out| out.flush()).map_err(failed)?,
            None => {}
        }
        if let Some(unfinished) = &self.unfinished {
            fs::rename(unfinished, &self.target).map_err(failed)?;
            watch(None);
            self.unfinished = None;
        }
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Some(Encoder::Plain(out)) => out.write(bytes),
            Some(Encoder::Gzip(out)) => out.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(unfinished) = self.unfinished.take() {
            // Windows removes no file that is open.
            self.out = None;
            watch(None);
            let _ = fs::remove_file(unfinished);
        }
    }
}

/// A hidden name in the same folder.
fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}.partial", process::id()))
}

/// Says which file Ctrl-C is to remove.
fn watch(unfinished: Option<PathBuf>) {
    let watched = UNFINISHED.get_or_init(|| {
        // Where no handler can be had, Ctrl-C ends the program as it always does.
        let _ = ctrlc::set_handler(|| {
            let watched =
                UNFINISHED.get().map(|watched| watched.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(unfinished) = watched.as_ref().and_then(|watched| watched.as_ref()) {
                let _ = fs::remove_file(unfinished);
            }
            // With the lock held, so that nothing more is written under that name.
            process::exit(INTERRUPTED);
        });
        Mutex::new(None)
    });
    *watched.lock().unwrap_or_else(PoisonError::into_inner) = unfinished;
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.ndjson");
        fs::write(&path, "before").unwrap();
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before");
        drop(file);
        assert_eq!(names(folder.path()), ["x.ndjson"]);
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["x.ndjson"]);
    }

    #[test]
    fn the_ending_decides_on_compression() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.ndjson.gz");
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"text").unwrap();
        file.finish().unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        assert!(WholeFile::create(&folder.path().join("x.zst")).is_err());
        assert!(WholeFile::create(folder.path()).is_err());
        assert!(WholeFile::create(&folder.path().join("none/x")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_devices_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut out = WholeFile::create(&link).unwrap();
        out.write_all(b"x").unwrap();
        out.finish().unwrap();
        assert_eq!((fs::read(&file).unwrap(), link.is_symlink()), (b"x".to_vec(), true));
        WholeFile::create(Path::new("/dev/null")).unwrap().finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
