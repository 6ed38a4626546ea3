//! Is the real console a good citizen of a real terminal? Start, whole life by keys, signals, resizes, restore (I12).
#![allow(clippy::unwrap_used)] // a test fails loudly

mod citizen;
mod life;

use std::path::PathBuf;

fn binary() -> PathBuf {
    harness::process::binary(env!("CARGO_BIN_EXE_wardroom"))
}
