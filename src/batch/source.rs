//! Where a room comes from.

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::names;
use crate::dump::{self, Options};

/// How much of a file tells whether it holds events. An event has 65,536 bytes at most.
const HEAD: u64 = 256 << 10;
/// JSON Lines of events compress at least so well; what a file says of itself may be less.
const RATIO: u64 = 4;
/// The memory that any room takes, and for each byte of its dump: about two, three if its events are tiny, and as
/// much again is on the safe side when other replays and expectations lie beside it.
const BASE: u64 = 1 << 20;
const FACTOR: u64 = 4;

/// A room to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A dump.
    File {
        /// The name to show: the path, or that of the folder if the room is all there is to it.
        name: PathBuf,
        /// The file.
        file: PathBuf,
        /// How many bytes it has when decompressed, as far as that can be told without doing it.
        size: u64,
    },
    /// Standard input.
    Stdin,
    /// A small room made at random; which, follows from the seed.
    Generated {
        /// Where the randomness begins.
        seed: u64,
    },
    /// A room that is made into a dump when its turn comes, as out of a database.
    Made {
        /// The name to show.
        name: PathBuf,
        /// How many bytes its dump has, about.
        size: u64,
        /// What makes the dump.
        make: Make,
    },
    /// Something that is not to be read.
    Unreadable {
        /// Where it is.
        name: PathBuf,
        /// Why not, a sentence without a full stop.
        reason: String,
    },
}

/// Makes a dump. Two are the same only if one is a copy of the other.
#[derive(Clone)]
pub struct Make(Arc<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>);

impl Make {
    /// What `make` makes; where it cannot, it says why in a sentence without a full stop.
    pub fn new(make: impl Fn() -> Result<Vec<u8>, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    pub(super) fn bytes(&self) -> Result<Vec<u8>, String> {
        (self.0)()
    }
}

impl fmt::Debug for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Make")
    }
}

impl PartialEq for Make {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Make {}

impl Source {
    /// The name to show.
    pub fn name(&self) -> Cow<'_, Path> {
        match self {
            Self::File { name, .. } | Self::Made { name, .. } | Self::Unreadable { name, .. } => name.into(),
            Self::Stdin => Path::new("-").into(),
            Self::Generated { seed } => PathBuf::from(format!("seed:{seed}")).into(),
        }
    }

    /// How many bytes of memory it takes to check it, about.
    pub fn cost(&self) -> u64 {
        match self {
            // More than so much of it is not read.
            Self::File { size, .. } | Self::Made { size, .. } => {
                BASE + FACTOR * size.min(&Options::default().max_size)
            }
            Self::Stdin | Self::Generated { .. } => BASE,
            Self::Unreadable { .. } => 0,
        }
    }

    /// Looks at a file, the room behind `name`; `None` if nothing in it looks like an event and it was not `asked` for.
    pub(super) fn look(name: PathBuf, file: PathBuf, asked: bool) -> Option<Self> {
        let looked = (|| {
            if !asked && !names::says_dump(&file) && !holds_events(&file)? {
                return Ok(None);
            }
            size(&file).map(Some)
        })();
        match looked {
            Ok(size) => Some(Self::File { name, file, size: size? }),
            Err(error) => Some(Self::Unreadable { name, reason: reason(&error) }),
        }
    }
}

/// An error of the system as a short sentence.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Whether the beginning of the file names the fields that every event has.
fn holds_events(file: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(file)?.take(HEAD).read_to_end(&mut head)?;
    let head = match dump::decompress(head, HEAD) {
        Ok(plain) | Err((plain, _)) => plain,
    };
    let find = |name: &[u8]| memchr::memmem::find(&head, name).is_some();
    Ok(find(b"\"auth_events\"") || find(b"\"prev_events\""))
}

/// The size of a file when decompressed. gzip says it at its end, modulo 2^32 and of its last part only.
fn size(file: &Path) -> io::Result<u64> {
    let len = fs::metadata(file)?.len();
    let told = match names::compression(file) {
        None => return Ok(len),
        Some(names::Compression::Gzip) if len >= 18 => {
            let mut end = [0; 4];
            let mut file = File::open(file)?;
            file.seek(SeekFrom::End(-4))?;
            file.read_exact(&mut end)?;
            u64::from(u32::from_le_bytes(end))
        }
        Some(_) => 0,
    };
    Ok(told.max(len.saturating_mul(RATIO)))
}
