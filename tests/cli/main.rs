//! Does the command line do the whole job, as an operator would? The real binary against a real cluster.
#![allow(clippy::unwrap_used)] // a test fails loudly

mod absent;
mod access;
mod backup;
mod bad_input;
mod daemons;
mod deks;
mod failpoints;
mod life;
mod lock;
mod logs;
mod rotation;
mod run;
mod second_process;
mod service;
mod stack;
mod swarm;
mod why;

use std::path::PathBuf;

fn binary() -> PathBuf {
    harness::process::binary(env!("CARGO_BIN_EXE_wardroom"))
}
