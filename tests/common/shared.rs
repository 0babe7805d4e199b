//! The corpora beside the project, which are not there everywhere.

use std::path::{Path, PathBuf};

/// A folder beside the project; if it is not there, a word about what is skipped.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is not there", folder.display());
    None
}
