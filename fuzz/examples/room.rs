//! Prints the dump that a target draws from an input, to look at a finding:
//! `cargo run --no-default-features --example room -- replay artifacts/replay/crash-…`

use std::{env, fs, io};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(target), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: room replay|differential FILE"));
    };
    print!("{}", hindsight_fuzz::drawn(&target, &fs::read(path)?));
    Ok(())
}
