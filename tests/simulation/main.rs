//! Does the cluster keep its promises under faults? Seeds run in processes of their own, two at a time; see
//! `simulate.rs` for what one run is. `WARDROOM_SIM_SEEDS=from..to` runs others than the usual twenty.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails loudly, and a campaign shows where it is

use std::process::Command;
use std::sync::{Condvar, Mutex};

/// Seeds of a normal run.
const USUAL: std::ops::Range<u64> = 1..21;
/// Runs at once, over all tests of this file.
const AT_ONCE: usize = 2;
/// Within this many seeds a planted fault must be found.
const FOUND_WITHIN: u64 = 5;

static SLOTS: (Mutex<usize>, Condvar) = (Mutex::new(AT_ONCE), Condvar::new());

struct Ran {
    ok: bool,
    output: String,
}

impl Ran {
    /// The last line: trace, calls, faults.
    fn summary(&self) -> &str {
        self.output
            .lines()
            .rfind(|line| line.contains(": trace "))
            .unwrap_or("it did not come to its end")
    }

    fn trace(&self) -> &str {
        self.summary().split(' ').nth(3).unwrap_or_default()
    }
}

fn simulate(seed: u64, flags: &[&str]) -> Ran {
    let (free, freed) = &SLOTS;
    *freed.wait_while(free.lock().unwrap(), |free| *free == 0).unwrap() -= 1;
    let child = Command::new(env!("CARGO_BIN_EXE_simulate"))
        .arg(seed.to_string())
        .args(flags)
        .output();
    *free.lock().unwrap() += 1;
    freed.notify_one();
    let child = child.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran {
        ok: child.status.success(),
        output: text(&child.stdout) + &text(&child.stderr),
    }
}

fn seeds() -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("WARDROOM_SIM_SEEDS") else {
        return USUAL;
    };
    let bounds = asked
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    bounds.expect("WARDROOM_SIM_SEEDS is a range such as 1..1000")
}

#[test]
fn every_seed_keeps_the_promises() {
    let next = Mutex::new(seeds());
    let broken = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(seed) = next.lock().unwrap().next() else {
                        return;
                    };
                    let ran = simulate(seed, &[]);
                    println!("{}", ran.summary());
                    if !ran.ok {
                        broken.lock().unwrap().push((seed, ran.output));
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    for (seed, output) in &broken {
        println!("{output}\nto see it again: cargo run -p wardroom-tests --bin simulate -- {seed}\n");
    }
    let seeds: Vec<u64> = broken.iter().map(|(seed, _)| *seed).collect();
    assert!(
        seeds.is_empty(),
        "broken promises with seeds {seeds:?}; above is what happened and how to repeat it"
    );
}

#[test]
fn one_seed_gives_one_trace_and_another_seed_another() {
    let (first, again, other) = (simulate(7, &[]), simulate(7, &[]), simulate(8, &[]));
    assert!(first.trace().len() == 16, "{}", first.output);
    assert_eq!(first.summary(), again.summary(), "the simulation does not replay");
    assert_ne!(first.trace(), other.trace());
}

/// Proves the checks: a disk that says "durable" too early must be noticed.
#[test]
fn a_lying_disk_is_caught() {
    caught("lying-disk", &["BROKEN I1", "BROKEN I2"]);
}

/// Proves the checks: receipts for erasures that did not happen must be noticed.
#[test]
fn a_worker_that_keeps_what_it_should_erase_is_caught() {
    caught("keeping-worker", &["BROKEN I5", "BROKEN I6"]);
}

/// The planted bug must break one of the named invariants.
fn caught(plant: &str, invariants: &[&str]) {
    let breaks = |line: &&str| invariants.iter().any(|invariant| line.starts_with(invariant));
    let caught = (1..=FOUND_WITHIN).find_map(|seed| {
        let ran = simulate(seed, &[plant]);
        ran.output
            .lines()
            .find(breaks)
            .map(|finding| format!("seed {seed}: {finding}"))
    });
    println!("{caught:?}");
    assert!(caught.is_some(), "{plant} went unnoticed for {FOUND_WITHIN} seeds");
}
