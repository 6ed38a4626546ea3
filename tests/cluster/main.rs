//! Does a real cluster hold? Daemons as processes in network namespaces of their own: they join, change their roles,
//! are cut off, killed, removed and restored. Needs root; skips loudly without.
#![allow(clippy::unwrap_used)] // a test fails loudly

mod bad_input;
mod cores;
mod key_residues;
mod loss;
mod machines;
mod membership;
mod residues;
mod restore;
mod roots;
mod work;

use std::path::PathBuf;

fn binary() -> PathBuf {
    harness::process::binary(env!("CARGO_BIN_EXE_wardroom"))
}
