//! Does an acknowledged record survive everything? Power cuts at every operation, full disks, failing syncs, and chance.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::{Machine, entries, machine, purge, sized_entry, vote};
use wardroom_log::{Fault, Log, LogError, LogOptions, Record};

/// What a log must hold: the acknowledged state, and each state that the batch under way may or may not lead to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    vote: Option<Vec<u8>>,
    purged: u64,
    entries: BTreeMap<u64, Record>,
}

impl Model {
    fn apply(&mut self, record: &Record) {
        match record {
            Record::Vote(vote) => self.vote = Some(vote.clone()),
            Record::Entry { index, .. } => {
                self.entries.insert(*index, record.clone());
            }
            Record::TruncateFrom(index) => drop(self.entries.split_off(index)),
            Record::PurgeUpTo(purged) => {
                self.purged = self.purged.max(purged.index);
                self.entries = self.entries.split_off(&(purged.index + 1));
            }
            Record::Committed(_) => {}
        }
    }

    fn of(log: &Log) -> Self {
        let reader = log.reader();
        let index_of = |record: &Record| {
            if let Record::Entry { index, .. } = record {
                *index
            } else {
                0
            }
        };
        Self {
            vote: reader.vote(),
            purged: reader.purged().map_or(0, |purged| purged.index),
            entries: entries(log)
                .into_iter()
                .map(|record| (index_of(&record), record))
                .collect(),
        }
    }
}

/// Checks that the recovered state is the acknowledged one, or that plus a prefix of the unacknowledged batch.
fn check(found: &Model, acknowledged: &Model, under_way: &[Record], context: &str) {
    let mut possible = acknowledged.clone();
    let mut fits = *found == possible;
    for record in under_way {
        possible.apply(record);
        fits |= *found == possible;
    }
    assert!(
        fits,
        "{context}: found {found:?}\nacknowledged {acknowledged:?}\nunder way {under_way:?}"
    );
}

fn script() -> Vec<Vec<Record>> {
    let mut batches = vec![vec![vote(1)]];
    for index in 1..=12 {
        batches.push(vec![sized_entry(index, 90 + 37 * usize::try_from(index).unwrap())]);
    }
    batches.push(vec![Record::TruncateFrom(9), sized_entry(9, 600), sized_entry(10, 20)]);
    batches.push(vec![purge(6), vote(2)]);
    for index in 11..=16 {
        batches.push(vec![sized_entry(index, 300), vote(u8::try_from(index).unwrap())]);
    }
    batches.push(vec![purge(14)]);
    batches
}

fn small() -> Machine {
    Machine {
        options: LogOptions {
            segment_bytes: 2048,
            cache_bytes: 100,
        },
        ..machine()
    }
}

/// Runs the script until the power goes; returns what was acknowledged and the batch that was under way.
fn run_until_cut(machine: &Machine) -> (Model, Vec<Record>) {
    let mut model = Model::default();
    let Ok((mut log, _)) = machine.open() else {
        return (model, Vec::new());
    };
    for batch in script() {
        if log.append(&batch).is_err() {
            return (model, batch);
        }
        for record in &batch {
            model.apply(record);
        }
    }
    (model, Vec::new())
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    let whole = small();
    run_until_cut(&whole);
    let operations = whole.disk.operations();
    assert!(
        operations > 80,
        "the script touches the disk often enough: {operations}"
    );
    for after in 0..operations {
        for seed in 0..8 {
            let machine = small();
            machine.disk.inject(Fault::PowerCut { after });
            let (model, under_way) = run_until_cut(&machine);
            machine.disk.crash(seed);
            let context = format!("cut at {after}, seed {seed}");
            let (mut log, _) = machine.open().map_err(|error| format!("{context}: {error}")).unwrap();
            check(&Model::of(&log), &model, &under_way, &context);
            // And it goes on from there, once more across a restart.
            let next = log
                .reader()
                .bounds()
                .map_or(0, |(_, last)| last)
                .max(Model::of(&log).purged)
                + 1;
            log.append(&[sized_entry(next, 50)]).unwrap();
            let before = Model::of(&log);
            drop(log);
            assert_eq!(Model::of(&machine.log()), before, "{context}");
        }
    }
}

#[test]
fn a_power_cut_during_repair_is_repaired_too() {
    let mut torn = 0;
    for seed in 0..60 {
        let machine = small();
        let mut log = machine.log();
        log.append(&[sized_entry(1, 100)]).unwrap();
        machine.disk.inject(Fault::PowerCut { after: 1 });
        assert!(log.append(&[sized_entry(2, 900)]).is_err());
        machine.disk.crash(seed);
        let operations = machine.disk.operations();
        let copy = machine.disk.dump();
        torn += usize::from(machine.open().unwrap().1.cut.is_some());
        for after in 0..machine.disk.operations() - operations {
            for (path, bytes) in &copy {
                machine.disk.tamper(path, bytes.clone());
            }
            machine.disk.inject(Fault::PowerCut { after });
            assert!(machine.open().is_err(), "the power was cut");
            machine.disk.crash(seed + 1);
            let log = machine.log();
            assert!(matches!(entries(&log).len(), 1 | 2));
        }
    }
    assert!(torn > 8, "torn batches did occur: {torn}");
}

#[test]
fn after_a_failed_sync_nothing_is_promised_any_more() {
    let machine = machine();
    let mut log = machine.log();
    log.append(&[sized_entry(1, 10)]).unwrap();
    machine.disk.inject(Fault::SyncFails { after: 0 });
    assert!(matches!(
        log.append(&[sized_entry(2, 10)]),
        Err(LogError::Io {
            doing: "syncing",
            segment: 1,
            ..
        })
    ));
    let before = machine.disk.operations();
    assert!(matches!(
        log.append(&[sized_entry(2, 10)]),
        Err(LogError::Poisoned { .. })
    ));
    assert_eq!(machine.disk.operations(), before, "no second try on the same file");
    machine.disk.crash(1);
    assert!(!entries(&machine.log()).is_empty());
}

#[test]
fn a_short_write_poisons_and_is_cut_or_refused_later() {
    for written in [0, 1, 100, 600, 1000] {
        let machine = machine();
        let mut log = machine.log();
        log.append(&[sized_entry(1, 10)]).unwrap();
        machine.disk.inject(Fault::ShortWrite { after: 0, written });
        assert!(log.append(&[sized_entry(2, 1200)]).is_err());
        assert!(matches!(
            log.append(&[sized_entry(2, 10)]),
            Err(LogError::Poisoned { .. })
        ));
    }
}

#[test]
fn a_full_disk_is_said_clearly_and_the_log_goes_on_when_there_is_room() {
    let machine = small();
    let mut log = machine.log();
    let mut index = 0;
    machine.disk.set_capacity(Some(3 * 2048));
    let error = loop {
        index += 1;
        if let Err(error) = log.append(&[sized_entry(index, 300)]) {
            break error;
        }
        assert!(index < 100, "the disk must fill up");
    };
    assert!(matches!(error, LogError::NoSpace { .. }), "{error}");
    assert!(error.to_string().contains("nothing was written"), "{error}");
    assert!(log.reader().stats().low_space, "and it was foreseen");
    assert!(matches!(
        log.append(&[sized_entry(index, 300)]),
        Err(LogError::NoSpace { .. })
    ));
    log.append(&[vote(9)]).unwrap(); // a vote still fits
    let acknowledged = Model::of(&log);

    machine.disk.set_capacity(None);
    log.append(&[sized_entry(index, 300)]).unwrap();
    assert!(!log.reader().stats().low_space);
    drop(log);
    machine.disk.crash(3);
    let found = Model::of(&machine.log());
    assert_eq!(found.vote, acknowledged.vote);
    assert_eq!(found.entries.len(), acknowledged.entries.len() + 1);
}

#[test]
fn an_unwritable_disk_does_not_begin_a_log() {
    let machine = small();
    machine.disk.set_capacity(Some(100));
    assert!(
        machine
            .open()
            .err()
            .unwrap()
            .to_string()
            .contains("check the directory's disk")
    );
    machine.disk.set_capacity(None);
    machine.open().unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Append { sizes: Vec<usize>, vote: bool },
    Truncate { back: u64 },
    Purge { keep: u64 },
    Restart,
    Crash { seed: u64, after: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (prop::collection::vec(0..900_usize, 1..5), any::<bool>())
            .prop_map(|(sizes, vote)| Step::Append { sizes, vote }),
        2 => (0..4_u64).prop_map(|back| Step::Truncate { back }),
        2 => (0..6_u64).prop_map(|keep| Step::Purge { keep }),
        1 => Just(Step::Restart),
        3 => (any::<u64>(), 0..12_u64).prop_map(|(seed, after)| Step::Crash { seed, after }),
    ]
}

/// The batch that a step means in a given state.
fn batch_of(step: &Step, model: &Model, number: u8) -> Vec<Record> {
    let last = model
        .entries
        .keys()
        .next_back()
        .copied()
        .unwrap_or_default()
        .max(model.purged);
    match step {
        Step::Append { sizes, vote: with_vote } => {
            let entries = sizes
                .iter()
                .zip(last + 1..)
                .map(|(size, index)| sized_entry(index, *size));
            with_vote.then(|| vote(number)).into_iter().chain(entries).collect()
        }
        Step::Truncate { back } => vec![Record::TruncateFrom(last.saturating_sub(*back).max(model.purged + 1))],
        Step::Purge { keep } => vec![purge(last.saturating_sub(*keep).max(model.purged))],
        Step::Restart | Step::Crash { .. } => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_log_is_the_model(steps in prop::collection::vec(step(), 1..40)) {
        let machine = small();
        let mut log = machine.log();
        let mut model = Model::default();
        let mut crash = None;
        for (number, step) in steps.iter().enumerate() {
            if let Step::Crash { seed, after } = step {
                machine.disk.inject(Fault::PowerCut { after: *after });
                crash = Some(*seed);
                continue;
            }
            let batch = batch_of(step, &model, u8::try_from(number).unwrap());
            let written = if matches!(step, Step::Restart) { Err(LogError::Closed) } else { log.append(&batch) };
            if written.is_ok() {
                for record in &batch {
 model.apply(record);
 }
                prop_assert_eq!(&Model::of(&log), &model);
                continue;
            }
            machine.disk.crash(crash.take().unwrap_or_default());
            log = machine.open().map_err(|error| TestCaseError::fail(error.to_string()))?.0;
            let found = Model::of(&log);
            check(&found, &model, &batch, "after a crash");
            model = found;
        }
    }
}
