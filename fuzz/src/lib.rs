//! What the fuzz targets do, as plain functions: they run under libFuzzer, and over seed inputs in an ordinary test.
//!
//! Whatever must not be panics.

mod differential;
mod draw;
mod expect;
mod load;
mod mutate;
#[path = "../../tests/common/oracle.rs"]
#[expect(dead_code, reason = "the tests ask it for more")]
mod oracle;
mod replay;
mod seeds;
#[path = "../../tests/common/steps.rs"]
mod steps;

pub use differential::differential;
pub use expect::expect;
pub use load::load;
pub use mutate::mutate;
pub use replay::replay;
pub use seeds::{Seed, seeds};

/// The dump that a target draws from the bytes (`replay` or `differential`), and the states asserted beside it.
pub fn drawn(target: &str, data: &[u8]) -> String {
    let scope = if target == "differential" { draw::Scope::Ruma } else { draw::Scope::Anything };
    let drawing = draw::Drawing::new(data, scope);
    let asserted = drawing.options.asserted_state.unwrap_or_default();
    format!("{}\n{}\n", drawing.lines.join("\n"), String::from_utf8_lossy(&asserted))
}
