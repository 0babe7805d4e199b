//! What the benches share.
#![allow(dead_code, unused_imports, reason = "each bench uses a part of it")]

pub(crate) mod baseline;
pub(crate) mod measure;
pub(crate) mod threads;
