//! How fast, how small? Prints the figures the project promises, each beside a physical anchor of the same run.
//!
//! `cargo bench -p wardroom --bench figures`; nothing here asserts a wall time.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)] // a report, and it fails loudly

mod anchor;
mod cluster;
mod console;
mod writes;

use std::path::PathBuf;
use std::time::Duration;

fn binary() -> PathBuf {
    harness::process::binary(env!("CARGO_BIN_EXE_wardroom"))
}

fn main() {
    // `cargo test --benches` and clippy only want it to build.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!(
        "wardroom figures ({} cores)\n",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    let anchors = anchor::measure();
    println!("-- the physical floor, same run");
    row("rewrite of 4 KiB + fdatasync, p50", &ms(anchors.fdatasync), "");
    row("loopback TCP round trip, p50", &ms(anchors.round_trip), "");
    println!("\n-- console");
    console::report();
    println!("\n-- writes through three managers");
    writes::report(&anchors);
    println!("\n-- a cluster of daemons");
    cluster::report();
}

pub(crate) fn row(what: &str, figure: &str, beside: &str) {
    println!("{what:<58} {figure:>12}  {beside}");
}

pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

/// The value below which `share` of the sorted samples lie.
pub(crate) fn percentile(samples: &mut [Duration], share: f64) -> Duration {
    samples.sort_unstable();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index below the length
    let at = ((samples.len() - 1) as f64 * share).round() as usize;
    samples[at]
}
