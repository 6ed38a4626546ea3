//! How fast, how small? Prints the figures the project promises, each beside a physical anchor of the same run.
//!
//! `cargo bench -p wardroom --bench figures`, with names of parts after `--` for less than all; nothing here asserts a
//! wall time.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)] // a report, and it fails loudly

mod anchor;
mod cluster;
mod console;
mod keys;
mod swarm;
mod thousand;
mod workloads;
mod writes;

use std::path::PathBuf;
use std::time::Duration;

use anchor::Anchors;

/// A part's name, its title, and what reports it.
type Part = (&'static str, &'static str, fn(&Anchors));

const PARTS: [Part; 6] = [
    ("console", "console", |_| console::report()),
    ("writes", "writes through three managers", writes::report),
    ("cluster", "a cluster of daemons", |_| cluster::report()),
    ("keys", "locks, unlock keys and DEKs", |_| keys::report()),
    ("workloads", "programs and their secrets, beside Docker Swarm", |_| {
        workloads::report();
    }),
    ("thousand", "a thousand workers", |_| thousand::report()),
];

fn binary() -> PathBuf {
    harness::process::binary(env!("CARGO_BIN_EXE_wardroom"))
}

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == harness::crowd::COMMAND).is_some() {
        return harness::crowd::run(arguments);
    }
    let arguments: Vec<String> = arguments.collect();
    // `cargo test --benches` and clippy only want it to build.
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    // Cargo adds `--bench`.
    let names: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|name| !name.starts_with('-'))
        .collect();
    for name in &names {
        let known = PARTS.map(|(known, ..)| known);
        assert!(
            known.contains(name),
            "no part is called {name}; there are {}",
            known.join(", ")
        );
    }
    println!(
        "wardroom figures ({} cores)\n",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    let anchors = anchor::measure();
    println!("-- the physical floor, same run");
    row("rewrite of 4 KiB + fdatasync, p50", &ms(anchors.fdatasync), "");
    row("loopback TCP round trip, p50", &ms(anchors.round_trip), "");
    for (name, title, report) in PARTS {
        if names.is_empty() || names.contains(&name) {
            println!("\n-- {title}");
            report(&anchors);
        }
    }
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
