//! What happens to a cluster under the faults of one seed? Runs three managers and two workers in one thread of simulated
//! time and prints a line; exits with 1 when an invariant was broken.
//!
//! A program of its own, because mad-turmoil takes over clock and randomness of the whole process, and its seed can be
//! set once: `simulate SEED [lying-disk|keeping-worker]`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // its output is what it is for

mod checks;
mod clock;
mod dice;
mod disk;
mod faults;
mod founding;
mod history;
mod hosts;
mod locksmith;
mod log;
mod net;
mod plant;
mod roller;
mod run;
mod schedule;
mod spare;
mod steward;
mod trace;
mod workload;
mod world;

use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use rand::SeedableRng;
use rand::rngs::StdRng;

use plant::Plant;
use run::{MANAGERS, Report, WORKERS, run};

/// Findings shown; the rest follows from them.
const SHOWN: usize = 12;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(seed) = arguments.next().and_then(|seed| seed.parse().ok()) else {
        return usage();
    };
    let Some(plant) = Plant::named(arguments.next().as_deref()) else {
        return usage();
    };
    // Before anything asks for randomness: hash maps of libraries are ordered by it.
    mad_turmoil::rand::set_rng(StdRng::seed_from_u64(seed));
    std::panic::set_hook(Box::new(panicked));
    let _clocks = mad_turmoil::time::SimClocksGuard::init();

    log::begin();
    println!("seed {seed}, {plant:?}");
    for (at_ms, fault) in schedule::schedule(seed, MANAGERS, WORKERS) {
        println!("  {at_ms:>5} ms {fault}");
    }
    let report = run(seed, plant);
    print(seed, &report);
    if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A panic ends the run: what unwinds through half a simulated world would only panic again.
fn panicked(panic: &PanicHookInfo<'_>) {
    println!("BROKEN N {}", panic.to_string().replace('\n', " "));
    println!("{}", Backtrace::capture()); // with RUST_BACKTRACE=1
    std::process::exit(1);
}

fn usage() -> ExitCode {
    eprintln!("usage: simulate SEED [lying-disk|keeping-worker]");
    ExitCode::from(2)
}

fn print(seed: u64, report: &Report) {
    for finding in report.findings.iter().take(SHOWN) {
        println!("BROKEN {finding}");
    }
    let listed = |counts: &BTreeMap<&str, u32>| -> String {
        let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        counts.join(", ")
    };
    let (ok, refused, unknown) = report.calls;
    println!(
        "seed {seed}: trace {} | calls {ok} ok, {refused} refused, {unknown} unknown | hit {} | moves {} | index {} | {} ms simulated",
        report.trace,
        listed(&report.hits),
        listed(&report.moves),
        report.index,
        report.simulated_ms,
    );
}
