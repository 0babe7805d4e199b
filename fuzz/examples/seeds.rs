//! Writes the seed inputs into `corpus/`, where `cargo fuzz` looks for them.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    for target in ["load", "expect", "replay", "differential"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        for seed in hindsight_fuzz::seeds(target)? {
            fs::write(folder.join(seed.name), seed.bytes)?;
        }
    }
    Ok(())
}
