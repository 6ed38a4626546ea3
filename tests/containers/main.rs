//! Does the whole thing hold where it is used for: services of containers on this host's engine, by the command line?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod story;

use std::path::PathBuf;

fn binary() -> PathBuf {
    harness::process::binary(env!("CARGO_BIN_EXE_wardroom"))
}
